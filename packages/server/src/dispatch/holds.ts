/**
 * Holds: which pauses a batch has deliveries waiting for. A few rows a batch, so that ending a pause finds all that
 * waited for it without reading the queue.
 */
import type { Pause } from '../credentials/pauses.ts'
import type { Queryable } from '../store/database.ts'

/** A hold that was about to be forgotten is set up again: its row is locked here, and whoever forgets it looks anew. */
const RECORD = `
  insert into batch_hold as h (batch_id, credential_id, version, part, reason, at)
  select $1, credential_id, version, part, reason, $6
    from unnest($2::uuid[], $3::integer[], $4::text[], $5::text[]) as i (credential_id, version, part, reason)
   order by credential_id, version, part
  on conflict (batch_id, credential_id, version, part) do update
     set is_over = false, at = case when h.is_over then excluded.at else h.at end
  returning id, credential_id as "credentialId", version, part`

/** One name for each pause. */
export function pauseKey(pause: Omit<Pause, 'reason'>): string {
  return `${pause.credentialId} ${pause.version} ${pause.part}`
}

/** Returns the hold's id by `pauseKey`. Call it in the transaction that queues the deliveries. */
export async function recordHolds(
  tx: Queryable,
  held: { readonly batchId: number; readonly pauses: readonly Pause[]; readonly at: number },
): Promise<ReadonlyMap<string, number>> {
  const pauses = [...new Map(held.pauses.map(it => [pauseKey(it), it])).values()]
  if (pauses.length === 0) return new Map()
  const { rows } = await tx.query<Omit<Pause, 'reason'> & { id: number }>(RECORD, [
    held.batchId,
    pauses.map(it => it.credentialId),
    pauses.map(it => it.version),
    pauses.map(it => it.part),
    pauses.map(it => it.reason),
    new Date(held.at),
  ])
  return new Map(rows.map(row => [pauseKey(row), row.id]))
}
