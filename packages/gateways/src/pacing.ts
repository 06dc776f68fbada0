/**
 * Shapes what one project sends to its quota: an even stream, never a burst, and a slow start after a quiet time.
 *
 * A bucket of a few hundred messages, so that a small send leaves at once, is refilled at a rate that grows while it is
 * used up and falls while it is not: from a quarter to the whole within `rampMs`. Bucket and refill together stay
 * within the quota in any minute, wherever the gateway's own minute begins.
 *
 * One timer for all who wait, however many; whoever could not go in time is told at once and does not wait in vain.
 * A pause is not waited through: all who wait are told how long it is.
 * Source: Firebase, "Best practices when sending FCM messages at scale": at most quota / 60 a second, ramp up over
 * 60 s, heed Retry-After.
 */
import type { Clock } from './clock.ts'
import type { Wish } from './transport.ts'

export interface Timer {
  /** Calls once after at least `ms`; the function that is given back cancels it. */
  after(ms: number, call: () => void): () => void
}

const systemTimer: Timer = {
  after: (ms, call) => {
    const handle = setTimeout(call, ms)
    return () => clearTimeout(handle)
  },
}

export interface PacerOptions {
  /** At least 10. */
  readonly perMinute: number
  /** From the first rate to the whole one. Default 60 000. */
  readonly rampMs?: number
  readonly clock: Clock
  /** Default: the system's. */
  readonly timer?: Timer
}

/** `afterMs`: when to ask again. `unwanted`: nobody wanted it any more when its turn came, and the turn went to the next one. */
export type Passage =
  | { readonly ok: true }
  | { readonly ok: false; readonly afterMs: number }
  | { readonly ok: false; readonly afterMs: 'unwanted' }

export interface Pacer {
  /** Waits its turn, at most `withinMs`; one that can't be reached by then is refused at once. `wish` is asked when the turn comes. */
  take(withinMs: number, wish?: Wish): Promise<Passage>
  /** True: it has passed, without a wait. False: `take` tells when it may, and nothing was taken. */
  tryTake(): boolean
  /** Nothing passes for so long; then it starts slowly. A shorter pause does not end a longer one. */
  pause(ms: number): void
  /** Refuses all who wait. */
  close(): void
}

/** What a quiet sender may send at once, where the quota is not small. */
const BUCKET = 500
/**
 * Of the quota, at first: a start from nothing would hold up a send of 10 000 for 11 s instead of 4, and a quarter of
 * the quota is no burst.
 */
const FIRST_RATE = 0.25
const RAMP_MS = 60_000
const MIN_PER_MINUTE = 10
/** How often those who wait are served: at 10 000 a second a hundred go at once. */
const TICK_MS = 10
const MINUTE_MS = 60_000

const GO: Passage = { ok: true }
const UNWANTED: Passage = { ok: false, afterMs: 'unwanted' }

export function createPacer(options: PacerOptions): Pacer {
  return new TokenBucket(options)
}

interface Waiter {
  readonly deadlineAt: number
  readonly wish: Wish | undefined
  readonly tell: (passage: Passage) => void
}

class TokenBucket implements Pacer {
  readonly #clock: Clock
  readonly #timer: Timer
  readonly #rampMs: number
  readonly #capacity: number
  /** Messages per ms when the ramp is over. */
  readonly #fullRate: number
  #tokens: number
  /** 0 the first rate, 1 the whole one. */
  #level = 0
  #countedAt: number
  #pausedUntil = Number.NEGATIVE_INFINITY
  /** How long that was when it was asked for. */
  #pauseMs = 0
  #waiters: Waiter[] = []
  /** Those before it have been told; the array is cut when it is half used up. */
  #head = 0
  #cancelTimer: (() => void) | undefined

  constructor({ perMinute, rampMs = RAMP_MS, clock, timer = systemTimer }: PacerOptions) {
    if (!(perMinute >= MIN_PER_MINUTE))
      throw new RangeError(`perMinute is ${perMinute}; at least 10 a minute`)
    this.#clock = clock
    this.#timer = timer
    this.#rampMs = rampMs
    this.#capacity = Math.min(BUCKET, Math.floor(perMinute / 4))
    this.#fullRate = (perMinute - this.#capacity) / MINUTE_MS
    this.#tokens = this.#capacity
    this.#countedAt = clock.now()
  }

  tryTake(): boolean {
    const now = this.#refill()
    if (now < this.#pausedUntil || this.#waiters.length > this.#head || this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  take(withinMs: number, wish?: Wish): Promise<Passage> {
    if (this.tryTake()) return Promise.resolve(GO)
    const now = this.#clock.now()
    if (now < this.#pausedUntil) return Promise.resolve({ ok: false, afterMs: this.#pausedUntil - now })
    const waiting = this.#waiters.length - this.#head
    const afterMs = this.#msUntil(waiting + 1)
    if (afterMs > withinMs) return Promise.resolve({ ok: false, afterMs })
    return new Promise(tell => {
      this.#waiters.push({ deadlineAt: now + withinMs, wish, tell })
      this.#wakeLater()
    })
  }

  pause(ms: number): void {
    const now = this.#refill()
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms)
    this.#pauseMs = this.#pausedUntil - now
    this.#level = 0
    this.#tokens = 0
    this.#refuseAll(this.#pausedUntil - now)
  }

  close(): void {
    this.#refuseAll(0)
  }

  #refuseAll(afterMs: number): void {
    const refused = this.#waiters.slice(this.#head)
    this.#waiters = []
    this.#head = 0
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (const { tell } of refused) tell({ ok: false, afterMs })
  }

  /** Counts what came in since the last time, and returns now. */
  #refill(): number {
    const now = this.#clock.now()
    // A clock that was set back makes no pause longer than was asked for.
    this.#pausedUntil = Math.min(this.#pausedUntil, now + this.#pauseMs)
    const from = Math.max(this.#countedAt, this.#pausedUntil)
    // A clock that was set back starts anew; nothing is paid out twice.
    this.#countedAt = now
    if (now > from) this.#count(now - from)
    return now
  }

  #count(ms: number): void {
    const fillMs = this.#msFor(this.#capacity - this.#tokens)
    const usedMs = Math.min(ms, fillMs)
    const levelAfter = Math.min(1, this.#level + usedMs / this.#rampMs)
    const gained = usedMs < fillMs ? this.#countIn(usedMs) : this.#capacity
    this.#tokens = Math.min(this.#capacity, this.#tokens + gained)
    // A full bucket means that less is sent than may be.
    this.#level = Math.max(0, levelAfter - (ms - usedMs) / this.#rampMs)
  }

  #rateAt(level: number): number {
    return this.#fullRate * (FIRST_RATE + (1 - FIRST_RATE) * level)
  }

  /** How many come in within `ms` while the rate grows. */
  #countIn(ms: number): number {
    const growingMs = Math.min(ms, (1 - this.#level) * this.#rampMs)
    const after = this.#level + growingMs / this.#rampMs
    return (
      (growingMs * (this.#rateAt(this.#level) + this.#rateAt(after))) / 2 + (ms - growingMs) * this.#fullRate
    )
  }

  /** How long it takes until `count` have come in: the other way round. */
  #msFor(count: number): number {
    if (count <= 0) return 0
    const growingMs = (1 - this.#level) * this.#rampMs
    const countInRamp = this.#countIn(growingMs)
    if (count >= countInRamp) return growingMs + (count - countInRamp) / this.#fullRate
    const rate = this.#rateAt(this.#level)
    const growth = (this.#fullRate * (1 - FIRST_RATE)) / this.#rampMs
    // rate·t + growth·t²/2 = count, in the form that loses no digits.
    return (2 * count) / (rate + Math.sqrt(rate * rate + 2 * growth * count))
  }

  /** How long the `place`th in the row waits. */
  #msUntil(place: number): number {
    return this.#msFor(place - this.#tokens)
  }

  #wakeLater(): void {
    this.#cancelTimer ??= this.#timer.after(Math.max(TICK_MS, Math.ceil(this.#msUntil(1))), () => {
      this.#cancelTimer = undefined
      this.#serve()
    })
  }

  #serve(): void {
    const now = this.#refill()
    while (this.#head < this.#waiters.length && this.#tokens >= 1) this.#tellNext(now)
    this.#cut()
    if (this.#waiters.length > 0) this.#wakeLater()
  }

  #tellNext(now: number): void {
    const { deadlineAt, wish, tell } = this.#waiters[this.#head++] as Waiter
    // A process that stood still: its caller has given up, and the turn is the next one's.
    if (now > deadlineAt + TICK_MS * 2) return tell({ ok: false, afterMs: 0 })
    if (wish?.isWanted === false) return tell(UNWANTED)
    this.#tokens -= 1
    tell(GO)
  }

  #cut(): void {
    if (this.#head * 2 < this.#waiters.length) return
    this.#waiters = this.#waiters.slice(this.#head)
    this.#head = 0
  }
}
