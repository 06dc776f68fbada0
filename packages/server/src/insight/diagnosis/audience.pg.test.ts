/** DX-20 to DX-29: whether the device was meant, and how far the message has come. */
import type { SegmentView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { first, Patient } from '../../../test/diagnosis.ts'
import { startRoost, type TestRoost, tick } from '../../../test/roost.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const GOLD = { tag: 'plan', op: 'eq', value: 'gold' } as const

let roost: TestRoost
let patient: Patient
beforeAll(async () => {
  roost = await startRoost()
  patient = await Patient.open(roost)
})
afterAll(() => roost.close())

const soon = (ms: number) => new Date(roost.clock.now() + ms).toISOString()

async function nightly(own: Patient, name: string, condition: object = GOLD): Promise<string> {
  const { body } = await own.rest<{ id: string }>('POST', '/segments', { name, mode: 'nightly', condition })
  await computedSince(own, body.id, 0)
  return body.id
}

async function computedSince(own: Patient, id: string, since: number): Promise<void> {
  for (;;) {
    const { nightly } = (await own.rest<SegmentView>('GET', `/segments/${id}`)).body
    if (Date.parse(nightly?.snapshot?.computedAt ?? '') >= since) return
    await tick()
  }
}

describe('DX-20: not in the audience', () => {
  test('names the part of the condition that is not met, and what the device has there', async () => {
    const device = await patient.register('ios', { tags: { plan: 'silver', city: 'Rome' } })
    const condition = { and: [{ tag: 'city', op: 'eq', value: 'Rome' }, GOLD] } as const
    const id = await patient.sent({ to: { condition } })
    const diagnosed = await patient.of(device, id)
    expect(first(diagnosed)).toBe('proven DX-20.part')
    expect(diagnosed.findings[0]?.message.parameters).toMatchObject({ value: '"silver"' })
    expect(diagnosed.findings[0]?.message.parameters.part).toContain('plan')
    expect(diagnosed.outcome).toBe('not_sent')
  })

  test('is not proven of a device that has told something since: it may have been in it then', async () => {
    const device = await patient.register('ios', { tags: { plan: 'iron' } })
    const condition = { tag: 'plan', op: 'eq', value: 'brass' } as const
    const id = await patient.sent({ to: { condition } })
    roost.clock.advance(60_000)
    await patient.call('setTags', { hwid: device.hwid, tags: { plan: 'lead' } })
    await patient.call('applicationOpen', { hwid: device.hwid, device_type: 1 })
    expect(first(await patient.of(device, id))).toBe('likely DX-20.part')
  })

  test('is told of a message to named devices or users, too', async () => {
    const [named, other] = [
      await patient.register('ios'),
      await patient.register('ios', { userId: 'someone' }),
    ]
    const id = await patient.sent({ to: { devices: [named.hwid] } })
    expect(first(await patient.of(other, id))).toBe('proven DX-20.named')
    await patient.register('ios', { userId: 'somebody' })
    const toUsers = await patient.sent({ to: { users: ['somebody'] } })
    expect(first(await patient.of(other, toUsers))).toBe('proven DX-20.named')
  })
})

describe('DX-21: the segment was computed before', () => {
  test('the device came, or before it changed', async () => {
    const old = await patient.register('ios', { tags: { plan: 'tin' } })
    const id = await nightly(patient, 'Gold of the night')
    roost.clock.advance(60_000)
    const late = await patient.register('ios', { tags: { plan: 'gold' } })
    await patient.call('setTags', { hwid: old.hwid, tags: { plan: 'gold' } })
    await patient.call('applicationOpen', { hwid: old.hwid, device_type: 1 })
    const never = await patient.register('ios', { tags: { plan: 'tin' } })
    const message = await patient.sent({ to: { segment: id } })
    const diagnosed = await patient.of(late, message)
    expect(first(diagnosed)).toBe('proven DX-21')
    expect(diagnosed.findings[0]).toMatchObject({
      nextTest: 'compute_segment',
      message: { parameters: { segment: 'Gold of the night' } },
    })
    expect(first(await patient.of(old, message))).toBe('proven DX-21')
    expect(first(await patient.of(never, message))).toBe('proven DX-21')
  })

  test('and who was never in it is told that by DX-20', async () => {
    const device = await patient.register('ios', { tags: { plan: 'tin' } })
    roost.clock.advance(60_000)
    const id = await nightly(patient, 'Gold again')
    const message = await patient.sent({ to: { segment: id } })
    expect(first(await patient.of(device, message))).toBe('proven DX-20')
  })
})

test('DX-22: the last computation of the segment failed', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  const id = await nightly(own, 'Failing', { or: [GOLD, { tag: 'later', op: 'eq', value: 'x' }] })
  roost.clock.advance(60_000)
  const device = await own.register('ios', { tags: { plan: 'gold' } })
  // What it asks for makes no sense any more.
  await own.rest('PUT', '/tags/later', { type: 'integer' })
  await own.rest('POST', `/segments/${id}/compute`)
  const failure = async () => (await own.rest<SegmentView>('GET', `/segments/${id}`)).body.nightly?.failure
  await expect.poll(failure).not.toBeNull()
  const message = await own.sent({ to: { segment: id } })
  const diagnosed = await own.of(device, message)
  expect(first(diagnosed)).toBe('proven DX-22')
  expect(diagnosed.findings[0]?.message.text).toContain('tag "later" is of type integer')
})

describe('DX-23: users', () => {
  test('a message for users, and nobody is logged in on the device', async () => {
    await patient.register('ios', { userId: 'ann' })
    const visitor = await patient.register('ios')
    const id = await patient.sent({ to: { users: ['ann'] } })
    expect(first(await patient.of(visitor, id))).toBe('proven DX-23')
  })

  test('a condition that asks for users', async () => {
    const visitor = await patient.register('ios')
    const id = await patient.sent({ to: { condition: { field: 'isVisitor', op: 'eq', value: false } } })
    expect(first(await patient.of(visitor, id))).toBe('proven DX-23')
  })
})

test('DX-24: the device came after the audience was decided', async () => {
  const id = await patient.sent({ to: { all: true } })
  const late = await patient.register('ios')
  expect(first(await patient.of(late, id))).toBe('proven DX-24')
})

test('DX-24: a device that was named before it came', async () => {
  const id = await patient.sent({ to: { devices: ['comes-later'] } })
  await patient.call('registerDevice', { hwid: 'comes-later', device_type: 1, ...patient.newToken('ios') })
  expect(first(await patient.of({ hwid: 'comes-later' }, id))).toBe('proven DX-24')
})

test('DX-25: the control group', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  const devices = await Promise.all(Array.from({ length: 12 }, () => own.register('ios')))
  const variants = ['a', 'b'].map(name => ({ name, percent: 20, content: { title: name } }))
  const id = await own.sent({ to: { all: true }, experiment: { variants, controlPercent: 60 } })
  const outcomes = await Promise.all(devices.map(async it => own.of(it, id)))
  const controlled = outcomes.filter(it => it.trace?.reason === 'control_group')
  expect(controlled.length).toBeGreaterThan(0)
  expect(controlled.map(first)).toEqual(controlled.map(() => 'proven DX-25'))
})

describe('DX-26: the message itself', () => {
  test('is paused, cancelled, or over', async () => {
    const device = await patient.register('ios')
    const paused = await patient.send({ to: { devices: [device.hwid] }, sendAt: soon(HOUR_MS) })
    await patient.rest('POST', `/messages/${paused}/pause`)
    expect(first(await patient.of(device, paused))).toBe('proven DX-26.paused')
    await patient.rest('POST', `/messages/${paused}/cancel`)
    expect(first(await patient.of(device, paused))).toBe('proven DX-26.cancelled')
  })

  test('has expired while it waited', async () => {
    const own = await Patient.open(roost, { gateways: ['ios'] })
    const device = await own.register('ios')
    await own.revokeKey()
    const id = await own.send({ to: { devices: [device.hwid] }, ttlSeconds: 0 })
    await own.until(id, it => it.held.length > 0)
    roost.clock.advance(2 * 60_000)
    await own.until(id, it => it.state === 'done')
    expect(first(await own.of(device, id))).toBe('proven DX-26.expired')
  })

  test('was recalled', async () => {
    const device = await patient.register('ios')
    const id = await patient.sent({ to: { devices: [device.hwid] } })
    await patient.rest('POST', `/messages/${id}/recall`, {})
    expect(first(await patient.of(device, id))).toBe('likely DX-26.recalled')
  })
})

test('DX-27: of the devices of a user another one was chosen', async () => {
  const older = await patient.register('ios', { userId: 'two' })
  roost.clock.advance(60_000)
  const newer = await patient.register('ios', { userId: 'two' })
  await patient.call('applicationOpen', { hwid: newer.hwid, device_type: 1, userId: 'two' })
  const id = await patient.sent({ to: { users: ['two'], userDevices: 'latest' } })
  const diagnosed = await patient.of(older, id)
  expect(first(diagnosed)).toBe('proven DX-27')
  expect(diagnosed.findings[0]?.message.parameters).toEqual({ chosen: newer.hwid })
})

test('DX-28: the address had the message as that of another device', async () => {
  const own = await Patient.open(roost, { gateways: ['android'] })
  const [former, taker] = [await own.register('android'), await own.register('android')]
  roost.simulator.fcm.faults.answerFor(taker.token, { form: 'unavailable' })
  const id = await own.send({ to: { devices: [former.hwid, taker.hwid] } })
  await own.until(id, it => it.counts.accepted === 1 && it.retrying.length > 0)
  // Its own token was not reached; the one that it takes over was.
  await own.call('registerDevice', { hwid: taker.hwid, device_type: 3, ...former.told })
  roost.clock.advance(HOUR_MS)
  await own.until(id, it => it.state === 'done')
  expect(first(await own.of(taker, id))).toBe('proven DX-28')
})

describe('DX-29: not yet', () => {
  test('it is due later, or by the clock of the device', async () => {
    const device = await patient.register('ios', { timezone: 0 })
    const scheduled = await patient.send({ to: { all: true }, sendAt: soon(DAY_MS) })
    expect(first(await patient.of(device, scheduled))).toBe('proven DX-29.scheduled')
    await patient.rest('POST', `/messages/${scheduled}/cancel`)
    const at = new Date(roost.clock.now() + 30 * HOUR_MS).toISOString().slice(0, 16)
    const local = await patient.send({ to: { devices: [device.hwid] }, localTime: { at } })
    expect(['proven DX-29.clock', 'proven DX-29.scheduled']).toContain(first(await patient.of(device, local)))
    await patient.rest('POST', `/messages/${local}/cancel`)
  })
})

test('DX-57: the message goes out at its own pace', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  const devices = await Promise.all(Array.from({ length: 8 }, () => own.register('ios')))
  const id = await own.send({ to: { all: true }, sendRate: 1 })
  await own.until(id, it => it.counts.accepted > 0)
  const firsts = await Promise.all(devices.map(async it => first(await own.of(it, id))))
  await own.rest('POST', `/messages/${id}/cancel`)
  expect(firsts).toContain('proven DX-57')
})

test('DX-20: what a condition asks for may have changed in the base; then it is likely, and no part is named', async () => {
  const device = await patient.register('ios')
  const id = await patient.sent({ to: { condition: { event: 'bought' } } })
  roost.clock.advance(60_000)
  await patient.rest('POST', `/devices/${device.hwid}/events`, { name: 'bought' })
  expect(first(await patient.of(device, id))).toBe('likely DX-20')
})

test('DX-73: nobody sends what is due', async () => {
  const idle = await startRoost({ roles: ['api', 'jobs'] })
  try {
    const own = await Patient.open(idle, { gateways: ['ios'] })
    const device = await own.register('ios')
    const id = await own.send({ to: { devices: [device.hwid] } })
    expect(first(await own.of(device, id))).not.toContain('DX-73')
    idle.clock.advance(10 * 60_000)
    expect(first(await own.of(device, id))).toBe('proven DX-73')
  } finally {
    await idle.close()
  }
})
