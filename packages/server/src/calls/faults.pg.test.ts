/** Calls where something fails: what concerns one of them, or one way to ring, is kept from all else. */
import type { TraceView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CallHouse, callHouse, statesOn, untilShown, untilVoip } from '../../test/call.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'

let roost: TestRoost
let house: CallHouse
beforeAll(async () => {
  roost = await startRoost()
  house = callHouse(roost)
})
afterAll(() => roost.close())

const RING_MS = 30_000
const MINUTE_MS = 60_000

test('a call whose ending fails again and again holds up no other one, and ends when it can', async () => {
  const { db } = roost.server
  const [bob, carol] = [house.person('bob'), house.person('carol')]
  const [phone, other] = [await bob.phone('android'), await carol.phone('android')]
  const broken = await house.call({ callees: [bob.userId] })
  await db.query(
    `create function refuse_to_end() returns trigger language plpgsql as $$ begin raise check_violation; end $$`,
  )
  await db.query(
    `create trigger refuses before update on call for each row
       when (old.id = '${broken.id}') execute function refuse_to_end()`,
  )
  roost.clock.advance(1000)
  await house.call({ callees: [carol.userId] })
  await Promise.all([untilShown(phone, ['ringing']), untilShown(other, ['ringing'])])
  roost.clock.advance(RING_MS)
  await untilShown(other, ['timed_out'])
  expect(statesOn(phone)).toEqual(['ringing'])
  await db.query('drop trigger refuses on call')
  roost.clock.advance(MINUTE_MS)
  await untilShown(phone, ['timed_out'])
})

test('a key that Apple does not let ring fails these pushes alone: no token ends, nothing of it is paused, and all else goes on', async () => {
  const bob = house.person('bob')
  const { phone, voip } = await bob.iphone()
  const { db } = roost.server
  roost.simulator.apns.faults.answerFor(voip, { status: 400, reason: 'TopicDisallowed' })
  const { id } = await house.call({ callees: [bob.userId] })
  const { rows } = await db.query<{ id: string }>(
    "select id from message where call_id = $1 and address_kind = 'voip'",
    [id],
  )
  const path = `/v1/apps/${roost.app}/messages/${rows[0]?.id}/trace?hwid=${encodeURIComponent(phone.hwid)}`
  const traced = async () => (await roost.rest<TraceView>('GET', path)).body
  while ((await traced()).outcome !== 'failed') await tick()
  expect(JSON.stringify(await traced())).toContain('TopicDisallowed')
  await house.say(id, 'cancel')
  await untilShown(phone, ['cancelled']) // by the same key, to its other token
  expect((await db.query('select part, reason from credential_pause')).rows).toEqual([])
  const { addresses } = await roost.view(phone.hwid)
  expect(addresses.map(it => `${it.kind} ${it.state}`).sort()).toEqual(['alert active', 'voip active'])
  roost.simulator.apns.faults.clear()
  await house.call({ callees: [bob.userId] })
  await untilVoip(roost, voip, 'ringing')
})
