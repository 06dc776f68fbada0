/** Waiting for others to wait: for tests of what happens while a row is locked. */
import type { Queryable } from '../src/store/database.ts'
import { tick } from './roost.ts'

/** Until so many sessions of this database wait for a lock. */
export async function untilHeldUp(db: Queryable, sessions = 1): Promise<void> {
  for (;;) {
    const { rowCount } = await db.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    if (rowCount >= sessions) return
    await tick()
  }
}
