/** What roles keep from people: a viewer finds no active button that changes something, on any page there is, in any menu or dialog. */
import type { HTTPRequest, Page } from 'puppeteer-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OpenConsole, type RunningDemo, startDemo } from '../support/console.ts'
import { fill, furnish, readPaths, type Values } from '../support/pages.ts'
import { newPage } from '../support/patience.ts'
import { visit } from '../support/visit.ts'

const WALK_WITHIN_MS = 300_000
const PASSWORD = 'four plain words of a song'
/** Calls that compute and change nothing, and the account, which is everybody's own. Source: docs/access.md, Roles. */
const ALLOWED =
  /\/(address-policy\/preview|diagnose|imports\/dry-run|messages\/(dry-run|preview)|segments\/compile)$|\/v1\/(me|session|join)\b/

let demo: RunningDemo
let server: string
/** The one that the roles are in, and another one. */
let app: string
let other: string
let values: Values

beforeAll(async () => {
  demo = await startDemo(100)
  server = new URL(demo.url).origin
  await demo.call('POST', 'setup', { name: 'Ada', password: PASSWORD })
  app = demo.app
  values = await furnish((method, path, body) => demo.call(method, `apps/${app}${path}`, body))
  other = (await demo.call<{ code: string }>('POST', 'apps', { name: 'Hidden from editors' })).code
})
afterAll(() => demo.close())

/** A browser in which somebody has taken an invitation to the app. */
async function joinAs(role: 'viewer' | 'editor', name: string): Promise<OpenConsole> {
  const { code } = await demo.call<{ code: string }>('POST', `apps/${app}/member-invitations`, { role })
  const opened = await visit(`${server}/#join=${code}`)
  const { page } = opened
  await page.locator('::-p-aria([name="Name"][role="textbox"])').fill(name)
  await page.locator('input[type=password]').fill(PASSWORD)
  await page.locator('form button[type=submit]').click()
  await page.waitForFunction(() => location.hash.includes('/apps/'))
  await opened.settled()
  return opened
}

/** Every page that the route table has, by its whole path. */
async function allPages(): Promise<string[]> {
  const { ofApp, apart } = await readPaths()
  return [...ofApp.map(path => `/apps/${app}${fill(path, values)}`), ...apart]
}

/** Whatever a press of any active button or entry of a menu would change, in words. The server never hears of it. */
async function changesOffered({ page }: OpenConsole, paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of paths) {
    // a tab for each: no draft asks to be kept, and a browser has six connections to a host, one per live stream
    const tab = await newPage(page.browserContext())
    found.push(...(await changesOfferedAt(tab, path)))
    await tab.close()
  }
  return found
}

async function changesOfferedAt(tab: Page, path: string): Promise<string[]> {
  const found: string[] = []
  let pressed = ''
  await tab.setRequestInterception(true)
  tab.on('request', (request: HTTPRequest) => {
    const isChange = !['GET', 'HEAD'].includes(request.method())
    if (!isChange || ALLOWED.test(new URL(request.url()).pathname)) return void request.continue()
    found.push(`${pressed}: ${request.method()} ${new URL(request.url()).pathname}`)
    return void request.abort()
  })
  const pressDialog = async (): Promise<void> => {
    const from = pressed
    for (const [place, label] of (await buttonsOf(tab, DIALOG)).entries()) {
      pressed = `${from} · ${label}`
      await press(tab, DIALOG, place, label)
    }
    await tab.keyboard.press('Escape')
  }
  await tab.goto(`${server}/#${path}`)
  await tab.waitForSelector('main :is(h1, [role=alert])')
  await tab.waitForFunction(() => !document.querySelector('.mantine-Skeleton-root'))
  for (const [at, name] of (await buttonsOf(tab, 'main')).entries()) {
    pressed = `${path} · ${name}`
    await press(tab, 'main', at, name)
    for (const [place, entry] of (await buttonsOf(tab, MENU)).entries()) {
      // an entry closes its menu
      if ((await buttonsOf(tab, MENU)).length === 0) await press(tab, 'main', at, name)
      pressed = `${path} · ${name} · ${entry}`
      await press(tab, MENU, place, entry)
      await pressDialog()
    }
    pressed = `${path} · ${name}`
    await pressDialog()
  }
  return found
}

const DIALOG = '[role=dialog]'
const MENU = '[role=menu]'
const ACTIVE = [
  'button:not([disabled]):not([data-disabled]):not([aria-disabled=true])',
  'input[type=submit]:not([disabled])',
  'input[role=switch]:not([disabled])',
].join()

function buttonsOf(page: Page, place: string): Promise<string[]> {
  return page.$$eval(`${place} :is(${ACTIVE})`, all =>
    all.map(it => it.getAttribute('aria-label') ?? (it as HTMLElement).innerText.trim()),
  )
}

/** The one at that place, if it is still the same; then a moment in which the browser draws and calls go out. */
async function press(page: Page, place: string, at: number, name: string): Promise<void> {
  await page.evaluate(
    (selector, index, label) => {
      const button = document.querySelectorAll<HTMLElement>(selector)[index]
      if (button && (button.getAttribute('aria-label') ?? button.innerText.trim()) === label) button.click()
      return new Promise<void>(resolve => {
        requestAnimationFrame(() => requestAnimationFrame(() => resolve()))
      })
    },
    `${place} :is(${ACTIVE})`,
    at,
    name,
  )
}

test(
  'a viewer finds no active button that changes anything, on no page of the route table',
  async () => {
    const viewer = await joinAs('viewer', 'Vera')
    expect(await changesOffered(viewer, await allPages())).toEqual([])
  },
  WALK_WITHIN_MS,
)

test('an editor finds some by the same look', async () => {
  const editor = await joinAs('editor', 'Eve')
  const paths = (await allPages()).filter(path => /\/(devices\/.|hygiene|settings)/.test(path))
  expect(await changesOffered(editor, paths)).not.toEqual([])
})

test('for an editor of one app there is no other app', async () => {
  const { page, settled } = await joinAs('editor', 'Ed')
  await page.evaluate(code => {
    location.hash = `/apps/${code}/settings`
  }, other)
  await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'No such app')
  await settled()
  const words = await page.evaluate(() => document.body.innerText)
  expect(words).toContain('There is no app')
  expect(words).not.toContain('Hidden from editors')
  await page.evaluate(code => {
    location.hash = `/apps/${code}/members`
  }, app)
  await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Members')
  await page.locator('input[aria-label="App"]').click()
  await page.waitForSelector('[role=option]')
  expect(
    await page.$$eval('[role=option]', all => all.map(it => (it as HTMLElement).innerText).join()),
  ).not.toContain('Hidden from editors')
})
