/** Calls against the whole server: phones of the stand-ins, channels over the wire, a clock that is moved. */
import { randomUUID } from 'node:crypto'
import type { CallServerFrame, CallView, TraceView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CallHouse, callHouse, callIn, statesOn, untilShown, untilVoip } from '../../test/call.ts'
import { untilHeldUp } from '../../test/held-up.ts'
import type { LiveDevice } from '../../test/live-client.ts'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { PUSH_AFTER_MS } from './legs.ts'

let roost: TestRoost
let house: CallHouse
beforeAll(async () => {
  roost = await startRoost()
  house = callHouse(roost)
})
afterEach(() => house.hangUp())
afterAll(() => roost.close())

const RING_MS = 30_000
const HOUR_MS = 3_600_000

/** The next frame of a call that is in this state. */
async function nextIn(
  device: LiveDevice,
  state: string,
): Promise<Extract<CallServerFrame, { type: 'call' }>> {
  for (;;) {
    const frame = await device.next('call')
    if (frame.call.state === state) return frame
  }
}

const settled = (it: CallView) => it.state !== 'ringing'

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
    const { createdAt, callees } = await house.until(id, it => it.callees[0]?.devices[0]?.rangAt !== null)
    const { roads, rangAt } = callees[0]?.devices[0] ?? {}
    // Where this machine took longer to say so, it was pushed, and rightly.
    const wasInTime = Date.parse(String(rangAt)) < Date.parse(createdAt) + PUSH_AFTER_MS / 2
    if (wasInTime) expect(roads).toEqual(['socket'])
    roost.clock.advance(RING_MS)
    await untilShown(phone, ['timed_out'])
    expect(phone.shown[0]).toMatchObject({ title: 'Anna', body: 'Missed call', collapseKey: `call-${id}` })
  })

  test('an app that is open and does not say that it rings is pushed as well', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('android')
    const device = await house.live({ hwid: phone.hwid, userId: bob.userId })
    roost.clock.stand() // its push is due after two seconds
    const { id } = await house.call({ callees: [bob.userId] })
    await nextIn(device, 'ringing')
    expect((await house.read(id)).callees[0]?.devices).toMatchObject([{ roads: ['socket'], rangAt: null }])
    roost.clock.run()
    roost.clock.advance(PUSH_AFTER_MS)
    await untilShown(phone, ['ringing'])
    expect(Number.parseInt(String(phone.shown[0]?.push.ttlSeconds), 10)).toBeLessThan(RING_MS / 1000)
    expect((await house.read(id)).callees[0]?.devices).toMatchObject([{ roads: ['socket', 'push'] }])
  })

  test('an app in the background over its channel, and by push at once', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('hms')
    const device = await house.live({ hwid: phone.hwid, userId: bob.userId, state: 'background' })
    const { callees } = await house.call({ callees: [bob.userId] })
    expect(callees[0]?.devices).toMatchObject([{ roads: ['socket', 'push'] }])
    await nextIn(device, 'ringing')
  })

  test('an iPhone by PushKit: its own token and topic, priority 10, to the end of the ring time', async () => {
    const bob = house.person('bob')
    const { phone, voip } = await bob.iphone()
    const { id, ringUntil } = await house.call({ callees: [bob.userId], ringSeconds: 45 })
    const push = await untilVoip(roost, voip, 'ringing')
    expect(push.headers).toMatchObject({
      'apns-push-type': 'voip',
      'apns-topic': `${BUNDLE_ID}.voip`,
      'apns-priority': '10',
      'apns-expiration': String(Math.floor(Date.parse(ringUntil) / 1000)),
    })
    expect(callIn(push.payload)).toMatchObject({
      id,
      userId: bob.userId,
      state: 'ringing',
      version: 1,
      caller: { name: 'Anna' },
      ringUntil,
    })
    expect(phone.shown).toEqual([])
  })

  test('an iPhone without such a token by an alert that breaks through, to the end of the ring time', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('ios')
    const { ringUntil } = await house.call({ callees: [bob.userId], media: 'video' })
    await untilShown(phone, ['ringing'])
    expect(phone.shown[0]).toMatchObject({ title: 'Anna', body: 'Incoming video call' })
    expect(phone.shown[0]?.push.payload?.aps).toMatchObject({
      'interruption-level': 'time-sensitive',
      sound: 'default',
    })
    const until = String(Math.floor(Date.parse(ringUntil) / 1000))
    expect(phone.shown[0]?.push.headers).toMatchObject({ 'apns-priority': '10', 'apns-expiration': until })
  })

  test('Android by data of high priority that live as long as it rings', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('android')
    await house.call({ callees: [bob.userId], ringSeconds: 40 })
    await untilShown(phone, ['ringing'])
    const { ttlSeconds } = phone.shown[0]?.push ?? {}
    const { rows } = await roost.server.db.query('select priority from message where only_user = $1', [
      bob.userId,
    ])
    expect(rows).toEqual([{ priority: 'high' }])
    expect(Number(ttlSeconds)).toBeGreaterThan(35)
    expect(Number(ttlSeconds)).toBeLessThanOrEqual(40)
  })

  test('a browser urgently, with what to answer', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('web')
    await house.call({ callees: [bob.userId], caller: { name: 'Anna', image: 'https://example.com/a.png' } })
    await untilShown(phone, ['ringing'])
    const { headers, payload, ttlSeconds } = phone.shown[0]?.push ?? {}
    expect(headers).toMatchObject({ urgency: 'high' })
    expect(Number(ttlSeconds)).toBeLessThanOrEqual(RING_MS / 1000)
    expect(payload).toMatchObject({ header: 'Anna', i: 'https://example.com/a.png' })
    const buttons = JSON.parse(String(payload?.buttons)) as { title: string }[]
    expect(buttons.map(it => it.title)).toEqual(['Accept', 'Decline'])
  })

  test('one that opens the app within the ring time rings, also where the person has logged in since', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('android')
    const { id } = await house.call({ callees: [bob.userId] })
    const late = await bob.phone('ios')
    for (const { hwid } of [phone, late]) {
      const device = await house.live({ hwid, userId: bob.userId })
      expect((await nextIn(device, 'ringing')).call.ringMs).toBeGreaterThan(0)
    }
    expect(await house.sayByDevice(late.hwid, id, 'accept')).toMatchObject({ status: 200 })
    roost.clock.advance(RING_MS)
    const after = await house.live({ hwid: phone.hwid, userId: bob.userId })
    expect((await after.next('call')).call).toMatchObject({ state: 'answered_elsewhere', ringMs: 0 })
  })
})

describe('an answer', () => {
  test('wins once: the other devices, the caller and the webhook hear of it, and what rang by push is replaced', async () => {
    const [anna, bob] = [house.person('anna'), house.person('bob')]
    const desk = await anna.phone('web')
    const [phone, tablet, laptop] = [
      await bob.phone('android'),
      await bob.phone('ios'),
      await bob.phone('web'),
    ]
    const caller = await house.live({ hwid: desk.hwid, userId: anna.userId })
    const sibling = await house.live({ hwid: laptop.hwid, userId: bob.userId })
    const { id } = await house.call({
      callees: [bob.userId],
      caller: { name: 'Anna', userId: anna.userId },
    })
    expect((await nextIn(caller, 'ringing')).call).toMatchObject({
      role: 'caller',
      callees: [{ userId: bob.userId, state: 'ringing', by: null }],
    })
    await nextIn(sibling, 'ringing')
    sibling.say({ type: 'call', callId: id, event: 'ringing' })
    await Promise.all([phone, tablet].map(it => untilShown(it, ['ringing'])))
    const answer = await house.sayByDevice(phone.hwid, id, 'accept')
    expect(answer).toMatchObject({ status: 200, body: { state: 'accepted', version: 2 } })
    expect((await nextIn(sibling, 'answered_elsewhere')).call).toMatchObject({ id, version: 2, ringMs: 0 })
    expect((await nextIn(caller, 'accepted')).call.callees).toEqual([
      { userId: bob.userId, state: 'accepted', by: phone.hwid },
    ])
    await untilShown(tablet, ['answered_elsewhere'])
    expect(tablet.shown[0]).toMatchObject({ body: 'Answered on another device', collapseKey: `call-${id}` })
    expect(statesOn(phone)).toEqual(['ringing'])
    expect(await house.sayByDevice(phone.hwid, id, 'accept')).toMatchObject({ status: 200 })
    for (const [hwid, verb] of [
      [tablet.hwid, 'accept'],
      [tablet.hwid, 'reject'],
      [desk.hwid, 'cancel'],
    ] as const)
      expect(await house.sayByDevice(hwid, id, verb), verb).toMatchObject({
        status: 409,
        body: { code: 'call_over' },
      })
    roost.clock.advance(RING_MS)
    const { callees } = await house.read(id)
    expect(callees).toMatchObject([{ state: 'accepted', by: phone.hwid }])
  })

  test('over the channel that comes too late is told so with the call as it is, and one of a stranger that there is none', async () => {
    const [bob, eve] = [house.person('bob'), house.person('eve')]
    const [phone, other] = [await bob.phone('android'), await eve.phone('android')]
    const device = await house.live({ hwid: phone.hwid, userId: bob.userId })
    const stranger = await house.live({ hwid: other.hwid, userId: eve.userId })
    const { id } = await house.call({ callees: [bob.userId] })
    await house.say(id, 'cancel')
    device.say({ type: 'call', callId: id, event: 'accept' })
    expect(await device.next('call-answer')).toMatchObject({
      taken: false,
      code: 'call_over',
      call: { id, state: 'cancelled' },
    })
    stranger.say({ type: 'call', callId: id, event: 'accept' })
    expect(await stranger.next('call-answer')).toMatchObject({
      taken: false,
      call: null,
      code: 'call_unknown',
    })
    expect(await house.sayByDevice(other.hwid, id, 'accept')).toMatchObject({
      status: 404,
      body: { code: 'call_unknown' },
    })
    expect(stranger.frames.filter(it => it.type === 'call')).toEqual([])
  })

  test.each([
    ['reject', 'rejected', 'Declined'],
    ['busy', 'busy', 'Missed call'],
  ] as const)('%s ends it on all devices of the callee', async (verb, state, words) => {
    const bob = house.person('bob')
    const [phone, tablet] = [await bob.phone('android'), await bob.phone('android')]
    const { id } = await house.call({ callees: [bob.userId] })
    await untilShown(tablet, ['ringing'])
    expect(await house.sayByDevice(phone.hwid, id, verb)).toMatchObject({ body: { state } })
    await untilShown(tablet, [state])
    expect(tablet.shown[0]?.body).toBe(words)
    expect(await house.sayByDevice(tablet.hwid, id, 'accept')).toMatchObject({ status: 409 })
    expect(await house.sayByDevice(tablet.hwid, id, verb)).toMatchObject({ status: 200 })
    expect(await house.read(id)).toMatchObject({ state, callees: [{ state, by: phone.hwid }] })
  })

  test('by the back end counts for the callee, on the device that it names or on none', async () => {
    const [bob, carol] = [house.person('bob'), house.person('carol')]
    const phone = await bob.phone('android')
    await carol.phone('android')
    const { id } = await house.call({ callees: [bob.userId, carol.userId] })
    expect(await house.say(id, 'accept', { userId: 'nobody' })).toMatchObject({
      body: { code: 'user_unknown' },
    })
    expect(await house.say(id, 'accept', { userId: carol.userId, hwid: phone.hwid })).toMatchObject({
      body: { code: 'device_unknown' },
    })
    expect(await house.say(id, 'accept', { userId: bob.userId, hwid: phone.hwid })).toMatchObject({
      status: 200,
      body: { state: 'ringing' },
    })
    const { body } = await house.say(id, 'reject', { userId: carol.userId })
    expect(body).toMatchObject({ state: 'accepted' })
    expect(body.callees.find(it => it.userId === carol.userId)).toMatchObject({ state: 'rejected', by: null })
  })
})

test('of two devices and a cancel at once exactly one counts, on whichever server, and everybody reads the same', async () => {
  const second = await roost.another()
  try {
    const bob = house.person('bob')
    const [phone, tablet] = [await bob.phone('android'), await bob.phone('android')]
    const outcomes = new Set<string>()
    for (let round = 0; round < 12; round++) {
      const { id } = await house.call({ callees: [bob.userId] })
      const said = [
        () => house.sayByDevice(phone.hwid, id, 'accept'),
        () => house.sayByDevice(tablet.hwid, id, 'accept', second.url),
        () => house.say(id, 'cancel'),
      ]
      // Another one goes first each time.
      const order = [0, 1, 2].map(i => (i + round) % said.length)
      const answers = await Promise.all(order.map(i => (said[i] as () => Promise<{ status: number }>)()))
      expect(answers.map(it => it.status).sort()).toEqual([200, 409, 409])
      const [winner] = order.filter((_, place) => answers[place]?.status === 200)
      const { state, callees } = await house.read(id)
      expect(state).toBe(winner === 2 ? 'cancelled' : 'accepted')
      expect(callees[0]?.by ?? null).toBe([phone.hwid, tablet.hwid, null][winner as number])
      outcomes.add(String(winner))
    }
    expect(outcomes.size).toBeGreaterThan(0)
  } finally {
    await second.close()
  }
})

test('a device that connects to another server while an answer waits for it is told there', async () => {
  const { db } = roost.server
  const bob = house.person('bob')
  const [phone, tablet] = [await bob.phone('android'), await bob.phone('android')]
  await house.live({ hwid: phone.hwid, userId: bob.userId })
  const { id } = await house.call({ callees: [bob.userId] })
  const elsewhere = randomUUID()
  await db.query('insert into live_server (id, beat_at) values ($1, clock_timestamp())', [elsewhere])
  const answering = await db.transaction(async tx => {
    await tx.query('update live_presence set server = $1 where hwid = $2', [elsewhere, phone.hwid])
    await tx.query('update call_leg set server = $1 where call_id = $2 and hwid = $3', [
      elsewhere,
      id,
      phone.hwid,
    ])
    const answer = house.sayByDevice(tablet.hwid, id, 'accept')
    await untilHeldUp(db)
    return { answer }
  })
  expect(await answering.answer).toMatchObject({ status: 200 })
  const { rows } = await db.query('select server from call_leg where call_id = $1 and hwid = $2', [
    id,
    phone.hwid,
  ])
  expect(rows).toEqual([{ server: elsewhere }])
})

describe('nobody answers', () => {
  test('from the end of the ring time on it reads timed_out, no answer counts, and it was missed once', async () => {
    const second = await roost.another()
    try {
      const [anna, bob] = [house.person('anna'), house.person('bob')]
      const desk = await anna.phone('web')
      const phone = await bob.phone('ios')
      const caller = await house.live({ hwid: desk.hwid, userId: anna.userId })
      const { id } = await house.call({
        callees: [bob.userId],
        caller: { name: 'Anna', userId: anna.userId },
      })
      await untilShown(phone, ['ringing'])
      roost.clock.advance(RING_MS)
      expect(await house.read(id)).toMatchObject({ state: 'timed_out', callees: [{ state: 'timed_out' }] })
      expect(await house.sayByDevice(phone.hwid, id, 'accept')).toMatchObject({
        status: 409,
        body: { code: 'call_over', values: { state: 'timed_out' } },
      })
      await untilShown(phone, ['timed_out'])
      await nextIn(caller, 'timed_out')
      expect(phone.shown[0]).toMatchObject({ body: 'Missed call', collapseKey: `call-${id}` })
    } finally {
      await second.close()
    }
  })

  test('the caller gives up: what was not sent never is, and an iPhone that PushKit woke is told', async () => {
    const [anna, bob] = [house.person('anna'), house.person('bob')]
    const desk = await anna.phone('web')
    const { phone, voip } = await bob.iphone()
    const { id } = await house.call({
      callees: [bob.userId],
      caller: { name: 'Anna', userId: anna.userId },
    })
    await untilVoip(roost, voip, 'ringing')
    expect(await house.sayByDevice(desk.hwid, id, 'cancel')).toMatchObject({
      status: 200,
      body: { role: 'caller', state: 'cancelled' },
    })
    const end = await untilVoip(roost, voip, 'cancelled')
    expect(callIn(end.payload)).toMatchObject({ id, version: 2 })
    await untilShown(phone, ['cancelled'])
    expect(phone.shown[0]?.body).toBe('Missed call')
    expect(await house.say(id, 'cancel')).toMatchObject({ status: 200 })
  })
})

describe('a group call', () => {
  test('rings each member, who answer for themselves; a cancel stops those who still ring', async () => {
    const people = ['bob', 'carol', 'dora'].map(it => house.person(it))
    const phones = await Promise.all(people.map(it => it.phone('android')))
    const [bob, carol, dora] = people.map(it => it.userId)
    const { id } = await house.call({ callees: [bob, carol, dora] })
    await Promise.all(phones.map(it => untilShown(it, ['ringing'])))
    const [first, second, third] = phones as [Phone, Phone, Phone]
    expect(await house.sayByDevice(first.hwid, id, 'accept')).toMatchObject({ body: { state: 'accepted' } })
    expect((await house.sayByDevice(second.hwid, id, 'reject')).body.state).toBe('rejected')
    expect((await house.read(id)).state).toBe('ringing')
    const { body } = await house.say(id, 'cancel')
    expect(body.state).toBe('accepted')
    expect(Object.fromEntries(body.callees.map(it => [it.userId, it.state]))).toEqual({
      [String(bob)]: 'accepted',
      [String(carol)]: 'rejected',
      [String(dora)]: 'cancelled',
    })
    await untilShown(third, ['cancelled'])
    expect(await house.sayByDevice(third.hwid, id, 'accept')).toMatchObject({ status: 409 })
  })
})

describe('who is called', () => {
  test('R25: a device on which somebody else has logged in hears no more of it, by no road', async () => {
    const [bob, eve] = [house.person('bob'), house.person('eve')]
    const phone = await bob.phone('android')
    const { id } = await house.call({ callees: [bob.userId] })
    await untilShown(phone, ['ringing'])
    await phone.logIn(eve.userId)
    const device = await house.live({ hwid: phone.hwid, userId: eve.userId })
    expect(await house.sayByDevice(phone.hwid, id, 'accept')).toMatchObject({
      body: { code: 'call_unknown' },
    })
    await house.say(id, 'cancel')
    const next = await house.call({ callees: [eve.userId] })
    expect((await device.next('call')).call.id).toBe(next.id)
    expect(statesOn(phone)).toEqual(['ringing'])
  })

  test('is refused when none of the callees has a device, or the caller is one of them', async () => {
    const path = `/v1/apps/${roost.app}/calls`
    const made = (body: object) => roost.rest('POST', path, { caller: { name: 'Anna' }, ...body })
    expect(await made({ callees: ['nobody'] })).toMatchObject({ status: 404, body: { code: 'user_unknown' } })
    const bob = house.person('bob')
    await bob.phone('android')
    expect(await made({ callees: [bob.userId], caller: { name: 'Bob', userId: bob.userId } })).toMatchObject({
      status: 400,
      body: { code: 'input_invalid' },
    })
    expect(await made({ callees: [bob.userId], data: { long: 'x'.repeat(2100) } })).toMatchObject({
      status: 400,
    })
  })

  test('data that no push has room for are refused whole: nobody rings, and nothing is left of the call', async () => {
    const bob = house.person('bob')
    const { phone, voip } = await bob.iphone()
    const other = await bob.phone('android')
    const device = await house.live({ hwid: other.hwid, userId: bob.userId })
    const id = '0d9f4a5e-4a58-4b1e-9d63-0f6cbb8a1a02'
    const body = { id, caller: { name: 'Anna' }, callees: [bob.userId] }
    const path = `/v1/apps/${roost.app}/calls`
    const data = { quoted: '"'.repeat(1000) } // each is four characters in a push
    expect(await roost.rest('POST', path, { ...body, data })).toMatchObject({
      status: 413,
      body: { code: 'message_too_large' },
    })
    const missed = { body: 'x'.repeat(4096) }
    expect(await roost.rest('POST', path, { ...body, missed })).toMatchObject({ status: 413 })
    expect(await roost.rest('GET', `${path}/${id}`)).toMatchObject({ status: 404 })
    expect(await house.call(body)).toMatchObject({ id, state: 'ringing' })
    await nextIn(device, 'ringing')
    await untilVoip(roost, voip, 'ringing')
    expect(device.frames.filter(it => it.type === 'call')).toHaveLength(1)
    expect(phone.shown).toEqual([])
  })

  test('a repeat with the same id rings nobody twice, and another call with it is refused', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('android')
    const id = '0d9f4a5e-4a58-4b1e-9d63-0f6cbb8a1a01'
    const body = { id, callees: [bob.userId] }
    const [one, two] = await Promise.all([house.call(body), house.call(body)])
    expect(one.id).toBe(two.id)
    await untilShown(phone, ['ringing'])
    await house.say(id, 'cancel')
    await untilShown(phone, ['cancelled'])
    expect(phone.shownCount).toBe(2)
    expect(await house.call(body)).toMatchObject({ id, state: 'cancelled' })
    const other = { id, callees: [bob.userId], caller: { name: 'Zoë' } }
    expect(await roost.rest('POST', `/v1/apps/${roost.app}/calls`, other)).toMatchObject({
      body: { code: 'idempotency_key_reused' },
    })
  })

  test('is shown by the name of the caller, whatever it looks like, or by the words of the back end', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('android')
    const named = await house.call({ callees: [bob.userId], caller: { name: '{{ user.id }} {% if %}' } })
    await untilShown(phone, ['ringing'])
    expect(phone.shown[0]?.title).toBe('{{ user.id }} {% if %}')
    expect(callIn(phone.shown[0]?.push.payload).caller).toEqual({ name: '{{ user.id }} {% if %}' })
    await house.say(named.id, 'cancel')
    await untilShown(phone, ['cancelled'])
    const ringing = { title: 'Ring!', languages: { en: { title: 'Ring, ring!' } } }
    await house.call({ callees: [bob.userId], ringing })
    await untilShown(phone, ['cancelled', 'ringing'])
    expect(phone.shown[1]).toMatchObject({ title: 'Ring, ring!', body: 'Incoming call' })
  })
})

describe('tokens', () => {
  test('a VoIP token that is dead ends alone: the phone is missed-called by its other one', async () => {
    const bob = house.person('bob')
    const { phone, voip } = await bob.iphone()
    roost.clock.advance(HOUR_MS) // a token that dies with its registration may be one that was just given again
    roost.simulator.apns.killToken(voip)
    const { id } = await house.call({ callees: [bob.userId] })
    const stateOf = async () => {
      const { addresses } = await roost.view(phone.hwid)
      return addresses
        .map(it => `${it.kind} ${it.state}`)
        .sort()
        .join()
    }
    while ((await stateOf()) !== 'alert active,voip dead') await house.read(id)
    await house.say(id, 'cancel')
    await untilShown(phone, ['cancelled'])
  })

  test('R12: a VoIP token of the other environment rings there, and is kept there', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('ios')
    const voip = roost.simulator.apns.issueToken({
      bundleId: BUNDLE_ID,
      kind: 'voip',
      environment: 'sandbox',
    })
    const fields = { hwid: phone.hwid, device_type: 1, push_token: phone.token, voip_push_token: voip }
    await roost.device('registerDevice', { ...fields, userId: bob.userId, gateway: 'production' })
    const { id } = await house.call({ callees: [bob.userId] })
    await untilVoip(roost, voip, 'ringing')
    const kept = async () =>
      (await roost.view(phone.hwid)).addresses
        .filter(it => it.state === 'active')
        .map(it => `${it.kind} ${it.environment}`)
        .sort()
        .join()
    while ((await kept()) !== 'alert production,voip sandbox') await tick()
    await house.say(id, 'cancel')
    await untilVoip(roost, voip, 'cancelled')
  })

  test('the pushes of a call are not listed among messages, and can be traced like them', async () => {
    const bob = house.person('bob')
    const phone = await bob.phone('android')
    const { id } = await house.call({ callees: [bob.userId] })
    await untilShown(phone, ['ringing'])
    await house.say(id, 'cancel')
    const path = `/v1/apps/${roost.app}/messages`
    expect((await roost.rest<{ messages: unknown[] }>('GET', path)).body.messages).toEqual([])
    const { rows } = await roost.server.db.query<{ id: string }>(
      'select id from message where call_id = $1 order by created_at limit 1',
      [id],
    )
    const traced = async () =>
      (
        await roost.rest<TraceView>(
          'GET',
          `${path}/${rows[0]?.id}/trace?hwid=${encodeURIComponent(phone.hwid)}`,
        )
      ).body
    while ((await traced()).outcome !== 'accepted') await tick()
  })
})

test('who is erased is named nowhere any more: not in calls, their pushes or what webhooks were told', async () => {
  const [anna, bob] = [house.person('anna'), house.person('bob')]
  const [desk, phone] = [await anna.phone('web'), await bob.phone('android')]
  const caller = { name: 'Anna', userId: anna.userId }
  const { id } = await house.call({ callees: [bob.userId], caller })
  await house.sayByDevice(phone.hwid, id, 'accept')
  for (const { userId } of [bob, anna])
    expect(await roost.rest('POST', `/v1/apps/${roost.app}/erasures`, { userId })).toMatchObject({
      status: 200,
    })
  for (const table of ['call', 'call_callee', 'call_leg', 'message', 'webhook_event'])
    for (const name of [bob.userId, anna.userId, phone.hwid, desk.hwid]) {
      const { rows } = await roost.server.db.query(
        `select t::text from ${table} t where strpos(t::text, $1) > 0`,
        [name],
      )
      expect(rows, `${name} in ${table}`).toEqual([])
    }
})

test('a call ends though its app can send nothing any more, and holds up no other', async () => {
  const [bob, carol] = [house.person('bob'), house.person('carol')]
  const [phone, next] = [await bob.phone('android'), await carol.phone('android')]
  const { db } = roost.server
  const { id } = await house.call({ callees: [bob.userId] })
  await untilShown(phone, ['ringing'])
  await db.query('update app set archived_at = now() where code = $1', [roost.app])
  roost.clock.advance(RING_MS)
  const written = async () =>
    (await db.query<{ state: string }>('select state from call_callee where call_id = $1', [id])).rows[0]
      ?.state
  while ((await written()) !== 'timed_out') await tick()
  await db.query('update app set archived_at = null where code = $1', [roost.app])
  await house.call({ callees: [carol.userId] })
  await untilShown(next, ['ringing'])
  roost.clock.advance(RING_MS)
  await untilShown(next, ['timed_out'])
})

test('webhooks are told of each change once, and of nothing else', async () => {
  const bob = house.person('bob')
  const phone = await bob.phone('android')
  const { rows: before } = await roost.server.db.query(
    "select id from webhook_event where type = 'call.changed'",
  )
  const { id } = await house.call({ callees: [bob.userId] })
  await house.sayByDevice(phone.hwid, id, 'accept')
  await house.sayByDevice(phone.hwid, id, 'accept')
  await house.until(id, settled)
  const { rows } = await roost.server.db.query<{ data: object }>(
    "select data from webhook_event where type = 'call.changed' order by id",
  )
  expect(rows.slice(before.length).map(it => it.data)).toEqual([
    {
      callId: id,
      version: 2,
      userId: bob.userId,
      state: 'accepted',
      by: phone.hwid,
      callState: 'accepted',
    },
  ])
})
