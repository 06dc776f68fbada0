/**
 * A base of a given size for `roost bench register`, and how long it takes to find one of it.
 *
 * It is filled by SQL with the rows that registrations leave behind: calling for ten million devices would take as long
 * as the server takes to answer them. The one who asks waits for each answer, as somebody does who looks a device up.
 */
import { Agent, request } from 'node:http'
import { addressBucketOf, addressHash, bucketOf } from '../../registry/buckets.ts'
import type { Database } from '../../store/database.ts'
import { hwidOf, tokenOf, userOf } from './device-calls.ts'
import { percentile } from './device-load.ts'

const ROWS_PER_STATEMENT = 5000
const LOOK_UPS = 1000

const FILL = `
  with i as (
    select * from unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::bytea[])
                    as it (bucket, hwid, user_id, token, address_bucket, hash)
  ), devices as (
    insert into device (bucket, app_id, hwid, platform, user_id, language, timezone_seconds, app_version, os_version,
                        device_model, first_seen_at, last_seen_at)
    select bucket, $1, hwid, 'ios', user_id, 'en', 3600, '4.12.1', '18.1', 'iPhone 15 Pro', now(), now() from i
  ), holders as (
    insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
    select address_bucket, $1, hash, bucket, hwid from i
  ), entries as (
    insert into ledger (bucket, app_id, hwid, at, event, provider, environment, kind, address_end, generation)
    select bucket, $1, hwid, now(), 'registered', 'apns', 'production', 'alert', right(token, 8), 1 from i
  )
  insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state,
                       first_registered_at, last_registered_at, state_since)
  select bucket, $1, hwid, 'alert', hash, 'apns', 'production', token, 'active', now(), now(), now() from i`

/** Devices 0 … `count` - 1 of the app, as they would have registered. */
export async function fillBase(
  db: Database,
  { appId, count }: { readonly appId: number; readonly count: number },
  onProgress: (done: number) => void,
): Promise<void> {
  for (let first = 0; first < count; first += ROWS_PER_STATEMENT) {
    const size = Math.min(ROWS_PER_STATEMENT, count - first)
    const numbers = Array.from({ length: size }, (_, i) => first + i)
    const hashes = numbers.map(hashOf)
    await db.query(FILL, [
      appId,
      numbers.map(n => bucketOf(hwidOf(n))),
      numbers.map(hwidOf),
      numbers.map(userOf),
      numbers.map(tokenOf),
      hashes.map(addressBucketOf),
      hashes,
    ])
    onProgress(first + size)
  }
  await db.query('vacuum analyze device, address, address_directory, ledger')
}

function hashOf(n: number): Buffer {
  return addressHash({
    provider: 'apns',
    environment: 'production',
    kind: 'alert',
    address: tokenOf(n),
  })
}

export interface LookUp {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface LookUps {
  /** GET …/devices/{hwid}. */
  readonly hwid: LookUp
  /** GET …/users/{user}. */
  readonly user: LookUp
  /** By the primary key of the directory; the statement alone, without HTTP. */
  readonly token: LookUp
}

export interface LookUpOptions {
  readonly db: Database
  readonly url: string
  readonly app: string
  readonly serverToken: string
  readonly appId: number
  /** Devices 0 … `devices` - 1 are there. */
  readonly devices: number
}

/** A thousand of each kind, one at a time, spread over the base. */
export async function lookUp(options: LookUpOptions): Promise<LookUps> {
  const { url, app, serverToken: token, devices } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const get = (path: string) => getOk({ url: `${url}/v1/apps/${app}/${path}`, token, agent })
  try {
    return {
      hwid: await timed(devices, n => get(`devices/${hwidOf(n)}`)),
      user: await timed(devices, n => get(`users/${userOf(n)}`)),
      token: await timed(devices, n => findHolder(options, n)),
    }
  } finally {
    agent.destroy()
  }
}

async function timed(devices: number, ask: (n: number) => Promise<void>): Promise<LookUp> {
  const times = new Float64Array(LOOK_UPS)
  // The first ones find neither code nor pages warm; they are what nobody waits for twice.
  for (let i = 0; i < LOOK_UPS / 10; i++) await ask(placeOf(i, devices))
  for (let i = 0; i < LOOK_UPS; i++) {
    const at = performance.now()
    await ask(placeOf(i + LOOK_UPS, devices))
    times[i] = performance.now() - at
  }
  return { p50Ms: round(percentile(times, 0.5)), p99Ms: round(percentile(times, 0.99)) }
}

/** Spread by the golden ratio, the same in each run. */
function placeOf(i: number, devices: number): number {
  return Math.floor(((i * 0.618_033_988_75) % 1) * devices)
}

function round(ms: number): number {
  return Number(ms.toFixed(2))
}

const HOLDER = `
  select h.hwid, d.user_id
    from address_directory h
    join device d on d.bucket = h.bucket and d.app_id = h.app_id and d.hwid = h.hwid
   where h.address_bucket = $1 and h.app_id = $2 and h.address_hash = $3`

async function findHolder({ db, appId }: LookUpOptions, n: number): Promise<void> {
  const hash = hashOf(n)
  const { rowCount } = await db.query(HOLDER, [addressBucketOf(hash), appId, hash])
  if (rowCount !== 1) throw new Error(`${rowCount} devices hold the token of device ${n}`)
}

interface Get {
  readonly url: string
  readonly token: string
  readonly agent: Agent
}

/** Rejects when it is not answered 200. */
function getOk({ url, token, agent }: Get): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent, headers: { authorization: `Bearer ${token}` } }, answer => {
      answer.resume()
      answer.on('error', reject)
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve()
        else reject(new Error(`GET ${new URL(url).pathname} was answered ${answer.statusCode}`))
      })
    })
    call.on('error', reject)
    call.end()
  })
}
