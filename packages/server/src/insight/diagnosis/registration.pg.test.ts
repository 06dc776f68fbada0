/** DX-30 to DX-44: a device that is not there, has no token, or whose token is not good any more. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { all, first, Patient } from '../../../test/diagnosis.ts'
import { startRoost, type TestRoost } from '../../../test/roost.ts'
import { ageAddresses } from '../../hygiene/aging.ts'

const DAY_MS = 24 * 3_600_000

let roost: TestRoost
let patient: Patient
beforeAll(async () => {
  roost = await startRoost()
  patient = await Patient.open(roost)
})
afterAll(() => roost.close())

describe('DX-31, DX-30: who is not known', () => {
  test('a refused registration leaves no record, so that nothing is proven of its hwid', async () => {
    const refused = { hwid: 'refused', device_type: 1, push_token: 'nonsense' }
    await expect(patient.call('registerDevice', refused)).rejects.toThrow('210')
    const { findings } = await patient.ask({ device: 'refused' })
    expect(findings.map(it => `${it.verdict} ${it.message.key}`)).toEqual(['likely DX-31.device'])
  })

  test('a user on whose device somebody else has logged in is not said to have never been there', async () => {
    const { hwid } = await patient.register('ios', { userId: 'bob' })
    await patient.call('registerUser', { hwid, userId: 'rob' })
    const { findings } = await patient.ask({ user: 'bob' })
    expect(findings.map(it => it.message.text)).toEqual([
      'No device of this app on record is logged in as this user.',
    ])
  })

  test('no device has this hwid, token or user', async () => {
    const views = await Promise.all([
      patient.ask({ device: 'nobody' }),
      patient.ask({ token: 'ab'.repeat(32) }),
      patient.ask({ user: 'nobody' }),
    ])
    expect(views.map(first)).toEqual(['likely DX-31.device', 'likely DX-31.token', 'proven DX-31.user'])
    expect(views.map(it => it.devices)).toEqual([[], [], []])
  })

  test('another app of this server has it', async () => {
    const other = await Patient.open(roost, { gateways: ['ios'] })
    const { hwid, token } = await other.register('ios', { userId: 'elsewhere' })
    for (const asked of [{ device: hwid }, { token }, { user: 'elsewhere' }])
      expect(await patient.ask(asked)).toMatchObject({
        findings: [
          { rule: 'DX-30', verdict: 'proven', message: { parameters: { app: other.app } } },
          { rule: 'DX-31' },
        ],
      })
  })
})

test('DX-33: a device that called in and never reported a token', async () => {
  const diagnosed = await patient.of(await patient.register('ios', { push_token: null }))
  expect(first(diagnosed)).toBe('proven DX-33')
  expect(diagnosed.outcome).toBe('could_not')
})

test('DX-33: a token that came when the message had been sent', async () => {
  const { hwid } = await patient.register('ios', { push_token: null })
  const ids = [await patient.sent({ to: { all: true } }), await patient.sent({ to: { devices: [hwid] } })]
  roost.clock.advance(60_000)
  await patient.call('registerDevice', { hwid, device_type: 1, ...patient.newToken('ios') })
  for (const id of ids) expect(first(await patient.of({ hwid }, id))).toBe('proven DX-33.then')
})

describe('DX-34, DX-35: what the device reported in place of a token', () => {
  test.each([
    ['3000', 'no valid “aps-environment” entitlement string found for application', 'DX-34.entitlement'],
    ['3010', 'remote notifications are not supported in the simulator', 'DX-34.simulator'],
    ['SERVICE_NOT_AVAILABLE', 'java.io.IOException', 'DX-34.network'],
    ['MISSING_INSTANCEID_SERVICE', 'Google Play services are missing', 'DX-34.services'],
    ['800016', 'refused', 'DX-34.permission'],
    ['42', 'something new', 'DX-34'],
    ['upload_failed', 'the server answered 503', 'DX-35'],
  ])('%s', async (code, message, key) => {
    const registration_error = { code, message }
    const device = await patient.register('ios', { push_token: null, registration_error })
    const diagnosed = await patient.of(device)
    expect(first(diagnosed)).toBe(`proven ${key}`)
    expect(diagnosed.findings[0]?.message.text).toContain(code)
    expect(all(diagnosed)).not.toContain('proven DX-33')
  })

  test('is forgotten with the next token', async () => {
    const registration_error = { code: '3000' }
    const { hwid } = await patient.register('ios', { push_token: null, registration_error })
    await patient.call('registerDevice', { hwid, device_type: 1, ...patient.newToken('ios') })
    expect(await patient.of({ hwid })).toMatchObject({ outcome: 'could_receive', findings: [] })
  })
})

test('DX-36: a token that the server has refused, of a device that it knows', async () => {
  const { hwid } = await patient.register('ios', { push_token: null })
  const refused = await patient.device('registerDevice', { hwid, device_type: 1, push_token: '12345' })
  expect(refused.status_code).not.toBe(200)
  const diagnosed = await patient.of({ hwid })
  expect(first(diagnosed)).toBe('proven DX-36')
  expect(diagnosed.findings[0]?.message.text).toContain('5 characters')
})

describe('DX-37: a token that is gone', () => {
  test.each([
    ['ios', 'DX-37.apns', 'Unregistered'],
    ['android', 'DX-37.fcm', 'UNREGISTERED'],
    ['web', 'DX-37.webpush', '410'],
  ] as const)('by the word of the gateway: %s', async (kind, key, reason) => {
    const device = await patient.register(kind)
    const goneSince = roost.clock.now() + 60_000
    if (kind === 'ios') {
      roost.clock.advance(60_000)
      roost.simulator.apns.killToken(device.token)
      roost.clock.advance(60_000)
    }
    if (kind === 'android') roost.simulator.fcm.killToken(device.token)
    if (kind === 'web') roost.simulator.webPush.dropSubscription(device.token)
    const id = await patient.sent({ to: { devices: [device.hwid] } })
    for (const message of [undefined, id]) {
      const diagnosed = await patient.of(device, message)
      expect(first(diagnosed)).toBe(`proven ${key}`)
      expect(diagnosed.findings[0]?.message.parameters.reason).toContain(reason)
      // Since when it is gone, as Apple says; that was learned a minute later.
      const since = Date.parse(String(diagnosed.findings[0]?.message.parameters.since))
      if (kind === 'ios') expect(Math.abs(since - goneSince)).toBeLessThan(30_000)
    }
    const later = await patient.sent({ to: { all: true } })
    const { outcome, findings } = await patient.of(device, later)
    expect({ outcome, key: findings[0]?.message.key }).toEqual({ outcome: 'not_sent', key })
  })

  test('by its age', async () => {
    const own = await Patient.open(roost, { gateways: ['android'] })
    const device = await own.register('android')
    await ageAddresses(roost.server.db, roost.clock.now() + 300 * DAY_MS)
    expect(first(await own.of(device))).toBe('proven DX-37.aged')
  })

  test('is past as soon as the device registers again', async () => {
    const device = await patient.register('android')
    roost.simulator.fcm.killToken(device.token)
    await patient.sent({ to: { devices: [device.hwid] } })
    await patient.call('registerDevice', {
      hwid: device.hwid,
      device_type: 3,
      ...patient.newToken('android'),
    })
    expect(await patient.of(device)).toMatchObject({ outcome: 'could_receive' })
  })
})

describe('DX-38: a device that was not heard of for long', () => {
  test('is skipped where the app wishes it, and in doubt elsewhere', async () => {
    const own = await Patient.open(roost, { gateways: ['android'] })
    const device = await own.register('android')
    roost.clock.advance(40 * DAY_MS)
    expect(await own.of(device)).toMatchObject({
      outcome: 'could_receive',
      findings: [{ verdict: 'likely', message: { key: 'DX-38.silent', parameters: { days: 40 } } }],
    })
    await own.rest('PATCH', '/address-policy', { sendToDormant: false })
    expect(first(await own.of(device))).toBe('proven DX-38')
    const id = await own.sent({ to: { all: true } })
    expect(first(await own.of(device, id))).toBe('proven DX-38')
  })
})

test('DX-39: asked for by a token that a newer one has replaced', async () => {
  const device = await patient.register('android')
  await patient.call('registerDevice', { hwid: device.hwid, device_type: 3, ...patient.newToken('android') })
  const { devices } = await patient.ask({ token: device.token })
  expect(devices.map(it => [it.hwid, it.outcome, first(it)])).toEqual([
    [device.hwid, 'could_receive', 'proven DX-39.asked'],
  ])
})

describe('DX-40, DX-41: a token that Apple does not know', () => {
  test('is one of the other environment, and there is no credential to find out', async () => {
    const own = await Patient.open(roost, { gateways: [] })
    const key = roost.simulator.apns.createTeamKey({ bundleId: own.bundleId })
    await own.upload({ gateway: 'apns', kind: 'p8', ...key, environments: ['production'] })
    const good = await own.register('ios')
    await own.sent({ to: { devices: [good.hwid] } })
    const stray = await own.register('ios', own.newToken('ios', { environment: 'sandbox' }))
    const id = await own.sent({ to: { devices: [stray.hwid, good.hwid] } })
    expect(first(await own.of(stray))).toBe('proven DX-40')
    expect(first(await own.of(stray, id))).toBe('proven DX-40')
    const later = await own.sent({ to: { all: true } })
    expect(first(await own.of(stray, later))).toBe('proven DX-40')
  })

  test('is one of the other environment, and was corrected', async () => {
    const stray = await patient.register('ios', patient.newToken('ios', { environment: 'sandbox' }))
    await patient.sent({ to: { devices: [stray.hwid] } })
    expect(await patient.of(stray)).toMatchObject({
      outcome: 'could_receive',
      findings: [{ verdict: 'proven', effect: 'warns', message: { key: 'DX-40.corrected' } }],
    })
    const condition = { tag: 'plan', op: 'eq', value: 'gold' } as const
    const other = await patient.sent({ to: { condition } })
    const blocked = (await patient.of(stray, other)).findings.filter(it => it.effect === 'blocks')
    expect(all({ findings: blocked })).toEqual(['proven DX-20.part'])
  })

  test('is known in neither environment', async () => {
    const good = await patient.register('ios')
    await patient.sent({ to: { devices: [good.hwid] } })
    const stray = await patient.register('ios', { push_token: 'cd'.repeat(32) })
    const id = await patient.sent({ to: { devices: [stray.hwid, good.hwid] } })
    expect(first(await patient.of(stray))).toBe('proven DX-41')
    expect(first(await patient.of(stray, id))).toBe('proven DX-41')
  })
})

test('DX-42: a token that another device has registered since', async () => {
  const device = await patient.register('android')
  await patient.register('android', { push_token: device.token })
  expect(first(await patient.of(device))).toBe('proven DX-42')
})

describe('DX-44: tokens for calls', () => {
  test('are all that the device has', async () => {
    const voip_push_token = roost.simulator.apns.issueToken({ bundleId: patient.bundleId, kind: 'voip' })
    const device = await patient.register('ios', { push_token: null, voip_push_token })
    expect(first(await patient.of(device))).toBe('proven DX-44')
  })

  test('are registered for notifications as well', async () => {
    const token = roost.simulator.apns.issueToken({ bundleId: patient.bundleId, kind: 'voip' })
    const device = await patient.register('ios', { push_token: token, voip_push_token: token })
    expect(first(await patient.of(device))).toBe('likely DX-44.same')
  })
})
