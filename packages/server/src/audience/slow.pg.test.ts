/** Exports and nightly segments of a base through which no statement gets at once. */
import { inflateRawSync } from 'node:zlib'
import type { Condition } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SlowBase, startSlowBase } from '../../test/slow-base.ts'
import type { Database } from '../store/database.ts'
import { readExport, readFile, startExport } from './export.ts'
import { runExports } from './export-writing.ts'
import { computeSegments } from './nightly.ts'

let base: SlowBase
let db: Database
beforeAll(async () => {
  base = await startSlowBase()
  db = base.db
})
afterAll(() => base.close())

const GOLD: Condition = { tag: 'tier', op: 'eq', value: 'gold' }
const NOBODY: Condition = { tag: 'tier', op: 'eq', value: 'none' }
const DEVICES = 300
const FILE = { format: 'ndjson', tokens: 'masked' } as const

/** A moment later than the one before: exports are written in their order. */
let clock = Date.now()
const now = () => ++clock

const ask = (appId: number, settings: Parameters<typeof startExport>[1]['settings'], condition = GOLD) =>
  startExport(db, { appId, condition, settings, at: now() })
const read = (id: string) => readExport(db, { appId: null, id, at: now() })

async function textOf(id: string): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of readFile(db, await read(id))) pieces.push(piece)
  const zip = Buffer.concat(pieces)
  const directory = zip.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'))
  const from = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28)
  return inflateRawSync(zip.subarray(from, from + zip.readUInt32LE(directory + 20))).toString('utf8')
}

test.each([
  ['through which a statement gets at once', 1024],
  ['through which a statement gets by 8 buckets of 1024', 8],
])('an export of a base %s has every device once', async (_, buckets) => {
  const appId = await base.createApp(DEVICES)
  await base.limit(appId, buckets)
  const file = await ask(appId, FILE)
  const columns = await ask(appId, { form: 'compat', format: 'csv', tokens: 'full' })
  const nobody = await ask(appId, FILE, NOBODY)
  const count = await ask(appId, { form: 'count' })
  expect(await runExports(db, now())).toBe(4)
  for (const id of [file, columns, count])
    expect(await read(id)).toMatchObject({ state: 'done', progress: 1, devices: DEVICES, error: null })
  const lines = (await textOf(file)).trim().split('\n')
  const hwids = lines.map(line => (JSON.parse(line) as { hwid: string }).hwid)
  expect(hwids.sort()).toEqual(Array.from({ length: DEVICES }, (_, i) => `d${i}`).sort())
  const [head, ...rows] = (await textOf(columns)).trim().split('\n')
  expect([head?.endsWith(',tier'), rows.length]).toEqual([true, DEVICES])
  expect(await read(nobody)).toMatchObject({ state: 'done', devices: 0 })
})

test('an export that takes too long bucket by bucket fails and says so, and holds up no other', async () => {
  const [slow, other] = [await base.createApp(DEVICES), await base.createApp(2)]
  await base.limit(slow, 0)
  const ids = [await ask(slow, FILE), await ask(slow, { form: 'count' })]
  const behind = await ask(other, FILE)
  expect(await runExports(db, now())).toBe(3)
  for (const id of ids)
    expect(await read(id)).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('the condition takes longer than a statement may'),
    })
  expect(await read(behind)).toMatchObject({ state: 'done', devices: 2 })
})

test('an export during which the connection breaks is left to the next run, and holds up no other', async () => {
  const [broken, other] = [await base.createApp(DEVICES), await base.createApp(2)]
  await base.breakConnections(broken)
  const [id, behind] = [await ask(broken, FILE), await ask(other, FILE)]
  await expect(runExports(db, now())).rejects.toThrow('terminating connection')
  expect(await read(id)).toMatchObject({ state: 'running' })
  expect(await read(behind)).toMatchObject({ state: 'done', devices: 2 })
  await base.limit(broken, 1024)
  expect(await runExports(db, now())).toBe(1)
  expect(await read(id)).toMatchObject({ state: 'done', devices: DEVICES })
})

/** One that is to be computed. */
async function segment(appId: number): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `with made as (
       insert into segment (id, app_id, name, code, mode, condition, hour, created_at, updated_at)
       values (gen_random_uuid(), $1, 'gold', 'gold', 'nightly', $2, 3, now(), now()) returning id)
     insert into segment_snapshot (segment_id, app_id, condition, state, started_at)
     select id, $1, $2, 'computing', now() from made returning segment_id as id`,
    [appId, JSON.stringify(GOLD)],
  )
  return rows[0]?.id as string
}

async function snapshotOf(segmentId: string) {
  const { rows } = await db.query<{ state: string; members: number; error: string | null }>(
    `select s.state, s.error, (select count(*)::integer from segment_member m where m.snapshot_id = s.id) as members
       from segment_snapshot s where s.segment_id = $1 order by s.id desc limit 1`,
    [segmentId],
  )
  return rows[0]
}

test('a snapshot whose first step meets the time limit has every member, in narrower ones', async () => {
  const appId = await base.createApp(DEVICES)
  await base.limit(appId, 8)
  const id = await segment(appId)
  expect(await computeSegments(db, now())).toEqual({ computed: 1, failed: 0 })
  expect(await snapshotOf(id)).toEqual({ state: 'done', members: DEVICES, error: null })
})

test('a snapshot that takes too long bucket by bucket fails and says so, and holds up no other', async () => {
  const [slow, other] = [await base.createApp(DEVICES), await base.createApp(2)]
  await base.limit(slow, 0)
  const [id, behind] = [await segment(slow), await segment(other)]
  expect(await computeSegments(db, now())).toEqual({ computed: 1, failed: 1 })
  expect(await snapshotOf(id)).toMatchObject({
    state: 'failed',
    error: expect.stringContaining('the condition takes longer than a statement may'),
  })
  expect(await snapshotOf(behind)).toMatchObject({ state: 'done', members: 2 })
})

test('a snapshot during which the connection breaks is left to the next run, and holds up no other', async () => {
  const [broken, other] = [await base.createApp(DEVICES), await base.createApp(2)]
  await base.breakConnections(broken)
  const [id, behind] = [await segment(broken), await segment(other)]
  await expect(computeSegments(db, now())).rejects.toThrow('terminating connection')
  expect(await snapshotOf(behind)).toMatchObject({ state: 'done', members: 2 })
  expect(await snapshotOf(id)).toMatchObject({ state: 'computing' })
  await base.limit(broken, 1024)
  expect(await computeSegments(db, now())).toEqual({ computed: 1, failed: 0 })
  expect(await snapshotOf(id)).toMatchObject({ state: 'done', members: DEVICES })
})
