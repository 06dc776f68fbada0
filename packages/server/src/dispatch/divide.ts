/**
 * Messages by the clock of each device, in batches: each bucket range is divided into slots, one batch for each slot that a device
 * is in, due at its moment.
 *
 *   range ──counted by slot──▶ a batch a slot ──at the last of them: are there more?──▶ counted again
 *                                                                └──none──▶ the stragglers' batch, and the range is done
 */
import type { Target } from '@roost/protocol'
import type { KeptSegments } from '../audience/segment-meaning.ts'
import type { Lane } from '../messages/lanes.ts'
import { PASSED_SLOT } from '../messages/when/slots.ts'
import type { Database, Queryable } from '../store/database.ts'
import { countBySlot, type SlotCount } from './chunk.ts'
import { scopeOf } from './lease.ts'

interface Range {
  readonly messageId: string
  readonly appId: number
  readonly lane: Lane
  readonly isCancelled: boolean
  readonly provider: string
  readonly bucketFrom: number
  readonly bucketTo: number
  /** ISO 8601; null: none of it is divided. */
  readonly lastSlot: string | null
  readonly lastBatch: number | null
  readonly slotOf: string
  /** ISO 8601. */
  readonly sendAt: string
  readonly target: Target
  readonly audience: KeptSegments | null
}

/** Uses the index slot_range_due. */
const NEXT = `
  select r.message_id as "messageId", m.app_id as "appId", m.lane, m.state = 'cancelled' as "isCancelled", r.provider,
         r.bucket_from as "bucketFrom", r.bucket_to as "bucketTo", r.last_slot as "lastSlot", r.last_batch as "lastBatch",
         m.slot_of::text as "slotOf", m.send_at as "sendAt", m.audience,
         case when m.target ? 'segment' then jsonb_build_object('condition', m.target) else m.target end as target
    from slot_range r
    join message m on m.id = r.message_id
   where m.state = 'sending' and r.due_at <= $1 or m.state = 'cancelled'
   order by r.due_at, r.message_id, r.bucket_from
   limit 1
     for update of r skip locked`

/** Divides one range that is due, if there is one; false when there was nothing to do. Any number may run at once. */
export async function divideNext(db: Database, at: number): Promise<boolean> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<Range>(NEXT, [new Date(at)])
    const range = rows[0]
    if (range === undefined) return false
    // Nobody sends of it any more; what is left is counted as one.
    const slots = range.isCancelled ? [] : await readSlots(tx, range, at)
    if (slots.length > 0) await divide(tx, range, slots)
    else await finish(tx, range, at)
    return true
  })
}

async function readSlots(tx: Queryable, range: Range, at: number): Promise<readonly SlotCount[]> {
  const { target, slotOf, lastSlot, sendAt } = range
  const scope = await scopeOf(tx, range)
  const slot = { of: slotOf, after: lastSlot, at: 'infinity', begin: sendAt }
  const none = { cursor: null, experiment: null, knock: null, rules: null }
  return countBySlot(tx, { batch: { ...range, ...none, target, scope, slot }, at })
}

interface NewBatch {
  /** ISO 8601, or `infinity` for stragglers. */
  readonly at: string
  readonly dueAt: string
  readonly devices: number
}

async function divide(tx: Queryable, range: Range, slots: readonly SlotCount[]): Promise<void> {
  const batches = slots.map(it => ({
    ...it,
    dueAt: Date.parse(it.at) === PASSED_SLOT ? range.sendAt : it.at,
  }))
  const last = await insertInOrder(tx, range, batches)
  await tx.query(
    `update slot_range set due_at = greatest($4, due_at), last_slot = $4, last_batch = $5
      where message_id = $1 and provider = $2 and bucket_from = $3`,
    [range.messageId, range.provider, range.bucketFrom, slots.at(-1)?.at, last],
  )
}

async function finish(tx: Queryable, range: Range, at: number): Promise<void> {
  if (range.lastSlot !== null || range.isCancelled)
    await insertInOrder(tx, range, [{ at: 'infinity', dueAt: new Date(at).toISOString(), devices: 0 }])
  await tx.query('delete from slot_range where message_id = $1 and provider = $2 and bucket_from = $3', [
    range.messageId,
    range.provider,
    range.bucketFrom,
  ])
}

const INSERT = `
  insert into batch (message_id, app_id, provider, bucket_from, bucket_to, lane, due_at, send_at, slot_after, slot_at, slot_devices)
  select $1, $2, $3, $4, $5, $6, due_at, due_at, coalesce(lag(at) over (order by n), $7), at, devices
    from unnest($8::timestamptz[], $9::timestamptz[], $10::integer[]) with ordinality as s (at, due_at, devices, n)
  returning id`

const PUT_IN_ORDER = `
  update batch b set after_batch = o.before
    from (select id, lag(id, 1, $2::bigint) over (order by slot_at) as before
            from batch where id = any($1::bigint[])) o
   where b.id = o.id
  returning b.id, b.slot_at = (select max(slot_at) from batch where id = any($1)) as "isLast"`

/** Each is read after the one before. Returns the last one. */
async function insertInOrder(tx: Queryable, range: Range, batches: readonly NewBatch[]): Promise<number> {
  const inserted = await tx.query<{ id: number }>(INSERT, [
    range.messageId,
    range.appId,
    range.provider,
    range.bucketFrom,
    range.bucketTo,
    range.lane,
    range.lastSlot,
    batches.map(it => it.at),
    batches.map(it => it.dueAt),
    batches.map(it => it.devices),
  ])
  const { rows } = await tx.query<{ id: number; isLast: boolean }>(PUT_IN_ORDER, [
    inserted.rows.map(it => it.id),
    range.lastBatch,
  ])
  return rows.find(it => it.isLast)?.id as number
}
