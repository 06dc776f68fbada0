/** The dashboard in a real Chromium after a simulated month: its charts say what the REST API says, day by day. */
import type { BaseStatistics, DeliveryStatistics, MessageStatistics } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type ConsoleOptions,
  LANGUAGES,
  type OpenConsole,
  type RunningDemo,
  startMonthDemo,
} from '../support/console.ts'
import { visit } from '../support/visit.ts'

const PEOPLE = 200
const DAY_MS = 24 * 60 * 60_000
/** The month is thirty days, played one after the other, on a machine that is busy with other things. */
const MONTH_WITHIN_MS = 600_000

let demo: RunningDemo
let app: string

beforeAll(async () => {
  demo = await startMonthDemo(PEOPLE)
  app = demo.app
}, MONTH_WITHIN_MS)
afterAll(() => demo?.close())

const open = (options?: ConsoleOptions) => visit(demo.url, options)

interface ShownTable {
  readonly times: readonly string[]
  readonly written: readonly string[]
  /** By the row; the numbers as they are, null where the table has a dash. */
  readonly values: readonly (readonly (number | null)[])[]
}

/** The table below the chart of a panel. */
async function tableOf({ page }: OpenConsole, panel: string): Promise<ShownTable> {
  const chart = `section[aria-label="${panel}"] figure`
  await page.waitForSelector(`${chart} summary`)
  await page.$eval(`${chart} details`, details => {
    ;(details as HTMLDetailsElement).open = true
  })
  await page.waitForSelector(`${chart} tr[data-time]`)
  return page.$$eval(`${chart} tr[data-time]`, rows => ({
    times: rows.map(row => row.getAttribute('data-time') ?? ''),
    written: rows.map(row => row.querySelector('th')?.textContent ?? ''),
    values: rows.map(row =>
      [...row.querySelectorAll('td')].map(cell => {
        const value = cell.getAttribute('data-value')
        return value === null || value === '' ? null : Number(value)
      }),
    ),
  }))
}

function readBase({ times }: ShownTable, more = ''): Promise<BaseStatistics> {
  return demo.call('GET', `apps/${app}/stats/base?from=${times[0]}&to=${times.at(-1)}&by=day${more}`)
}

/** Every day from the first to the last, by the calendar. */
function expectNoGap({ times }: ShownTable): void {
  const first = Date.parse(times[0] ?? '')
  expect(times).toEqual(times.map((_, at) => new Date(first + at * DAY_MS).toISOString().slice(0, 10)))
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0)

test('the chart of uninstalls says on every day what the server has counted, with restored and replaced', async () => {
  const shown = await tableOf(await open(), 'App uninstalls')
  const { rows } = await readBase(shown)
  expect(shown.times).toHaveLength(30)
  expectNoGap(shown)
  expect(shown.values).toEqual(rows.map(row => [row.uninstalls, row.replaced, row.restored]))
  expect(sum(rows.map(row => row.uninstalls)), 'the month has uninstalls').toBeGreaterThan(0)
  expect(sum(rows.map(row => row.restored)), 'the month has restored ones').toBeGreaterThan(0)
})

test('the other charts say what the server has counted, too', async () => {
  const console = await open()
  const installs = await tableOf(console, 'Installs and registrations')
  const { rows } = await readBase(installs)
  expect(installs.values).toEqual(rows.map(row => [row.installs, row.registrations]))
  expect((await tableOf(console, 'App opens')).values).toEqual(rows.map(row => [row.opens]))
  const sends = await tableOf(console, 'Messages')
  const deliveries = await demo.call<DeliveryStatistics>(
    'GET',
    `apps/${app}/stats/deliveries?from=${sends.times[0]}&to=${sends.times.at(-1)}&by=day`,
  )
  expect(sends.values).toEqual(deliveries.rows.map(row => [row.accepted, row.delivered, row.opened]))
  expect(deliveries.totals.accepted).toBeGreaterThan(0)
})

test('the base of each day of the month was counted, so no line has a gap', async () => {
  const shown = await tableOf(await open(), 'Devices over time')
  expectNoGap(shown)
  expect(shown.values.filter(values => values.includes(null))).toEqual([])
  expect(shown.times.length).toBe(30)
})

test('devices by platform add up to all devices on each day that was counted', async () => {
  const console = await open()
  const all = await tableOf(console, 'Devices over time')
  expectNoGap(all)
  const { rows } = await readBase(all)
  const counted = rows.filter(row => row.devices !== null)
  expect(counted.length).toBeGreaterThan(20)
  for (const row of counted)
    expect(all.values[all.times.indexOf(row.at)], row.at).toEqual([row.devices, row.reachable])
  await console.page.select('section[aria-label="Devices over time"] select', 'devices')
  await console.page.waitForSelector('figure[aria-label="Devices by platform and day"]')
  const split = await tableOf(console, 'Devices over time')
  expect(split.times).toEqual(all.times)
  for (const row of counted) {
    const values = split.values[split.times.indexOf(row.at)] ?? []
    expect(sum(values.map(value => value ?? 0)), row.at).toBe(row.devices)
  }
})

test('a reader far from Greenwich sees the same days', async () => {
  const console = await open()
  await console.page.emulateTimezone('America/Los_Angeles')
  await console.go('/devices')
  await console.go('?range=week')
  const shown = await tableOf(console, 'App uninstalls')
  expect(shown.times).toHaveLength(7)
  const english = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeZone: 'UTC' })
  expect(shown.written).toEqual(shown.times.map(day => english.format(Date.parse(day))))
})

test('a day leads to its messages and to why addresses left', async () => {
  const console = await open()
  const { times } = await tableOf(console, 'Messages')
  const { messages } = await demo.call<MessageStatistics>(
    'GET',
    `apps/${app}/stats/messages?from=${times[0]}&to=${times.at(-1)}`,
  )
  const [newest] = messages
  if (!newest) throw new Error('the month has no message')
  const day = newest.createdAt.slice(0, 10)
  await console.page.$eval(`section[aria-label="Messages"] tr[data-time="${day}"] a`, link => {
    ;(link as HTMLAnchorElement).click()
  })
  await console.page.waitForFunction(path => location.hash.endsWith(path), {}, `/days/${day}`)
  await console.page.waitForSelector(
    `section[aria-label="Campaigns of this day"] a[href$="/messages/${newest.id}"]`,
  )
  await console.settled()
  const { removals } = await demo.call<{ removals: { event: string; count: number }[] }>(
    'GET',
    `apps/${app}/stats/removals?from=${day}&to=${day}`,
  )
  const shown = await console.page.$$eval(
    'section[aria-label="Why addresses left and came back"] td:last-child',
    cells => cells.map(cell => Number(cell.textContent)),
  )
  const moves = removals.filter(({ event }) => event !== 'uninstalled' && event !== 'replaced')
  expect(shown).toEqual(moves.map(({ count }) => count))
  expect(shown.length).toBeGreaterThan(0)
  expect(await console.faults()).toEqual([])
})

test('a click into a chart leads to the day that was clicked', async () => {
  const console = await open()
  const { times } = await tableOf(console, 'App opens')
  const canvas = await console.page.waitForSelector('section[aria-label="App opens"] canvas')
  await canvas?.scrollIntoView()
  await canvas?.click()
  await console.page.waitForFunction(() => /\/days\/[-\d]{10}$/.test(location.hash))
  const day = (await console.page.evaluate(() => location.hash)).slice(-10)
  // its middle, but for what the numbers beside the axis take
  expect(Math.abs(times.indexOf(day) - times.length / 2)).toBeLessThan(2)
})

test('a message is shown while it is being sent, and goes when it is over', async () => {
  const console = await open()
  const { id } = await demo.call<{ id: string }>('POST', `apps/${app}/messages`, {
    to: { all: true },
    content: { title: 'Slowly' },
    sendRate: 1,
  })
  const link = `section[aria-label="Being sent now"] a[href$="/messages/${id}"]`
  await console.page.waitForSelector(link)
  expect(await console.faults()).toEqual([])
  await demo.call('POST', `apps/${app}/messages/${id}/cancel`)
  await console.page.waitForFunction(selector => !document.querySelector(selector), {}, link)
})

async function faultsOfPages(console: OpenConsole): Promise<Record<string, string[]>> {
  const yesterday = new Date(Date.now() - 2 * DAY_MS).toISOString().slice(0, 10)
  const found: Record<string, string[]> = {}
  for (const path of ['', `/days/${yesterday}`, '?range=year']) {
    await console.go(path)
    await console.screenshot(`dashboard${path.replaceAll(/[/?=]/g, '-')}`)
    const faults = await console.faults()
    if (faults.length > 0) found[path] = faults
  }
  return found
}

test.each(LANGUAGES)(
  'the dashboard and a day in %s have all their texts and keep nobody out',
  async language => {
    expect(await faultsOfPages(await open({ language }))).toEqual({})
  },
)

test.each(['light', 'dark'] as const)(
  'the dashboard and a day fit on a phone in %s colours',
  async scheme => {
    expect(await faultsOfPages(await open({ width: 390, scheme, language: 'ru' }))).toEqual({})
  },
)

// the last one: with a second app a visitor is asked which one to open
test('an app without devices says what to do next, and the list of apps has it', async () => {
  const { code } = await demo.call<{ code: string }>('POST', 'apps', { name: 'New and empty' })
  const console = await open()
  await console.page.evaluate(to => {
    location.hash = to
  }, `/apps/${code}`)
  await console.page.waitForFunction(() => document.body.innerText.includes('No devices yet'))
  expect(await console.faults()).toEqual([])
  await console.page.evaluate(() => {
    location.hash = '/apps'
  })
  await console.page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Apps')
  const names = await console.page.$$eval('[data-row] a', links => links.map(link => link.textContent))
  expect(names).toContain('New and empty')
  expect(await console.faults()).toEqual([])
})
