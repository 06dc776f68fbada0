/** The end of lists of ids: none of what it does takes longer because a list, or all lists of an app, have millions of them. */
import { type ListKind, PushError } from '@roost/protocol'
import { eachApart } from '../apart.ts'
import { BUCKETS } from '../registry/buckets.ts'
import type { Database, Queryable } from '../store/database.ts'
import { type ListKey, readKind } from './lists.ts'

const DAY_MS = 24 * 60 * 60_000
/** Whoever wants to go on with a list that was begun does so within days. */
const ABANDONED_AFTER_MS = 7 * DAY_MS

/** Segments, triggers, schedules, and messages that are still to be sent to, or not to be sent to, who is in it. */
const USED = `
  select 'message ' || id || ' names the list ' || $2 || ' and is not done' as problem from message
   where app_id = $1 and state in ('scheduled', 'sending', 'paused') and target ? 'condition'
     and strpos(target::text, $2::text) > 0
  union all
  select 'segment "' || name || '" names the list ' || $2 from segment
   where app_id = $1 and strpos(condition::text, $2::text) > 0
  union all
  select 'trigger "' || name || '" names the list ' || $2 from trigger
   where app_id = $1 and state <> 'deleted' and strpos((definition -> 'condition')::text, $2::text) > 0
  union all
  select 'schedule "' || name || '" names the list ' || $2 from schedule
   where app_id = $1 and strpos(condition::text, $2::text) > 0
  union all
  select 'message ' || id || ' was planned with a segment that names the list ' || $2 from message
   where app_id = $1 and state in ('sending', 'paused') and strpos(audience::text, $2::text) > 0
  limit 1`

/**
 * Throws `list_unknown`, and `list_in_use` while a message that is not done, a schedule, a trigger or a segment names it. Conditions miss it at once; its
 * members go in portions, and a deletion that was broken off is done by repeating it, or by the job a week later.
 */
export async function deleteList(db: Database, key: ListKey): Promise<void> {
  const { appId, id } = key
  const kind = await readKind(db, key)
  const { rows } = await db.query<{ problem: string }>(USED, [appId, id])
  if (rows[0] !== undefined) throw new PushError('list_in_use', rows[0].problem)
  await db.query("update audience_list set state = 'loading' where app_id = $1 and id = $2", [appId, id])
  await removeMembers[kind](key, work => db.transaction(work))
  await db.transaction(async tx => {
    await tx.query('delete from audience_list where app_id = $1 and id = $2', [appId, id])
    await removeMembers[kind](key, work => work(tx)) // what was added meanwhile; nobody adds any more
  })
}

const BUCKETS_A_STATEMENT = 16
/** Of all lists of the app: who has little in a list is not looked for in one statement either. */
const USERS_A_STATEMENT = 20_000

/** Does a portion in a transaction. */
type Portion = <T>(work: (tx: Queryable) => Promise<T>) => Promise<T>

/** No statement takes longer because the app has more ids. */
const removeMembers: Readonly<Record<ListKind, (key: ListKey, portion: Portion) => Promise<void>>> = {
  devices: async ({ appId, id }, portion) => {
    for (let from = 0; from < BUCKETS; from += BUCKETS_A_STATEMENT)
      await portion(tx =>
        tx.query(
          'delete from audience_list_device where bucket between $1 and $2 and app_id = $3 and list_id = $4',
          [from, from + BUCKETS_A_STATEMENT - 1, appId, id],
        ),
      )
  },
  users: async (key, portion) => {
    let after: string | undefined = ''
    while (after !== undefined) {
      const from: string = after
      after = await portion(tx => removeUsers(tx, key, from))
    }
  },
}

/** Of ids that have just come the database has no statistics; it would read and sort all that follow for each portion. */
const IN_ORDER_OF_THE_KEY =
  "select set_config(name, 'off', true) from unnest(array['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) name"

/** Those behind `after`; gives back how far, and undefined at the end. */
async function removeUsers(
  tx: Queryable,
  { appId, id }: ListKey,
  after: string,
): Promise<string | undefined> {
  await tx.query(IN_ORDER_OF_THE_KEY)
  const { rows } = await tx.query<{ last: string | null }>(
    `select max(user_id) as last from (
       select user_id from audience_list_user where app_id = $1 and user_id > $2
        order by user_id limit ${USERS_A_STATEMENT}) u`,
    [appId, after],
  )
  const last = rows[0]?.last ?? undefined
  if (last === undefined) return undefined
  await tx.query(
    'delete from audience_list_user where app_id = $1 and user_id > $2 and user_id <= $3 and list_id = $4',
    [appId, after, last, id],
  )
  return last
}

/** Lists whose last part never came, or whose deletion broke off; returns how many. What was named meanwhile stays; one that fails holds up no other. */
export async function dropAbandonedLists(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<ListKey>(
    `select id, app_id as "appId" from audience_list where state = 'loading' and updated_at < $1`,
    [new Date(at - ABANDONED_AFTER_MS)],
  )
  let count = 0
  await eachApart(rows, async list => {
    if (await deleteUnused(db, list)) count++
  })
  return count
}

async function deleteUnused(db: Database, list: ListKey): Promise<boolean> {
  try {
    await deleteList(db, list)
    return true
  } catch (error) {
    if (error instanceof PushError && ['list_in_use', 'list_unknown'].includes(error.code)) return false
    throw error
  }
}
