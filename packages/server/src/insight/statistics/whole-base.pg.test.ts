/** Reading a whole base takes as long as it takes: here it is locked until it was waited for longer than a statement may run. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../../test/database.ts'
import { Database } from '../../store/database.ts'
import { countBase, countInstalls } from './base.ts'

const DAY_MS = 24 * 3_600_000
const LIMIT_MS = 2000

let database: TestDatabase
let db: Database
/** Of which a statement may take two seconds. */
let hasty: Database
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url })
  hasty = new Database({ url: database.url, statementTimeoutMs: LIMIT_MS })
  await db.query("insert into app (code, name, created_at) values ('AAAAA-AAAAA', 'Test', $1)", [
    new Date(Date.now() - 3 * DAY_MS),
  ])
  await db.query(
    `insert into device (bucket, app_id, hwid, platform, first_seen_at, last_seen_at)
     select 1, id, 'one', 'android', now() - interval '2 days', now() from app`,
  )
})
afterAll(async () => {
  await hasty.close()
  await db.close()
  await database.drop()
})

/** Whoever reads the devices waits meanwhile for more than a statement of `hasty` may take. */
async function whileLocked(count: () => Promise<unknown>): Promise<void> {
  let counting: Promise<unknown> | undefined
  await db.transaction(async tx => {
    await tx.query('lock table device in access exclusive mode')
    counting = count()
    counting.catch(() => undefined)
    await expect.poll(longestWait).toBeGreaterThan(2 * LIMIT_MS)
  })
  await counting
}

async function longestWait(): Promise<number> {
  const { rows } = await db.query<{ ms: number }>(
    `select coalesce(max(extract(epoch from clock_timestamp() - query_start)) * 1000, 0)::float8 as ms
       from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )
  return rows[0]?.ms ?? 0
}

const daysOf = async (metric: string) =>
  (
    await db.query<{ gateway: string; detail: string; n: number }>(
      'select gateway, detail, n from stat_day where metric = $1 order by 1, 2',
      [metric],
    )
  ).rows

test('the count of a day may take longer than a statement may take else', async () => {
  await whileLocked(() => countBase(hasty, Date.now()))
  expect(await daysOf('devices')).toEqual([
    { gateway: '', detail: 'total', n: 1 },
    { gateway: 'fcm', detail: '', n: 1 },
  ])
})

test('so may the first count of installs, and the next one, of which as many may have come', async () => {
  await whileLocked(() => countInstalls(hasty))
  await whileLocked(() => countInstalls(hasty))
  expect(await daysOf('installs')).toEqual([{ gateway: 'fcm', detail: '', n: 1 }])
})
