/**
 * Working through an outage of the database: a chunk that was sent and can't be booked is kept and booked when the database is
 * back, as long as its batch is still ours. To give it up would be to send it again.
 *
 * Where a connection breaks during a commit nobody is told whether it took place. Each booking therefore is the batch's next one
 * or none: a repeat finds that it has been counted. (The transaction's number would not do: after a crash PostgreSQL gives a number
 * away again of which nothing had come to its log, so `pg_xact_status` may tell the end of another transaction.)
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, isDatabaseAway } from '../store/database.ts'
import { isBooked } from './booking.ts'
import { LeaseLost } from './lease.ts'
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
 * Books a chunk exactly once, however often that has to be tried; `fail` is told why. Throws LeaseLost, and then the chunk is not
 * stored, or its batch has been taken over since.
 */
export async function bookChunk(
  db: Database,
  chunk: Chunk,
  { signal, fail }: { readonly signal: AbortSignal; readonly fail: (error: unknown) => void },
): Promise<void> {
  let isRepeat = false
  const book = async () => {
    try {
      await settleChunk(db, chunk)
    } catch (error) {
      // One whose client is gone may still be at its commit: the repeat has waited for that at the batch's row.
      if (isRepeat && error instanceof LeaseLost && (await isBooked(db, chunk))) return
      isRepeat = true
      fail(error)
      throw error
    }
  }
  await throughOutage(book, signal)
}
