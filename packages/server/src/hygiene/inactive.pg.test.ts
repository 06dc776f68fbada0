/** R15: addresses of devices that do not open the app leave the base where the app wishes it, and come back. Over the HTTP API. */
import { randomBytes } from 'node:crypto'
import type { AddressPolicyChange, AlertView, PolicyPreview } from '@roost/protocol'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { untilHeldUp } from '../../test/held-up.ts'
import { hashOf } from '../insight/receipts.ts'
import { ageAddresses } from './aging.ts'
import { finishUndos } from './undo.ts'

const DAY_MS = 24 * 3_600_000
const IOS = 1
const ANDROID = 3

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
})
afterAll(() => server.close())
beforeEach(async () => {
  app = await server.createApp()
})

const newToken = () => randomBytes(32).toString('hex')
const path = (rest: string) => `/v1/apps/${app.app}/${rest}`
const call = (method: string, hwid: string, fields: object = {}) =>
  server.device(app, method, { hwid, device_type: IOS, ...fields })
const register = (hwid: string, fields: object = {}) =>
  call('registerDevice', hwid, { push_token: newToken(), ...fields })
const open = (hwid: string) => call('applicationOpen', hwid)
const setPolicy = (change: AddressPolicyChange) => server.rest('PATCH', path('address-policy'), change)
const pass = (days: number) => server.clock.advance(days * DAY_MS)
const age = () => ageAddresses(server.db, server.clock.now())
const addressOf = async (hwid: string) => {
  const [first] = (await server.view(app, hwid)).addresses
  return first && { state: first.state, reason: first.reason }
}
const ACTIVE = { state: 'active', reason: null }
const INACTIVE = { state: 'dead', reason: 'inactive' }

test('R15: who has not opened the app for 90 days is inactive where the app wishes it, and the next open alone brings the address back', async () => {
  await register('away')
  await open('away')
  pass(91)
  await age()
  expect(await addressOf('away'), 'off by default').toEqual(ACTIVE)
  await setPolicy({ removeInactive: true })
  await age()
  expect(await addressOf('away')).toEqual(INACTIVE)
  await open('away')
  expect(await addressOf('away')).toEqual(ACTIVE)
  await age()
  expect(await addressOf('away')).toEqual(ACTIVE)
  expect(await server.ledger(app, 'away')).toMatchObject([
    { event: 'registered' },
    { event: 'dead', reason: 'inactive', evidence: { days: 90, lastOpenAt: expect.any(String) } },
    { event: 'restored', reason: 'opened', evidence: { formerState: 'dead', removedFor: 'inactive' } },
  ])
})

test('R15: only an open counts, not what the app calls in the background; who never told of one is judged by the calls', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  for (const hwid of ['opens', 'background']) {
    await register(hwid)
    await open(hwid)
  }
  const token = newToken()
  await register('silent', { push_token: token })
  await register('calls')
  for (let n = 0; n < 4; n++) {
    pass(10)
    await open('opens')
    await call('setTags', 'background', { tags: { n } })
    await call('setTags', 'calls', { tags: { n } })
  }
  await age()
  expect(await addressOf('opens')).toEqual(ACTIVE)
  expect(await addressOf('background')).toEqual(INACTIVE)
  expect(await addressOf('silent')).toEqual(INACTIVE)
  expect(await addressOf('calls')).toEqual(ACTIVE)
})

test('R15: whoever opens a push opens the app, and who never told of an open is heard of by receipts', async () => {
  for (const hwid of ['opens', 'swipes', 'receives']) await register(hwid)
  for (const hwid of ['opens', 'swipes']) await open(hwid)
  await setPolicy({ removeInactive: true })
  pass(80)
  const content = { to: { devices: ['opens', 'swipes', 'receives'] }, content: { title: 'Hello' } }
  const { body } = await server.rest<{ id: string }>('POST', path('messages'), content)
  const tell = (hwid: string, kind: string) =>
    server.rest('POST', path('receipts'), { receipts: [{ hwid, kind, hash: hashOf(body.id) }] })
  await tell('opens', 'opened')
  await tell('swipes', 'dismissed')
  await tell('receives', 'delivered')
  pass(20)
  await age()
  expect(await addressOf('opens')).toEqual(ACTIVE)
  expect(await addressOf('swipes')).toEqual(INACTIVE)
  expect(await addressOf('receives')).toEqual(ACTIVE)
})

test('R15: a registration brings an inactive address back for a whole term, also when the device opens nothing', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  const token = newToken()
  await register('back', { push_token: token })
  await open('back')
  pass(31)
  await age()
  expect(await addressOf('back')).toEqual(INACTIVE)
  await register('back', { push_token: token })
  for (const days of [0, 29]) {
    pass(days)
    await age()
    expect(await addressOf('back')).toEqual(ACTIVE)
  }
  pass(2)
  await age()
  expect(await addressOf('back')).toEqual(INACTIVE)
})

test('R15, R27: an inactive address is kept for the next open as long as it would have lived otherwise', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  for (const hwid of ['opens-late', 'never-opens']) await register(hwid)
  pass(31)
  await age()
  pass(300)
  await age()
  expect(await addressOf('opens-late')).toEqual(INACTIVE)
  await open('opens-late')
  expect(await addressOf('opens-late')).toEqual(ACTIVE)
  pass(35)
  await age()
  expect(await addressOf('never-opens')).toBeUndefined()
})

test('R10, R15: of a device that does not open the app calls still ring', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  await call('registerDevice', 'rings', { push_token: newToken(), voip_push_token: newToken() })
  pass(40)
  await age()
  const kinds = (await server.view(app, 'rings')).addresses.map(it => [it.kind, it.state])
  expect(Object.fromEntries(kinds)).toMatchObject({ alert: 'dead' })
  for (const [kind, state] of kinds) if (kind !== 'alert') expect(state).toBe('active')
})

describe('an open brings back only what silence has ended', () => {
  test('R15: not who asked to be left alone after that', async () => {
    await setPolicy({ removeInactive: true, inactiveDays: 30 })
    await register('asked')
    pass(31)
    await age()
    await call('unregisterDevice', 'asked')
    await open('asked')
    expect(await addressOf('asked')).toMatchObject({ state: 'dead', reason: 'unregistered' })
  })

  test('R3, R15: not an address that another device holds by now', async () => {
    await setPolicy({ removeInactive: true, inactiveDays: 30 })
    const token = newToken()
    await register('former', { push_token: token })
    pass(31)
    await age()
    await register('holder', { push_token: token })
    await open('former')
    expect(await addressOf('former')).not.toMatchObject({ state: 'active' })
    expect(await addressOf('holder')).toEqual(ACTIVE)
  })

  test('R2, R15: not one that its device has replaced', async () => {
    await setPolicy({ removeInactive: true, inactiveDays: 30 })
    await register('replacing')
    pass(31)
    await age()
    await register('replacing')
    await open('replacing')
    const states = (await server.view(app, 'replacing')).addresses.map(it => it.state)
    expect(states.sort()).toEqual(['active', 'dead'])
  })

  test('R15: after a year without a call an APNs address, but no FCM token after 270 days, which Google has ended', async () => {
    await register('year')
    await call('registerDevice', 'days', { push_token: newToken(), device_type: ANDROID })
    pass(366)
    await age()
    const dead = { state: 'dead', reason: 'not_heard_of' }
    expect([await addressOf('year'), await addressOf('days')]).toEqual([dead, dead])
    await open('year')
    await call('applicationOpen', 'days', { device_type: ANDROID })
    expect([await addressOf('year'), await addressOf('days')]).toEqual([ACTIVE, dead])
  })
})

test('R15: an open that is being stored while its address is to end keeps it', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  await register('racing')
  pass(31)
  const aging = await server.db.transaction(async tx => {
    await tx.query("update device set last_open_at = $1 where hwid = 'racing'", [
      new Date(server.clock.now()),
    ])
    const running = age()
    await untilHeldUp(server.db)
    return { running }
  })
  await aging.running
  expect(await addressOf('racing')).toEqual(ACTIVE)
})

test('R15: an open that comes while its address is being ended brings it back', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  await register('beaten')
  pass(31)
  const opening = await server.db.transaction(async tx => {
    await tx.query("select from device where hwid = 'beaten' for update")
    const running = open('beaten')
    await untilHeldUp(server.db)
    await tx.query(
      "update address set state = 'dead', reason = 'inactive', generation = generation + 1 where hwid = 'beaten'",
    )
    return { running }
  })
  await opening.running
  expect(await addressOf('beaten')).toEqual(ACTIVE)
})

test('R15: the preview counts by platform, reason and age exactly what the next run removes, and changes nothing', async () => {
  const ages = [2, 20, 50, 100, 100, 200]
  const start = Math.max(...ages)
  let passed = 0
  for (const [i, days] of [...ages.entries()].sort(([, a], [, b]) => b - a)) {
    pass(start - days - passed)
    passed = start - days
    await register(`aged-${i}`)
    if (i !== 4) await open(`aged-${i}`)
  }
  await call('registerDevice', 'droid', { push_token: newToken(), device_type: ANDROID })
  pass(start - passed)
  const seen = await server.rest<PolicyPreview>('POST', path('address-policy/preview'), { inactiveDays: 60 })
  expect(seen.status).toBe(200)
  expect(seen.body).toMatchObject({
    policy: { removeInactive: true, inactiveDays: 60, fcmDeadDays: 270 },
    addresses: 7,
    wouldRemove: 3,
    byPlatform: [
      { platform: 'ios', addresses: 6, wouldRemove: 3 },
      { platform: 'android', addresses: 1, wouldRemove: 0 },
    ],
    removed: [{ reason: 'inactive', platform: 'ios', count: 3 }],
  })
  expect(seen.body.byAge.filter(it => it.addresses > 0)).toEqual([
    { fromDays: 1, toDays: 7, addresses: 2, neverOpened: 1 },
    { fromDays: 14, toDays: 30, addresses: 1, neverOpened: 0 },
    { fromDays: 30, toDays: 60, addresses: 1, neverOpened: 0 },
    { fromDays: 90, toDays: 180, addresses: 2, neverOpened: 1 },
    { fromDays: 180, toDays: 270, addresses: 1, neverOpened: 0 },
  ])
  expect((await server.rest('GET', path('address-policy'))).body).toMatchObject({ removeInactive: false })
  await setPolicy({ removeInactive: true, inactiveDays: 60 })
  await age()
  const states = await Promise.all(ages.map(async (_, i) => (await addressOf(`aged-${i}`))?.reason))
  expect(states).toEqual([null, null, null, 'inactive', 'inactive', 'inactive'])
  expect(await addressOf('droid')).toEqual(ACTIVE)
})

test('R15: very many inactive at once raise an alert with its remedy, an undo takes all of it back, and the alert closes by itself', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  await Promise.all(Array.from({ length: 120 }, (_, n) => register(`mass-${n}`)))
  pass(31)
  await register('fresh')
  await age()
  const alerts = async (state: string) =>
    (await server.rest<{ alerts: AlertView[] }>('GET', path(`alerts?state=${state}`))).body.alerts
  expect(await alerts('open')).toMatchObject([
    {
      kind: 'mass_inactive',
      data: { removed: 120, left: 1 },
      remedy: expect.stringContaining('removals/undo'),
    },
  ])
  await setPolicy({ removeInactive: false })
  await server.rest('POST', path('removals/undo'), { reasons: ['inactive'] })
  await finishUndos(server.db, server.clock.now())
  expect(await addressOf('mass-7')).toEqual(ACTIVE)
  await setPolicy({ removeInactive: true })
  pass(2)
  expect((await age()).removed, 'they have begun a new term').toEqual([])
  expect(await alerts('open')).toEqual([])
  expect(await alerts('closed')).toMatchObject([{ kind: 'mass_inactive', closedBy: 'roost' }])
})

test('two sweeps at once end each address once, and count it once', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  await Promise.all(Array.from({ length: 60 }, (_, n) => register(`twice-${n}`)))
  pass(31)
  const sweeps = await Promise.all([age(), age(), age()])
  const { rows } = await server.db.query<{ entries: number; addresses: number }>(
    `select count(*)::integer as entries, count(distinct hwid)::integer as addresses from ledger
      where hwid like 'twice-%' and event = 'dead'`,
  )
  expect(rows).toEqual([{ entries: 60, addresses: 60 }])
  const counted = sweeps.flatMap(it => it.removed).reduce((sum, it) => sum + it.count, 0)
  expect(counted).toBeGreaterThanOrEqual(60)
  expect((await age()).removed).toEqual([])
})

test('a sweep ends where the server stops, and the next one does the rest', async () => {
  await setPolicy({ removeInactive: true, inactiveDays: 30 })
  await register('later')
  pass(31)
  const stopped = { isStopped: () => true }
  expect((await ageAddresses(server.db, server.clock.now(), stopped)).removed).toEqual([])
  expect(await addressOf('later')).toEqual(ACTIVE)
  await age()
  expect(await addressOf('later')).toEqual(INACTIVE)
})
