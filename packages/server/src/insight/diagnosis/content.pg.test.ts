/** DX-43, DX-55 to DX-67: what rules and the content of a message keep back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { first, Patient } from '../../../test/diagnosis.ts'
import { startRoost, type TestRoost } from '../../../test/roost.ts'

const HOUR_MS = 3_600_000

let roost: TestRoost
let patient: Patient
beforeAll(async () => {
  roost = await startRoost()
  patient = await Patient.open(roost)
})
afterAll(() => roost.close())

/** A clock time, so many hours from now, in UTC. */
const clockIn = (hours: number) => new Date(roost.clock.now() + hours * HOUR_MS).toISOString().slice(11, 16)

test('DX-43: the person logged out while the message waited', async () => {
  const device = await patient.register('ios', { userId: 'leaving' })
  roost.simulator.apns.faults.answerFor(device.token, { reason: 'TooManyRequests' }, 1)
  roost.clock.stand() // its next try is due after a second
  const id = await patient.send({ to: { users: ['leaving'] } })
  await patient.until(id, it => it.retrying.length > 0)
  await patient.rest('POST', '/users/leaving/logout')
  roost.clock.run()
  roost.clock.advance(HOUR_MS)
  await patient.until(id, it => it.state === 'done')
  expect(first(await patient.of(device, id))).toBe('proven DX-43')
})

test('DX-55: the cap', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  await own.rest('PATCH', '/rules', { cap: { messages: 1, days: 1 } })
  const device = await own.register('ios')
  expect(first(await own.of(device))).toBe('nothing')
  const taken = await own.sent({ to: { devices: [device.hwid] } })
  const capped = await own.sent({ to: { devices: [device.hwid] } })
  const diagnosed = await own.of(device, capped)
  expect(first(diagnosed)).toBe('proven DX-55')
  expect(diagnosed.findings[0]?.message.parameters).toEqual({ messages: 1, days: 1 })
  expect(first(await own.of(device, taken))).not.toContain('DX-55')
  const now = await own.of(device)
  expect({ first: first(now), outcome: now.outcome }).toEqual({
    first: 'proven DX-55.now',
    outcome: 'could_receive',
  })
})

describe('DX-56: quiet hours', () => {
  const quiet = (action: 'drop' | 'defer') => ({ from: clockIn(-1), to: clockIn(2), action })
  test('drop it, hold it up, or are longer than its life', async () => {
    const device = await patient.register('ios', { timezone: '0' })
    const about = async (rules: object, ttlSeconds = 86_400) => {
      const id = await patient.send({ to: { devices: [device.hwid] }, rules, ttlSeconds })
      await patient.until(id, it => it.state === 'done' || it.counts.pending === 1)
      await expect.poll(async () => (await patient.of(device, id)).trace?.reason).not.toBe('planned')
      const diagnosed = await patient.of(device, id)
      await patient.rest('POST', `/messages/${id}/cancel`)
      return first(diagnosed)
    }
    expect(await about({ quietHours: quiet('drop') })).toBe('proven DX-56.dropped')
    expect(await about({ quietHours: quiet('defer') })).toBe('proven DX-56.waits')
    expect(await about({ quietHours: quiet('defer') }, 600)).toBe('proven DX-56.expired')
  })

  test('of the app that drop block what is not transactional, and such a message would come', async () => {
    const own = await Patient.open(roost, { gateways: ['ios'] })
    await own.rest('PATCH', '/rules', { quietHours: quiet('drop') })
    const { outcome, findings } = await own.of(await own.register('ios', { timezone: '0' }))
    expect({ outcome, found: findings.map(it => [it.message.key, it.effect]) }).toEqual({
      outcome: 'could_receive',
      found: [['DX-56.now_dropped', 'blocks']],
    })
  })

  test('of the app that defer are a delay while no message is asked for', async () => {
    const own = await Patient.open(roost, { gateways: ['ios'] })
    await own.rest('PATCH', '/rules', { quietHours: quiet('defer') })
    const device = await own.register('ios', { timezone: '0' })
    const { outcome, findings } = await own.of(device)
    expect({ outcome, keys: findings.map(it => it.message.key) }).toEqual({
      outcome: 'could_receive',
      keys: ['DX-56.now'],
    })
  })
})

test('DX-59: nothing to show, and silent pushes to browsers', async () => {
  const device = await patient.register('web')
  const silent = await patient.sent({
    to: { devices: [device.hwid] },
    content: { silent: true, data: { a: 1 } },
  })
  expect(first(await patient.of(device, silent))).toBe('proven DX-59.silent')
  const content = { title: '{{tags.nothing}}', onMissing: 'blank' } as const
  const empty = await patient.sent({ to: { devices: [device.hwid] }, content })
  expect(first(await patient.of(device, empty))).toBe('proven DX-59')
})

test('DX-59: a message that is for inboxes alone', async () => {
  const device = await patient.register('ios')
  const id = await patient.sent({ to: { all: true }, inbox: { only: true } })
  expect(first(await patient.of(device, id))).toBe('proven DX-59.inbox')
})

test('DX-61: too large for the gateway', async () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const tags = Object.fromEntries(names.map(it => [it, 'x'.repeat(900)]))
  const device = await patient.register('android', { tags })
  const content = { title: 'Hello', body: names.map(it => `{{tags.${it}}}`).join('') }
  const id = await patient.sent({ to: { devices: [device.hwid] }, content })
  expect(first(await patient.of(device, id))).toBe('proven DX-61')
})

test('DX-62: an option that Apple refuses', async () => {
  const device = await patient.register('ios')
  roost.simulator.apns.faults.answerFor(device.token, { reason: 'BadCollapseId' })
  const id = await patient.sent({ to: { devices: [device.hwid] } })
  const diagnosed = await patient.of(device, id)
  expect(first(diagnosed)).toBe('proven DX-62')
  expect(diagnosed.findings[0]?.message.text).toContain('BadCollapseId')
})

test('DX-63: a field that Google refuses', async () => {
  const device = await patient.register('android')
  const field = 'message.data[0].value'
  roost.simulator.fcm.faults.answerFor(device.token, {
    form: 'bad_request',
    field,
    description: 'Invalid value',
  })
  const id = await patient.sent({ to: { devices: [device.hwid] } })
  expect(first(await patient.of(device, id))).toBe('proven DX-63')
})

test('DX-64: a variable without a value, and a template that fails', async () => {
  const device = await patient.register('ios')
  const missing = await patient.sent({
    to: { devices: [device.hwid] },
    content: { title: 'Hello {{tags.name}}' },
  })
  const diagnosed = await patient.of(device, missing)
  expect(first(diagnosed)).toBe('proven DX-64')
  expect(diagnosed.findings[0]?.message.parameters).toEqual({ variable: 'tags.name' })
})

describe('DX-66, DX-67: images', () => {
  const image = 'https://images.invalid/a.png'
  const content = { title: 'Hello', image, onBadImage: 'warn' } as const

  test('can’t be loaded, as was found when the message was made', async () => {
    const device = await patient.register('android')
    const id = await patient.sent({ to: { devices: [device.hwid] }, content })
    expect(first(await patient.of(device, id))).toBe('proven DX-66')
  })

  test('could not be loaded by the device, as it told', async () => {
    const device = await patient.register('android')
    const id = await patient.sent({ to: { devices: [device.hwid] }, content })
    const receipt = { kind: 'attachment_failed', hash: id, reason: 'http_404' }
    const { status } = await patient.rest('POST', `/devices/${device.hwid}/receipts`, receipt)
    expect(status).toBeLessThan(300)
    const diagnosed = await patient.of(device, id)
    expect(first(diagnosed)).toBe('proven DX-66.device')
    expect(diagnosed.findings[0]?.message.text).toContain('http_404')
  })

  test('need the extension of the app on Apple’s phones, and a newer one', async () => {
    // With a variable in its path it is not looked at beforehand.
    const seen = { title: 'Hello', image: 'https://images.example.com/{{device.platform}}.png' }
    const about = async (fields: Record<string, unknown>) => {
      const device = await patient.register('ios', fields)
      const id = await patient.sent({ to: { devices: [device.hwid] }, content: seen })
      roost.clock.advance(60_000)
      await patient.call('setTags', { hwid: device.hwid, tags: { seen: 1 } })
      return first(await patient.of(device, id))
    }
    expect(await about({})).toBe('likely DX-67')
    await patient.rest('PATCH', '/integration', { minimums: { rich_push: '1.3.3' } })
    expect(await about({ extension_version: '1.2.0' })).toBe('proven DX-67.old')
    expect(await about({ extension_version: '1.3.3' })).not.toContain('DX-67')
  })
})

test('DX-32: an SDK that is older than pushes need in this app', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  await own.rest('PATCH', '/integration', { minimums: { push: '1.0' } })
  const device = await own.register('ios', { v: '0.9.4' })
  expect(first(await own.of(device))).toBe('proven DX-32')
})
