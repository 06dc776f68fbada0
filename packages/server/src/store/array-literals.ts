/**
 * Columns of a statement that takes many rows, as PostgreSQL writes arrays (its manual, 8.15.2 and 8.15.6). The driver
 * makes the same of arrays, for any kind of value and several times as slowly, which counts where thousands of rows a
 * second go through.
 */

/** Of numbers, booleans and UUIDs, which need no quotes. */
export function plainArray<T>(
  rows: readonly T[],
  read: (row: T, n: number) => number | boolean | string | null,
): string {
  let text = '{'
  for (let n = 0; n < rows.length; n++) text += `${n === 0 ? '' : ','}${read(rows[n] as T, n) ?? 'NULL'}`
  return `${text}}`
}

export function textArray<T>(rows: readonly T[], read: (row: T) => string | null): string {
  let text = '{'
  for (let n = 0; n < rows.length; n++) {
    const value = read(rows[n] as T)
    if (n > 0) text += ','
    text += value === null ? 'NULL' : quoted(value)
  }
  return `${text}}`
}

export function jsonArray<T>(rows: readonly T[], read: (row: T) => object | null): string {
  return textArray(rows, row => {
    const value = read(row)
    return value === null ? null : JSON.stringify(value)
  })
}

export function bytesArray<T>(rows: readonly T[], read: (row: T) => Buffer | null): string {
  const literals = rows.map(row => {
    const value = read(row)
    return value === null ? 'NULL' : `"\\\\x${value.toString('hex')}"`
  })
  return `{${literals.join(',')}}`
}

/** Of times in ms. */
export function timesArray<T>(rows: readonly T[], read: (row: T) => number): string {
  return `{${rows.map(row => new Date(read(row)).toISOString()).join(',')}}`
}

const NEEDS_ESCAPE = /["\\]/

function quoted(value: string): string {
  return NEEDS_ESCAPE.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`
}
