/**
 * The header fields that one direction of a connection has added: newest first, the oldest leave when it is full.
 *
 * A ring, so that adding and leaving move nothing. Each entry has an id, its number in the order of adding; an encoder
 * remembers ids, which stay, instead of indexes, which every addition shifts.
 * Source: RFC 7541 §2.3.2, §4.
 */
import { STATIC_FIELDS } from './static-table.ts'

/** What an entry costs beside its octets (§4.1). */
export const ENTRY_OVERHEAD_BYTES = 32

const FIRST_CAPACITY = 16

export class DynamicTable {
  #names: string[] = new Array<string>(FIRST_CAPACITY).fill('')
  #values: string[] = new Array<string>(FIRST_CAPACITY).fill('')
  /** Capacity − 1; the capacity is a power of two. */
  #mask = FIRST_CAPACITY - 1
  #count = 0
  #bytes = 0
  #limitBytes: number
  #nextId = 0
  readonly #onEvict: ((name: string, value: string, id: number) => void) | undefined

  constructor(limitBytes: number, onEvict?: (name: string, value: string, id: number) => void) {
    this.#limitBytes = limitBytes
    this.#onEvict = onEvict
  }

  /** How many entries there are: indexes go from 1 to this. */
  get count(): number {
    return this.#count
  }

  get limitBytes(): number {
    return this.#limitBytes
  }

  /** `index`: 1 is the newest entry, `count` the oldest; what is beyond is not checked here. */
  nameAt(index: number): string {
    return this.#names[(this.#nextId - index) & this.#mask] as string
  }

  valueAt(index: number): string {
    return this.#values[(this.#nextId - index) & this.#mask] as string
  }

  /** The index that both ends' address space has for an entry: after the static table's. */
  indexOf(id: number): number {
    return STATIC_FIELDS + this.#nextId - id
  }

  /** Returns the entry's id; an entry larger than the table empties it and is not kept (§4.4): -1. */
  add(name: string, value: string): number {
    const bytes = entryBytes(name, value)
    this.#evictDownTo(this.#limitBytes - bytes)
    if (bytes > this.#limitBytes) return -1
    if (this.#count > this.#mask) this.#grow()
    const slot = this.#nextId & this.#mask
    this.#names[slot] = name
    this.#values[slot] = value
    this.#count++
    this.#bytes += bytes
    return this.#nextId++
  }

  setLimit(bytes: number): void {
    this.#limitBytes = bytes
    this.#evictDownTo(bytes)
  }

  #evictDownTo(bytes: number): void {
    while (this.#bytes > bytes && this.#count > 0) this.#evictOldest()
  }

  #evictOldest(): void {
    const id = this.#nextId - this.#count
    const slot = id & this.#mask
    const name = this.#names[slot] as string
    const value = this.#values[slot] as string
    // The slot would keep long strings alive until the ring comes round.
    this.#names[slot] = ''
    this.#values[slot] = ''
    this.#count--
    this.#bytes -= entryBytes(name, value)
    this.#onEvict?.(name, value, id)
  }

  #grow(): void {
    const capacity = 2 * (this.#mask + 1)
    const names = new Array<string>(capacity).fill('')
    const values = new Array<string>(capacity).fill('')
    for (let id = this.#nextId - this.#count; id < this.#nextId; id++) {
      names[id & (capacity - 1)] = this.#names[id & this.#mask] as string
      values[id & (capacity - 1)] = this.#values[id & this.#mask] as string
    }
    this.#names = names
    this.#values = values
    this.#mask = capacity - 1
  }
}

/** The size that the RFC counts: one character of ours is one octet. */
export function entryBytes(name: string, value: string): number {
  return name.length + value.length + ENTRY_OVERHEAD_BYTES
}
