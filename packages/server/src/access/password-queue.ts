/**
 * Strangers may have passwords tried, so only two are computed at a time and few may wait: guessing costs the server little,
 * and whoever is known here waits in front.
 */
import { PushError } from '@roost/protocol'

const AT_ONCE = 2
/** A fifth of a second until it is their turn. */
const STRANGERS_WAITING_MAX = 16
const WAITING_MAX = 32
const REPEAT_AFTER_S = 2

export interface Asking {
  /** Has signed in from there before. */
  readonly isKnown: boolean
}

export class PasswordQueue {
  #running = 0
  readonly #waiting: (() => void)[] = []

  /** Throws `rate_limited` when too many wait already. */
  async inTurn<T>(work: () => Promise<T>, asking: Asking): Promise<T> {
    await this.#turn(asking)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next() // takes over the place
    }
  }

  async #turn({ isKnown }: Asking): Promise<void> {
    if (this.#running < AT_ONCE) {
      this.#running++
      return
    }
    if (this.#waiting.length >= (isKnown ? WAITING_MAX : STRANGERS_WAITING_MAX))
      throw new PushError('rate_limited', 'too many passwords are being checked at the moment', {
        retryAfterSeconds: REPEAT_AFTER_S,
      })
    await new Promise<void>(resolve => {
      if (isKnown) this.#waiting.unshift(resolve)
      else this.#waiting.push(resolve)
    })
  }
}
