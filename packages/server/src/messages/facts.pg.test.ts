/** Facts of devices, read in columns: held against the same made into an object by the database. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { Database } from '../store/database.ts'
import { factsColumn, type Needs, type RecipientFacts, readingFacts } from './facts.ts'

const TAGS = ['name', 'age', 'isVip', 'cities', 'gone', '__proto__', 'a "b"', 'unknown']

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url })
  await db.query(
    `insert into device (bucket, app_id, hwid, platform, user_id, tags, language, timezone_seconds, record, first_seen_at, last_seen_at)
     values (1, 1, 'known', 'ios', 'ada', $1::jsonb, 'en', 3600, '{"badge": 4, "country": "IT"}', now(), now()),
            (1, 1, 'silent', 'ios', null, '{}', null, null, '{}', now(), now())`,
    [
      `{"name":"Ada","age":36,"isVip":true,"cities":["Rome",null],"gone":null,"__proto__":"own","a \\"b\\"":"\\\\"}`,
    ],
  )
  await db.query(
    `insert into address (bucket, app_id, hwid, kind, address_hash, provider, address, state, first_registered_at, last_registered_at,
                          state_since)
     select 1, 1, hwid, 'alert', convert_to(hwid, 'utf8'), 'fcm', hwid, 'active', now(), now(), now()
       from unnest(array['known', 'silent', 'without a device']) as i (hwid)`,
  )
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

const NOTHING: Needs = {
  language: false,
  badge: false,
  unread: false,
  user: false,
  tags: [],
  device: [],
  event: false,
}
const ALL: Needs = {
  ...NOTHING,
  language: true,
  badge: true,
  user: true,
  person: true,
  tags: TAGS,
  device: ['hwid', 'platform', 'language', 'timezone', 'country', 'appVersion', 'firstSeenAt', 'lastOpenAt'],
}

async function inColumns(needs: Needs): Promise<unknown[]> {
  const values: unknown[] = []
  const { join, columns, read } = readingFacts(needs, values)
  const text = `select a.hwid${columns} from address a ${join} order by a.hwid`
  const rows = await db.queryArrays({ text }, values)
  return rows.map(row => withoutEmpty(read(row, 1)))
}

async function asObjects(needs: Needs): Promise<unknown[]> {
  const values: unknown[] = []
  const column = factsColumn(needs, values)
  const { rows } = await db.query<{ facts: RecipientFacts | null }>(
    `select ${column} as facts from address a order by a.hwid`,
    values,
  )
  return rows.map(row => withoutEmpty(row.facts))
}

/** That of a device nothing is known under a name, or that there is no such device, is the same to a template. */
function withoutEmpty(facts: RecipientFacts | null): unknown {
  const known = Object.entries(facts ?? {}).filter(
    ([, it]) => typeof it !== 'object' || Object.keys(it).length > 0,
  )
  return Object.fromEntries(known)
}

test.each<[string, Needs]>([
  ['everything', ALL],
  ['one tag', { ...NOTHING, tags: ['name'] }],
  ['all tags', { ...NOTHING, tags: 'all' }],
  ['a language', { ...NOTHING, language: true }],
])('what content asks for (%s) comes to the same in columns and as an object', async (_name, needs) => {
  const read = await inColumns(needs)
  expect(read).toHaveLength(3)
  expect(read).toEqual(await asObjects(needs))
  expect(JSON.stringify(read[0])).not.toBe('{}')
})

test('content that asks for nothing reads nothing', async () => {
  const values: unknown[] = []
  expect(readingFacts(NOTHING, values)).toMatchObject({ join: '', columns: '' })
  expect(values).toEqual([])
})
