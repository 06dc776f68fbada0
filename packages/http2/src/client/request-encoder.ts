/**
 * Requests into header blocks. The fixed part of each template is encoded once per state of the dynamic table and then
 * copied; after a connection's first few requests the table does not change any more.
 */
import type { HpackEncoder } from '../hpack/encoder.ts'
import type { HeaderTemplate } from './template.ts'

/** A length of 127 and more takes more than the prefix byte (RFC 7541 §5.1). */
const ONE_BYTE_LENGTH = 127
/** Writing a short string by a loop is cheaper than a call into the runtime. */
const LOOP_CHARACTERS = 24
/** Table size updates and integer prefixes. */
const SPARE_BYTES = 64

interface EncodedTemplate {
  version: number
  /** Pseudo-headers, and the beginning of `:path` up to its value. */
  head: Buffer
  /** Constant and secret fields. */
  tail: Buffer
  /** The beginning of each variable field up to its value. */
  names: Buffer[]
}

export class RequestEncoder {
  readonly #hpack: HpackEncoder
  readonly #encoded = new WeakMap<HeaderTemplate, EncodedTemplate>()

  constructor(hpack: HpackEncoder) {
    this.#hpack = hpack
  }

  /** Upper bound of the block that `write` makes. */
  maxBytes(template: HeaderTemplate, path: string, values: readonly (string | undefined)[]): number {
    let bytes = template.maxFixedBytes + path.length + SPARE_BYTES
    for (let i = 0; i < template.variable.length; i++) {
      const value = values[i]
      if (value === undefined) continue
      bytes += (template.variable[i] as string).length + value.length + 16
    }
    return bytes
  }

  /** Writes the header block of a request and returns where it ends. */
  write(
    template: HeaderTemplate,
    path: string,
    values: readonly (string | undefined)[],
    out: Buffer,
    start: number,
  ): number {
    let at = this.#hpack.hasPendingUpdate ? this.#hpack.writePendingUpdate(out, start) : start
    const encoded = this.#encoded.get(template)
    if (encoded === undefined || encoded.version !== this.#hpack.version)
      return this.#writeAndLearn(template, path, values, out, at)
    at += encoded.head.copy(out, at)
    at = writeString(path, out, at)
    at += encoded.tail.copy(out, at)
    for (let i = 0; i < encoded.names.length; i++) {
      const value = values[i]
      if (value === undefined) continue
      at += (encoded.names[i] as Buffer).copy(out, at)
      at = writeString(value, out, at)
    }
    return at
  }

  /** The long way: constant fields enter the table. What the next request may copy is known when that changed nothing. */
  #writeAndLearn(
    template: HeaderTemplate,
    path: string,
    values: readonly (string | undefined)[],
    out: Buffer,
    start: number,
  ): number {
    const hpack = this.#hpack
    const before = hpack.version
    let at = start
    for (const [name, value] of template.pseudo) at = hpack.writeIndexed(name, value, out, at)
    at = hpack.writeLiteral(':path', path, out, at)
    for (const [name, value] of template.constant) at = hpack.writeIndexed(name, value, out, at)
    for (const [name, value] of template.secret) at = hpack.writeNeverIndexed(name, value, out, at)
    for (let i = 0; i < template.variable.length; i++) {
      const value = values[i]
      if (value !== undefined) at = hpack.writeLiteral(template.variable[i] as string, value, out, at)
    }
    if (hpack.version === before) this.#encoded.set(template, this.#learn(template))
    return at
  }

  #learn(template: HeaderTemplate): EncodedTemplate {
    const scratch = Buffer.allocUnsafe(template.maxFixedBytes + SPARE_BYTES)
    const hpack = this.#hpack
    let at = 0
    for (const [name, value] of template.pseudo) at = hpack.writeIndexed(name, value, scratch, at)
    // An empty value is one byte, its length: what stands before it begins every such field.
    at = hpack.writeLiteral(':path', '', scratch, at) - 1
    const head = Buffer.from(scratch.subarray(0, at))
    at = 0
    for (const [name, value] of template.constant) at = hpack.writeIndexed(name, value, scratch, at)
    for (const [name, value] of template.secret) at = hpack.writeNeverIndexed(name, value, scratch, at)
    const tail = Buffer.from(scratch.subarray(0, at))
    return {
      version: hpack.version,
      head,
      tail,
      names: template.variable.map(name => this.#beginningOf(name)),
    }
  }

  #beginningOf(name: string): Buffer {
    const scratch = Buffer.allocUnsafe(name.length + SPARE_BYTES)
    return Buffer.from(scratch.subarray(0, this.#hpack.writeLiteral(name, '', scratch, 0) - 1))
  }
}

/** A string literal without Huffman (RFC 7541 §5.2): its length in a 7-bit prefix, then its octets. */
function writeString(value: string, out: Buffer, start: number): number {
  const length = value.length
  let at = start
  if (length < ONE_BYTE_LENGTH) out[at++] = length
  else at = writeLongLength(length, out, at)
  if (length > LOOP_CHARACTERS) return at + out.write(value, at, length, 'latin1')
  for (let i = 0; i < length; i++) out[at + i] = value.charCodeAt(i)
  return at + length
}

function writeLongLength(length: number, out: Buffer, start: number): number {
  let at = start
  out[at++] = ONE_BYTE_LENGTH
  let rest = length - ONE_BYTE_LENGTH
  for (; rest >= 128; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80
  out[at++] = rest
  return at
}
