/** Several pages of one Firefox, and pages that are ended in the middle: what each does holds for all of them. */
import type { RoostOptions } from '@roost/sdk/web'
import type { Browser, Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { encryptPush } from './support/encrypt.ts'
import { eventually } from './support/eventually.ts'
import { launchFirefox } from './support/firefox.ts'
import { type JsonApi, startJsonApi } from './support/json-api.ts'
import { shownOn, untilShown } from './support/live-page.ts'
import { newPage } from './support/patience.ts'
import { type PushService, startPushService } from './support/push-service.ts'
import { type Site, startSite } from './support/site.ts'

const WITHIN_MS = 60_000

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

describe('R25: who is logged in', () => {
  test('is the same for the server and for all pages, when two of them log in and out at once', async () => {
    const other = await openPage()
    await page.evaluate(given => window.makeRoost(given).start(), options())
    const flip = (on: Page, user: string) =>
      on.evaluate(
        async (given, name) => {
          const roost = window.makeRoost(given)
          // none waits for another
          await Promise.all(
            Array.from({ length: 5 }, (_, i) => roost.setUser(i % 2 === 0 ? name : undefined)),
          )
        },
        options(),
        user,
      )
    await Promise.all([flip(page, 'ann'), flip(other, 'bob')])
    const told = api.callsOf('registerUser')
    expect(told).toHaveLength(10)
    const { userId, hwid } = await stateOf(page)
    expect(told.at(-1)?.request.userId).toBe(userId ?? hwid)
    const numbers = told.map(it => Number(it.request.client_seq))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  })

  test('is told by the next page when the one that logged out was closed before it could, and what was on the screen goes', async () => {
    await page.evaluate(given => window.makeRoost(given).subscribe(), options())
    await page.evaluate(given => window.makeRoost(given).setUser('ann'), options())
    push({ header: 'For Ann', p: 'a', ru: 'ann' })
    await untilShown(page, ['For Ann'])
    const left = await openPage()
    await left.evaluate(given => {
      // from its first step on it gets no further: as if it were closed then
      const { prototype } = window.ServiceWorkerContainer
      prototype.getRegistration = () => new Promise(() => undefined)
      void window.makeRoost(given).setUser(undefined)
    }, options())
    await eventually({
      what: 'the logout in the storage',
      read: () => stateOf(left),
      until: it => it.userId === undefined,
      withinMs: WITHIN_MS,
    })
    await left.close()
    expect(api.callsOf('registerUser').map(it => it.request.userId)).toEqual(['ann'])
    const { hwid } = await page.evaluate(given => window.makeRoost(given).start(), options())
    expect(api.callsOf('registerUser').map(it => it.request.userId)).toEqual(['ann', hwid])
    expect(await shownOn(page)).toEqual([])
  })
})

test('R25: logins that an older version of the SDK has kept are told first, and the later ones in the order in which they were made', async () => {
  api.failing.add('registerUser')
  await page.evaluate(given => window.makeRoost(given).start(), options())
  await keepAsBefore(page, { key: 'registerUser:a', fields: { userId: 'bob' }, at: 2 })
  await keepAsBefore(page, { key: 'registerUser:b', fields: { userId: 'ann' }, at: 1 })
  await page.evaluate(async given => {
    let left = 9
    crypto.randomUUID = () => `${left--}-0-0-0-0` // by their names the last one is the first
    const roost = window.makeRoost(given)
    for (const user of ['cem', undefined, 'dora']) await roost.setUser(user)
  }, options())
  api.failing.clear()
  const { hwid } = await page.evaluate(given => window.makeRoost(given).start(), options())
  const told = api.callsOf('registerUser').map(it => it.request.userId)
  expect(told).toEqual(['ann', 'bob', 'cem', hwid, 'dora'])
})

test('R25: a notification that was on its way to the screen when somebody else logged in does not stay there', async () => {
  const given = { ...options(), serviceWorkerUrl: '/worker-that-waits.js' }
  await page.evaluate(it => window.makeRoost(it).subscribe(), given)
  await page.evaluate(it => window.makeRoost(it).setUser('ann'), given)
  const showing = page.evaluate(
    () =>
      new Promise<void>(resolve => {
        const channel = new BroadcastChannel('test')
        channel.onmessage = () => resolve()
      }),
  )
  await page.evaluate(() => document.title) // the page listens by then
  push({ header: 'For Ann', p: 'a', ru: 'ann' })
  await showing
  await page.evaluate(it => window.makeRoost(it).setUser('bob'), given)
  await page.evaluate(async () => (await navigator.serviceWorker.ready).active?.postMessage('go on'))
  push({ header: 'For Bob', p: 'b', ru: 'bob' })
  await untilShown(page, ['For Bob'])
  // Those that wait at the same moment go together.
  const told = () => [
    ...api.callsOf('messageDeliveryEvent').map(it => it.request.hash),
    ...api
      .callsOf('postReceipts')
      .flatMap(it => it.request.receipts as { readonly kind: string; readonly hash: string }[])
      .flatMap(it => (it.kind === 'delivered' ? [it.hash] : [])),
  ]
  await eventually({
    what: 'the receipts of both',
    read: told,
    until: it => it.length === 2,
    withinMs: WITHIN_MS,
  })
  expect(await shownOn(page)).toEqual(['For Bob'])
})

test('calls go out in the order in which they were made, also those of one moment', async () => {
  await page.evaluate(async given => {
    const roost = window.makeRoost(given)
    Date.now = () => 1_800_000_000_000
    await Promise.all(Array.from({ length: 20 }, (_, step) => roost.setTags({ step })))
  }, options())
  const steps = api.callsOf('setTags').map(it => (it.request.tags as { step: number }).step)
  expect(steps).toEqual(Array.from({ length: 20 }, (_, step) => step))
})

test('a message that a page was about to show when it was closed is shown by its push', async () => {
  await page.evaluate(given => window.makeRoost(given).subscribe(), options())
  const left = await openPage()
  // What a page holds while it shows a message, and no page ever lets go of but by its end.
  await left.evaluate(
    () =>
      new Promise<void>(held => {
        void navigator.locks.request('roost-message m', () => {
          held()
          return new Promise(() => undefined)
        })
      }),
  )
  push({ header: 'Kept back', p: 'm' })
  push({ header: 'Other', p: 'o' })
  await untilShown(page, ['Other'])
  await left.close()
  await eventually({
    what: 'both',
    read: async () => (await shownOn(page)).sort().join(),
    until: it => it === 'Kept back,Other',
    withinMs: WITHIN_MS,
  })
})

test('a page that gets and loses the focus at once is held to what it has at last', async () => {
  await page.bringToFront()
  await page.evaluate(async given => {
    let hasFocus = true
    document.hasFocus = () => hasFocus
    await window.startLive(given)
    for (let i = 0; i < 9; i++) {
      hasFocus = !hasFocus
      dispatchEvent(new Event(hasFocus ? 'focus' : 'blur'))
    }
  }, options())
  await eventually({
    what: 'what the page is for the others',
    read: () =>
      page.evaluate(async () =>
        ((await navigator.locks.query()).held ?? []).flatMap(
          it => /^roost-(focused|visible)/.exec(it.name ?? '')?.[1] ?? [],
        ),
      ),
    until: it => it.join() === 'visible',
    withinMs: WITHIN_MS,
  })
})

function options(): RoostOptions {
  return { baseUrl: api.baseUrl, application: 'AAAAA-BBBBB', deviceToken: 'device-token' }
}

async function openPage(): Promise<Page> {
  const opened = await newPage(browser)
  await opened.goto(site.url)
  await opened.waitForFunction('window.makeRoost !== undefined')
  return opened
}

interface State {
  readonly userId?: string
  readonly hwid: string
}

function stateOf(on: Page): Promise<State> {
  return on.evaluate(
    () =>
      new Promise<State>(resolve => {
        const opening = indexedDB.open('roost')
        opening.onsuccess = () => {
          const reading = opening.result.transaction('state').objectStore('state').get('device')
          reading.onsuccess = () => {
            opening.result.close()
            resolve(reading.result as State)
          }
        }
      }),
  )
}

/** As it was when calls had no order. */
function keepAsBefore(
  on: Page,
  call: { readonly key: string; readonly fields: object; readonly at: number },
): Promise<void> {
  return on.evaluate(
    kept =>
      new Promise<void>((resolve, reject) => {
        const opening = indexedDB.open('roost')
        opening.onsuccess = () => {
          const transaction = opening.result.transaction('outbox', 'readwrite')
          transaction.objectStore('outbox').put({ ...kept, method: 'registerUser' })
          transaction.onabort = () => reject(transaction.error as DOMException)
          transaction.oncomplete = () => {
            opening.result.close()
            resolve()
          }
        }
      }),
    call,
  )
}

function push(message: object): void {
  const { push_token, public_key, auth_token } = api.callsOf('registerDevice')[0]?.request ?? {}
  const body = encryptPush(JSON.stringify(message), String(public_key), String(auth_token))
  expect(pushService.push(String(push_token), body)).toBe(201)
}
