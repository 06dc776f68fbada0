/** People in the console: the first visit, invitations, a second factor, tokens, and the log that has all of it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret, TOTP } from 'otpauth'
import type { Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Command, LISTENING } from '../support/command.ts'
import { type ConsoleOptions, LANGUAGES } from '../support/console.ts'
import { write } from '../support/hands.ts'
import { visit } from '../support/visit.ts'

const ADA = { name: 'Ada Lovelace', password: 'seven quiet herons under glass' }
const VERA = { name: 'Vera Rubin', password: 'a galaxy turns too fast for that' }
const PAGES = [
  'settings',
  'members',
  'members?of=all',
  'tokens',
  'tokens?of=all',
  'audit',
  'audit?of=all',
] as const
/** Of a code of an authenticator. */
const STEP_MS = 30_000

let folder: string
let serve: Command
let url: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  const environment = { ROOST_DATA_DIR: join(folder, 'data'), ROOST_PORT: '0', ROOST_LOG_LEVEL: 'warn' }
  serve = new Command(['serve'], { environment })
  url = await serve.said(LISTENING)
}, 120_000)
afterAll(async () => {
  await serve.end('SIGTERM')
  await rm(folder, { recursive: true, force: true })
})

const button = (page: Page, name: string) => page.locator(`::-p-aria([name="${name}"][role="button"])`)
const field = (page: Page, name: string) => page.locator(`::-p-aria([name="${name}"][role="textbox"])`)
const says = (page: Page, words: string) =>
  page.waitForFunction(it => document.body.innerText.includes(it), {}, words)
const heading = (page: Page, words: string) =>
  page.waitForFunction(it => document.querySelector('h1')?.textContent === it, {}, words)
const goTo = (page: Page, hash: string) =>
  page.evaluate(next => {
    location.hash = next
  }, hash)
/** What stands behind one of the copy buttons. */
const copied = (page: Page, like: string) =>
  page
    .locator(`button[aria-label*="${like}"]`)
    .map(it => it.getAttribute('aria-label')?.replace(/^Copy: /, '') ?? '')
    .wait()

async function call(method: string, path: string, token: string, body?: object): Promise<Response> {
  return fetch(`${url}/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
}

async function signIn(page: Page, person: typeof ADA): Promise<void> {
  await heading(page, 'Sign in')
  await field(page, 'Name').fill(person.name)
  await page.locator('input[type=password]').fill(person.password)
  await button(page, 'Sign in').click()
}

describe.sequential('the first day of an installation', () => {
  let app: string
  let invitation: string
  let authenticator: TOTP
  /** Of a token that may do everything. */
  let token: string

  test('the link that the server prints makes the owner, and is taken out of the address bar', async () => {
    const code = await serve.said(/#setup=([\w-]+)/)
    const { page, faults } = await visit(`${url}/#setup=${code}`)
    await heading(page, 'Welcome to Roost')
    expect(await page.evaluate(() => location.href)).not.toContain(code)
    expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(2)
    expect(await faults()).toEqual([])
    await field(page, 'Name').fill(ADA.name)
    await page.locator('input[type=password]').fill(ADA.password)
    await button(page, 'Make the owner').click()
    await heading(page, 'Apps')
    await says(page, 'No apps yet')
    await goTo(page, '/new-app')
    await heading(page, 'New app')
    await field(page, 'Name').fill('Shop')
    await button(page, 'Make the app').click()
    await heading(page, 'Shop is there')
    await page.locator('::-p-aria([name="Open the app"][role="link"])').click()
    await page.waitForFunction(() => /#\/apps\/[^/]+$/.test(location.hash))
    app = /#\/apps\/([^/?]+)/.exec(page.url())?.[1] ?? ''
  })

  test('the last owner is told that nobody else could do it, and a link is shown once', async () => {
    const { page, settled, screenshot } = await visit(url)
    await signIn(page, ADA)
    await page.waitForFunction(() => location.hash.includes('/apps/'))
    await goTo(page, `/apps/${app}/members?of=all`)
    await heading(page, 'Members')
    await says(page, 'The last owner')
    expect(
      await page.$$eval(`[aria-label="Remove ${ADA.name}"]`, all =>
        all.map(it => (it as HTMLButtonElement).disabled),
      ),
    ).toEqual([true])
    await goTo(page, `/apps/${app}/members`)
    await page.waitForFunction(() => !location.hash.includes('of=all'))
    await settled()
    await button(page, 'Invite somebody').click()
    await page.locator('input[type=radio][value=viewer]').click()
    await page.locator('form input[maxlength="128"]').fill('Vera, support')
    await screenshot('invite')
    await button(page, 'Make the link').click()
    await says(page, 'The link is shown only now')
    invitation = await copied(page, '#join=')
    expect(invitation.startsWith(`${url}/#join=`)).toBe(true)
    await screenshot('invited')
    await button(page, 'I have sent it').click()
    await says(page, 'Vera, support')
    expect(await page.evaluate(() => document.body.innerHTML.includes('#join='))).toBe(false)
  })

  test('who is invited joins, sets a second factor up by its QR code, and signs in with it', async () => {
    const { page, settled, faults, screenshot } = await visit(invitation)
    await heading(page, 'Join Roost')
    await says(page, 'viewer')
    await field(page, 'Name').fill(VERA.name)
    await page.locator('input[type=password]').fill(VERA.password)
    await button(page, 'Join').click()
    await heading(page, 'Dashboard')
    await goTo(page, '/account')
    await heading(page, 'My account')
    await says(page, 'Second factor')
    await page.locator('section[aria-label="Second factor"] input[type=password]').fill(VERA.password)
    await button(page, 'Set it up').click()
    await page.waitForSelector('img[alt="QR code of the key"]')
    expect(
      await page.$eval('img[alt="QR code of the key"]', it => (it as HTMLImageElement).naturalWidth),
    ).toBeGreaterThan(0)
    const key = await page.$eval(
      'section[aria-label="Second factor"] button[aria-label^="Copy: "]',
      it => it.getAttribute('aria-label')?.replace('Copy: ', '') ?? '',
    )
    await screenshot('second-factor')
    expect(await faults()).toEqual([])
    authenticator = new TOTP({ secret: Secret.fromBase32(key), algorithm: 'SHA1', digits: 6, period: 30 })
    await field(page, 'One-time code').fill(authenticator.generate())
    await button(page, 'Switch it on').click()
    await says(page, 'Keep these recovery codes')
    expect(await page.$$eval('section[aria-label="Second factor"] code', all => all.length)).toBe(10)
    await screenshot('recovery-codes')
    await button(page, 'I have kept them').click()
    await says(page, '10 recovery codes are left')
    await settled()
    await button(page, 'Sign out').click()
    await signIn(page, VERA)
    // each code counts once, and the next one is good already
    await field(page, 'One-time code').fill(authenticator.generate({ timestamp: Date.now() + STEP_MS }))
    await button(page, 'Sign in').click()
    await heading(page, 'Dashboard')
  })

  test('a token is shown once, works, says what would stop, and is refused as soon as it is revoked', async () => {
    const { page, settled, screenshot, faults } = await visit(url)
    await signIn(page, ADA)
    await page.waitForFunction(() => location.hash.includes('/apps/'))
    await goTo(page, `/apps/${app}/tokens`)
    await heading(page, 'API tokens')
    await settled()
    await button(page, 'Make a token').click()
    await button(page, 'Make the token').click()
    await says(page, 'Give it a name')
    await field(page, 'Name').fill('Shop back end')
    await screenshot('token-form')
    expect(await faults()).toEqual([])
    await button(page, 'Make the token').click()
    await says(page, '“Shop back end” is shown only now')
    const made = await page.$eval(
      'section [role=status] button[aria-label^="Copy: "]',
      it => it.getAttribute('aria-label')?.replace('Copy: ', '') ?? '',
    )
    await screenshot('token-made')
    expect((await call('GET', `apps/${app}`, made)).status).toBe(200)
    expect((await call('PATCH', `apps/${app}`, made, { name: 'Mine' })).status).toBe(403)
    await button(page, 'I have kept it').click()
    await says(page, made.slice(0, 8))
    expect(await page.evaluate(it => document.body.innerHTML.includes(it), made)).toBe(false)
    await button(page, 'Revoke Shop back end').click()
    await says(page, 'Every program that calls with')
    await screenshot('token-revoke')
    await button(page, 'Revoke the token').click()
    await page.waitForFunction(() => !document.querySelector('[aria-label="Revoke Shop back end"]'))
    expect((await call('GET', `apps/${app}`, made)).status).toBe(401)
    await goTo(page, `/apps/${app}/tokens?of=all`)
    await says(page, 'All tokens, those of single apps included')
    await settled()
    await button(page, 'Make a token').click()
    await field(page, 'Name').fill('Pipeline')
    await page.locator('form [role=switch]').click()
    await button(page, 'Make the token').click()
    await says(page, '“Pipeline” is shown only now')
    token = await page.$eval(
      'section [role=status] button[aria-label^="Copy: "]',
      it => it.getAttribute('aria-label')?.replace('Copy: ', '') ?? '',
    )
    expect((await call('PATCH', `apps/${app}`, token, { timeZone: 'Europe/Paris' })).status).toBe(200)
  })

  test('the log has all of it, by whom, and is chosen by person and kind', async () => {
    const { page, settled } = await visit(url)
    await signIn(page, ADA)
    await page.waitForFunction(() => location.hash.includes('/apps/'))
    await goTo(page, `/apps/${app}/audit?of=all`)
    await heading(page, 'Audit log')
    await says(page, 'First owner')
    await settled()
    const rows = await page.$$eval('[data-row]', all =>
      all.map(it => (it as HTMLElement).innerText.replaceAll(/\s+/g, ' ')),
    )
    const has = (...words: readonly string[]) => rows.some(row => words.every(word => row.includes(word)))
    expect(has(ADA.name, 'First owner')).toBe(true)
    expect(has(ADA.name, 'App · added', 'Shop')).toBe(true)
    expect(has(ADA.name, 'Invitations · added')).toBe(true)
    expect(has(VERA.name, 'Joining', 'viewer')).toBe(true)
    expect(has(VERA.name, 'Own account')).toBe(true)
    expect(has(VERA.name, 'Sign-in')).toBe(true)
    expect(has(ADA.name, 'API tokens · added', 'Shop back end')).toBe(true)
    expect(has(ADA.name, 'API tokens · removed', 'Shop back end')).toBe(true)
    expect(has('Pipeline', 'token', 'App · changed', 'Europe/Paris')).toBe(true)
    await goTo(page, `/apps/${app}/audit?of=all&kind=tokens`)
    await page.waitForFunction(() => {
      const shown = [...document.querySelectorAll<HTMLElement>('[data-row]')]
      return shown.length > 0 && shown.every(it => it.innerText.includes('/tokens'))
    })
    await goTo(page, `/apps/${app}/audit?of=all&range=2020-01-01..2020-01-02`)
    await says(page, 'No change fits')
    await button(page, 'Show all').click()
    await says(page, 'First owner')
  })

  test('settings say what is wrong beside the field, are kept, and two people do not overwrite each other', async () => {
    const { page, settled } = await visit(url)
    await signIn(page, ADA)
    await page.waitForFunction(() => location.hash.includes('/apps/'))
    await goTo(page, `/apps/${app}/settings`)
    await heading(page, 'App settings')
    await settled()
    await write(page, 'Name', '')
    await page.locator('section[aria-label="General"] button[type=submit]').click()
    await says(page, 'Give it a name')
    await write(page, 'Name', 'The Shop')
    await page.locator('section[aria-label="General"] button[type=submit]').click()
    await says(page, 'Saved')
    const rules = 'section[aria-label="Rules for all messages"]'
    const [quiet] = await page.$$(`${rules} [role=switch]`)
    await quiet?.click()
    await page.locator(`${rules} button[type=submit]`).click()
    await page.waitForFunction(
      at => document.querySelector<HTMLElement>(at)?.innerText.includes('Saved'),
      {},
      rules,
    )
    expect(await (await call('GET', `apps/${app}/rules`, token)).json()).toMatchObject({
      quietHours: { from: '22:00', to: '08:00' },
    })
    const [, cap] = await page.$$(`${rules} [role=switch]`)
    await cap?.click()
    await call('PATCH', `apps/${app}/rules`, token, { categories: ['news'] })
    await page.locator(`${rules} button[type=submit]`).click()
    await says(page, 'Somebody else has changed the rules meanwhile')
    await button(page, 'Show theirs').click()
    await page.waitForFunction(
      at => document.querySelector<HTMLElement>(at)?.innerText.includes('news'),
      {},
      rules,
    )
    expect(await (await call('GET', `apps/${app}/rules`, token)).json()).toMatchObject({
      cap: null,
      categories: ['news'],
    })
  })

  test('a role is changed after a question that says to what', async () => {
    const { page, settled } = await visit(url)
    await signIn(page, ADA)
    await page.waitForFunction(() => location.hash.includes('/apps/'))
    await goTo(page, `/apps/${app}/members`)
    await heading(page, 'Members')
    await settled()
    await page.locator(`input[aria-label="Role of ${VERA.name}"]`).click()
    await page.locator('::-p-aria([name="Editor"][role="option"])').click()
    await says(page, `${VERA.name} becomes editor of The Shop.`)
    await button(page, 'Change the role').click()
    await page.waitForFunction(
      name =>
        document.querySelector<HTMLInputElement>(`input[aria-label="Role of ${name}"]`)?.value === 'Editor',
      {},
      VERA.name,
    )
    await button(page, `Remove ${VERA.name}`).click()
    await says(page, 'can no longer open The Shop')
    await page.locator('[role=dialog] ::-p-text(Cancel)').click()
  })

  describe('every page of it', () => {
    async function faultsOf(options: ConsoleOptions): Promise<Record<string, string[]>> {
      const opened = await visit(
        `${url}/#token=${token}&go=${encodeURIComponent(`/apps/${app}/settings`)}`,
        options,
      )
      const found: Record<string, string[]> = {}
      for (const path of PAGES) {
        await opened.go(`/${path}`)
        await opened.screenshot(path.replace('?of=', '-'))
        const faults = await opened.faults()
        if (faults.length > 0) found[path] = faults
      }
      return found
    }

    test.each(LANGUAGES)('in %s has all its texts and nothing that keeps anybody out', async language => {
      expect(await faultsOf({ language })).toEqual({})
    })

    test.each(['light', 'dark'] as const)('fits on a phone in %s colours', async scheme => {
      expect(await faultsOf({ width: 390, scheme })).toEqual({})
    })

    test('is fine in the dark', async () => {
      expect(await faultsOf({ scheme: 'dark' })).toEqual({})
    })
  })
})
