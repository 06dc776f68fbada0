/**
 * The first day of somebody with Roost, in one browser and in one go: the owner is made, an app, credentials are given, ten thousand
 * simulated phones come in, a segment is built, a message written in two languages, tried on one phone, sent to all and watched to
 * its end; whom it skipped is found and diagnosed; and a certificate that is over is replaced.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MessageView } from '@roost/protocol'
import { type Crowd, createCrowd, type Simulator, startSimulator } from '@roost/simulator'
import type { Page } from 'puppeteer-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Command, LISTENING } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { choose, giveFile, isTitled, press, sees, write } from '../support/hands.ts'
import { call, SERVER_TOKEN } from '../support/roost-server.ts'
import { visit } from '../support/visit.ts'

const ADA = { name: 'Ada', password: 'nine paper boats in a storm drain' }
const BUNDLE_ID = 'com.example.shop'
const PASSWORD = 'p12-password'
const DAY_MS = 86_400_000

/** In the segment, of iOS and Android in equal parts. */
const PHONES = 10_000
const OTHERS = 200
/** Have got a message today, and may get one a day. */
const CAPPED = 150
/** Removed the app, which nobody has told the server. */
const GONE = 80
/** A second: the page has ten seconds to watch, however late each look at it is. */
const RATE = 1000
const SENT_WITHIN_MS = 120_000
const JOURNEY_WITHIN_MS = 420_000

let folder: string
let simulator: Simulator
let serve: Command
let url: string
let crowd: Crowd | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  simulator = await startSimulator()
  await writeFile(join(folder, 'ca.pem'), simulator.caPem)
  const environment = {
    ...simulator.environment(),
    ROOST_DATA_DIR: join(folder, 'data'),
    ROOST_EXTRA_CA: join(folder, 'ca.pem'),
    ROOST_PORT: '0',
    ROOST_LOG_LEVEL: 'warn',
    ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN, // for what the test compares the pages with, and for the back end of the shop
  }
  serve = new Command(['serve'], { environment })
  url = await serve.said(LISTENING)
})
afterAll(async () => {
  crowd?.close()
  await serve?.end('SIGTERM')
  await simulator?.close()
  await rm(folder, { recursive: true, force: true })
})

const hashOf = (id: string) => id.replaceAll('-', '')
const readMessage = (app: string, id: string) =>
  call<MessageView>(`${url}/v1/apps/${app}/messages/${id}`, { method: 'GET' })

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

/** What stands behind the copy buttons of the page, in their order. */
const copied = (page: Page) =>
  page.$$eval('main button[aria-label^="Copy: "]', all =>
    all.map(it => it.getAttribute('aria-label')?.replace('Copy: ', '') ?? ''),
  )

async function makeOwner(page: Page): Promise<void> {
  await isTitled(page, 'Welcome to Roost')
  await write(page, 'Name', ADA.name)
  await page.locator('input[type=password]').fill(ADA.password)
  await press(page, 'Make the owner')
  await sees(page, 'No apps yet')
}

interface MadeApp {
  readonly code: string
  readonly deviceToken: string
}

async function makeApp(page: Page): Promise<MadeApp> {
  await press(page, 'Make the app', 'link')
  await isTitled(page, 'New app')
  await write(page, 'Name', 'Shop')
  await press(page, 'Make the app')
  await isTitled(page, 'Shop is there')
  const [code = '', deviceToken = ''] = await copied(page)
  return { code, deviceToken }
}

/** The key of Apple and the account of Google, as files. Returns the project of the account. */
async function giveCredentials(page: Page): Promise<string> {
  const { keyId, teamId, p8 } = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const { projectId, serviceAccount } = await simulator.fcm.createProject()
  await press(page, 'Add a credential', 'link')
  await isTitled(page, 'Credentials')
  await press(page, 'Add a credential')
  await giveFile(page, await file(`AuthKey_${keyId}.p8`, p8))
  await write(page, 'Team id', teamId)
  await write(page, 'Bundle id', BUNDLE_ID)
  await press(page, 'Add')
  await sees(page, 'the gateway takes it')
  await press(page, 'Add a credential')
  await giveFile(page, await file('google.json', JSON.stringify(serviceAccount)))
  await sees(page, 'google.json')
  await press(page, 'Add')
  await page.waitForFunction(() => document.body.innerText.split('the gateway takes it').length === 3, {
    timeout: SENT_WITHIN_MS,
  })
  return projectId
}

/** They come in through the calls of their own that apps make. */
async function comeIn({ code, deviceToken }: MadeApp, projectId: string): Promise<Crowd> {
  const made = createCrowd({
    simulator,
    roost: { baseUrl: url, app: code, deviceToken },
    count: 0,
    mix: [],
    tagsFor: number => ({ city: number < PHONES ? 'Lisbon' : 'Porto', name: `Guest ${number}` }),
    openRate: 0.05,
  })
  for (const count of [PHONES / 2, OTHERS / 2]) {
    made.add({ kind: 'ios', bundleId: BUNDLE_ID }, count)
    made.add({ kind: 'android', projectId }, count)
  }
  expect(await made.register()).toMatchObject({ done: PHONES + OTHERS, failed: 0 })
  return made
}

async function untilThere(page: Page, selector: string, count: number) {
  await page.waitForFunction(
    (each, wanted) => document.querySelectorAll(each).length >= wanted,
    {},
    selector,
    count,
  )
  return page.$$(selector)
}

/** "At most 1 in 1 day", for all messages of the app. */
async function capMessages(page: Page): Promise<void> {
  await isTitled(page, 'App settings')
  const rules = 'section[aria-label="Rules for all messages"]'
  const [, cap] = await untilThere(page, `${rules} [role=switch]`, 2)
  await cap?.evaluate(it => (it as HTMLElement).click())
  await write(page, 'Messages', '1', rules)
  await press(page, 'Save', 'button', rules)
  await sees(page, 'Saved')
}

/** A base of this size is estimated, unless PostgreSQL still takes it for a small one: then it is counted at once. */
async function countExactly(page: Page): Promise<void> {
  const place = 'section[aria-label="Size"]'
  await page.waitForFunction(
    at => {
      const text = document.querySelector(at)?.textContent ?? ''
      const button = [...document.querySelectorAll(`${at} button`)].find(
        it => it.textContent === 'Count exactly',
      )
      ;(button as HTMLElement | undefined)?.click()
      return text.includes('10,000') && text.includes('counted exactly')
    },
    { polling: 500 },
    place,
  )
}

async function buildSegment(page: Page): Promise<void> {
  await page.click('nav a[href$="/segments"]')
  await press(page, 'New segment', 'link')
  await isTitled(page, 'New segment')
  await page.waitForSelector('form input[maxlength="200"]')
  await page.type('form input[maxlength="200"]', 'Phones in Lisbon')
  await choose(page, 'input[aria-label="Values"]', 'iOS')
  await page.locator('::-p-aria([name="Android"][role="option"])').click()
  await page.keyboard.press('Escape')
  await press(page, 'Add a group')
  await choose(page, 'fieldset fieldset fieldset input[aria-label="Name of the tag"]', 'city')
  await choose(page, 'fieldset fieldset fieldset input[aria-label="Value"]', 'Lisbon')
  await countExactly(page)
  await sees(page, /10,000\s+devices\s+counted exactly/)
  await press(page, 'Save')
  await isTitled(page, 'Phones in Lisbon')
}

async function nameTestDevice(page: Page, hwid: string): Promise<void> {
  await page.click('nav a[href$="/devices"]')
  await isTitled(page, 'Devices')
  await page.waitForSelector('input[type=search]')
  await page.type('input[type=search]', hwid)
  await page.waitForFunction(() => document.querySelectorAll('[data-row]').length === 1)
  await page.locator('[data-row] a').click()
  await page.waitForFunction(part => location.hash.includes(part), {}, `/devices/${hwid}`)
  await press(page, 'More')
  await press(page, 'Make it a test device', 'menuitem')
  await write(page, 'Name', 'Phone of Ana', '[role=dialog]')
  await press(page, 'Save', 'button', '[role=dialog]')
  await page.waitForFunction(() => !document.querySelector('[role=dialog]'))
}

async function compose(page: Page): Promise<void> {
  await page.click('nav a[href$="/segments"]')
  await isTitled(page, 'Segments') // a device has links to segments and messages, too
  await press(page, 'Phones in Lisbon', 'link')
  await isTitled(page, 'Phones in Lisbon')
  await press(page, 'Send a message', 'link')
  await page.waitForSelector('main textarea')
  await write(page, 'Title', 'Your table is ready')
  await write(page, 'Text', 'See you tonight, {{ tags.name }}.')
  await press(page, 'Add a language')
  await write(page, 'Language code', 'pt')
  await press(page, 'Add')
  const portuguese = 'fieldset[aria-label="Portuguese"]'
  await write(page, 'Title', 'A sua mesa está pronta', portuguese)
  await write(page, 'Text', 'Até logo, {{ tags.name }}.', portuguese)
  await page.$$eval('main details > summary', all => {
    for (const summary of all) (summary as HTMLElement).click()
  })
  await write(page, 'Messages a second', String(RATE))
  await sees(page, /[\d,]+ of 4,096 bytes/)
}

async function testSend(page: Page): Promise<void> {
  await press(page, 'Test send')
  await press(page, 'Send to 1 device')
  await sees(page, /Phone of Ana\s+Accepted/)
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => !document.querySelector('[role=dialog]'))
}

/** Gives back the id, and every number of accepted devices that the page has shown on the way. */
async function sendAndWatch(page: Page): Promise<{ readonly id: string; readonly watched: number[] }> {
  await page.evaluate(() => {
    const watched: number[] = []
    Object.assign(window, { watched })
    new MutationObserver(() => {
      const [, count] = /Accepted by gateways\s+([\d,]+)/.exec(document.body.innerText) ?? []
      const read = Number(count?.replaceAll(',', ''))
      if (count !== undefined && watched.at(-1) !== read) watched.push(read)
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  await press(page, 'Review and send')
  // a cap makes it the most that it can be, and so large a base is estimated
  await sees(page, /Send to (up to )?[\d,]+ devices now/)
  const verb = await page.$$eval('[role=dialog] button', all =>
    all.map(it => it.textContent ?? '').find(it => it.startsWith('Send to')),
  )
  await press(page, verb ?? '')
  await page.waitForFunction(() => /\/messages\/[0-9a-f-]{36}$/.test(location.hash))
  await page.waitForFunction(
    () => document.querySelector('main .mantine-Badge-root')?.textContent === 'done',
    { timeout: SENT_WITHIN_MS },
  )
  const id = /[0-9a-f-]{36}$/.exec(page.url())?.[0] ?? ''
  return { id, watched: await page.evaluate(() => (window as unknown as { watched: number[] }).watched) }
}

/** Two pages: those whom the step has lost, and what is found of the first. Returns its hwid. */
async function diagnoseSkipped(page: Page): Promise<string> {
  await page.waitForFunction(
    lost => document.querySelector('[data-step=allowed]')?.textContent?.includes(lost),
    { timeout: SENT_WITHIN_MS },
    String(CAPPED),
  )
  await page.locator('[data-step=allowed]').click()
  await page.waitForFunction(() => location.hash.includes('/lost/allowed'))
  const diagnose = await page.waitForSelector('[data-row] [data-diagnose]')
  // of the same row, whichever is the first by then
  const hwid =
    (await diagnose?.evaluate(it => it.closest('[data-row]')?.querySelector('a')?.textContent)) ?? ''
  await diagnose?.click()
  await page.waitForFunction(() => location.hash.includes('/diagnosis'))
  await sees(page, 'It was skipped')
  await sees(page, 'Proven')
  await sees(page, hwid)
  return hwid
}

/** It is given expired, as one finds it in a drawer, and then renewed. */
async function replaceCertificate(page: Page): Promise<void> {
  const p12 = async (name: string, expiresAt: number) => {
    const made = await simulator.apns.createCertificate({
      bundleId: `${BUNDLE_ID}.watch`,
      expiresAt: new Date(expiresAt),
      p12Password: PASSWORD,
    })
    return file(name, Buffer.from(made.p12 ?? '', 'base64'))
  }
  await page.click('nav a[href$="/credentials"]')
  await isTitled(page, 'Credentials')
  await press(page, 'Add a credential')
  await giveFile(page, await p12('old.p12', Date.now() - 2 * DAY_MS))
  await write(page, 'Its password (optional)', PASSWORD)
  await press(page, 'Add')
  await sees(page, 'expired')
  const card = 'section[aria-label="Apple (APNs) · certificate (.p12)"]'
  await press(page, 'Replace', 'button', card)
  await giveFile(page, await p12('new.p12', Date.now() + 300 * DAY_MS))
  await write(page, 'Its password (optional)', PASSWORD)
  await press(page, 'Replace', 'button', `${card} form`)
  await sees(page, 'replaced 1 time')
  await page.waitForFunction(
    at => /the gateway takes it/.test(document.querySelector(at)?.textContent ?? ''),
    { timeout: SENT_WITHIN_MS },
    card,
  )
}

test(
  'from the first visit to ten thousand phones, and why one of them did not get it',
  async () => {
    const code = await serve.said(/#setup=([\w-]+)/)
    const opened = await visit(`${url}/#setup=${code}`, { width: 1280 })
    const { page, faults, screenshot } = opened
    await makeOwner(page)
    const app = await makeApp(page)
    const projectId = await giveCredentials(page)
    crowd = await comeIn(app, projectId)

    await page.click('nav a[href$="/settings"]')
    await capMessages(page)
    const capped = crowd.phones.slice(1, 1 + CAPPED).map(({ hwid }) => hwid)
    const { id: first } = await call<{ id: string }>(`${url}/v1/apps/${app.code}/messages`, {
      body: { to: { devices: capped }, content: { title: 'Thank you for booking' } },
    })
    await eventually({
      what: 'the message of the back end',
      read: () => readMessage(app.code, first),
      until: ({ state }) => state === 'done',
      withinMs: SENT_WITHIN_MS,
    })
    for (const phone of crowd.phones.slice(PHONES - GONE, PHONES)) phone.uninstall()

    await buildSegment(page)
    await nameTestDevice(page, crowd.phones[0]?.hwid ?? '')
    await compose(page)
    await screenshot('journey-compose')
    await testSend(page)
    const { id, watched } = await sendAndWatch(page)
    await screenshot('journey-report')

    // what the page says, what the server has, and what the other side has counted
    const { counts } = await readMessage(app.code, id)
    expect(counts).toMatchObject({ targeted: PHONES, skipped: CAPPED, dead: GONE, failed: 0, uncertain: 0 })
    const { acceptances, tokens } = simulator.acceptedFor(hashOf(id))
    expect([acceptances, tokens.size]).toEqual([counts.accepted, counts.accepted])
    expect(counts.accepted).toBe(PHONES - CAPPED - GONE)
    const accepted = counts.accepted.toLocaleString('en')
    await sees(page, new RegExp(`Accepted by gateways\\s+${accepted}`))
    await sees(page, new RegExp(`Dead address\\s+${GONE}\\b`))
    await sees(page, new RegExp(`Skipped\\s+${CAPPED}\\b`))
    expect(watched.at(-1)).toBe(counts.accepted)
    expect(watched).toEqual(watched.toSorted((a, b) => a - b))
    expect(watched.some(it => it > 0 && it < counts.accepted)).toBe(true)
    await crowd.settled()
    const { shown } = crowd.counts()
    // the first message and the test were shown, too
    expect(shown).toBe(counts.accepted + CAPPED + 1)
    await sees(page, new RegExp(`Delivered\\s+${accepted}`))

    const lost = await diagnoseSkipped(page)
    expect(capped).toContain(lost)
    expect(await faults()).toEqual([])
    await screenshot('journey-diagnosis')
    await replaceCertificate(page)
    expect(await faults()).toEqual([])
  },
  JOURNEY_WITHIN_MS,
)
