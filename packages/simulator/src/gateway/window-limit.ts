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

  /** Counts `amount` when all of it is within the limit, and says whether it is. */
  allows(key: string, limit: number, windowMs: number, nowMs: number, amount = 1): boolean {
    const window = this.#window(key, windowMs, nowMs)
    if (window.count + amount > limit) return false
    window.count += amount
    return true
  }

  #window(key: string, windowMs: number, nowMs: number): Window {
    const known = this.#windows.get(key)
    if (known !== undefined && nowMs < known.endsAtMs) return known
    if (this.#windows.size >= this.#sweepAt) this.#sweep(nowMs)
    const window = { endsAtMs: nowMs + windowMs, count: 0 }
    this.#windows.set(key, window)
    return window
  }

  #sweep(nowMs: number): void {
    for (const [key, { endsAtMs }] of this.#windows) if (endsAtMs <= nowMs) this.#windows.delete(key)
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#windows.size)
  }
}
