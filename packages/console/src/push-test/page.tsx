/** One push with a stored credential to any address, and everything that was said about it. It changes no address. */
import { Button, Checkbox, Code, Select, SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import type { Credential } from '../api/shapes.ts'
import { useCredentials } from '../credentials/calls.ts'
import { nameOfKind, tellSettings } from '../credentials/credential.ts'
import { useDeviceLooks } from '../devices/looks.ts'
import { useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { ReadOnlyMark, useMay } from '../session/session.tsx'
import { usePushTest } from './calls.ts'
import { Exchanges, Verdict } from './exchange.tsx'
import { EMPTY_FORM, hasDryRun, inputOf, NoObject, type TestForm } from './input.ts'

const route = getRouteApi('/apps/$app/push-test')

export function PushTestPage(): ReactElement {
  const t = useTexts('pushTest')
  const { app } = route.useParams()
  // chosen already, by a link
  const { credential = '', hwid = '' } = route.useSearch()
  const query = useCredentials(app)
  const maySend = useMay('send')
  return (
    <>
      <PageHead title={t('title')} about={t('about')}>
        <ReadOnlyMark right="send" />
      </PageHead>
      <Loaded query={query}>
        {credentials =>
          !maySend ? (
            <Panel>
              <Empty title={t('closed.title')}>
                {t.rich<ReactElement>('closed.body', {
                  link: chunks => (
                    <TextLink key="link" to="/apps/$app/diagnosis" params={{ app }} size="sm" td="underline">
                      {chunks}
                    </TextLink>
                  ),
                })}
              </Empty>
            </Panel>
          ) : credentials.length === 0 ? (
            <Panel>
              <Empty title={t('none.title')}>
                {t.rich<ReactElement>('none.body', {
                  link: chunks => (
                    <TextLink key="link" to="/apps/$app/credentials" params={{ app }} size="sm">
                      {chunks}
                    </TextLink>
                  ),
                  code: chunks => <Code key="code">{chunks}</Code>,
                })}
              </Empty>
            </Panel>
          ) : (
            // another link begins a new form
            <Tester
              key={`${credential} ${hwid}`}
              app={app}
              credentials={credentials}
              chosen={credential}
              hwid={hwid}
            />
          )
        }
      </Loaded>
    </>
  )
}

interface TesterProps {
  readonly app: string
  readonly credentials: readonly Credential[]
  readonly chosen: string
  readonly hwid: string
}

function Tester({ app, credentials, chosen, hwid }: TesterProps): ReactElement | null {
  const t = useTexts('pushTest')
  const labelOf = useCredentialLabel()
  const [id, setId] = useState(chosen || (credentials[0]?.id ?? ''))
  const [form, setForm] = useState<TestForm>({
    ...EMPTY_FORM,
    title: t('sample.title'),
    body: t('sample.body'),
    hwid,
    to: hwid ? 'device' : 'address',
  })
  const [fault, setFault] = useState<Error>()
  const test = usePushTest(app)
  const credential = credentials.find(it => it.id === id) ?? credentials[0]
  if (!credential) return null
  const send = (): void => {
    try {
      setFault(undefined)
      test.mutate(inputOf(form, credential))
    } catch (error) {
      setFault(
        error instanceof NoObject
          ? new Error(t('noObject', { label: t(`field.${error.field}`) }))
          : (error as Error),
      )
    }
  }
  const error = fault ?? test.error
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Panel title={t('what')}>
        <form
          onSubmit={event => {
            event.preventDefault()
            send()
          }}
        >
          <Stack gap="sm">
            <Select
              label={t('credential')}
              data={credentials.map(it => ({ value: it.id, label: labelOf(it) }))}
              value={credential.id}
              allowDeselect={false}
              onChange={value => setId(value ?? id)}
            />
            <Fields
              form={form}
              gateway={credential.gateway}
              onChange={given => setForm(before => ({ ...before, ...given }))}
            />
            <Button type="submit" loading={test.isPending} disabled={isEmpty(form)}>
              {t('send')}
            </Button>
          </Stack>
        </form>
      </Panel>
      <Stack gap="md">
        {error && !test.isPending && <Problem error={error} title={t('failed')} />}
        {test.data && !error && !test.isPending && (
          <>
            <Verdict result={test.data} />
            <Exchanges exchanges={test.data.exchanges} />
          </>
        )}
        {!test.data && !error && !test.isPending && (
          <Panel>
            <Empty title={t('nothing.title')}>{t('nothing.body')}</Empty>
          </Panel>
        )}
      </Stack>
    </SimpleGrid>
  )
}

function useCredentialLabel(): (credential: Credential) => string {
  const t = useTexts('credentials')
  const looks = useDeviceLooks()
  return credential => {
    const { gateway, kind, status } = credential
    const paused = status === 'paused' ? ` (${t('status.paused')})` : ''
    return `${looks.gateway(gateway)}, ${nameOfKind(kind, t)}: ${tellSettings(credential, t)}${paused}`
  }
}

function isEmpty({ to, hwid, address }: TestForm): boolean {
  return (to === 'device' ? hwid : address).trim() === ''
}

interface FieldsProps {
  readonly form: TestForm
  readonly gateway: string
  readonly onChange: (given: Partial<TestForm>) => void
}

function Fields({ form, gateway, onChange }: FieldsProps): ReactElement {
  const t = useTexts('pushTest')
  const common = useTexts('common')
  return (
    <>
      <Select
        label={t('to')}
        data={[
          { value: 'address', label: gateway === 'webpush' ? t('to.subscription') : t('to.token') },
          { value: 'device', label: t('to.device') },
        ]}
        value={form.to}
        allowDeselect={false}
        onChange={to => onChange({ to: to === 'device' ? 'device' : 'address' })}
      />
      <Address form={form} gateway={gateway} onChange={onChange} />
      <Line label={t('field.title')} value={form.title} onValue={title => onChange({ title })} />
      <Line label={t('field.body')} value={form.body} onValue={body => onChange({ body })} />
      <Line
        label={common('optional', { label: t('field.url') })}
        value={form.url}
        onValue={url => onChange({ url })}
      />
      <Textarea
        label={common('optional', { label: t('field.options') })}
        description={t('field.options.hint')}
        placeholder={PLACEHOLDERS[gateway]}
        autosize
        minRows={2}
        maxRows={10}
        spellCheck={false}
        value={form.options}
        onChange={event => onChange({ options: event.currentTarget.value })}
      />
      {hasDryRun(gateway) && (
        <Checkbox
          label={t('field.dryRun')}
          checked={form.isDryRun}
          onChange={event => onChange({ isDryRun: event.currentTarget.checked })}
        />
      )}
    </>
  )
}

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  apns: '{"apns": {"pushType": "background", "aps": {"content-available": 1}}}',
  fcm: '{"fcm": {"android": {"notification": {"channel_id": "news"}}}}',
  webpush: '{"ttlSeconds": 60, "webPush": {"urgency": "high"}}',
  hms: '{"hms": {"android": {"category": "WORK"}}}',
}

function Address({ form, gateway, onChange }: FieldsProps): ReactElement {
  const t = useTexts('pushTest')
  if (form.to === 'device')
    return <Line label={t('field.hwid')} value={form.hwid} onValue={hwid => onChange({ hwid })} />
  return (
    <>
      <Textarea
        label={gateway === 'webpush' ? t('field.subscription') : t('field.token')}
        description={gateway === 'webpush' ? t('field.subscription.hint') : undefined}
        autosize
        minRows={2}
        maxRows={6}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        value={form.address}
        onChange={event => onChange({ address: event.currentTarget.value })}
      />
      {gateway === 'apns' && (
        <Select
          label={t('field.environment')}
          data={[
            { value: 'production', label: t('environment.production') },
            { value: 'sandbox', label: t('environment.sandbox') },
          ]}
          value={form.environment}
          allowDeselect={false}
          onChange={environment => onChange({ environment: environment ?? 'production' })}
        />
      )}
    </>
  )
}

interface LineProps {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
}

function Line({ label, value, onValue }: LineProps): ReactElement {
  return (
    <TextInput
      label={label}
      value={value}
      autoComplete="off"
      onChange={event => onValue(event.currentTarget.value)}
    />
  )
}
