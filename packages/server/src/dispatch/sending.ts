/**
 * Sending the deliveries of a chunk: who may go, what each came to, and what that says of the credential.
 *
 * Apple keeps one registry of tokens per environment. R12: a token that was never accepted and that its environment does
 * not know is shown to the other one, once; the delivery itself is the proof, with the same apns-id.
 */
import { hash } from 'node:crypto'
import type { AttemptOutcome, Notification, Wish } from '@roost/gateways'
import type { Logger } from 'pino'
import type { Pause } from '../credentials/pauses.ts'
import { type AppSenders, contentKey, type Delivery, type Sender } from '../credentials/senders.ts'
import { mismatchKind, otherEnvironment } from '../hygiene/mismatches.ts'
import type { ContentRenderer } from '../messages/experiments/render.ts'
import type { Rendered } from '../messages/render.ts'
import { faultOf } from '../messages/sizes.ts'
import type { Clock } from '../time.ts'
import type { Recipient } from './chunk.ts'
import { type Held, pauseKey } from './holds.ts'
import type { Batch, LeaseState } from './lease.ts'
import { type Origins, PATIENCE_MS } from './origins.ts'
import { personOf } from './person.ts'
import { callPartOf, isOneWay, ownOriginOf, partOf, partsOf, provesCredential } from './scope.ts'
import { expiresAt, type Settlement } from './settle.ts'
import { type Waves, waveReason } from './waves.ts'

/**
 * So long what was read of a chunk's devices and addresses is acted on (R3, R11, R25). Whoever waits longer for room at a gateway
 * that is slow, throttled or away is read again before the next try. Real time, whatever the clock says.
 */
export const FRESH_MS = 10_000
/** For people; of a gateway whose clients give up what is not wanted any more. */
const NO_ROOM = `no room at the gateway for ${FRESH_MS / 1000} seconds`
const IS_NOT_WANTED = /not wanted any more/
/** Of a suffix behind the bundle id. Source: Apple, "Handling notification responses from APNs". */
const IS_OF_TOPIC = /^(TopicDisallowed|BadTopic|MissingTopic)/

export interface SendingOptions {
  readonly batch: Batch
  readonly senders: AppSenders
  readonly renderer: ContentRenderer
  readonly lease: LeaseState
  readonly clock: Clock
  readonly logger: Logger
  readonly origins: Origins
  readonly waves: Waves
  /** They are few, and somebody waits for them. */
  readonly isUrgent: boolean
}

export interface Sent {
  readonly settlements: readonly Settlement[]
  readonly refused: readonly Pause[]
  readonly mended: readonly ServedBy[]
  readonly proven: readonly ServedBy[]
  readonly unfitFor: Held['unfitFor']
}

/** A content of a credential, and the part of it that serves an address. */
type ServedBy = Omit<Pause, 'reason'>

export interface Tried {
  readonly settlement: Settlement
  /** What the outcome is evidence for; undefined when nothing was asked. */
  readonly by: ServedBy | undefined
}

type ReadySender = Extract<Sender, { kind: 'ready' }>
type SentSettlement = Extract<Settlement, { kind: 'sent' }>
type Ready = Exclude<Rendered, { kind: 'skip' }>

export class Sending {
  readonly #options: SendingOptions
  readonly #refused = new Map<string, Pause>()
  readonly #mended: ServedBy[] = []
  readonly #waiting = new Map<string, Recipient[]>()
  readonly #proven = new Map<string, ServedBy>()
  /** Of gateways with one part for all addresses of a sender: one object, and one key, for thousands of deliveries. */
  readonly #servedBy = new Map<ReadySender, ServedBy>()
  readonly #keys = new Map<ServedBy, string>()
  readonly #expiresAt: number
  readonly #wish: Wish

  constructor(options: SendingOptions) {
    this.#options = options
    const freshUntil = performance.now() + FRESH_MS
    this.#wish = {
      get isWanted() {
        return options.lease.isWanted && performance.now() < freshUntil
      },
      isUrgent: options.isUrgent,
    }
    this.#expiresAt = expiresAt(options.batch)
  }

  /** After a lease is lost nothing is sent any more, and what this gives back can't be booked. */
  sendOne(recipient: Recipient): Promise<Tried> {
    const origin = ownOriginOf(recipient)
    return origin === undefined ? this.#sendInTurn(recipient) : this.#sendTo(origin, recipient)
  }

  async #sendTo(origin: string, recipient: Recipient): Promise<Tried> {
    const { origins } = this.#options
    if (!(await origins.enter(origin))) {
      const settlement = deferred(recipient, this.#options.clock.now() + PATIENCE_MS)
      return { settlement, by: undefined }
    }
    let outcome: AttemptOutcome | undefined
    try {
      const notBefore = origins.notBefore(origin)
      if (notBefore > 0) return { settlement: deferred(recipient, notBefore), by: undefined }
      return await this.#sendInTurn(recipient, it => {
        outcome = it
      })
    } finally {
      origins.leave(origin, outcome)
    }
  }

  /** When all are sent: mismatches are judged by what the whole chunk says of their credential. */
  finish(tried: readonly Tried[]): Sent {
    for (const it of tried) this.#note(it)
    const settlements = tried.map(it => this.#judge(it))
    return {
      settlements,
      refused: [...this.#refused.values()],
      mended: this.#mended,
      proven: [...this.#proven.values()],
      unfitFor: pause => this.#unfitFor(pause),
    }
  }

  #unfitFor(pause: Pause): string[] {
    const waiting = this.#waiting.get(pauseKey(pause)) ?? []
    return this.#options.senders.unfitFor(pause.part, waiting).map(contentKey)
  }

  #hold(recipient: Recipient, pause: Pause): Settlement {
    const waiting = this.#waiting.get(pauseKey(pause))
    if (waiting === undefined) this.#waiting.set(pauseKey(pause), [recipient])
    else waiting.push(recipient)
    return { kind: 'held', ...keyOf(recipient), pause }
  }

  /** `tell` hears what the gateway said, when it was asked. */
  async #sendInTurn(recipient: Recipient, tell?: (outcome: AttemptOutcome) => void): Promise<Tried> {
    const { batch, clock, lease } = this.#options
    const sentAt = clock.now()
    if (!lease.isWanted) return { settlement: stopped(recipient, sentAt), by: undefined }
    const sender = this.#senderFor(recipient, sentAt)
    if (!('send' in sender)) return { settlement: sender, by: undefined }
    const rendered = this.#options.renderer.notificationFor(recipient)
    if (rendered.kind === 'skip') return { settlement: skipped(recipient, rendered.reason), by: undefined }
    const hash = deliveryHash(batch.messageId, recipient.hwid)
    const outcome = await this.#attempt({ sender, recipient, rendered, hash })
    if (outcome.kind === 'not_sent' && !lease.isWanted)
      return { settlement: stopped(recipient, sentAt), by: undefined }
    tell?.(outcome)
    return this.#read({ recipient, sender, sentAt, rendered, hash, outcome })
  }

  /** Who sends it, or why nobody does now. */
  #senderFor(recipient: Recipient, at: number): ReadySender | Settlement {
    const { senders } = this.#options
    if (at > this.#expiresAt) return { kind: 'skipped', ...keyOf(recipient), reason: 'expired' }
    if (recipient.expiresAt !== null && Date.parse(recipient.expiresAt) <= at)
      return { kind: 'skipped', ...keyOf(recipient), reason: 'address_expired' }
    if (recipient.wasServed) return { kind: 'skipped', ...keyOf(recipient), reason: 'address_served' }
    const sender = senders.for(recipient, recipient.probePart)
    if (sender.kind === 'missing') return { kind: 'skipped', ...keyOf(recipient), reason: sender.reason }
    if (sender.kind === 'paused') return this.#hold(recipient, sender.pause)
    // The gateway refused it a moment ago: asking again for each device would only harm its standing.
    const refusal = this.#refusalOf(sender, this.#partsOf(recipient))
    return refusal === undefined ? sender : this.#hold(recipient, refusal)
  }

  #partsOf(recipient: Recipient): string[] {
    return partsOf(recipient, this.#options.batch.addressKind)
  }

  #refusalOf({ credentialId, version }: ReadySender, parts: readonly string[]): Pause | undefined {
    if (this.#refused.size === 0) return undefined
    return parts
      .map(part => this.#refused.get(pauseKey({ credentialId, version, part })))
      .find(it => it !== undefined)
  }

  #read(attempt: FirstAttempt): Tried | Promise<Tried> {
    const { recipient, sender, sentAt, hash, outcome } = attempt
    const by = this.#byOf(sender, recipient)
    if (outcome.kind === 'credential_fault') return this.#refuse(attempt, outcome).tried
    if (recipient.probePart !== null && provesCredential(outcome))
      this.#mended.push({ ...by, part: recipient.probePart })
    const sent: SentSettlement = {
      kind: 'sent',
      bucket: recipient.bucket,
      hwid: recipient.hwid,
      attempt: recipient.attempt,
      recipient,
      hash,
      by,
      sentAt,
      outcome,
      trust: 'full',
      acceptedIn: undefined,
    }
    const isWrongPlace = outcome.kind === 'address_mismatch' && mismatchKind(outcome.reason) === 'environment'
    if (isWrongPlace && !recipient.wasAccepted)
      return this.#tryElsewhere({ settlement: sent, by }, attempt.rendered)
    return { settlement: sent, by }
  }

  async #tryElsewhere(
    first: { readonly settlement: SentSettlement; readonly by: ServedBy },
    rendered: Ready,
  ): Promise<Tried> {
    const { recipient, hash } = first.settlement
    const environment = otherEnvironment(recipient.environment)
    if (environment === undefined) return first
    const there = { ...recipient, environment }
    const sender = this.#options.senders.for(there)
    if (sender.kind !== 'ready' || this.#refusalOf(sender, this.#partsOf(there)) !== undefined) return first
    const outcome = await this.#attempt({ sender, recipient: there, rendered, hash })
    if (outcome.kind === 'address_mismatch' || outcome.kind === 'address_dead') return first
    if (outcome.kind === 'credential_fault') {
      const refused = this.#refuse({ recipient: there, sender }, outcome)
      // That it may not ask there is no reason to wait: it was not possible to try, and the address is not of here.
      return refused.part === '' ? refused.tried : first
    }
    const acceptedIn = outcome.kind === 'accepted' ? environment : undefined
    const by = this.#byOf(sender, there)
    return { settlement: { ...first.settlement, by, outcome, acceptedIn }, by }
  }

  #refuse(
    { recipient, sender }: Pick<FirstAttempt, 'recipient' | 'sender'>,
    outcome: Extract<AttemptOutcome, { kind: 'credential_fault' }>,
  ): { readonly tried: Tried; readonly part: string } {
    const { credentialId, version } = sender
    const { part = '', reason } = outcome
    const pause = this.#pause({ credentialId, version, part, reason })
    return { tried: { settlement: this.#hold(recipient, pause), by: undefined }, part }
  }

  /** The first reason stays. */
  #pause(pause: Pause): Pause {
    const key = pauseKey(pause)
    const known = this.#refused.get(key)
    if (known !== undefined) return known
    this.#refused.set(key, pause)
    this.#options.logger.warn({ ...pause }, 'a credential is paused')
    return pause
  }

  /** A client promises never to reject; one that does must not take its whole chunk with it. */
  async #attempt({ sender, recipient, rendered, hash }: NextAttempt): Promise<AttemptOutcome> {
    if (rendered.kind === 'fault') return { kind: 'message_fault', reason: rendered.reason }
    const notification = this.#timed(rendered.notification)
    const delivery: Delivery = {
      deliveryId: deliveryIdOf(hash),
      hwid: recipient.hwid,
      target: recipient,
      notification,
      userId: personOf(recipient),
      wish: this.#wish,
    }
    try {
      return this.#ofCall(recipient, staleOf(faultOf(await sender.send(delivery))))
    } catch (error) {
      this.#options.logger.error({ err: error, gateway: recipient.provider }, 'a gateway client failed')
      return { kind: 'uncertain', reason: 'internal_error' }
    }
  }

  /** What rings is kept until its ring time is over, whichever try this is: of APNs to the second. */
  #timed(notification: Notification): Notification {
    const { batch, clock } = this.#options
    if (batch.callId === null) return notification
    const ttlSeconds = Math.floor(this.#expiresAt / 1000) - Math.floor(clock.now() / 1000)
    return { ...notification, ttlSeconds: Math.max(0, ttlSeconds), likeness: undefined }
  }

  /** A key or certificate that may not ring at all is good for all else, and goes on with that; another one may ring. */
  #ofCall(recipient: Recipient, outcome: AttemptOutcome): AttemptOutcome {
    const isOfTopic = outcome.kind === 'credential_fault' && IS_OF_TOPIC.test(outcome.reason)
    if (!isOfTopic || this.#options.batch.addressKind !== 'voip') return outcome
    return { ...outcome, part: callPartOf(recipient) }
  }

  #byOf(sender: ReadySender, recipient: Recipient): ServedBy {
    if (!isOneWay(recipient.provider)) return servedBy(sender, recipient)
    const known = this.#servedBy.get(sender)
    if (known !== undefined) return known
    const by = servedBy(sender, recipient)
    this.#servedBy.set(sender, by)
    return by
  }

  #keyOf(by: ServedBy): string {
    const known = this.#keys.get(by)
    if (known !== undefined) return known
    const key = pauseKey(by)
    this.#keys.set(by, key)
    return key
  }

  #note({ settlement, by }: Tried): void {
    if (by === undefined || settlement.kind !== 'sent') return
    const { outcome } = settlement
    if (isTelling(outcome)) this.#options.waves.note(this.#keyOf(by), 'mismatched')
    if (outcome.kind !== 'accepted') return
    this.#options.waves.note(this.#keyOf(by), 'accepted')
    if (!this.#options.senders.isProven(by)) this.#proven.set(this.#keyOf(by), by)
  }

  #judge({ settlement, by }: Tried): Settlement {
    if (by === undefined || settlement.kind !== 'sent' || !isTelling(settlement.outcome)) return settlement
    const verdict = this.#options.waves.judge(pauseKey(by))
    if (verdict !== 'wave') return { ...settlement, trust: verdict }
    // Of this app it is, so whose addresses these are says nothing of it: a stranger may have registered them.
    if (this.#options.senders.isProven(by)) return { ...settlement, trust: 'little' }
    const pause = this.#pause({ ...by, reason: waveReason(settlement.outcome.reason), isWave: true })
    return this.#hold(settlement.recipient, pause)
  }
}

interface NextAttempt {
  readonly recipient: Recipient
  readonly sender: ReadySender
  readonly rendered: Ready
  /** Of the delivery. */
  readonly hash: string
}

interface FirstAttempt extends NextAttempt {
  readonly sentAt: number
  readonly outcome: AttemptOutcome
}

function staleOf(outcome: AttemptOutcome): AttemptOutcome {
  const isStale = outcome.kind === 'not_sent' && IS_NOT_WANTED.test(outcome.reason)
  return isStale ? { kind: 'not_sent', reason: NO_ROOM } : outcome
}

/** A mismatch that may as well be the credential's. */
function isTelling(
  outcome: AttemptOutcome,
): outcome is Extract<AttemptOutcome, { kind: 'address_mismatch' }> {
  return outcome.kind === 'address_mismatch' && mismatchKind(outcome.reason) !== 'doubt'
}

function servedBy({ credentialId, version }: ReadySender, recipient: Recipient): ServedBy {
  return { credentialId, version, part: partOf(recipient) }
}

function keyOf({ bucket, hwid, attempt }: Recipient): Pick<Recipient, 'bucket' | 'hwid' | 'attempt'> {
  return { bucket, hwid, attempt }
}

function skipped(recipient: Recipient, reason: string): Settlement {
  return { kind: 'skipped', ...keyOf(recipient), reason }
}

function deferred(recipient: Recipient, dueAt: number): Settlement {
  return { kind: 'deferred', ...keyOf(recipient), dueAt, reason: 'origin_throttled' }
}

/** It is due as soon as its message goes on, if it does. */
function stopped(recipient: Recipient, at: number): Settlement {
  return { kind: 'deferred', ...keyOf(recipient), dueAt: at, reason: 'stopped' }
}

/** The two bits of RFC 9562's variant, and two of the hash. */
const VARIANTS = '89ab'

/** Of message and device, 64 hex digits: its id, and the proof of its acceptance, are both of it. A message's id has a fixed length. */
export function deliveryHash(messageId: string, hwid: string): string {
  return hash('sha256', messageId + hwid, 'hex')
}

/**
 * The same for every repeat of a delivery, so that gateways and devices can tell a repeat from a new message:
 * a UUID (version 8, RFC 9562).
 */
export function deliveryIdOf(digits: string): string {
  const variant = VARIANTS.charAt(Number.parseInt(digits.charAt(16), 16) & 3)
  const ends = `8${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20, 32)}`
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${ends}`
}
