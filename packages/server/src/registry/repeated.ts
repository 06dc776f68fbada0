/**
 * Registrations that say what is stored already: nearly all, since an app registers at each of its starts. One statement
 * moves their clocks on, and nothing else is asked or locked for them.
 *
 * R0: the generation grows, as with any registration, so that answers to earlier sends decide nothing. The address is
 * active and stays so, so its device holds it: whoever takes it over ends it under the same lock of its row (R3). What
 * is not exactly as the call says comes back, and takes the long way.
 */
import type { Queryable } from '../store/database.ts'
import type { NewAddress } from './address.ts'
import { addressHash, bucketOf } from './buckets.ts'
import type { DeviceUpdate } from './register.ts'

/**
 * No index has any of the columns that are set, so both rows can stay on their pages (HOT). Values are asked of the
 * address, and not whether there is one: `exists` became a join that read the whole of a table without statistics.
 */
const REPEAT = `
  with i as (
    select * from unnest($1::integer[], $2::smallint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::integer[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::boolean[],
                         $14::bigint[], $15::text[], $16::jsonb[], $17::bytea[], $18::text[], $19::jsonb[], $20::uuid[])
                    as it (n, bucket, app_id, hwid, platform, user_id, language, timezone_seconds, app_version,
                           os_version, device_model, at, is_open, client_seq, permission, record, hash, kind, keys,
                           credential_id)
  ), same as (
    update device d
       set last_seen_at = greatest(i.at, d.last_seen_at),
           last_open_at = case when i.is_open then greatest(i.at, d.last_open_at) else d.last_open_at end,
           client_seq = greatest(i.client_seq, d.client_seq)
      from i
     where d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
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
       and (select a.state = 'active' and not a.opted_out and a.keys is not distinct from i.keys
                   and (i.credential_id is null or i.credential_id = a.credential_id)
              from address a
             where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.address_hash = i.hash)
       and (select count(*) from address a
             where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.kind = i.kind
               and a.address_hash <> i.hash and a.state in ('suspect', 'quarantined')) = 0
    returning i.n, i.bucket, i.app_id, i.hwid, i.hash, i.at
  )
  update address a
     set generation = a.generation + 1, doubts = 0, doubted_at = null,
         last_registered_at = greatest(same.at, a.last_registered_at)
    from same
   where a.bucket = same.bucket and a.app_id = same.app_id and a.hwid = same.hwid and a.address_hash = same.hash
     and a.state = 'active' and not a.opted_out
  returning same.n`

type Registering = DeviceUpdate & { readonly address: NewAddress }

/** Returns those that are done; the others still have to be stored. */
export async function repeatRegistrations(
  tx: Queryable,
  updates: readonly DeviceUpdate[],
): Promise<ReadonlySet<DeviceUpdate>> {
  const plain = updates.filter(isPlain).sort(byDevice)
  if (plain.length === 0) return new Set()
  const { rows } = await tx.query<{ n: number }>(REPEAT, [
    plain.map((_, n) => n),
    plain.map(it => bucketOf(it.hwid)),
    plain.map(it => it.appId),
    plain.map(it => it.hwid),
    plain.map(it => it.platform),
    plain.map(it => it.userId),
    plain.map(it => it.language),
    plain.map(it => it.timezoneSeconds),
    plain.map(it => it.appVersion),
    plain.map(it => it.osVersion),
    plain.map(it => it.deviceModel),
    plain.map(it => new Date(it.at)),
    plain.map(it => it.isOpen),
    plain.map(it => it.clientSeq),
    plain.map(it => it.permission),
    plain.map(it => JSON.stringify(it.record ?? {})),
    plain.map(it => addressHash(it.address)),
    plain.map(it => it.address.kind),
    plain.map(it => (it.address.keys === null ? null : JSON.stringify(it.address.keys))),
    plain.map(it => it.credentialId),
  ])
  return new Set(rows.map(({ n }) => plain[n] as DeviceUpdate))
}

/** What tags come to depends on those that are stored, so they take the long way. */
function isPlain(it: DeviceUpdate): it is Registering {
  const hasTags = it.tagOperations.length > 0 || Object.keys(it.tags ?? {}).length > 0
  return it.address !== null && !it.isLogout && !it.isUnregister && !hasTags
}

/** The order in which rows are locked everywhere. */
function byDevice(a: DeviceUpdate, b: DeviceUpdate): number {
  return bucketOf(a.hwid) - bucketOf(b.hwid) || a.appId - b.appId || (a.hwid < b.hwid ? -1 : 1)
}
