/** A range of time as a page keeps it in the address bar: one of a few, ending now, or two days of one's own. */

export const RANGES = ['day', 'week', 'month', 'quarter', 'year'] as const
export type NamedRange = (typeof RANGES)[number]

/** `2026-11-03..2026-11-09`, both days whole, in the reader's time zone. */
export type Range = NamedRange | `${string}..${string}`

const DAYS: Readonly<Record<NamedRange, number>> = { day: 1, week: 7, month: 30, quarter: 90, year: 365 }
const DAY_MS = 24 * 60 * 60_000
const OWN = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/

/** What is no range is `fallback`. */
export function parseRange(value: unknown, fallback: NamedRange): Range {
  const named = RANGES.find(each => each === value)
  if (named) return named
  return typeof value === 'string' && daysOf(value) ? (value as Range) : fallback
}

/** The first and last day of one's own range; undefined of any other. */
export function daysOf(range: string): { readonly from: string; readonly to: string } | undefined {
  const [, from = '', to = ''] = OWN.exec(range) ?? []
  if (Number.isNaN(Date.parse(from)) || Number.isNaN(Date.parse(to)) || from > to) return undefined
  return { from, to }
}

/** Its first moment and the one after its last. */
export function boundsOf(range: Range, nowMs: number): { readonly from: Date; readonly to: Date } {
  const own = daysOf(range)
  if (!own) {
    const days = DAYS[range as NamedRange] ?? DAYS.month
    return { from: new Date(nowMs - days * DAY_MS), to: new Date(nowMs) }
  }
  const end = midnight(own.to)
  end.setDate(end.getDate() + 1)
  return { from: midnight(own.from), to: end }
}

/** Its days by the calendar of `timeZone`, both whole: what statistics by days are asked for. A named one ends today. */
export function calendarOf(
  range: Range,
  nowMs: number,
  timeZone: string,
): { readonly from: string; readonly to: string } {
  const own = daysOf(range)
  if (own) return own
  // Swedish dates are those of ISO 8601
  const to = new Intl.DateTimeFormat('sv-SE', { timeZone }).format(nowMs)
  const days = DAYS[range as NamedRange] ?? DAYS.month
  return { from: moveDay(to, 1 - days), to }
}

/** Days of the calendar have no hours that a time zone could take away. */
export function moveDay(day: string, by: number): string {
  return new Date(Date.parse(day) + by * DAY_MS).toISOString().slice(0, 10)
}

function midnight(day: string): Date {
  return new Date(`${day}T00:00:00`)
}
