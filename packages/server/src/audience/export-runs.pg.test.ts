/** What becomes of an export that is broken off, written twice, or can't be written. Nothing is written here but by the tests. */
import { inflateRawSync } from 'node:zlib'
import type { SegmentExportView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { sweepErasures } from '../registry/erase/erase.ts'
import type { Database } from '../store/database.ts'
import { EXPORTS_WAITING_MAX, readExport, readFile } from './export.ts'
import { runExports } from './export-writing.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
  app = await server.createApp()
})
afterAll(() => server.close())

const path = (rest: string) => `/v1/apps/${app.app}/${rest}`
const now = () => server.clock.now()
const tagged = (hwid: string, tier: string) => server.device(app, 'setTags', { hwid, tags: { tier } })

/** Asked for, and not written yet. */
async function ask(tier: string): Promise<string> {
  const condition = { tag: 'tier', op: 'eq', value: tier }
  const segment = await server.rest<{ id: string }>('POST', path('segments'), { name: tier, condition })
  const { body } = await server.rest<SegmentExportView>('POST', path(`segments/${segment.body.id}/exports`), {
    format: 'ndjson',
  })
  return body.id
}
const read = async (id: string) =>
  (await server.rest<SegmentExportView>('GET', path(`segment-exports/${id}`))).body

interface Line {
  readonly hwid: string
  readonly userId?: string
}

async function hwidsIn(id: string): Promise<string[]> {
  return (await linesIn(id)).map(it => it.hwid)
}

async function linesIn(id: string): Promise<Line[]> {
  const zip = Buffer.from(await (await fetch((await read(id)).url as string)).arrayBuffer())
  const directory = zip.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'))
  const from = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28)
  const text = inflateRawSync(zip.subarray(from, from + zip.readUInt32LE(directory + 20))).toString('utf8')
  return text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Line)
}

test('one that a stop breaks off is written by whoever comes next, from its beginning', async () => {
  await tagged('stopped-1', 'stopped')
  const id = await ask('stopped')
  let looks = 0
  await expect(runExports(server.db, now(), () => ++looks > 1)).rejects.toThrow('the server is stopped')
  expect(await read(id)).toMatchObject({ state: 'running', url: null })
  await tagged('stopped-2', 'stopped')
  expect(await runExports(server.db, now())).toBe(1)
  expect((await hwidsIn(id)).sort()).toEqual(['stopped-1', 'stopped-2'])
})

test('of two writers of a file the one whose lock was lost leaves nothing in it', async () => {
  await tagged('twice', 'twice')
  const id = await ask('twice')
  const begin = "update segment_export set run = run + 1, state = 'running' where id = $1"
  expect(
    await runExports(
      behindItsBack(() => server.db.query(begin, [id])),
      now(),
    ),
  ).toBe(0)
  expect(await read(id)).toMatchObject({ state: 'running', devices: 0 })
  const { rows } = await server.db.query('select from segment_export_part where export_id = $1', [id])
  expect(rows).toEqual([])
  expect(await runExports(server.db, now())).toBe(1)
  expect(await hwidsIn(id)).toEqual(['twice'])
})

/** The database, where something else happens before the second transaction: the first one is the beginning of a writing. */
function behindItsBack(happen: () => Promise<unknown>): Database {
  const { db } = server
  let transactions = 0
  const other: Pick<Database, 'query' | 'connection' | 'transaction'> = {
    query: (...query) => db.query(...query),
    connection: () => db.connection(),
    transaction: async work => {
      if (++transactions === 2) await happen()
      return db.transaction(work)
    },
  }
  return other as Database
}

test('a page that was read before an erasure and is written after it is found by the sweep, by the name of the person', async () => {
  const login = (userId: string) =>
    server.device(app, 'registerUser', { hwid: 'shared', userId, tags: { tier: 'shared' } })
  await login('anna')
  await tagged('shared', 'shared')
  const id = await ask('shared')
  // The device is somebody else's by then, and stays.
  const erase = async () => {
    await login('ben')
    expect((await server.rest('POST', path('erasures'), { userId: 'anna' })).status).toBe(200)
  }
  await server.device(app, 'registerUser', { hwid: 'other', userId: 'anna' })
  expect(await runExports(behindItsBack(erase), now())).toBe(1)
  expect(await linesIn(id)).toMatchObject([{ hwid: 'shared', userId: 'anna' }])
  await sweepErasures(server.db, now() + 3_600_000)
  expect(await read(id)).toMatchObject({ state: 'waiting', url: null })
  expect(await runExports(server.db, now())).toBe(1)
  expect(await linesIn(id)).toMatchObject([{ hwid: 'shared', userId: 'ben' }])
})

test('a reader of a file that is written again meanwhile gets no file that is made up of two', async () => {
  await tagged('read', 'read')
  const id = await ask('read')
  await runExports(server.db, now())
  const pieces = readFile(server.db, await readExport(server.db, { appId: null, id, at: now() }))
  expect((await pieces.next()).done).toBe(false)
  expect((await server.rest('POST', path('erasures'), { hwid: 'read' })).status).toBe(200)
  await expect(pieces.next()).rejects.toThrow('is written again')
  expect(await read(id)).toMatchObject({ state: 'waiting', url: null })
})

test('one of a condition that makes no sense any more fails, instead of giving an empty file', async () => {
  await server.rest('PUT', path('tags/shade'), { type: 'string' })
  const condition = { tag: 'shade', op: 'eq', value: 'red' }
  const made = await server.rest<{ id: string }>('POST', path('segments'), { name: 'shade', condition })
  const asked = await server.rest<SegmentExportView>('POST', path(`segments/${made.body.id}/exports`), {})
  await server.db.query("update tag_definition set type = 'integer' where name = 'shade'")
  await runExports(server.db, now())
  expect(await read(asked.body.id)).toMatchObject({
    state: 'failed',
    url: null,
    error: expect.stringContaining('tag "shade" is of type integer'),
  })
})

test('of one app only so many wait; what is written makes room, and other apps are asked as ever', async () => {
  const [busy, other] = [await server.createApp(), await server.createApp()]
  const ofApp = async ({ app: code }: Access) => {
    const segment = { name: 'all', condition: { field: 'hwid', op: 'set' } }
    const { body } = await server.rest<{ id: string }>('POST', `/v1/apps/${code}/segments`, segment)
    return () => server.rest('POST', `/v1/apps/${code}/segments/${body.id}/exports`, {})
  }
  const [ask, askOther] = [await ofApp(busy), await ofApp(other)]
  for (let i = 0; i < EXPORTS_WAITING_MAX; i++) expect((await ask()).status).toBe(202)
  expect(await ask()).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
  expect((await askOther()).status).toBe(202)
  await server.db.query(
    `update segment_export set state = 'done'
      where id = (select max(id::text)::uuid from segment_export where app_id = (select id from app where code = $1))`,
    [busy.app],
  )
  expect((await ask()).status).toBe(202)
})
