/**
 * A server whose every byte a test decides: it splits what comes into frames and answers nothing by itself. Its own few
 * lines of framing share nothing with the engine, so that a mistake there is not repeated in its judge.
 * Source: RFC 9113 §4.1 (frames), §6 (their payloads); RFC 7541 §6.2.2 (literals that touch no table).
 */
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { HpackDecoder } from '../src/hpack/decoder.ts'
import type { TestCertificate } from './certificate.ts'

export interface RawFrame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

// ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

/** A header block of literals without indexing; names and values of less than 127 bytes. */
export function block(fields: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(fields).map(([name, value]) =>
    Buffer.from(
      `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`,
      'latin1',
    ),
  )
  return Buffer.concat(parts)
}

export function headers(
  streamId: number,
  fields: Readonly<Record<string, string>>,
  flags: number = END_HEADERS,
): Buffer {
  return frame(TYPE.HEADERS, flags, streamId, block(fields))
}

export function data(streamId: number, body: string | Buffer, flags = 0): Buffer {
  return frame(TYPE.DATA, flags, streamId, Buffer.from(body))
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6)
  pairs.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6)
    payload.writeUInt32BE(value, i * 6 + 2)
  })
  return frame(TYPE.SETTINGS, 0, 0, payload)
}

function words(...values: readonly number[]): Buffer {
  const payload = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => {
    payload.writeUInt32BE(value, i * 4)
  })
  return payload
}

export function goAway(lastStreamId: number, code: number, debug = ''): Buffer {
  return frame(TYPE.GOAWAY, 0, 0, Buffer.concat([words(lastStreamId, code), Buffer.from(debug)]))
}

export function reset(streamId: number, code: number): Buffer {
  return frame(TYPE.RST_STREAM, 0, streamId, words(code))
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(TYPE.WINDOW_UPDATE, 0, streamId, words(increment))
}

export function ping(flags = 0): Buffer {
  return frame(TYPE.PING, flags, 0, Buffer.from('12345678'))
}

/** A whole answer: status and, when there is one, a body. */
export function answer(streamId: number, status = 200, body: string | Buffer = ''): Buffer {
  const fields = { ':status': String(status) }
  if (body.length === 0) return headers(streamId, fields, END_HEADERS | END_STREAM)
  return Buffer.concat([headers(streamId, fields), data(streamId, body, END_STREAM)])
}

export function join(count: number, make: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => make(i)))
}

// ── a connection ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface Waiter {
  readonly what: string
  readonly isMet: () => boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class RawConnection {
  readonly socket: Socket
  /** All that came, unless `isRecording` was turned off. */
  readonly frames: RawFrame[] = []
  isRecording = true
  /** Called with each frame before anybody who awaits one hears of it. */
  onFrame: ((frame: RawFrame) => void) | undefined
  /** Ends when the client has closed its side, or the whole. */
  readonly ended: Promise<void>
  readonly closed: Promise<void>
  readonly #transport: Socket
  readonly #decoder = new HpackDecoder()
  #decoded = 0
  #rest: Buffer = Buffer.alloc(0)
  #hasPreface = false
  #isClosed = false
  #waiters: Waiter[] = []

  constructor(socket: Socket, transport: Socket) {
    this.socket = socket
    this.#transport = transport
    socket.on('error', () => {}) // a client that hangs up is a case, not a fault
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
    this.ended = new Promise(resolve => socket.once('end', resolve).once('close', () => resolve()))
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.once('close', () => {
      this.#isClosed = true
      for (const waiter of this.#waiters.splice(0))
        waiter.reject(new Error(`the client closed the connection; awaited was ${waiter.what}`))
    })
  }

  write(...parts: readonly Buffer[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(parts))
  }

  framesOf(type: number): RawFrame[] {
    return this.frames.filter(it => it.type === type)
  }

  /** The n-th frame of a type that came on this connection, counted from 1. */
  async nth(type: number, n = 1): Promise<RawFrame> {
    const name = Object.keys(TYPE)[type]
    await this.until(`${name} number ${n}`, () => this.framesOf(type).length >= n)
    return this.framesOf(type)[n - 1] as RawFrame
  }

  /** Waits until frames that came make it true; rejects when the client closes before. */
  until(what: string, isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve()
    if (this.#isClosed) return Promise.reject(new Error(`the client has closed; awaited was ${what}`))
    return new Promise((resolve, reject) => this.#waiters.push({ what, isMet, resolve, reject }))
  }

  /** Waits for `count` requests that are through with headers and body. */
  untilRequests(count: number): Promise<void> {
    return this.until(
      `${count} whole requests`,
      () =>
        this.frames.filter(it => it.type <= TYPE.HEADERS && (it.flags & END_STREAM) !== 0).length >= count,
    )
  }

  /** Everything that the client sent up to here has been read when this settles: it answers a PING in its place. */
  async roundTrip(): Promise<void> {
    const had = this.framesOf(TYPE.PING).filter(it => (it.flags & ACK) !== 0).length
    this.write(ping())
    await this.until(
      'the answer to a PING',
      () => this.framesOf(TYPE.PING).filter(it => (it.flags & ACK) !== 0).length > had,
    )
  }

  /** Code and debug text of the client's GOAWAY. */
  async goAway(): Promise<{ code: number; debug: string }> {
    const { payload } = await this.nth(TYPE.GOAWAY)
    return { code: payload.readUInt32BE(4), debug: payload.toString('utf8', 8) }
  }

  /** The code of the client's RST_STREAM on a stream. */
  async resetCode(streamId: number): Promise<number> {
    const find = () => this.framesOf(TYPE.RST_STREAM).find(it => it.streamId === streamId)
    await this.until(`RST_STREAM on ${streamId}`, () => find() !== undefined)
    return (find() as RawFrame).payload.readUInt32BE(0)
  }

  /** Header fields of the requests that came since the last call, in the order of their streams. */
  decodeRequests(): Map<number, Record<string, string>> {
    const requests = new Map<number, Record<string, string>>()
    let parts: Buffer[] = []
    for (; this.#decoded < this.frames.length; this.#decoded++) {
      const { type, flags, streamId, payload } = this.frames[this.#decoded] as RawFrame
      if (type !== TYPE.HEADERS && type !== TYPE.CONTINUATION) continue
      parts.push(payload)
      if ((flags & END_HEADERS) === 0) continue
      const whole = Buffer.concat(parts)
      parts = []
      const fields: Record<string, string> = {}
      this.#decoder.decode(whole, 0, whole.length, (name, value) => {
        fields[name] = value
      })
      requests.set(streamId, fields)
    }
    return requests
  }

  /** What came of a request's body. */
  bodyOf(streamId: number): Buffer {
    return Buffer.concat(
      this.framesOf(TYPE.DATA).flatMap(it => (it.streamId === streamId ? [it.payload] : [])),
    )
  }

  stopReading(): void {
    this.socket.pause()
  }

  /** Our side is through; TLS says so with close_notify. */
  halfClose(): void {
    this.socket.end()
  }

  /** TCP RST. */
  resetTransport(): void {
    this.#transport.resetAndDestroy()
  }

  /** TCP FIN without what TLS should say before it. */
  closeTransport(): void {
    this.#transport.end()
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    if (!this.#hasPreface) this.#takePreface()
    if (!this.#hasPreface) return
    let at = 0
    for (let next = this.#endOf(at); next <= this.#rest.length; next = this.#endOf(at)) {
      this.#hear({
        type: this.#rest[at + 3] as number,
        flags: this.#rest[at + 4] as number,
        streamId: this.#rest.readUInt32BE(at + 5) & 0x7fffffff,
        payload: this.#rest.subarray(at + 9, next),
      })
      at = next
    }
    this.#rest = this.#rest.subarray(at)
    this.#wake()
  }

  #takePreface(): void {
    if (this.#rest.length < PREFACE.length) return
    if (this.#rest.toString('latin1', 0, PREFACE.length) !== PREFACE) throw new Error('no preface came')
    this.#hasPreface = true
    this.#rest = this.#rest.subarray(PREFACE.length)
  }

  #endOf(at: number): number {
    return at + 9 > this.#rest.length ? Number.POSITIVE_INFINITY : at + 9 + this.#rest.readUIntBE(at, 3)
  }

  #hear(frame: RawFrame): void {
    if (this.isRecording) this.frames.push(frame)
    this.onFrame?.(frame)
  }

  #wake(): void {
    const met = this.#waiters.filter(it => it.isMet())
    if (met.length === 0) return
    this.#waiters = this.#waiters.filter(it => !met.includes(it))
    for (const waiter of met) waiter.resolve()
  }
}

// ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────────

export class RawPeer {
  readonly connections: RawConnection[] = []
  /** Called with each connection before anything is read from it. */
  onConnection: ((connection: RawConnection) => void) | undefined
  readonly #server: Server
  readonly #transports = new Set<Socket>()
  readonly #isTls: boolean
  #accepted = 0
  #waiting: (() => void)[] = []

  constructor(server: Server, isTls: boolean) {
    this.#server = server
    this.#isTls = isTls
    server.on('connection', (transport: Socket) => {
      this.#transports.add(transport)
      transport.on('error', () => {}).once('close', () => this.#transports.delete(transport))
      if (!isTls) this.#add(transport, transport)
    })
    server.on('secureConnection', (socket: Socket) => {
      const transport = [...this.#transports].find(it => it.remotePort === socket.remotePort)
      this.#add(socket, transport as Socket)
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get origin(): string {
    return `${this.#isTls ? 'https' : 'http'}://127.0.0.1:${this.port}`
  }

  /** The next connection that nobody has taken yet, in the order in which they came. */
  async accept(): Promise<RawConnection> {
    const mine = this.#accepted++
    while (this.connections.length <= mine) await new Promise<void>(resolve => this.#waiting.push(resolve))
    return this.connections[mine] as RawConnection
  }

  /** Accepts, and sends the SETTINGS that a server begins with. */
  async greet(...pairs: readonly (readonly [id: number, value: number])[]): Promise<RawConnection> {
    const connection = await this.accept()
    connection.write(settings(...pairs))
    return connection
  }

  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve))
    for (const transport of this.#transports) transport.destroy()
    await closed
  }

  #add(socket: Socket, transport: Socket): void {
    const connection = new RawConnection(socket, transport)
    this.onConnection?.(connection)
    this.connections.push(connection)
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** On a free port of 127.0.0.1. A half-closed connection stays half open until the test closes it. */
export async function startRawPeer(certificate?: TestCertificate): Promise<RawPeer> {
  const server =
    certificate === undefined
      ? createTcpServer({ allowHalfOpen: true, noDelay: true })
      : createTlsServer({ ...certificate, ALPNProtocols: ['h2'], allowHalfOpen: true, noDelay: true })
  const peer = new RawPeer(server, certificate !== undefined)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return peer
}
