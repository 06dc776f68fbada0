/**
 * One connection of a device. It begins with a `hello`; what comes before is refused, and what comes in too large, too often, or can't be
 * read ends it with a code that says why. What it is sent is bounded twice: by the bytes that the device has not taken, and by the frames
 * that it has not acknowledged; whoever is slower is disconnected and finds the rest when it comes again.
 */
import {
  type CallFrame,
  type CallServerFrame,
  type DeviceFrame,
  deviceFrameSchema,
  type HelloFrame,
  helloFrameSchema,
  LIVE_CLOSE_CODES,
  type ServerFrame,
} from '@roost/protocol'
import type { WebSocket } from 'ws'
import type { z } from 'zod'
import { parseJson } from '../http/json.ts'
import type { Access } from './access.ts'
import type { SentKey, Unkept } from './frames.ts'
import type { Place } from './presence.ts'

const HELLO_WITHIN_MS = 10_000
/** What lies in memory for a device that reads slowly. The code with which it is closed comes behind that; `ws` waits 30 s for it. */
const BUFFERED_BYTES_MAX = 256 * 1024
const UNACKNOWLEDGED_MAX = 1000
/** Of frames from the device, between two heartbeats: an app answers each message with one, or a few with one. */
const FRAMES_PER_BEAT = 3000
/** RFC 6455, 7.4.1: what it sent is of a type that is not taken. */
const NOT_TEXT = 1003
const REASON_BYTES = 123
/** RFC 6455, 7.4.1. */
export const GOING_AWAY = 1001

export type CloseCode = keyof typeof LIVE_CLOSE_CODES

/** What a channel asks of the house. */
export interface ChannelHost {
  /** Resolves to what it is welcomed with, undefined when it is closed already; rejects with what is wrong. Frames may be sent before. */
  hello(channel: Channel, frame: HelloFrame): Promise<ServerFrame | undefined>
  /** `others`: numbers that this connection has not sent; they may be of one before. */
  acknowledge(channel: Channel, frames: readonly SentKey[], others: readonly number[]): Promise<void>
  say(channel: Channel, frame: Extract<DeviceFrame, { type: 'state' | 'logout' }>): Promise<void>
  /** Resolves to what the device is answered. */
  sayOfCall(channel: Channel, frame: CallFrame): Promise<ServerFrame | undefined>
  /** Of the frame `error`. */
  refusalOf(error: unknown): ServerFrame
  gone(channel: Channel): void
}

/** Of a device that was let in. */
export interface Member extends Place {
  readonly access: Access
  readonly bucket: number
  readonly userId: string | null
  readonly session: string
}

let opened = 0

export class Channel {
  /** Goes up with each connection of this process: of a device the newest one counts. */
  readonly order = ++opened
  /** Undefined until its `hello` is taken. */
  member: Member | undefined
  readonly #socket: WebSocket
  readonly #host: ChannelHost
  readonly #unacknowledged = new Map<number, SentKey>()
  readonly #helloTimer: NodeJS.Timeout
  #isGreeting = false
  #taken: Promise<void> = Promise.resolve()
  #waiting = 0
  #isAlive = true
  #frames = 0

  constructor(socket: WebSocket, host: ChannelHost) {
    this.#socket = socket
    this.#host = host
    this.#helloTimer = setTimeout(() => this.close('helloMissing'), HELLO_WITHIN_MS)
    socket.on('message', (data, isBinary) => this.#takeInTurn(data, isBinary))
    socket.on('pong', () => {
      this.#isAlive = true
    })
    socket.on('error', () => undefined) // 'close' follows, with a code where the peer broke a rule
    socket.on('close', () => {
      clearTimeout(this.#helloTimer)
      for (const { unkept } of this.#unacknowledged.values()) unkept?.giveUp()
      host.gone(this)
    })
  }

  /** False when it is not sent: it is on its way already, or the device is too slow and is disconnected. */
  sendMessage(frame: Extract<ServerFrame, { type: 'message' }>, key: SentKey): boolean {
    if (this.#unacknowledged.has(frame.seq) || !this.#isOpen) return false
    if (this.#unacknowledged.size >= UNACKNOWLEDGED_MAX || this.#socket.bufferedAmount > BUFFERED_BYTES_MAX) {
      this.close('tooSlow')
      return false
    }
    this.#unacknowledged.set(frame.seq, key)
    if (key.unkept !== undefined) void this.#becomeRow(frame.seq, key, key.unkept)
    this.#send(frame)
    return true
  }

  /** What is true at the moment, and told anew when the device comes again: it is not acknowledged. */
  tell(frame: ServerFrame): void {
    if (this.#socket.bufferedAmount > BUFFERED_BYTES_MAX) this.close('tooSlow')
    else this.#send(frame)
  }

  /** It is as the call stands: what does not arrive is said anew when the device comes again. */
  tellCall(frame: CallServerFrame): void {
    this.tell(frame)
  }

  close(why: CloseCode, reason: string = why): void {
    this.closeWith(LIVE_CLOSE_CODES[why], reason)
  }

  closeWith(code: number, reason: string): void {
    clearTimeout(this.#helloTimer)
    this.#socket.close(code, cutToBytes(reason, REASON_BYTES))
  }

  /** Says what is wrong, and closes. */
  refuse(error: unknown): void {
    this.#send(this.#host.refusalOf(error))
    this.close('refused')
  }

  terminate(): void {
    this.#socket.terminate()
  }

  /** Between two of them the device has to answer. */
  heartbeat(): void {
    this.#frames = 0
    if (!this.#isAlive) {
      this.close('silent')
      this.#socket.terminate()
      return
    }
    this.#isAlive = false
    if (this.#isOpen) this.#socket.ping()
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  #send(frame: ServerFrame): void {
    if (this.#isOpen) this.#socket.send(JSON.stringify(frame))
  }

  /** One after the other, as they were said. Once one has to wait nothing more is read, so they don't pile up. */
  #takeInTurn(data: unknown, isBinary: boolean): void {
    this.#isAlive = true
    if (++this.#waiting === 2) this.#socket.pause()
    this.#taken = this.#taken
      .then(async () => {
        await this.#take(data, isBinary)
        if (--this.#waiting === 0 && this.#socket.isPaused) this.#socket.resume()
      })
      .catch(() => this.terminate()) // whatever it is, it ends this channel, and not the process
  }

  async #take(data: unknown, isBinary: boolean): Promise<void> {
    if (isBinary) return this.closeWith(NOT_TEXT, 'frames are text')
    if (++this.#frames > FRAMES_PER_BEAT) return this.close('frameInvalid', 'too many frames')
    try {
      const frame = readFrame(String(data))
      if (typeof frame === 'string') return this.close('frameInvalid', frame)
      await (this.member === undefined ? this.#greet(frame) : this.#answer(frame))
    } catch (error) {
      this.refuse(error)
    }
  }

  async #greet(given: object): Promise<void> {
    const hello = helloFrameSchema.safeParse(given)
    if (this.#isGreeting || !hello.success)
      return this.close('frameInvalid', `the first frame is a hello; ${faultOf(hello.error)}`)
    this.#isGreeting = true
    const welcome = await this.#host.hello(this, hello.data)
    clearTimeout(this.#helloTimer)
    if (welcome === undefined) return
    this.#send(welcome)
    const { have = [] } = hello.data
    if (have.length > 0) this.#send({ type: 'acked', seqs: have })
  }

  async #answer(given: object): Promise<void> {
    const { data: frame, error } = deviceFrameSchema.safeParse(given)
    if (frame === undefined) {
      // A newer app may know more than this server.
      if (isOfOtherType(given)) return
      return this.close('frameInvalid', faultOf(error))
    }
    if (frame.type === 'ping') this.#send({ type: 'pong' })
    else if (frame.type === 'ack') await this.#acknowledge(frame.seqs)
    else if (frame.type === 'call') await this.#answerCall(frame)
    else await this.#host.say(this, frame)
  }

  async #answerCall(frame: CallFrame): Promise<void> {
    const answer = await this.#host.sayOfCall(this, frame)
    if (answer !== undefined) this.#send(answer)
  }

  async #acknowledge(seqs: readonly number[]): Promise<void> {
    const unkept = seqs.filter(it => this.#unacknowledged.get(it)?.unkept !== undefined)
    for (const seq of unkept) void this.#acknowledgeUnkept(seq)
    const kept = unkept.length === 0 ? seqs : seqs.filter(it => !unkept.includes(it))
    if (kept.length === 0) return
    const sent = kept.flatMap(it => this.#unacknowledged.get(it) ?? [])
    await this.#host.acknowledge(
      this,
      sent,
      kept.filter(it => !this.#unacknowledged.has(it)),
    )
    this.#forget(kept)
    this.#send({ type: 'acked', seqs: kept })
  }

  /** One that is lost is left to the device, which has the frame and says so again. */
  async #becomeRow(seq: number, { unkept: _, ...row }: SentKey, unkept: Unkept): Promise<void> {
    if (await unkept.kept) this.#unacknowledged.set(seq, row)
    else this.#forget([seq])
  }

  /** What the device says next does not wait for it. */
  async #acknowledgeUnkept(seq: number): Promise<void> {
    const unkept = this.#unacknowledged.get(seq)?.unkept
    if (unkept === undefined) return
    unkept.acknowledge()
    if (!(await unkept.kept)) return
    if (!unkept.isKeptAcknowledged) return this.#acknowledge([seq]).catch(error => this.refuse(error))
    this.#forget([seq])
    this.#send({ type: 'acked', seqs: [seq] })
  }

  #forget(seqs: readonly number[]): void {
    for (const seq of seqs) this.#unacknowledged.delete(seq)
  }
}

/** At the end of a character: `ws` takes no reason that is longer in UTF-8. */
function cutToBytes(text: string, bytes: number): string {
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes), { stream: true })
}

/** Held to what the body of a call is held to; a text says what is wrong with it. */
function readFrame(text: string): object | string {
  try {
    const value = parseJson(text, 'frame')
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? value
      : 'a frame is an object of JSON'
  } catch (error) {
    return (error as Error).message
  }
}

const KNOWN_TYPES: ReadonlySet<unknown> = new Set(['ack', 'state', 'ping', 'logout', 'hello', 'call'])

function isOfOtherType(given: object): boolean {
  return 'type' in given && typeof given.type === 'string' && !KNOWN_TYPES.has(given.type)
}

/** Without what was given: it may be a token. */
function faultOf(error: z.ZodError | undefined): string {
  const [issue] = error?.issues ?? []
  return issue === undefined ? 'one was said already' : `${issue.path.join('.')}: ${issue.message}`
}
