/**
 * Looks once a second, for all who look on at an app over this process, and never while nobody does. Whoever waits is called after each look, also
 * after one that failed or takes long: then what is known has `trouble` in it, with the time since when it is not looked at anew.
 *
 * A look that is dear is made less often: it takes a fifth of the time at most.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Look, type Picture, pictureOf } from '../../../insight/overview/picture.ts'
import type { Clock } from '../../../time.ts'

const LOOK_EVERY_MS = 1000
/** A look that has not come back is waited for no longer before people are told. */
const LATE_AFTER_MS = 5000
/** A look that takes long is followed by a rest of so many times as long. */
const REST_FACTOR = 4
const REST_MAX_MS = 10_000

export interface WatchOptions {
  readonly look: (look: Look) => Promise<ReadonlyMap<number, Picture>>
  readonly clock: Clock
  /** Default 1000. */
  readonly everyMs?: number
  readonly onFault?: (error: unknown) => void
}

export class Watch {
  readonly #options: WatchOptions
  readonly #listeners = new Map<number, number>()
  #pictures = new Map<number, Picture>()
  readonly #waiting = new Set<() => void>()
  #isRunning = false
  /** Aborted when somebody comes who has no picture yet. */
  #rest = new AbortController()
  /** The last look that was good, or the beginning. */
  #goodAt = 0

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** The app is looked at until what this returns is called. */
  join(appId: number): () => void {
    this.#listeners.set(appId, (this.#listeners.get(appId) ?? 0) + 1)
    if (!this.#pictures.has(appId)) this.#rest.abort()
    if (!this.#isRunning) void this.#run()
    return () => {
      const left = (this.#listeners.get(appId) ?? 1) - 1
      if (left > 0) this.#listeners.set(appId, left)
      else {
        this.#listeners.delete(appId)
        this.#pictures.delete(appId)
      }
    }
  }

  /** Undefined before the first look at it. */
  pictureOf(appId: number): Picture | undefined {
    return this.#pictures.get(appId)
  }

  /** Resolves after the next look, or at once when it is aborted. */
  looked(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      if (signal.aborted) return resolve()
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    this.#goodAt = this.#options.clock.now()
    while (this.#listeners.size > 0) {
      this.#rest = new AbortController()
      const startedAt = performance.now()
      await this.#lookAndTell()
      const tookMs = performance.now() - startedAt
      const restMs = Math.min(
        Math.max((this.#options.everyMs ?? LOOK_EVERY_MS) - tookMs, tookMs * REST_FACTOR),
        REST_MAX_MS,
      )
      await delay(restMs, undefined, { signal: this.#rest.signal, ref: false }).catch(() => undefined)
    }
    this.#isRunning = false
  }

  async #lookAndTell(): Promise<void> {
    const look = this.#look()
    let isGood: boolean | undefined
    while (isGood === undefined) {
      isGood = await within(LATE_AFTER_MS, look)
      if (isGood !== true) this.#tellTrouble()
      this.#wake()
    }
  }

  /** Whether it was good; never throws. */
  async #look(): Promise<boolean> {
    const at = this.#options.clock.now()
    try {
      const seen = await this.#options.look({ appIds: [...this.#listeners.keys()], at })
      for (const [appId, picture] of seen) if (this.#listeners.has(appId)) this.#pictures.set(appId, picture)
      this.#goodAt = at
      return true
    } catch (error) {
      this.#options.onFault?.(error)
      return false
    }
  }

  #tellTrouble(): void {
    const value = { since: new Date(this.#goodAt).toISOString() }
    const trouble = pictureOf([{ kind: 'trouble', id: '', value }])
    for (const [appId, picture] of this.#pictures)
      this.#pictures.set(appId, new Map([...picture, ...trouble]))
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done()
  }
}

/** Undefined when it has not come by then. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const late = new AbortController()
  try {
    return await Promise.race([promise, delay(ms, undefined, { signal: late.signal }).catch(() => undefined)])
  } finally {
    late.abort()
  }
}
