/**
 * Header fields into header blocks: one encoder for each direction of a connection.
 *
 * The caller says what a field is, for it knows: a constant goes into the table and costs an octet or two from then on,
 * a value of this one request does not push the constants out, and a secret is marked so that nobody on its way keeps it.
 * Strings are written as they are: the Huffman code makes 52 octets of a 74-octet `:path` and takes 190 ns for it,
 * where copying takes 50; here octets are cheap and CPU is not.
 * Source: RFC 7541 §4.2, §6, §7.1.
 */
import { DEFAULT_TABLE_BYTES } from '../protocol.ts'
import { DynamicTable, entryBytes } from './dynamic-table.ts'
import { writeInteger } from './integer.ts'
import { STATIC_BY_NAME } from './static-table.ts'

export interface HpackEncoderOptions {
  /** The peer's SETTINGS_HEADER_TABLE_SIZE, 4096 by default; another one is told to it in the first block. */
  readonly tableBytes?: number
}

/** The ids under which the dynamic table has a name. */
interface DynamicName {
  newest: number
  readonly values: Map<string, number>
}

/** More is never used, whatever the peer allows: constants need little, and the memory is one for each connection. */
const MAX_TABLE_BYTES = DEFAULT_TABLE_BYTES

const INDEXED = 0x80
const INDEXED_MASK = 0x7f
const INCREMENTAL = 0x40
const INCREMENTAL_MASK = 0x3f
const SIZE_UPDATE = 0x20
const SIZE_UPDATE_MASK = 0x1f
const NEVER_INDEXED = 0x10
const LITERAL = 0x00
const LITERAL_MASK = 0x0f
const LENGTH_MASK = 0x7f

/** Calling into `Buffer.write` takes 40 ns and the check 15, whatever the length; a loop takes 2 ns a character. */
const MAX_LOOP_CHARACTERS = 24
const NO_OCTET = /[\u0100-\uffff]/

/** Three integers (index, and the lengths of name and value) of at most six octets, minus what can't come together. */
const MAX_FIELD_OVERHEAD_BYTES = 16

export class HpackEncoder {
  readonly #table: DynamicTable
  readonly #names = new Map<string, DynamicName>()
  #version = 0
  /** The smallest limit since the last block; -1 when there is nothing to tell. */
  #smallestLimitBytes = -1

  constructor(options: HpackEncoderOptions = {}) {
    this.#table = new DynamicTable(DEFAULT_TABLE_BYTES, (name, value, id) => this.#forget(name, value, id))
    this.setTableBytes(options.tableBytes ?? DEFAULT_TABLE_BYTES)
  }

  /** Goes up whenever the dynamic table changes: a block encoded before holds indexes that are no longer true. */
  get version(): number {
    return this.#version
  }

  get hasPendingUpdate(): boolean {
    return this.#smallestLimitBytes >= 0
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. What no longer fits leaves at once; the next block has to say so first. */
  setTableBytes(bytes: number): void {
    const limit = Math.min(bytes, MAX_TABLE_BYTES)
    if (limit === this.#table.limitBytes) return
    this.#smallestLimitBytes = this.hasPendingUpdate ? Math.min(this.#smallestLimitBytes, limit) : limit
    this.#table.setLimit(limit)
  }

  /** To be called before the first field of every block. Writes at most 6 octets. */
  writePendingUpdate(out: Buffer, at: number): number {
    if (!this.hasPendingUpdate) return at
    const smallest = this.#smallestLimitBytes
    const limit = this.#table.limitBytes
    this.#smallestLimitBytes = -1
    const next = writeInteger(out, at, SIZE_UPDATE, SIZE_UPDATE_MASK, smallest)
    return smallest === limit ? next : writeInteger(out, next, SIZE_UPDATE, SIZE_UPDATE_MASK, limit)
  }

  /**
   * This and the other writers give back where the next octet goes; `out` has room for `maxFieldBytes`. They throw a
   * TypeError for a character above U+00FF, before anything is remembered.
   *
   * A constant: its index if it has one, otherwise a literal that gets one, if the table can hold it.
   */
  writeIndexed(name: string, value: string, out: Buffer, at: number): number {
    const index = this.#indexOf(name, value)
    if (index > 0) return writeInteger(out, at, INDEXED, INDEXED_MASK, index)
    if (entryBytes(name, value) > this.#table.limitBytes) return this.writeLiteral(name, value, out, at)
    const next = this.#write(name, value, INCREMENTAL, INCREMENTAL_MASK, out, at)
    this.#remember(name, value)
    return next
  }

  /** Whether `writeIndexed` would write no more than an index. */
  isIndexed(name: string, value: string): boolean {
    return this.#indexOf(name, value) > 0
  }

  /** A value of one request: a literal that leaves the table alone. */
  writeLiteral(name: string, value: string, out: Buffer, at: number): number {
    return this.#write(name, value, LITERAL, LITERAL_MASK, out, at)
  }

  /** A secret: a literal that no intermediary may put into a table either (§7.1.3). */
  writeNeverIndexed(name: string, value: string, out: Buffer, at: number): number {
    return this.#write(name, value, NEVER_INDEXED, LITERAL_MASK, out, at)
  }

  #write(name: string, value: string, flags: number, mask: number, out: Buffer, at: number): number {
    const index = this.#nameIndexOf(name)
    let next = writeInteger(out, at, flags, mask, index)
    if (index === 0) next = writeString(name, name, out, next)
    return writeString(name, value, out, next)
  }

  #nameIndexOf(name: string): number {
    const fixed = STATIC_BY_NAME.get(name)
    if (fixed !== undefined) return fixed.index
    const added = this.#names.get(name)
    return added === undefined ? 0 : this.#table.indexOf(added.newest)
  }

  #indexOf(name: string, value: string): number {
    const fixed = STATIC_BY_NAME.get(name)?.values.get(value)
    if (fixed !== undefined) return fixed
    const id = this.#names.get(name)?.values.get(value)
    return id === undefined ? 0 : this.#table.indexOf(id)
  }

  #remember(name: string, value: string): void {
    const id = this.#table.add(name, value)
    this.#version++
    const known = this.#names.get(name)
    if (known === undefined) this.#names.set(name, { newest: id, values: new Map([[value, id]]) })
    else {
      known.newest = id
      known.values.set(value, id)
    }
  }

  #forget(name: string, value: string, id: number): void {
    this.#version++
    const known = this.#names.get(name) as DynamicName
    known.values.delete(value)
    // Entries leave oldest first: with the newest, the last of this name has gone.
    if (known.newest === id) this.#names.delete(name)
  }
}

/** What one field can need at most, written by whichever method; `writePendingUpdate` needs no more than an empty one. */
export function maxFieldBytes(name: string, value: string): number {
  return name.length + value.length + MAX_FIELD_OVERHEAD_BYTES
}

function writeString(field: string, text: string, out: Buffer, at: number): number {
  const next = writeInteger(out, at, 0, LENGTH_MASK, text.length)
  if (text.length <= MAX_LOOP_CHARACTERS) return writeShort(field, text, out, next)
  if (NO_OCTET.test(text)) throw notOctets(field)
  return next + out.write(text, next, 'latin1')
}

function writeShort(field: string, text: string, out: Buffer, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i)
    if (octet > 0xff) throw notOctets(field)
    out[at + i] = octet
  }
  return at + text.length
}

/** Cut down to octets, U+010A would be a line feed: a value could smuggle in what its caller had checked for. */
function notOctets(field: string): TypeError {
  return new TypeError(
    `header ${JSON.stringify(field)} has a character above U+00FF; names and values are octets, one a character`,
  )
}
