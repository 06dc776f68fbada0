/** What rules ask of the facts again and again: whether the message is still to come, what was said of it, whether there is an address. */
import type { Evidence, LedgerEntry, TraceView } from '@roost/protocol'
import type { AddressFacts, CredentialFacts, Facts } from './facts.ts'
import { meaningOf, type ReasonOf, reasonOfOutcome } from './reasons.ts'
import { evidence, type Found, RULED_OUT, type RuledOut } from './rule.ts'
import type { MessageKey } from './texts/texts.ts'

/** Nothing has been decided yet: what is so now counts. */
export function isToCome({ message }: Facts): boolean {
  return message === null || message.trace.outcome === 'pending' || message.trace.outcome === 'waiting'
}

/** It came to nothing, and why is not on record: what was so when the message was sent counts. */
export function wasNotSent({ message }: Facts): boolean {
  return message?.trace.outcome === 'not_sent'
}

/** A gateway has taken it. */
export function acceptanceOf({ message }: Facts): (TraceView & { readonly at: string }) | undefined {
  const trace = message?.trace
  return trace?.outcome === 'accepted' && trace.at !== null ? { ...trace, at: trace.at } : undefined
}

/** While a message is to come nothing of it is disproved: it may meet what it has not met yet. */
export function ruledOutOnceOver(facts: Facts): RuledOut | null {
  return isToCome(facts) ? null : RULED_OUT
}

/** What a gateway that takes a message disproves of that message; of one that did not come to it, nothing. */
export function ruledOutByAcceptance(facts: Facts): RuledOut | null {
  return acceptanceOf(facts) === undefined ? null : RULED_OUT
}

/** An acceptance is booked when its answers are in; of one so shortly after a change it is not known which of both it was for. */
const IN_FLIGHT_MS = 60_000

/** When the gateway took something for the address as it is now, last as far as is on record; undefined: not as far as that is known. */
function acceptedNow({ address, lately }: Facts): string | undefined {
  if (address === null || !isLiving(address)) return undefined
  const { firstRegisteredAt, stateSince, acceptedAt } = address
  const began = Math.max(Date.parse(firstRegisteredAt), Date.parse(stateSince))
  const last = lately.find(it => Date.parse(it.at) > began + IN_FLIGHT_MS)?.at
  return last ?? (acceptedAt !== null && Date.parse(acceptedAt) >= began ? acceptedAt : undefined)
}

/** What the address is, and never changes: an acceptance of it disproves that it is of somewhere else. */
export function ruledOutOfAddress(facts: Facts): RuledOut | null {
  if (!isToCome(facts)) return ruledOutByAcceptance(facts)
  return acceptedNow(facts) === undefined ? null : RULED_OUT
}

/** That address and credential do not fit: disproved by an acceptance since the credential has its content. */
export function ruledOutOfPair(facts: Facts): RuledOut | null {
  if (!isToCome(facts)) return ruledOutByAcceptance(facts)
  const acceptedAt = acceptedNow(facts)
  const [credential, another] = facts.credentials.filter(it => serves(it, facts))
  // Of several it is not on record which one it was taken with.
  if (acceptedAt === undefined || credential === undefined || another !== undefined) return null
  return Date.parse(acceptedAt) > Date.parse(credential.updatedAt) + IN_FLIGHT_MS ? RULED_OUT : null
}

/** What the device has told of the message; kinds as in receipts. */
export function hasTold({ message }: Facts, ...kinds: readonly string[]): boolean {
  return message?.trace.receipts.some(it => kinds.includes(it.kind)) ?? false
}

/** When the audience was read, or the message came to its end for this device. */
export function momentOf({ message, at }: Facts): string {
  return message?.trace.at ?? message?.plannedAt ?? new Date(at).toISOString()
}

/** Nobody has told anything of the device since the message was planned, so that what is known of it was so then. */
export function isAsThen(facts: Facts): boolean {
  const plannedAt = facts.message?.plannedAt ?? null
  if (isToCome(facts) || plannedAt === null || facts.device === null) return true
  return !isAfter(facts.device.lastToldAt, plannedAt)
}

/** A reason that was given, by whom, and what it means. */
export interface Said {
  readonly key: MessageKey
  readonly of: ReasonOf
  readonly reason: string
  readonly verdict: Found['verdict']
  readonly evidence: Evidence
  /** When the next try is due; null when none is, or when it waits for a credential. */
  readonly dueAt: string | null
}

/** What was said that this rule tells the meaning of; of the delivery first, then of the credential, then of the address. */
export function saidFor(facts: Facts, rule: string): Said | undefined {
  const all = [...saidOfDelivery(facts), ...saidOfCredential(facts), ...saidOfAddress(facts)]
  return all.find(it => it.rule === rule)
}

type Ruled = Said & { readonly rule: string }

function ruled(said: Omit<Said, 'key'>, gateway: string | null): Ruled[] {
  const meant = meaningOf(said.of, said.reason, gateway)
  return meant === undefined ? [] : [{ ...said, ...meant }]
}

function saidOfDelivery({ message }: Facts): Ruled[] {
  const trace = message?.trace
  if (trace?.reason == null || trace.reason === 'not_in_audience') return []
  const { outcome, reason, gateway, at, nextTryAt, attempts } = trace
  const isHeld = outcome === 'waiting' && nextTryAt === null
  return ruled(
    {
      of: reasonOfOutcome(outcome, { reason, isHeld }),
      reason,
      verdict: 'proven',
      evidence: evidence('delivery', at, { outcome, reason, gateway, attempts }),
      dueAt: nextTryAt,
    },
    gateway,
  )
}

/** The one that the address would be sent to with: the newest that is not paused, else the newest. */
export function credentialOf(facts: Facts): CredentialFacts | undefined {
  const fit = facts.credentials.filter(it => serves(it, facts))
  return fit.find(it => pauseOf(it, facts) === undefined) ?? fit[0]
}

function serves({ gateway, environments, id }: CredentialFacts, { address, device }: Facts): boolean {
  if (gateway === 'apns') return environments.includes(environmentOf({ address, device }))
  if (gateway === 'webpush')
    return address === null || address.credentialId === null || address.credentialId === id
  return true
}

/** In which its address is, or would be. */
export function environmentOf({ address, device }: Pick<Facts, 'address' | 'device'>): string {
  if (address !== null) return address.environment
  return device?.record.environment ?? 'production'
}

export function pauseOf(
  { pauses }: CredentialFacts,
  { address }: Facts,
): CredentialFacts['pauses'][number] | undefined {
  return pauses.find(it => it.part === '' || it.part === address?.part)
}

/** A pause stops it; what a check was told does so when it is sent. */
function saidOfCredential(facts: Facts): Ruled[] {
  const credential = isToCome(facts) ? credentialOf(facts) : undefined
  if (credential === undefined) return []
  const { id, gateway, checks, pauses } = credential
  const part = facts.address?.part ?? ''
  const said = (verdict: Found['verdict'], it: { part: string; reason: string; at: string }) =>
    ruled(
      {
        of: 'credential',
        reason: it.reason,
        verdict,
        evidence: evidence('credential', it.at, {
          credential: id,
          reason: it.reason,
          part: it.part || undefined,
        }),
        dueAt: null,
      },
      gateway,
    )
  return [
    ...pauses.flatMap(it => {
      if (it.part === '' || it.part === part) return said('proven', it)
      // Whom Firebase reaches through Apple or a browser it tells only when that fails.
      return gateway === 'fcm' ? said('possible', it) : []
    }),
    ...checks.flatMap(it =>
      it.outcome === 'refused' && (it.environment === null || it.environment === part)
        ? said('likely', { part: it.environment ?? '', reason: it.reason ?? 'refused', at: it.at })
        : [],
    ),
  ]
}

/** An address that had ended when it was needed. */
export interface Ended {
  readonly state: string
  readonly reason: string
  readonly since: string
  readonly provider: string
  readonly environment: string
  readonly evidence: Evidence
}

const REMOVALS: ReadonlySet<string> = new Set(['dead', 'unregistered', 'superseded', 'moved', 'quarantined'])
/** What changes nothing of whether an address is sent to, or only concludes why it is not. */
const NEUTRAL: ReadonlySet<string> = new Set(['opted_out', 'opted_in', 'uninstalled', 'replaced'])
/** Longer histories are of test devices, and of clients that go wrong. */
export const LEDGER_ENTRIES = 50

/** Null when there was an address that is sent to, or never any. */
export function endedAddress(facts: Facts): Ended | null {
  const { address, message } = facts
  const outcome = message?.trace.outcome
  if (isToCome(facts)) return address === null || isLiving(address) ? null : endedNow(address)
  if (outcome !== 'not_sent' && outcome !== 'skipped') return null
  // The audience was decided at the one moment, and had been read at the other.
  const moments = [momentOf(facts), message?.finishedAt ?? new Date(facts.at).toISOString()]
  const entry = moments
    .map(it => lastEntry(facts.ledger, it))
    .find(it => it !== undefined && REMOVALS.has(it.event))
  return entry === undefined ? null : endedThen(entry)
}

export function isLiving({ state }: Pick<AddressFacts, 'state'>): boolean {
  return state === 'active' || state === 'suspect'
}

function endedNow(address: AddressFacts): Ended {
  const { state, reason, stateSince, provider, environment, addressEnd } = address
  return {
    state,
    reason: reason ?? state,
    since: stateSince,
    provider,
    environment,
    evidence: evidence('address', stateSince, { state, reason, provider, environment, addressEnd }),
  }
}

function endedThen(entry: LedgerEntry): Ended {
  const { event, reason, at, provider, environment, addressEnd } = entry
  return {
    state: event,
    // Of those that asked to be left alone the entry says who asked.
    reason: reason ?? event,
    since: at,
    provider,
    environment: environment ?? '',
    evidence: evidence('ledger', at, { event, reason, provider, environment, addressEnd }),
  }
}

/** The last that happened to its addresses for notifications. */
function lastEntry(ledger: readonly LedgerEntry[], until: string): LedgerEntry | undefined {
  return ledger.find(
    it => it.kind === 'alert' && !NEUTRAL.has(it.event) && Date.parse(it.at) <= Date.parse(until),
  )
}

/** Whether the ledger tells of the addresses that the device had when they were needed. */
export function isLedgerKnown(facts: Facts): boolean {
  const { outcome } = facts.message?.trace ?? {}
  if (isToCome(facts) || (outcome !== 'not_sent' && outcome !== 'skipped')) return true
  return isKnownAt(facts.ledger, momentOf(facts))
}

/** Of a ledger that is longer than what was read of it, what lies before is not known. */
function isKnownAt(ledger: readonly LedgerEntry[], moment: string): boolean {
  const oldest = ledger.at(-1)
  return oldest === undefined || ledger.length < LEDGER_ENTRIES || !isAfter(oldest.at, moment)
}

/** Whether the device had ever had an address when it was needed. */
export function hadNone(facts: Facts): boolean {
  if (isToCome(facts)) return facts.address === null
  const { outcome } = facts.message?.trace ?? {}
  if (outcome !== 'not_sent' && outcome !== 'skipped') return false
  const moment = momentOf(facts)
  return isKnownAt(facts.ledger, moment) && lastEntry(facts.ledger, moment) === undefined
}

function saidOfAddress(facts: Facts): Ruled[] {
  const ended = endedAddress(facts)
  if (ended === null) return []
  const { reason, provider, evidence: told } = ended
  return ruled({ of: 'address', reason, verdict: 'proven', evidence: told, dueAt: null }, provider)
}

/** R26: whether the address was kept from being sent to when it was needed, and since when. */
export function optedOutAt({ ledger }: Facts, until: string): LedgerEntry | undefined {
  const entry = ledger.find(it => /^opted_(out|in)$/.test(it.event) && Date.parse(it.at) <= Date.parse(until))
  return entry?.event === 'opted_out' ? entry : undefined
}

export function isAfter(one: string, other: string): boolean {
  return Date.parse(one) > Date.parse(other)
}

export function daysBetween(from: string, to: number): number {
  return Math.floor((to - Date.parse(from)) / (24 * 3_600_000))
}
