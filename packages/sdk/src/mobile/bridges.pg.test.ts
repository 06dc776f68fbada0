/** Each bridge through the life of an app: the whole server, the simulator's gateways, and its library's published interface in between. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../../server/test/roost.ts'
import { type AppSettings, type FakeApp, installApp, KINDS, type Kind } from '../../test/fake-app.ts'
import { fakeVoip } from '../../test/fake-voip.ts'
import { openRoad, type Road } from '../../test/road.ts'
import type { Call } from '../core/calls.ts'
import { voipTokens } from '../react-native/voip.ts'
import type { MobileRoostOptions } from './options.ts'

let roost: TestRoost
let road: Road
let settings: AppSettings
const apps: FakeApp[] = []

beforeAll(async () => {
  roost = await startRoost()
  road = await openRoad(roost.url)
  const project = await roost.simulator.fcm.createProject()
  const { code: application, deviceToken } = await makeApp(project.serviceAccount)
  settings = {
    simulator: roost.simulator,
    baseUrl: road.url,
    application,
    deviceToken,
    projectId: project.projectId,
    bundleId: BUNDLE_ID,
    now: () => roost.clock.now(),
  }
})
afterAll(async () => {
  await road.close()
  await roost.close()
})
afterEach(() => {
  for (const app of apps.splice(0)) app.end()
  road.isUp = true
})

async function makeApp(serviceAccount: unknown) {
  const { body } = await roost.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', {
    name: 'Bridges',
  })
  const path = `/v1/apps/${body.code}/credentials`
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  await roost.rest('POST', path, { gateway: 'apns', kind: 'p8', ...key })
  await roost.rest('POST', path, { gateway: 'fcm', kind: 'service-account', serviceAccount })
  return body
}

function install(kind: Kind, options: Partial<MobileRoostOptions> = {}): FakeApp {
  const app = installApp(kind, settings, { isLive: false, ...options })
  apps.push(app)
  return app
}

const path = (of: string) => `/v1/apps/${settings.application}/${of}`

interface DeviceView {
  readonly userId: string | null
  readonly tags: Readonly<Record<string, unknown>>
  readonly addresses: readonly { readonly state: string; readonly reason: string | null }[]
}

async function hwidOf({ roost: { status } }: FakeApp): Promise<string> {
  return (await status()).hwid ?? ''
}

async function view(app: FakeApp): Promise<DeviceView> {
  return (await roost.rest<DeviceView>('GET', path(`devices/${await hwidOf(app)}`))).body
}

async function untilView(app: FakeApp, isWanted: (device: DeviceView) => boolean): Promise<void> {
  while (!isWanted(await view(app))) await tick()
}

const content = { title: 'Hello', body: 'It is you', url: 'https://example.org/a', data: { room: 7 } }

async function send(app: FakeApp, message: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const to = { devices: [await hwidOf(app)] }
  const answer = await roost.rest<{ id: string }>('POST', path('messages'), { to, content, ...message })
  if (answer.status !== 202) throw new Error(JSON.stringify(answer.body))
  return answer.body.id
}

type Counts = Readonly<Record<'accepted' | 'skipped' | 'delivered' | 'opened', number>>

async function countsOf(id: string): Promise<Counts> {
  return (await roost.rest<{ counts: Counts }>('GET', path(`messages/${id}`))).body.counts
}

async function untilCounted(id: string, wanted: Partial<Counts>): Promise<Counts> {
  for (;;) {
    const counts = await countsOf(id)
    if (Object.entries(wanted).every(([name, count]) => counts[name as keyof Counts] === count)) return counts
    await tick()
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await tick()
}

const hashOf = (id: string) => id.replaceAll('-', '')
/** It has come to the phone. */
const pushOf = (app: FakeApp, id: string) =>
  roost.simulator.waitForPush({ token: app.phone.token(), hash: hashOf(id) })
const untilPushed = (app: FakeApp, id: string) =>
  until(() => app.pushes.some(({ hash }) => hash === hashOf(id)))

async function started(kind: Kind, options: Partial<MobileRoostOptions> = {}): Promise<FakeApp> {
  const app = install(kind, options)
  app.phone.isPermitted = true
  await app.roost.start()
  return app
}

describe.each(KINDS)('%s', kind => {
  test('a start registers the token that the system gives then, and what the person allows (R31)', async () => {
    const app = install(kind)
    app.phone.isPermitted = true
    const status = await app.roost.start()
    expect(status).toMatchObject({ permission: 'granted', isSubscribed: true, isOptedOut: false })
    expect((await view(app)).addresses).toMatchObject([{ state: 'active' }])
    await untilCounted(await send(app), { accepted: 1 })
  })

  test('before `start()` the server hears nothing of the device', async () => {
    const app = install(kind, { isLive: true })
    app.phone.isPermitted = true
    app.phone.token()
    app.phone.renewToken()
    app.phone.comeToFront(false)
    app.phone.comeToFront(true)
    const { hwid } = await app.roost.start()
    const { body } = await roost.rest<{ entries: unknown[] }>('GET', path(`devices/${hwid}/ledger`))
    expect(body.entries).toHaveLength(1)
  })

  test('a token that the system renews takes the place of the old one at once (R2)', async () => {
    const app = await started(kind)
    const old = app.phone.token()
    app.phone.renewToken()
    await untilView(app, ({ addresses }) => addresses.some(({ state }) => state !== 'active'))
    const id = await send(app)
    await untilCounted(id, { accepted: 1 })
    expect(roost.simulator.pushes({ token: old })).toEqual([])
    expect(await pushOf(app, id)).toBeDefined()
  })

  test('a start within the hour tells nothing again, unless something has changed (R0b)', async () => {
    const app = await started(kind)
    const { body: before } = await ledgerOf(app)
    await app.restart().start()
    expect((await ledgerOf(app)).body).toEqual(before)
    roost.clock.advance(61 * 60_000)
    await app.restart().start()
    expect((await view(app)).addresses).toHaveLength(1)
  })

  test('what comes is told once, with its words and data, and counted as delivered and opened', async () => {
    const app = await started(kind)
    const id = await send(app)
    await untilPushed(app, id)
    const [push] = app.pushes
    expect(push).toMatchObject({ title: 'Hello', body: 'It is you', url: content.url, data: { room: 7 } })
    await untilCounted(id, { delivered: 1 })
    const carried = await pushOf(app, id)
    app.phone.onPush?.(carried) // a gateway may bring it twice
    app.tap(carried)
    await until(() => app.openings.length === 1)
    expect(app.openings[0]).toMatchObject({ action: undefined, url: content.url })
    expect(await untilCounted(id, { opened: 1 })).toMatchObject({ delivered: 1 })
    expect(app.pushes).toHaveLength(1)
    // iOS has shown it itself; on Android the app does
    expect(app.shown).toHaveLength(app.platform === 'ios' ? 0 : 1)
  })

  test('the person takes the permission away in the settings: the server hears of it when the app is in front again (R26)', async () => {
    const app = await started(kind)
    app.phone.comeToFront(false)
    app.phone.isPermitted = false
    app.phone.comeToFront(true)
    await until(() => app.statuses.at(-1)?.permission === 'denied')
    await untilCounted(await send(app), { skipped: 1 })
    expect((await view(app)).addresses).toMatchObject([{ state: 'active' }])
  })

  test('who unsubscribes gets nothing, through every start, until they subscribe again', async () => {
    const app = await started(kind)
    await app.roost.unsubscribe()
    const again = await app.restart().start()
    expect(again).toMatchObject({ isSubscribed: false, isOptedOut: true })
    expect((await view(app)).addresses.every(({ state }) => state !== 'active')).toBe(true)
    expect(await app.roost.subscribe()).toMatchObject({ isSubscribed: true, isOptedOut: false })
    await untilCounted(await send(app), { accepted: 1 })
  })

  test('without a network a start succeeds, and tags and receipts go out when there is one', async () => {
    const app = await started(kind)
    const id = await send(app)
    await pushOf(app, id)
    road.cut()
    const before = await send(app)
    await untilPushed(app, before)
    expect(await app.restart().start()).toMatchObject({ isOptedOut: false })
    expect(await app.roost.setTags({ city: 'Bern' })).toBe('kept')
    road.isUp = true
    await app.restart().start()
    expect((await view(app)).tags).toMatchObject({ city: 'Bern' })
    await untilCounted(before, { delivered: 1 })
  })

  test('R25: a push for the one before is dropped, also when the logout had no network', async () => {
    const app = await started(kind)
    await app.roost.setUser('anna')
    road.cut()
    expect(await app.roost.setUser('berta')).toBe('kept')
    const id = await send(app, { to: { users: ['anna'] } })
    const carried = await pushOf(app, id)
    app.tap(carried)
    road.isUp = true
    const own = app.restart()
    await own.start()
    expect(await view(app)).toMatchObject({ userId: 'berta' })
    const last = await send(app, { to: { users: ['berta'] } })
    await untilPushed(app, last)
    expect(app.pushes.map(({ hash }) => hash)).toEqual([hashOf(last)])
    expect(app.openings).toEqual([])
    expect(await countsOf(id)).toMatchObject({ delivered: 0, opened: 0 })
  })

  test('the app is in front: a message comes over the channel, and its push shows nothing more', async () => {
    const app = await started(kind, { isLive: true })
    await untilPresent(app, 'online')
    const id = await send(app, { route: 'both' })
    await Promise.all([untilPushed(app, id), pushOf(app, id)])
    await untilCounted(id, { delivered: 1 })
    const last = await send(app, { route: 'online-only' })
    await untilPushed(app, last)
    expect(app.pushes.map(({ hash }) => hash)).toEqual([hashOf(id), hashOf(last)])
  })

  test('the app goes behind and comes back: presence follows', async () => {
    const app = await started(kind, { isLive: true })
    await untilPresent(app, 'online')
    app.phone.comeToFront(false)
    await untilPresent(app, 'background')
    app.phone.comeToFront(true)
    await untilPresent(app, 'online')
  })

  test('a call rings over the channel, and stops when another device has answered', async () => {
    const calls: Call[] = []
    const app = await started(kind, { isLive: true, onCall: call => calls.push(call) })
    const userId = await logIn(app)
    await untilPresent(app, 'online')
    const id = await ring(userId)
    await until(() => calls.some(it => it.id === id && it.state === 'ringing'))
    expect(await roost.rest('POST', path(`calls/${id}/accept`), { userId })).toMatchObject({ status: 200 })
    await until(() => calls.some(it => it.id === id && it.state === 'answered_elsewhere'))
    expect(await app.roost.answerCall(id, 'accept')).toBe('over')
  })

  test('a call that comes by push rings the app that runs, and its answer wins', async () => {
    const calls: Call[] = []
    const app = await started(kind, { onCall: call => calls.push(call) })
    const id = await ring(await logIn(app))
    await until(() => calls.some(it => it.id === id && it.state === 'ringing'))
    expect(await app.roost.answerCall(id, 'accept')).toBe('taken')
    const { body } = await roost.rest<{ state: string }>('GET', path(`calls/${id}`))
    expect(body.state).toBe('accepted')
    expect(app.pushes).toEqual([])
  })

  test('when somebody else logs in, what is on the screen goes, and the native parts know who it is', async () => {
    const told: (string | undefined)[] = []
    const app = await started(kind, { share: async ({ userId }) => void told.push(userId) })
    await app.roost.setUser('anna')
    await app.roost.setUser('anna')
    await app.roost.setUser(undefined)
    expect(told).toEqual([undefined, 'anna', 'anna', ''])
    // on React Native's Android the native module does it
    expect(app.phone.cleared).toBe(kind === 'React Native on Android' ? 0 : 2)
  })

  test('the icon counts what is unread in the inbox', async () => {
    const app = await started(kind, { unreadBadge: true })
    await send(app, { inbox: { until: new Date(roost.clock.now() + 3 * 24 * 3_600_000).toISOString() } })
    let unread = 0
    while (unread === 0) ({ unread } = await app.roost.inbox())
    const { entries } = await app.roost.inbox()
    expect(entries).toMatchObject([{ title: 'Hello', state: 'new' }])
    expect(app.phone.badge).toBe(kind === 'React Native on Android' ? 0 : 1)
    expect(await app.roost.markInbox(entries[0]?.id ?? '', 'read')).toBe('sent')
    expect(app.phone.badge).toBe(0)
  })

  test('it looks at itself, and the server adds what it finds', async () => {
    const app = await started(kind)
    const { findings } = await app.roost.selfCheck()
    const good = findings.filter(it => it.verdict === 'good').map(({ code }) => code)
    // whether the clock is right is as well told, of a phone that is stopped for long in between
    expect(good.filter(code => code !== 'clock_right')).toEqual([
      'storage_writable',
      'permission_granted',
      'server_reached',
      'device_registered',
    ])
    app.phone.isPermitted = false
    road.cut()
    const away = await app.roost.selfCheck()
    expect(away.findings.filter(it => it.verdict === 'bad').map(({ code }) => code)).toEqual([
      'permission_denied',
      'server_unreachable',
    ])
  })

  test('the system gives no token: the server is told why', async () => {
    const app = install(kind)
    app.phone.isPermitted = true
    app.phone.tokenError = 'no valid aps-environment'
    expect(await app.roost.start()).toMatchObject({ isSubscribed: false })
    const { body } = await roost.rest('GET', path(`devices/${await hwidOf(app)}`))
    expect(JSON.stringify(body)).toContain('no valid aps-environment')
  })
})

test.each([true, false])(
  'a token of PushKit is registered beside the other, and calls go to it (early: %s)',
  async isEarly => {
    const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'voip' })
    const app = await started('React Native on iOS', { voip: voipTokens(fakeVoip(token, { isEarly })) })
    await untilView(app, ({ addresses }) => addresses.length === 2)
    expect((await view(app)).addresses.map(({ state }) => state)).toEqual(['active', 'active'])
    await ring(await logIn(app))
    expect(await roost.simulator.waitForPush({ token })).toMatchObject({
      headers: { 'apns-push-type': 'voip' },
    })
  },
)

async function logIn(app: FakeApp): Promise<string> {
  const userId = `user-${randomUUID()}`
  expect(await app.roost.setUser(userId)).toBe('sent')
  return userId
}

async function ring(userId: string): Promise<string> {
  const call = { caller: { name: 'Anna' }, callees: [userId] }
  const { status, body } = await roost.rest<{ id: string }>('POST', path('calls'), call)
  expect(status).toBe(201)
  return body.id
}

async function ledgerOf(app: FakeApp) {
  return roost.rest('GET', path(`devices/${await hwidOf(app)}/ledger`))
}

async function untilPresent(app: FakeApp, state: string): Promise<void> {
  const of = path(`devices/${await hwidOf(app)}/presence`)
  while ((await roost.rest<{ state: string }>('GET', of)).body.state !== state) await tick()
}
