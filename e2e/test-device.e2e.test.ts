/**
 * A test device by its code, as people do it: `roost test-device` shows the link, a real Firefox opens it in the phone's place, goes on to the site,
 * subscribes, gets the test push and opens it; and the terminal tells each step.
 */
import { type Simulator, startSimulator } from '@roost/simulator'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { Command, endCommands } from './support/command.ts'
import { type OpenConsole, openConsole } from './support/console.ts'
import { launchFirefox } from './support/firefox.ts'
import { newPage } from './support/patience.ts'
import { type RoostServer, SERVER_TOKEN, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'

interface App {
  readonly code: string
  readonly deviceToken: string
}

let simulator: Simulator
let server: RoostServer
let browser: Browser
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
  site = await startSite()
  page = await newPage(browser)
})
afterEach(async () => {
  await endCommands('SIGINT')
  await page.close()
  await site.close()
})

function invite(...args: string[]): Command {
  return new Command(['test-device', '--url', server.baseUrl, ...args], {
    environment: { ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN },
  })
}

async function createApp(): Promise<App> {
  return server.rest<App>('POST', '/v1/apps', { name: 'Web shop' })
}

const LINK = /(http:\/\/\S+\/test-device#\S+)/

/** From the code to the site, as the person at the phone does it. */
async function scan(link: string): Promise<void> {
  await page.goto(link)
  await page.waitForSelector('#open:not([hidden])')
  await Promise.all([page.waitForNavigation(), page.click('#open')])
  await page.waitForFunction('window.makeRoost !== undefined')
}

function ask(method: 'start' | 'subscribe', { code, deviceToken }: App): Promise<unknown> {
  const options = {
    baseUrl: server.baseUrl,
    application: code,
    deviceToken,
    serviceWorkerUrl: '/worker-with-click.js',
  }
  return page.evaluate((name, given) => window.makeRoost(given)[name](), method, options)
}

function permit(state: 'granted' | 'denied'): Promise<void> {
  const permission = { name: 'notifications' }
  return browser.defaultBrowserContext().setPermission(new URL(site.url).origin, { permission, state })
}

test('from the code in the terminal to the opened push, each step is told as it comes', async () => {
  const app = await createApp()
  const command = invite('--app', app.code, '--name', 'Firefox', '--opens', site.url)
  await scan(await command.said(LINK))
  await command.said(/✓ \S+ +code scanned/)
  await ask('subscribe', app)
  await command.said(/✓ \S+ +received by the phone/)
  const lines = command.out.split('\n').filter(it => it.startsWith('✓'))
  expect(lines.map(it => it.slice(12).trim().split(/ {2,}/)[0])).toEqual([
    'code scanned',
    'app opened',
    'notifications allowed',
    'token from the system',
    'token handed in',
    'credential found',
    'accepted by the gateway',
    'received by the phone',
  ])
  await page.evaluate(async () => (await navigator.serviceWorker.ready).active?.postMessage('click'))
  await command.said(/✓ \S+ +opened/)
  expect((await command.ended()).code).toBe(0)
  const { testDevices } = await server.rest<{ testDevices: { name: string }[] }>(
    'GET',
    `/v1/apps/${app.code}/test-devices`,
  )
  expect(testDevices).toMatchObject([{ name: 'Firefox' }])
})

test('what keeps the phone from it is told in red, with what to do; and once it is mended the same code goes on', async () => {
  const app = await createApp()
  const command = invite('--app', app.code, '--opens', site.url, '--until', 'received')
  await scan(await command.said(LINK))
  await permit('denied')
  await ask('subscribe', app)
  await command.said(/✗ \S+ +notifications allowed +denied/)
  await command.said(/→ Allow notifications .* Then open the link on the phone again/)
  expect(command.out).not.toContain('token handed in')
  await permit('granted')
  await ask('subscribe', app)
  await command.said(/✓ \S+ +received by the phone/)
  expect((await command.ended()).code).toBe(0)
})

test('a code that another browser has taken is told so on the page', async () => {
  const app = await createApp()
  const command = invite('--app', app.code, '--opens', site.url)
  const link = await command.said(LINK)
  await scan(link)
  await ask('start', app)
  await command.said(/✓ \S+ +app opened/)
  await scan(link) // the same phone may come again
  const stranger = await browser.createBrowserContext()
  const other = await newPage(stranger)
  await other.goto(link)
  const fault = await other.waitForSelector('#fault:not([hidden])')
  expect(await fault?.evaluate(it => it.textContent)).toBe('another phone has taken this invitation')
  await stranger.close()
})

const SHOWN_WITHIN_MS = 60_000

/** The code that the console shows, with what is behind it. */
async function inviteInConsole(app: App): Promise<{ readonly console: OpenConsole; readonly link: string }> {
  const console = await openConsole(`${server.baseUrl}/#token=${SERVER_TOKEN}`)
  onTestFinished(() => console.close())
  const { page: desk } = console
  await desk.goto(`${server.baseUrl}/#/apps/${app.code}/test-devices`)
  await desk.locator('::-p-text(Connect a phone)').click()
  await desk.locator('input[placeholder="https://shop.example.com/"]').fill(site.url)
  const made = desk.waitForResponse(
    it => it.request().method() === 'POST' && it.url().endsWith('/invitations'),
  )
  await desk.locator('::-p-text(Show the code)').click()
  const { link } = (await (await made).json()) as { link: string }
  return { console, link }
}

test('the console shows what the page on the phone finds when it looks at itself, and keeps it with the test device', async () => {
  const app = await createApp()
  const { console, link } = await inviteInConsole(app)
  const { page: desk } = console
  const shown = (selector: string) => desk.waitForSelector(selector, { timeout: SHOWN_WITHIN_MS })
  await scan(link)
  await permit('denied')
  await ask('subscribe', app)
  await shown('[data-code="permission_denied"][data-verdict="bad"]')
  await shown('[data-code="device_without_address"][data-verdict="bad"], [data-code="device_unknown"]')
  await console.screenshot('self-check-denied')
  expect(await console.faults()).toEqual([])
  await permit('granted')
  await ask('subscribe', app)
  await shown('[data-code="device_registered"][data-verdict="good"]')
  expect(await desk.$$('[data-verdict="bad"], [data-verdict="warning"]')).toEqual([])
  await console.screenshot('self-check-good')
  await desk.locator('::-p-text(Close)').click()
  await desk.locator('[data-self-check]').click()
  await shown('[role="dialog"] [data-code="clock_right"]')
  // until it has come up whole
  await desk.waitForFunction(
    () => getComputedStyle(document.querySelector('[role="dialog"]') as Element).opacity === '1',
  )
  await console.screenshot('self-check-kept')
  expect(await console.faults()).toEqual([])
  await desk.locator('[role="dialog"] button[aria-label="Close"]').click()
  await desk.waitForFunction(() => document.querySelector('[role="dialog"]') === null)
  await desk.locator('a[href*="/devices/"]').click()
  await desk.waitForFunction(() => location.hash.includes('/devices/'))
  await shown('section[aria-label="Self-check"] [data-code="device_registered"]')
  await console.screenshot('self-check-device')
  expect(await console.faults()).toEqual([])
  const phone = await openConsole(`${server.baseUrl}/#token=${SERVER_TOKEN}`, {
    width: 390,
    scheme: 'dark',
    language: 'ja',
  })
  onTestFinished(() => phone.close())
  await phone.page.goto(`${server.baseUrl}/#/apps/${app.code}/test-devices`)
  await phone.page.locator('[data-self-check]').click()
  await phone.page.waitForSelector('[role="dialog"] [data-code="clock_right"]')
  await phone.screenshot('self-check-kept')
  expect(await phone.faults()).toEqual([])
})

test('a site without the file for test devices works all the same', async () => {
  const app = await createApp()
  const command = invite('--app', app.code, '--opens', site.url)
  const link = await command.said(LINK)
  await page.setRequestInterception(true)
  page.on('request', request => {
    if (request.url().includes('roost-testing')) void request.abort()
    else void request.continue()
  })
  await scan(link)
  await permit('granted')
  expect(await ask('subscribe', app)).toMatchObject({ isSubscribed: true })
})
