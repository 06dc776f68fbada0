/** Which of the app's last messages a gateway took for a device, whether it has told of them, and which still wait for it. */
import { KEY_BYTES, memberKey } from '../../../inbox/member-key.ts'
import { bucketOf } from '../../../registry/buckets.ts'
import type { Queryable } from '../../../store/database.ts'
import type { LatelyAccepted, WaitingMessage } from '../facts.ts'
import type { DeviceKey } from './device.ts'

const MESSAGES_LOOKED_AT = 20

/**
 * SQL: acceptances of message `m` for the device in $1 (bucket), $3 (hwid), as `a`. A chunk lies within its batch's range, so of a
 * campaign the index acceptance_of_message leads to the few rows around the device's bucket: 20 of 20 000 with ten million devices.
 * `offset 0` keeps the planner from joining all of them.
 */
const ACCEPTANCE_OF = `
  select a.at
    from (select id, message_id, bucket_to from batch
           where message_id = m.id and $1::smallint between bucket_from and bucket_to and accepted > 0 offset 0) b
   cross join lateral (
     select at, position(${memberKey('b.message_id', '$3::text')} in accepted) as place from acceptance
      where message_id = b.message_id and batch_id = b.id and bucket_to between $1 and b.bucket_to and bucket_from <= $1
     offset 0) a
   where a.place > 0 and (a.place - 1) % ${KEY_BYTES} = 0
   limit 1`

const LATELY = `
  select m.id as "messageId", a.at,
         exists (select from receipt r where r.bucket = $1 and r.message_id = m.id and r.hwid = $3) as "hasReceipt",
         exists (select from receipt r where r.bucket = $1 and r.message_id = m.id and r.hwid = $3
                                         and r.kind = 'displayed') as "wasDisplayed"
    from (select id from message where app_id = $2 and planned_at is not null and knock is null
           order by created_at desc limit ${MESSAGES_LOOKED_AT}) m
   cross join lateral (${ACCEPTANCE_OF}) a
   order by a.at desc`

/** Newest first. Uses the indexes message_newest, batch_of_message and acceptance_of_message. */
export async function readLately(db: Queryable, { appId, hwid }: DeviceKey): Promise<LatelyAccepted[]> {
  return (await db.query<LatelyAccepted>(LATELY, [bucketOf(hwid), appId, hwid])).rows
}

/** By the primary key of delivery_queue for each of the last messages. */
const WAITING = `
  select m.id as "messageId", b.provider as gateway, q.reason, q.attempt - 1 as attempts
    from (select id from message where app_id = $2 and planned_at is not null and knock is null
           order by created_at desc limit ${MESSAGES_LOOKED_AT}) m
    join delivery_queue q on q.bucket = $1 and q.message_id = m.id and q.hwid = $3
    join batch b on b.id = q.batch_id
   order by m.id desc`

export async function readWaiting(db: Queryable, { appId, hwid }: DeviceKey): Promise<WaitingMessage[]> {
  return (await db.query<WaitingMessage>(WAITING, [bucketOf(hwid), appId, hwid])).rows
}

/** So many messages after one are looked at for its key: an app may send a message a second. */
const LATER_LOOKED_AT = 1000

const REPLACED_BY = `
  select m.id as "messageId", a.at
    from (select later.id
            from (select id, collapse_key, planned_at, created_at from message
                   where app_id = $2 and created_at > $5 order by created_at limit ${LATER_LOOKED_AT}) later
           where later.collapse_key = $4 and later.planned_at is not null and later.id <> $6
           order by later.created_at desc limit ${MESSAGES_LOOKED_AT}) m
   cross join lateral (${ACCEPTANCE_OF}) a
   order by a.at limit 1`

/** The first message with this collapse key that its gateway took for the device after that one. Uses the index message_newest. */
export async function readReplacement(
  db: Queryable,
  {
    appId,
    hwid,
    message,
  }: DeviceKey & {
    readonly message: { readonly id: string; readonly collapseKey: string; readonly createdAt: string }
  },
): Promise<{ readonly messageId: string; readonly at: string } | null> {
  const { rows } = await db.query<{ messageId: string; at: string }>(REPLACED_BY, [
    bucketOf(hwid),
    appId,
    hwid,
    message.collapseKey,
    message.createdAt,
    message.id,
  ])
  return rows[0] ?? null
}
