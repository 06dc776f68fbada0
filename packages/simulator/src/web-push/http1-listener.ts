/**
 * The front of a push service that speaks HTTP/1.1 alone: who offers nothing but h2 is turned away by TLS.
 *
 * Source: RFC 7301 §3.2 (no_application_protocol); Microsoft's service, which has no HTTP/2.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServerIdentity } from '../authority.ts'
import type { GatewayReply, GatewayRequest } from '../gateway/listener.ts'

/** What a push service looks at. */
export type PushRequest = Pick<GatewayRequest, 'method' | 'path' | 'headers' | 'body'>

export interface Http1Options {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly identity: ServerIdentity
  readonly answer: (request: PushRequest) => Promise<GatewayReply>
  readonly onConnection: () => void
}

export class Http1Listener {
  readonly #options: Http1Options
  readonly #server: Server
  readonly #seen = new WeakSet<object>()

  constructor(options: Http1Options) {
    this.#options = options
    const { certPem: cert, keyPem: key } = options.identity
    this.#server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (request, response) =>
      this.#receive(request, response),
    )
    this.#server.on('clientError', (_cause, socket) => socket.destroy())
  }

  async start(): Promise<void> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, resolve)
    })
  }

  get origin(): string {
    const { host } = this.#options
    const { port } = this.#server.address() as AddressInfo
    return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#seen.has(request.socket)) {
      this.#seen.add(request.socket)
      this.#options.onConnection()
    }
    const chunks: Buffer[] = []
    request.on('error', () => {})
    response.on('error', () => {})
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      void this.#options.answer({ method, path, headers, body: Buffer.concat(chunks) }).then(
        reply => respond(request, response, reply),
        () => request.socket.destroy(),
      )
    })
  }
}

function respond(request: IncomingMessage, response: ServerResponse, reply: GatewayReply): void {
  if (reply === 'silence') return
  if (typeof reply === 'string') {
    request.socket.destroy()
    return
  }
  const length = String(Buffer.byteLength(reply.body ?? ''))
  response.writeHead(reply.status, { 'content-length': length, ...reply.headers })
  response.end(reply.body)
}
