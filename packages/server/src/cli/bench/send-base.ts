/**
 * The devices of `roost bench send`: half of them iPhones, half Androids, with push tokens that the stand-ins issued, since
 * a stand-in takes no others. The rows are those that registrations leave behind; the ledger, which sending does not read,
 * begins with the campaign.
 */
import type { Provider } from '@roost/protocol'
import type { Simulator } from '@roost/simulator'
import { addressBucketOf, addressHash, bucketOf } from '../../registry/buckets.ts'
import type { Database } from '../../store/database.ts'
import { hwidOf, userOf } from './device-calls.ts'

const ROWS_PER_STATEMENT = 5000

const FILL = `
  with i as (
    select * from unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::bytea[], $8::text[],
                         $9::text[])
                    as it (bucket, hwid, user_id, token, address_bucket, hash, provider, environment)
  ), devices as (
    insert into device (bucket, app_id, hwid, platform, user_id, tags, language, timezone_seconds, app_version,
                        os_version, first_seen_at, last_seen_at)
    select bucket, $1, hwid, case provider when 'apns' then 'ios' else 'android' end, user_id,
           jsonb_build_object('name', 'Ada of ' || user_id), 'en', 3600, '4.12.1', '18.1', now(), now()
      from i
  ), holders as (
    insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
    select address_bucket, $1, hash, bucket, hwid from i
  )
  insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state,
                       first_registered_at, last_registered_at, state_since)
  select bucket, $1, hwid, 'alert', hash, provider, environment, token, 'active', at, at, at
    from i, (select now() - interval '1 hour' as at) t`

export interface SendBase {
  readonly db: Database
  readonly appId: number
  readonly simulator: Simulator
  readonly bundleId: string
  readonly projectId: string
  readonly devices: number
  /** Percent of the tokens that are dead when they are sent to. */
  readonly deadPercent: number
  /** Default: half of them. */
  readonly isAllApple?: boolean
}

interface BenchDevice {
  readonly n: number
  readonly provider: Extract<Provider, 'apns' | 'fcm'>
  readonly token: string
}

/** Device 0 is alive. */
export async function fillSendBase(base: SendBase, onProgress: (done: number) => void): Promise<void> {
  const { db, appId, devices: count } = base
  for (let first = 0; first < count; first += ROWS_PER_STATEMENT) {
    const size = Math.min(ROWS_PER_STATEMENT, count - first)
    const devices = Array.from({ length: size }, (_, i) => deviceOf(base, first + i))
    const hashes = devices.map(hashOf)
    await db.query(FILL, [
      appId,
      devices.map(it => bucketOf(hwidOf(it.n))),
      devices.map(it => hwidOf(it.n)),
      devices.map(it => userOf(it.n)),
      devices.map(it => it.token),
      hashes.map(addressBucketOf),
      hashes,
      devices.map(it => it.provider),
      devices.map(environmentOf),
    ])
    onProgress(first + size)
  }
  await db.query('vacuum analyze device, address, address_directory')
}

function deviceOf(
  { simulator, bundleId, projectId, deadPercent, isAllApple = false }: SendBase,
  n: number,
): BenchDevice {
  // Evenly spread, and as many of each gateway: pairs of neighbours die together.
  const isDead =
    Math.floor(((n >> 1) * deadPercent) / 100) !== Math.floor((((n >> 1) + 1) * deadPercent) / 100) && n > 1
  if (isAllApple || n % 2 === 0) {
    const token = simulator.apns.issueToken({ bundleId, environment: 'production' })
    if (isDead) simulator.apns.killToken(token)
    return { n, provider: 'apns', token }
  }
  const token = simulator.fcm.issueToken({ projectId })
  if (isDead) simulator.fcm.killToken(token)
  return { n, provider: 'fcm', token }
}

function environmentOf({ provider }: BenchDevice): string {
  return provider === 'apns' ? 'production' : ''
}

function hashOf(device: BenchDevice): Buffer {
  const { provider, token: address } = device
  return addressHash({ provider, environment: environmentOf(device), kind: 'alert', address })
}
