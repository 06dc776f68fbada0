/**
 * The dispatcher: plans due messages, leases batches, sends chunk after chunk. Any number of processes may run one
 * on the same database.
 */
import type { Logger } from 'pino'
import { type Pause, releaseProbes, wakeHeld } from '../credentials/pauses.ts'
import type { AppSenders, Senders } from '../credentials/senders.ts'
import { countUnread } from '../inbox/read.ts'
import { LAST_URGENT_LANE } from '../messages/lanes.ts'
import { type RenderCounts, Renderer } from '../messages/render.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type DueDelivery, type Recipient, readDueDeliveries, readRecipients } from './chunk.ts'
import {
  type Batch,
  type Cursor,
  claimBatch,
  failBatch,
  finishCancelled,
  finishMessages,
  LEASE_RENEWAL_MS,
  LeaseLost,
  LeaseState,
  readStopped,
  releaseBatch,
  renewLease,
} from './lease.ts'
import { Origins } from './origins.ts'
import { giveBack, type Pace, paceOfMessage, paceOfQuota, takeSlice } from './pace.ts'
import { planNext } from './plan.ts'
import { judge, type Policy, readPolicyOf } from './policy.ts'
import { batchPauseMs } from './scope.ts'
import { Sending, type SendingOptions, type Sent } from './sending.ts'
import { expiresAt, hasAccepted, type Settlement, settleChunk } from './settle.ts'
import { Waves } from './waves.ts'
import { windUpNext } from './wind-up.ts'

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

/** The same trouble is logged once a minute; endpoints come from clients, so its words may be many. */
const TELL_AGAIN_MS = 60_000
const TOLD_MAX = 100
/** Beside those that take everything: two, so that one slow gateway leaves another. */
const URGENT_RUNNERS = 2
/** A notice tells of a stop at once; this is how long one takes that was lost. */
const LOOK_FOR_STOPS_MS = 1000
/** What a crash may repeat, and what a commit costs: 500 sends. */
const CHUNK = 500
/**
 * Requests of one chunk in flight: all of them, so that they leave in a few large writes. The transport has its own limits
 * below this one.
 */
const IN_FLIGHT = CHUNK

const POLL_MS = 500
/** Two that wait for one pace shall not spin on it. */
const MIN_OPENING_MS = 10

export class Dispatcher {
  /** Since its start. */
  readonly renders: RenderCounts = { shared: 0, personal: 0 }
  readonly #options: DispatcherOptions
  readonly #origins: Origins
  readonly #waves = new Waves()
  readonly #told = new Map<string, number>()
  readonly #stop = new AbortController()
  readonly #wakers = new Set<() => void>()
  /** Messages by the leases of what this process sends just now. */
  readonly #inHand = new Map<LeaseState, string>()
  #stopWatch: NodeJS.Timeout | undefined
  #loops: Promise<unknown> = Promise.resolve()
  #pokes = 0
  #opening: NodeJS.Timeout | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#origins = new Origins(options.clock)
  }

  start(): void {
    const runners = Array.from({ length: this.#options.parallelBatches ?? 8 }, () =>
      this.#run(() => this.#workOnce()),
    )
    const urgent = Array.from({ length: URGENT_RUNNERS }, () => this.#run(() => this.#workOnce('urgent')))
    const urgentPlans = this.#run(() => this.#planUrgentOnce())
    const ends = this.#run(() => this.#windUpOnce())
    this.#loops = Promise.all([this.#run(() => this.#planOnce()), urgentPlans, ends, ...runners, ...urgent])
    this.#stopWatch = setInterval(() => void this.lookForStops(), LOOK_FOR_STOPS_MS)
  }

  /** Something was paused, resumed or cancelled: what is in hand of it stops where it is. Never rejects. */
  async lookForStops(): Promise<void> {
    if (this.#inHand.size === 0) return
    const { db, logger } = this.#options
    try {
      const stopped = await readStopped(db, [...new Set(this.#inHand.values())])
      for (const [lease, messageId] of this.#inHand) if (stopped.has(messageId)) lease.isStopped = true
    } catch (error) {
      logger.warn({ err: error }, 'could not look for messages that were stopped')
    }
  }

  /** Something became due: look now instead of at the next poll. */
  poke(): void {
    this.#pokes++
    for (const wake of [...this.#wakers]) wake()
  }

  /** A pace opens between two looks. One timer for all: whoever is refused again asks for the next one. */
  #pokeWhenOpen({ pacedBy, notBefore }: Rest): void {
    if (pacedBy === undefined || this.#opening !== undefined || this.#stop.signal.aborted) return
    const waitMs = Math.max(MIN_OPENING_MS, notBefore - this.#options.clock.now())
    if (waitMs >= (this.#options.pollMs ?? POLL_MS)) return
    this.#opening = setTimeout(() => {
      this.#opening = undefined
      this.poke()
    }, waitMs)
  }

  /** Finishes the chunks in hand and gives their batches back. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.poke()
    await this.#loops
    clearTimeout(this.#opening)
    clearInterval(this.#stopWatch)
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
      const timer = setTimeout(wake, this.#options.pollMs ?? POLL_MS)
      this.#wakers.add(wake)
    })
  }

  /** A campaign to a condition may take seconds to plan. */
  async #planUrgentOnce(): Promise<boolean> {
    const { db, clock } = this.#options
    const didWork = await planNext(db, clock.now(), LAST_URGENT_LANE)
    if (didWork) this.poke()
    return didWork
  }

  async #planOnce(): Promise<boolean> {
    const { db, clock } = this.#options
    if (await planNext(db, clock.now())) {
      this.poke()
      return true
    }
    await releaseProbes(db, clock.now())
    const isMore = await wakeHeld(db, clock.now())
    await finishMessages(db, clock.now())
    if (isMore) this.poke()
    return isMore
  }

  async #windUpOnce(): Promise<boolean> {
    const { db, clock } = this.#options
    const didWork = await windUpNext(db, clock.now())
    await finishCancelled(db, clock.now())
    return didWork
  }

  async #workOnce(lanes: 'all' | 'urgent' = 'all'): Promise<boolean> {
    const { db, clock, logger } = this.#options
    const batch = await claimBatch(db, clock.now(), lanes)
    if (batch === undefined) return false
    const lease = new LeaseState()
    this.#inHand.set(lease, batch.messageId)
    const renewal = setInterval(() => void this.#renew(batch, lease), LEASE_RENEWAL_MS)
    try {
      const rest = await this.#work(batch, lease)
      await releaseBatch(db, batch, { ...rest, at: clock.now() })
      this.#pokeWhenOpen(rest)
      await finishMessages(db, clock.now())
    } catch (error) {
      await this.#giveUp(batch, error)
    } finally {
      clearInterval(renewal)
      this.#inHand.delete(lease)
    }
    if (lease.isStopped) this.poke() // one that was cancelled can be wound up
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

  async #renew(batch: Batch, lease: LeaseState): Promise<void> {
    const { db, logger } = this.#options
    try {
      if (!(await renewLease(db, batch))) lease.isLost = true
    } catch (error) {
      logger.warn({ err: error, batch: batch.id }, 'lease could not be renewed')
    }
  }

  /** Sends chunks until the batch is read through, has to wait, or the process is to stop. */
  async #work(leased: Batch, lease: LeaseState): Promise<Rest> {
    const { clock, db } = this.#options
    let batch = leased
    const renderer = new Renderer(leased, { gateway: leased.provider, counts: this.renders })
    const policy = await readPolicyOf(db, leased)
    while (!this.#stop.signal.aborted) {
      const senders = await this.#options.senders.open(db, batch)
      const { pauseOfAll } = senders
      // Expiry wins: a message that is over is told so, whatever its key.
      if (pauseOfAll !== undefined && clock.now() <= expiresAt(batch))
        return { notBefore: clock.now(), blocker: pauseOfAll }
      const paces = pacesOf(batch, senders)
      const slice = await takeSlice(db, { paces, wanted: CHUNK, at: clock.now() })
      if (slice.refusedBy !== undefined)
        return { notBefore: slice.notBefore, blocker: undefined, pacedBy: slice.refusedBy }
      const by = { senders, renderer, policy, lease, limit: slice.count }
      const step = batch.isRead ? await this.#queueChunk(batch, by) : await this.#readChunk(batch, by)
      await giveBack(db, paces, slice.count - step.sent)
      batch = step.batch
      if (lease.isStopped || step.isOver || step.notBefore > clock.now())
        return { notBefore: step.notBefore, blocker: undefined }
      await this.#lookForStop(batch, lease)
      if (lease.isStopped) return { notBefore: clock.now(), blocker: undefined }
    }
    return { notBefore: clock.now(), blocker: undefined }
  }

  async #lookForStop({ messageId }: Batch, lease: LeaseState): Promise<void> {
    const stopped = await readStopped(this.#options.db, [messageId])
    if (stopped.has(messageId)) lease.isStopped = true
  }

  async #readChunk(batch: Batch, by: SentBy): Promise<Step> {
    const { db, clock } = this.#options
    const { needs } = by.renderer
    const read = await readRecipients(db, { batch, needs, at: clock.now(), limit: by.limit })
    const sent = await this.#sendAll({ batch, ...by }, read.recipients)
    await this.#settle(batch, {
      ...sent,
      isCounted: needs.badge,
      takesPlaces: by.policy.isCounted,
      isFromQueue: false,
      cursor: read.cursor,
      isRead: read.isLast,
    })
    return {
      batch: { ...batch, isRead: read.isLast, cursor: read.cursor ?? batch.cursor },
      notBefore: this.#waitFor(batch, sent.settlements),
      isOver: read.isLast,
      sent: sentOf(sent.settlements),
    }
  }

  async #queueChunk(batch: Batch, by: SentBy): Promise<Step> {
    const { db, clock } = this.#options
    const { needs } = by.renderer
    const due = await readDueDeliveries(db, { batch, needs, at: clock.now(), limit: by.limit })
    if (due.length === 0) return { batch, notBefore: clock.now(), isOver: true, sent: 0 }
    const living = due.flatMap(it => (it.recipient === null ? [] : [it.recipient]))
    const sent = await this.#sendAll({ batch, ...by }, living)
    const settlements = [...sent.settlements, ...due.flatMap(cancelled)]
    await this.#settle(batch, {
      ...sent,
      settlements,
      isCounted: needs.badge,
      takesPlaces: by.policy.isCounted,
      isFromQueue: true,
      cursor: null,
      isRead: true,
    })
    const notBefore = this.#waitFor(batch, settlements)
    return { batch, notBefore, isOver: due.length < by.limit, sent: sentOf(settlements) }
  }

  async #settle(
    batch: Batch,
    chunk: Sent & {
      isCounted: boolean
      takesPlaces: boolean
      isFromQueue: boolean
      cursor: Cursor | null
      isRead: boolean
    },
  ): Promise<void> {
    const { db, clock, random } = this.#options
    await settleChunk(db, { batch, ...chunk, at: clock.now(), random: random ?? Math.random })
    this.#tellUnreached(batch, chunk.settlements)
  }

  /** A gateway that is down and a way that is closed look alike from outside: the operator is told the words, now and then. */
  #tellUnreached(batch: Batch, settlements: readonly Settlement[]): void {
    const { clock, logger } = this.#options
    for (const settlement of settlements) {
      if (settlement.kind !== 'sent' || settlement.outcome.kind !== 'not_sent') continue
      const { reason } = settlement.outcome
      const key = `${batch.provider} ${reason}`
      if (clock.now() - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_MS) continue
      if (this.#told.size >= TOLD_MAX) this.#told.clear()
      this.#told.set(key, clock.now())
      logger.warn({ gateway: batch.provider, reason }, 'a gateway is not reached; deliveries wait')
    }
  }

  async #sendAll(
    { policy, ...part }: { readonly batch: Batch } & Omit<SentBy, 'limit'>,
    read: readonly Recipient[],
  ): Promise<Sent> {
    const { db, clock, logger } = this.#options
    const { needs } = part.renderer
    const judged = await judge(db, { batch: part.batch, policy, recipients: read, at: clock.now() })
    const known = needs.unread ? await this.#withUnread(part.batch, judged.sendTo) : judged.sendTo
    const sending = new Sending({ ...part, clock, logger, waves: this.#waves, origins: this.#origins })
    const settlements = await mapInFlight(known, IN_FLIGHT, it => sending.sendOne(it))
    const sent = sending.finish(settlements)
    return { ...sent, settlements: [...sent.settlements, ...judged.settlements] }
  }

  /** One query for the chunk; entries of this message count as far as they are in the inbox by now. */
  async #withUnread({ appId }: Batch, recipients: readonly Recipient[]): Promise<Recipient[]> {
    const { db, clock } = this.#options
    const unread = await countUnread(db, { appId, hwids: recipients.map(it => it.hwid), at: clock.now() })
    return recipients.map(it => ({ ...it, facts: { ...it.facts, unread: unread.get(it.hwid) ?? 0 } }))
  }

  /** When the batch as a whole has to wait: until whatever of its outcomes asks for most. */
  #waitFor(batch: Batch, settlements: readonly Settlement[]): number {
    const place = { provider: batch.provider, tookSome: hasAccepted(settlements) }
    const pauses = settlements.map(it => (it.kind === 'sent' ? batchPauseMs(it.outcome, place) : 0))
    return this.#options.clock.now() + Math.max(0, ...pauses)
  }
}

type SentBy = Pick<SendingOptions, 'senders' | 'renderer' | 'lease'> & {
  readonly policy: Policy
  /** Of deliveries of a chunk. */
  readonly limit: number
}

interface Rest {
  readonly notBefore: number
  /** Nothing of the batch can leave before this is over. */
  readonly blocker: Pause | undefined
  /** The pace that has to be open before. */
  readonly pacedBy?: string
}

interface Step {
  readonly batch: Batch
  readonly notBefore: number
  readonly isOver: boolean
  /** Of its deliveries those that a gateway was asked to take. */
  readonly sent: number
}

function sentOf(settlements: readonly Settlement[]): number {
  return settlements.filter(it => it.kind === 'sent').length
}

function pacesOf({ messageId, rules }: Batch, { quota }: AppSenders): Pace[] {
  const { sendRate } = rules ?? {}
  return [
    ...(sendRate === undefined ? [] : [paceOfMessage(messageId, sendRate)]),
    ...(quota === undefined ? [] : [paceOfQuota(quota.name, quota.perMinute)]),
  ]
}

function cancelled(due: DueDelivery): Settlement[] {
  if (due.recipient !== null) return []
  const { bucket, hwid, attempt, reason } = due
  return [{ kind: 'skipped', bucket, hwid, attempt, reason }]
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
