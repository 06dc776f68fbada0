/**
 * The posting of receipts by phones: a few at a time, as fast as allowed, some of them lost on purpose.
 */
import type { Random } from '../randomness.ts'

export interface ReceiptOptions {
  /** Receipts on their way at a time; default 16. */
  readonly concurrency?: number
  /** Default no limit. */
  readonly perSecond?: number
  /** Share of receipts that never leave the phone, 0 to 1; default 0. */
  readonly lossRate?: number
}

export interface ReceiptCounts {
  readonly posted: number
  /** Never sent, by `lossRate`. */
  readonly lost: number
  /** Sent, and refused or not answered. */
  readonly failed: number
}

export class ReceiptPost {
  readonly #options: Required<ReceiptOptions>
  readonly #random: Random
  readonly #queue: (() => Promise<unknown>)[] = []
  readonly #counts = { posted: 0, lost: 0, failed: 0 }
  #active = 0
  #mayPostAtMs = 0
  #waiters: (() => void)[] = []

  constructor(random: Random, options: ReceiptOptions = {}) {
    const { concurrency = 16, perSecond = Number.POSITIVE_INFINITY, lossRate = 0 } = options
    this.#options = { concurrency, perSecond, lossRate }
    this.#random = random
  }

  /** Queues one receipt. */
  post(send: () => Promise<unknown>): void {
    if (this.#random() < this.#options.lossRate) {
      this.#counts.lost++
      return
    }
    this.#queue.push(send)
    if (this.#active < this.#options.concurrency) void this.#work()
  }

  counts(): ReceiptCounts {
    return { ...this.#counts }
  }

  /** Settles when nothing is queued or on its way. */
  settled(): Promise<void> {
    if (this.#active === 0 && this.#queue.length === 0) return Promise.resolve()
    return new Promise(resolve => this.#waiters.push(resolve))
  }

  async #work(): Promise<void> {
    this.#active++
    for (let send = this.#queue.shift(); send !== undefined; send = this.#queue.shift()) {
      await this.#waitForTurn()
      await send().then(
        () => this.#counts.posted++,
        () => this.#counts.failed++,
      )
    }
    this.#active--
    if (this.#active === 0) for (const resolve of this.#waiters.splice(0)) resolve()
  }

  async #waitForTurn(): Promise<void> {
    const { perSecond } = this.#options
    if (perSecond === Number.POSITIVE_INFINITY) return
    const now = performance.now()
    const waitMs = Math.max(0, this.#mayPostAtMs - now)
    this.#mayPostAtMs = now + waitMs + 1000 / perSecond
    if (waitMs > 0) await new Promise<void>(resolve => setTimeout(resolve, waitMs))
  }
}
