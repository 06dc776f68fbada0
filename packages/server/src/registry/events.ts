/**
 * Events that apps post: for each device and kind of event how often, by day (UTC) of the last ones too, and the last one. A
 * device that posts without end fills nothing: the kinds are limited, and further ones are not remembered.
 */
import { EVENT_ATTRIBUTES_BYTES, EVENT_DAYS, EVENTS_PER_DEVICE } from '@roost/protocol'
import { jsonArray, plainArray, textArray } from '../store/array-literals.ts'
import type { Database, Queryable } from '../store/database.ts'
import { MicroBatch } from '../store/micro-batch.ts'
import { bucketOf } from './buckets.ts'
import { deviceOrder } from './lock-order.ts'

export interface PostedEvent {
  readonly appId: number
  readonly hwid: string
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>> | null
  readonly at: number
}

/** Of the days that are kept, without the last. */
const FORMER = `unnest(e.days, e.day_counts) as d (day, n)
  where d.day > excluded.days[1] - ${EVENT_DAYS + 1} and d.day < excluded.days[1]`
/** A clock that went back may not upset their order: such an event counts on the newest day. */
const IS_OF_LAST_DAY = 'e.days[cardinality(e.days)] >= excluded.days[1]'

/** The devices' rows are held, so that nothing is stored beside an erasure of one: whichever comes second waits. */
const HOLD_DEVICES = `
  select i.place - 1 as place, d.user_id as "userId"
    from unnest($1::smallint[], $2::integer[], $3::text[]) with ordinality as i (bucket, app_id, hwid, place)
    join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
   order by ${deviceOrder('d')} for key share of d`

/** Of each device once. Attributes that are too long are left out; that the event happened counts all the same. */
const COUNT = `
  insert into device_event as e (bucket, app_id, hwid, name, first_at, last_at, attributes, days, day_counts)
  select i.bucket, i.app_id, i.hwid, i.name, i.at, i.at,
         case when octet_length(i.attributes::text) <= ${EVENT_ATTRIBUTES_BYTES} then i.attributes end,
         array[i.day], array[1]
    from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::timestamptz[], $6::jsonb[], $7::date[])
           as i (bucket, app_id, hwid, name, at, attributes, day)
   where exists (select from device_event k
                  where k.bucket = i.bucket and k.app_id = i.app_id and k.hwid = i.hwid and k.name = i.name)
      or (select count(*) from device_event k where k.bucket = i.bucket and k.app_id = i.app_id and k.hwid = i.hwid)
         < ${EVENTS_PER_DEVICE}
   order by ${deviceOrder('i')}
  on conflict (bucket, app_id, hwid, name) do update
     set count = e.count + 1, last_at = greatest(excluded.last_at, e.last_at), attributes = excluded.attributes,
         days = case when ${IS_OF_LAST_DAY} then e.days
                     else array(select d.day from ${FORMER} order by d.day) || excluded.days end,
         day_counts = case when ${IS_OF_LAST_DAY}
                           then e.day_counts[:cardinality(e.days) - 1] || e.day_counts[cardinality(e.days)] + 1
                           else array(select d.n from ${FORMER} order by d.day) || 1 end`

/** An event of a device that is there. */
export interface HappenedEvent extends PostedEvent {
  readonly bucket: number
  /** Whose the device is; null: nobody's. */
  readonly userId: string | null
}

/** More per statement gains nothing. */
const MAX_BATCH = 500

export interface EventsOptions {
  readonly db: Database
  /**
   * What else events come to, in the transaction that counts them; they are in the order in which they came. Gives back whether
   * something became due by them.
   */
  readonly onHappened: (tx: Queryable, events: readonly HappenedEvent[]) => Promise<boolean>
  /** After the commit. */
  readonly onDue: () => void
}

/** Events that arrive together share one transaction, and one connection: a table that is stuck holds up nothing else. */
export class Events {
  readonly #batch: MicroBatch<PostedEvent, undefined>

  constructor({ db, onHappened, onDue }: EventsOptions) {
    this.#batch = new MicroBatch({
      maxSize: MAX_BATCH,
      keysOf: ({ appId, hwid }) => [`${appId} ${hwid}`],
      run: async events => {
        const isDue = await db.transaction(async tx => {
          const happened = await countEvents(tx, events)
          return happened.length > 0 && (await onHappened(tx, happened))
        })
        if (isDue) onDue()
        return events.map(() => undefined)
      },
    })
  }

  /** Resolves after the commit. An event of a device that is not there is as if it had not come. */
  async post(event: PostedEvent): Promise<void> {
    await this.#batch.add(event)
  }

  settled(): Promise<void> {
    return this.#batch.settled()
  }
}

/** Of each device one event at most. Returns those of devices that are there, in the given order. */
export async function countEvents(tx: Queryable, events: readonly PostedEvent[]): Promise<HappenedEvent[]> {
  const { rows } = await tx.query<{ place: number; userId: string | null }>(HOLD_DEVICES, [
    plainArray(events, it => bucketOf(it.hwid)),
    plainArray(events, it => it.appId),
    textArray(events, it => it.hwid),
  ])
  const happened = rows
    .sort((one, other) => one.place - other.place)
    .map(({ place, userId }) => {
      const event = events[place] as PostedEvent
      return { ...event, bucket: bucketOf(event.hwid), userId }
    })
  if (happened.length > 0) await count(tx, happened)
  return happened
}

async function count(tx: Queryable, events: readonly HappenedEvent[]): Promise<void> {
  await tx.query(COUNT, [
    plainArray(events, it => it.bucket),
    plainArray(events, it => it.appId),
    textArray(events, it => it.hwid),
    textArray(events, it => it.name),
    textArray(events, it => new Date(it.at).toISOString()),
    jsonArray(events, it => it.attributes),
    textArray(events, it => dayOf(it.at)),
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
