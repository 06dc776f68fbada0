/**
 * Opening the inbox of a message, at the moment at which its audience is decided: when it is planned. What is stored then
 * does not grow with the base, so that a campaign to ten million devices begins at once:
 *
 *   all devices          one row, and every device that was there before it is meant
 *   devices, users       a row for each of those that were named (at most 10,000 names)
 *   a condition          one row now; whom it meets is written down bucket by bucket (members.ts)
 */
import { INBOX_DAYS_DEFAULT, type NewInbox, type Target } from '@roost/protocol'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'

const DAY_MS = 24 * 3_600_000

export interface InboxOpening {
  readonly messageId: string
  readonly appId: number
  readonly target: Target
  readonly inbox: NewInbox
  /** ms. */
  readonly at: number
  /** Each device reads it from its own moment on. */
  readonly isByClock: boolean
}

export type InboxAudience = 'all' | 'named' | 'condition'

export function audienceOf(target: Target): InboxAudience {
  if ('all' in target) return 'all'
  return 'devices' in target || 'users' in target ? 'named' : 'condition'
}

const OPEN = `
  insert into inbox_message (message_id, app_id, audience, shown_at, until_at, is_filled, is_by_clock)
  values ($1, $2, $3, $4, $5, $3 <> 'condition', $6)
  on conflict do nothing`

/** In the transaction of the planning; a repeat changes nothing. */
export async function openInbox(tx: Queryable, opening: InboxOpening): Promise<void> {
  const { messageId, appId, target, inbox, at, isByClock } = opening
  const until = inbox.until === undefined ? at + INBOX_DAYS_DEFAULT * DAY_MS : Date.parse(inbox.until)
  const times = [new Date(at), new Date(until)]
  await tx.query(OPEN, [messageId, appId, audienceOf(target), ...times, isByClock])
  if ('devices' in target || 'users' in target) await nameDevices(tx, opening)
}

/** Whose device it is now, it stays for: another person who logs in there later does not see it. */
const NAME_DEVICES = `
  insert into inbox_entry (bucket, app_id, hwid, message_id, user_id, is_named, updated_at)
  select d.bucket, d.app_id, d.hwid, $2, coalesce(d.user_id, ''), true, $3
    from unnest($4::smallint[], $5::text[]) as i (bucket, hwid)
    join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid
  on conflict do nothing`

/** All devices of each user, also when only the latest one gets a push: people read on any of them. */
const NAME_DEVICES_OF_USERS = `
  insert into inbox_entry (bucket, app_id, hwid, message_id, user_id, is_named, updated_at)
  select d.bucket, d.app_id, d.hwid, $2, d.user_id, true, $3
    from device d where d.app_id = $1 and d.user_id = any($4::text[])
  on conflict do nothing`

async function nameDevices(tx: Queryable, { messageId, appId, target, at }: InboxOpening): Promise<void> {
  const keys = [appId, messageId, new Date(at)]
  if ('devices' in target)
    await tx.query(NAME_DEVICES, [...keys, target.devices.map(bucketOf), target.devices])
  else if ('users' in target) await tx.query(NAME_DEVICES_OF_USERS, [...keys, target.users])
}

/**
 * Takes a message out of all inboxes; devices are told so when they ask next. One that was never there is as it should be.
 */
export async function withdrawFromInboxes(
  db: Queryable,
  { messageId, at }: { readonly messageId: string; readonly at: number },
): Promise<void> {
  await db.query(
    'update inbox_message set withdrawn_at = $2 where message_id = $1 and withdrawn_at is null',
    [messageId, new Date(at)],
  )
}
