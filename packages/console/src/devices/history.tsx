/** The ledger of a device as a time line, newest first, each turn told in plain words. */
import { Badge, Group, Text } from '@mantine/core'
import type { CSSProperties, ReactElement } from 'react'
import type { LedgerEntry } from '../api/shapes.ts'
import { formatMoment } from '../format.ts'
import css from './devices.module.css'
import { type Tone, tellTurn, writeReason } from './ledger.ts'

const TONE_PAINTS: Readonly<Record<Tone, string>> = {
  good: 'var(--data-blue)',
  plain: 'var(--data-grey)',
  warning: 'var(--data-orange)',
  bad: 'var(--data-vermilion)',
}

/** `entries` come oldest first, as the server keeps them. */
export function History({ entries }: { readonly entries: readonly LedgerEntry[] }): ReactElement {
  if (entries.length === 0) return <Text c="dimmed">Nothing has happened to its addresses yet.</Text>
  return (
    <ol className={css.history} reversed>
      {entries
        .map((entry, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an entry has no id; counted from the oldest, it never moves
          <Entry key={place} entry={entry} />
        ))
        .reverse()}
    </ol>
  )
}

function Entry({ entry }: { readonly entry: LedgerEntry }): ReactElement {
  const { title, sentence, tone } = tellTurn(entry)
  return (
    <li className={css.entry} style={{ '--paint': TONE_PAINTS[tone] } as CSSProperties}>
      <Group gap="sm">
        <Text span fw={600} size="sm">
          {title}
        </Text>
        <AddressMarks {...entry} />
      </Group>
      <Text size="sm">{sentence}</Text>
      <Text size="xs" c="dimmed" mt={2}>
        <time dateTime={entry.at}>{formatMoment(entry.at)}</time>
        {entry.reason && ` · ${writeReason(entry.reason)}`}
      </Text>
    </li>
  )
}

export interface AddressMarksProps {
  readonly kind: string | null
  readonly environment: string | null
  readonly addressEnd?: string | null | undefined
}

/** What tells one address of a device from another: its kind, its environment and how it ends. */
export function AddressMarks({ kind, environment, addressEnd }: AddressMarksProps): ReactElement {
  return (
    <>
      {[kind, environment].map(
        mark =>
          mark && (
            <Badge key={mark} variant="default" size="sm" tt="none" fw={500}>
              {mark}
            </Badge>
          ),
      )}
      {addressEnd && (
        <Text span size="xs" c="dimmed" ff="monospace">
          …{addressEnd}
        </Text>
      )}
    </>
  )
}
