/** Migrations: each once, whole or not at all, however many processes start. */
import { afterAll, beforeEach, expect, test } from 'vitest'
import { emptyDatabase, type TestDatabase } from '../../test/database.ts'
import { Database } from './database.ts'
import { type Migration, migrate, readMigrations } from './migrate.ts'

const made: { db: Database; database: TestDatabase }[] = []
let db: Database
let database: TestDatabase
beforeEach(async () => {
  database = await emptyDatabase()
  db = new Database({ url: database.url })
  made.push({ db, database })
})
afterAll(async () => {
  for (const it of made) {
    await it.db.close()
    await it.database.drop()
  }
})

const FIRST: Migration = { version: 1, name: 'first', sql: 'create table one (id integer)' }
const SECOND: Migration = { version: 2, name: 'second', sql: 'create table two (id integer)' }
const BROKEN: Migration = {
  version: 3,
  name: 'broken',
  sql: 'create table three (id integer); alter table one add column extra text; select 1 / 0',
}

async function tables(): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select table_name || '.' || column_name as name from information_schema.columns
      where table_schema = 'public' and table_name <> 'schema_version' order by 1`,
  )
  return rows.map(row => row.name)
}

async function versions(): Promise<number[]> {
  const { rows } = await db.query<{ version: number }>('select version from schema_version order by 1')
  return rows.map(row => row.version)
}

const versionsOf = (applied: readonly Migration[]) => applied.map(it => it.version)

test('the shipped migrations build a schema from nothing, and a second start has nothing to do', async () => {
  const migrations = await readMigrations()
  expect(versionsOf(migrations)).toEqual(migrations.map((_, i) => i + 1))
  expect(await migrate(db, migrations)).toEqual(migrations)
  expect(await tables()).toContain('device.hwid')
  expect(await migrate(db, migrations)).toEqual([])
})

test('only what is new is applied, in order', async () => {
  expect(versionsOf(await migrate(db, [FIRST]))).toEqual([1])
  expect(versionsOf(await migrate(db, [FIRST, SECOND]))).toEqual([2])
  expect(await tables()).toEqual(['one.id', 'two.id'])
})

test('of many processes that start at once one applies each migration, and all go on when it is done', async () => {
  const others = Array.from({ length: 4 }, () => new Database({ url: database.url, maxConnections: 1 }))
  const slow = { ...SECOND, sql: `${SECOND.sql}; select pg_sleep(0.2)` }
  const applied = await Promise.all(
    [db, ...others].map(async it => {
      const done = await migrate(it, [FIRST, slow])
      expect(await tables()).toEqual(['one.id', 'two.id'])
      return versionsOf(done)
    }),
  )
  expect(applied.flat().sort()).toEqual([1, 2])
  await Promise.all(others.map(it => it.close()))
})

test('a migration that fails leaves the schema as before, names itself, and can be mended', async () => {
  await expect(migrate(db, [FIRST, SECOND, BROKEN])).rejects.toThrow(
    'migration 3 (broken) failed; the schema is as before',
  )
  expect(await tables()).toEqual(['one.id', 'two.id'])
  expect(await versions()).toEqual([1, 2])
  const mended = { ...BROKEN, sql: 'create table three (id integer)' }
  expect(versionsOf(await migrate(db, [FIRST, SECOND, mended]))).toEqual([3])
})

test('a migration may take longer than a statement of the server', async () => {
  const hasty = new Database({ url: database.url, maxConnections: 1, statementTimeoutMs: 50 })
  const long = { ...FIRST, sql: `${FIRST.sql}; select pg_sleep(0.2)` }
  expect(versionsOf(await migrate(hasty, [long]))).toEqual([1])
  await expect(hasty.query('select pg_sleep(0.2)')).rejects.toMatchObject({ code: '57014' })
  await hasty.close()
})

test('a process that was killed while it migrated leaves no lock behind', async () => {
  const killed = new Database({ url: database.url, maxConnections: 1 })
  const migrating = migrate(killed, [{ ...FIRST, sql: `${FIRST.sql}; select pg_sleep(600)` }])
  const outcome = migrating.then(
    () => 'done',
    () => 'failed',
  )
  let cut = 0
  while (cut === 0) {
    const { rowCount } = await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query like '%pg_sleep(600)%' and pid <> pg_backend_pid()`,
    )
    cut = rowCount
  }
  expect(await outcome).toBe('failed')
  await killed.close()
  expect(versionsOf(await migrate(db, [FIRST]))).toEqual([1])
})
