/**
 * The transport over HTTP/1.1, for push services that have nothing newer: Windows', and many a UnifiedPush server.
 *
 * Node's own client: sockets are kept and bounded in number, each carries one request at a time (Windows takes no
 * pipelining and no chunked body), and no redirect is followed.
 *
 * A request is `not_sent` until it has a socket whose TLS handshake is done; then its bytes may be on their way, and it
 * is `uncertain`. That holds as well for a kept socket that the server closes in the same moment: nothing tells how much
 * the server has read, and a POST is not to be repeated on a guess (RFC 9110 §9.2.2). It is rare, since idle sockets
 * are closed here before servers close them. What is not wanted any more when a socket is free for it leaves the socket to the next one.
 * Source: RFC 9112; Microsoft, "Push notification service request and response headers".
 */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { quote } from './answer.ts'
import type { ClientCertificate, Transport, TransportRequest, TransportResult, Wish } from './transport.ts'
import { NOT_WANTED, secureContextOf, WANTED_HEADERS } from './wire.ts'

export interface Http1TransportOptions {
  /** PEM certificates trusted in addition to the default roots. */
  readonly extraCa?: string | undefined
  /** Name resolution for new connections; an IP literal in the origin does not pass through it. */
  readonly lookup?: LookupFunction | undefined
  /** Requests beyond it wait. Default 32. */
  readonly maxSocketsPerOrigin?: number | undefined
  /** A socket that is unused this long is closed. Default 4000: Node's servers close after 5 s, most others later. */
  readonly idleMs?: number | undefined
}

/** How a reason begins when no connection could be made: the origin as such could not be reached. */
export const NO_CONNECTION = 'could not connect: '

const DEFAULT_SOCKETS = 32
const DEFAULT_IDLE_MS = 4000
/** No gateway says more than a few hundred bytes; of what is longer the beginning is kept. */
const MAX_BODY_BYTES = 64 * 1024

/** The caller owns it and ends it with `close()`; what then waits is `not_sent`, what is on its way `uncertain`. */
export function createHttp1Transport(options: Http1TransportOptions = {}): Transport {
  return new Http1Transport(options)
}

class Http1Transport implements Transport {
  readonly #options: Http1TransportOptions
  /** By pool; an agent keeps its origins apart by itself. */
  readonly #agents = new Map<string, Agent>()
  readonly #exchanges = new Set<Exchange>()
  #isClosed = false

  constructor(options: Http1TransportOptions) {
    this.#options = options
  }

  async request(request: TransportRequest): Promise<TransportResult> {
    if (this.#isClosed) return { kind: 'not_sent', reason: 'the transport is closed' }
    if (request.wish?.isWanted === false) return NOT_WANTED
    const exchange = new Exchange(request, this.#agentFor(request))
    this.#exchanges.add(exchange)
    try {
      return await exchange.result
    } finally {
      this.#exchanges.delete(exchange)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const exchange of this.#exchanges) exchange.fail('the transport is closed')
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #agentFor({ pool = '', clientCertificate }: TransportRequest): Agent {
    let agent = this.#agents.get(pool)
    if (agent === undefined) {
      agent = this.#openAgent(clientCertificate)
      this.#agents.set(pool, agent)
    }
    return agent
  }

  #openAgent(clientCertificate: ClientCertificate | undefined): Agent {
    const { extraCa, lookup, maxSocketsPerOrigin = DEFAULT_SOCKETS, idleMs = DEFAULT_IDLE_MS } = this.#options
    // Node passes on to the connection what its types do not know of an agent.
    const connection = {
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      ...(lookup && { lookup }),
    } as const
    return new Agent({
      ...connection,
      keepAlive: true,
      maxSockets: maxSocketsPerOrigin,
      maxFreeSockets: maxSocketsPerOrigin,
      timeout: idleMs, // ends free sockets only; a request's own limit is its deadline
      secureContext: secureContextOf(extraCa, clientCertificate),
    })
  }
}

/** One request and what becomes of it: exactly one result, whatever happens afterwards. */
class Exchange {
  readonly result: Promise<TransportResult>
  #resolve: (result: TransportResult) => void = () => {}
  #request: ClientRequest | undefined
  readonly #timer: NodeJS.Timeout
  #hasSocket = false
  /** Bytes of the request may have left. */
  #isOnItsWay = false
  #isSettled = false

  constructor(given: TransportRequest, agent: Agent) {
    this.result = new Promise(resolve => {
      this.#resolve = resolve
    })
    this.#timer = setTimeout(() => this.fail('no answer before the deadline'), given.deadlineMs)
    try {
      this.#request = this.#open(given, agent)
    } catch (error) {
      // A header or path that HTTP/1.1 can't carry.
      this.#settle({ kind: 'not_sent', reason: reasonOf(error) })
    }
  }

  /** No answer comes any more. Without effect after the result. */
  fail(reason: string): void {
    if (this.#isSettled) return
    if (this.#isOnItsWay) this.#settle({ kind: 'uncertain', reason })
    else if (this.#hasSocket) this.#settle({ kind: 'not_sent', reason: `${NO_CONNECTION}${reason}` })
    else this.#settle({ kind: 'not_sent', reason: `waiting for a socket: ${reason}` })
    this.#request?.destroy()
  }

  #open(given: TransportRequest, agent: Agent): ClientRequest {
    const { origin, method, path, body } = given
    const { hostname, port } = new URL(origin)
    const request = httpsRequest({
      agent,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || 443,
      method,
      path,
      headers: { ...headersOf(given), 'content-length': String(body.length) },
    })
    this.#askBeforeSocket(request, given.wish)
    request.on('socket', socket => this.#onSocket(socket))
    request.on('response', response => this.#onResponse(response))
    request.on('error', error => this.fail(reasonOf(error)))
    request.on('close', () => this.fail('the connection was closed before an answer'))
    request.end(body)
    return request
  }

  /** By the time of the event `socket` it would be this one's alone: of one that is over before that Node gives it to the next. */
  #askBeforeSocket(request: ClientRequest, wish: Wish | undefined): void {
    if (wish === undefined) return
    const attach = request.onSocket
    request.onSocket = (...given) => {
      if (!wish.isWanted) {
        this.#settle(NOT_WANTED)
        request.destroy()
      }
      attach.apply(request, given)
    }
  }

  #onSocket(socket: Socket): void {
    this.#hasSocket = true
    const onItsWay = (): void => {
      this.#isOnItsWay = true
    }
    if ((socket as TLSSocket & { secureConnecting: boolean }).secureConnecting)
      socket.once('secureConnect', onItsWay)
    else onItsWay()
  }

  #onResponse(response: IncomingMessage): void {
    const chunks: Buffer[] = []
    let length = 0
    const answer = (): void =>
      this.#settle({
        kind: 'response',
        status: response.statusCode ?? 0,
        headers: wantedOf(response.headers),
        body: Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES),
      })
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length <= MAX_BODY_BYTES) return
      answer()
      response.destroy() // the socket can't be used again without reading it all
    })
    response.on('end', answer)
    response.on('error', error => this.fail(reasonOf(error)))
  }

  #settle(result: TransportResult): void {
    if (this.#isSettled) return
    this.#isSettled = true
    clearTimeout(this.#timer)
    this.#resolve(result)
  }
}

function headersOf({ fixed, headers }: TransportRequest): Record<string, string> {
  return { ...fixed?.constant, ...fixed?.secret, ...headers }
}

function wantedOf(headers: IncomingHttpHeaders): Record<string, string> {
  const wanted: Record<string, string> = {}
  for (const name of WANTED_HEADERS) {
    const value = headers[name]
    if (typeof value === 'string') wanted[name] = value
  }
  return wanted
}

/** An error for several addresses has a code and no message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return quote(String(error))
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return quote(error.message.includes(code) ? error.message : `${code} ${error.message}`)
}
