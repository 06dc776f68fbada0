/** Plain registrations: what the one statement stores, what it leaves to the long way, and how it finds rows. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { cloneDatabase } from '../../../test/database.ts'
import { Database } from '../../store/database.ts'
import { STORE_PLAIN } from './plain.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

function phone(hwid: string) {
  return { hwid, device_type: 1, push_token: randomBytes(32).toString('hex'), app_version: '1.0' }
}

async function writerOf(hwid: string): Promise<unknown> {
  const { rows } = await server.db.query(
    `select d.xmin::text = a.xmin::text as "together", a.generation, d.record
       from device d join address a using (bucket, app_id, hwid) where d.hwid = $1`,
    [hwid],
  )
  return rows
}

interface Plan {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly Plan[]
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

test('the plan that is kept finds rows by their whole key, though it was made while the tables were empty', async () => {
  const empty = await cloneDatabase()
  const db = new Database({ url: empty.url })
  try {
    const columns = Array.from({ length: 25 }, () => '{}')
    const explained = { name: 'explained', text: `explain (format json) ${STORE_PLAIN.text}` }
    const { rows } = await db.once<{ 'QUERY PLAN': [{ Plan: Plan }] }>(explained, columns)
    const nodes = nodesOf((rows[0] as { 'QUERY PLAN': [{ Plan: Plan }] })['QUERY PLAN'][0].Plan)
    const kinds = new Set(nodes.map(it => it['Node Type']))
    expect([...kinds].filter(it => /Seq Scan|Hash Join|Merge Join|Bitmap/.test(it))).toEqual([])
    const scans = nodes.filter(it => it['Index Name'] !== undefined)
    expect(scans.map(it => it['Index Name']).sort()).toEqual(['address_pkey', 'address_pkey', 'device_pkey'])
    for (const it of scans) expect(it['Index Cond']).toMatch(/bucket.*app_id.*hwid/)
  } finally {
    await db.close()
    await empty.drop()
  }
})

test('a device that was never seen is stored with its address and its first entry in the ledger, in one transaction', async () => {
  const it = { ...phone('new'), client_seq: 3, userId: 'ann', bundle_id: 'com.example' }
  await server.device(app, 'registerDevice', it)
  expect(await writerOf('new')).toEqual([
    { together: true, generation: 1, record: { bundleId: 'com.example' } },
  ])
  expect(await server.view(app, 'new')).toMatchObject({ userId: 'ann', appVersion: '1.0' })
  expect((await server.ledger(app, 'new')).map(entry => entry.event)).toEqual(['registered'])
})

test('its second registration is plain already: nothing that the first one left unsaid stands in its way (R0)', async () => {
  const it = phone('second')
  await server.device(app, 'registerDevice', it)
  await server.device(app, 'registerDevice', it)
  expect(await writerOf('second')).toEqual([{ together: true, generation: 2, record: {} }])
})

test('a new device with the address of another one takes it over (R3)', async () => {
  const former = phone('former')
  await server.device(app, 'registerDevice', former)
  await server.device(app, 'registerDevice', { ...former, hwid: 'next' })
  expect(await server.view(app, 'former')).toMatchObject({ addresses: [{ state: 'moved' }] })
  expect(await server.view(app, 'next')).toMatchObject({ addresses: [{ state: 'active' }] })
})

test.each(['\\', '"', '{', '}', ',', 'NULL', 'a b', '\\"', "'", 'a\nb', 'ü€😀'])(
  'what a device says is stored letter by letter: %j',
  async text => {
    const it = { ...phone(`says ${JSON.stringify(text)}`), app_version: text, bundle_id: text }
    await server.device(app, 'registerDevice', it)
    expect(await server.view(app, it.hwid)).toMatchObject({ appVersion: text })
    await server.device(app, 'registerDevice', it)
    expect(await writerOf(it.hwid)).toMatchObject([{ generation: 2, record: { bundleId: text } }])
  },
)
