/** R12 and R14: what a gateway does not know as ours may be alive elsewhere. Over the HTTP API and the stand-ins. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost } from '../../test/roost.ts'
import { hashOf } from '../insight/receipts.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
  // One that is accepted shows that the credential is the right one; else every mismatch might be the credential's.
  const good = await roost.phone('ios')
  await roost.sendAndSettle(hello(good.hwid))
})
afterAll(() => roost.close())

const DAY_MS = 86_400_000
const hello = (hwid: string) => ({ to: { devices: [hwid] }, content: { title: 'Hello' } })
const badToken = { status: 400, reason: 'BadDeviceToken' } as const

async function register(hwid: string, token: string, gateway = 'production'): Promise<void> {
  const answer = await roost.device('registerDevice', { hwid, device_type: 1, push_token: token, gateway })
  expect(answer.body.status_code).toBe(200)
}

const statesOf = async (hwid: string) =>
  (await roost.view(hwid)).addresses.map(({ environment, state, reason }) => ({ environment, state, reason }))
const eventsOf = async (hwid: string) => (await roost.ledger(hwid)).map(it => it.event)

test('R12: a sandbox token that is registered as production is sent to the sandbox once, accepted and corrected', async () => {
  const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
  await register('wrong-environment', token)
  const message = await roost.sendAndSettle(hello('wrong-environment'))
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 1, failed: 0 })
  expect(await statesOf('wrong-environment')).toEqual([
    { environment: 'sandbox', state: 'active', reason: null },
    { environment: 'production', state: 'superseded', reason: 'environment_corrected' },
  ])
  expect(await eventsOf('wrong-environment')).toEqual(['registered', 'superseded', 'environment_corrected'])
  expect(roost.simulator.attemptsFor(hashOf(message.id)).get(token)).toBe(2)

  const next = await roost.sendAndSettle(hello('wrong-environment'))
  expect(next.counts).toMatchObject({ targeted: 1, accepted: 1 })
  expect(roost.simulator.attemptsFor(hashOf(next.id)).get(token)).toBe(1)
})

test('R12: a token that is refused in both environments is quarantined, and its next registration revives it', async () => {
  const token = randomBytes(32).toString('hex')
  await register('unknown-token', token)
  const message = await roost.sendAndSettle(hello('unknown-token'))
  expect(message.counts).toMatchObject({ targeted: 1, failed: 1 })
  expect(await statesOf('unknown-token')).toEqual([
    { environment: 'production', state: 'quarantined', reason: 'BadDeviceToken' },
  ])
  expect((await roost.sendAndSettle(hello('unknown-token'))).counts).toMatchObject({ skipped: 1 })
  await register('unknown-token', token)
  expect(await statesOf('unknown-token')).toMatchObject([{ state: 'active', reason: null }])
})

test('R12: a token that was accepted before is doubted once a day and dead on the third', async () => {
  const phone = await roost.phone('ios')
  await roost.sendAndSettle(hello(phone.hwid))
  roost.simulator.apns.faults.answerFor(phone.token as string, badToken, 4)
  const doubt = { environment: 'production', state: 'suspect', reason: 'BadDeviceToken' }
  for (let i = 0; i < 2; i++) await roost.sendAndSettle(hello(phone.hwid))
  expect(await statesOf(phone.hwid)).toEqual([doubt])
  roost.clock.advance(DAY_MS)
  await roost.sendAndSettle(hello(phone.hwid))
  expect(await statesOf(phone.hwid)).toEqual([doubt])
  roost.clock.advance(DAY_MS)
  await roost.sendAndSettle(hello(phone.hwid))
  expect(await statesOf(phone.hwid)).toEqual([{ ...doubt, state: 'dead' }])
})

test('R12: an acceptance ends the doubt and its count', async () => {
  const phone = await roost.phone('ios')
  await roost.sendAndSettle(hello(phone.hwid))
  const { faults } = roost.simulator.apns
  for (let day = 0; day < 2; day++) {
    faults.answerFor(phone.token as string, badToken, 1)
    await roost.sendAndSettle(hello(phone.hwid))
    roost.clock.advance(DAY_MS)
  }
  await roost.sendAndSettle(hello(phone.hwid))
  expect(await statesOf(phone.hwid)).toMatchObject([{ state: 'active', reason: null }])
  faults.answerFor(phone.token as string, badToken, 1)
  await roost.sendAndSettle(hello(phone.hwid))
  expect(await statesOf(phone.hwid)).toMatchObject([{ state: 'suspect' }])
})

test('R12: a token that another device has registered in the right environment stays with that device', async () => {
  const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
  await register('its-holder', token, 'sandbox')
  await register('its-copy', token)
  await roost.sendAndSettle(hello('its-copy'))
  expect(await statesOf('its-copy')).toMatchObject([{ environment: 'production', state: 'quarantined' }])
  expect(await statesOf('its-holder')).toMatchObject([{ environment: 'sandbox', state: 'active' }])
})

test('R12, R1c: a correction that comes late changes nothing of what was registered meanwhile', async () => {
  const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
  await register('re-registered', token)
  roost.simulator.apns.faults.holdAnswers({ token })
  const id = await roost.send(hello('re-registered'))
  await roost.simulator.apns.faults.waitForHeld()
  await register('re-registered', token)
  roost.simulator.apns.faults.releaseAnswers()
  expect((await roost.settle(id)).counts).toMatchObject({ accepted: 1 })
  expect(await statesOf('re-registered')).toMatchObject([{ environment: 'production', state: 'active' }])
})

test('R12: a correction lasts, though the app reports the wrong environment again at each start', async () => {
  const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
  await register('stubborn', token)
  await roost.sendAndSettle(hello('stubborn'))
  const corrected = await statesOf('stubborn')
  const told = await eventsOf('stubborn')
  await register('stubborn', token)
  expect(await statesOf('stubborn')).toEqual(corrected)
  expect(await eventsOf('stubborn')).toEqual(told)
  const message = await roost.sendAndSettle(hello('stubborn'))
  expect(roost.simulator.attemptsFor(hashOf(message.id)).get(token)).toBe(1)
})

test('R3, R12: another device that registers a corrected token takes it over, and it is sent to once', async () => {
  const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
  await register('former-holder', token)
  await roost.sendAndSettle(hello('former-holder'))
  await register('new-holder', token)
  expect(await statesOf('former-holder')).toMatchObject([
    { environment: 'sandbox', state: 'moved' },
    { environment: 'production', state: 'superseded' },
  ])
  const to = { devices: ['former-holder', 'new-holder'] }
  const message = await roost.sendAndSettle({ to, content: { title: 'Hello' } })
  expect(message.counts).toMatchObject({ accepted: 1, skipped: 1 })
  expect(roost.simulator.acceptedFor(hashOf(message.id)).acceptances).toBe(1)
  expect(await statesOf('new-holder')).toMatchObject([{ environment: 'sandbox', state: 'active' }])
})

test('R14: a token of another app is quarantined and never ended, and its next registration revives it', async () => {
  const phone = await roost.phone('ios')
  roost.simulator.apns.faults.answerFor(
    phone.token as string,
    { status: 400, reason: 'DeviceTokenNotForTopic' },
    1,
  )
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ failed: 1, dead: 0 })
  expect(await statesOf(phone.hwid)).toMatchObject([
    { state: 'quarantined', reason: 'DeviceTokenNotForTopic' },
  ])
  await phone.register()
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
})

test('devices of the wrong environment are listed, newest first and page by page', async () => {
  const all = await mismatches('')
  expect(all.next).toBeNull()
  expect(all.devices.map(it => it.hwid)).toEqual([
    'former-holder',
    'stubborn',
    'its-copy',
    'wrong-environment',
  ])
  expect(all.devices.slice(2)).toMatchObject([
    { from: 'production', to: null, state: 'quarantined', appVersion: null },
    { from: 'production', to: 'sandbox', state: 'corrected' },
  ])
  const first = await mismatches('?limit=1')
  expect(first.devices).toEqual(all.devices.slice(0, 1))
  const second = await mismatches(`?after=${encodeURIComponent(first.next ?? '')}`)
  expect(second).toEqual({ devices: all.devices.slice(1), next: null })
})

test('a place in the list that no list has given is refused', async () => {
  const path = `/v1/apps/${roost.app}/environment-mismatches?after=`
  for (const after of ['nowhere', '0000-01-01T00:00:00.000000Z hwid', '2026-02-31T99:00:00.000000Z hwid'])
    expect(await roost.rest('GET', path + encodeURIComponent(after))).toMatchObject({ status: 400 })
})

async function mismatches(query: string) {
  const path = `/v1/apps/${roost.app}/environment-mismatches${query}`
  return (await roost.rest<{ devices: { hwid: string }[]; next: string | null }>('GET', path)).body
}
