/**
 * The dispatcher: plans due messages, leases batches, sends chunk after chunk. Any number of processes may run one
 * on the same database.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { AttemptOutcome, Notification } from '@roost/gateways'
import type { Logger } from 'pino'
import { wakeHeld } from '../credentials/credentials.ts'
import type { AppSenders, Senders } from '../credentials/senders.ts'
import { hashOf } from '../insight/receipts.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type DueRetry, type Recipient, readDueRetries, readRecipients } from './chunk.ts'
import {
  type Batch,
  claimBatch,
  finishMessages,
  LEASE_RENEWAL_MS,
  LeaseLost,
  releaseBatch,
  renewLease,
} from './lease.ts'
import { planNext } from './plan.ts'
import { type CredentialFault, expiresAt, LONGEST_WAIT_MS, type Settlement, settleChunk } from './settle.ts'

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

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #worker = randomUUID()
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
    await wakeHeld(db)
    await finishMessages(db, clock.now())
    return false
  }

  async #workOnce(): Promise<boolean> {
    const { db, clock, logger } = this.#options
    const batch = await claimBatch(db, { worker: this.#worker, at: clock.now() })
    if (batch === undefined) return false
    const renewal = setInterval(() => this.#renew(batch), LEASE_RENEWAL_MS)
    try {
      const pause = await this.#work(batch)
      await releaseBatch(db, { batchId: batch.id, worker: this.#worker, ...pause })
      await finishMessages(db, clock.now())
    } catch (error) {
      if (!(error instanceof LeaseLost)) throw error
      logger.warn({ batch: batch.id }, 'lease lost; another worker has taken the batch over')
    } finally {
      clearInterval(renewal)
    }
    return true
  }

  #renew(batch: Batch): void {
    const { db, logger } = this.#options
    renewLease(db, { batchId: batch.id, worker: this.#worker }).catch((error: unknown) => {
      logger.warn({ err: error, batch: batch.id }, 'lease could not be renewed')
    })
  }

  /** Sends chunks until the batch is read through, has to wait, or the process is to stop. */
  async #work(leased: Batch): Promise<Pause> {
    let batch = leased
    while (!this.#stop.signal.aborted) {
      const senders = await this.#options.senders.open(this.#options.db, batch)
      if (senders.areAllPaused)
        return { notBefore: this.#options.clock.now(), heldReason: senders.pausedReason }
      const step = batch.isRead
        ? await this.#retryChunk(batch, senders)
        : await this.#readChunk(batch, senders)
      batch = step.batch
      if (step.isOver || step.notBefore > this.#options.clock.now())
        return { notBefore: step.notBefore, heldReason: null }
    }
    return { notBefore: this.#options.clock.now(), heldReason: null }
  }

  async #readChunk(batch: Batch, senders: AppSenders): Promise<Step> {
    const recipients = await readRecipients(this.#options.db, batch, CHUNK)
    const last = recipients.at(-1)
    const cursor = last === undefined ? null : { bucket: last.bucket, hwid: last.hwid }
    const isRead = recipients.length < CHUNK
    const sent = await this.#sendAll(batch, senders, recipients)
    await this.#settle(batch, { ...sent, isRetry: false, cursor, isRead })
    const next = {
      ...batch,
      isRead,
      cursorBucket: cursor?.bucket ?? batch.cursorBucket,
      cursorHwid: cursor?.hwid ?? batch.cursorHwid,
    }
    return { batch: next, notBefore: this.#waitFor(batch, sent.settlements), isOver: isRead }
  }

  async #retryChunk(batch: Batch, senders: AppSenders): Promise<Step> {
    const { db, clock } = this.#options
    const due = await readDueRetries(db, { batchId: batch.id, at: clock.now(), limit: CHUNK })
    if (due.length === 0) return { batch, notBefore: clock.now(), isOver: true }
    const living = due.flatMap(it => (it.recipient === null ? [] : [it.recipient]))
    const sent = await this.#sendAll(batch, senders, living)
    const settlements = [...sent.settlements, ...due.filter(it => it.recipient === null).map(cancelled)]
    await this.#settle(batch, { ...sent, settlements, isRetry: true, cursor: null, isRead: true })
    return { batch, notBefore: this.#waitFor(batch, settlements), isOver: due.length < CHUNK }
  }

  async #settle(
    batch: Batch,
    chunk: Sent & { isRetry: boolean; cursor: { bucket: number; hwid: string } | null; isRead: boolean },
  ): Promise<void> {
    const { db, clock, random } = this.#options
    await settleChunk(db, {
      batch,
      worker: this.#worker,
      ...chunk,
      at: clock.now(),
      random: random ?? Math.random,
    })
  }

  async #sendAll(batch: Batch, senders: AppSenders, recipients: readonly Recipient[]): Promise<Sent> {
    const refused = new Map<string, CredentialFault>()
    const settlements = await mapInFlight(recipients, IN_FLIGHT, it =>
      this.#sendOne(batch, senders, it, refused),
    )
    return { settlements, credentialFaults: [...refused.values()] }
  }

  async #sendOne(
    batch: Batch,
    senders: AppSenders,
    recipient: Recipient,
    refused: Map<string, CredentialFault>,
  ): Promise<Settlement> {
    const { bucket, hwid, attempt } = recipient
    const sentAt = this.#options.clock.now()
    if (sentAt > expiresAt(batch)) return { kind: 'skipped', bucket, hwid, attempt, reason: 'expired' }
    const sender = senders.for(recipient)
    if (sender.kind === 'missing') return { kind: 'skipped', bucket, hwid, attempt, reason: sender.reason }
    if (sender.kind === 'paused') return { kind: 'held', bucket, hwid, attempt, reason: sender.reason }
    const fault = refused.get(sender.credentialId)
    // The gateway refused this key a moment ago: asking again for each device would only harm its standing.
    if (fault !== undefined) return { kind: 'held', bucket, hwid, attempt, reason: fault.reason }
    const outcome = await sender.send({
      deliveryId: deliveryIdOf(batch.messageId, hwid),
      target: recipient,
      notification: notificationOf(batch),
    })
    noteFault(outcome, sender, refused)
    return { kind: 'sent', bucket, hwid, attempt, recipient, sentAt, outcome }
  }

  /**
   * A throttled credential or origin makes the batch wait as a whole, a throttled device only itself. Web Push has an
   * origin for each address, named by the client: one that asks for patience must not hold the others up.
   */
  #waitFor(batch: Batch, settlements: readonly Settlement[]): number {
    const now = this.#options.clock.now()
    if (batch.provider === 'webpush') return now
    let until = now
    for (const it of settlements) {
      if (it.kind !== 'sent' || it.outcome.kind !== 'retry' || it.outcome.scope === 'device') continue
      until = Math.max(until, now + Math.min(LONGEST_WAIT_MS, it.outcome.afterMs ?? 1000))
    }
    return until
  }
}

interface Pause {
  readonly notBefore: number
  readonly heldReason: string | null
}

interface Step {
  readonly batch: Batch
  readonly notBefore: number
  readonly isOver: boolean
}

interface Sent {
  readonly settlements: readonly Settlement[]
  readonly credentialFaults: readonly CredentialFault[]
}

function noteFault(
  outcome: AttemptOutcome,
  sender: { readonly credentialId: string; readonly version: number },
  refused: Map<string, CredentialFault>,
): void {
  if (outcome.kind !== 'credential_fault' || refused.has(sender.credentialId)) return
  refused.set(sender.credentialId, {
    id: sender.credentialId,
    version: sender.version,
    reason: outcome.reason,
  })
}

function cancelled(retry: DueRetry): Settlement {
  return {
    kind: 'skipped',
    bucket: retry.bucket,
    hwid: retry.hwid,
    attempt: retry.attempt,
    reason: 'address_gone',
  }
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

/** `map` with at most `limit` calls running; results in the order of the items. */
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
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  return results
}
