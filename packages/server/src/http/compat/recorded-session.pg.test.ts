/**
 * The sessions of a web client, call by call, as they were recorded ("A web client, call by call" of the compatible
 * protocol), and what the base must hold after each.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { keyIn, ORIGIN, subscribe, WebVisitor } from '../../../test/web-visitor.ts'

const HOUR_MS = 3_600_000

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const FIRST_VISIT = [
  'getConfig',
  'postEvent',
  'applicationOpen',
  'registerUser',
  'unregisterDevice',
  'checkDevice',
  'checkDevice',
  'registerDevice',
  'getInboxMessages',
]
const RETURN_VISIT = ['getConfig', 'postEvent', 'checkDevice', 'getInboxMessages']

const ledgerOf = async (visitor: WebVisitor) =>
  (await server.ledger(app, visitor.hwid)).map(it => [it.event, it.reason])

async function visited(): Promise<WebVisitor> {
  const visitor = new WebVisitor(app)
  expect(await visitor.firstVisit(server.url)).toEqual({ calls: FIRST_VISIT, isReady: true, hasToken: true })
  return visitor
}

async function expectSubscribed(visitor: WebVisitor): Promise<void> {
  const device = await server.view(app, visitor.hwid)
  expect(device).toMatchObject({ platform: 'web', userId: visitor.userId, language: 'de' })
  const active = device.addresses.filter(it => it.state === 'active')
  expect(active.map(it => [it.provider, it.kind, it.addressEnd])).toEqual([
    ['webpush', 'alert', visitor.subscription.push_token.slice(-8)],
  ])
}

test('a first visit ends with the device, its user and its address', async () => {
  const visitor = await visited()
  await expectSubscribed(visitor)
  const device = await server.view(app, visitor.hwid)
  expect(device).toMatchObject({
    lastOpenAt: expect.any(String),
    timezoneSeconds: 3600,
    deviceModel: 'Chrome 130',
  })
  // The unregistration that came first ended nothing.
  expect(await ledgerOf(visitor)).toEqual([['registered', null]])
  const { body } = await server.rest<{ events: unknown[] }>(
    'GET',
    `/v1/apps/${app.app}/devices/${visitor.hwid}/events`,
  )
  expect(body.events).toMatchObject([{ name: 'PW_SiteOpened', count: 1, attributes: { url: ORIGIN } }])
})

test('a return visit within the hour changes no address and is no opening', async () => {
  const visitor = await visited()
  const before = await server.view(app, visitor.hwid)
  server.clock.advance(HOUR_MS / 2)
  expect(await visitor.returnVisit(server.url)).toEqual({
    calls: RETURN_VISIT,
    isReady: true,
    hasToken: true,
  })
  const after = await server.view(app, visitor.hwid)
  expect(after.addresses).toEqual(before.addresses)
  expect(after.lastOpenAt).toBe(before.lastOpenAt)
  expect(after.lastSeenAt > before.lastSeenAt).toBe(true)
})

test('after the token was lost the same hwid has the new one, and the old one is over', async () => {
  const visitor = await visited()
  const old = visitor.subscription.push_token
  visitor.subscription = subscribe()
  expect(await visitor.register(server.url)).toBe(true)
  await expectSubscribed(visitor)
  const { rows } = await server.db.query('select state, reason from address where address = $1', [old])
  expect(rows).toEqual([{ state: 'dead', reason: 'unregistered' }])
})

test('a token that is lost without an unregistration is superseded by the new one (R2)', async () => {
  const visitor = await visited()
  const old = visitor.subscription.push_token
  visitor.subscription = subscribe()
  await visitor.call(server.url, 'registerDevice', { ...visitor.subscription })
  await expectSubscribed(visitor)
  const { rows } = await server.db.query('select state from address where address = $1', [old])
  expect(rows).toEqual([{ state: 'superseded' }])
})

test('a new user in a browser makes a new hwid for the same endpoint: it moves, and is counted once (R3)', async () => {
  const former = await visited()
  const next = new WebVisitor(app)
  next.subscription = former.subscription
  expect(await next.firstVisit(server.url)).toMatchObject({ isReady: true, hasToken: true })
  await expectSubscribed(next)
  expect(await former.call(server.url, 'checkDevice')).toMatchObject({
    response: { exist: true, push_token_exist: false },
  })
  expect((await server.view(app, former.hwid)).addresses).toMatchObject([{ state: 'moved' }])
})

test('pw.unsubscribe() ends the address, and a reload does not undo it', async () => {
  const visitor = await visited()
  await visitor.call(server.url, 'unregisterDevice')
  expect(await visitor.returnVisit(server.url)).toMatchObject({ isReady: true, hasToken: false })
  expect((await server.view(app, visitor.hwid)).addresses).toMatchObject([
    { state: 'dead', reason: 'unregistered' },
  ])
  // R6: until the person subscribes again, which gives the same endpoint when the browser kept it.
  expect(await visitor.register(server.url)).toBe(true)
  await expectSubscribed(visitor)
})

test('a person who logs out is nobody’s device, and its address stays', async () => {
  const visitor = await visited()
  await visitor.call(server.url, 'registerUser', { userId: visitor.hwid })
  expect(await server.view(app, visitor.hwid)).toMatchObject({
    userId: null,
    addresses: [{ state: 'active' }],
  })
})

test('a changed VAPID key is what getConfig gives, and who resubscribes goes with the new one (R28)', async () => {
  const shop = await server.createApp()
  const visitor = new WebVisitor(shop)
  await visitor.firstVisit(server.url)
  const before = keyIn(await visitor.call(server.url, 'getConfig'))
  const added = await server.rest<{ id: string; settings: { publicKey: string } }>(
    'POST',
    `/v1/apps/${shop.app}/credentials`,
    { gateway: 'webpush', kind: 'vapid' },
  )
  const after = keyIn(await visitor.call(server.url, 'getConfig'))
  expect(after).toBe(added.body.settings.publicKey)
  expect(after).not.toBe(before)
  visitor.subscription = subscribe()
  expect(await visitor.register(server.url)).toBe(true)
  const { rows } = await server.db.query<{ credentialId: string; state: string }>(
    'select credential_id as "credentialId", state from address where hwid = $1 order by first_registered_at, state desc',
    [visitor.hwid],
  )
  expect(rows.map(it => [it.state, it.credentialId === added.body.id])).toEqual([
    ['dead', false],
    ['active', true],
  ])
})

test('tags that the page asks for follow the user, and are there with the address', async () => {
  const visitor = await visited()
  const answer = await visitor.call(server.url, 'setTags', {
    tags: { plan: 'pro', visits: { operation: 'increment', value: 1 } },
  })
  expect(answer).toEqual({ isDone: true, response: { skipped: [] } })
  expect(await visitor.call(server.url, 'getTags')).toMatchObject({
    response: { result: { plan: 'pro', visits: 1, Language: 'de' } },
  })
  await expectSubscribed(visitor)
})

describe('receipts of a page', () => {
  test.each(['messageDeliveryEvent', 'pushStat'])('%s of a push of an hour ago is done', async method => {
    const visitor = await visited()
    for (const hash of ['0'.repeat(32), 'a_b-c', 'opaque'])
      expect(await visitor.call(server.url, method, { hash, metaData: { a: 1 } })).toMatchObject({
        isDone: true,
      })
  })
})

test('each method that a browser calls with a token is granted its preflight, once for a day', async () => {
  for (const method of new Set([...FIRST_VISIT, 'setTags', 'getTags', 'pushStat', 'messageDeliveryEvent'])) {
    const { status, headers } = await fetch(`${server.url}/json/1.3/${method}`, {
      method: 'OPTIONS',
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    expect(status, method).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN)
    expect(headers.get('access-control-allow-credentials')).toBe('true')
    expect(headers.get('access-control-allow-headers')).toMatch(/authorization/i)
    expect(headers.get('access-control-allow-headers')).toMatch(/content-type/i)
    expect(Number(headers.get('access-control-max-age'))).toBe(86_400)
  }
})
