/**
 * Frames out of bytes. Chunks come as the socket gives them; whole frames are handed on where they lie, and only one
 * that is cut by the end of a chunk is copied. Checked here is all that needs no memory of streams: lengths, stream
 * ids, padding, the sequence HEADERS–CONTINUATION, and the flood of it.
 * Source: RFC 9113 §4, §6.
 */
import {
  ConnectionError,
  DEFAULT_FRAME_BYTES,
  ERROR,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  PREFACE,
} from './protocol.ts'

/**
 * What a connection does with a frame. Buffers are valid during the call only. A ConnectionError that is thrown ends
 * the reading.
 */
export interface FrameHandler {
  /** `flowBytes`: what counts against the windows, padding included. */
  onData(
    streamId: number,
    buffer: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    isEnd: boolean,
  ): void
  /** A whole header block, also where it came in CONTINUATION frames. */
  onHeaders(streamId: number, block: Buffer, start: number, end: number, isEnd: boolean): void
  onReset(streamId: number, code: number): void
  onSetting(id: number, value: number): void
  /** After the last `onSetting` of a SETTINGS frame. */
  onSettingsEnd(): void
  onSettingsAck(): void
  /** `at`: eight bytes of opaque data. */
  onPing(buffer: Buffer, at: number, isAck: boolean): void
  onGoAway(lastStreamId: number, code: number, debug: string): void
  /** Stream 0 is the connection. An increment of 0 is passed on: it is a stream error on a stream (§6.9). */
  onWindowUpdate(streamId: number, increment: number): void
  onPushPromise(streamId: number): void
}

export interface FrameReaderOptions {
  /** Our SETTINGS_MAX_FRAME_SIZE. */
  readonly maxFrameBytes?: number
  /** A compressed header block may have this much in all its frames; more is a flood. */
  readonly maxBlockBytes?: number
  /** True on a server: the client's preface comes first, and then its SETTINGS (§3.4). */
  readonly expectsPreface?: boolean
  /** True on a client: the server's first frame is SETTINGS (§3.4). */
  readonly expectsSettings?: boolean
}

const DEFAULT_MAX_BLOCK_BYTES = 64 * 1024
/** A block in many tiny CONTINUATION frames costs us time and the peer nothing (CVE-2024-27316 and its kin). */
const MAX_CONTINUATIONS = 64
const MAX_DEBUG_BYTES = 1024

export class FrameReader {
  readonly #handler: FrameHandler
  #maxFrameBytes: number
  readonly #maxBlockBytes: number
  #prefaceLeft: number
  #expectsSettings: boolean
  /** The beginning of a frame whose end has not come yet. */
  #partial: Buffer
  #partialBytes = 0
  /** A header block that goes on in CONTINUATION frames. */
  #block: Buffer[] = []
  #blockBytes = 0
  #blockStream = 0
  #blockIsEnd = false

  constructor(handler: FrameHandler, options: FrameReaderOptions = {}) {
    this.#handler = handler
    this.#maxFrameBytes = options.maxFrameBytes ?? DEFAULT_FRAME_BYTES
    this.#maxBlockBytes = options.maxBlockBytes ?? DEFAULT_MAX_BLOCK_BYTES
    this.#prefaceLeft = options.expectsPreface ? PREFACE.length : 0
    this.#expectsSettings = options.expectsSettings ?? options.expectsPreface ?? false
    this.#partial = Buffer.allocUnsafe(0)
  }

  /** After our own SETTINGS change was acknowledged. */
  setMaxFrameBytes(bytes: number): void {
    this.#maxFrameBytes = bytes
  }

  /** Reads all whole frames of `chunk[start, end)`. Throws ConnectionError. */
  read(chunk: Buffer, start = 0, end = chunk.length): void {
    let at = this.#prefaceLeft > 0 ? this.#readPreface(chunk, start, end) : start
    if (this.#partialBytes > 0) at = this.#completePartial(chunk, at, end)
    while (end - at >= FRAME_HEADER_BYTES) {
      const next = at + FRAME_HEADER_BYTES + this.#checkedLength(chunk, at)
      if (next > end) break
      this.#dispatch(chunk, at, next)
      at = next
    }
    if (at < end) this.#keepPartial(chunk, at, end)
  }

  #readPreface(chunk: Buffer, start: number, end: number): number {
    const from = PREFACE.length - this.#prefaceLeft
    const bytes = Math.min(this.#prefaceLeft, end - start)
    if (chunk.compare(PREFACE, from, from + bytes, start, start + bytes) !== 0)
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'the connection preface is wrong')
    this.#prefaceLeft -= bytes
    return start + bytes
  }

  #checkedLength(buffer: Buffer, at: number): number {
    const length =
      ((buffer[at] as number) << 16) | ((buffer[at + 1] as number) << 8) | (buffer[at + 2] as number)
    if (length > this.#maxFrameBytes)
      throw new ConnectionError(
        ERROR.FRAME_SIZE_ERROR,
        `a frame has ${length} bytes; ${this.#maxFrameBytes} are allowed`,
      )
    return length
  }

  #keepPartial(chunk: Buffer, at: number, end: number): void {
    const bytes = end - at
    this.#reserve(this.#partialBytes + bytes)
    chunk.copy(this.#partial, this.#partialBytes, at, end)
    this.#partialBytes += bytes
  }

  #reserve(bytes: number): void {
    if (this.#partial.length >= bytes) return
    const grown = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#partial.length, 1024))
    this.#partial.copy(grown, 0, 0, this.#partialBytes)
    this.#partial = grown
  }

  /** Adds to the cut frame until it is whole; returns where the next one begins. */
  #completePartial(chunk: Buffer, start: number, end: number): number {
    let at = this.#addToPartial(chunk, start, end, FRAME_HEADER_BYTES)
    if (this.#partialBytes < FRAME_HEADER_BYTES) return at
    const whole = FRAME_HEADER_BYTES + this.#checkedLength(this.#partial, 0)
    at = this.#addToPartial(chunk, at, end, whole)
    if (this.#partialBytes < whole) return at
    this.#partialBytes = 0
    this.#dispatch(this.#partial, 0, whole)
    return at
  }

  #addToPartial(chunk: Buffer, at: number, end: number, wanted: number): number {
    const bytes = Math.min(wanted - this.#partialBytes, end - at)
    if (bytes <= 0) return at
    this.#keepPartial(chunk, at, at + bytes)
    return at + bytes
  }

  #dispatch(buffer: Buffer, at: number, end: number): void {
    const type = buffer[at + 3] as number
    const flags = buffer[at + 4] as number
    const streamId = buffer.readUInt32BE(at + 5) & 0x7fffffff
    const start = at + FRAME_HEADER_BYTES
    if (this.#blockStream !== 0 && (type !== FRAME.CONTINUATION || streamId !== this.#blockStream))
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'a header block is interrupted by another frame')
    if (this.#expectsSettings) this.#requireSettings(type, flags)
    switch (type) {
      case FRAME.DATA:
        return this.#data(streamId, flags, buffer, start, end)
      case FRAME.HEADERS:
        return this.#headers(streamId, flags, buffer, start, end)
      case FRAME.CONTINUATION:
        return this.#continuation(streamId, flags, buffer, start, end)
      case FRAME.RST_STREAM:
        requireStream('RST_STREAM', streamId)
        requireLength('RST_STREAM', end - start, 4)
        return this.#handler.onReset(streamId, buffer.readUInt32BE(start))
      case FRAME.SETTINGS:
        return this.#settings(streamId, flags, buffer, start, end)
      case FRAME.PING:
        requireConnection('PING', streamId)
        requireLength('PING', end - start, 8)
        return this.#handler.onPing(buffer, start, (flags & FLAG.ACK) !== 0)
      case FRAME.GOAWAY:
        return this.#goAway(streamId, buffer, start, end)
      case FRAME.WINDOW_UPDATE:
        requireLength('WINDOW_UPDATE', end - start, 4)
        return this.#handler.onWindowUpdate(streamId, buffer.readUInt32BE(start) & 0x7fffffff)
      case FRAME.PRIORITY:
        requireStream('PRIORITY', streamId)
        return requireLength('PRIORITY', end - start, 5)
      case FRAME.PUSH_PROMISE:
        requireStream('PUSH_PROMISE', streamId)
        return this.#handler.onPushPromise(streamId)
      // Frames of unknown types are ignored (§4.1).
    }
  }

  #requireSettings(type: number, flags: number): void {
    if (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0)
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'the preface ends without SETTINGS')
    this.#expectsSettings = false
  }

  #data(streamId: number, flags: number, buffer: Buffer, start: number, end: number): void {
    requireStream('DATA', streamId)
    const padding = paddingOf('DATA', flags, buffer, start, end)
    const from = (flags & FLAG.PADDED) !== 0 ? start + 1 : start
    this.#handler.onData(streamId, buffer, from, end - padding, end - start, (flags & FLAG.END_STREAM) !== 0)
  }

  #headers(streamId: number, flags: number, buffer: Buffer, start: number, end: number): void {
    requireStream('HEADERS', streamId)
    const padding = paddingOf('HEADERS', flags, buffer, start, end)
    const from = start + ((flags & FLAG.PADDED) !== 0 ? 1 : 0) + ((flags & FLAG.PRIORITY) !== 0 ? 5 : 0)
    if (from > end) throw new ConnectionError(ERROR.FRAME_SIZE_ERROR, 'HEADERS is too short for its priority')
    if (from > end - padding)
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'HEADERS: no room for its priority and padding')
    const isEnd = (flags & FLAG.END_STREAM) !== 0
    if ((flags & FLAG.END_HEADERS) !== 0)
      return this.#handler.onHeaders(streamId, buffer, from, end - padding, isEnd)
    this.#blockStream = streamId
    this.#blockIsEnd = isEnd
    this.#addToBlock(buffer, from, end - padding)
  }

  #continuation(streamId: number, flags: number, buffer: Buffer, start: number, end: number): void {
    if (this.#blockStream === 0)
      throw new ConnectionError(ERROR.PROTOCOL_ERROR, 'CONTINUATION without a header block to continue')
    this.#addToBlock(buffer, start, end)
    if ((flags & FLAG.END_HEADERS) === 0) return
    const block = Buffer.concat(this.#block, this.#blockBytes)
    this.#block = []
    this.#blockBytes = 0
    this.#blockStream = 0
    this.#handler.onHeaders(streamId, block, 0, block.length, this.#blockIsEnd)
  }

  #addToBlock(buffer: Buffer, start: number, end: number): void {
    this.#blockBytes += end - start
    if (this.#blockBytes > this.#maxBlockBytes || this.#block.length >= MAX_CONTINUATIONS)
      throw new ConnectionError(ERROR.ENHANCE_YOUR_CALM, 'a header block has too many bytes or frames')
    this.#block.push(Buffer.from(buffer.subarray(start, end)))
  }

  #settings(streamId: number, flags: number, buffer: Buffer, start: number, end: number): void {
    requireConnection('SETTINGS', streamId)
    if ((flags & FLAG.ACK) !== 0) {
      requireLength('SETTINGS ACK', end - start, 0)
      return this.#handler.onSettingsAck()
    }
    if ((end - start) % 6 !== 0)
      throw new ConnectionError(ERROR.FRAME_SIZE_ERROR, 'SETTINGS is no multiple of six bytes')
    for (let at = start; at < end; at += 6)
      this.#handler.onSetting(buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2))
    this.#handler.onSettingsEnd()
  }

  #goAway(streamId: number, buffer: Buffer, start: number, end: number): void {
    requireConnection('GOAWAY', streamId)
    if (end - start < 8) throw new ConnectionError(ERROR.FRAME_SIZE_ERROR, 'GOAWAY has less than eight bytes')
    const debug = buffer.toString('utf8', start + 8, Math.min(end, start + 8 + MAX_DEBUG_BYTES))
    this.#handler.onGoAway(buffer.readUInt32BE(start) & 0x7fffffff, buffer.readUInt32BE(start + 4), debug)
  }
}

function requireStream(frame: string, streamId: number): void {
  if (streamId === 0) throw new ConnectionError(ERROR.PROTOCOL_ERROR, `${frame} on stream 0`)
}

function requireConnection(frame: string, streamId: number): void {
  if (streamId !== 0) throw new ConnectionError(ERROR.PROTOCOL_ERROR, `${frame} on stream ${streamId}`)
}

function requireLength(frame: string, bytes: number, allowed: number): void {
  if (bytes !== allowed)
    throw new ConnectionError(ERROR.FRAME_SIZE_ERROR, `${frame} has ${bytes} bytes instead of ${allowed}`)
}

function paddingOf(frame: string, flags: number, buffer: Buffer, start: number, end: number): number {
  if ((flags & FLAG.PADDED) === 0) return 0
  if (start >= end)
    throw new ConnectionError(ERROR.FRAME_SIZE_ERROR, `${frame} is too short for its padding length`)
  const padding = buffer[start] as number
  if (padding > end - start - 1)
    throw new ConnectionError(ERROR.PROTOCOL_ERROR, `${frame} has more padding than bytes`)
  return padding
}
