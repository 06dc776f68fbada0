/**
 * The whole way of a web push, nothing stubbed but the push service: page → SDK → server → push service →
 * Firefox → service worker → receipt → statistics; then the death of the subscription, and its return.
 */
import { startSimulator } from '@roost/simulator'
import type { Browser } from 'puppeteer-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchFirefox } from './support/firefox.ts'
import { newPage } from './support/patience.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'
import { createWebPage, type WebPage } from './support/web-page.ts'

let simulator: Awaited<ReturnType<typeof startSimulator>>
let server: RoostServer
let site: Site
let browser: Browser
let page: WebPage

beforeAll(async () => {
  simulator = await startSimulator()
  server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
  site = await startSite()
  browser = await launchFirefox({ pushServiceUrl: simulator.urls.browserPush })
  page = await createWebPage({ server, site, page: await newPage(browser) })
})

afterAll(async () => {
  await browser?.close()
  await site?.close()
  await server?.close()
  await simulator?.close()
})

test('a page is reached by a tag, dies at the push service, and is back after a reload', async () => {
  await page.visit()
  const { hwid } = await page.ask('subscribe')
  await page.setCity('Bern')
  const first = await simulator.webPush.nextSubscription()

  await expectNobodyReached(await page.sendToCity('Zurich'))
  await page.waitForDelivered(await page.sendToCity('Bern'))
  expect(await page.shown()).toMatchObject([{ title: 'Hello Bern' }])

  simulator.webPush.dropSubscription(first.endpoint)
  await page.waitForDead(await page.sendToCity('Bern'))
  expect(await page.addressStates(hwid)).not.toContain('active')

  await page.visit()
  expect(await page.ask('start')).toMatchObject({ hwid, isSubscribed: true })
  const second = await simulator.webPush.nextSubscription({ except: [first.endpoint] })
  expect(second.endpoint).not.toBe(first.endpoint)
  expect(await page.addressStates(hwid)).toContain('active')
  await page.waitForDelivered(await page.sendToCity('Bern'))

  expect(await page.ledger(hwid)).toMatchObject([
    { event: 'registered', provider: 'webpush' },
    { event: 'dead', provider: 'webpush' },
    { event: 'restored', provider: 'webpush' },
  ])
})

test('a person who unsubscribes is left alone, also after a reload', async () => {
  await page.visit()
  const { hwid } = await page.ask('subscribe')
  await page.setCity('Basel')
  await page.ask('unsubscribe')
  await page.visit()
  expect(await page.ask('start')).toMatchObject({ hwid, isSubscribed: false })
  await expectNobodyReached(await page.sendToCity('Basel'))
  expect(await page.addressStates(hwid)).not.toContain('active')
})

async function expectNobodyReached(id: string): Promise<void> {
  expect((await page.countsWhenDone(id)).accepted).toBe(0)
}
