/**
 * A whole session of a web client, call by call, as it is recorded: what it asks, in which order, and what it makes of
 * the answers. Such a client gives up registering when one of its calls is answered with an error, and comes back at the
 * next visit; so every fault is played once, and afterwards the base must be as if it had not been.
 */
import { createECDH, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../../../test/database.ts'
import type { CompatBody } from '../../../test/roost.ts'

let database: TestDatabase
let server: BareServer
let app: Access
beforeAll(async () => {
  database = await cloneDatabase()
  server = await startBare({ databaseUrl: database.url })
  app = await server.createApp()
})
afterAll(async () => {
  await server.close()
  await database.drop()
})

const ORIGIN = 'https://shop.example.com'

interface Browser {
  readonly hwid: string
  readonly userId: string
  subscription: { readonly push_token: string; readonly public_key: string; readonly auth_token: string }
}

function subscribe(): Browser['subscription'] {
  return {
    push_token: `https://push.example.com/wpush/v2/${randomUUID()}`,
    public_key: createECDH('prime256v1').generateKeys().toString('base64'),
    auth_token: randomBytes(16).toString('base64'),
  }
}

function newBrowser(): Browser {
  return { hwid: `${app.app}_${randomUUID()}`, userId: `user-${randomUUID()}`, subscription: subscribe() }
}

/** The method that gets lost on its way, or whose answer does. */
interface Fault {
  readonly method: string
  readonly isAnswerLost: boolean
}

/** As a browser sends it: text/plain, from its site's origin. Throws what the client takes for an error. */
async function call(
  browser: Browser,
  method: string,
  fields: Record<string, unknown> = {},
): Promise<unknown> {
  const response = await fetch(`${server.url}/json/1.3/${method}`, {
    method: 'POST',
    headers: {
      origin: ORIGIN,
      'content-type': 'text/plain;charset=UTF-8',
      authorization: `Token ${app.deviceToken}`,
    },
    body: JSON.stringify({
      request: {
        application: app.app,
        hwid: browser.hwid,
        userId: browser.hwid,
        device_type: 11,
        v: '3.2.1',
        device_model: 'Chrome 130',
        timezone: 3600,
        language: 'de',
        ...fields,
      },
    }),
  })
  expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN)
  expect(response.headers.get('access-control-allow-credentials')).toBe('true')
  const body = (await response.json()) as CompatBody
  if (response.status !== 200 || body.status_code !== 200)
    throw new Error(`${method}: ${body.status_message}`)
  return body.response
}

/** One visit. Returns the calls that were made; a fault ends it where it ends that client. */
async function visit(browser: Browser, fault?: Fault): Promise<string[]> {
  const made: string[] = []
  const ask = async <T>(method: string, fields?: Record<string, unknown>): Promise<T> => {
    made.push(method)
    const isFaulty = fault?.method === method
    if (isFaulty && !fault.isAnswerLost) throw new Error('lost')
    const answer = await call(browser, method, fields)
    if (isFaulty) throw new Error('lost')
    return answer as T
  }
  try {
    const { features } = await ask<{ features: { vapid_key?: string } }>('getConfig', {
      features: ['page_visit', 'vapid_key', 'web_in_apps', 'events', 'subscription_prompt'],
    })
    expect(features.vapid_key).toMatch(/^[\w-]{87}$/)
    await ask('postEvent', {
      event: 'PW_SiteOpened',
      attributes: { url: ORIGIN },
      timestampUTC: 1_790_000_000,
    })
    await ask('applicationOpen')
    await ask('registerUser', { userId: browser.userId, ts_offset: 3600 })
    await ask('unregisterDevice')
    for (let i = 0; i < 2; i++) {
      const check = await ask<{ exist: boolean; push_token_exist: boolean } | null>('checkDevice')
      expect(check).toMatchObject({ push_token_exist: false })
    }
    await ask('registerDevice', { ...browser.subscription, app_version: '1', os_version: '10.0' })
    const inbox = await ask<{ messages: unknown[] }>('getInboxMessages', {
      count: 0,
      last_code: '',
      last_request_time: 0,
    })
    expect(inbox).toEqual({ messages: [], next: '', deleted: [], new_inbox: 0 })
  } catch (error) {
    if (!(error instanceof Error && error.message === 'lost')) throw error
  }
  return made
}

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

async function expectSubscribed(browser: Browser): Promise<void> {
  expect(await server.view(app, browser.hwid)).toMatchObject({
    hwid: browser.hwid,
    platform: 'web',
    userId: browser.userId,
    language: 'de',
    deviceModel: 'Chrome 130',
    lastOpenAt: expect.any(String),
    record: { sdkVersion: '3.2.1' },
  })
  const { rows } = await server.db.query<{ address: string }>(
    "select address from address where hwid = $1 and state = 'active'",
    [browser.hwid],
  )
  expect(rows).toEqual([{ address: browser.subscription.push_token }])
}

test('the first visit of a browser that was never seen ends with its address', async () => {
  const browser = newBrowser()
  expect(await visit(browser)).toEqual(FIRST_VISIT)
  await expectSubscribed(browser)
  expect(await call(browser, 'checkDevice')).toEqual({ exist: true, push_token_exist: true })
})

test('a return visit changes nothing, and the address stays', async () => {
  const browser = newBrowser()
  await visit(browser)
  const before = await server.ledger(app, browser.hwid)
  for (const method of ['getConfig', 'checkDevice', 'getInboxMessages']) await call(browser, method)
  await call(browser, 'postEvent', { event: 'PW_SiteOpened', attributes: {} })
  await expectSubscribed(browser)
  expect(await server.ledger(app, browser.hwid)).toEqual(before)
})

test('after the token was lost the same device has the new one', async () => {
  const browser = newBrowser()
  await visit(browser)
  browser.subscription = subscribe()
  await visit(browser)
  await expectSubscribed(browser)
  expect((await server.view(app, browser.hwid)).addresses.map(it => it.state).sort()).toEqual([
    'active',
    'dead',
  ])
})

test('a new user in a browser makes a new hwid for the same endpoint, and only that one has it', async () => {
  const former = newBrowser()
  await visit(former)
  const next = { ...newBrowser(), subscription: former.subscription }
  await visit(next)
  await expectSubscribed(next)
  expect(await call(former, 'checkDevice')).toEqual({ exist: true, push_token_exist: false })
})

test('a person who unsubscribes is not sent to, and stays so on a return visit', async () => {
  const browser = newBrowser()
  await visit(browser)
  await call(browser, 'unregisterDevice')
  for (const method of ['getConfig', 'checkDevice', 'getInboxMessages']) await call(browser, method)
  expect(await call(browser, 'checkDevice')).toEqual({ exist: true, push_token_exist: false })
  expect((await server.view(app, browser.hwid)).addresses).toMatchObject([
    { state: 'dead', reason: 'unregistered' },
  ])
})

describe('one fault at a time: the next visit ends as if it had not been', () => {
  const faults = [...new Set(FIRST_VISIT)].flatMap(method => [
    { method, isAnswerLost: false },
    { method, isAnswerLost: true },
  ])
  test.each(faults)('$method is lost (isAnswerLost: $isAnswerLost)', async fault => {
    const browser = newBrowser()
    await visit(browser, fault)
    const isThere = (await server.rest('GET', `/v1/apps/${app.app}/devices/${browser.hwid}`)).status === 200
    // With getConfig alone lost nothing was stored; whatever came through before the fault counts.
    expect(isThere).toBe(
      fault.method !== 'getConfig' && !(fault.method === 'postEvent' && !fault.isAnswerLost),
    )
    // A second visit comes from a client that may have its token stored already and then asks first.
    if (fault.isAnswerLost || fault.method === 'getInboxMessages') await call(browser, 'unregisterDevice')
    expect(await visit(browser)).toEqual(FIRST_VISIT)
    await expectSubscribed(browser)
  })
})

describe('what that client can not do without, also for a device that was never seen', () => {
  test.each<[string, Record<string, unknown>]>([
    ['getConfig', {}],
    ['applicationOpen', {}],
    ['registerUser', { userId: 'somebody' }],
    ['unregisterDevice', {}],
    ['checkDevice', {}],
    ['postEvent', { event: 'PW_SiteOpened' }],
    ['getInboxMessages', {}],
    ['inboxStatus', { inbox_code: '1', status: 2, time: 1 }],
    ['getTags', {}],
    ['setTags', { tags: { a: 1 } }],
    ['setBadge', { badge: 3 }],
    ['mergeUser', { oldUserId: 'a', newUserId: 'b', merge: true }],
    ['messageDeliveryEvent', { hash: 'unknown', metaData: {} }],
    ['pushStat', { hash: 'unknown', metaData: '{}' }],
  ])('%s is done', async (method, fields) => {
    await expect(call(newBrowser(), method, fields)).resolves.toBeDefined()
  })

  test.each(['getConfig', 'checkDevice', 'getInboxMessages', 'getTags'])(
    '%s is answered with an object',
    async method => {
      expect(await call(newBrowser(), method)).toEqual(expect.objectContaining({}))
    },
  )
})
