/** How a chunk is read. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { Database } from '../store/database.ts'
import { rangeStatement } from './chunk.ts'
import type { Batch } from './lease.ts'

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

const BATCH = {
  messageId: '00000000-0000-4000-8000-000000000000',
  appId: 1,
  provider: 'apns',
  bucketFrom: 0,
  bucketTo: 15,
  cursor: null,
  target: { all: true },
  scope: null,
  slot: null,
  experiment: null,
  knock: null,
} as unknown as Batch
const NEEDS = {
  language: true,
  badge: false,
  unread: false,
  user: false,
  tags: ['name'],
  device: [],
  event: false,
} as const

function statementOf(batch: Partial<Batch>, sendToDormant = true) {
  const policy = { sendToDormant, dormantDays: 90 } as Parameters<typeof rangeStatement>[0]['policy']
  return rangeStatement({ batch: { ...BATCH, ...batch }, needs: NEEDS, at: 0, limit: 500, policy }).statement
}

test('the plan that is kept for a campaign to all goes by its index, also when it is made of empty tables', async () => {
  const { text, isPlanned } = statementOf({})
  expect(isPlanned).toBe(true)
  const plan = await db.transaction(async tx => {
    await tx.query(
      'set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off',
    )
    return (await tx.query<{ 'QUERY PLAN': string }>(`explain (generic_plan) ${text}`)).rows
  })
  const used = plan.flatMap(
    row => /Scan using (\w+) on (address|device)\b/.exec(row['QUERY PLAN'])?.[1] ?? [],
  )
  expect(used).toEqual(['address_sendable', 'device_pkey'])
  expect(plan.map(row => row['QUERY PLAN']).join()).not.toContain('Sort')
})

test('whom only a condition names, or an hour, or the app’s policy, is read by a plan of its own', () => {
  const condition = {
    target: { condition: { field: 'platform', op: 'eq', value: 'ios' } },
  } as unknown as Batch
  expect(statementOf(condition).isPlanned).toBe(false)
  expect(statementOf({}, false).isPlanned).toBe(false)
})
