/** Calls where something fails: what concerns one of them, or one way to ring, is kept from all else. */
import type { CredentialView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CallHouse, callHouse, statesOn, untilShown, untilVoip } from '../../test/call.ts'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../test/roost.ts'

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

test('a key that Apple does not let ring is paused for that alone: no token ends, all else goes on, and another credential rings', async () => {
  const bob = house.person('bob')
  const { phone, voip } = await bob.iphone()
  const { db } = roost.server
  const credentials = `/v1/apps/${roost.app}/credentials`
  roost.simulator.apns.faults.answerFor(voip, { status: 400, reason: 'TopicDisallowed' })
  const first = await house.call({ callees: [bob.userId] })
  const pauses = () => db.query('select part, reason from credential_pause')
  while ((await pauses()).rowCount === 0) await tick()
  expect((await pauses()).rows).toEqual([{ part: 'production voip', reason: 'TopicDisallowed' }])
  await house.say(first.id, 'cancel')
  await untilShown(phone, ['cancelled']) // by the same key, to its other token
  const { addresses } = await roost.view(phone.hwid)
  expect(addresses.map(it => `${it.kind} ${it.state}`).sort()).toEqual(['alert active', 'voip active'])
  const { body } = await roost.rest<{ credentials: (CredentialView & { gateway: string })[] }>(
    'GET',
    credentials,
  )
  expect(body.credentials.find(it => it.gateway === 'apns')).toMatchObject({
    status: 'active',
    problems: [
      { code: 'apns_topic_refused', environment: 'production', values: { part: 'production voip' } },
    ],
  })
  const asked = roost.simulator.counts().apns.requests
  const second = await house.call({ callees: [bob.userId] })
  const heldUp = () =>
    db.query(
      'select from batch_hold h join batch b on b.id = h.batch_id join message m on m.id = b.message_id where m.call_id = $1',
      [second.id],
    )
  while ((await heldUp()).rowCount === 0) await tick()
  expect(roost.simulator.counts().apns.requests).toBe(asked) // it is known, and Apple is not asked again
  await house.say(second.id, 'cancel')
  roost.simulator.apns.faults.clear()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  await roost.rest('POST', credentials, {
    gateway: 'apns',
    kind: 'p8',
    environments: ['production', 'sandbox'],
    ...key,
  })
  await house.call({ callees: [bob.userId] })
  await untilVoip(roost, voip, 'ringing')
  expect((await pauses()).rowCount).toBe(1)
})
