/**
 * The whole way of a web push, nothing stubbed but the push service: page → SDK → server → push service →
 * Firefox → service worker → receipt → statistics; then the death of the subscription, and its return.
 */
import { startSimulator } from '@roost/simulator'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { launchFirefox } from './support/firefox.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'

/** From the acceptance of the message by the API to its counted receipt. */
const RECEIPT_WITHIN_MS = 2000
const SETTLED_WITHIN_MS = 10_000

interface MessageCounts {
  readonly targeted: number
  readonly accepted: number
  readonly dead: number
  readonly delivered: number
}

interface LedgerEntry {
  readonly event: string
  readonly provider: string | null
}

interface App {
  readonly code: string
  readonly deviceToken: string
}

let simulator: Awaited<ReturnType<typeof startSimulator>>
let server: RoostServer
let site: Site
let browser: Browser
let page: Page
let app: App

beforeAll(async () => {
  simulator = await startSimulator()
  server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
  site = await startSite()
  browser = await launchFirefox({ pushServiceUrl: simulator.urls.browserPush })
  page = await browser.newPage()
  app = await server.rest<App>('POST', '/v1/apps', { name: 'Web shop' })
  await server.rest('POST', `/v1/apps/${app.code}/credentials`, { gateway: 'webpush', kind: 'vapid' })
})

afterAll(async () => {
  await browser?.close()
  await site?.close()
  await server?.close()
  await simulator?.close()
})

test('a page is reached by a tag, dies at the push service, and is back after a reload', async () => {
  await visit()
  const { hwid } = await ask('subscribe')
  await setCity('Bern')
  const first = await simulator.webPush.nextSubscription()

  await sendToCity('Zurich').then(expectNobodyReached)
  const hello = await sendToCity('Bern')
  await waitForCount(hello, 'delivered', RECEIPT_WITHIN_MS)
  expect(await shownTitles()).toEqual(['Hello Bern'])

  simulator.webPush.dropSubscription(first.endpoint)
  await waitForCount(await sendToCity('Bern'), 'dead', SETTLED_WITHIN_MS)
  expect(await addressStates(hwid)).not.toContain('active')

  await visit()
  expect(await ask('start')).toMatchObject({ hwid, isSubscribed: true })
  const second = await simulator.webPush.nextSubscription({ except: [first.endpoint] })
  expect(second.endpoint).not.toBe(first.endpoint)
  expect(await addressStates(hwid)).toContain('active')
  await waitForCount(await sendToCity('Bern'), 'delivered', RECEIPT_WITHIN_MS)

  expect(await story(hwid)).toEqual(['registered', 'dead', 'restored'])
})

test('a person who unsubscribes is left alone, also after a reload', async () => {
  await visit()
  const { hwid } = await ask('subscribe')
  await setCity('Basel')
  await ask('unsubscribe')
  await visit()
  expect(await ask('start')).toMatchObject({ hwid, isSubscribed: false })
  await sendToCity('Basel').then(expectNobodyReached)
  expect(await addressStates(hwid)).not.toContain('active')
})

async function visit(): Promise<void> {
  await page.goto(site.url)
  await page.waitForFunction('window.makeRoost !== undefined')
}

function roostOptions(): { baseUrl: string; application: string; deviceToken: string } {
  return { baseUrl: server.baseUrl, application: app.code, deviceToken: app.deviceToken }
}

async function ask(
  method: 'start' | 'subscribe' | 'unsubscribe',
): Promise<{ hwid: string; isSubscribed: boolean }> {
  const status = await page.evaluate(
    (name, options) => window.makeRoost(options)[name](),
    method,
    roostOptions(),
  )
  if (status.hwid === undefined) throw new Error('the page has no hwid')
  return { hwid: status.hwid, isSubscribed: status.isSubscribed }
}

async function setCity(city: string): Promise<void> {
  const result = await page.evaluate(
    (options, value) => window.makeRoost(options).setTags({ city: value }),
    roostOptions(),
    city,
  )
  expect(result).toBe('sent')
}

async function shownTitles(): Promise<string[]> {
  const { value } = await eventually({
    what: 'a notification on the screen',
    read: () =>
      page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready
        return (await registration.getNotifications()).map(notification => notification.title)
      }),
    until: titles => titles.length > 0,
    withinMs: RECEIPT_WITHIN_MS,
  })
  return value
}

/** Gives back the id of the message, once the server has accepted it. */
async function sendToCity(city: string): Promise<string> {
  const { id } = await server.rest<{ id: string }>('POST', `/v1/apps/${app.code}/messages`, {
    to: { condition: { tag: 'city', op: 'eq', value: city } },
    content: { title: `Hello ${city}`, body: 'How are you?', url: site.url },
  })
  return id
}

/** A receipt may be counted before the server has noted the push service's acceptance, so both are waited for. */
async function waitForCount(id: string, count: keyof MessageCounts, withinMs: number): Promise<void> {
  await eventually({
    what: `one targeted and one ${count}`,
    read: async () => (await readMessage(id)).counts,
    until: counts => counts.targeted === 1 && counts[count] === 1,
    withinMs,
  })
}

async function expectNobodyReached(id: string): Promise<void> {
  const { value } = await eventually({
    what: 'message done',
    read: () => readMessage(id),
    until: message => message.state === 'done',
    withinMs: SETTLED_WITHIN_MS,
  })
  expect(value.counts.accepted).toBe(0)
}

function readMessage(id: string): Promise<{ readonly state: string; readonly counts: MessageCounts }> {
  return server.rest('GET', `/v1/apps/${app.code}/messages/${id}`)
}

async function addressStates(hwid: string): Promise<string[]> {
  const path = `/v1/apps/${app.code}/devices/${encodeURIComponent(hwid)}`
  const device = await server.rest<{ readonly addresses: readonly { readonly state: string }[] }>('GET', path)
  return device.addresses.map(address => address.state)
}

/** The events of the ledger, oldest first. */
async function story(hwid: string): Promise<string[]> {
  const path = `/v1/apps/${app.code}/devices/${encodeURIComponent(hwid)}/ledger`
  const { entries } = await server.rest<{ readonly entries: readonly LedgerEntry[] }>('GET', path)
  expect(entries.every(entry => entry.provider === 'webpush')).toBe(true)
  return entries.map(entry => entry.event)
}
