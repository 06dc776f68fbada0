/**
 * Plain registrations: of devices that say what is stored already (nearly all, since an app registers at each of its
 * starts), and of devices that were never seen, with an address that nobody holds. One statement stores both; whatever
 * is otherwise comes back, and takes the long way, which finds it as it is then: untouched, with its clocks moved on, or
 * (a new device whose address somebody holds) with a device that has no address yet.
 *
 * R0: the generation grows, as with any registration, so that answers to earlier sends decide nothing. The address of
 * one that repeats is active and stays so, so its device holds it: whoever takes it over ends it under the same lock of
 * its row (R3). A new device's row is inserted first, and whoever does the same waits for it, so it has no address yet;
 * and nobody else can come to hold the address once its row in the directory is there.
 */

import { bytesArray, jsonArray, plainArray, textArray, timesArray } from '../../store/array-literals.ts'
import type { Database, PlannedStatement } from '../../store/database.ts'
import type { NewAddress } from '../address.ts'
import { addressBucketOf, addressHash, bucketOf } from '../buckets.ts'
import { byDeviceKey } from '../lock-order.ts'
import { isDenied } from './permission.ts'
import type { DeviceUpdate } from './update.ts'

/**
 * No index has any of the columns that are updated, so both rows can stay on their pages (HOT).
 *
 * Its parts lock in the order of lock-order.ts: `fresh`, `same`, `held`, `refreshed`, each after the one before it has been
 * counted, and each in the order of its rows, which for devices is that of `i`. A known device is found by key once, and
 * again by its place (`ctid`), which another transaction may have changed meanwhile: then all is compared with what it has
 * become, or the row is left to the long way.
 *
 * It is planned once, maybe while the tables are empty, so it must leave no choice: rows of the tables are found by key or
 * place only (the `coalesce` keeps the index of addresses that are sent to out of question), and parts of the statement are
 * compared by `in (select …) is true`, which hashes whatever the planner expects.
 */
export const STORE_PLAIN: PlannedStatement = {
  name: 'store_plain_registrations',
  text: `
  with i as (
    select * from rows from (unnest($1::integer[]), unnest($2::smallint[]), unnest($3::integer[]), unnest($4::text[]),
                             unnest($5::text[]), unnest($6::text[]), unnest($7::text[]), unnest($8::integer[]),
                             unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::timestamptz[]),
                             unnest($13::boolean[]), unnest($14::bigint[]), unnest($15::text[]), unnest($16::jsonb[]),
                             unnest($17::bytea[]), unnest($18::text[]), unnest($19::jsonb[]), unnest($20::uuid[]),
                             unnest($21::text[]), unnest($22::text[]), unnest($23::text[]), unnest($24::smallint[]),
                             unnest($25::boolean[]))
                    as it (n, bucket, app_id, hwid,
                           platform, user_id, language, timezone_seconds,
                           app_version, os_version, device_model, at,
                           is_open, client_seq, permission, record,
                           hash, kind, keys, credential_id,
                           provider, environment, address, address_bucket,
                           is_call)
  ), met as (
    select i.*, d.ctid as place
      from i left join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
  ), fresh as (
    insert into device (bucket, app_id, hwid, platform, user_id, language, timezone_seconds, app_version, os_version,
                        device_model, first_seen_at, last_seen_at, last_open_at, client_seq, permission, record)
    select i.bucket, i.app_id, i.hwid, i.platform, i.user_id, i.language, i.timezone_seconds, i.app_version,
           i.os_version, i.device_model, i.at, i.at, case when i.is_open then i.at end, i.client_seq, i.permission,
           jsonb_strip_nulls(i.record)
      from met i
     where i.place is null
    on conflict do nothing
    returning app_id, hwid
  ), same as (
    update device d
       set last_seen_at = case when i.is_call then greatest(i.at, d.last_seen_at) else d.last_seen_at end,
           told_at = case when i.is_call then d.told_at else greatest(i.at, d.told_at) end,
           last_open_at = case when i.is_open then greatest(i.at, d.last_open_at) else d.last_open_at end,
           client_seq = greatest(i.client_seq, d.client_seq)
      from met i
     where d.ctid = i.place
       and (select count(*) from fresh) is not null
       and (i.client_seq is null or d.client_seq is null or i.client_seq >= d.client_seq)
       and (i.platform is null or i.platform = d.platform)
       and (i.user_id is null or i.user_id = d.user_id)
       and (i.language is null or i.language = d.language)
       and (i.timezone_seconds is null or i.timezone_seconds = d.timezone_seconds)
       and (i.app_version is null or i.app_version = d.app_version)
       and (i.os_version is null or i.os_version = d.os_version)
       and (i.device_model is null or i.device_model = d.device_model)
       and (i.permission is null or i.permission = d.permission)
       and coalesce(d.permission not in ('denied', 'not_determined'), true)
       and (i.record = '{}' or jsonb_strip_nulls(d.record || i.record) = d.record)
       and (select bool_or(a.address_hash = i.hash and a.state = 'active' and not a.opted_out
                           and a.keys is not distinct from i.keys
                           and (i.credential_id is null or a.credential_id = i.credential_id))
                   and not bool_or(a.kind = i.kind and a.address_hash <> i.hash
                                   and a.state in ('suspect', 'quarantined'))
              from address a
             where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid)
    returning i.n, i.bucket, i.app_id, i.hwid, i.hash, i.at
  ), held as (
    insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
    select i.address_bucket, i.app_id, i.hash, i.bucket, i.hwid
      from met i
     where (i.app_id, i.hwid) in (select app_id, hwid from fresh) is true
       and (select count(*) from same) is not null
     order by i.address_bucket, i.app_id, i.hash
    on conflict do nothing
    returning app_id, hwid
  ), refreshed as (
    update address a
       set generation = a.generation + 1, doubts = 0, doubted_at = null,
           last_registered_at = greatest(same.at, a.last_registered_at)
      from same
     where (select count(*) from held) is not null
       and a.bucket = same.bucket and a.app_id = same.app_id and a.hwid = same.hwid and a.address_hash = same.hash
       and coalesce(a.state = 'active' and not a.opted_out, false)
    returning same.n
  ), begun as (
    insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, keys,
                         credential_id, state, first_registered_at, last_registered_at, state_since)
    select i.bucket, i.app_id, i.hwid, i.kind, i.hash, i.provider, i.environment, i.address, i.keys,
           i.credential_id, 'active', i.at, i.at, i.at
      from met i
     where (i.app_id, i.hwid) in (select app_id, hwid from held) is true
    returning bucket, app_id, hwid, state_since, provider, environment, kind, address, generation
  ), told as (
    insert into ledger (bucket, app_id, hwid, at, event, provider, environment, kind, address_end, generation)
    select bucket, app_id, hwid, state_since, 'registered', provider, environment, kind, right(address, 8), generation
      from begun
  )
  select i.n
    from met i
   where i.n in (select n from refreshed) is not true
     and (i.app_id, i.hwid) in (select app_id, hwid from held) is not true`,
}

type Registering = DeviceUpdate & { readonly address: NewAddress }

/** Returns those that still have to be stored, the others are committed. */
export async function storePlain(
  db: Database,
  updates: readonly DeviceUpdate[],
): Promise<readonly DeviceUpdate[]> {
  const plain = updates.filter(isPlain)
  if (plain.length === 0) return updates
  const rows = plain.map(placed).sort(byDeviceKey)
  const answer = await db.once<{ n: number }>(STORE_PLAIN, columnsOf(rows))
  if (plain.length === updates.length) return answer.rows.map(({ n }) => (rows[n] as Placed).update)
  const left = new Set<DeviceUpdate>(answer.rows.map(({ n }) => (rows[n] as Placed).update))
  return updates.filter(it => !isPlain(it) || left.has(it))
}

/** What tags come to depends on those that are stored, and what is opted out has more to it: they take the long way. */
function isPlain(it: DeviceUpdate): it is Registering {
  return (
    it.address !== null &&
    !it.isLogout &&
    !it.isUnregister &&
    it.tagOperations.length === 0 &&
    Object.keys(it.tags ?? {}).length === 0 &&
    !isDenied(it.permission)
  )
}

interface Placed {
  readonly update: Registering
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
  readonly hash: Buffer
}

function placed(update: Registering): Placed {
  const { appId, hwid, address } = update
  return { update, bucket: bucketOf(hwid), appId, hwid, hash: addressHash(address) }
}

function columnsOf(rows: readonly Placed[]): string[] {
  return [
    plainArray(rows, (_, n) => n),
    plainArray(rows, it => it.bucket),
    plainArray(rows, it => it.appId),
    textArray(rows, it => it.hwid),
    textArray(rows, it => it.update.platform),
    textArray(rows, it => it.update.userId),
    textArray(rows, it => it.update.language),
    plainArray(rows, it => it.update.timezoneSeconds),
    textArray(rows, it => it.update.appVersion),
    textArray(rows, it => it.update.osVersion),
    textArray(rows, it => it.update.deviceModel),
    timesArray(rows, it => it.update.at),
    plainArray(rows, it => it.update.isOpen),
    plainArray(rows, it => it.update.clientSeq),
    textArray(rows, it => it.update.permission),
    jsonArray(rows, it => it.update.record ?? {}),
    bytesArray(rows, it => it.hash),
    textArray(rows, it => it.update.address.kind),
    jsonArray(rows, it => it.update.address.keys),
    plainArray(rows, it => it.update.credentialId),
    textArray(rows, it => it.update.address.provider),
    textArray(rows, it => it.update.address.environment),
    textArray(rows, it => it.update.address.address),
    plainArray(rows, it => addressBucketOf(it.hash)),
    plainArray(rows, it => it.update.isCall),
  ]
}
