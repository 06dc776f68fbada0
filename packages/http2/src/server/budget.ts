/**
 * How often a peer may do what costs us more than it costs the peer: a bucket of tokens that fills with time.
 * Source: RFC 9113 §10.5; CVE-2023-44487 (rapid reset), CVE-2019-9512 (pings), -9515 (settings), -9518 (empty frames).
 */
import { ConnectionError, ERROR } from '../protocol.ts'

export class Budget {
  readonly #name: string
  readonly #burst: number
  readonly #perSecond: number
  readonly #now: () => number
  #tokens: number
  #filledAt: number

  /** `now` in milliseconds. */
  constructor(name: string, burst: number, perSecond: number, now: () => number) {
    this.#name = name
    this.#burst = burst
    this.#perSecond = perSecond
    this.#now = now
    this.#tokens = burst
    this.#filledAt = now()
  }

  /** Throws ConnectionError (ENHANCE_YOUR_CALM) when nothing is left. The clock is read only then. */
  spend(): void {
    if (this.#tokens < 1) this.#fill()
    if (this.#tokens < 1) throw new ConnectionError(ERROR.ENHANCE_YOUR_CALM, `too many ${this.#name}`)
    this.#tokens -= 1
  }

  #fill(): void {
    const now = this.#now()
    const earned = ((now - this.#filledAt) / 1000) * this.#perSecond
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, earned))
    this.#filledAt = now
  }
}
