/** Sends the draft to test devices alone, and shows what became of it on each. */
import { Alert, Button, Checkbox, Group, Modal, Stack, Text } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'
import { newKey } from './attempts.ts'
import { type TestDevice, useTestDevices, useTrace } from './calls.ts'
import type { Body } from './request.ts'
import { SendProblem } from './send-problem.tsx'
import { useSending } from './sending.ts'
import { testOf } from './test-body.ts'

export interface TestSendProps {
  readonly app: string
  readonly message: Body
  readonly isOpen: boolean
  readonly onClose: () => void
}

export function TestSend({ app, message, isOpen, onClose }: TestSendProps): ReactElement {
  const t = useTexts('compose')
  const common = useTexts('common')
  const query = useTestDevices(app)
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={t('test')}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <Loaded query={query}>
        {devices =>
          devices.length === 0 ? (
            <Empty
              title={t('test.none.title')}
              action={
                <ButtonLink to="/apps/$app/test-devices" params={{ app }}>
                  {common('page.testDevices')}
                </ButtonLink>
              }
            >
              {t('test.none.body')}
            </Empty>
          ) : (
            <Devices app={app} message={message} devices={devices} />
          )
        }
      </Loaded>
    </Modal>
  )
}

interface DevicesProps extends Pick<TestSendProps, 'app' | 'message'> {
  readonly devices: readonly TestDevice[]
}

interface Sent {
  readonly id: string
  readonly hwids: readonly string[]
}

function Devices({ app, message, devices }: DevicesProps): ReactElement {
  const t = useTexts('compose')
  const [chosen, setChosen] = useState<readonly string[]>(() => devices.slice(0, 20).map(it => it.hwid))
  const [sent, setSent] = useState<Sent>()
  const [key, setKey] = useState(newKey)
  const sending = useSending(app)
  const submit = (): void => {
    const body = testOf(message, { devices: chosen, key })
    sending.send({ kind: 'message', body }, ({ id }) => {
      setSent({ id, hwids: chosen })
      // the next click means another one
      setKey(newKey())
    })
  }
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed">
        {t('test.about')}
      </Text>
      <Checkbox.Group label={t('test.devices')} value={[...chosen]} onChange={setChosen}>
        <Stack gap={6} mt={6} mah={260} style={{ overflowY: 'auto' }}>
          {devices.map(({ hwid, name }) => (
            <Group key={hwid} justify="space-between" wrap="nowrap">
              <Checkbox value={hwid} label={name} />
              {sent?.hwids.includes(hwid) && <Fate app={app} id={sent.id} hwid={hwid} />}
            </Group>
          ))}
        </Stack>
      </Checkbox.Group>
      {sending.error && <SendProblem error={sending.error} title={t('test.failed')} />}
      {sent && (
        <Alert color="teal" variant="light" role="status">
          {t.rich<ReactElement>('test.sent', {
            count: sent.hwids.length,
            a: chunks => (
              <TextLink
                key="a"
                to="/apps/$app/messages/$message"
                params={{ app, message: sent.id }}
                size="sm"
              >
                {chunks}
              </TextLink>
            ),
          })}
        </Alert>
      )}
      <Group justify="flex-end">
        <Button loading={sending.isPending} disabled={chosen.length === 0} onClick={submit}>
          {t('test.send', { count: chosen.length })}
        </Button>
      </Group>
    </Stack>
  )
}

const TONES: Readonly<Record<string, Tone>> = {
  accepted: 'good',
  pending: 'busy',
  waiting: 'busy',
  uncertain: 'warning',
  skipped: 'warning',
}

interface FateProps {
  readonly app: string
  readonly id: string
  readonly hwid: string
}

/** It changes by itself: the live stream tells that something became of a message. */
function Fate({ app, id, hwid }: FateProps): ReactElement | null {
  const t = useTexts('compose')
  const { data } = useTrace(app, id, hwid)
  if (!data) return null
  const { outcome, reason } = data
  return (
    <span role="status">
      <StateBadge
        tone={TONES[outcome] ?? 'bad'}
        label={t.known(`fate.${outcome}`) ?? outcome}
        {...(reason !== null && { hint: reason })}
      />
    </span>
  )
}
