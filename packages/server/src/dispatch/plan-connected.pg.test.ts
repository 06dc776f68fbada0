/** Those whom a campaign was planned for by their channel alone, and who can be pushed to before it is their turn: they get it once. */
import type { MessageView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LiveDevice, liveDevices } from '../../test/live-client.ts'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const opened = liveDevices()

/** A hwid that a batch of the whole base reads after all others. */
function lastRead(name: string): string {
  const found = Array.from({ length: 20_000 }, (_, i) => `${name}-${i}`).find(
    it => bucketOf(it) === BUCKETS - 1,
  )
  if (found === undefined) throw new Error(`no name of the last bucket begins with ${name}`)
  return found
}

const iphone = (hwid: string, fields: Record<string, unknown> = {}) =>
  roost.device('registerDevice', { hwid, device_type: 1, ...fields })
const newToken = () => roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID })

async function live(hwid: string): Promise<LiveDevice> {
  const { app, deviceToken } = roost
  return opened.connect(roost.url, { app, deviceToken, hwid })
}

/** Its pace follows the clock of the test. */
async function whileTimePasses(id: string, isWanted: (message: MessageView) => boolean) {
  for (;;) {
    const { body } = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)
    if (isWanted(body)) return body
    roost.clock.advance(200)
    await tick()
  }
}

test('a device that can be pushed to between the planning of a campaign and the reading of its range gets it once', async () => {
  const { faults } = roost.simulator.apns
  const [bare, mute] = [lastRead('bare'), lastRead('mute')]
  const push_token = newToken()
  await iphone(bare)
  await iphone(mute, { push_token, notificationTypes: 0 })
  const [first, second] = [await live(bare), await live(mute)]
  for (const hwid of ['first', 'second']) await iphone(hwid, { push_token: newToken() })
  faults.holdAnswers() // one iPhone is in hand, and the others of Apple's batch are not read before it is booked
  const id = await roost.send({
    to: { all: true },
    content: { title: 'Hello' },
    route: 'online-first',
    pushAfterSeconds: 60,
    sendRate: 1,
  })
  await faults.waitForHeld()
  const passing = whileTimePasses(id, it => it.counts.accepted === 2)
  for (const device of [first, second]) {
    const { seq } = await device.next('message')
    device.say({ type: 'ack', seqs: [seq] })
    await device.next('acked')
  }
  await passing
  await iphone(bare, { push_token: newToken() })
  await iphone(mute, { push_token, notificationTypes: 7 })
  faults.releaseAnswers()
  const { counts } = await whileTimePasses(id, it => it.state === 'done')
  expect(counts).toMatchObject({ targeted: 4, accepted: 4, skipped: 0, pending: 0 })
  expect(roost.simulator.counts().apns.accepted).toBe(2)
})
