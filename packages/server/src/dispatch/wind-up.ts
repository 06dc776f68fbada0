/**
 * Winding up cancelled messages: whom they have not come to is counted, batch by batch, and then they have finished. A batch
 * is taken when nobody sends of it any more, with a lease like any other, so a crash in between costs nothing.
 *
 * Whoever waited in the queue was targeted by name, and gets a row; those whom the batch never read are only counted: a
 * campaign to ten million that is cancelled at once would else write ten million rows of the same word.
 */
import { readPolicy } from '../hygiene/policy.ts'
import type { Needs } from '../messages/facts.ts'
import { type Database, isDatabaseAway, type Queryable } from '../store/database.ts'
import { giveBackPlaces } from './caps.ts'
import { countRest, type ReadChunk, type Recipient, readRecipients } from './chunk.ts'
import {
  type Batch,
  type ClaimedBatch,
  claimCancelled,
  LEASE_RENEWAL_MS,
  openBatch,
  renewLease,
  returnBatch,
} from './lease.ts'
import { readPolicyOf } from './policy.ts'

export const CANCELLED = 'cancelled'

/** Winds up one batch, if there is one; false when there was nothing to do. Any number may run at once. */
export async function windUpNext(db: Database, at: number): Promise<boolean> {
  const claimed = await claimCancelled(db, at)
  if (claimed === undefined) return false
  // One that fails is repeated before the lease ends.
  const renewal = setInterval(() => void renewLease(db, claimed).catch(() => undefined), LEASE_RENEWAL_MS)
  try {
    await windUp(db, claimed, at)
  } catch (error) {
    // A lease that runs out would say that a worker died, and that what nobody sent may have arrived. But what fails each time has to let others go first.
    if (isDatabaseAway(error)) await returnBatch(db, claimed).catch(() => undefined)
    throw error
  } finally {
    clearInterval(renewal)
  }
  return true
}

async function windUp(db: Database, claimed: ClaimedBatch, at: number): Promise<void> {
  const batch = await openBatch(db, claimed, at)
  const doubted = batch.isRead ? NOTHING_READ : await readDoubted(db, { batch, at })
  const rest = { ...batch, cursor: doubted.cursor ?? batch.cursor }
  const unread = batch.isRead ? 0 : await countRest(db, { batch: rest, at })
  await db.transaction(tx => end(tx, { batch, doubted: doubted.recipients, unread, at }))
}

const NEEDS_NOTHING: Needs = {
  language: false,
  badge: false,
  unread: false,
  user: false,
  tags: [],
  device: [],
  event: false,
}
const NOTHING_READ: Pick<ReadChunk, 'recipients' | 'cursor'> = { recipients: [], cursor: null }

/** What a worker that died had in hand may have arrived, so nobody may say that it was not sent. */
async function readDoubted(
  db: Database,
  { batch, at }: { readonly batch: Batch; readonly at: number },
): Promise<Pick<ReadChunk, 'recipients' | 'cursor'>> {
  if (batch.doubtful === 0) return NOTHING_READ
  const policy = await readPolicy(db, batch.appId)
  return readRecipients(db, { batch, needs: NEEDS_NOTHING, at, limit: batch.doubtful, policy })
}

const END = `
  update batch
     set state = 'done', is_read = true, cursor_bucket = null, cursor_hwid = null, leased_by = null, lease_until = null,
         held_reason = null, held_at = null,
         targeted = targeted + $3 + $4, cut_off = cut_off + $3, skipped = skipped + $3, uncertain = uncertain + $4
   where id = $1 and leased_by = $2 and state = 'sending'`

/** $4: so many of those that were due first are in doubt. */
const EMPTY_QUEUE = `
  with doubted as (
    select bucket, message_id, hwid from delivery_queue
     where batch_id = $1 and due_at <= $3 order by due_at, bucket, hwid limit $4
  ), waiting as (
    delete from delivery_queue q where batch_id = $1
    returning bucket, message_id, hwid, app_id,
              case when may_have_arrived or (bucket, message_id, hwid) in (select * from doubted)
                     or exists (select from live_frame f
                                 where f.bucket = q.bucket and f.message_id = q.message_id and f.hwid = q.hwid)
                   then 'uncertain' else 'skipped' end as outcome
  ), told as (
    insert into delivery_exception (bucket, message_id, hwid, app_id, provider, at, outcome, reason)
    select bucket, message_id, hwid, app_id, $2, $3, outcome, '${CANCELLED}' from waiting
    on conflict do nothing
  )
  update batch
     set skipped = skipped + (select count(*) from waiting where outcome = 'skipped'),
         uncertain = uncertain + (select count(*) from waiting where outcome = 'uncertain')
   where id = $1`

const TELL_DOUBTED = `
  insert into delivery_exception (bucket, message_id, hwid, app_id, provider, at, outcome, reason)
  select bucket, $1, hwid, $2, $3, $4, 'uncertain', '${CANCELLED}'
    from unnest($5::smallint[], $6::text[]) as i (bucket, hwid)
  on conflict do nothing`

interface Ending {
  readonly batch: Batch
  readonly doubted: readonly Recipient[]
  readonly unread: number
  readonly at: number
}

async function end(tx: Queryable, { batch, doubted, unread, at }: Ending): Promise<void> {
  const { rowCount } = await tx.query(END, [batch.id, batch.lease, unread, doubted.length])
  if (rowCount === 0) return // it took longer than the lease, and somebody else does it
  await tx.query('delete from batch_hold where batch_id = $1', [batch.id])
  if ((await readPolicyOf(tx, batch)).isCounted) await giveBackPlaces(tx, batch, await readWaiting(tx, batch))
  const queueInDoubt = batch.isRead ? batch.doubtful : 0
  await tx.query(EMPTY_QUEUE, [batch.id, batch.provider, new Date(at), queueInDoubt])
  if (doubted.length === 0) return
  const { messageId, appId, provider } = batch
  const devices = [doubted.map(it => it.bucket), doubted.map(it => it.hwid)]
  await tx.query(TELL_DOUBTED, [messageId, appId, provider, new Date(at), ...devices])
}

async function readWaiting(
  tx: Queryable,
  { id }: Pick<Batch, 'id'>,
): Promise<{ readonly bucket: number; readonly hwid: string }[]> {
  const { rows } = await tx.query<{ bucket: number; hwid: string }>(
    'select bucket, hwid from delivery_queue where batch_id = $1 and not may_have_arrived',
    [id],
  )
  return rows
}
