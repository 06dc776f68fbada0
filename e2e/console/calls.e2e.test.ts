/** Calls in the console: one that rings is seen and ended, and who was called is seen to be there. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connectLive } from '../../packages/server/test/live-client.ts'
import type { OpenConsole } from '../support/console.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import { SERVER_TOKEN } from '../support/roost-server.ts'
import { visit } from '../support/visit.ts'

const USER = 'ann@example.com'
/** Nobody has to hurry. */
const RING_SECONDS = 120

let fleet: Fleet
let phones: readonly string[]

beforeAll(async () => {
  fleet = await startFleet()
  const crowd = await fleet.crowd(2)
  phones = crowd.phones.map(({ hwid }) => hwid).toSorted()
  for (const hwid of phones) await rest('PATCH', `/devices/${hwid}`, { userId: USER })
})
afterAll(() => fleet?.close())

const rest = <T>(method: 'GET' | 'PATCH' | 'POST', path: string, body?: object) =>
  fleet.api.rest<T>(method, `/v1/apps/${fleet.app}${path}`, body)
const open = () => visit(`${fleet.api.baseUrl}/#token=${SERVER_TOKEN}`)

/** In the page, as people read it. */
async function untilSeen({ page }: OpenConsole, text: string): Promise<void> {
  await page.waitForFunction(wanted => document.body.innerText.includes(wanted), {}, text)
}

async function press({ page }: OpenConsole, text: string): Promise<void> {
  const button = await page.waitForSelector(
    `::-p-xpath(//button[normalize-space()="${text}" and not(@disabled) and not(@data-loading)])`,
    { visible: true },
  )
  await button?.press('Enter')
}

/** A device with its app open, which says of each call that it rings. */
async function openApp(hwid: string) {
  const { app, deviceToken } = fleet
  const device = await connectLive(fleet.api.baseUrl, { app, deviceToken, hwid, userId: USER })
  onTestFinished(() => device.drop())
  return device
}

test('a call comes up while it rings, tells by which roads, and is ended by whoever looks on', async () => {
  const [connected = '', away = ''] = phones
  const device = await openApp(connected)
  const opened = await open()
  const { page, go } = opened
  await go('/calls')
  await untilSeen(opened, 'No calls yet')
  const { id } = await rest<{ id: string }>('POST', '/calls', {
    caller: { name: 'Ben' },
    callees: [USER],
    media: 'video',
    ringSeconds: RING_SECONDS,
    data: { room: 'r-17' },
  })
  await device.next('call')
  device.say({ type: 'call', callId: id, event: 'ringing' })
  await device.next('call-answer')
  await untilSeen(opened, 'Ringing')
  const row = await page.waitForSelector('[data-row] a')
  await row?.press('Enter')
  await untilSeen(opened, '"room": "r-17"')
  const cells = (hwid: string) =>
    page.$$eval(
      '[data-row]',
      (rows, wanted) => rows.find(it => it.textContent?.includes(wanted))?.textContent ?? '',
      hwid,
    )
  expect(await cells(connected)).toContain('Live channel')
  expect(await cells(away)).toContain('Push')
  expect(await cells(away)).toContain('Has not said so')
  await opened.screenshot('call')
  await press(opened, 'End the call…')
  await press(opened, 'End the call')
  await untilSeen(opened, 'Cancelled')
  await page.waitForFunction(() => document.querySelector('[role=dialog]') === null)
  expect(await rest('GET', `/calls/${id}`)).toMatchObject({ state: 'cancelled' })
  expect(await opened.faults()).toEqual([])
})

test('of a user there are their calls alone', async () => {
  const [other = ''] = phones
  await rest('PATCH', `/devices/${other}`, { userId: 'carol' })
  onTestFinished(() => rest('PATCH', `/devices/${other}`, { userId: USER }).then(() => undefined))
  for (const [name, callee] of [
    ['To Ann', USER],
    ['To Carol', 'carol'],
  ])
    await rest('POST', '/calls', { caller: { name }, callees: [callee] })
  const opened = await open()
  const { page, go } = opened
  await go('/calls')
  await untilSeen(opened, 'To Carol')
  await opened.screenshot('calls')
  const show = async (user: string) => {
    const field = await page.waitForSelector('input[type=search]')
    await field?.click({ count: 3 })
    await field?.type(user)
    await field?.press('Enter')
  }
  await show(USER)
  await page.waitForFunction(() => !document.body.innerText.includes('To Carol'))
  await untilSeen(opened, 'To Ann')
  await show('nobody')
  await untilSeen(opened, 'No calls of nobody')
})

test('a device is seen to be connected, and to be gone', async () => {
  const [connected = ''] = phones
  const device = await openApp(connected)
  const opened = await open()
  await opened.go(`/devices/${connected}`)
  await untilSeen(opened, 'Connected, app open')
  await device.drop()
  await untilSeen(opened, 'Not connected')
})
