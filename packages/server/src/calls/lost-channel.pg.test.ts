/** Calls that ring over a channel which is lost before they end. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type CallHouse, callHouse, untilShown, untilVoip } from '../../test/call.ts'
import type { LiveDevice } from '../../test/live-client.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'

let roost: TestRoost
let house: CallHouse
beforeAll(async () => {
  roost = await startRoost()
  house = callHouse(roost)
})
afterEach(() => house.hangUp())
afterAll(() => roost.close())

/** Rings over its channel alone. */
async function ring(device: LiveDevice, callId: string): Promise<void> {
  await device.next('call')
  device.say({ type: 'call', callId, event: 'ringing' })
  await device.next('call-answer')
}

async function lose(device: LiveDevice, hwid: string): Promise<void> {
  await device.drop()
  const connected = () =>
    roost.server.db.query('select from live_presence where hwid = $1 and server is not null', [hwid])
  while ((await connected()).rowCount > 0) await tick()
}

test('a device that rang over a channel which it has lost is told by push that another one has answered, and one that has it still is not', async () => {
  const bob = house.person('bob')
  const { phone: iphone, voip } = await bob.iphone()
  const [phone, kept, tablet] = [
    await bob.phone('android'),
    await bob.phone('android'),
    await bob.phone('web'),
  ]
  const devices = await Promise.all(
    [iphone, phone, kept].map(it => house.live({ hwid: it.hwid, userId: bob.userId })),
  )
  const { id } = await house.call({ callees: [bob.userId] })
  const [first, second, third] = devices as [LiveDevice, LiveDevice, LiveDevice]
  for (const it of devices) await ring(it, id)
  await lose(first, iphone.hwid)
  await lose(second, phone.hwid)
  expect(await house.sayByDevice(tablet.hwid, id, 'accept')).toMatchObject({ status: 200 })
  await untilShown(phone, ['answered_elsewhere'])
  await untilVoip(roost, voip, 'answered_elsewhere')
  while ((await third.next('call')).call.state !== 'answered_elsewhere');
  const { rows } = await roost.server.db.query(
    `select q.hwid from message m join delivery_exception q on q.message_id = m.id where m.call_id = $1`,
    [id],
  )
  expect(rows).toEqual([])
  expect(iphone.shown).toEqual([])
  const { callees } = await house.read(id)
  // Where this machine took longer to say that it rings, it was pushed, and rightly.
  const wasInTime = callees[0]?.devices.find(it => it.hwid === kept.hwid)?.roads.join() === 'socket'
  if (wasInTime) expect(kept.shown).toEqual([])
})

test('that it rings is noted while it does, and not when the call is over', async () => {
  const bob = house.person('bob')
  const phone = await bob.phone('android')
  const { id } = await house.call({ callees: [bob.userId] })
  await house.say(id, 'cancel')
  expect(await house.sayByDevice(phone.hwid, id, 'ringing')).toMatchObject({ body: { state: 'cancelled' } })
  expect((await house.read(id)).callees[0]?.devices).toMatchObject([{ hwid: phone.hwid, rangAt: null }])
})

test('a device is told over its channel, also while its process is too busy to say that it lives', async () => {
  const bob = house.person('bob')
  const [phone, tablet] = [await bob.phone('android'), await bob.phone('web')]
  const device = await house.live({ hwid: phone.hwid, userId: bob.userId })
  const { id } = await house.call({ callees: [bob.userId] })
  await ring(device, id)
  await roost.server.db.query("update live_server set beat_at = beat_at - interval '1 minute'")
  expect(await house.sayByDevice(tablet.hwid, id, 'accept')).toMatchObject({ status: 200 })
  while ((await device.next('call')).call.state !== 'answered_elsewhere');
})

/** Nobody can say meanwhile that a process lives. */
async function whileSilent<T>(work: () => Promise<T>): Promise<T> {
  const { db } = roost.server
  for (;;) {
    await db.query("update live_server set beat_at = beat_at - interval '1 minute'")
    const done = await db.transaction(async tx => {
      await tx.query('select from live_server for update')
      const { rowCount } = await tx.query(
        "select from live_server where beat_at > now() - interval '30 seconds'",
      )
      return rowCount > 0 ? undefined : { value: await work() }
    })
    if (done !== undefined) return done.value
  }
}

test('a call rings over a channel whose process is too busy to say that it lives, and by push at once', async () => {
  const bob = house.person('bob')
  const phone = await bob.phone('android')
  const device = await house.live({ hwid: phone.hwid, userId: bob.userId })
  roost.clock.stand() // what is pushed after a while is not pushed
  try {
    const { callees } = await whileSilent(() => house.call({ callees: [bob.userId] }))
    expect(callees).toMatchObject([{ devices: [{ hwid: phone.hwid, roads: ['socket', 'push'] }] }])
    expect((await device.next('call')).call).toMatchObject({ state: 'ringing', role: 'callee' })
    await untilShown(phone, ['ringing'])
  } finally {
    roost.clock.run()
  }
})
