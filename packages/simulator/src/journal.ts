/**
 * A list of what happened that can be waited on, so that a test never sleeps.
 */

interface Waiter<T> {
  readonly matches: (entry: T) => boolean
  readonly resolve: (entry: T) => void
  readonly reject: (cause: Error) => void
}

export class Journal<T> {
  readonly #capacity: number
  readonly #waiters = new Set<Waiter<T>>()
  #entries: T[] = []

  /** Keeps the last `capacity` entries at least; older ones go in blocks. */
  constructor(capacity = 10_000) {
    this.#capacity = capacity
  }

  record(entry: T): void {
    this.#entries.push(entry)
    if (this.#entries.length > 2 * this.#capacity) this.#entries = this.#entries.slice(-this.#capacity)
    for (const waiter of this.#waiters) {
      if (!waiter.matches(entry)) continue
      this.#waiters.delete(waiter)
      waiter.resolve(entry)
    }
  }

  entries(matches: (entry: T) => boolean = () => true): T[] {
    return this.#entries.filter(matches)
  }

  /** The first entry that matches, of those already here or the next to come. Rejects when the journal closes. */
  waitFor(matches: (entry: T) => boolean = () => true): Promise<T> {
    const known = this.#entries.find(matches)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve, reject) => {
      this.#waiters.add({ matches, resolve, reject })
    })
  }

  close(): void {
    for (const waiter of this.#waiters) waiter.reject(new Error('the simulator closed before this happened'))
    this.#waiters.clear()
  }
}
