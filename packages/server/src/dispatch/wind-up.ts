/**
 * Winding up cancelled messages: whom they have not come to is counted, batch by batch, and then they have finished. A batch
 * is taken when nobody sends of it any more, with a lease like any other, so a crash in between costs nothing.
 *
 * Whoever waited in the queue was targeted by name, and gets a row; those whom the batch never read are only counted: a
 * campaign to ten million that is cancelled at once would else write ten million rows of the same word.
 */
import type { Database, Queryable } from '../store/database.ts'
import { giveBackPlaces } from './caps.ts'
import { countRest } from './chunk.ts'
import { type Batch, claimCancelled } from './lease.ts'
import { readPolicyOf } from './policy.ts'

export const CANCELLED = 'cancelled'

/** Winds up one batch, if there is one; false when there was nothing to do. Any number may run at once. */
export async function windUpNext(db: Database, at: number): Promise<boolean> {
  const batch = await claimCancelled(db, at)
  if (batch === undefined) return false
  const unread = batch.isRead ? 0 : await countRest(db, { batch, at })
  await db.transaction(tx => end(tx, { batch, unread, at }))
  return true
}

const END = `
  update batch
     set state = 'done', is_read = true, cursor_bucket = null, cursor_hwid = null, leased_by = null, lease_until = null,
         held_reason = null, held_at = null,
         targeted = targeted + $3, cut_off = cut_off + $3, skipped = skipped + $3
   where id = $1 and leased_by = $2 and state = 'sending'`

const EMPTY_QUEUE = `
  with waiting as (
    delete from delivery_queue where batch_id = $1 returning bucket, message_id, hwid, app_id
  ), told as (
    insert into delivery_exception (bucket, message_id, hwid, app_id, provider, at, outcome, reason)
    select bucket, message_id, hwid, app_id, $2, $3, 'skipped', '${CANCELLED}' from waiting
    on conflict do nothing
  )
  update batch set skipped = skipped + (select count(*) from waiting) where id = $1`

async function end(
  tx: Queryable,
  { batch, unread, at }: { readonly batch: Batch; readonly unread: number; readonly at: number },
): Promise<void> {
  const { rowCount } = await tx.query(END, [batch.id, batch.lease, unread])
  if (rowCount === 0) return // it took longer than the lease, and somebody else does it
  await tx.query('delete from batch_hold where batch_id = $1', [batch.id])
  if ((await readPolicyOf(tx, batch)).isCounted) await giveBackPlaces(tx, batch, await readWaiting(tx, batch))
  await tx.query(EMPTY_QUEUE, [batch.id, batch.provider, new Date(at)])
}

async function readWaiting(
  tx: Queryable,
  { id }: Pick<Batch, 'id'>,
): Promise<{ readonly bucket: number; readonly hwid: string }[]> {
  const { rows } = await tx.query<{ bucket: number; hwid: string }>(
    'select bucket, hwid from delivery_queue where batch_id = $1',
    [id],
  )
  return rows
}
