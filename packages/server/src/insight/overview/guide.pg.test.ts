/** GET /v1/apps/{app}/guide while an app is being set up. */
import type { CredentialCheck, Guide, GuidePlatform, GuideStepName } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../../test/bare.ts'
import { startRoost, type TestRoost } from '../../../test/roost.ts'
import { countAll } from '../../../test/statistics.ts'

let bare: BareServer
let roost: TestRoost
beforeAll(async () => {
  bare = await startBare({ roles: ['api'] })
  roost = await startRoost()
})
afterAll(async () => {
  await roost.close()
  await bare.close()
})

type Asking = Pick<TestRoost, 'rest'> | Pick<BareServer, 'rest'>
const readGuide = async (server: Asking, app: string) =>
  (await server.rest<Guide>('GET', `/v1/apps/${app}/guide`)).body

function stepOf(guide: Guide, platform: GuidePlatform, step: GuideStepName) {
  return guide.platforms.find(it => it.platform === platform)?.steps.find(it => it.step === step)
}

test('of a new app all is open with what to do next, and its key pair for browsers is there', async () => {
  const { app } = await bare.createApp()
  const guide = await readGuide(bare, app)
  expect(guide.platforms.map(it => [it.platform, it.gateway])).toEqual([
    ['ios', 'apns'],
    ['android', 'fcm'],
    ['web', 'webpush'],
    ['huawei', 'hms'],
  ])
  const steps = guide.platforms.flatMap(it => it.steps.map(step => ({ ...step, platform: it.platform })))
  const green = steps.filter(it => it.state === 'done')
  expect(green).toMatchObject([
    { platform: 'web', step: 'credential', since: expect.any(String), remedy: null },
  ])
  for (const it of steps.filter(step => !green.includes(step)))
    expect(it).toMatchObject({ state: 'open', since: null, code: null, remedy: expect.any(String) })
  expect(steps.filter(it => it.step === 'extension').map(it => it.platform)).toEqual(['ios'])
})

test('a platform whose devices came without a token is in trouble, with what their system said', async () => {
  const app = await bare.createApp()
  await bare.device(app, 'registerDevice', {
    hwid: 'phone',
    device_type: 1,
    registration_error: { code: '3000', message: 'no valid aps-environment' },
  })
  const guide = await readGuide(bare, app.app)
  expect(stepOf(guide, 'ios', 'device')).toMatchObject({
    state: 'trouble',
    code: '3000',
    detail: 'no valid aps-environment',
    remedy: expect.stringContaining('entitlement'),
  })
  expect(stepOf(guide, 'android', 'device')).toMatchObject({ state: 'open' })
})

test('a credential that is paused is in trouble, and another good one makes the step done', async () => {
  const { app } = await bare.createApp()
  const { body } = await bare.rest<{ credentials: { id: string }[] }>('GET', `/v1/apps/${app}/credentials`)
  await bare.db.query(
    "insert into credential_pause (credential_id, version, part, reason, at) values ($1, 1, '', 'refused', now())",
    [body.credentials[0]?.id],
  )
  const paused = stepOf(await readGuide(bare, app), 'web', 'credential')
  expect(paused).toMatchObject({ state: 'trouble', code: expect.any(String), remedy: expect.any(String) })
  await bare.rest('POST', `/v1/apps/${app}/credentials`, { gateway: 'webpush', kind: 'vapid' })
  expect(stepOf(await readGuide(bare, app), 'web', 'credential')).toMatchObject({ state: 'done' })
})

test('a credential that no gateway could be asked about is not taken for good', async () => {
  const { app } = await bare.createApp()
  const stateWhen = async (outcome: CredentialCheck['outcome']) => {
    const checks = [{ environment: null, outcome, reason: null, at: new Date().toISOString() }]
    await bare.db.query(
      'update credential set checks = $2 where app_id = (select id from app where code = $1)',
      [app, JSON.stringify(checks)],
    )
    return stepOf(await readGuide(bare, app), 'web', 'credential')
  }
  expect(await stateWhen('unreachable')).toMatchObject({
    state: 'open',
    remedy: expect.stringContaining('check'),
  })
  expect(await stateWhen('accepted')).toMatchObject({ state: 'done' })
})

test('the steps turn green as a phone comes, gets a push and opens it', async () => {
  const { app } = roost
  const state = async (step: GuideStepName) => stepOf(await readGuide(roost, app), 'ios', step)?.state
  expect(await state('credential')).toBe('done')
  expect(await state('device')).toBe('open')
  const phone = await roost.phone('ios', { hwid: 'anna' })
  expect(await state('device')).toBe('done')
  expect(await state('accepted')).toBe('open')
  await roost.sendAndSettle({ to: { devices: ['anna'] }, content: { title: 'Hello' } })
  await countAll(roost)
  expect(await state('accepted')).toBe('done')
  expect(await state('opened')).toBe('open')
  await expect.poll(() => phone.shown.length).toBe(1)
  await phone.openNotification(phone.shown[0]?.hash ?? '')
  expect(await state('opened')).toBe('done')
  await roost.rest('POST', `/v1/apps/${app}/test-devices`, { hwid: 'anna', name: 'Anna' })
  expect(await state('test_device')).toBe('done')
  expect(await state('extension')).toBe('open')
  await roost.device('registerDevice', { hwid: 'anna', device_type: 1, extension_version: '1.0' })
  expect(await state('extension')).toBe('done')
})

test('pushes that come to nothing are trouble, in words of the gateway and with what to do', async () => {
  const { app } = roost
  const phone = await roost.phone('android', { hwid: 'bert' })
  phone.uninstall()
  await roost.sendAndSettle({ to: { devices: ['bert'] }, content: { title: 'Hello' } })
  await countAll(roost)
  expect(stepOf(await readGuide(roost, app), 'android', 'accepted')).toMatchObject({
    state: 'trouble',
    code: 'UNREGISTERED',
    detail: expect.any(String),
    remedy: expect.any(String),
    since: expect.any(String),
  })
})
