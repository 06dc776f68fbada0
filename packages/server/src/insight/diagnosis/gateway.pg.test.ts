/** DX-01 to DX-14 and DX-70 to DX-72: what gateways say of credentials, and of themselves. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { first, type Kind, Patient, type Registered } from '../../../test/diagnosis.ts'
import { startRoost, type TestRoost } from '../../../test/roost.ts'

const DAY_MS = 24 * 3_600_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

/** An app with one gateway and one device there. */
async function single(kind: Kind, options: { apns?: Record<string, unknown> } = {}) {
  const own = await Patient.open(roost, { gateways: kind === 'web' ? [] : [kind], ...options })
  return { own, device: await own.register(kind) }
}

/** Sends to the device and waits until the message is held or waits for another try. */
async function stuck(own: Patient, { hwid }: Registered): Promise<string> {
  const id = await own.send({ to: { devices: [hwid] } })
  await own.until(id, it => it.held.length + it.retrying.length > 0)
  return id
}

/** What is said of a message that waits, and of the device alone once that is known. */
async function said(own: Patient, device: Registered): Promise<string[]> {
  const id = await stuck(own, device)
  return [first(await own.of(device, id)), first(await own.of(device))]
}

describe('DX-01: there is no credential', () => {
  test.each(['ios', 'android', 'web', 'huawei'] as const)('for %s', async kind => {
    const own = await Patient.open(roost, { gateways: [] })
    const device = await own.register(kind, kind === 'web' ? { push_token: null } : {})
    if (kind === 'web') await own.rest('DELETE', `/credentials/${(await own.credential('webpush')).id}`)
    const diagnosed = await own.of(device)
    expect(diagnosed.findings.map(it => `${it.verdict} ${it.rule}`)).toContain('proven DX-01')
    if (kind === 'web') return
    expect(first(diagnosed)).toBe('proven DX-01')
    const id = await own.sent({ to: { devices: [device.hwid] } })
    expect(first(await own.of(device, id))).toBe('proven DX-01')
  })

  test('for this environment', async () => {
    const own = await Patient.open(roost, { gateways: [] })
    const key = roost.simulator.apns.createTeamKey({ bundleId: own.bundleId })
    await own.upload({ gateway: 'apns', kind: 'p8', ...key, environments: ['production'] })
    const device = await own.register('ios', {
      gateway: 'sandbox',
      ...own.newToken('ios', { environment: 'sandbox' }),
    })
    const diagnosed = await own.of(device)
    expect(first(diagnosed)).toBe('proven DX-01')
    expect(diagnosed.findings[0]?.message.text).toContain('sandbox')
  })
})

describe('DX-02, DX-03: a certificate', () => {
  test('expires soon, and has expired', async () => {
    const own = await Patient.open(roost, { gateways: [] })
    const expiresAt = new Date(roost.clock.now() + 20 * DAY_MS)
    const made = await roost.simulator.apns.createCertificate({ bundleId: own.bundleId, expiresAt })
    await own.upload({ gateway: 'apns', kind: 'pem', pem: `${made.certPem}\n${made.keyPem}` })
    const device = await own.register('ios')
    expect(first(await own.of(device))).toBe('proven DX-03')
    roost.clock.advance(21 * DAY_MS)
    const diagnosed = await own.of(device)
    expect(first(diagnosed)).toBe('proven DX-02')
    const second = expiresAt.toISOString().slice(0, 19)
    expect(diagnosed.findings[0]?.message.pieces[1]).toEqual({ at: `${second}.000Z` })
    const id = await stuck(own, device)
    expect(first(await own.of(device, id))).toBe('proven DX-02')
  })
})

test('DX-07, DX-40, DX-41: ruled out once the gateway has taken a message for the address, and not before', async () => {
  const { own, device } = await single('ios')
  const ofTheToken = async () =>
    (await own.of(device)).ruledOut.filter(it => ['DX-07', 'DX-40', 'DX-41'].includes(it))
  expect(await ofTheToken()).toEqual([])
  roost.clock.advance(2 * 60_000)
  await own.sent({ to: { devices: [device.hwid] } })
  expect(await ofTheToken()).toEqual(['DX-40', 'DX-41', 'DX-07'])
})

test('DX-04: a key that was revoked', async () => {
  const { own, device } = await single('ios')
  await own.revokeKey()
  expect(await said(own, device)).toEqual(['proven DX-04', 'proven DX-04'])
})

test('DX-05: a clock that is wrong', async () => {
  const { own, device } = await single('ios')
  roost.simulator.apns.faults.answerFor(device.token, { reason: 'ExpiredProviderToken' })
  expect(await said(own, device)).toEqual(['proven DX-05', 'proven DX-05'])
})

test('DX-06: provider tokens that were renewed too often', async () => {
  const { own, device } = await single('ios')
  roost.simulator.apns.faults.answerFor(device.token, { reason: 'TooManyProviderTokenUpdates' })
  const id = await stuck(own, device)
  expect(first(await own.of(device, id))).toBe('proven DX-06')
})

describe('DX-07: another bundle id', () => {
  test('as the device says, before anything is sent', async () => {
    const { own } = await single('ios')
    const device = await own.register('ios', { bundle_id: 'com.example.other' })
    const diagnosed = await own.of(device)
    expect(first(diagnosed)).toBe('proven DX-07')
    expect(diagnosed.findings[0]?.message.parameters).toEqual({
      bundleId: 'com.example.other',
      topics: own.bundleId,
    })
  })

  test('as Apple says', async () => {
    const { own, device: good } = await single('ios')
    await own.sent({ to: { devices: [good.hwid] } })
    const token = roost.simulator.apns.issueToken({ bundleId: 'com.example.stranger' })
    const device = await own.register('ios', { push_token: token })
    const id = await own.sent({ to: { devices: [device.hwid, good.hwid] } })
    expect(first(await own.of(device, id))).toBe('proven DX-07.refused')
    expect(first(await own.of(device))).toBe('proven DX-07.refused')
  })
})

test('DX-08: a key for one environment', async () => {
  const own = await Patient.open(roost, { gateways: [] })
  const key = roost.simulator.apns.createTeamKey({ bundleId: own.bundleId, environments: ['sandbox'] })
  await own.upload({ gateway: 'apns', kind: 'p8', ...key })
  const device = await own.register('ios')
  expect(await said(own, device)).toEqual(['proven DX-08', 'proven DX-08'])
})

test('DX-09: another Firebase project', async () => {
  const { own, device: good } = await single('android')
  await own.sent({ to: { devices: [good.hwid] } })
  const other = await roost.simulator.fcm.createProject()
  const token = roost.simulator.fcm.issueToken({ projectId: other.projectId })
  const device = await own.register('android', { push_token: token })
  const id = await own.sent({ to: { devices: [device.hwid, good.hwid] } })
  expect(first(await own.of(device, id))).toBe('proven DX-09')
  expect(first(await own.of(device))).toBe('proven DX-09')
})

test('DX-10: the messaging API is off', async () => {
  const { own, device } = await single('android')
  roost.simulator.fcm.setService(own.projectId, false)
  expect(await said(own, device)).toEqual(['proven DX-10', 'proven DX-10'])
})

test('DX-11: Firebase has no good key for Apple', async () => {
  const { own, device } = await single('android')
  roost.simulator.fcm.faults.answerFor(device.token, {
    form: 'third_party_auth',
    apnsReason: 'InvalidProviderToken',
  })
  const [ofMessage] = await said(own, device)
  expect(ofMessage).toBe('proven DX-11')
})

test('DX-12: another VAPID key', async () => {
  const { own, device: good } = await single('web')
  await own.sent({ to: { devices: [good.hwid] } })
  const stranger = roost.simulator.webPush.createSubscription({
    applicationServerKey: (await Patient.open(roost, { gateways: [] })).vapidKey,
  })
  const fields = { push_token: stranger.endpoint, public_key: stranger.p256dh, auth_token: stranger.auth }
  const device = await own.register('web', fields)
  const id = await own.sent({ to: { devices: [device.hwid, good.hwid] } })
  expect(first(await own.of(device, id))).toBe('proven DX-12')
  expect(first(await own.of(device))).toBe('proven DX-12')
})

test('DX-13: the gateway can’t be reached', async () => {
  const { own, device } = await single('huawei')
  await roost.simulator.hms.faults.refuseConnections()
  try {
    const id = await stuck(own, device)
    expect(first(await own.of(device, id))).toBe('proven DX-13')
    // Of the device alone: what waits for it is no proof of the next message.
    expect(first(await own.of(device))).toBe('likely DX-13')
  } finally {
    await roost.simulator.hms.faults.acceptConnections()
  }
})

test('DX-14: Push Kit is off', async () => {
  const { own, device } = await single('huawei')
  roost.simulator.hms.setRight(own.huaweiAppId, 'send', false)
  expect(await said(own, device)).toEqual(['proven DX-14', 'proven DX-14'])
})

describe('DX-70, DX-71: the gateway asks for patience, or has trouble of its own', () => {
  test.each([
    ['TooManyRequests', 'DX-70'],
    ['InternalServerError', 'DX-71'],
  ])('%s', async (reason, key) => {
    const { own, device } = await single('ios')
    roost.simulator.apns.faults.answerFor(device.token, { reason })
    const id = await stuck(own, device)
    expect(first(await own.of(device, id))).toBe(`proven ${key}`)
    roost.clock.advance(5 * DAY_MS)
    await own.until(id, it => it.state === 'done')
    expect(['proven DX-26.expired', `proven ${key}.gave_up`]).toContain(first(await own.of(device, id)))
  })

  test('until the message was over', async () => {
    const { own, device } = await single('android')
    roost.simulator.fcm.faults.answerFor(device.token, { form: 'unavailable', retryAfter: '86400' })
    const id = await own.sent({ to: { devices: [device.hwid] }, ttlSeconds: 60 })
    expect(first(await own.of(device, id))).toBe('proven DX-71.gave_up')
  })
})

test('DX-72: no answer came', async () => {
  const { own, device } = await single('ios')
  roost.simulator.apns.faults.answerFor(device.token, { drop: 'reset_connection' })
  const id = await own.sent({ to: { devices: [device.hwid] } })
  const diagnosed = await own.of(device, id)
  expect(diagnosed.outcome).toBe('uncertain')
  expect(first(diagnosed)).toBe('proven DX-72')
})
