/** The statistics as they are once all that was committed has been counted. */
import { expect } from 'vitest'
import { rollUp } from '../src/insight/statistics/job.ts'
import type { TestRoost } from './roost.ts'

/**
 * Counts until what was committed before the call is among it: the job counts up to the oldest transaction that is open, and somebody
 * else's may be older than the test's own.
 */
export async function countAll({ server, clock }: Pick<TestRoost, 'server' | 'clock'>): Promise<void> {
  const { db } = server
  const { rows } = await db.query<{ xid: number }>('select pg_current_xact_id()::text::bigint as xid')
  const isCounted = async () => {
    await rollUp(db, clock.now())
    return (await db.query('select from stat_mark where xid > $1', [rows[0]?.xid])).rows.length > 0
  }
  await expect.poll(isCounted).toBe(true)
}
