/**
 * Drills inside one process: a database that can't take what was sent, a commit whose answer is lost, clocks that jump. Who was
 * sent to is sent to once, and the message ends by itself.
 */
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { MessageView } from '@roost/protocol'
import { afterEach, describe, expect, test } from 'vitest'
import { addDevices } from '../../test/crowd.ts'
import { cloneDatabase } from '../../test/database.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { hashOf } from '../insight/receipts.ts'
import { FRESH_MS } from './sending.ts'

const HOUR_MS = 3_600_000
const PHONES = 700

const opened: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function open(environment: Record<string, string> = {}): Promise<TestRoost> {
  const roost = await startRoost({ environment })
  opened.push(() => roost.close())
  return roost
}

const TO_ALL = { to: { all: true }, content: { title: 'Hello' } } as const

function expectInvariant({ counts }: MessageView): void {
  const { targeted, accepted, dead, failed, skipped, uncertain, pending } = counts
  expect(targeted).toBe(accepted + dead + failed + skipped + uncertain + pending)
}

/** Everybody once, by Apple's own count. */
function expectOnce(roost: TestRoost, message: MessageView): void {
  expectInvariant(message)
  expect(message.counts).toMatchObject({ targeted: PHONES, accepted: PHONES, possibleDuplicates: 0 })
  expect(roost.simulator.acceptedFor(hashOf(message.id)).acceptances).toBe(PHONES)
}

interface Proxy {
  readonly url: string
  /** The connection is cut at the next commit of a booking: it does not reach PostgreSQL, or its answer reaches nobody. */
  loseNext(what: 'commit' | 'answer'): void
  lost(): number
}

/** Between the server and its PostgreSQL, as a network that fails. */
async function startProxy(): Promise<Proxy> {
  const database = await cloneDatabase()
  opened.push(() => database.drop())
  const url = new URL(database.url)
  const port = Number(url.port)
  let armed: 'commit' | 'answer' | undefined
  let lost = 0
  const sockets = new Set<{ destroy(): unknown }>()
  const proxy = createServer(client => {
    const server = connect(port, '127.0.0.1')
    let isBooking = false
    let isLosing = false
    const lose = () => {
      lost++
      client.destroy()
    }
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        client.destroy()
        server.destroy()
      })
    }
    client.on('data', (data: Buffer) => {
      if (data.includes('insert into acceptance')) isBooking = true
      if (armed !== undefined && isBooking && data.includes('commit\0')) {
        isLosing = armed === 'answer'
        armed = undefined
        if (!isLosing) return lose()
      }
      return server.write(data)
    })
    server.on('data', (data: Buffer) => {
      if (!isLosing) return client.write(data)
      return lose() // PostgreSQL has answered, so it has committed
    })
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  opened.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => proxy.close(resolve))
  })
  url.port = String((proxy.address() as AddressInfo).port)
  return {
    url: url.href,
    loseNext: what => {
      armed = what
    },
    lost: () => lost,
  }
}

/** Whoever commits a booking from now on is told this, until it is dropped. */
const refusing = (words: string, code: string) => `
  create function refuse() returns trigger language plpgsql as $$
  begin
    raise exception '${words}' using errcode = '${code}';
  end $$;
  create constraint trigger refusing after insert on acceptance
    deferrable initially deferred for each row execute function refuse()`
const DISK_FULL = refusing('could not extend file: No space left on device', '53100')
const DATA_FAULT = refusing('invalid byte sequence for encoding "UTF8"', '22021')

async function untilLogged(roost: TestRoost, what: RegExp): Promise<void> {
  for (const end = Date.now() + 45_000; Date.now() < end; await tick()) if (what.test(roost.logged())) return
  throw new Error(`nothing was logged that is ${what}`)
}

describe('a chunk that was sent and can not be booked', () => {
  test('is booked when the disk that was full at the commit has room again; nobody is asked a second time', async () => {
    const roost = await open()
    await addDevices(roost, PHONES)
    await roost.server.db.query(DISK_FULL)
    const id = await roost.send(TO_ALL)
    await untilLogged(roost, /can not serve/)
    const { body } = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)
    expectInvariant(body)
    expect(body.counts).toMatchObject({ accepted: 0 })
    expect(roost.simulator.acceptedFor(hashOf(id)).acceptances).toBe(500)
    await roost.server.db.query('drop trigger refusing on acceptance')
    expectOnce(roost, await roost.settle(id))
  })

  test('is not sent again where no repeat can help: it is held at once, and in the end it is uncertain', async () => {
    const roost = await open()
    await addDevices(roost, PHONES)
    await roost.server.db.query(DATA_FAULT)
    const id = await roost.send(TO_ALL)
    const held = await roost.until(id, it => it.held.length > 0)
    expect(held.held).toEqual([{ gateway: 'apns', reason: 'internal_error' }])
    roost.clock.advance(HOUR_MS)
    expect(roost.simulator.acceptedFor(hashOf(id)).acceptances).toBe(500)
    await roost.server.db.query('drop trigger refusing on acceptance')
    roost.clock.advance(40 * 24 * HOUR_MS)
    const done = await roost.settle(id)
    expectInvariant(done)
    expect(done.counts).toMatchObject({ targeted: PHONES, uncertain: 500, skipped: PHONES - 500 })
    expect(roost.simulator.acceptedFor(hashOf(id)).acceptances).toBe(500)
  })

  test.each(['answer', 'commit'] as const)(
    'is booked once when the connection is lost with the %s of its booking, whatever else has been committed since',
    async what => {
      const { url, loseNext, lost } = await startProxy()
      const roost = await open({ ROOST_DATABASE_URL: url })
      await addDevices(roost, PHONES)
      loseNext(what)
      expectOnce(roost, await roost.sendAndSettle(TO_ALL))
      expect(lost()).toBe(1)
    },
  )
})

describe('a clock that jumps in the middle of a campaign', () => {
  /** One chunk is on its way when it jumps. */
  async function jump(ms: number): Promise<{ readonly roost: TestRoost; readonly id: string }> {
    const roost = await open()
    await addDevices(roost, PHONES)
    roost.simulator.apns.faults.holdAnswers()
    const id = await roost.send({ ...TO_ALL, ttlSeconds: 86_400 })
    await roost.simulator.apns.faults.waitForHeld(500)
    roost.clock.advance(ms)
    roost.simulator.apns.faults.releaseAnswers()
    return { roost, id }
  }

  test('forward: everybody is sent to once', async () => {
    const { roost, id } = await jump(HOUR_MS)
    expectOnce(roost, await roost.settle(id))
  })

  test('backward: everybody is sent to once, and nothing waits for the hour to come again', async () => {
    const { roost, id } = await jump(-HOUR_MS)
    expectOnce(roost, await roost.settle(id))
  })

  test('backward, with deliveries that wait for another try: they wait until it comes there again, and go once', async () => {
    const roost = await open()
    await addDevices(roost, PHONES)
    roost.simulator.apns.faults.answerNext({ status: 429, reason: 'TooManyRequests' }, 100)
    const id = await roost.send({ ...TO_ALL, ttlSeconds: 86_400 })
    await roost.until(id, ({ counts }) => counts.accepted === PHONES - 100 && counts.pending === 100)
    roost.clock.advance(-HOUR_MS)
    // Others are not held up by it.
    const other = await roost.sendAndSettle(TO_ALL)
    expectOnce(roost, other)
    roost.clock.advance(HOUR_MS + 60_000)
    expectOnce(roost, await roost.settle(id))
  })
})

describe('R30: a push whose answer never came', () => {
  /** The connections of the first 500 pushes are cut, after Apple took them; it can't be reached from then on. */
  async function cut(
    devices: number,
    message: { readonly collapseKey?: string },
  ): Promise<TestRoost & { readonly id: string }> {
    const roost = await open()
    await addDevices(roost, devices)
    const { faults } = roost.simulator.apns
    faults.holdAnswers()
    const id = await roost.send({ ...TO_ALL, ...message })
    await faults.waitForHeld(500)
    await faults.refuseConnections()
    faults.releaseAnswers()
    return { ...roost, id }
  }

  /** As above, and it is back. */
  async function cutBriefly(message: { readonly collapseKey?: string }): ReturnType<typeof cut> {
    const roost = await cut(PHONES, message)
    await roost.simulator.apns.faults.acceptConnections()
    return roost
  }

  /** No repeat can come through before the test goes on, however slow it is. */
  async function cutUntilTheEnd(): ReturnType<typeof cut> {
    const roost = await cut(500, { collapseKey: 'news' })
    await roost.until(roost.id, ({ counts, retrying }) => counts.pending === 500 && retrying.length > 0)
    return roost
  }

  test('is uncertain, and not repeated: it might be seen twice', async () => {
    const roost = await cutBriefly({})
    const done = await roost.settle(roost.id)
    expectInvariant(done)
    expect(done.counts).toMatchObject({
      targeted: PHONES,
      accepted: PHONES - 500,
      uncertain: 500,
      possibleDuplicates: 0,
    })
    expect(roost.simulator.acceptedFor(hashOf(roost.id)).acceptances).toBe(PHONES)
  })

  test('is repeated with the same id where a collapse key lets it take the place of the first, and counted', async () => {
    const roost = await cutBriefly({ collapseKey: 'news' })
    await roost.until(roost.id, ({ counts }) => counts.pending === 500 && counts.accepted === PHONES - 500)
    roost.clock.advance(60_000)
    const done = await roost.settle(roost.id)
    expectInvariant(done)
    expect(done.counts).toMatchObject({ accepted: PHONES, uncertain: 0, possibleDuplicates: 500 })
    const { acceptances, tokens } = roost.simulator.acceptedFor(hashOf(roost.id))
    expect({ acceptances, tokens: tokens.size }).toEqual({ acceptances: PHONES + 500, tokens: PHONES })
    const ids = new Set(roost.simulator.pushes({ hash: hashOf(roost.id) }).map(it => it.messageId))
    expect(ids.size).toBe(PHONES)
  })

  test('ends as uncertain, never as failed or skipped, when it can not be repeated in time', async () => {
    const roost = await cutUntilTheEnd()
    roost.clock.advance(40 * 24 * HOUR_MS)
    const done = await roost.settle(roost.id)
    expect(done.counts).toMatchObject({ failed: 0, skipped: 0, uncertain: 500, pending: 0 })
  })

  test('ends as uncertain when its message is cancelled', async () => {
    const roost = await cutUntilTheEnd()
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${roost.id}/cancel`)
    const ended = await roost.until(roost.id, message => message.finishedAt !== null)
    expectInvariant(ended)
    expect(ended.counts).toMatchObject({ skipped: 0, uncertain: 500, pending: 0 })
  })
})

test('what a dead worker had in hand is uncertain when its message is cancelled, not skipped', async () => {
  const roost = await open()
  await addDevices(roost, PHONES)
  roost.simulator.apns.faults.holdAnswers()
  const id = await roost.send(TO_ALL)
  await roost.simulator.apns.faults.waitForHeld(500)
  // As it is when its worker has died: nobody renews the lease, and what it sends after that is not booked.
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  await roost.server.db.query(
    "update batch set lease_until = now() - interval '1 minute', leased_by = gen_random_uuid() where message_id = $1",
    [id],
  )
  const ended = await roost.until(id, message => message.finishedAt !== null)
  roost.simulator.apns.faults.releaseAnswers()
  expectInvariant(ended)
  expect(ended.counts).toMatchObject({ targeted: PHONES, uncertain: 500, skipped: PHONES - 500, pending: 0 })
  const { body } = await roost.rest<{ exceptions: object[] }>(
    'GET',
    `/v1/apps/${roost.app}/messages/${id}/exceptions`,
  )
  expect(body.exceptions).toEqual([
    { outcome: 'uncertain', reason: 'cancelled', gateway: 'apns', count: 500 },
    { outcome: 'skipped', reason: 'cancelled', gateway: 'apns', count: PHONES - 500 },
  ])
})

test('what a dead worker had in hand is uncertain when its message has expired meanwhile, not skipped', async () => {
  const roost = await open()
  await addDevices(roost, PHONES)
  roost.simulator.apns.faults.holdAnswers()
  const id = await roost.send(TO_ALL)
  await roost.simulator.apns.faults.waitForHeld(500)
  roost.clock.advance(40 * 24 * HOUR_MS)
  await roost.server.db.query(
    "update batch set lease_until = now() - interval '1 minute', leased_by = gen_random_uuid() where message_id = $1",
    [id],
  )
  const done = await roost.settle(id)
  roost.simulator.apns.faults.releaseAnswers()
  expectInvariant(done)
  expect(done.counts).toMatchObject({ targeted: PHONES, uncertain: 500, skipped: PHONES - 500 })
})

test('R25, R11: who waits for room at a slow gateway is read again before it is sent to', async () => {
  const roost = await open()
  const phones = await Promise.all(Array.from({ length: 20 }, () => roost.phone('ios', { userId: 'alice' })))
  const { apns } = roost.simulator
  apns.configure({ streams: 1 })
  apns.faults.holdAnswers()
  const before = roost.simulator.counts().apns.requests
  const id = await roost.send({ to: { users: ['alice'] }, content: { title: 'For Alice' } })
  await apns.faults.waitForHeld(1)
  // Their deliveries have been handed to the client, and all but those on a stream wait in it.
  await Promise.all(phones.map(phone => roost.device('registerUser', { hwid: phone.hwid, userId: 'bob' })))
  await delay(FRESH_MS + 500) // as slow as this
  const onStreams = roost.simulator.counts().apns.requests - before
  apns.faults.releaseAnswers()
  const done = await roost.settle(id)
  expectInvariant(done)
  expect(onStreams).toBeLessThan(phones.length)
  expect(roost.simulator.acceptedFor(hashOf(id)).acceptances).toBe(onStreams)
  expect(done.counts).toMatchObject({ accepted: onStreams, skipped: phones.length - onStreams })
}, 60_000)

test('a 429 for a Firebase project that one server was told of keeps all of them from asking', async () => {
  const roost = await open()
  const other = await roost.another({ roles: ['send'] })
  opened.push(() => other.close())
  const phones = await Promise.all(Array.from({ length: 20 }, () => roost.phone('android')))
  roost.simulator.fcm.faults.answerNext({ form: 'quota_exceeded', retryAfter: '30' })
  const to = (from: number) => ({
    to: { devices: [phones[from]?.hwid as string] },
    content: { title: 'Hello' },
  })
  const first = await roost.send(to(0))
  await roost.until(first, message => message.retrying.length > 0)
  await untilNobodySends(roost)
  await untilPaced(roost, first) // also what was refused waits for the quota, and not just for its next try
  const asked = roost.simulator.counts().fcm.requests
  // Either of the two may take each of these.
  const ids = await Promise.all(phones.slice(1).map((_, i) => roost.send(to(i + 1))))
  for (const id of ids) await untilPaced(roost, id)
  expect(roost.simulator.counts().fcm.requests).toBe(asked)
  roost.clock.advance(31_000)
  for (const id of [first, ...ids])
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
})

async function untilNobodySends(roost: TestRoost): Promise<void> {
  const { rows } = await roost.server.db.query("select from batch where state = 'sending'")
  if (rows.length === 0) return
  await tick()
  await untilNobodySends(roost)
}

/** It was claimed, refused by its pace, and given back. */
async function untilPaced(roost: TestRoost, id: string): Promise<void> {
  const { rows } = await roost.server.db.query(
    "select from batch where message_id = $1 and state = 'waiting' and paced_by is not null",
    [id],
  )
  if (rows.length > 0) return
  await tick()
  await untilPaced(roost, id)
}
