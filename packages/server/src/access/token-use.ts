/** When a token was used last: noted now and then, since every call uses one. A note that fails is made up for by the next. */
import type { Queryable } from '../store/database.ts'
import type { Clock } from '../time.ts'

export interface TokenUseOptions {
  readonly db: Queryable
  readonly clock: Clock
  /** At most once in so long for each token, by each server. */
  readonly everyMs: number
}

export class TokenUse {
  readonly #options: TokenUseOptions
  readonly #notedAt = new Map<number, number>()

  constructor(options: TokenUseOptions) {
    this.#options = options
  }

  /** Returns at once; nobody waits for it. */
  note(id: number): void {
    const { db, clock, everyMs } = this.#options
    const at = clock.now()
    const before = this.#notedAt.get(id)
    if (before !== undefined && at - before < everyMs) return
    this.#notedAt.set(id, at)
    void db
      .query('update api_token set used_at = $2 where id = $1 and (used_at is null or used_at < $2)', [
        id,
        new Date(at),
      ])
      .catch(() => undefined)
  }
}
