/** A call as it is read: by its back end, and by each device that it concerns. */
import { type CalleeView, type CallView, type DeviceCall, PushError } from '@roost/protocol'
import { type Connection, placesOf } from '../live/presence.ts'
import { bucketOf } from '../registry/buckets.ts'
import { deviceOrder } from '../registry/lock-order.ts'
import { type Database, type Transaction, WITHOUT_FLUSH } from '../store/database.ts'
import { TOLD_AFTER_MS } from './legs.ts'
import { deviceState, overallState, stateAt } from './state.ts'
import type { CallKey } from './store.ts'

type ViewRow = Omit<CallView, 'state'>

const VIEW = `
  select c.id, c.media, c.caller, c.created_at as "createdAt", c.ring_until as "ringUntil", c.data, (
           select json_agg(json_build_object(
                    'userId', m.user_id, 'state', m.state, 'changedAt', m.changed_at,
                    'by', (select l.hwid from call_leg l
                            where l.app_id = c.app_id and l.call_id = c.id and l.user_id = m.user_id and l.has_answered),
                    'devices', coalesce((
                      select json_agg(json_build_object('hwid', l.hwid, 'roads', l.roads, 'rangAt', l.rang_at) order by l.hwid)
                        from call_leg l
                       where l.app_id = c.app_id and l.call_id = c.id and l.user_id = m.user_id and not l.is_caller), '[]'::json)
                  ) order by m.user_id)
             from call_callee m where m.app_id = c.app_id and m.call_id = c.id) as callees
    from call c where c.app_id = $1 and c.id = $2`

/** Throws `call_unknown`. */
export async function readCall(db: Database, { appId, callId }: CallKey, at: number): Promise<CallView> {
  const [row] = await db.queryPlanned<ViewRow>(VIEW, [appId, callId])
  if (row === undefined) throw callUnknown(callId)
  const ringUntil = Date.parse(row.ringUntil)
  const callees = (row.callees ?? []).map(it => calleeView(it, ringUntil, at))
  return { ...row, callees, state: overallState(callees.map(it => it.state)) }
}

function calleeView(callee: CalleeView, ringUntil: number, at: number): CalleeView {
  const state = stateAt(callee.state, ringUntil, at)
  const isTimeOver = state !== callee.state
  return {
    ...callee,
    state,
    changedAt: new Date(isTimeOver ? ringUntil : callee.changedAt).toISOString(),
    devices: callee.devices.map(it => ({
      ...it,
      state: deviceState(state, it.hwid === callee.by),
      rangAt: it.rangAt === null ? null : new Date(it.rangAt).toISOString(),
    })),
  }
}

export function callUnknown(callId: string): PushError {
  return new PushError('call_unknown', `there is no call ${callId} here`)
}

/** SQL over `call c`: what each callee came to, and on which device. */
export const CALLEES = `(
    select json_agg(json_build_object('userId', o.user_id, 'state', o.state, 'by', (
             select b.hwid from call_leg b
              where b.app_id = c.app_id and b.call_id = c.id and b.user_id = o.user_id and b.has_answered)) order by o.user_id)
      from call_callee o where o.app_id = c.app_id and o.call_id = c.id)`

/** SQL over `call_leg l`: what a device is told, with the call `c` and its callee `m`. */
export const DEVICE_CALL_COLUMNS = `l.bucket, l.app_id as "appId", l.hwid, l.user_id as "userId", l.is_caller as "isCaller",
  l.has_answered as "hasAnswered", c.id, c.version, c.media, c.caller, c.data, c.created_at as "createdAt", c.ring_until as "ringUntil",
  m.state, case when l.is_caller then ${CALLEES} end as callees`
export const DEVICE_CALL_JOINS = `join call c on c.app_id = l.app_id and c.id = l.call_id
  left join call_callee m on m.app_id = l.app_id and m.call_id = l.call_id and m.user_id = l.user_id and not l.is_caller`

export interface DeviceCallRow {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
  readonly userId: string
  readonly isCaller: boolean
  readonly hasAnswered: boolean
  readonly id: string
  readonly version: number
  readonly media: DeviceCall['media']
  readonly caller: DeviceCall['caller']
  readonly data: DeviceCall['data']
  readonly createdAt: string
  readonly ringUntil: string
  readonly state: CallView['state'] | null
  readonly callees: DeviceCall['callees'] | null
}

export function deviceCallOf(row: DeviceCallRow, at: number): DeviceCall {
  const { id, version, media, caller, data, createdAt, ringUntil, isCaller } = row
  const until = Date.parse(ringUntil)
  const callees = row.callees?.map(it => ({ ...it, state: stateAt(it.state, until, at) }))
  const state = isCaller
    ? overallState(callees?.map(it => it.state) ?? [])
    : deviceState(stateAt(row.state ?? 'cancelled', until, at), row.hasAnswered)
  return {
    id,
    role: isCaller ? 'caller' : 'callee',
    state,
    version,
    media,
    caller,
    createdAt,
    ringUntil,
    ringMs: state === 'ringing' ? Math.max(0, until - at) : 0,
    data,
    ...(callees && { callees }),
  }
}

export interface OfDevice {
  readonly appId: number
  readonly hwid: string
  readonly at: number
}

/** What concerns it by now: calls that ring, and those whose ring time ended less than a minute ago. Not those of who was logged in before. */
export async function listDeviceCalls(db: Database, { appId, hwid, at }: OfDevice): Promise<DeviceCall[]> {
  const rows = await db.queryPlanned<DeviceCallRow>(
    `select ${DEVICE_CALL_COLUMNS} from call_leg l ${DEVICE_CALL_JOINS}
       join device d on d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid and d.user_id = l.user_id
      where l.bucket = $1 and l.app_id = $2 and l.hwid = $3 and l.open_until > $4
      order by c.created_at, c.id`,
    [bucketOf(hwid), appId, hwid, new Date(at)],
  )
  return rows.map(it => deviceCallOf(it, at))
}

/** Undefined when the device has no part in it. */
export async function readDeviceCall(
  db: Database,
  { appId, hwid, callId, at }: OfDevice & { readonly callId: string },
): Promise<DeviceCall | undefined> {
  const rows = await db.queryPlanned<DeviceCallRow>(
    `select ${DEVICE_CALL_COLUMNS} from call_leg l ${DEVICE_CALL_JOINS}
       join device d on d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid and d.user_id = l.user_id
      where l.bucket = $1 and l.app_id = $2 and l.hwid = $3 and l.call_id = $4`,
    [bucketOf(hwid), appId, hwid, callId],
  )
  return rows[0] && deviceCallOf(rows[0], at)
}

export interface CallToTell extends DeviceCallRow {
  /** Who is logged in on the device; nobody can change before the transaction ends. */
  readonly deviceUserId: string | null
}

const TOLD_AT_ONCE = 500

/**
 * What is changed just now is told when that is done: the call is locked then, and so are its legs but those of devices that have connected
 * meanwhile. Of what was changed while this statement waited, as for a device, rows are read anew alone that it locks, the others as they were at its
 * beginning: then the versions differ, and the call is told by the next look. Uses the index call_leg_to_tell.
 */
const TO_TELL = `
  select ${DEVICE_CALL_COLUMNS}, d.user_id as "deviceUserId"
    from call_leg l ${DEVICE_CALL_JOINS}
    join device d on d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid
   where l.server = $1 and l.open_until > $2
     and c.version = (select v.version from call v where v.app_id = l.app_id and v.id = l.call_id)
   order by ${deviceOrder('l')}, c.created_at
   limit ${TOLD_AT_ONCE}
     for share of d for update of l skip locked for key share of c skip locked`

/** R25, as with other frames: `tell` writes while nobody can log in or out. Returns whether there may be more. */
export async function tellCalls(
  tx: Transaction,
  { server, at }: { readonly server: string; readonly at: number },
  tell: (call: CallToTell) => void,
): Promise<boolean> {
  const { rows } = await tx.query<CallToTell>(TO_TELL, [server, new Date(at)])
  if (rows.length === 0) return false
  for (const row of rows) if (row.userId === row.deviceUserId) tell(row)
  tx.send(WITHOUT_FLUSH) // what is lost of it with the database is told once more
  tx.send(
    `update call_leg l set server = null
       from unnest($1::smallint[], $2::integer[], $3::uuid[], $4::text[]) i (bucket, app_id, call_id, hwid)
      where l.bucket = i.bucket and l.app_id = i.app_id and l.call_id = i.call_id and l.hwid = i.hwid`,
    [rows.map(it => it.bucket), rows.map(it => it.appId), rows.map(it => it.id), rows.map(it => it.hwid)],
  )
  return rows.length === TOLD_AT_ONCE
}

/** For devices that connect, in the transaction that has locked them: what rings for their users rings there, too, and they are told of all. */
export function openLegs(tx: Transaction, devices: readonly Omit<Connection, 'state' | 'session'>[]): void {
  const ofUsers = devices.filter(it => it.userId !== null)
  if (ofUsers.length === 0) return
  const values = [
    ...placesOf(ofUsers),
    ofUsers.map(it => it.userId),
    ofUsers.map(it => it.server),
    ofUsers.map(it => new Date(it.at)),
  ]
  tx.send(RING_THERE, [...values, TOLD_AFTER_MS])
  tx.send(TELL_THERE, values)
}

const CONNECTING = `unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[])
       as i (bucket, app_id, hwid, user_id, server, at)`

const RING_THERE = `
  insert into call_leg (bucket, app_id, call_id, hwid, user_id, is_caller, roads, server, open_until)
  select i.bucket, i.app_id, m.call_id, i.hwid, i.user_id, false, '{socket}', i.server, c.ring_until + $7 * interval '1 millisecond'
    from ${CONNECTING}
    join call_callee m on m.app_id = i.app_id and m.user_id = i.user_id and m.state = 'ringing'
    join call c on c.app_id = m.app_id and c.id = m.call_id and c.ring_until > i.at
      on conflict do nothing`

const TELL_THERE = `
  with there as (
    select l.bucket, l.app_id, l.call_id, l.hwid, i.server
      from ${CONNECTING}
      join call_leg l on l.bucket = i.bucket and l.app_id = i.app_id and l.hwid = i.hwid and l.user_id = i.user_id and l.open_until > i.at
     order by ${deviceOrder('l')}, l.call_id for update of l
  )
  update call_leg l set server = t.server, roads = case when 'socket' = any(l.roads) then l.roads else l.roads || array['socket'] end
    from there t where l.bucket = t.bucket and l.app_id = t.app_id and l.call_id = t.call_id and l.hwid = t.hwid`
