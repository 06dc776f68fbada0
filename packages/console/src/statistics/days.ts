/**
 * Statistics by days as charts draw them: a value for each day, null where nothing was counted, and the same days for every
 * line.
 *
 * Days are those of the app's time zone, and the server gives one row for each of them, also where nothing happened; by
 * gateways it gives those alone at which something did.
 */
import type { BaseStatistics, DeliveryStatistics } from '@roost/protocol'
import { calendarOf, daysOf, moveDay, type Range } from '../parts/range.ts'

export type BaseRow = BaseStatistics['rows'][number]
export type DeliveryRow = DeliveryStatistics['rows'][number]

/** How many there are at the end of a day, and not how much happened in it. */
type Gauge = 'devices' | 'reachable'

export interface Days {
  readonly from: string
  readonly to: string
}

const LEAST_DAYS = 7
const DAY_MS = 24 * 60 * 60_000

/**
 * The days to ask for. A named range begins with the app at the earliest, or it would be mostly empty for a new one, but has
 * a week at least.
 */
export function daysToAsk(
  range: Range,
  nowMs: number,
  app: { readonly timeZone: string; readonly createdAt: string },
): Days {
  const asked = calendarOf(range, nowMs, app.timeZone)
  if (daysOf(range)) return asked
  const made = todayIn(app.timeZone, Date.parse(app.createdAt))
  const lastWeek = moveDay(asked.to, 1 - LEAST_DAYS)
  const begin = made < lastWeek ? made : lastWeek
  return { from: begin > asked.from ? begin : asked.from, to: asked.to }
}

/** The day of a moment by the calendar of that time zone. */
export function todayIn(timeZone: string, nowMs: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone }).format(nowMs)
}

export function sumOf<Row>(rows: readonly Row[], countOf: (row: Row) => number): number {
  return rows.reduce((sum, row) => sum + countOf(row), 0)
}

/**
 * How many there were at the end of each day. Today's day is not over, so it has what is known at this moment; `now` is
 * undefined where that is not known exactly.
 */
export function gaugeOf(
  rows: readonly BaseRow[],
  name: Gauge,
  now: { readonly today: string; readonly count: number } | undefined,
): (number | null)[] {
  return rows.map(row => (row.at === now?.today ? (row[name] ?? now.count) : row[name]))
}

/** By how much it has changed from the first day that was counted to the last. Undefined with fewer than two. */
export function changeOf(values: readonly (number | null)[]): number | undefined {
  const known = values.filter(value => value !== null)
  const [first] = known
  const last = known.at(-1)
  return known.length < 2 || first === undefined || last === undefined ? undefined : last - first
}

/** A line for each gateway, the largest first; all have a value for each of `times`. */
export function byGateway(
  rows: readonly BaseRow[],
  times: readonly string[],
  name: Gauge,
): { readonly gateway: string; readonly values: (number | null)[] }[] {
  const counted = new Set(rows.filter(row => row[name] !== null).map(row => row.at))
  const gateways = [...new Set(rows.map(row => row.gateway ?? ''))]
  const lines = gateways.map(gateway => {
    const known = new Map(rows.filter(row => (row.gateway ?? '') === gateway).map(row => [row.at, row[name]]))
    // on a day that was counted a gateway without a row has nobody
    return { gateway, values: times.map(at => known.get(at) ?? (counted.has(at) ? 0 : null)) }
  })
  const lastOf = (values: readonly (number | null)[]): number => values.findLast(it => it !== null) ?? 0
  return lines
    .filter(({ values }) => values.some(value => value !== null && value > 0))
    .toSorted((a, b) => lastOf(b.values) - lastOf(a.values))
}

/** Each day from the first to the last. */
export function daysBetween({ from, to }: Days): string[] {
  const count = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1
  return Array.from({ length: Math.max(0, count) }, (_, at) => moveDay(from, at))
}
