/** Pausing, resuming and cancelling against the whole server, with counts from the stand-ins. */
import type { MessageView } from '@roost/protocol'
import { afterEach, describe, expect, test } from 'vitest'
import { addDevices } from '../../test/crowd.ts'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { finishMessages } from '../dispatch/lease.ts'
import { bucketOf } from '../registry/buckets.ts'

const HOUR_MS = 3_600_000

const opened: TestRoost[] = []
afterEach(async () => {
  for (const roost of opened.splice(0)) await roost.close()
})

async function open(): Promise<TestRoost> {
  const roost = await startRoost()
  opened.push(roost)
  return roost
}

const CONTENT = { title: 'Hello' }

const control = (roost: TestRoost, id: string, verb: string) =>
  roost.rest<MessageView & { code?: string }>('POST', `/v1/apps/${roost.app}/messages/${id}/${verb}`)

function expectInvariant({ counts }: MessageView): void {
  const { targeted, accepted, dead, failed, skipped, uncertain, pending } = counts
  expect(targeted).toBe(accepted + dead + failed + skipped + uncertain + pending)
}

/** What Apple counted itself. */
const taken = (roost: TestRoost): number => roost.simulator.counts().apns.accepted

describe('before its time', () => {
  test('a paused message is not sent when its time comes, and is sent once it is resumed', async () => {
    const roost = await open()
    const phone = await roost.phone('ios')
    const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
    const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT, sendAt })
    expect((await control(roost, id, 'pause')).body.state).toBe('paused')
    roost.clock.advance(HOUR_MS + 1000)
    await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: { title: 'another one' } })
    expect(phone.shownCount).toBe(1)
    expect((await control(roost, id, 'resume')).status).toBe(200)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect(phone.shownCount).toBe(2)
  })

  test('a cancelled one has finished at once, and nobody was targeted', async () => {
    const roost = await open()
    const phone = await roost.phone('ios')
    const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
    const id = await roost.send({ to: { all: true }, content: CONTENT, sendAt })
    const { body } = await control(roost, id, 'cancel')
    expect(body).toMatchObject({ state: 'cancelled', progress: 1, counts: { targeted: 0 } })
    expect(body.finishedAt).not.toBeNull()
    roost.clock.advance(HOUR_MS + 1000)
    await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: { title: 'another one' } })
    expect(phone.shownCount).toBe(1)
  })
})

describe('while it is sent', () => {
  test('a cancel stops after the chunk in hand; the others are counted as cancelled, and it finishes', async () => {
    const roost = await open()
    await addDevices(roost, 1100)
    roost.simulator.apns.faults.holdAnswers()
    const id = await roost.send({ to: { all: true }, content: CONTENT })
    await roost.simulator.apns.faults.waitForHeld()
    expect((await control(roost, id, 'cancel')).body.state).toBe('cancelled')
    roost.simulator.apns.faults.releaseAnswers()
    const ended = await roost.until(id, message => message.finishedAt !== null)
    expectInvariant(ended)
    const { accepted, skipped, pending, targeted } = ended.counts
    expect(ended).toMatchObject({ state: 'cancelled', progress: 1 })
    expect({ targeted, pending, together: accepted + skipped }).toEqual({
      targeted: 1100,
      pending: 0,
      together: 1100,
    })
    expect(accepted).toBe(taken(roost))
    expect(accepted).toBeGreaterThan(0)
    expect(accepted).toBeLessThanOrEqual(500)
    const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${id}/exceptions`)
    expect(body.exceptions).toEqual([
      { outcome: 'skipped', reason: 'cancelled', gateway: 'apns', count: skipped },
    ])
  })

  test('a pause stops after the chunk in hand; resumed, it reaches everybody exactly once', async () => {
    const roost = await open()
    await addDevices(roost, 1100)
    roost.simulator.apns.faults.holdAnswers()
    const id = await roost.send({ to: { all: true }, content: CONTENT })
    await roost.simulator.apns.faults.waitForHeld()
    expect((await control(roost, id, 'pause')).body.state).toBe('paused')
    roost.simulator.apns.faults.releaseAnswers()
    await roost.until(id, ({ counts }) => counts.accepted > 0)
    const between = await roost.rest<{ id: string }>('GET', `/v1/apps/${roost.app}/messages/${id}`)
    expect(between.body).toMatchObject({ state: 'paused' })
    expect(taken(roost)).toBeLessThanOrEqual(500)
    await control(roost, id, 'resume')
    const done = await roost.settle(id)
    expectInvariant(done)
    expect(done.counts).toMatchObject({ targeted: 1100, accepted: 1100, skipped: 0 })
    expect(taken(roost)).toBe(1100)
  })

  test('a message that is paused while the last of it is in hand is done when that is booked', async () => {
    const roost = await open()
    const phone = await roost.phone('ios')
    roost.simulator.apns.faults.holdAnswers()
    const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
    await roost.simulator.apns.faults.waitForHeld()
    expect((await control(roost, id, 'pause')).body).toMatchObject({ state: 'paused', finishedAt: null })
    roost.simulator.apns.faults.releaseAnswers()
    const done = await roost.settle(id)
    expect(done).toMatchObject({ progress: 1, counts: { targeted: 1, accepted: 1 } })
    expect(done.finishedAt).not.toBeNull()
    expect(await control(roost, id, 'resume')).toMatchObject({ status: 409, body: { code: 'message_over' } })
  })

  test('a message that is paused before its time is not done before it is planned', async () => {
    const roost = await open()
    const [phone, sendAt] = [await roost.phone('ios'), new Date(roost.clock.now() + HOUR_MS).toISOString()]
    const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT, sendAt })
    await control(roost, id, 'pause')
    await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT })
    await finishMessages(roost.server.db, roost.clock.now())
    const { body } = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)
    expect(body).toMatchObject({ state: 'paused', finishedAt: null })
  })

  test('a cancel counts those that wait for another try, with a row each', async () => {
    const roost = await open()
    const phone = await roost.phone('ios')
    const other = await roost.phone('ios')
    roost.simulator.apns.faults.answerFor(phone.token as string, { reason: 'TooManyRequests' })
    const id = await roost.send({ to: { devices: [phone.hwid, other.hwid] }, content: CONTENT })
    await roost.until(id, ({ counts }) => counts.accepted === 1)
    await control(roost, id, 'cancel')
    const ended = await roost.until(id, message => message.finishedAt !== null)
    expect(ended.counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1, pending: 0 })
    const { rows } = await roost.server.db.query(
      'select reason from delivery_exception where bucket = $1 and hwid = $2',
      [bucketOf(phone.hwid), phone.hwid],
    )
    expect(rows).toEqual([{ reason: 'cancelled' }])
  })

  test('a cancel ends what a refused credential holds', async () => {
    const roost = await open()
    const phone = await roost.phone('ios')
    const { body } = await roost.rest<{ credentials: { gateway: string; settings: { keyId: string } }[] }>(
      'GET',
      `/v1/apps/${roost.app}/credentials`,
    )
    roost.simulator.apns.revokeKey(
      body.credentials.find(it => it.gateway === 'apns')?.settings.keyId as string,
    )
    const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
    await roost.until(id, ({ held }) => held.length > 0)
    await control(roost, id, 'cancel')
    const ended = await roost.until(id, message => message.finishedAt !== null)
    expect(ended).toMatchObject({
      state: 'cancelled',
      held: [],
      counts: { targeted: 1, skipped: 1, pending: 0 },
    })
  })
})

describe('what can not be', () => {
  test('nothing stops a message that is done, and nothing takes a cancelled one up again', async () => {
    const roost = await open()
    const phone = await roost.phone('ios')
    const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT })
    for (const verb of ['pause', 'resume', 'cancel'])
      expect(await control(roost, id, verb)).toMatchObject({ status: 409, body: { code: 'message_over' } })
    const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
    const later = await roost.send({ to: { all: true }, content: CONTENT, sendAt })
    await control(roost, later, 'cancel')
    expect((await control(roost, later, 'cancel')).status).toBe(200)
    for (const verb of ['pause', 'resume'])
      expect(await control(roost, later, verb)).toMatchObject({ status: 409, body: { code: 'message_over' } })
  })

  test('a message of another app is unknown', async () => {
    const roost = await open()
    const { body } = await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Other' })
    const phone = await roost.phone('ios')
    const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT })
    expect(await roost.rest('POST', `/v1/apps/${body.code}/messages/${id}/cancel`)).toMatchObject({
      status: 404,
      body: { code: 'message_unknown' },
    })
  })
})
