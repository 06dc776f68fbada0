/** DX-80 to DX-89: a gateway took it, and the device has not told what a sender would like to hear. Nothing of it is ever proven but what was told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { first, type Kind, Patient, type Registered } from '../../../test/diagnosis.ts'
import { startRoost, type TestRoost } from '../../../test/roost.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let roost: TestRoost
let patient: Patient
beforeAll(async () => {
  roost = await startRoost()
  patient = await Patient.open(roost)
})
afterAll(() => roost.close())

async function tell(
  own: Patient,
  { hwid }: Registered,
  receipt: { kind: string; hash: string },
): Promise<void> {
  const { status, body } = await own.rest('POST', `/devices/${hwid}/receipts`, receipt)
  if (status >= 300) throw new Error(JSON.stringify(body))
}

/** A device that has told of a message before, so that its silence means something. */
async function telling(own: Patient, kind: Kind): Promise<Registered> {
  const device = await own.register(kind)
  const hash = await own.sent({ to: { devices: [device.hwid] } })
  for (const receipt of ['delivered', 'displayed']) await tell(own, device, { kind: receipt, hash })
  roost.clock.advance(60_000)
  return device
}

/** The device calls in, so that it is known to live. */
async function call(own: Patient, { hwid }: Registered): Promise<void> {
  roost.clock.advance(10 * 60_000)
  await own.call('setTags', { hwid, tags: { seen: roost.clock.now() } })
}

test('DX-80: the device was not heard of while the message lived', async () => {
  const [device, silent] = [await telling(patient, 'ios'), await patient.register('ios')]
  const id = await patient.sent({ to: { devices: [device.hwid, silent.hwid] }, ttlSeconds: 3600 })
  roost.clock.advance(2 * HOUR_MS)
  const diagnosed = await patient.of(device, id)
  expect(first(diagnosed)).toBe('likely DX-80')
  expect(diagnosed.outcome).toBe('accepted')
  expect(first(await patient.of(silent, id))).toBe('possible DX-80')
})

test('DX-81: a newer message has taken its place', async () => {
  const device = await patient.register('ios')
  const score = { to: { devices: [device.hwid] }, collapseKey: 'score' }
  const id = await patient.sent(score)
  roost.clock.advance(1000)
  await patient.sent(score)
  expect(first(await patient.of(device, id))).toBe('likely DX-81')
})

test('DX-82: the device has been away since', async () => {
  const [device, silent] = [await telling(patient, 'ios'), await patient.register('ios')]
  const id = await patient.sent({ to: { devices: [device.hwid, silent.hwid] } })
  expect(first(await patient.of(device, id))).toBe('likely DX-82')
  expect(first(await patient.of(silent, id))).toBe('possible DX-82')
  await call(patient, device)
  expect(first(await patient.of(device, id))).not.toContain('DX-82')
})

describe('DX-83: what Google drops', () => {
  test('is likely when the app has told of it', async () => {
    const device = await patient.register('android')
    const id = await patient.sent({ to: { devices: [device.hwid] } })
    roost.clock.advance(60_000)
    const { status } = await patient.rest('POST', `/devices/${device.hwid}/events`, {
      name: 'messages_deleted',
    })
    expect(status).toBeLessThan(300)
    expect(first(await patient.of(device, id))).toBe('likely DX-83.deleted')
  })

  test('is possible else', async () => {
    const device = await patient.register('android')
    const id = await patient.sent({ to: { devices: [device.hwid] } })
    const { findings } = await patient.of(device, id)
    expect(findings.map(it => `${it.verdict} ${it.message.key}`)).toContain('possible DX-83')
  })
})

test('DX-84: silent pushes', async () => {
  const device = await patient.register('ios')
  const id = await patient.sent({ to: { devices: [device.hwid] }, content: { silent: true, data: { a: 1 } } })
  await call(patient, device)
  expect(first(await patient.of(device, id))).toBe('likely DX-84')
})

test('DX-85: Apple’s development environment', async () => {
  const fields = { gateway: 'sandbox', ...patient.newToken('ios', { environment: 'sandbox' }) }
  const device = await patient.register('ios', fields)
  const id = await patient.sent({ to: { devices: [device.hwid] } })
  const { findings } = await patient.of(device, id)
  expect(findings.map(it => `${it.verdict} ${it.message.key}`)).toContain('possible DX-85')
})

test('DX-86: message after message without a word, of a device that used to tell', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  const device = await own.register('ios')
  const told = await own.sent({ to: { devices: [device.hwid] } })
  await tell(own, device, { kind: 'delivered', hash: told })
  for (let i = 0; i < 3; i++) {
    roost.clock.advance(4 * DAY_MS)
    await own.sent({ to: { devices: [device.hwid] } })
  }
  const diagnosed = await own.of(device)
  expect(first(diagnosed)).toBe('likely DX-86')
  expect(diagnosed).toMatchObject({
    outcome: 'could_receive',
    findings: [{ message: { parameters: { messages: 3 } } }],
  })
})

test('DX-87: it came, and nobody told that it was shown', async () => {
  const [device, other] = [await telling(patient, 'android'), await patient.register('android')]
  const id = await patient.sent({ to: { devices: [device.hwid, other.hwid] } })
  for (const it of [device, other]) await tell(patient, it, { kind: 'delivered', hash: id })
  const diagnosed = await patient.of(device, id)
  expect(first(diagnosed)).toBe('likely DX-87')
  expect(diagnosed.outcome).toBe('delivered')
  expect(first(await patient.of(other, id))).toBe('possible DX-87')
})

describe('DX-88: it came, and is not counted', () => {
  test('since it was opened', async () => {
    const device = await patient.register('android')
    const id = await patient.sent({ to: { devices: [device.hwid] } })
    await tell(patient, device, { kind: 'opened', hash: id })
    const diagnosed = await patient.of(device, id)
    expect(first(diagnosed)).toBe('proven DX-88')
    expect(diagnosed).toMatchObject({ outcome: 'opened', unseen: [] })
  })

  test('may be so of a device that never tells and was heard of since', async () => {
    const device = await patient.register('huawei')
    const id = await patient.sent({ to: { devices: [device.hwid] } })
    await call(patient, device)
    expect(first(await patient.of(device, id))).toBe('likely DX-88.never')
  })
})

test('DX-89: it was tapped, and nothing tells of the page', async () => {
  const device = await patient.register('android')
  const content = { title: 'Hello', url: 'https://example.com/offer' }
  const id = await patient.sent({ to: { devices: [device.hwid] }, content })
  await tell(patient, device, { kind: 'delivered', hash: id })
  await tell(patient, device, { kind: 'opened', hash: id })
  expect(first(await patient.of(device, id))).toBe('possible DX-89')
  await tell(patient, device, { kind: 'landed', hash: id })
  expect(first(await patient.of(device, id))).toBe('nothing')
})
