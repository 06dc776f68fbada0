/**
 * A device on its live channel, for `roost bench live`: as little of RFC 6455 as the server's side of a conversation needs. A client
 * library costs as much for each socket as the server does, and would be measured with it.
 *
 * It reads frames that are whole, text and not masked, as the server sends them (section 5.1), and answers pings (5.5.2).
 */
import { connect, type Socket } from 'node:net'

const TEXT = 0x1
const CLOSE = 0x8
const PING = 0x9
const PONG = 0xa
const FIN = 0x80
const MASKED = 0x80
/** RFC 6455, 5.2: the length stands in the two bytes, or in the eight, that follow. */
const LENGTH_IN_2 = 126
const LENGTH_IN_8 = 127
const NO_KEY = Buffer.alloc(4)

export interface LiveSocketOptions {
  readonly host: string
  readonly port: number
  readonly path: string
  /** Of this machine. */
  readonly localAddress: string
  /** Of thousands: to find a free one takes the kernel longer with each that is taken. Default: it does. */
  readonly localPort?: number
  readonly onText: (socket: LiveSocket, text: Buffer) => void
  readonly onClose: (socket: LiveSocket) => void
}

export class LiveSocket {
  readonly #socket: Socket
  readonly #options: LiveSocketOptions
  #unread: Buffer | undefined
  #isOpen = false
  #onOpen: () => void = () => undefined
  #onFail: (error: Error) => void = () => undefined

  private constructor(options: LiveSocketOptions) {
    const { host, port, localAddress, localPort = 0 } = options
    this.#options = options
    this.#socket = connect({ host, port, localAddress, localPort, noDelay: true })
    this.#socket.on('data', bytes => this.#onData(bytes))
    this.#socket.on('error', error => this.#onFail(error))
    this.#socket.on('close', () => {
      this.#onFail(new Error('the server has closed the connection'))
      options.onClose(this)
    })
  }

  /** Resolves when the connection is a WebSocket; rejects when the server makes none of it. */
  static open(options: LiveSocketOptions): Promise<LiveSocket> {
    const socket = new LiveSocket(options)
    const { host, port, path } = options
    socket.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    return new Promise((resolve, reject) => {
      socket.#onOpen = () => resolve(socket)
      socket.#onFail = reject
    })
  }

  say(frame: object): void {
    this.#write(TEXT, Buffer.from(JSON.stringify(frame)))
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(bytes: Buffer): void {
    let unread = this.#unread === undefined ? bytes : Buffer.concat([this.#unread, bytes])
    this.#unread = undefined
    if (!this.#isOpen) {
      const end = unread.indexOf('\r\n\r\n')
      if (end === -1) {
        this.#unread = unread
        return
      }
      this.#readAnswer(unread.toString('latin1', 0, end))
      unread = unread.subarray(end + 4)
    }
    while (unread.length > 0) {
      const frame = frameIn(unread)
      if (frame === undefined) {
        this.#unread = unread
        return
      }
      this.#take(frame.kind, frame.payload)
      unread = unread.subarray(frame.bytes)
    }
  }

  #readAnswer(head: string): void {
    this.#isOpen = true
    if (head.startsWith('HTTP/1.1 101 ')) this.#onOpen()
    else this.#onFail(new Error(`the server answered ${head.split('\r\n')[0]}`))
  }

  #take(kind: number, payload: Buffer): void {
    if (kind === TEXT) this.#options.onText(this, payload)
    else if (kind === PING) this.#write(PONG, payload)
    else if (kind === CLOSE) this.#socket.end()
  }

  /** Masked, as a client has to (5.3), with a key of zeros, which leaves the bytes as they are. */
  #write(kind: number, payload: Buffer): void {
    const isShort = payload.length < LENGTH_IN_2
    const head = Buffer.alloc(isShort ? 2 : 4)
    head[0] = FIN | kind
    head[1] = MASKED | (isShort ? payload.length : LENGTH_IN_2)
    if (!isShort) head.writeUInt16BE(payload.length, 2)
    this.#socket.write(Buffer.concat([head, NO_KEY, payload]))
  }
}

/** Undefined when it is not all there. */
function frameIn(
  bytes: Buffer,
): { readonly kind: number; readonly payload: Buffer; readonly bytes: number } | undefined {
  if (bytes.length < 2) return undefined
  const short = (bytes[1] ?? 0) & 0x7f
  if (short === LENGTH_IN_8) throw new Error('no frame of the live channel is that long')
  const head = short === LENGTH_IN_2 ? 4 : 2
  if (bytes.length < head) return undefined
  const length = short === LENGTH_IN_2 ? bytes.readUInt16BE(2) : short
  if (bytes.length < head + length) return undefined
  return { kind: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(head, head + length), bytes: head + length }
}
