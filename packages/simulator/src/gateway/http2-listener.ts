/**
 * The front of a stand-in, on our own engine: quick enough not to be what a load test measures, and as forgiving as the
 * real gateways where Node's own server is not (firebase-admin writes `:scheme: https:`).
 *
 * The stream limit is enforced by the engine: streams above it end with REFUSED_STREAM (RFC 9113 §5.1.2).
 */
import type { IncomingHttpHeaders } from 'node:http'
import { TLSSocket } from 'node:tls'
import { ERROR, type Http2Server, type ServerConnection, type ServerRequest, startServer } from '@roost/http2'
import type { GoAway } from './faults.ts'
import { Http1Front, MAX_BODY_BYTES } from './http1-front.ts'
import type {
  GatewayConnection,
  GatewayListener,
  GatewayReply,
  GatewayRequest,
  ListenOptions,
} from './listener.ts'

export async function listen(options: ListenOptions): Promise<GatewayListener> {
  const http1 = options.allowHttp1 ? new Http1Front(options) : undefined
  let server = await startFront(options, http1, options.port)
  const { url: origin, port } = server
  let isShut = false
  let isClosed = false
  options.faults.attach?.({
    shut: async () => {
      if (isShut) return
      isShut = true
      await server.close()
    },
    reopen: async () => {
      if (!isShut || isClosed) return
      server = await startFront(options, http1, port)
      isShut = false
    },
  })
  return {
    origin,
    connections: () => [
      ...[...server.connections].map(({ tag }) => tag as EngineConnection),
      ...(http1?.connections() ?? []),
    ],
    close: async () => {
      isClosed = true
      if (!isShut) await server.close()
    },
  }
}

function startFront(
  options: ListenOptions,
  http1: Http1Front | undefined,
  port: number,
): Promise<Http2Server> {
  const { settings, identity, asksForCertificate = false } = options
  return startServer({
    host: options.host,
    port,
    tls: {
      key: identity.keyPem,
      cert: identity.certPem,
      // Named to clients, since some choose their certificate by the authorities that a server takes.
      ...(asksForCertificate && { requestCert: true, ca: identity.caPem }),
    },
    settings: {
      maxConcurrentStreams: settings.maxConcurrentStreams ?? 1000,
      initialWindowBytes: settings.initialWindowSize ?? 65_535,
      headerTableBytes: settings.headerTableSize ?? 4096,
      maxHeaderListBytes: settings.maxHeaderListSize ?? 8000,
    },
    maxBodyBytes: MAX_BODY_BYTES,
    onConnection: connection => {
      const seen = new EngineConnection(connection)
      connection.tag = seen
      options.onConnection?.(seen)
    },
    ...(http1 !== undefined && { onHttp1: socket => http1.accept(socket) }),
    onRequest: request => receive(options, request),
  })
}

class EngineConnection implements GatewayConnection {
  readonly #connection: ServerConnection
  readonly id: number
  readonly certificateFingerprint: string | undefined
  requests = 0
  isLeaving = false
  lastStreamId = 0

  constructor(connection: ServerConnection) {
    const { id, socket } = connection
    this.#connection = connection
    this.id = id
    this.certificateFingerprint =
      socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.fingerprint256 : undefined
  }

  allowStreams(limit: number): void {
    this.#connection.setMaxConcurrentStreams(limit)
  }

  goAway(goAway: GoAway, lastStreamId: number = this.lastStreamId): void {
    this.isLeaving = true
    this.#connection.goAway({ lastStreamId, code: goAway.code ?? ERROR.NO_ERROR, debug: debugData(goAway) })
  }

  /** After this turn: Node 20 crashes when a socket is reset within its `secureConnection`. Nothing is answered till then. */
  destroy(): void {
    this.#connection.stall()
    setImmediate(() => this.#connection.destroy())
  }
}

/** Headers and body are made when they are asked for: most gateways look at a few of them only. */
class EngineRequest implements GatewayRequest {
  readonly #request: ServerRequest
  readonly connection: GatewayConnection
  readonly streamId: number
  #headers: IncomingHttpHeaders | undefined
  #rawHeaders: string[] | undefined
  #body: Buffer | undefined

  constructor(request: ServerRequest, connection: GatewayConnection) {
    this.#request = request
    this.connection = connection
    this.streamId = request.streamId
  }

  get method(): string {
    return this.#request.header(':method') as string
  }

  get path(): string {
    return this.#request.header(':path') as string
  }

  get headers(): IncomingHttpHeaders {
    if (this.#headers !== undefined) return this.#headers
    const headers: Record<string, string> = {}
    const raw = this.rawHeaders
    for (let i = 0; i < raw.length; i += 2) headers[raw[i] as string] ??= raw[i + 1] as string
    this.#headers = headers
    return headers
  }

  get rawHeaders(): readonly string[] {
    if (this.#rawHeaders !== undefined) return this.#rawHeaders
    const rawHeaders: string[] = []
    for (const [name, value] of this.#request.headers) rawHeaders.push(name, value)
    this.#rawHeaders = rawHeaders
    return rawHeaders
  }

  /** A copy, since the engine's own is gone when `onRequest` returns. */
  get body(): Buffer {
    this.#body ??= Buffer.from(this.#request.body)
    return this.#body
  }
}

function receive(options: ListenOptions, request: ServerRequest): void {
  const connection = request.connection.tag as EngineConnection
  const { faults } = options
  connection.requests++
  const isWithheld = faults.withholds?.(connection.requests, connection) === true
  if (!isWithheld) connection.lastStreamId = request.streamId
  const goAway = faults.goAwayAt(connection.requests, connection)
  if (!isWithheld) ask(options, request, new EngineRequest(request, connection))
  if (goAway !== undefined) connection.goAway(goAway)
}

function ask(options: ListenOptions, request: ServerRequest, asked: EngineRequest): void {
  const reply = options.answer(asked)
  if (!(reply instanceof Promise)) return respond(request, reply)
  void asked.body // while it is there
  void reply.then(
    later => respond(request, later),
    () => request.reset(ERROR.INTERNAL_ERROR),
  )
}

function respond(request: ServerRequest, reply: GatewayReply): void {
  if (!request.isOpen || reply === 'silence') return
  if (reply === 'refuse_stream') request.reset(ERROR.REFUSED_STREAM)
  else if (reply === 'reset_stream') request.reset(ERROR.INTERNAL_ERROR)
  else if (reply === 'reset_connection') request.connection.destroy()
  else request.respond(reply.status, Object.entries(reply.headers ?? {}), reply.body)
}

/** What a GOAWAY says of itself; empty when it gives no reason. */
function debugData({ reason, debug }: GoAway): string {
  return debug ?? (reason === undefined ? '' : JSON.stringify({ reason }))
}
