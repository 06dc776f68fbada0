/** Devices that can't be pushed to, having no address or no permission: their channel reaches them, and the books balance. */
import { randomUUID } from 'node:crypto'
import type { DryRun, TraceView, TriggerView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveDevice, liveDevices } from '../../test/live-client.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const opened = liveDevices()

const WAIT_MS = 60_000
const patient = { route: 'online-first', pushAfterSeconds: WAIT_MS / 1000 } as const
const content = { title: 'Hello' }
const name = (what: string) => `${what}-${randomUUID()}`

async function withoutAddress(tags: Record<string, unknown> = {}): Promise<string> {
  const hwid = name('bare')
  await roost.device('registerDevice', { hwid, device_type: 3, tags })
  return hwid
}

/** Its phone has a token, and the person has forbidden notifications. */
async function withoutPermission(tags: Record<string, unknown> = {}): Promise<string> {
  const phone = await roost.phone('ios', { tags })
  await roost.device('registerDevice', {
    hwid: phone.hwid,
    device_type: 1,
    push_token: phone.token,
    notificationTypes: 0,
  })
  return phone.hwid
}

async function live(hwid: string): Promise<LiveDevice> {
  const { app, deviceToken } = roost
  return opened.connect(roost.url, { app, deviceToken, hwid })
}

async function takes(device: LiveDevice, messageId: string): Promise<void> {
  const { seq } = await device.next('message').then(it => {
    expect(it).toMatchObject({ messageId, notification: { title: 'Hello' } })
    return it
  })
  device.say({ type: 'ack', seqs: [seq] })
  await device.next('acked')
}

async function reasonOf(id: string, hwid: string): Promise<string | null | undefined> {
  const path = `/v1/apps/${roost.app}/messages/${id}/trace?hwid=${encodeURIComponent(hwid)}`
  return (await roost.rest<TraceView>('GET', path)).body.reason
}

describe('a device that can not be pushed to', () => {
  test('gets over its channel what names it; one that is not connected is skipped for what it lacks', async () => {
    const [there, away, mute] = [await withoutAddress(), await withoutAddress(), await withoutPermission()]
    const [device, forbidden] = [await live(there), await live(mute)]
    const unknown = name('nobody')
    const id = await roost.send({ to: { devices: [there, away, mute, unknown] }, content, ...patient })
    await takes(device, id)
    await takes(forbidden, id)
    await roost.until(id, it => it.counts.skipped === 2)
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({
      targeted: 4,
      accepted: 2,
      skipped: 2,
      failed: 0,
      uncertain: 0,
      pending: 0,
    })
    expect(await reasonOf(id, away)).toBe('no_address')
    expect(await reasonOf(id, unknown)).toBe('device_unknown')
  })

  test('gets over its channel what a condition meets it with, beside those that are pushed to', async () => {
    const tag = name('tag')
    const phone = await roost.phone('ios', { tags: { [tag]: 1 } })
    const [there, mute, other] = [
      await withoutAddress({ [tag]: 1 }),
      await withoutPermission({ [tag]: 1 }),
      await withoutAddress(),
    ]
    await withoutAddress({ [tag]: 1 })
    const devices = [await live(there), await live(mute)]
    const stranger = await live(other)
    const to = { condition: { tag, op: 'eq' as const, value: 1 } }
    const id = await roost.send({ to, content, ...patient })
    for (const device of devices) await takes(device, id)
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 3, accepted: 3, pending: 0 })
    expect(phone.shown).toHaveLength(1)
    await stranger.settled()
    expect(stranger.frames.filter(it => it.type === 'message')).toEqual([])
  })

  test('that acknowledges nothing may have shown it: that is uncertain, and no push follows', async () => {
    const there = await withoutAddress()
    const device = await live(there)
    const id = await roost.send({ to: { devices: [there] }, content, ...patient })
    await device.next('message')
    await roost.until(id, it => it.retrying.some(({ reason }) => reason === 'live_channel'))
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({
      targeted: 1,
      accepted: 0,
      uncertain: 1,
      skipped: 0,
    })
  })

  test('gets over its channel what an event of it triggers, and one with an address gets that too, without a push', async () => {
    const phone = await roost.phone('ios')
    const there = await withoutAddress()
    const event = name('event')
    const trigger = await roost.rest('POST', `/v1/apps/${roost.app}/triggers`, {
      name: event,
      event,
      message: { content, ...patient },
    })
    expect(trigger.status).toBe(201)
    for (const hwid of [there, phone.hwid]) {
      const device = await live(hwid)
      await roost.device('postEvent', { hwid, event })
      const frame = await device.next('message')
      expect(frame).toMatchObject({ notification: { title: 'Hello' } })
      device.say({ type: 'ack', seqs: [frame.seq] })
      await device.next('acked')
    }
    roost.clock.advance(WAIT_MS)
    const path = `/v1/apps/${roost.app}/triggers/${trigger.body.id}`
    const counts = async () => (await roost.rest<TriggerView>('GET', path)).body.counts
    while ((await counts()).accepted < 2) await tick()
    expect(await counts()).toMatchObject({ targeted: 2, accepted: 2, pending: 0 })
    expect(phone.shown).toEqual([])
  })

  test('is skipped as ever by a message that is pushed alone', async () => {
    const there = await withoutAddress()
    await live(there)
    const { id, counts } = await roost.sendAndSettle({ to: { devices: [there] }, content })
    expect(counts).toMatchObject({ targeted: 1, skipped: 1 })
    expect(await reasonOf(id, there)).toBe('no_address')
  })
})

test('a dry run does not count among the lost whom the channel reaches', async () => {
  const [there, away, mute] = [await withoutAddress(), await withoutAddress(), await withoutPermission()]
  await live(there)
  const forbidden = await live(mute)
  const lostOf = async (fields: Record<string, unknown>) => {
    const path = `/v1/apps/${roost.app}/messages/dry-run`
    const { body } = await roost.rest<DryRun>('POST', path, { content, ...fields })
    const codes = body.remarks.map(it => it.code)
    const lost = body.remarks.find(it => it.code === 'not_reached')?.values.devices ?? 0
    return { lost, isNobody: codes.includes('nobody_reached') }
  }
  const to = { devices: [there, away, mute] }
  expect(await lostOf({ to })).toEqual({ lost: 3, isNobody: true })
  expect(await lostOf({ to, ...patient })).toEqual({ lost: 1, isNobody: false })
  forbidden.say({ type: 'state', state: 'background' })
  await forbidden.settled()
  expect(await lostOf({ to, ...patient })).toEqual({ lost: 2, isNobody: false })
  const ofHwids = { condition: { field: 'hwid', op: 'in', value: to.devices } }
  expect(await lostOf({ to: ofHwids, route: 'both' })).toEqual({ lost: 1, isNobody: false })
})

test('a dry run counts as reached by the live channel alone whom it reaches now, and not whom a push would', async () => {
  const tag = name('tag')
  const tags = { [tag]: 1 }
  const [there, away] = [await withoutAddress(tags), await withoutAddress(tags)]
  const [pushed, open] = [await roost.phone('ios', { tags }), await roost.phone('ios', { tags })]
  const background = await live(there)
  await live(open.hwid)
  background.say({ type: 'state', state: 'background' })
  await background.settled()
  const path = `/v1/apps/${roost.app}/messages/dry-run`
  const dryRun = async (fields: Record<string, unknown>) =>
    (await roost.rest<DryRun>('POST', path, { content, ...fields })).body
  const lost = { code: 'not_connected', values: { devices: 2, of: 4, isAbout: 0 } }
  const condition = { tag, op: 'eq', value: 1 }
  for (const to of [{ devices: [there, away, pushed.hwid, open.hwid] }, { condition }]) {
    const only = await dryRun({ to, route: 'online-only' })
    expect(only).toMatchObject({ connected: 2, remarks: [lost, { code: 'sample_lost' }] })
    expect(only.sample.map(it => [it.hwid, it.outcome, it.reason]).sort()).toEqual(
      [
        [open.hwid, 'sent', null],
        [pushed.hwid, 'skipped', 'not_online'],
      ].sort(),
    )
    expect(await dryRun({ to, route: 'online-first' })).toMatchObject({ connected: null })
  }
  const counts = (
    await roost.sendAndSettle({ to: { devices: [away, pushed.hwid] }, content, route: 'online-only' })
  ).counts
  expect(counts).toMatchObject({ targeted: 2, skipped: 2 })
  // What is by local time goes to addresses alone, and who is connected by then nobody knows.
  const localTime = { at: new Date(roost.clock.now() + 48 * 3_600_000).toISOString().slice(0, 16) }
  const later = await dryRun({ to: { condition }, route: 'online-only', localTime })
  expect(later).toMatchObject({ connected: 1 })
  expect(later.sample.map(it => it.outcome)).toEqual(['sent', 'sent'])
})
