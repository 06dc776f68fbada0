/**
 * Age: what was not heard of for long enough ends, and what has ended is forgotten after a while.
 *
 * R15 An address whose device has neither registered nor called in for 270 days (FCM) or a year (the others) is dead; both
 *     are the app's to choose. A device that comes back is active at once (R6). What an import or an undo has brought in
 *     begins a new term (`ages_from`): that its device called in elsewhere long ago, or ended here for its silence, does
 *     not tell whether it can be reached, and a send does.
 * R27 Rows of addresses that ended are kept for 90 days (30 at least), so that late answers and audits find them. Of a
 *     corrected environment (R12) the row stays as long as the corrected address lives: it is what tells the next start.
 * R29 A web subscription whose own end has passed is dead.
 */
import type { AddressPolicy } from '@roost/protocol'
import { forgetServed } from '../dispatch/served.ts'
import { addressBucketOf, BUCKETS } from '../registry/buckets.ts'
import { addressOrder, directoryOrder } from '../registry/lock-order.ts'
import type { Database, Queryable } from '../store/database.ts'
import { readPolicy } from './policy.ts'

/** Of 1024: what one statement may look through. */
const BUCKETS_AT_ONCE = 64
/** What one statement changes, so that no registration waits long for a row. */
const SLICE = 1000

export interface Aged {
  readonly inactive: number
  readonly expired: number
  readonly forgotten: number
}

/** `at`: ms. Safe to run twice and in several processes at once. */
export async function ageAddresses(db: Database, at: number): Promise<Aged> {
  const { rows: apps } = await db.query<{ id: number }>('select id from app order by id')
  let [inactive, forgotten] = [0, 0]
  const expired = await endExpired(db, at)
  await forgetServed(db)
  for (const { id: appId } of apps) {
    const policy = await readPolicy(db, appId)
    for (let from = 0; from < BUCKETS; from += BUCKETS_AT_ONCE) {
      inactive += await endInactive(db, { appId, policy, from, at })
      forgotten += await forgetEnded(db, { appId, policy, from, at })
    }
  }
  return { inactive, expired, forgotten }
}

interface Sweep {
  readonly appId: number
  readonly policy: AddressPolicy
  readonly from: number
  readonly at: number
}

/** Where a slice begins: one that found all that is due before it need not be looked through again. */
interface Cursor {
  readonly bucket: number
  readonly hwid: string
}

/**
 * A slice in the order of the primary key, from the cursor's device on, whose other addresses may be due as well. What a
 * registration has changed while its row was waited for stays.
 */
const END_INACTIVE = `
  with due as materialized (
    select a.bucket, a.hwid, a.address_hash, d.last_seen_at
      from address a
      left join device d on d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid
     where a.app_id = $1 and (a.bucket, a.app_id, a.hwid) >= ($2, $1, $3) and a.bucket <= $4
       and a.state in ('active', 'suspect') and ${isSilent('d.last_seen_at')}
     order by a.bucket, a.app_id, a.hwid, a.address_hash
     limit ${SLICE}
  ), old as (
    select a.bucket, a.app_id, a.hwid, a.address_hash
      from due
      join address a on a.bucket = due.bucket and a.app_id = $1 and a.hwid = due.hwid
                    and a.address_hash = due.address_hash
     where a.state in ('active', 'suspect') and ${isSilent('due.last_seen_at')}
     order by ${addressOrder('a')}
       for update of a
  ), ended as (
    update address a
       set state = 'dead', reason = 'inactive', generation = a.generation + 1, state_since = $5
      from old o
     where a.bucket = o.bucket and a.app_id = o.app_id and a.hwid = o.hwid and a.address_hash = o.address_hash
    returning a.*
  ), told as (
    insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
    select bucket, app_id, hwid, $5, 'dead', reason, provider, environment, kind, right(address, 8), generation
      from ended
  )
  select (select count(*) from ended) as ended, (select count(*) from due) as seen, bucket, hwid
    from due order by bucket desc, hwid desc limit 1`

function isSilent(lastSeenAt: string): string {
  return `greatest(a.last_registered_at, ${lastSeenAt}, a.ages_from)
            < $5::timestamptz - case when a.provider = 'fcm' then $6::integer else $7::integer end * interval '1 day'`
}

async function endInactive(db: Queryable, { appId, policy, from, at }: Sweep): Promise<number> {
  const to = from + BUCKETS_AT_ONCE - 1
  const rest = [to, new Date(at), policy.fcmDeadDays, policy.otherDeadDays]
  let ended = 0
  for (let cursor: Cursor = { bucket: from, hwid: '' }; ; ) {
    const values = [appId, cursor.bucket, cursor.hwid, ...rest]
    const { rows } = await db.query<Cursor & { ended: number; seen: number }>(END_INACTIVE, values)
    const slice = rows[0]
    ended += slice?.ended ?? 0
    if (slice === undefined || slice.seen < SLICE) return ended
    cursor = slice
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
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $1, 'dead', reason, provider, environment, kind, right(address, 8), generation,
         jsonb_build_object('expiresAt', expires_at)
    from ended`

/** R29. */
export async function endExpired(db: Queryable, at: number): Promise<number> {
  let ended = 0
  for (;;) {
    const { rowCount } = await db.query(END_EXPIRED, [new Date(at)])
    ended += rowCount
    if (rowCount < SLICE) return ended
  }
}

const FIND_ENDED = `
  select a.bucket, a.hwid, a.address_hash as hash
    from address a
   where a.app_id = $1 and a.bucket between $2 and $3 and a.state in ('dead', 'superseded', 'moved')
     and a.state_since < $4
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

async function forgetEnded(db: Database, { appId, policy, from, at }: Sweep): Promise<number> {
  const before = new Date(at - policy.tombstoneDays * 24 * 60 * 60_000)
  let forgotten = 0
  for (;;) {
    const { rows } = await db.query<Ended>(FIND_ENDED, [appId, from, from + BUCKETS_AT_ONCE - 1, before])
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
        and a.state in ('dead', 'superseded', 'moved') and a.state_since < $5
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

/** R15: devices that could be sent to and have not called in for the policy's time. */
export async function countInactive(
  db: Queryable,
  { appId, at }: { readonly appId: number; readonly at: number },
): Promise<number> {
  const { inactiveDays } = await readPolicy(db, appId)
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::integer as count
       from device d
      where d.app_id = $1 and d.last_seen_at < $2
        and exists (select from address a
                     where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = 'alert'
                       and a.state in ('active', 'suspect'))`,
    [appId, new Date(at - inactiveDays * 24 * 60 * 60_000)],
  )
  return rows[0]?.count ?? 0
}
