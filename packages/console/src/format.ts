/**
 * Numbers and times as the console writes them. Its texts are English, so the forms are too, whatever the browser's
 * language; the time zone is the reader's.
 */

const NUMBER = new Intl.NumberFormat('en')
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const MOMENT = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export function formatCount(count: number): string {
  return NUMBER.format(count)
}

/**
 * A share of a whole. Only nothing is "0 %" and only everything is "100 %": a rounded 99.97 would hide the three
 * devices that somebody is looking for.
 */
export function formatShare(count: number, total: number): string {
  if (total === 0 || count === 0) return '0 %'
  if (count === total) return '100 %'
  const percent = (count / total) * 100
  if (percent < 0.1) return '< 0.1 %'
  if (percent > 99.9) return '> 99.9 %'
  return `${percent.toFixed(1)} %`
}

export function formatDay(at: string): string {
  return DAY.format(new Date(at))
}

export function formatMoment(at: string): string {
  return MOMENT.format(new Date(at))
}

/** A length of time to the unit that matters: "45 s", "12 min", "3 h". */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  if (seconds < 3_600) return `${Math.ceil(seconds / 60)} min`
  return `${Math.ceil(seconds / 3_600)} h`
}

/** "12 s ago", "3 h ago"; from a week on the day itself. A clock that runs ahead of ours reads as "just now". */
export function formatAgo(at: string, nowMs: number): string {
  const ageMs = nowMs - Date.parse(at)
  if (ageMs < 5 * SECOND_MS) return 'just now'
  if (ageMs < MINUTE_MS) return `${Math.floor(ageMs / SECOND_MS)} s ago`
  if (ageMs < HOUR_MS) return `${Math.floor(ageMs / MINUTE_MS)} min ago`
  if (ageMs < DAY_MS) return `${Math.floor(ageMs / HOUR_MS)} h ago`
  if (ageMs < 7 * DAY_MS) return `${Math.floor(ageMs / DAY_MS)} d ago`
  return formatDay(at)
}
