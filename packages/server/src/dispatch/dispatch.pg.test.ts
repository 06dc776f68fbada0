/** Dispatch: everybody that is meant, once, whatever happens on the way. */
import type { MessageView } from '@roost/protocol'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { hashOf } from '../insight/receipts.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())
afterEach(() => {
  roost.clock.run()
  for (const gateway of [roost.simulator.apns, roost.simulator.fcm, roost.simulator.webPush])
    gateway.faults.clear()
})

const HOUR_MS = 3_600_000
const toDevice = (hwid: string) => ({ to: { devices: [hwid] }, content: { title: 'Hello' } })
const toUser = (user: string) => ({ to: { users: [user] }, content: { title: 'Hello' } })

function phones(kind: 'ios' | 'android' | 'web', count: number, userId: string) {
  return Promise.all(Array.from({ length: count }, () => roost.phone(kind, { userId })))
}

/** Until the first try of so many deliveries is booked and the batch given back: only then may the clock be moved. */
async function untilTried(id: string, count: number): Promise<void> {
  const { rows } = await roost.server.db.query<{ tried: number }>(
    `select count(*)::integer as tried from delivery_queue q join batch b on b.id = q.batch_id
      where q.message_id = $1 and q.attempt > 1 and b.state = 'waiting'`,
    [id],
  )
  if (rows[0]?.tried === count) return
  await tick()
  await untilTried(id, count)
}

/** What the stand-ins counted for a message. */
function outside(message: Pick<MessageView, 'id'>) {
  const hash = hashOf(message.id)
  const attempts = [...roost.simulator.attemptsFor(hash).values()]
  return { accepted: roost.simulator.acceptedFor(hash).acceptances, mostPerAddress: Math.max(0, ...attempts) }
}

test('a message goes to exactly the devices that a tag condition names, on every platform', async () => {
  const meant = await Promise.all(
    (['ios', 'android', 'web'] as const).map(kind => roost.phone(kind, { tags: { team: 'red' } })),
  )
  const other = await roost.phone('ios', { tags: { team: 'blue' } })
  const message = await roost.sendAndSettle({
    to: { condition: { tag: 'team', op: 'eq', value: 'red' } },
    content: { title: 'Hello' },
  })
  expect(message.counts).toMatchObject({ targeted: 3, accepted: 3 })
  expect(meant.map(phone => phone.shown.map(it => it.title))).toEqual([['Hello'], ['Hello'], ['Hello']])
  expect(other.shown).toEqual([])
})

test('a device that is named but unknown or unreachable is told, and counted as skipped', async () => {
  const known = await roost.phone('ios')
  const silent = await roost.phone('ios')
  await silent.unregister()
  const message = await roost.sendAndSettle({
    to: { devices: [known.hwid, silent.hwid, 'nobody'] },
    content: { title: 'Hello' },
  })
  expect(message.counts).toMatchObject({ targeted: 3, accepted: 1, skipped: 2 })
  const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${message.id}/exceptions`)
  expect(body).toEqual({
    exceptions: [
      { outcome: 'skipped', reason: 'device_unknown', gateway: null, count: 1 },
      { outcome: 'skipped', reason: 'no_address', gateway: null, count: 1 },
    ],
  })
})

/** What changes with each write of the row. */
async function versionOf(hwid: string): Promise<string | undefined> {
  const { rows } = await roost.server.db.query<{ version: string }>(
    'select xmin::text as version from address where hwid = $1',
    [hwid],
  )
  return rows[0]?.version
}

test('R12: the first acceptance is written to the address of an iPhone, and no later one, on whatever day', async () => {
  const phone = await roost.phone('ios')
  const registered = await versionOf(phone.hwid)
  await roost.sendAndSettle(toDevice(phone.hwid))
  const accepted = await versionOf(phone.hwid)
  expect(accepted).not.toBe(registered)
  roost.clock.advance(48 * HOUR_MS)
  expect((await roost.sendAndSettle(toDevice(phone.hwid))).counts).toMatchObject({ accepted: 1 })
  expect(await versionOf(phone.hwid)).toBe(accepted)
})

test('an acceptance changes no row of an Android phone that nothing was said against', async () => {
  const phone = await roost.phone('android')
  const registered = await versionOf(phone.hwid)
  expect((await roost.sendAndSettle(toDevice(phone.hwid))).counts).toMatchObject({ accepted: 1 })
  expect(await versionOf(phone.hwid)).toBe(registered)
})

test.each(['ios', 'android'] as const)('the next acceptance ends a doubt of an %s phone', async kind => {
  const phone = await roost.phone(kind)
  await roost.sendAndSettle(toDevice(phone.hwid))
  await roost.server.db.query(
    "update address set state = 'suspect', generation = generation + 1 where hwid = $1",
    [phone.hwid],
  )
  await roost.sendAndSettle(toDevice(phone.hwid))
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'active', generation: 3 }])
})

test('deaths and first acceptances of one chunk are each noted', async () => {
  const [gone, kept] = await phones('ios', 2, 'first-chunk')
  roost.clock.advance(HOUR_MS)
  roost.simulator.apns.killToken(gone?.token as string)
  await roost.sendAndSettle(toUser('first-chunk'))
  const { rows } = await roost.server.db.query<{ hwid: string; state: string; noted: boolean }>(
    'select hwid, state, last_accepted_at is not null as noted from address where hwid = any($1)',
    [[gone?.hwid, kept?.hwid]],
  )
  expect(rows).toHaveLength(2)
  expect(rows).toContainEqual({ hwid: gone?.hwid, state: 'dead', noted: false })
  expect(rows).toContainEqual({ hwid: kept?.hwid, state: 'active', noted: true })
})

test('R30: connections that go away mid-send lose nobody and ask nobody twice', async () => {
  await phones('ios', 120, 'goaway')
  roost.simulator.apns.faults.goAwayAfter(20, { times: 3 })
  const message = await roost.sendAndSettle(toUser('goaway'))
  expect(message.counts).toMatchObject({ targeted: 120, accepted: 120 })
  expect(outside(message)).toMatchObject({ accepted: 120 })
})

test('R17: a refused credential changes no row, keeps the message, and a new one in its slot sends it', async () => {
  const many = await phones('ios', 40, 'r17')
  const before = await Promise.all(many.map(phone => roost.view(phone.hwid)))
  const { body } = await roost.rest<{
    credentials: { id: string; gateway: string; settings: Record<string, string> }[]
  }>('GET', `/v1/apps/${roost.app}/credentials`)
  const slot = body.credentials.find(it => it.gateway === 'apns')
  roost.simulator.apns.revokeKey(slot?.settings.keyId ?? '')

  const id = await roost.send(toUser('r17'))
  const held = await roost.until(id, message => message.held.length > 0)
  expect(held).toMatchObject({
    state: 'sending',
    waiting: 40,
    held: [{ gateway: 'apns', reason: 'InvalidProviderToken' }],
  })
  expect(await Promise.all(many.map(phone => roost.view(phone.hwid)))).toEqual(before)

  const fresh = roost.simulator.apns.createTeamKey({ bundleId: slot?.settings.bundleId ?? '' })
  await roost.rest('PUT', `/v1/apps/${roost.app}/credentials/${slot?.id}`, {
    gateway: 'apns',
    kind: 'p8',
    ...fresh,
  })
  const done = await roost.settle(id)
  expect(done.counts).toMatchObject({ targeted: 40, accepted: 40, failed: 0 })
  expect(outside(done)).toMatchObject({ accepted: 40 })
})

test('R17: while one gateway refuses us the others go on', async () => {
  const [android] = await phones('android', 1, 'split')
  await phones('ios', 1, 'split')
  roost.simulator.apns.faults.answerEverything({ status: 403, reason: 'TopicDisallowed' })
  const id = await roost.send(toUser('split'))
  const held = await roost.until(id, message => message.held.length > 0 && message.counts.accepted === 1)
  expect(held.counts).toMatchObject({ targeted: 2, accepted: 1 })
  expect(android?.shown).toHaveLength(1)
  roost.simulator.apns.faults.clear()
  const { body } = await roost.rest<{
    credentials: { id: string; gateway: string; settings: Record<string, string> }[]
  }>('GET', `/v1/apps/${roost.app}/credentials`)
  const slot = body.credentials.find(it => it.gateway === 'apns')
  const fresh = roost.simulator.apns.createTeamKey({ bundleId: slot?.settings.bundleId ?? '' })
  await roost.rest('PUT', `/v1/apps/${roost.app}/credentials/${slot?.id}`, {
    gateway: 'apns',
    kind: 'p8',
    ...fresh,
  })
  await roost.settle(id)
})

test('R11: a delivery that waits goes to nobody when its device has unregistered meanwhile', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unavailable' }, 1)
  roost.clock.stand() // its next try is due after a second
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
  await untilTried(id, 1)
  await phone.unregister()
  roost.clock.advance(HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 0, skipped: 1 })
})

test('R11: a delivery that waits goes to the new address of its device', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unavailable' }, 1)
  roost.clock.stand() // its next try is due after a second
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
  await untilTried(id, 1)
  await phone.refreshToken()
  roost.clock.advance(HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
  expect(phone.shown).toHaveLength(1)
})

test('R25: a delivery that waits is not sent when its device belongs to somebody else meanwhile', async () => {
  const [switched, left] = await Promise.all([1, 2].map(() => roost.phone('android', { userId: 'alice' })))
  for (const phone of [switched, left]) {
    roost.simulator.fcm.faults.answerFor(phone?.token as string, { form: 'unavailable' }, 1)
  }
  roost.clock.stand() // its next try is due after a second
  const id = await roost.send(toUser('alice'))
  await untilTried(id, 2)
  await roost.device('registerUser', { hwid: switched?.hwid, userId: 'bob' })
  await roost.device('registerUser', { hwid: left?.hwid, userId: left?.hwid })
  roost.clock.advance(HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 0, skipped: 2 })
  expect([switched?.shown, left?.shown]).toEqual([[], []])
})

test('a delivery that waits never takes a token to a gateway of another kind', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unavailable' }, 1)
  roost.clock.stand() // its next try is due after a second
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
  await untilTried(id, 1)
  await roost.device('registerDevice', { hwid: phone.hwid, device_type: 17, push_token: 'a-huawei-token' })
  roost.clock.advance(HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, skipped: 1 })
  expect((await roost.view(phone.hwid)).addresses[0]).toMatchObject({ provider: 'hms', state: 'active' })
})

test('a device that was told unreachable at planning has that one outcome, even if it registers in time', async () => {
  const [reachable, late] = await Promise.all([roost.phone('android'), roost.phone('android')])
  await late.unregister()
  roost.simulator.fcm.faults.answerFor(reachable.token as string, { form: 'unavailable' }, 1)
  const to = { devices: [reachable.hwid, late.hwid] }
  roost.clock.stand() // its next try is due after a second
  const id = await roost.send({ to, content: { title: 'Hello' } })
  await untilTried(id, 1)
  await late.register()
  roost.clock.advance(HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1 })
})

test('named devices that register and unregister while they are sent to have one outcome each', async () => {
  const present = await Promise.all(Array.from({ length: 60 }, () => roost.phone('android')))
  const names = [...present.map(phone => phone.hwid), ...Array.from({ length: 60 }, (_, i) => `late-${i}`)]
  const id = await roost.send({ to: { devices: names }, content: { title: 'Hello' } })
  await Promise.all([
    ...present.slice(0, 30).map(phone => phone.unregister()),
    ...names
      .slice(60)
      .map(hwid => roost.device('registerDevice', { hwid, device_type: 3, push_token: `token-${hwid}` })),
  ])
  const { counts } = await roost.settle(id)
  expect(counts.targeted).toBe(120)
  expect(counts.accepted + counts.dead + counts.failed + counts.skipped + counts.uncertain).toBe(120)
  const { rows } = await roost.server.db.query('select hwid from delivery_exception where message_id = $1', [
    id,
  ])
  expect(rows).toHaveLength(120 - counts.accepted)
})

test('R17: what a refused credential holds goes on with a newer credential beside it', async () => {
  const other = await startRoost()
  try {
    const phone = await other.phone('ios')
    other.simulator.apns.faults.answerEverything({ status: 403, reason: 'InvalidProviderToken' })
    const id = await other.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
    await other.until(id, message => message.held.length > 0)
    other.simulator.apns.faults.clear()
    const fresh = other.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    await other.rest('POST', `/v1/apps/${other.app}/credentials`, { gateway: 'apns', kind: 'p8', ...fresh })
    expect((await other.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
  } finally {
    await other.close()
  }
})

test('R17: a delivery that a refused credential blocks is not forgotten when another one of its batch ends last', async () => {
  const other = await startRoost()
  try {
    const second = other.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const credential = { gateway: 'apns', kind: 'p8', environments: ['sandbox'], ...second }
    await other.rest('POST', `/v1/apps/${other.app}/credentials`, credential)
    const [blocked, throttled] = await Promise.all([other.phone('ios'), other.phone('ios')])
    const { faults } = other.simulator.apns
    // Twice, since the first one is not believed before another connection says it too.
    faults.answerFor(blocked?.token as string, { status: 403, reason: 'InvalidProviderToken' }, 2)
    faults.answerFor(throttled?.token as string, { status: 429, reason: 'TooManyRequests' }, 1)
    const to = { devices: [blocked?.hwid ?? '', throttled?.hwid ?? ''] }
    const id = await other.send({ to, content: { title: 'Hello' } })
    await other.until(id, message => message.waiting === 2)
    await throttled?.unregister()
    other.clock.advance(HOUR_MS)
    await other.until(id, message => message.counts.skipped === 1 && message.held.length > 0)
    const { body } = await other.rest<{ credentials: { id: string; status: string }[] }>(
      'GET',
      `/v1/apps/${other.app}/credentials`,
    )
    const paused = body.credentials.find(it => it.status === 'paused')
    const fresh = other.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const upload = { gateway: 'apns', kind: 'p8', ...fresh }
    await other.rest('PUT', `/v1/apps/${other.app}/credentials/${paused?.id}`, upload)
    expect((await other.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1 })
  } finally {
    await other.close()
  }
})

test('a message whose credential is never mended ends when it expires', async () => {
  const other = await startRoost()
  try {
    const phone = await other.phone('ios')
    other.simulator.apns.faults.answerEverything({ status: 403, reason: 'InvalidProviderToken' })
    const id = await other.send({
      to: { devices: [phone.hwid] },
      content: { title: 'Hello' },
      ttlSeconds: 120,
    })
    await other.until(id, message => message.held.length > 0)
    other.clock.advance(HOUR_MS)
    expect((await other.settle(id)).counts).toMatchObject({ targeted: 1, skipped: 1 })
  } finally {
    await other.close()
  }
})

test('one server fault of a gateway delays its own delivery only', async () => {
  const many = await phones('ios', 20, 'one-fault')
  roost.simulator.apns.faults.answerFor(
    many[0]?.token as string,
    { status: 500, reason: 'InternalServerError' },
    1,
  )
  const id = await roost.send(toUser('one-fault'))
  await roost.until(id, message => message.counts.accepted === 19 && message.waiting === 1)
  roost.clock.advance(HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 20, accepted: 20 })
})

test('a push service that asks for patience is left alone by all deliveries until then, and nobody is lost', async () => {
  await phones('web', 40, 'patience')
  const { faults } = roost.simulator.webPush
  faults.answerEverything({ fault: 'overloaded', retryAfter: '600' })
  const first = await roost.send(toUser('patience'))
  await untilTried(first, 40)
  const asked = roost.simulator.counts().webPush.requests
  const second = await roost.send(toUser('patience'))
  await untilDeferred(second, 40)
  expect(roost.simulator.counts().webPush.requests).toBe(asked)
  faults.clear()
  roost.clock.advance(HOUR_MS)
  for (const id of [first, second])
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 40, accepted: 40 })
})

/** Until so many deliveries wait for their origin without having been tried. */
async function untilDeferred(id: string, count: number): Promise<void> {
  const { rows } = await roost.server.db.query<{ deferred: number }>(
    `select count(*)::integer as deferred from delivery_queue q join batch b on b.id = q.batch_id
      where q.message_id = $1 and q.attempt = 1 and q.reason = 'origin_throttled' and b.state = 'waiting'`,
    [id],
  )
  if (rows[0]?.deferred === count) return
  await tick()
  await untilDeferred(id, count)
}

test('a lease that ran out is no licence for a second runner of the same process', async () => {
  await phones('android', 30, 'lapsed')
  roost.simulator.fcm.faults.holdAnswers()
  const id = await roost.send(toUser('lapsed'))
  await roost.simulator.fcm.faults.waitForHeld(30)
  await roost.server.db.query(
    "update batch set lease_until = now() - interval '1 minute' where message_id = $1",
    [id],
  )
  // Whoever claims it now (this very process may) sends the same deliveries with the same ids.
  await roost.simulator.fcm.faults.waitForHeld(60)
  roost.simulator.fcm.faults.releaseAnswers()
  const done = await roost.settle(id)
  expect(done.counts).toMatchObject({ targeted: 30, accepted: 30 })
})

test('a batch of a worker that died is taken up after its last chunk, and nobody is counted twice', async () => {
  await phones('android', 30, 'crash')
  roost.simulator.fcm.faults.holdAnswers()
  const id = await roost.send(toUser('crash'))
  await roost.simulator.fcm.faults.waitForHeld(30)
  // Another worker takes the batch over, as if this one's lease had run out while it hung.
  await roost.server.db.query(
    "update batch set lease_until = now() - interval '1 minute', leased_by = gen_random_uuid() where message_id = $1",
    [id],
  )
  roost.simulator.fcm.faults.releaseAnswers()
  const done = await roost.settle(id)
  expect(done.counts).toMatchObject({ targeted: 30, accepted: 30 })
  expect(roost.simulator.acceptedFor(hashOf(id)).tokens.size).toBe(30)
})

test('a message whose time is over is skipped, not sent late', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'quota_exceeded' }, 1)
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' }, ttlSeconds: 90 })
  await untilTried(id, 1)
  roost.clock.advance(HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, skipped: 1 })
  expect(phone.shown).toEqual([])
})

test('a message for later is sent when its time has come, and not before', async () => {
  const phone = await roost.phone('ios')
  const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' }, sendAt })
  await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: { title: 'Now' } })
  expect((await roost.until(id, () => true)).state).toBe('scheduled')
  roost.clock.advance(HOUR_MS)
  await roost.settle(id)
  expect(phone.shown.map(it => it.title)).toEqual(['Now', 'Hello'])
})

test('receipts of phones are counted on the message, each once', async () => {
  const many = await phones('android', 5, 'receipts')
  const message = await roost.sendAndSettle(toUser('receipts'))
  await Promise.all(many.map(phone => phone.settled()))
  await many[0]?.openNotification(hashOf(message.id))
  await many[0]?.openNotification(hashOf(message.id))
  expect((await roost.settle(message.id)).counts).toMatchObject({ accepted: 5, delivered: 5, opened: 1 })
})

test('a gateway that can’t be reached is told with the message and in the log, and the message goes on afterwards', async () => {
  const phone = await roost.phone('ios')
  await roost.simulator.apns.faults.refuseConnections()
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
  const waiting = await roost.until(id, message => message.retrying.length > 0)
  expect(waiting).toMatchObject({
    state: 'sending',
    waiting: 1,
    held: [],
    retrying: [{ gateway: 'apns', reason: expect.stringContaining('ECONNREFUSED') }],
  })
  expect(roost.logged()).toContain('a gateway is not reached; deliveries wait')
  await roost.simulator.apns.faults.acceptConnections()
  roost.clock.advance(60_000)
  expect(await roost.settle(id)).toMatchObject({ counts: { accepted: 1 }, retrying: [] })
})
