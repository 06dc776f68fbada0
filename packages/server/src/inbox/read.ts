/**
 * Reading inboxes. A device sees a message when it was in its audience: of those to all when it was there before; of
 * those to named devices when it was named; of those to a condition when it was among whom the condition met.
 *
 * What was meant for one person is not shown to another one who logs in on the same device later; what was for the device
 * while nobody was logged in, or for all, is. Each person has their own states.
 *
 * By local time or best hour a device sees it from its own moment on; what was seen stays, whatever zone it comes to.
 */
import { INBOX_CAMPAIGNS_MAX } from '@roost/protocol'
import { slotSql } from '../messages/when/slots.ts'
import { bucketOf } from '../registry/buckets.ts'
import { devicesOfPerson } from '../registry/person-devices.ts'
import type { Queryable } from '../store/database.ts'
import { fillBuckets, isMember } from './members.ts'

export interface InboxKey {
  readonly appId: number
  readonly hwid: string
  /** Whom the caller says that the device belongs to. Somebody else than we know: what is meant for users is hidden. */
  readonly claimedUserId?: string | undefined
  /**
   * The entries of the claimed user are meant, too, if the device was that one's before. For storing what they did with them; who reads
   * is given nothing of a former user.
   */
  readonly isFormerMeant?: boolean
  /** ms. */
  readonly at: number
}

/** Clients name the hwid as user when nobody is logged in, and also when a back end has named the user; that and '' say nothing. */
export function claimedUser({
  hwid,
  userId,
}: {
  readonly hwid: string
  readonly userId?: string | null | undefined
}): string | undefined {
  return userId === hwid || userId === '' ? undefined : (userId ?? undefined)
}

/** From this status on an entry is not unread. */
export const READ = 2
const OPENED = 3

/**
 * What a person has read or opened on one device they have on all of theirs (of those that person-devices.ts finds);
 * what they delete there stays on the others.
 *
 * Entries of devices, $1 app, $2 buckets, $3 hwids, $4 the time, $5 the user that is claimed, $6 one message alone,
 * $7 whether a former user may be meant.
 * Withdrawn and deleted ones are among them.
 */
export const ENTRIES = `
  with viewer as (
    select d.bucket, d.app_id, d.hwid, d.first_seen_at,
           case when $5::text is null or $5 = d.user_id then coalesce(d.user_id, '')
                when $7::boolean and exists (select from former_user f
                                              where f.bucket = d.bucket and f.app_id = d.app_id and f.hwid = d.hwid and f.user_id = $5) then $5
                else '' end as user_id
      from unnest($2::smallint[], $3::text[]) as w (bucket, hwid)
      join device d on d.bucket = w.bucket and d.app_id = $1 and d.hwid = w.hwid
  ), campaign as materialized (
    select i.* from inbox_message i
     where i.app_id = $1 and i.audience <> 'named' and i.shown_at <= $4 and i.until_at > $4
       and ($6::uuid is null or i.message_id = $6)
     order by i.number desc limit ${INBOX_CAMPAIGNS_MAX}
  ), shown as (
    select v.bucket, v.app_id, v.hwid, v.user_id, i.message_id, i.number, i.shown_at, i.until_at, i.withdrawn_at, i.is_by_clock
      from viewer v
      join campaign i on i.shown_at >= v.first_seen_at
     where i.audience = 'all'
        or exists (select from inbox_members s
                    where s.message_id = i.message_id and s.bucket = v.bucket
                      and ${isMember({ members: 's.members', messageId: 'i.message_id', hwid: 'v.hwid', userId: 'v.user_id' })})
    union all
    select v.bucket, v.app_id, v.hwid, v.user_id, i.message_id, i.number, i.shown_at, i.until_at, i.withdrawn_at, i.is_by_clock
      from viewer v
     cross join lateral (
       select distinct n.message_id from inbox_entry n
        where n.bucket = v.bucket and n.app_id = v.app_id and n.hwid = v.hwid and n.is_named
          and n.user_id in ('', v.user_id) and ($6::uuid is null or n.message_id = $6)) n
      join inbox_message i on i.message_id = n.message_id and i.shown_at <= $4 and i.until_at > $4
  ), elsewhere as materialized (
    select p.user_id, e.message_id, least(max(e.status), ${OPENED}) as status
      from (select distinct app_id, user_id from viewer where user_id <> '') p
     cross join lateral (${devicesOfPerson('p.app_id', 'p.user_id')}) o
      join inbox_entry e on e.bucket = o.bucket and e.app_id = o.app_id and e.hwid = o.hwid and e.user_id = p.user_id
     where e.status >= ${READ}
     group by p.user_id, e.message_id
  )
  select s.bucket, s.hwid, s.user_id as "userId", s.message_id as "messageId", s.number, greatest(s.shown_at, slot.at) as "shownAt",
         s.until_at as "untilAt", s.withdrawn_at is not null or coalesce(e.status, 0) >= 4 as "isGone",
         greatest(e.status, r.status) as status
    from shown s
    left join inbox_entry e on e.bucket = s.bucket and e.app_id = s.app_id and e.hwid = s.hwid
                           and e.message_id = s.message_id and e.user_id = s.user_id
    left join elsewhere r on r.user_id = s.user_id and r.message_id = s.message_id
    left join lateral (
      select ${slotSql('m.slot_of')} as at
        from message m
        join device d on d.bucket = s.bucket and d.app_id = s.app_id and d.hwid = s.hwid
       where m.id = s.message_id) slot on s.is_by_clock
   where not s.is_by_clock or slot.at <= $4 or e.status is not null`

export interface InboxEntry {
  readonly bucket: number
  readonly hwid: string
  readonly userId: string
  readonly messageId: string
  readonly number: number
  /** ISO 8601. */
  readonly shownAt: string
  readonly untilAt: string
  /** Deleted by the person, or withdrawn by the sender. */
  readonly isGone: boolean
  /** 1 delivered, 2 read, 3 opened, 4 deleted by the person, 5 by the sender; null: nothing said yet. */
  readonly status: number | null
}

/** All entries of the device, the gone ones too, newest first. Empty for a device that is not there. */
export async function readEntries(
  db: Queryable,
  key: InboxKey & { readonly messageId?: string },
): Promise<InboxEntry[]> {
  const { appId, hwid, at } = key
  const bucket = bucketOf(hwid)
  await fillBuckets(db, { appId, buckets: [bucket], at })
  const { rows } = await db.query<InboxEntry>(`${ENTRIES} order by s.number desc`, [
    appId,
    [bucket],
    [hwid],
    new Date(at),
    key.claimedUserId ?? null,
    key.messageId ?? null,
    key.isFormerMeant ?? false,
  ])
  return rows
}

export function isUnread({ isGone, status }: InboxEntry): boolean {
  return !isGone && (status ?? 0) < READ
}
