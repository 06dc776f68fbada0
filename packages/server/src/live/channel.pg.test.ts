/** The live channel against the whole server: over the wire, with real phones' pushes beside it. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import {
  type DevicePresence,
  LIVE_CLOSE_CODES,
  type ServerFrame,
  type TraceView,
  type UserPresence,
} from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Hello,
  type LiveDevice,
  liveDevices,
  type MessageFrame,
  openSocket,
} from '../../test/live-client.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const opened = liveDevices()

const DAY_MS = 24 * 3_600_000
/** As long as a message waits for its acknowledgement at most: none that a busy machine is late with goes by push meanwhile. */
const WAIT_MS = 60_000
const patient = { route: 'online-first', pushAfterSeconds: WAIT_MS / 1000 } as const
const content = { title: 'Hello' }
const name = (what: string) => `${what}-${randomUUID()}`

async function live(hello: Partial<Hello> & Pick<Hello, 'hwid'>, url = roost.url): Promise<LiveDevice> {
  return opened.connect(url, { app: roost.app, deviceToken: roost.deviceToken, ...hello })
}

async function presence(hwid: string): Promise<DevicePresence> {
  const path = `/v1/apps/${roost.app}/devices/${encodeURIComponent(hwid)}/presence`
  return (await roost.rest<DevicePresence>('GET', path)).body
}

async function untilPresence(hwid: string, state: string): Promise<DevicePresence> {
  for (;;) {
    const found = await presence(hwid)
    if (found.state === state) return found
    await tick()
  }
}

async function trace(id: string, hwid: string): Promise<TraceView> {
  const path = `/v1/apps/${roost.app}/messages/${id}/trace?hwid=${encodeURIComponent(hwid)}`
  return (await roost.rest<TraceView>('GET', path)).body
}

/**
 * What came of messages, once everything that was to come has: another one follows by the same way, and a device's frames are sent in the
 * order in which they were made.
 */
async function messagesOf(
  device: LiveDevice,
  hwid: string,
  userId: string | null = null,
): Promise<MessageFrame[]> {
  const last = await roost.send({ to: { devices: [hwid] }, content: { title: 'Last' }, route: 'online-only' })
  const isLast = (it: ServerFrame) => it.type === 'message' && it.messageId === last
  while (!device.frames.some(isLast)) await device.next('message')
  expect(device.frames.find(isLast)).toMatchObject({ userId })
  return device.frames.filter((it): it is MessageFrame => it.type === 'message' && !isLast(it))
}

/** Its frame is made, and it waits for the acknowledgement. */
const waits = (id: string) =>
  roost.until(id, it => it.retrying.some(({ reason }) => reason === 'live_channel'))

describe('a message that goes online first', () => {
  test('comes over the socket of an app that is open, and by no push once it is acknowledged', async () => {
    const phone = await roost.phone('ios')
    const device = await live({ hwid: phone.hwid })
    const id = await roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
    const frame = await device.next('message')
    expect(frame).toMatchObject({ messageId: id, userId: null, notification: { title: 'Hello' } })
    device.say({ type: 'ack', seqs: [frame.seq] })
    expect(await device.next('acked')).toEqual({ type: 'acked', seqs: [frame.seq] })
    roost.clock.advance(WAIT_MS)
    const { counts, route } = await roost.settle(id)
    expect(route).toBe('online-first')
    expect(counts).toMatchObject({
      targeted: 1,
      accepted: 1,
      skipped: 0,
      uncertain: 0,
      possibleDuplicates: 0,
    })
    expect(phone.shown).toEqual([])
    expect((await trace(id, phone.hwid)).evidence.join()).toContain('live channel')
  })

  test('is pushed with the same id when it is not acknowledged in time, and its frame is sent no more', async () => {
    const phone = await roost.phone('ios')
    const device = await live({ hwid: phone.hwid })
    const id = await roost.send({
      to: { devices: [phone.hwid] },
      content,
      ...patient,
    })
    const frame = await device.next('message')
    await waits(id)
    expect(phone.shown).toEqual([])
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1, possibleDuplicates: 0 })
    expect(phone.shown.map(it => it.push.messageId)).toEqual([frame.id])
    await device.drop()
    const again = await live({ hwid: phone.hwid })
    expect(await messagesOf(again, phone.hwid)).toEqual([])
  })

  test('is pushed at once to an app in the background, and to one that is not connected', async () => {
    const [away, behind] = [await roost.phone('ios'), await roost.phone('android')]
    await live({ hwid: behind.hwid, state: 'background' })
    const to = { devices: [away.hwid, behind.hwid] }
    const { counts } = await roost.sendAndSettle({ to, content, ...patient })
    expect(counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect([away.shown.length, behind.shown.length]).toEqual([1, 1])
  })

  test('to everybody goes to each by the road that is open, and the books balance', async () => {
    const phones = await Promise.all(Array.from({ length: 4 }, () => roost.phone('ios')))
    const [talker, mute] = await Promise.all(phones.slice(0, 2).map(it => live({ hwid: it.hwid })))
    const condition = { field: 'hwid' as const, op: 'in' as const, value: phones.map(it => it.hwid) }
    const id = await roost.send({ to: { condition }, content, ...patient })
    const { seq } = await (talker as LiveDevice).next('message')
    talker?.say({ type: 'ack', seqs: [seq] })
    await talker?.next('acked')
    await mute?.next('message')
    await waits(id)
    await roost.until(id, it => it.counts.accepted >= 2)
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 4, accepted: 4, pending: 0 })
    expect(phones.map(it => it.shown.length)).toEqual([0, 1, 1, 1])
  })
})

test('a message that is cancelled while it waits is uncertain, and comes over no road any more', async () => {
  const phone = await roost.phone('ios')
  const device = await live({ hwid: phone.hwid })
  const id = await roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
  await device.next('message')
  await waits(id)
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  const { counts } = await roost.until(id, it => it.finishedAt !== null)
  expect(counts).toMatchObject({ targeted: 1, skipped: 0, uncertain: 1, pending: 0 })
  await device.drop()
  const again = await live({ hwid: phone.hwid })
  expect(await messagesOf(again, phone.hwid)).toEqual([])
  expect(phone.shown).toEqual([])
})

test('a message that was recalled comes to nobody who connects afterwards', async () => {
  const phone = await roost.phone('ios')
  const device = await live({ hwid: phone.hwid })
  const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content, route: 'both' })
  await device.next('message')
  await device.drop()
  const answer = await roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/messages/${id}/recall`, {})
  await roost.settle(answer.body.id)
  const again = await live({ hwid: phone.hwid })
  expect(await messagesOf(again, phone.hwid)).toEqual([])
})

describe('other roads', () => {
  test('both: the frame and the push have the same id', async () => {
    const phone = await roost.phone('ios')
    const device = await live({ hwid: phone.hwid, state: 'background' })
    const { counts } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content, route: 'both' })
    const frame = await device.next('message')
    expect(counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect(phone.shown.map(it => it.push.messageId)).toEqual([frame.id])
  })

  test('online-only: nobody is pushed; who is away is skipped, who does not acknowledge is uncertain', async () => {
    const [there, mute, away] = await Promise.all([1, 2, 3].map(() => roost.phone('ios')))
    const hwids = [there, mute, away].map(it => it?.hwid ?? '')
    const [talker, silent] = await Promise.all(hwids.slice(0, 2).map(hwid => live({ hwid })))
    const id = await roost.send({ to: { devices: hwids }, content, route: 'online-only' })
    const { seq } = await (talker as LiveDevice).next('message')
    talker?.say({ type: 'ack', seqs: [seq] })
    await talker?.next('acked')
    await silent?.next('message')
    await roost.until(id, it => it.counts.skipped === 1)
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({
      targeted: 3,
      accepted: 1,
      skipped: 1,
      uncertain: 1,
    })
    expect([there, mute, away].map(it => it?.shown.length)).toEqual([0, 0, 0])
    expect(await trace(id, hwids[2] as string)).toMatchObject({ outcome: 'skipped', reason: 'not_online' })
  })

  test('push: the default does not touch the socket', async () => {
    const phone = await roost.phone('ios')
    const device = await live({ hwid: phone.hwid })
    const view = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content })
    expect(view).toMatchObject({ route: 'push', pushAfterSeconds: null, rules: null })
    expect(await messagesOf(device, phone.hwid)).toEqual([])
    expect(phone.shown).toHaveLength(1)
  })
})

describe('after a drop', () => {
  test('what is not acknowledged comes again with its number, and nothing else does', async () => {
    const phone = await roost.phone('ios')
    const first = await live({ hwid: phone.hwid })
    const send = () => roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
    await send()
    const had = await first.next('message')
    first.say({ type: 'ack', seqs: [had.seq] })
    await first.next('acked')
    await send()
    const lost = await first.next('message')
    await first.drop()
    const second = await live({ hwid: phone.hwid })
    expect(await second.next('message')).toEqual({ ...lost, receiptKey: expect.any(String) })
    expect(await messagesOf(second, phone.hwid)).toHaveLength(1)
  })

  test('what the device says that it has does not come again, and counts as acknowledged', async () => {
    const phone = await roost.phone('ios')
    const first = await live({ hwid: phone.hwid })
    const id = await roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
    const { seq } = await first.next('message')
    await waits(id)
    await first.drop()
    const second = await live({ hwid: phone.hwid, have: [seq] })
    expect(await messagesOf(second, phone.hwid)).toEqual([])
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ accepted: 1 })
    expect(phone.shown).toEqual([])
  })

  test('an acknowledgement that comes over the next connection counts, and so does what is said before the welcome', async () => {
    const phone = await roost.phone('ios')
    const first = await live({ hwid: phone.hwid })
    const id = await roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
    const { seq } = await first.next('message')
    await waits(id)
    await first.drop()
    const second = openSocket(roost.url)
    opened.add(second)
    await once(second.socket, 'open')
    const { app, deviceToken } = roost
    second.say({ type: 'hello', app, deviceToken, hwid: phone.hwid, userId: null, state: 'online' })
    second.say({ type: 'ack', seqs: [seq] })
    second.say({ type: 'state', state: 'background' })
    await second.next('acked')
    await second.settled()
    expect((await presence(phone.hwid)).state).toBe('background')
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ accepted: 1 })
    expect(phone.shown).toEqual([])
  })

  test('of two connections of a device that come in at once the one that was opened last counts, whichever hello is taken last', async () => {
    const phone = await roost.phone('ios')
    const first = openSocket(roost.url)
    await once(first.socket, 'open')
    const last = openSocket(roost.url)
    await once(last.socket, 'open')
    for (const device of [first, last]) opened.add(device)
    const { app, deviceToken } = roost
    const hello = { type: 'hello', app, deviceToken, hwid: phone.hwid, userId: null, state: 'online' }
    last.say(hello)
    await last.next('welcome')
    first.say(hello)
    expect(await first.closed).toMatchObject({ code: LIVE_CLOSE_CODES.replaced })
    expect((await presence(phone.hwid)).state).toBe('online')
    const id = await roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
    expect(await last.next('message')).toMatchObject({ messageId: id })
  })

  test('of the whole server nothing is lost: another one sends what was not acknowledged', async () => {
    const phone = await roost.phone('ios')
    const other = await roost.another({ roles: ['api'] })
    const first = await live({ hwid: phone.hwid }, other.url)
    const id = await roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
    const { seq } = await first.next('message')
    await waits(id)
    await other.close()
    expect(await first.closed).toMatchObject({ code: 1001 })
    expect(await presence(phone.hwid)).toMatchObject({ state: 'offline' })
    const second = await live({ hwid: phone.hwid })
    expect((await second.next('message')).seq).toBe(seq)
  })
})

describe('users', () => {
  test('R25: a socket of the former user never gets a frame for him again', async () => {
    const phone = await roost.phone('ios', { userId: name('anna') })
    const { userId: anna } = await roost.view(phone.hwid)
    const device = await live({ hwid: phone.hwid, userId: anna })
    // Hers is on its way when the device changes hands.
    const held = await roost.server.db.transaction(async tx => {
      await tx.query('select from device where hwid = $1 for update', [phone.hwid])
      const id = await roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
      await waits(id)
      await tx.query('update device set user_id = $2 where hwid = $1', [phone.hwid, 'bert'])
      return id
    })
    expect(await device.next('message').catch(String)).toContain('closed with 4003')
    const bert = await live({ hwid: phone.hwid, userId: 'bert' })
    expect(await messagesOf(bert, phone.hwid, 'bert')).toEqual([])
    expect(device.frames.filter(it => it.type === 'message')).toEqual([])
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(held)).counts).toMatchObject({ targeted: 1, accepted: 1 })
    // What is for her alone goes nowhere; what is for the new one comes to his socket.
    const hers = await roost.sendAndSettle({ to: { users: [anna as string] }, content, route: 'both' })
    expect(hers.counts).toMatchObject({ accepted: 0 })
    await roost.send({ to: { users: ['bert'] }, content: { title: 'For Bert' }, ...patient })
    expect(await bert.next('message')).toMatchObject({ userId: 'bert', notification: { title: 'For Bert' } })
  })

  test('R25: a device that has somebody else logged in than the server knows is not let in', async () => {
    const phone = await roost.phone('ios', { userId: name('anna') })
    const refused = await live({ hwid: phone.hwid, userId: 'bert' }).catch(String)
    expect(refused).toContain('closed with 4002')
    expect(refused).toContain('another user is logged in')
    expect((await presence(phone.hwid)).state).toBe('offline')
  })

  test('R25: an app that does not say who is logged in gets what is for whom the server knows', async () => {
    const userId = name('anna')
    const phone = await roost.phone('ios', { userId })
    const device = await live({ hwid: phone.hwid, userId: undefined })
    const id = await roost.send({
      to: { users: [userId] },
      content: { title: 'For Anna' },
      route: 'online-only',
    })
    expect(await device.next('message')).toMatchObject({ messageId: id, userId })
  })
})

describe('presence', () => {
  test('is online, in the background, offline, and logged out after seven days or by its own word', async () => {
    const phone = await roost.phone('ios', { userId: name('user') })
    const { hwid } = phone
    const { userId } = await roost.view(hwid)
    expect(await presence(hwid)).toEqual({ hwid, state: 'offline', since: null })
    const device = await live({ hwid, userId })
    expect((await presence(hwid)).state).toBe('online')
    device.say({ type: 'state', state: 'background' })
    await device.settled()
    await untilPresence(hwid, 'background')
    await device.drop()
    await untilPresence(hwid, 'offline')
    roost.clock.advance(7 * DAY_MS)
    expect((await presence(hwid)).state).toBe('logged_out')
    const again = await live({ hwid, userId })
    const path = `/v1/apps/${roost.app}/users/${encodeURIComponent(userId ?? '')}/presence`
    const ofUser = await roost.rest<UserPresence>('GET', path)
    expect(ofUser.body).toMatchObject({ userId, state: 'online', devices: [{ hwid, state: 'online' }] })
    again.say({ type: 'logout' })
    expect(await again.closed).toMatchObject({ code: 4006 })
    expect((await presence(hwid)).state).toBe('logged_out')
  })

  test('stays logged out when the logout has taken the user from the device, until somebody logs in there', async () => {
    const phone = await roost.phone('ios', { userId: name('user') })
    const { hwid } = phone
    const { userId } = await roost.view(hwid)
    const device = await live({ hwid, userId })
    device.say({ type: 'logout' })
    expect(await device.closed).toMatchObject({ code: 4006 })
    const isUser = (of: string | null) =>
      roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${hwid}`, { userId: of })
    await isUser(null)
    expect(await presence(hwid)).toMatchObject({ state: 'logged_out', since: expect.any(String) })
    await isUser(name('another'))
    expect(await presence(hwid)).toEqual({ hwid, state: 'offline', since: null })
  })

  test('is one over all servers: who sends finds the socket that another one holds', async () => {
    const phone = await roost.phone('ios')
    const other = await roost.another({ roles: ['api'] })
    const device = await live({ hwid: phone.hwid }, other.url)
    expect((await presence(phone.hwid)).state).toBe('online')
    const id = await roost.send({ to: { devices: [phone.hwid] }, content, ...patient })
    expect(await device.next('message')).toMatchObject({ messageId: id })
    const moved = await live({ hwid: phone.hwid })
    expect(await moved.next('message')).toMatchObject({ messageId: id })
    await device.drop()
    expect((await presence(phone.hwid)).state).toBe('online')
    await other.close()
  })

  test('of a process that was killed lasts until it has been silent for 15 s', async () => {
    const phone = await roost.phone('ios')
    const device = await live({ hwid: phone.hwid })
    const killed = randomUUID()
    await roost.server.db.query('update live_presence set server = $2 where hwid = $1', [phone.hwid, killed])
    const beatAgo = (seconds: number) =>
      roost.server.db.query(
        `insert into live_server values ($1, clock_timestamp() - $2 * interval '1 second')
         on conflict (id) do update set beat_at = excluded.beat_at`,
        [killed, seconds],
      )
    await beatAgo(5)
    expect((await presence(phone.hwid)).state).toBe('online')
    await beatAgo(16)
    expect((await presence(phone.hwid)).state).toBe('offline')
    const to = { devices: [phone.hwid] }
    expect((await roost.sendAndSettle({ to, content, ...patient })).counts.accepted).toBe(1)
    expect(phone.shown).toHaveLength(1)
    await device.drop()
  })
})

describe('who connects', () => {
  test('is refused with a wrong token, or as a device that has not registered; no token is logged', async () => {
    const phone = await roost.phone('ios')
    const deviceToken = `wrong-${randomUUID()}`
    expect(await live({ hwid: phone.hwid, deviceToken }).catch(String)).toContain('device_token_refused')
    expect(await live({ hwid: name('nobody') }).catch(String)).toContain('device_unknown')
    expect(roost.logged()).not.toContain(deviceToken)
    expect(roost.logged()).not.toContain(roost.deviceToken)
  })

  test('leaves the socket of the device alone until it is let in, and takes its place then', async () => {
    const phone = await roost.phone('ios')
    const first = await live({ hwid: phone.hwid })
    await live({ hwid: phone.hwid, userId: 'stranger' }).catch(String)
    await first.settled()
    const second = await live({ hwid: phone.hwid })
    expect(await first.closed).toMatchObject({ code: 4005 })
    await second.settled()
    expect((await presence(phone.hwid)).state).toBe('online')
  })

  test('is told by a code what was wrong with a frame; types that are not known are passed over', async () => {
    const phone = await roost.phone('ios')
    const codeOf = async (send: (device: LiveDevice) => void) => {
      const device = await live({ hwid: phone.hwid })
      send(device)
      return (await device.closed).code
    }
    expect(await codeOf(it => it.socket.send('no json'))).toBe(4001)
    expect(await codeOf(it => it.say({ type: 'ack', seqs: 'all' }))).toBe(4001)
    expect(await codeOf(it => it.socket.send(Buffer.from([1])))).toBe(1003)
    expect(await codeOf(it => it.say({ type: 'ping', padding: 'x'.repeat(17_000) }))).toBe(1009)
    const newer = await live({ hwid: phone.hwid })
    newer.say({ type: 'ring', call: 1 })
    await newer.settled()
    const early = openSocket(roost.url)
    await once(early.socket, 'open')
    early.say({ type: 'ping' })
    expect((await early.closed).code).toBe(4001)
  })

  test('without an upgrade is told that this is a WebSocket', async () => {
    const answer = await fetch(`${roost.url}/v1/live/channel`)
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'input_invalid'])
  })
})

test('a call that offers another protocol is served as if it did not, body and all', async () => {
  const body = JSON.stringify({ request: { application: roost.app, hwid: 'x', userId: 'x' } })
  const socket = connectTcp(Number(new URL(roost.url).port), '127.0.0.1')
  const head = [
    'POST /json/1.3/checkDevice HTTP/1.1',
    'Host: localhost',
    `Authorization: Token ${roost.deviceToken}`,
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
    `Content-Length: ${body.length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(body)
  const answered: Buffer[] = []
  for await (const bytes of socket) {
    answered.push(bytes as Buffer)
    if (Buffer.concat(answered).includes('"status_code"')) break
  }
  expect(Buffer.concat(answered).toString()).toMatch(/^HTTP\/1.1 200 OK[\s\S]*"status_code":200/)
})
