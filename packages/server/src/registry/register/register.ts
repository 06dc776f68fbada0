/**
 * Registration: a device tells who it is and, when it has one, what its address is; or that it wants to be left alone.
 *
 * Requests that arrive together share one transaction (`MicroBatch`), and each is answered only after its
 * commit. Rules, by their numbers in docs/token-life.md:
 * R0 repeating it changes nothing but the clock · R2 a new address replaces the old one · R3 an address belongs
 * to the device that registered it last · R5 a call that a later one of its device has overtaken changes nothing ·
 * R6 registering revives whatever the state was.
 *
 * Rows are locked in the order of lock-order.ts; the addresses of former holders together with those of the devices
 * themselves.
 */
import { randomUUID } from 'node:crypto'
import {
  type AddressState,
  type DeviceRecord,
  type Permission,
  type Platform,
  TAGS_BYTES_PER_DEVICE,
  TAGS_PER_DEVICE,
} from '@roost/protocol'
import { findShared, noteMoves } from '../../hygiene/flapping.ts'
import { reviveOpened } from '../../hygiene/revival.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { MicroBatch } from '../../store/micro-batch.ts'
import type { NewAddress } from '../address.ts'
import { addressBucketOf, addressHash, bucketOf } from '../buckets.ts'
import { addressOrder, byDirectoryKey, deviceOrder } from '../lock-order.ts'
import { superseding } from '../superseding.ts'
import { giveTypes } from '../tags/definitions.ts'
import { applyTagOperations } from '../tags/operations.ts'
import { refusedTags, type SkippedTag, type TagOperation } from '../tags/tags.ts'
import { correctedEnvironments } from './corrected.ts'
import { inheritOptOut, isDenied, optOut } from './permission.ts'
import { storePlain } from './plain.ts'

/** What one device call carries; null = not said, and then what is stored stays. */
export interface DeviceUpdate {
  readonly appId: number
  readonly hwid: string
  /** R15: the device itself has called. What a back end says of it, or replays, is no sign of life. */
  readonly isCall: boolean
  readonly platform: Platform | null
  readonly userId: string | null
  /** R25: the device belongs to nobody from now on; `userId` is null then. */
  readonly isLogout: boolean
  /** Its addresses end; the device itself stays (and still has its inbox). */
  readonly isUnregister: boolean
  /** R5: the number that the device gave to this call; null when it gives none, and then it is never stale. */
  readonly clientSeq: number | null
  readonly language: string | null
  readonly timezoneSeconds: number | null
  readonly appVersion: string | null
  readonly osVersion: string | null
  readonly deviceModel: string | null
  /** Values to set; a null value clears the tag. */
  readonly tags: Readonly<Record<string, unknown>> | null
  /** Changes that go by what is stored; none of a tag that `tags` has. */
  readonly tagOperations: readonly TagOperation[]
  /** R26: with "denied" and "not_determined" its address is kept and not sent to. */
  readonly permission: Permission | null
  /** Its fields replace those that are stored; null in one of them clears it. */
  readonly record: Readonly<Partial<DeviceRecord>> | null
  readonly isOpen: boolean
  readonly address: NewAddress | null
  /** The stored VAPID credential of a web subscription. */
  readonly credentialId: string | null
  /** Server clock when the request arrived, ms. */
  readonly at: number
}

export interface UpdateResult {
  /** R5: a later call of the device came first, so this one changed nothing. */
  readonly isStale: boolean
  /** Race M: other phones go by this hwid, too, so the caller is to register under this one from now on; else null. */
  readonly newHwid: string | null
  /** Tags that stay as they were, and why: of another type than is defined, or too many. The rest of the call counts. */
  readonly skipped: readonly SkippedTag[]
}

interface Said {
  readonly appId: number
  readonly hwid: string
  readonly at: number
}

/** A call of a device that says nothing but that it is there. */
export function updateOf({ appId, hwid, at }: Said): DeviceUpdate {
  return { ...NOTHING_SAID, appId, hwid, at }
}

/** What a back end says of a device: nothing yet. */
export function toldOf({ appId, hwid, at }: Said): DeviceUpdate {
  return { ...NOTHING_SAID, isCall: false, appId, hwid, at }
}

const NOTHING_SAID = {
  isCall: true,
  platform: null,
  userId: null,
  isLogout: false,
  isUnregister: false,
  clientSeq: null,
  language: null,
  timezoneSeconds: null,
  appVersion: null,
  osVersion: null,
  deviceModel: null,
  tags: null,
  tagOperations: [],
  permission: null,
  record: null,
  isOpen: false,
  address: null,
  credentialId: null,
} as const

/** More per statement gains nothing (measured: 90–110 thousand rows/s from 500 on). */
const MAX_BATCH = 500
/** Below it a second statement costs more than what working beside the database gains. */
const BESIDE_FROM = 100

export class Registrations {
  readonly #batch: MicroBatch<DeviceUpdate, UpdateResult>

  constructor(db: Database) {
    this.#batch = new MicroBatch({
      maxSize: MAX_BATCH,
      besideFrom: BESIDE_FROM,
      keysOf,
      run: items => store(db, items),
    })
  }

  /** Resolves after the commit. Safe to repeat. */
  async apply(update: DeviceUpdate): Promise<UpdateResult> {
    return this.#batch.add(update)
  }

  settled(): Promise<void> {
    return this.#batch.settled()
  }
}

function keysOf(update: DeviceUpdate): string[] {
  const device = `d ${update.appId} ${update.hwid}`
  if (update.address === null) return [device]
  const { provider, environment, kind, address } = update.address
  return [device, `a ${update.appId} ${provider} ${environment} ${kind} ${address}`] // a hash would cost more
}

const NOTHING_NEW: UpdateResult = { isStale: false, newHwid: null, skipped: [] }

/** What is plain has a commit of its own; when the others fail after it, repeating it changes nothing (R0). */
async function store(db: Database, asked: readonly DeviceUpdate[]): Promise<UpdateResult[]> {
  const left = await storePlain(db, asked)
  const results = new Map(left.length === 0 ? [] : await db.transaction(tx => storeChanges(tx, left)))
  await reviveOpened(db, asked.filter(isPlainOpen))
  return asked.map(it => results.get(it) ?? NOTHING_NEW)
}

/** One that brings its address along registers it. */
function isPlainOpen({ isOpen, address }: DeviceUpdate): boolean {
  return isOpen && address?.kind !== 'alert'
}

async function storeChanges(
  tx: Queryable,
  asked: readonly DeviceUpdate[],
): Promise<[DeviceUpdate, UpdateResult][]> {
  const { updates, skipped } = await giveTypes(tx, asked)
  const devices = await upsertDevices(tx, updates)
  const fresh = updates.filter((_, i) => devices[i]?.isStale === false)
  const refused = await applyTagOperations(tx, fresh)
  const shared = await storeAddresses(
    tx,
    fresh,
    new Map(updates.map((it, i) => [it, devices[i]?.permission ?? null])),
  )
  return updates.map((update, i) => [
    asked[i] as DeviceUpdate,
    {
      isStale: devices[i]?.isStale ?? false,
      newHwid: shared.get(nameOfDevice(update)) ?? null,
      skipped: [
        ...(skipped[i] ?? []),
        ...(devices[i]?.areTagsRefused === true ? refusedTags(Object.keys(update.tags ?? {})) : []),
        ...(refused.get(update) ?? []),
      ],
    },
  ])
}

/** `permissions`: what is known of each device after this call. Returns new hwids for devices that several phones are, by name. */
async function storeAddresses(
  tx: Queryable,
  fresh: readonly DeviceUpdate[],
  permissions: ReadonlyMap<DeviceUpdate, Permission | null>,
): Promise<ReadonlyMap<string, string>> {
  const logouts = fresh.filter(it => it.isLogout)
  if (logouts.length > 0) await logOut(tx, logouts)
  const registrations = (await correct(tx, fresh.flatMap(registrationOf))).sort(byDirectoryKey)
  const unregistrations = fresh.filter(it => it.isUnregister)
  const moves = registrations.length > 0 ? await takeAddresses(tx, registrations) : []
  if (moves.length > 0) await noteMoves(tx, moves, latest(registrations))
  const held = await lockAddresses(tx, [
    ...registrations.map(keyOf),
    ...moves,
    ...unregistrations.map(keyOfDevice),
    ...fresh.filter(it => it.permission !== null).map(keyOfDevice),
  ])
  if (moves.length > 0) await moveAway(tx, moves, latest(registrations))
  const heldOf = groupByDevice(held)
  const denying = new Set(
    (await inheritOptOut(tx, inheritorsOf(registrations, moves, heldOf))).map(nameOfDevice),
  )
  await registerAddresses(tx, registrations, heldOf)
  if (unregistrations.length > 0) await endAddresses(tx, unregistrations)
  const changed = fresh.flatMap(it =>
    permissionChangeOf(it, {
      held: heldOf.get(nameOfDevice(it)) ?? [],
      permission: denying.has(nameOfDevice(it)) ? 'denied' : (permissions.get(it) ?? null),
    }),
  )
  if (changed.length > 0) await optOut(tx, changed)
  const returned = registrations.filter(it => hasReturned(it, heldOf.get(nameOfDevice(it.update)) ?? []))
  if (returned.length === 0) return new Map()
  const shared = await findShared(tx, returned.map(keyOf), latest(returned))
  return new Map(shared.map(it => [nameOfDevice(it), randomUUID()]))
}

/** Devices that have taken the address of a device that was opted out. */
function inheritorsOf(
  registrations: readonly Registration[],
  moves: readonly Move[],
  heldOf: ReadonlyMap<string, readonly HeldAddress[]>,
): DeviceKey[] {
  const optedOut = moves.filter(move =>
    heldOf
      .get(nameOfDevice(move))
      ?.some(it => it.kind === 'alert' && it.isOptedOut && it.hash.equals(move.hash)),
  )
  if (optedOut.length === 0) return []
  const taken = new Set(optedOut.map(it => `${it.appId} ${it.hash.toString('hex')}`))
  return registrations.filter(it => taken.has(nameOf(it))).map(keyOf)
}

/** To an address that it had replaced before: once is a change of mind, again and again are two phones. */
function hasReturned({ hash }: Registration, held: readonly HeldAddress[]): boolean {
  return held.some(it => it.state === 'superseded' && it.kind === 'alert' && it.hash.equals(hash))
}

/** R26. Nearly all calls find it as it was, which costs no statement. */
function permissionChangeOf(
  update: DeviceUpdate,
  known: { readonly held: readonly HeldAddress[]; readonly permission: Permission | null },
): (DeviceKey & { readonly isOptedOut: boolean; readonly at: number })[] {
  if (update.address === null && update.permission === null) return []
  const isOptedOut = isDenied(known.permission)
  const isOther = known.held.some(it => it.kind === 'alert' && it.isOptedOut !== isOptedOut)
  const isNew = isOptedOut && update.address?.kind === 'alert'
  return isOther || isNew ? [{ ...keyOfDevice(update), isOptedOut, at: update.at }] : []
}

interface DeviceKey {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
}

function keyOfDevice({ appId, hwid }: DeviceUpdate): DeviceKey {
  return { bucket: bucketOf(hwid), appId, hwid }
}

function keyOf({ update }: Registration): DeviceKey {
  return keyOfDevice(update)
}

interface Registration {
  readonly update: DeviceUpdate
  readonly appId: number
  readonly address: NewAddress
  readonly hash: Buffer
  readonly addressBucket: number
}

function registrationOf(update: DeviceUpdate): Registration[] {
  if (update.address === null) return []
  const hash = addressHash(update.address)
  const { appId, address } = update
  return [{ update, appId, address, hash, addressBucket: addressBucketOf(hash) }]
}

/** Two registrations of one address can't share a statement: the other one of a micro-batch stays as it was reported. */
async function correct(tx: Queryable, registrations: readonly Registration[]): Promise<Registration[]> {
  const ofApple = registrations.filter(it => it.address.provider === 'apns')
  if (ofApple.length === 0) return [...registrations]
  const registered = ofApple.map(({ update, hash, addressBucket }) => ({
    appId: update.appId,
    hash,
    addressBucket,
  }))
  const environments = await correctedEnvironments(tx, registered)
  const known = new Set(registrations.map(nameOf))
  const corrected = new Map<Registration, Registration>()
  for (const [i, environment] of environments) {
    const it = ofApple[i] as Registration
    const [now] = registrationOf({ ...it.update, address: { ...it.address, environment } })
    if (now === undefined || known.has(nameOf(now))) continue
    known.add(nameOf(now))
    corrected.set(it, now)
  }
  return registrations.map(it => corrected.get(it) ?? it)
}

function nameOf({ update, hash }: Registration): string {
  return `${update.appId} ${hash.toString('hex')}`
}

/**
 * Locks the directory row of each address and makes the registering device its holder. Rows that change hands
 * come back with their former holder; an unchanged row is locked but not rewritten (the `where`).
 */
const TAKE_ADDRESSES = `
  insert into address_directory as held (address_bucket, app_id, address_hash, bucket, hwid)
  select * from unnest($1::smallint[], $2::integer[], $3::bytea[], $4::smallint[], $5::text[])
  on conflict (address_bucket, app_id, address_hash) do update
     set previous_bucket = held.bucket, previous_hwid = held.hwid,
         bucket = excluded.bucket, hwid = excluded.hwid
   where held.hwid <> excluded.hwid
  returning app_id as "appId", address_hash as "hash", previous_bucket as "bucket", previous_hwid as "hwid"`

/** R3: the former holder has no active address any more, so nothing that is meant for it goes there. */
const MOVE_AWAY = `
  with moved as (
    update address a
       set state = 'moved', reason = 'registered_by_another_device', generation = a.generation + 1,
           state_since = $5
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[]) as i (bucket, app_id, hwid, hash)
     where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.address_hash = i.hash
       and a.state in ('active', 'suspect', 'quarantined')
    returning a.*
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, $5, 'moved', reason, provider, environment, kind, right(address, 8), generation
    from moved`

interface Move extends DeviceKey {
  readonly hash: Buffer
}

/** Returns what the former holders lose. */
async function takeAddresses(tx: Queryable, registrations: readonly Registration[]): Promise<Move[]> {
  const taken = await tx.query<Move>(TAKE_ADDRESSES, [
    registrations.map(it => it.addressBucket),
    registrations.map(it => it.update.appId),
    registrations.map(it => it.hash),
    registrations.map(it => bucketOf(it.update.hwid)),
    registrations.map(it => it.update.hwid),
  ])
  return taken.rows.filter(row => row.hwid !== null) // null: it had no holder before
}

async function moveAway(tx: Queryable, moves: readonly Move[], at: number): Promise<void> {
  await tx.query(MOVE_AWAY, [
    moves.map(it => it.bucket),
    moves.map(it => it.appId),
    moves.map(it => it.hwid),
    moves.map(it => it.hash),
    new Date(at),
  ])
}

function latest(registrations: readonly Registration[]): number {
  return Math.max(...registrations.map(it => it.update.at))
}

const DEVICE_COLUMNS = `bucket, app_id, hwid, platform, user_id, tags, language, timezone_seconds, app_version, os_version,
                    device_model, first_seen_at, last_seen_at, told_at, user_told_at, last_open_at, client_seq, permission, record`
const DEVICE_VALUES = `i.bucket, i.app_id, i.hwid, i.platform, i.user_id, i.tags, i.language, i.timezone_seconds,
           i.app_version, i.os_version, i.device_model, i.at, i.at, case when not i.is_call then i.at end,
           case when not i.is_call and i.is_user_said then i.at end, case when i.is_open then i.at end, i.client_seq,
           i.permission, i.record`
const KNOWN = 'select from device k where k.bucket = i.bucket and k.app_id = i.app_id and k.hwid = i.hwid'

/**
 * A null column means "not said" and keeps what is stored; a null tag clears the tag (`jsonb_strip_nulls`; in a
 * new row it stays as JSON null, which conditions read as unset). Tags that would become too many are left as they
 * were: a device calls with a public token, and its row is read by every campaign.
 * R5: a row whose device has counted further is not changed, and not returned.
 * New devices come before known ones, in the order of locks; one that another transaction makes known meanwhile is changed.
 * An unregistration without a number makes no device: clients send it before they register for the first time.
 * R15: what a back end says moves a clock of its own, but for a device that begins with it.
 */
const UPSERT_DEVICES = `
  with i as (
    select *, case when octet_length(asked::text) <= ${TAGS_BYTES_PER_DEVICE} then asked else '{}' end as tags
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[],
                  $8::integer[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::boolean[],
                  $14::bigint[], $15::boolean[], $16::text[], $17::jsonb[], $18::boolean[], $19::boolean[])
             as it (bucket, app_id, hwid, platform, user_id, asked, language, timezone_seconds, app_version,
                    os_version, device_model, at, is_open, client_seq, is_unregister, permission, record, is_call,
                    is_user_said)
  ), created as (
    insert into device as d (${DEVICE_COLUMNS})
    select ${DEVICE_VALUES}
      from i
     where not exists (${KNOWN}) and (not i.is_unregister or i.client_seq is not null)
     order by ${deviceOrder('i')}
    on conflict do nothing
    returning d.bucket, d.app_id, d.hwid, d.tags, d.permission
  ), changed as (
    insert into device as d (${DEVICE_COLUMNS})
    select ${DEVICE_VALUES}
      from i
     where (select count(*) from created) is not null
       and (i.app_id, i.hwid) not in (select app_id, hwid from created)
       and (not i.is_unregister or i.client_seq is not null or exists (${KNOWN}))
     order by ${deviceOrder('i')}
    on conflict (bucket, app_id, hwid) do update
       set platform = coalesce(excluded.platform, d.platform),
           user_id = coalesce(excluded.user_id, d.user_id),
           tags = case when excluded.tags = '{}' then d.tags else (
                    select case when octet_length(merged::text) <= ${TAGS_BYTES_PER_DEVICE}
                                 and (select count(*) from jsonb_object_keys(merged)) <= ${TAGS_PER_DEVICE}
                                then merged else d.tags end
                      from (select jsonb_strip_nulls(d.tags || excluded.tags) as merged offset 0) m) end,
           language = coalesce(excluded.language, d.language),
           timezone_seconds = coalesce(excluded.timezone_seconds, d.timezone_seconds),
           app_version = coalesce(excluded.app_version, d.app_version),
           os_version = coalesce(excluded.os_version, d.os_version),
           device_model = coalesce(excluded.device_model, d.device_model),
           last_seen_at = case when excluded.told_at is null then greatest(excluded.last_seen_at, d.last_seen_at)
                               else d.last_seen_at end,
           told_at = greatest(excluded.told_at, d.told_at),
           user_told_at = greatest(excluded.user_told_at, d.user_told_at),
           last_open_at = greatest(excluded.last_open_at, d.last_open_at),
           client_seq = greatest(excluded.client_seq, d.client_seq),
           permission = coalesce(excluded.permission, d.permission),
           record = case when excluded.record = '{}' then d.record
                         else jsonb_strip_nulls(d.record || excluded.record) end
     where excluded.client_seq is null or d.client_seq is null or excluded.client_seq >= d.client_seq
    returning d.bucket, d.app_id, d.hwid, d.tags, d.permission
  )
  select i.app_id as "appId", i.hwid, s.permission, not s.tags @> jsonb_strip_nulls(i.asked) as "areTagsRefused"
    from (select * from created union all select * from changed) s join i using (bucket, app_id, hwid)`

interface UpsertedDevice {
  readonly isStale: boolean
  /** It would have too many; it keeps those that it had. */
  readonly areTagsRefused: boolean
  readonly permission: Permission | null
}

async function upsertDevices(tx: Queryable, updates: readonly DeviceUpdate[]): Promise<UpsertedDevice[]> {
  const { rows } = await tx.query<UpsertedDevice & { appId: number; hwid: string }>(UPSERT_DEVICES, [
    updates.map(it => bucketOf(it.hwid)),
    updates.map(it => it.appId),
    updates.map(it => it.hwid),
    updates.map(it => it.platform),
    updates.map(it => it.userId),
    updates.map(it => JSON.stringify(it.tags ?? {})),
    updates.map(it => it.language),
    updates.map(it => it.timezoneSeconds),
    updates.map(it => it.appVersion),
    updates.map(it => it.osVersion),
    updates.map(it => it.deviceModel),
    updates.map(it => new Date(it.at)),
    updates.map(it => it.isOpen),
    updates.map(it => it.clientSeq),
    updates.map(it => it.isUnregister),
    updates.map(it => it.permission),
    updates.map(it => JSON.stringify(it.record ?? {})),
    updates.map(it => it.isCall),
    updates.map(it => it.userId !== null || it.isLogout),
  ])
  const stored = new Map(rows.map(row => [`${row.appId} ${row.hwid}`, row]))
  return updates.map(({ appId, hwid, clientSeq }) => {
    const row = stored.get(`${appId} ${hwid}`)
    return {
      isStale: row === undefined && clientSeq !== null,
      areTagsRefused: row?.areTagsRefused ?? false,
      permission: row?.permission ?? null,
    }
  })
}

/** R25: from this commit on nothing that is meant for the user goes to this device. */
const LOG_OUT = `
  update device d set user_id = null
    from unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
   where d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid and d.user_id is not null`

async function logOut(tx: Queryable, updates: readonly DeviceUpdate[]): Promise<void> {
  await tx.query(LOG_OUT, [
    updates.map(it => bucketOf(it.hwid)),
    updates.map(it => it.appId),
    updates.map(it => it.hwid),
  ])
}

/** So that a gateway's answer is applied either before this change or after it, and the ledger tells which. */
const LOCK_ADDRESSES = `
  select a.app_id as "appId", a.hwid, a.address_hash as "hash", a.kind, a.state, a.opted_out as "isOptedOut"
    from address a
    join unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
      on a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid
   order by ${addressOrder('a')}
     for update of a`

interface HeldAddress {
  readonly appId: number
  readonly hwid: string
  readonly hash: Buffer
  readonly kind: string
  readonly state: AddressState
  readonly isOptedOut: boolean
}

/** Returns all addresses of these devices, as they were before this transaction. */
async function lockAddresses(tx: Queryable, devices: readonly DeviceKey[]): Promise<HeldAddress[]> {
  if (devices.length === 0) return []
  const { rows } = await tx.query<HeldAddress>(LOCK_ADDRESSES, [
    devices.map(it => it.bucket),
    devices.map(it => it.appId),
    devices.map(it => it.hwid),
  ])
  return rows
}

function nameOfDevice({ appId, hwid }: { readonly appId: number; readonly hwid: string }): string {
  return `${appId} ${hwid}`
}

function groupByDevice(held: readonly HeldAddress[]): ReadonlyMap<string, readonly HeldAddress[]> {
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
async function registerAddresses(
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

async function endAddresses(tx: Queryable, updates: readonly DeviceUpdate[]): Promise<void> {
  await tx.query(END_ADDRESSES, [
    updates.map(it => bucketOf(it.hwid)),
    updates.map(it => it.appId),
    updates.map(it => it.hwid),
    updates.map(it => new Date(it.at)),
  ])
}
