/**
 * Records of a CSV text. RFC 4180: a cell in double quotes may hold delimiters and line breaks, and a quote in it is doubled.
 * A quote within a cell that does not begin with one is a character like others (5" screen), as spreadsheets read it.
 *
 * Where a quote is opened and not closed properly, the first line of the record is refused and reading goes on with the
 * next one. A parser that looks for the closing quote instead takes all that follows for one cell: `csv-parse` lost the
 * rest of a block to one stray quote, without a word. A record that is too long is taken for such a quote.
 */

export interface CsvRecord {
  /** Null: it is broken, and `detail` says how. */
  readonly cells: readonly string[] | null
  readonly detail: string
  /** Where the next one begins. */
  readonly end: number
}

const QUOTE = '"'
/** Characters. No device has so much to tell; such a record is a quote that was never closed, or no line at all. */
export const RECORD_LENGTH_MAX = 256 * 1024

/**
 * Reads the record at `start`. Undefined when it does not end within the text: its last line has no line break, or a quote
 * is still open; with `isLast` the text is all that there is.
 */
export function readCsvRecord(
  text: string,
  start: number,
  { delimiter, isLast }: { readonly delimiter: string; readonly isLast: boolean },
): CsvRecord | undefined {
  const lineEnd = lineEndOf(text, start)
  if (lineEnd === text.length && !isLast) return undefined
  const next = Math.min(lineEnd + 1, text.length)
  if (lineEnd - start > RECORD_LENGTH_MAX)
    return broken(next, `the line has ${lineEnd - start} characters, ${RECORD_LENGTH_MAX} at most are read`)
  const line = text.slice(start, text[lineEnd - 1] === '\r' && lineEnd > start ? lineEnd - 1 : lineEnd)
  if (!line.includes(QUOTE)) return { cells: line.split(delimiter), detail: '', end: next }
  return readQuoted(text, start, { delimiter, isLast, lineEnd, next })
}

function readQuoted(
  text: string,
  start: number,
  {
    delimiter,
    isLast,
    lineEnd,
    next,
  }: {
    readonly delimiter: string
    readonly isLast: boolean
    /** Of the first line. */
    readonly lineEnd: number
    /** Where the second one begins. */
    readonly next: number
  },
): CsvRecord | undefined {
  const cells: string[] = []
  const limit = start + RECORD_LENGTH_MAX
  let [at, end] = [start, lineEnd]
  for (;;) {
    const cell =
      text[at] === QUOTE ? quotedCell(text, at, limit) : bareCell(text, at, { delimiter, lineEnd: end })
    if (cell === undefined)
      return isLast || text.length > limit ? broken(next, 'a quote is opened and not closed') : undefined
    cells.push(cell.value)
    at = cell.end
    if (at > limit) return broken(next, `the record has more than ${RECORD_LENGTH_MAX} characters`)
    if (at > end) end = lineEndOf(text, at)
    if (text.startsWith(delimiter, at)) {
      at += delimiter.length
      continue
    }
    if (text[at] === '\r' && (text[at + 1] === '\n' || at + 1 === text.length)) at++
    if (text[at] === '\n') return { cells, detail: '', end: at + 1 }
    if (at >= text.length) return isLast ? { cells, detail: '', end: at } : undefined
    return broken(next, 'a closing quote is followed by other characters')
  }
}

function broken(end: number, how: string): CsvRecord {
  return { cells: null, detail: `not CSV: ${how}`, end }
}

interface Cell {
  readonly value: string
  /** Just behind it. */
  readonly end: number
}

/** Undefined: it does not end before the limit. */
function quotedCell(text: string, start: number, limit: number): Cell | undefined {
  let value = ''
  for (let at = start + 1; at <= limit; ) {
    const quote = text.indexOf(QUOTE, at)
    if (quote === -1 || quote > limit) return undefined
    value += text.slice(at, quote)
    if (text[quote + 1] !== QUOTE) return { value, end: quote + 1 }
    value += QUOTE
    at = quote + 2
  }
  return undefined
}

/** `lineEnd` is found once a line and not once a cell: a line may have very many. */
function bareCell(
  text: string,
  start: number,
  { delimiter, lineEnd }: { readonly delimiter: string; readonly lineEnd: number },
): Cell {
  const found = text.slice(start, lineEnd).indexOf(delimiter)
  const end = found === -1 ? lineEnd : start + found
  const value = text.slice(start, end)
  return found === -1 && value.endsWith('\r') ? { value: value.slice(0, -1), end: end - 1 } : { value, end }
}

function lineEndOf(text: string, start: number): number {
  const newline = text.indexOf('\n', start)
  return newline === -1 ? text.length : newline
}

const DELIMITERS = [',', ';', '\t']

/** Spreadsheets of half the world write semicolons. */
export function delimiterOf(line: string): string {
  const count = (delimiter: string) => line.split(delimiter).length
  return DELIMITERS.reduce((best, it) => (count(it) > count(best) ? it : best))
}
