/**
 * Times as back ends write them: `YYYY-MM-DD HH:mm` on the wall of a named zone, as PHP calls them (IANA names), UTC when none is
 * named. Of a time that comes twice when clocks are put back the first one is meant; one that clocks jump over is the
 * moment after the jump.
 */
const WALL_TIME = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::(\d\d))?$/

/** ms since the epoch; undefined when it is no such time or zone. */
export function readWallTime(text: string, zone = 'UTC'): number | undefined {
  const parts = WALL_TIME.exec(text.trim())
  if (parts === null) return undefined
  const wall = Date.parse(`${parts[1]}T${parts[2]}:${parts[3] ?? '00'}Z`)
  if (Number.isNaN(wall)) return undefined
  const offsetAt = offsetsOf(zone)
  if (offsetAt === undefined) return undefined
  // The offset before and after any change of that day; the earlier moment that shows this time is taken.
  const tried = [wall - DAY_MS, wall + DAY_MS].map(it => wall - offsetAt(it))
  const shown = tried.filter(it => it + offsetAt(it) === wall)
  return shown.length > 0 ? Math.min(...shown) : Math.max(...tried)
}

const DAY_MS = 24 * 3_600_000

/** How far the zone's walls are ahead of UTC at a moment, ms; undefined for a zone that is not known. */
function offsetsOf(zone: string): ((at: number) => number) | undefined {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
  } catch {
    return undefined
  }
  return at => {
    const of = Object.fromEntries(format.formatToParts(at).map(it => [it.type, it.value]))
    const shown = Date.parse(`${of.year}-${of.month}-${of.day}T${of.hour}:${of.minute}:${of.second}Z`)
    return shown - Math.floor(at / 1000) * 1000
  }
}
