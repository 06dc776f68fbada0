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
/** Less would take longer than the deliveries' life. */
const LEAST_AT_ONCE = 4
/**
 * How long a delivery waits for room before it is put off: endpoints come from clients, and one origin that stalls must
 * not hold up a chunk of 500 for as many deadlines. Real time, whatever the clock says.
 */
export const PATIENCE_MS = 5000
/** Origins may be many, too. */
const REMEMBERED = 1000

interface Pace {
  notBefore: number
  /** How long that was when it was asked for, ms. */
  pauseMs: number
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
  readonly #patienceMs: number
  readonly #paces = new Map<string, Pace>()

  constructor(clock: Clock, patienceMs: number = PATIENCE_MS) {
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  /** When the origin may be asked again, ms; 0 = now. */
  notBefore(origin: string): number {
    const pace = this.#paces.get(origin)
    return pace !== undefined && this.#pausedUntil(pace) > this.#clock.now() ? pace.notBefore : 0
  }

  /** True when there is room, and whoever enters also leaves; false when there was none for too long. */
  async enter(origin: string): Promise<boolean> {
    const pace = this.#paceOf(origin)
    const end = performance.now() + this.#patienceMs
    while (pace.underWay >= pace.atOnce) {
      const leftMs = end - performance.now()
      if (leftMs <= 0) return false
      await roomIn(pace, leftMs)
    }
    pace.underWay++
    return true
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
    if (pauseMs > 0) this.#pause(pace, pauseMs)
    if (pace.stale > 0) pace.stale--
    else if (scopeOf(outcome) === 'origin') slowDown(pace)
    else if (outcome.kind === 'accepted') speedUp(pace)
  }

  #pause(pace: Pace, ms: number): void {
    const now = this.#clock.now()
    pace.notBefore = Math.max(this.#pausedUntil(pace), now + ms)
    pace.pauseMs = pace.notBefore - now
  }

  /** A clock that was set back makes no pause longer than was asked for. */
  #pausedUntil(pace: Pace): number {
    pace.notBefore = Math.min(pace.notBefore, this.#clock.now() + pace.pauseMs)
    return pace.notBefore
  }

  #paceOf(origin: string): Pace {
    const known = this.#paces.get(origin)
    if (known !== undefined) {
      this.#paces.delete(origin) // to the end: the one that was not used for longest is forgotten first
      this.#paces.set(origin, known)
      return known
    }
    const pace = {
      notBefore: 0,
      pauseMs: 0,
      atOnce: MOST_AT_ONCE,
      underWay: 0,
      accepted: 0,
      stale: 0,
      waiting: [],
    }
    this.#paces.set(origin, pace)
    return pace
  }

  #forget(): void {
    if (this.#paces.size <= REMEMBERED) return
    for (const [origin, pace] of this.#paces) {
      if (pace.underWay > 0 || pace.waiting.length > 0) continue
      this.#paces.delete(origin)
      return
    }
  }
}

/** Resolves when somebody left, or after `leftMs`. */
function roomIn(pace: Pace, leftMs: number): Promise<void> {
  return new Promise(resolve => {
    const wake = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(() => {
      pace.waiting.splice(pace.waiting.indexOf(wake), 1)
      resolve()
    }, leftMs)
    pace.waiting.push(wake)
  })
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
