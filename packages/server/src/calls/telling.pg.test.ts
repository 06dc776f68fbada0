/** What devices are told of calls that change at the same moment: never less than how they stand in the end. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type CallHouse, callHouse } from '../../test/call.ts'
import { untilHeldUp } from '../../test/held-up.ts'
import type { LiveDevice } from '../../test/live-client.ts'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { bucketOf } from '../registry/buckets.ts'
import { byDeviceKey } from '../registry/lock-order.ts'
import { followChanges } from './calls.ts'
import { step } from './state.ts'
import { lockCall } from './store.ts'

let roost: TestRoost
let house: CallHouse
let appId: number
beforeAll(async () => {
  roost = await startRoost()
  house = callHouse(roost)
  const { rows } = await roost.server.db.query<{ id: number }>('select id from app where code = $1', [
    roost.app,
  ])
  appId = rows[0]?.id ?? 0
})
afterEach(() => house.hangUp())
afterAll(() => roost.close())

const RING_SECONDS = 120 // as long as calls may ring: no test waits for that
const ring = (userId: string) => house.call({ callees: [userId], ringSeconds: RING_SECONDS })

const statesOf = ({ frames }: LiveDevice, id: string) =>
  frames.flatMap(it => (it.type === 'call' && it.call.id === id ? [it.call.state] : []))

async function untilTold(device: LiveDevice, id: string, state: string): Promise<void> {
  for (;;) {
    const { call } = await device.next('call')
    if (call.id === id && call.state === state) return
  }
}

test('a device that connects while an answer is under way rings for no call that is answered by then', async () => {
  const bob = house.person('bob')
  const tablet = await bob.phone('android')
  const { id } = await ring(bob.userId)
  const other = await ring(bob.userId)
  const late = await bob.phone('android')
  const device = await roost.server.db.transaction(async tx => {
    const call = await lockCall(tx, { appId, callId: id })
    if (call === undefined) throw new Error('there is no call')
    const at = roost.clock.now()
    const accept = { kind: 'accept', userId: bob.userId, hwid: tablet.hwid } as const
    await followChanges(tx, call, { step: step(call, accept, at), at })
    const connected = await house.live({ hwid: late.hwid, userId: bob.userId })
    await untilTold(connected, other.id, 'ringing') // it was made later, and is told behind the first
    expect(statesOf(connected, id)).toEqual([])
    return connected
  })
  await untilTold(device, id, 'answered_elsewhere')
  expect(statesOf(device, id)).toEqual(['answered_elsewhere'])
})

test('an answer that counts while the teller waits for another device is told all the same', async () => {
  const { db } = roost.server
  const made = await Promise.all(
    ['anna', 'bob'].map(async name => {
      const person = house.person(name)
      const { hwid } = await person.phone('android')
      return { userId: person.userId, hwid, bucket: bucketOf(hwid), appId }
    }),
  )
  const [first, second] = made.sort(byDeviceKey)
  if (first === undefined || second === undefined) throw new Error('there are no phones')
  const devices = await Promise.all([first, second].map(it => house.live(it)))
  const calls = await Promise.all([first, second].map(it => ring(it.userId)))
  const ids = calls.map(it => it.id)
  for (const [i, it] of devices.entries()) await untilTold(it, ids[i] ?? '', 'ringing')
  await db.transaction(async tx => {
    await tx.query('select from device where bucket = $1 and app_id = $2 and hwid = $3 for update', [
      first.bucket,
      appId,
      first.hwid,
    ])
    await db.query(
      `update call_leg l set server = p.server from live_presence p
        where l.call_id = any($1::uuid[]) and p.bucket = l.bucket and p.app_id = l.app_id and p.hwid = l.hwid`,
      [ids],
    )
    await untilHeldUp(db)
    const accepted = await house.say(ids[1] ?? '', 'accept', { userId: second.userId })
    expect(accepted).toMatchObject({ status: 200 })
  })
  await untilTold(devices[1] as LiveDevice, ids[1] ?? '', 'answered_elsewhere')
})
