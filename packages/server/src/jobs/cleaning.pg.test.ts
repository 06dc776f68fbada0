/** Jobs of several steps, and the cleaning of what has millions of rows. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SECRET } from '../../test/bare.ts'
import { TestClock } from '../../test/roost.ts'
import { type SlowBase, startSlowBase } from '../../test/slow-base.ts'
import { startExport } from '../audience/export.ts'
import { deleteList, dropAbandonedLists } from '../audience/list-deletion.ts'
import { CredentialChecks } from '../credentials/checks.ts'
import { Seal } from '../credentials/seal.ts'
import { dropOldAcceptances } from '../dispatch/acceptances.ts'
import type { Database } from '../store/database.ts'
import type { JobName } from './jobs.ts'
import { lastRuns, runJob } from './runs.ts'

const DAY_MS = 24 * 3_600_000
/** Above the portions of which is deleted. */
const ROWS = 45_000
const LIMIT = 20_000

let base: SlowBase
let db: Database
let appId: number
const clock = new TestClock()
beforeAll(async () => {
  base = await startSlowBase()
  db = base.db
  appId = await base.createApp(10)
})
afterAll(() => base.close())

/** PostgreSQL ends a statement that deletes more rows of the table, as it does one that takes too long (57014). */
async function limitDeletions(table: string, rows: number): Promise<void> {
  await db.query(
    `create or replace function end_statement() returns trigger language plpgsql as $$
     begin
       if (select count(*) from gone) > tg_argv[0]::integer then
         perform pg_cancel_backend(pg_backend_pid());
         perform pg_sleep(600); -- where the end is noticed
       end if;
       return null;
     end $$`,
  )
  await db.query(
    `create or replace trigger limited after delete on ${table} referencing old table as gone
       for each statement execute function end_statement(${rows})`,
  )
}

async function list(kind: 'devices' | 'users', { state = 'ready', at = clock.now(), members = 0 } = {}) {
  const id = randomUUID()
  await db.query(
    'insert into audience_list (id, app_id, name, kind, state, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $6)',
    [id, appId, 'list', kind, state, new Date(at)],
  )
  const [table, columns, bucket] =
    kind === 'users'
      ? ['audience_list_user', 'user_id', '']
      : ['audience_list_device', 'hwid, bucket', ', i % 1024']
  await db.query(
    `insert into ${table} (app_id, list_id, ${columns}) select $1, $2, 'n' || i${bucket} from generate_series(1, $3::integer) i`,
    [appId, id, members],
  )
  return id
}

const countOf = async (table: string, where = 'true') =>
  (await db.query<{ n: number }>(`select count(*)::integer as n from ${table} where ${where}`)).rows[0]?.n

test.each(['users', 'devices'] as const)(
  'a list of %s goes in portions, and no other one with it',
  async kind => {
    const table = kind === 'users' ? 'audience_list_user' : 'audience_list_device'
    await limitDeletions(table, LIMIT)
    const [kept, gone] = [await list(kind, { members: 100 }), await list(kind, { members: ROWS })]
    await deleteList(db, { appId, id: gone })
    expect(await countOf(table, `list_id = '${gone}'`)).toBe(0)
    expect(await countOf('audience_list', `id = '${gone}'`)).toBe(0)
    expect(await countOf(table, `list_id = '${kept}'`)).toBe(100)
  },
)

test('acceptances go in portions, and none that is younger than 30 days', async () => {
  await limitDeletions('acceptance', LIMIT)
  const write = (count: number, at: number) =>
    db.query(
      `insert into acceptance (message_id, app_id, batch_id, bucket_from, bucket_to, at, accepted)
       select gen_random_uuid(), $1, i, 0, 0, $2, '\\x0011223344556677' from generate_series(1, $3::integer) i`,
      [appId, new Date(at), count],
    )
  await write(ROWS, clock.now() - 31 * DAY_MS)
  await write(10, clock.now() - 29 * DAY_MS)
  expect(await dropOldAcceptances(db, clock.now())).toBe(ROWS)
  expect(await countOf('acceptance')).toBe(10)
})

const run = (name: JobName) => {
  const seal = new Seal(SECRET)
  const checks = new CredentialChecks({ db, seal, clock, urls: {} })
  const context = { db, checks, webhooks: { db, seal, allowPrivate: true } }
  return runJob(name, { context, clock, at: clock.now() })
}
const lastRun = async (name: string) => (await lastRuns(db)).find(it => it.name === name)

test('a step of the cleaning that fails holds up neither the other steps nor the rest of its own, and the run says which', async () => {
  await limitDeletions('audience_list_user', 0)
  const abandoned = { state: 'loading', at: clock.now() - 8 * DAY_MS, members: 1 }
  const [stuck, other] = [await list('users', abandoned), await list('devices', abandoned)]
  await db.query(
    "insert into former_user (bucket, app_id, hwid, user_id, until) values (1, $1, 'one', 'anna', $2)",
    [appId, new Date(clock.now() - 181 * DAY_MS)],
  )
  await expect(run('log-cleaning')).rejects.toThrow('lists: canceling statement')
  expect(await lastRun('log-cleaning')).toMatchObject({
    outcome: 'failed',
    summary: expect.stringContaining('lists: canceling statement'),
  })
  expect(await countOf('former_user')).toBe(0)
  expect(await countOf('audience_list', `id = '${other}'`)).toBe(0)
  expect(await countOf('audience_list', `id = '${stuck}'`)).toBe(1)
  await limitDeletions('audience_list_user', LIMIT)
  expect(await dropAbandonedLists(db, clock.now())).toBe(1)
})

test('exports whose link has expired are dropped also when one can not be written', async () => {
  const own = await base.createApp(10)
  const ask = (at: number) =>
    startExport(db, {
      appId: own,
      condition: { field: 'hwid', op: 'set' },
      settings: { format: 'csv', tokens: 'masked' },
      at,
    })
  await ask(clock.now())
  await run('segment-exports')
  clock.advance(2 * DAY_MS)
  await base.breakConnections(own)
  const broken = await ask(clock.now())
  await expect(run('segment-exports')).rejects.toThrow('writing: terminating connection')
  const { rows } = await db.query<{ id: string }>('select id from segment_export')
  expect(rows).toEqual([{ id: broken }])
})
