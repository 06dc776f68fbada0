/** The server's side of a live channel, whose every frame a test chooses, and the device's socket of Node. */
import { WebSocket } from 'ws'
import type { OpenSocket } from '../src/core/socket.ts'

type Frame = Readonly<Record<string, unknown>>

/** One connection, as the server has it. */
export interface Peer {
  readonly socket: WebSocket
  /** The next frame that nobody has waited for. */
  next(): Promise<Frame>
  say(frame: object): void
}

export function peerOf(socket: WebSocket): Peer {
  const frames = new Queue<Frame>()
  socket.on('message', data => frames.add(JSON.parse(String(data)) as Frame))
  return { socket, next: () => frames.next(), say: frame => socket.send(JSON.stringify(frame)) }
}

/** What came and nobody has taken yet. */
export class Queue<T> {
  readonly #items: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  add(item: T): void {
    const taker = this.#waiting.shift()
    if (taker === undefined) this.#items.push(item)
    else taker(item)
  }

  next(): Promise<T> {
    return this.#items.length > 0
      ? Promise.resolve(this.#items.shift() as T)
      : new Promise(resolve => this.#waiting.push(resolve))
  }
}

/** As the server sends it; `userId` null: it is for nobody in particular. */
export function message(seq: number, hash: string, userId: string | null = null): object {
  const notification = { hash, title: `Title ${hash}` }
  return { type: 'message', seq, id: hash, messageId: hash, userId, receiptKey: 'key', notification }
}

export const openSocket: OpenSocket = (url, { onOpen, onText, onClose }) => {
  const socket = new WebSocket(url)
  socket.on('open', onOpen)
  socket.on('message', data => onText(String(data)))
  socket.on('error', () => undefined)
  socket.on('close', onClose)
  return { send: text => socket.send(text), close: () => socket.close() }
}
