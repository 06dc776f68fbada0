/**
 * Working through an outage of the database: a chunk that was sent and can't be booked is kept and booked when the database is
 * back, as long as its batch is still ours. To give it up would be to send it again.
 *
 * Where a connection breaks during a commit nobody is told whether it took place. Each booking therefore asks for the number
 * of its transaction, and what became of that is asked before it is repeated.
 * Source: PostgreSQL, "Transaction ID and Snapshot Information Functions": pg_xact_status.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, isDatabaseAway, type Queryable } from '../store/database.ts'
import { type Chunk, settleChunk } from './settle.ts'

/** Doubled each time. The longest is below what a lease has left after the database's start (lease.ts). */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

/**
 * Repeats `work` while the database is away, until it succeeds or fails for another reason. After `signal` the next failure is
 * thrown. `work` must be harmless when its first run took place after all.
 */
export async function throughOutage<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted || !isDatabaseAway(error)) throw error
      await delay(pauseMs)
    }
  }
}

/**
 * Books a chunk exactly once, however often that has to be tried; `fail` is told why. Throws LeaseLost, and then nothing of it
 * is stored.
 */
export async function bookChunk(
  db: Database,
  chunk: Chunk,
  { signal, fail }: { readonly signal: AbortSignal; readonly fail: (error: unknown) => void },
): Promise<void> {
  let transaction: string | undefined
  const book = async () => {
    if (transaction !== undefined && (await tookPlace(db, transaction, signal))) return
    transaction = undefined
    await settleChunk(db, chunk, id => {
      transaction = id
    })
  }
  const telling = (error: unknown) => {
    fail(error)
    throw error
  }
  await throughOutage(() => book().catch(telling), signal)
}

/** A backend that lost its client may still be at its commit; it is waited for. */
async function tookPlace(db: Queryable, transaction: string, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const { rows } = await db.query<{ status: string | null }>(
      // A number that was not given out yet is of before a failover, which lost it.
      `select case when $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) then pg_xact_status($1::xid8) end as status`,
      [transaction],
    )
    if (rows[0]?.status !== 'in progress') return rows[0]?.status === 'committed'
    signal.throwIfAborted()
    await delay(FIRST_PAUSE_MS)
  }
}
