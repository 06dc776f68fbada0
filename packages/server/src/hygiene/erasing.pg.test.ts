/** R15: devices without an address that nobody has heard of for very long are erased whole, where the app wishes it. */
import { randomBytes } from 'node:crypto'
import type { ErasureView, PolicyPreview } from '@roost/protocol'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { untilHeldUp } from '../../test/held-up.ts'
import { ageAddresses } from './aging.ts'
import { eraseSilent } from './erasing.ts'
import { finishUndos } from './undo.ts'

const DAY_MS = 24 * 3_600_000

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
})
afterAll(() => server.close())
beforeEach(async () => {
  app = await server.createApp()
  await server.db.query('delete from address_policy') // of the apps of other tests
})

const path = (rest: string) => `/v1/apps/${app.app}/${rest}`
const call = (method: string, hwid: string, fields: object = {}) =>
  server.device(app, method, { hwid, device_type: 1, ...fields })
const register = (hwid: string) =>
  call('registerDevice', hwid, { push_token: randomBytes(32).toString('hex') })
const setPolicy = (change: object) => server.rest('PATCH', path('address-policy'), change)
const pass = (days: number) => server.clock.advance(days * DAY_MS)
const run = () => eraseSilent(server.db, server.clock.now())
const isThere = async (hwid: string) => (await server.rest('GET', path(`devices/${hwid}`))).status === 200
const ERASED = (count: number) => [{ reason: 'erased', platform: 'ios', count }]

test('R15: a device without an address is erased after the days that the app has chosen; off by default', async () => {
  await register('gone')
  await call('unregisterDevice', 'gone')
  await call('applicationOpen', 'never-registered')
  await register('reachable')
  pass(400)
  expect(await run()).toEqual([])
  expect((await setPolicy({ eraseDays: 365 })).body).toMatchObject({ eraseDays: 365 })
  const { body } = await server.rest<PolicyPreview>('POST', path('address-policy/preview'), {
    removeInactive: false,
    otherDeadDays: 1000,
  })
  expect(body.removed).toEqual(ERASED(2))
  expect(await run()).toEqual(ERASED(2))
  expect([await isThere('gone'), await isThere('never-registered'), await isThere('reachable')]).toEqual([
    false,
    false,
    true,
  ])
  const { rows } = await server.db.query("select from ledger where hwid = 'gone'")
  expect(rows, 'nothing is left of it').toEqual([])
  expect(await run()).toEqual([])
})

test('R15: what was erased so can be shown by each name', async () => {
  await call('applicationOpen', 'proof-1')
  await call('applicationOpen', 'proof-2')
  await setPolicy({ eraseDays: 30 })
  pass(31)
  await run()
  const of = async (name: string) =>
    (await server.rest<{ erasures: ErasureView[] }>('GET', path(`erasures?name=${name}`))).body.erasures
  const [record] = await of('proof-1')
  expect(record).toMatchObject({
    subject: 'devices',
    by: 'roost: eraseDays',
    counts: { device: expect.any(Number) },
  })
  expect(await of('proof-2')).toMatchObject([{ subject: 'devices', by: 'roost: eraseDays' }])
  expect(await of('proof-3')).toEqual([])
})

test.each([
  ['the device calls in', (hwid: string) => call('setTags', hwid, { tags: { n: 1 } })],
  ['it opens the app', (hwid: string) => call('applicationOpen', hwid)],
  [
    'a back end tells of it',
    (hwid: string) => server.rest('PATCH', path(`devices/${hwid}`), { tags: { n: 1 } }),
  ],
  ['it registers', (hwid: string) => register(hwid)],
])('R15: it stays when %s', async (_, act) => {
  await setPolicy({ eraseDays: 60 })
  await call('applicationOpen', 'alive')
  pass(50)
  await act('alive')
  pass(20)
  expect(await run()).toEqual([])
  expect(await isThere('alive')).toBe(true)
})

test('R15: a device whose address has ended is kept for as long as an undo may bring it back', async () => {
  await setPolicy({ eraseDays: 30, removeInactive: true, inactiveDays: 30 })
  await register('wrongly')
  pass(400)
  await ageAddresses(server.db, server.clock.now())
  expect(await run()).toEqual([])
  pass(29)
  expect(await run()).toEqual([])
  await server.rest('POST', path('removals/undo'), { reasons: ['not_heard_of', 'inactive'] })
  await finishUndos(server.db, server.clock.now())
  expect((await server.view(app, 'wrongly')).addresses).toMatchObject([{ state: 'active' }])
  pass(5)
  expect(await run()).toEqual([])
})

test('R15: a device that calls in while it is to be erased stays, with all that names it, and the others go', async () => {
  await setPolicy({ eraseDays: 30 })
  for (const hwid of ['back-again', 'still-gone']) await call('applicationOpen', hwid)
  const message = { to: { devices: ['back-again'] }, content: { title: 'Hello' } }
  const later = new Date(server.clock.now() + 90 * DAY_MS).toISOString()
  const sent = await server.rest<{ id: string }>('POST', path('messages'), { ...message, sendAt: later })
  pass(31)
  const erasing = await server.db.transaction(async tx => {
    await tx.query("update device set last_seen_at = $1 where hwid = 'back-again'", [
      new Date(server.clock.now()),
    ])
    const running = run()
    await untilHeldUp(server.db)
    return { running }
  })
  expect(await erasing.running).toEqual([{ reason: 'erased', platform: 'ios', count: 1 }])
  expect([await isThere('back-again'), await isThere('still-gone')]).toEqual([true, false])
  const { rows } = await server.db.query('select target from message where id = $1', [sent.body.id])
  expect(rows).toEqual([{ target: { devices: ['back-again'] } }])
})
