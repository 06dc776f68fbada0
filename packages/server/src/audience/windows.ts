/**
 * What looks through the whole base asks for a window of buckets at a time. However few of a large base a condition meets, and however much it
 * asks of each, a statement stays far below its time limit, which would end it each time that it is tried again.
 */
import { BUCKETS } from '../registry/buckets.ts'
import { isTimedOut } from '../store/database.ts'

/** At ten million devices 16 buckets are 160 thousand: about a second. */
export const FIRST_WINDOW = 16
const WIDER_BELOW_MS = 500
const NARROWER_ABOVE_MS = 2000

/** A single bucket took longer than a statement may: it would the next time, too. */
export class ConditionTooSlow extends Error {
  constructor(cause: unknown) {
    super(
      `the condition takes longer than a statement may, for one of ${BUCKETS} parts of the base alone; ask for less in it`,
      { cause },
    )
  }
}

/** Of one pass over the base: windows grow as long as they take a moment. */
export class BucketWindows {
  #width = FIRST_WINDOW
  /** Less than what met the time limit: finding that out once more would take as long again. */
  #widest = BUCKETS

  /**
   * What `ask` gives for the buckets from `from` to before `until`, as many as may be asked for at once. Those that meet the time limit are
   * asked for again, half as many. Throws `ConditionTooSlow` when it is one bucket, and what else `ask` throws.
   */
  async read<T>(
    from: number,
    ask: (until: number) => Promise<T>,
  ): Promise<{ readonly until: number; readonly answer: T }> {
    for (;;) {
      const until = Math.min(from + this.#width, BUCKETS)
      const startedAt = performance.now()
      try {
        const answer = await ask(until)
        this.#fit(performance.now() - startedAt)
        return { until, answer }
      } catch (error) {
        if (!isTimedOut(error)) throw error
        if (until - from === 1) throw new ConditionTooSlow(error)
        this.#width = this.#widest = Math.ceil((until - from) / 2)
      }
    }
  }

  #fit(tookMs: number): void {
    if (tookMs < WIDER_BELOW_MS) this.#width = Math.min(2 * this.#width, this.#widest)
    else if (tookMs > NARROWER_ABOVE_MS) this.#width = Math.ceil(this.#width / 2)
  }
}
