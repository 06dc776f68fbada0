/**
 * Arrays in PostgreSQL's text form, for statements that take thousands of rows as columns. `pg` writes them as well, for
 * any type and nesting, at several times the price: a third of an import's CPU in Node was this.
 * Source: PostgreSQL, "Arrays", 8.15.6.
 */

export function numbersText(values: readonly (number | null)[]): string {
  return `{${values.map(value => value ?? 'NULL').join(',')}}`
}

export function textsText(values: readonly (string | null)[]): string {
  return `{${values.map(quoted).join(',')}}`
}

export function bytesText(values: readonly (Buffer | null)[]): string {
  return `{${values.map(value => (value === null ? 'NULL' : `"\\\\x${value.toString('hex')}"`)).join(',')}}`
}

function quoted(value: string | null): string {
  if (value === null) return 'NULL'
  return /["\\]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`
}
