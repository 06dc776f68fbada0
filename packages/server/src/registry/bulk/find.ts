/** Whom an entry of a bulk call names: a device by its hwid, the holder of a token, or all devices of a user. */
import type { BulkTarget } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import { addressBucketOf, bucketOf } from '../buckets.ts'
import { hashesOfToken } from '../token-holders.ts'

/** Uses the primary key of device. */
const BY_HWID = `
  select i.place, d.hwid
    from unnest($2::integer[], $3::smallint[], $4::text[]) as i (place, bucket, hwid)
    join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid`

/** Uses the index device_of_user. */
const BY_USER = `
  select i.place, d.hwid
    from unnest($2::integer[], $3::text[]) as i (place, user_id)
    join device d on d.app_id = $1 and d.user_id = i.user_id`

/** Uses the primary key of address_directory. */
const BY_ADDRESS = `
  select i.place, h.hwid, i.hash
    from unnest($2::integer[], $3::smallint[], $4::bytea[]) as i (place, address_bucket, hash)
    join address_directory h on h.address_bucket = i.address_bucket and h.app_id = $1 and h.address_hash = i.hash
    join device d on d.bucket = h.bucket and d.app_id = h.app_id and d.hwid = h.hwid`

export interface Found {
  readonly hwid: string
  /** Of the token that was named; a device may have another one by now. */
  readonly hash: Buffer | null
}

/** For each target, in their order, the devices that it names; none for what the app does not have. */
export async function findTargets(
  db: Queryable,
  appId: number,
  targets: readonly BulkTarget[],
): Promise<Found[][]> {
  const found: Found[][] = targets.map(() => [])
  const note = (rows: readonly { place: number; hwid: string; hash?: Buffer }[]) => {
    for (const { place, hwid, hash = null } of rows) found[place]?.push({ hwid, hash })
  }
  const placed = targets.map((target, place) => ({ target, place }))
  const hwids = placed.flatMap(({ target, place }) =>
    'hwid' in target ? [{ place, hwid: target.hwid }] : [],
  )
  const users = placed.flatMap(({ target, place }) =>
    'userId' in target ? [{ place, id: target.userId }] : [],
  )
  const hashes = placed.flatMap(({ target, place }) =>
    'pushToken' in target ? hashesOfToken(target.pushToken).map(hash => ({ place, hash })) : [],
  )
  const query = async (sql: string, ...columns: unknown[][]) => {
    if (columns[0]?.length === 0) return
    note((await db.query<{ place: number; hwid: string; hash?: Buffer }>(sql, [appId, ...columns])).rows)
  }
  await query(
    BY_HWID,
    hwids.map(it => it.place),
    hwids.map(it => bucketOf(it.hwid)),
    hwids.map(it => it.hwid),
  )
  await query(
    BY_USER,
    users.map(it => it.place),
    users.map(it => it.id),
  )
  await query(
    BY_ADDRESS,
    hashes.map(it => it.place),
    hashes.map(it => addressBucketOf(it.hash)),
    hashes.map(it => it.hash),
  )
  return found
}
