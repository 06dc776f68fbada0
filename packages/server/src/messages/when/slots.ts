/**
 * Slots: the moments at which the parts of a message by local time are due. In which slot a device is follows from its zone alone
 * (its name, else its offset, else the zone for those that tell none), so all slots are known when the sending begins,
 * without a look at any device: a table of every zone that there is, kept with the message. By best hour the table has the hours
 * of the day as well, and the zone counts for devices without one.
 *
 * Source of the zones: the time zone database (IANA), as Node has it.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { LocalTime } from '@roost/protocol'
import { bestHourSql } from './best-hour.ts'
import {
  momentOf,
  type OffsetAt,
  offsetsOf,
  QUARTER_MS,
  quartersOf,
  quartersOfYear,
  type ToldZone,
} from './zones.ts'

/**
 * Seconds since 1970, by what devices tell: the name of a zone; that and an offset in quarters of an hour that the zone has in
 * the year, so that the name of a zone that a device has left does not count; the offset alone; '' for nothing.
 */
export type SlotOf = Readonly<Record<string, number>>

/** Of devices whose hour had passed and that are not to be sent to. */
export const PASSED_SLOT = 0

const QUARTERS_TOLD_MAX = 96
/** The ends of the earth are at UTC−12 and UTC+14. */
const QUARTERS_MIN = -48
const QUARTERS_MAX = 56
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** So long before clocks in UTC the first ones on earth show a time … */
export const EARLIEST_AHEAD_MS = QUARTERS_MAX * QUARTER_MS
/** … and so long after them the last ones. */
export const LATEST_BEHIND_MS = -QUARTERS_MIN * QUARTER_MS
/** What devices have told until then is stored, on all servers: a device's hour stays what it is. */
const OPENS_SETTLED_MS = 10 * 60_000
/** What 20 zones cost is some 5 ms, in which nothing else happens. */
const ZONES_A_TURN = 20

/** What it takes to tell in which slot a device is. */
export interface Slots {
  /** When devices with such a clock are due, ms; undefined: never. */
  readonly dueAt: (offsetAt: OffsetAt) => number | undefined
  /** Of devices that tell none. */
  readonly otherwiseTimeZone: string
  /** ms. */
  readonly begin: number
  /** By best hour: when each hour of the day is due, and until when opens count; ms. */
  readonly hours?: readonly number[]
  readonly opensUntil?: number
}

/** What is known of a device. */
export interface ToldSlot extends ToldZone {
  /** By best hour: its own, if it has one. */
  readonly hour: number | null
}

/** Seconds since 1970. For devices that are named: what a table costs is worth it for many. */
export function slotOfDevice(slots: Slots, { hour, timeZone, timezoneSeconds }: ToldSlot): number {
  if (hour !== null && slots.hours !== undefined) return inSeconds(slots.hours[hour])
  const named = timeZone === null ? undefined : offsetsOf(timeZone)
  const quarters = timezoneSeconds === null ? undefined : quartersOf(timezoneSeconds)
  if (named !== undefined && (quarters === undefined || hasOffset(named, quarters, slots.begin)))
    return slotOfClock(slots, named)
  return slotOfClock(slots, quarters === undefined ? clockOf(slots.otherwiseTimeZone) : fixedClock(quarters))
}

function hasOffset(offsetAt: OffsetAt, quarters: number, at: number): boolean {
  return quartersOfYear(offsetAt, at).includes(quarters)
}

/** For all zones and offsets; `slotSql` reads it. */
export async function tableOf(slots: Slots): Promise<SlotOf> {
  const { hours, opensUntil, begin } = slots
  const table: Record<string, number> = { '': slotOfClock(slots, clockOf(slots.otherwiseTimeZone)) }
  for (let quarters = -QUARTERS_TOLD_MAX; quarters <= QUARTERS_TOLD_MAX; quarters++)
    table[quarters] = slotOfClock(slots, fixedClock(quarters))
  for (const [i, zone] of zones().entries()) {
    if (i % ZONES_A_TURN === 0) await turn()
    const clock = clockOf(zone)
    const slot = slotOfClock(slots, clock)
    table[zone] = slot
    for (const quarters of quartersOfYear(clock, begin)) table[`${zone} ${quarters}`] = slot
  }
  for (const [hour, at] of (hours ?? []).entries()) table[`hour ${hour}`] = inSeconds(at)
  return opensUntil === undefined ? table : { ...table, opens: inSeconds(opensUntil) }
}

function slotOfClock({ dueAt }: Slots, offsetAt: OffsetAt): number {
  return inSeconds(dueAt(offsetAt))
}

function inSeconds(ms: number | undefined): number {
  return ms === undefined ? PASSED_SLOT : Math.floor(ms / 1000)
}

/** One that is not known any more has the time of UTC. */
function clockOf(zone: string): OffsetAt {
  return offsetsOf(zone) ?? (() => 0)
}

function fixedClock(quarters: number): OffsetAt {
  const ahead = Math.min(QUARTERS_MAX, Math.max(QUARTERS_MIN, quarters)) * QUARTER_MS
  return () => ahead
}

function zones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')]
}

interface Begin {
  /** When the sending begins, ms: hours before it have passed. */
  readonly begin: number
  /** Of devices that tell none, unless the message names one. */
  readonly appTimeZone: string
}

export function slotsOfLocalTime(localTime: LocalTime, { begin, appTimeZone }: Begin): Slots {
  const { passed = 'now', otherwiseTimeZone = appTimeZone } = localTime
  const wall = wallOf(localTime.at)
  const dueAt = (offsetAt: OffsetAt) => {
    const first = momentOf(wall, offsetAt)
    if (first >= begin) return first
    if (passed === 'nextDay') return nextDay(wall, { begin, offsetAt })
    return passed === 'now' ? begin : undefined
  }
  return { dueAt, otherwiseTimeZone, begin }
}

/** Each hour of the day comes once within the 24 hours from the beginning on; `hour` is that of devices without a best one. */
export function slotsOfBestHour(
  { hour, otherwiseTimeZone }: { readonly hour: number; readonly otherwiseTimeZone?: string | undefined },
  { begin, appTimeZone }: Begin,
): Slots {
  const dueAt = (offsetAt: OffsetAt) => {
    const today = Math.floor((begin + offsetAt(begin)) / DAY_MS) * DAY_MS
    return nextDay(today + hour * HOUR_MS, { begin, offsetAt })
  }
  const today = Math.floor(begin / DAY_MS) * DAY_MS
  const hours = Array.from({ length: 24 }, (_, i) => {
    const at = today + i * HOUR_MS
    return at + HOUR_MS <= begin ? at + DAY_MS : Math.max(at, begin)
  })
  const opensUntil = begin - OPENS_SETTLED_MS
  return { dueAt, otherwiseTimeZone: otherwiseTimeZone ?? appTimeZone, begin, hours, opensUntil }
}

/** The first day on which clocks show it and it has not passed. */
function nextDay(
  wall: number,
  { begin, offsetAt }: { readonly begin: number; readonly offsetAt: OffsetAt },
): number {
  const first = momentOf(wall, offsetAt)
  for (let days = Math.max(0, Math.floor((begin - first) / DAY_MS)); ; days++) {
    const next = momentOf(wall + days * DAY_MS, offsetAt)
    if (next >= begin) return next
  }
}

/** When the first device on earth may be due, ms. */
export function earliestSlot({ at }: LocalTime): number {
  return wallOf(at) - EARLIEST_AHEAD_MS
}

/** From this moment on it has passed everywhere, ms. */
export function latestSlot({ at }: LocalTime): number {
  return wallOf(at) + LATEST_BEHIND_MS
}

/** As if its clock were in UTC, ms. */
function wallOf(at: string): number {
  return Date.parse(`${at}:00Z`)
}

/** SQL over `device d`: its slot; `slotOf` is SQL, too. */
export function slotSql(slotOf: string): string {
  const until = `to_timestamp((${slotOf} ->> 'opens')::double precision)`
  const quarters = 'round(d.timezone_seconds / 900.0)::integer::text'
  return `to_timestamp(coalesce(
    case when ${slotOf} ? 'opens' then ${slotOf} ->> ('hour ' || ${bestHourSql(until)}) end,
    ${slotOf} ->> concat_ws(' ', d.record ->> 'timeZone', ${quarters}), ${slotOf} ->> ${quarters},
    ${slotOf} ->> '')::double precision)`
}
