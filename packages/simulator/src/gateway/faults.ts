/**
 * Faults on demand: what a gateway shall answer instead of what it would, how slowly, and which connections it ends.
 *
 * A fault is chosen after the credentials were checked and before the address is looked at, so a replaced answer
 * never counts as an acceptance. `Spec` is the gateway's own way of naming an answer.
 */
import type { Random } from '../randomness.ts'

/** Streams that arrive on a connection after request number `at` are refused by GOAWAY. */
export interface GoAway {
  /** HTTP/2 error code, default NO_ERROR. */
  readonly code?: number
  /** Sent as `{"reason": …}` in the debug data, as APNs does. */
  readonly reason?: string
  /** Sent as the debug data, word for word, as Google does. */
  readonly debug?: string
}

/** A listener that can be shut for a while: its port refuses connections, open ones are cut. */
export interface Shuttable {
  shut(): Promise<void>
  /** On the same port; rejects when somebody else has taken it. */
  reopen(): Promise<void>
}

export interface ConnectionFaults {
  /** Called once by each listener that obeys these faults. */
  attach?(listener: Shuttable): void
  goAwayAt(requests: number, connection: object): GoAway | undefined
  /** Whether this request lies between the last one that a GOAWAY to come will name and the one that sets it off. */
  withholds?(requests: number, connection: object): boolean
}

/** `delayMs` comes on top of the latency. */
export interface Delayed {
  readonly delayMs?: number
}

interface Planned<Spec> {
  readonly spec: Spec
  remaining: number
}

export class Faults<Spec extends Delayed> implements ConnectionFaults {
  readonly #random: Random
  #next: Planned<Spec>[] = []
  #byToken = new Map<string, Planned<Spec>>()
  #everything: Spec | undefined
  #share = 1
  #latency = { minMs: 0, maxMs: 0 }
  #goAway: (GoAway & { readonly at: number; readonly processed: number; remaining: number }) | undefined
  #gate: Gate | undefined
  readonly #listeners: Shuttable[] = []
  /** Outages and their ends take place one after the other. */
  #lastChange: Promise<void> = Promise.resolve()

  constructor(random: Random) {
    this.#random = random
  }

  /** The next `times` requests get this answer, whichever token they name. */
  answerNext(spec: Spec, times = 1): void {
    this.#next.push({ spec, remaining: times })
  }

  /** Requests for this token get this answer, `times` times; for ever when absent. */
  answerFor(token: string, spec: Spec, times = Number.POSITIVE_INFINITY): void {
    this.#byToken.set(token, { spec, remaining: times })
  }

  /** Every request gets this answer until `clear()`: a gateway that is down. */
  answerEverything(spec: Spec): void {
    this.answerSome(spec, 1)
  }

  /** Each request gets this answer with this probability, until `clear()`: a gateway that is not well. */
  answerSome(spec: Spec, share: number): void {
    this.#everything = spec
    this.#share = share
  }

  /** Each answer waits a time drawn evenly between the two; one number is both. */
  setLatency(minMs: number, maxMs = minMs): void {
    this.#latency = { minMs, maxMs }
  }

  /**
   * `times` connections are told to go away on their n-th request. The last one that they get answered is this one, or
   * that of number `processed`: those between the two are in flight, and were not looked at.
   */
  goAwayAfter(
    requests: number,
    options: GoAway & { readonly times?: number; readonly processed?: number } = {},
  ): void {
    const { times = 1, processed = requests, ...goAway } = options
    this.#goAway = { ...goAway, at: requests, processed, remaining: times }
  }

  /** From now on answers are decided but kept back, all of them or those for one token. */
  holdAnswers(options: { readonly token?: string } = {}): void {
    this.#gate ??= new Gate(options.token)
  }

  /** Sends all answers that are kept back, and keeps back no more. */
  releaseAnswers(): void {
    this.#gate?.open()
    this.#gate = undefined
  }

  /** Settles when `count` answers are decided and kept back. */
  async waitForHeld(count = 1): Promise<void> {
    if (this.#gate === undefined) throw new Error('no answers are being held: call holdAnswers() first')
    await this.#gate.waitForHeld(count)
  }

  /** Forgets every planned answer, delay and GOAWAY, and releases what is held. */
  clear(): void {
    this.#next = []
    this.#byToken.clear()
    this.#everything = undefined
    this.#latency = { minMs: 0, maxMs: 0 }
    this.#goAway = undefined
    this.releaseAnswers()
  }

  /** An outage: no connection is taken and all open ones are cut, until `acceptConnections()`; `clear()` ends it not. */
  refuseConnections(): Promise<void> {
    return this.#change(listener => listener.shut())
  }

  acceptConnections(): Promise<void> {
    return this.#change(listener => listener.reopen())
  }

  attach(listener: Shuttable): void {
    this.#listeners.push(listener)
  }

  /** For the gateway: the planned answer for this request, now used up. */
  take(token: string): Spec | undefined {
    const planned = (this.#byToken.size > 0 ? this.#byToken.get(token) : undefined) ?? this.#next[0]
    if (planned === undefined)
      return this.#share === 1 || this.#random() < this.#share ? this.#everything : undefined
    planned.remaining--
    if (planned.remaining <= 0) this.#remove(token, planned)
    return planned.spec
  }

  /** For the gateway: whether an answer has anything to wait for, so that others need no promise. */
  hasToWait(spec: Delayed | undefined): boolean {
    return this.#gate !== undefined || this.#latency.maxMs > 0 || (spec?.delayMs ?? 0) > 0
  }

  /** For the gateway: resolves when the answer to `token` may leave. */
  async pace(token: string, spec: Delayed | undefined): Promise<void> {
    await this.#gate?.pass(token)
    const { minMs, maxMs } = this.#latency
    const waitMs = minMs + this.#random() * (maxMs - minMs) + (spec?.delayMs ?? 0)
    if (waitMs > 0) await new Promise<void>(resolve => setTimeout(resolve, waitMs))
  }

  /** For the listener. */
  goAwayAt(requests: number): GoAway | undefined {
    const goAway = this.#goAway
    if (goAway === undefined || goAway.at !== requests) return undefined
    goAway.remaining--
    if (goAway.remaining <= 0) this.#goAway = undefined
    return goAway
  }

  withholds(requests: number): boolean {
    const goAway = this.#goAway
    return goAway !== undefined && requests > goAway.processed && requests <= goAway.at
  }

  #change(act: (listener: Shuttable) => Promise<void>): Promise<void> {
    const change = this.#lastChange.then(async () => {
      for (const listener of this.#listeners) await act(listener)
    })
    this.#lastChange = change.catch(() => {})
    return change
  }

  #remove(token: string, planned: Planned<Spec>): void {
    if (this.#byToken.get(token) === planned) this.#byToken.delete(token)
    else this.#next.shift()
  }
}

class Gate {
  readonly #token: string | undefined
  readonly #opened: Promise<void>
  #open: () => void = () => {}
  #held = 0
  #waiters: { readonly count: number; readonly resolve: () => void }[] = []

  constructor(token: string | undefined) {
    this.#token = token
    this.#opened = new Promise(resolve => {
      this.#open = resolve
    })
  }

  async pass(token: string): Promise<void> {
    if (this.#token !== undefined && this.#token !== token) return
    this.#held++
    for (const waiter of this.#waiters) if (waiter.count <= this.#held) waiter.resolve()
    await this.#opened
  }

  waitForHeld(count: number): Promise<void> {
    if (this.#held >= count) return Promise.resolve()
    return new Promise(resolve => this.#waiters.push({ count, resolve }))
  }

  open(): void {
    this.#open()
  }
}
