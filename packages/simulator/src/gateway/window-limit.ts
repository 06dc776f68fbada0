/**
 * So many in a window of time for each key; the window begins with the first one. No gateway publishes its arithmetic.
 */
interface Window {
  endsAtMs: number
  count: number
}

/** Windows kept before those that have ended are thrown away. */
const SWEEP_AT = 100_000

export class WindowLimit {
  readonly #windows = new Map<string, Window>()
  #sweepAt = SWEEP_AT

  /** Counts one, and says whether it was within the limit. */
  allows(key: string, limit: number, windowMs: number, nowMs: number): boolean {
    const window = this.#windows.get(key)
    if (window !== undefined && nowMs < window.endsAtMs) {
      window.count++
      return window.count <= limit
    }
    if (this.#windows.size >= this.#sweepAt) this.#sweep(nowMs)
    this.#windows.set(key, { endsAtMs: nowMs + windowMs, count: 1 })
    return limit >= 1
  }

  #sweep(nowMs: number): void {
    for (const [key, { endsAtMs }] of this.#windows) if (endsAtMs <= nowMs) this.#windows.delete(key)
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#windows.size)
  }
}
