/**
 * Transport over `node:http2`: a few pooled connections for each origin, and for each request an honest
 * answer to "may the peer have processed it?".
 *
 * - Requests queue here and not inside Node's session, so that one that never left is known as `not_sent`.
 * - In-flight streams stay below the peer's MAX_CONCURRENT_STREAMS (RFC 9113 §5.1.2); before its SETTINGS
 *   arrive below `assumedStreams`. Apple starts at 1; a burst above the limit is refused, not queued.
 * - REFUSED_STREAM and streams above GOAWAY's last stream id were not processed (RFC 9113 §8.7, §6.8).
 * - Connections are never opened and closed for a message, and reconnects back off (1, 2, 4 … 60 s): Apple
 *   takes rapid connecting for an attack. Source: Apple, "Sending notification requests to APNs".
 *
 * A connection: connecting → open → draining (GOAWAY) → closed. It is *proven* by its first answer; one that
 * ends before counts as a failed connect, or a peer that greets with GOAWAY would be redialled for ever.
 * HTTP/2 only: an origin that negotiates HTTP/1.1 is a failed connect.
 */
import http2, {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2'
import type { LookupFunction, Socket } from 'node:net'
import tls from 'node:tls'
import type { Transport, TransportFailure, TransportRequest, TransportResult } from './transport.ts'

/** Above what any push service has been seen to advertise (Apple: 1500); a peer may also name no limit. */
const MAX_STREAMS = 1500
/** Error bodies of the gateways are under 2 KB; more is cut off, the status stands. */
const MAX_ANSWER_BYTES = 64 * 1024
const CONNECT_TIMEOUT_MS = 10_000
const PING_TIMEOUT_MS = 10_000
const MAX_BACKOFF_MS = 60_000
const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM } = http2.constants

export interface Http2TransportOptions {
  /** PEM certificates trusted in addition to the default roots. */
  readonly extraCa?: string
  /** How many connections load may open to one origin (and pool). Default 4. */
  readonly maxConnectionsPerOrigin?: number
  /** Streams in flight until the peer's SETTINGS arrive: 1 for APNs, 100 for FCM. Default 100. */
  readonly assumedStreams?: number
  /** Name resolution for new connections; an IP literal in the origin does not pass through it. */
  readonly lookup?: LookupFunction
  /** A connection with requests in flight is probed this often; unanswered, it is replaced. Default 60 000. */
  readonly pingIntervalMs?: number
  /** First pause after a failed connect, doubled up to 60 s. Default 1000. */
  readonly reconnectMs?: number
  /** 0 ≤ n < 1, spreads the reconnects of many processes. Default Math.random. */
  readonly random?: () => number
}

interface Settings {
  readonly secureContext: tls.SecureContext | undefined
  readonly maxConnections: number
  readonly assumedStreams: number
  readonly lookup: LookupFunction | undefined
  readonly pingIntervalMs: number
  readonly reconnectMs: number
  readonly random: () => number
}

/** The caller owns it and ends it with `close()`; what is then queued is `not_sent`, in flight `uncertain`. */
export function createHttp2Transport(options: Http2TransportOptions = {}): Transport {
  const settings: Settings = {
    secureContext: options.extraCa === undefined ? undefined : trustAlso(options.extraCa),
    maxConnections: options.maxConnectionsPerOrigin ?? 4,
    assumedStreams: options.assumedStreams ?? 100,
    lookup: options.lookup,
    pingIntervalMs: options.pingIntervalMs ?? 60_000,
    reconnectMs: options.reconnectMs ?? 1000,
    random: options.random ?? Math.random,
  }
  return new Http2Transport(settings)
}

function trustAlso(pem: string): tls.SecureContext {
  return tls.createSecureContext({ ca: [...tls.rootCertificates, pem] })
}

class Http2Transport implements Transport {
  readonly #settings: Settings
  readonly #pools = new Map<string, Pool>()
  #isClosed = false

  constructor(settings: Settings) {
    this.#settings = settings
  }

  request(request: TransportRequest): Promise<TransportResult> {
    if (this.#isClosed) return Promise.resolve({ kind: 'not_sent', reason: 'transport closed' })
    return new Promise(resolve => this.#poolOf(request).submit(new Exchange(request, resolve)))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#pools.values()].map(pool => pool.close()))
  }

  #poolOf({ origin, pool: name = '' }: TransportRequest): Pool {
    const key = `${origin} ${name}`
    const known = this.#pools.get(key)
    if (known) return known
    // A web sender meets many origins: those without connections and requests are forgotten again.
    const pool = new Pool(origin, this.#settings, () => this.#pools.delete(key))
    this.#pools.set(key, pool)
    return pool
  }
}

/** One request on its way to exactly one result; the deadline runs from its making. */
class Exchange {
  readonly request: TransportRequest
  readonly #resolve: (result: TransportResult) => void
  readonly #timer: NodeJS.Timeout
  #isSettled = false
  /** What to do when time is up; the holder (queue, then connection) sets it. */
  onDeadline: () => void = () => {}

  constructor(request: TransportRequest, resolve: (result: TransportResult) => void) {
    this.request = request
    this.#resolve = resolve
    this.#timer = setTimeout(() => this.onDeadline(), request.deadlineMs)
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  settle(result: TransportResult): void {
    if (this.#isSettled) return
    this.#isSettled = true
    clearTimeout(this.#timer)
    this.#resolve(result)
  }
}

/** The queue and the connections of one origin. */
class Pool {
  readonly #origin: string
  readonly #settings: Settings
  readonly #onEmpty: () => void
  readonly #queue = new Set<Exchange>()
  readonly #connections = new Set<Connection>()
  #failures = 0
  #earliestConnectAt = 0
  #reconnectTimer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(origin: string, settings: Settings, onEmpty: () => void) {
    this.#origin = origin
    this.#settings = settings
    this.#onEmpty = onEmpty
  }

  submit(exchange: Exchange): void {
    this.#queue.add(exchange)
    exchange.onDeadline = () => {
      this.#queue.delete(exchange)
      exchange.settle({ kind: 'not_sent', reason: 'deadline passed before the request was sent' })
    }
    this.#pump()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#reconnectTimer)
    this.#failQueue({ kind: 'not_sent', reason: 'transport closed' })
    await Promise.all([...this.#connections].map(connection => connection.close()))
  }

  #pump(): void {
    for (const exchange of this.#queue) {
      const connection = this.#leastLoaded()
      if (!connection) break
      if (!connection.send(exchange)) continue
      this.#queue.delete(exchange)
    }
    if (this.#queue.size > 0) this.#grow()
  }

  #leastLoaded(): Connection | undefined {
    let best: Connection | undefined
    for (const connection of this.#connections) {
      if (connection.room > 0 && (!best || connection.room > best.room)) best = connection
    }
    return best
  }

  /** One more connection, once all that exist have answered: before that nobody knows how much they take. */
  #grow(): void {
    const live = [...this.#connections].filter(connection => !connection.isDraining)
    if (this.#isClosed || this.#reconnectTimer) return
    if (live.length >= this.#settings.maxConnections || live.some(connection => !connection.isProven)) return
    const delayMs = this.#earliestConnectAt - performance.now()
    if (delayMs <= 0) this.#connect()
    else this.#reconnectTimer = setTimeout(() => this.#reconnect(), delayMs)
  }

  #reconnect(): void {
    this.#reconnectTimer = undefined
    if (this.#queue.size > 0) this.#connect()
  }

  #backOff(): void {
    this.#failures += 1
    this.#earliestConnectAt = performance.now() + this.#backoffMs()
  }

  #backoffMs(): number {
    const fullMs = Math.min(this.#settings.reconnectMs * 2 ** (this.#failures - 1), MAX_BACKOFF_MS)
    return fullMs * (0.5 + this.#settings.random() / 2)
  }

  #connect(): void {
    const connection = new Connection(this.#origin, this.#settings, {
      onRoom: () => this.#pump(),
      onProven: () => {
        this.#failures = 0
        this.#earliestConnectAt = 0
      },
      onGoaway: failure => {
        if (!connection.isProven) this.#backOff()
        // What waits has to learn the reason; a connection that has answered may go in peace.
        if (!connection.isProven && this.#connections.size === 1) this.#failQueue(failure)
      },
      onEnd: failure => this.#drop(connection, failure),
    })
    this.#connections.add(connection)
  }

  #drop(connection: Connection, failure: TransportFailure | undefined): void {
    this.#connections.delete(connection)
    if (!connection.isProven && !connection.hasGoaway) this.#backOff()
    // A connect that failed fails what waits for it; while another connection lives, that one serves the queue.
    if (failure && this.#connections.size === 0) this.#failQueue(failure)
    this.#pump()
    // Not at once: a failing origin has to keep its back-off.
    setTimeout(() => this.#forget(), MAX_BACKOFF_MS).unref()
  }

  #forget(): void {
    if (this.#connections.size === 0 && this.#queue.size === 0) this.#onEmpty()
  }

  #failQueue(failure: TransportFailure): void {
    for (const exchange of this.#queue) exchange.settle(failure)
    this.#queue.clear()
  }
}

interface ConnectionEvents {
  /** There may be room for more requests. */
  readonly onRoom: () => void
  /** The first answer arrived. */
  readonly onProven: () => void
  /** The peer takes no more requests here; called once, with what that means for a request not yet sent. */
  readonly onGoaway: (failure: TransportFailure) => void
  /** Called once; with the failure when it never opened. */
  readonly onEnd: (failure: TransportFailure | undefined) => void
}

interface Goaway {
  readonly code: number
  readonly lastStreamId: number
  readonly text: string
}

class Connection {
  readonly #session: ClientHttp2Session
  readonly #settings: Settings
  readonly #events: ConnectionEvents
  readonly #inFlight = new Set<ClientHttp2Stream>()
  readonly #pingTimer: NodeJS.Timeout
  readonly #connectTimer: NodeJS.Timeout
  readonly #closed: Promise<void>
  #isOpen = false
  #isProven = false
  #isProbing = false
  #socket: Socket | undefined
  #goaway: Goaway | undefined
  #error: Error | undefined
  #lastUsedAt = 0

  constructor(origin: string, settings: Settings, events: ConnectionEvents) {
    this.#settings = settings
    this.#events = events
    this.#session = http2.connect(origin, {
      settings: { enablePush: false },
      peerMaxConcurrentStreams: settings.assumedStreams,
      ...(settings.lookup && { lookup: settings.lookup }),
      ...(settings.secureContext && { secureContext: settings.secureContext }),
    })
    this.#pingTimer = setInterval(() => this.#inFlight.size > 0 && this.probe(), settings.pingIntervalMs)
    this.#pingTimer.unref()
    this.#connectTimer = setTimeout(() => this.#fail('no connection within 10 s'), CONNECT_TIMEOUT_MS)
    this.#closed = new Promise(resolve => this.#session.once('close', resolve))
    this.#listen()
  }

  get isProven(): boolean {
    return this.#isProven
  }

  get hasGoaway(): boolean {
    return this.#goaway !== undefined
  }

  get isDraining(): boolean {
    return this.#goaway !== undefined || this.#session.closed || this.#session.destroyed
  }

  /** How many more requests it takes now. */
  get room(): number {
    if (!this.#isOpen || this.isDraining) return 0
    return this.#limit() - this.#inFlight.size
  }

  /** False: this connection takes no more and the request has to wait for another one. */
  send(exchange: Exchange): boolean {
    const { method, path, headers, body } = exchange.request
    let stream: ClientHttp2Stream
    try {
      stream = this.#session.request({ ':method': method, ':path': path, ...headers })
    } catch (cause) {
      // Only a header that HTTP/2 forbids gets here with a session that is alive: that request can never go out.
      if (this.room === 0) return false
      exchange.settle({ kind: 'not_sent', reason: `request refused locally: ${textOf(cause)}` })
      return true
    }
    this.#probeAfterIdle()
    this.#follow(stream, exchange)
    stream.end(body)
    return true
  }

  /** Asks for a PING answer; a peer that gives none within the time is replaced. */
  probe(): void {
    if (this.#isProbing || this.#session.destroyed) return
    this.#isProbing = true
    const timeoutMs = Math.min(PING_TIMEOUT_MS, this.#settings.pingIntervalMs)
    const timer = setTimeout(() => this.#fail('the peer no longer answers PING'), timeoutMs)
    const isSent = this.#session.ping(() => {
      this.#isProbing = false
      clearTimeout(timer)
    })
    if (!isSent) clearTimeout(timer)
  }

  async close(): Promise<void> {
    this.#fail('transport closed')
    await this.#closed
  }

  #limit(): number {
    const announced = this.#session.remoteSettings?.maxConcurrentStreams
    return Math.min(announced ?? this.#settings.assumedStreams, MAX_STREAMS)
  }

  #listen(): void {
    const session = this.#session
    session.on('connect', (_session, socket) => this.#open(socket as Socket))
    session.on('remoteSettings', () => this.#events.onRoom())
    session.on('goaway', (code, lastStreamId, data) => this.#drain(code, lastStreamId, data))
    session.on('error', error => {
      this.#error ??= error
    })
    session.on('close', () => this.#end())
  }

  #open(socket: Socket): void {
    this.#socket = socket
    clearTimeout(this.#connectTimer)
    if (this.#session.alpnProtocol !== 'h2') {
      this.#fail('the peer speaks no HTTP/2')
      return
    }
    this.#isOpen = true
    this.#events.onRoom()
  }

  /** A GOAWAY may come twice: first with its reason and a high stream id, then without and with the real one. */
  #drain(code: number, lastStreamId: number, data: Uint8Array | undefined): void {
    const text = data ? printable(Buffer.from(data).toString('utf8')) : ''
    const earlier = this.#goaway
    this.#goaway = {
      code,
      lastStreamId: Math.min(lastStreamId, earlier?.lastStreamId ?? lastStreamId),
      text: text || (earlier?.text ?? ''),
    }
    if (!earlier) this.#events.onGoaway({ kind: 'not_sent', ...goawayDetail(this.#goaway) })
    this.#endWhenDrained()
    this.#events.onRoom()
  }

  #endWhenDrained(): void {
    if (this.#goaway && this.#inFlight.size === 0) this.#destroy()
  }

  /** After a GOAWAY Node only ends its own half and then waits, possibly for ever, for the peer's. */
  #destroy(): void {
    this.#session.destroy()
    this.#socket?.destroySoon()
  }

  #fail(reason: string): void {
    this.#error ??= new Error(reason)
    this.#destroy()
  }

  #end(): void {
    clearTimeout(this.#connectTimer)
    clearInterval(this.#pingTimer)
    const reason = `could not connect: ${this.#error ? textOf(this.#error) : 'connection closed'}`
    this.#events.onEnd(this.#isOpen ? undefined : { kind: 'not_sent', reason })
  }

  #follow(stream: ClientHttp2Stream, exchange: Exchange): void {
    const answer = new Answer()
    this.#inFlight.add(stream)
    stream.on('response', headers => answer.start(headers))
    stream.on('data', (chunk: Buffer) => answer.add(chunk))
    stream.on('end', () => this.#finish(exchange, answer))
    stream.on('error', () => {}) // told by 'close', which always follows
    stream.on('close', () => this.#release(stream, exchange))
    exchange.onDeadline = () => {
      exchange.settle(this.#failure(stream, 'deadline passed'))
      stream.close(NGHTTP2_CANCEL)
      this.probe()
    }
  }

  #finish(exchange: Exchange, answer: Answer): void {
    const result = answer.result()
    if (!result) return
    exchange.settle(result)
    if (this.#isProven) return
    this.#isProven = true
    this.#events.onProven()
  }

  #release(stream: ClientHttp2Stream, exchange: Exchange): void {
    this.#inFlight.delete(stream)
    exchange.settle(this.#failure(stream, 'stream ended'))
    this.#endWhenDrained()
    this.#events.onRoom()
  }

  #failure(stream: ClientHttp2Stream, what: string): TransportFailure {
    const goaway = this.#goaway
    const isUnprocessed =
      stream.pending ||
      stream.id === undefined ||
      stream.rstCode === NGHTTP2_REFUSED_STREAM ||
      (goaway !== undefined && stream.id > goaway.lastStreamId)
    const kind = isUnprocessed ? 'not_sent' : 'uncertain'
    if (what === 'deadline passed') return { kind, reason: what }
    if (goaway) return { kind, ...goawayDetail(goaway) }
    return { kind, reason: `${what}: ${this.#error ? textOf(this.#error) : `RST_STREAM ${stream.rstCode}`}` }
  }

  /** A connection that slept may have been cut silently on the way: the first request after that asks. */
  #probeAfterIdle(): void {
    const now = performance.now()
    if (this.#lastUsedAt > 0 && now - this.#lastUsedAt > this.#settings.pingIntervalMs) this.probe()
    this.#lastUsedAt = now
  }
}

/** Collects one answer. */
class Answer {
  #status: number | undefined
  #headers: Record<string, string> = {}
  readonly #chunks: Buffer[] = []
  #bytes = 0

  start(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    this.#status = headers[':status']
    for (const [name, value] of Object.entries(headers)) {
      if (!name.startsWith(':') && value !== undefined) this.#headers[name] = String(value)
    }
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= MAX_ANSWER_BYTES) this.#chunks.push(chunk)
  }

  result(): TransportResult | undefined {
    if (this.#status === undefined) return undefined
    return {
      kind: 'response',
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks),
    }
  }
}

function goawayDetail({ code, text }: Goaway): { reason: string; goaway?: string } {
  return { reason: `GOAWAY ${code} ${text}`.trim(), ...(text && { goaway: text }) }
}

function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown error'
  const code = (cause as NodeJS.ErrnoException).code
  return printable(code && !cause.message.includes(code) ? `${code} ${cause.message}` : cause.message)
}

/** A peer's words go into logs: one line, bounded. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 300)
}
