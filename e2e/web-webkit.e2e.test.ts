/**
 * The web SDK in a real WebKit, GTK's, which has no push: what Safari shares with it holds here; push by Apple is not among that.
 */
import type { DeviceView, MessageView } from '@roost/protocol'
import type { RoostOptions } from '@roost/sdk/web'
import { type Simulator, startSimulator } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'
import { type Site, startSite } from './support/site.ts'
import { launchWebKit, WEBKIT, type WebKit } from './support/webkit.ts'

const WITHIN_MS = 60_000

let simulator: Simulator
let server: RoostServer
let site: Site
let browser: WebKit
let options: RoostOptions

describe.skipIf(WEBKIT === '')('in a real WebKit', () => {
  beforeAll(async () => {
    simulator = await startSimulator()
    server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
    browser = await launchWebKit()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
    await server?.close()
    await simulator?.close()
  })
  beforeEach(async () => {
    const app = await server.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', { name: 'Web' })
    await server.rest('POST', `/v1/apps/${app.code}/credentials`, { gateway: 'webpush', kind: 'vapid' })
    options = { baseUrl: server.baseUrl, application: app.code, deviceToken: app.deviceToken }
    await site?.close()
    site = await startSite()
    await browser.open(site.url)
  })

  test('a page registers what it can, and the self-check names what the browser lacks', async () => {
    const status = await browser.evaluate(given => window.makeRoost(given).start(), options)
    expect(status).toMatchObject({ isSupported: false, isSubscribed: false })
    expect(await browser.evaluate(given => window.makeRoost(given).setTags({ city: 'Bern' }), options)).toBe(
      'sent',
    )
    const device = await server.rest<DeviceView>('GET', deviceOf(status.hwid))
    expect(device).toMatchObject({ tags: { city: 'Bern' }, addresses: [] })
    const { findings } = await browser.evaluate(given => window.makeRoost(given).selfCheck(), options)
    const lacking = findings.find(it => it.code === 'browser_unsupported')
    expect(lacking).toMatchObject({ verdict: 'bad', values: { missing: 'PushManager' } })
    expect(findings.map(it => it.code)).toEqual(
      expect.arrayContaining(['page_secure', 'storage_writable', 'server_reached', 'device_without_address']),
    )
  })

  test('messages come by the live channel, for whoever is logged in alone', async () => {
    await browser.evaluate(given => window.startLive(given), options)
    await logIn('ann')
    await untilPresent('ann')
    const send = (title: string, userId: string) =>
      server.rest<MessageView>('POST', `/v1/apps/${options.application}/messages`, {
        to: { users: [userId] },
        content: { title },
        route: 'online-only',
      })
    await send('For Ann', 'ann')
    await untilPage(() => window.messages.join() === 'For Ann')
    await logIn(undefined)
    await untilPage(() => window.liveStatuses.at(-1) === 'resting')
    await logIn('bob')
    await untilPresent('bob')
    await send('For Ann, late', 'ann')
    await send('For Bob', 'bob')
    await untilPage(() => window.messages.join() === 'For Ann,For Bob')
  })

  test('the inbox is read and marked', async () => {
    const { hwid } = await browser.evaluate(given => window.makeRoost(given).start(), options)
    const message = { to: { devices: [hwid] }, content: { title: 'Kept' }, inbox: { only: true } }
    await server.rest('POST', `/v1/apps/${options.application}/messages`, message)
    const read = () => browser.evaluate(given => window.makeRoost(given).inbox(), options)
    const { value } = await eventually({
      what: 'the inbox',
      read,
      until: it => it.unread === 1,
      withinMs: WITHIN_MS,
    })
    const [entry] = value.entries
    expect(entry?.title).toBe('Kept')
    const mark = { options, id: entry?.id ?? '' }
    await browser.evaluate(given => window.makeRoost(given.options).markInbox(given.id, 'read'), mark)
    expect(await read()).toMatchObject({ unread: 0, entries: [{ state: 'read' }] })
  })
})

function deviceOf(hwid = ''): string {
  return `/v1/apps/${options.application}/devices/${hwid}`
}

async function logIn(userId: string | undefined): Promise<void> {
  const told = await browser.evaluate(id => window.roost.setUser(id ?? undefined), userId ?? null)
  expect(told).toBe('sent')
}

async function untilPage(isSo: (_: null) => boolean): Promise<void> {
  await eventually({
    what: `the page: ${isSo}`,
    read: () => browser.evaluate(isSo, null),
    until: it => it,
    withinMs: WITHIN_MS,
  })
}

async function untilPresent(userId: string): Promise<void> {
  const path = `/v1/apps/${options.application}/users/${userId}/presence`
  await eventually({
    what: `presence of ${userId}`,
    read: () => server.rest<{ state: string }>('GET', path),
    until: it => it.state === 'online',
    withinMs: WITHIN_MS,
  })
}
