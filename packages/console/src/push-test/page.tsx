/** One push with a stored credential to any address, and everything that was said about it. It changes no address. */
import { Button, Checkbox, Select, SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useCredentials, usePushTest } from '../api/queries.ts'
import type { Credential } from '../api/shapes.ts'
import { nameOfKind, tellSettings } from '../credentials/credential.ts'
import { nameOfGateway } from '../devices/looks.ts'
import { Empty, Loaded, PageHead, Panel, Problem } from '../parts/page.tsx'
import { formatRoute } from '../route.ts'
import { Exchanges, Verdict } from './exchange.tsx'
import { EMPTY_FORM, hasDryRun, inputOf, type TestForm } from './input.ts'

export interface PushTestProps {
  readonly app: string
  /** Chosen already, by a link; empty otherwise. */
  readonly credential: string
  readonly hwid: string
}

export function PushTestPage({ app, credential, hwid }: PushTestProps): ReactElement {
  const query = useCredentials(app)
  return (
    <>
      <PageHead title="Test push" />
      <Loaded query={query}>
        {credentials =>
          credentials.length === 0 ? (
            <Panel>
              <Empty title="No credentials yet">
                <a href={formatRoute({ page: 'credentials', app })}>Add one</a>, and send with it from here.
                With the files alone <code>roost push-test</code> does the same on the command line.
              </Empty>
            </Panel>
          ) : (
            <Tester app={app} credentials={credentials} chosen={credential} hwid={hwid} />
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
  const [id, setId] = useState(chosen || (credentials[0]?.id ?? ''))
  const [form, setForm] = useState<TestForm>({ ...EMPTY_FORM, hwid, to: hwid ? 'device' : 'address' })
  const [fault, setFault] = useState<Error>()
  const test = usePushTest(app)
  const credential = credentials.find(it => it.id === id) ?? credentials[0]
  if (!credential) return null
  const send = (): void => {
    try {
      setFault(undefined)
      test.mutate(inputOf(form, credential))
    } catch (error) {
      setFault(error as Error)
    }
  }
  const error = fault ?? test.error
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Panel title="What to send">
        <form
          onSubmit={event => {
            event.preventDefault()
            send()
          }}
        >
          <Stack gap="sm">
            <Select
              label="Credential"
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
              Send
            </Button>
          </Stack>
        </form>
      </Panel>
      <Stack gap="md">
        {error && !test.isPending && <Problem error={error} title="This could not be tried" />}
        {test.data && !error && !test.isPending && (
          <>
            <Verdict result={test.data} />
            <Exchanges exchanges={test.data.exchanges} />
          </>
        )}
        {!test.data && !error && !test.isPending && (
          <Panel>
            <Empty title="Nothing sent yet">
              Here come the exact request, the answer of the gateway and what it means. A test changes no
              address and no credential.
            </Empty>
          </Panel>
        )}
      </Stack>
    </SimpleGrid>
  )
}

function labelOf(credential: Credential): string {
  const paused = credential.status === 'paused' ? ' (paused)' : ''
  return `${nameOfGateway(credential.gateway)}, ${nameOfKind(credential.kind)}: ${tellSettings(credential)}${paused}`
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
  return (
    <>
      <Select
        label="To"
        data={[
          { value: 'address', label: gateway === 'webpush' ? 'A subscription' : 'A push token' },
          { value: 'device', label: 'A device of this app' },
        ]}
        value={form.to}
        allowDeselect={false}
        onChange={to => onChange({ to: to === 'device' ? 'device' : 'address' })}
      />
      <Address form={form} gateway={gateway} onChange={onChange} />
      <Line label="Title" value={form.title} onValue={title => onChange({ title })} />
      <Line label="Body" value={form.body} onValue={body => onChange({ body })} />
      <Line label="Opens on a tap (optional)" value={form.url} onValue={url => onChange({ url })} />
      <Textarea
        label="More options (optional)"
        description="JSON: badge, sound, data, ttlSeconds, collapseKey, apns, fcm, webPush, hms. It goes over the fields above."
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
          label="Only check: the gateway delivers nothing"
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
  if (form.to === 'device')
    return <Line label="Hardware id" value={form.hwid} onValue={hwid => onChange({ hwid })} />
  return (
    <>
      <Textarea
        label={gateway === 'webpush' ? 'Subscription' : 'Push token'}
        description={gateway === 'webpush' ? 'As PushSubscription.toJSON() gives it' : undefined}
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
          label="Environment"
          data={[
            { value: 'production', label: 'Production: TestFlight and App Store' },
            { value: 'sandbox', label: 'Sandbox: run from Xcode' },
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
