/**
 * Calls as they are stored. The row of the call is what decides: whoever holds its lock is alone with the call, so of two answers one
 * finds what the other has left. Devices are locked before calls, and legs after them, in the order of the devices.
 */
import type { CallCaller, CallMedia } from '@roost/protocol'
import type { Queryable, Transaction } from '../store/database.ts'
import type { CallTexts } from './content.ts'
import { tellLegs } from './legs.ts'
import type { Callee, Change } from './state.ts'

export interface CallKey {
  readonly appId: number
  readonly callId: string
}

export interface StoredCall extends CallKey {
  readonly caller: CallCaller
  readonly media: CallMedia
  readonly data: Readonly<Record<string, unknown>>
  readonly texts: CallTexts
  readonly version: number
  /** ms. */
  readonly createdAt: number
  readonly ringUntil: number
  readonly callees: readonly Callee[]
}

type CallRow = Omit<StoredCall, 'createdAt' | 'ringUntil'> & {
  readonly createdAt: string
  readonly ringUntil: string
}

const CALL_COLUMNS = `c.app_id as "appId", c.id as "callId", c.caller, c.media, c.data, c.texts, c.version,
  c.created_at as "createdAt", c.ring_until as "ringUntil"`

/** Alone with the call until the end of the transaction; undefined when there is none. */
export async function lockCall(tx: Queryable, { appId, callId }: CallKey): Promise<StoredCall | undefined> {
  const { rows } = await tx.query<CallRow>(
    `select ${CALL_COLUMNS} from call c where c.app_id = $1 and c.id = $2 for update`,
    [appId, callId],
  )
  return rows[0] && withCallees(tx, rows[0])
}

/** SQL of `call c`: none of these, as `keysOf` has them. */
const IS_NONE_OF = '(c.app_id, c.id) not in (select * from unnest($2::integer[], $3::uuid[]))'

function keysOf(calls: readonly CallKey[]): [appIds: number[], callIds: string[]] {
  return [calls.map(it => it.appId), calls.map(it => it.callId)]
}

/** One whose ring time is over and that says otherwise, and that is not spared; what somebody else has in hand is theirs. */
export async function lockOverdue(
  tx: Queryable,
  at: number,
  spared: readonly CallKey[],
): Promise<StoredCall | undefined> {
  const { rows } = await tx.query<CallRow>(
    `select ${CALL_COLUMNS} from call c where c.is_ringing and c.ring_until <= $1 and ${IS_NONE_OF}
      order by c.ring_until limit 1 for update skip locked`,
    [new Date(at), ...keysOf(spared)],
  )
  return rows[0] && withCallees(tx, rows[0])
}

/** One that has an app open which did not say in time that it rings, and that is not spared. */
export async function lockUnheard(
  tx: Queryable,
  at: number,
  spared: readonly CallKey[],
): Promise<StoredCall | undefined> {
  const { rows } = await tx.query<CallRow>(
    `select ${CALL_COLUMNS} from call c
      where (c.app_id, c.id) in (select l.app_id, l.call_id from call_leg l where l.push_at <= $1) and ${IS_NONE_OF}
      limit 1 for update skip locked`,
    [new Date(at), ...keysOf(spared)],
  )
  return rows[0] && withCallees(tx, rows[0])
}

async function withCallees(tx: Queryable, row: CallRow): Promise<StoredCall> {
  const { rows: callees } = await tx.query<Callee>(
    `select m.user_id as "userId", m.state, (
              select l.hwid from call_leg l
               where l.app_id = m.app_id and l.call_id = m.call_id and l.user_id = m.user_id and l.has_answered) as by
       from call_callee m where m.app_id = $1 and m.call_id = $2 order by m.user_id`,
    [row.appId, row.callId],
  )
  return { ...row, createdAt: Date.parse(row.createdAt), ringUntil: Date.parse(row.ringUntil), callees }
}

/** What was read is what changes: the call is locked. */
export function writeChanges(
  tx: Transaction,
  { appId, callId }: CallKey,
  {
    changes,
    isRinging,
    at,
  }: { readonly changes: readonly Change[]; readonly isRinging: boolean; readonly at: number },
): void {
  tx.send('update call set version = version + 1, is_ringing = $3 where app_id = $1 and id = $2', [
    appId,
    callId,
    isRinging,
  ])
  tx.send(
    `update call_callee m set state = i.state, changed_at = $5 from unnest($3::text[], $4::text[]) i (user_id, state)
      where m.app_id = $1 and m.call_id = $2 and m.user_id = i.user_id`,
    [appId, callId, changes.map(it => it.userId), changes.map(it => it.to), new Date(at)],
  )
  tellLegs(tx, { appId, callId }, changes)
}

const KEPT_DAYS = 30
const DAY_MS = 24 * 3_600_000

/** Returns how many went. What belongs to them goes by its own time: of somebody who was erased nothing else may be left. */
export async function dropOldCalls(db: Queryable, at: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `with gone as (delete from call where created_at < $1 returning id),
          callees as (delete from call_callee where changed_at < $1),
          legs as (delete from call_leg where open_until < $1)
     select count(*)::integer as count from gone`,
    [new Date(at - KEPT_DAYS * DAY_MS)],
  )
  return rows[0]?.count ?? 0
}
