/**
 * The order of locks (lock-order.ts), held to what PostgreSQL itself counts: servers that share a database and store the
 * same devices and addresses at the same time, each in another order, wait for each other and never in a circle.
 */
import { createHash, randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { untilHeldUp } from '../../test/held-up.ts'
import { ageAddresses } from '../hygiene/aging.ts'
import { type AddressResult, applyResults } from '../hygiene/results.ts'
import { codeOf, Database } from '../store/database.ts'
import { addressHash, bucketOf } from './buckets.ts'
import { unregisterDevices } from './bulk/unregister.ts'
import { byDeviceKey, deviceOrder } from './lock-order.ts'
import { Registrations } from './register/register.ts'
import { type DeviceUpdate, updateOf } from './register/update.ts'
import { mergeUsers } from './users.ts'

const AT = Date.parse('2026-03-01T12:00:00Z')

let database: TestDatabase
let sides: { readonly db: Database; readonly registrations: Registrations }[]
let appId: number
beforeEach(async () => {
  database = await cloneDatabase()
  sides = [0, 1].map(() => {
    const db = new Database({ url: database.url })
    return { db, registrations: new Registrations(db) }
  })
  const { rows } = await db().query<{ id: number }>(
    "insert into app (code, name) values ('A', 'A') returning id",
  )
  appId = rows[0]?.id as number
})
afterEach(async () => {
  await Promise.all(sides.map(it => it.db.close()))
  await database.drop()
})

const db = (side = 0) => (sides[side] as (typeof sides)[number]).db

function tokenOf(name: string) {
  return {
    provider: 'apns',
    environment: 'production',
    kind: 'alert',
    address: createHash('sha256').update(name).digest('hex'),
    keys: null,
    applicationServerKey: null,
  } as const
}

function registration(hwid: string, token: string, said: Partial<DeviceUpdate> = {}): DeviceUpdate {
  return { ...updateOf({ appId, hwid, at: AT }), platform: 'ios', address: tokenOf(token), ...said }
}

/** Seeded, so that a failure comes again. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const rank = (n: number) => createHash('sha256').update(`${seed} ${n}`).digest('hex')
  return items
    .map((item, n) => ({ item, rank: rank(n) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(it => it.item)
}

async function applyAll(side: number, updates: readonly DeviceUpdate[]): Promise<void> {
  const { registrations } = sides[side] as (typeof sides)[number]
  await Promise.all(updates.map(it => registrations.apply(it)))
}

/** Of this database since it was made. A connection's counts are there when it has ended, so all others are closed. */
async function deadlocks(): Promise<number> {
  await Promise.all(sides.splice(0).map(it => it.db.close()))
  const reader = new Database({ url: database.url })
  try {
    await until(
      reader,
      'select count(*) = 1 as value from pg_stat_activity where datname = current_database()',
    )
    const { rows } = await reader.query<{ deadlocks: number }>(
      'select deadlocks from pg_stat_database where datname = current_database()',
    )
    return rows[0]?.deadlocks ?? -1
  } finally {
    await reader.close()
  }
}

/** What contradicts R2 and R3, in any row. */
async function contradictions(): Promise<unknown[]> {
  const { rows } = await db().query(`
    select 'an address that two devices are sent to at' as what, max(hwid) as hwid
      from address where state = 'active' group by app_id, address_hash having count(*) > 1
    union all
    select 'a device with two', hwid from address where state = 'active' group by app_id, hwid having count(*) > 1
    union all
    select 'sent to without being the holder', a.hwid
      from address a left join address_directory h using (app_id, address_hash)
     where a.state = 'active' and h.hwid is distinct from a.hwid
    union all
    select 'the last device to hold a token of its own is not sent to there', h.hwid
      from address_directory h left join address a using (app_id, address_hash, hwid)
     where h.previous_hwid is null and a.state is distinct from 'active'`)
  return rows
}

/**
 * Whether `asked` has to wait while `work` waits for what `held` has locked: so it has locked that, too. `held` and `asked`
 * are statements, and end without a trace.
 */
async function isLockedToo(
  held: Statement,
  work: () => Promise<unknown>,
  asked: Statement,
): Promise<boolean> {
  const holder = await db(1).connection()
  await holder.query('begin')
  await holder.query(...held)
  const working = work()
  await untilHeldUp(db(1))
  const refused = await db(1)
    .transaction(async tx => {
      await tx.query("set local lock_timeout = '100ms'")
      await tx.query(...asked)
      throw new Error('free')
    })
    .catch(codeOf)
  holder.release()
  await working
  return refused === LOCK_NOT_AVAILABLE
}

type Statement = readonly [text: string, values: readonly unknown[]]
const LOCK_NOT_AVAILABLE = '55P03'

async function until(reader: Database, sql: string): Promise<void> {
  for (;;) {
    const { rows } = await reader.query<{ value: boolean }>(sql)
    if (rows[0]?.value === true) return
  }
}

const deviceRow = (hwid: string): Statement => ['select from device where hwid = $1 for update', [hwid]]
const addressRow = (hwid: string): Statement => ['select from address where hwid = $1 for update', [hwid]]
const newDevice = (hwid: string): Statement => [
  `insert into device (bucket, app_id, hwid, first_seen_at, last_seen_at) values ($1, $2, $3, now(), now())
   on conflict do nothing`,
  [bucketOf(hwid), appId, hwid],
]

/** In the order of their keys. */
const [LOW, HIGH] = ['one', 'two'].toSorted((a, b) => bucketOf(a) - bucketOf(b)) as [string, string]

test('repetitions lock the rows of all their devices before the address of any', async () => {
  const both = [LOW, HIGH].map(it => registration(it, it))
  await applyAll(0, both)
  expect(await isLockedToo(addressRow(LOW), () => applyAll(0, both), deviceRow(HIGH))).toBe(true)
})

test.each([
  ['plain', {}],
  ['other', { tags: { level: 1 } }],
])('%s registrations insert new devices before they lock known ones', async (_what, said) => {
  await applyAll(0, [registration(LOW, LOW)])
  const both = [LOW, HIGH].map(it => registration(it, it, said))
  expect(await isLockedToo(deviceRow(LOW), () => applyAll(0, both), newDevice(HIGH))).toBe(true)
})

test.each([
  ['plain', {}],
  ['other', { tags: { level: 1 } }],
])(
  '%s registrations lock known devices by their keys, whatever the order of the calls',
  async (_what, said) => {
    const both = [HIGH, LOW].map(it => registration(it, it, said))
    await applyAll(0, both)
    expect(await isLockedToo(deviceRow(LOW), () => applyAll(0, both), deviceRow(HIGH))).toBe(false)
    expect(await isLockedToo(deviceRow(HIGH), () => applyAll(0, both), deviceRow(LOW))).toBe(true)
  },
)

test('what gateways answered locks addresses by their keys, whatever was answered of which', async () => {
  await applyAll(0, [registration(LOW, LOW), registration(HIGH, HIGH)])
  const result = (hwid: string): AddressResult => ({
    bucket: bucketOf(hwid),
    appId,
    hwid,
    hash: addressHash(tokenOf(hwid)),
    generation: 1,
    sentAt: AT + 1000,
    reason: 'Unregistered',
    messageId: randomUUID(),
    ...(hwid === LOW ? { kind: 'accepted' } : { kind: 'dead', since: null }),
  })
  const apply = () => db().transaction(tx => applyResults(tx, [result(LOW), result(HIGH)], AT + 2000))
  expect(await isLockedToo(addressRow(LOW), apply, addressRow(HIGH))).toBe(false)
})

test('names go by their bytes in either language, whatever the locale of the database', async () => {
  const keys = ['a', 'B', 'b', 'A', 'ä', 'Z', '-', '_', '10', '9', '\u{1f600}', '\ufffd', 'aa', ''].map(
    hwid => ({
      bucket: 1,
      appId,
      hwid,
    }),
  )
  const { rows } = await db().query<{ hwid: string }>(
    `select d.hwid from (select 1 as bucket, 1 as app_id, hwid from unnest($1::text[]) as i (hwid)) d
      order by ${deviceOrder('d')}`,
    [keys.map(it => it.hwid)],
  )
  expect(keys.toSorted(byDeviceKey).map(it => it.hwid)).toEqual(rows.map(it => it.hwid))
})

const ROUNDS = 12
const PHONES = 100

/** What one side says in a round, while the other one says the same of other phones, and of the same. */
function callsOf(side: number, round: number): DeviceUpdate[] {
  const numbers = Array.from({ length: PHONES }, (_, n) => n)
  // Contested: one token, a phone on each side, which repeats what it said; at times it is its neighbour's token.
  const shift = round % 4 === 3 ? side : 0
  const contested = numbers.map(n => registration(`Phone-${side}-${n}`, `shared ${(n + shift) % PHONES}`))
  const updates = [
    ...contested,
    ...contested,
    // The same phone on both sides, as after a timeout that was repeated elsewhere: known, and new.
    ...numbers.map(n => registration(`both-${n}`, `both ${n}`)),
    ...numbers.map(n => registration(`new-${round}-${n}`, `new ${round} ${n}`)),
    // The long way without an address that changes hands.
    ...numbers.map(n => registration(`tagged-${n}`, `tagged ${n}`, { tags: { round } })),
  ]
  return shuffled(updates, round * 2 + side)
}

test('two servers on one database, with the same tokens for other phones, the same phones and new ones, never wait in a circle', async () => {
  const hammer = async (side: number) => {
    for (let round = 0; round < ROUNDS; round++) await applyAll(side, callsOf(side, round))
  }
  await Promise.all(sides.map((_, side) => hammer(side)))
  expect(await contradictions()).toEqual([])
  expect(await deadlocks()).toBe(0)
}, 60_000)

/** What one round of everything else does to the same devices. */
const OTHERS: readonly ((db: Database, round: number) => Promise<unknown>)[] = [
  async (db, round) => {
    const { rows } = await db.query<Omit<AddressResult, 'kind'>>(
      `select bucket, app_id as "appId", hwid, address_hash as hash, generation from address
        where state in ('active', 'suspect') order by address_hash limit 300`,
    )
    const results = rows.map((it, n) => ({
      ...it,
      sentAt: AT + 1000,
      reason: 'Unregistered',
      messageId: randomUUID(),
      ...(n % 3 === round % 3 ? ({ kind: 'dead', since: null } as const) : ({ kind: 'accepted' } as const)),
    }))
    await db.transaction(tx => applyResults(tx, shuffled(results, round), AT + 2000))
  },
  (db, round) => mergeUsers(db, { appId, from: `user ${round % 7}`, into: `user ${(round + 1) % 7}` }),
  db => ageAddresses(db, AT + 100 * 24 * 60 * 60_000),
  (db, round) => {
    const devices = shuffled(callsOf(0, 0), round).map(it => ({ hwid: it.hwid, hash: null }))
    return db.transaction(tx => unregisterDevices(tx, { appId, devices, at: AT }))
  },
]

test('answers of gateways, merges, forgetting and bulk calls beside them keep to the order, too', async () => {
  let isOver = false
  const others = OTHERS.map(async (work, n) => {
    for (let round = 0; !isOver; round++) await work(db(n % 2), round)
  })
  const hammer = async (side: number) => {
    for (let round = 0; round < 4; round++)
      await applyAll(
        side,
        callsOf(side, round).map((it, n) => ({ ...it, userId: `user ${n % 7}` })),
      )
  }
  await Promise.all(sides.map((_, side) => hammer(side))).finally(() => {
    isOver = true
  })
  await Promise.all(others)
  expect(await deadlocks()).toBe(0)
}, 60_000)
