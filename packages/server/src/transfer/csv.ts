/** Writing CSV as RFC 4180 has it, with `\n` between records. */

export function csvLine(cells: readonly unknown[]): string {
  return `${cells.map(cellOf).join(',')}\n`
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text =
    typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
