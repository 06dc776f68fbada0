/**
 * Who has to wait after an outcome: the delivery alone, its batch, an origin, or everything that a credential (or a part
 * of it) serves. The one place where this is decided, by the outcome's class and scope and by what each gateway is like.
 *
 * Apple, Google and Huawei have one origin each, ours to ask; a browser's endpoint names the origin itself, so what one
 * of them says concerns nobody else.
 * Source: outcome.ts of the gateways; RFC 8030 §7 and §8.4 for push services.
 */
import type { AttemptOutcome } from '@roost/gateways'
import type { Provider } from '@roost/protocol'
import type { SendTarget } from '../credentials/senders.ts'
import type { MessageAddressKind } from './chunk.ts'

/** What waits, and until when: nothing; the delivery; what else goes the same way as well. */
export type Scope = 'nothing' | 'delivery' | 'batch' | 'origin' | 'credential'

type OutcomeClass =
  | Exclude<AttemptOutcome['kind'], 'retry'>
  | `retry_${Extract<AttemptOutcome, { kind: 'retry' }>['scope']}`

const SCOPES: Readonly<Record<OutcomeClass, Scope>> = {
  accepted: 'nothing',
  address_dead: 'nothing',
  address_mismatch: 'nothing',
  message_fault: 'nothing',
  uncertain: 'nothing',
  retry_device: 'delivery',
  retry_credential: 'batch',
  retry_origin: 'origin',
  not_sent: 'origin',
  credential_fault: 'credential',
}

interface Gateway {
  /** All its addresses are at one origin. */
  readonly hasOneOrigin: boolean
  /** The part of a credential that serves this address, as far as it can be told beforehand; '' = all of it. */
  readonly partOf: (target: SendTarget) => string
}

const whole = (): string => ''

const GATEWAYS: Readonly<Record<Provider, Gateway>> = {
  // A key or certificate of one environment says nothing of the other one (race F).
  apns: { hasOneOrigin: true, partOf: ({ environment }) => environment },
  // Which devices are reached through Apple or a browser, Firebase tells only when it fails.
  fcm: { hasOneOrigin: true, partOf: whole },
  hms: { hasOneOrigin: true, partOf: whole },
  webpush: { hasOneOrigin: false, partOf: ({ address }) => originOf(address) },
}

/** `https://host[:port]` of an endpoint that was checked when it was registered; no URL is parsed. */
function originOf(endpoint: string): string {
  const path = endpoint.indexOf('/', 'https://'.length)
  return path < 0 ? endpoint : endpoint.slice(0, path)
}

export function scopeOf(outcome: AttemptOutcome): Scope {
  return outcome.kind === 'retry' ? SCOPES[`retry_${outcome.scope}`] : SCOPES[outcome.kind]
}

/** The part whose pause holds this address up. */
export function partOf(target: SendTarget): string {
  return GATEWAYS[target.provider].partOf(target)
}

/** The part of a credential that rings by PushKit in this environment: what may not is good for all else. */
export function callPartOf({ environment }: Pick<SendTarget, 'environment'>): string {
  return `${environment} ${CALL_PART}`
}
const CALL_PART = 'voip'

/** The parts whose pauses hold this address up; '' = all of the credential. */
export function partsOf(target: SendTarget, kind: MessageAddressKind | undefined): string[] {
  const parts = ['', partOf(target)]
  return kind === 'voip' ? [...parts, callPartOf(target)] : parts
}

/** Where the address is, for gateways at which every address may be elsewhere. */
export function ownOriginOf(target: SendTarget): string | undefined {
  return GATEWAYS[target.provider].hasOneOrigin ? undefined : originOf(target.address)
}

/** Whether what the gateway says of one address tells something of the way to the others. */
export function isOneWay(provider: Provider): boolean {
  return GATEWAYS[provider].hasOneOrigin
}

/** The gateway has looked at the address, so it took the credential. */
export function provesCredential(outcome: AttemptOutcome): boolean {
  return outcome.kind === 'accepted' || outcome.kind === 'address_dead'
}

/** A gateway that asks for more patience than this is asked again all the same. */
export const LONGEST_WAIT_MS = 60 * 60_000
/** A gateway that can't be reached is tried again by the next chunk, so that the rest is not read for nothing. */
const UNREACHABLE_PAUSE_MS = 10_000
const ORIGIN_PAUSE_MS = 30_000
const DEFAULT_PAUSE_MS = 1000

/**
 * How long the batch as a whole waits: for a throttled credential; for its one origin, when that took nothing of the
 * chunk. Where it took some, each delivery waits by itself.
 */
export function batchPauseMs(
  outcome: AttemptOutcome,
  place: { readonly provider: Provider; readonly tookSome: boolean },
): number {
  const scope = scopeOf(outcome)
  if (scope === 'batch') return credentialPauseMs(outcome)
  if (scope !== 'origin' || place.tookSome || !isOneWay(place.provider)) return 0
  if (outcome.kind === 'not_sent') return UNREACHABLE_PAUSE_MS
  return Math.min(askedMs(outcome) ?? DEFAULT_PAUSE_MS, ORIGIN_PAUSE_MS)
}

/** How long everything that goes by a throttled credential waits; 0 where nothing was said of it. */
export function credentialPauseMs(outcome: AttemptOutcome): number {
  return scopeOf(outcome) === 'batch' ? (askedMs(outcome) ?? DEFAULT_PAUSE_MS) : 0
}

/** How long everything at the address's own origin waits: as long as it asked for, and not at all when it did not. */
export function originPauseMs(outcome: AttemptOutcome): number {
  return scopeOf(outcome) === 'origin' ? (askedMs(outcome) ?? 0) : 0
}

function askedMs(outcome: AttemptOutcome): number | undefined {
  if (outcome.kind !== 'retry' || outcome.afterMs === undefined) return undefined
  return Math.min(LONGEST_WAIT_MS, outcome.afterMs)
}
