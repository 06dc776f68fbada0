/**
 * What happened to a device, as one line of its history each: tokens in the words of the ledger, messages and receipts with their
 * titles, logins, events, openings. A word that isn't known here is shown as it came.
 */
import type { TimeLineEntry } from '@roost/protocol'
import type { Translate } from '../i18n/translate.ts'
import type { Tone } from '../parts/tone.ts'
import type { TextKey } from '../texts/areas.ts'
import { type TellOptions, tellTurn, writeReason } from './ledger.ts'

export interface Told {
  readonly title: string
  readonly sentence: string | undefined
  readonly tone: Tone
}

export interface TellEntryOptions {
  readonly t: Translate<TextKey<'device'>>
  readonly ledger: TellOptions
}

const TONES: Readonly<Record<string, Tone>> = {
  'message accepted': 'good',
  'message waiting': 'busy',
  'message skipped': 'plain',
  'message uncertain': 'warning',
  'message failed': 'bad',
  'message dead': 'bad',
  'receipt delivered': 'good',
  'receipt displayed': 'good',
  'receipt opened': 'good',
  'refused_token registration_error': 'bad',
}

/** What the ledger has no word for: the place where a token was told last. */
const REPORTED_LAST = 'reported_last'

export function tellEntry(entry: TimeLineEntry, options: TellEntryOptions): Told {
  const { kind, what } = entry
  if (kind === 'token' && what !== REPORTED_LAST) return tellToken(entry, options)
  const { t } = options
  return {
    title: titleOf(entry, t),
    sentence: sentenceOf(entry, t),
    tone: TONES[`${kind} ${what}`] ?? 'plain',
  }
}

function tellToken(entry: TimeLineEntry, { ledger }: TellEntryOptions): Told {
  const { at, what, reason, data } = entry
  const text = (name: string): string | null => (typeof data[name] === 'string' ? data[name] : null)
  return tellTurn(
    {
      at,
      event: what,
      reason,
      provider: text('provider'),
      environment: text('environment'),
      evidence: data.evidence,
    },
    ledger,
  )
}

function titleOf({ kind, what, data }: TimeLineEntry, t: TellEntryOptions['t']): string {
  if (kind === 'event') return t('event', { name: what })
  const known = t.known(`${kind}.${what}`, { user: String(data.userId ?? '') })
  return known ?? what.replaceAll('_', ' ')
}

function sentenceOf(
  { kind, what, reason, data }: TimeLineEntry,
  t: TellEntryOptions['t'],
): string | undefined {
  if (kind === 'event' && typeof data.count === 'number') {
    const values = { count: data.count }
    return t(data.isFirst === true ? 'event.first' : 'event.last', values)
  }
  if (kind === 'refused_token') return [reason, data.message].filter(Boolean).join(': ') || undefined
  if (kind === 'message' && reason !== null) return writeReason(reason)
  if (kind === 'login' && what === 'logged_in' && data.until !== undefined) return t('login.before')
  return undefined
}
