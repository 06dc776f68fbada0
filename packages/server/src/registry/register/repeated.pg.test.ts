/** Registrations that repeat what is stored: the clocks move, and whatever is different after all is stored. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

function phone(hwid: string) {
  return {
    hwid,
    device_type: 1,
    push_token: randomBytes(32).toString('hex'),
    app_version: '1.0',
    os_version: '18.1',
    device_model: 'iPhone',
    language: 'en',
    timezone: 3600,
    userId: 'ann',
    client_seq: 5,
  }
}

interface Stored {
  readonly generation: number
  readonly state: string
  readonly seen: string
  readonly registered: string
  readonly written: string
}

async function stored(hwid: string): Promise<Stored[]> {
  const { rows } = await server.db.query<Stored>(
    `select a.generation, a.state, d.last_seen_at as seen, a.last_registered_at as registered, d.xmin::text as written
       from device d left join address a using (bucket, app_id, hwid) where hwid = $1 order by first_registered_at`,
    [hwid],
  )
  return rows
}

test('a repeated registration moves the clocks and the generation on, and tells the ledger nothing', async () => {
  const it = phone('repeated')
  await server.device(app, 'registerDevice', it)
  const [before] = await stored(it.hwid)
  server.clock.advance(60_000)
  expect((await server.device(app, 'registerDevice', it)).body).toMatchObject({ status_code: 200 })
  const [after, ...others] = await stored(it.hwid)
  expect(others).toEqual([])
  expect(after).toMatchObject({ generation: (before?.generation ?? 0) + 1, state: 'active' })
  expect(Date.parse(after?.seen ?? '')).toBeGreaterThanOrEqual(Date.parse(before?.seen ?? '') + 60_000)
  expect(after?.registered).toBe(after?.seen)
  expect((await server.ledger(app, it.hwid)).map(entry => entry.event)).toEqual(['registered'])
})

test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
  ['another version', { app_version: '2.0' }, { appVersion: '2.0' }],
  ['another system', { os_version: '19.0' }, { osVersion: '19.0' }],
  ['another model', { device_model: 'iPad' }, { deviceModel: 'iPad' }],
  ['another language', { language: 'it' }, { language: 'it' }],
  ['another user', { userId: 'ben' }, { userId: 'ben' }],
  ['tags', { tags: { tier: 'gold' } }, { tags: { tier: 'gold' } }],
])('one that says %s stores it, beside a hundred that say nothing new', async (what, change, view) => {
  const others = Array.from({ length: 100 }, (_, n) => phone(`${what}-${n}`))
  const it = phone(what)
  await Promise.all([...others, it].map(one => server.device(app, 'registerDevice', one)))
  const answers = await Promise.all(
    [...others, { ...it, ...change }].map(one => server.device(app, 'registerDevice', one)),
  )
  expect(answers.every(answer => answer.body.status_code === 200)).toBe(true)
  expect(await server.view(app, it.hwid)).toMatchObject(view)
  expect(await stored(it.hwid)).toMatchObject([{ state: 'active', generation: 2 }])
  expect(await stored(others[50]?.hwid ?? '')).toMatchObject([{ state: 'active', generation: 2 }])
})

test('one with another token replaces the address', async () => {
  const it = phone('other token')
  await server.device(app, 'registerDevice', it)
  await server.device(app, 'registerDevice', { ...it, push_token: randomBytes(32).toString('hex') })
  expect((await stored(it.hwid)).map(row => row.state)).toEqual(['superseded', 'active'])
})

test('one that a later call has overtaken changes nothing, and is told so (R5)', async () => {
  const it = phone('overtaken')
  await server.device(app, 'registerDevice', { ...it, client_seq: 9 })
  const [before] = await stored(it.hwid)
  server.clock.advance(60_000)
  expect((await server.device(app, 'registerDevice', it)).body.response).toMatchObject({ stale: true })
  expect(await stored(it.hwid)).toEqual([before])
})

test.each(['suspect', 'quarantined', 'dead', 'superseded', 'moved'])(
  'an address that is %s is active after it (R6), and the ledger says why',
  async state => {
    const it = phone(`was ${state}`)
    await server.device(app, 'registerDevice', it)
    await server.db.query('update address set state = $1 where hwid = $2', [state, it.hwid])
    await server.device(app, 'registerDevice', it)
    expect(await stored(it.hwid)).toMatchObject([{ state: 'active', generation: 2 }])
    expect((await server.ledger(app, it.hwid)).map(entry => entry.event)).toEqual([
      'registered',
      state === 'suspect' ? 'confirmed' : 'restored',
    ])
  },
)

test('a token that went to another device and comes back is taken from it (R3)', async () => {
  const it = phone('first holder')
  await server.device(app, 'registerDevice', it)
  await server.device(app, 'registerDevice', { ...it, hwid: 'second holder' })
  await server.device(app, 'registerDevice', it)
  expect(await stored(it.hwid)).toMatchObject([{ state: 'active' }])
  expect(await stored('second holder')).toMatchObject([{ state: 'moved' }])
})
