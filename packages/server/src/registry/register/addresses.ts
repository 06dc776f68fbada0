/**
 * The addresses of devices: locked, registered (R0, R2, R6), and ended when their device asks to be left alone. Each change is told in
 * the ledger by the statement that makes it.
 */
import type { AddressState } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import { bucketOf } from '../buckets.ts'
import { addressOrder, type DeviceKey, deviceOrder } from '../lock-order.ts'
import { superseding } from '../superseding.ts'
import { nameOfDevice, type Registration } from './keys.ts'
import type { DeviceUpdate } from './update.ts'

/** So that a gateway's answer is applied either before this change or after it, and the ledger tells which. */
const LOCK_ADDRESSES = `
  select a.app_id as "appId", a.hwid, a.address_hash as "hash", a.kind, a.state, a.opted_out as "isOptedOut"
    from address a
    join unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
      on a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid
   order by ${addressOrder('a')}
     for update of a`

export interface HeldAddress {
  readonly appId: number
  readonly hwid: string
  readonly hash: Buffer
  readonly kind: string
  readonly state: AddressState
  readonly isOptedOut: boolean
}

/** Returns all addresses of these devices, as they were before this transaction. */
export async function lockAddresses(tx: Queryable, devices: readonly DeviceKey[]): Promise<HeldAddress[]> {
  if (devices.length === 0) return []
  const { rows } = await tx.query<HeldAddress>(LOCK_ADDRESSES, [
    devices.map(it => it.bucket),
    devices.map(it => it.appId),
    devices.map(it => it.hwid),
  ])
  return rows
}

export function groupByDevice(held: readonly HeldAddress[]): ReadonlyMap<string, readonly HeldAddress[]> {
  const groups = new Map<string, HeldAddress[]>()
  for (const it of held) {
    const group = groups.get(nameOfDevice(it))
    if (group === undefined) groups.set(nameOfDevice(it), [it])
    else group.push(it)
  }
  return groups
}

/**
 * Most registrations are of a device without any address, or repeat what is there. These two have a statement of their
 * own, a third of the price of the one that takes everything.
 */
export async function registerAddresses(
  tx: Queryable,
  registrations: readonly Registration[],
  heldOf: ReadonlyMap<string, readonly HeldAddress[]>,
): Promise<void> {
  const sorts: Record<Sort, Registration[]> = { first: [], same: [], other: [] }
  for (const it of registrations) sorts[sortOf(it, heldOf.get(nameOfDevice(it.update)) ?? [])].push(it)
  if (sorts.first.length > 0) await insertAddresses(tx, sorts.first)
  if (sorts.same.length > 0) await refreshAddresses(tx, sorts.same)
  if (sorts.other.length > 0) await activateAddresses(tx, sorts.other, heldOf)
}

/** `same`: it is active, so no other of its kind is sent to, and none is superseded by it. */
type Sort = 'first' | 'same' | 'other'

function sortOf({ hash, address }: Registration, held: readonly HeldAddress[]): Sort {
  if (held.length === 0) return 'first'
  const ofKind = held.filter(it => it.kind === address.kind)
  const isActive = ofKind.some(it => it.state === 'active' && it.hash.equals(hash))
  const isAlone = !ofKind.some(it => it.state === 'quarantined')
  return isActive && isAlone ? 'same' : 'other'
}

/**
 * SQL over a row with bucket, app_id, hwid and kind: whether the device has ever had an address of this kind, also one that
 * was forgotten since (R27): so what has none now comes back, and is no new install. Asked of each row by the primary key: as
 * `exists` it may become a hash of the whole ledger.
 */
const hasLedger = (row: string) => `coalesce((
    select true from ledger l
     where l.bucket = ${row}.bucket and l.app_id = ${row}.app_id and l.hwid = ${row}.hwid and l.kind = ${row}.kind limit 1), false)`

/** The device row is locked and has no address, so none of these can be there. */
const INSERT_FIRST = `
  with activated as (
    insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, keys,
                         credential_id, state, first_registered_at, last_registered_at, state_since)
    select i.bucket, i.app_id, i.hwid, i.kind, i.hash, i.provider, i.environment, i.address, i.keys,
           i.credential_id, 'active', i.at, i.at, i.at
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[],
                  $7::text[], $8::text[], $9::text[], $10::jsonb[], $11::uuid[])
             as i (bucket, app_id, hwid, kind, hash, at, provider, environment, address, keys, credential_id)
    returning bucket, app_id, hwid, state_since, provider, environment, kind, address, generation
  )
  insert into ledger (bucket, app_id, hwid, at, event, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, state_since, case when ${hasLedger('n')} then 'restored' else 'registered' end,
         provider, environment, kind, right(address, 8), generation
    from activated n`

/** Of which device and which address, and when: the first columns of what is written of a registration. */
function keyColumns(registrations: readonly Registration[]): unknown[] {
  return [
    registrations.map(it => bucketOf(it.update.hwid)),
    registrations.map(it => it.update.appId),
    registrations.map(it => it.update.hwid),
    registrations.map(it => it.address.kind),
    registrations.map(it => it.hash),
    registrations.map(it => new Date(it.update.at)),
  ]
}

/** What the address is. */
function contentColumns(registrations: readonly Registration[]): unknown[] {
  return [
    registrations.map(it => it.address.provider),
    registrations.map(it => it.address.environment),
    registrations.map(it => it.address.address),
    registrations.map(it => (it.address.keys === null ? null : JSON.stringify(it.address.keys))),
    registrations.map(it => it.update.credentialId),
  ]
}

async function insertAddresses(tx: Queryable, registrations: readonly Registration[]): Promise<void> {
  await tx.query(INSERT_FIRST, [...keyColumns(registrations), ...contentColumns(registrations)])
}

/** R0: no index has any of these columns, so the row can stay on its page (HOT). */
const REFRESH = `
  update address a
     set generation = a.generation + 1, doubts = 0, doubted_at = null, keys = i.keys,
         credential_id = coalesce(i.credential_id, a.credential_id),
         last_registered_at = greatest(i.at, a.last_registered_at)
    from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::timestamptz[], $6::jsonb[], $7::uuid[])
           as i (bucket, app_id, hwid, hash, at, keys, credential_id)
   where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.address_hash = i.hash`

async function refreshAddresses(tx: Queryable, registrations: readonly Registration[]): Promise<void> {
  await tx.query(REFRESH, [
    registrations.map(it => bucketOf(it.update.hwid)),
    registrations.map(it => it.update.appId),
    registrations.map(it => it.update.hwid),
    registrations.map(it => it.hash),
    registrations.map(it => new Date(it.update.at)),
    registrations.map(it => (it.address.keys === null ? null : JSON.stringify(it.address.keys))),
    registrations.map(it => it.update.credentialId),
  ])
}

const SUPERSEDE = superseding(
  `unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[])
             as i (bucket, app_id, hwid, kind, hash, at)`,
  'i.at',
)

/**
 * R6, R0: whatever the row's state was, it is active afterwards, with a new generation, so that answers to
 * earlier sends can no longer touch it. A refresh of an active address leaves no ledger entry: it happens at
 * every start of an app. $12: what takes the place of one that was sent to; any other brings its device back.
 */
const ACTIVATE = `
  with before as (
    select a.bucket, a.app_id, a.hwid, a.address_hash, a.kind, a.state, a.state_since
      from address a
      join unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
        on a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid
  ), activated as (
    insert into address as a (bucket, app_id, hwid, kind, address_hash, provider, environment, address, keys,
                              credential_id, state, first_registered_at, last_registered_at, state_since)
    select i.bucket, i.app_id, i.hwid, i.kind, i.hash, i.provider, i.environment, i.address, i.keys,
           i.credential_id, 'active', i.at, i.at, i.at
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[],
                  $7::text[], $8::text[], $9::text[], $10::jsonb[], $11::uuid[])
             as i (bucket, app_id, hwid, kind, hash, at, provider, environment, address, keys, credential_id)
     order by ${deviceOrder('i')}
    on conflict (bucket, app_id, hwid, address_hash) do update
       set state = 'active', reason = null, generation = a.generation + 1, doubts = 0, doubted_at = null,
           keys = excluded.keys,
           credential_id = coalesce(excluded.credential_id, a.credential_id),
           last_registered_at = greatest(excluded.last_registered_at, a.last_registered_at),
           state_since = case when a.state = 'active' then a.state_since else excluded.state_since end,
           ages_from = case when a.state in ('active', 'suspect') then a.ages_from else excluded.state_since end
    returning a.*
  ), told as (
    select n.*, case
             when mine.state = 'active' then null
             when mine.state = 'suspect' then 'confirmed'
             when mine.state is not null then 'restored'
             when n.address_hash = any($12::bytea[]) then 'registered'
             when ${hasLedger('n')} then 'restored'
             else 'registered' end as event,
           mine.state as former_state
      from activated n
      left join before mine
        on mine.bucket = n.bucket and mine.app_id = n.app_id and mine.hwid = n.hwid
       and mine.address_hash = n.address_hash
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, last_registered_at, event, null, provider, environment, kind, right(address, 8),
         generation,
         case when former_state is not null then jsonb_build_object('formerState', former_state) end
    from told where event is not null`

async function activateAddresses(
  tx: Queryable,
  registrations: readonly Registration[],
  heldOf: ReadonlyMap<string, readonly HeldAddress[]>,
): Promise<void> {
  const keys = keyColumns(registrations)
  const replacing = registrations.filter(it => isReplacing(it, heldOf.get(nameOfDevice(it.update)) ?? []))
  await tx.query(SUPERSEDE, keys)
  await tx.query(ACTIVATE, [...keys, ...contentColumns(registrations), replacing.map(it => it.hash)])
}

function isReplacing({ address }: Registration, held: readonly HeldAddress[]): boolean {
  return held.some(it => it.kind === address.kind && (it.state === 'active' || it.state === 'suspect'))
}

/**
 * A device that asks to be left alone. What others have ended before is told as well, so that it is not taken back (undo); by its
 * `formerState` it is known that it did not leave the base now. All of the device's addresses are locked.
 */
const END_ADDRESSES = `
  with asked as (
    select a.bucket, a.app_id, a.hwid, a.address_hash, i.at, case when a.state = 'dead' then a.state end as former_state
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::timestamptz[]) as i (bucket, app_id, hwid, at)
      join address a on a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid
     where (a.state in ('active', 'suspect', 'quarantined')
            or a.state = 'dead' and not exists (
                 select from ledger l
                  where l.bucket = a.bucket and l.app_id = a.app_id and l.hwid = a.hwid and l.kind = a.kind
                    and l.generation = a.generation and l.reason = 'asked_by_device'))
  ), ended as (
    update address a
       set state = 'dead', reason = 'unregistered', generation = a.generation + 1, state_since = i.at
      from asked i
     where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.address_hash = i.address_hash
    returning a.*, i.former_state
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation, evidence)
  select bucket, app_id, hwid, state_since, 'unregistered', 'asked_by_device', provider, environment, kind,
         right(address, 8), generation,
         case when former_state is not null then jsonb_build_object('formerState', former_state) end
    from ended`

export async function endAddresses(tx: Queryable, updates: readonly DeviceUpdate[]): Promise<void> {
  await tx.query(END_ADDRESSES, [
    updates.map(it => bucketOf(it.hwid)),
    updates.map(it => it.appId),
    updates.map(it => it.hwid),
    updates.map(it => new Date(it.at)),
  ])
}
