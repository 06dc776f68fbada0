import { expect, test } from 'vitest'
import { adoptSettings } from './state.ts'

const settings = {
  baseUrl: 'https://push.test',
  application: 'AAAAA-BBBBB',
  deviceToken: 'token',
  appVersion: undefined,
}
const registered = { address: 'https://push.test/a', vapidKey: 'key', at: 1 }

function makeSecondUuid(): string {
  return 'second'
}

test('a first start names the device after the application', () => {
  const state = adoptSettings(undefined, settings, () => 'first')
  expect(state).toMatchObject({ hwid: 'AAAAA-BBBBB_first', isOptedOut: false, registered: undefined })
})

test('the same application keeps the device and takes the new device token', () => {
  const before = { ...adoptSettings(undefined, settings, () => 'first'), registered, isOptedOut: true }
  const state = adoptSettings(before, { ...settings, deviceToken: 'rotated' }, makeSecondUuid)
  expect(state).toEqual({ ...before, settings: { ...settings, deviceToken: 'rotated' } })
})

test('another server has not confirmed the address yet, but the device and the opt-out stay', () => {
  const before = { ...adoptSettings(undefined, settings, () => 'first'), registered, isOptedOut: true }
  const state = adoptSettings(before, { ...settings, baseUrl: 'https://new.test' }, makeSecondUuid)
  expect(state).toMatchObject({ hwid: 'AAAAA-BBBBB_first', registered: undefined, isOptedOut: true })
})

test('another application is another device', () => {
  const before = { ...adoptSettings(undefined, settings, () => 'first'), registered, userId: 'ann' }
  const state = adoptSettings(before, { ...settings, application: 'CCCCC-DDDDD' }, makeSecondUuid)
  expect(state).toMatchObject({ hwid: 'CCCCC-DDDDD_second', registered: undefined, userId: undefined })
})
