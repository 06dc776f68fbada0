/**
 * What is on record of one device now, for the rules to go by. All by primary key or by an index of few rows: at ten million
 * devices as fast as at ten.
 */
import type { LedgerEntry } from '@roost/protocol'
import { partOf } from '../../../dispatch/scope.ts'
import { readPolicy } from '../../../hygiene/policy.ts'
import { readAppRules } from '../../../messages/app-rules.ts'
import { PROVIDER_OF } from '../../../registry/address.ts'
import { addressBucketOf, addressHash, bucketOf } from '../../../registry/buckets.ts'
import { hashesOfToken } from '../../../registry/token-holders.ts'
import type { Queryable } from '../../../store/database.ts'
import { readMinimums } from '../../integration/features.ts'
import type { AddressFacts, AppFacts, CredentialFacts, DeviceFacts, Facts } from '../facts.ts'
import { isLiving, LEDGER_ENTRIES } from '../standing.ts'

export interface DeviceKey {
  readonly appId: number
  readonly hwid: string
}

/** An event of this name, posted by the app, says that the system told it so (Android: `onDeletedMessages`). */
const MESSAGES_DELETED = 'messages_deleted'
/** The tag by which a device opts out: a category, or a list of them. */
const OPT_OUT_TAG = 'optedOut'

const DEVICE = `
  select d.hwid, d.platform, d.user_id as "userId", d.app_version as "appVersion", d.os_version as "osVersion",
         d.timezone_seconds as "timezoneSeconds", d.permission, d.tags, jsonb_strip_nulls(d.record) as record,
         d.first_seen_at as "firstSeenAt", d.last_seen_at as "lastSeenAt", d.last_open_at as "lastOpenAt",
         greatest(d.last_seen_at, d.told_at) as "lastToldAt",
         (select max(r.at) from receipt r
           where r.bucket = $1 and r.app_id = $2 and r.hwid = $3) as "lastReceiptAt", -- the index receipt_of_device
         (select e.last_at from device_event e
           where e.bucket = $1 and e.app_id = $2 and e.hwid = $3 and e.name = '${MESSAGES_DELETED}') as "messagesDeletedAt",
         case when d.user_id is null then coalesce(jsonb_build_array(d.tags -> '${OPT_OUT_TAG}'), '[]')
              else (select coalesce(jsonb_agg(o.tags -> '${OPT_OUT_TAG}'), '[]') from device o
                     where o.app_id = $2 and o.user_id = d.user_id and o.tags ? '${OPT_OUT_TAG}') end as "optedOut"
    from device d where d.bucket = $1 and d.app_id = $2 and d.hwid = $3`

export async function readDeviceFacts(
  db: Queryable,
  { appId, hwid }: DeviceKey,
): Promise<DeviceFacts | null> {
  type Row = Omit<DeviceFacts, 'optedOutOf'> & { readonly optedOut: readonly unknown[] }
  const { rows } = await db.query<Row>(DEVICE, [bucketOf(hwid), appId, hwid])
  const [row] = rows
  if (row === undefined) return null
  const { optedOut, ...device } = row
  const names = optedOut.flat().filter(it => typeof it === 'string')
  return { ...device, optedOutOf: [...new Set(names)] }
}

interface AddressRow extends Omit<AddressFacts, 'part' | 'addressEnd' | 'isVoipToken'> {
  readonly kind: string
  readonly address: string
}

/** Those that are sent to first, then the one that ended last. */
const ADDRESSES = `
  select kind, provider, environment, address, state, reason, state_since as "stateSince",
         first_registered_at as "firstRegisteredAt", last_registered_at as "lastRegisteredAt",
         last_accepted_at as "acceptedAt", opted_out as "isOptedOut",
         case when held_generation = generation then held_by end as "heldBy", credential_id as "credentialId",
         expires_at as "expiresAt"
    from address
   where bucket = $1 and app_id = $2 and hwid = $3 and kind in ('alert', 'voip')
   order by (state in ('active', 'suspect')) desc, state_since desc, (state = 'superseded') limit 50`

export interface Addresses {
  readonly asked: AddressFacts | null
  readonly alert: AddressFacts | null
  readonly voip: AddressFacts | null
}

export async function readAddresses(
  db: Queryable,
  key: DeviceKey & { readonly token: string | null },
): Promise<Addresses> {
  const { rows } = await db.query<AddressRow>(ADDRESSES, [bucketOf(key.hwid), key.appId, key.hwid])
  const voipTokens = new Set(rows.filter(it => it.kind === 'voip').map(it => it.address))
  const factsOf = ({ kind: _, address, ...row }: AddressRow): AddressFacts => ({
    ...row,
    part: partOf({ ...row, address, keys: null }),
    addressEnd: address.slice(-8),
    isVoipToken: voipTokens.has(address),
  })
  const alert = rows.find(it => it.kind === 'alert')
  const voip = rows.find(it => it.kind === 'voip' && isLiving(it))
  const asked = key.token === null ? undefined : rows.find(it => isToken(it, key.token ?? ''))
  return {
    asked: asked === undefined || asked === alert ? null : factsOf(asked),
    alert: alert === undefined ? null : factsOf(alert),
    voip: voip === undefined ? null : factsOf(voip),
  }
}

function isToken(row: AddressRow, token: string): boolean {
  const hash = addressHash(row)
  return hashesOfToken(token).some(it => it.equals(hash))
}

const LEDGER = `
  select at, event, reason, provider, nullif(environment, '') as environment, kind, address_end as "addressEnd",
         generation, evidence
    from ledger where bucket = $1 and app_id = $2 and hwid = $3 order by id desc limit ${LEDGER_ENTRIES}`

export async function readNewestLedger(db: Queryable, { appId, hwid }: DeviceKey): Promise<LedgerEntry[]> {
  return (await db.query<LedgerEntry>(LEDGER, [bucketOf(hwid), appId, hwid])).rows
}

/** Newest first, as one is chosen for sending. */
const CREDENTIALS = `
  select c.id, c.gateway, c.kind, c.environments, c.settings, c.expires_at as "expiresAt", c.checks,
         coalesce(c.updated_at, c.created_at) as "updatedAt",
         (select coalesce(json_agg(json_build_object('part', p.part, 'reason', p.reason, 'at', p.at) order by p.part), '[]')
            from credential_pause p where p.credential_id = c.id and p.version = c.version) as pauses
    from credential c where c.app_id = $1 and c.gateway = $2 order by c.created_at desc, c.id desc`

/** Of the gateway that the device has an address at, or would have. */
export async function readCredentials(
  db: Queryable,
  {
    appId,
    address,
    device,
  }: { readonly appId: number; readonly address: AddressFacts | null; readonly device: DeviceFacts | null },
): Promise<CredentialFacts[]> {
  const gateway = address?.provider ?? (device?.platform ? PROVIDER_OF[device.platform] : undefined)
  if (gateway === undefined) return []
  return (await db.query<CredentialFacts>(CREDENTIALS, [appId, gateway])).rows
}

export async function readAppFacts(db: Queryable, appId: number): Promise<AppFacts> {
  return {
    rules: await readAppRules(db, appId),
    addresses: await readPolicy(db, appId),
    minimums: await readMinimums(db, appId),
  }
}

const OTHER_APPS = 10

/** By the primary keys of device and of address_directory, and by device_of_user. Who runs more apps than these is told of some. */
const KNOWN_ELSEWHERE = `
  select o.code from app o
   where o.id <> $1
     and (exists (select from device d where d.bucket = $2 and d.app_id = o.id and d.hwid = $3)
       or exists (select from device d where d.app_id = o.id and d.user_id = $4)
       or exists (select from unnest($5::smallint[], $6::bytea[]) as i (bucket, hash)
                    join address_directory h on h.address_bucket = i.bucket and h.app_id = o.id and h.address_hash = i.hash))
   order by o.id limit ${OTHER_APPS}`

export interface AskedName {
  readonly appId: number
  readonly hwid: string | null
  readonly user: string | null
  readonly token: string | null
}

/** Codes of apps that know this name. */
export async function readOtherApps(db: Queryable, asked: AskedName): Promise<string[]> {
  const hashes = asked.token === null ? [] : hashesOfToken(asked.token)
  const { rows } = await db.query<{ code: string }>(KNOWN_ELSEWHERE, [
    asked.appId,
    bucketOf(asked.hwid ?? ''),
    asked.hwid,
    asked.user,
    hashes.map(addressBucketOf),
    hashes,
  ])
  return rows.map(row => row.code)
}

const CAPPED_AT = `
  select array(select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from unnest(used_at) as at order by at) as at
    from device_cap where bucket = $1 and app_id = $2 and hwid = $3`

export async function readCappedAt(db: Queryable, { appId, hwid }: DeviceKey): Promise<readonly string[]> {
  const { rows } = await db.query<{ at: string[] }>(CAPPED_AT, [bucketOf(hwid), appId, hwid])
  return rows[0]?.at ?? []
}

/** Facts of what is not known. */
export function nothingKnown(
  app: AppFacts,
  { asked, otherApps, at }: Pick<Facts, 'asked' | 'otherApps' | 'at'>,
): Facts {
  return {
    at,
    app,
    asked,
    otherApps,
    device: null,
    askedAddress: null,
    address: null,
    voip: null,
    ledger: [],
    credentials: [],
    cappedAt: [],
    lately: [],
    waiting: [],
    message: null,
  }
}
