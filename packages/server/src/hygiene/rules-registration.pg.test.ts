/** The rules of registration that gateways and campaigns have a part in. Over the HTTP API and the stand-ins. */
import type { MessageView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { hashOf } from '../insight/receipts.ts'
import { ageAddresses } from './aging.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())
beforeEach(() => roost.clock.advance(HOUR_MS))

const ANDROID = 3

async function register(hwid: string, token: string): Promise<void> {
  const answer = await roost.device('registerDevice', { hwid, device_type: ANDROID, push_token: token })
  expect(answer.body).toMatchObject({ status_code: 200 })
}

const toBoth = (...phones: Phone[]) => ({
  to: { devices: phones.map(it => it.hwid) },
  content: { title: 'Hello' },
})

/** How often the gateway was asked to send the message to the token. */
function attemptsOf({ id }: MessageView, token: string | undefined): number {
  return roost.simulator.attemptsFor(hashOf(id)).get(token as string) ?? 0
}

test('R0b: within a day of the last one, a registration of an address that is not active always counts', async () => {
  const phone = await roost.phone('android')
  const token = phone.token as string
  const ends = [
    () => phone.unregister(),
    () => register('r0b-other', token),
    () => register(phone.hwid, 'a-newer-token-of-r0b'),
    () => {
      roost.simulator.fcm.faults.answerFor(token, { form: 'unregistered' }, 1)
      return roost.sendAndSettle(toBoth(phone))
    },
    () => {
      roost.simulator.fcm.faults.answerFor(token, { form: 'sender_id_mismatch' }, 1)
      return roost.sendAndSettle(toBoth(phone))
    },
  ]
  const states: string[] = []
  for (const end of ends) {
    await end()
    const { addresses } = await roost.view(phone.hwid)
    states.push(addresses.find(it => it.addressEnd === token.slice(-8))?.state ?? 'none')
    await phone.register()
    expect((await roost.sendAndSettle(toBoth(phone))).counts).toMatchObject({ accepted: 1 })
  }
  expect(states).toEqual(['dead', 'moved', 'superseded', 'dead', 'quarantined'])
})

interface Campaign {
  readonly former: Phone
  readonly next: Phone
  /** `next` takes the address of `former` over. */
  takeOver(): Promise<void>
}

/** Two phones of a campaign; the gateway asks for patience with the second one, which by then has the address of the first. */
async function campaign(): Promise<Campaign> {
  const former = await roost.phone('android')
  const next = await roost.phone('android')
  const token = former.token as string
  roost.simulator.fcm.faults.answerFor(next.token as string, { form: 'unavailable', retryAfter: '60' }, 1)
  return { former, next, takeOver: () => register(next.hwid, token) }
}

test('R4: a message that has reached an address does not go there again when another device takes it over', async () => {
  const { former, next, takeOver } = await campaign()
  const id = await roost.send(toBoth(former, next))
  await roost.until(id, message => message.counts.accepted === 1)
  await takeOver()
  roost.clock.advance(2 * MINUTE_MS)
  const message = await roost.settle(id)
  expect(message.counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1 })
  expect(attemptsOf(message, former.token)).toBe(1)
})

test('R4: neither does one that is under way to it just then', async () => {
  const { former, next, takeOver } = await campaign()
  const { faults } = roost.simulator.fcm
  faults.holdAnswers({ token: former.token as string })
  const id = await roost.send(toBoth(former, next))
  await faults.waitForHeld()
  await takeOver()
  faults.releaseAnswers()
  await roost.until(id, message => message.counts.accepted === 1)
  roost.clock.advance(2 * MINUTE_MS)
  const message = await roost.settle(id)
  expect(attemptsOf(message, former.token)).toBe(1)
})

test('R4: nor when it goes to everybody, with a condition, and the address goes from hand to hand', async () => {
  const { former, next, takeOver } = await campaign()
  await roost.device('setTags', { hwid: former.hwid, tags: { campaign: 'r4' } })
  await roost.device('setTags', { hwid: next.hwid, tags: { campaign: 'r4' } })
  const condition = { tag: 'campaign', op: 'eq' as const, value: 'r4' }
  const id = await roost.send({ to: { condition }, content: { title: 'Hello' } })
  await roost.until(id, message => message.counts.accepted === 1)
  await register('r4-between', former.token as string)
  await takeOver()
  roost.clock.advance(2 * MINUTE_MS)
  const message = await roost.settle(id)
  expect(attemptsOf(message, former.token)).toBe(1)
})

test('R4: a message that its former holder did not get goes to the new one', async () => {
  const { former, next, takeOver } = await campaign()
  roost.simulator.fcm.faults.answerFor(former.token as string, { form: 'invalid_argument' }, 1)
  const id = await roost.send(toBoth(former, next))
  await roost.until(id, message => message.counts.failed === 1)
  await takeOver()
  roost.clock.advance(2 * MINUTE_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, failed: 1, accepted: 1 })
})

test('R4: a message that was not meant for its former holder goes to the new one', async () => {
  const { former, next, takeOver } = await campaign()
  await roost.device('setTags', { hwid: next.hwid, tags: { campaign: 'r4-alone' } })
  const condition = { tag: 'campaign', op: 'eq' as const, value: 'r4-alone' }
  for (const to of [{ devices: [next.hwid] }, { condition }]) {
    await next.register()
    roost.simulator.fcm.faults.answerFor(next.token as string, { form: 'unavailable', retryAfter: '60' }, 1)
    await former.register()
    const id = await roost.send({ to, content: { title: 'Hello' } })
    // A first try that is booked after the clock has moved would wait for another minute, which never comes.
    await roost.until(id, message => message.retrying.length > 0)
    await takeOver()
    roost.clock.advance(2 * MINUTE_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
  }
})

test('R4: what was noted of a campaign is forgotten when it is over', async () => {
  const { former, next, takeOver } = await campaign()
  const id = await roost.send(toBoth(former, next))
  await roost.until(id, message => message.counts.accepted === 1)
  await takeOver()
  const noted = async () =>
    (await roost.server.db.query('select from address_served where message_id = $1', [id])).rowCount
  expect(await noted()).toBe(1)
  roost.clock.advance(2 * MINUTE_MS)
  await roost.settle(id)
  await ageAddresses(roost.server.db, roost.clock.now())
  expect(await noted()).toBe(0)
})

test('R28: a browser that registers again after a new VAPID key, and names none, is sent to with the key of its subscription', async () => {
  const phone = await roost.phone('web')
  const key = { gateway: 'webpush', kind: 'vapid', subject: 'mailto:push@example.com' }
  expect((await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, key)).status).toBe(201)
  await phone.register()
  expect((await roost.sendAndSettle(toBoth(phone))).counts).toMatchObject({ accepted: 1 })
  // Somebody else logs in: clients of the compatible protocol make themselves a new device for the same endpoint.
  await phone.unregister()
  const { keys } = (
    await roost.server.db.query<{ keys: { p256dh: string; auth: string } }>(
      'select keys from address where hwid = $1',
      [phone.hwid],
    )
  ).rows[0] as { keys: { p256dh: string; auth: string } }
  const other = { hwid: 'r28-other', device_type: 11, push_token: phone.token }
  const answer = await roost.device('registerDevice', {
    ...other,
    public_key: keys.p256dh,
    auth_token: keys.auth,
  })
  expect(answer.body).toMatchObject({ status_code: 200 })
  const message = { to: { devices: ['r28-other'] }, content: { title: 'Hello' } }
  expect((await roost.sendAndSettle(message)).counts).toMatchObject({ accepted: 1 })
})
