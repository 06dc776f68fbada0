/**
 * A small table in memory, as it was a moment ago: every call asks who is calling, and those who make names up must not
 * cost a query each. What is in it is believed for some seconds. What is not in it may be new, so the table is read
 * again before anybody is refused; but only so often, and then a refusal rests on a table that is a second old at most.
 */
import type { Clock } from '../time.ts'

/** Apps and tokens hardly ever change. */
const BELIEVED_MS = 5000
/** From this age on it is read again for whoever asks next: of a stream of calls none waits for it. */
const RENEWED_AFTER_MS = 3000
/** For refusals, once there were too many of them. */
const BELIEVED_AFTER_MISSES_MS = 1000
/** Refusals that have the table read again, for each second; of those not used up, this many are kept. */
const MISSES_PER_SECOND = 20

interface Held<T> {
  readonly value: T
  readonly at: number
}

export class Snapshot<T> {
  readonly #read: () => Promise<T>
  readonly #clock: Clock
  #held: Held<T> | undefined
  #loading: Promise<T> | undefined
  #next: Promise<T> | undefined
  #misses = { left: MISSES_PER_SECOND, at: Number.NEGATIVE_INFINITY }

  constructor(read: () => Promise<T>, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** At most as old as that; default 5 s. */
  async current(believedMs: number = BELIEVED_MS): Promise<T> {
    const held = this.#heldFor(believedMs)
    if (held === undefined) return this.#join()
    if (this.#heldFor(RENEWED_AFTER_MS) === undefined) this.#join().catch(() => undefined) // told to who waits for one
    return held.value
  }

  /** For what was not found in it: read anew, or, when that was asked too often, at most 1 s old. */
  async afterMiss(): Promise<T> {
    if (this.#takeMiss()) return this.#fresh()
    return this.current(BELIEVED_AFTER_MISSES_MS)
  }

  /** What was read so far, or is being read at the moment, is believed no more: something in it was taken back. */
  forget(): void {
    this.#held = undefined
    this.#loading = undefined
  }

  #heldFor(ms: number): Held<T> | undefined {
    const held = this.#held
    return held !== undefined && this.#clock.now() - held.at < ms ? held : undefined
  }

  /** All that ask while it is being read share the query. */
  #join(): Promise<T> {
    return this.#loading ?? this.#load()
  }

  #load(): Promise<T> {
    const at = this.#clock.now()
    const loading: Promise<T> = this.#read()
      .then(value => {
        if (this.#loading === loading) this.#held = { value, at }
        return value
      })
      .finally(() => {
        if (this.#loading === loading) this.#loading = undefined
      })
    this.#loading = loading
    return loading
  }

  /** A query that began before may have missed what was stored since. */
  #fresh(): Promise<T> {
    if (this.#loading === undefined) return this.#join()
    this.#next ??= this.#loading
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#join()
      })
    return this.#next
  }

  #takeMiss(): boolean {
    const now = this.#clock.now()
    const gained = ((now - this.#misses.at) / 1000) * MISSES_PER_SECOND
    const left = Math.min(MISSES_PER_SECOND, this.#misses.left + gained)
    this.#misses = { left: left >= 1 ? left - 1 : left, at: now }
    return left >= 1
  }
}
