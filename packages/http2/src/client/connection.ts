/**
 * One HTTP/2 connection as a client that sends very many small requests.
 *
 * Every request ends in exactly one result (`result.ts`), whatever the peer does: what was never handed to the socket,
 * was refused, or lies above GOAWAY's last stream id is `not_sent`; what went out without a whole answer is `uncertain`.
 * The peer's bytes are never trusted: a malformed one closes the connection with the right code.
 *
 *   connecting ──SETTINGS of ours──▶ open ──GOAWAY, ids used up, end()──▶ draining ──last answer──▶ closed
 *        └────────────── fail() from anywhere: error, time-out, reset ─────────────────────────────────▲
 *
 * Source: RFC 9113.
 */
import type { Socket } from 'node:net'
import { type FrameHandler, FrameReader } from '../frame-reader.ts'
import {
  MAX_CONTROL_FRAME_BYTES,
  writeFrameHeader,
  writeGoAway,
  writePing,
  writeReset,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../frame-writer.ts'
import { HpackDecoder } from '../hpack/decoder.ts'
import { HpackEncoder } from '../hpack/encoder.ts'
import { Outbox } from '../outbox.ts'
import {
  ConnectionError,
  DEFAULT_FRAME_BYTES,
  DEFAULT_TABLE_BYTES,
  DEFAULT_WINDOW_BYTES,
  ERROR,
  errorName,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  PREFACE,
  SETTING,
} from '../protocol.ts'
import { RequestEncoder } from './request-encoder.ts'
import { type RequestObserver, SharedResult, tell } from './result.ts'
import { NO_SLOT, Slots } from './slots.ts'
import type { HeaderTemplate } from './template.ts'

export interface ConnectionSettings {
  /** Streams in flight until the peer's SETTINGS say how many. */
  readonly assumedStreams: number
  /** Never more than this in flight, whatever the peer allows. */
  readonly maxStreams: number
  readonly maxBodyBytes: number
  readonly pingIntervalMs: number
  readonly pingTimeoutMs: number
  /** For tests of running out of ids; odd, default 1. */
  readonly firstStreamId: number
}

export interface ConnectionEvents {
  /** There may be room for more requests than before. Called often; must be cheap. */
  onRoom(connection: ClientConnection): void
  /** No new requests are taken; those in flight may still be answered. */
  onDraining(connection: ClientConnection): void
  /** All requests have their results. `reason` is empty after an orderly end. */
  onClosed(connection: ClientConnection, reason: string): void
}

export type ConnectionState = 'connecting' | 'open' | 'draining' | 'closed'

/** What we let the peer have under way to us: answers of gateways are small, so this never holds one up. */
const RECEIVE_WINDOW_BYTES = 1024 * 1024
const MAX_HEADER_LIST_BYTES = 64 * 1024
/** More unsent bytes than this and the connection has no room: the peer does not read. */
const MAX_PENDING_BYTES = 1024 * 1024
/** Frames that cost the peer nothing and us an answer; so many within a tick of the clock are an attack. */
const MAX_FREE_FRAMES_PER_TICK = 1000
/** Streams that we reset, and on which frames may still be under way. */
const MAX_REMEMBERED_RESETS = 1000
/** Far above what requests alone may leave unsent, so only replies to a peer that never reads come to it. */
const MAX_UNREAD_BYTES = 4 * MAX_PENDING_BYTES
const ERROR_GRACE_MS = 1000
/** How long a peer has to read our GOAWAY and close its side. */
const LINGER_MS = 500
const HEADERS_AND_DATA_BYTES = 2 * FRAME_HEADER_BYTES

export class ClientConnection implements FrameHandler {
  readonly #socket: Socket
  readonly #settings: ConnectionSettings
  readonly #events: ConnectionEvents
  readonly #outbox: Outbox
  readonly #reader: FrameReader
  readonly #decoder = new HpackDecoder({
    maxTableBytes: DEFAULT_TABLE_BYTES,
    maxListBytes: MAX_HEADER_LIST_BYTES,
  })
  readonly #encoder = new HpackEncoder()
  readonly #requests = new RequestEncoder(this.#encoder)
  readonly #slots: Slots
  readonly #result = new SharedResult()
  readonly #resets = new Set<number>()
  /** The highest stream whose reset was forgotten: what lies below may be one that we reset, too. */
  #forgottenReset = 0
  /** Of the result before, which nobody reads any more. */
  #spareHeaders: (string | undefined)[] | undefined
  readonly #onField = (name: string, value: string): void => this.#takeField(name, value)

  #state: ConnectionState = 'connecting'
  #nextStreamId: number
  /** Streams up to this one were handed to the socket. */
  #flushedStreamId = 0
  #maxStreams: number
  #sendWindow = DEFAULT_WINDOW_BYTES
  #initialWindow = DEFAULT_WINDOW_BYTES
  #announcedWindow = DEFAULT_WINDOW_BYTES
  #maxFrameBytes = DEFAULT_FRAME_BYTES
  #receivedBytes = 0
  /** Slots whose bodies wait for a window, in the order of their streams. */
  #blocked: number[] = []
  #goAway: string | undefined
  /** Why the connection ends, when the peer said that something is wrong. */
  #endReason: string | undefined
  #hasSettings = false
  #hasStreamLimit = false
  #hasAnswered = false
  #willAnswer = false
  #freeFrames = 0
  #now: number
  #receivedAt: number
  #pingSentAt = 0
  #usedAt: number
  /** The slot whose header block is being decoded. */
  #current = NO_SLOT
  #isInformational = false
  #hasStatus = false

  /** The socket is connected (and its TLS handshake done). `now`: any clock in ms that only grows. */
  constructor(socket: Socket, settings: ConnectionSettings, events: ConnectionEvents, now: number) {
    this.#socket = socket
    this.#settings = settings
    this.#events = events
    this.#slots = new Slots(settings.maxStreams)
    this.#maxStreams = Math.min(settings.assumedStreams, settings.maxStreams)
    this.#nextStreamId = settings.firstStreamId
    this.#now = now
    this.#receivedAt = now
    this.#usedAt = now
    this.#reader = new FrameReader(this, { expectsSettings: true })
    const onHandedOver = () => {
      this.#flushedStreamId = this.#nextStreamId - 2
    }
    this.#outbox = new Outbox({ write: (buffer, done) => this.#write(buffer, done) }, onHandedOver)
    const onEnd = () => this.fail('the connection was closed by the peer')
    // At the end of what the peer sends already: `close` would wait until it has read all that we have for it.
    socket.on('end', onEnd).on('close', onEnd)
    socket.on('error', (error: Error) => this.fail(error.message))
    this.#greet()
  }

  get state(): ConnectionState {
    return this.#state
  }

  get inFlight(): number {
    return this.#slots.active
  }

  /** When it last had a request in flight, on the clock of `tick`. */
  get usedAt(): number {
    return this.#usedAt
  }

  /** The debug text of the peer's GOAWAY. */
  get goAway(): string | undefined {
    return this.#goAway
  }

  /** True once the peer answered a request: it is not one that only closes connections. */
  get hasAnswered(): boolean {
    return this.#hasAnswered
  }

  /** The peer has gone away in good order and named requests that it has taken. */
  get willAnswer(): boolean {
    return this.#willAnswer
  }

  /** How many requests it would take now. */
  get room(): number {
    // Bodies that wait for the windows of their own streams do not hold up others.
    if (this.#state !== 'open' || this.#sendWindow <= 0 || this.#isStale) return 0
    if (this.#outbox.pendingBytes > MAX_PENDING_BYTES) return 0
    return Math.max(0, this.#maxStreams - this.#slots.active)
  }

  /**
   * Idle and silent for so long that the path may be gone without a word (routers forget, peers vanish). What went out
   * now might be lost as uncertain, so it waits for the answer to a PING.
   */
  get #isStale(): boolean {
    return this.#slots.active === 0 && this.#now - this.#receivedAt >= this.#settings.pingIntervalMs
  }

  /** Asks a stale connection whether it is still there; it has room again when it answers. */
  probe(): void {
    if (this.#state === 'open' && this.#isStale && this.#pingSentAt === 0) this.#ping()
  }

  /** Bytes from the socket. */
  receive(chunk: Buffer, length: number): void {
    if (this.#state === 'closed') return
    this.#receivedAt = this.#now
    try {
      this.#reader.read(chunk, 0, length)
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      this.#abort(error.code, error.message)
      return
    }
    if (this.#isDrained()) this.#finish()
    else this.#events.onRoom(this)
  }

  /**
   * Opens a stream; only when `room` is above 0, and with what `requireRequest` lets pass. The result comes to
   * `observer` with `tag`. `deadlineAt` is on the clock of `tick`. The body must not change until the result is there.
   */
  send(
    template: HeaderTemplate,
    path: string,
    values: readonly (string | undefined)[],
    body: Uint8Array,
    deadlineAt: number,
    observer: RequestObserver,
    tag: unknown,
  ): void {
    const maxBlockBytes = this.#requests.maxBytes(template, path, values)
    const streamId = this.#nextStreamId
    const slot = this.#state === 'open' ? this.#slots.take(streamId) : NO_SLOT
    if (slot === NO_SLOT) throw new Error('the connection has no room')
    const slots = this.#slots
    slots.sendWindow[slot] = this.#initialWindow
    slots.deadlineAt[slot] = deadlineAt
    slots.template[slot] = template
    slots.observer[slot] = observer
    slots.tag[slot] = tag
    this.#usedAt = this.#now
    const whole =
      body.length <= this.#sendWindow &&
      body.length <= this.#initialWindow &&
      body.length <= this.#maxFrameBytes
    const start = this.#outbox.reserve(HEADERS_AND_DATA_BYTES + maxBlockBytes + (whole ? body.length : 0))
    const out = this.#outbox.buffer
    let at = this.#requests.write(template, path, values, out, start + FRAME_HEADER_BYTES)
    const isEnd = body.length === 0
    const blockBytes = at - start - FRAME_HEADER_BYTES
    const isLong = blockBytes > this.#maxFrameBytes
    if (isLong) at = this.#splitBlock(streamId, start, at, isEnd)
    else
      writeFrameHeader(
        out,
        start,
        blockBytes,
        FRAME.HEADERS,
        FLAG.END_HEADERS | (isEnd ? FLAG.END_STREAM : 0),
        streamId,
      )
    const isWhole = !isEnd && whole && !isLong
    if (isWhole) at = this.#writeWholeBody(slot, streamId, body, at)
    this.#outbox.commit(at)
    this.#nextStreamId += 2
    if (!isEnd && !isWhole) {
      slots.body[slot] = body
      if (!this.#pushBody(slot)) this.#blocked.push(slot)
    }
    if (this.#nextStreamId > MAX_STREAM_ID) this.#drain()
  }

  /** The coarse clock: deadlines and liveness. Call it every 50–200 ms. */
  tick(now: number): void {
    this.#now = now
    this.#freeFrames = 0
    if (this.#state === 'closed' || this.#state === 'connecting') return
    const slots = this.#slots
    if (slots.active === 0) {
      if (this.#pingSentAt > 0) this.#checkLiveness(now)
      return
    }
    this.#usedAt = now
    for (const slot of slots.all()) if (now >= (slots.deadlineAt[slot] as number)) this.#expire(slot)
    this.#checkLiveness(now)
    if (this.#isDrained()) this.#finish()
  }

  /** Takes no more requests and ends when those in flight have their results. */
  end(): void {
    if (this.#state === 'closed') return
    this.#drain()
    if (this.#isDrained()) this.#finish()
  }

  /** Ends now: what was handed to the socket is uncertain, the rest not sent. Safe to call again. */
  fail(reason: string): void {
    this.#close(reason, () => this.#socket.destroy())
  }

  #close(reason: string, closeSocket: () => void): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#outbox.close()
    for (const slot of this.#slots.all()) {
      const isOut = (this.#slots.streamId[slot] as number) <= this.#flushedStreamId
      this.#end(slot, isOut ? 'uncertain' : 'not_sent', reason)
    }
    closeSocket()
    this.#events.onClosed(this, reason)
  }

  // ── what the peer sends ────────────────────────────────────────────────────────────────────────────────────────────

  onHeaders(streamId: number, block: Buffer, start: number, end: number, isEnd: boolean): void {
    const slot = this.#slotFor('HEADERS', streamId)
    this.#current = slot
    this.#isInformational = false
    this.#hasStatus = false
    // Decoded also for streams that are gone: the table must stay in step with the peer's.
    const isTooLarge = this.#decoder.decode(block, start, end, this.#onField)
    this.#current = NO_SLOT
    if (slot === NO_SLOT || this.#slots.streamId[slot] !== streamId) return
    if (isTooLarge)
      return this.#refuseAnswer(slot, ERROR.ENHANCE_YOUR_CALM, 'the answer has too many headers')
    if (this.#slots.hasHeaders[slot] === 1) {
      if (isEnd)
        this.#answer(slot) // trailers
      else this.#refuseAnswer(slot, ERROR.PROTOCOL_ERROR, 'the answer has a second header block')
      return
    }
    if (!this.#hasStatus || (this.#isInformational && isEnd))
      return this.#refuseAnswer(slot, ERROR.PROTOCOL_ERROR, 'the answer has no status')
    if (this.#isInformational) return this.#slots.forgetWanted(slot)
    this.#slots.hasHeaders[slot] = 1
    if (isEnd) this.#answer(slot)
  }

  onData(
    streamId: number,
    buffer: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    isEnd: boolean,
  ): void {
    this.#account(flowBytes)
    const slot = this.#slotFor('DATA', streamId)
    if (slot === NO_SLOT) return
    if (this.#slots.hasHeaders[slot] === 0)
      return this.#refuseAnswer(slot, ERROR.PROTOCOL_ERROR, 'the answer has a body before its headers')
    if (end === start && !isEnd) this.#countFreeFrame('empty DATA frames')
    if (isEnd && this.#slots.answer[slot] === undefined) return this.#answerWith(slot, buffer, start, end)
    this.#keepBody(slot, buffer, start, end)
    if (isEnd) this.#answer(slot)
    else this.#accountStream(slot, flowBytes)
  }

  onReset(streamId: number, code: number): void {
    const slot = this.#slotFor('RST_STREAM', streamId)
    if (slot === NO_SLOT) return
    // "No application processing has occurred" (RFC 9113 §8.7); an answer that has begun says that it has.
    const isRefused = code === ERROR.REFUSED_STREAM && this.#slots.hasHeaders[slot] === 0
    this.#end(slot, isRefused ? 'not_sent' : 'uncertain', `the stream was reset: ${errorName(code)}`)
  }

  onSetting(id: number, value: number): void {
    switch (id) {
      case SETTING.HEADER_TABLE_SIZE:
        return this.#encoder.setTableBytes(value)
      case SETTING.ENABLE_PUSH:
        if (value !== 0) throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'a server may not enable push')
        return
      case SETTING.MAX_CONCURRENT_STREAMS:
        this.#maxStreams = Math.min(value, this.#settings.maxStreams)
        this.#hasStreamLimit = true
        return
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW_BYTES)
          throw new ConnectionError(ERROR.FLOW_CONTROL_ERROR, `INITIAL_WINDOW_SIZE ${value} is too large`)
        this.#announcedWindow = value
        return
      case SETTING.MAX_FRAME_SIZE:
        if (value < DEFAULT_FRAME_BYTES || value > MAX_FRAME_BYTES)
          throw new ConnectionError(ERROR.PROTOCOL_ERROR, `MAX_FRAME_SIZE ${value} is out of range`)
        this.#maxFrameBytes = value
        return
    }
  }

  onSettingsEnd(): void {
    this.#countFreeFrame('SETTINGS frames')
    // A peer that names no limit has none (§6.5.2).
    if (!this.#hasSettings && !this.#hasStreamLimit) this.#maxStreams = this.#settings.maxStreams
    this.#hasSettings = true
    // Once for the whole frame: one with thousands of entries must not cost a walk over all streams for each.
    if (this.#announcedWindow !== this.#initialWindow) this.#setInitialWindow(this.#announcedWindow)
    this.#control(writeSettingsAck)
    this.#resume()
  }

  onSettingsAck(): void {}

  onPing(buffer: Buffer, at: number, isAck: boolean): void {
    if (isAck) {
      this.#pingSentAt = 0
      return
    }
    this.#countFreeFrame('PING frames')
    const start = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES)
    this.#outbox.commit(writePing(this.#outbox.buffer, start, buffer, at, true))
  }

  onGoAway(lastStreamId: number, code: number, debug: string): void {
    this.#countFreeFrame('GOAWAY frames')
    this.#goAway = debug === '' ? this.#goAway : debug
    if (code === ERROR.NO_ERROR)
      this.#willAnswer ||= this.#slots
        .all()
        .some(slot => (this.#slots.streamId[slot] as number) <= lastStreamId)
    const reason = `the peer is going away: ${errorName(code)}${debug === '' ? '' : ` ${debug}`}`
    this.#drain()
    if (code !== ERROR.NO_ERROR) this.#endReason = reason
    for (const slot of this.#slots.all()) {
      if ((this.#slots.streamId[slot] as number) > lastStreamId) this.#end(slot, 'not_sent', reason)
      else if (code !== ERROR.NO_ERROR) this.#hasten(slot)
    }
  }

  /** After an error the peer is about to close: what it has answered is under way, the rest will not come. */
  #hasten(slot: number): void {
    const deadlineAt = this.#slots.deadlineAt
    deadlineAt[slot] = Math.min(deadlineAt[slot] as number, this.#now + ERROR_GRACE_MS)
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      if (increment === 0) throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'a window update of 0')
      if (this.#sendWindow + increment > MAX_WINDOW_BYTES)
        throw new ConnectionError(ERROR.FLOW_CONTROL_ERROR, 'the window of the connection overflows')
      this.#sendWindow += increment
      return this.#resume()
    }
    const slot = this.#slotFor('WINDOW_UPDATE', streamId, true)
    if (slot === NO_SLOT) return
    if (increment === 0) return this.#refuseAnswer(slot, ERROR.PROTOCOL_ERROR, 'a window update of 0')
    const window = (this.#slots.sendWindow[slot] as number) + increment
    if (window > MAX_WINDOW_BYTES)
      return this.#refuseAnswer(slot, ERROR.FLOW_CONTROL_ERROR, 'the window of the stream overflows')
    this.#slots.sendWindow[slot] = window
    if (this.#slots.body[slot] !== undefined && this.#pushBody(slot)) this.#unblock(slot)
  }

  onPushPromise(): void {
    throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'PUSH_PROMISE, which we disabled')
  }

  // ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #takeField(name: string, value: string): void {
    const slot = this.#current
    if (slot === NO_SLOT) return
    if (name === ':status') {
      if (!/^[1-9]\d\d$/.test(value)) return
      this.#hasStatus = true
      const status = Number(value)
      this.#isInformational = status < 200
      if (!this.#isInformational && this.#slots.hasHeaders[slot] === 0) this.#slots.status[slot] = status
      return
    }
    const index = (this.#slots.template[slot] as HeaderTemplate).wanted.indexOf(name)
    if (index < 0) return
    this.#slots.wanted[slot] ??= []
    ;(this.#slots.wanted[slot] as (string | undefined)[])[index] = value
  }

  #keepBody(slot: number, buffer: Buffer, start: number, end: number): void {
    const slots = this.#slots
    const had = slots.answerBytes[slot] as number
    const bytes = Math.min(end - start, this.#settings.maxBodyBytes - had)
    if (bytes < end - start) slots.isTruncated[slot] = 1
    if (bytes <= 0) return
    let kept = slots.answer[slot]
    if (kept === undefined || kept.length < had + bytes) {
      const grown = Buffer.allocUnsafe(
        Math.min(this.#settings.maxBodyBytes, Math.max(2 * (had + bytes), 512)),
      )
      kept?.copy(grown, 0, 0, had)
      kept = grown
      slots.answer[slot] = kept
    }
    buffer.copy(kept, had, start, start + bytes)
    slots.answerBytes[slot] = had + bytes
  }

  #answer(slot: number): void {
    const kept = this.#slots.answer[slot]
    const bytes = this.#slots.answerBytes[slot] as number
    this.#deliver(slot, kept === undefined ? EMPTY : kept.subarray(0, bytes))
  }

  /** The usual answer with a body: one frame, handed on where it lies. */
  #answerWith(slot: number, buffer: Buffer, start: number, end: number): void {
    const bytes = Math.min(end - start, this.#settings.maxBodyBytes)
    if (bytes < end - start) this.#slots.isTruncated[slot] = 1
    this.#deliver(slot, bytes === 0 ? EMPTY : buffer.subarray(start, start + bytes))
  }

  #deliver(slot: number, body: Buffer): void {
    const slots = this.#slots
    const result = this.#result
    this.#hasAnswered = true
    result.kind = 'answered'
    result.status = slots.status[slot] as number
    result.headers = this.#lendHeaders(slot)
    result.body = body
    result.isBodyTruncated = slots.isTruncated[slot] === 1
    result.reason = ''
    result.goAway = undefined
    // An answer before the end of the request: the rest of the body is not wanted (§8.1).
    if (slots.body[slot] !== undefined) this.#reset(slot, ERROR.NO_ERROR)
    this.#report(slot, result)
  }

  /** The observer may send before it reads them, and the slot would be taken: the result keeps the array until the next. */
  #lendHeaders(slot: number): readonly (string | undefined)[] | undefined {
    const headers = this.#slots.wanted[slot]
    if (headers === undefined) return undefined
    this.#slots.wanted[slot] = this.#spareHeaders
    this.#spareHeaders = headers
    return headers
  }

  #end(slot: number, kind: 'not_sent' | 'uncertain', reason: string): void {
    const status = this.#slots.status[slot] as number
    const result = this.#result.setFailure(kind, reason, this.#goAway)
    result.status = status
    this.#report(slot, result)
  }

  /** The slot is free before the observer hears, so that it may send at once. */
  #report(slot: number, result: SharedResult): void {
    const observer = this.#slots.observer[slot] as RequestObserver
    const tag = this.#slots.tag[slot]
    if (this.#slots.body[slot] !== undefined) this.#unblock(slot)
    this.#slots.release(slot)
    tell(observer, tag, result)
  }

  #refuseAnswer(slot: number, code: number, reason: string): void {
    this.#reset(slot, code)
    this.#end(slot, 'uncertain', reason)
  }

  #reset(slot: number, code: number): void {
    const streamId = this.#slots.streamId[slot] as number
    this.#remember(streamId)
    const start = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES)
    this.#outbox.commit(writeReset(this.#outbox.buffer, start, streamId, code))
  }

  #remember(streamId: number): void {
    this.#resets.add(streamId)
    if (this.#resets.size <= MAX_REMEMBERED_RESETS) return
    for (const oldest of this.#resets) {
      this.#resets.delete(oldest)
      this.#forgottenReset = Math.max(this.#forgottenReset, oldest)
      return
    }
  }

  /** The slot of a stream; NO_SLOT for one that we gave up, an error for one that can't be (§5.1). */
  #slotFor(frame: string, streamId: number, mayBeClosed = false): number {
    const slot = this.#slots.find(streamId)
    if (slot !== NO_SLOT) return slot
    if (streamId % 2 === 0 || streamId >= this.#nextStreamId || streamId < this.#settings.firstStreamId)
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, `${frame} on stream ${streamId}, which is not open`)
    if (mayBeClosed || frame === 'RST_STREAM') return NO_SLOT
    if (streamId <= this.#forgottenReset || this.#resets.has(streamId)) return NO_SLOT
    throw new ConnectionError(ERROR.STREAM_CLOSED, `${frame} on stream ${streamId}, which is closed`)
  }

  // ── windows ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #account(bytes: number): void {
    this.#receivedBytes += bytes
    if (this.#receivedBytes > RECEIVE_WINDOW_BYTES)
      throw new ConnectionError(
        ERROR.FLOW_CONTROL_ERROR,
        'the peer sent more than the window of the connection',
      )
    if (this.#receivedBytes < RECEIVE_WINDOW_BYTES / 2) return
    this.#giveWindow(0, this.#receivedBytes)
    this.#receivedBytes = 0
  }

  #accountStream(slot: number, bytes: number): void {
    const had = (this.#slots.unacknowledged[slot] as number) + bytes
    this.#slots.unacknowledged[slot] = had
    if (had > DEFAULT_WINDOW_BYTES)
      return this.#refuseAnswer(
        slot,
        ERROR.FLOW_CONTROL_ERROR,
        'the peer sent more than the window of the stream',
      )
    if (had < DEFAULT_WINDOW_BYTES / 2) return
    this.#giveWindow(this.#slots.streamId[slot] as number, had)
    this.#slots.unacknowledged[slot] = 0
  }

  #giveWindow(streamId: number, bytes: number): void {
    const start = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES)
    this.#outbox.commit(writeWindowUpdate(this.#outbox.buffer, start, streamId, bytes))
  }

  /** A change applies to all open streams at once and may make their windows negative (§6.9.2). */
  #setInitialWindow(value: number): void {
    const change = value - this.#initialWindow
    this.#initialWindow = value
    for (const slot of this.#slots.all()) {
      const window = (this.#slots.sendWindow[slot] as number) + change
      if (window > MAX_WINDOW_BYTES)
        throw new ConnectionError(ERROR.FLOW_CONTROL_ERROR, 'the window of a stream overflows')
      this.#slots.sendWindow[slot] = window
    }
  }

  /** Lets out what the windows allow now, oldest first. */
  #resume(): void {
    if (this.#blocked.length === 0) return
    this.#blocked = this.#blocked.filter(slot => this.#sendWindow <= 0 || !this.#pushBody(slot))
  }

  #unblock(slot: number): void {
    this.#blocked.splice(this.#blocked.indexOf(slot), 1)
  }

  /** True when the body is out to its end. */
  #pushBody(slot: number): boolean {
    const slots = this.#slots
    const body = slots.body[slot]
    if (body === undefined) return true
    const streamId = slots.streamId[slot] as number
    for (;;) {
      const sent = slots.sentBytes[slot] as number
      const left = body.length - sent
      const bytes = Math.min(left, this.#maxFrameBytes, this.#sendWindow, slots.sendWindow[slot] as number)
      if (bytes <= 0) return false
      const start = this.#outbox.reserve(FRAME_HEADER_BYTES + bytes)
      const out = this.#outbox.buffer
      const at = writeFrameHeader(
        out,
        start,
        bytes,
        FRAME.DATA,
        bytes === left ? FLAG.END_STREAM : 0,
        streamId,
      )
      out.set(body.subarray(sent, sent + bytes), at)
      this.#outbox.commit(at + bytes)
      slots.sentBytes[slot] = sent + bytes
      this.#sendWindow -= bytes
      slots.sendWindow[slot] = (slots.sendWindow[slot] as number) - bytes
      if (bytes === left) {
        slots.body[slot] = undefined
        return true
      }
    }
  }

  #writeWholeBody(slot: number, streamId: number, body: Uint8Array, start: number): number {
    const out = this.#outbox.buffer
    const at = writeFrameHeader(out, start, body.length, FRAME.DATA, FLAG.END_STREAM, streamId)
    out.set(body, at)
    this.#sendWindow -= body.length
    this.#slots.sendWindow[slot] = (this.#slots.sendWindow[slot] as number) - body.length
    return at + body.length
  }

  /** A header block over the peer's frame size: HEADERS and CONTINUATION, which nothing may come between. */
  #splitBlock(streamId: number, start: number, end: number, isEnd: boolean): number {
    const block = Buffer.from(this.#outbox.buffer.subarray(start + FRAME_HEADER_BYTES, end))
    const frames = Math.ceil(block.length / this.#maxFrameBytes)
    let at = this.#outbox.reserve(block.length + frames * FRAME_HEADER_BYTES + FRAME_HEADER_BYTES)
    const out = this.#outbox.buffer
    for (let i = 0; i < frames; i++) {
      const part = block.subarray(i * this.#maxFrameBytes, (i + 1) * this.#maxFrameBytes)
      const flags = (i === frames - 1 ? FLAG.END_HEADERS : 0) | (i === 0 && isEnd ? FLAG.END_STREAM : 0)
      at = writeFrameHeader(
        out,
        at,
        part.length,
        i === 0 ? FRAME.HEADERS : FRAME.CONTINUATION,
        flags,
        streamId,
      )
      at += part.copy(out, at)
    }
    return at
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #greet(): void {
    const settings = [
      [SETTING.ENABLE_PUSH, 0],
      [SETTING.HEADER_TABLE_SIZE, DEFAULT_TABLE_BYTES],
      [SETTING.MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST_BYTES],
    ] as const
    const start = this.#outbox.reserve(PREFACE.length + 200)
    const out = this.#outbox.buffer
    let at = start + PREFACE.copy(out, start)
    at = writeSettings(out, at, settings)
    at = writeWindowUpdate(out, at, 0, RECEIVE_WINDOW_BYTES - DEFAULT_WINDOW_BYTES)
    this.#outbox.commit(at)
    this.#outbox.open()
    this.#state = 'open'
  }

  #write(buffer: Buffer, done: () => void): void {
    if (this.#socket.destroyed) return
    this.#socket.write(buffer, () => {
      done()
      if (this.#state === 'open' && this.#outbox.pendingBytes <= MAX_PENDING_BYTES) this.#events.onRoom(this)
    })
  }

  #control(write: (out: Buffer, at: number) => number): void {
    const start = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES)
    this.#outbox.commit(write(this.#outbox.buffer, start))
  }

  #countFreeFrame(what: string): void {
    if (++this.#freeFrames > MAX_FREE_FRAMES_PER_TICK)
      throw new ConnectionError(ERROR.ENHANCE_YOUR_CALM, `a flood of ${what}`)
    if (this.#outbox.pendingBytes > MAX_UNREAD_BYTES)
      throw new ConnectionError(
        ERROR.ENHANCE_YOUR_CALM,
        'the peer asks, and does not read what it is answered',
      )
  }

  #expire(slot: number): void {
    if (this.#slots.streamId[slot] === 0) return
    this.#reset(slot, ERROR.CANCEL)
    // Also when it is not handed to the socket yet: it stands in the outbox, and goes out before its reset.
    this.#end(slot, 'uncertain', this.#endReason ?? 'no answer before the deadline')
  }

  #checkLiveness(now: number): void {
    if (this.#pingSentAt > 0) {
      if (now - this.#pingSentAt >= this.#settings.pingTimeoutMs) this.fail('the peer does not answer a PING')
      return
    }
    if (now - this.#receivedAt < this.#settings.pingIntervalMs || this.#slots.active === 0) return
    this.#ping()
  }

  #ping(): void {
    this.#pingSentAt = this.#now
    const start = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES)
    this.#outbox.commit(writePing(this.#outbox.buffer, start, EIGHT_BYTES, 0, false))
  }

  #drain(): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#events.onDraining(this)
  }

  #isDrained(): boolean {
    return this.#state === 'draining' && this.#slots.active === 0
  }

  #finish(): void {
    this.#sayGoAway(ERROR.NO_ERROR, '')
    this.#state = 'closed'
    this.#outbox.close()
    this.#hangUp()
    this.#events.onClosed(this, '')
  }

  /** The peer broke the protocol: tell it why, and end. */
  #abort(code: number, reason: string): void {
    this.#sayGoAway(code, reason)
    this.#close(`${errorName(code)}: ${reason}`, () => this.#hangUp())
  }

  /**
   * Closes so that our last words arrive: to close a socket with unread bytes resets it, and the peer may lose what it
   * has not read (RFC 9112 §9.6). A peer that does not close its side is not waited for.
   */
  #hangUp(): void {
    const socket = this.#socket
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    timer.unref()
    socket.once('close', () => clearTimeout(timer)).end()
  }

  #sayGoAway(code: number, debug: string): void {
    const text = Buffer.from(debug)
    const start = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES + text.length)
    this.#outbox.commit(writeGoAway(this.#outbox.buffer, start, 0, code, text))
    this.#outbox.flush()
  }
}

const EMPTY = Buffer.alloc(0)
const EIGHT_BYTES = Buffer.from('roost hi')
