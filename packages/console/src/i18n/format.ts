/** Numbers, shares, times and sizes by the reader's language and region; the time zone is the reader's. */

export interface Format {
  /** The BCP 47 tag that all of these follow. */
  readonly tag: string
  readonly count: (count: number) => string
  /** With its sign: "+12", "−3". */
  readonly change: (count: number) => string
  /** "1.2M" where there is no room; the exact number belongs beside it. */
  readonly compact: (count: number) => string
  readonly share: (count: number, total: number) => string
  /** Of a fraction from 0 to 1. */
  readonly percent: (fraction: number) => string
  readonly day: (at: string | Date) => string
  /** Of a day of the calendar, "2026-11-03", which is the same day to every reader. */
  readonly date: (day: string) => string
  /** As `date`, without the year: "Nov 3". */
  readonly dateShort: (day: string) => string
  readonly time: (at: string | Date) => string
  readonly moment: (at: string | Date) => string
  /** "14:00" on the clock of that time zone. */
  readonly timeIn: (at: string | Date, timeZone: string) => string
  readonly duration: (seconds: number) => string
  /** "40 ms", "1.7 s", "12 min": as exact as it matters. */
  readonly milliseconds: (ms: number) => string
  readonly ago: (at: string | Date, nowMs: number) => string
  readonly bytes: (bytes: number) => string
  readonly list: (parts: readonly string[]) => string
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

export function createFormat(tag: string): Format {
  const number = new Intl.NumberFormat(tag)
  const change = new Intl.NumberFormat(tag, { signDisplay: 'exceptZero' })
  const compact = new Intl.NumberFormat(tag, { notation: 'compact', maximumFractionDigits: 1 })
  const percent = new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 1 })
  const day = new Intl.DateTimeFormat(tag, { dateStyle: 'medium' })
  const date = new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeZone: 'UTC' })
  const dateShort = new Intl.DateTimeFormat(tag, { month: 'short', day: 'numeric', timeZone: 'UTC' })
  const time = new Intl.DateTimeFormat(tag, { timeStyle: 'short' })
  const moment = new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'medium' })
  const list = new Intl.ListFormat(tag)
  const ago = createAgo(tag, at => day.format(at))
  return {
    tag,
    count: count => number.format(count),
    change: count => change.format(count),
    compact: count => compact.format(count),
    share: (count, total) => writeShare(percent, count, total),
    percent: fraction => percent.format(fraction),
    day: at => day.format(new Date(at)),
    date: day => date.format(new Date(day)),
    dateShort: day => dateShort.format(new Date(day)),
    time: at => time.format(new Date(at)),
    moment: at => moment.format(new Date(at)),
    timeIn: (at, timeZone) =>
      new Intl.DateTimeFormat(tag, { timeStyle: 'short', timeZone }).format(new Date(at)),
    duration: seconds => writeDuration(tag, seconds),
    milliseconds: ms => writeMilliseconds(tag, ms),
    ago,
    bytes: bytes => writeBytes(tag, bytes),
    list: parts => list.format(parts),
  }
}

/**
 * A share of a whole. Only nothing is "0%" and only everything is "100%": a rounded 99.97 would hide the three
 * devices that somebody is looking for.
 */
function writeShare(percent: Intl.NumberFormat, count: number, total: number): string {
  if (total === 0 || count === 0) return percent.format(0)
  const share = count / total
  if (share < 0.001) return `< ${percent.format(0.001)}`
  if (count < total && share > 0.999) return `> ${percent.format(0.999)}`
  return percent.format(share)
}

/** "12 sec. ago", "3 hr. ago"; from a week on the day itself. A clock that runs ahead of ours reads as "now". */
function createAgo(tag: string, day: (at: Date) => string): Format['ago'] {
  const past = new Intl.RelativeTimeFormat(tag, { style: 'short' })
  const now = new Intl.RelativeTimeFormat(tag, { numeric: 'auto' }).format(0, 'second')
  return (at, nowMs) => {
    const date = new Date(at)
    const ageMs = nowMs - date.getTime()
    if (ageMs < 5 * SECOND_MS) return now
    if (ageMs < MINUTE_MS) return past.format(-Math.floor(ageMs / SECOND_MS), 'second')
    if (ageMs < HOUR_MS) return past.format(-Math.floor(ageMs / MINUTE_MS), 'minute')
    if (ageMs < DAY_MS) return past.format(-Math.floor(ageMs / HOUR_MS), 'hour')
    if (ageMs < 7 * DAY_MS) return past.format(-Math.floor(ageMs / DAY_MS), 'day')
    return day(date)
  }
}

/** A length of time to the unit that matters, rounded up: "45 sec", "12 min", "3 hr". */
function writeDuration(tag: string, seconds: number): string {
  if (seconds < 60) return writeUnit(tag, 'second', Math.ceil(seconds))
  if (seconds < 3_600) return writeUnit(tag, 'minute', Math.ceil(seconds / 60))
  if (seconds < 2 * 86_400) return writeUnit(tag, 'hour', Math.ceil(seconds / 3_600))
  return writeUnit(tag, 'day', Math.ceil(seconds / 86_400))
}

function writeMilliseconds(tag: string, ms: number): string {
  if (ms < SECOND_MS) return writeUnit(tag, 'millisecond', Math.round(ms))
  return ms < MINUTE_MS ? writeUnit(tag, 'second', ms / SECOND_MS) : writeDuration(tag, ms / SECOND_MS)
}

/** Thousands, as gateways' limits of payloads are not: those are written as exact bytes. */
function writeBytes(tag: string, bytes: number): string {
  const power = Math.min(BYTE_UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  return writeUnit(tag, BYTE_UNITS[power] ?? 'byte', bytes / 1_000 ** power)
}

function writeUnit(tag: string, unit: string, value: number): string {
  return new Intl.NumberFormat(tag, { style: 'unit', unit, maximumFractionDigits: 1 }).format(value)
}
