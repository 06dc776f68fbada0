/**
 * Devices that another system knew, stored many at a time: the bulk road beside register.ts.
 *
 * It keeps the same rules (R2 one address of a kind, R3 one holder of an address, R6 revival, R26 permission), and one more
 * that a live registration does not need: who was heard of later is right. A row of a file says when its device was last
 * heard of; what Roost holds with a later time, be it an address, a holder or a death, stays. So the same file twice, or
 * one that is older than the base, undoes nothing, and devices may call in while it runs.
 *
 * A row without such a time is as old as its file, but that is when somebody copied it, not when the device was heard of.
 * It gives way to all that a device has said to Roost itself, and revives nothing; it corrects earlier imports only.
 *
 * Rows are locked in the order of ../lock-order.ts, but new devices come with all that is theirs before the known ones.
 */
import { type Permission, TAGS_BYTES_PER_DEVICE, TAGS_PER_DEVICE } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import type { NewAddress } from '../address.ts'
import { addressBucketOf, addressHash } from '../buckets.ts'
import { deviceOrder } from '../lock-order.ts'
import { inheritOptOut, isDenied, optOut } from '../register/permission.ts'
import { superseding } from '../superseding.ts'
import { giveTypes } from '../tags/definitions.ts'
import { type First, prepareFirst, storeFirst } from './first.ts'
import type { KnownDevice } from './known.ts'
import { type Into, type Row, wavesOf } from './rows.ts'

/** `older`: Roost has heard of the device, or of its address, later than the file; what it knew stays. */
export type Stored = 'stored' | 'older'

/** What can be made ready of devices before their transaction. */
export interface PreparedDevices {
  readonly devices: readonly KnownDevice[]
  readonly waves: readonly (readonly Row[])[]
  /** Of the first wave. */
  readonly first: First
}

export function prepareKnown(devices: readonly KnownDevice[]): PreparedDevices {
  const waves = wavesOf(devices)
  return { devices, waves, first: prepareFirst(waves[0] ?? []) }
}

/**
 * Stores devices of one app in the caller's transaction; results in their order. Safe to repeat. Of rows that share a
 * device or an address the later one counts, as if they had come one after the other.
 */
export async function storeKnown(tx: Queryable, into: Into, prepared: PreparedDevices): Promise<Stored[]> {
  const results = prepared.devices.map((): Stored => 'stored')
  const { waves, first } = await settle(tx, into.appId, prepared)
  const [, ...later] = waves
  for (const wave of [await storeFirst(tx, into, first), ...later]) {
    if (wave.length === 0) continue
    const stored = await storeWave(tx, wave, into.now)
    wave.forEach((row, i) => {
      if (!row.isExtra) results[row.index] = stored[i] as Stored
    })
  }
  return results
}

/** What depends on the database, and so changes the rows once more: types of tags, and holders of bare tokens. */
async function settle(tx: Queryable, appId: number, prepared: PreparedDevices): Promise<PreparedDevices> {
  const { devices } = prepared
  const settled = await withTypes(tx, appId, await withHolders(tx, appId, devices))
  return settled === devices ? prepared : prepareKnown(settled)
}

async function withTypes(
  tx: Queryable,
  appId: number,
  devices: readonly KnownDevice[],
): Promise<readonly KnownDevice[]> {
  const { rowCount } = await tx.query('select from tag_definition where app_id = $1 limit 1', [appId])
  if (rowCount === 0) return devices
  const { updates } = await giveTypes(
    tx,
    devices.map(device => ({ ...device, appId, tagOperations: [] })),
  )
  return updates
}

const HOLDERS_OF = `
  select h.address_hash as hash, h.hwid
    from unnest($1::smallint[], $2::integer[], $3::bytea[]) as i (address_bucket, app_id, hash)
    join address_directory h on h.address_bucket = i.address_bucket and h.app_id = i.app_id and h.address_hash = i.hash`

/**
 * A bare token is its holder's: that device keeps its user, tags and permission. Who has taken the token over in the
 * meantime was heard of later, which is found when the row is stored.
 */
async function withHolders(
  tx: Queryable,
  appId: number,
  devices: readonly KnownDevice[],
): Promise<readonly KnownDevice[]> {
  const hashes = devices.flatMap(({ isNamed, address }) =>
    isNamed || address === null ? [] : [addressHash(address)],
  )
  if (hashes.length === 0) return devices
  const { rows } = await tx.query<{ hash: Buffer; hwid: string }>(HOLDERS_OF, [
    hashes.map(addressBucketOf),
    hashes.map(() => appId),
    hashes,
  ])
  const holders = new Map(rows.map(it => [it.hash.toString('latin1'), it.hwid]))
  return devices.map(device => {
    if (device.address === null) return device
    const hash = addressHash(device.address).toString('latin1')
    if (device.isNamed) holders.set(hash, device.hwid)
    return device.isNamed ? device : { ...device, hwid: holders.get(hash) ?? device.hwid }
  })
}

async function storeWave(tx: Queryable, rows: readonly Row[], now: number): Promise<Stored[]> {
  const known = await upsertDevices(tx, rows)
  const addressed = rows.flatMap(addressedOf)
  const older = new Set<Row>()
  for (const it of await findOlder(
    tx,
    addressed.filter(row => known.has(row.device.hwid)),
  ))
    older.add(it)
  const candidates = addressed.filter(row => !older.has(row)).sort(byDirectoryKey)
  const takeover = await takeAddresses(tx, candidates)
  for (const it of takeover.older) older.add(it)
  const taken = candidates.filter(row => !older.has(row))
  await activate(tx, taken, { known, now })
  const denying = await inheritOptOut(tx, takeover.fromOptedOut.map(keyOfDevice))
  const inherited = new Set(denying.map(it => it.hwid))
  await applyPermissions(tx, rows, { known, taken: new Set(taken), inherited })
  return rows.map(row =>
    older.has(row) || known.get(row.device.hwid)?.isNewer === true ? 'older' : 'stored',
  )
}

/** R26: what is known of the permission after these rows goes for the addresses, too. */
async function applyPermissions(
  tx: Queryable,
  rows: readonly Row[],
  {
    known,
    taken,
    inherited,
  }: {
    readonly known: ReadonlyMap<string, Known>
    readonly taken: ReadonlySet<Row>
    /** Hwids. */
    readonly inherited: ReadonlySet<string>
  },
): Promise<void> {
  const changes = rows.flatMap(row => {
    const { device } = row
    const former = known.get(device.hwid)
    const said = former === undefined ? device.permission : former.permission
    const permission = inherited.has(device.hwid) ? 'denied' : said
    const isSaid = device.permission !== null && former?.isNewer !== true
    if (!isSaid && !(taken.has(row) && isDenied(permission))) return []
    return [{ ...keyOfDevice(row), isOptedOut: isDenied(permission), at: device.at }]
  })
  if (changes.length > 0) await optOut(tx, changes)
}

function keyOfDevice({ bucket, device }: Row): { bucket: number; appId: number; hwid: string } {
  return { bucket, appId: device.appId, hwid: device.hwid }
}

interface Addressed extends Row {
  readonly hash: Buffer
  readonly address: NewAddress
}

function addressedOf(row: Row): Addressed[] {
  const { address } = row.device
  // The same object, so that what was judged of a row is found again.
  return row.hash === null || address === null ? [] : [Object.assign(row, { hash: row.hash, address })]
}

function byDirectoryKey(a: Addressed, b: Addressed): number {
  return addressBucketOf(a.hash) - addressBucketOf(b.hash) || a.hash.compare(b.hash)
}

/** A device that was heard of later keeps what it said, or what a back end said of it; the file fills in only the rest. */
const UPSERT = `
  with i as (
    select *, case when octet_length(asked::text) <= ${TAGS_BYTES_PER_DEVICE} then asked else '{}' end as tags
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[],
                  $8::integer[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[],
                  $15::text[], $16::jsonb[], $17::boolean[])
             as it (bucket, app_id, hwid, platform, user_id, asked, language, timezone_seconds, app_version, os_version,
                    device_model, first_ms, open_ms, at_ms, permission, record, is_dated)
  ), stored as (
  insert into device as d (bucket, app_id, hwid, platform, user_id, tags, language, timezone_seconds, app_version,
                           os_version, device_model, first_seen_at, last_seen_at, told_at, last_open_at, permission, record)
  select bucket, app_id, hwid, platform, user_id, tags, language, timezone_seconds, app_version, os_version,
         device_model, to_timestamp(coalesce(first_ms, at_ms)::float8 / 1000), to_timestamp(at_ms::float8 / 1000),
         case when not is_dated then to_timestamp(at_ms::float8 / 1000) end, to_timestamp(open_ms::float8 / 1000), permission, record
    from i order by ${deviceOrder('i')}
  on conflict (bucket, app_id, hwid) do update
     set (platform, user_id, language, timezone_seconds, app_version, os_version, device_model, permission, record, tags) = (
           select case when later then coalesce(d.platform, excluded.platform)
                       else coalesce(excluded.platform, d.platform) end,
                  case when later then d.user_id else coalesce(excluded.user_id, d.user_id) end,
                  case when later then coalesce(d.language, excluded.language)
                       else coalesce(excluded.language, d.language) end,
                  case when later then coalesce(d.timezone_seconds, excluded.timezone_seconds)
                       else coalesce(excluded.timezone_seconds, d.timezone_seconds) end,
                  case when later then coalesce(d.app_version, excluded.app_version)
                       else coalesce(excluded.app_version, d.app_version) end,
                  case when later then coalesce(d.os_version, excluded.os_version)
                       else coalesce(excluded.os_version, d.os_version) end,
                  case when later then coalesce(d.device_model, excluded.device_model)
                       else coalesce(excluded.device_model, d.device_model) end,
                  case when later then coalesce(d.permission, excluded.permission)
                       else coalesce(excluded.permission, d.permission) end,
                  case when later then excluded.record || d.record else d.record || excluded.record end,
                  case when octet_length(merged::text) <= ${TAGS_BYTES_PER_DEVICE}
                        and (select count(*) from jsonb_object_keys(merged)) <= ${TAGS_PER_DEVICE}
                       then merged else d.tags end
             from (select greatest(d.last_seen_at, d.told_at) > excluded.last_seen_at as later) as o,
                  lateral (select jsonb_strip_nulls(case when later then excluded.tags || d.tags
                                                         else d.tags || excluded.tags end) as merged offset 0) as m),
         first_seen_at = least(d.first_seen_at, excluded.first_seen_at),
         last_seen_at = case when excluded.told_at is null then greatest(d.last_seen_at, excluded.last_seen_at)
                             else d.last_seen_at end,
         told_at = greatest(d.told_at, excluded.told_at),
         last_open_at = greatest(d.last_open_at, excluded.last_open_at)
  returning d.hwid, d.permission, xmax = 0 as is_new, greatest(d.last_seen_at, d.told_at) as known_at
  )
  select hwid, permission, (extract(epoch from known_at) * 1000)::bigint as "knownMs" from stored where not is_new`

/** A device that was there before. */
interface Known {
  /** Roost has heard of it later than the file, from itself or from a back end. */
  readonly isNewer: boolean
  /** After this row. */
  readonly permission: Permission | null
}

/** So that what is stored is later, whatever it is. */
const LONG_AGO = Date.UTC(2000, 0, 1)

async function upsertDevices(tx: Queryable, rows: readonly Row[]): Promise<ReadonlyMap<string, Known>> {
  const heard = await findHeard(tx, rows)
  const atOf = (row: Row) => (heard.has(row.device.hwid) ? LONG_AGO : row.device.at)
  const devices = rows.map(row => row.device)
  const { rows: answered } = await tx.query<{
    hwid: string
    permission: Permission | null
    knownMs: number
  }>(UPSERT, [
    rows.map(row => row.bucket),
    devices.map(it => it.appId),
    devices.map(it => it.hwid),
    devices.map(it => it.platform),
    devices.map(it => it.userId),
    rows.map(row => row.tags),
    devices.map(it => it.language),
    devices.map(it => it.timezoneSeconds),
    devices.map(it => it.appVersion),
    devices.map(it => it.osVersion),
    devices.map(it => it.deviceModel),
    devices.map(it => it.firstSeenAt ?? it.at),
    devices.map(it => it.lastOpenAt),
    rows.map(atOf),
    devices.map(it => it.permission),
    devices.map(it => (it.record === null ? '{}' : JSON.stringify(it.record))),
    devices.map(it => it.isDated),
  ])
  if (answered.length === 0) return new Map()
  const at = new Map(rows.map(row => [row.device.hwid, atOf(row)]))
  return new Map(
    answered.map(({ hwid, permission, knownMs }) => [
      hwid,
      { isNewer: knownMs > (at.get(hwid) ?? 0), permission },
    ]),
  )
}

/**
 * Has the device of address row `a` called in itself? Each change of a generation has its entry in the ledger, but for the
 * device's own registrations of what is active; so it has when a number is missing, or has an entry of its own making.
 */
const isHeard = (a: string) => `
  ${a}.generation > (
    select count(distinct l.generation) from ledger l
     where l.bucket = ${a}.bucket and l.app_id = ${a}.app_id and l.hwid = ${a}.hwid and l.kind = ${a}.kind
       and l.environment = ${a}.environment and l.address_end = right(${a}.address, 8)
       and l.reason is not null and l.reason <> 'asked_by_device')`

/** Without any address it must have said itself what is known of it. */
const FIND_HEARD = `
  select i.hwid
    from unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
    join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
   where not exists (
     select from address a
      where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and not (${isHeard('a')}))`

/** Devices of rows without a time that have called in themselves; one that does so at this moment is later anyway. */
async function findHeard(tx: Queryable, rows: readonly Row[]): Promise<ReadonlySet<string>> {
  const undated = rows.filter(row => !row.device.isDated)
  if (undated.length === 0) return new Set()
  const { rows: found } = await tx.query<{ hwid: string }>(FIND_HEARD, [
    undated.map(row => row.bucket),
    undated.map(row => row.device.appId),
    undated.map(row => row.device.hwid),
  ])
  return new Set(found.map(it => it.hwid))
}

const KEYS = `unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::bigint[])
             as i (bucket, app_id, hwid, kind, hash, at_ms)`

function keysOf(rows: readonly Addressed[]): unknown[][] {
  return [
    rows.map(row => row.bucket),
    rows.map(row => row.device.appId),
    rows.map(row => row.device.hwid),
    rows.map(row => row.address.kind),
    rows.map(row => row.hash),
    rows.map(row => row.device.at),
  ]
}

/**
 * The device has registered another address later, or this one later, or this one ended later; a row without a time gives
 * way at any time. Or (R12) a gateway has shown that the token works in the other environment, whatever the file says.
 */
const FIND_OLDER = `
  select i.hwid from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::boolean[])
             as i (bucket, app_id, hwid, kind, hash, at_ms, is_dated)
   where exists (
     select from address a
      where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.kind = i.kind
        and (a.address_hash = i.hash
               and (a.last_registered_at > to_timestamp(i.at_ms::float8 / 1000)
                 or a.state not in ('active', 'suspect')
                    and (not i.is_dated or a.state_since > to_timestamp(i.at_ms::float8 / 1000)))
          or a.address_hash <> i.hash and a.state in ('active', 'suspect', 'quarantined')
               and a.last_registered_at > to_timestamp(i.at_ms::float8 / 1000)
          or not i.is_dated and ${isHeard('a')}
          or a.address_hash = i.hash and a.state = 'superseded' and a.reason = 'environment_corrected'
               and exists (select from address c
                            where c.bucket = a.bucket and c.app_id = a.app_id and c.hwid = a.hwid
                              and c.address = a.address and c.state in ('active', 'suspect'))))`

async function findOlder(tx: Queryable, rows: readonly Addressed[]): Promise<Addressed[]> {
  if (rows.length === 0) return []
  const found = await tx.query<{ hwid: string }>(FIND_OLDER, [
    ...keysOf(rows),
    rows.map(row => row.device.isDated),
  ])
  const older = new Set(found.rows.map(it => it.hwid))
  return rows.filter(row => older.has(row.device.hwid))
}

const HOLD_FREE = `
  insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
  select * from unnest($1::smallint[], $2::integer[], $3::bytea[], $4::smallint[], $5::text[])
  on conflict do nothing
  returning address_hash as hash`

/**
 * Held by somebody: who, and whether what is known of it there is later than the row, be it that it is active or that it has
 * ended (R6). The rows stay locked until the commit.
 */
const HOLDERS = `
  select held.address_hash as hash, held.bucket, held.hwid,
         a.last_registered_at > to_timestamp(i.at_ms::float8 / 1000)
           or a.state not in ('active', 'suspect')
              and (not i.is_dated or a.reason = 'environment_corrected'
                   or a.state_since > to_timestamp(i.at_ms::float8 / 1000))
           or not i.is_dated and ${isHeard('a')} as "isLater",
         a.opted_out and a.kind = 'alert' as "isOptedOut"
    from unnest($1::smallint[], $2::integer[], $3::bytea[], $4::bigint[], $5::boolean[])
           as i (address_bucket, app_id, hash, at_ms, is_dated)
    join address_directory held on held.address_bucket = i.address_bucket and held.app_id = i.app_id
                               and held.address_hash = i.hash
    left join address a on a.bucket = held.bucket and a.app_id = held.app_id and a.hwid = held.hwid
                       and a.address_hash = held.address_hash
   order by held.address_bucket, held.app_id, held.address_hash
     for update of held`

/** R3: the former holder has no active address any more. */
const MOVE = `
  with i as (
    select * from unnest($1::smallint[], $2::integer[], $3::bytea[], $4::smallint[], $5::text[], $6::smallint[],
                         $7::text[], $8::bigint[])
             as it (address_bucket, app_id, hash, bucket, hwid, former_bucket, former_hwid, at_ms)
  ), held as (
    update address_directory d
       set previous_bucket = d.bucket, previous_hwid = d.hwid, bucket = i.bucket, hwid = i.hwid
      from i where d.address_bucket = i.address_bucket and d.app_id = i.app_id and d.address_hash = i.hash
  ), moved as (
    update address a
       set state = 'moved', reason = 'registered_by_another_device', generation = a.generation + 1,
           state_since = to_timestamp(i.at_ms::float8 / 1000)
      from i
     where a.bucket = i.former_bucket and a.app_id = i.app_id and a.hwid = i.former_hwid and a.address_hash = i.hash
       and a.state in ('active', 'suspect', 'quarantined')
    returning a.*
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, state_since, 'moved', reason, provider, environment, kind, right(address, 8), generation
    from moved`

interface Takeover {
  /** Their address is held by a device that was heard of later. */
  readonly older: readonly Addressed[]
  /** They have taken it from a device that was opted out. */
  readonly fromOptedOut: readonly Addressed[]
}

const NOTHING_TAKEN: Takeover = { older: [], fromOptedOut: [] }

/** Makes the devices holders of their addresses. */
async function takeAddresses(tx: Queryable, rows: readonly Addressed[]): Promise<Takeover> {
  if (rows.length === 0) return NOTHING_TAKEN
  const free = await tx.query<{ hash: Buffer }>(HOLD_FREE, [
    rows.map(row => addressBucketOf(row.hash)),
    rows.map(row => row.device.appId),
    rows.map(row => row.hash),
    rows.map(row => row.bucket),
    rows.map(row => row.device.hwid),
  ])
  if (free.rowCount === rows.length) return NOTHING_TAKEN
  const taken = new Set(free.rows.map(it => it.hash.toString('latin1')))
  return takeHeld(
    tx,
    rows.filter(row => !taken.has(row.hash.toString('latin1'))),
  )
}

async function takeHeld(tx: Queryable, rows: readonly Addressed[]): Promise<Takeover> {
  const { rows: holders } = await tx.query<{
    hash: Buffer
    bucket: number
    hwid: string
    isLater: boolean | null
    isOptedOut: boolean | null
  }>(HOLDERS, [
    rows.map(row => addressBucketOf(row.hash)),
    rows.map(row => row.device.appId),
    rows.map(row => row.hash),
    rows.map(row => row.device.at),
    rows.map(row => row.device.isDated),
  ])
  const holderOf = new Map(holders.map(it => [it.hash.toString('latin1'), it]))
  const older: Addressed[] = []
  const fromOptedOut: Addressed[] = []
  const moves: { readonly row: Addressed; readonly bucket: number; readonly hwid: string }[] = []
  for (const row of rows) {
    const holder = holderOf.get(row.hash.toString('latin1'))
    if (holder === undefined || holder.hwid === row.device.hwid) continue
    if (holder.isLater === true) {
      older.push(row)
      continue
    }
    moves.push({ row, bucket: holder.bucket, hwid: holder.hwid })
    if (holder.isOptedOut === true) fromOptedOut.push(row)
  }
  if (moves.length > 0)
    await tx.query(MOVE, [
      moves.map(it => addressBucketOf(it.row.hash)),
      moves.map(it => it.row.device.appId),
      moves.map(it => it.row.hash),
      moves.map(it => it.row.bucket),
      moves.map(it => it.row.device.hwid),
      moves.map(it => it.bucket),
      moves.map(it => it.hwid),
      moves.map(it => it.row.device.at),
    ])
  return { older, fromOptedOut }
}

const SUPERSEDE = superseding(KEYS, 'to_timestamp(i.at_ms::float8 / 1000)')

/**
 * R6. Of an address that is active already only the clock moves: no device has called in, so answers to what was sent to
 * it go on to count, and the ledger has nothing to tell. Such a row is known by its `state_since`, which is older.
 */
const REVIVE = `
    on conflict (bucket, app_id, hwid, address_hash) do update
       set state = 'active', reason = null, doubts = 0, doubted_at = null,
           generation = a.generation + case a.state when 'active' then 0 else 1 end,
           keys = coalesce(excluded.keys, a.keys), credential_id = coalesce(excluded.credential_id, a.credential_id),
           last_registered_at = excluded.last_registered_at,
           state_since = case a.state when 'active' then a.state_since else excluded.last_registered_at end,
           ages_from = case a.state when 'active' then a.ages_from else excluded.ages_from end
     where a.state <> 'active' and a.state_since <= excluded.last_registered_at
        or a.state = 'active' and a.last_registered_at < excluded.last_registered_at`

const activateSql = (onConflict: string) => `
  with activated as (
    insert into address as a (bucket, app_id, hwid, kind, address_hash, provider, environment, address, keys,
                              credential_id, state, first_registered_at, last_registered_at, state_since, ages_from)
    select i.bucket, i.app_id, i.hwid, i.kind, i.hash, i.provider, i.environment, i.address, i.keys, i.credential_id,
           'active', to_timestamp(coalesce(i.first_ms, i.at_ms)::float8 / 1000), to_timestamp(i.at_ms::float8 / 1000),
           to_timestamp(i.at_ms::float8 / 1000), $13::timestamptz
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
                  $8::text[], $9::text[], $10::text[], $11::jsonb[], $12::uuid[])
             as i (bucket, app_id, hwid, kind, hash, at_ms, first_ms, provider, environment, address, keys, credential_id)
     order by ${deviceOrder('i')}
    ${onConflict}
    returning a.*, xmax = 0 as is_new
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, last_registered_at, case when is_new then 'registered' else 'restored' end, 'imported',
         provider, environment, kind, right(address, 8), generation
    from activated where is_new or state_since = last_registered_at`

/** Without `on conflict` an insert is cheaper: a device that is new has no address. */
const ACTIVATE = { ofKnown: activateSql(REVIVE), ofNew: activateSql('') }

async function activate(
  tx: Queryable,
  rows: readonly Addressed[],
  { known, now }: { readonly known: ReadonlyMap<string, unknown>; readonly now: number },
): Promise<void> {
  if (rows.length === 0) return
  const isKnown = (row: Addressed) => known.has(row.device.hwid)
  const former = rows.filter(isKnown)
  if (former.length > 0) await tx.query(SUPERSEDE, keysOf(former))
  const others = former.length === 0 ? rows : rows.filter(row => !isKnown(row))
  await insertAddresses(tx, ACTIVATE.ofKnown, { rows: former, now })
  await insertAddresses(tx, ACTIVATE.ofNew, { rows: others, now })
}

async function insertAddresses(
  tx: Queryable,
  sql: string,
  { rows, now }: { readonly rows: readonly Addressed[]; readonly now: number },
): Promise<void> {
  if (rows.length === 0) return
  await tx.query(sql, [
    ...keysOf(rows),
    rows.map(row => row.device.firstSeenAt),
    rows.map(row => row.address.provider),
    rows.map(row => row.address.environment),
    rows.map(row => row.address.address),
    rows.map(row => (row.address.keys === null ? null : JSON.stringify(row.address.keys))),
    rows.map(row => row.device.credentialId),
    new Date(now),
  ])
}
