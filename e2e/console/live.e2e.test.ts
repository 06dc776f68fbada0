/** Pages that are looked at while things happen: in many tabs at once, and the set-up guide while devices come in. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Simulator, startSimulator } from '@roost/simulator'
import type { Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type OpenConsole, openConsole } from '../support/console.ts'
import { eventually } from '../support/eventually.ts'
import { newPage } from '../support/patience.ts'
import { call, type RoostServer, SERVER_TOKEN, startRoostServer } from '../support/roost-server.ts'

const SHOWN_WITHIN_MS = 60_000
/** Six connections are all that a browser opens to a server over HTTP/1.1. */
const TABS = 8

interface App {
  readonly code: string
  readonly deviceToken: string
}

let simulator: Simulator
let server: RoostServer
let app: App
beforeAll(async () => {
  simulator = await startSimulator()
  server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
})
afterAll(async () => {
  await server?.close()
  await simulator?.close()
})

let opened: OpenConsole
let counter: Counter
beforeEach(async () => {
  app = await server.rest<App>('POST', '/v1/apps', { name: 'Web shop' })
  counter = await startCounter(server.baseUrl)
})
afterEach(async () => {
  await opened?.close()
  await counter.close()
})

interface Counter {
  readonly url: string
  /** Live streams that are open now. */
  open(): number
  /** Live streams go no further from now on, until what it gives back is called. */
  holdStreams(): () => void
  close(): Promise<void>
}

/** Stands before the server as a proxy does, and counts. */
async function startCounter(target: string): Promise<Counter> {
  let open = 0
  let gate = Promise.resolve()
  const pass = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method, headers, url = '/' } = incoming
    const isLive = /\/live$/.test(new URL(url, target).pathname)
    response.once('close', () => {
      if (isLive) open--
    })
    if (isLive) {
      open++
      await gate
    }
    if (response.destroyed) return
    const onward = request(new URL(url, target), { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.once('close', () => onward.destroy())
    incoming.pipe(onward)
  }
  const proxy = createServer((incoming, response) => void pass(incoming, response))
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`,
    open: () => open,
    holdStreams: () => {
      let release = (): void => {}
      gate = new Promise(resolve => {
        release = resolve
      })
      return release
    },
    close: async () => {
      proxy.closeAllConnections()
      await new Promise(resolve => proxy.close(resolve))
    },
  }
}

const address = (path: string): string => `${counter.url}#/apps/${app.code}${path}`

async function look(page: Page, path: string): Promise<void> {
  // tabs side by side, as windows are: all of them are looked at
  const session = await page.createCDPSession()
  await session.send('Emulation.setFocusEmulationEnabled', { enabled: true })
  await page.goto(address(path))
  await page.waitForSelector(`a[href$="${path}"][aria-current="page"]`, { timeout: SHOWN_WITHIN_MS })
}

async function send(title: string): Promise<void> {
  await server.rest('POST', `/v1/apps/${app.code}/messages`, { to: { all: true }, content: { title } })
}

function shows(page: Page, text: string): Promise<unknown> {
  return page.waitForFunction(
    wanted => document.body.innerText.includes(wanted),
    {
      timeout: SHOWN_WITHIN_MS,
    },
    text,
  )
}

test('eight tabs that are looked at share one stream, and none misses anything when the first one goes', async () => {
  opened = await openConsole(`${counter.url}#token=${SERVER_TOKEN}`)
  const { page: first } = opened
  await look(first, '/messages')
  const browser = first.browser()
  const others: Page[] = []
  for (let at = 1; at < TABS; at++) {
    const page = await newPage(browser)
    await page.goto(`${counter.url}#token=${SERVER_TOKEN}`) // a tab keeps its own
    await page.waitForSelector('h1', { timeout: SHOWN_WITHIN_MS })
    await look(page, '/messages')
    others.push(page)
  }
  const tabs = [first, ...others]
  expect(await Promise.all(tabs.map(it => it.evaluate(() => document.visibilityState)))).toEqual(
    tabs.map(() => 'visible'),
  )
  await send('Told to all')
  await Promise.all(tabs.map(tab => shows(tab, 'Told to all')))
  expect(counter.open()).toBe(1)
  await first.close()
  await send('Told to the rest')
  await Promise.all(others.map(tab => shows(tab, 'Told to the rest')))
  expect(counter.open()).toBe(1)
})

test('a tab that is not looked at any more keeps no stream, and is told what it has missed when it is', async () => {
  opened = await openConsole(`${counter.url}#token=${SERVER_TOKEN}`)
  const { page } = opened
  await look(page, '/messages')
  await send('Before')
  await shows(page, 'Before')
  await setVisible(page, false)
  await eventually({
    what: 'no stream',
    read: () => counter.open(),
    until: it => it === 0,
    withinMs: SHOWN_WITHIN_MS,
  })
  await send('While nobody looked')
  await setVisible(page, true)
  await shows(page, 'While nobody looked')
})

test('a message that was sent between what the list reads and the first that it is told stands in it', async () => {
  const release = counter.holdStreams()
  const list = encodeURIComponent(`/apps/${app.code}/messages`)
  opened = await openConsole(`${counter.url}#token=${SERVER_TOKEN}&go=${list}`)
  await shows(opened.page, 'No messages yet')
  await send('In between')
  release()
  await shows(opened.page, 'In between')
})

/** As the browser tells a page: headless, no tab is ever hidden by another. */
async function setVisible(page: Page, isVisible: boolean): Promise<void> {
  await page.evaluate(
    state => {
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    },
    isVisible ? 'visible' : 'hidden',
  )
}

test('the guide of a fresh app says why a step is done, and its steps turn green as a device comes in', async () => {
  opened = await openConsole(`${counter.url}#token=${SERVER_TOKEN}`)
  const { page } = opened
  await look(page, '/guide')
  await shows(page, '1 of 6 done')
  await shows(page, 'A key pair comes with each app')
  await shows(page, 'Begin where your users are')
  await opened.screenshot('guide-fresh')
  expect(await opened.faults()).toEqual([])
  const stateOf = (step: string) =>
    page.$eval(`[data-step="${step}"]`, it => it.getAttribute('data-state') ?? '')
  expect(await stateOf('device')).toBe('open')
  const hwid = 'browser-1'
  await register(hwid)
  await page.waitForSelector('[data-step="device"][data-state="done"]', { timeout: SHOWN_WITHIN_MS })
  expect(await page.evaluate(() => document.body.innerText)).not.toContain('Begin where your users are')
  await server.rest('POST', `/v1/apps/${app.code}/test-devices`, { hwid, name: 'Desk' })
  await page.waitForSelector('[data-step="test_device"][data-state="done"]', { timeout: SHOWN_WITHIN_MS })
  await shows(page, '3 of 6 done')
})

/** As the web SDK does it. */
async function register(hwid: string): Promise<void> {
  const { status_code } = await call<{ status_code: number }>(`${server.baseUrl}/json/1.3/registerDevice`, {
    authorization: `Token ${app.deviceToken}`,
    body: {
      request: {
        application: app.code,
        hwid,
        device_type: 11,
        push_token: 'https://push.example.com/abc',
        public_key: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
        auth_token: 'BTBZMqHH6r4Tts7J_aSIgg',
      },
    },
  })
  expect(status_code).toBe(200)
}

test('a viewer is offered nothing in the guide that would lead nowhere', async () => {
  const { code } = await server.rest<{ code: string }>('POST', `/v1/apps/${app.code}/member-invitations`, {
    role: 'viewer',
  })
  await server
    .rest('POST', '/v1/setup', { name: 'Ada', password: 'four plain words of a song' })
    .catch(() => {}) // done by the run before
  opened = await openConsole(`${counter.url}#join=${code}`)
  const { page } = opened
  await page.locator('::-p-aria([name="Name"][role="textbox"])').fill('Vera')
  await page.locator('input[type=password]').fill('four plain words of a song')
  await page.locator('form button[type=submit]').click()
  await page.waitForFunction(() => location.hash.includes('/apps/'))
  await look(page, '/guide')
  await shows(page, 'somebody who may change the app')
  const links = await page.$$eval('[data-step] a', all => all.map(it => it.getAttribute('href')))
  expect(links).toEqual([])
})
