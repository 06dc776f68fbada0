/**
 * The whole way of a web push to a real Chromium: page → SDK → server → Google's stand-in → MCS stream → Chromium, which
 * decrypts (RFC 8291) → service worker → receipt; then the end of the subscription, which only the next send finds out.
 *
 * The endpoints that Chromium makes are on a host of Google's that is written into it, and Roost sends to whatever host
 * an endpoint names. So the server's process finds that host's name at the stand-in (`map-names.mjs`), as it would by
 * its name server; TLS, the path and the audience of VAPID are those of the true host.
 */
import { startSimulator } from '@roost/simulator'
import type { Browser } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM, launchChromium } from './support/chromium.ts'
import { namesEnvironment } from './support/names.ts'
import { newPage } from './support/patience.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'
import { createWebPage, type WebPage } from './support/web-page.ts'

/** Official builds use the first one, Debian's the second. */
const PUSH_HOSTS = ['fcm.googleapis.com', 'jmt17.google.com']

let simulator: Awaited<ReturnType<typeof startSimulator>>
let server: RoostServer
let site: Site
let browser: Browser
let page: WebPage

describe.skipIf(CHROMIUM === '')('with a real Chromium', () => {
  beforeAll(async () => {
    simulator = await startSimulator({ names: PUSH_HOSTS })
    const { webPush, chrome } = simulator.urls
    const names = namesEnvironment({ names: Object.fromEntries(PUSH_HOSTS.map(host => [host, webPush])) })
    server = await startRoostServer({
      environment: { ...simulator.environment(), ...names },
      caPem: simulator.caPem,
    })
    site = await startSite()
    browser = await launchChromium({ urls: chrome, origin: new URL(site.url).origin })
    page = await createWebPage({ server, site, page: await newPage(browser) })
  })

  afterAll(async () => {
    await browser?.close()
    await site?.close()
    await server?.close()
    await simulator?.close()
  })

  test('a page shows exactly what was sent, is found dead after its browser ended the subscription, and comes back', async () => {
    const { chrome } = simulator.webPush
    const text = 'Grüezi 👋, „alles" in Ordnung?\n\u0130\u4f60\u597d'
    await page.visit()
    const { hwid } = await page.ask('subscribe')
    await page.setCity('Chur')
    const first = await chrome.nextSubscription()
    const endpoint = await page.endpoint()
    expect(PUSH_HOSTS.map(host => `https://${host}/fcm/send/${first.token}`)).toContain(endpoint)

    await page.waitForDelivered(await page.sendToCity('Chur', text))
    expect(await page.shown()).toEqual([{ title: 'Hello Chur', body: text }])
    await chrome.nextReceipt({ token: first.token })
    expect(simulator.counts().webPush).toMatchObject({ accepted: 1, refused: {} })

    expect(await page.endSubscription()).toBe(true)
    await chrome.nextUnsubscription({ token: first.token })
    await page.waitForDead(await page.sendToCity('Chur'))
    expect(simulator.counts().webPush).toMatchObject({ accepted: 1, refused: { gone: 1 } })
    expect(await page.addressStates(hwid)).not.toContain('active')

    await page.visit()
    expect(await page.ask('subscribe')).toMatchObject({ hwid, isSubscribed: true })
    const second = await chrome.nextSubscription({ except: [first.token] })
    await page.waitForDelivered(await page.sendToCity('Chur'))
    await chrome.nextReceipt({ token: second.token })
    expect(await page.ledger(hwid)).toMatchObject([
      { event: 'registered', provider: 'webpush' },
      { event: 'dead', provider: 'webpush' },
      { event: 'restored', provider: 'webpush' },
    ])
  })
})
