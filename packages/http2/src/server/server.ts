/**
 * An HTTP/2 server for one kind of guest: senders of pushes. It stands in for the gateways in simulations and tortures
 * clients in tests, so it answers at the speed of nghttpd and can misbehave on purpose.
 *
 * Over TLS a client has to choose `h2` (ALPN), or is handed over to somebody who speaks HTTP/1.1; without TLS it starts
 * with the preface (prior knowledge, for tests).
 * Source: RFC 9113 §3.2, §3.3.
 */
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { Http2ServerConnection, type ServerConnection, type ServerSettings } from './connection.ts'
import type { ServerRequest } from './request.ts'

export interface ServerTls {
  readonly key: string
  readonly cert: string
  /**
   * Asks for a certificate and goes on without a good one: `connection.socket.authorized` and `getPeerCertificate()`
   * tell what came.
   */
  readonly requestCert?: boolean
  readonly ca?: string | readonly string[]
}

export interface ServerOptions {
  /** Absent: plain TCP. */
  readonly tls?: ServerTls
  /** 127.0.0.1 */
  readonly host?: string
  /** 0: a free one. */
  readonly port?: number
  readonly settings?: ServerSettings
  /** 64 KiB. A request with more is told with `isTooLarge`. */
  readonly maxBodyBytes?: number
  /** Milliseconds, by default since the process began; only for the limits on floods. */
  readonly now?: () => number
  readonly onConnection?: (connection: ServerConnection) => void
  /** Who chose HTTP/1.1 over TLS, or nothing. Absent: is cut off. The socket is closed with the server at the latest. */
  readonly onHttp1?: (socket: TLSSocket) => void
  /** One call a request, when headers and body are complete. What it throws ends the process: it is our own fault. */
  readonly onRequest: (request: ServerRequest) => void
}

export interface Http2Server {
  readonly host: string
  readonly port: number
  /** `https://127.0.0.1:7461` */
  readonly url: string
  readonly connections: ReadonlySet<ServerConnection>
  /** Takes no more connections and cuts those that are open. Settles when all are closed. */
  close(): Promise<void>
}

const DEFAULT_MAX_BODY_BYTES = 64 * 1024

/** Listens when it settles; rejects with the reason of the operating system, as EADDRINUSE. */
export async function startServer(options: ServerOptions): Promise<Http2Server> {
  const connections = new Set<ServerConnection>()
  const transports = new Set<Socket>()
  const accept = acceptInto(connections, options)
  const server =
    options.tls === undefined ? listenPlain(accept) : listenTls(options.tls, accept, options.onHttp1)
  server.on('connection', (transport: Socket) => {
    transports.add(transport)
    transport.on('close', () => transports.delete(transport))
  })
  const host = options.host ?? '127.0.0.1'
  const port = await listen(server, host, options.port ?? 0)
  const name = host.includes(':') ? `[${host}]` : host
  return {
    host,
    port,
    url: `${options.tls === undefined ? 'http' : 'https'}://${name}:${port}`,
    connections,
    close: () => close(server, connections, transports),
  }
}

type Accept = (socket: Socket | TLSSocket, transport: Socket) => void

function acceptInto(connections: Set<ServerConnection>, options: ServerOptions): Accept {
  let lastId = 0
  return (socket, transport) => {
    lastId += 1
    const connection = new Http2ServerConnection({
      id: lastId,
      socket,
      transport,
      settings: options.settings ?? {},
      maxBodyBytes: options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
      now: options.now ?? (() => performance.now()),
      onRequest: options.onRequest,
    })
    connections.add(connection)
    socket.on('close', () => connections.delete(connection))
    options.onConnection?.(connection)
  }
}

function listenPlain(accept: Accept): Server {
  return createTcpServer({ allowHalfOpen: true }, socket => accept(socket, socket))
}

function listenTls(tls: ServerTls, accept: Accept, onHttp1: ServerOptions['onHttp1']): Server {
  const { key, cert, requestCert, ca } = tls
  const server = createTlsServer({
    key,
    cert,
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
    requestCert: requestCert ?? false,
    rejectUnauthorized: false,
    ALPNProtocols: onHttp1 === undefined ? ['h2'] : ['h2', 'http/1.1'],
    allowHalfOpen: true,
  })
  // Only the socket below TLS can be reset; the two know each other by the address of the peer.
  const transports = new Map<string, Socket>()
  server.on('connection', (transport: Socket) => {
    const peer = peerOf(transport)
    transports.set(peer, transport)
    transport.on('close', () => transports.delete(peer))
    // A peer that breaks off its handshake.
    transport.on('error', () => {})
  })
  server.on('secureConnection', socket => {
    const transport = transports.get(peerOf(socket))
    if (socket.alpnProtocol === 'h2' && transport !== undefined) accept(socket, transport)
    else if (socket.alpnProtocol !== 'h2' && onHttp1 !== undefined) onHttp1(socket)
    else socket.destroy()
  })
  // Not a TLS client, or one that does not trust us: its socket is closed, and that is all there is to do.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

async function close(
  server: Server,
  connections: ReadonlySet<ServerConnection>,
  transports: ReadonlySet<Socket>,
): Promise<void> {
  const sockets = [...connections].map(connection => connection.socket)
  const closed = [server, ...sockets].map(each => new Promise(resolve => each.once('close', resolve)))
  server.close()
  for (const socket of sockets) socket.destroy()
  // Also those that are still shaking hands.
  for (const transport of transports) transport.destroy()
  await Promise.all(closed)
}
