/**
 * Planning: a message that is due becomes batches, one per provider and bucket range. Small audiences get few
 * ranges, so that a batch is worth its lease; devices that are named but can't be reached are told at once.
 */
import type { NewInbox, Target } from '@roost/protocol'
import { conditionOf, keepSegments } from '../audience/segment-meaning.ts'
import { openInbox } from '../inbox/open.ts'
import { LANES, type Lane } from '../messages/lanes.ts'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'
import type { Database, Queryable } from '../store/database.ts'

/** A lease, a cursor and a commit or more for each range: with fewer addresses that costs more than it shares out. */
const ADDRESSES_PER_RANGE = 4000
const RANGES_MAX = 256

interface DueMessage {
  readonly id: string
  readonly appId: number
  readonly target: Target
  readonly inbox: NewInbox | null
  readonly lane: Lane
}

/**
 * Plans one due message up to this lane, if there is one; false when there was nothing to do. Any number may run at once. Uses
 * the index message_to_plan_in_lane.
 */
export async function planNext(db: Database, at: number, lastLane: Lane = LANES.campaign): Promise<boolean> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<DueMessage>(
      `select id, app_id as "appId", target, inbox, lane from message
        where state = 'scheduled' and send_at <= $1 and lane <= $2
        order by lane, send_at, id limit 1 for update skip locked`,
      [new Date(at), lastLane],
    )
    const message = rows[0]
    if (message === undefined) return false
    const { id: messageId, appId, target, inbox } = message
    await keepAudience(tx, message)
    if (inbox !== null) await openInbox(tx, { messageId, appId, target, inbox, at })
    if (inbox?.only !== true) await planPushes(tx, message, at)
    await tx.query("update message set state = 'sending', planned_at = $2 where id = $1", [
      message.id,
      new Date(at),
    ])
    return true
  })
}

/** Segments mean until the end what they mean now: all batches, and all retries, go to the same people. */
async function keepAudience(tx: Queryable, { id, appId, target }: DueMessage): Promise<void> {
  const condition = conditionOf(target)
  const kept = condition && (await keepSegments(tx, { appId, condition }))
  if (kept) await tx.query('update message set audience = $2 where id = $1', [id, JSON.stringify(kept)])
}

async function planPushes(tx: Queryable, message: DueMessage, at: number): Promise<void> {
  if ('devices' in message.target || 'users' in message.target) await planNamed(tx, message, at)
  else await planRanges(tx, message, at)
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
    `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, lane)
     select $1, $2, $3, "from", "to", $6, $7 from unnest($4::smallint[], $5::smallint[]) as r ("from", "to")`,
    [
      message.id,
      message.appId,
      provider,
      ranges.map(it => it.from),
      ranges.map(it => it.to),
      new Date(at),
      message.lane,
    ],
  )
}

interface Named {
  readonly name: string
  /** Of the device's address; null when it has none that is sent to. */
  readonly provider: string | null
  readonly isUnknown: boolean
  /** R26: it has one, but may show nothing. */
  readonly isOptedOut: boolean
}

const NAMED_COLUMNS = `case when not a.opted_out then a.provider end as provider, d.hwid is null as "isUnknown",
         coalesce(a.opted_out, false) as "isOptedOut"`

const SENDABLE_ADDRESS = `left join address a on a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid
  and a.kind = 'alert' and a.state in ('active', 'suspect')`

const NAMED_DEVICES = `
  select i.hwid as name, ${NAMED_COLUMNS}
    from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
    left join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid
    ${SENDABLE_ADDRESS}`

/** A user without any device is told by the user's id, each device of the others by its own. */
const NAMED_USERS = `
  select coalesce(d.hwid, i.user_id) as name, ${NAMED_COLUMNS}
    from unnest($2::text[]) as i (user_id)
    left join device d on d.app_id = $1 and d.user_id = i.user_id
    ${SENDABLE_ADDRESS}`

/**
 * Of each user the device that was used last, of those that can be reached if there is one: apps open and register when a
 * person starts them, while a back end may see to any device at any time.
 */
const LATEST_OF_USERS = `
  select distinct on (i.user_id) coalesce(d.hwid, i.user_id) as name, ${NAMED_COLUMNS}
    from unnest($2::text[]) as i (user_id)
    left join device d on d.app_id = $1 and d.user_id = i.user_id
    ${SENDABLE_ADDRESS}
   order by i.user_id, coalesce(not a.opted_out, false) desc,
            greatest(d.last_open_at, a.last_registered_at) desc nulls last, d.last_seen_at desc, d.hwid`

/**
 * Named devices become deliveries at once, each with exactly one outcome in the end, whatever they do meanwhile. One
 * statement reads them all, so that nobody is seen twice or not at all.
 */
async function planNamed(tx: Queryable, message: DueMessage, at: number): Promise<void> {
  const named = await readNamed(tx, message)
  const providers = new Set(named.map(it => it.provider))
  for (const provider of providers) {
    const names = named.filter(it => it.provider === provider)
    if (provider === null) await skip(tx, { message, unreachable: names, at })
    else await enqueue(tx, { message, provider, hwids: names.map(it => it.name), at })
  }
}

async function readNamed(tx: Queryable, { appId, target }: DueMessage): Promise<Named[]> {
  if ('devices' in target) {
    const hwids = [...new Set(target.devices)]
    return (await tx.query<Named>(NAMED_DEVICES, [appId, hwids.map(bucketOf), hwids])).rows
  }
  const users = [...new Set('users' in target ? target.users : [])]
  const isLatest = 'users' in target && target.userDevices === 'latest'
  return (await tx.query<Named>(isLatest ? LATEST_OF_USERS : NAMED_USERS, [appId, users])).rows
}

async function enqueue(
  tx: Queryable,
  { message, provider, hwids, at }: { message: DueMessage; provider: string; hwids: string[]; at: number },
): Promise<void> {
  const due = new Date(at)
  const { rows } = await tx.query<{ id: number }>(
    `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, is_read, targeted, lane)
     values ($1, $2, $3, 0, $4, $5, true, $6, $7) returning id`,
    [message.id, message.appId, provider, BUCKETS - 1, due, hwids.length, message.lane],
  )
  await tx.query(
    `insert into delivery_queue (bucket, message_id, hwid, app_id, batch_id, attempt, due_at, reason)
     select bucket, $3, hwid, $4, $5, 1, $6, 'planned' from unnest($1::smallint[], $2::text[]) as i (bucket, hwid)`,
    [hwids.map(bucketOf), hwids, message.id, message.appId, rows[0]?.id, due],
  )
}

/** They count as targeted, since somebody asked for them; a finished batch without a range holds their count. */
async function skip(
  tx: Queryable,
  { message, unreachable, at }: { message: DueMessage; unreachable: readonly Named[]; at: number },
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
      unreachable.map(it => reasonOf(it, message)),
      new Date(at),
    ],
  )
  await tx.query(
    `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, state, is_read, targeted, skipped)
     values ($1, $2, 'none', 0, -1, $3, 'done', true, $4, $4)`,
    [message.id, message.appId, new Date(at), inserted.rowCount],
  )
}

function reasonOf(named: Named, { target }: DueMessage): string {
  if (named.isOptedOut) return 'no_permission'
  if (!named.isUnknown) return 'no_address'
  return 'devices' in target ? 'device_unknown' : 'user_unknown'
}
