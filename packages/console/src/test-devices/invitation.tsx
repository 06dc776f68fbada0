/** A code for one phone: made, scanned, and watched until the test push was opened. */
import { Alert, Button, Code, Group, Image, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { InvitationView, MadeInvitation, StepView } from '@roost/protocol'
import { type ReactElement, useEffect, useRef } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Id } from '../parts/id.tsx'
import { TextLink } from '../parts/link.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useFormFaults } from '../parts/use-faults.ts'
import { useEndInvitation, useInvite, useLiveInvitation } from './calls.ts'
import { Findings } from './findings.tsx'
import { isOwnMachine } from './reach.ts'
import { summaryOf } from './self-check.ts'
import css from './test-devices.module.css'

const QR_PX = 264

export interface InvitationProps {
  readonly app: string
  readonly onClose: () => void
}

export function Invitation({ app, onClose }: InvitationProps): ReactElement {
  const t = useTexts('testDevices')
  const common = useTexts('common')
  const invite = useInvite(app)
  return (
    <Panel
      title={t('connect')}
      aside={
        <Button variant="default" size="xs" onClick={onClose}>
          {common('close')}
        </Button>
      }
    >
      {invite.data ? (
        <Connecting key={invite.data.id} app={app} made={invite.data} onAnother={invite.reset} />
      ) : (
        <InviteForm invite={invite} />
      )}
    </Panel>
  )
}

/** Below the path that a proxy may put the console under. */
function ownUrl(): string {
  return new URL('./', location.href).href.replace(/\/$/, '')
}

function InviteForm({ invite }: { readonly invite: ReturnType<typeof useInvite> }): ReactElement {
  const t = useTexts('testDevices')
  const common = useTexts('common')
  const form = useForm({
    initialValues: { name: '', opens: '', serverUrl: ownUrl() },
    validate: { serverUrl: value => (/^https?:\/\/\S+$/.test(value.trim()) ? null : t('server.wrong')) },
  })
  const isAtFields = useFormFaults(form, invite.error)
  const submit = form.onSubmit(({ name, opens, serverUrl }) =>
    invite.mutate({
      serverUrl: serverUrl.trim(),
      ...(name.trim() && { name: name.trim() }),
      ...(opens.trim() && { opens: opens.trim() }),
    }),
  )
  return (
    <form noValidate onSubmit={submit}>
      <Stack gap="sm" maw={560}>
        <TextInput
          label={common('optional', { label: t('name') })}
          description={t('name.hint')}
          maxLength={128}
          {...form.getInputProps('name')}
        />
        <TextInput
          label={common('optional', { label: t('opens') })}
          description={t('opens.hint')}
          placeholder="https://shop.example.com/"
          {...form.getInputProps('opens')}
        />
        <TextInput label={t('server')} description={t('server.hint')} {...form.getInputProps('serverUrl')} />
        {isOwnMachine(form.values.serverUrl) && (
          <Alert color="orange" variant="light" role="status">
            {t('server.own')}
          </Alert>
        )}
        {invite.error && !isAtFields && <Problem error={invite.error} />}
        <Group>
          <Button type="submit" loading={invite.isPending}>
            {t('make')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

interface ConnectingProps {
  readonly app: string
  readonly made: MadeInvitation
  readonly onAnother: () => void
}

function Connecting({ app, made, onAnother }: ConnectingProps): ReactElement {
  const t = useTexts('testDevices')
  const view = useLiveInvitation(app, made)
  const { mutate: end } = useEndInvitation(app)
  const { id } = made
  const state = useRef(view.state)
  state.current = view.state
  // a code that nobody has taken or looks at any more is good for nothing; a phone that has one goes on
  useEffect(
    () => () => {
      if (state.current === 'open') end(id)
    },
    [end, id],
  )
  return (
    <div className={css.connecting}>
      <Stack gap="sm" align="center">
        <div className={css.code} data-used={view.state !== 'open' || undefined}>
          <Image
            src={`data:image/svg+xml;utf8,${encodeURIComponent(made.qr)}`}
            alt={t('qr')}
            w={QR_PX}
            h={QR_PX}
          />
        </div>
        <Text size="sm" c="dimmed" ta="center" maw={QR_PX}>
          {t('scan')}
        </Text>
        <Text size="xs" component="div" maw={QR_PX}>
          <Text size="xs" c="dimmed">
            {t('link')}
          </Text>
          <Id value={made.link} />
        </Text>
      </Stack>
      <Stack gap="sm">
        <Outcome app={app} view={view} onAnother={onAnother} />
        <ol className={css.steps} aria-live="polite" aria-label={t('steps')}>
          {view.steps.map(step => (
            <Step key={step.step} step={step} />
          ))}
        </ol>
        {view.result && <Answer result={view.result} />}
        {view.selfCheck && <SelfCheck selfCheck={view.selfCheck} />}
      </Stack>
    </div>
  )
}

const MARKS: Readonly<Record<StepView['state'], string>> = { waiting: '○', done: '✓', failed: '✗' }

function Step({ step: { step, state, at, detail, remedy } }: { readonly step: StepView }): ReactElement {
  const t = useTexts('testDevices')
  const format = useFormat()
  return (
    <li className={css.step} data-state={state}>
      <span className={css.mark} aria-hidden>
        {MARKS[state]}
      </span>
      <div>
        <Group gap="xs">
          <Text span size="sm" fw={state === 'waiting' ? 400 : 600}>
            {t(`step.${step}`)}
          </Text>
          <span className={css.unseen}>{t(`state.${state}`)}</span>
          {at && (
            <Text span size="xs" c="dimmed">
              {format.time(at)}
            </Text>
          )}
        </Group>
        {detail && (
          <Text size="sm" c={state === 'failed' ? 'red' : 'dimmed'} style={{ overflowWrap: 'anywhere' }}>
            {detail}
          </Text>
        )}
        {remedy && (
          <Text size="sm" fw={600}>
            {remedy}
          </Text>
        )}
      </div>
    </li>
  )
}

interface OutcomeProps extends Pick<ConnectingProps, 'app' | 'onAnother'> {
  readonly view: InvitationView
}

function Outcome({ app, view, onAnother }: OutcomeProps): ReactElement {
  const t = useTexts('testDevices')
  const format = useFormat()
  const { state, hwid } = view
  const isOver = state === 'done' || state === 'over'
  return (
    <Alert variant="light" color={state === 'done' ? 'teal' : 'gray'} role="status">
      <Stack gap={6} align="flex-start">
        <Text size="sm">{t(`outcome.${state}`, { time: format.time(view.expiresAt) })}</Text>
        {hwid && (
          <TextLink to="/apps/$app/devices/$hwid" params={{ app, hwid }} size="sm">
            {t('toDevice')}
          </TextLink>
        )}
        {isOver && (
          <Button size="xs" variant="default" onClick={onAnother}>
            {t('another')}
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

/** Open where it says something that the steps do not. */
function SelfCheck({
  selfCheck,
}: {
  readonly selfCheck: NonNullable<InvitationView['selfCheck']>
}): ReactElement {
  const t = useTexts('selfCheck')
  return (
    <details className={css.answer} open={summaryOf(selfCheck).verdict !== 'good'}>
      <summary>{t('title')}</summary>
      <div className={css.findings}>
        <Findings selfCheck={selfCheck} />
      </div>
    </details>
  )
}

/** The test push on the wire, for whoever has to find out why. */
function Answer({ result }: { readonly result: NonNullable<InvitationView['result']> }): ReactElement {
  const t = useTexts('testDevices')
  return (
    <details className={css.answer}>
      <summary>{t('answer')}</summary>
      <Text size="sm" my={6}>
        {result.meaning}
      </Text>
      {result.exchanges.map(({ request, response, latencyMs }) => (
        <Code
          block
          key={`${request.url} ${latencyMs}`}
          style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
        >
          {`${request.method} ${request.url}\n→ ${response ? `${response.status} ${response.body}` : '–'}`}
        </Code>
      ))}
    </details>
  )
}
