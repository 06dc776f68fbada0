/**
 * HTTP/1.1 for senders that do not choose HTTP/2, on sockets whose TLS is done: Node's own server reads them.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { GatewayConnection, GatewayReply, ListenOptions } from './listener.ts'

/** A thousand tokens of Huawei's are some 200 KB; every gateway's own limit is below it. */
export const MAX_BODY_BYTES = 1_048_576

export class Http1Front {
  readonly #options: Pick<ListenOptions, 'answer' | 'onConnection'>
  readonly #server = createServer((request, response) => this.#receive(request, response))
  readonly #open = new Map<object, Http1Connection>()
  #count = 0

  constructor(options: Pick<ListenOptions, 'answer' | 'onConnection'>) {
    this.#options = options
    this.#server.on('clientError', (_cause, socket) => socket.destroy())
  }

  /** The socket stays its owner's to close. */
  accept(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy())
    this.#server.emit('connection', socket)
  }

  /** Those that carried a request. */
  connections(): GatewayConnection[] {
    return [...this.#open.values()]
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connectionOf(request.socket as TLSSocket)
    connection.requests++
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('error', () => {})
    response.on('error', () => {})
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      // What is left out is beyond every gateway's own limit, so that it is refused as too big all the same.
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
    })
    request.on('end', () => {
      const { method = '', url: path = '', headers, rawHeaders } = request
      const body = Buffer.concat(chunks)
      const asked = { method, path, headers, rawHeaders, body, connection, streamId: 0 }
      void Promise.resolve(this.#options.answer(asked)).then(
        reply => respond(request, response, reply),
        () => request.socket.destroy(),
      )
    })
  }

  #connectionOf(socket: TLSSocket): Http1Connection {
    const known = this.#open.get(socket)
    if (known !== undefined) return known
    // The engine counts its own upwards.
    const connection = new Http1Connection(--this.#count, socket)
    this.#open.set(socket, connection)
    socket.once('close', () => this.#open.delete(socket))
    this.#options.onConnection?.(connection)
    return connection
  }
}

class Http1Connection implements GatewayConnection {
  readonly id: number
  readonly certificateFingerprint = undefined
  readonly #socket: TLSSocket
  requests = 0
  isLeaving = false
  lastStreamId = 0

  constructor(id: number, socket: TLSSocket) {
    this.id = id
    this.#socket = socket
  }

  allowStreams(): void {}

  goAway(): void {}

  destroy(): void {
    this.#socket.destroy()
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
