/**
 * Protocol Buffers on the wire, as far as Chrome's messages need them: varints, 64-bit numbers and lengths of bytes.
 *
 * A message is a row of fields, each a tag (`field << 3 | wire type`) and a value. Nested messages are bytes.
 * Source: protobuf.dev, "Encoding".
 */
const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5
/** A varint of 64 bits takes ten bytes; more is no varint. */
const MAX_VARINT_BYTES = 10

export type ProtoValue = bigint | Buffer

/** Values by field number, repeated ones in the order in which they came. */
export class ProtoFields {
  readonly #fields = new Map<number, ProtoValue[]>()

  /** Throws when the bytes are no message, or end too early. */
  constructor(bytes: Buffer) {
    for (let offset = 0; offset < bytes.length; ) offset = this.#readField(bytes, offset)
  }

  number(field: number): number | undefined {
    const value = this.#fields.get(field)?.[0]
    return typeof value === 'bigint' ? Number(value) : undefined
  }

  bigint(field: number): bigint | undefined {
    const value = this.#fields.get(field)?.[0]
    return typeof value === 'bigint' ? value : undefined
  }

  bytes(field: number): Buffer | undefined {
    return this.allBytes(field)[0]
  }

  text(field: number): string | undefined {
    return this.bytes(field)?.toString()
  }

  allBytes(field: number): Buffer[] {
    return (this.#fields.get(field) ?? []).filter(value => Buffer.isBuffer(value))
  }

  #readField(bytes: Buffer, offset: number): number {
    const tag = varintAt(bytes, offset)
    const field = Number(tag.value >> 3n)
    const { value, end } = valueAt(bytes, tag.end, Number(tag.value & 7n))
    const known = this.#fields.get(field)
    if (known === undefined) this.#fields.set(field, [value])
    else known.push(value)
    return end
  }
}

export class ProtoWriter {
  readonly #parts: Buffer[] = []

  varint(field: number, value: number): this {
    return this.#put(field, VARINT, writeVarint(value))
  }

  fixed64(field: number, value: bigint): this {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(value)
    return this.#put(field, FIXED64, bytes)
  }

  bytes(field: number, value: Buffer | string): this {
    const bytes = Buffer.from(value)
    return this.#put(field, LENGTH, writeVarint(bytes.length), bytes)
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #put(field: number, wireType: number, ...bytes: Buffer[]): this {
    this.#parts.push(writeVarint((field << 3) | wireType), ...bytes)
    return this
  }
}

interface Read<T> {
  readonly value: T
  /** Offset behind it. */
  readonly end: number
}

/** Undefined when the last byte of the varint is not here yet. Throws when it is longer than any can be. */
export function readVarint(bytes: Buffer, offset: number): Read<bigint> | undefined {
  let value = 0n
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = bytes[offset + i]
    if (byte === undefined) return undefined
    value |= BigInt(byte & 0x7f) << BigInt(7 * i)
    if (byte < 0x80) return { value, end: offset + i + 1 }
  }
  throw new Error('a varint is longer than ten bytes')
}

/** Whole numbers from 0 up to 2^53. */
export function writeVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Buffer.from([...bytes, rest])
}

function varintAt(bytes: Buffer, offset: number): Read<bigint> {
  const read = readVarint(bytes, offset)
  if (read === undefined) throw new Error('a message ends within a varint')
  return read
}

function valueAt(bytes: Buffer, offset: number, wireType: number): Read<ProtoValue> {
  if (wireType === VARINT) return varintAt(bytes, offset)
  if (wireType === LENGTH) {
    const length = varintAt(bytes, offset)
    return bytesAt(bytes, length.end, Number(length.value))
  }
  if (wireType === FIXED64) {
    const { value, end } = bytesAt(bytes, offset, 8)
    return { value: value.readBigUInt64LE(), end }
  }
  if (wireType !== FIXED32) throw new Error(`no field has wire type ${wireType}`)
  const { value, end } = bytesAt(bytes, offset, 4)
  return { value: BigInt(value.readUInt32LE()), end }
}

function bytesAt(bytes: Buffer, offset: number, length: number): Read<Buffer> {
  const end = offset + length
  if (end > bytes.length) throw new Error('a message ends within a field')
  return { value: bytes.subarray(offset, end), end }
}
