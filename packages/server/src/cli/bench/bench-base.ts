/**
 * A base of a given size for `roost bench register`, and how long an idle server takes to find or register one of it.
 *
 * It is filled by SQL with the rows that registrations leave behind: calling for ten million devices would take as long
 * as the server takes to answer them. The one who asks waits for each answer, as somebody does who looks a device up.
 */
import { Agent, request } from 'node:http'
import { addressBucketOf, addressHash, bucketOf } from '../../registry/buckets.ts'
import type { Database } from '../../store/database.ts'
import { hwidOf, registrationOf, tokenOf, userOf } from './device-calls.ts'
import { percentile, round2 } from './figures.ts'

const ROWS_PER_STATEMENT = 5000
const ASKED = 1000
/** Of each kind before it is timed: V8 compiles what has run a thousand times, and a server that idles has served before. */
const WARM_UP = 1000
/** Of devices that no other part of the measurement makes. */
const FIRST_UNSEEN = 1_000_000_000

const FILL = `
  with i as (
    select * from unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::bytea[])
                    as it (bucket, hwid, user_id, token, hash)
  ), devices as (
    insert into device (bucket, app_id, hwid, platform, user_id, language, timezone_seconds, app_version, os_version,
                        device_model, record, first_seen_at, last_seen_at)
    select bucket, $1, hwid, 'ios', user_id, 'en', 3600, '4.12.1', '18.1', 'iPhone 15 Pro', '{"environment":"production"}',
           now(), now() from i
  ), entries as (
    insert into ledger (bucket, app_id, hwid, at, event, provider, environment, kind, address_end, generation)
    select bucket, $1, hwid, now(), 'registered', 'apns', 'production', 'alert', right(token, 8), 1 from i
  )
  insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state,
                       first_registered_at, last_registered_at, state_since)
  select bucket, $1, hwid, 'alert', hash, 'apns', 'production', token, 'active', now(), now(), now() from i`

const FILL_DIRECTORY = `
  insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
  select address_bucket, $1, hash, bucket, hwid
    from unnest($2::smallint[], $3::bytea[], $4::smallint[], $5::text[]) as it (address_bucket, hash, bucket, hwid)`

/**
 * Devices 0 … `count` - 1 of the app, as they would have registered, but for the order: rows come as the indexes hold
 * them, so that ten million take minutes. One that is looked up is as far from the next as in any base.
 */
export async function fillBase(
  db: Database,
  { appId, count }: { readonly appId: number; readonly count: number },
  onProgress: (done: number) => void,
): Promise<void> {
  let done = 0
  for (const numbers of inOrderOf(count, n => bucketOf(hwidOf(n)))) {
    const hwids = numbers.map(hwidOf)
    const values = [numbers.map(userOf), numbers.map(tokenOf), numbers.map(hashOf)]
    await db.query(FILL, [appId, hwids.map(bucketOf), hwids, ...values])
    done += numbers.length / 2
    onProgress(done)
  }
  for (const numbers of inOrderOf(count, n => addressBucketOf(hashOf(n)))) {
    const hashes = numbers.map(hashOf)
    const hwids = numbers.map(hwidOf)
    await db.query(FILL_DIRECTORY, [appId, hashes.map(addressBucketOf), hashes, hwids.map(bucketOf), hwids])
    done += numbers.length / 2
    onProgress(done)
  }
  await db.query('vacuum analyze device, address, address_directory, ledger')
}

/** The numbers 0 … `count` - 1 by their buckets, as many at a time as a statement takes. */
function* inOrderOf(count: number, bucket: (n: number) => number): Generator<number[]> {
  const buckets = Uint16Array.from({ length: count }, (_, n) => bucket(n))
  const numbers = Uint32Array.from({ length: count }, (_, n) => n)
  numbers.sort((a, b) => (buckets[a] ?? 0) - (buckets[b] ?? 0))
  for (let first = 0; first < count; first += ROWS_PER_STATEMENT)
    yield [...numbers.subarray(first, first + ROWS_PER_STATEMENT)]
}

function hashOf(n: number): Buffer {
  return addressHash({
    provider: 'apns',
    environment: 'production',
    kind: 'alert',
    address: tokenOf(n),
  })
}

export interface IdleTime {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface IdleTimes {
  /** A registration sent to the empty route: what the machine and HTTP alone take. */
  readonly empty: IdleTime
  /** GET …/devices/{hwid}. */
  readonly hwid: IdleTime
  /** GET …/users/{user}. */
  readonly user: IdleTime
  /** By the primary key of the directory; the statement alone, without HTTP. */
  readonly token: IdleTime
  /** registerDevice of a device that was never seen. */
  readonly new: IdleTime
  /** registerDevice of one that says nothing new. */
  readonly again: IdleTime
}

export interface IdleOptions {
  readonly db: Database
  readonly url: string
  /** Of the server whose route does nothing. */
  readonly emptyUrl: string
  readonly app: string
  readonly serverToken: string
  readonly deviceToken: string
  readonly appId: number
  /** Devices 0 … `devices` - 1 are there. */
  readonly devices: number
}

/** A thousand of each kind, one at a time, spread over the base. */
export async function timeIdle(options: IdleOptions): Promise<IdleTimes> {
  const { url, app, devices } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const authorization = `Bearer ${options.serverToken}`
  const get = (path: string) => askOk({ url: `${url}/v1/apps/${app}/${path}`, authorization, agent })
  const register = (n: number, server = url) =>
    askOk({
      url: `${server}/json/1.3/registerDevice`,
      authorization: `Token ${options.deviceToken}`,
      agent,
      body: registrationOf(app, n),
    })
  let unseen = FIRST_UNSEEN
  try {
    return {
      empty: await timed(devices, n => register(n, options.emptyUrl)),
      hwid: await timed(devices, n => get(`devices/${hwidOf(n)}`)),
      user: await timed(devices, n => get(`users/${userOf(n)}`)),
      token: await timed(devices, n => findHolder(options, n)),
      new: await timed(devices, () => register(unseen++)),
      again: await timed(devices, n => register(n)),
    }
  } finally {
    agent.destroy()
  }
}

/**
 * POST …/diagnose of a device. Asked last: a process that has answered thousands of them takes some 15 µs more for each
 * registration from then on, and few servers ever do.
 */
export async function timeDiagnosis(options: IdleOptions): Promise<IdleTime> {
  const { url, app, devices, serverToken } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const diagnose = (device: string) =>
    askOk({
      url: `${url}/v1/apps/${app}/diagnose`,
      authorization: `Bearer ${serverToken}`,
      agent,
      body: JSON.stringify({ device }),
    })
  try {
    return await timed(devices, n => diagnose(hwidOf(n)))
  } finally {
    agent.destroy()
  }
}

async function timed(devices: number, ask: (n: number) => Promise<void>): Promise<IdleTime> {
  const times = new Float64Array(ASKED)
  for (let i = 0; i < WARM_UP; i++) await ask(placeOf(i, devices))
  for (let i = 0; i < ASKED; i++) {
    const at = performance.now()
    await ask(placeOf(i + WARM_UP, devices))
    times[i] = performance.now() - at
  }
  return { p50Ms: round2(percentile(times, 0.5)), p99Ms: round2(percentile(times, 0.99)) }
}

/** Spread by the golden ratio, the same in each run. */
function placeOf(i: number, devices: number): number {
  return Math.floor(((i * 0.618_033_988_75) % 1) * devices)
}

const HOLDER = `
  select h.hwid, d.user_id
    from address_directory h
    join device d on d.bucket = h.bucket and d.app_id = h.app_id and d.hwid = h.hwid
   where h.address_bucket = $1 and h.app_id = $2 and h.address_hash = $3`

async function findHolder({ db, appId }: IdleOptions, n: number): Promise<void> {
  const hash = hashOf(n)
  const { rowCount } = await db.query(HOLDER, [addressBucketOf(hash), appId, hash])
  if (rowCount !== 1) throw new Error(`${rowCount} devices hold the token of device ${n}`)
}

interface Ask {
  readonly url: string
  readonly authorization: string
  readonly agent: Agent
  /** JSON; a POST when there is one. */
  readonly body?: string
}

/** Rejects when it is not answered 200. */
function askOk({ url, authorization, agent, body }: Ask): Promise<void> {
  const headers = { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) }
  return new Promise((resolve, reject) => {
    const call = request(url, { agent, headers, method: body === undefined ? 'GET' : 'POST' }, answer => {
      answer.resume()
      answer.on('error', reject)
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve()
        else reject(new Error(`${new URL(url).pathname} was answered ${answer.statusCode}`))
      })
    })
    call.on('error', reject)
    call.end(body)
  })
}
