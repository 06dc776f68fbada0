/**
 * Holds: which pauses a batch has deliveries waiting for. A few rows a batch, so that ending a pause finds all that
 * waited for it without reading the queue.
 */
import type { Pause } from '../credentials/pauses.ts'
import type { Queryable } from '../store/database.ts'

/**
 * A hold that ends in this very moment is made anew: it is deleted, and this waits for that. `unfit`: only what is unfit
 * for all that waits.
 */
const RECORD = `
  insert into batch_hold as h (batch_id, credential_id, version, part, reason, at, unfit, blocks_batch)
  select $1, i.credential_id, i.version, i.part, i.reason, $6, array(select jsonb_array_elements_text(i.unfit)), $8
    from unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $7::jsonb[])
           as i (credential_id, version, part, reason, unfit)
   order by i.credential_id, i.version, i.part
  on conflict (batch_id, credential_id, version, part) do update
     set unfit = array(select unnest(h.unfit) intersect select unnest(excluded.unfit) order by 1),
         blocks_batch = h.blocks_batch or excluded.blocks_batch
  returning id, credential_id as "credentialId", version, part`

/** One name for each pause. */
export function pauseKey(pause: Omit<Pause, 'reason'>): string {
  return `${pause.credentialId} ${pause.version} ${pause.part}`
}

export interface Held {
  readonly batchId: number
  readonly pauses: readonly Pause[]
  readonly at: number
  /** What could send in spite of this pause, but nothing of what waits for it: contents by `contentKey`. */
  readonly unfitFor: (pause: Pause) => readonly string[]
  /** All that is left of the batch waits. */
  readonly isBlocked: boolean
}

/** Returns the hold's id by `pauseKey`. Call it in the transaction that queues the deliveries. */
export async function recordHolds(tx: Queryable, held: Held): Promise<ReadonlyMap<string, number>> {
  const pauses = [...new Map(held.pauses.map(it => [pauseKey(it), it])).values()]
  if (pauses.length === 0) return new Map()
  const { rows } = await tx.query<Omit<Pause, 'reason'> & { id: number }>(RECORD, [
    held.batchId,
    pauses.map(it => it.credentialId),
    pauses.map(it => it.version),
    pauses.map(it => it.part),
    pauses.map(it => it.reason),
    new Date(held.at),
    pauses.map(it => JSON.stringify(held.unfitFor(it))),
    held.isBlocked,
  ])
  return new Map(rows.map(row => [pauseKey(row), row.id]))
}
