/** The web SDK in a real Firefox against a real server: what stays readable, and what a notification carries. */

import type { Inbox, RoostOptions } from '@roost/sdk/web'
import { type Simulator, startSimulator } from '@roost/simulator'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { launchFirefox } from './support/firefox.ts'
import { newPage } from './support/patience.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'

const ARRIVES_WITHIN_MS = 60_000

interface App {
  readonly code: string
  readonly deviceToken: string
}

let simulator: Simulator
let server: RoostServer
let browser: Browser
let app: App
let site: Site
let page: Page
beforeAll(async () => {
  simulator = await startSimulator()
  server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
  browser = await launchFirefox({ pushServiceUrl: simulator.urls.browserPush })
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
  await simulator?.close()
})
beforeEach(async () => {
  app = await server.rest<App>('POST', '/v1/apps', { name: 'Web shop' })
  site = await startSite()
  page = await newPage(browser)
  await page.goto(site.url)
  await page.waitForFunction('window.makeRoost !== undefined')
})
afterEach(async () => {
  await page.close()
  await site.close()
})

function options(more: Partial<RoostOptions> = {}): RoostOptions {
  return { baseUrl: server.baseUrl, application: app.code, deviceToken: app.deviceToken, ...more }
}

async function subscribe(more: Partial<RoostOptions> = {}): Promise<string> {
  const { hwid } = await page.evaluate(given => window.makeRoost(given).subscribe(), options(more))
  return hwid ?? ''
}

const readInbox = (): Promise<Inbox> => page.evaluate(given => window.makeRoost(given).inbox(), options())

function titles(): Promise<(string | null)[]> {
  return page.evaluate(() => [...document.querySelectorAll('.roost-inbox-title')].map(it => it.textContent))
}

async function send(message: object): Promise<void> {
  await server.rest('POST', `/v1/apps/${app.code}/messages`, message)
}

async function untilInbox(isWanted: (inbox: Inbox) => boolean): Promise<Inbox> {
  const { value } = await eventually({
    what: 'the inbox as wanted',
    read: readInbox,
    until: isWanted,
    withinMs: ARRIVES_WITHIN_MS,
  })
  return value
}

test('a message that stays is read, marked and gone from the page, whether or not it was pushed', async () => {
  const hwid = await subscribe()
  await send({
    to: { devices: [hwid] },
    content: { title: 'Sale', body: 'Until Sunday', url: site.url },
    inbox: { only: true },
  })
  const { entries, unread } = await untilInbox(it => it.entries.length === 1)
  expect(unread).toBe(1)
  expect(entries).toMatchObject([{ title: 'Sale', body: 'Until Sunday', url: site.url, state: 'new' }])
  const mark = (state: 'read' | 'deleted') =>
    page.evaluate(
      (given, id, how) => window.makeRoost(given).markInbox(id, how),
      options(),
      entries[0]?.id ?? '',
      state,
    )
  expect(await mark('read')).toBe('sent')
  expect(await readInbox()).toMatchObject({ unread: 0, entries: [{ state: 'read' }] })
  expect(await mark('deleted')).toBe('sent')
  expect(await readInbox()).toMatchObject({ unread: 0, entries: [] })
})

test('the inbox of a page shows what there is, text as text, and what is read, opened and deleted there', async () => {
  const hwid = await subscribe()
  const contents = [
    { title: 'First', body: 'One' },
    { title: '<b>Second</b>', body: 'Two', url: `${site.url}#second` },
    { title: 'Third', body: 'Three' },
  ]
  for (const [i, content] of contents.entries()) {
    await send({ to: { devices: [hwid] }, content, inbox: { only: true } })
    await untilInbox(it => it.entries.length === i + 1)
  }
  await page.evaluate(given => window.showInbox(given), options())
  await page.waitForFunction(() => document.querySelectorAll('.roost-inbox-entry').length === 2)
  expect(await titles()).toEqual(['Third', '<b>Second</b>'])
  await untilInbox(it => it.unread === 1) // two were in view
  await page.waitForFunction(() => document.querySelector('.roost-inbox-unread')?.textContent === '1 unread')
  await page.click('.roost-inbox-foot button')
  await page.waitForFunction(() => document.querySelectorAll('.roost-inbox-entry').length === 3)
  await page.click('a.roost-inbox-title')
  await untilInbox(it => it.unread === 0 && it.entries[1]?.state === 'opened')
  await page.click('button[aria-label="Delete: Third"]')
  await untilInbox(it => it.entries.length === 2)
  expect(await titles()).toEqual(['<b>Second</b>', 'First'])
})

test('what was meant for one person is hidden from the next one in the same browser', async () => {
  await subscribe()
  const login = (userId: string | undefined) =>
    page.evaluate((given, id) => window.makeRoost(given).setUser(id), options(), userId)
  expect(await login('ann')).toBe('sent')
  await send({ to: { users: ['ann'] }, content: { title: 'For Ann' }, inbox: { only: true } })
  await untilInbox(it => it.entries.length === 1)
  expect(await login('bob')).toBe('sent')
  expect((await readInbox()).entries).toEqual([])
  expect(await login('ann')).toBe('sent')
  expect((await readInbox()).entries).toMatchObject([{ title: 'For Ann' }])
})

test('R25: the inbox of a page is emptied at once when somebody else logs in on another page, server or none', async () => {
  const other = await newPage(browser)
  await other.goto(site.url)
  await other.waitForFunction('window.makeRoost !== undefined')
  const login = (user: string) =>
    other.evaluate((given, id) => window.makeRoost(given).setUser(id), options(), user)
  await login('ann')
  await send({ to: { users: ['ann'] }, content: { title: 'For Ann' }, inbox: { only: true } })
  await untilInbox(it => it.entries.length === 1)
  await page.evaluate(given => window.showInbox(given), options())
  await page.waitForSelector('.roost-inbox-title')
  await server.kill()
  expect(await login('bob')).toBe('kept')
  await page.waitForFunction(() => document.querySelector('.roost-inbox-title') === null)
  await page.waitForSelector('.roost-inbox-failed') // nobody could be asked
  expect(await titles()).toEqual([])
  await server.startAgain()
  expect(await login('bob')).toBe('sent')
  await other.close()
})

test('R25: the inbox of a page that is gone back to as it was is that of whoever is logged in by then', async () => {
  await page.evaluate(given => window.makeRoost(given).setUser('ann'), options())
  await send({ to: { users: ['ann'] }, content: { title: 'For Ann' }, inbox: { only: true } })
  await untilInbox(it => it.entries.length === 1)
  await page.evaluate(given => window.showInbox(given), options())
  await page.waitForSelector('.roost-inbox-title')
  const other = await newPage(browser)
  await other.goto(site.url)
  await other.waitForFunction('window.makeRoost !== undefined')
  await other.evaluate(given => {
    BroadcastChannel.prototype.postMessage = () => {} // a page that waits in the browser's cache hears of nothing
    return window.makeRoost(given).setUser('bob')
  }, options())
  await other.close()
  expect(await titles()).toEqual(['For Ann'])
  const atOnce = await page.evaluate(() => {
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
    return document.querySelectorAll('.roost-inbox-title').length
  })
  expect(atOnce).toBe(0)
  await page.waitForSelector('.roost-inbox-empty') // of Bob
})

test('a notification has the buttons of its message, and the icon the number of what is unread', async () => {
  const hwid = await subscribe({ unreadBadge: true, serviceWorkerUrl: '/worker-with-badge.js' })
  await send({
    to: { devices: [hwid] },
    content: { title: 'Sale', buttons: [{ title: 'Buy', url: `${site.url}buy` }, { title: 'Later' }] },
    inbox: {},
  })
  const { value } = await eventually({
    what: 'a notification on the screen, and the badge',
    read: shownAndBadge,
    until: ({ data, badge }) => data !== undefined && badge !== null,
    withinMs: ARRIVES_WITHIN_MS,
  })
  expect(value.data).toMatchObject({ buttonUrls: [`${site.url}buy`, undefined] })
  expect(value.badge).toBe(1)
})

test('a badge of "+1" counts on from what the site has set', async () => {
  const hwid = await subscribe({ serviceWorkerUrl: '/worker-with-badge.js' })
  expect(await page.evaluate(given => window.makeRoost(given).setBadge(4), options())).toBe('sent')
  await send({ to: { devices: [hwid] }, content: { title: 'One more', badge: '+1' } })
  await eventually({
    what: 'the badge',
    read: shownAndBadge,
    until: ({ badge }) => badge === 5,
    withinMs: ARRIVES_WITHIN_MS,
  })
})

/** What the notification carries, and the number that the worker was asked to show. */
function shownAndBadge(): Promise<{ readonly data: unknown; readonly badge: unknown }> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready
    const [shown] = await registration.getNotifications()
    const badge = await new Promise<unknown>(resolve => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = ({ data }) => resolve(data)
      registration.active?.postMessage('badge', [port2])
    })
    return { data: shown?.data as unknown, badge }
  })
}
