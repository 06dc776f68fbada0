/** What tests of the bridges have in common: a whole server, the network to it, and apps on fake phones. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../server/test/roost.ts'
import type { MobileRoostOptions } from '../src/mobile/options.ts'
import { type AppSettings, type FakeApp, installApp, type Kind } from './fake-app.ts'
import { openRoad, type Road } from './road.ts'

export let roost: TestRoost
export let road: Road
let settings: AppSettings
const apps: FakeApp[] = []

/** For a test file: a server for all of its tests, and an end for every app. */
export function inBridgeHouse(): void {
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
    road.losesAnswers = false
  })
}

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

export function install(kind: Kind, options: Partial<MobileRoostOptions> = {}): FakeApp {
  const app = installApp(kind, settings, { isLive: false, ...options })
  apps.push(app)
  return app
}

export const path = (of: string) => `/v1/apps/${settings.application}/${of}`

interface DeviceView {
  readonly userId: string | null
  readonly tags: Readonly<Record<string, unknown>>
  readonly addresses: readonly { readonly state: string; readonly reason: string | null }[]
}

export async function hwidOf({ roost: { status } }: FakeApp): Promise<string> {
  return (await status()).hwid ?? ''
}

export async function view(app: FakeApp): Promise<DeviceView> {
  return (await roost.rest<DeviceView>('GET', path(`devices/${await hwidOf(app)}`))).body
}

export async function untilView(app: FakeApp, isWanted: (device: DeviceView) => boolean): Promise<void> {
  while (!isWanted(await view(app))) await tick()
}

export const content = { title: 'Hello', body: 'It is you', url: 'https://example.org/a', data: { room: 7 } }

export async function send(app: FakeApp, message: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const to = { devices: [await hwidOf(app)] }
  const answer = await roost.rest<{ id: string }>('POST', path('messages'), { to, content, ...message })
  if (answer.status !== 202) throw new Error(JSON.stringify(answer.body))
  return answer.body.id
}

type Counts = Readonly<Record<'accepted' | 'skipped' | 'delivered' | 'opened', number>>

export async function countsOf(id: string): Promise<Counts> {
  return (await roost.rest<{ counts: Counts }>('GET', path(`messages/${id}`))).body.counts
}

export async function untilCounted(id: string, wanted: Partial<Counts>): Promise<Counts> {
  for (;;) {
    const counts = await countsOf(id)
    if (Object.entries(wanted).every(([name, count]) => counts[name as keyof Counts] === count)) return counts
    await tick()
  }
}

export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await tick()
}

export const hashOf = (id: string) => id.replaceAll('-', '')
/** It has come to the phone. */
export const pushOf = (app: FakeApp, id: string) =>
  roost.simulator.waitForPush({ token: app.phone.token(), hash: hashOf(id) })
export const untilPushed = (app: FakeApp, id: string) =>
  until(() => app.pushes.some(({ hash }) => hash === hashOf(id)))

export async function started(kind: Kind, options: Partial<MobileRoostOptions> = {}): Promise<FakeApp> {
  const app = install(kind, options)
  app.phone.isPermitted = true
  await app.roost.start()
  return app
}

export async function logIn(app: FakeApp): Promise<string> {
  const userId = `user-${randomUUID()}`
  expect(await app.roost.setUser(userId)).toBe('sent')
  return userId
}

export async function ring(userId: string): Promise<string> {
  const call = { caller: { name: 'Anna' }, callees: [userId] }
  const { status, body } = await roost.rest<{ id: string }>('POST', path('calls'), call)
  expect(status).toBe(201)
  return body.id
}

export async function ledgerOf(app: FakeApp) {
  return roost.rest('GET', path(`devices/${await hwidOf(app)}/ledger`))
}

export async function untilPresent(app: FakeApp, state: string): Promise<void> {
  const of = path(`devices/${await hwidOf(app)}/presence`)
  while ((await roost.rest<{ state: string }>('GET', of)).body.state !== state) await tick()
}
