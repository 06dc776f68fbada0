/**
 * The web SDK in a real Firefox against a push service and a device API whose faults the test chooses.
 */

import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { Finding, RoostOptions, RoostStatus, SelfCheck } from '@roost/sdk/web'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { encryptPush } from './support/encrypt.ts'
import { eventually } from './support/eventually.ts'
import { launchFirefox } from './support/firefox.ts'
import { type DeviceCall, type JsonApi, startJsonApi } from './support/json-api.ts'
import { newPage } from './support/patience.ts'
import { type PushService, startPushService } from './support/push-service.ts'
import { type Site, startSite } from './support/site.ts'

/** Long beside what it takes, however busy the machine is: it bounds what would hang. */
const WITHIN_MS = 60_000

interface Shown {
  readonly title: string
  readonly body: string
  readonly tag: string
}

let pushService: PushService
let browser: Browser
let api: JsonApi
/** A new origin for each test: nothing is shared in the browser's storage. */
let site: Site
let page: Page

beforeAll(async () => {
  pushService = await startPushService()
  browser = await launchFirefox({ pushServiceUrl: pushService.url })
})

afterAll(async () => {
  await browser?.close()
  await pushService?.close()
})

beforeEach(async () => {
  api = await startJsonApi()
  site = await startSite()
  page = await newPage(browser)
  await visit()
})

afterEach(async () => {
  await page.close()
  await site.close()
  await api.close()
})

test('a subscriber is registered with an endpoint and keys that a push reaches', async () => {
  const status = await ask('subscribe')
  expect(status).toMatchObject({ permission: 'granted', isSubscribed: true, isOptedOut: false })
  const registered = onlyCall('registerDevice')
  expect(registered.authorization).toBe('Token device-token')
  expect(registered.request).toMatchObject({
    application: 'AAAAA-BBBBB',
    hwid: expect.stringMatching(/^AAAAA-BBBBB_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    device_type: 12,
    client_seq: 1,
  })
  await pushTo(registered, { header: 'Hello', body: 'World', p: 'hash1' })
  expect(await receipts('delivered', 1)).toMatchObject([{ hash: 'hash1' }])
  expect(await shownWith('Hello')).toEqual([{ title: 'Hello', body: 'World', tag: 'hash1' }])
})

test('a message that comes twice is shown once', async () => {
  await ask('subscribe')
  const registered = onlyCall('registerDevice')
  await pushTo(registered, { header: 'First', p: 'twice' })
  await shownWith('First')
  await pushTo(registered, { header: 'Second', p: 'twice' })
  await pushTo(registered, { header: 'Third', p: 'once' })
  expect((await shownWith('Third')).map(it => it.title).sort()).toEqual(['First', 'Third'])
})

test('a message that is not JSON still shows something', async () => {
  await ask('subscribe')
  pushRaw(onlyCall('registerDevice'), 'Sale today!')
  expect(await shownWith('127.0.0.1')).toEqual([{ title: '127.0.0.1', body: '', tag: '' }])
})

test('a receipt that found the server away goes out at the next start', async () => {
  await ask('subscribe')
  api.failing.add('messageDeliveryEvent')
  await pushTo(onlyCall('registerDevice'), { header: 'Hello', p: 'late' })
  await eventually({
    what: 'first try of the receipt',
    read: () => api.failed.length,
    until: count => count > 0,
    withinMs: WITHIN_MS,
  })
  api.failing.clear()
  await visit()
  await ask('start')
  expect(await receipts('delivered', 1)).toMatchObject([{ hash: 'late' }])
})

test('a click is counted as opened', async () => {
  await ask('subscribe', '/worker-with-click.js')
  await pushTo(onlyCall('registerDevice'), { header: 'Hello', p: 'clicked', rk: 'key', l: site.url })
  await shownWith('Hello')
  await page.evaluate(async () => (await navigator.serviceWorker.ready).active?.postMessage('click'))
  // The key of the push goes along, also from the notification that was shown.
  const told = { hash: 'clicked', receipt_key: 'key', age: expect.any(Number) }
  expect(await receipts('opened', 1)).toMatchObject([told])
  expect(await receipts('delivered', 1)).toMatchObject([told])
})

test('a reload within the hour registers nothing anew', async () => {
  const before = await ask('subscribe')
  await ask('start')
  await visit()
  expect(await ask('start')).toEqual(before)
  expect(api.callsOf('registerDevice')).toHaveLength(1)
  expect(api.callsOf('applicationOpen')).toHaveLength(1)
})

test('a purposeful unsubscribe stays over a reload, until subscribe is asked for', async () => {
  await ask('subscribe')
  const endpoint = onlyCall('registerDevice').request.push_token
  expect(await ask('unsubscribe')).toMatchObject({ isSubscribed: false, isOptedOut: true })
  expect(api.callsOf('unregisterDevice')).toHaveLength(1)
  await eventually({
    what: 'endpoint given back',
    read: () => pushService.endpoints(),
    until: all => !all.includes(String(endpoint)),
    withinMs: WITHIN_MS,
  })
  await visit()
  expect(await ask('start')).toMatchObject({ isSubscribed: false, isOptedOut: true })
  expect(api.callsOf('registerDevice')).toHaveLength(1)
  expect(await ask('subscribe')).toMatchObject({ isSubscribed: true, isOptedOut: false })
  expect(api.callsOf('registerDevice')).toHaveLength(2)
})

test('an unsubscribe while the server is away is told at the next start', async () => {
  await ask('subscribe')
  api.failing.add('unregisterDevice')
  await expect(ask('unsubscribe')).rejects.toThrow('unregisterDevice was answered with 500')
  api.failing.clear()
  await visit()
  expect(await ask('start')).toMatchObject({ isSubscribed: false, isOptedOut: true })
  expect(api.callsOf('unregisterDevice')).toHaveLength(1)
})

test('a permission withdrawn in the browser is told at the next start', async () => {
  await ask('subscribe')
  await permit('denied')
  await visit()
  expect(await ask('start')).toMatchObject({ permission: 'denied', isSubscribed: false, isOptedOut: false })
  expect(api.callsOf('unregisterDevice')).toHaveLength(1)
})

test('another VAPID key on the server makes another subscription', async () => {
  await ask('subscribe')
  api.rotateVapidKey()
  await visit()
  await ask('start')
  const [first, second] = api.callsOf('registerDevice')
  expect(second?.request.push_token).not.toBe(first?.request.push_token)
  expect(second?.request.application_server_key).not.toBe(first?.request.application_server_key)
  expect(second?.request.hwid).toBe(first?.request.hwid)
  expect(pushService.endpoints()).toContain(second?.request.push_token)
})

test('a subscription that the push service dropped in silence is replaced once the server knows', async () => {
  await ask('subscribe')
  const endpoint = String(onlyCall('registerDevice').request.push_token)
  pushService.drop(endpoint)
  expect(pushRaw(onlyCall('registerDevice'), '{}')).toBe(410)
  api.knowsDevice = false // what the server makes of that 410
  await visit()
  await ask('start')
  const second = api.callsOf('registerDevice')[1]
  expect(second?.request.push_token).not.toBe(endpoint)
  expect(pushService.endpoints()).toContain(second?.request.push_token)
})

test('a browser that the push service forgot is registered again without a page view', async () => {
  await ask('subscribe')
  pushService.forgetBrowser()
  await eventually({
    what: 'second registration',
    read: () => api.callsOf('registerDevice').length,
    until: count => count === 2,
    withinMs: WITHIN_MS,
  })
  const [first, second] = api.callsOf('registerDevice')
  expect(second?.request.push_token).not.toBe(first?.request.push_token)
  await pushTo(second, { header: 'Back', p: 'back' })
  expect(await receipts('delivered', 1)).toMatchObject([{ hash: 'back' }])
})

test('tags and the user reach the server, also those set while it was away', async () => {
  api.failing.add('setTags')
  expect(await askWith('setTags', { city: 'Bern' })).toBe('kept')
  expect(await askWith('setUser', 'ann')).toBe('sent')
  api.failing.clear()
  await ask('start')
  expect(onlyCall('setTags').request).toMatchObject({ tags: { city: 'Bern' } })
  expect(onlyCall('registerUser').request).toMatchObject({ userId: 'ann' })
})

test('a browser that was closed for a year comes back clean', async () => {
  await ask('subscribe')
  const before = onlyCall('registerDevice').request
  api.failing.add('messageDeliveryEvent')
  api.failing.add('registerUser')
  await pushTo(onlyCall('registerDevice'), { header: 'Old', p: 'old' })
  await eventually({
    what: 'first try of the receipt',
    read: () => api.failed.length,
    until: count => count > 0,
    withinMs: WITHIN_MS,
  })
  expect(await askWith('setUser', 'ann')).toBe('kept')
  pushService.drop(String(before.push_token))
  // a year later: the server has given the device up and has another key
  api.failing.clear()
  api.knowsDevice = false
  api.rotateVapidKey()
  await visit()
  await page.evaluate(() => {
    const now = Date.now.bind(Date)
    Date.now = () => now() + 365 * 24 * 3_600_000
  })
  expect(await ask('start')).toMatchObject({ isSubscribed: true })
  const [, again, ...more] = api.callsOf('registerDevice')
  expect(more).toEqual([])
  expect(again?.request).toMatchObject({ hwid: before.hwid, userId: 'ann' })
  expect(again?.request.application_server_key).not.toBe(before.application_server_key)
  expect(pushService.endpoints()).toContain(again?.request.push_token)
  expect(api.callsOf('messageDeliveryEvent')).toEqual([])
  expect(onlyCall('registerUser').request).toMatchObject({ userId: 'ann' })
})

test('R25: while a logout waits for the server, the former one’s messages are dropped, and the next one’s shown', async () => {
  await ask('subscribe')
  const registered = onlyCall('registerDevice')
  expect(await askWith('setUser', 'ann')).toBe('sent')
  await pushTo(registered, { header: 'For Ann', p: 'a1', ru: 'ann' })
  await shownWith('For Ann')
  api.failing.add('registerUser')
  expect(await askWith('setUser', undefined)).toBe('kept')
  await pushTo(registered, { header: 'For Ann, late', p: 'a2', ru: 'ann' })
  await pushTo(registered, { header: 'For all', p: 'all' })
  expect((await shownWith('For all')).map(it => it.title)).toEqual(['For all'])
  expect(await askWith('setUser', 'bob')).toBe('kept')
  await pushTo(registered, { header: 'For Ann, later', p: 'a3', ru: 'ann' })
  await pushTo(registered, { header: 'For Bob', p: 'b1', ru: 'bob' })
  expect((await shownWith('For Bob')).map(it => it.title).sort()).toEqual(['For Bob', 'For all'])
  await eventually({
    what: 'receipts of what was shown',
    read: () => receiptsOf('delivered').map(it => it.hash),
    until: it => it.toSorted().join() === 'a1,all,b1',
    withinMs: WITHIN_MS,
  })
  api.failing.clear()
  await ask('start')
  const told = api.callsOf('registerUser').map(it => it.request.userId)
  expect(told).toEqual(['ann', registered.request.hwid, 'bob'])
})

test('a permission that changes while a page is open is told and used at once, within the hour too', async () => {
  await permit('denied')
  await ask('start')
  await permit('granted')
  await eventually({
    what: 'a registration',
    read: () => api.callsOf('registerDevice').length,
    until: count => count === 1,
    withinMs: WITHIN_MS,
  })
  expect(api.callsOf('applicationOpen').map(it => it.request.permission)).toEqual(['denied', 'granted'])
})

test('an event is counted with its attributes', async () => {
  const sent = await page.evaluate(
    given => window.makeRoost(given).trackEvent('Bought', { price: 3 }),
    roostOptions(),
  )
  expect(sent).toBe('sent')
  expect(onlyCall('postEvent').request).toMatchObject({ event: 'Bought', attributes: { price: 3 } })
})

test('a browser without web push is told so, is no error on every page, and has all the rest', async () => {
  await page.evaluate(() => Reflect.deleteProperty(window, 'PushManager'))
  expect(await ask('start')).toMatchObject({ isSupported: false, isSubscribed: false })
  expect(await askWith('setUser', 'ann')).toBe('sent')
  expect(await askWith('setTags', { city: 'Bern' })).toBe('sent')
  await expect(ask('subscribe')).rejects.toThrow('This browser has no web push here')
  expect(api.calls.map(it => it.method)).toEqual(['applicationOpen', 'registerUser', 'setTags'])
})

test('a page without https can keep nothing: it is told so, and no call of it fails for that', async () => {
  await page.evaluate(() => Reflect.deleteProperty(Navigator.prototype, 'locks')) // as such pages have none
  expect(await ask('start')).toMatchObject({ isSupported: false, isSubscribed: false })
  expect(await askWith('setUser', 'ann')).toBe('ignored')
  expect(api.calls).toEqual([])
})

describe('a self-check', () => {
  test('of a browser that gets pushes finds nothing to do, changes nothing, and is handed in', async () => {
    await ask('subscribe')
    const before = api.calls.length
    const { verdict, findings } = await selfCheck()
    expect(verdict).toBe('good')
    expect(findings.map(it => it.code)).toEqual([
      'page_secure',
      'browser_supported',
      'storage_writable',
      'permission_granted',
      'worker_running',
      'server_reached',
      'key_present',
      'subscription_present',
      'device_registered',
    ])
    expect(findings[4]?.values).toEqual({
      script: '/roost-service-worker.js',
      scope: '/',
      version: '0.1.0',
    })
    expect(api.handedIn).toMatchObject([
      { address: onlyCall('registerDevice').request.push_token, sdkVersion: '0.1.0' },
    ])
    expect(api.calls.slice(before).map(it => it.method)).toEqual(['getConfig'])
  })

  test('before anything was started says what is missing, and starts nothing', async () => {
    const { verdict, findings } = await selfCheck()
    expect(verdict).toBe('bad')
    expect(badOf(findings)).toEqual(['worker_missing', 'subscription_missing'])
    expect(await workers()).toEqual([])
  })

  test('tells a permission that was denied, a person who has unsubscribed, and another key', async () => {
    await ask('subscribe')
    api.rotateVapidKey()
    expect(badOf((await selfCheck()).findings)).toEqual(['subscription_other_key'])
    await ask('unsubscribe')
    expect(badOf((await selfCheck()).findings)).toEqual(['opted_out'])
    await permit('denied')
    await visit()
    expect(badOf((await selfCheck()).findings)).toEqual(['permission_denied'])
  })

  test('tells a service worker that does not hold our code, and one that is left over with its own subscription', async () => {
    await ask('subscribe')
    const foreign = (await selfCheck('/foreign-worker.js')).findings.find(it => it.code.startsWith('worker'))
    expect(foreign).toMatchObject({ code: 'worker_other_script', verdict: 'warning' })
    await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.register('/foreign-worker.js', { scope: '/old/' })
      while (registration.active === null) await navigator.serviceWorker.getRegistration('/old/')
      const { options } = (await (await navigator.serviceWorker.ready).pushManager.getSubscription()) ?? {}
      await registration.pushManager.subscribe({
        userVisibleOnly: true,
        applicationServerKey: options?.applicationServerKey ?? null,
      })
    })
    const { findings } = await selfCheck()
    expect(findings.filter(it => it.verdict === 'warning')).toMatchObject([
      { code: 'workers_several', values: { scopes: '/old/' } },
    ])
    expect(badOf((await selfCheck('/foreign-worker.js')).findings)).toContain('worker_foreign')
  })

  test('with the server away says so and ends, and what waits for it is told', async () => {
    await ask('subscribe')
    api.failing.add('setTags')
    expect(await askWith('setTags', { city: 'Bern' })).toBe('kept')
    api.failing.add('getConfig')
    // a minute goes by for the page
    await page.evaluate(() => {
      const now = Date.now.bind(Date)
      Date.now = () => now() + 61_000
    })
    const { findings } = await selfCheck()
    expect(badOf(findings)).toEqual(['server_unavailable'])
    expect(findings.find(it => it.code === 'calls_waiting')).toMatchObject({ values: { count: 1 } })
    expect(api.handedIn).toEqual([])
  })

  test('in a private window tells that what is kept there goes with it', async () => {
    const other = await launchFirefox({ pushServiceUrl: pushService.url, isPrivate: true })
    const tab = await newPage(other)
    await tab.goto(site.url)
    await tab.waitForFunction('window.makeRoost !== undefined')
    const { findings } = await tab.evaluate(given => window.makeRoost(given).selfCheck(), roostOptions())
    await other.close()
    expect(findings.filter(it => it.verdict === 'warning')).toMatchObject([{ code: 'window_private' }])
  })

  test('in a page of another site tells that nothing can be asked there', async () => {
    const other = await startSite()
    await page.goto(other.url)
    await page.evaluate(
      url => {
        const frame = document.createElement('iframe')
        frame.src = url
        document.body.append(frame)
      },
      site.url.replace('127.0.0.1', 'localhost'),
    )
    const frame = await page.waitForFrame(it => it.url().includes('localhost'))
    await frame.waitForFunction('window.makeRoost !== undefined')
    const check = await frame.evaluate(given => window.makeRoost(given).selfCheck(), roostOptions())
    await other.close()
    expect(badOf(check.findings)).toContain('page_framed')
    expect(badOf(check.findings)).not.toContain('permission_denied')
  })
})

test('what every page view loads is below 8 KB compressed, and the self-check is not in it', async () => {
  const bundle = await readFile(new URL('../packages/sdk/dist/bundle/roost-web.js', import.meta.url))
  expect(gzipSync(bundle, { level: 9 }).length).toBeLessThan(8 * 1024)
  expect(bundle.toString()).not.toContain('workers_several')
})

function selfCheck(serviceWorkerUrl?: string): Promise<SelfCheck> {
  return page.evaluate(given => window.makeRoost(given).selfCheck(), roostOptions(serviceWorkerUrl))
}

function badOf(findings: readonly Finding[]): string[] {
  return findings.filter(it => it.verdict === 'bad').map(it => it.code)
}

function workers(): Promise<string[]> {
  return page.evaluate(async () =>
    (await navigator.serviceWorker.getRegistrations()).map(it => it.active?.scriptURL ?? ''),
  )
}

function permit(state: 'granted' | 'denied'): Promise<void> {
  const permission = { name: 'notifications' }
  return browser.defaultBrowserContext().setPermission(new URL(site.url).origin, { permission, state })
}

async function visit(): Promise<void> {
  await page.goto(site.url)
  await page.waitForFunction('window.makeRoost !== undefined')
}

function ask(
  method: 'start' | 'subscribe' | 'unsubscribe',
  serviceWorkerUrl = '/roost-service-worker.js',
): Promise<RoostStatus> {
  const options = roostOptions(serviceWorkerUrl)
  return page.evaluate((name, given) => window.makeRoost(given)[name](), method, options)
}

function askWith(method: 'setTags' | 'setUser', value: unknown): Promise<string> {
  return page.evaluate(
    (name, given, argument) => window.makeRoost(given)[name](argument as never),
    method,
    roostOptions(),
    value,
  )
}

function roostOptions(serviceWorkerUrl = '/roost-service-worker.js'): RoostOptions {
  return { baseUrl: api.baseUrl, application: 'AAAAA-BBBBB', deviceToken: 'device-token', serviceWorkerUrl }
}

function onlyCall(method: string): DeviceCall {
  const calls = api.callsOf(method)
  expect(calls).toHaveLength(1)
  return calls[0] as DeviceCall
}

async function pushTo(device: DeviceCall | undefined, message: object): Promise<void> {
  expect(pushRaw(device, JSON.stringify(message))).toBe(201)
}

/** Gives back the push service's status. */
function pushRaw(device: DeviceCall | undefined, text: string): number {
  const { push_token, public_key, auth_token } = device?.request ?? {}
  return pushService.push(String(push_token), encryptPush(text, String(public_key), String(auth_token)))
}

interface Receipt {
  readonly kind: string
  readonly hash: string
  readonly receipt_key?: string
  readonly age?: number
}
const KINDS: Readonly<Record<string, string>> = { messageDeliveryEvent: 'delivered', pushStat: 'opened' }

/** Of one kind, whether they came each by itself or together. */
function receiptsOf(kind: string): Receipt[] {
  const all = api.calls.flatMap(({ method, request }) => {
    if (method === 'postReceipts') return request.receipts as Receipt[]
    const kind = KINDS[method]
    return kind === undefined ? [] : [{ ...request, kind } as unknown as Receipt]
  })
  return all.filter(it => it.kind === kind)
}

async function receipts(kind: string, count: number): Promise<Receipt[]> {
  const { value } = await eventually({
    what: `${count} receipts of "${kind}"`,
    read: () => receiptsOf(kind),
    until: found => found.length >= count,
    withinMs: WITHIN_MS,
  })
  return value
}

/** All notifications on the screen as soon as one has this title. */
async function shownWith(title: string): Promise<readonly Shown[]> {
  const { value } = await eventually({
    what: `notification "${title}"`,
    read: shown,
    until: all => all.some(notification => notification.title === title),
    withinMs: WITHIN_MS,
  })
  return value
}

function shown(): Promise<Shown[]> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready
    const notifications = await registration.getNotifications()
    return notifications.map(({ title, body, tag }) => ({ title, body, tag }))
  })
}
