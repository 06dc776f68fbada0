/**
 * One request and the stream that it came on. A stream is one object with its fields in a flat list: at hundreds of
 * thousands of requests a second an object a header would be most of the cost.
 *
 *   reading ──END_STREAM, or a body that is too large──▶ told (onRequest) ──respond──▶ answering ──last byte──▶ gone
 *      └──────────────── RST_STREAM by either side, end of the connection ──────────────────────────▶ gone
 *
 * Source: RFC 9113 §5.1, §8.1.
 */
import type { ServerConnection } from './connection.ts'
import { FIELD, fieldKind, isFieldValue, REQUIRED_FIELDS } from './fields.ts'

export type HeaderList = readonly (readonly [name: string, value: string])[]

export interface ServerRequest {
  readonly connection: ServerConnection
  readonly streamId: number
  /** The first value of a header; names are in lower case, pseudo-headers have their colon (`:path`). */
  header(name: string): string | undefined
  /** All headers in their order; made anew by each look. */
  readonly headers: HeaderList
  /** Valid until `onRequest` returns: copy what is needed longer. Afterwards it is empty. */
  readonly body: Buffer
  /** The body went over `maxBodyBytes`: `body` is its beginning, and the rest is thrown away. Answer 413, or reset. */
  readonly isTooLarge: boolean
  /** False when the peer has reset the stream or the connection is gone: an answer would reach nobody. */
  readonly isOpen: boolean
  /**
   * Answers, now or later. Does nothing where `isOpen` is false; throws when the request was answered before.
   * What the peer's windows do not take at once waits for them. Names of headers are in lower case.
   */
  respond(status: number, headers?: HeaderList, body?: Buffer | string): void
  /** Ends the stream with RST_STREAM, also in the middle of an answer. Does nothing where `isOpen` is false. */
  reset(code: number): void
}

/** What a stream needs of its connection. */
export interface StreamOwner extends ServerConnection {
  answer(stream: ServerStream, status: number, headers: HeaderList, body: Buffer | string | undefined): void
  resetStream(stream: ServerStream, code: number): void
}

const NO_BYTES = Buffer.alloc(0)
const NO_HEADERS: HeaderList = []

export class ServerStream implements ServerRequest {
  readonly connection: StreamOwner
  readonly streamId: number
  isOpen = false
  isTooLarge = false
  isMalformed = false
  /** The peer has sent its last byte. */
  isRemoteDone = false
  isTold = false
  isAnswered = false
  receiveWindow = 0
  sendWindow = 0
  bodyBytes = 0
  /** What of the answer waits for the peer's windows. */
  unsent: Buffer | undefined = undefined
  #fields: string[] = []
  #seen = 0
  #contentLength = -1
  /** The body lies in `buffer[start, end)`: the socket's memory while it came in one frame, else our own. */
  #buffer: Buffer = NO_BYTES
  #start = 0
  #end = 0

  constructor(connection: StreamOwner, streamId: number) {
    this.connection = connection
    this.streamId = streamId
  }

  header(name: string): string | undefined {
    const fields = this.#fields
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
    return undefined
  }

  get headers(): HeaderList {
    const list: [string, string][] = []
    for (let i = 0; i < this.#fields.length; i += 2)
      list.push([this.#fields[i] as string, this.#fields[i + 1] as string])
    return list
  }

  get body(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  respond(status: number, headers: HeaderList = NO_HEADERS, body?: Buffer | string): void {
    this.connection.answer(this, status, headers, body)
  }

  reset(code: number): void {
    this.connection.resetStream(this, code)
  }

  addField(name: string, value: string): void {
    this.#fields.push(name, value)
    const kind = fieldKind(name)
    if (kind < FIELD.REGULAR) this.#addPseudo(kind, value)
    else if (kind !== FIELD.REGULAR) this.#addSpecial(kind, value)
    else this.#seen |= FIELD.REGULAR
    if (!isFieldValue(value)) this.isMalformed = true
  }

  /** After the last `addField`. */
  get hasRequiredFields(): boolean {
    return (this.#seen & REQUIRED_FIELDS) === REQUIRED_FIELDS
  }

  /** False where the peer announced another length than it sent (RFC 9113 §8.1.1). */
  get hasAnnouncedLength(): boolean {
    return this.#contentLength < 0 || this.#contentLength === this.bodyBytes
  }

  /** Takes `source[start, end)` as the next part of the body, up to `maxBytes` in all. `isLast`: no more will come. */
  addBody(source: Buffer, start: number, end: number, maxBytes: number, isLast: boolean): void {
    const had = this.#end - this.#start
    this.bodyBytes += end - start
    this.isTooLarge = this.bodyBytes > maxBytes
    const taken = Math.min(end - start, maxBytes - had)
    if (had === 0 && isLast) this.#lend(source, start, start + taken)
    else if (taken > 0) this.#append(source, start, start + taken)
  }

  dropBody(): void {
    this.#buffer = NO_BYTES
    this.#start = 0
    this.#end = 0
  }

  #addPseudo(kind: number, value: string): void {
    if ((this.#seen & (kind | FIELD.REGULAR)) !== 0 || value === '') this.isMalformed = true
    this.#seen |= kind
  }

  #addSpecial(kind: number, value: string): void {
    this.#seen |= FIELD.REGULAR
    if (kind === FIELD.CONTENT_LENGTH) this.#announce(value)
    else if (kind === FIELD.FORBIDDEN || value !== 'trailers') this.isMalformed = true
  }

  #announce(value: string): void {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1
    if (length < 0 || (this.#contentLength >= 0 && this.#contentLength !== length)) this.isMalformed = true
    this.#contentLength = length
  }

  #lend(source: Buffer, start: number, end: number): void {
    this.#buffer = source
    this.#start = start
    this.#end = end
  }

  #append(source: Buffer, start: number, end: number): void {
    const bytes = this.#end + end - start
    if (this.#buffer.length < bytes) {
      const grown = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#buffer.length))
      this.#buffer.copy(grown, 0, 0, this.#end)
      this.#buffer = grown
    }
    source.copy(this.#buffer, this.#end, start, end)
    this.#end = bytes
  }
}
