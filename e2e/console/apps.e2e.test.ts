/** Apps in the console from their credentials to their end: what there is not, what is dropped in, the archive, and a name typed once more. */
import { generateKeyPairSync } from 'node:crypto'
import type { Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConsoleOptions } from '../support/console.ts'
import { type RoostServer, SERVER_TOKEN, startRoostServer } from '../support/roost-server.ts'
import { visit } from '../support/visit.ts'

let server: RoostServer
let app: string
beforeAll(async () => {
  server = await startRoostServer({ environment: { ROOST_EXTRA_CA: '' }, caPem: '' })
  app = (await server.rest<{ code: string }>('POST', '/v1/apps', { name: 'Shop' })).code
}, 120_000)
afterAll(() => server.close())

const open = (path: string, options?: ConsoleOptions) =>
  visit(`${server.baseUrl}/#token=${SERVER_TOKEN}&go=${encodeURIComponent(path)}`, options)

const says = (page: Page, words: string) =>
  page.waitForFunction(it => document.body.innerText.includes(it), {}, words)
const heading = (page: Page, words: string) =>
  page.waitForFunction(it => document.querySelector('h1')?.textContent === it, {}, words)
const button = (page: Page, name: string) => page.locator(`::-p-aria([name="${name}"][role="button"])`)

describe('an app that there is not', () => {
  test.each([
    ['/apps/NOONE-HERE2', {}],
    ['/apps/NOONE-HERE2/devices', { width: 390, scheme: 'dark' }],
    ['/apps/NOONE-HERE2/credentials', { language: 'ja' }],
  ] as const)('is one page that says so and leads away: %s', async (path, options) => {
    const { page, faults, screenshot, settled } = await open(path, options)
    await page.waitForFunction(() => document.querySelector('main a[href$="#/apps"]') !== null)
    await settled()
    await screenshot(`unknown-app${path.split('/')[3] ?? ''}`)
    expect(await page.$$('[role=alert]')).toHaveLength(0)
    expect(await page.$$('nav')).toHaveLength(0)
    expect(await page.evaluate(() => document.body.innerText)).toContain('NOONE\u2011HERE2')
    expect(await faults()).toEqual([])
    await page.click('main a[href$="#/apps"]')
    await page.waitForFunction(() => document.body.innerText.includes('Shop'))
  })
})

/** As from the desktop: somewhere on the page, where no field is. */
async function dropFile(page: Page, file: { readonly name: string; readonly text: string }): Promise<void> {
  await page.evaluate(({ name, text }) => {
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File([text], name))
    const target = document.querySelector('h1') as HTMLElement
    for (const kind of ['dragover', 'drop'])
      target.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }))
  }, file)
}

test('a key that is dropped anywhere on the page is taken, and what was read of it is shown', async () => {
  const { page, faults, screenshot, settled, look } = await open(`/apps/${app}/credentials`)
  await heading(page, 'Credentials')
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  await dropFile(page, { name: 'AuthKey_ABCDE12345.p8', text: privateKey })
  await says(page, 'AuthKey_ABCDE12345.p8')
  const keyId = page.locator('::-p-aria([name="Key id"][role="textbox"])')
  expect(await keyId.map(it => (it as HTMLInputElement).value).wait()).toBe('ABCDE12345')
  await page.locator('::-p-aria([name="Team id"][role="textbox"])').fill('TEAM123456')
  await page.locator('::-p-aria([name="Bundle id"][role="textbox"])').fill('com.example.shop')
  await page.click('form button[type=submit]')
  await says(page, 'This is what was read from it')
  await says(page, 'com.example.shop · key ABCDE12345')
  await settled()
  await screenshot('credentials-taken')
  await look({ width: 390, scheme: 'light' })
  const lines = await page.$$eval('button[aria-label^="Copy: "]', all =>
    all.map(it => Math.round(it.getBoundingClientRect().height)),
  )
  expect(Math.max(...lines)).toBeLessThan(32) // of one line each
  await screenshot('credentials-taken')
  expect(await faults()).toEqual([])
})

test('what is dropped and is no key is told apart, and nothing typed is lost', async () => {
  const { page } = await open(`/apps/${app}/credentials`)
  await heading(page, 'Credentials')
  await dropFile(page, { name: 'google-services.json', text: '{"project_info":{}}' })
  await says(page, 'This is no service account')
  await dropFile(page, { name: 'holiday.png', text: 'x' })
  await says(page, 'This file is of no kind that fits here')
})

test('who may only look is told so where a page is for more, and where to go instead', async () => {
  const reading = { name: 'Reads', scopes: ['read'] }
  const { token } = await server.rest<{ token: string }>('POST', '/v1/tokens', reading)
  const opened = await visit(
    `${server.baseUrl}/#token=${token}&go=${encodeURIComponent(`/apps/${app}/push-test`)}`,
  )
  const { page, faults, goTo, screenshot } = opened
  await says(page, 'Test pushes are not for your role')
  expect(await page.$$('main form')).toHaveLength(0)
  expect(await faults()).toEqual([])
  await screenshot('push-test-closed')
  await page.click('main a[href*="/diagnosis"]')
  await heading(page, 'Diagnosis')
  await goTo('/new-app')
  await says(page, 'Your role does not make apps')
  expect(await page.$$('main form')).toHaveLength(0)
  await goTo(`/apps/${app}/audit`)
  await says(page, 'This page is not for your role')
  await screenshot('audit-closed')
  expect(await faults()).toEqual([])
})

test('an app is archived, says so on its pages, is taken back, and deleted by its name', async () => {
  const { page, faults, screenshot, settled, goTo } = await open(`/apps/${app}/settings`)
  await heading(page, 'App settings')
  await button(page, 'Archive the app').click()
  await says(page, 'Archive Shop?')
  await screenshot('archive-question')
  await page.locator('[role=dialog] button:last-of-type ::-p-text(Archive the app)').click()
  await says(page, 'This app is archived since')
  expect(await faults()).toEqual([])
  await goTo('/apps')
  await says(page, 'archived')
  await screenshot('apps-archived')
  await goTo(`/apps/${app}/settings`)
  await button(page, 'Take it back').click()
  await page.waitForFunction(() => !document.body.innerText.includes('This app is archived'))
  await button(page, 'Archive the app').click()
  await page.locator('[role=dialog] button:last-of-type ::-p-text(Archive the app)').click()
  await button(page, 'Delete for good…').click()
  await says(page, 'Type its name to confirm: Shop')
  await page.locator('[role=dialog] input').fill('Sho')
  await settled()
  expect(
    await page.$$eval('[role=dialog] button', all =>
      all.filter(it => it.textContent === 'Delete for good').map(it => it.disabled),
    ),
  ).toEqual([true])
  await screenshot('delete-question')
  expect(await faults()).toEqual([])
  await page.locator('[role=dialog] input').fill('Shop')
  await page.locator('[role=dialog] ::-p-text(Delete for good)').click()
  await page.waitForFunction(() => location.hash === '#/apps')
  await says(page, 'No apps yet')
  await expect(server.rest('GET', `/v1/apps/${app}`)).rejects.toThrow('404')
})
