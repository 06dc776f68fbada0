/**
 * Tells an address's history in plain words: what the gateway or the app said, on which day, and what it means.
 *
 * The gateways' reasons and what they mean come from their own pages: Apple "Handling notification responses from
 * APNs", Google "FCM v1 ErrorCode", RFC 8030 §7.3 (404 and 410 end a subscription), Huawei Push Kit "error codes".
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

/** Tells one entry. `dayOf` writes a time as a day; the reader's own time zone unless given. */
export function tellTurn(turn: Turn, dayOf: (at: string) => string = formatDay): Telling {
  const tell = EVENTS[turn.event]
  if (tell) return tell(turn, dayOf)
  const because = turn.reason ? `, with the reason ${turn.reason}` : ''
  return { title: capitalise(turn.event), sentence: `Recorded as “${turn.event}”${because}.`, tone: 'plain' }
}

type TellEvent = (turn: Turn, dayOf: (at: string) => string) => Telling

const registered: TellEvent = turn => ({
  title: 'Registered',
  sentence: `The app registered ${aNewToken(turn)}.`,
  tone: 'good',
})

const restored: TellEvent = (turn, dayOf) => ({
  title: 'Restored',
  sentence: `On ${dayOf(turn.at)} this ${noun(turn)} came back into use${because(turn)}.`,
  tone: 'good',
})

const superseded: TellEvent = turn => ({
  title: 'Superseded',
  sentence: `The device has a newer ${noun(turn)}, so this one is not used any more.`,
  tone: 'plain',
})

const suspect: TellEvent = (turn, dayOf) => ({
  title: 'Suspect',
  sentence: `${said(turn, dayOf)} One sign is not proof: it is still sent to, and the next answer decides.`,
  tone: 'warning',
})

const quarantined: TellEvent = (turn, dayOf) => ({
  title: 'Quarantined',
  sentence: `${said(turn, dayOf)} Nothing is sent to it until the app registers it again.`,
  tone: 'warning',
})

const unregistered: TellEvent = (turn, dayOf) => ({
  title: 'Unregistered',
  sentence: `On ${dayOf(turn.at)} the app asked not to be sent to any more${because(turn)}.`,
  tone: 'plain',
})

const corrected: TellEvent = turn => ({
  title: 'Environment corrected',
  sentence: `The ${noun(turn)} turned out to belong to ${turn.environment ?? 'the other environment'}, and is now sent there.`,
  tone: 'good',
})

const EVENTS: Readonly<Record<string, TellEvent>> = {
  registered,
  active: (turn, dayOf) => ({
    title: 'Active',
    sentence: `In use since ${dayOf(turn.at)}.`,
    tone: 'good',
  }),
  refreshed: turn => ({
    title: 'Refreshed',
    sentence: `The app registered the same ${noun(turn)} again: it is still in use.`,
    tone: 'plain',
  }),
  restored,
  revived: restored,
  superseded,
  replaced: superseded,
  moved: turn => ({
    title: 'Moved',
    sentence: `Another device registered this ${noun(turn)}, so it belongs to that device now.`,
    tone: 'plain',
  }),
  suspect,
  suspected: suspect,
  quarantined,
  dead: (turn, dayOf) => ({
    title: 'Dead',
    sentence: said(turn, dayOf) + goneSince(turn, dayOf),
    tone: 'bad',
  }),
  unregistered,
  environment_corrected: corrected,
}

/** Reasons by their letters and digits in lower case, so that `Unregistered` and `UNREGISTERED` are one. */
const SAYINGS: Readonly<Record<string, (turn: Turn) => string>> = {
  unregistered: turn => `this ${noun(turn)} is gone`,
  unregisteredfid: turn => `this ${noun(turn)} is gone`,
  expiredtoken: turn => `this ${noun(turn)} has expired`,
  baddevicetoken: turn =>
    `it does not know this ${noun(turn)}${turn.environment ? ` in ${turn.environment}` : ''}`,
  devicetokennotfortopic: turn => `this ${noun(turn)} belongs to another app`,
  senderidmismatch: turn => `this ${noun(turn)} belongs to another Firebase project`,
  invalidargument: turn => `this is not a ${noun(turn)} that it gave out`,
  vapidpkhashmismatch: turn => `this ${noun(turn)} was made with another VAPID key`,
  gone: turn => `this ${noun(turn)} is gone`,
  notfound: turn => `this ${noun(turn)} is gone`,
  '410': turn => `this ${noun(turn)} is gone`,
  '404': turn => `this ${noun(turn)} is gone`,
  illegaltokens: turn => `this ${noun(turn)} is not valid`,
  '80300007': turn => `this ${noun(turn)} is not valid`,
}

/** Reasons that are ours: no gateway said anything. */
const OWN_REASONS: Readonly<Record<string, (turn: Turn) => string>> = {
  inactive: turn =>
    `Nothing had been heard from this device for so long that its ${noun(turn)} was given up.`,
  subscriptionexpired: turn => `This ${noun(turn)} has passed the expiry that the browser named.`,
  massfailureguard: () =>
    'So many tokens were refused at once that the fault is more likely on our side; this one is held, not ended.',
}

function said(turn: Turn, dayOf: (at: string) => string): string {
  const { reason } = turn
  if (!reason) return `No reason was recorded on ${dayOf(turn.at)}.`
  const key = reason.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  const own = OWN_REASONS[key]
  if (own) return own(turn)
  const saying = SAYINGS[key]
  const speaker = SPEAKERS[turn.provider ?? ''] ?? 'The gateway'
  if (saying) return `${speaker} said on ${dayOf(turn.at)} that ${saying(turn)}.`
  return `${speaker} answered ${reason} on ${dayOf(turn.at)}.`
}

/** Apple's 410 says since when it has known; the other gateways give no time. */
function goneSince(turn: Turn, dayOf: (at: string) => string): string {
  const since = sinceFrom(turn.evidence)
  return since === undefined ? '' : ` It had not been valid since ${dayOf(since)}.`
}

function sinceFrom(evidence: unknown): string | undefined {
  if (typeof evidence !== 'object' || evidence === null || !('since' in evidence)) return undefined
  const { since } = evidence
  return typeof since === 'string' && !Number.isNaN(Date.parse(since)) ? since : undefined
}

function because(turn: Turn): string {
  return turn.reason ? ` (${turn.reason})` : ''
}

const SPEAKERS: Readonly<Record<string, string>> = {
  apns: 'Apple',
  fcm: 'Google',
  webpush: 'The browser’s push service',
  hms: 'Huawei',
}

const OWNERS: Readonly<Record<string, string>> = {
  apns: 'an Apple token',
  fcm: 'a Google token',
  webpush: 'a browser subscription',
  hms: 'a Huawei token',
}

function aNewToken(turn: Turn): string {
  const owner = OWNERS[turn.provider ?? ''] ?? 'an address'
  return turn.environment ? `${owner} for ${turn.environment}` : owner
}

/** The gateway's own word for an address. */
function noun(turn: Turn): string {
  return turn.provider === 'webpush' ? 'subscription' : 'token'
}

function capitalise(event: string): string {
  const words = event.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
