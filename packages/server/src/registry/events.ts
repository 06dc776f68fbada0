/**
 * Events that apps post: for each device and kind of event how often, by day (UTC) of the last ones too, and the last one. A
 * device that posts without end fills nothing: the kinds are limited, and further ones are not remembered.
 */
import { EVENT_ATTRIBUTES_BYTES, EVENT_DAYS, EVENTS_PER_DEVICE } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { bucketOf } from './buckets.ts'

export interface PostedEvent {
  readonly appId: number
  readonly hwid: string
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>> | null
  readonly at: number
}

/** Of the days that are kept, without the last. */
const FORMER = `unnest(e.days, e.day_counts) as d (day, n) where d.day > $7::date - ${EVENT_DAYS + 1} and d.day < $7`
/** A clock that went back may not upset their order: such an event counts on the newest day. */
const IS_OF_LAST_DAY = 'e.days[cardinality(e.days)] >= $7'

/**
 * Attributes that are too long are left out; that the event happened counts all the same. The device's row is held, so that
 * nothing is stored beside an erasure of it: whichever comes second waits.
 */
const COUNT = `
  with known as (select 1 from device where bucket = $1 and app_id = $2 and hwid = $3 for key share)
  insert into device_event as e (bucket, app_id, hwid, name, first_at, last_at, attributes, days, day_counts)
  select $1::smallint, $2::integer, $3::text, $4::text, $5::timestamptz, $5,
         case when octet_length($6::jsonb::text) <= ${EVENT_ATTRIBUTES_BYTES} then $6::jsonb end,
         array[$7::date], array[1]
    from known
   where exists (select from device_event k where k.bucket = $1 and k.app_id = $2 and k.hwid = $3 and k.name = $4)
      or (select count(*) from device_event k where k.bucket = $1 and k.app_id = $2 and k.hwid = $3)
         < ${EVENTS_PER_DEVICE}
  on conflict (bucket, app_id, hwid, name) do update
     set count = e.count + 1, last_at = greatest(excluded.last_at, e.last_at), attributes = excluded.attributes,
         days = case when ${IS_OF_LAST_DAY} then e.days
                     else array(select d.day from ${FORMER} order by d.day) || $7::date end,
         day_counts = case when ${IS_OF_LAST_DAY}
                           then e.day_counts[:cardinality(e.days) - 1] || e.day_counts[cardinality(e.days)] + 1
                           else array(select d.n from ${FORMER} order by d.day) || 1 end`

export async function countEvent(db: Queryable, event: PostedEvent): Promise<void> {
  await db.query(COUNT, [
    bucketOf(event.hwid),
    event.appId,
    event.hwid,
    event.name,
    new Date(event.at),
    event.attributes === null ? null : JSON.stringify(event.attributes),
    dayOf(event.at),
  ])
}

/** In UTC, as dates are written. */
function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

export interface DeviceEvent {
  readonly name: string
  readonly count: number
  readonly firstAt: string
  readonly lastAt: string
  readonly attributes: Readonly<Record<string, unknown>> | null
}

/** Last one first. */
export async function listEvents(
  db: Queryable,
  { appId, hwid }: { readonly appId: number; readonly hwid: string },
): Promise<DeviceEvent[]> {
  const { rows } = await db.query<DeviceEvent>(
    `select name, count, first_at as "firstAt", last_at as "lastAt", attributes
       from device_event where bucket = $1 and app_id = $2 and hwid = $3 order by last_at desc, name`,
    [bucketOf(hwid), appId, hwid],
  )
  return rows
}
