/** How long the record of runs is kept. */
import type { Database } from '../store/database.ts'

export const RUNS_KEPT_MS = 30 * 24 * 60 * 60_000

/** Returns how many. */
export async function dropOldRuns(db: Database, at: number): Promise<number> {
  const { rowCount } = await db.query('delete from job_run where started_at < $1', [
    new Date(at - RUNS_KEPT_MS),
  ])
  return rowCount
}
