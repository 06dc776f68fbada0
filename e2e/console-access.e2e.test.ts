/** Coming into the console as people do: the first visit, signing in, an invitation, and what a viewer may do. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OpenConsole } from './support/console.ts'
import { rewrite } from './support/hands.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { visit } from './support/visit.ts'

const OWNER = { name: 'Ada', password: 'four words of a song' }
const VIEWER = { name: 'Vera', password: 'another four plain words' }

let server: RoostServer | undefined

beforeAll(async () => {
  server = await startRoostServer({ environment: { ROOST_EXTRA_CA: '' }, caPem: '' })
})
afterAll(() => server?.close())

function running(): RoostServer {
  if (!server) throw new Error('the server did not start')
  return server
}

/** Types into the fields in their order and sends the form. */
async function fillIn({ page }: OpenConsole, ...values: readonly string[]): Promise<void> {
  const fields = await page.$$('form input')
  for (const [at, value] of values.entries()) await fields[at]?.type(value)
  await page.click('form button[type=submit]')
}

test('the first visit asks for an owner, and says beside the field what is wrong', async () => {
  const console = await visit(running().baseUrl)
  expect(await console.page.$eval('h1', heading => heading.textContent)).toBe('Welcome to Roost')
  await console.screenshot('first-setup')
  expect(await console.faults()).toEqual([])
  await fillIn(console, OWNER.name, 'short')
  await console.page.waitForFunction(() => document.body.innerText.includes('At least 12 characters'))
})

test('the console comes compressed, and what has a hash in its name may be kept', async () => {
  const html = await fetch(running().baseUrl)
  expect(html.headers.get('cache-control')).toBe('no-cache')
  const [asset] = /assets\/index-[^"]+\.js/.exec(await html.text()) ?? []
  const { headers } = await fetch(`${running().baseUrl}/${asset}`, { headers: { 'accept-encoding': 'br' } })
  expect(headers.get('content-encoding')).toBe('br')
  expect(headers.get('vary')).toBe('accept-encoding')
  expect(headers.get('cache-control')).toContain('immutable')
})

test('a person signs in, makes an app, and still is signed in after a reload', async () => {
  await running().rest('POST', '/v1/setup', OWNER)
  const console = await visit(running().baseUrl)
  expect(await console.page.$eval('h1', heading => heading.textContent)).toBe('Sign in')
  expect(await console.faults()).toEqual([])
  await fillIn(console, OWNER.name, 'a wrong password')
  await console.page.waitForSelector('[role=alert]')
  const password = await console.page.waitForSelector('input[type=password]')
  if (password !== null) await rewrite(password, OWNER.password)
  await console.page.click('form button[type=submit]')
  await console.page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Apps')
  await console.page.evaluate(() => {
    location.hash = '/new-app'
  })
  await console.page.waitForFunction(() => document.querySelector('h1')?.textContent === 'New app')
  expect(await console.faults()).toEqual([])
  await fillIn(console, 'Shop')
  await console.page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Shop is there')
  await console.page.reload()
  await console.page.waitForFunction(() => document.body.innerText.includes('Ada'))
})

test('who is invited as a viewer comes in by the link, and sees no button that changes anything', async () => {
  const { apps } = await running().rest<{ apps: { code: string }[] }>('GET', '/v1/apps')
  const app = apps[0]?.code ?? ''
  const { code } = await running().rest<{ code: string }>('POST', `/v1/apps/${app}/member-invitations`, {
    role: 'viewer',
  })
  const console = await visit(`${running().baseUrl}/#join=${code}`)
  await console.page.waitForSelector('form input')
  await fillIn(console, VIEWER.name, VIEWER.password)
  await console.page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Dashboard')
  await console.page.evaluate(open => {
    location.hash = `/apps/${open}/credentials`
  }, app)
  await console.page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Credentials')
  await console.page.waitForFunction(() => document.body.innerText.includes('View only'))
  expect(await console.page.evaluate(() => document.body.innerText.includes('Add a credential'))).toBe(false)
  await console.page.evaluate(() => {
    location.hash = '/account'
  })
  await console.page.waitForFunction(() => document.body.innerText.includes('Where I am signed in'))
  await console.settled()
  await console.screenshot('account')
  expect(await console.faults()).toEqual([])
})
