/**
 * What a call tells of a device's zone. A name that comes without an offset is its later word: the offset that is stored may
 * be of the zone that it has left, and would go before the name (`DeviceClocks`), so the name's own takes its place.
 */
import { DeviceClocks, type ToldZone } from '../messages/when/zones.ts'

/** Zones are the same for all apps and servers, and an offset costs a hundred times as much without what is kept here. */
const clocks = new DeviceClocks()

/** In seconds; null when nothing is told. */
export function offsetTold({ timeZone, timezoneSeconds }: ToldZone, at: number): number | null {
  if (timezoneSeconds !== null || timeZone === null) return timezoneSeconds
  return clocks.secondsAt({ timeZone, timezoneSeconds }, at)
}
