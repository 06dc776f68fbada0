/**
 * Writing CSV as RFC 4180 has it, with `\n` between records.
 *
 * `csv` says every value as it is, so that it can be read back and compared. Hwids, user ids and tags are strangers' words, and
 * a spreadsheet takes a cell that begins with = + - @ for a formula: `spreadsheet` is for these, with an apostrophe before
 * such cells, and with the mark by which Excel knows UTF-8.
 * Source: OWASP, "CSV Injection".
 */

export const EXPORT_FORMATS = ['csv', 'ndjson', 'spreadsheet'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

type Write = (cells: readonly unknown[]) => string

interface Form {
  readonly mediaType: string
  /** Of a file's name. */
  readonly ending: string
  /** Before everything else. */
  readonly mark: string
  /** Undefined: no cells, an object a line. */
  readonly line: Write | undefined
}

const CSV = { mediaType: 'text/csv; charset=utf-8', ending: 'csv' }

export const FORMS: Readonly<Record<ExportFormat, Form>> = {
  csv: { ...CSV, mark: '', line: csvLine },
  spreadsheet: { ...CSV, mark: '\ufeff', line: cells => csvLine(cells.map(harmless)) },
  ndjson: { mediaType: 'application/x-ndjson', ending: 'ndjson', mark: '', line: undefined },
}

export function csvLine(cells: readonly unknown[]): string {
  return `${cells.map(cellOf).join(',')}\n`
}

function cellOf(value: unknown): string {
  const text = textOf(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Also behind what another country's spreadsheet takes for the end of a cell. The wide ones are Japanese keyboards'. */
const FORMULA = /(?<=^|[,;|\t\r\n])(?=["\s]*[=+\-@＝＋－＠])/g

/** Numbers are ours, and may be negative. */
function harmless(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return textOf(value).replace(FORMULA, "'")
}
