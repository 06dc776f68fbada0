/** Calls in two real Firefoxes of one person, against a real server: both ring, one answer wins, and the other stops. */
import type { CallView } from '@roost/protocol'
import type { CallState, RoostOptions } from '@roost/sdk/web'
import { type Simulator, startSimulator } from '@roost/simulator'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { launchFirefox } from './support/firefox.ts'
import { newPage } from './support/patience.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'

const WITHIN_MS = 60_000
/** As long as calls may ring: no test waits for that. */
const RING_SECONDS = 120

interface App {
  readonly code: string
  readonly deviceToken: string
}

let simulator: Simulator
let server: RoostServer
let browsers: Browser[]
let app: App
let site: Site
let pages: [Page, Page]
beforeAll(async () => {
  simulator = await startSimulator()
  server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
  browsers = await Promise.all(
    [1, 2].map(() => launchFirefox({ pushServiceUrl: simulator.urls.browserPush })),
  )
})
afterAll(async () => {
  await Promise.all((browsers ?? []).map(it => it.close()))
  await server?.close()
  await simulator?.close()
})
beforeEach(async () => {
  app = await server.rest<App>('POST', '/v1/apps', { name: 'Phone' })
  await server.rest('POST', `/v1/apps/${app.code}/credentials`, { gateway: 'webpush', kind: 'vapid' })
  site = await startSite()
  pages = (await Promise.all(browsers.map(openDevice))) as [Page, Page]
})
afterEach(async () => {
  for (const browser of browsers)
    for (const it of await browser.pages()) if (it.url().startsWith(site.url)) await it.close()
  await site.close()
})

test('a call rings in both, one accepts, and the other stops', async () => {
  for (const page of pages) await goLive(page)
  const { id } = await call()
  for (const page of pages) await untilStates(page, ['ringing'])
  expect(await answer(pages[0], id, 'accept')).toBe('taken')
  await untilStates(pages[0], ['ringing', 'accepted'])
  await untilStates(pages[1], ['ringing', 'answered_elsewhere'])
  expect(await answer(pages[1], id, 'accept')).toBe('over')
  expect(await answer(pages[0], id, 'accept')).toBe('taken') // repeated
  expect(await read(id)).toMatchObject({ state: 'accepted' })
})

test('a browser without an open page rings by a notification, which goes when another one answers', async () => {
  const [open, closed] = pages
  await goLive(open)
  const { id } = await call()
  await untilStates(open, ['ringing'])
  await untilShown(closed, ['Anna: Incoming call'])
  expect(await answer(open, id, 'accept')).toBe('taken')
  await untilShown(closed, ['Anna: Answered on another device'])
})

test('the buttons of the notification answer the call', async () => {
  const [open, closed] = pages
  await goLive(open)
  const { id } = await call()
  await untilStates(open, ['ringing'])
  await untilShown(closed, ['Anna: Incoming call'])
  await closed.evaluate(async () => (await navigator.serviceWorker.ready).active?.postMessage({ click: '1' }))
  await untilStates(open, ['ringing', 'rejected'])
  expect(await read(id)).toMatchObject({ state: 'rejected' })
})

test('a call that was cancelled is missed where nobody has answered', async () => {
  const [open, closed] = pages
  await goLive(open)
  const { id } = await call()
  await untilStates(open, ['ringing'])
  await untilShown(closed, ['Anna: Incoming call'])
  await server.rest('POST', `/v1/apps/${app.code}/calls/${id}/cancel`)
  await untilStates(open, ['ringing', 'cancelled'])
  await untilShown(closed, ['Anna: Missed call'])
})

test('a page that is opened while it rings rings, too', async () => {
  const [late] = pages
  const { id } = await call()
  await goLive(late)
  await untilStates(late, ['ringing'])
  expect(await answer(late, id, 'accept')).toBe('taken')
})

test('without a channel all pages of the browser stop ringing, and none hears that the time is over, when one of them has answered', async () => {
  const [first] = pages
  const second = await newPage(browsers[0] as Browser)
  await second.goto(site.url)
  await second.waitForFunction('window.makeRoost !== undefined')
  for (const page of [first, second]) await goDeaf(page)
  const { id } = await call()
  for (const page of [first, second]) await untilStates(page, ['ringing'])
  expect(await answer(first, id, 'accept')).toBe('taken')
  for (const page of [first, second]) await untilStates(page, ['ringing', 'accepted'])
})

test('R25: what rings for one stops, also without a channel, when somebody else logs in', async () => {
  const [live, deaf] = pages
  await goLive(live)
  await goDeaf(deaf)
  await call()
  for (const page of pages) await untilStates(page, ['ringing'])
  for (const page of pages) await page.evaluate(() => window.roost.setUser('carol'))
  for (const page of pages) await untilStates(page, ['ringing', 'cancelled'])
})

/** A page of a device that bob is logged in on, with its subscription, and not connected. */
async function openDevice(browser: Browser): Promise<Page> {
  const page = await newPage(browser)
  await page.goto(site.url)
  await page.waitForFunction('window.makeRoost !== undefined')
  await page.evaluate(async given => {
    const roost = window.makeRoost(given)
    await roost.subscribe()
    await roost.setUser('bob')
  }, options())
  return page
}

function options(): RoostOptions {
  const { code: application, deviceToken } = app
  return { baseUrl: server.baseUrl, application, deviceToken, serviceWorkerUrl: '/worker-with-click.js' }
}

async function goLive(page: Page): Promise<void> {
  await page.evaluate(given => window.startLive({ ...given, rings: true }), options())
  await page.waitForFunction(() => window.liveStatuses.at(-1) === 'connected', { timeout: WITHIN_MS })
}

/** It rings by itself, and hears of calls by push alone. */
async function goDeaf(page: Page): Promise<void> {
  await page.evaluate(async given => {
    window.roost = window.makeRoost({
      ...given,
      onMessage: () => undefined,
      onCall: it => window.calls.push(it),
    })
    await window.roost.start()
  }, options())
}

function call(): Promise<CallView> {
  return server.rest('POST', `/v1/apps/${app.code}/calls`, {
    caller: { name: 'Anna' },
    callees: ['bob'],
    ringSeconds: RING_SECONDS,
  })
}

function read(id: string): Promise<CallView> {
  return server.rest('GET', `/v1/apps/${app.code}/calls/${id}`)
}

function answer(page: Page, id: string, how: 'accept' | 'reject'): Promise<string> {
  return page.evaluate((call, said) => window.roost.answerCall(call, said), id, how)
}

async function untilStates(page: Page, states: readonly CallState[]): Promise<void> {
  await eventually({
    what: `a call that is ${states.join(', ')}`,
    read: () => page.evaluate(() => window.calls.map(it => it.state)),
    until: it => JSON.stringify(it) === JSON.stringify(states),
    withinMs: WITHIN_MS,
  })
}

async function untilShown(page: Page, texts: readonly string[]): Promise<void> {
  await eventually({
    what: 'notifications',
    read: () =>
      page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready
        return (await registration.getNotifications()).map(it => `${it.title}: ${it.body}`)
      }),
    until: it => JSON.stringify(it) === JSON.stringify(texts),
    withinMs: WITHIN_MS,
  })
}
