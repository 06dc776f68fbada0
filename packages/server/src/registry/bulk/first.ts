/**
 * Devices that Roost has never heard of, with addresses that nobody holds: most of what an import brings, and nothing has
 * to be compared or ended for them. One statement stores a thousand of them; its columns are made before the transaction,
 * while PostgreSQL stores other rows.
 */

import { TAGS_BYTES_PER_DEVICE } from '@roost/protocol'
import { bytesArray, plainArray, textArray } from '../../store/array-literals.ts'
import type { Queryable } from '../../store/database.ts'
import { addressBucketOf } from '../buckets.ts'
import { isDenied } from '../register/permission.ts'
import type { Into, Row } from './rows.ts'

const FIRST = `
  with i as materialized (
    select * from unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::integer[],
                         $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::text[],
                         $16::jsonb[], $17::smallint[], $18::bytea[], $19::text[], $20::text[], $21::text[], $22::text[],
                         $23::jsonb[], $24::uuid[]) with ordinality
             as it (bucket, hwid, platform, user_id, tags, language, timezone_seconds, app_version, os_version, device_model,
                    first_ms, open_ms, at_ms, permission, record, address_bucket, hash, kind, provider, environment,
                    address, keys, credential_id, n)
  ), devices as (
    insert into device (bucket, app_id, hwid, platform, user_id, tags, language, timezone_seconds, app_version, os_version,
                        device_model, first_seen_at, last_seen_at, last_open_at, permission, record)
    select bucket, $1::integer, hwid, platform, user_id, tags, language, timezone_seconds, app_version, os_version,
           device_model, to_timestamp(first_ms::float8 / 1000), to_timestamp(at_ms::float8 / 1000),
           to_timestamp(open_ms::float8 / 1000), permission, record
      from i order by bucket, hwid collate "C"
    on conflict do nothing
    returning bucket, hwid
  ), fresh as materialized (
    select i.*, to_timestamp(at_ms::float8 / 1000) as at from i join devices using (bucket, hwid) where hash is not null
  ), held as (
    insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
    select address_bucket, $1::integer, hash, bucket, hwid from fresh order by address_bucket, hash
    on conflict do nothing
    returning address_hash
  ), addresses as (
    insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, keys, credential_id,
                         state, first_registered_at, last_registered_at, state_since, ages_from)
    select bucket, $1::integer, hwid, kind, hash, provider, environment, address, keys, credential_id, 'active',
           to_timestamp(first_ms::float8 / 1000), at, at, $25::timestamptz
      from fresh join held on address_hash = hash
     order by bucket, hwid collate "C"
    returning bucket, hwid, last_registered_at, provider, environment, kind, address, generation
  ), told as (
    insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
    select bucket, $1::integer, hwid, last_registered_at, 'registered', 'imported', provider, environment, kind,
           right(address, 8), generation
      from addresses
  )
  select i.n - 1 as n
    from i left join devices using (bucket, hwid) left join held on held.address_hash = i.hash
   where devices.hwid is null or i.hash is not null and held.address_hash is null`

export interface First {
  /** Those that have to take the long way whatever the database holds. */
  readonly others: readonly Row[]
  readonly rows: readonly Row[]
  readonly columns: readonly string[]
}

/** `rows` name each device and each address once. */
export function prepareFirst(rows: readonly Row[]): First {
  const plain = rows.filter(isPlain)
  return {
    others: plain.length === rows.length ? [] : rows.filter(row => !isPlain(row)),
    rows: plain,
    columns: columnsOf(plain),
  }
}

/** Blanks make the tags longer in PostgreSQL's hands; who has denied needs another entry in the ledger. */
function isPlain({ device, tags }: Row): boolean {
  return tags.length * 2 <= TAGS_BYTES_PER_DEVICE && !isDenied(device.permission)
}

function columnsOf(rows: readonly Row[]): string[] {
  const devices = rows.map(row => row.device)
  return [
    plainArray(rows, row => row.bucket),
    textArray(devices, it => it.hwid),
    textArray(devices, it => it.platform),
    textArray(devices, it => it.userId),
    textArray(rows, row => row.tags),
    textArray(devices, it => it.language),
    plainArray(devices, it => it.timezoneSeconds),
    textArray(devices, it => it.appVersion),
    textArray(devices, it => it.osVersion),
    textArray(devices, it => it.deviceModel),
    plainArray(devices, it => it.firstSeenAt ?? it.at),
    plainArray(devices, it => it.lastOpenAt),
    plainArray(devices, it => it.at),
    textArray(devices, it => it.permission),
    textArray(devices, it => (it.record === null ? '{}' : JSON.stringify(it.record))),
    plainArray(rows, row => (row.hash === null ? null : addressBucketOf(row.hash))),
    bytesArray(rows, row => row.hash),
    textArray(devices, it => it.address?.kind ?? null),
    textArray(devices, it => it.address?.provider ?? null),
    textArray(devices, it => it.address?.environment ?? null),
    textArray(devices, it => it.address?.address ?? null),
    textArray(devices, it => (it.address?.keys == null ? null : JSON.stringify(it.address.keys))),
    textArray(devices, it => it.credentialId),
  ]
}

/** Stores what is new and returns the others. Of a device whose address is held only the device is stored. */
export async function storeFirst(
  tx: Queryable,
  { appId, now }: Into,
  { rows, columns, others }: First,
): Promise<readonly Row[]> {
  if (rows.length === 0) return others
  const left = await tx.query<{ n: number }>(FIRST, [appId, ...columns, new Date(now)])
  return [...left.rows.map(({ n }) => rows[n] as Row), ...others]
}
