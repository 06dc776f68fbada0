/**
 * The making of a call: whose devices they are, by which roads each of them rings, and what is pushed, in one transaction. Whoever is called
 * waits for it, so its statements leave together: the database is waited for twice, for who rings and for the commit.
 */
import { createHash } from 'node:crypto'
import { type NewCall, PushError } from '@roost/protocol'
import { IS_ALIVE } from '../live/presence.ts'
import { whyNotMade } from '../messages/create.ts'
import { deviceOrder } from '../registry/lock-order.ts'
import type { Transaction } from '../store/database.ts'
import { literal, toldOf } from './content.ts'
import { gatewayOf, PUSH_AFTER_MS, TOLD_AFTER_MS } from './legs.ts'
import { type RungDevice, requireSendable, ringByPush } from './pushes.ts'
import type { CallKey } from './store.ts'

/** A person with more has shared a login; the ones that were used last ring. */
const DEVICES_OF_USER_MAX = 50

/** SQL over users `u (id)`: their devices `o`. */
const devicesOfUsers = (columns: string, app: string) => `cross join lateral (
         select ${columns} from device o where o.app_id = ${app} and o.user_id = u.id
          order by o.last_seen_at desc limit ${DEVICES_OF_USER_MAX})`

/** Until the end of the transaction nobody logs in or out there, or connects: who does comes before, and is seen, or after, and finds the call. */
const LOCK_DEVICES = `
  select from device d
   where d.app_id = $1 and d.user_id = any($2::text[])
     and (d.bucket, d.hwid) in (
       select l.bucket, l.hwid from unnest($2::text[]) u (id) ${devicesOfUsers('o.bucket, o.hwid', '$1')} l)
   order by ${deviceOrder('d')}
     for share of d`

/**
 * After the lock, in a statement of its own: what it reads of connections is what devices have said that were waited for. Who has the app open
 * is told over the channel, and pushed when that is not heard; all others are pushed at once, also who is connected to a process that has
 * not said of late that it lives: if it still holds them, it tells them as well. No row: there is a call with this id, or the
 * app is archived; a row without a device: nobody of them has one.
 */
const MAKE = `
  with made as (
    insert into call (app_id, id, request_hash, user_id, caller, media, data, texts, created_at, ring_until)
    select a.id, $2, $3, $4, $5, $6, $7, $8, $9, $10 from app a where a.id = $1 and a.archived_at is null
       for key share -- who archives it waits for this call, or this one for the archiving (access/archive.ts)
    on conflict do nothing returning app_id, id, user_id
  ), callees as (
    insert into call_callee (app_id, call_id, user_id, state, changed_at)
    select made.app_id, made.id, u, 'ringing', $9 from made cross join unnest($11::text[]) u
  ), devices as materialized (
    select d.bucket, d.hwid, u.id as user_id, is_caller, p.server, coalesce(p.is_open, false) as is_open, voip, push,
           array_remove(array[case when p.server is not null then 'socket' end, case when not coalesce(p.is_open, false) then road end], null) as roads, road
      from made cross join unnest($11::text[] || made.user_id) u (id)
      ${devicesOfUsers('o.app_id, o.bucket, o.hwid', 'made.app_id')} d
     cross join lateral (select coalesce(u.id = made.user_id, false) as is_caller, ${gatewayOf('voip')} as voip, ${gatewayOf('alert')} as push) a
     cross join lateral (select case when is_caller then null when voip is not null then 'voip' when push is not null then 'push' end as road) r
      left join lateral (
        select p.server, s.id is not null and p.state = 'online' as is_open
          from live_presence p left join live_server s on s.id = p.server and ${IS_ALIVE}
         where p.bucket = d.bucket and p.app_id = d.app_id and p.hwid = d.hwid
           and p.user_id is not distinct from u.id) p on true
  ), legs as (
    insert into call_leg (bucket, app_id, call_id, hwid, user_id, is_caller, roads, push_at, server, open_until)
    select d.bucket, $1, $2, d.hwid, d.user_id, is_caller, roads,
           case when is_open and road is not null then $12::timestamptz end, server, $13
      from devices d
  )
  select d.hwid, d.user_id as "userId", d.is_caller as "isCaller", d.roads, d.voip, d.push from made left join devices d on true`

/** Of one device; nulls when there is none. */
interface MadeRow {
  readonly hwid: string | null
  readonly userId: string
  readonly isCaller: boolean
  readonly roads: readonly string[]
  /** Of the gateway by which it can be rung so; null when it can't. */
  readonly voip: string | null
  readonly push: string | null
}

export interface Making {
  readonly input: NewCall
  /** ms. */
  readonly at: number
}

/**
 * Returns the messages by which it is pushed. A repeat changes nothing. Throws `app_archived`, `user_unknown`, `idempotency_key_reused`,
 * `message_too_large`, `input_invalid`.
 */
export async function createCall(
  tx: Transaction,
  key: CallKey,
  { input, at }: Making,
): Promise<readonly string[]> {
  const { caller, callees, ringSeconds } = input
  const { appId } = key
  const ringUntil = at + ringSeconds * 1000
  const requestHash = createHash('sha256').update(JSON.stringify(input)).digest()
  tx.send(LOCK_DEVICES, [appId, caller.userId === undefined ? callees : [...callees, caller.userId]])
  const { rows } = await tx.query<MadeRow>(MAKE, valuesOf(key, { input, at, requestHash, ringUntil }))
  if (rows.length === 0) {
    await requireSame(tx, key, requestHash)
    return []
  }
  if (!rows.some(it => it.hwid !== null && !it.isCaller))
    throw new PushError(
      'user_unknown',
      `no device of this app belongs to ${callees.map(it => `"${it}"`).join(', ')}`,
    )
  const made = { texts: input, data: input.data ?? {}, version: 1, createdAt: at, ringUntil }
  const call = { ...key, ...input, ...made }
  await requireSendable(tx, appId, toldOf(call, { userId: longest(callees), state: 'ringing' }))
  const messages: string[] = []
  for (const userId of callees) {
    const devices = rows.flatMap(it => (it.userId === userId ? rungOf(it) : []))
    const told = toldOf(call, { userId, state: 'ringing' })
    messages.push(...(await ringByPush(tx, { appId, call: told, devices, at, isChecked: true })))
  }
  tx.announce('call')
  return messages
}

function valuesOf(
  { appId, callId }: CallKey,
  made: Making & { readonly requestHash: Buffer; readonly ringUntil: number },
): unknown[] {
  const { input, at, requestHash, ringUntil } = made
  const { caller, callees, media, data = {}, ringing, missed } = input
  return [
    appId,
    callId,
    requestHash,
    caller.userId ?? null,
    JSON.stringify(caller),
    media,
    JSON.stringify(data),
    JSON.stringify({ ringing, missed }),
    new Date(at),
    new Date(ringUntil),
    callees,
    new Date(at + PUSH_AFTER_MS),
    new Date(ringUntil + TOLD_AFTER_MS),
  ]
}

/** In a push, where it is text of JSON in text of JSON. */
function longest(names: readonly string[]): string {
  const bytesOf = (name: string) => Buffer.byteLength(JSON.stringify(JSON.stringify(literal(name))))
  return names.reduce((one, other) => (bytesOf(other) > bytesOf(one) ? other : one))
}

function rungOf({ hwid, roads, ...device }: MadeRow): RungDevice[] {
  return (['voip', 'push'] as const).flatMap(road => {
    const gateway = roads.includes(road) ? device[road] : null
    return gateway === null || hwid === null ? [] : [{ hwid, road, gateway }]
  })
}

async function requireSame(tx: Transaction, { appId, callId }: CallKey, requestHash: Buffer): Promise<void> {
  const { rows } = await tx.query<{ hash: Buffer }>(
    'select request_hash as hash from call where app_id = $1 and id = $2',
    [appId, callId],
  )
  if (rows[0] === undefined) throw await whyNotMade(tx, appId)
  if (!rows[0].hash.equals(requestHash))
    throw new PushError('idempotency_key_reused', `id ${callId} was used for another call`)
}
