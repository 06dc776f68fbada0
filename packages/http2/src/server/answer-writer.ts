/**
 * Answers into frames: HPACK blocks, DATA within both of the peer's windows, and what waits for them.
 *
 * A name of a header enters the HPACK table once a connection and costs a byte from then on. Its value enters with it
 * only then, so that values that differ with each answer (`apns-id`) do not wash out the table, while those that
 * do not (`content-type`) are a byte, too.
 * Source: RFC 9113 §6.9 (flow control), §8.1; RFC 7541 §6.
 */

import { writeFrameHeader } from '../frame-writer.ts'
import { HpackEncoder, maxFieldBytes } from '../hpack/encoder.ts'
import type { Outbox } from '../outbox.ts'
import {
  ConnectionError,
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ERROR,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_WINDOW_BYTES,
} from '../protocol.ts'
import type { HeaderList, ServerStream } from './request.ts'

/** `:status` and two table size updates. */
const BLOCK_BASE_BYTES = 32
/** A server that names its headers after its requests must not make the list of names grow without end. */
const MAX_KNOWN_NAMES = 64

export class AnswerWriter {
  readonly #outbox: Outbox
  readonly #onDone: (stream: ServerStream) => void
  readonly #encoder = new HpackEncoder()
  readonly #knownNames = new Set<string>()
  /** Streams whose answer waits for a window, oldest first. */
  readonly #waiting = new Set<ServerStream>()
  #window = DEFAULT_WINDOW_BYTES
  /** Blocks that are a status alone, by status; good while the table is `#blocksVersion`. */
  #blocks: (Buffer | undefined)[] = []
  #blocksVersion = 0

  /** `onDone` is told of each stream whose answer is written to its end. */
  constructor(outbox: Outbox, onDone: (stream: ServerStream) => void) {
    this.#outbox = outbox
    this.#onDone = onDone
  }

  setTableBytes(bytes: number): void {
    this.#encoder.setTableBytes(bytes)
  }

  write(stream: ServerStream, status: number, headers: HeaderList, body: Buffer | string | undefined): void {
    const isEnd = body === undefined || body.length === 0
    if (headers.length === 0) this.#writeStatus(stream.streamId, status, isEnd)
    else this.#writeHeaders(stream.streamId, status, headers, isEnd)
    if (isEnd) return this.#onDone(stream)
    this.#writeBody(stream, typeof body === 'string' ? Buffer.from(body) : (body as Buffer))
  }

  /** The stream has ended: what waits for it is dropped. */
  drop(stream: ServerStream): void {
    if (stream.unsent === undefined) return
    stream.unsent = undefined
    this.#waiting.delete(stream)
  }

  /** Throws ConnectionError where the window becomes larger than a window may be. */
  widen(increment: number): void {
    this.#window += increment
    if (this.#window > MAX_WINDOW_BYTES)
      throw new ConnectionError(
        ERROR.FLOW_CONTROL_ERROR,
        'the window of the connection is larger than 2^31-1',
      )
    this.resumeAll()
  }

  /** Writes on where windows allow it, oldest answer first. */
  resumeAll(): void {
    for (const stream of this.#waiting) {
      if (this.#window <= 0) return
      if (stream.sendWindow > 0) this.#continueBody(stream)
    }
  }

  /** The stream's window has changed. */
  resume(stream: ServerStream): void {
    if (stream.unsent !== undefined && this.#window > 0 && stream.sendWindow > 0) this.#continueBody(stream)
  }

  #writeStatus(streamId: number, status: number, isEnd: boolean): void {
    if (this.#blocksVersion !== this.#encoder.version || this.#encoder.hasPendingUpdate) {
      this.#blocks = []
      this.#blocksVersion = this.#encoder.version
    }
    const block = this.#blocks[status]
    if (block === undefined) return this.#writeHeaders(streamId, status, [], isEnd)
    const at = this.#outbox.reserve(FRAME_HEADER_BYTES + block.length)
    const buffer = this.#outbox.buffer
    writeFrameHeader(buffer, at, block.length, FRAME.HEADERS, headersFlags(isEnd), streamId)
    // A byte, mostly: a loop beats the call of `copy`.
    let end = at + FRAME_HEADER_BYTES
    for (let i = 0; i < block.length; i++) buffer[end++] = block[i] as number
    this.#outbox.commit(end)
  }

  #writeHeaders(streamId: number, status: number, headers: HeaderList, isEnd: boolean): void {
    let bound = BLOCK_BASE_BYTES
    for (const [name, value] of headers) bound += maxFieldBytes(name, value)
    if (bound > DEFAULT_FRAME_BYTES)
      throw new RangeError(
        `the headers of an answer have up to ${bound} bytes; one frame takes ${DEFAULT_FRAME_BYTES}`,
      )
    const at = this.#outbox.reserve(FRAME_HEADER_BYTES + bound)
    const buffer = this.#outbox.buffer
    const start = at + FRAME_HEADER_BYTES
    const hasUpdate = this.#encoder.hasPendingUpdate
    const end = this.#encode(status, headers, buffer, start)
    writeFrameHeader(buffer, at, end - start, FRAME.HEADERS, headersFlags(isEnd), streamId)
    this.#outbox.commit(end)
    if (headers.length === 0 && !hasUpdate) this.#keepBlock(status, buffer, start, end)
  }

  #encode(status: number, headers: HeaderList, buffer: Buffer, start: number): number {
    const encoder = this.#encoder
    let at = encoder.hasPendingUpdate ? encoder.writePendingUpdate(buffer, start) : start
    at = encoder.writeIndexed(':status', String(status), buffer, at)
    for (const [name, value] of headers) {
      if (encoder.isIndexed(name, value) || this.#isNewName(name))
        at = encoder.writeIndexed(name, value, buffer, at)
      else at = encoder.writeLiteral(name, value, buffer, at)
    }
    return at
  }

  #isNewName(name: string): boolean {
    if (this.#knownNames.has(name) || this.#knownNames.size >= MAX_KNOWN_NAMES) return false
    this.#knownNames.add(name)
    return true
  }

  /** Only a block that changes no table may be sent twice: the first sight of a rare status is not kept. */
  #keepBlock(status: number, buffer: Buffer, start: number, end: number): void {
    if (this.#blocksVersion === this.#encoder.version)
      this.#blocks[status] = Buffer.from(buffer.subarray(start, end))
  }

  #writeBody(stream: ServerStream, body: Buffer): void {
    const sent = this.#writeData(stream, body)
    if (sent === body.length) return this.#onDone(stream)
    // A copy: the caller may use its buffer again.
    stream.unsent = Buffer.from(body.subarray(sent))
    this.#waiting.add(stream)
  }

  #continueBody(stream: ServerStream): void {
    const body = stream.unsent as Buffer
    const sent = this.#writeData(stream, body)
    stream.unsent = body.subarray(sent)
    if (sent < body.length) return
    this.drop(stream)
    this.#onDone(stream)
  }

  /** Writes what both windows take, in frames that every peer must accept; returns how many bytes that were. */
  #writeData(stream: ServerStream, body: Buffer): number {
    const allowed = Math.max(0, Math.min(body.length, stream.sendWindow, this.#window))
    let sent = 0
    while (sent < allowed) {
      const bytes = Math.min(allowed - sent, DEFAULT_FRAME_BYTES)
      const flags = sent + bytes === body.length ? FLAG.END_STREAM : 0
      const at = this.#outbox.reserve(FRAME_HEADER_BYTES + bytes)
      const start = writeFrameHeader(this.#outbox.buffer, at, bytes, FRAME.DATA, flags, stream.streamId)
      body.copy(this.#outbox.buffer, start, sent, sent + bytes)
      this.#outbox.commit(start + bytes)
      sent += bytes
    }
    stream.sendWindow -= sent
    this.#window -= sent
    return sent
  }
}

function headersFlags(isEnd: boolean): number {
  return isEnd ? FLAG.END_HEADERS | FLAG.END_STREAM : FLAG.END_HEADERS
}
