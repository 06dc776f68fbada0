/**
 * Planning: a message that is due becomes batches, one per provider and bucket range. Small audiences get few
 * ranges, so that a batch is worth its lease; devices that are named but can't be reached are told at once.
 */
import type { Target } from '@roost/protocol'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'
import type { Database, Queryable } from '../store/database.ts'

/** A lease, a cursor and a commit or more for each range: with fewer addresses that costs more than it shares out. */
const ADDRESSES_PER_RANGE = 4000
const RANGES_MAX = 256

interface DueMessage {
  readonly id: string
  readonly appId: number
  readonly target: Target
}

/** Plans one due message, if there is one; false when there was nothing to do. Any number may run at once. */
export async function planNext(db: Database, at: number): Promise<boolean> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<DueMessage>(
      `select id, app_id as "appId", target from message
        where state = 'scheduled' and send_at <= $1
        order by send_at, id limit 1 for update skip locked`,
      [new Date(at)],
    )
    const message = rows[0]
    if (message === undefined) return false
    if ('devices' in message.target || 'users' in message.target) await planNamed(tx, message, at)
    else await planRanges(tx, message, at)
    await tx.query("update message set state = 'sending', planned_at = $2 where id = $1", [
      message.id,
      new Date(at),
    ])
    return true
  })
}

async function planRanges(tx: Queryable, message: DueMessage, at: number): Promise<void> {
  const { rows } = await tx.query<{ provider: string; addresses: number }>(
    `select provider, count(*) as addresses from address
      where app_id = $1 and kind = 'alert' and state in ('active', 'suspect') group by provider`,
    [message.appId],
  )
  for (const { provider, addresses } of rows) {
    await insertBatches(tx, { message, provider, ranges: rangesFor(addresses), at })
  }
}

/** Ranges of equal width that cover all buckets; their number is a power of two, since 1024 is. */
export function rangesFor(addresses: number): { from: number; to: number }[] {
  const wanted = Math.min(RANGES_MAX, Math.max(1, addresses / ADDRESSES_PER_RANGE))
  const count = 2 ** Math.ceil(Math.log2(wanted))
  const width = BUCKETS / count
  return Array.from({ length: count }, (_, i) => ({ from: i * width, to: (i + 1) * width - 1 }))
}

interface NewBatches {
  readonly message: DueMessage
  readonly provider: string
  readonly ranges: readonly { readonly from: number; readonly to: number }[]
  readonly at: number
}

async function insertBatches(tx: Queryable, { message, provider, ranges, at }: NewBatches): Promise<void> {
  await tx.query(
    `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at)
     select $1, $2, $3, "from", "to", $6 from unnest($4::smallint[], $5::smallint[]) as r ("from", "to")`,
    [message.id, message.appId, provider, ranges.map(it => it.from), ranges.map(it => it.to), new Date(at)],
  )
}

async function planNamed(tx: Queryable, message: DueMessage, at: number): Promise<void> {
  const isDevices = 'devices' in message.target
  const whole = [{ from: 0, to: BUCKETS - 1 }]
  for (const { provider } of await providersOf(tx, message))
    await insertBatches(tx, { message, provider, ranges: whole, at })
  const unreachable = isDevices ? await unreachableDevices(tx, message) : await unreachableUsers(tx, message)
  if (unreachable.length > 0) await skip(tx, { message, unreachable, at })
}

/** Through the names and the index of users; a look at all addresses would take seconds on a large base. */
async function providersOf(tx: Queryable, message: DueMessage): Promise<{ provider: string }[]> {
  const sendable = "a.kind = 'alert' and a.state in ('active', 'suspect')"
  const join = 'join address a on a.bucket = d.bucket and a.app_id = $1 and a.hwid = d.hwid'
  if ('devices' in message.target) {
    const hwids = message.target.devices
    const named = 'unnest($2::smallint[], $3::text[]) as d (bucket, hwid)'
    const text = `select distinct a.provider from ${named} ${join} where ${sendable}`
    return (await tx.query<{ provider: string }>(text, [message.appId, hwids.map(bucketOf), hwids])).rows
  }
  const users = 'users' in message.target ? message.target.users : []
  const text = `select distinct a.provider from device d ${join}
                 where d.app_id = $1 and d.user_id = any($2::text[]) and ${sendable}`
  return (await tx.query<{ provider: string }>(text, [message.appId, users])).rows
}

interface Unreachable {
  readonly name: string
  readonly reason: string
}

const HAS_ADDRESS = `exists (
  select from address a where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid
     and a.kind = 'alert' and a.state in ('active', 'suspect'))`

async function unreachableDevices(tx: Queryable, message: DueMessage): Promise<Unreachable[]> {
  const hwids = [...new Set('devices' in message.target ? message.target.devices : [])]
  const { rows } = await tx.query<Unreachable>(
    `select i.hwid as name, case when d.hwid is null then 'device_unknown' else 'no_address' end as reason
       from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
       left join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid
      where d.hwid is null or not ${HAS_ADDRESS}`,
    [message.appId, hwids.map(bucketOf), hwids],
  )
  return rows
}

/** A user without any device is told by the user's id, each device of the others by its own. */
async function unreachableUsers(tx: Queryable, message: DueMessage): Promise<Unreachable[]> {
  const users = [...new Set('users' in message.target ? message.target.users : [])]
  const { rows } = await tx.query<Unreachable>(
    `select coalesce(d.hwid, i.user_id) as name,
            case when d.hwid is null then 'user_unknown' else 'no_address' end as reason
       from unnest($2::text[]) as i (user_id)
       left join device d on d.app_id = $1 and d.user_id = i.user_id
      where d.hwid is null or not ${HAS_ADDRESS}`,
    [message.appId, users],
  )
  return rows
}

/** They count as targeted, since somebody asked for them; a finished batch without a range holds their count. */
async function skip(
  tx: Queryable,
  { message, unreachable, at }: { message: DueMessage; unreachable: readonly Unreachable[]; at: number },
): Promise<void> {
  const inserted = await tx.query(
    `insert into delivery_exception (bucket, message_id, hwid, app_id, outcome, reason, at)
     select bucket, $3, hwid, $4, 'skipped', reason, $6
       from unnest($1::smallint[], $2::text[], $5::text[]) as i (bucket, hwid, reason)
     on conflict do nothing`,
    [
      unreachable.map(it => bucketOf(it.name)),
      unreachable.map(it => it.name),
      message.id,
      message.appId,
      unreachable.map(it => it.reason),
      new Date(at),
    ],
  )
  await tx.query(
    `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, state, is_read, targeted, skipped)
     values ($1, $2, 'none', 0, -1, $3, 'done', true, $4, $4)`,
    [message.id, message.appId, new Date(at), inserted.rowCount],
  )
}
