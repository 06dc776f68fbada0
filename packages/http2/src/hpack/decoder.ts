/**
 * Header blocks into header fields: one decoder for each direction of a connection, which sees every block, in order.
 *
 * Strings are octets, one character each (latin1); what they mean is the caller's. Nothing that the peer sends makes the
 * decoder keep more than its table, and a list that is too large is decoded to its end without being handed on, for the
 * blocks after it refer to what it put into the table.
 * Source: RFC 7541; RFC 9113 §4.3.1 (the table's size), §6.5.2 (the size of a list).
 */
import { DEFAULT_TABLE_BYTES } from '../protocol.ts'
import { DynamicTable, entryBytes } from './dynamic-table.ts'
import { decodeHuffman } from './huffman.ts'
import { type Cursor, malformed, readInteger } from './integer.ts'
import { STATIC_FIELDS, STATIC_NAMES, STATIC_VALUES } from './static-table.ts'

export interface HpackDecoderOptions {
  /**
   * Our SETTINGS_HEADER_TABLE_SIZE, 4096 by default. Less than that only if the peer knows it before its first block;
   * otherwise `setMaxTableBytes` when it has acknowledged the setting. With more, the table has 4096 until the peer
   * raises it.
   */
  readonly maxTableBytes?: number
  /** What a list may have: name, value and 32 for each field. 64 KiB by default. */
  readonly maxListBytes?: number
  /** What a name or a value may have; more makes the list too large. As `maxListBytes` by default. */
  readonly maxStringBytes?: number
}

/** `name` and `value` are octets. `isNeverIndexed`: whoever passes the field on must send it so too (§7.1.3). */
export type OnHeader = (name: string, value: string, isNeverIndexed: boolean) => void

const DEFAULT_MAX_LIST_BYTES = 64 * 1024
const NO_BYTES = Buffer.alloc(0)

const INDEXED = 0x80
const INDEXED_MASK = 0x7f
const INCREMENTAL = 0x40
const INCREMENTAL_MASK = 0x3f
const SIZE_UPDATE = 0x20
const SIZE_UPDATE_MASK = 0x1f
const NEVER_INDEXED = 0x10
const LITERAL_MASK = 0x0f
const HUFFMAN = 0x80
const LENGTH_MASK = 0x7f

export class HpackDecoder {
  readonly #table: DynamicTable
  readonly #maxListBytes: number
  readonly #maxStringBytes: number
  readonly #cursor: Cursor = { block: NO_BYTES, at: 0, end: 0 }
  #maxTableBytes: number
  /** The next block must begin with an update to this or less; -1 when it need not. */
  #owedUpdateBytes = -1
  #listBytes = 0
  #isTooLarge = false

  constructor(options: HpackDecoderOptions = {}) {
    this.#maxTableBytes = options.maxTableBytes ?? DEFAULT_TABLE_BYTES
    this.#maxListBytes = options.maxListBytes ?? DEFAULT_MAX_LIST_BYTES
    this.#maxStringBytes = options.maxStringBytes ?? this.#maxListBytes
    this.#table = new DynamicTable(Math.min(this.#maxTableBytes, DEFAULT_TABLE_BYTES))
  }

  /** Our own SETTINGS_HEADER_TABLE_SIZE, once the peer has acknowledged it. */
  setMaxTableBytes(bytes: number): void {
    this.#maxTableBytes = bytes
    if (bytes >= this.#table.limitBytes) return
    this.#owedUpdateBytes = this.#owedUpdateBytes < 0 ? bytes : Math.min(this.#owedUpdateBytes, bytes)
  }

  /**
   * Calls `onHeader` for each field of `block[start, end)` in its order. Gives back whether the list is too large: then
   * the fields from the one that went over the limit on were not handed on. Throws ConnectionError(COMPRESSION_ERROR)
   * for a block that is malformed; the decoder can't be used after that, nor after an `onHeader` that throws.
   */
  decode(block: Buffer, start: number, end: number, onHeader: OnHeader): boolean {
    const cursor = this.#cursor
    cursor.block = block
    cursor.at = start
    cursor.end = end
    this.#listBytes = 0
    this.#isTooLarge = false
    this.#readUpdates(cursor)
    while (cursor.at < end) this.#readField(cursor, block[cursor.at] as number, onHeader)
    cursor.block = NO_BYTES
    return this.#isTooLarge
  }

  #readUpdates(cursor: Cursor): void {
    while (cursor.at < cursor.end && ((cursor.block[cursor.at] as number) & 0xe0) === SIZE_UPDATE) {
      const bytes = readInteger(cursor, SIZE_UPDATE_MASK)
      if (bytes > this.#maxTableBytes)
        throw malformed(`the table is set to ${bytes} bytes; ${this.#maxTableBytes} are allowed`)
      if (bytes <= this.#owedUpdateBytes) this.#owedUpdateBytes = -1
      this.#table.setLimit(bytes)
    }
    if (this.#owedUpdateBytes >= 0)
      throw malformed(`the block does not begin by setting the table to ${this.#owedUpdateBytes} bytes`)
  }

  #readField(cursor: Cursor, first: number, onHeader: OnHeader): void {
    if ((first & INDEXED) !== 0) this.#readIndexed(cursor, onHeader)
    else if ((first & INCREMENTAL) !== 0) this.#readIncremental(cursor, onHeader)
    else if ((first & SIZE_UPDATE) !== 0) throw malformed('the table size is updated inside a block')
    else this.#readLiteral(cursor, (first & NEVER_INDEXED) !== 0, onHeader)
  }

  #readIndexed(cursor: Cursor, onHeader: OnHeader): void {
    const index = readInteger(cursor, INDEXED_MASK)
    this.#handOn(this.#nameOf(index), this.#valueOf(index), false, onHeader)
  }

  #readIncremental(cursor: Cursor, onHeader: OnHeader): void {
    const name = this.#readName(cursor, INCREMENTAL_MASK)
    const value = this.#readString(cursor)
    this.#table.add(name, value)
    this.#handOn(name, value, false, onHeader)
  }

  #readLiteral(cursor: Cursor, isNeverIndexed: boolean, onHeader: OnHeader): void {
    const name = this.#readName(cursor, LITERAL_MASK)
    this.#handOn(name, this.#readString(cursor), isNeverIndexed, onHeader)
  }

  #handOn(name: string, value: string, isNeverIndexed: boolean, onHeader: OnHeader): void {
    this.#listBytes += entryBytes(name, value)
    if (
      this.#listBytes > this.#maxListBytes ||
      name.length > this.#maxStringBytes ||
      value.length > this.#maxStringBytes
    )
      this.#isTooLarge = true
    if (!this.#isTooLarge) onHeader(name, value, isNeverIndexed)
  }

  #readName(cursor: Cursor, mask: number): string {
    const index = readInteger(cursor, mask)
    return index === 0 ? this.#readString(cursor) : this.#nameOf(index)
  }

  #nameOf(index: number): string {
    if (index > STATIC_FIELDS) return this.#table.nameAt(this.#dynamicIndex(index))
    if (index === 0) throw malformed('a field has index 0')
    return STATIC_NAMES[index] as string
  }

  /** After `#nameOf`, which has checked the index. */
  #valueOf(index: number): string {
    return index > STATIC_FIELDS
      ? this.#table.valueAt(index - STATIC_FIELDS)
      : (STATIC_VALUES[index] as string)
  }

  #dynamicIndex(index: number): number {
    if (index > STATIC_FIELDS + this.#table.count)
      throw malformed(
        `index ${index} is beyond the tables, which end at ${STATIC_FIELDS + this.#table.count}`,
      )
    return index - STATIC_FIELDS
  }

  #readString(cursor: Cursor): string {
    const isHuffman = cursor.at < cursor.end && ((cursor.block[cursor.at] as number) & HUFFMAN) !== 0
    const bytes = readInteger(cursor, LENGTH_MASK)
    const start = cursor.at
    if (bytes > cursor.end - start)
      throw malformed(`a string of ${bytes} bytes has ${cursor.end - start} left`)
    cursor.at = start + bytes
    return isHuffman
      ? decodeHuffman(cursor.block, start, start + bytes)
      : cursor.block.toString('latin1', start, start + bytes)
  }
}
