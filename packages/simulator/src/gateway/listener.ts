/**
 * The TLS front of every stand-in: it reads requests, asks the gateway for a reply and obeys connection faults.
 *
 * The stream limit of HTTP/2 is enforced by the protocol itself: streams above an unacknowledged limit end with
 * REFUSED_STREAM, above an acknowledged one the connection ends with PROTOCOL_ERROR.
 * Source: RFC 9113, sections 5.1.2 and 6.8.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { ServerIdentity } from '../authority.ts'
import type { ConnectionFaults, GoAway } from './faults.ts'
import { listenHttp2 } from './http2-listener.ts'

export interface GatewayRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, as received: the only place where a repeated header shows. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly connection: GatewayConnection
  /** 0 over HTTP/1.1. */
  readonly streamId: number
}

/** One TCP connection; over HTTP/1.1 the stream limit and GOAWAY have no meaning and do nothing. */
export interface GatewayConnection {
  readonly id: number
  requests: number
  /** A GOAWAY was sent: streams that were on their way by then are not processed. */
  isLeaving: boolean
  /** The newest stream that the gateway was asked about. */
  lastStreamId: number
  /** Of the certificate that the peer showed, good or not, as `X509Certificate.fingerprint256` writes it. */
  readonly certificateFingerprint: string | undefined
  allowStreams(limit: number): void
  /** By default the newest stream is the last one that is answered; 0 says that none was ever processed. */
  goAway(goAway: GoAway, lastStreamId?: number): void
  /** Resets TCP. */
  destroy(): void
}

export interface GatewayAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What a request gets; the words are ways of getting no answer at all. */
export type GatewayReply =
  | GatewayAnswer
  /** REFUSED_STREAM: not processed. */
  | 'refuse_stream'
  /** INTERNAL_ERROR: nobody knows. */
  | 'reset_stream'
  | 'reset_connection'
  | 'silence'

export interface ListenOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly identity: ServerIdentity
  readonly settings: Settings
  readonly allowHttp1: boolean
  readonly faults: ConnectionFaults
  /** A reply that is there at once saves the request a promise. */
  readonly answer: (request: GatewayRequest) => GatewayReply | Promise<GatewayReply>
  readonly onConnection?: (connection: GatewayConnection) => void
  /** Asks for a client certificate and goes on without one. Over HTTP/2 alone. */
  readonly asksForCertificate?: boolean
}

export interface GatewayListener {
  readonly origin: string
  /** Those that are open; over HTTP/1.1 too those that carried a request. */
  connections(): readonly GatewayConnection[]
  close(): Promise<void>
}

/** HTTP/2 alone goes over our own engine; where HTTP/1.1 may come as well, Node's server tells the two apart. */
export function listen(options: ListenOptions): Promise<GatewayListener> {
  return options.allowHttp1 ? listenBoth(options) : listenHttp2(options)
}

async function listenBoth(options: ListenOptions): Promise<GatewayListener> {
  const server = createSecureServer({
    cert: options.identity.certPem,
    key: options.identity.keyPem,
    allowHTTP1: true,
    settings: options.settings,
    // Node's own guards would end a connection before the fault that a test asked for does.
    maxSessionMemory: 256,
    maxSessionRejectedStreams: 1_000_000,
  })
  const sockets = trackSockets(server)
  const open = new Set<GatewayConnection>()
  const connections = numberConnections(options, open)
  server.on('request', (request, response) => receiveRequest(options, connections, request, response))
  server.on('sessionError', () => {}) // A peer that breaks the protocol ends its own session only.
  server.on('clientError', (_cause: Error, socket: Socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    origin: originOf(server, options.host),
    connections: () => [...open],
    close: () => close(server, sockets),
  }
}

type ConnectionOf = (peer: Http2Session | Socket, session: Http2Session | undefined) => GatewayConnection

function numberConnections(options: ListenOptions, open: Set<GatewayConnection>): ConnectionOf {
  const known = new WeakMap<object, GatewayConnection>()
  let count = 0
  return (peer, session) => {
    const before = known.get(peer)
    if (before !== undefined) return before
    const connection = connectionOf(++count, peer, session)
    known.set(peer, connection)
    open.add(connection)
    peer.once('close', () => open.delete(connection))
    options.onConnection?.(connection)
    return connection
  }
}

function connectionOf(
  id: number,
  peer: Http2Session | Socket,
  session: Http2Session | undefined,
): GatewayConnection {
  const connection: GatewayConnection = {
    id,
    requests: 0,
    isLeaving: false,
    lastStreamId: 0,
    certificateFingerprint: undefined,
    allowStreams: limit => {
      if (session !== undefined && !session.destroyed) session.settings({ maxConcurrentStreams: limit })
    },
    goAway: (goAway, lastStreamId = connection.lastStreamId) => {
      if (session === undefined || session.destroyed) return
      connection.isLeaving = true
      session.goaway(goAway.code ?? constants.NGHTTP2_NO_ERROR, lastStreamId, Buffer.from(debugData(goAway)))
    },
    destroy: () => peer.destroy(),
  }
  return connection
}

function receiveRequest(
  options: ListenOptions,
  connections: ConnectionOf,
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): void {
  const session = request.httpVersionMajor === 2 ? request.stream.session : undefined
  const connection = connections(session ?? request.socket, session)
  if (session !== undefined && !admit(options.faults, connection, request.stream)) return
  const streamId = session === undefined ? 0 : (request.stream.id ?? 0)
  const chunks: Buffer[] = []
  request.on('error', () => {})
  response.on('error', () => {})
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method, url: path, headers, rawHeaders } = request
    const asked = { method, path, headers, rawHeaders, body: Buffer.concat(chunks), connection, streamId }
    void Promise.resolve(options.answer(asked)).then(
      reply => replyToRequest(request, response, reply),
      cause => request.destroy(cause),
    )
  })
}

function replyToStream(stream: ServerHttp2Stream, reply: GatewayReply): void {
  if (stream.destroyed || stream.closed || reply === 'silence') return
  if (reply === 'refuse_stream') {
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
  } else if (reply === 'reset_stream') {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  } else if (reply === 'reset_connection') {
    stream.session?.destroy()
  } else if (reply.body === undefined) {
    stream.respond({ ':status': reply.status, ...reply.headers }, { endStream: true })
  } else {
    stream.respond({ ':status': reply.status, ...reply.headers })
    stream.end(reply.body)
  }
}

function replyToRequest(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  reply: GatewayReply,
): void {
  if (request.httpVersionMajor === 2) {
    replyToStream(request.stream, reply)
  } else if (typeof reply !== 'string') {
    const plain = response as unknown as ServerResponse
    const length = String(Buffer.byteLength(reply.body ?? ''))
    plain.writeHead(reply.status, { 'content-length': length, ...reply.headers })
    plain.end(reply.body)
  } else if (reply !== 'silence') {
    request.socket.destroy()
  }
}

/** Whether the stream may be processed; the one that a planned GOAWAY names is the last. */
function admit(faults: ConnectionFaults, connection: GatewayConnection, stream: ServerHttp2Stream): boolean {
  if (connection.isLeaving) {
    // The protocol ends it as refused when the GOAWAY leaves; no more events of it matter.
    stream.on('error', () => {})
    return false
  }
  connection.requests++
  const isWithheld = faults.withholds?.(connection.requests, connection) === true
  if (!isWithheld) connection.lastStreamId = stream.id ?? 0
  const goAway = faults.goAwayAt(connection.requests, connection)
  if (goAway !== undefined) connection.goAway(goAway)
  if (isWithheld) stream.on('error', () => {})
  return !isWithheld
}

/** What a GOAWAY says of itself; empty when it gives no reason. */
export function debugData({ reason, debug }: GoAway): string {
  return debug ?? (reason === undefined ? '' : JSON.stringify({ reason }))
}

function trackSockets(server: Http2SecureServer): Set<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

function originOf(server: Http2SecureServer, host: string): string {
  const { port } = server.address() as AddressInfo
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

async function close(server: Http2SecureServer, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  for (const socket of sockets) socket.destroy()
  await closed
}
