/**
 * The live channel in a real Chromium: the connection while a page is in view, and the push when it is not; each message once. Firefox keeps no page for going
 * back to it that has held a lock, so what becomes of such a page is shown here.
 */
import { type ChromeUrls, startSimulator } from '@roost/simulator'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CHROMIUM, launchChromium } from './support/chromium.ts'
import { eventually } from './support/eventually.ts'
import { shownOn, untilConnected, untilHeard, untilShown } from './support/live-page.ts'
import { namesEnvironment } from './support/names.ts'
import { newPage } from './support/patience.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'

/** Official builds use the first one, Debian's the second. */
const PUSH_HOSTS = ['fcm.googleapis.com', 'jmt17.google.com']
const WITHIN_MS = 60_000

interface App {
  readonly code: string
  readonly deviceToken: string
}

let simulator: Awaited<ReturnType<typeof startSimulator>>
let server: RoostServer
let site: Site
let browser: Browser
let urls: ChromeUrls

describe.skipIf(CHROMIUM === '')('with a real Chromium', () => {
  beforeAll(async () => {
    simulator = await startSimulator({ names: PUSH_HOSTS })
    const { webPush, chrome } = simulator.urls
    const names = namesEnvironment({ names: Object.fromEntries(PUSH_HOSTS.map(host => [host, webPush])) })
    const environment = { ...simulator.environment(), ...names }
    server = await startRoostServer({ environment, caPem: simulator.caPem })
    urls = chrome
  })

  beforeEach(async () => {
    site = await startSite() // an origin of its own: another app is another device
    browser = await launchChromium({ urls, origin: new URL(site.url).origin })
  })

  afterEach(async () => {
    await browser?.close()
    await site?.close()
  })

  afterAll(async () => {
    await server?.close()
    await simulator?.close()
  })

  test('a message comes by the road that fits, and is seen once by whichever it comes', async () => {
    const { page, path, send, untilPresence } = await goLive()
    const both = await send({ content: { title: 'Both' }, route: 'both' })
    await untilHeard(page, ['Both'])
    await eventually({
      what: 'both roads taken',
      read: () => server.rest<{ state: string }>('GET', `${path}/messages/${both.id}`),
      until: it => it.state === 'done',
      withinMs: WITHIN_MS,
    })
    await send({ content: { title: 'Pushed' }, route: 'push' })
    await untilHeard(page, ['Both', 'Pushed'])
    expect(await shownOn(page)).toEqual([])

    const other = await openPage('empty')
    await page.close()
    await untilPresence('offline')
    await send({ content: { title: 'Gone' }, route: 'online-first' })
    await untilShown(other, ['Gone'])
  })

  test('a page that is left holds no connection, and gets one when somebody goes back to it as it was', async () => {
    const { page, options, send, untilPresence } = await goLive()
    const other = await openPage('empty')
    await page.bringToFront()
    await untilPresence('online')
    await untilIdle(page)
    const listenedFor = await listenersOf(page)
    expect(listenedFor).toContain('pagehide')
    expect(listenedFor).not.toContain('unload') // Chromium would not say that it is for that
    await leave(page, () => location.assign('/empty'))
    await untilPresence('offline')
    await send({ content: { title: 'While away' }, route: 'online-first' })
    await untilShown(other, ['While away'])
    await leave(page, () => history.back())
    expect(await keptOutBy(page)).toEqual([])
    // A machine that is short of memory keeps no pages: then it is loaded anew, and starts as any page view does.
    const isKept = await page.evaluate(() => (window.liveStatuses ?? []).length > 0)
    if (!isKept) {
      await page.waitForFunction('window.makeRoost !== undefined')
      await page.evaluate(given => window.startLive(given), options)
    }
    await untilPresence('online')
    await send({ content: { title: 'Back' }, route: 'online-only' })
    await untilHeard(page, ['Back'])
    const ofNew = ['connecting', 'connected']
    const statuses = isKept ? [...ofNew, 'stopped', ...ofNew] : ofNew
    expect(await page.evaluate(() => window.liveStatuses)).toEqual(statuses)
  })
})

/** A page of a new app that is connected. */
async function goLive() {
  const app = await server.rest<App>('POST', '/v1/apps', { name: 'Web shop' })
  const path = `/v1/apps/${app.code}`
  await server.rest('POST', `${path}/credentials`, { gateway: 'webpush', kind: 'vapid' })
  const options = { baseUrl: server.baseUrl, application: app.code, deviceToken: app.deviceToken }
  const page = await openPage('')
  const { hwid = '' } = await page.evaluate(given => window.makeRoost(given).subscribe(), options)
  const send = (message: object) =>
    server.rest<{ id: string }>('POST', `${path}/messages`, { to: { devices: [hwid] }, ...message })
  const untilPresence = (state: string) =>
    eventually({
      what: `presence ${state}`,
      read: () => server.rest<{ state: string }>('GET', `${path}/devices/${hwid}/presence`),
      until: it => it.state === state,
      withinMs: WITHIN_MS,
    })
  await page.evaluate(given => window.startLive(given), options)
  await untilConnected(page)
  await untilPresence('online')
  return { page, path, options, send, untilPresence }
}

/** Chromium ends a page that it keeps when that holds what another one waits for. */
async function untilIdle(page: Page): Promise<void> {
  await eventually({
    what: 'a page at rest',
    read: () =>
      page.evaluate(async () => {
        const { held = [], pending = [] } = await navigator.locks.query()
        const all = [...held, ...pending].map(it => it.name ?? '')
        return all.filter(it => !/^roost-(live|focused|visible)/.test(it)).length + pending.length
      }),
    until: it => it === 0,
    withinMs: WITHIN_MS,
  })
}

/** By whatever leads away; a page that is kept as it is loads nothing when it is shown again. */
async function leave(page: Page, go: () => void): Promise<void> {
  const left = page.url()
  await page.evaluate(work => void setTimeout(`(${work})()`), String(go))
  await eventually({
    what: 'another page',
    read: () => page.evaluate(() => location.href).catch(() => left),
    until: it => it !== left,
    withinMs: WITHIN_MS,
  })
}

/**
 * What the page has that Chromium did not keep it for, such as a lock that another page waits for; nothing when it did keep it. `masked`: what it does
 * not tell, of which most is its own affair.
 * Source: HTML §"NotRestoredReasons".
 */
function keptOutBy(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation')
    const { notRestoredReasons } = navigation as unknown as {
      readonly notRestoredReasons: { readonly reasons: { readonly reason: string }[] } | null
    }
    const reasons = notRestoredReasons?.reasons.map(it => it.reason) ?? []
    return reasons.filter(it => it !== 'masked')
  })
}

/** Types of the events that are listened for on the window. */
async function listenersOf(page: Page): Promise<string[]> {
  const session = await page.createCDPSession()
  const { result } = await session.send('Runtime.evaluate', { expression: 'window' })
  const objectId = result.objectId ?? ''
  const { listeners } = await session.send('DOMDebugger.getEventListeners', { objectId })
  await session.detach()
  return listeners.map(it => it.type)
}

async function openPage(path: string): Promise<Page> {
  const page = await newPage(browser)
  await page.goto(site.url + path)
  if (path === '') await page.waitForFunction('window.makeRoost !== undefined')
  return page
}
