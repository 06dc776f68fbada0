/** R1d, R4, R15, R27 and R29: what time does to addresses. Over the HTTP API and the stand-ins, with a clock that is moved. */
import type { AlertView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { hashOf } from '../insight/receipts.ts'
import { ageAddresses, endExpired } from './aging.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())
beforeEach(() => roost.clock.advance(HOUR_MS))

const hello = (hwid: string) => ({ to: { devices: [hwid] }, content: { title: 'Hello' } })
const addressesOf = async (phone: Phone) =>
  (await roost.view(phone.hwid)).addresses.map(({ state, reason }) => ({ state, reason }))
const tellOf = async ({ hwid }: Phone, messageId: string) => {
  const receipts = [{ hwid, kind: 'delivered', hash: hashOf(messageId) }]
  expect((await roost.rest('POST', path('receipts'), { receipts })).body).toMatchObject({ counted: 1 })
}
const age = () => ageAddresses(roost.server.db, roost.clock.now())
const path = (rest: string) => `/v1/apps/${roost.app}/${rest}`

/** What the gateway says of every send to it: dead since before it was registered. */
async function oldDeath(times: number): Promise<{ phone: Phone; timestamp: number }> {
  const phone = await roost.phone('ios')
  const timestamp = roost.clock.now() - HOUR_MS
  const spec = { status: 410, reason: 'Unregistered', timestamp } as const
  roost.simulator.apns.faults.answerFor(phone.token as string, spec, times)
  return { phone, timestamp }
}

test('R1d: a 410 from before the registration that comes three times over a day is believed: quarantined, until it registers', async () => {
  const { phone } = await oldDeath(3)
  for (let i = 0; i < 2; i++) {
    await roost.sendAndSettle(hello(phone.hwid))
    expect(await addressesOf(phone)).toEqual([{ state: 'active', reason: null }])
    roost.clock.advance(13 * HOUR_MS)
  }
  await roost.sendAndSettle(hello(phone.hwid))
  expect(await addressesOf(phone)).toEqual([{ state: 'quarantined', reason: 'Unregistered' }])
  await phone.register()
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
})

test('R1d: three such answers within a day, and two that an acceptance follows, change nothing', async () => {
  const { phone: often } = await oldDeath(4)
  for (let i = 0; i < 4; i++) await roost.sendAndSettle(hello(often.hwid))
  expect(await addressesOf(often)).toEqual([{ state: 'active', reason: null }])

  const { phone: accepted, timestamp } = await oldDeath(2)
  const again = async () => {
    await roost.sendAndSettle(hello(accepted.hwid))
    roost.clock.advance(13 * HOUR_MS)
  }
  await again()
  await again()
  expect((await roost.sendAndSettle(hello(accepted.hwid))).counts).toMatchObject({ accepted: 1 })
  const spec = { status: 410, reason: 'Unregistered', timestamp } as const
  roost.simulator.apns.faults.answerFor(accepted.token as string, spec, 1)
  await again()
  expect(await addressesOf(accepted)).toEqual([{ state: 'active', reason: null }])
})

test('R4, race C: devices that take an address from each other raise one alert, and the last one has it', async () => {
  const token = roost.simulator.apns.issueToken({ bundleId: 'com.example.test' })
  const register = async (hwid: string) =>
    expect(
      (await roost.device('registerDevice', { hwid, device_type: 1, push_token: token })).body.status_code,
    ).toBe(200)
  const alerts = async () =>
    (await roost.rest<{ alerts: AlertView[] }>('GET', path('alerts?state=open'))).body.alerts
  for (const hwid of ['clone-1', 'clone-2', 'clone-1', 'clone-2']) await register(hwid)
  expect(await alerts(), 'three changes of hands').toEqual([])
  for (const hwid of ['clone-1', 'clone-2', 'clone-1']) await register(hwid)
  const raised = await alerts()
  expect(raised).toMatchObject([
    { kind: 'address_flapping', data: { provider: 'apns', addressEnd: token.slice(-8) }, held: 0 },
  ])
  expect((await roost.view('clone-1')).addresses).toMatchObject([{ state: 'active' }])
  expect((await roost.view('clone-2')).addresses).toMatchObject([{ state: 'moved' }])
  await roost.rest('POST', path(`alerts/${raised[0]?.id}/close`))
})

test('R4: an address that changes hands once a day raises no alert', async () => {
  const token = roost.simulator.apns.issueToken({ bundleId: 'com.example.test' })
  for (let i = 0; i < 7; i++) {
    await roost.device('registerDevice', { hwid: `shared-${i % 2}`, device_type: 1, push_token: token })
    roost.clock.advance(9 * HOUR_MS)
  }
  const { body } = await roost.rest<{ alerts: AlertView[] }>('GET', path('alerts?state=open'))
  expect(body.alerts).toEqual([])
})

test('R15: after 270 days of silence an FCM address is dead, after a year the others; who comes back is active at once', async () => {
  const [android, ios, seen] = [
    await roost.phone('android'),
    await roost.phone('ios'),
    await roost.phone('android'),
  ]
  roost.clock.advance(200 * DAY_MS)
  await roost.device('applicationOpen', { hwid: seen.hwid, device_type: 3 })
  roost.clock.advance(71 * DAY_MS)
  await age()
  expect(await addressesOf(android)).toEqual([{ state: 'dead', reason: 'not_heard_of' }])
  expect(await addressesOf(ios)).toEqual([{ state: 'active', reason: null }])
  expect(await addressesOf(seen)).toEqual([{ state: 'active', reason: null }])
  await android.register()
  expect(await addressesOf(android)).toEqual([{ state: 'active', reason: null }])
  roost.clock.advance(95 * DAY_MS)
  await age()
  expect(await addressesOf(ios)).toEqual([{ state: 'dead', reason: 'not_heard_of' }])
  expect((await roost.ledger(ios.hwid)).map(it => it.event)).toEqual(['registered', 'dead'])
})

test('R15: a device that tells of the pushes that it gets is heard of, though it never calls in', async () => {
  const [browser, silent] = [await roost.phone('web'), await roost.phone('web')]
  roost.clock.advance(350 * DAY_MS)
  const { id } = await roost.sendAndSettle(hello(browser.hwid))
  await roost.until(id, it => it.counts.delivered === 1) // its service worker tells of it
  roost.clock.advance(20 * DAY_MS)
  await age()
  expect(await addressesOf(browser)).toEqual([{ state: 'active', reason: null }])
  expect(await addressesOf(silent)).toEqual([{ state: 'dead', reason: 'not_heard_of' }])
  roost.clock.advance(350 * DAY_MS)
  await age()
  expect(await addressesOf(browser)).toEqual([{ state: 'dead', reason: 'not_heard_of' }])
})

test('R15: where very many end at once they do so in short steps, each of them once, and no registration waits for all', async () => {
  const { db } = roost.server
  const { rows } = await db.query<{ id: number }>(
    "insert into app (code, name) values ('CROWD', 'Crowd') returning id",
  )
  const old = new Date(roost.clock.now() - 300 * DAY_MS)
  await db.query(
    `insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state,
                          first_registered_at, last_registered_at, state_since)
     select d % 5, $1, case when d % 2 = 0 then 'Crowd-' else 'crowd-' end || d, kind,
            decode(md5(d || kind), 'hex'), 'fcm', 'production', md5(d || kind), 'active', $2, $2, $2
       from generate_series(1, 1101) d, unnest(array['alert', 'voip']) kind`,
    [rows[0]?.id, old],
  )
  const ended = [{ reason: 'not_heard_of', platform: 'unknown', count: 2202 }]
  expect((await age()).removed).toEqual(expect.arrayContaining(ended))
  const { rows: steps } = await db.query<{ ended: number; told: number }>(
    `select count(*) as told, count(distinct (hwid, kind)) as ended from ledger
      where app_id = $1 and event = 'dead' and reason = 'not_heard_of' group by xmin::text order by 1`,
    [rows[0]?.id],
  )
  expect(steps).toEqual([202, 1000, 1000].map(count => ({ told: count, ended: count })))
  expect((await age()).removed).toEqual([])
})

test('R15: an app chooses these times itself, and null is the default again', async () => {
  const policy = async (change: object) => (await roost.rest('PATCH', path('address-policy'), change)).body
  expect((await roost.rest('GET', path('address-policy'))).body).toEqual({
    dormantDays: 30,
    sendToDormant: true,
    removeInactive: false,
    inactiveDays: 90,
    fcmDeadDays: 270,
    otherDeadDays: 365,
    tombstoneDays: 90,
    eraseDays: null,
  })
  expect(await policy({ otherDeadDays: 40 })).toMatchObject({ otherDeadDays: 40, fcmDeadDays: 270 })
  const phone = await roost.phone('ios')
  roost.clock.advance(41 * DAY_MS)
  await age()
  expect(await addressesOf(phone)).toEqual([{ state: 'dead', reason: 'not_heard_of' }])
  expect(await policy({ otherDeadDays: null })).toMatchObject({ otherDeadDays: 365 })
  expect(await policy({ tombstoneDays: 7 })).toMatchObject({ code: 'input_invalid' })
})

test('R15, R17: what an undo has brought back begins a new term, and is not ended again the next night', async () => {
  const phone = await roost.phone('ios')
  roost.clock.advance(366 * DAY_MS)
  await age()
  expect(await addressesOf(phone)).toEqual([{ state: 'dead', reason: 'not_heard_of' }])
  await roost.rest('POST', path('removals/undo'), { reasons: ['not_heard_of'] })
  for (const days of [0, 364]) {
    roost.clock.advance(days * DAY_MS)
    await age()
    expect(await addressesOf(phone)).toEqual([{ state: 'active', reason: null }])
  }
  roost.clock.advance(2 * DAY_MS)
  await age()
  expect(await addressesOf(phone)).toEqual([{ state: 'dead', reason: 'not_heard_of' }])
})

test('R15: a device that was silent for 30 days is not counted as reachable, and still sent to', async () => {
  const phone = await roost.phone('android')
  const stats = async () =>
    (await roost.rest<{ reachable: number; dormant: number }>('GET', path('stats/devices'))).body
  const before = await stats()
  roost.clock.advance(31 * DAY_MS)
  const after = await stats()
  expect(after.dormant).toBeGreaterThan(before.dormant)
  expect(after.reachable + after.dormant).toBe(before.reachable + before.dormant)
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
})

test('R15: a device that tells of pushes is not dormant, however long it has not called in', async () => {
  const phone = await roost.phone('ios')
  phone.goOffline() // or it would tell of it at once
  const { id } = await roost.sendAndSettle(hello(phone.hwid))
  roost.clock.advance(31 * DAY_MS)
  const dormant = async () =>
    (await roost.rest<{ dormant: number }>('GET', path('stats/devices'))).body.dormant
  const before = await dormant()
  await tellOf(phone, id)
  expect(await dormant()).toBe(before - 1)
})

test('R15: an app may leave the silent out of its campaigns, and whoever calls in, tells of a push or is named is sent to', async () => {
  const tags = { campaign: 'r15' }
  const phones = await Promise.all(Array.from({ length: 3 }, () => roost.phone('android', { tags })))
  const [silent, opened, registered] = phones as [Phone, Phone, Phone]
  const condition = { tag: 'campaign', op: 'eq' as const, value: 'r15' }
  silent.goOffline() // or it would tell of what it gets
  const pushed = await roost.sendAndSettle(hello(silent.hwid))
  const campaign = async () => {
    const { id, counts } = await roost.sendAndSettle({ to: { condition }, content: { title: 'Hello' } })
    const attempts = roost.simulator.attemptsFor(hashOf(id))
    return { accepted: counts.accepted, silent: attempts.get(silent.token as string) ?? 0 }
  }
  roost.clock.advance(31 * DAY_MS)
  await roost.device('applicationOpen', { hwid: opened.hwid, device_type: 3 })
  await registered.register()
  expect(await campaign()).toEqual({ accepted: 3, silent: 1 })
  await roost.rest('PATCH', path('address-policy'), { sendToDormant: false })
  expect(await campaign()).toEqual({ accepted: 2, silent: 0 })
  expect((await roost.sendAndSettle(hello(silent.hwid))).counts).toMatchObject({ accepted: 1 })
  await tellOf(silent, pushed.id)
  expect(await campaign()).toEqual({ accepted: 3, silent: 1 })
  expect((await roost.rest('PATCH', path('address-policy'), { sendToDormant: null })).body).toMatchObject({
    sendToDormant: true,
  })
})

test('R27: an address that ended is kept for 90 days and then forgotten, and its device registers it like a new one', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.killToken(phone.token as string)
  await roost.sendAndSettle(hello(phone.hwid))
  roost.clock.advance(89 * DAY_MS)
  await age()
  expect(await addressesOf(phone)).toEqual([{ state: 'dead', reason: 'UNREGISTERED' }])
  roost.clock.advance(2 * DAY_MS)
  expect((await age()).forgotten).toBeGreaterThan(0)
  expect(await addressesOf(phone)).toEqual([])
  roost.simulator.fcm.reviveToken(phone.token as string)
  await phone.register()
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
})

test('R27, R12: what tells the right environment of a token is kept as long as the token lives', async () => {
  const token = roost.simulator.apns.issueToken({ bundleId: 'com.example.test', environment: 'sandbox' })
  const call = { hwid: 'corrected', device_type: 1, push_token: token, gateway: 'production' }
  await roost.device('registerDevice', call)
  await roost.sendAndSettle(hello('corrected'))
  const corrected = (await roost.view('corrected')).addresses.map(it => [it.environment, it.state])
  expect(corrected).toEqual([
    ['sandbox', 'active'],
    ['production', 'superseded'],
  ])
  roost.clock.advance(100 * DAY_MS)
  await age()
  await roost.device('registerDevice', call)
  expect((await roost.view('corrected')).addresses.map(it => [it.environment, it.state])).toEqual(corrected)
})

test('R29: a web subscription whose own time is over is not sent to, and dead', async () => {
  const phone = await roost.phone('web')
  const { rows } = await roost.server.db.query<{ address: string; keys: { p256dh: string; auth: string } }>(
    'select address, keys from address where hwid = $1',
    [phone.hwid],
  )
  const row = rows[0] as (typeof rows)[number]
  const answer = await roost.device('registerDevice', {
    hwid: phone.hwid,
    device_type: 11,
    push_token: row.address,
    public_key: row.keys.p256dh,
    auth_token: row.keys.auth,
    expiration_time: Math.round(roost.clock.now() + HOUR_MS),
  })
  expect(answer.body.status_code).toBe(200)
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
  roost.clock.advance(2 * HOUR_MS)
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 0, skipped: 1 })
  await endExpired(roost.server.db, roost.clock.now())
  expect(await addressesOf(phone)).toEqual([{ state: 'dead', reason: 'expired' }])
})
