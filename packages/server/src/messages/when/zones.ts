/**
 * Clocks on walls, and the moments at which they show a time. Of a time that comes twice when clocks are put back the first one
 * is meant; one that clocks jump over is as long after the jump as it would have been after the last minute before.
 *
 * A wall time is written as the moment at which a clock in UTC shows it, in ms.
 */
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** All zones that there are keep to quarters of an hour; devices may say anything. */
export const QUARTER_MS = HOUR_MS / 4

/** How far clocks there are ahead of UTC at a moment, ms. */
export type OffsetAt = (at: number) => number

/** Undefined for a zone that is not known. It holds some 50 KB as long as it is kept. */
export function offsetsOf(zone: string): OffsetAt | undefined {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
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
    // 12/31/2026, 23:59:59. A quarter of what its parts cost, which are asked for ten times a zone.
    const [month = 0, day, year = 0, hour, minute, second] = (format.format(at).match(/\d+/g) ?? []).map(
      Number,
    )
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000
  }
}

/** When clocks show a wall time, ms. */
export function momentOf(wall: number, offsetAt: OffsetAt): number {
  // The offset before and after any change of that day; the earlier moment that shows this time is taken.
  const tried = [wall - DAY_MS, wall + DAY_MS].map(it => wall - offsetAt(it))
  const shown = tried.filter(it => it + offsetAt(it) === wall)
  return shown.length > 0 ? Math.min(...shown) : Math.max(...tried)
}

/** Each costs some 10 µs, for each zone. Where clocks are changed for a month alone (Morocco) one may be missed. */
const YEAR_SAMPLES = 6
const SAMPLED_EACH_MS = 61 * DAY_MS

/** Of a year around a moment: all offsets of the zone, in quarters of an hour. */
export function quartersOfYear(offsetAt: OffsetAt, at: number): number[] {
  const months = Array.from({ length: YEAR_SAMPLES }, (_, i) => at + (i - YEAR_SAMPLES / 2) * SAMPLED_EACH_MS)
  return [...new Set(months.map(it => Math.round(offsetAt(it) / QUARTER_MS)))]
}

/** What a device tells of its zone. */
export interface ToldZone {
  /** IANA name. */
  readonly timeZone: string | null
  readonly timezoneSeconds: number | null
}

interface KnownZone {
  readonly seconds: number
  readonly quarters: readonly number[]
  /** Until the next quarter of an hour, at which clocks may be changed; ms. */
  readonly until: number
}

/**
 * How far the clocks of devices are ahead of UTC. A name goes before an offset, which may be of before the last change of clocks;
 * unless the offset is none of that zone's, since then the device has moved and its name is of before.
 */
export class DeviceClocks {
  /** By name; there are some 600. */
  readonly #zones = new Map<string, KnownZone>()

  /** In seconds; null when the device tells nothing. */
  secondsAt({ timeZone, timezoneSeconds }: ToldZone, at: number): number | null {
    const zone = timeZone === null ? undefined : this.#zoneAt(timeZone, at)
    if (zone === undefined) return timezoneSeconds
    const fits = timezoneSeconds === null || zone.quarters.includes(quartersOf(timezoneSeconds))
    return fits ? zone.seconds : timezoneSeconds
  }

  #zoneAt(name: string, at: number): KnownZone | undefined {
    const known = this.#zones.get(name)
    if (known !== undefined && at < known.until && at >= known.until - QUARTER_MS) return known
    const offsetAt = offsetsOf(name)
    if (offsetAt === undefined) return undefined
    const zone: KnownZone = {
      seconds: offsetAt(at) / 1000,
      quarters: quartersOfYear(offsetAt, at),
      until: (Math.floor(at / QUARTER_MS) + 1) * QUARTER_MS,
    }
    this.#zones.set(name, zone)
    return zone
  }
}

/** The offset that it is, in quarters of an hour. */
export function quartersOf(seconds: number): number {
  return Math.round((seconds * 1000) / QUARTER_MS)
}
