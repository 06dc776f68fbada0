/** Background Sync, which Chromium alone has: what a service worker could not tell goes out when the network is back, without a page. */
import { startSimulator } from '@roost/simulator'
import type { Browser, CDPSession, Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM, launchChromium } from './support/chromium.ts'
import { eventually } from './support/eventually.ts'
import { type JsonApi, startJsonApi } from './support/json-api.ts'
import { newPage } from './support/patience.ts'
import { type Site, startSite } from './support/site.ts'

const WITHIN_MS = 60_000
const TAG = 'roost-outbox'

let simulator: Awaited<ReturnType<typeof startSimulator>>
let browser: Browser
let api: JsonApi
let site: Site

describe.skipIf(CHROMIUM === '')('with a real Chromium', () => {
  beforeAll(async () => {
    simulator = await startSimulator()
    api = await startJsonApi()
    site = await startSite()
    const { origin } = new URL(site.url)
    browser = await launchChromium({ urls: simulator.urls.chrome, origin })
    // As it is for people; what is not named here is refused once something is.
    await browser.defaultBrowserContext().overridePermissions(origin, ['notifications', 'background-sync'])
  })

  afterAll(async () => {
    await browser?.close()
    await site?.close()
    await api?.close()
    await simulator?.close()
  })

  test('a receipt that found the network away is told by the service worker when it is back, and asked for until then', async () => {
    const page = await newPage(browser)
    await page.goto(site.url)
    await page.waitForFunction('window.makeRoost !== undefined')
    const options = { baseUrl: api.baseUrl, application: 'AAAAA-BBBBB', deviceToken: 'device-token' }
    // Its subscription is of no matter here: the push is handed to the worker by the browser's tools.
    await page.evaluate(given => window.makeRoost(given).unsubscribe(), options)
    const { tools, registrationId } = await workerOf(page)
    const origin = new URL(site.url).origin
    api.failing.add('messageDeliveryEvent')
    const data = JSON.stringify({ header: 'Hello', p: 'h1' })
    await tools.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data })
    await untilAsked(page)
    const sync = { origin, registrationId, tag: TAG, lastChance: false }
    const outcomes = await watchSyncs()
    await tools.send('ServiceWorker.dispatchSyncEvent', sync)
    await until('a failure', outcomes, it => it.includes('failed')) // the browser asks again for what has failed
    api.failing.clear()
    await tools.send('ServiceWorker.dispatchSyncEvent', sync)
    await until('the end', outcomes, it => it.at(-1) === 'done')
    expect(api.callsOf('messageDeliveryEvent').map(it => it.request.hash)).toEqual(['h1'])
  })
})

async function workerOf(
  page: Page,
): Promise<{ readonly tools: CDPSession; readonly registrationId: string }> {
  const tools = await page.createCDPSession()
  const registered = new Promise<string>(resolve => {
    tools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const own = registrations.find(it => it.scopeURL === site.url)
      if (own !== undefined) resolve(own.registrationId)
    })
  })
  await tools.send('ServiceWorker.enable')
  return { tools, registrationId: await registered }
}

/** The worker has asked the browser to wake it. */
async function untilAsked(page: Page): Promise<void> {
  const tags = () =>
    page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready
      return (registration as unknown as { sync: { getTags(): Promise<string[]> } }).sync.getTags()
    })
  await until(TAG, tags, it => it.includes(TAG))
}

interface Extendable extends Event {
  waitUntil(this: Extendable, work: Promise<unknown>): void
}

/** Gives back how to read what became of each event that wakes the worker for what waits. */
async function watchSyncs(): Promise<() => Promise<string[]>> {
  const target = await browser.waitForTarget(it => it.type() === 'service_worker')
  const worker = await target.worker()
  if (worker === null) throw new Error('no service worker')
  await worker.evaluate(() => {
    const outcomes: string[] = []
    Object.assign(self, { outcomes })
    const { prototype } = (self as unknown as { ExtendableEvent: { prototype: Extendable } }).ExtendableEvent
    const { waitUntil } = prototype
    prototype.waitUntil = function (work) {
      waitUntil.call(this, work)
      if (this.type !== 'sync') return
      work.then(
        () => outcomes.push('done'),
        () => outcomes.push('failed'),
      )
    }
  })
  return () => worker.evaluate(() => (self as unknown as { outcomes: string[] }).outcomes)
}

async function until(
  what: string,
  read: () => Promise<string[]>,
  isWanted: (found: string[]) => boolean,
): Promise<void> {
  await eventually({ what, read, until: isWanted, withinMs: WITHIN_MS })
}
