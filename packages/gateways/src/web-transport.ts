/**
 * The transport for Web Push, whose origins are whatever browsers and apps name: HTTP/2 where an origin offers it, else
 * HTTP/1.1.
 *
 * An origin without HTTP/2 shows it in the TLS handshake, before a request has left: it ends it with the alert
 * "no application protocol", or agrees on no protocol at all (RFC 7301 §3.2). The request then goes over HTTP/1.1 at
 * once, and so do those after it, until it is time to look again. When the origin can't be reached what was known of it
 * is forgotten.
 */
import { ageOf, type Clock, systemClock } from './clock.ts'
import { createHttp1Transport, type Http1TransportOptions, NO_CONNECTION } from './http1-transport.ts'
import { createHttp2Transport, type Http2TransportOptions, NO_HTTP2 } from './http2-transport.ts'
import type { Transport, TransportRequest, TransportResult } from './transport.ts'

export interface WebTransportOptions
  extends Http2TransportOptions,
    Pick<Http1TransportOptions, 'maxSocketsPerOrigin'> {
  /** How long an origin without HTTP/2 is not asked for it again. Default 6 hours. */
  readonly recheckMs?: number
  /** Default: the system's. */
  readonly clock?: Clock
}

const RECHECK_MS = 6 * 3_600_000
/** Origins come from clients. One that is forgotten costs a handshake. */
const MAX_ORIGINS = 1000

/** The caller owns it and ends it with `close()`. */
export function createWebTransport(options: WebTransportOptions = {}): Transport {
  return new WebTransport(options)
}

class WebTransport implements Transport {
  readonly #http2: Transport
  readonly #http1: Transport
  readonly #recheckMs: number
  readonly #clock: Clock
  /** Origins without HTTP/2, and when that was seen. */
  readonly #seenAt = new Map<string, number>()

  constructor({
    recheckMs = RECHECK_MS,
    clock = systemClock,
    maxSocketsPerOrigin,
    ...http2
  }: WebTransportOptions) {
    const { extraCa, lookup } = http2
    this.#http2 = createHttp2Transport(http2)
    this.#http1 = createHttp1Transport({ extraCa, lookup, maxSocketsPerOrigin })
    this.#recheckMs = recheckMs
    this.#clock = clock
  }

  async request(request: TransportRequest): Promise<TransportResult> {
    if (!this.#isTimeForHttp2(request.origin)) return this.#overHttp1(request)
    const startedAt = performance.now()
    const result = await this.#http2.request(request)
    if (result.kind !== 'not_sent') return result
    if (result.reason === NO_HTTP2) this.#remember(request.origin)
    // Others may have found it out while this one waited in the queue.
    if (!this.#seenAt.has(request.origin)) return result
    const deadlineMs = request.deadlineMs - (performance.now() - startedAt)
    return deadlineMs > 0 ? this.#overHttp1({ ...request, deadlineMs }) : result
  }

  async close(): Promise<void> {
    await Promise.all([this.#http2.close(), this.#http1.close()])
  }

  async #overHttp1(request: TransportRequest): Promise<TransportResult> {
    const result = await this.#http1.request(request)
    const isUnreachable = result.kind === 'not_sent' && result.reason.startsWith(NO_CONNECTION)
    if (isUnreachable) this.#seenAt.delete(request.origin)
    return result
  }

  #isTimeForHttp2(origin: string): boolean {
    const seenAt = this.#seenAt.get(origin)
    return seenAt === undefined || ageOf(seenAt, this.#clock.now()) >= this.#recheckMs
  }

  #remember(origin: string): void {
    this.#seenAt.delete(origin)
    this.#seenAt.set(origin, this.#clock.now())
    const [oldest] = this.#seenAt.keys()
    if (this.#seenAt.size > MAX_ORIGINS && oldest !== undefined) this.#seenAt.delete(oldest)
  }
}
