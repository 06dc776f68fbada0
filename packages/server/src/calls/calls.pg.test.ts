/** Calls against the whole server: phones of the stand-ins, channels over the wire, a clock that is moved. */

import type { Phone } from '@roost/simulator'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CallHouse, callHouse, callIn } from '../../test/call.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'

let roost: TestRoost
let house: CallHouse
beforeAll(async () => {
  roost = await startRoost()
  house = callHouse(roost)
})
afterEach(() => house.hangUp())
afterAll(() => roost.close())

const RING_MS = 30_000

/** Of each push of a call that the phone has shown, its state. */
const statesOn = (phone: Phone) => phone.shown.map(it => callIn(it.push.payload).state)

async function untilShown(phone: Phone, states: readonly string[]): Promise<void> {
  while (statesOn(phone).join() !== states.join()) await tick()
}

describe('each device rings by its best road', () => {
  test('an app that is open over its channel, and by no push once it says that it rings', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('android')
    const device = await house.live({ hwid: phone.hwid, userId: bob.userId })
    const { id } = await house.call({ callees: [bob.userId], media: 'video', data: { room: '{{ 1 }}' } })
    const frame = await device.next('call')
    expect(frame).toMatchObject({
      userId: bob.userId,
      call: { id, role: 'callee', state: 'ringing', version: 1, media: 'video', data: { room: '{{ 1 }}' } },
    })
    device.say({ type: 'call', callId: id, event: 'ringing' })
    expect(await device.next('call-answer')).toMatchObject({ callId: id, event: 'ringing', taken: true })
    roost.clock.advance(RING_MS)
    await house.until(id, it => it.callees[0]?.devices[0]?.rangAt !== null)
    await untilShown(phone, ['timed_out'])
    expect(phone.shown[0]).toMatchObject({ title: 'Anna', body: 'Missed call', collapseKey: `call-${id}` })
  })
})
