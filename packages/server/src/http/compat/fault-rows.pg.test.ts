/**
 * What the server may not fail, row by row, as it was found out with a real web client, one fault at a time
 * ("What the server may not fail" of the compatible protocol): each row is played with a client that behaves so, on a road
 * that makes the fault. The base must be right while it lasts, and as if it had not been after the next visit. And the
 * server itself must never give such an answer, whatever it knows of the device.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { type Fault, startFaultyRoad, subscribe, WebVisitor } from '../../../test/web-visitor.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

async function addressesOf(hwid: string): Promise<string[]> {
  const { rows } = await server.db.query<{ address: string }>(
    "select address from address where hwid = $1 and state in ('active', 'suspect')",
    [hwid],
  )
  return rows.map(it => it.address)
}

async function expectSubscribed(visitor: WebVisitor): Promise<void> {
  expect(await server.view(app, visitor.hwid)).toMatchObject({
    platform: 'web',
    userId: visitor.userId,
    language: 'de',
    timezoneSeconds: 3600,
    deviceModel: 'Chrome 130',
    lastOpenAt: expect.any(String),
    record: { sdkVersion: '3.2.1' },
  })
  expect(await addressesOf(visitor.hwid)).toEqual([visitor.subscription.push_token])
}

/** Of the table: the fault, whether the client is ready, whether the device gets a token. */
type Row = readonly [method: string, answer: Fault['answer'], isReady: boolean, hasToken: boolean]
const ROWS: readonly Row[] = [
  ['postEvent', '210', true, true],
  ['getInboxMessages', '210', true, true],
  ['getInboxMessages', 'response null', true, true],
  ['applicationOpen', 'response null', true, true],
  ['postEvent', 'response null', true, true],
  ['getConfig', '210', false, false],
  ['applicationOpen', '210', false, false],
  ['registerUser', '210', false, false],
  ['unregisterDevice', '210', true, false],
  ['checkDevice', '210', true, false],
  ['checkDevice', 'response null', true, false],
  ['getConfig', 'response null', true, false],
  ['registerDevice', '210', true, false],
]

test('no fault: ready, and the device gets its token', async () => {
  const visitor = new WebVisitor(app)
  expect(await visitor.firstVisit(server.url)).toMatchObject({ isReady: true, hasToken: true })
  await expectSubscribed(visitor)
})

describe.each([
  ['and the call never came', false],
  ['though the call was done', true],
])('one fault at a time, %s', (_when, isHandled) => {
  test.each(ROWS)('%s %s: ready %s, token %s', async (method, answer, isReady, hasToken) => {
    const visitor = new WebVisitor(app)
    const road = await startFaultyRoad(server.url, { method, answer, isHandled })
    const visit = await visitor.firstVisit(road.url)
    await road.close()
    expect(visit).toMatchObject({ isReady, hasToken })
    // The base has an address where a registration arrived, and only there.
    const isStored = hasToken || (method === 'registerDevice' && isHandled)
    expect(await addressesOf(visitor.hwid)).toEqual(isStored ? [visitor.subscription.push_token] : [])

    expect(await visitor.firstVisit(server.url)).toMatchObject({ isReady: true, hasToken: true })
    await expectSubscribed(visitor)
    const { rows } = await server.db.query('select from address where hwid = $1', [visitor.hwid])
    expect(rows).toHaveLength(1)
  })
})

describe('none of these answers is ever the server’s', () => {
  const STATES: [string, (visitor: WebVisitor) => Promise<unknown>][] = [
    ['was never seen', async () => undefined],
    ['has its token', visitor => visitor.firstVisit(server.url)],
    [
      'has unsubscribed',
      async visitor => {
        await visitor.firstVisit(server.url)
        await visitor.call(server.url, 'unregisterDevice')
      },
    ],
    [
      'was erased',
      async visitor => {
        await visitor.firstVisit(server.url)
        await visitor.call(server.url, 'deleteDevice')
      },
    ],
    [
      'lost its token to another hwid',
      async visitor => {
        await visitor.firstVisit(server.url)
        const heir = new WebVisitor(app)
        heir.subscription = visitor.subscription
        await heir.firstVisit(server.url)
        visitor.subscription = subscribe()
      },
    ],
    [
      'has a dead address',
      async visitor => {
        await visitor.firstVisit(server.url)
        await server.db.query("update address set state = 'dead', reason = 'x' where hwid = $1", [
          visitor.hwid,
        ])
        visitor.subscription = subscribe()
      },
    ],
  ]

  test.each(STATES)('to a device that %s', async (_what, prepare) => {
    const visitor = new WebVisitor(app)
    await prepare(visitor)
    const calls: [string, Record<string, unknown>, unknown][] = [
      ['getConfig', {}, { features: { vapid_key: expect.stringMatching(/^[\w-]{87}$/) } }],
      // Also before anything else has made a device of it.
      ['unregisterDevice', {}, null],
      ['checkDevice', {}, { exist: expect.any(Boolean), push_token_exist: false }],
      ['postEvent', { event: 'PW_SiteOpened' }, expect.any(Object)],
      ['applicationOpen', {}, null],
      ['registerUser', { userId: `user-${randomUUID()}` }, null],
      ['unregisterDevice', {}, null],
      ['checkDevice', {}, { exist: true, push_token_exist: false }],
      ['registerDevice', { ...visitor.subscription }, null],
      ['checkDevice', {}, { exist: true, push_token_exist: true }],
      ['getInboxMessages', {}, { messages: [], next: '', deleted: [], new_inbox: 0 }],
    ]
    for (const [method, fields, response] of calls)
      expect(await visitor.call(server.url, method, fields), method).toEqual({ isDone: true, response })
    expect(await addressesOf(visitor.hwid)).toEqual([visitor.subscription.push_token])
  })

  test.each<[string, unknown]>([
    ['unregisterDevice', null],
    ['checkDevice', { exist: false, push_token_exist: false }],
    ['getConfig', { features: { vapid_key: expect.any(String) } }],
    ['getTags', { result: {} }],
    ['getInboxMessages', { messages: [], next: '', deleted: [], new_inbox: 0 }],
    ['inboxStatus', null],
    ['deleteDevice', null],
  ])('and %s succeeds for a device that was never seen without making one up', async (method, response) => {
    const visitor = new WebVisitor(app)
    expect(await visitor.call(server.url, method)).toEqual({ isDone: true, response })
    const { rows } = await server.db.query('select from device where hwid = $1', [visitor.hwid])
    expect(rows).toEqual([])
  })

  test.each<[string, Record<string, unknown>]>([
    ['applicationOpen', {}],
    ['registerUser', { userId: 'somebody' }],
    ['setTags', { tags: { a: 1 } }],
    ['postEvent', { event: 'PW_SiteOpened' }],
  ])('and %s makes a device of one that was never seen', async (method, fields) => {
    const visitor = new WebVisitor(app)
    expect(await visitor.call(server.url, method, fields)).toMatchObject({ isDone: true })
    expect(await server.view(app, visitor.hwid)).toMatchObject({
      hwid: visitor.hwid,
      platform: 'web',
      addresses: [],
    })
  })
})
