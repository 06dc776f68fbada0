/**
 * The posting of receipts by phones: a few at a time, as fast as allowed, some of them lost on purpose.
 *
 *     queued -> on its way -> posted | refused
 *                  └-> waiting (no answer, or one that asks for patience) -> queued again, three times at most
 *
 * A client keeps what it could not post and tries again after 25 seconds, then after longer and longer pauses, and says
 * in `X-Retry-Count` which try this is; so receipts come late, and what was answered too late comes twice.
 * Source: the behaviour of clients of the device protocol on iOS.
 */
import type { Random } from '../randomness.ts'
import { DeviceApiError } from './device-api.ts'

const RETRY_STATUSES: readonly number[] = [0, 408, 429, 500, 502, 503, 504]
const MAX_PAUSE_MS = 6 * 3_600_000

export interface ReceiptOptions {
  /** Receipts on their way at a time; default 16. */
  readonly concurrency?: number
  /** Default no limit. */
  readonly perSecond?: number
  /** Share of receipts that never leave the phone, 0 to 1; default 0. */
  readonly lossRate?: number
  /** Tries after the first one; default 3. */
  readonly retries?: number
  /** Pause before the first retry, each further one is twice as long; default 25 000. */
  readonly retryAfterMs?: number
}

export interface ReceiptCounts {
  readonly posted: number
  /** Never sent, by `lossRate`. */
  readonly lost: number
  /** Refused, or not answered until there was no try left. */
  readonly failed: number
  /** Kept for another try. */
  readonly waiting: number
}

/** Posts one receipt; `retries` is how often it was tried before. */
export type PostReceipt = (retries: number) => Promise<unknown>

interface Receipt {
  readonly send: PostReceipt
  retries: number
}

export class ReceiptPost {
  readonly #options: Required<ReceiptOptions>
  readonly #random: Random
  readonly #counts = { posted: 0, lost: 0, failed: 0 }
  #queue: Receipt[] = []
  /** Of the queue's front. Taking it off the array each time would move half a million others. */
  #head = 0
  #waiting: { readonly receipt: Receipt; readonly dueAtMs: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #active = 0
  #mayPostAtMs = 0
  #waiters: (() => void)[] = []

  constructor(random: Random, options: ReceiptOptions = {}) {
    const { concurrency = 16, perSecond = Number.POSITIVE_INFINITY, lossRate = 0 } = options
    const { retries = 3, retryAfterMs = 25_000 } = options
    this.#options = { concurrency, perSecond, lossRate, retries, retryAfterMs }
    this.#random = random
  }

  /** Queues one receipt. `random` draws whether it is lost; default that of the post. */
  post(send: PostReceipt, random: Random = this.#random): void {
    const { lossRate } = this.#options
    if (lossRate > 0 && random() < lossRate) this.#counts.lost++
    else this.#enqueue({ send, retries: 0 })
  }

  counts(): ReceiptCounts {
    return { ...this.#counts, waiting: this.#waiting.length }
  }

  /** Tries at once what waits for another try, as clients do when the network is back. */
  flush(): void {
    for (const { receipt } of this.#waiting.splice(0)) this.#enqueue(receipt)
  }

  /** Settles when nothing is queued, on its way, or waits for another try. */
  settled(): Promise<void> {
    if (this.#isSettled()) return Promise.resolve()
    return new Promise(resolve => this.#waiters.push(resolve))
  }

  /** Forgets what waits. */
  close(): void {
    clearTimeout(this.#timer)
    this.#waiting = []
    this.#tellWaiters()
  }

  #enqueue(receipt: Receipt): void {
    this.#queue.push(receipt)
    if (this.#active < this.#options.concurrency) void this.#work()
  }

  #take(): Receipt | undefined {
    const receipt = this.#queue[this.#head++]
    if (receipt !== undefined) return receipt
    this.#queue = []
    this.#head = 0
    return undefined
  }

  async #work(): Promise<void> {
    this.#active++
    for (let receipt = this.#take(); receipt !== undefined; receipt = this.#take()) {
      await this.#waitForTurn()
      const sent = receipt
      await sent.send(sent.retries).then(
        () => this.#counts.posted++,
        (cause: unknown) => this.#keepOrGiveUp(sent, cause),
      )
    }
    this.#active--
    this.#tellWaiters()
  }

  #keepOrGiveUp(receipt: Receipt, cause: unknown): void {
    const { retries, retryAfterMs } = this.#options
    const isPassing = cause instanceof DeviceApiError && RETRY_STATUSES.includes(cause.status)
    if (!isPassing || receipt.retries >= retries) {
      this.#counts.failed++
      return
    }
    const pauseMs = Math.min(retryAfterMs * 2 ** receipt.retries, MAX_PAUSE_MS)
    receipt.retries++
    this.#waiting.push({ receipt, dueAtMs: performance.now() + pauseMs })
    this.#timer ??= setTimeout(() => this.#retryDue(), pauseMs).unref()
  }

  #retryDue(): void {
    const now = performance.now()
    const waiting = this.#waiting
    this.#waiting = waiting.filter(({ dueAtMs }) => dueAtMs > now)
    for (const { receipt, dueAtMs } of waiting) if (dueAtMs <= now) this.#enqueue(receipt)
    const nextMs = this.#waiting.reduce((soonest, { dueAtMs }) => Math.min(soonest, dueAtMs), Infinity)
    this.#timer =
      this.#waiting.length === 0 ? undefined : setTimeout(() => this.#retryDue(), nextMs - now).unref()
  }

  #isSettled(): boolean {
    return this.#active === 0 && this.#head >= this.#queue.length && this.#waiting.length === 0
  }

  #tellWaiters(): void {
    if (this.#isSettled()) for (const resolve of this.#waiters.splice(0)) resolve()
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
