/** The days that the numbers of a message are asked of. */

const DAY_MS = 24 * 3_600_000
/** So long they are shown by the hour. */
const HOURLY_DAYS = 3
/** Opens come for as long as that, but for a few. */
const DAYS_MAX = 30

export interface AskedSpan {
  /** Dates; a day more at both ends, since the app's time zone may be on another one. */
  readonly from: string
  readonly to: string
  readonly by: 'hour' | 'day'
}

export function spanOf(sendAt: string, nowMs: number): AskedSpan {
  const sentMs = Math.min(Date.parse(sendAt), nowMs)
  const endMs = Math.min(nowMs, sentMs + DAYS_MAX * DAY_MS)
  const isHourly = endMs - sentMs <= HOURLY_DAYS * DAY_MS
  return { from: dateOf(sentMs - DAY_MS), to: dateOf(endMs + DAY_MS), by: isHourly ? 'hour' : 'day' }
}

/** From the first step in which something was counted up to now; empty while nothing was. */
export function shownOf<Row extends Counted>(rows: readonly Row[], nowMs: number): readonly Row[] {
  const first = rows.findIndex(({ accepted, delivered, opened }) => accepted + delivered + opened > 0)
  if (first < 0) return []
  return rows.slice(first).filter(({ at }) => Date.parse(at) <= nowMs)
}

export interface Counted {
  /** ISO 8601. */
  readonly at: string
  readonly accepted: number
  readonly delivered: number
  readonly opened: number
}

type Receipts = Pick<Counted, 'accepted' | 'delivered' | 'opened'>

export interface Standing {
  /** Of the message itself, which knows each at once. */
  readonly counts: Receipts
  /** ISO 8601; null while it is under way. */
  readonly finishedAt: string | null
  readonly sendAt: string
  readonly rows: readonly Counted[]
  /** When the statistics were counted last; null: never. */
  readonly asOf: string | null
  readonly nowMs: number
}

/** The statistics are made once a minute, so for so long after a message they may lack some of it. */
const LAG_MS = 2 * 60_000
/** After that each receipt changes little, and nothing has to be said of it. */
const FRESH_MS = 15 * 60_000

/** Whether the statistics have yet to count what the message itself tells already. */
export function isBehind({ counts, finishedAt, sendAt, rows, asOf, nowMs }: Standing): boolean {
  const sum = (name: keyof Receipts): number => rows.reduce((total, row) => total + row[name], 0)
  const isCounted = finishedAt !== null && asOf !== null && Date.parse(asOf) > Date.parse(finishedAt) + LAG_MS
  if (!isCounted && sum('accepted') < counts.accepted) return true
  const isFresh = nowMs - Date.parse(sendAt) < FRESH_MS
  return isFresh && (sum('delivered') < counts.delivered || sum('opened') < counts.opened)
}

function dateOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
