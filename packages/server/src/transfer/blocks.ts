/**
 * A CSV or NDJSON file, read in blocks of whole records: the unit that is committed, and from whose end a broken import
 * goes on. A record that can't be read is told with its number and skipped; a stray quote costs its own line, not the rest.
 *
 * CSV as RFC 4180 has it: a field in double quotes may hold line breaks, a quote in it is doubled. So a line break ends
 * a record exactly when the number of quotes before it is even.
 */
import { parse } from 'csv-parse/sync'
import { parseJson } from '../http/json.ts'

export type Format = 'csv' | 'ndjson'

export interface ReadRecord {
  /** Counted from 1; the header of a CSV file is no record. */
  readonly row: number
  readonly fields: Readonly<Record<string, unknown>>
}

export interface UnreadRecord {
  readonly row: number
  readonly detail: string
}

/** The first line of a CSV file. */
export interface Header {
  readonly names: readonly string[]
  readonly delimiter: string
}

export interface Block {
  readonly records: readonly ReadRecord[]
  readonly unread: readonly UnreadRecord[]
  /** How many bytes of the file are read with this block. */
  readonly endOffset: number
  /** How many rows are read with this block. */
  readonly rows: number
  readonly header: Header | null
}

export interface ReadOptions {
  readonly format: Format
  /** When an earlier part has shown it. */
  readonly header: Header | null
  /** Where `source` begins in the file. */
  readonly offset: number
  /** How many rows were before it. */
  readonly rows: number
  /** Whether the file ends with the source; else what follows its last whole record is left for the next part. */
  readonly isFinal: boolean
}

/** Some thousands of rows: few enough to hold, many enough that a transaction does not count. */
const BLOCK_BYTES = 1024 * 1024
/** No device has so much to tell; such a record is a quote that was never closed. */
const RECORD_BYTES_MAX = 256 * 1024
const NEWLINE = 10
const QUOTE = 34

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
  readonly #format: Format
  #header: Header | null
  #offset: number
  #rows: number
  #chunks: Buffer[] = []
  bytes = 0

  constructor(options: ReadOptions) {
    this.#format = options.format
    this.#header = options.header
    this.#offset = options.offset
    this.#rows = options.rows
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.bytes += chunk.length
  }

  *take(isFinal: boolean): Generator<Block> {
    let text = Buffer.concat(this.#chunks)
    let unread: UnreadRecord[] = []
    for (;;) {
      const end = this.#format === 'csv' ? endOfRecords(text) : text.lastIndexOf(NEWLINE) + 1
      const rest = text.length - end
      const isStuck = rest > RECORD_BYTES_MAX || (isFinal && rest > 0 && this.#isOpen(text.subarray(end)))
      const until = isFinal && !isStuck ? text.length : end
      if (until > 0 || unread.length > 0) yield this.#blockOf(text.subarray(0, until), unread)
      text = text.subarray(until)
      unread = []
      if (!isStuck) break
      const line = text.indexOf(NEWLINE) + 1 || text.length
      this.#offset += line
      unread = [{ row: ++this.#rows, detail: unendedRecord(line) }]
      text = text.subarray(line)
    }
    if (unread.length > 0) yield this.#blockOf(Buffer.alloc(0), unread)
    this.#chunks = [Buffer.from(text)] // a copy, so that the block itself can go
    this.bytes = text.length
  }

  #isOpen(rest: Buffer): boolean {
    return this.#format === 'csv' && countQuotes(rest) % 2 === 1
  }

  #blockOf(text: Buffer, unread: UnreadRecord[]): Block {
    const records: ReadRecord[] = []
    if (this.#format === 'csv') this.#readCsv(text, records, unread)
    else this.#readLines(text, records, unread)
    this.#offset += text.length
    return { records, unread, endOffset: this.#offset, rows: this.#rows, header: this.#header }
  }

  #readCsv(text: Buffer, records: ReadRecord[], unread: UnreadRecord[]): void {
    let body = text
    if (this.#header === null && text.length > 0) {
      const end = endOfFirstRecord(text)
      const line = text
        .subarray(0, end)
        .toString('utf8')
        .replace(/^\uFEFF/, '')
      const delimiter = delimiterOf(line)
      const [names = []] = parse(line, { delimiter, relax_column_count: true }) as string[][]
      this.#header = { names: names.map(name => name.trim()), delimiter }
      body = text.subarray(end)
    }
    if (this.#header === null) return
    parse(body, {
      delimiter: this.#header.delimiter,
      columns: [...this.#header.names],
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      on_record: (fields: Record<string, unknown>) => {
        records.push({ row: ++this.#rows, fields })
        return null
      },
      on_skip: error => {
        unread.push({ row: ++this.#rows, detail: wordsOf(error?.code) })
        return undefined
      },
    })
  }

  #readLines(text: Buffer, records: ReadRecord[], unread: UnreadRecord[]): void {
    for (const line of text
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .split('\n')) {
      if (line.trim() === '') continue
      const row = ++this.#rows
      try {
        const value = parseJson(line)
        if (typeof value === 'object' && value !== null && !Array.isArray(value))
          records.push({ row, fields: value as Record<string, unknown> })
        else if (typeof value === 'string') records.push({ row, fields: { value } })
        else unread.push({ row, detail: 'the line is no JSON object' })
      } catch (error) {
        unread.push({ row, detail: (error as Error).message.replace('the body', 'the line') })
      }
    }
  }
}

function unendedRecord(bytes: number): string {
  return `the record does not end: a quote is opened and not closed (the line has ${bytes} bytes)`
}

/** csv-parse quotes the field in its message; its code does not. */
function wordsOf(code: string | undefined): string {
  return `not CSV: ${(code ?? 'unknown').replace(/^CSV_/, '').toLowerCase().replaceAll('_', ' ')}`
}

/** Just behind the last line break that ends a record; 0 when there is none. */
function endOfRecords(text: Buffer): number {
  let isQuoted = false
  let end = 0
  for (let i = 0; i < text.length; i++) {
    const byte = text[i]
    if (byte === QUOTE) isQuoted = !isQuoted
    else if (byte === NEWLINE && !isQuoted) end = i + 1
  }
  return end
}

function endOfFirstRecord(text: Buffer): number {
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    if (text[i] === QUOTE) isQuoted = !isQuoted
    else if (text[i] === NEWLINE && !isQuoted) return i + 1
  }
  return text.length
}

function countQuotes(text: Buffer): number {
  let count = 0
  for (const byte of text) if (byte === QUOTE) count++
  return count
}

const DELIMITERS = [',', ';', '\t']

/** Spreadsheets of half the world write semicolons. */
function delimiterOf(line: string): string {
  const count = (delimiter: string) => line.split(delimiter).length
  return DELIMITERS.reduce((best, it) => (count(it) > count(best) ? it : best))
}
