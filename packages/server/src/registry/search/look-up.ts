/**
 * Look-ups: whatever somebody has in hand of a device (its hwid, the beginning of one, a user id, a push token) finds the
 * device, by keys alone. So it is as fast with ten million devices as with ten (docs/look-ups.md has the figures).
 *
 * whole hwid: the primary key of device · beginning of a hwid: the same key, once in each of the 1024 buckets · user id and its beginning: the
 * index device_of_user · former user: the index former_user_by_name · whole token: the primary keys of address_directory and address · end of a
 * token: the index address_end.
 */
import {
  type FoundBy,
  type FoundDevice,
  HWID_CHARACTERS,
  type LookUpBy,
  USER_ID_CHARACTERS,
} from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import { BUCKETS, bucketOf } from '../buckets.ts'
import { findEndHolders, findTokenHolders } from '../token-holders.ts'
import { beginningOf } from './beginning.ts'

export interface LookUp {
  readonly appId: number
  readonly text: string
  readonly by: LookUpBy
  readonly limit: number
}

/** Shorter ones begin too many: an app's code begins them all. */
const BEGINNING_CHARACTERS_MIN = 4

type Way = (db: Queryable, query: LookUp) => Promise<Omit<FoundDevice, 'by'>[]>

const WAYS: Readonly<Record<FoundBy, Way>> = {
  hwid: (db, query) => readFound(db, query, BY_HWID, [bucketOf(query.text), query.text]),
  user: (db, query) => readFound(db, query, BY_USER, [query.text]),
  token: findByToken,
  former_user: (db, query) => readFound(db, query, BY_FORMER_USER, [query.text]),
  hwid_beginning: findByBeginning,
  user_beginning: findByBeginningOfUser,
  token_end: findByTokenEnd,
}

const WHOLE: readonly FoundBy[] = ['hwid', 'user', 'token', 'former_user']
const PARTS: readonly FoundBy[] = ['hwid_beginning', 'user_beginning', 'token_end']

/**
 * Each device once, by the first way that finds it; `limit` of them at most. Of `any`, a text that is somebody's whole name is looked for as
 * a part of none.
 */
export async function lookUp(db: Queryable, query: LookUp): Promise<FoundDevice[]> {
  const { by } = query
  if (by !== 'any') return findBy([by], db, query)
  const found = await findBy(WHOLE, db, query)
  return found.length > 0 ? found : findBy(PARTS, db, query)
}

async function findBy(ways: readonly FoundBy[], db: Queryable, query: LookUp): Promise<FoundDevice[]> {
  const found = new Map<string, FoundDevice>()
  for (const by of ways) {
    if (found.size >= query.limit) break
    for (const device of await WAYS[by](db, query))
      if (!found.has(device.hwid)) found.set(device.hwid, { by, ...device })
  }
  return [...found.values()].slice(0, query.limit)
}

/** Of a device that had several addresses, the one that is sent to, else the last that ended. */
const FOUND = `
  select d.hwid, d.platform, d.device_model as "deviceModel", d.user_id as "userId", d.app_version as "appVersion",
         d.record ->> 'bundleId' as "bundleId", d.record ->> 'sdkVersion' as "sdkVersion",
         d.last_seen_at as "lastSeenAt", newest.address, newest.since
    from k join device d on d.bucket = k.bucket and d.app_id = $1 and d.hwid = k.hwid
    left join lateral (
      select state_since as since,
             jsonb_build_object('kind', a.kind, 'provider', a.provider, 'environment', nullif(a.environment, ''),
               'state', a.state, 'reason', a.reason, 'generation', a.generation, 'addressEnd', right(a.address, 8)) as address
        from address a
       where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = 'alert'
       order by (a.state in ('active', 'suspect')) desc, a.state_since desc
       limit 1) newest on true
   order by d.last_seen_at desc, d.hwid limit $2`

const BY_HWID = `with k as (select $3::smallint as bucket, $4::text as hwid) ${FOUND}`

/** A name that clients give to everybody ("guest") has millions of devices: of more than these the newest are not sought. */
const DEVICES_OF_USER_READ = 1000
const BY_USER = `with k as (select bucket, hwid from device where app_id = $1 and user_id = $3 limit ${DEVICES_OF_USER_READ}) ${FOUND}`

/** Whose it is by now is told with it. */
const BY_FORMER_USER = `with k as (select bucket, hwid from former_user where app_id = $1 and user_id = $3 limit ${DEVICES_OF_USER_READ}) ${FOUND}`

/**
 * The beginning is a range of the key where the database compares text by its bytes, as the embedded one does; another reads
 * the key as a whole.
 */
const BY_BEGINNING = `
  with k as (
    select m.bucket, m.hwid
      from generate_series(0, ${BUCKETS - 1}) as b (bucket) cross join lateral (
        select d.bucket, d.hwid from device d
         where d.bucket = b.bucket::smallint and d.app_id = $1 and d.hwid like $3
         order by d.hwid limit $2) m
     order by m.hwid collate "C" limit $2
  ) ${FOUND}`

/**
 * A range of the index where the database compares text by its bytes, as for a hwid. The first of them by name: of a beginning that millions
 * share the rest is not read.
 */
const BY_BEGINNING_OF_USER = `
  with k as (select bucket, hwid from device where app_id = $1 and user_id like $3 order by user_id limit $2) ${FOUND}`

type Row = Omit<FoundDevice, 'by' | 'address'> & {
  readonly address: Omit<NonNullable<FoundDevice['address']>, 'since'> | null
  readonly since: string | null
}

async function readFound(
  db: Queryable,
  { appId, limit }: LookUp,
  sql: string,
  values: readonly unknown[],
): Promise<Omit<FoundDevice, 'by'>[]> {
  const { rows } = await db.query<Row>(sql, [appId, limit, ...values])
  return rows.map(({ since, address, ...row }) => ({
    ...row,
    address: address === null || since === null ? null : { ...address, since },
  }))
}

async function findByBeginning(db: Queryable, query: LookUp): Promise<Omit<FoundDevice, 'by'>[]> {
  const { length } = query.text
  if (length < BEGINNING_CHARACTERS_MIN || length > HWID_CHARACTERS) return []
  return readFound(db, query, BY_BEGINNING, [beginningOf(query.text)])
}

async function findByBeginningOfUser(db: Queryable, query: LookUp): Promise<Omit<FoundDevice, 'by'>[]> {
  const { length } = query.text
  if (length < BEGINNING_CHARACTERS_MIN || length > USER_ID_CHARACTERS) return []
  return readFound(db, query, BY_BEGINNING_OF_USER, [beginningOf(query.text)])
}

async function findByToken(db: Queryable, query: LookUp): Promise<Omit<FoundDevice, 'by'>[]> {
  const { appId, text: token, limit } = query
  return withDetails(db, query, await findTokenHolders(db, { appId, token, limit }))
}

async function findByTokenEnd(db: Queryable, query: LookUp): Promise<Omit<FoundDevice, 'by'>[]> {
  const { appId, text: token, limit } = query
  return withDetails(db, query, await findEndHolders(db, { appId, token, limit }))
}

const BY_HWIDS = `with k as (select * from unnest($3::smallint[], $4::text[]) as i (bucket, hwid)) ${FOUND}`

/** With the address that the token is, which need not be the device's newest; in the order of the holders. */
async function withDetails(
  db: Queryable,
  query: LookUp,
  holders: readonly Pick<FoundDevice, 'hwid' | 'address'>[],
): Promise<Omit<FoundDevice, 'by'>[]> {
  if (holders.length === 0) return []
  const hwids = holders.map(it => it.hwid)
  const details = await readFound(db, query, BY_HWIDS, [hwids.map(bucketOf), hwids])
  const byHwid = new Map(details.map(it => [it.hwid, it]))
  return holders.flatMap(({ hwid, address }) => {
    const device = byHwid.get(hwid)
    return device === undefined ? [] : [{ ...device, address }]
  })
}
