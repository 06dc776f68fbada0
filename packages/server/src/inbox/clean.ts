/** Entries whose time is over go; the messages themselves stay. */
import type { Database } from '../store/database.ts'

const MESSAGES_AT_ONCE = 100

/** Returns how many messages left all inboxes. Safe to run in several processes at once. */
export async function cleanInboxes(db: Database, at: number): Promise<number> {
  for (let cleaned = 0; ; ) {
    const count = await cleanSome(db, at)
    cleaned += count
    if (count < MESSAGES_AT_ONCE) return cleaned
  }
}

async function cleanSome(db: Database, at: number): Promise<number> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<{ id: string }>(
      `delete from inbox_message
        where message_id in (select message_id from inbox_message where until_at <= $1
                              order by until_at limit ${MESSAGES_AT_ONCE} for update skip locked)
       returning message_id as id`,
      [new Date(at)],
    )
    const ids = rows.map(it => it.id)
    if (ids.length === 0) return 0
    await tx.query('delete from inbox_members where message_id = any($1::uuid[])', [ids])
    await tx.query('delete from inbox_entry where message_id = any($1::uuid[])', [ids])
    return ids.length
  })
}
