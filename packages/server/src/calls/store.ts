/**
 * Calls as they are stored. The row of the call is what decides: whoever holds its lock is alone with the call, so of two answers one
 * finds what the other has left. Devices are locked before calls, and legs after them, in the order of the devices.
 */
import type { CallCaller, CallMedia, NewCall } from '@roost/protocol'
import { IS_ALIVE } from '../live/presence.ts'
import { bucketOf } from '../registry/buckets.ts'
import { deviceOrder } from '../registry/lock-order.ts'
import type { Queryable, Transaction } from '../store/database.ts'
import type { CallTexts } from './content.ts'
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

/** A person with more has shared a login; the ones that were used last ring. */
const DEVICES_OF_USER_MAX = 50
/** So long after its ring time a device that connects is told what became of a call. */
export const TOLD_AFTER_MS = 60_000
/** What an app that is open has to say that it rings, before it is pushed as well. */
export const PUSH_AFTER_MS = 2000

export interface RingingDevice {
  readonly bucket: number
  readonly hwid: string
  readonly userId: string
  readonly hasVoip: boolean
  readonly hasAlert: boolean
}

const REACHABLE = (kind: string) => `exists (
    select from address a where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = '${kind}'
       and a.state in ('active', 'suspect') and not a.opted_out)`

const LOCK_DEVICES = `
  select d.bucket, d.hwid, d.user_id as "userId", ${REACHABLE('voip')} as "hasVoip", ${REACHABLE('alert')} as "hasAlert"
    from device d
   where d.app_id = $1 and d.user_id = any($2::text[])
     and (d.bucket, d.hwid) in (
       select l.bucket, l.hwid from unnest($2::text[]) u (id) cross join lateral (
         select o.bucket, o.hwid from device o where o.app_id = $1 and o.user_id = u.id
          order by o.last_seen_at desc limit ${DEVICES_OF_USER_MAX}) l)
   order by ${deviceOrder('d')}
     for share of d`

/** Until the end of the transaction nobody logs in or out there, or connects: who does comes before, and is seen, or after, and finds the call. */
export async function lockDevices(
  tx: Queryable,
  { appId, users }: { readonly appId: number; readonly users: readonly string[] },
): Promise<RingingDevice[]> {
  return (await tx.query<RingingDevice>(LOCK_DEVICES, [appId, users])).rows
}

/** False when there is one with this id. */
export async function insertCall(
  tx: Queryable,
  { appId, callId }: CallKey,
  made: { readonly input: NewCall; readonly requestHash: Buffer; readonly at: number },
): Promise<boolean> {
  const { input, requestHash, at } = made
  const { caller, media, ringSeconds, data = {}, ringing, missed } = input
  const { rowCount } = await tx.query(
    `insert into call (app_id, id, request_hash, user_id, caller, media, data, texts, created_at, ring_until)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
    [
      appId,
      callId,
      requestHash,
      caller.userId ?? null,
      JSON.stringify(caller),
      media,
      JSON.stringify(data),
      JSON.stringify({ ringing, missed }),
      new Date(at),
      new Date(at + ringSeconds * 1000),
    ],
  )
  return rowCount > 0
}

export function insertCallees(
  tx: Transaction,
  { appId, callId }: CallKey,
  { users, at }: { readonly users: readonly string[]; readonly at: number },
): void {
  tx.send(
    `insert into call_callee (app_id, call_id, user_id, state, changed_at)
     select $1, $2, u, 'ringing', $4 from unnest($3::text[]) u`,
    [appId, callId, users, new Date(at)],
  )
}

export interface Leg {
  readonly bucket: number
  readonly hwid: string
  readonly userId: string
  readonly isCaller: boolean
  readonly roads: readonly string[]
}

/**
 * Who has the app open is told over the channel, and pushed when that is not heard; all others are pushed at once. Of a person who is both,
 * the devices are those of the caller.
 */
const INSERT_LEGS = `
  insert into call_leg (bucket, app_id, call_id, hwid, user_id, is_caller, roads, push_at, server, open_until)
  select i.bucket, $1, $2, i.hwid, i.user_id, i.is_caller,
         array_remove(array[case when p.is_alive then 'socket' end, case when r.rings and not coalesce(p.is_open, false) then r.road end], null),
         case when r.rings and p.is_open and r.road is not null then $7::timestamptz end,
         p.server, $8
    from unnest($3::smallint[], $4::text[], $5::text[], $6::boolean[], $9::boolean[], $10::boolean[])
           as i (bucket, hwid, user_id, is_caller, has_voip, has_alert)
   cross join lateral (select not i.is_caller as rings,
                              case when i.has_voip then 'voip' when i.has_alert then 'push' end as road) r
    left join lateral (
      select p.server, true as is_alive, p.state = 'online' as is_open
        from live_presence p join live_server s on s.id = p.server and ${IS_ALIVE}
       where p.bucket = i.bucket and p.app_id = $1 and p.hwid = i.hwid
         and p.user_id is not distinct from i.user_id) p on true
  returning bucket, hwid, user_id as "userId", is_caller as "isCaller", roads`

export async function insertLegs(
  tx: Queryable,
  { appId, callId }: CallKey,
  made: {
    readonly devices: readonly RingingDevice[]
    readonly callerId: string | undefined
    readonly at: number
    readonly ringUntil: number
  },
): Promise<Leg[]> {
  const { devices, callerId, at, ringUntil } = made
  const { rows } = await tx.query<Leg>(INSERT_LEGS, [
    appId,
    callId,
    devices.map(it => it.bucket),
    devices.map(it => it.hwid),
    devices.map(it => it.userId),
    devices.map(it => it.userId === callerId),
    new Date(at + PUSH_AFTER_MS),
    new Date(ringUntil + TOLD_AFTER_MS),
    devices.map(it => it.hasVoip),
    devices.map(it => it.hasAlert),
  ])
  return rows
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

/** One whose ring time is over and that says otherwise; what somebody else has in hand is theirs. */
export async function lockOverdue(tx: Queryable, at: number): Promise<StoredCall | undefined> {
  const { rows } = await tx.query<CallRow>(
    `select ${CALL_COLUMNS} from call c where c.is_ringing and c.ring_until <= $1
      order by c.ring_until limit 1 for update skip locked`,
    [new Date(at)],
  )
  return rows[0] && withCallees(tx, rows[0])
}

/** One that has an app open which did not say in time that it rings. */
export async function lockUnheard(tx: Queryable, at: number): Promise<StoredCall | undefined> {
  const { rows } = await tx.query<CallRow>(
    `select ${CALL_COLUMNS} from call c
      where (c.app_id, c.id) in (select l.app_id, l.call_id from call_leg l where l.push_at <= $1)
      limit 1 for update skip locked`,
    [new Date(at)],
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
  tx.send(TELL_LEGS, [appId, callId, changes.map(it => it.userId), changes.map(it => it.by)])
}

/** A device that connects just now has said itself who tells it. */
const TELL_LEGS = `
  with told as (
    select l.bucket, l.hwid, i.by is not null as answers
      from call_leg l left join unnest($3::text[], $4::text[]) i (user_id, by) on i.user_id = l.user_id and i.by = l.hwid
     where l.app_id = $1 and l.call_id = $2
     order by ${deviceOrder('l')} for update of l
  )
  update call_leg l
     set has_answered = l.has_answered or t.answers,
         push_at = case when l.user_id = any($3::text[]) then null else l.push_at end,
         server = coalesce((
           select p.server from live_presence p join live_server s on s.id = p.server and ${IS_ALIVE}
            where p.bucket = l.bucket and p.app_id = l.app_id and p.hwid = l.hwid
              and p.user_id is not distinct from l.user_id), l.server)
    from told t
   where l.bucket = t.bucket and l.app_id = $1 and l.call_id = $2 and l.hwid = t.hwid`

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

/** It rings there: no push has to follow. */
export async function noteRinging(
  db: Queryable,
  { appId, callId }: CallKey,
  { hwid, at }: { readonly hwid: string; readonly at: number },
): Promise<void> {
  await db.query(
    `update call_leg set rang_at = coalesce(rang_at, $5), push_at = null
      where bucket = $1 and app_id = $2 and call_id = $3 and hwid = $4 and not is_caller`,
    [bucketOf(hwid), appId, callId, hwid, new Date(at)],
  )
}

export interface LegToPush extends Leg {
  readonly road: 'voip' | 'push' | null
}

/** They are pushed now, and no more; the call is locked. */
export async function takeUnheard(
  tx: Queryable,
  { appId, callId }: CallKey,
  at: number,
): Promise<LegToPush[]> {
  const { rows } = await tx.query<LegToPush>(
    `with due as (
       select d.bucket, d.hwid, case when ${REACHABLE('voip')} then 'voip' when ${REACHABLE('alert')} then 'push' end as road
         from call_leg l join device d on d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid
        where l.app_id = $1 and l.call_id = $2 and l.push_at <= $3
        order by ${deviceOrder('l')} for update of l
     )
     update call_leg l set push_at = null, roads = case when due.road is null then l.roads else l.roads || due.road end
       from due where l.bucket = due.bucket and l.app_id = $1 and l.call_id = $2 and l.hwid = due.hwid
     returning l.bucket, l.hwid, l.user_id as "userId", l.is_caller as "isCaller", l.roads, due.road`,
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

export interface PushedLeg {
  readonly hwid: string
  readonly roads: readonly string[]
  readonly isConnected: boolean
}

/** Of a callee, those that were rung by push. */
export async function readPushed(
  tx: Queryable,
  { appId, callId }: CallKey,
  userId: string,
): Promise<PushedLeg[]> {
  const { rows } = await tx.query<PushedLeg>(
    `select l.hwid, l.roads, exists (
              select from live_presence p join live_server s on s.id = p.server and ${IS_ALIVE}
               where p.bucket = l.bucket and p.app_id = l.app_id and p.hwid = l.hwid
                 and p.user_id is not distinct from l.user_id) as "isConnected"
       from call_leg l
      where l.app_id = $1 and l.call_id = $2 and l.user_id = $3 and l.roads && array['voip', 'push']`,
    [appId, callId, userId],
  )
  return rows
}

const KEPT_DAYS = 30
const DAY_MS = 24 * 3_600_000

/** Returns how many went, with what belongs to them. */
export async function dropOldCalls(db: Queryable, at: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `with gone as (delete from call where created_at < $1 returning app_id, id),
          callees as (delete from call_callee m using gone g where m.app_id = g.app_id and m.call_id = g.id),
          legs as (delete from call_leg l using gone g where l.app_id = g.app_id and l.call_id = g.id)
     select count(*)::integer as count from gone`,
    [new Date(at - KEPT_DAYS * DAY_MS)],
  )
  return rows[0]?.count ?? 0
}
