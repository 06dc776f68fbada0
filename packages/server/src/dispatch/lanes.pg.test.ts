/** Lanes against the whole server: who never waits behind a campaign. */
import { afterEach, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { hashOf } from '../insight/receipts.ts'

const opened: TestRoost[] = []
afterEach(async () => {
  for (const roost of opened.splice(0)) await roost.close()
})

const CONTENT = { title: 'Hello' }
/** More than a process has runners. */
const CAMPAIGNS = 24

/** Apple keeps all its answers back, and each runner that may send campaigns waits for one. */
async function busyRoost() {
  const roost = await startRoost()
  opened.push(roost)
  await roost.phone('ios')
  const phone = await roost.phone('android')
  roost.simulator.apns.faults.holdAnswers()
  const condition = { field: 'platform', op: 'eq', value: 'ios' } as const
  const campaigns = await Promise.all(
    Array.from({ length: CAMPAIGNS }, () => roost.send({ to: { condition }, content: CONTENT })),
  )
  await roost.simulator.apns.faults.waitForHeld(4)
  return { roost, phone, campaigns }
}

test('a message to a named device does not wait behind campaigns that have all runners busy', async () => {
  const { roost, phone, campaigns } = await busyRoost()
  const sent = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT })
  expect(sent.counts).toMatchObject({ accepted: 1 })
  roost.simulator.apns.faults.releaseAnswers()
  for (const id of campaigns) expect((await roost.settle(id)).counts).toMatchObject({ accepted: 1 })
})

test('a message that is marked transactional or test does not wait either, whomever it is for', async () => {
  const { roost } = await busyRoost()
  const condition = { field: 'platform', op: 'eq', value: 'android' } as const
  for (const lane of ['transactional', 'test'] as const)
    expect((await roost.sendAndSettle({ to: { condition }, content: CONTENT, lane })).counts.accepted).toBe(1)
  roost.simulator.apns.faults.releaseAnswers()
})

test('a message to a named device does not wait for room at its gateway behind a campaign', async () => {
  const roost = await startRoost()
  opened.push(roost)
  const { apns } = roost.simulator
  apns.configure({ streams: 100 })
  const phone = await roost.phone('ios')
  await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT }) // the gateway knows the key
  await Promise.all(Array.from({ length: 149 }, () => roost.phone('ios')))
  apns.faults.holdAnswers()
  const campaign = await roost.send({ to: { all: true }, content: CONTENT })
  await apns.faults.waitForHeld(100)
  const single = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
  await roost.simulator.waitForPush({ hash: hashOf(single) })
  apns.faults.releaseAnswers()
  expect((await roost.settle(single)).counts).toMatchObject({ accepted: 1 })
  expect((await roost.settle(campaign)).counts).toMatchObject({ accepted: 150 })
})
