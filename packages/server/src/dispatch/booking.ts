/**
 * What every chunk books, in one statement: the batch's progress and its lease, whom the message did not come to, and the proof of
 * whom a gateway took it for. Each statement of its own costs the database as much as a dozen deliveries.
 */
import type { Queryable } from '../store/database.ts'
import { type Accepted, acceptanceOf } from './acceptances.ts'
import { type Batch, type Cursor, LEASE_MS, LeaseLost } from './lease.ts'

export type ExceptionOutcome = 'dead' | 'failed' | 'skipped' | 'uncertain'

export interface Exception {
  readonly bucket: number
  readonly hwid: string
  readonly outcome: ExceptionOutcome
  readonly reason: string
}

export interface ChunkProgress {
  readonly batch: Pick<Batch, 'id' | 'lease' | 'bookings'>
  /** The last device that was read; null when only the queue was worked on. */
  readonly cursor: Cursor | null
  readonly isRead: boolean
  /** Deliveries that were looked at. */
  readonly looked: number
  readonly targeted: number
  readonly accepted: readonly Accepted[]
  readonly exceptions: readonly Exception[]
  /** May have been taken twice. */
  readonly repeated: number
  readonly at: number
}

const BOOK = `
  with advanced as (
    update batch
       set cursor_bucket = coalesce($3, cursor_bucket), cursor_hwid = coalesce($4, cursor_hwid), is_read = $5,
           targeted = targeted + $6, accepted = accepted + $7, dead = dead + $8, failed = failed + $9,
           skipped = skipped + $10, uncertain = uncertain + $11, failures = 0,
           lease_until = clock_timestamp() + $12 * interval '1 millisecond', repeated = repeated + $13,
           doubtful = greatest(0, doubtful - $14), bookings = bookings + 1
     where id = $1 and leased_by = $2 and state = 'sending' and bookings = $24
    returning id, message_id, app_id, provider
  ), excepted as (
    insert into delivery_exception (bucket, message_id, hwid, app_id, provider, at, outcome, reason)
    select i.bucket, b.message_id, i.hwid, b.app_id, b.provider, $15, i.outcome, i.reason
      from advanced b
     cross join unnest($16::smallint[], $17::text[], $18::text[], $19::text[]) as i (bucket, hwid, outcome, reason)
    on conflict do nothing
  ), proven as (
    insert into acceptance (message_id, app_id, batch_id, bucket_from, bucket_to, at, accepted, attempts)
    select message_id, app_id, id, $20, $21, $15, $22, $23 from advanced where $22::bytea is not null
  )
  select from advanced`

/**
 * Renews the lease, too, in the caller's transaction. Throws LeaseLost, also when the chunk is booked already, and then nothing is
 * written.
 */
export async function bookProgress(tx: Queryable, chunk: ChunkProgress): Promise<void> {
  const { batch, cursor, exceptions, accepted } = chunk
  const count = (outcome: ExceptionOutcome) => exceptions.filter(it => it.outcome === outcome).length
  const proof = acceptanceOf(accepted)
  const { rows } = await tx.query(BOOK, [
    batch.id,
    batch.lease,
    cursor?.bucket ?? null,
    cursor?.hwid ?? null,
    chunk.isRead,
    chunk.targeted,
    accepted.length,
    count('dead'),
    count('failed'),
    count('skipped'),
    count('uncertain'),
    LEASE_MS,
    chunk.repeated,
    chunk.looked,
    new Date(chunk.at),
    exceptions.map(it => it.bucket),
    exceptions.map(it => it.hwid),
    exceptions.map(it => it.outcome),
    exceptions.map(it => it.reason),
    proof?.bucketFrom ?? null,
    proof?.bucketTo ?? null,
    proof?.accepted ?? null,
    proof?.attempts ?? null,
    batch.bookings,
  ])
  if (rows[0] === undefined) throw new LeaseLost(batch.id)
}

/** Whether `bookProgress` of this chunk has been committed, while the lease is still its batch's. */
export async function isBooked(db: Queryable, { batch }: Pick<ChunkProgress, 'batch'>): Promise<boolean> {
  const { rows } = await db.query('select from batch where id = $1 and leased_by = $2 and bookings = $3', [
    batch.id,
    batch.lease,
    batch.bookings + 1,
  ])
  return rows.length > 0
}
