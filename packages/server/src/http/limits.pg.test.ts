/** Calls beyond a limit over HTTP, and whose word is taken for who a client is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'

let database: TestDatabase
let behindProxy: BareServer
let atTheDoor: BareServer
let app: Access
beforeAll(async () => {
  database = await cloneDatabase()
  const environment = { ROOST_CALLS_PER_CLIENT: '5', ROOST_CALLS_PER_APP: '8', ROOST_DEVICES_PER_CLIENT: '2' }
  behindProxy = await startBare({
    databaseUrl: database.url,
    environment: { ...environment, ROOST_TRUSTED_PROXIES: '127.0.0.0/8' },
  })
  atTheDoor = await startBare({ databaseUrl: database.url, environment })
  app = await behindProxy.createApp()
})
afterAll(async () => {
  await behindProxy.close()
  await atTheDoor.close()
  await database.drop()
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

test('calls that are refused for their token count too', async () => {
  const made = (n: number) => ({ ip: '198.51.100.3', deviceToken: `roost_device_made-up-${n}` })
  expect(await statusesOf(6, made)).toEqual([403, 403, 403, 403, 403, 429])
})

test('X-Forwarded-For of somebody who is no trusted proxy says nothing', async () => {
  const access = await atTheDoor.createApp()
  const statuses = await statusesOf(8, () => ({ server: atTheDoor, ip: '198.51.100.4', access }))
  expect(statuses).toEqual(Array.from({ length: 8 }, () => 200))
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
    expect(statuses.slice(0, 40)).toEqual(Array.from({ length: 40 }, () => 200))
    expect([200, 429]).toContain(statuses[40]) // real time gives a call back every 125 ms
    const more = await Promise.all(Array.from({ length: 40 }, () => call({ server: atTheDoor, ip, access })))
    expect(more.map(it => it.status)).toContain(429)
    expect((await call({ server: atTheDoor, ip, access: other })).status).toBe(200)
  })
})

test('guesses at a server token are limited in REST, and calls with a right one are not', async () => {
  const guess = (n: number) =>
    fetch(`${behindProxy.url}/v1/apps`, {
      headers: { authorization: `Bearer guess-${n}`, 'x-forwarded-for': '198.51.100.9' },
    })
  const answers = [0, 1, 2, 3, 4, 5].map(guess)
  const statuses = (await Promise.all(answers)).map(it => it.status)
  expect(statuses.toSorted()).toEqual([401, 401, 401, 401, 401, 429])
  const refused = await guess(6)
  expect(refused.headers.get('content-type')).toContain('application/problem+json')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await refused.json()).toMatchObject({ code: 'rate_limited', status: 429 })
  for (let n = 0; n < 10; n++) expect((await behindProxy.rest('GET', '/v1/apps')).status).toBe(200)
})

test('guesses at a server token in a body are limited as well', async () => {
  const days = { date_from: '2026-11-01', date_to: '2026-11-02' }
  const guess = (n: number) =>
    fetch(`${behindProxy.url}/json/1.3/getUnregisteredDevices`, {
      method: 'POST',
      headers: { 'x-forwarded-for': '198.51.100.10' },
      body: JSON.stringify({ request: { application: 'ABCDE-FGHJK', auth: `guess-${n}`, ...days } }),
    })
  const statuses = (await Promise.all([0, 1, 2, 3, 4, 5].map(guess))).map(it => it.status)
  expect(statuses.filter(it => it === 429)).toHaveLength(1)
  expect(Number((await guess(6)).headers.get('retry-after'))).toBeGreaterThan(0)
})
