/** What a chart shows, as a table that programs read, and where its lines have points of their own. */
export interface Series {
  readonly name: string
  /** One of the `--data-…` variables of theme.css, as "blue". */
  readonly paint: 'blue' | 'orange' | 'pink' | 'vermilion' | 'sky' | 'green' | 'grey'
  /** One for each time; null where nothing is known, which is not 0. */
  readonly values: readonly (number | null)[]
  readonly kind?: 'line' | 'bar'
  /** Those of the same name stand on one another. */
  readonly stack?: string
}

export interface ChartValues {
  /** Days of the calendar, "2026-11-03", or moments in ISO 8601; in order. */
  readonly times: readonly string[]
  readonly series: readonly Series[]
}

/**
 * The chart's values as CSV (RFC 4180), with a column for each series. Times stay as the server gave them and numbers have a
 * point; what is not known is empty, which is not 0.
 */
export function csvOf({ times, series }: ChartValues, timeName: string): string {
  const head = [timeName, ...series.map(({ name }) => name)]
  const lines = times.map((time, at) => [time, ...series.map(({ values }) => String(values[at] ?? ''))])
  return [head, ...lines].map(line => `${line.map(cell).join(',')}\r\n`).join('')
}

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A value between two unknown ones has no line to be seen by. */
export function isAlone(values: Series['values'], at: number): boolean {
  const isKnown = (index: number): boolean => typeof values[index] === 'number'
  return isKnown(at) && !isKnown(at - 1) && !isKnown(at + 1)
}

/** Whether there is anything to draw. */
export function isEmpty(series: readonly Series[]): boolean {
  return series.every(({ values }) => values.every(value => value === null))
}
