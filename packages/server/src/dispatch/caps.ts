/**
 * Caps: at most so many messages to a device in so many days. A place is taken and committed before the sending, under the lock
 * of the device's row: of two campaigns at once one takes the last. What comes to nothing gives it back when its chunk is
 * settled; a crash in between leaves it to the same message, which finds its own place again.
 */
import { createHash } from 'node:crypto'
import type { Cap } from '@roost/protocol'
import type { Database, Queryable } from '../store/database.ts'
import type { Batch } from './lease.ts'

/** As long as the longest cap asks for. */
const REMEMBERED_DAYS = 30
const DAY_MS = 24 * 3_600_000

interface Device {
  readonly bucket: number
  readonly hwid: string
}

export interface Taking {
  readonly batch: Pick<Batch, 'appId' | 'messageId'>
  /** Null: it is counted, and refused to nobody. */
  readonly cap: Cap | null
  readonly devices: readonly Device[]
  readonly at: number
}

/** In order, so that two chunks with the same devices wait for each other and not in a circle. */
const TAKE_PLACES = `
  insert into device_cap as c (bucket, app_id, hwid, used_at, used_by)
  select i.bucket, $1, i.hwid, array[$4::timestamptz], array[$5::bigint]
    from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
   order by i.bucket, i.hwid
  on conflict (bucket, app_id, hwid) do update
     set (used_at, used_by) = (
       select array_agg(u.at order by u.at), array_agg(u.by order by u.at)
         from (select at, by from unnest(c.used_at, c.used_by) as k (at, by)
                where by <> $5 and at > $4::timestamptz - interval '${REMEMBERED_DAYS} days'
               union all select $4::timestamptz, $5::bigint) as u)
   where $6::integer is null
      or (select count(*) from unnest(c.used_at, c.used_by) as k (at, by) where by <> $5 and at > $7) < $6
  returning hwid`

/** Hwids of those who may be sent to; all of them where there is no cap. */
export async function takePlaces(
  db: Database,
  { batch, cap, devices, at }: Taking,
): Promise<ReadonlySet<string>> {
  const values = [
    batch.appId,
    devices.map(it => it.bucket),
    devices.map(it => it.hwid),
    new Date(at),
    nameOf(batch),
    cap?.messages ?? null,
    new Date(at - (cap?.days ?? REMEMBERED_DAYS) * DAY_MS),
  ]
  const { rows } = await db.transaction(tx => tx.query<{ hwid: string }>(TAKE_PLACES, values))
  return new Set(rows.map(row => row.hwid))
}

const CAPPED = `
  select c.hwid
    from unnest($2::smallint[], $3::text[], $4::timestamptz[]) as i (bucket, hwid, since)
    join device_cap c on c.bucket = i.bucket and c.app_id = $1 and c.hwid = i.hwid
   where (select count(*) from unnest(c.used_at) as k (at) where k.at > i.since) >= $5`

/** Those that have no place left at the moment that is said of each; nothing is taken. */
export async function readCapped(
  db: Queryable,
  {
    appId,
    cap,
    devices,
  }: {
    readonly appId: number
    readonly cap: Cap
    readonly devices: readonly (Device & { readonly at: number })[]
  },
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ hwid: string }>(CAPPED, [
    appId,
    devices.map(it => it.bucket),
    devices.map(it => it.hwid),
    devices.map(it => new Date(it.at - cap.days * DAY_MS)),
    cap.messages,
  ])
  return new Set(rows.map(row => row.hwid))
}

const GIVE_BACK_PLACES = `
  with mine as (
    select c.bucket, c.hwid from device_cap c
      join unnest($2::smallint[], $3::text[]) as i (bucket, hwid) on c.bucket = i.bucket and c.hwid = i.hwid
     where c.app_id = $1 and $4::bigint = any(c.used_by)
     order by c.bucket, c.hwid
       for update of c
  )
  update device_cap c
     set (used_at, used_by) = (
       select coalesce(array_agg(k.at order by k.at), '{}'), coalesce(array_agg(k.by order by k.at), '{}')
         from unnest(c.used_at, c.used_by) as k (at, by) where k.by <> $4)
    from mine where c.bucket = mine.bucket and c.app_id = $1 and c.hwid = mine.hwid`

/** Of deliveries that came to nothing; what may have been shown keeps its place. In the transaction that says so. */
export async function giveBackPlaces(
  tx: Queryable,
  batch: Taking['batch'],
  devices: readonly Device[],
): Promise<void> {
  if (devices.length === 0) return
  await tx.query(GIVE_BACK_PLACES, [
    batch.appId,
    devices.map(it => it.bucket),
    devices.map(it => it.hwid),
    nameOf(batch),
  ])
}

/** Of a message, in 8 bytes. */
function nameOf({ messageId }: Pick<Batch, 'messageId'>): string {
  return createHash('sha256').update(messageId).digest().readBigInt64BE().toString()
}
