/** Holds: what waits for a refused credential goes on as soon as anything can send it, and never in circles before. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSimulator } from '@roost/simulator'
import { afterEach, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'
import { cloneDatabase } from '../../test/database.ts'
import { BUNDLE_ID, startRoost, TestClock, type TestRoost } from '../../test/roost.ts'
import { wakeHeld } from '../credentials/pauses.ts'

const opened: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function open(): Promise<TestRoost> {
  const roost = await startRoost()
  opened.push(() => roost.close())
  return roost
}

const CONTENT = { title: 'Hello' }
const apnsKey = (key: object) => ({ gateway: 'apns', kind: 'p8', ...key })
const goodKey = (roost: TestRoost) => apnsKey(roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }))

async function apnsSlots(roost: TestRoost): Promise<{ id: string; settings: Record<string, string> }[]> {
  const { body } = await roost.rest<{
    credentials: { id: string; gateway: string; settings: Record<string, string> }[]
  }>('GET', `/v1/apps/${roost.app}/credentials`)
  return body.credentials.filter(it => it.gateway === 'apns')
}

async function revokeAll(roost: TestRoost): Promise<void> {
  for (const { settings } of await apnsSlots(roost)) roost.simulator.apns.revokeKey(settings.keyId as string)
}

test('of two refused credentials the older one is mended, and what waited goes on with it', async () => {
  const roost = await open()
  await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, goodKey(roost))
  const slots = await apnsSlots(roost)
  expect(slots).toHaveLength(2)
  const phone = await roost.phone('ios')
  await revokeAll(roost)
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
  await roost.until(id, message => message.held.length > 0)
  const refused = async () => (await roost.server.db.query('select from credential_pause')).rowCount
  // The first is refused, then the other one.
  const again = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
  await roost.until(again, message => message.held.length > 0)
  expect(await refused()).toBe(2)
  await roost.rest('PUT', `/v1/apps/${roost.app}/credentials/${slots[0]?.id}`, goodKey(roost))
  expect((await roost.settle(again)).counts).toMatchObject({ accepted: 1 })
  expect((await roost.settle(id)).counts).toMatchObject({ accepted: 1 })
})

test('a credential that comes while the gateway is refusing another one sends what that one holds up', async () => {
  const roost = await open()
  const phone = await roost.phone('ios')
  await revokeAll(roost)
  roost.simulator.apns.faults.holdAnswers({ token: phone.token as string })
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
  await roost.simulator.apns.faults.waitForHeld()
  await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, goodKey(roost))
  roost.simulator.apns.faults.releaseAnswers()
  expect((await roost.settle(id)).counts).toMatchObject({ accepted: 1 })
})

test('a batch that nothing can leave is not looked at again before its pause is over', async () => {
  const roost = await open()
  const phone = await roost.phone('ios')
  await revokeAll(roost)
  const hello = { to: { devices: [phone.hwid] }, content: CONTENT }
  const first = await roost.send(hello)
  await roost.until(first, message => message.held.length > 0)
  // The pause is known by now: this one is not even tried.
  const next = await roost.send(hello)
  await roost.until(next, message => message.held.length > 0)
  const { db } = roost.server
  const states = async () => (await db.query<{ state: string; xmin: string }>('select state from batch')).rows
  await expect.poll(states).toEqual([{ state: 'held' }, { state: 'held' }])
  const claims = () => db.query('select xmin, leased_by, held_at from batch order by id').then(it => it.rows)
  const before = await claims()
  await wakeHeld(db, roost.clock.now())
  expect(await claims()).toEqual(before)
})

test('a credential that serves nothing of what waits wakes nobody, and is found fit for what it serves', async () => {
  const roost = await open()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, {
    ...apnsKey(key),
    environments: ['sandbox'],
  })
  const [ours] = await apnsSlots(roost)
  const phone = await roost.phone('ios')
  roost.simulator.apns.revokeKey(ours?.settings.keyId as string)
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
  await roost.until(id, message => message.held.length > 0)
  const { db } = roost.server
  const rows = async () => (await db.query('select state, held_at from batch')).rows
  await expect.poll(rows).toMatchObject([{ state: 'held' }])
  const before = await rows()
  await wakeHeld(db, roost.clock.now())
  expect(await rows()).toEqual(before)
  const production = { ...goodKey(roost), environments: ['production'] }
  await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, production)
  expect((await roost.settle(id)).counts).toMatchObject({ accepted: 1 })
})

test('a message that is now or never waits its minute for a refused credential, and then is told that it expired', async () => {
  const roost = await open()
  const phone = await roost.phone('ios')
  await revokeAll(roost)
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT, ttlSeconds: 0 })
  await roost.until(id, message => message.held.length > 0)
  const { db } = roost.server
  const rows = async () => (await db.query('select state, held_at from batch')).rows
  await expect.poll(rows).toMatchObject([{ state: 'held' }])
  const before = await rows()
  roost.clock.advance(50_000)
  await wakeHeld(db, roost.clock.now())
  expect(await rows()).toEqual(before)
  roost.clock.advance(11_000)
  expect((await roost.settle(id)).counts).toMatchObject({ skipped: 1, accepted: 0 })
})

test('a token that its environment does not know is quarantined when the key may not ask the other one', async () => {
  const roost = await open()
  const [slot] = await apnsSlots(roost)
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['production'] })
  await roost.rest('PUT', `/v1/apps/${roost.app}/credentials/${slot?.id}`, apnsKey(key))
  const phone = await roost.phone('ios')
  await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT })
  const fields = { hwid: 'stray', device_type: 1, push_token: 'ab'.repeat(32), gateway: 'production' }
  await roost.device('registerDevice', fields)
  const message = await roost.sendAndSettle({ to: { devices: ['stray', phone.hwid] }, content: CONTENT })
  expect(message.counts).toMatchObject({ targeted: 2, accepted: 1, failed: 1 })
  expect((await roost.view('stray')).addresses).toMatchObject([{ state: 'quarantined' }])
})

test('R14: a credential that was accepted before is not paused for tokens of another project, after a restart neither', async () => {
  const clock = new TestClock()
  const database = await cloneDatabase()
  opened.push(() => database.drop())
  const simulator = await startSimulator({ clock: () => clock.now() })
  opened.push(() => simulator.close())
  const folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  opened.push(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'ca.pem'), simulator.caPem)
  const environment = { ...simulator.environment(), ROOST_EXTRA_CA: join(folder, 'ca.pem') }
  const start = () => startBare({ databaseUrl: database.url, clock, environment })

  const before = await start()
  const access = await before.createApp()
  const [ours, foreign] = [await simulator.fcm.createProject(), await simulator.fcm.createProject()]
  const account = { gateway: 'fcm', kind: 'service-account', serviceAccount: ours.serviceAccount }
  await before.rest('POST', `/v1/apps/${access.app}/credentials`, account)
  const register = async (hwid: string, projectId: string) => {
    const push_token = simulator.fcm.issueToken({ projectId })
    await before.device(access, 'registerDevice', { hwid, device_type: 3, push_token })
  }
  await register('good', ours.projectId)
  const strangers = Array.from({ length: 30 }, (_, i) => `stranger-${i}`)
  await Promise.all(strangers.map(hwid => register(hwid, foreign.projectId)))
  expect(await sendFrom(before, access.app, ['good'])).toMatchObject({ accepted: 1 })
  await before.close()

  const after = await start()
  opened.push(() => after.close())
  expect(await sendFrom(after, access.app, strangers)).toMatchObject({ targeted: 30, failed: 30 })
  expect(await sendFrom(after, access.app, ['good'])).toMatchObject({ accepted: 1 })
})

async function sendFrom(server: BareServer, app: string, devices: string[]): Promise<object> {
  const { body } = await server.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, {
    to: { devices },
    content: CONTENT,
  })
  const read = async () =>
    (await server.rest<{ state: string; counts: object }>('GET', `/v1/apps/${app}/messages/${body.id}`)).body
  await expect.poll(read).toMatchObject({ state: 'done' })
  return (await read()).counts
}
