/** What is being sent at this moment, as the stream of live values tells it. Nothing while nothing is. */
import { Group, Progress, Stack, Text } from '@mantine/core'
import type { LiveMessage } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { useLive } from '../live/live.tsx'
import { TextLink } from '../parts/link.tsx'
import { Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'

export function SendingNow({ app }: { readonly app: string }): ReactElement | null {
  const t = useTexts('dashboard')
  const messages = useLive()?.messages.filter(({ state }) => state === 'sending' || state === 'paused') ?? []
  if (messages.length === 0) return null
  return (
    <Panel title={t('now.title')}>
      <Stack gap="md">
        {messages.map(message => (
          <Sending key={message.id} app={app} message={message} />
        ))}
      </Stack>
    </Panel>
  )
}

function Sending({ app, message }: { readonly app: string; readonly message: LiveMessage }): ReactElement {
  const t = useTexts('dashboard')
  const words = useTexts('messages')
  const format = useFormat()
  const { id, title, state, progress, counts } = message
  const name = title || t('untitled')
  const isPaused = state === 'paused'
  return (
    <div>
      <Group justify="space-between" gap="xs" mb={6}>
        <Group gap="xs">
          <TextLink to="/apps/$app/messages/$message" params={{ app, message: id }} fw={600} c="inherit">
            {name}
          </TextLink>
          <StateBadge tone={isPaused ? 'warning' : 'busy'} label={words.known(`state.${state}`) ?? state} />
        </Group>
        <Text size="sm" c="dimmed">
          {t('now.progress', {
            done: format.count(counts.targeted - counts.pending),
            total: format.count(counts.targeted),
          })}
        </Text>
      </Group>
      <Progress
        value={progress * 100}
        animated={!isPaused}
        color={isPaused ? 'yellow' : 'roost'}
        size="sm"
        aria-label={name}
      />
    </div>
  )
}
