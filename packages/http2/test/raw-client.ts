/**
 * A client that sends what a test tells it to, right or wrong, and shows the frames that come back. It shares nothing
 * with the engine but the numbers of the frames.
 */
import { connect, type Socket } from 'node:net'
import { PREFACE } from '../src/protocol.ts'

export interface RawFrame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

interface Waiter {
  readonly isWanted: (frame: RawFrame) => boolean
  readonly resolve: (frame: RawFrame) => void
  readonly reject: (error: Error) => void
}

export class RawClient {
  readonly socket: Socket
  /** All frames so far. */
  readonly frames: RawFrame[] = []
  /** Settles when the connection is closed, however that came. */
  readonly closed: Promise<void>
  #waiters: Waiter[] = []
  #rest: Buffer = Buffer.alloc(0)
  #isClosed = false

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, allowHalfOpen: false })
    this.socket.setNoDelay(true)
    this.socket.on('data', chunk => this.#read(chunk))
    this.socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      this.socket.on('close', () => {
        this.#isClosed = true
        for (const waiter of this.#waiters) waiter.reject(new Error('the connection was closed'))
        resolve()
      })
    })
  }

  send(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** Preface and settings, as an honest client begins. */
  greet(settings: Buffer = Buffer.alloc(0)): void {
    this.send(PREFACE, frame(4, 0, 0, settings))
  }

  /** The first frame, also among those that came before, that is of this type (and stream). */
  frame(type: number, streamId?: number): Promise<RawFrame> {
    return this.find(each => each.type === type && (streamId === undefined || each.streamId === streamId))
  }

  find(isWanted: (frame: RawFrame) => boolean): Promise<RawFrame> {
    const found = this.frames.find(isWanted)
    if (found !== undefined) return Promise.resolve(found)
    if (this.#isClosed) return Promise.reject(new Error('the connection was closed'))
    return new Promise((resolve, reject) => this.#waiters.push({ isWanted, resolve, reject }))
  }

  /** Settles when the server has read all that was sent so far and has written its answers to that. */
  async roundTrip(): Promise<void> {
    this.#pings += 1
    const data = Buffer.alloc(8)
    data.writeUInt32BE(this.#pings, 4)
    this.send(frame(6, 0, 0, data))
    await this.find(each => each.type === 6 && each.flags === 1 && each.payload.equals(data))
  }
  #pings = 0

  /** All DATA of a stream so far. */
  data(streamId: number): Buffer {
    const parts = this.frames.filter(each => each.type === 0 && each.streamId === streamId)
    return Buffer.concat(parts.map(part => part.payload))
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      if (this.#rest.length < 9) return
      const end = 9 + this.#rest.readUIntBE(0, 3)
      if (this.#rest.length < end) return
      this.#hand({
        type: this.#rest.readUInt8(3),
        flags: this.#rest.readUInt8(4),
        streamId: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, end),
      })
      this.#rest = this.#rest.subarray(end)
    }
  }

  #hand(received: RawFrame): void {
    this.frames.push(received)
    const wanting = this.#waiters.filter(waiter => waiter.isWanted(received))
    this.#waiters = this.#waiters.filter(waiter => !wanting.includes(waiter))
    for (const waiter of wanting) waiter.resolve(received)
  }
}

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header.writeUInt8(type, 3)
  header.writeUInt8(flags, 4)
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id)
  bytes.writeUInt32BE(value, 2)
  return bytes
}

/** A header block of literals without indexing; names and values below 127 bytes. */
export function literals(...fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')])
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))
}
