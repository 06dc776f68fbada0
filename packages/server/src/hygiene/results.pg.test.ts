/** The rules of death and doubt, each driven through the real HTTP API and the stand-ins over the wire. */
import { randomUUID } from 'node:crypto'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { applyResults } from './results.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const HOUR_MS = 3_600_000
const hello = (hwid: string) => ({ to: { devices: [hwid] }, content: { title: 'Hello' } })

test('R1: a 410 whose time is after the registration ends that address and leaves its siblings alone', async () => {
  const gone = await roost.phone('ios', { userId: 'r1' })
  const kept = await roost.phone('ios', { userId: 'r1' })
  roost.clock.advance(HOUR_MS)
  roost.simulator.apns.killToken(gone.token as string)
  const message = await roost.sendAndSettle({ to: { users: ['r1'] }, content: { title: 'Hello' } })
  expect(message.counts).toMatchObject({ targeted: 2, accepted: 1, dead: 1 })
  expect((await roost.view(gone.hwid)).addresses).toMatchObject([{ state: 'dead', reason: 'Unregistered' }])
  expect((await roost.view(kept.hwid)).addresses).toMatchObject([{ state: 'active' }])
})

test('R1: a 410 whose time is before the registration leaves the address alive', async () => {
  const phone = await roost.phone('ios')
  roost.simulator.apns.killToken(phone.token as string, { since: new Date(roost.clock.now() - HOUR_MS) })
  const message = await roost.sendAndSettle(hello(phone.hwid))
  expect(message.counts).toMatchObject({ targeted: 1, dead: 1 })
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'active', generation: 1 }])
})

test('R1: within five seconds the clocks decide nothing; the first 410 is doubt, the second one is death', async () => {
  const phone = await roost.phone('ios')
  roost.simulator.apns.killToken(phone.token as string, { since: new Date(roost.clock.now() + 1000) })
  await roost.sendAndSettle(hello(phone.hwid))
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([
    { state: 'suspect', reason: 'Unregistered' },
  ])
  await roost.sendAndSettle(hello(phone.hwid))
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'dead', reason: 'Unregistered' }])
})

test('R1b, R1c, race A: an answer to an earlier send never ends what was registered meanwhile (APNs)', async () => {
  const phone = await roost.phone('ios')
  roost.clock.advance(HOUR_MS)
  const token = phone.token as string
  roost.simulator.apns.killToken(token)
  roost.simulator.apns.faults.holdAnswers({ token })
  const id = await roost.send(hello(phone.hwid))
  await roost.simulator.apns.faults.waitForHeld()
  await phone.register()
  roost.simulator.apns.faults.releaseAnswers()
  await roost.settle(id)
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'active', generation: 2 }])
})

test('R1c: a late UNREGISTERED never ends what was registered meanwhile (FCM)', async () => {
  const phone = await roost.phone('android')
  const token = phone.token as string
  roost.simulator.fcm.killToken(token)
  roost.simulator.fcm.faults.holdAnswers({ token })
  const id = await roost.send(hello(phone.hwid))
  await roost.simulator.fcm.faults.waitForHeld()
  await phone.register()
  roost.simulator.fcm.faults.releaseAnswers()
  await roost.settle(id)
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'active', generation: 2 }])
})

test('race A2: a 410 that is younger than the registration raises a doubt even when it answers an older send', async () => {
  const phone = await roost.phone('ios')
  const token = phone.token as string
  roost.simulator.apns.faults.answerFor(
    token,
    { status: 410, reason: 'Unregistered', timestamp: roost.clock.now() + HOUR_MS },
    2,
  )
  roost.simulator.apns.faults.holdAnswers({ token })
  const id = await roost.send(hello(phone.hwid))
  await roost.simulator.apns.faults.waitForHeld()
  await phone.register()
  roost.simulator.apns.faults.releaseAnswers()
  await roost.settle(id)
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'suspect', generation: 3 }])
  await roost.sendAndSettle(hello(phone.hwid))
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'dead' }])
})

test('R1b: an UNREGISTERED from FCM ends the address at once', async () => {
  const phone = await roost.phone('android')
  phone.uninstall()
  await roost.sendAndSettle(hello(phone.hwid))
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'dead', reason: 'UNREGISTERED' }])
})

test('R21: a 410 from a push service ends the subscription, and subscribing anew brings the browser back', async () => {
  const phone = await roost.phone('web')
  phone.uninstall()
  await roost.sendAndSettle(hello(phone.hwid))
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'dead' }])
  await phone.comeBack()
  const message = await roost.sendAndSettle(hello(phone.hwid))
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 1 })
  expect((await roost.ledger(phone.hwid)).map(it => it.event)).toEqual(['registered', 'dead', 'restored'])
})

test('R6: a dead address is alive again as soon as the device registers it', async () => {
  const phone = await roost.phone('android')
  const token = phone.token as string
  roost.simulator.fcm.killToken(token)
  await roost.sendAndSettle(hello(phone.hwid))
  roost.simulator.fcm.reviveToken(token)
  await phone.register()
  const message = await roost.sendAndSettle(hello(phone.hwid))
  expect(message.counts).toMatchObject({ accepted: 1 })
  expect((await roost.ledger(phone.hwid)).map(it => it.event)).toEqual(['registered', 'dead', 'restored'])
})

/** Until the first try of so many deliveries is booked and the batch given back: only then may the clock be moved. */
async function untilTried(id: string, count: number): Promise<void> {
  const { rows } = await roost.server.db.query<{ tried: number }>(
    `select count(*)::integer as tried from delivery_queue q join batch b on b.id = q.batch_id
      where q.message_id = $1 and q.attempt > 1 and b.state = 'waiting'`,
    [id],
  )
  if (rows[0]?.tried === count) return
  await tick()
  await untilTried(id, count)
}

test('R18: throttling and server faults change no row and lose no message', async () => {
  const phones = [
    await roost.phone('ios', { userId: 'r18' }),
    await roost.phone('android', { userId: 'r18' }),
  ]
  const before = await Promise.all(phones.map(phone => roost.view(phone.hwid)))
  roost.simulator.apns.faults.answerEverything({ status: 503, reason: 'ServiceUnavailable' })
  roost.simulator.fcm.faults.answerEverything({ form: 'quota_exceeded' })
  const id = await roost.send({ to: { users: ['r18'] }, content: { title: 'Hello' } })
  await untilTried(id, 2)
  expect(await Promise.all(phones.map(phone => roost.view(phone.hwid)))).toEqual(before)
  roost.simulator.apns.faults.clear()
  roost.simulator.fcm.faults.clear()
  roost.clock.advance(HOUR_MS / 2)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
})

/** Results handed to the base directly: the wire can't be made to bring one answer twice. */
async function apply(
  phone: Phone,
  deaths: readonly { readonly sentAt: number; readonly since: number | null; readonly generation: number }[],
) {
  const { rows } = await roost.server.db.query<{ bucket: number; appId: number; hash: Buffer }>(
    'select bucket, app_id as "appId", address_hash as hash from address where hwid = $1',
    [phone.hwid],
  )
  const row = rows[0]
  if (row === undefined) throw new Error('the phone has no address')
  for (const death of deaths) {
    const result = {
      ...row,
      ...death,
      hwid: phone.hwid,
      kind: 'dead' as const,
      reason: 'Unregistered',
      messageId: randomUUID(),
    }
    await roost.server.db.transaction(tx => applyResults(tx, [result], roost.clock.now()))
  }
}

async function addressOf(phone: Phone) {
  const { state, reason, generation } = (await roost.view(phone.hwid)).addresses[0] ?? {}
  return { state, reason, generation }
}

test('R20: the same death twice is one death', async () => {
  const [once, twice] = [await roost.phone('ios'), await roost.phone('ios')]
  roost.clock.advance(HOUR_MS)
  const death = { sentAt: roost.clock.now(), since: roost.clock.now() - 60_000, generation: 1 }
  await apply(once, [death])
  await apply(twice, [death, death])
  expect(await addressOf(twice)).toEqual(await addressOf(once))
  expect((await roost.ledger(twice.hwid)).map(it => it.event)).toEqual(['registered', 'dead'])
})

test('R20: the same doubt twice is no death', async () => {
  const phone = await roost.phone('ios')
  const doubt = { sentAt: roost.clock.now(), since: roost.clock.now(), generation: 1 }
  await apply(phone, [doubt, doubt, doubt])
  expect(await addressOf(phone)).toMatchObject({ state: 'suspect', generation: 2 })
})

test('R20: two deaths in either order give the same row, and none wins over a newer registration', async () => {
  const phones = await Promise.all(Array.from({ length: 4 }, () => roost.phone('android')))
  const at = roost.clock.now()
  const early = { sentAt: at, since: null, generation: 1 }
  const late = { sentAt: at + 1000, since: null, generation: 1 }
  await apply(phones[0] as Phone, [early, late])
  await apply(phones[1] as Phone, [late, early])
  expect(await addressOf(phones[0] as Phone)).toEqual(await addressOf(phones[1] as Phone))

  await phones[2]?.register()
  await apply(phones[2] as Phone, [late, early])
  await apply(phones[3] as Phone, [late])
  await phones[3]?.register()
  await apply(phones[3] as Phone, [early])
  expect(await addressOf(phones[2] as Phone)).toMatchObject({ state: 'active' })
  expect(await addressOf(phones[3] as Phone)).toMatchObject({ state: 'active' })
})

test('race H: two workers that hear of the same death make one transition and one entry', async () => {
  const phone = await roost.phone('android')
  const death = { sentAt: roost.clock.now(), since: null, generation: 1 }
  await Promise.all(Array.from({ length: 8 }, () => apply(phone, [death])))
  expect((await roost.ledger(phone.hwid)).map(it => it.event)).toEqual(['registered', 'dead'])
})

test('race I: a death of a device that was erased meanwhile is no error and makes no row', async () => {
  const phone = await roost.phone('android')
  const { rows } = await roost.server.db.query<{ bucket: number; appId: number; hash: Buffer }>(
    'delete from address where hwid = $1 returning bucket, app_id as "appId", address_hash as hash',
    [phone.hwid],
  )
  const row = rows[0] as { bucket: number; appId: number; hash: Buffer }
  const result = {
    ...row,
    hwid: phone.hwid,
    generation: 1,
    sentAt: roost.clock.now(),
    since: null,
    kind: 'dead' as const,
    reason: 'UNREGISTERED',
    messageId: randomUUID(),
  }
  await roost.server.db.transaction(tx => applyResults(tx, [result], roost.clock.now()))
  expect((await roost.view(phone.hwid)).addresses).toEqual([])
})

test('R17: while Firebase has no good Apple key, iPhones behind it wait and Android goes on', async () => {
  const apple = await roost.phone('android', { userId: 'third-party' })
  const android = await roost.phone('android', { userId: 'third-party' })
  roost.simulator.fcm.faults.answerFor(apple.token as string, { form: 'third_party_auth' })
  const before = await roost.view(apple.hwid)
  const id = await roost.send({
    to: { users: ['third-party'] },
    content: { title: 'Hello' },
    ttlSeconds: 86_400,
  })
  const held = await roost.until(id, message => message.held.length > 0)
  expect(held).toMatchObject({ waiting: 1, counts: { targeted: 2, accepted: 1, failed: 0 } })
  expect(await roost.view(apple.hwid)).toEqual(before)
  const { body } = await roost.rest<{
    credentials: { gateway: string; status: string; problems: object[] }[]
  }>('GET', `/v1/apps/${roost.app}/credentials`)
  const fcm = body.credentials.find(it => it.gateway === 'fcm')
  expect(fcm?.status).toBe('active')
  expect(fcm?.problems).toHaveLength(1)
  expect((await roost.sendAndSettle(hello(android.hwid))).counts).toMatchObject({ accepted: 1 })

  // Mended in Firebase's console, which tells nobody: the delivery of an hour later finds it out.
  roost.simulator.fcm.faults.clear()
  roost.clock.advance(HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
})
