/**
 * What a person did with an entry. Devices tell it late, twice and out of order, so a state only goes on: delivered, read,
 * opened, deleted. A deleted entry never comes back.
 */
import { tellOthersUnread } from '../live/unread.ts'
import type { Database, Queryable } from '../store/database.ts'
import { type InboxKey, READ, readEntries } from './read.ts'

/** 5 is the server's own. */
export const STATUS = { delivered: 1, read: 2, opened: 3, deleted: 4 } as const

/**
 * Of a device that is not there (any more) nothing is kept. What is said for a former user of a device that is nobody's now, as after a logout by a
 * back end that the app knows nothing of, holds for nobody there, too: whose inbox this app is shown.
 */
const STORE = `
  insert into inbox_entry as e (bucket, app_id, hwid, message_id, user_id, status, updated_at)
  select d.bucket, d.app_id, d.hwid, $4, p.user_id, $6, $7
    from device d
   cross join lateral (select $5::text as user_id union select '' where d.user_id is null) p
   where d.bucket = $1 and d.app_id = $2 and d.hwid = $3
  on conflict (bucket, app_id, hwid, message_id, user_id) do update
     set status = greatest(e.status, excluded.status), updated_at = excluded.updated_at
   where e.status is null or e.status < excluded.status`

/**
 * False when the device's inbox has no such message; then nothing is stored, so that a stranger with the device token fills
 * nothing with made-up names. Who claims to be a former user of the device, as calls do that waited for the network while somebody else logged
 * in, marks what that one has there, and nothing on any other device. What is read on one device of a user is read on all of them, and those that are connected are told.
 */
export async function setInboxState(
  db: Database,
  change: InboxKey & { readonly messageId: string; readonly status: number },
): Promise<boolean> {
  const [entry] = await readEntries(db, { ...change, isFormerMeant: true })
  if (entry === undefined) return false
  const { rowCount } = await db.query(STORE, [
    entry.bucket,
    change.appId,
    entry.hwid,
    entry.messageId,
    entry.userId,
    change.status,
    new Date(change.at),
  ])
  // Clients repeat these calls; what changes nothing has to be told to nobody.
  if (rowCount > 0 && change.status >= READ && entry.userId !== '')
    await db.transaction(tx => tellOthersUnread(tx, change))
  return true
}

/** The message that the device protocol calls by this number; null when this app has none. */
export async function messageIdOfNumber(
  db: Queryable,
  key: { readonly appId: number; readonly number: number },
): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>(
    'select message_id as id from inbox_message where number = $2 and app_id = $1',
    [key.appId, key.number],
  )
  return rows[0]?.id ?? null
}
