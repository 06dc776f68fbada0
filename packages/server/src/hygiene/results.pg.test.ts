/** The rules of death and doubt, each driven through the real HTTP API and the stand-ins over the wire. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const HOUR_MS = 3_600_000
const hello = (hwid: string) => ({ to: { devices: [hwid] }, content: { title: 'Hello' } })

test('R1: a 410 whose time is after the registration ends that address and leaves its siblings alone', async () => {
  const gone = await roost.phone('ios', { userId: 'r1' })
  const kept = await roost.phone('ios', { userId: 'r1' })
  roost.clock.advance(HOUR_MS)
  roost.simulator.apns.killToken(gone.token as string)
  const message = await roost.sendAndSettle({ to: { users: ['r1'] }, content: { title: 'Hello' } })
  expect(message.counts).toMatchObject({ targeted: 2, accepted: 1, dead: 1 })
  expect((await roost.view(gone.hwid)).addresses).toMatchObject([{ state: 'dead', reason: 'Unregistered' }])
  expect((await roost.view(kept.hwid)).addresses).toMatchObject([{ state: 'active' }])
})

test('R1: a 410 whose time is before the registration leaves the address alive', async () => {
  const phone = await roost.phone('ios')
  roost.simulator.apns.killToken(phone.token as string, { since: new Date(roost.clock.now() - HOUR_MS) })
  const message = await roost.sendAndSettle(hello(phone.hwid))
  expect(message.counts).toMatchObject({ targeted: 1, dead: 1 })
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'active', generation: 1 }])
})

test('R1: within five seconds the clocks decide nothing; the first 410 is doubt, the second one is death', async () => {
  const phone = await roost.phone('ios')
  roost.simulator.apns.killToken(phone.token as string, { since: new Date(roost.clock.now() + 1000) })
  await roost.sendAndSettle(hello(phone.hwid))
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([
    { state: 'suspect', reason: 'Unregistered' },
  ])
  await roost.sendAndSettle(hello(phone.hwid))
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'dead', reason: 'Unregistered' }])
})
