/**
 * Connections to one origin with one credential: they grow while requests queue, shrink when idle, reconnect with
 * back-off, and share the load by free room. The queue is bounded and its state is visible: whoever has much to send
 * awaits `ready()` between requests, so memory stays flat under any backlog.
 */
import type { LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'
import { ClientConnection, type ConnectionEvents, type ConnectionSettings } from './connection.ts'
import { dial } from './dial.ts'
import { type RequestObserver, SharedResult, tell } from './result.ts'
import { type HeaderTemplate, requireRequest } from './template.ts'

export interface PoolOptions {
  /** `https://host[:port]` */
  readonly origin: string
  readonly secureContext?: SecureContext
  readonly servername?: string
  readonly lookup?: LookupFunction
  /** Default 4. */
  readonly maxConnections?: number
  /** Streams in flight on a new connection until the peer's SETTINGS come: 1 for APNs. Default 100. */
  readonly assumedStreams?: number
  /** Streams in flight on one connection at most, whatever the peer allows. Default 1000. */
  readonly maxStreams?: number
  /** Requests that may wait for a stream. Default 2000. */
  readonly maxQueued?: number
  /** What is kept of an answer's body. Default 16 KiB. */
  readonly maxBodyBytes?: number
  /** A connection that is silent this long with requests in flight is probed. Default 30 000. */
  readonly pingIntervalMs?: number
  /** A probe that is not answered within this ends the connection. Default 10 000. */
  readonly pingTimeoutMs?: number
  /** Default 10 000. */
  readonly connectTimeoutMs?: number
  /** A connection beyond the first that is unused this long is closed. Default 10 minutes. */
  readonly idleMs?: number
  /** First pause after a failed connect, doubled up to 60 s, with jitter. Default 1000. */
  readonly reconnectMs?: number
  /**
   * True: while no connection can be made, requests are told `not_sent` at once instead of waiting for the next try.
   * For origins of which there are many, none of which may hold up who sends to all of them. Default false.
   */
  readonly failsWhileBackingOff?: boolean
  /** How coarse deadlines are. Default 100. */
  readonly tickMs?: number
  /** 0 ≤ n < 1; default Math.random. */
  readonly random?: () => number
  /** For tests of running out of stream ids. */
  readonly firstStreamId?: number
}

export interface PoolCounts {
  readonly connections: number
  readonly connecting: number
  readonly inFlight: number
  readonly queued: number
}

const MAX_RECONNECT_MS = 60_000
/**
 * OpenSSL's words for an alert of the peer. With TLS 1.3 it may refuse our certificate when for us the handshake is done
 * (RFC 8446 §4.4.2.4, §6.2).
 */
const TLS_ALERT = /SSL alert number \d+/
const NO_VALUES: readonly string[] = []
const NOT_WANTED = 'it was not wanted any more'

/** Of whoever sends: one object may stand for thousands of requests, and change its mind about all of them. */
export interface Wish {
  readonly isWanted: boolean
}

export class ConnectionPool implements ConnectionEvents {
  readonly #options: PoolOptions
  readonly #settings: ConnectionSettings
  readonly #maxConnections: number
  readonly #queue: RequestQueue
  readonly #result = new SharedResult()
  #connections: ClientConnection[] = []
  /** They take nothing new, but still answer. */
  readonly #draining = new Set<ClientConnection>()
  #connecting = 0
  readonly #dialing = new AbortController()
  #failures = 0
  #retryTimer: NodeJS.Timeout | undefined
  #ticker: NodeJS.Timeout | undefined
  #isClosed = false
  #waiting: (() => void)[] = []
  #ended: (() => void)[] = []
  #isPumping = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#maxConnections = options.maxConnections ?? 4
    this.#queue = new RequestQueue(options.maxQueued ?? 2000)
    this.#settings = {
      assumedStreams: options.assumedStreams ?? 100,
      maxStreams: options.maxStreams ?? 1000,
      maxBodyBytes: options.maxBodyBytes ?? 16 * 1024,
      pingIntervalMs: options.pingIntervalMs ?? 30_000,
      pingTimeoutMs: options.pingTimeoutMs ?? 10_000,
      firstStreamId: options.firstStreamId ?? 1,
    }
  }

  get counts(): PoolCounts {
    let inFlight = 0
    for (const connection of this.#all()) inFlight += connection.inFlight
    return {
      connections: this.#connections.length,
      connecting: this.#connecting,
      inFlight,
      queued: this.#queue.length,
    }
  }

  /** False: the queue is full; the request was not taken. Await `ready()`. */
  get hasRoom(): boolean {
    return !this.#isClosed && !this.#queue.isFull
  }

  /** Resolves when the queue is at most half full (or the pool closed). */
  ready(): Promise<void> {
    if (this.#isClosed || !this.#queue.isFull) return Promise.resolve()
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Has the first connection made, so that what is sent later does not wait for it. Does nothing where there is one, or no try is due. */
  connectAhead(): void {
    if (this.#isClosed || this.#connections.length > 0) return
    this.#startTicking()
    this.#dialMore()
  }

  /**
   * Sends a request, or queues it. The result comes to `observer` with `tag`, never during this call. `deadlineMs`
   * counts from now and covers queueing, connecting and answering. Returns false when the queue is full: the request
   * was not taken, and no result comes. `body` and `values` must not change until the result is there. What is not
   * wanted any more while it waits in the queue is not sent.
   */
  send(
    template: HeaderTemplate,
    path: string,
    values: readonly (string | undefined)[],
    body: Uint8Array,
    deadlineMs: number,
    observer: RequestObserver,
    tag: unknown,
    wish?: Wish,
  ): boolean {
    requireRequest(template, path, values) // once, and here, where the caller hears of it
    if (!this.hasRoom) return false
    this.#startTicking()
    const deadlineAt = now() + deadlineMs
    const connection = this.#queue.length === 0 ? this.#roomiest() : undefined
    if (connection !== undefined) {
      connection.send(template, path, values, body, deadlineAt, observer, tag)
      return true
    }
    this.#queue.push(template, path, values, body, deadlineAt, observer, tag, wish)
    for (const connection of this.#connections) connection.probe()
    if (this.#options.failsWhileBackingOff) this.#failSoon()
    this.#grow()
    return true
  }

  /** Finishes what is in flight and queued, then ends. With `isForced` everything ends now. */
  async close(isForced = false): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retryTimer)
    if (isForced) {
      this.#dialing.abort()
      for (const connection of this.#all()) connection.fail('the pool was closed')
    }
    if (isForced || (this.#connections.length === 0 && this.#connecting === 0))
      this.#failQueue('the pool was closed')
    this.#endWhenDrained()
    if (this.#connecting > 0 || this.#all().length > 0)
      await new Promise<void>(resolve => this.#ended.push(resolve))
    clearInterval(this.#ticker)
    this.#wake()
  }

  // ── events of connections ──────────────────────────────────────────────────────────────────────────────────────────

  onRoom(connection: ClientConnection): void {
    this.#pump(connection)
    if (this.#isClosed) this.#endWhenDrained()
  }

  onDraining(connection: ClientConnection): void {
    this.#connections = this.#connections.filter(it => it !== connection)
    this.#draining.add(connection)
    this.#replace(connection)
  }

  onClosed(connection: ClientConnection, reason: string): void {
    this.#connections = this.#connections.filter(it => it !== connection)
    const wasDraining = this.#draining.delete(connection)
    if (wasDraining) this.#grow()
    else this.#replace(connection, reason)
    this.#settleEnd()
  }

  /** A peer that ends connections before it answers anything must not be connected to without a pause. */
  #replace(connection: ClientConnection, reason = ''): void {
    if (connection.hasAnswered || connection.willAnswer || this.#isClosed) return this.#grow()
    this.#backOff()
    // A peer that says why would say it again to those that wait: a refused key or certificate, above all.
    if (this.#connections.length > 0) return
    if (TLS_ALERT.test(reason)) this.#failQueue(reason)
    else if (connection.goAway !== undefined)
      this.#failQueue('the peer ended the connection before it answered', connection.goAway)
  }

  // ── the queue ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #pump(connection: ClientConnection): void {
    // An observer may send, and a send may have results: once is enough.
    if (this.#isPumping || this.#queue.length === 0) return
    this.#isPumping = true
    const queue = this.#queue
    try {
      for (let room = connection.room; room > 0 && queue.length > 0; room = connection.room) {
        const at = queue.shift()
        if (queue.wish[at]?.isWanted === false) {
          this.#failAt(at, NOT_WANTED)
          continue
        }
        connection.send(
          queue.template[at] as HeaderTemplate,
          queue.path[at] as string,
          queue.values[at] ?? NO_VALUES,
          queue.body[at] as Uint8Array,
          queue.deadlineAt[at] as number,
          queue.observer[at] as RequestObserver,
          queue.tag[at],
        )
        queue.clear(at)
      }
    } finally {
      this.#isPumping = false
    }
    if (queue.length <= queue.capacity / 2) this.#wake()
  }

  #wake(): void {
    if (this.#waiting.length === 0) return
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** In a turn of its own: no result comes during `send`. */
  #failSoon(): void {
    if (this.#retryTimer === undefined || this.#connections.length > 0) return
    setImmediate(() => {
      const isBackingOff = this.#retryTimer !== undefined && this.#connections.length === 0
      if (isBackingOff) this.#failQueue('the origin could not be reached a moment ago')
    })
  }

  #failQueue(reason: string, goAway?: string): void {
    const queue = this.#queue
    for (let left = queue.length; left > 0; left--) this.#failNext(reason, goAway)
    this.#wake()
  }

  #failNext(reason: string, goAway?: string): void {
    this.#failAt(this.#queue.shift(), reason, goAway)
  }

  #failAt(at: number, reason: string, goAway?: string): void {
    const queue = this.#queue
    const observer = queue.observer[at] as RequestObserver
    const tag = queue.tag[at]
    queue.clear(at)
    tell(observer, tag, this.#result.setFailure('not_sent', reason, goAway))
  }

  #expireQueued(at: number): void {
    for (const { observer, tag, isWanted } of this.#queue.takeDue(at)) {
      const reason = isWanted ? 'no stream before the deadline' : NOT_WANTED
      tell(observer, tag, this.#result.setFailure('not_sent', reason, undefined))
    }
  }

  // ── connections ────────────────────────────────────────────────────────────────────────────────────────────────────

  #all(): ClientConnection[] {
    return [...this.#connections, ...this.#draining]
  }

  #roomiest(): ClientConnection | undefined {
    let best: ClientConnection | undefined
    let most = 0
    for (const connection of this.#connections) {
      const room = connection.room
      if (room > most) {
        best = connection
        most = room
      }
    }
    return best
  }

  /** Opens one more connection while requests wait, one at a time: each may take them all. */
  #grow(): void {
    if (this.#queue.length > 0) this.#dialMore()
  }

  #dialMore(): void {
    if (this.#connecting > 0 || this.#retryTimer !== undefined) return
    if (this.#connections.length >= this.#maxConnections) return
    this.#connecting++
    void this.#connect().finally(() => {
      this.#connecting--
      if (this.#retryTimer === undefined) this.#grow()
      if (this.#isClosed) this.#endWhenDrained()
      this.#settleEnd()
    })
  }

  async #connect(): Promise<void> {
    let connection: ClientConnection | undefined
    const { origin, secureContext, servername, lookup, connectTimeoutMs: timeoutMs = 10_000 } = this.#options
    const { signal } = this.#dialing
    try {
      const options = { origin, secureContext, servername, lookup, timeoutMs, signal }
      const socket = await dial(options, (buffer, length) => connection?.receive(buffer, length))
      connection = new ClientConnection(socket, this.#settings, this, now())
    } catch (error) {
      this.#onConnectFailed(error instanceof Error ? error.message : String(error))
      return
    }
    this.#connections.push(connection)
    this.#pump(connection)
  }

  /** What waits is told at once: it may have another way, and a repeat waits here for the back-off. */
  #onConnectFailed(reason: string): void {
    this.#backOff()
    if (this.#connections.length === 0) this.#failQueue(`could not connect: ${reason}`)
  }

  #backOff(): void {
    const first = this.#options.reconnectMs ?? 1000
    const pause = Math.min(MAX_RECONNECT_MS, first * 2 ** Math.min(this.#failures, 16))
    this.#failures++
    const jitter = 0.5 + (this.#options.random ?? Math.random)() / 2
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined
      this.#grow()
    }, pause * jitter)
    this.#retryTimer.unref()
  }

  // ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #startTicking(): void {
    if (this.#ticker !== undefined) return
    this.#ticker = setInterval(() => this.#tick(), this.#options.tickMs ?? 100)
    this.#ticker.unref()
  }

  #tick(): void {
    const at = now()
    this.#expireQueued(at)
    for (const connection of this.#all()) connection.tick(at)
    if (this.#all().some(connection => connection.hasAnswered)) this.#failures = 0
    this.#shrink(at)
    this.#grow()
    if (this.#isClosed) this.#endWhenDrained()
    if (this.#queue.length <= this.#queue.capacity / 2) this.#wake()
  }

  #shrink(at: number): void {
    const idleMs = this.#options.idleMs ?? 600_000
    for (const connection of this.#connections.slice(1))
      if (connection.inFlight === 0 && at - connection.usedAt >= idleMs) connection.end()
  }

  #endWhenDrained(): void {
    if (this.#queue.length > 0) return
    for (const connection of [...this.#connections]) connection.end()
  }

  #settleEnd(): void {
    if (!this.#isClosed || this.#connecting > 0) return
    if (this.#connections.length > 0 || this.#draining.size > 0) return
    this.#failQueue('the pool was closed')
    for (const resolve of this.#ended.splice(0)) resolve()
  }
}

/** Monotonic: deadlines do not care for changes of the wall clock. */
function now(): number {
  return performance.now()
}

interface Due {
  readonly observer: RequestObserver
  readonly tag: unknown
  readonly isWanted: boolean
}

/** Many pools are made for an origin that is asked once. */
const FIRST_PLACES = 16

/** A ring of columns, grown as it fills: a queued request costs no object, and an empty queue next to nothing. */
class RequestQueue {
  readonly capacity: number
  template: (HeaderTemplate | undefined)[] = []
  path: (string | undefined)[] = []
  values: (readonly (string | undefined)[] | undefined)[] = []
  body: (Uint8Array | undefined)[] = []
  deadlineAt = new Float64Array(0)
  observer: (RequestObserver | undefined)[] = []
  tag: unknown[] = []
  wish: (Wish | undefined)[] = []
  head = 0
  length = 0
  #places = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get isFull(): boolean {
    return this.length === this.capacity
  }

  push(
    template: HeaderTemplate,
    path: string,
    values: readonly (string | undefined)[],
    body: Uint8Array,
    deadlineAt: number,
    observer: RequestObserver,
    tag: unknown,
    wish: Wish | undefined,
  ): void {
    if (this.length === this.#places) this.#grow()
    const at = (this.head + this.length) % this.#places
    this.template[at] = template
    this.path[at] = path
    this.values[at] = values
    this.body[at] = body
    this.deadlineAt[at] = deadlineAt
    this.observer[at] = observer
    this.tag[at] = tag
    this.wish[at] = wish
    this.length++
  }

  /** Twice the places; the oldest comes to stand at 0. */
  #grow(): void {
    const { head } = this
    const places = Math.min(this.capacity, Math.max(FIRST_PLACES, this.#places * 2))
    const grown = <Value>(column: Value[]): Value[] => {
      const ordered = [...column.slice(head), ...column.slice(0, head)]
      ordered.length = places
      return ordered
    }
    this.template = grown(this.template)
    this.path = grown(this.path)
    this.values = grown(this.values)
    this.body = grown(this.body)
    this.observer = grown(this.observer)
    this.tag = grown(this.tag)
    this.wish = grown(this.wish)
    const deadlines = new Float64Array(places)
    deadlines.set(this.deadlineAt.subarray(head))
    deadlines.set(this.deadlineAt.subarray(0, head), this.deadlineAt.length - head)
    this.deadlineAt = deadlines
    this.head = 0
    this.#places = places
  }

  /** Where the oldest stands; `clear` it after use. */
  shift(): number {
    const at = this.head
    this.head = (this.head + 1) % this.#places
    this.length--
    return at
  }

  /** Takes out all whose deadline has come or that nobody wants any more, wherever they stand; the others keep their order. */
  takeDue(now: number): Due[] {
    const due: Due[] = []
    let kept = 0
    for (let i = 0; i < this.length; i++) {
      const from = (this.head + i) % this.#places
      const isWanted = this.wish[from]?.isWanted !== false
      if (!isWanted || now >= (this.deadlineAt[from] as number)) {
        due.push({ observer: this.observer[from] as RequestObserver, tag: this.tag[from], isWanted })
        this.clear(from)
      } else if (kept++ < i) this.#move(from, (this.head + kept - 1) % this.#places)
    }
    this.length = kept
    return due
  }

  #move(from: number, to: number): void {
    this.template[to] = this.template[from]
    this.path[to] = this.path[from]
    this.values[to] = this.values[from]
    this.body[to] = this.body[from]
    this.deadlineAt[to] = this.deadlineAt[from] as number
    this.observer[to] = this.observer[from]
    this.tag[to] = this.tag[from]
    this.wish[to] = this.wish[from]
    this.clear(from)
  }

  clear(at: number): void {
    this.template[at] = undefined
    this.path[at] = undefined
    this.values[at] = undefined
    this.body[at] = undefined
    this.observer[at] = undefined
    this.tag[at] = undefined
    this.wish[at] = undefined
  }
}
