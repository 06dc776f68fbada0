/** The web SDK in a real Firefox where something goes wrong beside it: the push service, the server, a hasty page, a site that has more in its worker. */
import type { RoostOptions } from '@roost/sdk/web'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { encryptPush } from './support/encrypt.ts'
import { eventually } from './support/eventually.ts'
import { launchFirefox } from './support/firefox.ts'
import { type JsonApi, startJsonApi } from './support/json-api.ts'
import { newPage } from './support/patience.ts'
import { type PushService, startPushService } from './support/push-service.ts'
import { type Site, startSite } from './support/site.ts'

const WITHIN_MS = 60_000
/** Its scope holds none of the site's pages. */
const FAR_WORKER = '/push/roost-service-worker.js'

let pushService: PushService
let browser: Browser
let api: JsonApi
let site: Site
let page: Page

beforeAll(async () => {
  pushService = await startPushService()
  browser = await launchFirefox({ pushServiceUrl: pushService.url })
})

afterAll(async () => {
  await browser?.close()
  await pushService?.close()
})

beforeEach(async () => {
  api = await startJsonApi()
  site = await startSite()
  page = await openPage()
})

afterEach(async () => {
  for (const it of await browser.pages()) if (it.url().startsWith(site.url)) await it.close()
  await site.close()
  await api.close()
})

describe('the live channel of a page comes', () => {
  test.each(['applicationOpen', 'getConfig'])(
    'also where %s fails at its load, and that is told',
    async method => {
      api.failing.add(method)
      await expect(goLive()).rejects.toThrow(`${method} was answered with 500`)
      await untilConnecting()
    },
  )

  test('also where the service worker can’t be installed, and that is told', async () => {
    await expect(goLive({ serviceWorkerUrl: '/not-there.js' })).rejects.toThrow('could not be installed')
    await untilConnecting()
  })

  test('without `onMessage` by the first start that finds a service worker, since nobody would see what comes before', async () => {
    const leaders = await page.evaluate(async given => {
      const leaders = async () => {
        const { held = [], pending = [] } = await navigator.locks.query()
        return [...held, ...pending].filter(it => it.name === 'roost-live').length
      }
      const workers = ServiceWorkerContainer.prototype
      const { register } = workers
      workers.register = () => Promise.reject(new TypeError('The network is away'))
      const roost = window.makeRoost({ ...given, live: true })
      const failure = await roost.start().catch(error => error.code)
      const before = await leaders()
      workers.register = register
      await roost.start()
      return [failure, before, await leaders()]
    }, options())
    expect(leaders).toEqual(['service_worker_failed', 0, 1])
  })

  test('also where the push service never answers, and nobody waits for ever behind that', async () => {
    await page.evaluate(() => {
      PushManager.prototype.subscribe = () => new Promise(() => undefined)
      const later = window.setTimeout
      const soon = (run: () => void, ms?: number) => later(run, ms === 30_000 ? 0 : ms)
      window.setTimeout = soon as typeof window.setTimeout
    })
    await expect(goLive()).rejects.toThrow('push service error')
    await untilConnecting()
    const other = await openPage()
    const status = await other.evaluate(given => window.makeRoost(given).unsubscribe(), options())
    expect(status).toMatchObject({ isOptedOut: true })
  })

  test('once, when it is started twice at once', async () => {
    let goOn = () => {}
    const asked = new Promise<void>(resolve => {
      page.on('request', request => {
        if (!request.url().endsWith('roost-live.js')) return void request.continue()
        goOn = () => void request.continue()
        resolve()
      })
    })
    await page.setRequestInterception(true)
    api.failing.add('applicationOpen') // once it went through, the other need not say it
    const starting = page.evaluate(async given => {
      Reflect.deleteProperty(window, 'PushManager') // else one waits for the other's subscription
      const roost = window.makeRoost({ ...given, live: true })
      await Promise.allSettled([roost.start(), roost.start()])
    }, options())
    await asked
    await eventually({
      what: 'both on their way',
      read: () => api.failed.length,
      until: it => it === 2,
      withinMs: WITHIN_MS,
    })
    goOn()
    await starting
    const leaders = await page.evaluate(async () => {
      const { held = [], pending = [] } = await navigator.locks.query()
      return [...held, ...pending].filter(it => it.name === 'roost-live').length
    })
    expect(leaders).toBe(1)
  })
})

describe('R25: a logout', () => {
  test('takes away what is on the screen, also where the scope of the worker holds no page', async () => {
    const given = options({ serviceWorkerUrl: FAR_WORKER })
    await page.evaluate(it => window.makeRoost(it).subscribe(), given)
    await page.evaluate(it => window.makeRoost(it).setUser('ann'), given)
    push({ header: 'For Ann', p: 'a', ru: 'ann' })
    await untilShownBy(FAR_WORKER, ['For Ann'])
    await page.evaluate(it => window.makeRoost(it).setUser(undefined), given)
    expect(await shownBy(FAR_WORKER)).toEqual([])
  })

  test('of somebody who was not logged in ends nobody’s channel', async () => {
    const told = await page.evaluate(async given => {
      const channel = new BroadcastChannel('roost')
      const told: string[] = []
      const roost = window.makeRoost(given)
      const heard = new Promise<string[]>(resolve => {
        channel.onmessage = ({ data }) => {
          told.push(data.type)
          if (told.filter(it => it === 'user').length === 3) resolve(told)
        }
      })
      for (const user of [undefined, 'ann', undefined]) await roost.setUser(user)
      return heard
    }, options())
    // the first time nobody knows whom the back end may have named
    expect(told).toEqual(['person', 'user', 'person', 'user', 'person', 'logout', 'user'])
  })
})

test('notifications that the site shows by itself are its own: neither a click nor a login is any matter of ours', async () => {
  const given = options({ serviceWorkerUrl: '/worker-with-click.js' })
  await page.evaluate(it => window.makeRoost(it).subscribe(), given)
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready
    const data = { url: '/empty', userId: 'ann', hash: 'of-the-site' }
    await registration.showNotification('Of the site', { data })
    await registration.showNotification('Of the site, too')
  })
  await page.evaluate(it => window.makeRoost(it).setUser('bob'), given)
  push({ header: 'Of ours', p: 'ours' })
  await untilShownBy('/', ['Of ours', 'Of the site', 'Of the site, too'])
  await page.evaluate(async () => (await navigator.serviceWorker.ready).active?.postMessage('click'))
  await eventually({
    what: 'the click on ours',
    read: () => JSON.stringify(api.calls),
    until: it => /pushStat|"opened"/.test(it), // it may go together with others
    withinMs: WITHIN_MS,
  })
  await untilShownBy('/', ['Of the site', 'Of the site, too'])
  expect(JSON.stringify(api.calls)).not.toContain('of-the-site')
  expect((await browser.pages()).map(it => it.url())).not.toContain(`${site.url}empty`)
})

async function openPage(): Promise<Page> {
  const opened = await newPage(browser)
  await opened.goto(site.url)
  await opened.waitForFunction('window.makeRoost !== undefined')
  return opened
}

function goLive(more: Partial<RoostOptions> = {}): Promise<unknown> {
  return page.evaluate(given => window.startLive(given), options(more))
}

/** The stand-in for the server has no channel: that the page tries is what can be seen. */
async function untilConnecting(): Promise<void> {
  await page.waitForFunction(() => window.liveStatuses.includes('connecting'), { timeout: WITHIN_MS })
}

function push(message: object): void {
  const { push_token, public_key, auth_token } = api.callsOf('registerDevice')[0]?.request ?? {}
  const text = JSON.stringify(message)
  expect(
    pushService.push(String(push_token), encryptPush(text, String(public_key), String(auth_token))),
  ).toBe(201)
}

/** Titles, by the alphabet. */
function shownBy(workerUrl: string): Promise<string[]> {
  return page.evaluate(async url => {
    const registration = await navigator.serviceWorker.getRegistration(url)
    return ((await registration?.getNotifications()) ?? []).map(it => it.title).sort()
  }, workerUrl)
}

async function untilShownBy(workerUrl: string, titles: readonly string[]): Promise<void> {
  await eventually({
    what: 'notifications',
    read: () => shownBy(workerUrl),
    until: it => JSON.stringify(it) === JSON.stringify(titles),
    withinMs: WITHIN_MS,
  })
}

function options(more: Partial<RoostOptions> = {}): RoostOptions {
  return { baseUrl: api.baseUrl, application: 'AAAAA-BBBBB', deviceToken: 'device-token', ...more }
}
