/** Alerts of certificates that end and of credentials that a gateway refuses: open as long as it is so, told by events of their own. */
import type { AlertView, CredentialView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppleAuthority } from '../../../../gateways/test/apple-certificates.ts'
import { BUNDLE_ID, startRoost, type TestRoost } from '../../../test/roost.ts'
import { endPause, pauseCredential } from '../../credentials/pauses.ts'
import { watchSymptoms } from './watch.ts'

const DAY_MS = 24 * 60 * 60_000
const MINUTE_MS = 60_000

let roost: TestRoost
let apple: AppleAuthority
beforeAll(async () => {
  apple = new AppleAuthority()
  roost = await startRoost()
})
afterAll(async () => {
  await roost.close()
  apple.close()
})

const watch = () => watchSymptoms(roost.server.db, roost.clock.now())
const alertsOf = async (app: string) =>
  (await roost.rest<{ alerts: AlertView[] }>('GET', `/v1/apps/${app}/alerts?state=open`)).body.alerts

/** An app of its own. */
async function newApp(): Promise<string> {
  return (await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Test' })).body.code
}

function certificateUntil(notAfter: number): object {
  const stamp = (at: number) => `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
  const notBefore = stamp(notAfter - 365 * DAY_MS)
  const made = apple.issue({ uid: BUNDLE_ID, notBefore, notAfter: stamp(notAfter) })
  return { gateway: 'apns', kind: 'pem', pem: `${made.cert}${made.key}` }
}

test('a certificate that ends within 30 days has an alert until its slot has another one', async () => {
  const app = await newApp()
  const path = `/v1/apps/${app}/credentials`
  const soon = certificateUntil(roost.clock.now() + 31 * DAY_MS)
  const { id } = (await roost.rest<CredentialView>('POST', path, soon)).body
  await watch()
  expect(await alertsOf(app)).toEqual([])
  roost.clock.advance(2 * DAY_MS)
  await watch()
  expect(await alertsOf(app)).toMatchObject([
    {
      kind: 'credential_expiring',
      data: { credentialId: id, gateway: 'apns', isExpired: false },
      remedy: expect.stringContaining('PUT …/credentials/{id}'),
    },
  ])
  roost.clock.advance(30 * DAY_MS)
  await watch()
  expect(await alertsOf(app), 'it has ended meanwhile').toContainEqual(
    expect.objectContaining({
      kind: 'credential_expiring',
      data: expect.objectContaining({ isExpired: true }),
    }),
  )
  await roost.rest('PUT', `${path}/${id}`, certificateUntil(roost.clock.now() + 300 * DAY_MS))
  roost.clock.advance(11 * MINUTE_MS)
  await watch()
  expect((await alertsOf(app)).filter(it => it.kind === 'credential_expiring')).toEqual([])
})

test('an archived app has no alerts: they close', async () => {
  const app = await newApp()
  await roost.rest('POST', `/v1/apps/${app}/credentials`, certificateUntil(roost.clock.now() + DAY_MS))
  await watch()
  expect(await alertsOf(app)).not.toEqual([])
  await roost.rest('POST', `/v1/apps/${app}/archive`, { name: 'Test' })
  roost.clock.advance(11 * MINUTE_MS)
  await watch()
  expect(await alertsOf(app)).toEqual([])
})

test('a credential that is refused has an alert with what mends it, until its gateway takes it again', async () => {
  const app = await newApp()
  const key = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const path = `/v1/apps/${app}/credentials`
  const { id } = (await roost.rest<CredentialView>('POST', path, { gateway: 'apns', kind: 'p8', ...key }))
    .body
  const { db } = roost.server
  const at = roost.clock.now()
  const pause = { credentialId: id, version: 1, part: '' }
  await db.transaction(tx => pauseCredential(tx, { ...pause, reason: 'InvalidProviderToken', at }))
  await watch()
  expect(await alertsOf(app)).toMatchObject([
    {
      kind: 'credential_refused',
      data: { credentialId: id, reason: 'InvalidProviderToken', remedy: expect.any(String) },
    },
  ])
  for (const part of ['one.example', 'two.example'])
    await db.transaction(tx => pauseCredential(tx, { ...pause, part, reason: 'InvalidProviderToken', at }))
  await watch()
  expect(await alertsOf(app), 'one, however many parts are refused').toHaveLength(1)
  for (const part of ['one.example', 'two.example'])
    await db.transaction(tx => endPause(tx, { ...pause, part }))
  const { rows } = await db.query<{ count: number }>(
    "select count(*)::integer as count from webhook_event e join app on app.id = e.app_id where app.code = $1 and e.data ? 'alertId'",
    [app],
  )
  expect(rows, 'webhooks are told by credential.refused').toEqual([{ count: 0 }])
  await db.transaction(tx => endPause(tx, pause))
  roost.clock.advance(11 * MINUTE_MS)
  await watch()
  expect(await alertsOf(app)).toEqual([])
})
