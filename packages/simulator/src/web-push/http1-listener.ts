/**
 * The front of a push service that speaks HTTP/1.1 alone: who offers nothing but h2 is turned away by TLS.
 *
 * Source: RFC 7301 §3.2 (no_application_protocol); Microsoft's service, which has no HTTP/2.
 */
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { ServerIdentity } from '../authority.ts'
import { Http1Front } from '../gateway/http1-front.ts'
import type { GatewayReply, GatewayRequest } from '../gateway/listener.ts'

export interface Http1Options {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly identity: ServerIdentity
  readonly answer: (request: GatewayRequest) => Promise<GatewayReply>
  readonly onConnection: () => void
}

export class Http1Listener {
  readonly #options: Http1Options
  readonly #server: Server
  readonly #sockets = new Set<TLSSocket>()

  constructor(options: Http1Options) {
    this.#options = options
    const front = new Http1Front(options)
    const { certPem: cert, keyPem: key } = options.identity
    this.#server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      front.accept(socket)
    })
    this.#server.on('tlsClientError', () => {}) // Node ends that connection alone.
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
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
