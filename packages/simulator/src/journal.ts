/**
 * The newest of what happened, in a ring, that can be waited on, so that a test never sleeps.
 */

interface Waiter<T> {
  readonly matches: (entry: T) => boolean
  readonly resolve: (entry: T) => void
  readonly reject: (cause: Error) => void
}

export class Journal<T> {
  readonly #capacity: number
  readonly #waiters = new Set<Waiter<T>>()
  readonly #ring: T[] = []
  /** Where the next entry goes; with a full ring, the oldest one is there. */
  #next = 0

  /** Keeps the last `capacity` entries. */
  constructor(capacity = 10_000) {
    this.#capacity = capacity
  }

  record(entry: T): void {
    this.#ring[this.#next] = entry
    this.#next = (this.#next + 1) % this.#capacity
    if (this.#waiters.size > 0) this.#wake(entry)
  }

  /** Oldest first. */
  entries(matches: (entry: T) => boolean = () => true): T[] {
    const isFull = this.#ring.length === this.#capacity
    const inOrder = isFull
      ? [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
      : this.#ring
    return inOrder.filter(matches)
  }

  /** The first entry that matches, of those already here or the next to come. Rejects when the journal closes. */
  waitFor(matches: (entry: T) => boolean = () => true): Promise<T> {
    const [known] = this.entries(matches)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve, reject) => {
      this.#waiters.add({ matches, resolve, reject })
    })
  }

  close(): void {
    for (const waiter of this.#waiters) waiter.reject(new Error('the simulator closed before this happened'))
    this.#waiters.clear()
  }

  #wake(entry: T): void {
    for (const waiter of this.#waiters) {
      if (!waiter.matches(entry)) continue
      this.#waiters.delete(waiter)
      waiter.resolve(entry)
    }
  }
}
