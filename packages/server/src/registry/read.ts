/** Reading devices: one with its addresses, its ledger, and those whose environment is another than they say. */
import { type AddressView, type DeviceView, type LedgerEntry, PushError } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { bucketOf } from './buckets.ts'
import { defaultTagsOf } from './tags/default-tags.ts'

interface DeviceKey {
  readonly appId: number
  readonly hwid: string
}

const DEVICE = `
  select hwid, platform, user_id as "userId", jsonb_strip_nulls(tags) as tags, language,
         app_version as "appVersion", os_version as "osVersion", device_model as "deviceModel",
         timezone_seconds as "timezoneSeconds", permission, jsonb_strip_nulls(record) as record,
         exists (select from test_device t where t.bucket = $1 and t.app_id = $2 and t.hwid = $3) as "isTestDevice",
         coalesce(permission in ('denied', 'not_determined'), false) as "isOptedOut", -- as isDenied has it
         first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt", last_open_at as "lastOpenAt"
    from device where bucket = $1 and app_id = $2 and hwid = $3`

const ADDRESSES = `
  select kind, provider, nullif(environment, '') as environment, state, reason, state_since as since, generation,
         right(address, 8) as "addressEnd"
    from address where bucket = $1 and app_id = $2 and hwid = $3
   order by (state in ('active', 'suspect')) desc, state_since desc`

/** Throws `device_unknown`. */
export async function readDevice(db: Queryable, key: DeviceKey): Promise<DeviceView> {
  const values = [bucketOf(key.hwid), key.appId, key.hwid]
  const [devices, addresses] = await Promise.all([
    db.query<Omit<DeviceView, 'addresses' | 'defaultTags'>>(DEVICE, values),
    db.query<AddressView>(ADDRESSES, values),
  ])
  const device = devices.rows[0]
  if (device === undefined) throw new PushError('device_unknown', `this app has no device "${key.hwid}"`)
  return { ...device, defaultTags: defaultTagsOf(device), addresses: addresses.rows }
}

const LEDGER = `
  select at, event, reason, provider, nullif(environment, '') as environment, kind, address_end as "addressEnd",
         generation, evidence
    from ledger where bucket = $1 and app_id = $2 and hwid = $3 order by id`

/** Oldest entry first; empty for a device that never had an address. */
export async function readLedger(db: Queryable, key: DeviceKey): Promise<LedgerEntry[]> {
  return (await db.query<LedgerEntry>(LEDGER, [bucketOf(key.hwid), key.appId, key.hwid])).rows
}

/**
 * The newest address of each device tells its state: the one that is sent to if there is one, else the last
 * that ended. `none` = never had one; `unregistered` = asked to be left alone.
 */
export const STATE_OF_DEVICE = `
  left join lateral (
    select case when reason = 'unregistered' then 'unregistered' else state end as state, reason
      from address a
     where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = 'alert'
     order by (state in ('active', 'suspect')) desc, state_since desc
     limit 1) newest on true`

export interface EnvironmentMismatch {
  readonly hwid: string
  /** The environment that the device reported. */
  readonly from: string
  /** The one in which its token was accepted; null when it was accepted in neither. */
  readonly to: string | null
  readonly state: 'corrected' | 'quarantined'
  readonly at: string
  readonly addressEnd: string
  readonly appVersion: string | null
}

/** Uses the index address_wrong_environment. */
const ENVIRONMENT_MISMATCHES = `
  select a.hwid, a.environment as "from",
         case when a.state = 'superseded' then case a.environment when 'production' then 'sandbox' else 'production' end
         end as "to",
         case when a.state = 'superseded' then 'corrected' else 'quarantined' end as state,
         a.state_since as at, right(a.address, 8) as "addressEnd", d.app_version as "appVersion",
         to_char(a.state_since at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place
    from address a
    left join device d on d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid
   where a.app_id = $1
     and (a.state = 'superseded' and a.reason = 'environment_corrected'
       or a.state = 'quarantined' and a.reason = 'BadDeviceToken')
     and ($2::timestamptz is null or (a.state_since, a.bucket, a.hwid) < ($2, $3::smallint, $4::text))
   order by a.state_since desc, a.bucket desc, a.hwid desc
   limit $5`

/**
 * Devices whose token belongs to another environment than they report, newest first. `after` is the `next` of the page
 * before; `next` is null on the last one. Throws `input_invalid` for another text.
 */
export async function listEnvironmentMismatches(
  db: Queryable,
  query: { readonly appId: number; readonly limit: number; readonly after: string },
): Promise<{ devices: EnvironmentMismatch[]; next: string | null }> {
  const after = query.after === '' ? null : readPlace(query.after)
  const { rows } = await db.query<EnvironmentMismatch & { place: string }>(ENVIRONMENT_MISMATCHES, [
    query.appId,
    after?.at ?? null,
    after === null ? null : bucketOf(after.hwid),
    after?.hwid ?? null,
    query.limit + 1,
  ])
  const page = rows.slice(0, query.limit)
  const last = rows.length > query.limit ? page.at(-1) : undefined
  return {
    devices: page.map(({ place: _, ...device }) => device),
    next: last === undefined ? null : `${last.place} ${last.hwid}`,
  }
}

/** In microseconds, as PostgreSQL compares; a Date would cut them off and show a device twice. */
function readPlace(text: string): { readonly at: string; readonly hwid: string } {
  const [, at, hwid] = /^((?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (.+)$/s.exec(text) ?? []
  if (at === undefined || hwid === undefined || Number.isNaN(Date.parse(at)))
    throw new PushError('input_invalid', 'after is none of the values that were given as next')
  return { at, hwid }
}
