/** The state of something by a word and a colour; never by the colour alone. */
import { Badge, Tooltip } from '@mantine/core'
import type { ReactElement } from 'react'
import type { Tone } from './tone.ts'

const COLORS: Readonly<Record<Tone, string>> = {
  good: 'teal',
  busy: 'roost',
  plain: 'gray',
  warning: 'yellow',
  bad: 'red',
}

export interface StateBadgeProps {
  readonly tone: Tone
  readonly label: string
  /** What the state means. */
  readonly hint?: string
}

export function StateBadge({ tone, label, hint }: StateBadgeProps): ReactElement {
  const badge = (
    <Badge variant="light" color={COLORS[tone]} size="md" tt="none" fw={600} {...(hint && { tabIndex: 0 })}>
      {label}
    </Badge>
  )
  if (!hint) return badge
  return (
    <Tooltip label={hint} multiline maw={280} events={{ hover: true, focus: true, touch: true }}>
      {badge}
    </Tooltip>
  )
}
