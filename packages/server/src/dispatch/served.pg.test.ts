/** Once: a device gets a message one time, whatever it is called and whichever gateway it comes to meanwhile. */
import type { MessageView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const registerIphone = (hwid: string) =>
  roost.device('registerDevice', {
    hwid,
    device_type: 1,
    push_token: roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID }),
  })

async function traced(id: string, hwid: string) {
  const path = `/v1/apps/${roost.app}/messages/${id}/trace?hwid=${hwid}`
  return (await roost.rest<{ outcome: string; reason: string | null; gateway: string }>('GET', path)).body
}

/** Undefined while it is not. */
async function done(id: string): Promise<MessageView | undefined> {
  const { body } = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)
  return body.state === 'done' ? body : undefined
}

/** Its pace follows the clock of the test. */
async function whileTimePasses<T>(what: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await what()
    if (found !== undefined) return found
    roost.clock.advance(200)
    await tick()
  }
}

/** A hwid that a batch of the whole base reads after all others. */
function lastRead(name: string): string {
  const found = Array.from({ length: 20_000 }, (_, i) => `${name}-${i}`).find(
    it => bucketOf(it) === BUCKETS - 1,
  )
  if (found === undefined) throw new Error(`no name of the last bucket begins with ${name}`)
  return found
}

test('a device that comes to another gateway after it was sent a message does not get it there again', async () => {
  const { faults } = roost.simulator.apns
  const phone = await roost.phone('android', { hwid: lastRead('switching') })
  for (const hwid of ['first', 'second']) await registerIphone(hwid)
  faults.holdAnswers() // one iPhone is in hand, and the others of Apple's batch are not read before it is booked
  const id = await roost.send({ to: { all: true }, content: { title: 'Hello' }, sendRate: 1 })
  await faults.waitForHeld()
  await whileTimePasses(async () =>
    (await traced(id, phone.hwid)).outcome === 'accepted' ? true : undefined,
  )
  await registerIphone(phone.hwid)
  await registerIphone(lastRead('new')) // and whoever has come since, and was sent nothing, gets it
  faults.releaseAnswers()
  const { counts } = await whileTimePasses(() => done(id))
  expect(counts).toMatchObject({ targeted: 4, accepted: 4, skipped: 0 })
  expect(await traced(id, phone.hwid)).toMatchObject({ outcome: 'accepted', gateway: 'fcm' })
  expect(roost.simulator.counts()).toMatchObject({ apns: { accepted: 3 }, fcm: { accepted: 1 } })
})

test('a device that comes to another gateway while it waits for the first one has that one outcome', async () => {
  const { faults } = roost.simulator.apns
  const phone = await roost.phone('android', { hwid: lastRead('waiting') })
  for (const hwid of ['first', 'second']) await registerIphone(hwid)
  faults.holdAnswers()
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unavailable' })
  const id = await roost.send({
    to: { condition: { field: 'hwid', op: 'in', value: [phone.hwid, 'first', 'second'] } },
    content: { title: 'Hello' },
    sendRate: 1,
  })
  await faults.waitForHeld()
  await whileTimePasses(async () => ((await traced(id, phone.hwid)).outcome === 'waiting' ? true : undefined))
  const push_token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID })
  faults.answerFor(push_token, { reason: 'ServiceUnavailable' }, 1) // would wait there, too
  await roost.device('registerDevice', { hwid: phone.hwid, device_type: 1, push_token })
  faults.releaseAnswers()
  const { counts } = await whileTimePasses(() => done(id))
  expect(counts).toMatchObject({ targeted: 3, accepted: 2, skipped: 1, pending: 0 })
  expect(await traced(id, phone.hwid)).toMatchObject({
    outcome: 'skipped',
    reason: 'address_changed_gateway',
  })
})

test('a user who is named by a hwid that is another named user’s device by now is one outcome with it', async () => {
  const phone = await roost.phone('ios')
  await phone.logIn('bob')
  roost.simulator.apns.killToken(phone.token as string)
  const { id, counts } = await roost.sendAndSettle({
    to: { users: [phone.hwid, 'bob', 'nobody'] },
    content: { title: 'Hello' },
  })
  expect(counts).toMatchObject({ targeted: 2, dead: 1, skipped: 1 })
  expect(await traced(id, phone.hwid)).toMatchObject({ outcome: 'dead', reason: 'Unregistered' })
  const { body } = await roost.rest<{ exceptions: { outcome: string; reason: string; count: number }[] }>(
    'GET',
    `/v1/apps/${roost.app}/messages/${id}/exceptions`,
  )
  expect(body.exceptions.map(it => [it.reason, it.count]).sort()).toEqual([
    ['Unregistered', 1],
    ['user_unknown', 1],
  ])
})
