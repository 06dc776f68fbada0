/**
 * The web SDK on its live channel, in a real Firefox against a real server: the road follows what the person looks at, each message is seen
 * once, and by nobody but whom it is for.
 */
import type { MessageView, TraceView } from '@roost/protocol'
import type { RoostOptions } from '@roost/sdk/web'
import { type Simulator, startSimulator } from '@roost/simulator'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { launchFirefox } from './support/firefox.ts'
import { shownOn, untilConnected, untilHeard, untilShown } from './support/live-page.ts'
import { newPage } from './support/patience.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'

const WITHIN_MS = 60_000

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
let hwid: string
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
  await server.rest('POST', `/v1/apps/${app.code}/credentials`, { gateway: 'webpush', kind: 'vapid' })
  site = await startSite()
  page = await openPage()
  const status = await page.evaluate(given => window.makeRoost(given).subscribe(), options())
  hwid = status.hwid ?? ''
})
afterEach(async () => {
  for (const it of await browser.pages()) if (it.url().startsWith(site.url)) await it.close()
  await site.close()
})

describe('the road', () => {
  test('is the connection while a page is in view, and Web Push when it is closed; nothing comes twice', async () => {
    await goLive(page)
    await untilPresence('online')
    const here = await send({ content: { title: 'Here' }, route: 'online-first' })
    await untilHeard(page, ['Here'])
    await untilAcknowledged(here)
    expect(await shownOn(page)).toEqual([])

    const other = await openPage('empty')
    await page.close()
    await untilPresence('offline')
    await send({ content: { title: 'Gone' }, route: 'online-first' })
    await untilShown(other, ['Gone'])

    page = await openPage()
    await goLive(page)
    await untilPresence('online')
    await send({ content: { title: 'Back' }, route: 'online-first' })
    await untilHeard(page, ['Back'])
    await untilShown(other, ['Gone'])
  })

  test('is Web Push while the page is hidden, and the connection when it is in view again', async () => {
    await goLive(page)
    await untilPresence('online')
    const other = await openPage('empty')
    await untilPresence('background')
    await send({ content: { title: 'Hidden' }, route: 'online-first' })
    await untilShown(other, ['Hidden'])
    await page.bringToFront()
    await untilPresence('online')
    await send({ content: { title: 'Seen' }, route: 'online-first' })
    await untilHeard(page, ['Seen'])
  })

  test('ends on the screen while the page is hidden, also when its first start could not install the service worker', async () => {
    await page.evaluate(async given => {
      const workers = ServiceWorkerContainer.prototype
      const { register } = workers
      workers.register = () => Promise.reject(new TypeError('The network is away'))
      await window.startLive(given).catch(() => undefined)
      workers.register = register
      await window.roost.start()
    }, options())
    await untilPresence('online')
    const other = await openPage('empty')
    await untilPresence('background')
    await send({ content: { title: 'Hidden' }, route: 'online-only' })
    await untilShown(other, ['Hidden'])
  })

  test('may be both at once: the second one to come is dropped', async () => {
    await goLive(page)
    await untilPresence('online')
    const both = await send({ content: { title: 'Both' }, route: 'both' })
    await untilHeard(page, ['Both'])
    await doneOf(both)
    await send({ content: { title: 'After' }, route: 'push' })
    await untilHeard(page, ['Both', 'After'])
    expect(await shownOn(page)).toEqual([])
  })
})

describe('several pages of a browser', () => {
  test('share one connection, which another one takes over; who is looked at hears of a message', async () => {
    await goLive(page)
    await untilPresence('online')
    const second = await openPage()
    await startLive(second)
    await second.bringToFront()
    await untilShownVisible(second, page)
    await send({ content: { title: 'One' }, route: 'online-only' })
    await untilHeard(second, ['One'])
    expect(await second.evaluate(() => window.liveStatuses)).toEqual([])
    await page.close()
    await untilConnected(second)
    await untilPresence('online')
    await send({ content: { title: 'Two' }, route: 'online-only' })
    await untilHeard(second, ['One', 'Two'])
  })
})

describe('what becomes of a message while a page is in view', () => {
  test('is what the site has chosen, unless the message says otherwise', async () => {
    await goLive(page, { foreground: 'silent' })
    await untilPresence('online')
    const quiet = await send({ content: { title: 'Quiet' }, route: 'online-only' })
    await untilDelivered(quiet)
    const data = { roost_foreground: 'show' }
    await send({ content: { title: 'Loud', data }, route: 'online-only' })
    await untilShown(page, ['Loud'])
    await untilHeard(page, ['Loud'])
  })
})

describe('R25: after a login as somebody else', () => {
  test('the connection is theirs, and after a logout there is none until somebody logs in', async () => {
    await goLive(page)
    expect(await logIn(page, 'ann')).toBe('sent')
    await untilConnected(page)
    const presenceOf = (user: string) => `/v1/apps/${app.code}/users/${user}/presence`
    await untilState(presenceOf('ann'), 'online')
    expect(await logIn(page, undefined)).toBe('sent')
    await page.waitForFunction(() => window.liveStatuses.at(-1) === 'resting', { timeout: WITHIN_MS })
    await send({ content: { title: 'By push' }, route: 'online-first' })
    await untilHeard(page, ['By push'])
    expect(await logIn(page, 'bob')).toBe('sent')
    await untilConnected(page)
    await untilState(presenceOf('bob'), 'online')
    await send({ to: { users: ['bob'] }, content: { title: 'For Bob' }, route: 'online-only' })
    await untilHeard(page, ['By push', 'For Bob'])
  })

  test('that the server has not heard of, the number of what is unread for the former one is not shown', async () => {
    await page.evaluate(noteUnread, options())
    expect(await page.evaluate(() => window.roost.setUser('ann'))).toBe('sent')
    await untilState(`/v1/apps/${app.code}/users/ann/presence`, 'online')
    const elsewhere = await startSite() // another device of hers
    const there = await openPage('', elsewhere)
    await there.evaluate(given => window.makeRoost(given).setUser('ann'), options())
    for (const title of ['One', 'Two'])
      await send({ to: { users: ['ann'] }, content: { title }, inbox: { only: true } })
    const { value } = await eventually({
      what: 'her inbox',
      read: () => there.evaluate(given => window.makeRoost(given).inbox(), options()),
      until: it => it.unread === 2,
      withinMs: WITHIN_MS,
    })
    const other = await openPage()
    const loggingIn = other.evaluate(given => {
      window.fetch = () => Promise.reject(new TypeError('The network is away'))
      BroadcastChannel.prototype.postMessage = () => {} // as if it had not come yet
      return window.makeRoost(given).setUser('bob')
    }, options())
    expect(await loggingIn).toBe('kept')
    const id = value.entries[0]?.id ?? ''
    await there.evaluate((given, it) => window.makeRoost(given).markInbox(it, 'read'), options(), id)
    const noted = () => page.evaluate(() => (window as unknown as NotesUnread).noted)
    await eventually({
      what: 'the number for Ann',
      read: noted,
      until: it => it.frames.includes('{"type":"unread","count":1}'),
      withinMs: WITHIN_MS,
    })
    await page.evaluate(() => window.roost.status()) // it reads the storage after whoever judges the frame
    expect((await noted()).counts).not.toContain(1)
    await there.close()
    await elsewhere.close()
  })

  test('that the server has not heard of, nothing that is meant for the former one is shown', async () => {
    await goLive(page)
    expect(await logIn(page, 'ann')).toBe('sent')
    await send({ to: { users: ['ann'] }, content: { title: 'For Ann' }, route: 'push' })
    await untilHeard(page, ['For Ann'])
    const other = await openPage('empty')
    await send({ to: { users: ['ann'] }, content: { title: 'Left for Ann' }, route: 'push' })
    await untilShown(other, ['Left for Ann'])

    await server.kill()
    expect(await logIn(page, undefined)).toBe('kept')
    expect(await logIn(page, 'bob')).toBe('kept')
    expect(await shownOn(other)).toEqual([])
    await page.close() // nobody tells the server
    await server.startAgain()
    const late = await send({ to: { users: ['ann'] }, content: { title: 'Secret' }, route: 'push' })
    expect(await doneOf(late)).toMatchObject({ accepted: 1 }) // as far as the server knows she is there
    await send({ to: { all: true }, content: { title: 'For all' }, route: 'push' })
    await untilShown(other, ['For all'])

    page = await openPage()
    await goLive(page)
    await send({ to: { users: ['bob'] }, content: { title: 'For Bob' }, route: 'online-first' })
    await untilHeard(page, ['For Bob'])
    expect(
      await doneOf(await send({ to: { users: ['ann'] }, content: { title: 'Too late' } })),
    ).toMatchObject({
      accepted: 0,
    })
    expect(await shownOn(other)).toEqual(['For all'])
  })
})

interface NotesUnread {
  /** Frames that came, and numbers that the site was told. */
  noted: { readonly frames: string[]; readonly counts: number[] }
}

/** Starts one that is connected. */
async function noteUnread(options: RoostOptions): Promise<void> {
  const frames: string[] = []
  const counts: number[] = []
  ;(window as unknown as NotesUnread).noted = { frames, counts }
  window.WebSocket = class extends WebSocket {
    constructor(url: string | URL) {
      super(url)
      this.addEventListener('message', ({ data }) => frames.push(String(data)))
    }
  }
  window.roost = window.makeRoost({ ...options, live: true, onUnread: count => counts.push(count) })
  await window.roost.start()
}

function options(more: Partial<RoostOptions> = {}): RoostOptions {
  return { baseUrl: server.baseUrl, application: app.code, deviceToken: app.deviceToken, ...more }
}

async function openPage(path = '', { url }: Pick<Site, 'url'> = site): Promise<Page> {
  const opened = await newPage(browser)
  await opened.goto(url + path)
  if (path === '') await opened.waitForFunction('window.makeRoost !== undefined')
  return opened
}

async function startLive(on: Page, more: Partial<RoostOptions> = {}): Promise<void> {
  await on.evaluate(given => window.startLive(given), options(more))
}

async function goLive(on: Page, more: Partial<RoostOptions> = {}): Promise<void> {
  await startLive(on, more)
  await untilConnected(on)
}

function logIn(on: Page, userId: string | undefined): Promise<string> {
  return on.evaluate(id => window.roost.setUser(id ?? undefined), userId ?? null)
}

async function send(message: object): Promise<string> {
  const path = `/v1/apps/${app.code}/messages`
  return (await server.rest<{ id: string }>('POST', path, { to: { devices: [hwid] }, ...message })).id
}

async function doneOf(id: string): Promise<MessageView['counts']> {
  const { value } = await eventually({
    what: 'the message at its end',
    read: () => server.rest<MessageView>('GET', `/v1/apps/${app.code}/messages/${id}`),
    until: it => it.state === 'done',
    withinMs: WITHIN_MS,
  })
  return value.counts
}

/** Over the connection. */
async function untilAcknowledged(id: string): Promise<void> {
  await eventually({
    what: 'a frame that is acknowledged',
    read: () => server.rest<TraceView>('GET', `/v1/apps/${app.code}/messages/${id}/trace?hwid=${hwid}`),
    until: it => it.evidence.some(line => /acknowledged (it|at)/.test(line)),
    withinMs: WITHIN_MS,
  })
}

/** By its receipt. */
async function untilDelivered(id: string): Promise<void> {
  await eventually({
    what: 'a receipt',
    read: () => server.rest<MessageView>('GET', `/v1/apps/${app.code}/messages/${id}`),
    until: it => it.counts.delivered === 1,
    withinMs: WITHIN_MS,
  })
}

function untilPresence(state: string): Promise<void> {
  return untilState(`/v1/apps/${app.code}/devices/${hwid}/presence`, state)
}

async function untilState(path: string, state: string): Promise<void> {
  await eventually({
    what: `presence ${state}`,
    read: () => server.rest<{ state: string }>('GET', path),
    until: it => it.state === state,
    withinMs: WITHIN_MS,
  })
}

/** The locks say so by then, which messages go by. */
async function untilShownVisible(inView: Page, hidden: Page): Promise<void> {
  await eventually({
    what: 'one page in view',
    read: async () => ({
      locks: await inView.evaluate(
        async () =>
          ((await navigator.locks.query()).held ?? []).filter(it =>
            /^roost-(focused|visible)/.test(it.name ?? ''),
          ).length,
      ),
      other: await hidden.evaluate(() => document.visibilityState),
    }),
    until: it => it.locks === 1 && it.other === 'hidden',
    withinMs: WITHIN_MS,
  })
}
