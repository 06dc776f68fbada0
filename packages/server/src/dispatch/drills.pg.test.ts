/**
 * Drills: a credential that is wrong, in each of the ways that happen. Each of them ends with no address changed, the
 * credential paused with a telling reason, and the message kept; after the mend every phone is reached exactly once.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPhone, type Phone, type Simulator, startSimulator } from '@roost/simulator'
import { afterEach, expect, test } from 'vitest'
import { startBare } from '../../test/bare.ts'
import { cloneDatabase } from '../../test/database.ts'
import { BUNDLE_ID, startRoost, TestClock, type TestRoost, tick } from '../../test/roost.ts'
import { hashOf } from '../insight/receipts.ts'
import type { Database } from '../store/database.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const PHONES = 20
const CONTENT = { title: 'Hello' }

const opened: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function open(): Promise<TestRoost> {
  const roost = await startRoost()
  opened.push(() => roost.close())
  return roost
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  opened.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

interface Slot {
  readonly id: string
  readonly gateway: string
  readonly status: string
  readonly problems: readonly unknown[]
  readonly settings: Record<string, string>
}

async function slotOf(roost: TestRoost, gateway: string): Promise<Slot> {
  const path = `/v1/apps/${roost.app}/credentials`
  const { body } = await roost.rest<{ credentials: Slot[] }>('GET', path)
  return body.credentials.find(it => it.gateway === gateway) as Slot
}

async function replace(roost: TestRoost, gateway: string, content: object): Promise<void> {
  const { id } = await slotOf(roost, gateway)
  const answer = await roost.rest('PUT', `/v1/apps/${roost.app}/credentials/${id}`, content)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
}

/** The fault was mended elsewhere: the content is the same, and the gateway is asked again. */
async function checkNow(roost: TestRoost, gateway: string): Promise<void> {
  const { id } = await slotOf(roost, gateway)
  const answer = await roost.rest('POST', `/v1/apps/${roost.app}/credentials/${id}/check`)
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200, body: { status: 'active' } })
}

async function addresses(db: Database): Promise<object[]> {
  return (await db.query('select * from address order by bucket, app_id, hwid, address_hash')).rows
}

interface Drill {
  readonly gateway: 'apns' | 'fcm'
  readonly phones: readonly Phone[]
  /** Makes the credential wrong. */
  readonly spoil: () => Promise<void> | void
  /** What the message says of why it waits. */
  readonly reason: RegExp
  readonly mend: () => Promise<void> | void
}

async function rehearse(roost: TestRoost, { gateway, phones, spoil, reason, mend }: Drill): Promise<void> {
  await spoil()
  const before = await addresses(roost.server.db)
  const shown = phones.map(it => it.shown.length)
  const id = await roost.send({ to: { devices: phones.map(it => it.hwid) }, content: CONTENT })
  const held = await roost.until(id, message => message.held.length > 0)
  expect(held).toMatchObject({ state: 'sending', waiting: phones.length, held: [{ gateway }] })
  expect(held.held[0]?.reason).toMatch(reason)
  const slot = await slotOf(roost, gateway)
  expect(slot.problems).toHaveLength(1)
  expect(await addresses(roost.server.db)).toEqual(before)

  await mend()
  expect((await roost.settle(id)).counts).toMatchObject({
    targeted: phones.length,
    accepted: phones.length,
    dead: 0,
    failed: 0,
  })
  expect(roost.simulator.acceptedFor(hashOf(id)).acceptances).toBe(phones.length)
  expect(phones.map(it => it.shown.length)).toEqual(shown.map(it => it + 1))
  expect((await slotOf(roost, gateway)).problems).toEqual([])
}

function iPhones(roost: TestRoost): Promise<Phone[]> {
  return Promise.all(Array.from({ length: PHONES }, () => roost.phone('ios')))
}

/** Of a project whose service account is at hand, so that it can be uploaded again. */
async function androids(roost: TestRoost): Promise<{ phones: Phone[]; account: object }> {
  const { projectId, serviceAccount } = await roost.simulator.fcm.createProject()
  const account = { gateway: 'fcm', kind: 'service-account', serviceAccount }
  await replace(roost, 'fcm', account)
  const phones = Array.from({ length: PHONES }, () => {
    const { simulator, url, app, deviceToken } = roost
    const platform = { kind: 'android' as const, projectId }
    const phone = createPhone({ simulator, roost: { baseUrl: url, app, deviceToken }, platform })
    opened.push(async () => phone.close())
    return phone
  })
  await Promise.all(phones.map(it => it.open()))
  return { phones, account }
}

/** A .p12 with RC2 and 3DES, as the keychain exports it. */
async function p12(roost: TestRoost, options: { readonly expiresAt?: Date }): Promise<object> {
  const made = await roost.simulator.apns.createCertificate({ bundleId: BUNDLE_ID, ...options })
  const folder = await temporaryFolder()
  const pem = join(folder, 'certificate.pem') // openssl reads it twice, so it can't come over a pipe
  await writeFile(pem, `${made.certPem}\n${made.keyPem}`)
  const file = execFileSync('openssl', [
    'pkcs12',
    '-export',
    '-legacy',
    '-in',
    pem,
    '-passout',
    'pass:secret',
  ])
  return { gateway: 'apns', kind: 'p12', p12: file.toString('base64'), password: 'secret' }
}

const p8 = (key: object) => ({ gateway: 'apns', kind: 'p8', ...key })
const goodKey = (roost: TestRoost) => p8(roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }))

test('the key of another team', async () => {
  const roost = await open()
  const stranger = roost.simulator.apns.createTeamKey({ bundleId: 'com.example.stranger' })
  await rehearse(roost, {
    gateway: 'apns',
    phones: await iPhones(roost),
    spoil: () => replace(roost, 'apns', p8({ ...stranger, bundleId: BUNDLE_ID })),
    reason: /^(InvalidProviderToken|TopicDisallowed)$/,
    mend: () => replace(roost, 'apns', goodKey(roost)),
  })
})

test('a team id that does not belong to the key', async () => {
  const roost = await open()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  await rehearse(roost, {
    gateway: 'apns',
    phones: await iPhones(roost),
    spoil: () => replace(roost, 'apns', p8({ ...key, teamId: 'TEAM000000' })),
    reason: /^InvalidProviderToken$/,
    mend: () => replace(roost, 'apns', p8(key)),
  })
})

test('the bundle id of nobody', async () => {
  const roost = await open()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  await rehearse(roost, {
    gateway: 'apns',
    phones: await iPhones(roost),
    spoil: () => replace(roost, 'apns', p8({ ...key, bundleId: 'com.example.typo' })),
    reason: /^(TopicDisallowed|InvalidProviderToken)$/,
    mend: () => replace(roost, 'apns', p8(key)),
  })
})

test('R14: the bundle id of another app of the same team, which Apple says of each address', async () => {
  const roost = await open()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const { teamId } = key
  roost.simulator.apns.createTeamKey({ bundleId: 'com.example.sister', teamId })
  await rehearse(roost, {
    gateway: 'apns',
    phones: await iPhones(roost),
    spoil: () => replace(roost, 'apns', p8({ ...key, bundleId: 'com.example.sister' })),
    reason: /^DeviceTokenNotForTopic for every address .* another app/,
    mend: () => replace(roost, 'apns', p8(key)),
  })
})

test('a key that was revoked', async () => {
  const roost = await open()
  await rehearse(roost, {
    gateway: 'apns',
    phones: await iPhones(roost),
    spoil: async () => roost.simulator.apns.revokeKey((await slotOf(roost, 'apns')).settings.keyId as string),
    reason: /^InvalidProviderToken$/,
    mend: async () => {
      const { id } = await slotOf(roost, 'apns')
      // Without it the messages would find no credential, and be lost.
      const deleted = await roost.rest('DELETE', `/v1/apps/${roost.app}/credentials/${id}`)
      expect(deleted).toMatchObject({ status: 409, body: { code: 'credential_awaited' } })
      await replace(roost, 'apns', goodKey(roost))
    },
  })
})

test('race F: a key that Apple made for the other environment', async () => {
  const roost = await open()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['sandbox'] })
  await rehearse(roost, {
    gateway: 'apns',
    phones: await iPhones(roost),
    spoil: () => replace(roost, 'apns', p8(key)),
    reason: /^BadEnvironmentKeyI(dI)?nToken$/,
    mend: () => replace(roost, 'apns', goodKey(roost)),
  })
})

test('race F: the other environment goes on meanwhile', async () => {
  const roost = await open()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['sandbox'] })
  await replace(roost, 'apns', p8(key))
  const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
  const fields = { hwid: 'developer', device_type: 1, push_token: token, gateway: 'sandbox' }
  await roost.device('registerDevice', fields)
  const phone = await roost.phone('ios')
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
  await roost.until(id, message => message.held.length > 0)
  expect((await slotOf(roost, 'apns')).status).toBe('active')
  const next = await roost.sendAndSettle({ to: { devices: ['developer'] }, content: CONTENT })
  expect(next.counts).toMatchObject({ accepted: 1 })
})

test('race E2: an app of the sandbox whose credential serves production only', async () => {
  const roost = await open()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  await replace(roost, 'apns', { ...p8(key), environments: ['production'] })
  const tokens = Array.from({ length: PHONES }, () =>
    roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' }),
  )
  const hwids = tokens.map((_, i) => `sandbox-${i}`)
  for (const [i, push_token] of tokens.entries())
    await roost.device('registerDevice', {
      hwid: hwids[i],
      device_type: 1,
      push_token,
      gateway: 'production',
    })
  const before = await addresses(roost.server.db)
  const id = await roost.send({ to: { devices: hwids }, content: CONTENT })
  const held = await roost.until(id, message => message.held.length > 0)
  expect(held.held[0]?.reason).toMatch(/^BadDeviceToken for every address .* different environments/)
  expect(await addresses(roost.server.db)).toEqual(before)

  await replace(roost, 'apns', p8(key))
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: PHONES, accepted: PHONES })
  expect(roost.simulator.acceptedFor(hashOf(id)).acceptances).toBe(PHONES)
})

test('a certificate (.p12, as the keychain exports it) that has expired, which Apple is not shown any more', async () => {
  const roost = await open()
  const phones = await iPhones(roost)
  await replace(roost, 'apns', await p12(roost, { expiresAt: new Date(roost.clock.now() + 2 * DAY_MS) }))
  let asked = 0
  await rehearse(roost, {
    gateway: 'apns',
    phones,
    spoil: async () => {
      const first = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
      expect(first.counts).toMatchObject({ targeted: PHONES, accepted: PHONES })
      roost.clock.advance(3 * DAY_MS)
      asked = roost.simulator.counts().apns.requests
    },
    reason: /^certificate_expired$/,
    mend: async () => {
      expect(roost.simulator.counts().apns.requests).toBe(asked)
      await replace(roost, 'apns', await p12(roost, {}))
    },
  })
})

test('a certificate that was revoked', async () => {
  const roost = await open()
  const certificate = await roost.simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
  await replace(roost, 'apns', {
    gateway: 'apns',
    kind: 'pem',
    pem: `${certificate.certPem}\n${certificate.keyPem}`,
  })
  await rehearse(roost, {
    gateway: 'apns',
    phones: await iPhones(roost),
    spoil: () => roost.simulator.apns.revokeCertificate(certificate),
    reason: /^BadCertificate$/,
    mend: async () => replace(roost, 'apns', await p12(roost, {})),
  })
})

test('the service account of another Firebase project', async () => {
  const roost = await open()
  const { phones, account } = await androids(roost)
  const { serviceAccount } = await roost.simulator.fcm.createProject()
  await rehearse(roost, {
    gateway: 'fcm',
    phones,
    spoil: () => replace(roost, 'fcm', { gateway: 'fcm', kind: 'service-account', serviceAccount }),
    reason: /^SENDER_ID_MISMATCH for every address .* another project/,
    mend: () => replace(roost, 'fcm', account),
  })
})

test('a service account that may not send for its project', async () => {
  const roost = await open()
  const { phones, account } = await androids(roost)
  await rehearse(roost, {
    gateway: 'fcm',
    phones,
    spoil: () => roost.simulator.fcm.faults.answerEverything({ form: 'permission_denied' }),
    reason: /^PERMISSION_DENIED/,
    mend: async () => {
      roost.simulator.fcm.faults.clear()
      await replace(roost, 'fcm', account)
    },
  })
})

test('APNs with a clock that is an hour behind', async () => {
  const roost = await open()
  await rehearse(roost, {
    gateway: 'apns',
    phones: await iPhones(roost),
    spoil: () => roost.simulator.setClockOffset(HOUR_MS + 60_000),
    reason: /^ExpiredProviderToken/,
    mend: async () => {
      roost.simulator.setClockOffset(0)
      await checkNow(roost, 'apns')
    },
  })
})

test('FCM with a clock that is an hour behind', async () => {
  const roost = await open()
  const { phones } = await androids(roost)
  await rehearse(roost, {
    gateway: 'fcm',
    phones,
    spoil: () => roost.simulator.setClockOffset(HOUR_MS + 600_000),
    reason: /invalid_grant/,
    mend: async () => {
      roost.simulator.setClockOffset(0)
      await checkNow(roost, 'fcm')
    },
  })
})

test('a VAPID key that one push service refuses: only its subscriptions wait, and one of them finds out when it is over', async () => {
  const clock = new TestClock()
  const folder = await temporaryFolder()
  const database = await cloneDatabase()
  opened.push(() => database.drop())
  const [one, other] = await Promise.all([0, 1].map(() => startSimulator({ clock: () => clock.now() })))
  if (one === undefined || other === undefined) throw new Error('no simulators')
  opened.push(() => Promise.all([one.close(), other.close()]))
  await writeFile(join(folder, 'ca.pem'), `${one.caPem}\n${other.caPem}`)
  const server = await startBare({
    databaseUrl: database.url,
    clock,
    environment: { ...one.environment(), ROOST_EXTRA_CA: join(folder, 'ca.pem') },
  })
  opened.push(() => server.close())
  const access = await server.createApp()
  const credentials = `/v1/apps/${access.app}/credentials`
  const at = async (simulator: Simulator) => {
    const phones = Array.from({ length: PHONES }, () =>
      createPhone({ simulator, roost: { baseUrl: server.url, ...access }, platform: { kind: 'web' } }),
    )
    opened.push(() => Promise.all(phones.map(async it => it.close())))
    await Promise.all(phones.map(it => it.open()))
    return phones
  }
  const [good, refused] = [await at(one), await at(other)]
  const before = await addresses(server.db)
  other.webPush.faults.answerEverything({ fault: 'unauthorized' })

  const { body } = await server.rest<{ id: string }>('POST', `/v1/apps/${access.app}/messages`, {
    to: { all: true },
    content: CONTENT,
    ttlSeconds: 86_400,
  })
  const until = async (isWanted: (message: Message) => boolean) => {
    let message: Message | undefined
    for (const end = Date.now() + 45_000; Date.now() < end; await tick()) {
      message = (await server.rest<Message>('GET', `/v1/apps/${access.app}/messages/${body.id}`)).body
      if (isWanted(message)) return message
    }
    throw new Error(`the message did not come to be as wanted: ${JSON.stringify(message)}`)
  }
  const held = await until(message => message.held.length > 0)
  expect(held).toMatchObject({ waiting: PHONES, counts: { targeted: 2 * PHONES, accepted: PHONES } })
  expect(good.map(it => it.shown.length)).toEqual(good.map(() => 1))
  const slot = (await server.rest<{ credentials: Slot[] }>('GET', credentials)).body.credentials[0]
  expect(slot?.status).toBe('active')
  expect(JSON.stringify(slot?.problems)).toContain(other.urls.webPush)
  const asked = other.counts().webPush.requests
  expect((await addresses(server.db)).map(stateOf)).toEqual(before.map(stateOf))

  // Refused still: the one that tries it is refused, and the others are not shown to the service.
  clock.advance(HOUR_MS)
  await until(() => other.counts().webPush.requests > asked)
  await until(message => message.held.length > 0)
  expect(other.counts().webPush.requests).toBe(asked + 1)

  other.webPush.faults.clear()
  clock.advance(2 * HOUR_MS)
  const done = await until(message => message.state === 'done')
  expect(done.counts).toMatchObject({ targeted: 2 * PHONES, accepted: 2 * PHONES })
  expect(refused.map(it => it.shown.length)).toEqual(refused.map(() => 1))
  expect(other.acceptedFor(hashOf(body.id)).acceptances).toBe(PHONES)
})

test('R23: a wrong secret at Huawei, and after the mend one dead token among the living', async () => {
  const roost = await open()
  const app = roost.simulator.hms.createApp()
  const slot = { gateway: 'hms', kind: 'client', ...app }
  await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, { ...slot, clientSecret: 'not-the-secret' })
  const tokens = Array.from({ length: PHONES }, () => roost.simulator.hms.issueToken({ appId: app.appId }))
  for (const [i, push_token] of tokens.entries())
    await roost.device('registerDevice', { hwid: `huawei-${i}`, device_type: 17, push_token })
  const before = await addresses(roost.server.db)
  const id = await roost.send({ to: { all: true }, content: CONTENT })
  const held = await roost.until(id, message => message.held.length > 0)
  expect(held).toMatchObject({ waiting: PHONES, held: [{ gateway: 'hms' }] })
  expect((await slotOf(roost, 'hms')).status).toBe('paused')
  expect(await addresses(roost.server.db)).toEqual(before)

  roost.simulator.hms.killToken(tokens[3] as string)
  await replace(roost, 'hms', slot)
  expect((await roost.settle(id)).counts).toMatchObject({
    targeted: PHONES,
    accepted: PHONES - 1,
    dead: 1,
    failed: 0,
  })
  expect(roost.simulator.acceptedFor(hashOf(id)).acceptances).toBe(PHONES - 1)
  const states = (await addresses(roost.server.db)) as { hwid: string; state: string }[]
  expect(states.filter(it => it.state !== 'active').map(it => it.hwid)).toEqual(['huawei-3'])
})

interface Message {
  readonly state: string
  readonly waiting: number
  readonly held: readonly object[]
  readonly counts: Record<string, number>
}

/** Those of the other service were accepted meanwhile, which their rows tell by their time alone. */
function stateOf(address: object): object {
  const { last_accepted_at: _, ...rest } = address as Record<string, unknown>
  return rest
}
