/**
 * Whose a device was before: somebody who has logged out, or whose device went over to another person, is looked for by their name all the same.
 * The trigger `device_user_since` writes it down where the user of a device changes. Names are kept for half a year, and go with the
 * device or the person when they are erased.
 */
import type { Queryable } from '../../store/database.ts'

const KEEP_MS = 180 * 24 * 3_600_000
const AT_ONCE = 10_000

/** Of all apps. Returns how many went. */
export async function dropOldFormerUsers(db: Queryable, at: number): Promise<number> {
  for (let dropped = 0; ; ) {
    const { rowCount } = await db.query(
      `delete from former_user where ctid = any(array(select ctid from former_user where until < $1 limit ${AT_ONCE}))`,
      [new Date(at - KEEP_MS)],
    )
    dropped += rowCount
    if (rowCount < AT_ONCE) return dropped
  }
}
