/**
 * Legs: the devices that ring for a call or hear of it, each with the roads by which it was to ring. `server` says whose turn it is to tell a
 * device how the call stands by now; who has told it takes that away.
 */
import { IS_ALIVE } from '../live/presence.ts'
import { bucketOf } from '../registry/buckets.ts'
import { deviceOrder } from '../registry/lock-order.ts'
import type { Queryable, Transaction } from '../store/database.ts'
import type { Change } from './state.ts'
import type { CallKey, StoredCall } from './store.ts'

/** So long after its ring time a device that connects is told what became of a call. */
export const TOLD_AFTER_MS = 60_000
/** What an app that is open has to say that it rings, before it is pushed as well. */
export const PUSH_AFTER_MS = 2000

/** SQL over `device d`: of its address of this kind that is sent to; null when it has none. */
export const gatewayOf = (kind: string) => `(
    select a.provider from address a where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = '${kind}'
       and a.state in ('active', 'suspect') and not a.opted_out limit 1)`

export interface Leg {
  readonly bucket: number
  readonly hwid: string
  readonly userId: string
  readonly isCaller: boolean
  readonly roads: readonly string[]
}

/** Before, in a statement of its own: what is read of connections then is what devices have said that have just touched their legs. */
const LOCK_LEGS = `
  select from call_leg l where l.app_id = $1 and l.call_id = $2 order by ${deviceOrder('l')} for update of l`

/**
 * A device that connects meanwhile waits for its legs, and says then who tells it. A process that has not said of late that it lives may only
 * be busy, or have been without its database: it tells whom it still holds. Who was connected to one that is dead connects anew.
 */
const TELL_LEGS = `
  update call_leg l
     set has_answered = l.has_answered or exists (select from unnest($3::text[], $4::text[]) i (user_id, by) where i.user_id = l.user_id and i.by = l.hwid),
         push_at = case when l.user_id = any($3::text[]) then null else l.push_at end,
         server = coalesce((
           select p.server from live_presence p
            where p.bucket = l.bucket and p.app_id = l.app_id and p.hwid = l.hwid
              and p.user_id is not distinct from l.user_id), l.server)
   where l.app_id = $1 and l.call_id = $2`

/** All of a call are told of its changes; the call is locked. */
export function tellLegs(tx: Transaction, { appId, callId }: CallKey, changes: readonly Change[]): void {
  tx.send(LOCK_LEGS, [appId, callId])
  tx.send(TELL_LEGS, [appId, callId, changes.map(it => it.userId), changes.map(it => it.by)])
}

/** Of a device that is not among those of the beginning, such as one that logged in since. */
export async function ensureLeg(
  tx: Queryable,
  call: StoredCall,
  device: { readonly hwid: string; readonly userId: string },
): Promise<void> {
  await tx.query(
    `insert into call_leg (bucket, app_id, call_id, hwid, user_id, is_caller, open_until)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
    [
      bucketOf(device.hwid),
      call.appId,
      call.callId,
      device.hwid,
      device.userId,
      device.userId === call.caller.userId,
      new Date(call.ringUntil + TOLD_AFTER_MS),
    ],
  )
}

/** It rings there: no push has to follow. Of a call that is over for its user nothing is noted. */
export async function noteRinging(
  db: Queryable,
  { appId, callId }: CallKey,
  { hwid, at }: { readonly hwid: string; readonly at: number },
): Promise<void> {
  await db.query(
    `update call_leg l set rang_at = coalesce(rang_at, $5), push_at = null
      where bucket = $1 and app_id = $2 and call_id = $3 and hwid = $4 and not is_caller
        and exists (select from call_callee m where m.app_id = l.app_id and m.call_id = l.call_id and m.user_id = l.user_id and m.state = 'ringing')`,
    [bucketOf(hwid), appId, callId, hwid, new Date(at)],
  )
}

export interface LegToPush extends Leg {
  readonly road: 'voip' | 'push' | null
  readonly gateway: string | null
}

/** They are pushed now, and no more; the call is locked. */
export async function takeUnheard(
  tx: Queryable,
  { appId, callId }: CallKey,
  at: number,
): Promise<LegToPush[]> {
  const { rows } = await tx.query<LegToPush>(
    `with due as (
       select d.bucket, d.hwid, ${gatewayOf('voip')} as voip, ${gatewayOf('alert')} as push
         from call_leg l join device d on d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid
        where l.app_id = $1 and l.call_id = $2 and l.push_at <= $3
        order by ${deviceOrder('l')} for update of l
     )
     update call_leg l set push_at = null,
            roads = l.roads || array_remove(array[case when voip is not null then 'voip' when push is not null then 'push' end], null)
       from due where l.bucket = due.bucket and l.app_id = $1 and l.call_id = $2 and l.hwid = due.hwid
     returning l.bucket, l.hwid, l.user_id as "userId", l.is_caller as "isCaller", l.roads,
               case when voip is not null then 'voip' when push is not null then 'push' end as road,
               coalesce(voip, push) as gateway`,
    [appId, callId, new Date(at)],
  )
  return rows
}

export async function readUserOfDevice(
  db: Queryable,
  { appId, hwid }: { readonly appId: number; readonly hwid: string },
): Promise<string | null | undefined> {
  const { rows } = await db.query<{ userId: string | null }>(
    'select user_id as "userId" from device where bucket = $1 and app_id = $2 and hwid = $3',
    [bucketOf(hwid), appId, hwid],
  )
  return rows[0]?.userId
}

/** A device of a callee that is to hear by push what became of a call. */
export interface LegToEnd {
  readonly hwid: string
  readonly road: 'voip' | 'push'
}

/**
 * Of a callee, those that were rung by push, but for a push to PushKit where the device is connected and hears of it there; and those that
 * were told of the call over a channel that they have lost since: what rings there has to end as well.
 */
export async function readLegsToEnd(
  tx: Queryable,
  { appId, callId }: CallKey,
  userId: string,
): Promise<LegToEnd[]> {
  const { rows } = await tx.query<LegToEnd>(
    `with leg as materialized (
       select l.hwid, l.roads, ${gatewayOf('voip')} as voip, ${gatewayOf('alert')} as push, exists (
                select from live_presence p join live_server s on s.id = p.server and ${IS_ALIVE}
                 where p.bucket = l.bucket and p.app_id = l.app_id and p.hwid = l.hwid
                   and p.user_id is not distinct from l.user_id) as is_connected
         from call_leg l join device d on d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid
        where l.app_id = $1 and l.call_id = $2 and l.user_id = $3
     )
     select hwid, road
       from leg cross join lateral (
         select unnest(roads) as road
          union
         select case when voip is not null then 'voip' when push is not null then 'push' end
          where not is_connected and roads = '{socket}') r
      where road = 'push' or road = 'voip' and not is_connected`,
    [appId, callId, userId],
  )
  return rows
}
