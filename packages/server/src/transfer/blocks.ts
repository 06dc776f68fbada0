/**
 * A CSV or NDJSON file, read in blocks of whole records: the unit that is committed, and from whose end a broken import
 * goes on. A record that can't be read is told with its number and line and skipped; it costs no other one anything.
 */
import { isUtf8 } from 'node:buffer'
import { PushError } from '@roost/protocol'
import { parseJson } from '../http/json.ts'
import { delimiterOf, RECORD_LENGTH_MAX, readCsvRecord } from './csv-records.ts'

export type Format = 'csv' | 'ndjson'

export interface ReadRecord {
  /** Counted from 1; the header of a CSV file is no record, and neither is an empty line. */
  readonly row: number
  /** Of the file, counted from 1: its first one. */
  readonly line: number
  readonly fields: Readonly<Record<string, unknown>>
}

export interface UnreadRecord {
  readonly row: number
  readonly line: number
  readonly detail: string
  /** Of one JSON object a line: which field can't be read. Absent where it is the whole record. */
  readonly field?: string
}

/** The first line of a CSV file. */
export interface Header {
  readonly names: readonly string[]
  readonly delimiter: string
}

/** How far a file is read. */
export interface Place {
  /** Bytes. */
  readonly offset: number
  readonly rows: number
  readonly lines: number
  readonly header: Header | null
}

export interface Block {
  readonly records: readonly ReadRecord[]
  readonly unread: readonly UnreadRecord[]
  /** Behind this block. */
  readonly end: Place
}

export interface ReadOptions {
  readonly format: Format
  /** Where `source` begins in the file. */
  readonly from: Place
  /** Whether the file ends with the source; else what follows its last whole record is left for the next part. */
  readonly isFinal: boolean
  /** What a CSV file's columns are called. */
  readonly columns: Columns
}

export interface Columns {
  /** Of which a file has at least one, in whatever spelling; the names are those of the form that is read. */
  readonly oneOf: readonly string[]
  /** The same of other forms, by their names, so that a file of another one is told as that. */
  readonly others: Readonly<Record<string, readonly string[]>>
  /** The name of the only column of a file that may come without a header. */
  readonly alone?: string
}

export const BEGINNING: Place = { offset: 0, rows: 0, lines: 0, header: null }

/** Some thousands of rows: few enough to hold, many enough that a transaction does not count. */
const BLOCK_BYTES = 2 * 1024 * 1024
const NEWLINE = 10

/** Throws `input_invalid` for a file that is no text, or has other columns. */
export async function* readBlocks(
  source: AsyncIterable<Buffer>,
  options: ReadOptions,
): AsyncGenerator<Block, void, undefined> {
  const reader = new BlockReader(options)
  for await (const chunk of source) {
    reader.add(chunk)
    if (reader.bytes >= BLOCK_BYTES) yield* reader.take(false)
  }
  yield* reader.take(options.isFinal)
}

class BlockReader {
  readonly #options: ReadOptions
  #header: Header | null
  #offset: number
  #rows: number
  #lines: number
  #chunks: Buffer[] = []
  /** Within a line that is too long and was refused already. */
  #isSkipping = false
  bytes = 0

  constructor(options: ReadOptions) {
    this.#options = options
    const { offset, rows, lines, header } = options.from
    this.#offset = offset
    this.#rows = rows
    this.#lines = lines
    this.#header = header
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.bytes += chunk.length
  }

  *take(isLast: boolean): Generator<Block> {
    const bytes = Buffer.concat(this.#chunks)
    const before = this.#offset
    if (before === 0) refuseOtherThanText(bytes, isLast)
    // Cut at a line break, no character is cut in two.
    const end = isLast ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1
    const { records, unread, read } = this.#read(bytes.subarray(0, end), isLast)
    let taken = read
    if (!isLast && bytes.length - read > RECORD_LENGTH_MAX && !bytes.includes(NEWLINE, read)) {
      if (!this.#isSkipping)
        unread.push({ row: ++this.#rows, line: this.#lines + 1, detail: 'the line does not end' })
      this.#isSkipping = true
      taken = bytes.length
    }
    this.#offset += taken
    if (this.#offset > before || unread.length > 0) yield { records, unread, end: this.#place() }
    this.#chunks = [Buffer.from(bytes.subarray(taken))] // a copy, so that the block itself can go
    this.bytes = bytes.length - taken
  }

  #place(): Place {
    return { offset: this.#offset, rows: this.#rows, lines: this.#lines, header: this.#header }
  }

  /** `read`: bytes up to the end of the last whole record. */
  #read(bytes: Buffer, isLast: boolean) {
    const records: ReadRecord[] = []
    const unread: UnreadRecord[] = []
    const text = bytes.toString('utf8')
    let at = this.#offset === 0 && text.startsWith('\uFEFF') ? 1 : 0
    if (this.#isSkipping) at = this.#skip(text, isLast)
    const isClean = isUtf8(bytes)
    const take = this.#options.format === 'csv' ? this.#takeCsv : this.#takeLine
    while (at < text.length) {
      const line = this.#lines + 1
      const taken = take.call(this, text, at, isLast)
      if (taken === undefined) break
      const isBroken = !isClean && text.slice(at, taken.end).includes('\uFFFD')
      for (let i = text.indexOf('\n', at); i !== -1 && i < taken.end; i = text.indexOf('\n', i + 1))
        this.#lines++
      at = taken.end
      if (taken.fields === undefined && taken.detail === undefined) continue
      const row = ++this.#rows
      if (isBroken)
        unread.push({ row, line, detail: 'the line is not UTF-8: save the file in that encoding' })
      else if (taken.fields === undefined) unread.push({ row, line, ...faultOf(taken) })
      else records.push({ row, line, fields: taken.fields })
    }
    return { records, unread, read: at >= text.length ? bytes.length : bytesUpTo(bytes, text, at, isClean) }
  }

  /** The end of a line that was refused at its beginning. */
  #skip(text: string, isLast: boolean): number {
    const end = text.indexOf('\n') + 1
    if (end === 0 && !isLast) return 0
    this.#isSkipping = false
    this.#lines++
    return end === 0 ? text.length : end
  }

  #takeLine(text: string, at: number, isLast: boolean): Taken | undefined {
    const newline = text.indexOf('\n', at)
    if (newline === -1 && !isLast) return undefined
    const end = newline === -1 ? text.length : newline + 1
    return { end, ...readJsonLine(text.slice(at, end)) }
  }

  #takeCsv(text: string, at: number, isLast: boolean): Taken | undefined {
    if (this.#header === null) {
      const header = this.#takeHeader(text, at, isLast)
      if (header === undefined || header > at) return header === undefined ? undefined : { end: header }
    }
    const { names, delimiter } = this.#header as unknown as Header
    const record = readCsvRecord(text, at, { delimiter, isLast })
    if (record === undefined) return undefined
    const { cells, detail, end } = record
    if (cells === null) return { end, detail }
    if (cells.length === 1 && cells[0]?.trim() === '') return { end }
    const extra = cells.slice(names.length)
    if (extra.some(cell => cell.trim() !== ''))
      return { end, detail: `the row has ${cells.length} cells, the header ${names.length} names` }
    return { end, fields: fieldsOf(names, cells) }
  }

  /** Where the rows begin; undefined while the header is not there as a whole. */
  #takeHeader(text: string, at: number, isLast: boolean): number | undefined {
    const newline = text.indexOf('\n', at)
    if (newline === -1 && !isLast) return undefined
    const delimiter = delimiterOf(text.slice(at, newline === -1 ? text.length : newline))
    const record = readCsvRecord(text, at, { delimiter, isLast })
    if (record === undefined) return undefined
    if (record.cells === null) throw new PushError('input_invalid', `the header is ${record.detail}`)
    if (/^\s*[{[]/.test(text.slice(at, record.end)))
      throw new PushError('input_invalid', 'the file is JSON and not CSV: give its format as ndjson')
    const { columns } = this.#options
    const { alone, oneOf } = columns
    const names = record.cells.map(name => spelled(name.trim(), oneOf))
    const isBare = alone !== undefined && names.length === 1 && !oneOf.includes(names[0] ?? '')
    this.#header = { names: isBare ? [alone] : names, delimiter }
    if (isBare) return at
    refuseOtherColumns(names, columns)
    return record.end
  }
}

/** Of characters that were none the number of bytes is not known; but what is left begins behind a line break. */
function bytesUpTo(bytes: Buffer, text: string, at: number, isClean: boolean): number {
  if (isClean) return bytes.length - Buffer.byteLength(text.slice(at))
  let count = 0
  for (let i = text.indexOf('\n'); i !== -1 && i < at; i = text.indexOf('\n', i + 1))
    count = bytes.indexOf(NEWLINE, count) + 1
  return count
}

/** Neither fields nor a detail: nothing is there. */
interface Taken {
  readonly end: number
  readonly fields?: Readonly<Record<string, unknown>>
  readonly detail?: string
  readonly field?: string
}

function faultOf({ detail = '', field }: Taken): Pick<UnreadRecord, 'detail' | 'field'> {
  return field === undefined ? { detail } : { detail, field }
}

function fieldsOf(names: readonly string[], cells: readonly string[]): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {}
  for (let i = 0; i < names.length && i < cells.length; i++) fields[names[i] as string] = cells[i]
  return fields
}

function readJsonLine(line: string): Omit<Taken, 'end'> {
  if (line.trim() === '') return {}
  if (line.length > RECORD_LENGTH_MAX) return { detail: `the line has ${line.length} characters` }
  try {
    const value = parseJson(line)
    if (typeof value === 'string') return { fields: { value } }
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { fields: value as Record<string, unknown> }
    return { detail: 'the line is no JSON object' }
  } catch (error) {
    return placedFault((error as Error).message)
  }
}

/** The words of `parseJson` are about a body: "the body is nested …", "body.tags.note holds …". */
function placedFault(words: string): Omit<Taken, 'end'> {
  const field = /^body\.([^\s.]+)/.exec(words)?.[1]
  if (field === undefined) return { detail: words.replace(/^(the )?body/, 'the line') }
  return { detail: words.replace('body.', ''), field }
}

const GZIP = Buffer.from([0x1f, 0x8b])
const ZIP = Buffer.from('PK\u0003\u0004')
const UTF16 = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])]

/** People write `Token` and `push token` for a column that programs call `token` and `push_token`. */
function spelled(name: string, columns: readonly string[]): string {
  const plain = (text: string) => text.toLowerCase().replace(/[ _-]/g, '')
  return columns.includes(name) ? name : (columns.find(it => plain(it) === plain(name)) ?? name)
}

function refuseOtherThanText(bytes: Buffer, isAll: boolean): void {
  const begins = (with_: Buffer) => bytes.subarray(0, with_.length).equals(with_)
  if (begins(GZIP)) throw new PushError('input_invalid', 'the file is packed with gzip: unpack it first')
  if (begins(ZIP))
    throw new PushError('input_invalid', 'the file is a ZIP archive: unpack it, and import what is in it')
  if (isAll && !/[^\s\uFEFF]/.test(bytes.toString('utf8')))
    throw new PushError('input_invalid', 'the file is empty')
  if (UTF16.some(begins) || bytes[0] === 0 || bytes[1] === 0)
    throw new PushError('input_invalid', 'the file is UTF-16 or no text: save it as UTF-8')
}

function refuseOtherColumns(names: readonly string[], { oneOf, others }: Columns): void {
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new PushError('input_invalid', `the header names the column "${twice.slice(0, 64)}" twice`)
  const has = (columns: readonly string[]) => names.some(name => columns.includes(name))
  if (has(oneOf)) return
  const fitting = Object.keys(others).filter(form => has(others[form] ?? []))
  const guess =
    fitting.length === 0
      ? 'is it a file of this form, with a header?'
      : `its columns are those of the form ${fitting.join(' or ')}`
  throw new PushError(
    'input_invalid',
    `the first line names none of the columns ${oneOf.join(', ')}: ${guess}`,
  )
}
