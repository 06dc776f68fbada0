/**
 * Times as back ends write them: `YYYY-MM-DD HH:mm` on the wall of a named zone, as PHP calls them (IANA names), UTC when none is
 * named. Of a time that comes twice when clocks are put back the first one is meant; one that clocks jump over is the
 * moment after the jump.
 */
import { momentOf, offsetsOf } from '../../../messages/when/zones.ts'

const WALL_TIME = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::(\d\d))?$/

/** ms since the epoch; undefined when it is no such time or zone. */
export function readWallTime(text: string, zone = 'UTC'): number | undefined {
  const parts = WALL_TIME.exec(text.trim())
  if (parts === null) return undefined
  const wall = Date.parse(`${parts[1]}T${parts[2]}:${parts[3] ?? '00'}Z`)
  if (Number.isNaN(wall) || !isDay(parts[1] ?? '')) return undefined
  const offsetAt = offsetsOf(zone)
  if (offsetAt === undefined) return undefined
  return momentOf(wall, offsetAt)
}

/** `Date.parse` takes the 30th of February for the 2nd of March. */
function isDay(date: string): boolean {
  return new Date(`${date}T00:00Z`).toISOString().startsWith(date)
}
