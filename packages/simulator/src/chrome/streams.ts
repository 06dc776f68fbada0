/**
 * The streams that Chromes hold open: who is connected, what was sent on which connection, what was acknowledged.
 *
 * Source: Chromium, google_apis/gcm/engine/mcs_client.cc.
 */
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { ServerIdentity } from '../authority.ts'
import type { McsMessage } from './mcs.ts'
import {
  dataMessage,
  heartbeatAck,
  loginRefusal,
  loginResponse,
  MCS_TAG,
  McsReader,
  readLogin,
} from './mcs.ts'
import type { Chrome, Pending, Registration, Registrations } from './registrations.ts'

export interface ChromeStreamsOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly identity: ServerIdentity
  readonly clock: () => number
  readonly registrations: Registrations
  readonly onLogin: (chrome: Chrome) => void
  readonly onAcknowledged: (registration: Registration, messageId: string) => void
}

interface Stream {
  readonly socket: TLSSocket
  readonly reader: McsReader
  chrome: Chrome | undefined
  /** Messages sent on this connection, the login's answer included. */
  sent: number
  /** What each of them was, until it is acknowledged. */
  readonly unacknowledged: {
    readonly count: number
    readonly id: string
    readonly registration: Registration
  }[]
}

export class ChromeStreams {
  readonly #options: ChromeStreamsOptions
  readonly #server: Server
  readonly #sockets = new Set<TLSSocket>()
  readonly #streams = new Map<Chrome, Stream>()

  constructor(options: ChromeStreamsOptions) {
    this.#options = options
    const { certPem: cert, keyPem: key } = options.identity
    this.#server = createServer({ cert, key }, socket => this.#converse(socket))
  }

  async start(): Promise<void> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, resolve)
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** To a browser that is here; nothing happens to one that is away. */
  send(registration: Registration, id: string, pending: Pending): void {
    const stream = this.#streams.get(registration.chrome)
    if (stream === undefined) return
    const { category, subtype, sender } = registration
    const { body, topic: collapseKey, ttlSeconds } = pending
    const sentAtMs = this.#options.clock()
    const push = { persistentId: id, category, subtype, sender, collapseKey, ttlSeconds, sentAtMs, body }
    stream.unacknowledged.push({ count: ++stream.sent, id, registration })
    stream.socket.write(dataMessage(push))
  }

  /** Closes all connections; the browsers come back to what they had. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#streams.clear()
  }

  async close(): Promise<void> {
    this.disconnect()
    if (this.#server.listening) await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  #converse(socket: TLSSocket): void {
    const stream: Stream = { socket, reader: new McsReader(), chrome: undefined, sent: 0, unacknowledged: [] }
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (stream.chrome !== undefined && this.#streams.get(stream.chrome) === stream)
        this.#streams.delete(stream.chrome)
    })
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of stream.reader.read(chunk)) this.#obey(stream, message)
      } catch {
        // Whatever speaks another protocol here is no Chrome.
        socket.destroy()
      }
    })
  }

  #obey(stream: Stream, message: McsMessage): void {
    if (message.tag === MCS_TAG.loginRequest) return this.#login(stream, message)
    this.#acknowledge(stream, message.acknowledged ?? 0)
    if (message.tag === MCS_TAG.close) stream.socket.end()
    if (message.tag !== MCS_TAG.heartbeatPing) return
    stream.sent++
    stream.socket.write(heartbeatAck())
  }

  #login(stream: Stream, message: McsMessage): void {
    const { androidId, securityToken, receivedIds } = readLogin(message)
    const chrome = this.#options.registrations.find(BigInt(androidId), BigInt(securityToken))
    if (chrome === undefined) {
      stream.socket.end(loginRefusal())
      return
    }
    this.#streams.get(chrome)?.socket.destroy()
    this.#streams.set(chrome, stream)
    stream.chrome = chrome
    stream.sent = 1
    stream.socket.write(loginResponse(this.#options.clock()))
    this.#options.onLogin(chrome)
    for (const registration of chrome.registrations.values()) this.#flush(registration, receivedIds)
  }

  #flush(registration: Registration, receivedIds: readonly string[]): void {
    for (const [id, pending] of [...registration.pending]) {
      if (receivedIds.includes(id)) this.#options.onAcknowledged(registration, id)
      else if (pending.expiresAtMs > this.#options.clock()) this.send(registration, id, pending)
      else registration.pending.delete(id)
    }
  }

  #acknowledge(stream: Stream, count: number): void {
    for (let first = stream.unacknowledged[0]; first !== undefined; first = stream.unacknowledged[0]) {
      if (first.count > count) return
      stream.unacknowledged.shift()
      this.#options.onAcknowledged(first.registration, first.id)
    }
  }
}
