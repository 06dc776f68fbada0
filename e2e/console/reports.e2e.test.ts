/**
 * Messages in the console, in a real Chromium: a campaign to two thousand phones is watched to its end, those whom it skipped are
 * found and diagnosed, others are paused, resumed, cancelled and recalled; and all pages of it in all languages.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConsoleOptions, LANGUAGES, type OpenConsole } from '../support/console.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import { SERVER_TOKEN } from '../support/roost-server.ts'
import { visit } from '../support/visit.ts'

const PHONES = 2000
const CAPPED = 150
const GONE = 60
const PATIENCE_SHARE = 0.03
const SEEN_WITHIN_MS = 60_000
/** The same for both messages: who got the first has no place for the second. */
const CAP = { cap: { messages: 1, days: 1 } }

let fleet: Fleet
let campaign: string
let capped: readonly string[]

beforeAll(async () => {
  fleet = await startFleet()
  await fleet.startSender()
  const { phones } = await fleet.crowd(PHONES)
  capped = phones.slice(0, CAPPED).map(({ hwid }) => hwid)
  for (const phone of phones.slice(-GONE)) phone.uninstall()
  fleet.simulator.fcm.faults.answerSome({ form: 'unavailable', retryAfter: '1' }, PATIENCE_SHARE)
  const first = await fleet.send({ to: { devices: [...capped] }, content: { title: 'For some' }, rules: CAP })
  await fleet.until(first, ({ state }) => state === 'done')
})
afterAll(() => fleet?.close())

const open = (options?: ConsoleOptions) => visit(`${fleet.api.baseUrl}/#token=${SERVER_TOKEN}`, options)

const textIs = (name: string, text: string) => `::-p-xpath(//${name}[normalize-space()="${text}"])`

/** By the keyboard, as soon as it can be: a button below rows that are being measured is not where it was a moment ago. */
async function press({ page }: OpenConsole, text: string): Promise<void> {
  const ready = 'not(@disabled) and not(@data-loading)'
  const button = await page.waitForSelector(
    `::-p-xpath(//button[normalize-space()="${text}" and ${ready}])`,
    {
      visible: true,
      timeout: SEEN_WITHIN_MS,
    },
  )
  await button?.press('Enter')
}

/** In the page, as people read it. */
async function untilSeen({ page }: OpenConsole, text: string): Promise<void> {
  await page.waitForFunction(
    wanted => document.body.innerText.includes(wanted),
    { timeout: SEEN_WITHIN_MS },
    text,
  )
}

/** The state beside the title. */
async function untilState({ page }: OpenConsole, state: string): Promise<void> {
  await page.waitForFunction(
    wanted => document.querySelector('main .mantine-Badge-root')?.textContent === wanted,
    { timeout: SEEN_WITHIN_MS },
    state,
  )
}

/** Where a row that was out of sight is, in px, from when somebody scrolls to it: one place, unless it moves below their pointer. */
async function placesOfRowAbove({ page }: OpenConsole): Promise<number[]> {
  return page.evaluate(async () => {
    const row = document.querySelector('[data-row]')
    if (!row || row.getBoundingClientRect().top >= 0)
      throw new Error('No row above those in sight was drawn.')
    row.scrollIntoView({ block: 'center' })
    const places = new Set<number>()
    for (let frames = 0; frames < 20; frames++) {
      await new Promise(requestAnimationFrame)
      places.add(row.getBoundingClientRect().top)
    }
    return [...places]
  })
}

test('a campaign is watched to its end, and whom it skipped is found and diagnosed', async () => {
  const opened = await open()
  const { page, go, settled } = opened
  await go('/messages')
  await page.evaluate(() => Object.assign(window, { isTheSamePage: true }))
  campaign = await fleet.send({
    to: { all: true },
    content: { title: 'Autumn sale' },
    rules: CAP,
    sendRate: 100,
    ttlSeconds: 600,
  })
  const row = await page.waitForSelector(textIs('a', 'Autumn sale'), { timeout: SEEN_WITHIN_MS })
  await row?.click()
  await untilState(opened, 'sending')
  await untilState(opened, 'done')
  const { counts } = await fleet.until(campaign, ({ state }) => state === 'done')
  expect(counts).toMatchObject({ targeted: PHONES, skipped: CAPPED, dead: GONE, pending: 0 })
  await untilSeen(opened, `Accepted\n${counts.accepted.toLocaleString('en')}`)
  const bar = await page.$eval('main [role=img]', element => element.getAttribute('aria-label') ?? '')
  const parts = [...bar.matchAll(/[A-Z][a-z ]+ ([\d,]*\d)/g)].map(([, count = '']) =>
    Number(count.replace(',', '')),
  )
  expect(parts.reduce((sum, count) => sum + count)).toBe(PHONES)
  expect(await page.evaluate(() => 'isTheSamePage' in window)).toBe(true)

  const step = await page.waitForSelector('[data-step=allowed]', { timeout: SEEN_WITHIN_MS })
  await page.waitForFunction(
    wanted => document.querySelector('[data-step=allowed]')?.textContent?.includes(wanted),
    { timeout: SEEN_WITHIN_MS },
    String(CAPPED),
  )
  await step?.click()
  await page.waitForFunction(() => location.hash.includes('/lost/allowed'))
  await press(opened, 'Show more')
  await page.waitForSelector(`[role=table][aria-rowcount="${CAPPED + 1}"]`, { timeout: SEEN_WITHIN_MS })
  expect(await placesOfRowAbove(opened)).toHaveLength(1)
  const diagnose = await page.waitForSelector('[data-row] [data-diagnose]')
  const hwid = await diagnose?.evaluate(link => link.closest('[data-row]')?.querySelector('a')?.textContent)
  expect(capped).toContain(hwid)
  await diagnose?.click()
  await page.waitForFunction(() => location.hash.includes('/diagnosis'))
  await untilSeen(opened, 'It was skipped')
  await untilSeen(opened, 'Proven')
  expect(await page.evaluate(() => document.body.innerText)).toContain(hwid)
  await settled()
  expect(await opened.faults()).toEqual([])
})

test('a message is paused, resumed and cancelled; the question says who never gets it, and how many have it', async () => {
  const opened = await open()
  const { page, go } = opened
  const id = await fleet.send({ to: { all: true }, content: { title: 'A mistake' }, sendRate: 20 })
  await fleet.until(id, ({ counts }) => counts.accepted > 0)
  await go(`/messages/${id}`)
  await untilState(opened, 'sending')
  await press(opened, 'Pause')
  await untilState(opened, 'paused')
  expect(await fleet.read(id)).toMatchObject({ state: 'paused' })
  await press(opened, 'Resume')
  await untilState(opened, 'sending')
  await press(opened, 'Cancel…')
  await page.waitForSelector('[role=dialog]', { visible: true })
  expect(await page.$eval('[role=dialog]', it => it.textContent)).toMatch(
    /never gets? it\..*\d+ devices? (has|have) been sent to already/,
  )
  await press(opened, 'Cancel the message')
  await untilState(opened, 'cancelled')
  const { counts } = await fleet.until(
    id,
    ({ state, finishedAt }) => state === 'cancelled' && finishedAt !== null,
  )
  expect(counts.accepted).toBeGreaterThan(0)
  expect(counts.skipped).toBeGreaterThan(0)
  expect(await page.$(textIs('button', 'Pause'))).toBeNull()
})

test('what was shown is replaced by a recall in other words', async () => {
  const opened = await open()
  const { page, go } = opened
  const id = await fleet.send({ to: { devices: [...capped.slice(0, 3)] }, content: { title: 'Wrong price' } })
  await fleet.until(id, ({ state }) => state === 'done')
  await go(`/messages/${id}`)
  await press(opened, 'Recall…')
  const title = await page.waitForSelector('[role=dialog] input', { visible: true })
  await title?.type('Right price')
  await press(opened, 'Replace what was shown')
  await untilSeen(opened, 'This was recalled by another message')
  const { recalledBy } = (await fleet.read(id)) ?? {}
  const recall = await fleet.until(String(recalledBy), ({ state }) => state === 'done')
  expect(recall).toMatchObject({ recalls: id, counts: { accepted: 3 }, content: { title: 'Right price' } })
})

test('a schedule is paused, resumed and ended', async () => {
  const opened = await open()
  const { page, go } = opened
  const of = `/v1/apps/${fleet.app}/schedules`
  const message = { to: { all: true }, content: { title: 'Your week' } }
  const { id } = await fleet.api.rest<{ id: string }>('POST', of, {
    name: 'Digest',
    cron: '0 9 * * 1',
    message,
  })
  await go('/schedules')
  await untilSeen(opened, 'Monday at 9:00')
  await press(opened, 'Pause')
  await untilSeen(opened, 'Paused')
  expect(await fleet.api.rest('GET', `${of}/${id}`)).toMatchObject({ state: 'paused', nextRuns: [] })
  await press(opened, 'Resume')
  await untilSeen(opened, 'Active')
  await press(opened, 'End…')
  await press(opened, 'End it for good')
  await untilSeen(opened, 'No schedules yet')
  expect(await fleet.api.rest('GET', of)).toEqual({ schedules: [] })
  expect(await page.$('[role=dialog]')).toBeNull()
})

test('whoever may only look is shown no button that changes a message', async () => {
  const { token } = await fleet.api.rest<{ token: string }>('POST', `/v1/apps/${fleet.app}/tokens`, {
    name: 'Looks on',
    scopes: ['read'],
  })
  const id = await fleet.send({ to: { all: true }, content: { title: 'To look at' }, sendRate: 20 })
  const opened = await visit(`${fleet.api.baseUrl}/#token=${token}`)
  await opened.go(`/messages/${id}`)
  await untilState(opened, 'sending')
  await untilSeen(opened, 'View only')
  for (const verb of ['Pause', 'Cancel…', 'Recall…'])
    expect(await opened.page.$(textIs('button', verb))).toBeNull()
  expect(await opened.page.$(textIs('a', 'Copy'))).toBeNull()
  await fleet.api.rest('POST', `/v1/apps/${fleet.app}/messages/${id}/cancel`)
})

const pages = () => [
  '/messages',
  `/messages/${campaign}`,
  `/messages/${campaign}/lost/allowed`,
  '/schedules',
  `/diagnosis?device=${capped[0]}&message=${campaign}`,
]

async function faultsOfPages(opened: OpenConsole): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  const look = async (name: string): Promise<void> => {
    await opened.screenshot(`report${name.replaceAll(/[/?=&]/g, '-').slice(0, 60)}`)
    const faults = await opened.faults()
    if (faults.length > 0) found[name] = faults
  }
  for (const path of pages()) {
    await opened.go(path)
    await look(path)
  }
  await opened.go(`/messages/${campaign}`)
  for (const place of [1, 2]) {
    const tabs = await opened.page.$$('[role=tab]')
    await tabs[place]?.click()
    await opened.page.waitForFunction(
      at => document.querySelectorAll('[role=tab]')[at]?.getAttribute('aria-selected') === 'true',
      {},
      place,
    )
    await opened.settled()
    await look(`tab ${place}`)
  }
  return found
}

test.each(LANGUAGES)('the pages of messages in %s have all texts and keep nobody out', async language => {
  expect(await faultsOfPages(await open({ language }))).toEqual({})
})

test('the pages of messages fit on a phone, in dark colours too', async () => {
  expect(await faultsOfPages(await open({ width: 390, scheme: 'dark' }))).toEqual({})
})
