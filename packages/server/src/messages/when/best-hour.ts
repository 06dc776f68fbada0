/**
 * The hour at which people open what they get: of a device, from its own opens; of an app, for devices that have opened too little to
 * tell. Only what came before the sending counts, so that no open of the message itself moves a device.
 *
 * A device's hour is one of UTC: it needs no zone, and who travels is at home most of the days.
 */
import { BUCKETS } from '../../registry/buckets.ts'
import type { Queryable } from '../../store/database.ts'

const OPENS_DAYS = 30
/** Fewer say more about when messages were sent. */
const OPENS_MIN = 3

/** SQL over `device d`: 0 to 23, or null. `until` is SQL, too. Uses the index receipt_of_device; measured some 15 µs a device. */
export function bestHourSql(until: string): string {
  return `(
    select o.hour from (
      select extract(hour from r.at at time zone 'UTC')::integer as hour, count(*) as opens, max(r.at) as last_at,
             sum(count(*)) over () as total
        from receipt r
       where r.bucket = d.bucket and r.app_id = d.app_id and r.hwid = d.hwid and r.kind = 'opened'
         and r.at < ${until} and r.at >= ${until} - interval '${OPENS_DAYS} days'
       group by 1) o
     where o.total >= ${OPENS_MIN}
     order by o.opens desc, o.last_at desc limit 1)`
}

/** Read of each bucket: enough to tell one hour of the day from the others. */
const OPENS_OF_BUCKET = 20
/** Where nobody has opened anything. */
const HOUR_OF_NOBODY = 12

/** On the clocks of its devices. */
const HOUR_OF_APP = `
  select extract(hour from s.at at time zone 'UTC')::integer as hour
    from generate_series(0, ${BUCKETS - 1}) as b (bucket)
   cross join lateral (
     select r.at + coalesce(d.timezone_seconds, 0) * interval '1 second' as at
       from receipt r
       join device d on d.bucket = r.bucket and d.app_id = r.app_id and d.hwid = r.hwid
      where r.bucket = b.bucket::smallint and r.app_id = $1 and r.kind = 'opened'
        and r.at < $2 and r.at >= $2::timestamptz - interval '${OPENS_DAYS} days'
      limit ${OPENS_OF_BUCKET}) s
   group by 1 order by count(*) desc, 1 limit 1`

/** 0 to 23, on the clocks of its devices. */
export async function bestHourOfApp(
  db: Queryable,
  { appId, until }: { readonly appId: number; readonly until: number },
): Promise<number> {
  const { rows } = await db.query<{ hour: number }>(HOUR_OF_APP, [appId, new Date(until)])
  return rows[0]?.hour ?? HOUR_OF_NOBODY
}
