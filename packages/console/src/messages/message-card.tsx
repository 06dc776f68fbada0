/**
 * One message: how far it has got, what became of its deliveries, and apart from that what devices reported.
 *
 * The bar is as long as the audience, so "accepted" can be read against everybody it was meant for.
 */
import { Alert, Anchor, Badge, Group, Progress, Stack, Text, Tooltip } from '@mantine/core'
import { type ReactElement, useEffect, useState } from 'react'
import type { Message, MessageCounts } from '../api/shapes.ts'
import { formatCount, formatDuration, formatShare } from '../format.ts'
import { Ago } from '../parts/ago.tsx'
import { StackedBar, StateLabel } from '../parts/stacked-bar.tsx'
import { formatRoute } from '../route.ts'
import { colorOfMessageState, OUTCOME_LOOKS } from './looks.ts'
import css from './messages.module.css'
import { type Outcome, splitTargeted } from './outcomes.ts'
import { addSample, paceOf, type Sample } from './pace.ts'

export interface MessageProps {
  readonly message: Message
  /** When the server gave these counts; undefined when it does not answer, and nobody knows how it goes on. */
  readonly asOfMs: number | undefined
}

export interface MessageCardProps extends MessageProps {
  readonly app: string
}

export function MessageCard({ app, message, asOfMs }: MessageCardProps): ReactElement {
  return (
    <article className={css.card}>
      <Group justify="space-between" gap="xs" align="baseline">
        <Group gap="sm" style={{ minWidth: 0 }}>
          <Anchor href={formatRoute({ page: 'message', app, id: message.id })} fw={600} c="inherit">
            {message.title || 'Message without a title'}
          </Anchor>
          <MessageStateBadge message={message} />
        </Group>
        <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
          {message.state !== 'scheduled' && `${formatCount(message.counts.targeted)} targeted · `}
          <Ago at={message.createdAt} />
        </Text>
      </Group>
      {message.state !== 'scheduled' && <MessageCountsView message={message} asOfMs={asOfMs} />}
    </article>
  )
}

export function MessageStateBadge({ message }: { readonly message: Message }): ReactElement {
  return (
    <Badge variant="light" color={colorOfMessageState(message.state)} size="sm" tt="none">
      {message.state}
    </Badge>
  )
}

/** Progress while there is any, then outcomes, then receipts. A scheduled message has none of these yet. */
export function MessageCountsView({ message, asOfMs }: MessageProps): ReactElement {
  const { counts } = message
  const split = splitTargeted(counts)
  return (
    <Stack gap={8} mt={8}>
      {(message.state === 'sending' || message.state === 'paused') && (
        <SendProgress message={message} asOfMs={asOfMs} />
      )}
      {split.excess > 0 && (
        <Alert color="orange" p="xs" role="alert">
          There are {formatCount(split.excess)} more outcomes than targeted devices. Please report this.
        </Alert>
      )}
      <StackedBar parts={split.parts} looks={OUTCOME_LOOKS} label="Outcomes" />
      <Outcomes split={split.parts} targeted={counts.targeted} />
      <Receipts counts={counts} />
    </Stack>
  )
}

function SendProgress({ message, asOfMs }: MessageProps): ReactElement {
  const percent = Math.round(message.progress * 1000) / 10
  return (
    <Group gap="sm" wrap="nowrap">
      <Progress
        value={percent}
        animated={message.state === 'sending'}
        color={colorOfMessageState(message.state)}
        size="sm"
        flex={1}
        aria-label="Progress"
      />
      {message.state === 'sending' && asOfMs !== undefined && (
        <PaceText counts={message.counts} asOfMs={asOfMs} />
      )}
      <Text size="sm" fw={600} w={56} ta="right">
        {percent.toFixed(1)} %
      </Text>
    </Group>
  )
}

interface PaceTextProps {
  readonly counts: MessageCounts
  readonly asOfMs: number
}

/** Looks at each answer, also when it repeats the last: a send that has stopped must not keep its old pace. */
function PaceText({ counts, asOfMs }: PaceTextProps): ReactElement | null {
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const settled = counts.targeted - waitingOf(counts)
  useEffect(() => setSamples(before => addSample(before, { atMs: asOfMs, settled })), [asOfMs, settled])
  const pace = paceOf(samples, counts.targeted)
  if (!pace) return null
  return (
    <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
      {formatCount(Math.round(pace.perSecond))} / s
      {pace.secondsLeft !== undefined && ` · ${formatDuration(pace.secondsLeft)} left`}
    </Text>
  )
}

function waitingOf(counts: MessageCounts): number {
  return splitTargeted(counts).parts.find(part => part.name === 'waiting')?.count ?? 0
}

interface OutcomesProps {
  readonly split: readonly { readonly name: Outcome; readonly count: number }[]
  readonly targeted: number
}

function Outcomes({ split, targeted }: OutcomesProps): ReactElement {
  return (
    <Group gap="md" fz="sm" style={{ rowGap: 2 }}>
      {split
        .filter(part => part.count > 0 || part.name === 'accepted')
        .map(({ name, count }) => (
          <Group key={name} gap={6}>
            <StateLabel look={OUTCOME_LOOKS[name]} />
            <b>{formatCount(count)}</b>
            <Text span size="xs" c="dimmed">
              {formatShare(count, targeted)}
            </Text>
          </Group>
        ))}
    </Group>
  )
}

/** What devices told us. Not every device can, so these are at least so many, and never part of the bar. */
function Receipts({ counts }: { readonly counts: MessageCounts }): ReactElement {
  return (
    <Tooltip
      label="Reported by the devices themselves. Not every device can report, so it is at least so many."
      multiline
      maw={300}
    >
      <Group gap="md" fz="sm" className={css.receipts}>
        <Text span size="xs" c="dimmed">
          Receipts
        </Text>
        <span>
          <b>{formatCount(counts.delivered)}</b> delivered
        </span>
        <span>
          <b>{formatCount(counts.opened)}</b> opened
        </span>
      </Group>
    </Tooltip>
  )
}
