/** A message among others, and the parts that its report has, too: state, progress, outcomes. */
import { Alert, Group, Progress, Stack, Text } from '@mantine/core'
import { useInterval } from '@mantine/hooks'
import type { ListedMessage, MessageCounts, MessageSummary } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { useLive } from '../live/live.tsx'
import { Ago } from '../parts/ago.tsx'
import { TextLink } from '../parts/link.tsx'
import { StackedBar, StateLabel } from '../parts/stacked-bar.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { toneOfMessageState, useOutcomeLooks } from './looks.ts'
import css from './messages.module.css'
import { type Outcome, splitTargeted } from './outcomes.ts'
import { addSample, paceOf, type Sample } from './pace.ts'

const LOOK_MS = 1_000

export interface MessageProps {
  readonly message: MessageSummary
}

export function MessageCard({
  app,
  message,
}: {
  readonly app: string
  readonly message: ListedMessage
}): ReactElement {
  const t = useTexts('messages')
  return (
    <article className={css.card}>
      <Group justify="space-between" gap="xs" align="baseline">
        <Group gap="sm" style={{ minWidth: 0 }}>
          <TextLink
            to="/apps/$app/messages/$message"
            params={{ app, message: message.id }}
            fw={600}
            c="inherit"
          >
            {message.title || t('untitled')}
          </TextLink>
          <MessageStateBadge message={message} />
        </Group>
        <Text size="sm" c="dimmed" component="div" style={{ whiteSpace: 'nowrap' }}>
          {message.state !== 'scheduled' && `${t('targeted', { count: message.counts.targeted })} · `}
          <Ago at={message.createdAt} />
        </Text>
      </Group>
      {message.state !== 'scheduled' && <MessageCountsView message={message} />}
    </article>
  )
}

export function MessageStateBadge({ message: { state } }: MessageProps): ReactElement {
  const t = useTexts('messages')
  return <StateBadge tone={toneOfMessageState(state)} label={t.known(`state.${state}`) ?? state} />
}

/** Progress while there is any, then outcomes. A scheduled message has none of these yet. */
export function MessageCountsView({ message }: MessageProps): ReactElement {
  const { counts, state } = message
  return (
    <Stack gap={8} mt={8}>
      {(state === 'sending' || state === 'paused') && <SendProgress message={message} />}
      <OutcomeBar counts={counts} />
      <Outcomes counts={counts} />
    </Stack>
  )
}

export interface CountsProps {
  readonly counts: MessageCounts
  readonly height?: number
}

/** As long as the audience, so that each part is read against everybody it was meant for. */
export function OutcomeBar({ counts, height }: CountsProps): ReactElement {
  const t = useTexts('messages')
  const looks = useOutcomeLooks()
  const { parts, excess } = splitTargeted(counts)
  return (
    <>
      {excess > 0 && (
        <Alert color="orange" p="xs" role="alert">
          {t('excess', { count: excess })}
        </Alert>
      )}
      <StackedBar parts={parts} looks={looks} label={t('outcomes')} {...(height && { height })} />
    </>
  )
}

export function SendProgress({ message }: MessageProps): ReactElement {
  const t = useTexts('messages')
  const format = useFormat()
  const isLive = useLive() !== undefined
  return (
    <Group gap="sm" wrap="nowrap" aria-live="off">
      <Progress
        value={message.progress * 100}
        animated={message.state === 'sending'}
        color={message.state === 'paused' ? 'yellow' : 'roost'}
        size="sm"
        flex={1}
        aria-label={t('progress')}
      />
      {message.state === 'sending' && isLive && <PaceText counts={message.counts} />}
      <Text size="sm" fw={600} w={56} ta="right">
        {format.percent(message.progress)}
      </Text>
    </Group>
  )
}

/** Looks each second, also when nothing has come: a send that has stopped must not keep its old pace. */
function PaceText({ counts }: CountsProps): ReactElement | null {
  const t = useTexts('messages')
  const format = useFormat()
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const settled = counts.targeted - counts.pending
  useInterval(() => setSamples(before => addSample(before, { atMs: Date.now(), settled })), LOOK_MS, {
    autoInvoke: true,
  })
  const pace = paceOf(samples, counts.targeted)
  if (!pace) return null
  return (
    <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
      {t('pace', { count: Math.round(pace.perSecond) })}
      {pace.secondsLeft !== undefined && ` · ${t('left', { duration: format.duration(pace.secondsLeft) })}`}
    </Text>
  )
}

/** The numbers of the bar: together they are those that were targeted. */
export function Outcomes({ counts }: CountsProps): ReactElement {
  const format = useFormat()
  const looks = useOutcomeLooks()
  const isShown = (name: Outcome, count: number): boolean => count > 0 || name === 'accepted'
  return (
    <Group gap="md" fz="sm" style={{ rowGap: 2 }}>
      {splitTargeted(counts)
        .parts.filter(({ name, count }) => isShown(name, count))
        .map(({ name, count }) => (
          <Group key={name} gap={6}>
            <StateLabel look={looks[name]} />
            <b>{format.count(count)}</b>
            <Text span size="xs" c="dimmed">
              {format.share(count, counts.targeted)}
            </Text>
          </Group>
        ))}
    </Group>
  )
}
