/**
 * The dispatcher: plans due messages, leases batches, has them sent. Any number of processes may run one on the same database.
 */
import type { Logger } from 'pino'
import { CallKeeper } from '../calls/keeper.ts'
import { releaseProbes, wakeHeld } from '../credentials/pauses.ts'
import type { Senders } from '../credentials/senders.ts'
import type { Here } from '../live/handover.ts'
import type { Created, Creation } from '../messages/create.ts'
import { decideNext } from '../messages/experiments/decide.ts'
import { LANES, LAST_URGENT_LANE, type Lane } from '../messages/lanes.ts'
import type { RenderCounts } from '../messages/render.ts'
import { runNextSchedule } from '../messages/schedules/runs.ts'
import { closeRounds, takeOccasions } from '../messages/triggers/rounds.ts'
import { type Database, isDatabaseAway, isDataFault, isTimedOut } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type Accepted, acceptMessages, type ToldFault } from './accept.ts'
import { BatchWork, type Rest, type SendingHouse } from './batch-work.ts'
import { divideNext } from './divide.ts'
import {
  type Batch,
  claimBatch,
  failBatch,
  finishCancelled,
  finishMessages,
  LEASE_RENEWAL_MS,
  LeaseLost,
  LeaseState,
  openBatch,
  readStopped,
  releaseBatch,
  renewLease,
  returnBatch,
} from './lease.ts'
import { Loops } from './loops.ts'
import { Origins } from './origins.ts'
import { throughOutage } from './outage.ts'
import { planNext } from './plan.ts'
import { Precedence, type Way } from './precedence.ts'
import { Renderers } from './renderers.ts'
import { Trouble } from './trouble.ts'
import { Turns } from './turns.ts'
import { Waves } from './waves.ts'
import { windUpNext } from './wind-up.ts'

export interface DispatcherOptions {
  readonly db: Database
  readonly senders: Senders
  readonly clock: Clock
  readonly logger: Logger
  /** Who is connected to this process, once devices can be. Default: nobody. */
  readonly here?: () => Here | undefined
  /** Batches worked on at once by this process. */
  readonly parallelBatches?: number
  /** How often to look for due work that nobody announced, ms. */
  readonly pollMs?: number
  readonly random?: () => number
}

/** `tend`: what waits for something that has happened by now. */
type LoopName = 'plan' | 'divide' | 'schedules' | 'occasions' | 'calls' | 'send' | 'tend' | 'ends'

/** Beside those that take everything: two, so that one slow gateway leaves another. */
const URGENT_RUNNERS = 2
/** Of a batch whose reading ran into the limit of a statement. */
const TOO_SLOW_PAUSE_MS = 30_000
/** A notice tells of a stop at once; this is how long one takes that was lost. */
const LOOK_FOR_STOPS_MS = 1000
const POLL_MS = 500
/** Two that wait for one pace shall not spin on it. */
const MIN_OPENING_MS = 10

export class Dispatcher {
  /** Since its start. */
  readonly renders: RenderCounts = { shared: 0, personal: 0 }
  readonly #options: DispatcherOptions
  readonly #loops: Loops<LoopName>
  readonly #trouble: Trouble
  readonly #house: SendingHouse
  readonly #stop = new AbortController()
  /** Messages by the leases of what this process sends just now. */
  readonly #inHand = new Map<LeaseState, string>()
  #stopWatch: NodeJS.Timeout | undefined
  #opening: NodeJS.Timeout | undefined

  constructor(options: DispatcherOptions) {
    const { db, senders, clock, logger, random = Math.random } = options
    this.#options = options
    this.#trouble = new Trouble({ clock, logger })
    this.#loops = new Loops({
      pollMs: options.pollMs ?? POLL_MS,
      onError: error => this.#tell(error),
    })
    const precedence = new Precedence()
    this.#house = {
      db,
      senders,
      clock,
      logger,
      random,
      trouble: this.#trouble,
      origins: new Origins(clock),
      waves: new Waves(),
      turns: new Turns(precedence),
      precedence,
      renderers: new Renderers(this.renders),
      here: options.here ?? (() => undefined),
      stop: this.#stop.signal,
    }
  }

  start(): void {
    const loops = this.#loops
    // A campaign to a condition may take seconds to plan.
    loops.start('plan', () => this.#planOnce(LAST_URGENT_LANE))
    loops.start('plan', () => this.#planOnce(LANES.campaign))
    loops.start('divide', () => this.#makeWork(divideNext, 'send'))
    loops.start('schedules', () => this.#makeWork(runNextSchedule, 'plan'))
    loops.start('occasions', () => this.#makeWork(takeOccasions, 'send'))
    const keeper = new CallKeeper()
    loops.start('calls', () => this.#makeWork((db, at) => keeper.keepNext(db, at), 'send'))
    loops.start('tend', () => this.#tendOnce())
    loops.start('ends', () => this.#windUpOnce())
    for (let i = 0; i < (this.#options.parallelBatches ?? 8); i++) loops.start('send', () => this.#workOnce())
    for (let i = 0; i < URGENT_RUNNERS; i++) loops.start('send', () => this.#workOnce('urgent'))
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

  /** Takes messages in and sets about them. Throws as `acceptMessages` does. */
  async accept(messages: readonly Creation[], told?: ToldFault): Promise<Created[]> {
    const ways = messages.map(() => this.#house.precedence.begin())
    try {
      const accepted = await acceptMessages(this.#options.db, messages, told)
      for (const [i, { created, due }] of accepted.entries())
        if (due === 'send') ways[i]?.isOf(created.id)
        else ways[i]?.end()
      for (const due of new Set(accepted.map(it => it.due))) this.poke(due)
      return accepted.map(it => it.created)
    } catch (error) {
      for (const way of ways) way.end()
      throw error
    }
  }

  /** Campaigns give way to what somebody waits for, until it says that it is done, or is a message that has left. It lapses soon. */
  giveWay(): Way {
    return this.#house.precedence.begin()
  }

  /** Something became due: look now instead of at the next poll. `what`: of a message that was made, and nothing else has changed. */
  poke(what?: Accepted['due']): void {
    if (what === undefined) this.#loops.wake()
    else this.#loops.wake(what)
  }

  /** Finishes the chunks in hand and gives their batches back. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loops.stop()
    clearTimeout(this.#opening)
    clearInterval(this.#stopWatch)
  }

  #tell(error: unknown): void {
    if (isDatabaseAway(error)) this.#trouble.tellAway(error)
    else this.#options.logger.error({ err: error }, 'dispatch failed; trying again')
  }

  /** A pace opens between two looks. One timer for all: whoever is refused again asks for the next one. */
  #wakeWhenOpen({ pacedBy, notBefore }: Rest): void {
    if (pacedBy === undefined || this.#opening !== undefined || this.#stop.signal.aborted) return
    const waitMs = Math.max(MIN_OPENING_MS, notBefore - this.#options.clock.now())
    if (waitMs >= (this.#options.pollMs ?? POLL_MS)) return
    this.#opening = setTimeout(() => {
      this.#opening = undefined
      this.#loops.wake('send')
    }, waitMs)
  }

  async #planOnce(lastLane: Lane): Promise<boolean> {
    const { db, clock } = this.#options
    if (!(await planNext(db, clock.now(), lastLane))) return false
    this.#loops.wake('send', 'divide')
    await finishMessages(db, clock.now()) // one that reaches nobody is done
    return true
  }

  /** What it makes, others work on. */
  async #makeWork(
    next: (db: Database, at: number) => Promise<boolean>,
    ...of: readonly LoopName[]
  ): Promise<boolean> {
    const { db, clock } = this.#options
    const didWork = await next(db, clock.now())
    if (didWork) this.#loops.wake(...of)
    return didWork
  }

  async #tendOnce(): Promise<boolean> {
    const { db, clock } = this.#options
    await releaseProbes(db, clock.now())
    const isMore = await wakeHeld(db, clock.now())
    await closeRounds(db, clock.now())
    const isDecided = await decideNext(db, clock.now())
    await finishMessages(db, clock.now())
    if (isMore || isDecided) this.#loops.wake('plan', 'send', 'divide')
    return isMore || isDecided
  }

  async #windUpOnce(): Promise<boolean> {
    const { db, clock } = this.#options
    const didWork = await windUpNext(db, clock.now())
    await finishCancelled(db, clock.now())
    return didWork
  }

  async #workOnce(lanes: 'all' | 'urgent' = 'all'): Promise<boolean> {
    const { db, clock, logger } = this.#options
    const claimed = await claimBatch(db, clock.now(), lanes)
    if (claimed === undefined) return false
    const lease = new LeaseState()
    this.#inHand.set(lease, claimed.messageId)
    const renewal = setInterval(() => void this.#renew(claimed, lease), LEASE_RENEWAL_MS)
    try {
      const batch = await openBatch(db, claimed, clock.now())
      const rest = await new BatchWork(this.#house, batch, lease).run()
      const release = () => releaseBatch(db, batch, { ...rest, at: clock.now() })
      await throughOutage(release, this.#stop.signal)
      this.#wakeWhenOpen(rest)
      await finishMessages(db, clock.now())
    } catch (error) {
      await this.#giveUp(claimed, error)
    } finally {
      clearInterval(renewal)
      this.#inHand.delete(lease)
    }
    if (lease.isStopped) this.#loops.wake('ends') // one that was cancelled can be wound up
    logger.trace({ batch: claimed.id }, 'batch given back')
    return true
  }

  async #giveUp(batch: Pick<Batch, 'id' | 'lease'>, error: unknown): Promise<void> {
    const { db, clock, logger } = this.#options
    const { signal } = this.#stop
    if (error instanceof LeaseLost) {
      logger.warn({ batch: batch.id }, 'lease lost; the batch was taken over')
      return
    }
    // What was sent is booked through an outage, unless the process is to stop: then the lease runs out, with doubt.
    if (isDatabaseAway(error) && signal.aborted) throw error
    if (isDatabaseAway(error)) {
      this.#trouble.tellAway(error)
      // What takes too long may do so each time: others come before it is tried again.
      const notBefore = isTimedOut(error) ? clock.now() + TOO_SLOW_PAUSE_MS : undefined
      if (notBefore !== undefined)
        logger.error({ batch: batch.id }, 'a batch took too long to read or to book')
      return throughOutage(() => returnBatch(db, batch, notBefore), signal)
    }
    logger.error({ err: error, batch: batch.id }, 'batch failed')
    const failure = { at: clock.now(), isHopeless: isDataFault(error) }
    await throughOutage(() => failBatch(db, batch, failure), signal)
  }

  async #renew(batch: Pick<Batch, 'id' | 'lease'>, lease: LeaseState): Promise<void> {
    const { db, logger } = this.#options
    try {
      if (!(await renewLease(db, batch))) lease.isLost = true
    } catch (error) {
      logger.warn({ err: error, batch: batch.id }, 'lease could not be renewed')
    }
  }
}
