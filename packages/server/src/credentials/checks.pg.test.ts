/** Checks: what the gateways say of a credential at its upload and each day, in words, and without harm to anybody. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CredentialView } from '@roost/protocol'
import { type Simulator, startSimulator } from '@roost/simulator'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SECRET, startBare } from '../../test/bare.ts'
import { TestClock } from '../../test/roost.ts'
import type { Database } from '../store/database.ts'
import { CredentialChecks } from './checks.ts'
import { Seal } from './seal.ts'

const DAY_MS = 24 * 60 * 60_000
const BUNDLE_ID = 'com.example.app'

const clock = new TestClock()
let folder: string
let simulator: Simulator
let server: BareServer
let app: Access
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  simulator = await startSimulator({ clock: () => clock.now() })
  await writeFile(join(folder, 'ca.pem'), simulator.caPem)
  server = await startBare({
    clock,
    environment: { ...simulator.environment(), ROOST_EXTRA_CA: join(folder, 'ca.pem') },
  })
  app = await server.createApp()
})
afterAll(async () => {
  await server.close()
  await simulator.close()
  await rm(folder, { recursive: true, force: true })
})
afterEach(() => {
  for (const gateway of [simulator.apns, simulator.fcm, simulator.hms]) gateway.faults.clear()
})

const path = () => `/v1/apps/${app.app}/credentials`
const upload = async (input: object) => (await server.rest<CredentialView>('POST', path(), input)).body
const read = async (id: string) => (await server.rest<CredentialView>('GET', `${path()}/${id}`)).body

function p8(change: object = {}) {
  return { gateway: 'apns', kind: 'p8', ...simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }), ...change }
}

async function serviceAccount() {
  const { serviceAccount: file } = await simulator.fcm.createProject()
  return { gateway: 'fcm', kind: 'service-account', serviceAccount: file }
}

/** The daily job's work, as of `at`. */
function checkAll(at: number, db: Database = server.db) {
  const urls = simulator.urls
  const checks = new CredentialChecks({
    db,
    seal: new Seal(SECRET),
    clock: { now: () => at },
    urls: {
      apnsProduction: urls.apnsProduction,
      apnsSandbox: urls.apnsSandbox,
      fcm: urls.fcm,
      googleToken: urls.googleToken,
      hms: urls.hms,
      hmsToken: urls.hmsToken,
    },
    extraCa: simulator.caPem,
  })
  return checks.checkAll(at)
}

test('a key that Apple takes is found good in both environments, and reaches nobody', async () => {
  const before = simulator.counts()
  const view = await upload(p8())
  expect(view).toMatchObject({ status: 'active', problems: [], checkedAt: expect.any(String) })
  expect(view.checks).toEqual([
    { environment: 'production', outcome: 'accepted', reason: null, at: expect.any(String) },
    { environment: 'sandbox', outcome: 'accepted', reason: null, at: expect.any(String) },
  ])
  expect(simulator.counts().apns.accepted).toBe(before.apns.accepted)
})

test('a service account that Google takes is found good, and reaches nobody', async () => {
  const before = simulator.counts()
  const view = await upload(await serviceAccount())
  expect(view).toMatchObject({ status: 'active', problems: [] })
  expect(view.checks).toEqual([
    { environment: null, outcome: 'accepted', reason: null, at: expect.any(String) },
  ])
  expect(simulator.counts().fcm.accepted).toBe(before.fcm.accepted)
})

test.each<[string, () => object, string]>([
  ['of another team', () => p8({ teamId: 'OTHERTEAM1' }), 'apns_key_refused'],
  ['under another key id', () => p8({ keyId: 'OTHERKEY12' }), 'apns_key_refused'],
  ['for an app that is not the team’s', () => p8({ bundleId: 'com.example.stranger' }), 'apns_'],
])(
  'a key %s is stored, and its upload tells what is wrong and how to mend it',
  async (_what, input, code) => {
    const view = await upload(input())
    expect(view.status).toBe('active')
    expect(view.checks.map(it => it.outcome)).toEqual(['refused', 'refused'])
    expect(view.problems).toEqual([
      {
        code: expect.stringContaining(code),
        severity: 'error',
        message: expect.any(String),
        remedy: expect.stringMatching(/bundleId/),
        values: { part: '', reason: expect.any(String) },
      },
    ])
  },
)

test('a key of one environment is told for the other one only, and pauses nothing', async () => {
  const key = simulator.apns.createTeamKey({ bundleId: 'com.example.scoped', environments: ['production'] })
  const view = await upload({ gateway: 'apns', kind: 'p8', ...key })
  expect(view.checks.map(it => [it.environment, it.outcome])).toEqual([
    ['production', 'accepted'],
    ['sandbox', 'refused'],
  ])
  expect(view.problems).toEqual([
    expect.objectContaining({ code: 'apns_key_of_other_environment', environment: 'sandbox' }),
  ])
  expect(view.status).toBe('active')
})

test('a service account that was deleted is told at its upload', async () => {
  const input = await serviceAccount()
  simulator.fcm.disableServiceAccount(input.serviceAccount)
  const view = await upload(input)
  expect(view.problems).toEqual([expect.objectContaining({ code: 'fcm_key_refused' })])
  expect(view.status).toBe('active')
})

test('a service account of another project is told at its upload', async () => {
  const input = await serviceAccount()
  const view = await upload({
    ...input,
    serviceAccount: { ...input.serviceAccount, project_id: 'somebody-elses' },
  })
  expect(view.problems).toHaveLength(1)
  expect(view.problems[0]?.code).toMatch(/^fcm_(permission_missing|project_unknown)$/)
})

function hms(change: object = {}) {
  return { gateway: 'hms', kind: 'client', ...simulator.hms.createApp(), ...change }
}

test('an HMS client that Huawei takes is found good, and reaches nobody', async () => {
  const view = await upload(hms())
  expect(view).toMatchObject({ status: 'active', problems: [] })
  expect(view.checks).toEqual([
    { environment: null, outcome: 'accepted', reason: null, at: expect.any(String) },
  ])
})

test('an HMS client with another secret is told at its upload', async () => {
  const view = await upload(hms({ clientSecret: 'f'.repeat(64) }))
  expect(view.problems).toEqual([expect.objectContaining({ code: 'hms_client_refused' })])
})

test('an HMS app without Push Kit is told at its upload', async () => {
  const app = simulator.hms.createApp()
  simulator.hms.setRight(app.appId, 'send', false)
  const view = await upload({ gateway: 'hms', kind: 'client', ...app })
  expect(view.problems).toEqual([expect.objectContaining({ code: 'hms_permission_missing' })])
})

test('a gateway that is down is no problem of the credential', async () => {
  simulator.apns.faults.answerEverything({ status: 503, reason: 'ServiceUnavailable' })
  const view = await upload(p8())
  expect(view.problems).toEqual([])
  expect(view.checks).toEqual([
    expect.objectContaining({ outcome: 'unreachable', reason: 'ServiceUnavailable' }),
    expect.objectContaining({ outcome: 'unreachable', reason: 'ServiceUnavailable' }),
  ])
})

test('a key that is revoked later is found by the daily check, told once, and good again when it is replaced', async () => {
  const own = await server.createApp()
  const credentials = `/v1/apps/${own.app}/credentials`
  await server.rest('POST', `/v1/apps/${own.app}/webhooks`, { url: 'https://example.com/hook' })
  const key = simulator.apns.createTeamKey({ bundleId: 'com.example.revoked' })
  const { body: added } = await server.rest<CredentialView>('POST', credentials, {
    gateway: 'apns',
    kind: 'p8',
    ...key,
    environments: ['production'],
  })
  expect(added.problems).toEqual([])
  simulator.apns.revokeKey(key.keyId)
  clock.advance(DAY_MS)
  await checkAll(clock.now())
  clock.advance(DAY_MS)
  await checkAll(clock.now())
  const view = (await server.rest<CredentialView>('GET', `${credentials}/${added.id}`)).body
  expect(view.checkedAt).toBe(new Date(Date.parse(view.checkedAt ?? '')).toISOString())
  expect(Date.parse(view.checkedAt ?? '') - Date.parse(added.checkedAt ?? '')).toBeGreaterThanOrEqual(
    2 * DAY_MS,
  )
  expect(view.problems).toEqual([expect.objectContaining({ code: 'apns_key_refused' })])
  const { rows } = await server.db.query<{ data: Record<string, unknown> }>(
    `select e.data from webhook_event e join app on app.id = e.app_id
      where app.code = $1 and e.type = 'credential.refused'`,
    [own.app],
  )
  expect(rows).toEqual([
    {
      data: expect.objectContaining({
        credentialId: added.id,
        part: 'production',
        reason: 'InvalidProviderToken',
        remedy: expect.stringContaining('developer.apple.com'),
      }),
    },
  ])
  const fresh = simulator.apns.createTeamKey({ bundleId: 'com.example.revoked' })
  const { body: mended } = await server.rest<CredentialView>('PUT', `${credentials}/${added.id}`, {
    gateway: 'apns',
    kind: 'p8',
    ...fresh,
  })
  expect(mended).toMatchObject({ problems: [], version: 2 })
})

test('a refusal that was over for a day is told again when it comes back', async () => {
  const own = await server.createApp()
  const credentials = `/v1/apps/${own.app}/credentials`
  const app = simulator.hms.createApp()
  const refusals = async () => {
    const { rows } = await server.db.query<{ count: number }>(
      `select count(*) as count from webhook_event e join app on app.id = e.app_id
        where app.code = $1 and e.type = 'credential.refused'`,
      [own.app],
    )
    return rows[0]?.count
  }
  await server.rest('POST', credentials, { gateway: 'hms', kind: 'client', ...app })
  const told: unknown[] = []
  for (const isAllowed of [false, false, true, false]) {
    simulator.hms.setRight(app.appId, 'send', isAllowed)
    clock.advance(DAY_MS)
    await checkAll(clock.now())
    told.push(await refusals())
  }
  expect(told).toEqual([1, 1, 1, 2])
})

test('the daily check leaves alone what was asked about today', async () => {
  const { id, checkedAt } = await upload(p8())
  const soon = clock.now() + 60_000
  await checkAll(soon)
  expect((await read(id)).checkedAt).toBe(checkedAt)
  await checkAll(soon + DAY_MS)
  expect((await read(id)).checkedAt).toBe(new Date(soon + DAY_MS).toISOString())
})

test('the daily check leaves archived apps alone', async () => {
  const { id, checkedAt } = await upload(p8())
  await server.db.query('update app set archived_at = $1', [new Date(clock.now())])
  const tomorrow = clock.now() + DAY_MS
  await checkAll(tomorrow)
  expect((await read(id)).checkedAt).toBe(checkedAt)
  await server.db.query('update app set archived_at = null')
  await checkAll(tomorrow)
  expect((await read(id)).checkedAt).toBe(new Date(tomorrow).toISOString())
})

test('a VAPID key pair is checked by itself: no push service can be asked without a subscription', async () => {
  const view = await upload({ gateway: 'webpush', kind: 'vapid' })
  expect(view).toMatchObject({ checks: [], problems: [], checkedAt: expect.any(String) })
})

test('answers about a content that was replaced meanwhile are dropped', async () => {
  const { id } = await upload(p8())
  const { rows } = await server.db.query<{ version: number }>(
    'select version from credential where id = $1',
    [id],
  )
  simulator.apns.faults.answerEverything({ status: 403, reason: 'InvalidProviderToken' })
  const replacing = async (sql: string, values: unknown[]) => {
    const found = await server.db.query(sql, values)
    await server.db.query('update credential set version = version + 1 where id = $1', [id])
    return found
  }
  const transaction = server.db.transaction.bind(server.db)
  const db = Object.assign(Object.create(server.db) as Database, { query: replacing, transaction })
  await checkAll(clock.now() + 3 * DAY_MS, db)
  const view = await read(id)
  expect(view.version).toBe((rows[0]?.version ?? 0) + 1)
  expect(view.problems).toEqual([])
})

test('a content that can’t be unsealed any more is told as that', async () => {
  const { id } = await upload(p8())
  await server.db.query('update credential set sealed = $2, checked_at = null where id = $1', [
    id,
    new Seal(SECRET).close(randomUUID(), '{}'),
  ])
  await checkAll(clock.now())
  expect((await read(id)).problems.map(it => it.code)).toEqual(['content_unreadable'])
})
