/**
 * The transport over our own HTTP/2 engine: one pool of connections per origin and `pool`, made at first need.
 *
 * A request's outcome is the engine's: `not_sent` when the peer has not processed it, `uncertain` when it may have.
 */
import type { LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'
import { ConnectionPool, HeaderTemplate, type RequestObserver, type RequestResult } from '@roost/http2'
import { quote } from './answer.ts'
import type {
  ClientCertificate,
  FixedHeaders,
  Transport,
  TransportRequest,
  TransportResult,
} from './transport.ts'
import { NOT_WANTED, secureContextOf, WANTED_HEADERS } from './wire.ts'

export interface Http2TransportOptions {
  /** PEM certificates trusted in addition to the default roots. */
  readonly extraCa?: string
  /** How many connections load may open to one origin (and pool). Default 4. */
  readonly maxConnectionsPerOrigin?: number
  /**
   * Pools beyond it are kept only while requests are on them: endpoints of Web Push come from clients, so origins may be
   * made up by the thousand, and a connection costs a file descriptor and some 300 KB. Default 500.
   */
  readonly maxPools?: number
  /** Streams in flight until the peer's SETTINGS arrive: 1 for APNs, 100 for FCM. Default 100. */
  readonly assumedStreams?: number
  /** Streams in flight on one connection at most, whatever the peer allows. Default 1000. */
  readonly maxStreams?: number
  /** While an origin can't be reached, requests to it are `not_sent` at once and do not wait. Default false. */
  readonly failsWhileBackingOff?: boolean
  /** Of an answer's body so much is kept, the rest cut off. Default 16 KiB, many times what a gateway says of a push. */
  readonly maxBodyBytes?: number
  /** Name resolution for new connections; an IP literal in the origin does not pass through it. */
  readonly lookup?: LookupFunction
  /** A connection that is silent this long with requests in flight is probed, and replaced unanswered. Default 30 000. */
  readonly pingIntervalMs?: number
  /** First pause after a failed connect, doubled up to 60 s. Default 1000. */
  readonly reconnectMs?: number
  /** 0 ≤ n < 1, spreads the reconnects of many processes. Default Math.random. */
  readonly random?: () => number
}

/** The reason of a request to an origin that shows in the TLS handshake that it has no HTTP/2. */
export const NO_HTTP2 = 'could not connect: the server does not speak HTTP/2 (ALPN)'
/** The engine's words when no protocol was agreed on, and OpenSSL's for the alert of RFC 7301 §3.2. */
const NO_HTTP2_SIGNS = /does not speak HTTP\/2|alert no application protocol/i

const CLOSED: TransportResult = { kind: 'not_sent', reason: 'the transport is closed' }
const NO_BODY = Buffer.alloc(0)
/**
 * With so many requests on their way or waiting, what is urgent goes by connections of its own: written to the others, it would
 * be read when all that was written before is.
 */
const BUSY_FROM = 100
/** Of so many requests one looks whether their connections are busy. */
const LOOK_EVERY = 64
const NO_FIXED_HEADERS: FixedHeaders = { constant: {}, secret: {} }
/** Pools that nobody used this long are closed. */
const UNUSED_POOL_MS = 15 * 60_000
const DEFAULT_POOLS = 500
const SWEEP_MS = 60_000
const PING_INTERVAL_MS = 30_000
const PING_TIMEOUT_MS = 10_000

/** The caller owns it and ends it with `close()`; what is then queued is `not_sent`, in flight `uncertain`. */
export function createHttp2Transport(options: Http2TransportOptions = {}): Transport {
  return new Http2Transport(options)
}

interface OpenPool {
  readonly pool: ConnectionPool
  readonly templates: WeakMap<FixedHeaders, Map<string, HeaderTemplate>>
  /** Of the last request: thousands in a row want the same one, and no text is put together to look it up. */
  last: LastTemplate | undefined
  usedAt: number
  requests: number
}

interface LastTemplate {
  readonly fixed: FixedHeaders
  readonly method: string
  readonly names: readonly string[]
  readonly template: HeaderTemplate
}

interface LastPool {
  readonly origin: string
  readonly name: string
  readonly open: OpenPool
}

type Resolve = (result: TransportResult) => void

class Http2Transport implements Transport, RequestObserver {
  readonly #options: Http2TransportOptions
  readonly #secureContext: SecureContext | undefined
  readonly #pools = new Map<string, OpenPool>()
  readonly #sweeper: NodeJS.Timeout
  #last: LastPool | undefined
  #isClosed = false

  constructor(options: Http2TransportOptions) {
    this.#options = options
    this.#secureContext = options.extraCa === undefined ? undefined : secureContextOf(options.extraCa)
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  /** One promise for a request that has room at once, as nearly all have. */
  request(request: TransportRequest): Promise<TransportResult> {
    return new Promise(resolve => {
      if (!this.#sendNow(request, resolve)) void this.#sendWhenReady(request, resolve)
    })
  }

  async #sendWhenReady(request: TransportRequest, resolve: Resolve): Promise<void> {
    do await this.#poolFor(request).pool.ready()
    while (
      // Anew after each wait: others may have been faster, and the pool may have gone.
      !this.#sendNow(request, resolve)
    )
  }

  /** False: there is no room now, and nothing was told. */
  #sendNow(request: TransportRequest, resolve: Resolve): boolean {
    if (this.#isClosed) {
      resolve(CLOSED)
      return true
    }
    if (request.wish?.isWanted === false) {
      resolve(NOT_WANTED)
      return true
    }
    try {
      const open = this.#poolFor(request)
      if (!open.pool.hasRoom) return false
      this.#send(open, request, resolve)
    } catch (error) {
      // A header that HTTP/2 can't carry: nothing was sent.
      resolve({ kind: 'not_sent', reason: error instanceof Error ? error.message : String(error) })
    }
    return true
  }

  #send(open: OpenPool, request: TransportRequest, resolve: Resolve): void {
    const { path, headers, body, deadlineMs, wish } = request
    const names = Object.keys(headers)
    const template = templateFor(open, request, names)
    const values = names.map(name => headers[name])
    if (!open.pool.send(template, path, values, body, deadlineMs, this, resolve, wish)) resolve(CLOSED)
  }

  /** The engine's call; the tag is the promise's own function, so a request costs no closure of ours. */
  onResult(tag: unknown, result: RequestResult): void {
    const resolve = tag as Resolve
    if (result.kind === 'answered') resolve(answerOf(result))
    else if (result.goAway === undefined) resolve({ kind: result.kind, reason: reasonOf(result) })
    else resolve({ kind: result.kind, reason: quote(result.reason), goaway: result.goAway })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#sweeper)
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.close(true)))
    this.#pools.clear()
    this.#last = undefined
  }

  #poolFor({ origin, pool: name = '', clientCertificate, wish }: TransportRequest): OpenPool {
    const open = this.#lastPoolFor(origin, name) ?? this.#findPool(origin, name, clientCertificate)
    open.usedAt = performance.now()
    const isUrgent = wish?.isUrgent === true
    if (!isUrgent && ++open.requests % LOOK_EVERY !== 0) return open
    if (!isBusy(open)) return open
    const own = this.#findPool(origin, `${name} urgent`, clientCertificate)
    own.usedAt = open.usedAt
    if (isUrgent) return own
    // A handshake takes a tenth of a second while everything is busy: what is urgent shall not wait for it.
    own.pool.connectAhead()
    return open
  }

  #lastPoolFor(origin: string, name: string): OpenPool | undefined {
    const last = this.#last
    return last?.origin === origin && last.name === name ? last.open : undefined
  }

  #findPool(origin: string, name: string, clientCertificate: ClientCertificate | undefined): OpenPool {
    const key = `${origin} ${name}`
    let open = this.#pools.get(key)
    if (open === undefined) {
      if (this.#pools.size >= (this.#options.maxPools ?? DEFAULT_POOLS)) this.#closeIdlest()
      open = {
        pool: this.#openPool(origin, clientCertificate),
        templates: new WeakMap(),
        last: undefined,
        usedAt: 0,
        requests: 0,
      }
      this.#pools.set(key, open)
    }
    this.#last = { origin, name, open }
    return open
  }

  #openPool(origin: string, clientCertificate: ClientCertificate | undefined): ConnectionPool {
    const { maxConnectionsPerOrigin, extraCa, pingIntervalMs = PING_INTERVAL_MS, ...options } = this.#options
    const secureContext =
      clientCertificate === undefined ? this.#secureContext : secureContextOf(extraCa, clientCertificate)
    return new ConnectionPool({
      ...options,
      origin,
      pingIntervalMs,
      pingTimeoutMs: Math.min(PING_TIMEOUT_MS, pingIntervalMs),
      ...(maxConnectionsPerOrigin === undefined ? {} : { maxConnections: maxConnectionsPerOrigin }),
      ...(secureContext === undefined ? {} : { secureContext }),
    })
  }

  #sweep(): void {
    const before = performance.now() - UNUSED_POOL_MS
    for (const [key, open] of this.#pools)
      if (open.usedAt <= before && isIdle(open)) this.#closePool(key, open)
  }

  #closeIdlest(): void {
    const idle = [...this.#pools].filter(([, open]) => isIdle(open))
    const [idlest] = idle.sort(([, one], [, other]) => one.usedAt - other.usedAt)
    if (idlest !== undefined) this.#closePool(...idlest)
  }

  #closePool(key: string, { pool }: OpenPool): void {
    this.#pools.delete(key)
    this.#last = undefined
    void pool.close()
  }
}

function isBusy({ pool }: OpenPool): boolean {
  const { inFlight, queued } = pool.counts
  return inFlight + queued >= BUSY_FROM
}

function isIdle({ pool }: OpenPool): boolean {
  const { inFlight, queued } = pool.counts
  return inFlight + queued === 0
}

function reasonOf({ kind, reason }: RequestResult): string {
  return kind === 'not_sent' && NO_HTTP2_SIGNS.test(reason) ? NO_HTTP2 : quote(reason)
}

/** One template for each set of fixed headers and names of variable ones: both are the same for thousands of requests. */
function templateFor(open: OpenPool, request: TransportRequest, names: readonly string[]): HeaderTemplate {
  const fixed = request.fixed ?? NO_FIXED_HEADERS
  const { last } = open
  if (last?.fixed === fixed && last.method === request.method && areSame(last.names, names))
    return last.template
  const template = findTemplate(open, request, fixed, names)
  open.last = { fixed, method: request.method, names, template }
  return template
}

function areSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i])
}

function findTemplate(
  open: OpenPool,
  request: TransportRequest,
  fixed: FixedHeaders,
  names: readonly string[],
): HeaderTemplate {
  let templates = open.templates.get(fixed)
  if (templates === undefined) {
    templates = new Map()
    open.templates.set(fixed, templates)
  }
  const key = `${request.method} ${names.join(' ')}`
  let template = templates.get(key)
  if (template === undefined) {
    template = newTemplate(request, fixed, names)
    templates.set(key, template)
  }
  return template
}

function newTemplate(
  request: TransportRequest,
  fixed: FixedHeaders,
  names: readonly string[],
): HeaderTemplate {
  const url = new URL(request.origin)
  return new HeaderTemplate({
    constant: [
      [':method', request.method],
      [':scheme', url.protocol.slice(0, -1)],
      [':authority', url.host],
      ...Object.entries(fixed.constant),
    ],
    secret: Object.entries(fixed.secret),
    variable: names,
    wanted: WANTED_HEADERS,
  })
}

function answerOf(result: RequestResult): TransportResult {
  const headers: Record<string, string> = {}
  for (let i = 0; i < WANTED_HEADERS.length; i++) {
    const value = result.header(i)
    if (value !== undefined) headers[WANTED_HEADERS[i] as string] = value
  }
  // The engine's buffer is valid during the call only.
  const body = result.body.length === 0 ? NO_BODY : Buffer.from(result.body)
  return { kind: 'response', status: result.status, headers, body }
}
