/**
 * The times of a schedule: cron with five fields, on the clocks of a zone, or of each device.
 *
 * At a fixed time that clocks jump over it runs right after the jump, and at one that comes twice it runs the first time. What
 * recurs within the hour runs as often as the hour comes.
 * Source: croner, "fixedTimeRule"; POSIX crontab for the fields.
 */
import { Cron } from 'croner'
import { EARLIEST_AHEAD_MS } from '../when/slots.ts'

export interface Times {
  readonly cron: string
  readonly timeZone: string
  /** By the clock of each device; `timeZone` does not matter then. */
  readonly isLocal: boolean
}

const FIELDS = [
  ['minute', '0 to 59'],
  ['hour', '0 to 23'],
  ['day of the month', '1 to 31'],
  ['month', '1 to 12, or JAN to DEC'],
  ['day of the week', '0 to 7, or SUN to SAT'],
] as const
const NICKNAMES = ['@hourly', '@daily', '@weekly', '@monthly', '@yearly'] as const

/** What is wrong with it; undefined when nothing is. */
export function findTimesFault(times: Times, at: number): string | undefined {
  const fault = findCronFault(times.cron)
  if (fault !== undefined)
    return `body/cron: ${fault}; it is "minute hour day-of-month month day-of-week", like "0 9 * * 1-5"`
  return nextRun(times, at) === undefined
    ? `body/cron: no day that is yet to come is as "${times.cron}" says`
    : undefined
}

/** In our words: those of the library tell of seconds and years, which are none of ours. */
function findCronFault(cron: string): string | undefined {
  if (isPattern(cron)) return undefined
  if (cron.startsWith('@')) return `"${cron}" is none of ${NICKNAMES.join(', ')}`
  const fields = cron.split(/\s+/)
  if (fields.length !== FIELDS.length) return `"${cron}" has ${fields.length} fields, and needs five`
  const wrong = fields.findIndex(
    (field, place) => !isPattern(FIELDS.map((_, i) => (i === place ? field : '*')).join(' ')),
  )
  const [name, range] = FIELDS[wrong] ?? ['field', 'all that cron knows']
  return `"${fields[wrong] ?? cron}" is no ${name} (${range})`
}

function isPattern(cron: string): boolean {
  try {
    return cronOf({ cron, timeZone: 'UTC', isLocal: false }) !== undefined
  } catch {
    return false
  }
}

/** The first run after a moment, ms; undefined when there is none. */
export function nextRun(times: Times, after: number): number | undefined {
  return nextRuns(times, { after, count: 1 })[0]
}

export function nextRuns(
  times: Times,
  { after, count }: { readonly after: number; readonly count: number },
): number[] {
  const ahead = aheadOf(times)
  return cronOf(times)
    .nextRuns(count, new Date(after + ahead))
    .map(it => it.getTime() - ahead)
}

/** The last run that is due by a moment, ms; undefined when there was none. */
export function lastRun(times: Times, at: number): number | undefined {
  const ahead = aheadOf(times)
  // It counts what is before a moment, and one may be due in this very millisecond
  const last = cronOf(times).previousRuns(1, new Date(at + ahead + 1))[0]
  return last && last.getTime() - ahead
}

/** What clocks show at a run by local time, as `LocalTime` has it. */
export function clockAt(run: number): string {
  return new Date(run + EARLIEST_AHEAD_MS).toISOString().slice(0, 16)
}

/** A run by local time begins with the first device on earth. */
function aheadOf({ isLocal }: Times): number {
  return isLocal ? EARLIEST_AHEAD_MS : 0
}

function cronOf({ cron, timeZone, isLocal }: Times): Cron {
  return new Cron(cron, { mode: '5-part', timezone: isLocal ? 'UTC' : timeZone })
}
