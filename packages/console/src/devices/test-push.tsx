/** A test push to one device: past the rules that protect people from too much, and what becomes of it, as it happens. */
import { Alert, Button, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { UseMutationResult, UseQueryResult } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { path, query } from '../api/client.ts'
import { useAnswer, useChange } from '../api/use-api.ts'
import { newKey } from '../compose/attempts.ts'
import { useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'
import { useFormFaults } from '../parts/use-faults.ts'
import { writeReason } from './ledger.ts'

export interface TestPushProps {
  readonly app: string
  readonly hwid: string
  /** How people call it. */
  readonly name: string
  readonly onClose: () => void
}

export function TestPush({ app, hwid, name, onClose }: TestPushProps): ReactElement {
  const t = useTexts('device')
  const common = useTexts('common')
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('testPush.title', { name })}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <TestForm app={app} hwid={hwid} />
    </Modal>
  )
}

function TestForm({ app, hwid }: Pick<TestPushProps, 'app' | 'hwid'>): ReactElement {
  const t = useTexts('device')
  const form = useForm({
    initialValues: { title: t('testPush.sample.title'), body: t('testPush.sample.body') },
    validate: { title: value => (value.trim() ? null : t('testPush.title.missing')) },
  })
  const [key, setKey] = useState(newKey)
  const send = useSendTest(app, hwid)
  const isAtFields = useFormFaults(form, send.error, { within: 'content.' })
  const submit = form.onSubmit(content =>
    send.mutate(
      { content, key },
      {
        // the next click means another one
        onSuccess: () => setKey(newKey()),
      },
    ),
  )
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t('testPush.about')}
        </Text>
        <TextInput label={t('testPush.field.title')} data-autofocus {...form.getInputProps('title')} />
        <Textarea label={t('testPush.field.body')} autosize minRows={2} {...form.getInputProps('body')} />
        {send.error && !isAtFields && <Problem error={send.error} />}
        {send.data && <Fate app={app} id={send.data.id} hwid={hwid} />}
        <Group justify="flex-end">
          <Button type="submit" loading={send.isPending}>
            {t('testPush.send')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

interface Words {
  readonly content: { readonly title: string; readonly body: string }
  readonly key: string
}

function useSendTest(app: string, hwid: string): UseMutationResult<{ readonly id: string }, Error, Words> {
  return useChange({
    call: (api, { content, key }) =>
      api.post<{ readonly id: string }>(path`v1/apps/${app}/messages`, {
        to: { devices: [hwid] },
        content,
        lane: 'test',
        rules: { kind: 'transactional', quietHours: null },
        idempotencyKey: key,
      }),
    touches: [[app, 'messages']],
  })
}

interface Trace {
  readonly outcome: string
  readonly reason: string | null
}

/** The live stream tells that something became of a message: then it is asked for anew. */
function useTrace(app: string, id: string, hwid: string): UseQueryResult<Trace> {
  return useAnswer({
    key: [app, 'messages', id, 'trace', hwid],
    path: path`v1/apps/${app}/messages/${id}/trace` + query({ hwid }),
  })
}

const TONES: Readonly<Record<string, Tone>> = {
  accepted: 'good',
  delivered: 'good',
  opened: 'good',
  pending: 'busy',
  waiting: 'busy',
  skipped: 'warning',
  uncertain: 'warning',
}

function Fate({
  app,
  id,
  hwid,
}: {
  readonly app: string
  readonly id: string
  readonly hwid: string
}): ReactElement {
  const t = useTexts('device')
  const { data } = useTrace(app, id, hwid)
  const { outcome = 'pending', reason = null } = data ?? {}
  return (
    <Alert variant="light" color="gray" role="status">
      <Group gap="sm">
        <StateBadge
          tone={TONES[outcome] ?? 'bad'}
          label={t.known(`message.${outcome}`) ?? outcome.replaceAll('_', ' ')}
        />
        {reason && <Text size="sm">{writeReason(reason)}</Text>}
        <TextLink to="/apps/$app/messages/$message" params={{ app, message: id }} size="sm">
          {t('testPush.report')}
        </TextLink>
      </Group>
    </Alert>
  )
}
