/**
 * Leases: a batch belongs to one worker at a time. The lease is renewed with every chunk; when a worker dies its
 * lease runs out and another one takes the batch up from the last chunk that was committed.
 *
 *   waiting ──claim──▶ sending ──all read, no retries──▶ done
 *      ▲                 │  └────credential refused────▶ held ──credential replaced──▶ waiting
 *      └──retries due────┘
 */
import type { Provider, Target } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'

/** Short, so that a crash is no long silence; a worker that lives renews it, however long a chunk takes. */
export const LEASE_MS = 15_000
export const LEASE_RENEWAL_MS = 4000

export interface Batch {
  readonly id: number
  readonly messageId: string
  readonly appId: number
  readonly provider: Provider
  readonly bucketFrom: number
  readonly bucketTo: number
  readonly cursorBucket: number | null
  readonly cursorHwid: string | null
  readonly isRead: boolean
  readonly target: Target
  readonly content: MessageContent
  readonly ttlSeconds: number
  readonly priority: 'high' | 'normal'
  readonly collapseKey: string | null
  /** ISO 8601. */
  readonly messageSendAt: string
}

export interface MessageContent {
  readonly title?: string
  readonly subtitle?: string
  readonly body?: string
  readonly image?: string
  readonly url?: string
  readonly sound?: string
  readonly badge?: number
  readonly data?: Record<string, unknown>
}

/** Uses the index batch_due; workers pass each other instead of queueing up (`skip locked`). */
const CLAIM = `
  with next as (
    select b.id from batch b
      join message m on m.id = b.message_id and m.state = 'sending'
     where b.state in ('waiting', 'sending') and b.due_at <= $2
       and (b.state = 'waiting' or b.lease_until < clock_timestamp())
     order by b.due_at, b.id
     limit 1
       for update of b skip locked
  )
  update batch b
     set state = 'sending', leased_by = $1, lease_until = clock_timestamp() + $3 * interval '1 millisecond'
    from next, message m
   where b.id = next.id and m.id = b.message_id
  returning b.id, b.message_id as "messageId", b.app_id as "appId", b.provider, b.bucket_from as "bucketFrom",
            b.bucket_to as "bucketTo", b.cursor_bucket as "cursorBucket", b.cursor_hwid as "cursorHwid",
            b.is_read as "isRead", m.target, m.content, m.ttl_seconds as "ttlSeconds", m.priority,
            m.collapse_key as "collapseKey", m.send_at as "messageSendAt"`

/** Leases the batch that has been due longest; undefined when none is. */
export async function claimBatch(
  db: Queryable,
  claim: { readonly worker: string; readonly at: number },
): Promise<Batch | undefined> {
  const { rows } = await db.query<Batch>(CLAIM, [claim.worker, new Date(claim.at), LEASE_MS])
  return rows[0]
}

/** The lease ran out and somebody else may hold the batch: what this worker has not committed is not to count. */
export class LeaseLost extends Error {
  constructor(batchId: number) {
    super(`lease of batch ${batchId} was lost`)
    this.name = 'LeaseLost'
  }
}

export interface ChunkProgress {
  readonly batchId: number
  readonly worker: string
  /** The last device that was read; null when only retries were worked on. */
  readonly cursor: { readonly bucket: number; readonly hwid: string } | null
  readonly isRead: boolean
  readonly targeted: number
  readonly accepted: number
  readonly dead: number
  readonly failed: number
  readonly skipped: number
  readonly uncertain: number
}

const ADVANCE = `
  update batch
     set cursor_bucket = coalesce($3, cursor_bucket), cursor_hwid = coalesce($4, cursor_hwid), is_read = $5,
         targeted = targeted + $6, accepted = accepted + $7, dead = dead + $8, failed = failed + $9,
         skipped = skipped + $10, uncertain = uncertain + $11,
         lease_until = clock_timestamp() + $12 * interval '1 millisecond'
   where id = $1 and leased_by = $2 and state = 'sending'`

/** Books a chunk and renews the lease, in the caller's transaction. Throws LeaseLost. */
export async function advanceBatch(tx: Queryable, chunk: ChunkProgress): Promise<void> {
  const { rowCount } = await tx.query(ADVANCE, [
    chunk.batchId,
    chunk.worker,
    chunk.cursor?.bucket ?? null,
    chunk.cursor?.hwid ?? null,
    chunk.isRead,
    chunk.targeted,
    chunk.accepted,
    chunk.dead,
    chunk.failed,
    chunk.skipped,
    chunk.uncertain,
    LEASE_MS,
  ])
  if (rowCount === 0) throw new LeaseLost(chunk.batchId)
}

/** A chunk may wait for slow gateways longer than a lease lasts; without this a second worker would repeat it. */
export async function renewLease(
  db: Queryable,
  lease: { readonly batchId: number; readonly worker: string },
): Promise<void> {
  await db.query(
    `update batch set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
      where id = $1 and leased_by = $2 and state = 'sending'`,
    [lease.batchId, lease.worker, LEASE_MS],
  )
}

/**
 * Gives the batch back: done, or waiting until its first retry is due, or (retries at infinity wait for a
 * credential) held. A batch whose range is not read through waits until `notBefore`.
 */
const RELEASE = `
  with retry as (
    select min(due_at) as due_at, min(reason) filter (where due_at = 'infinity') as held_reason
      from delivery_retry where batch_id = $1
  )
  update batch b
     set state = case when $4::text is not null or retry.due_at = 'infinity' then 'held'
                      when b.is_read and retry.due_at is null then 'done'
                      else 'waiting' end,
         held_reason = case when $4::text is not null or retry.due_at = 'infinity'
                            then coalesce($4, retry.held_reason) end,
         due_at = greatest($3, case when b.is_read and isfinite(retry.due_at) then retry.due_at else $3 end),
         leased_by = null, lease_until = null
    from retry
   where b.id = $1 and b.leased_by = $2
  returning b.state`

export async function releaseBatch(
  db: Queryable,
  release: {
    readonly batchId: number
    readonly worker: string
    readonly notBefore: number
    readonly heldReason: string | null
  },
): Promise<void> {
  await db.query(RELEASE, [release.batchId, release.worker, new Date(release.notBefore), release.heldReason])
}

/** A message is done when all its batches are; safe to call at any time, by anybody. */
export async function finishMessages(db: Queryable, at: number): Promise<void> {
  await db.query(
    `update message m set state = 'done', finished_at = $1
      where state = 'sending'
        and not exists (select from batch b where b.message_id = m.id and b.state <> 'done')`,
    [new Date(at)],
  )
}
