/**
 * The server's side of one connection: reads requests where they lie, keeps both windows, and ends a peer that breaks
 * the protocol or floods. What a test wants to do to a client (refuse, stall, say goodbye, lie) is a method.
 *
 *   open ──goAway below what was seen, GOAWAY of the peer──▶ leaving ──last stream ends──▶ ended ──▶ closed
 *    └─────────── end(), a broken protocol (GOAWAY with its code) ───────────────────────────┘
 *    └─────────── destroy(), the peer is gone ────────────────────────────────────────────────────────▶ closed
 *
 * Source: RFC 9113 §3.4 (preface), §5.1 (streams), §6 (frames), §6.9 (flow control).
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type FrameHandler, FrameReader } from '../frame-reader.ts'
import {
  MAX_CONTROL_FRAME_BYTES,
  writeGoAway,
  writePing,
  writeReset,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../frame-writer.ts'
import { HpackDecoder } from '../hpack/decoder.ts'
import { Outbox } from '../outbox.ts'
import {
  ConnectionError,
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ERROR,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  SETTING,
} from '../protocol.ts'
import { AnswerWriter } from './answer-writer.ts'
import { Budget } from './budget.ts'
import { EndedStreams } from './ended-streams.ts'
import { type HeaderList, type ServerRequest, ServerStream, type StreamOwner } from './request.ts'

export interface ServerSettings {
  /** 1000. More at once are refused (REFUSED_STREAM). */
  readonly maxConcurrentStreams?: number
  /** 65 535: what a client may send of one body before the server has read it. */
  readonly initialWindowBytes?: number
  /** 16 384 */
  readonly maxFrameBytes?: number
  /** 4096: the HPACK table of the requests. */
  readonly headerTableBytes?: number
  /** 8000, as at Apple. A request with more is answered with 431 and not told. */
  readonly maxHeaderListBytes?: number
}

export interface GoAway {
  readonly lastStreamId: number
  readonly code: number
  readonly debug: string
}

/** Why a connection is over: what the peer broke, if it did. */
export type CloseListener = (fault: ConnectionError | undefined) => void

export interface ServerConnection {
  /** Counts from 1 in one server. */
  readonly id: number
  /** For the certificate, the server name, the addresses. Reading or writing is the connection's alone. */
  readonly socket: Socket | TLSSocket
  readonly openStreams: number
  /** All requests that were told to `onRequest`. */
  readonly requests: number
  /** The GOAWAY that the peer sent. */
  readonly peerGoAway: GoAway | undefined
  /** A place for what the owner of the server keeps about this connection. */
  tag: unknown
  onClose: CloseListener | undefined
  /** A higher limit holds at once, a lower one when the peer has acknowledged it. */
  setMaxConcurrentStreams(streams: number): void
  /** Each setting holds when the peer has acknowledged it. */
  sendSettings(settings: readonly (readonly [id: number, value: number])[]): void
  /**
   * `lastStreamId`: by default the newest that was seen; higher ones are ignored from then on, open ones among them are
   * forgotten. The connection ends with its last stream. With an id that is still to come it lives on until then.
   */
  goAway(options?: { readonly lastStreamId?: number; readonly code?: number; readonly debug?: string }): void
  /** `onAck` is called when the peer has answered. */
  ping(onAck?: () => void): void
  /** Writes what is ready and closes; requests that are open stay without an answer. */
  end(): void
  /** Resets the TCP connection: nothing more is written. */
  destroy(): void
  /** Stops reading, as a peer that is half open: what the socket had already given is still handled. */
  stall(): void
  resume(): void
  /** Bytes as they are, in their place among the frames: for misbehaviour. */
  write(raw: Buffer): void
}

export interface ServerConnectionOptions {
  readonly id: number
  readonly socket: Socket | TLSSocket
  /** What a reset of TCP needs: below TLS, the socket that carries it. */
  readonly transport: Socket
  readonly settings: ServerSettings
  readonly maxBodyBytes: number
  readonly now: () => number
  readonly onRequest: (request: ServerRequest) => void
}

const DEFAULT_MAX_STREAMS = 1000
const DEFAULT_MAX_LIST_BYTES = 8000
/** One stream's window is the limit that is set; the connection's only keeps memory flat, and bodies are small. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024
/** A peer that asks and does not read what it is answered is read no further. */
const MAX_UNREAD_BYTES = 1024 * 1024
/** How long a connection that has ended waits for the peer to read and to close: closing at once would reset it. */
const LINGER_MS = 1000
/** As nghttp2 does by default: bursts are honest (every deadline at once), a stream of them is not. */
const FLOOD_BURST = 1000
const FLOOD_PER_SECOND = 33

export class Http2ServerConnection implements StreamOwner, FrameHandler {
  readonly id: number
  readonly socket: Socket | TLSSocket
  tag: unknown = undefined
  onClose: CloseListener | undefined = undefined
  requests = 0
  peerGoAway: GoAway | undefined = undefined
  readonly #transport: Socket
  readonly #maxBodyBytes: number
  readonly #onRequest: (request: ServerRequest) => void
  readonly #reader: FrameReader
  readonly #decoder: HpackDecoder
  readonly #outbox: Outbox
  readonly #answers: AnswerWriter
  readonly #streams = new Map<number, ServerStream>()
  readonly #endedStreams: EndedStreams
  readonly #pings: ((() => void) | undefined)[] = []
  readonly #unacknowledged: (readonly (readonly [id: number, value: number])[])[] = []
  readonly #resetBudget: Budget
  readonly #pingBudget: Budget
  readonly #settingsBudget: Budget
  readonly #emptyBudget: Budget
  readonly #addField: (name: string, value: string) => void
  /** The request whose fields are being read; none while trailers are, for they are not kept. */
  #reading: ServerStream | undefined = undefined
  #highestStreamId = 0
  #lastStreamId = MAX_STREAM_ID
  #maxStreams: number
  #receiveInitial = DEFAULT_WINDOW_BYTES
  #receiveWindow = DEFAULT_WINDOW_BYTES
  #sendInitial = DEFAULT_WINDOW_BYTES
  #nextSendInitial = DEFAULT_WINDOW_BYTES
  #isLeaving = false
  #isEnded = false
  #isClosed = false
  #isStalled = false
  #isUnread = false
  #fault: ConnectionError | undefined = undefined
  #linger: NodeJS.Timeout | undefined = undefined

  constructor(options: ServerConnectionOptions) {
    const { settings, now } = options
    this.id = options.id
    this.socket = options.socket
    this.#transport = options.transport
    this.#maxBodyBytes = options.maxBodyBytes
    this.#onRequest = options.onRequest
    this.#maxStreams = settings.maxConcurrentStreams ?? DEFAULT_MAX_STREAMS
    this.#reader = new FrameReader(this, { expectsPreface: true })
    this.#decoder = new HpackDecoder({ maxListBytes: settings.maxHeaderListBytes ?? DEFAULT_MAX_LIST_BYTES })
    this.#outbox = new Outbox({ write: (buffer, done) => this.#write(buffer, done) }, () => {})
    this.#answers = new AnswerWriter(this.#outbox, stream => this.#finish(stream))
    this.#endedStreams = new EndedStreams()
    const burst = Math.max(FLOOD_BURST, 2 * Math.min(this.#maxStreams, 100_000))
    this.#resetBudget = new Budget('RST_STREAM frames', burst, FLOOD_PER_SECOND, now)
    this.#pingBudget = new Budget('PING frames', FLOOD_BURST, FLOOD_PER_SECOND, now)
    this.#settingsBudget = new Budget('SETTINGS frames', FLOOD_BURST, FLOOD_PER_SECOND, now)
    this.#emptyBudget = new Budget('empty DATA frames', FLOOD_BURST, FLOOD_PER_SECOND, now)
    this.#addField = (name, value) => this.#reading?.addField(name, value)
    this.#listen()
    this.#start(settings)
  }

  get openStreams(): number {
    return this.#streams.size
  }

  setMaxConcurrentStreams(streams: number): void {
    this.sendSettings([[SETTING.MAX_CONCURRENT_STREAMS, streams]])
    this.#maxStreams = Math.max(this.#maxStreams, streams)
  }

  sendSettings(settings: readonly (readonly [id: number, value: number])[]): void {
    if (this.#isEnded) return
    const at = this.#outbox.reserve(FRAME_HEADER_BYTES + 6 * settings.length)
    this.#outbox.commit(writeSettings(this.#outbox.buffer, at, settings))
    this.#unacknowledged.push(settings)
  }

  goAway(
    options: { readonly lastStreamId?: number; readonly code?: number; readonly debug?: string } = {},
  ): void {
    if (this.#isEnded) return
    const lastStreamId = options.lastStreamId ?? Math.min(this.#highestStreamId, this.#lastStreamId)
    this.#writeGoAway(lastStreamId, options.code ?? ERROR.NO_ERROR, options.debug ?? '')
    this.#lastStreamId = lastStreamId
    for (const stream of this.#streams.values()) if (stream.streamId > lastStreamId) this.#forget(stream)
    if (lastStreamId <= this.#highestStreamId) this.#leave()
  }

  ping(onAck?: () => void): void {
    if (this.#isEnded) return
    this.#pings.push(onAck)
    this.#writePing(Buffer.alloc(8), 0, false)
  }

  end(): void {
    if (this.#isEnded) return
    this.#outbox.flush()
    this.#isEnded = true
    this.#outbox.close()
    this.socket.end()
    // What still comes is read and thrown away: bytes that nobody read would make the kernel reset the connection,
    // and the peer would lose what we wrote last.
    this.socket.resume()
    this.#linger = setTimeout(() => this.socket.destroy(), LINGER_MS)
    this.#linger.unref()
  }

  destroy(): void {
    this.#isEnded = true
    this.#outbox.close()
    this.#transport.resetAndDestroy()
    this.socket.destroy()
    this.#close()
  }

  stall(): void {
    this.#isStalled = true
    this.#updateReading()
  }

  resume(): void {
    this.#isStalled = false
    this.#updateReading()
  }

  write(raw: Buffer): void {
    if (this.#isEnded) return
    const at = this.#outbox.reserve(raw.length)
    raw.copy(this.#outbox.buffer, at)
    this.#outbox.commit(at + raw.length)
  }

  answer(stream: ServerStream, status: number, headers: HeaderList, body: Buffer | string | undefined): void {
    if (stream.isAnswered) throw new Error(`stream ${stream.streamId} has been answered before`)
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new RangeError(`the status ${status} is no final one; these are 200 to 599`)
    if (!stream.isOpen || this.#isEnded) return
    this.#answers.write(stream, status, headers, body)
    stream.isAnswered = true
  }

  resetStream(stream: ServerStream, code: number): void {
    if (!stream.isOpen || this.#isEnded) return
    this.#writeReset(stream.streamId, code)
    this.#remember(stream)
    this.#forget(stream)
    this.#leaveWhenEmpty()
  }

  onHeaders(streamId: number, block: Buffer, start: number, end: number, isEnd: boolean): void {
    if (this.#isEnded) return
    const known = this.#streams.get(streamId)
    if (known !== undefined || streamId <= this.#highestStreamId)
      return this.#readTrailers(known, streamId, block, start, end, isEnd)
    if ((streamId & 1) === 0)
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, `a client opened stream ${streamId}, which is even`)
    const stream = new ServerStream(this, streamId)
    this.#reading = stream
    const isTooLarge = this.#decoder.decode(block, start, end, this.#addField)
    this.#highestStreamId = streamId
    this.#admit(stream, isTooLarge, isEnd)
  }

  onData(
    streamId: number,
    buffer: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    isEnd: boolean,
  ): void {
    if (this.#isEnded) return
    this.#receive(flowBytes)
    const stream = this.#streams.get(streamId)
    if (stream === undefined || stream.isRemoteDone) return this.#strayData(stream, streamId, isEnd)
    if (flowBytes > stream.receiveWindow) return this.resetStream(stream, ERROR.FLOW_CONTROL_ERROR)
    if (flowBytes === 0 && !isEnd) this.#emptyBudget.spend()
    stream.receiveWindow -= flowBytes
    if (!stream.isTooLarge) stream.addBody(buffer, start, end, this.#maxBodyBytes, isEnd)
    if (isEnd) this.#complete(stream)
    else if (stream.isTooLarge) this.#tell(stream)
    else this.#widenStream(stream)
  }

  onReset(streamId: number, _code: number): void {
    this.#requireSeen('RST_STREAM', streamId)
    this.#resetBudget.spend()
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return
    this.#forget(stream)
    this.#leaveWhenEmpty()
  }

  onSetting(id: number, value: number): void {
    if (id === SETTING.HEADER_TABLE_SIZE) this.#answers.setTableBytes(value)
    else if (id === SETTING.INITIAL_WINDOW_SIZE) this.#nextSendInitial = checkedWindow(value)
    else if (id === SETTING.MAX_FRAME_SIZE && (value < DEFAULT_FRAME_BYTES || value > MAX_FRAME_BYTES))
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, `SETTINGS_MAX_FRAME_SIZE is ${value}`)
    else if (id === SETTING.ENABLE_PUSH && value > 1)
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, `SETTINGS_ENABLE_PUSH is ${value}`)
  }

  onSettingsEnd(): void {
    this.#settingsBudget.spend()
    // Once a frame and not once a setting: one frame can name the window thousands of times.
    this.#changeSendWindows(this.#nextSendInitial - this.#sendInitial)
    this.#sendInitial = this.#nextSendInitial
    if (this.#isEnded) return
    const at = this.#outbox.reserve(FRAME_HEADER_BYTES)
    this.#outbox.commit(writeSettingsAck(this.#outbox.buffer, at))
    this.#answers.resumeAll()
  }

  onSettingsAck(): void {
    // One too many answers raw bytes of ours (`write`): nothing changes.
    for (const [id, value] of this.#unacknowledged.shift() ?? []) this.#applySetting(id, value)
  }

  onPing(buffer: Buffer, at: number, isAck: boolean): void {
    if (isAck) return this.#pings.shift()?.()
    this.#pingBudget.spend()
    if (!this.#isEnded) this.#writePing(buffer, at, true)
  }

  onGoAway(lastStreamId: number, code: number, debug: string): void {
    this.peerGoAway = { lastStreamId, code, debug }
    this.#leave()
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (this.#isEnded) return
    if (streamId === 0) {
      if (increment === 0)
        throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'WINDOW_UPDATE of the connection by 0')
      return this.#answers.widen(increment)
    }
    this.#requireSeen('WINDOW_UPDATE', streamId)
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return
    if (increment === 0) return this.resetStream(stream, ERROR.PROTOCOL_ERROR)
    stream.sendWindow += increment
    if (stream.sendWindow > MAX_WINDOW_BYTES) return this.resetStream(stream, ERROR.FLOW_CONTROL_ERROR)
    this.#answers.resume(stream)
  }

  onPushPromise(_streamId: number): void {
    throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'a client sent PUSH_PROMISE')
  }

  #listen(): void {
    const { socket } = this
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    // A peer that closes is gone, though its requests may be open; what is ready still goes out.
    socket.on('end', () => this.end())
    // 'close' follows, and says enough: the peer is gone.
    socket.on('error', () => {})
    socket.on('close', () => this.#close())
    if (this.#transport !== socket) this.#transport.on('error', () => {})
  }

  #start(settings: ServerSettings): void {
    this.#outbox.open()
    this.sendSettings([
      [SETTING.HEADER_TABLE_SIZE, settings.headerTableBytes ?? 4096],
      [SETTING.MAX_CONCURRENT_STREAMS, this.#maxStreams],
      [SETTING.INITIAL_WINDOW_SIZE, settings.initialWindowBytes ?? DEFAULT_WINDOW_BYTES],
      [SETTING.MAX_FRAME_SIZE, settings.maxFrameBytes ?? DEFAULT_FRAME_BYTES],
      [SETTING.MAX_HEADER_LIST_SIZE, settings.maxHeaderListBytes ?? DEFAULT_MAX_LIST_BYTES],
    ])
    this.#writeWindowUpdate(0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES)
    this.#receiveWindow = CONNECTION_WINDOW_BYTES
  }

  #read(chunk: Buffer): void {
    if (this.#isEnded) return
    try {
      this.#reader.read(chunk)
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      this.#fail(error)
    }
  }

  #fail(error: ConnectionError): void {
    if (this.#isEnded) return
    this.#fault = error
    this.#writeGoAway(this.#highestStreamId, error.code, error.message)
    this.end()
  }

  #write(buffer: Buffer, done: () => void): void {
    this.socket.write(buffer, () => {
      done()
      this.#updateReading()
    })
    this.#updateReading()
  }

  #updateReading(): void {
    if (this.#isEnded) return
    this.#isUnread = this.#outbox.pendingBytes > MAX_UNREAD_BYTES
    const isPaused = this.socket.isPaused()
    const shouldPause = this.#isStalled || this.#isUnread
    if (shouldPause && !isPaused) this.socket.pause()
    else if (!shouldPause && isPaused) this.socket.resume()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isEnded = true
    this.#outbox.close()
    clearTimeout(this.#linger)
    for (const stream of this.#streams.values()) this.#forget(stream)
    this.onClose?.(this.#fault)
  }

  #admit(stream: ServerStream, isTooLarge: boolean, isEnd: boolean): void {
    if (stream.streamId > this.#lastStreamId) return
    this.#open(stream, isEnd)
    if (this.#streams.size > this.#maxStreams) return this.resetStream(stream, ERROR.REFUSED_STREAM)
    if (isTooLarge) return this.answer(stream, 431, [], undefined)
    if (stream.isMalformed || !stream.hasRequiredFields) return this.resetStream(stream, ERROR.PROTOCOL_ERROR)
    if (isEnd) this.#complete(stream)
  }

  #open(stream: ServerStream, isEnd: boolean): void {
    stream.isOpen = true
    stream.isRemoteDone = isEnd
    stream.receiveWindow = this.#receiveInitial
    stream.sendWindow = this.#sendInitial
    this.#streams.set(stream.streamId, stream)
  }

  /** The peer has sent all of the request. */
  #complete(stream: ServerStream): void {
    stream.isRemoteDone = true
    if (!stream.isTooLarge && !stream.hasAnnouncedLength)
      return this.resetStream(stream, ERROR.PROTOCOL_ERROR)
    this.#tell(stream)
  }

  #tell(stream: ServerStream): void {
    if (stream.isTold) return
    stream.isTold = true
    this.requests++
    this.#onRequest(stream)
    stream.dropBody()
  }

  /** HEADERS on a stream that is no new one. The block is read in any case: the table of HPACK goes on with it. */
  #readTrailers(
    stream: ServerStream | undefined,
    streamId: number,
    block: Buffer,
    start: number,
    end: number,
    isEnd: boolean,
  ): void {
    this.#reading = undefined
    this.#decoder.decode(block, start, end, this.#addField)
    if (stream === undefined) return this.#requireRecent('HEADERS', streamId, isEnd)
    if (stream.isRemoteDone) return this.resetStream(stream, ERROR.STREAM_CLOSED)
    if (!isEnd) return this.resetStream(stream, ERROR.PROTOCOL_ERROR)
    this.#complete(stream)
  }

  #strayData(stream: ServerStream | undefined, streamId: number, isEnd: boolean): void {
    if (stream !== undefined) return this.resetStream(stream, ERROR.STREAM_CLOSED)
    this.#requireSeen('DATA', streamId)
    this.#requireRecent('DATA', streamId, isEnd)
  }

  /** A stream that nobody opened has no frames (§5.1, idle). */
  #requireSeen(frame: string, streamId: number): void {
    if (streamId > this.#highestStreamId || (streamId & 1) === 0)
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, `${frame} on stream ${streamId}, which is idle`)
  }

  /** A stream that we ended while the peer was sending may have frames on their way; any other that is closed not. */
  #requireRecent(frame: string, streamId: number, isEnd: boolean): void {
    if (streamId > this.#lastStreamId) return
    if (!this.#endedStreams.has(streamId))
      throw new ConnectionError(ERROR.STREAM_CLOSED, `${frame} on stream ${streamId}, which is closed`)
    if (isEnd) this.#endedStreams.delete(streamId)
  }

  #receive(bytes: number): void {
    this.#receiveWindow -= bytes
    if (this.#receiveWindow < 0)
      throw new ConnectionError(ERROR.FLOW_CONTROL_ERROR, 'more DATA than the window of the connection')
    if (this.#receiveWindow > CONNECTION_WINDOW_BYTES / 2) return
    this.#writeWindowUpdate(0, CONNECTION_WINDOW_BYTES - this.#receiveWindow)
    this.#receiveWindow = CONNECTION_WINDOW_BYTES
  }

  #widenStream(stream: ServerStream): void {
    if (stream.receiveWindow > this.#receiveInitial / 2) return
    const increment = this.#receiveInitial - stream.receiveWindow
    if (increment <= 0) return
    this.#writeWindowUpdate(stream.streamId, increment)
    stream.receiveWindow += increment
  }

  #changeSendWindows(delta: number): void {
    if (delta === 0) return
    for (const stream of this.#streams.values()) {
      stream.sendWindow += delta
      if (stream.sendWindow > MAX_WINDOW_BYTES)
        throw new ConnectionError(ERROR.FLOW_CONTROL_ERROR, 'SETTINGS make a window larger than 2^31-1')
    }
  }

  /** The peer has acknowledged this setting of ours. */
  #applySetting(id: number, value: number): void {
    if (id === SETTING.HEADER_TABLE_SIZE) this.#decoder.setMaxTableBytes(value)
    else if (id === SETTING.MAX_CONCURRENT_STREAMS) this.#maxStreams = value
    else if (id === SETTING.MAX_FRAME_SIZE) this.#reader.setMaxFrameBytes(value)
    else if (id === SETTING.INITIAL_WINDOW_SIZE) {
      for (const stream of this.#streams.values()) stream.receiveWindow += value - this.#receiveInitial
      this.#receiveInitial = value
    }
  }

  /** The answer is written to its end. */
  #finish(stream: ServerStream): void {
    if (!stream.isRemoteDone) {
      // The rest of the request is of no use to anybody (§8.1).
      this.#writeReset(stream.streamId, ERROR.NO_ERROR)
      this.#remember(stream)
    }
    stream.isOpen = false
    this.#streams.delete(stream.streamId)
    if (this.#isLeaving) this.#leaveWhenEmpty()
  }

  #remember(stream: ServerStream): void {
    if (!stream.isRemoteDone) this.#endedStreams.add(stream.streamId)
  }

  #forget(stream: ServerStream): void {
    stream.isOpen = false
    stream.dropBody()
    this.#answers.drop(stream)
    this.#streams.delete(stream.streamId)
  }

  #leave(): void {
    this.#isLeaving = true
    this.#leaveWhenEmpty()
  }

  /** After this turn: more answers, or a second GOAWAY, may come in it. */
  #leaveWhenEmpty(): void {
    if (!this.#isLeaving || this.#streams.size > 0) return
    setImmediate(() => {
      if (this.#streams.size === 0) this.end()
    })
  }

  #writeReset(streamId: number, code: number): void {
    const at = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES)
    this.#outbox.commit(writeReset(this.#outbox.buffer, at, streamId, code))
  }

  #writeWindowUpdate(streamId: number, increment: number): void {
    const at = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES)
    this.#outbox.commit(writeWindowUpdate(this.#outbox.buffer, at, streamId, increment))
  }

  #writePing(data: Buffer, from: number, isAck: boolean): void {
    const at = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES)
    this.#outbox.commit(writePing(this.#outbox.buffer, at, data, from, isAck))
  }

  #writeGoAway(lastStreamId: number, code: number, debug: string): void {
    const bytes = Buffer.from(debug)
    const at = this.#outbox.reserve(MAX_CONTROL_FRAME_BYTES + bytes.length)
    this.#outbox.commit(writeGoAway(this.#outbox.buffer, at, lastStreamId, code, bytes))
  }
}

function checkedWindow(bytes: number): number {
  if (bytes > MAX_WINDOW_BYTES)
    throw new ConnectionError(ERROR.FLOW_CONTROL_ERROR, `SETTINGS_INITIAL_WINDOW_SIZE is ${bytes}`)
  return bytes
}
