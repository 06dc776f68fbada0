/** What a start says of a database that it can't work with. */
import { afterAll, beforeEach, expect, test } from 'vitest'
import { emptyDatabase, type TestDatabase } from '../../test/database.ts'
import { Database } from './database.ts'
import { prepareExisting } from './existing.ts'
import { StartError } from './folder.ts'
import { readMigrations } from './migrate.ts'
import { prepareDatabase } from './prepare.ts'

const closers: (() => Promise<void>)[] = []
let database: TestDatabase
let db: Database
beforeEach(async () => {
  database = await emptyDatabase()
  db = open(database.url)
  const { drop } = database
  closers.push(drop)
})
afterAll(async () => {
  for (const it of opened) await it.close()
  for (const close of closers) await close()
})

const opened: Database[] = []
function open(url: string): Database {
  const it = new Database({ url })
  opened.push(it)
  return it
}

async function faultOf(work: Promise<unknown>): Promise<StartError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(StartError)
  return error as StartError
}

const nameOf = (url: string) => new URL(url).pathname.slice(1)

test('an empty database gets the schema, and the next start finds nothing to do', async () => {
  const known = await readMigrations()
  expect((await prepareDatabase(db)).applied).toHaveLength(known.length)
  expect(await prepareDatabase(db)).toEqual({ applied: [], newer: [] })
})

test('a command that works with what is there makes no schema in a database that has none', async () => {
  const fault = await faultOf(prepareExisting(db))
  expect(fault.message).toMatch(/^there is no Roost in this database/)
  expect(fault.remedy).toContain('ROOST_DATABASE_URL')
  expect((await db.query("select from pg_tables where schemaname = 'public'")).rowCount).toBe(0)
  await prepareDatabase(db)
  expect(await prepareExisting(db)).toEqual({ applied: [], newer: [] })
})

test('a start that is given up, on a database with a schema as on an empty one, rejects with its reason', async () => {
  const stopped = new Error('stopped')
  const signal = AbortSignal.abort(stopped)
  await expect(prepareDatabase(db, { signal })).rejects.toBe(stopped)
  await prepareDatabase(db)
  await expect(prepareExisting(db, { signal })).rejects.toBe(stopped)
})

test('a PostgreSQL that is too old is refused with both versions, before anything is made there', async () => {
  const fault = await faultOf(prepareDatabase(db, { oldest: 99 }))
  expect(fault.message).toMatch(/^the database is PostgreSQL \d+\.\d+; Roost needs 99 or later$/)
  expect(fault.remedy).toContain('ROOST_DATABASE_URL')
  expect((await db.query("select from pg_tables where schemaname = 'public'")).rowCount).toBe(0)
})

test('a schema of a newer Roost is worked with, and told', async () => {
  await prepareDatabase(db)
  await db.query("insert into schema_version (version, name) values (9998, 'later'), (9999, 'last')")
  expect(await prepareDatabase(db)).toEqual({ applied: [], newer: [9998, 9999] })
})

test('a standby, or a database that takes no writes, is refused', async () => {
  await db.query(`alter database ${nameOf(database.url)} set default_transaction_read_only = on`)
  const fault = await faultOf(prepareDatabase(open(database.url)))
  expect(fault.message).toContain('takes no writes')
})

test('a role that may not make the schema is told so', async () => {
  const name = nameOf(database.url)
  await db.query(`create role ${name}_guest login password 'guest'`)
  const url = new URL(database.url)
  url.username = `${name}_guest`
  url.password = 'guest'
  const fault = await faultOf(prepareDatabase(open(url.href)))
  expect(fault.message).toContain('permission denied')
  expect(fault.remedy).toContain('owner')
})

test('a database that is not there, or does not let us in, is told without the password', async () => {
  const url = new URL(database.url)
  url.password = 'a wrong password'
  const wrong = await faultOf(prepareDatabase(open(url.href)))
  expect(wrong.message).toContain('password authentication failed')
  expect(wrong.message).not.toContain('a wrong password')
  const nowhere = new URL(database.url)
  nowhere.pathname = '/nowhere'
  expect((await faultOf(prepareDatabase(open(nowhere.href)))).message).toContain('"nowhere" does not exist')
  nowhere.port = '9'
  expect((await faultOf(prepareDatabase(open(nowhere.href)))).message).toContain('ECONNREFUSED')
})
