/** DX-45 to DX-52: what the person and the system let through. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { all, first, Patient } from '../../../test/diagnosis.ts'
import { startRoost, type TestRoost } from '../../../test/roost.ts'

let roost: TestRoost
let patient: Patient
beforeAll(async () => {
  roost = await startRoost()
  patient = await Patient.open(roost)
})
afterAll(() => roost.close())

describe('DX-45: the permission', () => {
  test.each([
    ['denied', 'DX-45.denied', 'could_not'],
    ['not_determined', 'DX-45.not_asked', 'could_not'],
    ['provisional', 'DX-45.provisional', 'could_receive'],
  ])('%s', async (permission, key, outcome) => {
    const device = await patient.register('ios', { permission })
    const diagnosed = await patient.of(device)
    expect(first(diagnosed)).toBe(`proven ${key}`)
    expect(diagnosed.outcome).toBe(outcome)
    expect(diagnosed.findings[0]?.evidence).toMatchObject([{ source: 'device', data: { permission } }])
  })

  test('kept a campaign from the device, and a message to it by name; and is told as it was then', async () => {
    const device = await patient.register('ios')
    await patient.call('registerDevice', {
      hwid: device.hwid,
      device_type: 1,
      push_token: device.token,
      permission: 'denied',
    })
    const campaign = await patient.sent({ to: { all: true } })
    const named = await patient.sent({ to: { devices: [device.hwid] } })
    expect(first(await patient.of(device, campaign))).toBe('proven DX-45.denied')
    expect(first(await patient.of(device, named))).toBe('proven DX-45.denied')
    await patient.call('registerDevice', {
      hwid: device.hwid,
      device_type: 1,
      push_token: device.token,
      permission: 'granted',
    })
    expect(first(await patient.of(device, campaign))).toBe('proven DX-45.denied')
    expect(await patient.of(device)).toMatchObject({ outcome: 'could_receive', findings: [] })
  })

  test('that was withdrawn after the gateway had taken the message is likely, and not proven', async () => {
    const device = await patient.register('ios')
    const id = await patient.sent({ to: { devices: [device.hwid] } })
    await patient.call('registerDevice', {
      hwid: device.hwid,
      device_type: 1,
      push_token: device.token,
      permission: 'denied',
    })
    expect(first(await patient.of(device, id))).toBe('likely DX-45.denied')
  })
})

test('DX-46: parts of the permission', async () => {
  const device = await patient.register('ios', { permission: 'granted', notificationTypes: 4 })
  const diagnosed = await patient.of(device)
  expect(first(diagnosed)).toBe('proven DX-46')
  expect(diagnosed.findings[0]?.message.parameters).toEqual({ parts: 'sound, badge' })
})

test('DX-47: Android 13 and later, without POST_NOTIFICATIONS', async () => {
  const fields = { permission: 'denied', os_version: '14' }
  expect(first(await patient.of(await patient.register('android', fields)))).toBe('proven DX-47')
  const older = { ...fields, os_version: '12' }
  expect(first(await patient.of(await patient.register('android', older)))).toBe('proven DX-45.denied')
})

test('DX-48: the channel of a message is off, or unknown to the device', async () => {
  const channels = [
    { id: 'news', isEnabled: true },
    { id: 'promo', isEnabled: false },
  ]
  const device = await patient.register('android', { channels })
  const about = async (channel: string) => {
    const id = await patient.sent({ to: { devices: [device.hwid] }, content: { title: 'Hello', channel } })
    return first(await patient.of(device, id))
  }
  expect(await about('promo')).toBe('proven DX-48')
  expect(await about('offers')).toBe('proven DX-48.unknown')
  expect(await about('news')).not.toContain('DX-48')
  expect(first(await patient.of(device))).toBe('proven DX-48.some')
})

test('DX-49: the device has unregistered, or its person has opted out of the category', async () => {
  const gone = await patient.register('android')
  await patient.call('unregisterDevice', { hwid: gone.hwid })
  expect(first(await patient.of(gone))).toBe('proven DX-49.unregistered')
  const campaign = await patient.sent({ to: { all: true } })
  expect(first(await patient.of(gone, campaign))).toBe('proven DX-49.unregistered')

  await patient.rest('PATCH', '/rules', { categories: ['promo'] })
  const device = await patient.register('android')
  await patient.call('setTags', { hwid: device.hwid, tags: { optedOut: ['promo'] } })
  expect(first(await patient.of(device))).toBe('proven DX-49.some')
  const id = await patient.sent({ to: { devices: [device.hwid] }, rules: { category: 'promo' } })
  expect(first(await patient.of(device, id))).toBe('proven DX-49.category')
  const sendAt = new Date(roost.clock.now() + 3_600_000).toISOString()
  const later = await patient.send({ to: { devices: [device.hwid] }, rules: { category: 'promo' }, sendAt })
  expect(first(await patient.of(device, later))).toBe('proven DX-49.category')
  await patient.rest('POST', `/messages/${later}/cancel`)
})

test('DX-50: the app was open when it came', async () => {
  const device = await patient.register('ios')
  await patient.call('applicationOpen', { hwid: device.hwid, device_type: 1 })
  const id = await patient.sent({ to: { devices: [device.hwid] } })
  await patient.rest('POST', `/devices/${device.hwid}/receipts`, { kind: 'delivered', hash: id })
  expect(first(await patient.of(device, id))).toBe('likely DX-50')
})

test('DX-51: the system keeps the app from running', async () => {
  const power = { isBackgroundRestricted: true, standby: 'restricted' }
  const device = await patient.register('android', { power })
  expect(first(await patient.of(device))).toBe('likely DX-51')
})

test('DX-52: the level of the message, and the summary', async () => {
  const device = await patient.register('ios')
  const content = { title: 'Hello', interruptionLevel: 'passive' } as const
  const id = await patient.sent({ to: { devices: [device.hwid] }, content })
  expect(first(await patient.of(device, id))).toBe('proven DX-52')
  const summarised = await patient.register('ios', { scheduled_summary: true, notificationTypes: 7 })
  expect(first(await patient.of(summarised))).toBe('likely DX-52.summary')
})

test('a device with nothing against it could receive, and what no server sees is said', async () => {
  const diagnosed = await patient.of(await patient.register('ios', { permission: 'granted' }))
  expect(diagnosed.outcome).toBe('could_receive')
  expect(all(diagnosed)).toEqual([])
  expect(diagnosed.ruledOut).toEqual(expect.arrayContaining(['DX-01', 'DX-33', 'DX-45']))
  // Apple has not been asked of the token.
  for (const rule of ['DX-04', 'DX-07', 'DX-13', 'DX-37', 'DX-40', 'DX-41', 'DX-86'] as const)
    expect(diagnosed.ruledOut).not.toContain(rule)
  expect(diagnosed.unseen.map(it => it.key)).toEqual(['power', 'focus', 'display', 'uninstall'])
})

test('each rule that is named comes with what it is about, in the language that was asked for', async () => {
  const device = await patient.register('ios', { permission: 'denied' })
  const { titles, devices } = await patient.ask({ device: device.hwid, lang: 'pt' })
  const named = devices.flatMap(it => [...it.findings.map(({ rule }) => rule), ...it.ruledOut])
  expect(Object.keys(titles).sort()).toEqual([...new Set(named)].sort())
  expect(titles['DX-45']).toBe('Notificações não permitidas')
})
