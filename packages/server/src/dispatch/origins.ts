/**
 * The pace of each origin that addresses name themselves (push services): who asked for patience is left alone until
 * then, and how much is under way at once follows what the origin bears: half as much after each throttle or fault of
 * its own, one more after as many acceptances as are allowed at once.
 *
 * Per process: another worker learns it by asking once itself.
 * Source: RFC 8030 §8.4 (429 with Retry-After); Microsoft's and Mozilla's services throttle by IP address and by key.
 */
import type { AttemptOutcome } from '@roost/gateways'
import type { Clock } from '../time.ts'
import { originPauseMs, scopeOf } from './scope.ts'

/** As many as a chunk has under way. */
const MOST_AT_ONCE = 250
/** Below this a chunk would take longer than its deliveries' life. */
const LEAST_AT_ONCE = 4
/** Endpoints come from clients, so origins may be many. */
const REMEMBERED = 1000

interface Pace {
  notBefore: number
  atOnce: number
  underWay: number
  /** Acceptances since the last change. */
  accepted: number
  /** Answers to what was under way at the last halving: they tell nothing new. */
  stale: number
  readonly waiting: (() => void)[]
}

export class Origins {
  readonly #clock: Clock
  readonly #paces = new Map<string, Pace>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** When the origin may be asked again, ms; 0 = now. */
  notBefore(origin: string): number {
    const notBefore = this.#paces.get(origin)?.notBefore ?? 0
    return notBefore > this.#clock.now() ? notBefore : 0
  }

  /** Resolves when there is room; whoever enters also leaves. */
  async enter(origin: string): Promise<void> {
    const pace = this.#paceOf(origin)
    while (pace.underWay >= pace.atOnce) await new Promise<void>(resolve => pace.waiting.push(resolve))
    pace.underWay++
  }

  /** Without an outcome nothing was asked. */
  leave(origin: string, outcome: AttemptOutcome | undefined): void {
    const pace = this.#paceOf(origin)
    pace.underWay--
    if (outcome !== undefined) this.#learn(pace, outcome)
    for (const wake of pace.waiting.splice(0, Math.max(0, pace.atOnce - pace.underWay))) wake()
    this.#forget()
  }

  #learn(pace: Pace, outcome: AttemptOutcome): void {
    const pauseMs = originPauseMs(outcome)
    if (pauseMs > 0) pace.notBefore = Math.max(pace.notBefore, this.#clock.now() + pauseMs)
    if (pace.stale > 0) pace.stale--
    else if (scopeOf(outcome) === 'origin') slowDown(pace)
    else if (outcome.kind === 'accepted') speedUp(pace)
  }

  #paceOf(origin: string): Pace {
    const known = this.#paces.get(origin)
    if (known !== undefined) return known
    const pace = { notBefore: 0, atOnce: MOST_AT_ONCE, underWay: 0, accepted: 0, stale: 0, waiting: [] }
    this.#paces.set(origin, pace)
    return pace
  }

  #forget(): void {
    if (this.#paces.size <= REMEMBERED) return
    const idle = [...this.#paces].find(([, pace]) => pace.underWay === 0 && pace.waiting.length === 0)
    if (idle !== undefined) this.#paces.delete(idle[0])
  }
}

function slowDown(pace: Pace): void {
  pace.atOnce = Math.max(LEAST_AT_ONCE, Math.floor(pace.atOnce / 2))
  pace.accepted = 0
  pace.stale = pace.underWay
}

function speedUp(pace: Pace): void {
  if (++pace.accepted < pace.atOnce) return
  pace.accepted = 0
  pace.atOnce = Math.min(MOST_AT_ONCE, pace.atOnce + 1)
}
