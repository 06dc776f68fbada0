/** What the operator is told of troubles that many see at once: each now and then, since endpoints come from clients and their words may be many. */
import type { Logger } from 'pino'
import type { Clock } from '../time.ts'
import type { Settlement } from './settle.ts'

const TELL_AGAIN_MS = 60_000
const TOLD_MAX = 100
const TELL_AWAY_AGAIN_MS = 10_000

export class Trouble {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #told = new Map<string, number>()
  #toldAwayAt = Number.NEGATIVE_INFINITY

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock
    this.#logger = logger
  }

  /** All runners see the same outage, many times a second. */
  tellAway(error: unknown): void {
    const now = performance.now()
    if (now - this.#toldAwayAt < TELL_AWAY_AGAIN_MS) return
    this.#toldAwayAt = now
    this.#logger.warn(
      { err: error },
      'the database can not serve; sending waits, and what was sent is kept to be booked',
    )
  }

  /** A gateway that is down and a way that is closed look alike from outside: the operator is told the words. */
  tellUnreached(gateway: string, settlements: readonly Settlement[]): void {
    const now = this.#clock.now()
    for (const settlement of settlements) {
      if (settlement.kind !== 'sent' || settlement.outcome.kind !== 'not_sent') continue
      const { reason } = settlement.outcome
      const key = `${gateway} ${reason}`
      if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_MS) continue
      if (this.#told.size >= TOLD_MAX) this.#told.clear()
      this.#told.set(key, now)
      this.#logger.warn({ gateway, reason }, 'a gateway is not reached; deliveries wait')
    }
  }
}
