/**
 * Requests that arrive together share one transaction, and each is answered only after its commit.
 * While one batch is being committed the next one collects, so the batch size follows the load by itself:
 * one item when it is quiet, hundreds when it is busy.
 */
import { isCollision, isDataFault } from './database.ts'

export interface MicroBatchOptions<In, Out> {
  /** Results in the order of the items. Runs in one transaction; when it rejects, nothing was stored. */
  readonly run: (items: readonly In[]) => Promise<readonly Out[]>
  readonly maxSize: number
  /**
   * Items that share a key never share a batch (one statement can't touch a row twice), and keep their
   * order of arrival.
   */
  readonly keysOf: (item: In) => readonly string[]
  /**
   * A second batch runs beside the first one when at least this many wait: the database works on one while this process
   * reads and answers the other. Smaller ones wait, since two statements for a few items cost more than one for all of
   * them. Default: never.
   */
  readonly besideFrom?: number
}

interface Waiting<In, Out> {
  readonly item: In
  readonly keys: readonly string[]
  readonly answered: Promise<Out>
  readonly resolve: (result: Out) => void
  readonly reject: (error: unknown) => void
}

const RUNS_AT_ONCE = 2

export class MicroBatch<In, Out> {
  readonly #options: MicroBatchOptions<In, Out>
  #waiting: Waiting<In, Out>[] = []
  readonly #running = new Set<readonly Waiting<In, Out>[]>()
  #isGathering = false

  constructor(options: MicroBatchOptions<In, Out>) {
    this.#options = options
  }

  add(item: In): Promise<Out> {
    const { promise, resolve, reject } = withResolvers<Out>()
    this.#waiting.push({ item, keys: this.#options.keysOf(item), answered: promise, resolve, reject })
    if (this.#mayRun()) void this.#gather()
    return promise
  }

  /**
   * Resolves when everything added so far was committed or refused. What is added afterwards is not waited for:
   * on a busy server that would never end.
   */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#running, this.#waiting].flat().map(entry => entry.answered))
  }

  #mayRun(): boolean {
    if (this.#isGathering || this.#waiting.length === 0) return false
    const { besideFrom = Number.POSITIVE_INFINITY } = this.#options
    return (
      this.#running.size === 0 || (this.#running.size < RUNS_AT_ONCE && this.#waiting.length >= besideFrom)
    )
  }

  async #gather(): Promise<void> {
    this.#isGathering = true
    await Promise.resolve() // lets the requests of this turn gather
    this.#isGathering = false
    while (this.#mayRun()) {
      const taken = this.#take()
      if (taken.length === 0) return // all of them wait for a batch that runs
      this.#running.add(taken)
      await this.#runOne(taken)
      this.#running.delete(taken)
    }
  }

  #take(): Waiting<In, Out>[] {
    const taken: Waiting<In, Out>[] = []
    const left: Waiting<In, Out>[] = []
    const keys = this.#runningKeys()
    for (const entry of this.#waiting) {
      const fits = taken.length < this.#options.maxSize && !entry.keys.some(key => keys.has(key))
      // A refused entry blocks its keys too, or a later one of the same device would overtake it.
      for (const key of entry.keys) keys.add(key)
      ;(fits ? taken : left).push(entry)
    }
    this.#waiting = left
    return taken
  }

  #runningKeys(): Set<string> {
    const keys = new Set<string>()
    for (const batch of this.#running) for (const entry of batch) for (const key of entry.keys) keys.add(key)
    return keys
  }

  async #runOne(entries: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const results = await this.#options.run(entries.map(entry => entry.item))
      entries.forEach((entry, i) => {
        entry.resolve(results[i] as Out)
      })
    } catch (error) {
      // One item that the database refuses, or others fight for, must not fail its neighbours; a lost database fails them
      // all. Halves find it in a few runs, whatever the size of the batch.
      const middle = Math.ceil(entries.length / 2)
      if (entries.length > 1 && (isDataFault(error) || isCollision(error)))
        for (const half of [entries.slice(0, middle), entries.slice(middle)]) await this.#runOne(half)
      else for (const entry of entries) entry.reject(error)
    }
  }
}

/** `Promise.withResolvers` is not in Node 20. */
function withResolvers<T>(): {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
} {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((onDone, onFail) => {
    resolve = onDone
    reject = onFail
  })
  return { promise, resolve, reject }
}
