/**
 * The dispatcher: plans due messages, leases batches, sends chunk after chunk. Any number of processes may run one
 * on the same database.
 */
import { createHash } from 'node:crypto'
import type { AttemptOutcome, Notification } from '@roost/gateways'
import type { Logger } from 'pino'
import { wakeHeld } from '../credentials/pauses.ts'
import type { AppSenders, Delivery, Sender, Senders } from '../credentials/senders.ts'
import { hashOf } from '../insight/receipts.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type DueDelivery, type Recipient, readDueDeliveries, readRecipients } from './chunk.ts'
import {
  type Batch,
  type Blocker,
  type Cursor,
  claimBatch,
  failBatch,
  finishMessages,
  LEASE_RENEWAL_MS,
  LeaseLost,
  releaseBatch,
  renewLease,
} from './lease.ts'
import { planNext } from './plan.ts'
import { expiresAt, hasAccepted, LONGEST_WAIT_MS, type Settlement, settleChunk } from './settle.ts'

export interface DispatcherOptions {
  readonly db: Database
  readonly senders: Senders
  readonly clock: Clock
  readonly logger: Logger
  /** Batches worked on at once by this process. */
  readonly parallelBatches?: number
  /** How often to look for due work that nobody announced, ms. */
  readonly pollMs?: number
  readonly random?: () => number
}

/** What a crash may repeat, and what a commit costs: 500 sends. */
const CHUNK = 500
/** Requests of one chunk in flight; the transport has its own limits below this one. */
const IN_FLIGHT = 250
/** A gateway that can't be reached is tried again by the next chunk, so that the rest is not read for nothing. */
const UNREACHABLE_PAUSE_MS = 10_000
const ORIGIN_PAUSE_MS = 30_000

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #stop = new AbortController()
  readonly #wakers = new Set<() => void>()
  #loops: Promise<unknown> = Promise.resolve()
  #pokes = 0

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  start(): void {
    const runners = Array.from({ length: this.#options.parallelBatches ?? 4 }, () =>
      this.#run(() => this.#workOnce()),
    )
    this.#loops = Promise.all([this.#run(() => this.#planOnce()), ...runners])
  }

  /** Something became due: look now instead of at the next poll. */
  poke(): void {
    this.#pokes++
    for (const wake of [...this.#wakers]) wake()
  }

  /** Finishes the chunks in hand and gives their batches back. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.poke()
    await this.#loops
  }

  async #run(once: () => Promise<boolean>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const pokesBefore = this.#pokes
      const didWork = await once().catch((error: unknown) => {
        this.#options.logger.error({ err: error }, 'dispatch failed; trying again')
        return false
      })
      // A poke that came while we looked may be about what we did not see any more.
      if (!didWork && pokesBefore === this.#pokes) await this.#rest()
    }
  }

  #rest(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const wake = () => {
        clearTimeout(timer)
        this.#wakers.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, this.#options.pollMs ?? 500)
      this.#wakers.add(wake)
    })
  }

  async #planOnce(): Promise<boolean> {
    const { db, clock } = this.#options
    if (await planNext(db, clock.now())) {
      this.poke()
      return true
    }
    await wakeHeld(db, clock.now())
    await finishMessages(db, clock.now())
    return false
  }

  async #workOnce(): Promise<boolean> {
    const { db, clock, logger } = this.#options
    const batch = await claimBatch(db, clock.now())
    if (batch === undefined) return false
    const hold = new LeaseHold()
    const renewal = setInterval(() => void this.#renew(batch, hold), LEASE_RENEWAL_MS)
    try {
      const pause = await this.#work(batch, hold)
      await releaseBatch(db, batch, pause)
      await finishMessages(db, clock.now())
    } catch (error) {
      await this.#giveUp(batch, error)
    } finally {
      clearInterval(renewal)
    }
    logger.trace({ batch: batch.id }, 'batch given back')
    return true
  }

  async #giveUp(batch: Batch, error: unknown): Promise<void> {
    const { db, logger } = this.#options
    if (error instanceof LeaseLost) {
      logger.warn({ batch: batch.id }, 'lease lost; the batch was taken over')
      return
    }
    logger.error({ err: error, batch: batch.id }, 'batch failed')
    await failBatch(db, batch)
  }

  async #renew(batch: Batch, hold: LeaseHold): Promise<void> {
    const { db, logger } = this.#options
    try {
      if (!(await renewLease(db, batch))) hold.isLost = true
    } catch (error) {
      logger.warn({ err: error, batch: batch.id }, 'lease could not be renewed')
    }
  }

  /** Sends chunks until the batch is read through, has to wait, or the process is to stop. */
  async #work(leased: Batch, hold: LeaseHold): Promise<Pause> {
    const { clock, db } = this.#options
    let batch = leased
    let blocker: Blocker | undefined
    while (!this.#stop.signal.aborted) {
      const senders = await this.#options.senders.open(db, batch)
      // Expiry wins: a message that is over is told so, whatever its key.
      if (senders.areAllPaused && clock.now() <= expiresAt(batch))
        return { notBefore: clock.now(), isBlocked: true, blocker: senders.blocker }
      const step = batch.isRead
        ? await this.#queueChunk(batch, senders, hold)
        : await this.#readChunk(batch, senders, hold)
      batch = step.batch
      blocker = step.blocker ?? blocker
      if (step.isOver || step.notBefore > clock.now())
        return { notBefore: step.notBefore, isBlocked: false, blocker }
    }
    return { notBefore: clock.now(), isBlocked: false, blocker }
  }

  async #readChunk(batch: Batch, senders: AppSenders, hold: LeaseHold): Promise<Step> {
    const read = await readRecipients(this.#options.db, batch, CHUNK)
    const sent = await this.#sendAll(batch, senders, read.recipients, hold)
    await this.#settle(batch, { ...sent, isFromQueue: false, cursor: read.cursor, isRead: read.isLast })
    return {
      batch: { ...batch, isRead: read.isLast, cursor: read.cursor ?? batch.cursor },
      notBefore: this.#waitFor(batch, sent.settlements),
      isOver: read.isLast,
      blocker: sent.blocker,
    }
  }

  async #queueChunk(batch: Batch, senders: AppSenders, hold: LeaseHold): Promise<Step> {
    const { db, clock } = this.#options
    const due = await readDueDeliveries(db, { batch, at: clock.now(), limit: CHUNK })
    if (due.length === 0) return { batch, notBefore: clock.now(), isOver: true, blocker: undefined }
    const living = due.flatMap(it => (it.recipient === null ? [] : [it.recipient]))
    const sent = await this.#sendAll(batch, senders, living, hold)
    const settlements = [...sent.settlements, ...due.flatMap(cancelled)]
    await this.#settle(batch, { ...sent, settlements, isFromQueue: true, cursor: null, isRead: true })
    const notBefore = this.#waitFor(batch, settlements)
    return { batch, notBefore, isOver: due.length < CHUNK, blocker: sent.blocker }
  }

  async #settle(
    batch: Batch,
    chunk: Sent & { isFromQueue: boolean; cursor: Cursor | null; isRead: boolean },
  ): Promise<void> {
    const { db, clock, random } = this.#options
    await settleChunk(db, { batch, ...chunk, at: clock.now(), random: random ?? Math.random })
  }

  async #sendAll(
    batch: Batch,
    senders: AppSenders,
    recipients: readonly Recipient[],
    hold: LeaseHold,
  ): Promise<Sent> {
    const refused = new Map<string, Blocker>()
    const sending: Sending = { batch, senders, hold, refused, blocker: undefined }
    const settlements = await mapInFlight(recipients, IN_FLIGHT, it => this.#sendOne(sending, it))
    return { settlements, refused: [...refused.values()], blocker: sending.blocker }
  }

  async #sendOne(sending: Sending, recipient: Recipient): Promise<Settlement> {
    const { batch, refused } = sending
    if (sending.hold.isLost) throw new LeaseLost(batch.id)
    const { bucket, hwid, attempt } = recipient
    const key = { bucket, hwid, attempt }
    const sentAt = this.#options.clock.now()
    if (sentAt > expiresAt(batch)) return { kind: 'skipped', ...key, reason: 'expired' }
    const sender = sending.senders.for(recipient)
    if (sender.kind === 'missing') return { kind: 'skipped', ...key, reason: sender.reason }
    if (sender.kind === 'paused') return held(sending, key, sender.blocker)
    // The gateway refused this key a moment ago: asking again for each device would only harm its standing.
    const refusal = refused.get(sender.credentialId)
    if (refusal !== undefined) return held(sending, key, refusal)
    const outcome = await this.#attempt(sender, {
      deliveryId: deliveryIdOf(batch.messageId, hwid),
      target: recipient,
      notification: notificationOf(batch),
    })
    if (outcome.kind === 'credential_fault') {
      sending.blocker = { credentialId: sender.credentialId, version: sender.version, reason: outcome.reason }
      if (!refused.has(sender.credentialId)) refused.set(sender.credentialId, sending.blocker)
    }
    return { kind: 'sent', ...key, recipient, sentAt, outcome }
  }

  /** A client promises never to reject; one that does must not take its whole chunk with it. */
  async #attempt(sender: Extract<Sender, { kind: 'ready' }>, delivery: Delivery): Promise<AttemptOutcome> {
    try {
      return await sender.send(delivery)
    } catch (error) {
      this.#options.logger.error({ err: error, gateway: delivery.target.provider }, 'a gateway client failed')
      return { kind: 'uncertain', reason: 'internal_error' }
    }
  }

  /**
   * When the batch as a whole has to wait: for a throttled credential; for an origin that took nothing of the chunk, or
   * could not be reached at all. Where it took some, each delivery waits by itself. Web Push has an origin for each
   * address, named by the client: one that asks for patience must not hold the others up.
   */
  #waitFor(batch: Batch, settlements: readonly Settlement[]): number {
    const now = this.#options.clock.now()
    const outcomes = settlements.flatMap(it => (it.kind === 'sent' ? [it.outcome] : []))
    if (batch.provider === 'webpush' || outcomes.length === 0) return now
    const tookSome = hasAccepted(settlements)
    return now + Math.max(0, ...outcomes.map(outcome => batchPauseMs(outcome, tookSome)))
  }
}

/** What one outcome asks of the batch. */
function batchPauseMs(outcome: AttemptOutcome, tookSome: boolean): number {
  if (outcome.kind === 'not_sent') return tookSome ? 0 : UNREACHABLE_PAUSE_MS
  if (outcome.kind !== 'retry' || outcome.scope === 'device') return 0
  const asked = Math.min(LONGEST_WAIT_MS, outcome.afterMs ?? 1000)
  if (outcome.scope === 'credential') return asked
  return tookSome ? 0 : Math.min(asked, ORIGIN_PAUSE_MS)
}

/** Set once a renewal found the batch in other hands. */
class LeaseHold {
  isLost = false
}

interface Pause {
  readonly notBefore: number
  /** Nothing can leave before a credential is mended. */
  readonly isBlocked: boolean
  readonly blocker: Blocker | undefined
}

interface Step {
  readonly batch: Batch
  readonly notBefore: number
  readonly isOver: boolean
  readonly blocker: Blocker | undefined
}

interface Sent {
  readonly settlements: readonly Settlement[]
  readonly refused: readonly Blocker[]
  /** The last credential that kept a delivery waiting. */
  readonly blocker: Blocker | undefined
}

interface Sending {
  readonly batch: Batch
  readonly senders: AppSenders
  readonly hold: LeaseHold
  readonly refused: Map<string, Blocker>
  blocker: Blocker | undefined
}

/** Waits for its credential without an attempt. */
function held(
  sending: Sending,
  key: { readonly bucket: number; readonly hwid: string; readonly attempt: number },
  blocker: Blocker,
): Settlement {
  sending.blocker = blocker
  return { kind: 'held', ...key, reason: blocker.reason }
}

function cancelled(due: DueDelivery): Settlement[] {
  if (due.recipient !== null) return []
  const { bucket, hwid, attempt, reason } = due
  return [{ kind: 'skipped', bucket, hwid, attempt, reason }]
}

/**
 * The same for every repeat of a delivery, so that gateways and devices can tell a repeat from a new message:
 * a UUID (version 8, RFC 9562) from the hash of message and device.
 */
export function deliveryIdOf(messageId: string, hwid: string): string {
  const hash = createHash('sha256').update(`${messageId}\0${hwid}`).digest().subarray(0, 16)
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function notificationOf(batch: Batch): Notification {
  const { content } = batch
  return {
    hash: hashOf(batch.messageId),
    title: content.title,
    subtitle: content.subtitle,
    body: content.body,
    imageUrl: content.image,
    url: content.url,
    sound: content.sound,
    badge: content.badge,
    data: content.data,
    ttlSeconds: batch.ttlSeconds,
    priority: batch.priority,
    collapseKey: batch.collapseKey ?? undefined,
  }
}

/** `map` with at most `limit` calls running; results in the order of the items. After a rejection no call begins. */
async function mapInFlight<In, Out>(
  items: readonly In[],
  limit: number,
  each: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results = new Array<Out>(items.length)
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const i = next++
      results[i] = await each(items[i] as In)
    }
  }
  const lanes = Array.from({ length: Math.min(limit, items.length) }, lane)
  try {
    await Promise.all(lanes)
  } catch (error) {
    next = items.length
    await Promise.allSettled(lanes)
    throw error
  }
  return results
}
