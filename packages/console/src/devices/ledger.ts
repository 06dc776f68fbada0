/**
 * Tells an address's history in plain words: what the gateway or the app said, on which day, and what it means.
 *
 * The gateways' reasons and what they mean come from their own pages: Apple "Handling notification responses from
 * APNs", Google "FCM v1 ErrorCode", RFC 8030 §7.3 (404 and 410 end a subscription), Huawei Push Kit "error codes".
 * Reasons in small letters with underscores are Roost's own. Case matters: `Unregistered` is Apple's word for a token
 * that is gone, `unregistered` is ours for an app that asked to be left alone.
 *
 * An event or reason that isn't known here is shown as it was written, never dropped or guessed at.
 */
import type { LedgerEntry } from '../api/shapes.ts'
import type { Translate, Values } from '../i18n/translate.ts'
import type { Tone } from '../parts/tone.ts'
import type { TextKey } from '../texts/areas.ts'

export interface Telling {
  readonly title: string
  readonly sentence: string
  readonly tone: Tone
}

/** What is known of one turn in an address's life; an address's present state is told the same way. */
export type Turn = Pick<LedgerEntry, 'at' | 'event' | 'reason' | 'provider' | 'environment' | 'evidence'>

export interface TellOptions {
  readonly t: Translate<TextKey<'ledger'>>
  /** Writes a time as a day. */
  readonly day: (at: string) => string
}

type Event =
  | 'registered'
  | 'active'
  | 'refreshed'
  | 'confirmed'
  | 'restored'
  | 'superseded'
  | 'moved'
  | 'suspect'
  | 'quarantined'
  | 'dead'
  | 'unregistered'

const TONES: Readonly<Record<Event, Tone>> = {
  registered: 'good',
  active: 'good',
  refreshed: 'plain',
  confirmed: 'good',
  restored: 'good',
  superseded: 'plain',
  moved: 'plain',
  suspect: 'warning',
  quarantined: 'warning',
  dead: 'bad',
  unregistered: 'plain',
}

/** What a gateway's reason says. */
const SAYINGS: ReadonlyMap<string, Extract<TextKey<'ledger'>, `say.${string}`>> = new Map([
  ['Unregistered', 'say.gone'],
  ['ExpiredToken', 'say.expired'],
  ['BadDeviceToken', 'say.unknown'],
  ['DeviceTokenNotForTopic', 'say.otherApp'],
  ['UNREGISTERED', 'say.gone'],
  ['UNREGISTERED_FID', 'say.gone'],
  ['INVALID_ARGUMENT', 'say.noAddress'],
  ['SENDER_ID_MISMATCH', 'say.otherProject'],
  ['404', 'say.gone'],
  ['410', 'say.gone'],
  ['VapidPkHashMismatch', 'say.otherKey'],
  ['illegal_tokens', 'say.invalid'],
  ['80300007', 'say.invalid'],
] as const)

/** Tells one turn in the reader's language. */
export function tellTurn(turn: Turn, options: TellOptions): Telling {
  const isLeftAlone = turn.event === 'dead' && turn.reason === 'unregistered'
  const event = isLeftAlone ? 'unregistered' : turn.event
  if (!isKnown(event)) return tellUnknown(turn, options)
  return { title: options.t(event), sentence: sentenceOf(event, turn, options), tone: TONES[event] }
}

/** A reason as it is shown beside a state: a gateway's own word as it came, ours as words. */
export function writeReason(reason: string): string {
  return isOurs(reason) ? reason.replaceAll('_', ' ') : reason
}

function isKnown(event: string): event is Event {
  return Object.hasOwn(TONES, event)
}

function sentenceOf(event: Event, turn: Turn, options: TellOptions): string {
  const { t } = options
  if (event === 'suspect' || event === 'quarantined') return `${said(turn, options)} ${t(`${event}.then`)}`
  if (event === 'dead') return said(turn, options) + goneSince(turn, options)
  return t(`${event}.said`, valuesOf(turn, options))
}

function valuesOf(turn: Turn, { t, day }: TellOptions): Values {
  return {
    day: day(turn.at),
    address: turn.provider ?? 'other',
    environment: turn.environment ?? 'none',
    // the gateway's own word for an address
    kind: turn.provider === 'webpush' ? 'subscription' : 'token',
    how: turn.reason ?? 'registered',
    former: fromEvidence(turn.evidence, 'formerState') ?? 'none',
    speaker: t.known(`speaker.${turn.provider}`) ?? t('speaker.other'),
    reason: turn.reason === null ? 'none' : writeReason(turn.reason),
  }
}

function said(turn: Turn, options: TellOptions): string {
  const { t } = options
  const values = valuesOf(turn, options)
  const { reason } = turn
  if (!reason) return t('noReason', values)
  const own = t.known(`own.${reason}`, values)
  if (own !== undefined) return own
  const saying = SAYINGS.get(reason)
  if (saying) return t(saying, values)
  return t(isOurs(reason) ? 'own.other' : 'say.other', values)
}

/** Apple's 410 says since when it has known; the other gateways give no time. */
function goneSince(turn: Turn, { t, day }: TellOptions): string {
  const since = fromEvidence(turn.evidence, 'since')
  if (since === undefined || Number.isNaN(Date.parse(since))) return ''
  return ` ${t('dead.since', { day: day(since) })}`
}

function fromEvidence(evidence: unknown, name: string): string | undefined {
  if (typeof evidence !== 'object' || evidence === null || !Object.hasOwn(evidence, name)) return undefined
  const value = (evidence as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' ? value : undefined
}

function tellUnknown(turn: Turn, options: TellOptions): Telling {
  const words = turn.event.replaceAll('_', ' ')
  return {
    title: words.charAt(0).toUpperCase() + words.slice(1),
    sentence: options.t('unknown.said', { ...valuesOf(turn, options), event: words }),
    tone: 'plain',
  }
}

function isOurs(reason: string): boolean {
  return /^[a-z]+(_[a-z]+)*$/.test(reason) && !SAYINGS.has(reason)
}
