/** The calls of an app, or of one user: those to them, and those that they have made. */
import { type CallList, type ListedCall, PushError } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { overallState, stateAt } from './state.ts'
import { CALLEES } from './views.ts'

export interface CallQuery {
  readonly appId: number
  readonly user?: string | undefined
  readonly limit: number
  /** The last call of the page before. */
  readonly after?: string | undefined
}

type ListRow = Omit<ListedCall, 'state'>

/** Of a user by the indexes call_callee_of_user and call_of_caller, of an app by call_of_app. */
const OF_USER = `c.id in (
  select call_id from call_callee where app_id = $1 and user_id = $4
   union all select id from call where app_id = $1 and user_id = $4)`

const listSql = (ofUser: string) => `
  select c.id, c.media, c.caller, c.created_at as "createdAt", c.ring_until as "ringUntil", ${CALLEES} as callees
    from call c
   where c.app_id = $1 ${ofUser}
     and ($3::uuid is null or (c.created_at, c.id) < (select created_at, id from call where app_id = $1 and id = $3))
   order by c.created_at desc, c.id desc
   limit $2 + 1`

/**
 * The newest first. Throws `input_invalid` for a call to go on from that is not there. With a million calls of 50,000 users in the app: 7 ms
 * of a user with 20, 165 ms of one with 20,000.
 */
export async function listCalls(
  db: Queryable,
  { appId, user, limit, after }: CallQuery,
  at: number,
): Promise<CallList> {
  const ofUser = user === undefined ? [] : [user]
  const values = [appId, limit, after ?? null, ...ofUser]
  const { rows } = await db.query<ListRow>(listSql(user === undefined ? '' : `and ${OF_USER}`), values)
  if (rows.length === 0 && after !== undefined) await requireThere(db, { appId, after })
  const calls = rows.slice(0, limit).map(row => listedCall(row, at))
  return { calls, next: rows.length > limit ? (calls.at(-1)?.id ?? null) : null }
}

function listedCall(row: ListRow, at: number): ListedCall {
  const until = Date.parse(row.ringUntil)
  const callees = (row.callees ?? []).map(it => ({ ...it, state: stateAt(it.state, until, at) }))
  return { ...row, callees, state: overallState(callees.map(it => it.state)) }
}

async function requireThere(
  db: Queryable,
  { appId, after }: { readonly appId: number; readonly after: string },
): Promise<void> {
  const { rowCount } = await db.query('select from call where app_id = $1 and id = $2', [appId, after])
  if (rowCount === 0)
    throw new PushError(
      'input_invalid',
      'query/after: give what "next" of the last page was; calls are kept for 30 days',
    )
}
