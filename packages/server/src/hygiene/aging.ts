/**
 * Age: what was not heard of for long enough ends, and what has ended is forgotten after a while.
 *
 * R15 An address whose device has neither registered nor called in for 270 days (FCM) or a year (the others) is dead
 *     (`not_heard_of`). Where the app wishes it, so is one for alerts whose device has not opened the app for 90 days
 *     (`inactive`); a device that has never told of an open is judged by when it was last heard of. All of it is the app's to
 *     choose. Receipts are heard, too: whoever tells of a push gets pushes, and whoever opens one opens the app. A device that
 *     comes back is active at once (R6; an open suffices, revival.ts). What an import, an undo or a
 *     registration has brought in or back begins a new term (`ages_from`): that its device called in elsewhere long ago, or
 *     ended here for its silence, does not tell whether it can be reached, and a send does.
 *     An inactive one may well be alive: its row stays, for the next open, as long as it would have lived otherwise.
 * R27 Rows of addresses that ended or are quarantined are kept for 90 days (30 at least), so that late answers and audits find them. Of a
 *     corrected environment (R12) the row stays as long as the corrected address lives: it is what tells the next start.
 * R29 A web subscription whose own end has passed is dead.
 */
import type { AddressPolicy, RemovedCount } from '@roost/protocol'
import { forgetServed } from '../dispatch/served.ts'
import { addressBucketOf, BUCKETS } from '../registry/buckets.ts'
import { addressOrder, directoryOrder } from '../registry/lock-order.ts'
import type { Database, Queryable } from '../store/database.ts'
import { lockDevices } from './locks.ts'
import { watchInactive } from './mass-inactive.ts'
import { readPolicy } from './policy.ts'
import { platformSql, RemovedCounts } from './removed.ts'

/** Of 1024: what one statement may look through; a fraction of a second where there are ten million devices. */
export const BUCKETS_AT_ONCE = 16
/** What one transaction changes, so that no registration waits long for a row. */
const SLICE = 1000
/** Held in memory; a wrong policy may mean everybody. */
export const FOUND_AT_ONCE = 20 * SLICE

export interface Aged {
  readonly removed: readonly RemovedCount[]
  readonly forgotten: number
}

/** A sweep of all apps; where the server stops, what is left is done the next day. */
export interface Sweeping {
  readonly isStopped: () => boolean
  /** Of this one alone. */
  readonly appId?: number | undefined
  /** What became of each app. */
  readonly tell?: (appId: number, aged: Aged) => void
}

const NEVER_STOPPED: Sweeping = { isStopped: () => false }

/** `at`: ms. Safe to run twice and in several processes at once. */
export async function ageAddresses(
  db: Database,
  at: number,
  sweeping: Sweeping = NEVER_STOPPED,
): Promise<Aged> {
  // In an archived app devices are not heard, so nothing ages.
  const { rows: apps } = await db.query<{ id: number }>(
    'select id from app where archived_at is null order by id',
  )
  const removed = new RemovedCounts()
  removed.add(await endExpired(db, at))
  await forgetServed(db)
  let forgotten = 0
  for (const { id: appId } of apps) {
    if (sweeping.appId !== undefined && sweeping.appId !== appId) continue
    const aged = await ageApp(db, { appId, at }, sweeping)
    removed.add(aged.removed)
    forgotten += aged.forgotten
    sweeping.tell?.(appId, aged)
  }
  return { removed: removed.list(), forgotten }
}

async function ageApp(
  db: Database,
  { appId, at }: { readonly appId: number; readonly at: number },
  { isStopped }: Sweeping,
): Promise<Aged> {
  const policy = await readPolicy(db, appId)
  const removed = new RemovedCounts()
  let forgotten = 0
  for (const buckets of bucketRanges()) {
    if (isStopped()) return { removed: removed.list(), forgotten }
    const sweep = { appId, policy, buckets, at }
    await endSilent(db, sweep, removed)
    forgotten += await forgetEnded(db, sweep)
  }
  await watchInactive(db, { appId, at })
  return { removed: removed.list(), forgotten }
}

/** All buckets, in lists that a statement may look through at once. */
export function bucketRanges(): number[][] {
  return Array.from({ length: BUCKETS / BUCKETS_AT_ONCE }, (_, i) =>
    Array.from({ length: BUCKETS_AT_ONCE }, (_, n) => i * BUCKETS_AT_ONCE + n),
  )
}

interface Sweep {
  readonly appId: number
  readonly policy: AddressPolicy
  readonly buckets: readonly number[]
  readonly at: number
}

/** The parameters that `REASON` needs, from which one on. */
export function reasonValues({ policy, at }: Pick<Sweep, 'policy' | 'at'>): unknown[] {
  const { fcmDeadDays, otherDeadDays, removeInactive, inactiveDays } = policy
  return [new Date(at), fcmDeadDays, otherDeadDays, removeInactive ? inactiveDays : null]
}

/** SQL of app $1: when it was taken out of the archive. Until then nobody could be heard of. */
export const LISTENING_SINCE = '(select restored_at from app where id = $1)'

/** SQL over `address a` of app $1 and `device d`: since when its device has not opened the app, as far as that is known. */
export const UNOPENED_SINCE = `greatest(coalesce(d.last_open_at, greatest(d.last_seen_at, a.last_registered_at)),
            a.first_registered_at, a.ages_from, ${LISTENING_SINCE})`

/** SQL over `address a`: a push that its device has told of came to it, or was opened. Asked of the few that are silent otherwise. */
export const hasToldSince = (time: string, which = 'true') => `exists (
            select from receipt r
             where r.bucket = a.bucket and r.app_id = a.app_id and r.hwid = a.hwid and r.at >= ${time} and ${which})`

/** SQL over `address a` of app $1 and `device d`. `first`: the place of the time among the parameters, before those of the days. */
const isUnheardOf = (first: number) => {
  const limit = `$${first}::timestamptz
                - case when a.provider = 'fcm' then $${first + 1}::integer else $${first + 2}::integer end * interval '1 day'`
  return `(greatest(a.last_registered_at, d.last_seen_at, a.ages_from, ${LISTENING_SINCE})
              < ${limit} and not ${hasToldSince(limit)})`
}

const OPENED_BY = "$2::timestamptz - $5::integer * interval '1 day'"

/** SQL over `address a` of app $1 and `device d`: why it ends now, or null. $2 to $5 are `reasonValues`. */
export const REASON = `
  case when ${isUnheardOf(2)} then 'not_heard_of'
       when a.kind = 'alert' and ${UNOPENED_SINCE} < ${OPENED_BY}
            and not ${hasToldSince(OPENED_BY, "(r.kind = 'opened' or d.last_open_at is null)")}
       then 'inactive' end`

const JOIN_DEVICE = `
  left join device d on d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid`

/**
 * Addresses that are sent to in the buckets $6, with their devices. The planner would join all devices if their buckets were
 * not named, too: for a million that took 50 s, and takes 10 now, on two busy cores.
 */
export const LIVING_OF_BUCKETS = `
    from address a
    left join device d on d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid
                      and d.app_id = $1 and d.bucket = any($6::smallint[])
   where a.app_id = $1 and a.bucket = any($6::smallint[]) and a.state in ('active', 'suspect')`

/** By the primary key, bucket by bucket. */
const FIND_SILENT = `
  select a.bucket, a.app_id as "appId", a.hwid, a.address_hash as hash ${LIVING_OF_BUCKETS} and ${REASON} is not null
   order by ${addressOrder('a')} limit ${FOUND_AT_ONCE}`

interface Silent {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
  readonly hash: Buffer
}

/** Asked again of each: with the device's row locked nothing is said by it meanwhile. */
const END_SILENT = `
  with due as (
    select a.bucket, a.app_id, a.hwid, a.address_hash, ${REASON} as why, ${platformSql('d')} as platform,
           d.last_open_at, d.last_seen_at
      from unnest($6::smallint[], $7::text[], $8::bytea[]) as i (bucket, hwid, hash)
      join address a on a.bucket = i.bucket and a.app_id = $1 and a.hwid = i.hwid and a.address_hash = i.hash
      ${JOIN_DEVICE}
     where a.state in ('active', 'suspect') and ${REASON} is not null
     order by ${addressOrder('a')}
       for update of a
  ), ended as (
    update address a
       set state = 'dead', reason = o.why, generation = a.generation + 1, state_since = $2
      from due o
     where a.bucket = o.bucket and a.app_id = o.app_id and a.hwid = o.hwid and a.address_hash = o.address_hash
    returning a.*, o.platform, o.last_open_at, o.last_seen_at
  ), told as (
    insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                        evidence)
    select bucket, app_id, hwid, $2, 'dead', reason, provider, environment, kind, right(address, 8), generation,
           jsonb_strip_nulls(jsonb_build_object('lastOpenAt', last_open_at, 'lastSeenAt', last_seen_at, 'days',
             case when reason = 'inactive' then $5::integer when provider = 'fcm' then $3::integer else $4::integer end))
      from ended
  )
  select reason, platform, count(*)::integer as count from ended group by 1, 2`

async function endSilent(db: Database, sweep: Sweep, removed: RemovedCounts): Promise<void> {
  const values = [sweep.appId, ...reasonValues(sweep)]
  for (;;) {
    const { rows } = await db.query<Silent>(FIND_SILENT, [...values, sweep.buckets])
    const before = removed.total()
    await endFound(db, { values, found: rows }, removed)
    if (rows.length < FOUND_AT_ONCE || removed.total() === before) return
  }
}

async function endFound(
  db: Database,
  { values, found }: { readonly values: readonly unknown[]; readonly found: readonly Silent[] },
  removed: RemovedCounts,
): Promise<void> {
  for (let i = 0; i < found.length; i += SLICE) {
    const slice = found.slice(i, i + SLICE)
    const keys = [slice.map(it => it.bucket), slice.map(it => it.hwid), slice.map(it => it.hash)]
    const ended = await db.transaction(async tx => {
      await lockDevices(tx, slice)
      return tx.query<RemovedCount>(END_SILENT, [...values, ...keys])
    })
    removed.add(ended.rows)
  }
}

/** Uses the index address_expiring. */
const END_EXPIRED = `
  with old as (
    select bucket, app_id, hwid, address_hash from address
     where expires_at <= $1 and state in ('active', 'suspect')
     order by ${addressOrder('address')}
     limit ${SLICE}
       for update
  ), ended as (
    update address a
       set state = 'dead', reason = 'expired', generation = a.generation + 1, state_since = $1
      from old o
     where a.bucket = o.bucket and a.app_id = o.app_id and a.hwid = o.hwid and a.address_hash = o.address_hash
    returning a.*
  ), told as (
    insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                        evidence)
    select bucket, app_id, hwid, $1, 'dead', reason, provider, environment, kind, right(address, 8), generation,
           jsonb_build_object('expiresAt', expires_at)
      from ended
  )
  select a.reason, ${platformSql('d')} as platform, count(*)::integer as count from ended a ${JOIN_DEVICE} group by 1, 2`

/** R29. */
export async function endExpired(db: Queryable, at: number): Promise<RemovedCount[]> {
  const removed = new RemovedCounts()
  for (;;) {
    const { rows } = await db.query<RemovedCount>(END_EXPIRED, [new Date(at)])
    removed.add(rows)
    if (rows.reduce((sum, it) => sum + it.count, 0) < SLICE) return removed.list()
  }
}

const FIND_ENDED = `
  select a.bucket, a.hwid, a.address_hash as hash
    from address a
   where a.app_id = $1 and a.bucket = any($2::smallint[]) and a.state not in ('active', 'suspect')
     and a.state_since < $3
     and not (a.state = 'dead' and a.reason = 'inactive' and exists (
           select from device d
            where d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid and not ${isUnheardOf(4)}))
     and not (a.state = 'superseded' and a.reason = 'environment_corrected' and exists (
           select from address c
            where c.bucket = a.bucket and c.app_id = a.app_id and c.hwid = a.hwid and c.kind = a.kind
              and c.address = a.address and c.environment <> a.environment and c.state in ('active', 'suspect')))
   limit ${SLICE}`

interface Ended {
  readonly bucket: number
  readonly hwid: string
  readonly hash: Buffer
}

async function forgetEnded(db: Database, { appId, policy, buckets, at }: Sweep): Promise<number> {
  const before = new Date(at - policy.tombstoneDays * 24 * 60 * 60_000)
  const values = [appId, buckets, before, new Date(at), policy.fcmDeadDays, policy.otherDeadDays]
  let forgotten = 0
  for (;;) {
    const { rows } = await db.query<Ended>(FIND_ENDED, values)
    if (rows.length === 0) return forgotten
    const deleted = await db.transaction(tx => forget(tx, { appId, ended: rows, before }))
    forgotten += deleted
    if (rows.length < SLICE || deleted === 0) return forgotten
  }
}

/** The directory first, as registrations do; a row that was revived meanwhile stays. */
async function forget(
  tx: Queryable,
  {
    appId,
    ended,
    before,
  }: { readonly appId: number; readonly ended: readonly Ended[]; readonly before: Date },
): Promise<number> {
  const hashes = ended.map(it => it.hash)
  await tx.query(
    `select from address_directory h join unnest($2::smallint[], $3::bytea[]) as i (address_bucket, hash)
         on h.address_bucket = i.address_bucket and h.app_id = $1 and h.address_hash = i.hash
      order by ${directoryOrder('h')} for update of h`,
    [appId, hashes.map(addressBucketOf), hashes],
  )
  const { rows } = await tx.query<Ended>(
    `with old as (
       select a.bucket, a.app_id, a.hwid, a.address_hash
         from address a join unnest($2::smallint[], $3::text[], $4::bytea[]) as i (bucket, hwid, hash)
           on a.bucket = i.bucket and a.app_id = $1 and a.hwid = i.hwid and a.address_hash = i.hash
        order by ${addressOrder('a')} for update of a
     )
     delete from address a using old o
      where a.bucket = o.bucket and a.app_id = o.app_id and a.hwid = o.hwid and a.address_hash = o.address_hash
        and a.state not in ('active', 'suspect') and a.state_since < $5
      returning a.bucket, a.hwid, a.address_hash as hash`,
    [appId, ended.map(it => it.bucket), ended.map(it => it.hwid), hashes, before],
  )
  const keys = [
    appId,
    rows.map(it => addressBucketOf(it.hash)),
    rows.map(it => it.hash),
    rows.map(it => it.bucket),
    rows.map(it => it.hwid),
  ]
  await tx.query(
    `delete from address_directory h
      using unnest($2::smallint[], $3::bytea[], $4::smallint[], $5::text[]) as i (address_bucket, hash, bucket, hwid)
      where h.address_bucket = i.address_bucket and h.app_id = $1 and h.address_hash = i.hash
        and h.bucket = i.bucket and h.hwid = i.hwid`,
    keys,
  )
  // Without the address nothing leads to its former holder any more, so an erasure would not find the name.
  await tx.query(
    `update address_directory h set previous_bucket = null, previous_hwid = null
       from unnest($2::smallint[], $3::bytea[], $4::smallint[], $5::text[]) as i (address_bucket, hash, bucket, hwid)
      where h.address_bucket = i.address_bucket and h.app_id = $1 and h.address_hash = i.hash
        and h.previous_bucket = i.bucket and h.previous_hwid = i.hwid`,
    keys,
  )
  return rows.length
}
