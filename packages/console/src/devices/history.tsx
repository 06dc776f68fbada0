/** The time line of a device, newest first: tokens, logins, messages, receipts and events, each in plain words. */
import { Badge, Group, Stack, Text } from '@mantine/core'
import type { TimeLineEntry } from '@roost/protocol'
import type { CSSProperties, ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import type { Tone } from '../parts/tone.ts'
import { useTimeLine } from './calls.ts'
import { More } from './device-table.tsx'
import css from './devices.module.css'
import { tellEntry } from './turns.ts'

const TONE_PAINTS: Readonly<Record<Tone, string>> = {
  good: 'var(--data-blue)',
  busy: 'var(--data-sky)',
  plain: 'var(--data-grey)',
  warning: 'var(--data-orange)',
  bad: 'var(--data-vermilion)',
}

export interface HistoryProps {
  readonly app: string
  readonly hwid: string
}

export function History({ app, hwid }: HistoryProps): ReactElement {
  const query = useTimeLine(app, hwid)
  const { data, error } = query
  if (data === undefined && error) return <Problem error={error} onRetry={() => void query.refetch()} />
  if (data === undefined) return <Waiting lines={6} />
  return (
    <Stack gap="md">
      <Entries app={app} entries={data.pages.flatMap(({ entries }) => entries)} />
      <More
        hasMore={query.hasNextPage}
        isPending={query.isFetchingNextPage}
        onMore={() => void query.fetchNextPage()}
      />
    </Stack>
  )
}

export interface EntriesProps {
  readonly app: string
  readonly entries: readonly TimeLineEntry[]
}

export function Entries({ app, entries }: EntriesProps): ReactElement {
  const t = useTexts('devices')
  if (entries.length === 0) return <Text c="dimmed">{t('history.none')}</Text>
  return (
    <ol className={css.history} reversed>
      {entries.map((entry, place) => (
        <Entry
          // the same may have happened twice at once
          key={`${entry.at} ${entry.kind} ${entry.what} ${entry.messageId ?? place}`}
          app={app}
          entry={entry}
        />
      ))}
    </ol>
  )
}

function Entry({ app, entry }: { readonly app: string; readonly entry: TimeLineEntry }): ReactElement {
  const t = useTexts('device')
  const ledger = useTexts('ledger')
  const format = useFormat()
  const { title, sentence, tone } = tellEntry(entry, { t, ledger: { t: ledger, day: format.day } })
  const { messageId, data } = entry
  return (
    <li className={css.entry} style={{ '--paint': TONE_PAINTS[tone] } as CSSProperties}>
      <Group gap="sm">
        <Text span fw={600} size="sm">
          {title}
        </Text>
        {messageId && (
          <TextLink to="/apps/$app/messages/$message" params={{ app, message: messageId }} size="sm">
            {typeof data.title === 'string' ? data.title : t('message.untitled')}
          </TextLink>
        )}
        {entry.kind === 'token' && <AddressMarks {...marksOf(data)} />}
        <Text span size="xs" c="dimmed">
          <time dateTime={entry.at}>{format.moment(entry.at)}</time>
        </Text>
      </Group>
      {sentence && (
        <Text size="sm" mt={2} style={{ overflowWrap: 'anywhere' }}>
          {sentence}
        </Text>
      )}
    </li>
  )
}

function marksOf({ addressKind, environment, addressEnd }: TimeLineEntry['data']): AddressMarksProps {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
  return { kind: text(addressKind), environment: text(environment), addressEnd: text(addressEnd) }
}

export interface AddressMarksProps {
  readonly kind?: string | null
  readonly environment?: string | null
  readonly addressEnd?: string | null | undefined
}

/** What tells one address of a device from another: its kind, its environment and how it ends. */
export function AddressMarks({ kind, environment, addressEnd }: AddressMarksProps): ReactElement {
  const t = useTexts('device')
  return (
    <>
      {[kind, environment].map(
        mark =>
          mark && (
            <Badge key={mark} variant="default" size="sm" tt="none" fw={500}>
              {/* of an activity, the kind names it as well: liveactivity:<activity> */}
              {t.known(`mark.${mark.split(':')[0]}`) ?? mark}
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
