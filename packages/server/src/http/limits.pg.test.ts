/** Calls beyond a limit over HTTP, and whose word is taken for who a client is. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../test/bare.ts'
import { TestClock, tick } from '../../test/roost.ts'

/** So that no limit recovers while a test is at it. */
class StandingClock extends TestClock {
  readonly #startedAt = Date.now()
  #movedMs = 0

  override now(): number {
    return this.#startedAt + this.#movedMs
  }

  override advance(ms: number): void {
    this.#movedMs += ms
  }
}

let behindProxy: BareServer
let atTheDoor: BareServer
let app: Access
beforeAll(async () => {
  const environment = { ROOST_CALLS_PER_CLIENT: '5', ROOST_CALLS_PER_APP: '8', ROOST_DEVICES_PER_CLIENT: '2' }
  behindProxy = await startBare({
    clock: new StandingClock(),
    environment: { ...environment, ROOST_TRUSTED_PROXIES: '127.0.0.0/8' },
  })
  atTheDoor = await behindProxy.another({ environment, clock: new StandingClock() })
  app = await behindProxy.createApp()
})
afterAll(async () => {
  await atTheDoor.close()
  await behindProxy.close()
})

interface From {
  readonly server?: BareServer
  readonly ip: string
  readonly hwid?: string
  readonly access?: Access
  readonly deviceToken?: string
}

async function call({ server = behindProxy, ip, hwid = 'limited', access = app, deviceToken }: From) {
  const response = await fetch(`${server.url}/json/1.3/applicationOpen`, {
    method: 'POST',
    headers: {
      authorization: `Token ${deviceToken ?? access.deviceToken}`,
      'x-forwarded-for': ip,
      origin: 'https://shop.example.com',
    },
    body: JSON.stringify({ request: { application: access.app, hwid } }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

async function statusesOf(count: number, from: (n: number) => From): Promise<number[]> {
  const statuses: number[] = []
  for (let n = 0; n < count; n++) statuses.push((await call(from(n))).status)
  return statuses
}

test('a client that calls too often is answered 429 in an envelope, with Retry-After and for browsers to read', async () => {
  expect(await statusesOf(5, () => ({ ip: '198.51.100.1' }))).toEqual([200, 200, 200, 200, 200])
  const refused = await call({ ip: '198.51.100.1' })
  expect(refused.status).toBe(429)
  expect(refused.body).toMatchObject({ status_code: 429, response: null })
  expect(refused.body.status_message).toContain('198.51.100.1')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(refused.headers.get('access-control-allow-origin')).toBe('https://shop.example.com')
  expect((await call({ ip: '198.51.100.2' })).status).toBe(200)
  behindProxy.clock.advance(60_000)
  expect((await call({ ip: '198.51.100.1' })).status).toBe(200)
})

test('refused calls are told in the log, without whose they are, and counted for Prometheus', async () => {
  await statusesOf(6, () => ({ ip: '198.51.100.12' }))
  expect(behindProxy.logged()).toContain('calls are refused')
  expect(behindProxy.logged()).not.toContain('198.51.100')
  const metrics = await (await fetch(`${behindProxy.url}/metrics`)).text()
  expect(metrics).toMatch(/roost_calls_refused_total\{limit="client"\} [1-9]/)
})

test('calls that are refused for their token count too', async () => {
  const made = (n: number) => ({ ip: '198.51.100.3', deviceToken: `roost_device_made-up-${n}` })
  expect(await statusesOf(6, made)).toEqual([403, 403, 403, 403, 403, 429])
})

test('X-Forwarded-For of somebody who is no trusted proxy says nothing', async () => {
  const access = await atTheDoor.createApp()
  const statuses = await statusesOf(8, () => ({ server: atTheDoor, ip: '198.51.100.4', access }))
  expect(statuses).toEqual(Array.from({ length: 8 }, () => 200))
  expect(atTheDoor.logged().match(/ROOST_TRUSTED_PROXIES does not name/g)).toHaveLength(1)
  expect(behindProxy.logged()).not.toContain('ROOST_TRUSTED_PROXIES')
})

test('a client can not hide behind addresses that it writes into X-Forwarded-For itself', async () => {
  const statuses = await statusesOf(6, n => ({ ip: `203.0.113.${n}, 198.51.100.5` }))
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
})

test('a client that names ever new devices fills no base', async () => {
  const access = await behindProxy.createApp()
  const clients = ['198.51.100.6', '198.51.100.7', '198.51.100.8']
  for (const ip of clients) await statusesOf(5, n => ({ ip, hwid: `filling-${ip}-${n}`, access }))
  const { rows } = await behindProxy.db.query<{ count: number }>(
    "select count(*) as count from device where hwid like 'filling-%'",
  )
  expect(rows[0]?.count).toBeLessThan(15)
  expect(rows[0]?.count).toBeGreaterThanOrEqual(2)
})

describe('an app whose devices call too often', () => {
  test('is answered 429, and other apps go on', async () => {
    const access = await atTheDoor.createApp()
    const other = await atTheDoor.createApp()
    const ip = '127.0.0.1'
    const statuses = await statusesOf(41, () => ({ server: atTheDoor, ip, access }))
    expect(statuses).toEqual([...Array.from({ length: 40 }, () => 200), 429])
    expect((await call({ server: atTheDoor, ip, access: other })).status).toBe(200)
  })
})

test('devices that the base has are served at an address that may add no more', async () => {
  const access = await behindProxy.createApp()
  const crowd = Array.from({ length: 20 }, (_, n) => `crowd-${n}`)
  for (const [n, hwid] of crowd.entries())
    expect((await call({ ip: `192.0.2.${n + 1}`, hwid, access })).status).toBe(200)
  const ip = '198.51.100.20'
  expect(await statusesOf(3, n => ({ ip, hwid: `new-${n}`, access }))).toEqual([200, 200, 429])
  for (const hwid of crowd) {
    behindProxy.clock.advance(12_000) // calls are limited as well
    expect((await call({ ip, hwid, access })).status).toBe(200)
  }
  expect((await call({ ip, hwid: 'new-3', access })).status).toBe(429)
})

describe('guesses at a server token', () => {
  const RIGHT = SERVER_TOKEN
  const rest = (ip: string, token: string) =>
    fetch(`${behindProxy.url}/v1/apps`, {
      headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': ip },
    })
  const inBody = (ip: string, auth: string) =>
    fetch(`${behindProxy.url}/json/1.3/getUnregisteredDevices`, {
      method: 'POST',
      headers: { 'x-forwarded-for': ip },
      body: JSON.stringify({
        request: { application: app.app, auth, date_from: '2026-11-01', date_to: '2026-11-02' },
      }),
    })

  test.each([
    ['in REST', '198.51.100.9', rest],
    ['in a body', '198.51.100.10', inBody],
  ])(
    '%s end after two hundred, and then a right one is not looked at either, for a while',
    async (_, ip, call) => {
      const guesses = Array.from({ length: 250 }, (_, n) => call(ip, `guess-${n}`))
      const statuses = (await Promise.all(guesses)).map(it => it.status)
      expect(statuses.filter(it => it === 401)).toHaveLength(200)
      expect(statuses.filter(it => it === 429)).toHaveLength(50)
      const refused = await call(ip, RIGHT)
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      behindProxy.clock.advance(60_000)
      expect((await call(ip, RIGHT)).status).toBe(200)
    },
  )

  test('do not lock out who has shown a right one before', async () => {
    const ip = '198.51.100.11'
    expect((await rest(ip, RIGHT)).status).toBe(200)
    await Promise.all(Array.from({ length: 250 }, (_, n) => rest(ip, `old-${n % 2}`)))
    expect((await rest(ip, RIGHT)).status).toBe(200)
  })
})

describe('large calls, whose token is in the body,', () => {
  const LARGE = 'x'.repeat(200_000)
  const bulk = (ip: string, auth: string) =>
    fetch(`${behindProxy.url}/api/v2/audience/bulkUnregisterDevice`, {
      method: 'POST',
      headers: { 'x-forwarded-for': ip },
      body: JSON.stringify({ application: app.app, auth, padding: LARGE, devices: [{ hwid: 'nobody' }] }),
    }).then(it => it.status)

  /** Begins a large call and leaves it there. */
  async function begun(ip: string): Promise<Socket> {
    const socket = connect(Number(new URL(behindProxy.url).port), '127.0.0.1')
    const head = [
      'POST /api/v2/audience/bulkUnregisterDevice HTTP/1.1',
      'host: roost',
      `x-forwarded-for: ${ip}`,
      'content-length: 200000',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n{`)
    await once(socket, 'connect')
    return socket
  }

  test('are two at once for a stranger, and as many as they like for others and who is no stranger', async () => {
    const ip = '198.51.100.30'
    const sockets = [await begun(ip), await begun(ip)]
    while ((await bulk(ip, 'guess')) !== 429) await tick()
    expect(await bulk('198.51.100.31', 'guess')).toBe(401)
    for (const socket of sockets) socket.destroy()
    while ((await bulk(ip, SERVER_TOKEN)) !== 200) behindProxy.clock.advance(1000)
    const many = await Promise.all(Array.from({ length: 20 }, () => bulk(ip, SERVER_TOKEN)))
    expect(new Set(many)).toEqual(new Set([200]))
  })
})

/** Of all who use the database; PostgreSQL tells it with a second's delay at most. */
async function transactionsOf({ db }: BareServer): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    'select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()',
  )
  return rows[0]?.count ?? 0
}

test('thousands of made-up apps and wrong tokens cost the database next to nothing', async () => {
  const before = await transactionsOf(atTheDoor)
  const startedAt = Date.now()
  const call = (application: string, token: string) =>
    fetch(`${atTheDoor.url}/json/1.3/applicationOpen`, {
      method: 'POST',
      headers: { authorization: `Token ${token}` },
      body: JSON.stringify({ request: { application, hwid: 'stranger' } }),
    }).then(it => it.status)
  const queue = Array.from({ length: 4000 }, (_, n) =>
    n % 2 === 0 ? [`AAAAA-${String(n).padStart(5, '0')}`, 'x'] : [app.app, `roost_device_${n}`],
  )
  const statuses = new Set<number>()
  const askNext = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop())
      statuses.add(await call(next[0] as string, next[1] as string))
  }
  await Promise.all(Array.from({ length: 20 }, askNext))
  const cost = (await transactionsOf(atTheDoor)) - before
  const seconds = (Date.now() - startedAt) / 1000
  expect([...statuses].toSorted()).toEqual([200, 403]) // 200 with status_code 210
  // Twenty readings for each directory and second, and what the servers do every second without anybody calling. PostgreSQL
  // counts a second late, so what came just before may be among them. 4000 calls would be 4000.
  expect(cost).toBeLessThan(1000 + seconds * 150)
})
