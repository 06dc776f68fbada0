/**
 * A database server that is ours for as long as we run. When the session that holds it ends, the server has been killed, or has thrown out
 * all sessions since one of its processes crashed: it is started again where it was, or claimed again, so that whoever asks it finds it at
 * the same place.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'

export interface Kept {
  /** Holds the claim. */
  readonly owner: pg.Client
  readonly pid: number
}

export interface Keeping {
  /** Starts it, or claims the one that runs; throws when that can't be done now, and soon after `signal` was aborted. */
  again(signal: AbortSignal): Promise<Kept>
  /** What happens meanwhile, in words. */
  tell(says: string): void
}

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 10_000

export class KeptServer {
  readonly #keeping: Keeping | undefined
  readonly #stop = new AbortController()
  #kept: Kept
  #reviving: Promise<void> = Promise.resolve()

  /** `keeping`: absent when it is not to be started again. */
  constructor(kept: Kept, keeping?: Keeping) {
    this.#kept = kept
    this.#keeping = keeping
    this.#watch()
  }

  /** From now on its end is meant; what is being started is given up. Gives back what is to be ended. */
  async letGo(): Promise<Kept> {
    this.#stop.abort()
    await this.#reviving
    return this.#kept
  }

  /** Of this moment. */
  get owner(): pg.Client {
    return this.#kept.owner
  }

  #watch(): void {
    const keeping = this.#keeping
    if (keeping === undefined) return
    this.#kept.owner.once('end', () => {
      if (!this.#stop.signal.aborted) this.#reviving = this.#revive(keeping)
    })
  }

  async #revive({ again, tell }: Keeping): Promise<void> {
    const { signal } = this.#stop
    tell('the embedded PostgreSQL has ended; starting it again')
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      await pause(waitMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        this.#kept = await again(signal)
        this.#watch()
        return tell('the embedded PostgreSQL is running again')
      } catch (error) {
        if (signal.aborted) return
        tell(`the embedded PostgreSQL could not be started again: ${(error as Error).message}`)
      }
    }
  }
}
