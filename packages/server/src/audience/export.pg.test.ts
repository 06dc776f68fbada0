/** The way out of the base and back: segment, export, bulk removal, undo. */
import { inflateRawSync } from 'node:zlib'
import type { SegmentExportView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SERVER_TOKEN, startRoost, type TestRoost } from '../../test/roost.ts'
import { runExports } from './export-writing.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const path = (rest: string) => `/v1/apps/${roost.app}/${rest}`

async function segmentOf(tier: string): Promise<string> {
  const condition = { tag: 'tier', op: 'eq', value: tier }
  return (await roost.rest<{ id: string }>('POST', path('segments'), { name: tier, condition })).body.id
}

async function exported(segment: string, settings: object): Promise<SegmentExportView> {
  const { status, body } = await roost.rest<SegmentExportView>(
    'POST',
    path(`segments/${segment}/exports`),
    settings,
  )
  expect([status, body.url]).toEqual([202, null])
  const read = async () =>
    (await roost.rest<SegmentExportView>('GET', path(`segment-exports/${body.id}`))).body
  await expect.poll(async () => (await read()).state).toBe('done')
  return read()
}

/** The only file of a zip whose sizes stand in its directory, as those of streams do. */
function unzipped(zip: Buffer): { name: string; text: string } {
  const directory = zip.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'))
  const compressed = zip.readUInt32LE(directory + 20)
  const name = zip.toString('utf8', 30, 30 + zip.readUInt16LE(26))
  const from = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28)
  return { name, text: inflateRawSync(zip.subarray(from, from + compressed)).toString('utf8') }
}

const download = (url: string) => fetch(url)

test('a segment is exported, its devices are removed in bulk, and the removal can be taken back', async () => {
  const silver = await roost.phone('android', { tags: { tier: 'silver' } })
  const gold = [
    await roost.phone('android', { tags: { tier: 'gold' } }),
    await roost.phone('ios', { tags: { tier: 'gold' } }),
  ]
  const done = await exported(await segmentOf('gold'), { format: 'ndjson' })
  expect(done).toMatchObject({ progress: 1, devices: 2, error: null })
  const file = await download(done.url as string)
  expect([file.status, file.headers.get('content-type')]).toEqual([200, 'application/zip'])
  const { name, text } = unzipped(Buffer.from(await file.arrayBuffer()))
  expect(name).toMatch(new RegExp(`^export_segment_${roost.app}_\\d+\\.ndjson$`))
  const lines = text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { hwid: string; pushToken: string })
  expect(lines.map(it => it.hwid).sort()).toEqual(gold.map(it => it.hwid).sort())
  for (const line of lines) expect(line.pushToken).toMatch(/^….{8}$/)

  const before = new Date(roost.clock.now()).toISOString()
  const answer = await fetch(`${roost.url}/api/v2/audience/bulkUnregisterDevice`, {
    method: 'POST',
    body: JSON.stringify({
      auth: SERVER_TOKEN,
      application: roost.app,
      devices: lines.map(({ hwid }) => ({ hwid })),
    }),
  })
  expect(answer.status).toBe(200)
  const states = () =>
    Promise.all([...gold, silver].map(async it => (await roost.view(it.hwid)).addresses[0]?.state))
  await expect.poll(states).toEqual(['dead', 'dead', 'active'])

  const undo = await roost.rest('POST', path('removals/undo'), { from: before })
  expect(undo.status).toBeLessThan(300)
  await expect.poll(states).toEqual(['active', 'active', 'active'])
})

test('whoever is erased leaves the files that name them at once, and their links give the others', async () => {
  const [gone, kept] = [
    await roost.phone('android', { tags: { tier: 'left' } }),
    await roost.phone('android', { tags: { tier: 'left' } }),
  ]
  const person = await roost.phone('ios', { tags: { tier: 'left' }, userId: 'leaver' })
  const left = await segmentOf('left')
  const [file, other] = [await exported(left, {}), await exported(await segmentOf('nobody else'), {})]
  const textOf = async (it: SegmentExportView) => {
    const answer = await download(it.url as string)
    return answer.status === 200 ? unzipped(Buffer.from(await answer.arrayBuffer())).text : null
  }
  const hwidsIn = async () =>
    (await textOf(file))
      ?.trim()
      .split('\n')
      .slice(1)
      .map(line => line.split(',')[0])
  const all = [gone.hwid, kept.hwid, person.hwid].sort()
  expect((await hwidsIn())?.sort()).toEqual(all)
  // Their name is in the file, whoever has the phone now.
  await roost.device('registerUser', { hwid: person.hwid, userId: 'another' })

  for (const target of [{ userId: 'leaver' }, { hwid: gone.hwid }]) {
    expect((await roost.rest('POST', path('erasures'), target)).status).toBe(200)
    const text = (await textOf(file)) ?? ''
    for (const word of Object.values(target)) expect(text).not.toContain(word)
    await runExports(roost.server.db, roost.clock.now())
    await expect.poll(hwidsIn).not.toBeUndefined()
  }
  expect((await hwidsIn())?.sort()).toEqual([kept.hwid, person.hwid].sort())
  expect(await textOf(file)).not.toContain('leaver')
  const after = await roost.rest<SegmentExportView>('GET', path(`segment-exports/${file.id}`))
  expect(after.body).toMatchObject({ state: 'done', devices: 2, expiresAt: file.expiresAt })
  const untouched = await roost.rest<SegmentExportView>('GET', path(`segment-exports/${other.id}`))
  expect(untouched.body.finishedAt).toBe(other.finishedAt)
})

test('the link to a file is of this file alone, and ends after a day', async () => {
  const segment = await segmentOf('nobody')
  const [one, other] = [await exported(segment, {}), await exported(segment, {})]
  expect((await download(one.url as string)).status).toBe(200)
  expect((await download((one.url as string).replace(one.id, other.id))).status).toBe(404)
  expect((await download((one.url as string).replace(/key=.*/, 'key=AAAA'))).status).toBe(404)
  roost.clock.advance(25 * 3_600_000)
  expect((await download(one.url as string)).status).toBe(404)
  expect((await roost.rest('GET', path(`segment-exports/${one.id}`))).status).toBe(404)
})
