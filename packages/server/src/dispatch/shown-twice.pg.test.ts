/** R30 for what a phone's system shows by itself: where a second copy takes no place of the first there is none, collapse key or not. */
import type { Content } from '@roost/protocol'
import { createPhone } from '@roost/simulator'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeEach(async () => {
  roost = await startRoost()
})
afterEach(() => roost.close())

/** Huawei takes it, and its answer is lost; it can't be reached from then on. */
async function sendUnanswered(content: Content): Promise<string> {
  const { simulator, app, deviceToken, url } = roost
  const huawei = simulator.hms.createApp()
  await roost.rest('POST', `/v1/apps/${app}/credentials`, { gateway: 'hms', kind: 'client', ...huawei })
  const platform = { kind: 'hms', appId: huawei.appId } as const
  const phone = createPhone({ simulator, roost: { baseUrl: url, app, deviceToken }, platform })
  await phone.open()
  const { faults } = simulator.hms
  faults.holdAnswers()
  const id = await roost.send({ to: { devices: [phone.hwid] }, content, collapseKey: 'score' })
  await faults.waitForHeld(1)
  await faults.refuseConnections()
  faults.releaseAnswers()
  return id
}

test('a notification that Huawei may have taken is uncertain, and not repeated', async () => {
  const notification = { title: 'Hello', body: 'Shown by the system' }
  const id = await sendUnanswered({ title: 'Hello', hms: { android: { notification } } })
  expect(await roost.settle(id)).toMatchObject({ counts: { uncertain: 1, accepted: 0 }, waiting: 0 })
})

test('data that it may have taken waits for another try', async () => {
  const id = await sendUnanswered({ title: 'Hello' })
  const waiting = await roost.until(id, message => message.retrying.length > 0)
  expect(waiting).toMatchObject({ counts: { uncertain: 0 }, waiting: 1 })
})
