/**
 * Precedence: while a message to few named devices is on its way to its gateway, campaigns of this process begin no new
 * piece of work. On two cores that are both busy each step of it (three answers of the database, a claim, a write) otherwise
 * waits behind what eight batches do meanwhile: 50–60 ms in the middle beside a campaign, 28–30 with it
 * (docs/performance.md, "A message to one device").
 *
 * Campaigns are held back for half of the time at most, whatever number of such messages there is, so these can slow a
 * campaign and never stop it.
 */
import { performance } from 'node:perf_hooks'

/** One that is not handed over by then waits for something else: its gateway, a pause, a lock. */
const LAPSE_MS = 50

export interface Way {
  /** Its id, once it has one: who sends it knows no more of it. */
  isOf(messageId: string): void
  end(): void
}

export class Precedence {
  readonly #onTheWay = new Set<Way>()
  readonly #byMessage = new Map<string, Way>()
  readonly #heldBack: (() => void)[] = []
  readonly #now: () => number
  /** As long as campaigns were held back they work before they are again. Of `#now`, ms. */
  #freeUntil = 0

  /** `now`: ms of a clock that only goes on. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Of a message that comes in. */
  begin(): Way {
    let id: string | undefined
    const way: Way = {
      isOf: messageId => {
        id = messageId
        if (this.#onTheWay.has(way)) this.#byMessage.set(messageId, way)
      },
      end: () => {
        clearTimeout(lapse)
        if (id !== undefined) this.#byMessage.delete(id)
        this.#onTheWay.delete(way)
        if (this.#onTheWay.size === 0) for (const goOn of this.#heldBack.splice(0)) goOn()
      },
    }
    const lapse = setTimeout(way.end, LAPSE_MS)
    this.#onTheWay.add(way)
    return way
  }

  /** It is in its gateway's hands, or nothing of it leaves now. */
  end(messageId: string): void {
    this.#byMessage.get(messageId)?.end()
  }

  /** For a campaign, before each piece of its work. */
  async giveWay(): Promise<void> {
    const since = this.#now()
    if (this.#onTheWay.size === 0 || since < this.#freeUntil) return
    await new Promise<void>(resolve => this.#heldBack.push(resolve))
    const until = this.#now()
    this.#freeUntil = Math.max(this.#freeUntil, until + (until - since))
  }
}
