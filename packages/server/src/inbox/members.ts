/**
 * Whom a condition met when its message was sent. Asking again at each reading would let people in and out of old messages
 * as their tags change, and a row for each device would be a billion bytes for ten million. So each bucket has one row
 * of 16 bytes a device: 8 of a hash of message and hwid, 8 of a hash of message and user (zeros: nobody was logged in).
 * The hashes differ from message to message, and say nothing to who doesn't know the names.
 *
 * A job writes all buckets within a minute or so after the planning; a device that asks before has its bucket written
 * at once. The first writing of a bucket stays.
 *
 * By then a device may be somebody else's. Whose it was is not known any more, and what was meant for one person is nothing
 * for another one, so it is left out, and counted.
 */

import type { Condition } from '@roost/protocol'
import { compileAccepted } from '../audience/condition.ts'
import { readScope } from '../audience/scope.ts'
import { type KeptSegments, keptSegments } from '../audience/segment-meaning.ts'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { KEY_BYTES, memberKey } from './member-key.ts'

/** At ten million devices 16 buckets are 160 thousand: below a second. */
const BUCKETS_A_STATEMENT = 16
const NOBODY = `'\\x0000000000000000'::bytea`

/**
 * SQL: of a person, in other words than of a device: some apps call a person by the hwid of their first device. Rows from before
 * have `memberKey` here, too.
 */
function userKey(messageId: string, userId: string): string {
  return memberKey(messageId, `('user ' || ${userId})`)
}

/** SQL: whether a device is among the members of a row, and was this user's or nobody's. */
export function isMember(row: {
  readonly members: string
  readonly messageId: string
  readonly hwid: string
  readonly userId: string
}): string {
  const { members, messageId, hwid, userId } = row
  const place = `position(${memberKey(messageId, hwid)} in ${members})`
  return `case when ${place} > 0
               then substring(${members} from ${place} + ${KEY_BYTES} for ${KEY_BYTES})
                    in (${NOBODY}, ${userKey(messageId, userId)}, ${memberKey(messageId, userId)})
               else false end`
}

interface Unfilled {
  readonly messageId: string
  readonly appId: number
  readonly condition: Condition
  /** What its segments meant when it was planned; null when it names none. */
  readonly audience: KeptSegments | null
  /** ISO 8601. */
  readonly shownAt: string
  /** By the database's clock, as text of SQL with all its digits; null: it was not noted. */
  readonly decidedAt: string | null
}

/** A segment as a target is written like one inside a condition. */
const UNFILLED = `
  select i.message_id as "messageId", i.app_id as "appId", i.shown_at as "shownAt",
         i.decided_at::text as "decidedAt", m.audience,
         case when m.target ? 'segment' then m.target else m.target -> 'condition' end as condition
    from inbox_message i join message m on m.id = i.message_id
   where not i.is_filled and i.until_at > $1 and m.target ?| array['condition', 'segment']`

export interface Filled {
  readonly messages: number
  /** Devices that had become somebody else's. */
  readonly leftOut: number
}

/** Writes the buckets of all messages that lack some. Safe in several processes at once. */
export async function fillMembers(db: Queryable, at: number): Promise<Filled> {
  const { rows } = await db.query<Unfilled>(UNFILLED, [new Date(at)])
  for (const unfilled of rows) {
    for (let from = 0; from < BUCKETS; from += BUCKETS_A_STATEMENT)
      await fill(db, unfilled, range(from, BUCKETS_A_STATEMENT))
    await db.query('update inbox_message set is_filled = true where message_id = $1', [unfilled.messageId])
  }
  return { messages: rows.length, leftOut: await countLeftOut(db, rows) }
}

async function countLeftOut(db: Queryable, filled: readonly Unfilled[]): Promise<number> {
  if (filled.length === 0) return 0
  const { rows } = await db.query<{ count: number }>(
    'select coalesce(sum(left_out), 0)::integer as count from inbox_members where message_id = any($1::uuid[])',
    [filled.map(it => it.messageId)],
  )
  return rows[0]?.count ?? 0
}

/** Writes these buckets of those messages of the app that still lack one of them. */
export async function fillBuckets(
  db: Queryable,
  query: { readonly appId: number; readonly buckets: readonly number[]; readonly at: number },
): Promise<void> {
  const { appId, at } = query
  const buckets = [...new Set(query.buckets)].sort((one, other) => one - other)
  const { rows } = await db.query<Unfilled>(
    `${UNFILLED} and i.app_id = $2
        and (select count(*) from inbox_members s where s.message_id = i.message_id and s.bucket = any($3::smallint[])) < $4`,
    [new Date(at), appId, buckets, buckets.length],
  )
  for (const unfilled of rows)
    for (let i = 0; i < buckets.length; i += BUCKETS_A_STATEMENT)
      await fill(db, unfilled, buckets.slice(i, i + BUCKETS_A_STATEMENT))
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}

/** SQL: whether the device belongs to whom it belonged when the audience was decided ($5). Where that is not known, it does not. */
const IS_STILL_WHOSE = '(d.user_since is null or coalesce(d.user_since <= $5::timestamptz, false))'

/** Buckets without a member get their row, too: it says that they were looked at. */
async function fill(
  db: Queryable,
  { messageId, appId, condition, audience, shownAt, decidedAt }: Unfilled,
  buckets: readonly number[],
): Promise<void> {
  const kept = audience === null ? {} : { readSegments: keptSegments(audience) }
  const scope = await readScope(db, { appId, condition, at: Date.parse(shownAt), ...kept })
  const values: unknown[] = [messageId, appId, buckets, shownAt, decidedAt]
  const compiled = compileAccepted(condition, { firstParameter: values.length + 1, scope })
  await db.query(
    `insert into inbox_members (message_id, bucket, app_id, members, left_out)
     select $1::uuid, b.bucket, $2,
            coalesce(string_agg(${memberKey('$1::uuid', 'd.hwid')}
                                || case when d.user_id is null then ${NOBODY} else ${userKey('$1::uuid', 'd.user_id')} end,
                                ''::bytea) filter (where ${IS_STILL_WHOSE}), ''::bytea),
            count(d.hwid) filter (where not ${IS_STILL_WHOSE})
       from unnest($3::smallint[]) as b (bucket)
       left join device d on d.bucket = b.bucket and d.app_id = $2 and d.first_seen_at <= $4 and ${compiled.sql}
      group by b.bucket
     on conflict do nothing`,
    [...values, ...compiled.values],
  )
}

const ERASE = `
  update inbox_members s
     set members = substring(s.members for p.place - 1) || substring(s.members from p.place + ${2 * KEY_BYTES})
    from (select o.message_id, position(${memberKey('o.message_id', '$3')} in o.members) as place
            from inbox_message i
            join inbox_members o on o.message_id = i.message_id and o.bucket = $2
           where i.app_id = $1 and i.audience <> 'named') p
   where s.message_id = p.message_id and s.bucket = $2 and p.place % ${2 * KEY_BYTES} = 1`

/** Takes devices out of all rows, in the caller's transaction; returns out of how many. One by one: two may share a row. */
export async function eraseMembers(
  tx: Queryable,
  { appId, hwids }: { readonly appId: number; readonly hwids: readonly string[] },
): Promise<number> {
  let count = 0
  for (const hwid of [...hwids].sort())
    count += (await tx.query(ERASE, [appId, bucketOf(hwid), hwid])).rowCount
  return count
}
