/**
 * The console in a real Chromium: every page of its route table, in every language, on a wide screen and on a phone, in light and in
 * dark colours. A page that is added is walked without a word about it.
 */
import type { HTTPResponse } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LANGUAGES, type Look, type OpenConsole, type RunningDemo, startDemo } from './support/console.ts'
import { leftOversAmong, namesOf, rawAmong, textsOf } from './support/left-overs.ts'
import { fill, furnish, readPaths } from './support/pages.ts'
import { visit } from './support/visit.ts'

const WALK_WITHIN_MS = 400_000
/** All four are looked at in English; contrasts are those of the colours, whatever the language. */
const LOOKS: readonly Look[] = [
  { width: 1280, scheme: 'light' },
  { width: 1280, scheme: 'dark' },
  { width: 390, scheme: 'light' },
  { width: 390, scheme: 'dark' },
]

let demo: RunningDemo
/** Whole paths, as "/apps/XXXXX-XXXXX/devices". */
let pages: readonly string[]
/** Names of the data, which are the same in every language. */
const data = new Set<string>()
/** What each page says in English. */
const english = new Map<string, ReadonlySet<string>>()

beforeAll(async () => {
  demo = await startDemo()
  const { app } = demo
  const values = await furnish((method, path, body) => demo.call(method, `apps/${app}${path}`, body))
  const { ofApp, apart } = await readPaths()
  pages = [...ofApp.map(path => `/apps/${app}${fill(path, values)}`), ...apart]
})
afterAll(() => demo.close())

/** Keeps the names in what the server tells the pages. */
function listen({ page }: OpenConsole): void {
  page.on('response', (response: HTTPResponse) => {
    if (!(response.headers()['content-type'] ?? '').includes('json')) return
    void response.json().then(
      answer => namesOf(answer, data),
      () => undefined, // one that the page has left
    )
  })
}

const nameOf = (path: string) => path.replace(/^\/apps\/[^/]+/, '').replaceAll(/[^\w-]+/g, '-') || 'start'

/** What `look` finds, by page; pages without findings are left out. */
async function walk(
  { goTo }: OpenConsole,
  look: (path: string) => Promise<readonly string[]>,
): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {}
  for (const path of pages) {
    await goTo(path)
    const faults = await look(path)
    if (faults.length > 0) found[path] = faults
  }
  return found
}

describe.sequential('every page there is', () => {
  test(
    'keeps nobody out, on a wide screen and on a phone, in light and in dark colours',
    async () => {
      const opened = await visit(demo.url, { width: 1280 })
      listen(opened)
      const found = await walk(opened, async path => {
        const faults: string[] = []
        for (const as of LOOKS) {
          await opened.look(as)
          await opened.screenshot(nameOf(path))
          for (const fault of await opened.faults()) faults.push(`${as.width} ${as.scheme}: ${fault}`)
        }
        await opened.look(LOOKS[0] as Look)
        const texts = await textsOf(opened.page)
        english.set(path, new Set(texts))
        return [...faults, ...rawAmong(texts, data).map(it => `only machines read: ${it}`)]
      })
      expect(found).toEqual({})
    },
    WALK_WITHIN_MS,
  )

  test.each(LANGUAGES.filter(it => it !== 'en'))(
    'says in %s all that it says in English, keeps nobody out, and fits on a phone',
    async language => {
      const opened = await visit(demo.url, { language, width: 390 })
      listen(opened)
      const said = new Map<string, readonly string[]>()
      const found = await walk(opened, async path => {
        await opened.screenshot(nameOf(path))
        said.set(path, await textsOf(opened.page))
        return opened.faults()
      })
      for (const [path, texts] of said) {
        const left = leftOversAmong(texts, english.get(path) ?? new Set(), { language, data })
        if (left.length > 0) found[path] = [...(found[path] ?? []), ...left.map(it => `still English: ${it}`)]
      }
      expect(found).toEqual({})
    },
    WALK_WITHIN_MS,
  )
})

test('a device is found by its id, and its page keeps the search for the way back', async () => {
  const { page, go, settled } = await visit(demo.url)
  await go('/devices')
  await page.waitForSelector('[data-row] a')
  const hwid = await page.$eval('[data-row] a', link =>
    decodeURIComponent((link as HTMLAnchorElement).hash.split('/').at(-1) ?? ''),
  )
  await page.type('input[type=search]', hwid.slice(0, 12))
  // all of it: the first letters alone may find it, too
  await page.waitForFunction(
    wanted => new URLSearchParams(location.hash.split('?')[1]).get('search') === wanted,
    {},
    hwid.slice(0, 12),
  )
  await settled()
  await page.waitForFunction(
    part => document.querySelector<HTMLAnchorElement>('[data-row] a')?.hash.endsWith(part),
    {},
    encodeURIComponent(hwid),
  )
  await page.locator('[data-row] a').click()
  await page.waitForFunction(part => location.hash.includes(part), {}, `/devices/${encodeURIComponent(hwid)}`)
  await settled()
  await page.goBack()
  await page.waitForSelector('input[type=search]') // the page that is left stays until then
  expect(await page.$eval('input[type=search]', input => (input as HTMLInputElement).value)).toBe(
    hwid.slice(0, 12),
  )
})

test('the language is switched without a reload, and kept', async () => {
  const { page, settled } = await visit(demo.url)
  await page.locator('[aria-label^="Language"]').click()
  await page.locator('[role=menuitem][lang=ja]').click()
  await page.waitForFunction(() => document.documentElement.lang === 'ja')
  expect(await page.evaluate(() => localStorage.getItem('roost.language'))).toBe('ja')
  await settled()
})

test('the palette goes to a page with a few keys', async () => {
  const { page, settled } = await visit(demo.url)
  await page.keyboard.down('Control')
  await page.keyboard.press('k')
  await page.keyboard.up('Control')
  await page.waitForSelector('[role=dialog] [role=combobox]:focus') // pages have comboboxes, too
  await page.keyboard.type('creden')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => location.hash.endsWith('/credentials'))
  await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Credentials') // the page that is left stays until then
  await settled()
  await page.waitForSelector('h1:focus')
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1')
})

test('a lost connection is said, nothing typed goes away, and the page goes on when the server is back', async () => {
  const { page, go } = await visit(demo.url)
  await go('/devices')
  await page.type('input[type=search]', 'typed before')
  await page.setOfflineMode(true)
  await page.waitForFunction(() => document.body.innerText.includes('The connection to the server is lost'))
  expect(await page.$eval('input[type=search]', input => (input as HTMLInputElement).value)).toBe(
    'typed before',
  )
  await page.setOfflineMode(false)
  await page.waitForFunction(() => !document.body.innerText.includes('The connection to the server is lost'))
})

test('what there is no page for is said, with the way back', async () => {
  const { page, go } = await visit(demo.url)
  await go('/no/such/page')
  expect(await page.$eval('h1', heading => heading.textContent)).toBe('There is no such page')
})
