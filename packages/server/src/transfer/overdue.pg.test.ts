/** R15: what becomes of addresses that an import brings long after their device was last heard of. */
import { randomBytes } from 'node:crypto'
import type { ImportView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../test/bare.ts'
import { ageAddresses } from '../hygiene/aging.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const DAY_MS = 86_400_000

interface Row {
  readonly hwid: string
  readonly pushToken: string
  /** Null: the row does not say when. */
  readonly lastSeenDaysAgo: number | null
}

/** A file that was made as many days ago. */
async function importRows(rows: readonly Row[], madeDaysAgo = 0): Promise<ImportView> {
  const ago = (days: number) => new Date(server.clock.now() - days * DAY_MS).toISOString()
  const begun = await server.rest<ImportView>('POST', `/v1/apps/${app.app}/imports`, {
    mapping: 'roost',
    format: 'ndjson',
    platform: 'ios',
    asOf: ago(madeDaysAgo),
  })
  const path = `/v1/apps/${app.app}/imports/${begun.body.id}/parts?offset=0&final=true`
  const answer = await fetch(`${server.url}${path}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${SERVER_TOKEN}`, 'content-type': 'application/x-ndjson' },
    body: rows
      .map(({ lastSeenDaysAgo: days, ...row }) =>
        JSON.stringify({ ...row, lastSeenAt: days === null ? undefined : ago(days) }),
      )
      .join('\n'),
  })
  expect(answer.status).toBe(200)
  return (await answer.json()) as ImportView
}

const row = (hwid: string, lastSeenDaysAgo: number | null): Row => ({
  hwid,
  pushToken: randomBytes(32).toString('hex'),
  lastSeenDaysAgo,
})
const stateOf = async (hwid: string) => (await server.view(app, hwid)).addresses[0]?.state

async function ageAfter(days: number): Promise<void> {
  server.clock.advance(days * DAY_MS)
  await ageAddresses(server.db, server.clock.now())
}

test('an address that is older than the policy allows is counted, begins a new term, and ends when that is over', async () => {
  const view = await importRows([row('old', 500), row('fresh', 364), row('undated', null)], 10)
  expect(view).toMatchObject({ stored: 3, overdue: 1 })
  await ageAfter(0)
  expect(await stateOf('old')).toBe('active')
  await ageAfter(364)
  expect([await stateOf('old'), await stateOf('undated')]).toEqual(['active', 'active'])
  await ageAfter(2)
  expect([await stateOf('old'), await stateOf('fresh'), await stateOf('undated')]).toEqual([
    'dead',
    'dead',
    'dead',
  ])
})

test('a list without times that lay about for years ends nothing by its age', async () => {
  expect(await importRows([row('list', null)], 800)).toMatchObject({ stored: 1, overdue: 1 })
  await ageAfter(1)
  expect(await stateOf('list')).toBe('active')
})

test('R6: an address that a file revives begins a new term', async () => {
  const revived = row('revived', 700)
  await importRows([revived])
  await ageAfter(366)
  expect(await stateOf('revived')).toBe('dead')
  await importRows([{ ...revived, lastSeenDaysAgo: 0 }])
  await server.db.query("update device set last_seen_at = '2020-01-01' where hwid = 'revived'")
  await server.db.query("update address set last_registered_at = '2020-01-01' where hwid = 'revived'")
  await ageAfter(360)
  expect(await stateOf('revived')).toBe('active')
})

test('an import of what is there already keeps nothing longer', async () => {
  const kept = row('kept', 700)
  await importRows([kept])
  server.clock.advance(300 * DAY_MS)
  await importRows([{ ...kept, lastSeenDaysAgo: 900 }])
  await ageAfter(66)
  expect(await stateOf('kept')).toBe('dead')
})
