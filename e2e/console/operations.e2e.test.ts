/** What keeps sending and the base in order, in a real Chromium: credentials, hygiene, webhooks and the set-up guide. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressPolicy, AlertView, PolicyPreview, UndoPreview, UndoView } from '@roost/protocol'
import { type Simulator, startSimulator } from '@roost/simulator'
import type { Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppleAuthority, PRODUCTION, SANDBOX } from '../../packages/gateways/test/apple-certificates.ts'
import { makeCertificate } from '../../packages/gateways/test/peer.ts'
import {
  type ConsoleOptions,
  type OpenConsole,
  type RunningDemo,
  startMonthDemo,
} from '../support/console.ts'
import { eventually } from '../support/eventually.ts'
import { write } from '../support/hands.ts'
import { type RoostServer, SERVER_TOKEN, startRoostServer } from '../support/roost-server.ts'
import { visit } from '../support/visit.ts'

const DAY_MS = 24 * 60 * 60_000
const DONE_WITHIN_MS = 60_000
const BUNDLE_ID = 'com.example.app'
const PASSWORD = 'p12-password'
/** So many deaths at once, and nothing accepted, are held (R16). */
const PHONES = 8

/** By the words on it, the first of them; waits until it may be pressed. `within` is an XPath. */
async function press(page: Page, words: string, within = ''): Promise<void> {
  await page.locator(`::-p-xpath(${within}//button[starts-with(normalize-space(), "${words}")])`).click()
}

async function fill(page: Page, label: string, text: string): Promise<void> {
  await write(page, label, text)
}

async function says(page: Page, words: string): Promise<void> {
  await page.waitForFunction(wanted => document.body.innerText.includes(wanted), {}, words)
}

describe('an app that is set up', () => {
  let folder: string
  let simulator: Simulator
  let server: RoostServer
  let receiver: Server
  let status = 204
  const received: string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
    simulator = await startSimulator()
    const certificate = await makeCertificate()
    receiver = createServer(certificate, (request, response) => {
      let body = ''
      request.on('data', (part: Buffer) => {
        body += part.toString()
      })
      request.on('end', () => {
        received.push(body)
        response.writeHead(status).end()
      })
    })
    await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
    server = await startRoostServer({
      environment: { ...simulator.environment(), ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' },
      caPem: `${simulator.caPem}\n${certificate.cert}`,
    })
  })
  afterAll(async () => {
    await server?.close()
    await simulator?.close()
    receiver?.closeAllConnections()
    receiver?.close()
    await rm(folder, { recursive: true, force: true })
  })

  interface MadeApp {
    readonly code: string
    readonly deviceToken: string
  }

  /** An app of its own, open at a page. */
  async function openApp(
    path: string,
    options?: ConsoleOptions,
  ): Promise<OpenConsole & { readonly app: MadeApp }> {
    const app = await server.rest<MadeApp>('POST', '/v1/apps', { name: `Shop ${path}` })
    const opened = await visit(`${server.baseUrl}/#token=${SERVER_TOKEN}`, options)
    await opened.page.evaluate(hash => {
      document.querySelector('h1')?.setAttribute('data-left', '')
      location.hash = hash
    }, `/apps/${app.code}${path}`)
    await opened.page.waitForSelector('h1:not([data-left])')
    await opened.settled()
    return { ...opened, app }
  }

  async function drop(page: Page, name: string, content: string | Buffer): Promise<void> {
    const file = join(folder, name)
    await writeFile(file, content)
    const input = await page.waitForSelector('input[type=file]')
    await (input as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(file)
  }

  test('a .p8 tells its key id by its name, faults are said beside their fields, and Apple takes it', async () => {
    const { page, faults, screenshot } = await openApp('/credentials')
    const { keyId, teamId, p8 } = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    await press(page, 'Add a credential')
    await drop(page, `AuthKey_${keyId}.p8`, p8)
    await says(page, `AuthKey_${keyId}.p8`)
    expect(await page.$eval('::-p-aria([name="Key id"])', it => (it as HTMLInputElement).value)).toBe(keyId)
    await fill(page, 'Bundle id', BUNDLE_ID)
    await fill(page, 'Team id', 'short')
    await press(page, 'Add', '//form')
    await says(page, 'A team id has 10 capital letters and digits')
    expect(await faults()).toEqual([])
    await fill(page, 'Team id', teamId)
    await press(page, 'Add', '//form')
    await says(page, 'the gateway takes it')
    await screenshot('credentials-p8')
    expect(await faults()).toEqual([])
  })

  /** The upload of a certificate that ends in so many days. */
  function certificate(days: number): { readonly p12: Buffer; readonly body: object } {
    const stamp = (at: number) => `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
    const notBefore = stamp(Date.now() - 400 * DAY_MS)
    const notAfter = stamp(Date.now() + days * DAY_MS)
    const apple = new AppleAuthority()
    const made = apple.issue({ uid: BUNDLE_ID, extensions: [SANDBOX, PRODUCTION], notBefore, notAfter })
    const p12 = apple.p12(made, PASSWORD, '-legacy')
    return { p12, body: { gateway: 'apns', kind: 'p12', p12: p12.toString('base64'), password: PASSWORD } }
  }

  test('what is wrong with a credential and what mends it is said in the reader’s language, on its page and above the dashboard', async () => {
    const { page, app, faults, goTo, screenshot } = await openApp('/credentials', { language: 'ru' })
    await server.rest('POST', `/v1/apps/${app.code}/credentials`, certificate(-2).body)
    await says(page, 'Срок сертификата истёк; Apple не принимает с ним отправки.')
    await says(page, 'Создайте новый сертификат «Apple Push Notification service SSL»')
    await server.rest('POST', `/v1/apps/${app.code}/credentials`, certificate(9).body)
    await says(page, 'Срок сертификата истекает через 9 дней')
    expect(await faults()).toEqual([])
    await screenshot('credential-health')
    await goTo(`/apps/${app.code}`)
    await says(page, 'Срок сертификата истёк; Apple не принимает с ним отправки.')
    await screenshot('credential-strip')
  })

  test('an expired p12 is replaced in its place, and not over what somebody else has put there', async () => {
    const { page, app, faults } = await openApp('/credentials')
    const credentials = `/v1/apps/${app.code}/credentials`
    const { id } = await server.rest<{ id: string }>('POST', credentials, certificate(-2).body)
    const card = '//section[starts-with(@aria-label, "Apple")]'
    // it comes in by itself
    await page.waitForSelector(`::-p-xpath(${card})`)
    await says(page, 'paused')
    await press(page, 'Replace', card)
    await drop(page, 'push.p12', certificate(300).p12)
    await fill(page, 'Its password (optional)', PASSWORD)
    await server.rest('PUT', `${credentials}/${id}`, certificate(200).body)
    await press(page, 'Replace', `${card}//form`)
    await says(page, 'changed_meanwhile')
    expect(await server.rest<{ version: number }>('GET', `${credentials}/${id}`)).toMatchObject({
      version: 2,
    })
    await press(page, 'Cancel', `${card}//form`)
    await press(page, 'Replace', card)
    await drop(page, 'push.p12', certificate(300).p12)
    await fill(page, 'Its password (optional)', PASSWORD)
    await press(page, 'Replace', `${card}//form`)
    await says(page, 'replaced 2 times')
    expect(await server.rest('GET', `${credentials}/${id}`)).toMatchObject({ version: 3, status: 'active' })
    expect(await faults()).toEqual([])
  })

  test('a step of the guide turns green while the page is open, when the first device comes in', async () => {
    const { page, app, faults } = await openApp('/guide?platform=android')
    await page.waitForSelector('[data-step=device][data-state=open]')
    expect(await page.$eval('pre', code => code.textContent)).toContain(app.code)
    expect(await faults()).toEqual([])
    const response = await fetch(`${server.baseUrl}/json/1.3/registerDevice`, {
      method: 'POST',
      headers: { authorization: `Token ${app.deviceToken}` },
      body: JSON.stringify({
        request: {
          application: app.code,
          hwid: 'first-phone',
          device_type: 3,
          push_token: 'token-of-a-phone',
        },
      }),
    })
    expect(response.status).toBe(200)
    await page.waitForSelector('[data-step=device][data-state=done]')
  })

  test('a mass failure is held, shown while the page is open, and forgotten with one decision', async () => {
    const { page, app, faults, screenshot } = await openApp('/hygiene')
    await says(page, 'No open alerts')
    const project = await simulator.fcm.createProject()
    await server.rest('POST', `/v1/apps/${app.code}/credentials`, {
      gateway: 'fcm',
      kind: 'service-account',
      serviceAccount: project.serviceAccount,
    })
    const hwids = Array.from({ length: PHONES }, (_, at) => `phone-${at}`)
    for (const hwid of hwids) {
      const token = simulator.fcm.issueToken({ projectId: project.projectId })
      simulator.fcm.faults.answerFor(token, { form: 'unregistered' }, 1)
      const response = await fetch(`${server.baseUrl}/json/1.3/registerDevice`, {
        method: 'POST',
        headers: { authorization: `Token ${app.deviceToken}` },
        body: JSON.stringify({
          request: { application: app.code, hwid, device_type: 3, push_token: token },
        }),
      })
      expect(response.status).toBe(200)
    }
    await server.rest('POST', `/v1/apps/${app.code}/messages`, {
      to: { devices: hwids },
      content: { title: 'Hello', body: 'There' },
    })
    await says(page, `${PHONES} addresses are held`)
    await screenshot('alerts')
    expect(await faults()).toEqual([])
    await press(page, 'They live')
    await says(page, `Do ${PHONES} addresses live?`)
    await press(page, 'Keep them')
    await says(page, 'deaths taken back')
    const { alerts } = await server.rest<{ alerts: AlertView[] }>('GET', `/v1/apps/${app.code}/alerts`)
    expect(alerts).toMatchObject([{ kind: 'deaths_held', state: 'forgotten', held: 0 }])
    const { devices } = await server.rest<{ devices: { state: string }[] }>(
      'GET',
      `/v1/apps/${app.code}/devices`,
    )
    expect(devices.map(({ state }) => state)).toEqual(hwids.map(() => 'active'))
  })

  test('all that can be taken back is counted while the clock goes on, in an app that has lost nobody, too', async () => {
    const { page, faults } = await openApp('/hygiene/removals')
    await press(page, 'Take removals back')
    await press(page, 'Count them')
    await says(page, 'There was no such removal.')
    expect(await faults()).toEqual([])
  })

  test('a webhook is added, its secret shown once, tested, seen failing, stopped and deleted', async () => {
    const { page, app, faults, screenshot } = await openApp('/webhooks')
    const { port } = receiver.address() as AddressInfo
    await press(page, 'Add a webhook')
    await fill(page, 'Address', 'http://127.0.0.1/hook')
    await press(page, 'Add', '//form')
    await says(page, 'It has to be https')
    await fill(page, 'Address', `https://127.0.0.1:${port}/hook`)
    await press(page, 'Add', '//form')
    await says(page, 'whsec_')
    await press(page, 'Send a test')
    await page.waitForSelector('::-p-xpath(//*[@role="row"][contains(., "delivered")])')
    expect(received.map(it => (JSON.parse(it) as { type: string }).type)).toContain('webhook.test')
    status = 500
    await press(page, 'Send a test')
    await says(page, 'failing')
    await page.waitForSelector('::-p-xpath(//*[@role="row"][contains(., "500")])')
    await screenshot('webhooks')
    expect(await faults()).toEqual([])
    await press(page, 'Stop')
    await says(page, 'stopped')
    await press(page, 'Delete')
    await press(page, 'Delete for good')
    await says(page, 'No webhooks yet')
    expect(await server.rest('GET', `/v1/apps/${app.code}/webhooks`)).toEqual({ webhooks: [] })
  })

  test('a webhook that somebody else has changed meanwhile is not overwritten, and theirs is shown', async () => {
    const { page, app, goTo } = await openApp('/hygiene')
    const path = `/v1/apps/${app.code}/webhooks`
    const { id } = await server.rest<{ id: string }>('POST', path, { url: 'https://hooks.example.com/a' })
    await goTo(`/apps/${app.code}/webhooks`)
    await press(page, 'Edit')
    await page.waitForSelector('form')
    await server.rest('PATCH', `${path}/${id}`, { url: 'https://hooks.example.com/theirs' })
    await fill(page, 'Address', 'https://hooks.example.com/mine')
    await press(page, 'Save')
    await says(page, 'Somebody else has changed this meanwhile')
    const urlNow = async () => (await server.rest<{ url: string }>('GET', `${path}/${id}`)).url
    expect(await urlNow()).toBe('https://hooks.example.com/theirs')
    await press(page, 'Show theirs')
    await page.waitForFunction(() =>
      document.querySelector<HTMLInputElement>('form input')?.value.endsWith('/theirs'),
    )
    await fill(page, 'Address', 'https://hooks.example.com/mine')
    await press(page, 'Save')
    await page.waitForFunction(() => !document.querySelector('form'))
    expect(await urlNow()).toBe('https://hooks.example.com/mine')
  })

  test('jobs of a new installation say when they will run, each by its name', async () => {
    const { page } = await openApp('/hygiene/jobs')
    await says(page, 'nothing to do yet')
    const text = await page.$eval('main', it => it.innerText)
    expect(text).not.toContain('30 days')
    expect(text).toMatch(/not yet; next \w{3} \d+, \d{4}/)
    const { jobs } = await server.rest<{ jobs: { name: string }[] }>('GET', '/v1/jobs')
    const shown = text.split('\n')
    expect(jobs.filter(({ name }) => shown.includes(name))).toEqual([])
  })

  test('who edits one app sees its jobs and runs them for it, and nothing of the installation', async () => {
    const password = 'four plain words of a song'
    await server.rest('POST', '/v1/setup', { name: 'Ada', password })
    const app = await server.rest<MadeApp>('POST', '/v1/apps', { name: 'Edited' })
    await server.rest('POST', `/v1/apps/${app.code}/credentials`, { gateway: 'webpush', kind: 'vapid' })
    const invitation = { role: 'editor' }
    const { code } = await server.rest<{ code: string }>(
      'POST',
      `/v1/apps/${app.code}/member-invitations`,
      invitation,
    )
    const { page, goTo, faults } = await visit(`${server.baseUrl}/#join=${code}`)
    await page.locator('::-p-aria([name="Name"][role="textbox"])').fill('Edith')
    await page.locator('input[type=password]').fill(password)
    await page.locator('form button[type=submit]').click()
    await page.waitForFunction(() => location.hash.includes('/apps/'))
    await goTo(`/apps/${app.code}/hygiene/jobs`)
    const rows = await page.$$eval('[role=row]', all => all.map(it => it.textContent ?? ''))
    expect(rows.filter(it => it.includes('every minute'))).toEqual([])
    expect(await faults()).toEqual([])
    await press(page, 'Run now', '//*[@role="row"][contains(., "Ends and forgets")]')
    await page.waitForSelector('[role=dialog]')
    await press(page, 'Run now', '//*[@role="dialog"]')
    await says(page, 'Asked for: Ends and forgets what is too old')
    const path = `/v1/apps/${app.code}/jobs/address-aging/runs`
    const runs = async () => (await server.rest<{ runs: { summary: string | null }[] }>('GET', path)).runs
    const { value: done } = await eventually({
      what: 'the run of the job',
      read: runs,
      until: all => all.length > 0 && all.every(it => it.summary !== null),
      withinMs: DONE_WITHIN_MS,
    })
    expect(done.map(it => it.summary)).toContain('0 forgotten') // its own minute of the day may have come, too
  })
})

describe('a base that was lived with for a month', () => {
  const PEOPLE = 120
  const MONTH_WITHIN_MS = 600_000
  const PAGES = [
    '/credentials',
    '/push-test',
    '/hygiene',
    '/hygiene/ages',
    '/hygiene/removals',
    '/hygiene/jobs',
    '/hygiene/jobs/address-aging',
    '/webhooks',
    '/guide',
  ] as const
  let demo: RunningDemo
  let app: string

  beforeAll(async () => {
    demo = await startMonthDemo(PEOPLE)
    app = demo.app
  }, MONTH_WITHIN_MS)
  afterAll(() => demo?.close())

  async function faultsOfPages(opened: OpenConsole): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {}
    for (const path of PAGES) {
      await opened.go(path)
      await opened.screenshot(`operations${path.replaceAll('/', '-')}`)
      const faults = await opened.faults()
      if (faults.length > 0) found[path] = faults
    }
    return found
  }

  test.each(['en', 'zh', 'ja', 'pt', 'ru', 'hi'])(
    'every page of operations in %s has all its texts and nothing that keeps anybody out',
    async language => {
      expect(await faultsOfPages(await visit(demo.url, { language }))).toEqual({})
    },
  )

  test('every page of operations fits on a phone, in dark colours too', async () => {
    expect(await faultsOfPages(await visit(demo.url, { width: 390, scheme: 'dark' }))).toEqual({})
  })

  test('inactivity is switched on only after it was said how many it would remove', async () => {
    const policy = `apps/${app}/address-policy`
    await demo.call('PATCH', policy, { removeInactive: false, inactiveDays: 90 })
    const wanted = { removeInactive: true, inactiveDays: 7 }
    const preview = () => demo.call<PolicyPreview>('POST', `${policy}/preview`, wanted)
    const before = await preview()
    expect(before.wouldRemove).toBeGreaterThan(0)
    const { page, go, faults } = await visit(demo.url)
    await go('/hygiene/ages')
    await page.locator('::-p-aria([name="Remove inactive devices"][role="switch"])').click()
    await fill(page, 'Without an open for', '6')
    await says(page, 'A whole number from 7 to 3,650')
    await fill(page, 'Without an open for', '7')
    await press(page, 'Save', '//section[@aria-label="How old addresses may become"]')
    await page.waitForSelector('[role=dialog]')
    const TOLD = /Would remove (\d+) of \d+/
    const told = await page.waitForFunction(
      pattern => new RegExp(pattern).exec(document.querySelector('[role=dialog]')?.textContent ?? ''),
      {},
      TOLD.source,
    )
    const [, shown] = ((await told.jsonValue()) as string[]).map(Number)
    // Some come of age, and others uninstall, while the page is used.
    const after = await preview()
    expect(shown).toBeGreaterThanOrEqual(Math.min(before.wouldRemove, after.wouldRemove))
    expect(shown).toBeLessThanOrEqual(Math.max(before.wouldRemove, after.wouldRemove))
    expect(await demo.call<AddressPolicy>('GET', policy)).toMatchObject({ removeInactive: false })
    expect(await faults()).toEqual([])
    await press(page, 'Switch it on')
    await page.waitForFunction(() => !document.querySelector('[role=dialog]'))
    expect(await demo.call<AddressPolicy>('GET', policy)).toMatchObject(wanted)
  })

  test('who edits the ages while somebody else saves them keeps what was typed, and is shown theirs', async () => {
    const policy = `apps/${app}/address-policy`
    await demo.call('PATCH', policy, { dormantDays: 30 })
    const { page, go } = await visit(demo.url)
    await go('/hygiene/ages')
    await fill(page, 'Dormant after', '45')
    await demo.call('PATCH', policy, { dormantDays: 20 })
    await press(page, 'Save', '//section[@aria-label="How old addresses may become"]')
    await says(page, 'Somebody else has changed this meanwhile')
    const typed = () =>
      page.$eval('::-p-aria([name="Dormant after"][role="textbox"])', it => (it as HTMLInputElement).value)
    expect(await typed()).toContain('45')
    expect(await demo.call<AddressPolicy>('GET', policy)).toMatchObject({ dormantDays: 20 })
    await press(page, 'Show theirs')
    await eventually({
      what: 'what is stored, in the field',
      read: typed,
      until: value => value.includes('20'),
      withinMs: DONE_WITHIN_MS,
    })
  })

  test('the chart of removals has each day that was asked for, also without any', async () => {
    const { page, go } = await visit(demo.url)
    await go('/hygiene/removals')
    await page.$eval('figure details', it => {
      ;(it as HTMLDetailsElement).open = true
    })
    await page.waitForSelector('figure tr[data-time]')
    const days = await page.$$eval('figure tr[data-time]', rows =>
      rows.map(row => row.getAttribute('data-time') ?? ''),
    )
    expect(days.length).toBe(31)
    const first = Date.parse(days[0] ?? '')
    expect(days).toEqual(days.map((_, at) => new Date(first + at * DAY_MS).toISOString().slice(0, 10)))
  })

  test('removals are counted before they are taken back, and exactly those come back', async () => {
    const { page, go, faults } = await visit(demo.url)
    await go('/hygiene/removals')
    await press(page, 'Take removals back')
    await press(page, 'Count them')
    await says(page, 'can come back')
    const [, restorable = '', matched = ''] =
      /([\d,]+) of ([\d,]+) can come back/.exec(
        await page.$eval('[role=dialog]', it => it.textContent ?? ''),
      ) ?? []
    expect(Number(restorable)).toBeGreaterThan(0)
    expect(Number(matched)).toBeGreaterThan(Number(restorable))
    expect(await faults()).toEqual([])
    await press(page, `Bring ${restorable} address`)
    await page.waitForFunction(() => !document.querySelector('[role=dialog]'))
    await page.waitForSelector('::-p-xpath(//section[@aria-label="Removals that were taken back"])')
    await page.waitForSelector('::-p-xpath(//*[@role="row"][contains(., "Taken back")])')
    const { undos } = await demo.call<{ undos: UndoView[] }>('GET', `apps/${app}/removals/undo`)
    expect(undos).toMatchObject([{ state: 'done', restored: Number(restorable) }])
    const from = new Date(Date.now() - 29 * DAY_MS).toISOString()
    const left = await demo.call<UndoPreview>('POST', `apps/${app}/removals/undo`, { from, dryRun: true })
    expect(left.restorable).toBe(0)
  })
})
