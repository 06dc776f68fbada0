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
import { formatDay } from '../format.ts'

export type Tone = 'good' | 'plain' | 'warning' | 'bad'

export interface Telling {
  readonly title: string
  readonly sentence: string
  readonly tone: Tone
}

/** What is known of one turn in an address's life; an address's present state is told the same way. */
export type Turn = Pick<LedgerEntry, 'at' | 'event' | 'reason' | 'provider' | 'environment' | 'evidence'>

type DayOf = (at: string) => string
type TellEvent = (turn: Turn, dayOf: DayOf) => Telling

/** Tells one turn. `dayOf` writes a time as a day; in the reader's own time zone unless given. */
export function tellTurn(turn: Turn, dayOf: DayOf = formatDay): Telling {
  const isLeftAlone = turn.event === 'dead' && turn.reason === 'unregistered'
  const tell = isLeftAlone ? unregistered : EVENTS.get(turn.event)
  return tell ? tell(turn, dayOf) : tellUnknown(turn)
}

/** A reason as it is shown beside a state: a gateway's own word as it came, ours as words. */
export function writeReason(reason: string): string {
  return isOurs(reason) ? reason.replaceAll('_', ' ') : reason
}

const unregistered: TellEvent = (turn, dayOf) => ({
  title: 'Unregistered',
  sentence: `On ${dayOf(turn.at)} the device asked not to be sent to any more.`,
  tone: 'plain',
})

const EVENTS: ReadonlyMap<string, TellEvent> = new Map<string, TellEvent>([
  [
    'registered',
    turn => ({ title: 'Registered', sentence: `The app registered ${aNewAddress(turn)}.`, tone: 'good' }),
  ],
  [
    'active',
    (turn, dayOf) => ({ title: 'Active', sentence: `In use since ${dayOf(turn.at)}.`, tone: 'good' }),
  ],
  [
    'refreshed',
    turn => ({
      title: 'Refreshed',
      sentence: `The app registered the same ${noun(turn)} again: it is still in use.`,
      tone: 'plain',
    }),
  ],
  [
    'confirmed',
    turn => ({
      title: 'Confirmed',
      sentence: `The app registered this ${noun(turn)} again, which ends the suspicion.`,
      tone: 'good',
    }),
  ],
  [
    'restored',
    turn => ({
      title: 'Restored',
      sentence: `The app registered again, so this device can be reached again${formerState(turn)}.`,
      tone: 'good',
    }),
  ],
  [
    'superseded',
    turn => ({
      title: 'Superseded',
      sentence: `The device has a newer ${noun(turn)}, so this one is not used any more.`,
      tone: 'plain',
    }),
  ],
  [
    'moved',
    turn => ({
      title: 'Moved',
      sentence: `Another device registered this ${noun(turn)}, so it belongs to that device now.`,
      tone: 'plain',
    }),
  ],
  [
    'suspect',
    (turn, dayOf) => ({
      title: 'Suspect',
      sentence: `${said(turn, dayOf)} One sign is not proof: it is still sent to, and the next answer decides.`,
      tone: 'warning',
    }),
  ],
  [
    'quarantined',
    (turn, dayOf) => ({
      title: 'Quarantined',
      sentence: `${said(turn, dayOf)} Nothing is sent to it until the app registers it again.`,
      tone: 'warning',
    }),
  ],
  [
    'dead',
    (turn, dayOf) => ({ title: 'Dead', sentence: said(turn, dayOf) + goneSince(turn, dayOf), tone: 'bad' }),
  ],
  ['unregistered', unregistered],
])

type Say = (turn: Turn) => string

const isGone: Say = turn => `this ${noun(turn)} is gone`
const hasExpired: Say = turn => `this ${noun(turn)} has expired`
const isNotValid: Say = turn => `this ${noun(turn)} is not valid`
const isUnknownHere: Say = turn =>
  `it does not know this ${noun(turn)}${turn.environment ? ` in ${turn.environment}` : ''}`
const isOfAnotherApp: Say = turn => `this ${noun(turn)} belongs to another app`
const isOfAnotherProject: Say = turn => `this ${noun(turn)} belongs to another Firebase project`
const isOfAnotherKey: Say = turn => `this ${noun(turn)} was made with another VAPID key`
const isNoAddress: Say = turn => `this is not a ${noun(turn)} that it gave out`

/** What a gateway said, as it goes on after "Apple said on 3 Nov 2026 that". */
const SAYINGS: ReadonlyMap<string, Say> = new Map([
  ['Unregistered', isGone],
  ['ExpiredToken', hasExpired],
  ['BadDeviceToken', isUnknownHere],
  ['DeviceTokenNotForTopic', isOfAnotherApp],
  ['UNREGISTERED', isGone],
  ['UNREGISTERED_FID', isGone],
  ['INVALID_ARGUMENT', isNoAddress],
  ['SENDER_ID_MISMATCH', isOfAnotherProject],
  ['404', isGone],
  ['410', isGone],
  ['VapidPkHashMismatch', isOfAnotherKey],
  ['illegal_tokens', isNotValid],
  ['80300007', isNotValid],
])

/** Our own reasons are whole sentences: no gateway said anything. */
const OWN_SENTENCES: ReadonlyMap<string, Say> = new Map<string, Say>([
  ['inactive', turn => `Nothing was heard from this device for so long that its ${noun(turn)} was given up.`],
  ['expired', turn => `This ${noun(turn)} has passed the end that was set for it.`],
  [
    'mass_failure_guard',
    turn => `So many were refused at once that the fault may be ours; this ${noun(turn)} is held, not ended.`,
  ],
])

function said(turn: Turn, dayOf: DayOf): string {
  const { reason } = turn
  if (!reason) return `No reason was recorded on ${dayOf(turn.at)}.`
  const own = OWN_SENTENCES.get(reason)
  if (own) return own(turn)
  const saying = SAYINGS.get(reason)
  const speaker = SPEAKERS.get(turn.provider ?? '') ?? 'The gateway'
  if (saying) return `${speaker} said on ${dayOf(turn.at)} that ${saying(turn)}.`
  if (isOurs(reason)) return `Recorded on ${dayOf(turn.at)}: ${writeReason(reason)}.`
  return `${speaker} answered ${reason} on ${dayOf(turn.at)}.`
}

/** Apple's 410 says since when it has known; the other gateways give no time. */
function goneSince(turn: Turn, dayOf: DayOf): string {
  const since = fromEvidence(turn.evidence, 'since')
  if (since === undefined || Number.isNaN(Date.parse(since))) return ''
  return ` It had not been valid since ${dayOf(since)}.`
}

function formerState(turn: Turn): string {
  const former = fromEvidence(turn.evidence, 'formerState')
  return former === undefined ? '' : `; this ${noun(turn)} had been ${former}`
}

function fromEvidence(evidence: unknown, name: string): string | undefined {
  if (typeof evidence !== 'object' || evidence === null || !Object.hasOwn(evidence, name)) return undefined
  const value = (evidence as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' ? value : undefined
}

function tellUnknown({ event, reason }: Turn): Telling {
  const words = event.replaceAll('_', ' ')
  const because = reason ? `, with the reason “${writeReason(reason)}”` : ''
  return {
    title: words.charAt(0).toUpperCase() + words.slice(1),
    sentence: `Recorded as “${words}”${because}.`,
    tone: 'plain',
  }
}

const SPEAKERS: ReadonlyMap<string, string> = new Map([
  ['apns', 'Apple'],
  ['fcm', 'Google'],
  ['webpush', 'The browser’s push service'],
  ['hms', 'Huawei'],
])

const NEW_ADDRESSES: ReadonlyMap<string, string> = new Map([
  ['apns', 'an Apple token'],
  ['fcm', 'a Google token'],
  ['webpush', 'a browser subscription'],
  ['hms', 'a Huawei token'],
])

function aNewAddress(turn: Turn): string {
  const address = NEW_ADDRESSES.get(turn.provider ?? '') ?? 'an address'
  return turn.environment ? `${address} for ${turn.environment}` : address
}

/** The gateway's own word for an address. */
function noun(turn: Turn): string {
  return turn.provider === 'webpush' ? 'subscription' : 'token'
}

function isOurs(reason: string): boolean {
  return /^[a-z]+(_[a-z]+)*$/.test(reason) && !SAYINGS.has(reason)
}
