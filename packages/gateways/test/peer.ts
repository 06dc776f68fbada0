/**
 * A small HTTP/2 server with a certificate of its own, for tests that say exactly how the peer behaves.
 */
import 'reflect-metadata' // @peculiar/x509 wants it loaded first
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

export interface PeerRequest {
  readonly headers: IncomingHttpHeaders
  readonly path: string
  readonly body: Buffer
  readonly stream: ServerHttp2Stream
  readonly session: ServerHttp2Session
  /** How many requests came before this one. */
  readonly index: number
  answer(status: number, headers?: OutgoingHttpHeaders, body?: string | object): void
}

export interface Peer {
  readonly origin: string
  readonly port: number
  readonly ca: string
  readonly server: Http2SecureServer
  readonly sessions: ServerHttp2Session[]
  /** The TLS sockets below the sessions, in the same order. */
  readonly sockets: Socket[]
  readonly requests: PeerRequest[]
  /** The most streams that were open at once on one connection. */
  readonly busiest: () => number
  close(): Promise<void>
}

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export async function makeCertificate(): Promise<Certificate> {
  const keys = await crypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      new BasicConstraintsExtension(true, 1, true),
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  })
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`
  return { cert: certificate.toString('pem'), key }
}

const certificate = makeCertificate()

/** Listens on a free port of 127.0.0.1 (or one that was free a moment ago); `handle` gets each request when its body is complete. */
export async function startPeer(
  handle: (request: PeerRequest) => void,
  options: SecureServerOptions = {},
  listenOn = 0,
): Promise<Peer> {
  const { cert, key } = await certificate
  const server = createSecureServer({ cert, key, ...options })
  const sessions: ServerHttp2Session[] = []
  const sockets: Socket[] = []
  const requests: PeerRequest[] = []
  const open = new Map<ServerHttp2Session, number>()
  let busiest = 0
  server.on('secureConnection', socket => sockets.push(socket))
  server.on('session', session => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    const session = stream.session as ServerHttp2Session
    const now = (open.get(session) ?? 0) + 1
    open.set(session, now)
    busiest = Math.max(busiest, now)
    stream.on('error', () => {})
    stream.on('close', () => open.set(session, (open.get(session) ?? 1) - 1))
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const request: PeerRequest = {
        headers,
        path: String(headers[':path']),
        body: Buffer.concat(chunks),
        stream,
        session,
        index: requests.length,
        answer: (status, extra = {}, body = '') => {
          if (stream.destroyed) return
          stream.respond({ ':status': status, ...extra })
          stream.end(typeof body === 'string' ? body : JSON.stringify(body))
        },
      }
      requests.push(request)
      handle(request)
    })
  })
  await new Promise<void>(resolve => server.listen(listenOn, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `https://localhost:${port}`,
    port,
    ca: cert,
    server,
    sessions,
    sockets,
    requests,
    busiest: () => busiest,
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      for (const session of sessions) session.destroy()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

export interface Http1Request {
  readonly headers: IncomingMessage['headers']
  readonly path: string
  readonly body: Buffer
  readonly response: ServerResponse
  readonly socket: Socket
  /** How many requests came before this one. */
  readonly index: number
  answer(status: number, headers?: Readonly<Record<string, string>>, body?: string | object): void
}

export interface Http1Peer {
  readonly origin: string
  readonly port: number
  readonly ca: string
  readonly sockets: TLSSocket[]
  /** All handshakes that were tried, also those that failed. */
  readonly handshakes: () => number
  readonly requests: Http1Request[]
  close(): Promise<void>
}

/**
 * A server without HTTP/2. `alpn`: 'http/1.1' ends the handshake of a client that offers only h2 with an alert;
 * 'absent' takes no part in ALPN and agrees on nothing.
 */
export async function startHttp1Peer(
  handle: (request: Http1Request) => void,
  { alpn = 'http/1.1', port = 0 }: { readonly alpn?: 'http/1.1' | 'absent'; readonly port?: number } = {},
): Promise<Http1Peer> {
  const { cert, key } = await certificate
  const requests: Http1Request[] = []
  const http = createHttpServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('error', () => {})
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const request: Http1Request = {
        headers: incoming.headers,
        path: incoming.url ?? '',
        body: Buffer.concat(chunks),
        response,
        socket: incoming.socket,
        index: requests.length,
        answer: (status, headers = {}, body = '') =>
          response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body)),
      }
      requests.push(request)
      handle(request)
    })
  })
  const sockets: TLSSocket[] = []
  let handshakes = 0
  const server = createTlsServer(
    { cert, key, ...(alpn === 'absent' ? {} : { ALPNProtocols: [alpn] }) },
    socket => {
      sockets.push(socket.on('error', () => {}))
      http.emit('connection', socket)
    },
  )
  server.on('connection', () => {
    handshakes++
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const bound = (server.address() as AddressInfo).port
  return {
    origin: `https://localhost:${bound}`,
    port: bound,
    ca: cert,
    sockets,
    handshakes: () => handshakes,
    requests,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/**
 * A peer that answers the first request with a GOAWAY that disowns every stream, frame by frame: a server of
 * `node:http2` takes a last stream id of 0 for "the latest".
 */
export async function startDisowningPeer(text: string): Promise<Pick<Peer, 'origin' | 'ca' | 'close'>> {
  const { cert, key } = await certificate
  const sockets: Socket[] = []
  const server = createTlsServer({ cert, key, ALPNProtocols: ['h2'] }, socket => {
    sockets.push(socket.on('error', () => {}))
    socket.write(frame(SETTINGS, Buffer.alloc(0)))
    let received = Buffer.alloc(0)
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      if (hasHeaders(received)) socket.end(frame(GOAWAY, Buffer.concat([Buffer.alloc(8), Buffer.from(text)])))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca: cert,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

// Frame types of RFC 9113 §6.
const HEADERS = 1
const SETTINGS = 4
const GOAWAY = 7
const PREFACE_BYTES = 24
const FRAME_HEAD_BYTES = 9

function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  return Buffer.concat([head, payload])
}

function hasHeaders(received: Buffer): boolean {
  let at = PREFACE_BYTES
  while (at + FRAME_HEAD_BYTES <= received.length) {
    if (received[at + 3] === HEADERS) return true
    at += FRAME_HEAD_BYTES + received.readUIntBE(at, 3)
  }
  return false
}

export interface Relay {
  readonly origin: string
  /** From now on nothing passes on the connections that exist, and nothing is closed: a half-open path. */
  freeze(): void
  close(): Promise<void>
}

/** A TCP relay in front of a peer, for paths that go silent. */
export async function startRelay(target: number): Promise<Relay> {
  const sockets: Socket[] = []
  const relay = createServer(inward => {
    const outward = connect(target, '127.0.0.1')
    for (const socket of [inward, outward]) sockets.push(socket.on('error', () => {}))
    inward.pipe(outward)
    outward.pipe(inward)
  })
  await new Promise<void>(resolve => relay.listen(0, '127.0.0.1', resolve))
  return {
    origin: `https://localhost:${(relay.address() as AddressInfo).port}`,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => relay.close(resolve))
    },
  }
}
