/** Whoever makes up apps and tokens costs next to no query; whoever has real ones is served at once. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { TestClock } from '../../test/roost.ts'
import { Database, type Queryable } from '../store/database.ts'
import { AppDirectory, createApp } from './apps.ts'
import { newToken, ServerTokens, storeToken } from './tokens.ts'

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url })
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

/** The database, with a count of what it was asked. */
function counting(): Queryable & { queries: number } {
  const counted: Queryable & { queries: number } = {
    queries: 0,
    query: (text, values) => {
      counted.queries++
      return db.query(text, values)
    },
  }
  return counted
}

const codeOf = (n: number) => `AAAAA-${String(n).padStart(5, '0')}`

test('a thousand made-up apps cost twenty queries, and those that exist are served meanwhile', async () => {
  const { app, deviceToken } = await createApp(db, { name: 'served', at: Date.now() })
  const counted = counting()
  const apps = new AppDirectory(counted, new StandingClock())
  for (let n = 0; n < 1000; n++)
    await expect(apps.find(codeOf(n))).rejects.toMatchObject({ code: 'app_unknown' })
  expect(counted.queries).toBeLessThanOrEqual(21)
  expect(await apps.findByDevice(app.code, deviceToken)).toMatchObject({ id: app.id })
  expect(counted.queries).toBeLessThanOrEqual(22) // the note that the token was used is one
})

test('a thousand wrong device tokens cost twenty queries, and a thousand calls without one cost none', async () => {
  const { app, deviceToken } = await createApp(db, { name: 'guessed at', at: Date.now() })
  const counted = counting()
  const apps = new AppDirectory(counted, new StandingClock())
  const refused = { code: 'device_token_refused' }
  await apps.findByDevice(app.code, deviceToken)
  for (let n = 0; n < 1000; n++)
    await expect(apps.findByDevice(app.code, undefined)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('it is missing'),
    })
  expect(counted.queries).toBe(2) // the table, and a note that the token was used
  for (let n = 0; n < 1000; n++)
    await expect(apps.findByDevice(app.code, `roost_device_${n}`)).rejects.toMatchObject(refused)
  expect(counted.queries).toBeLessThanOrEqual(22)
})

test('a thousand wrong server tokens cost twenty queries', async () => {
  const token = newToken('server')
  await storeToken(db, { kind: 'server', token, label: 'test' })
  const counted = counting()
  const tokens = new ServerTokens(counted, new StandingClock())
  for (let n = 0; n < 1000; n++) expect(await tokens.find(`guess-${n}`)).toBeUndefined()
  expect(counted.queries).toBeLessThanOrEqual(21)
  expect(await tokens.find(token)).toMatchObject({ name: 'test' })
})

test('an app, its token and a server token work at once, also on a server that has looked before', async () => {
  const apps = new AppDirectory(db, new TestClock())
  const tokens = new ServerTokens(db, new TestClock())
  await expect(apps.find(codeOf(1))).rejects.toMatchObject({ code: 'app_unknown' })
  expect(await tokens.find('not yet')).toBeUndefined()
  const { app, deviceToken } = await createApp(db, { name: 'new', at: Date.now() })
  await storeToken(db, { kind: 'server', token: 'not yet', label: 'test' })
  expect(await apps.findByDevice(app.code, deviceToken)).toMatchObject({ id: app.id })
  expect(await tokens.find('not yet')).toBeDefined()
})

test('that a token was used is noted once a minute, that of a device once an hour, however many calls there are', async () => {
  const { app, deviceToken } = await createApp(db, { name: 'used', at: Date.now() })
  await storeToken(db, { kind: 'server', token: 'used now and then', label: 'test' })
  const notes: string[] = []
  const counted: Queryable = {
    query: (text, values) => {
      if (text.includes('used_at =')) notes.push(text)
      return db.query(text, values)
    },
  }
  const clock = new TestClock()
  const apps = new AppDirectory(counted, clock)
  const tokens = new ServerTokens(counted, clock)
  const use = async () => {
    for (let n = 0; n < 100; n++) {
      await apps.findByDevice(app.code, deviceToken)
      await tokens.find('used now and then')
    }
    return notes.length
  }
  expect(await use()).toBe(2)
  clock.advance(61_000)
  expect(await use()).toBe(3)
  clock.advance(3_600_000)
  expect(await use()).toBe(5)
})

class StandingClock {
  readonly #at = Date.now()

  now(): number {
    return this.#at
  }
}
