/** One item that the database refuses, among neighbours that it takes. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { codeOf, Database } from './database.ts'
import { MicroBatch } from './micro-batch.ts'

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url })
  await db.query('create table thing (id text primary key, amount integer check (amount > 0))')
})
beforeEach(async () => {
  await db.query('truncate thing')
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

interface Thing {
  readonly id: string
  readonly amount: number
}

function things() {
  return new MicroBatch<Thing, string>({
    maxSize: 100,
    keysOf: () => [],
    run: items =>
      db.transaction(async tx => {
        await tx.query('insert into thing select * from unnest($1::text[], $2::integer[])', [
          items.map(it => it.id),
          items.map(it => it.amount),
        ])
        return items.map(it => it.id)
      }),
  })
}

async function stored(): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>('select id from thing order by id')
  return rows.map(row => row.id)
}

test.each([
  ['that breaks a constraint', { id: 'bad', amount: -1 }, '23514'],
  ['that is out of range', { id: 'bad', amount: 3_000_000_000 }, '22003'],
  ['with a character that text can not hold', { id: 'bad\0', amount: 1 }, '22021'],
  ['too long for its index', { id: randomBytes(8000).toString('base64'), amount: 1 }, '54000'],
])('an item %s fails alone; its neighbours are stored', async (_what, bad, code) => {
  const batch = things()
  const outcomes = await Promise.allSettled(
    [{ id: 'a', amount: 1 }, { id: 'b', amount: 2 }, bad, { id: 'c', amount: 3 }].map(it => batch.add(it)),
  )
  expect(outcomes.map(it => it.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect(codeOf((outcomes[2] as PromiseRejectedResult).reason)).toBe(code)
  expect(await stored()).toEqual(['a', 'b', 'c'])
})

test('when the statement itself is wrong, all fail and nothing is stored', async () => {
  const batch = new MicroBatch<string, string>({
    maxSize: 100,
    keysOf: () => [],
    run: items =>
      db.transaction(async tx => {
        await tx.query('insert into thing values ($1, 1)', [items[0]])
        await tx.query('insert into no_such_table values (1)')
        return items
      }),
  })
  const outcomes = await Promise.allSettled(['a', 'b'].map(it => batch.add(it)))
  expect(outcomes.map(it => it.status)).toEqual(['rejected', 'rejected'])
  expect(await stored()).toEqual([])
})
