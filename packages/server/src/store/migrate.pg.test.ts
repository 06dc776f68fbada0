/** Migrations: each once, whole or begun anew, however many processes start, and beside servers that go on working. */
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
  const hasty = new Database({ url: database.url, maxConnections: 1, statementTimeoutMs: 500 })
  const long = { ...FIRST, sql: `${FIRST.sql}; select pg_sleep(0.6)` }
  expect(versionsOf(await migrate(hasty, [long]))).toEqual([1])
  await expect(hasty.query('select pg_sleep(600)')).rejects.toMatchObject({ code: '57014' })
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

const OUTSIDE: Migration = {
  version: 4,
  name: 'outside',
  sql: `-- outside a transaction
create index concurrently if not exists one_of_id on one (id); -- a comment; with a semicolon
create unique index concurrently if not exists one_name
  on one (id, (id + 1));
`,
}

async function indexes(): Promise<object[]> {
  const { rows } = await db.query(
    `select c.relname as name, i.indisvalid as "isValid" from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = 'one'::regclass order by 1`,
  )
  return rows
}

/** Until somebody waits for a lock in this database with a statement like that. */
async function whenWaiting(statement: string): Promise<void> {
  const { rowCount } = await db.query(
    `select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like $1`,
    [statement],
  )
  if (rowCount === 0) await whenWaiting(statement)
}

/** Until a session of this database has given up its transaction. */
async function whenRolledBack(): Promise<void> {
  const { rowCount } = await db.query(
    "select from pg_stat_activity where datname = current_database() and state = 'idle' and query = 'rollback'",
  )
  if (rowCount === 0) await whenRolledBack()
}

/** Until so many have asked for the lock of migrations and not got it. */
async function whenAsking(count: number): Promise<void> {
  const { rowCount } = await db.query(
    `select from pg_stat_activity
      where datname = current_database() and query like 'select pg_%advisory_lock%' and pid <> pg_backend_pid()`,
  )
  if (rowCount < count) await whenAsking(count)
}

test('a migration outside of a transaction builds its indexes while others write, and they count when all are there', async () => {
  await migrate(db, [FIRST])
  const migrating = await db.transaction(async tx => {
    await tx.query('insert into one values (1)')
    const running = migrate(db, [FIRST, OUTSIDE])
    await whenWaiting('create index concurrently%')
    await db.query('insert into one values (2)')
    expect(await versions()).toEqual([1])
    return { running }
  })
  expect(versionsOf(await migrating.running)).toEqual([4])
  expect(await indexes()).toEqual([
    { name: 'one_name', isValid: true },
    { name: 'one_of_id', isValid: true },
  ])
})

test('an index that broke off is dropped and built anew', async () => {
  await migrate(db, [FIRST])
  await db.query('insert into one values (1), (1)')
  await expect(migrate(db, [FIRST, OUTSIDE])).rejects.toThrow(
    'migration 4 (outside) failed; the next start goes on with it',
  )
  expect(await indexes()).toEqual([
    { name: 'one_name', isValid: false },
    { name: 'one_of_id', isValid: true },
  ])
  await db.query('delete from one')
  expect(versionsOf(await migrate(db, [FIRST, OUTSIDE]))).toEqual([4])
  expect(await indexes()).toMatchObject([{ isValid: true }, { isValid: true }])
})

test('processes that wait for a migration outside of a transaction are not in its way', async () => {
  await migrate(db, [FIRST])
  const others = Array.from({ length: 3 }, () => new Database({ url: database.url, maxConnections: 1 }))
  const running = await db.transaction(async tx => {
    await tx.query('insert into one values (1)')
    const first = migrate(db, [FIRST, OUTSIDE], { tries: 1 })
    await whenWaiting('create index concurrently%')
    const waiting = others.map(it => migrate(it, [FIRST, OUTSIDE], { tries: 1 }))
    await whenAsking(others.length)
    return [first, ...waiting]
  })
  expect((await Promise.all(running)).map(versionsOf)).toEqual([[4], [], [], []])
  await Promise.all(others.map(it => it.close()))
})

const ALTER: Migration = { version: 5, name: 'alter', sql: 'alter table one add column extra text' }

test('a migration that meets a lock lets go of those behind it, and is applied when the lock is gone', async () => {
  await migrate(db, [FIRST])
  const { running } = await db.transaction(async tx => {
    await tx.query('select from one')
    const applying = migrate(db, [FIRST, ALTER], { lockTimeoutMs: 50, pauseMs: 1 })
    await whenWaiting('alter table%')
    await db.query('insert into one values (1)') // would wait for this transaction's end, which waits for it
    await whenWaiting('alter table%')
    return { running: applying }
  })
  expect(versionsOf(await running)).toEqual([5])
})

test('a migration that meets a lock at each try says so, and leaves the schema as before', async () => {
  await migrate(db, [FIRST])
  await db.transaction(async tx => {
    await tx.query('select from one')
    await expect(migrate(db, [FIRST, ALTER], { lockTimeoutMs: 10, pauseMs: 1, tries: 2 })).rejects.toThrow(
      'migration 5 (alter) failed: others held a lock on its tables at each try; the schema is as before',
    )
  })
  expect(await tables()).toEqual(['one.id'])
})

test('a migration that nobody wants any more is not tried again, however long the pause', async () => {
  await migrate(db, [FIRST])
  const stopped = new Error('stopped')
  const stop = new AbortController()
  await db.transaction(async tx => {
    await tx.query('select from one')
    const given = { lockTimeoutMs: 10, pauseMs: 2 ** 31 - 1, signal: stop.signal }
    const migrating = expect(migrate(db, [FIRST, ALTER], given)).rejects.toBe(stopped)
    await whenRolledBack()
    stop.abort(stopped)
    await migrating
  })
  expect(await tables()).toEqual(['one.id'])
})

/** Released before there were migrations outside of a transaction. */
const RELEASED = 8
const isOutside = (it: Migration) => it.sql.startsWith('-- outside a transaction\n')
const found = (sql: string, pattern: RegExp) => [...sql.matchAll(pattern)].map(it => it[1] as string)

test('no shipped migration keeps writers out of a table of an earlier one while it builds an index', async () => {
  const inside = (await readMigrations()).filter(it => it.version > RELEASED && !isOutside(it))
  const early = inside.flatMap(({ version, sql }) => {
    const made = found(sql, /create (?:unlogged )?table (\w+)/g)
    return found(sql, /create (?:unique )?index \w+ on (\w+)/g)
      .filter(table => !made.includes(table))
      .map(table => [version, table])
  })
  expect(early).toEqual([])
})

test('each statement of a shipped migration outside of a transaction can be repeated', async () => {
  const outside = (await readMigrations()).filter(isOutside)
  expect(outside.length).toBeGreaterThan(0)
  // An update asks what is left to be changed. A column waits for the table's lock without a limit: of tables that nobody holds for long.
  const repeatable =
    /^$|^update |^create (unique )?index concurrently if not exists |^drop index concurrently if exists |^alter table live_presence add column if not exists /
  for (const { sql } of outside)
    for (const statement of sql.replace(/--.*$/gm, '').split(';'))
      expect(statement.trim()).toMatch(repeatable)
})
