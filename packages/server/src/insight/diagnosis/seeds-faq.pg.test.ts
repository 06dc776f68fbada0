/**
 * The questions that users of push ask most, as support pages list them, each asked of a real installation in which it happens: the
 * first answer is the cause, with who can mend it; and after the remedy the push arrives.
 */
import type { DeviceDiagnosis, PreflightView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { first, Patient } from '../../../test/diagnosis.ts'
import { startRoost, type TestRoost } from '../../../test/roost.ts'

const DAY_MS = 24 * 3_600_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

function answer({ findings }: DeviceDiagnosis): { cause: string; who: string | undefined; steps: string[] } {
  const [found] = findings
  const cause = `${found?.verdict} ${found?.rule}`
  return { cause, who: found?.remedy.who, steps: found?.remedy.steps.map(it => it.key) ?? [] }
}

/** What a gateway has taken for it. */
function pushesTo(token: string): number {
  return roost.simulator.pushes({ token }).length
}

test('“The certificate has expired. Must the app be released again when it is renewed?” It need not.', async () => {
  const own = await Patient.open(roost, { gateways: [] })
  const certificateUntil = async (expiresAt: Date) => {
    const made = await roost.simulator.apns.createCertificate({ bundleId: own.bundleId, expiresAt })
    return { gateway: 'apns', kind: 'pem', pem: `${made.certPem}\n${made.keyPem}` }
  }
  const slot = await own.upload(await certificateUntil(new Date(roost.clock.now() + DAY_MS)))
  const device = await own.register('ios')
  roost.clock.advance(2 * DAY_MS)
  const id = await own.send({ to: { devices: [device.hwid] } })
  await own.until(id, it => it.held.length > 0)
  expect(answer(await own.of(device, id))).toEqual({
    cause: 'proven DX-02',
    who: 'operator',
    steps: ['replace_credential', 'use_p8'],
  })
  await own.rest(
    'PUT',
    `/credentials/${slot}`,
    await certificateUntil(new Date(roost.clock.now() + 300 * DAY_MS)),
  )
  await own.until(id, it => it.state === 'done')
  expect(pushesTo(device.token)).toBe(1) // to the token that it always had
})

test('“I test from Xcode and nothing arrives.” The environment of the credential is not that of the build.', async () => {
  const own = await Patient.open(roost, { gateways: [] })
  const key = roost.simulator.apns.createTeamKey({ bundleId: own.bundleId })
  const credential = { gateway: 'apns', kind: 'p8', ...key }
  await own.upload({ ...credential, environments: ['production'] })
  const device = await own.register('ios', {
    ...own.newToken('ios', { environment: 'sandbox' }),
    gateway: 'sandbox',
  })
  const diagnosed = await own.of(device)
  expect(answer(diagnosed)).toMatchObject({ cause: 'proven DX-01', who: 'operator' })
  expect(diagnosed.findings[0]?.message.text).toContain('sandbox')
  await own.upload({ ...credential, environments: ['sandbox'] })
  await own.sent({ to: { devices: [device.hwid] } })
  expect(pushesTo(device.token)).toBe(1)
})

test('“Certificate and package name must be right.” The bundle id of the app is another one.', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  const device = await own.register('ios', { bundle_id: `${own.bundleId}.dev` })
  const diagnosed = await own.of(device)
  expect(answer(diagnosed)).toEqual({ cause: 'proven DX-07', who: 'operator', steps: ['compare_bundle_id'] })
  expect(diagnosed.findings[0]?.message.text).toBe(
    `The token belongs to ${own.bundleId}.dev; the credential serves ${own.bundleId}.`,
  )
})

test('“On the day of the installation a test push arrives, and one to the segment does not.” It was computed before.', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  const { body: segment } = await own.rest<{ id: string }>('POST', '/segments', {
    name: 'Everybody with the new version',
    mode: 'nightly',
    condition: { tag: 'version', op: 'eq', value: 'new' },
  })
  await own.rest('POST', `/segments/${segment.id}/compute`)
  await settled(own, segment.id)
  roost.clock.advance(60_000)
  const device = await own.register('ios', { tags: { version: 'new' } })
  await own.sent({ to: { devices: [device.hwid] }, lane: 'test' })
  expect(pushesTo(device.token)).toBe(1)
  const id = await own.sent({ to: { segment: segment.id } })
  expect(answer(await own.of(device, id))).toEqual({
    cause: 'proven DX-21',
    who: 'operator',
    steps: ['compute_segment', 'make_segment_live'],
  })
})

/** Its first snapshot is there. */
async function settled(own: Patient, segment: string): Promise<void> {
  const { db } = roost.server
  await expect
    .poll(
      async () =>
        (await db.query('select from segment where id = $1 and snapshot_id is not null', [segment])).rowCount,
    )
    .toBe(1)
  expect((await own.rest('GET', `/segments/${segment}`)).status).toBe(200)
}

test('“How do I see whether a user has reported a token?” No version of the app that reports one was opened.', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  await own.call('applicationOpen', { hwid: 'of-the-old-version', device_type: 1 })
  expect(answer(await own.of({ hwid: 'of-the-old-version' }))).toMatchObject({
    cause: 'proven DX-33',
    who: 'developer',
    steps: ['open_app', 'call_register'],
  })
  const { devices, findings } = await own.ask({ device: 'never-opened' })
  expect(devices).toEqual([])
  expect(findings[0]?.rule).toBe('DX-31')
})

test('“The app must have notifications turned on.” They are off, and on again the push arrives.', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  const device = await own.register('ios')
  await own.rest('PATCH', `/devices/${device.hwid}`, { permission: 'denied' })
  const id = await own.sent({ to: { devices: [device.hwid] } })
  const denied = { cause: 'proven DX-45', who: 'user', steps: ['allow_notifications'] }
  expect(answer(await own.of(device))).toEqual(denied)
  expect(answer(await own.of(device, id))).toEqual(denied)
  await own.rest('PATCH', `/devices/${device.hwid}`, { permission: 'granted' })
  await own.sent({ to: { devices: [device.hwid] } })
  expect(pushesTo(device.token)).toBe(1)
})

test('“The picture does not come.” Its address is not https, which is told before anything is sent.', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  await own.register('ios')
  const { status, body } = await own.rest<PreflightView>('POST', '/diagnose', {
    send: { to: { all: true }, content: { title: 'Look', image: 'http://images.example.com/a.png' } },
  })
  expect(status).toBe(200)
  expect(body.findings).toMatchObject([
    { rule: 'DX-65', remedy: { who: 'operator', steps: [{ key: 'use_https_image' }] } },
  ])
  expect(body.refusal?.code).toBe('input_invalid')
})

test('“Why did the token become invalid?” The app was removed, and it comes back with a new one.', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  const device = await own.register('ios')
  roost.clock.advance(60_000) // Apple’s word and the registration are told apart by their times
  roost.simulator.apns.killToken(device.token)
  const id = await own.sent({ to: { devices: [device.hwid] } })
  const diagnosed = await own.of(device, id)
  expect(answer(diagnosed)).toEqual({
    cause: 'proven DX-37',
    who: 'user',
    steps: ['open_app', 'reinstall_app'],
  })
  expect(diagnosed.findings[0]?.evidence[0]?.at).not.toBeNull()
  expect(first(await own.of(device))).toBe('proven DX-37.apns')
  const fresh = own.newToken('ios')
  await own.call('registerDevice', { hwid: device.hwid, device_type: 1, ...fresh })
  expect((await own.of(device)).outcome).toBe('could_receive')
  await own.sent({ to: { devices: [device.hwid] } })
  expect(pushesTo(fresh.push_token)).toBe(1)
})

test('“Is the SDK of version 1.0 or later?” It is not.', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] })
  await own.rest('PATCH', '/integration', { minimums: { push: '1.0' } })
  const device = await own.register('ios', { v: '0.9.4' })
  const diagnosed = await own.of(device)
  expect(answer(diagnosed)).toEqual({ cause: 'proven DX-32', who: 'user', steps: ['update_app'] })
  expect(diagnosed.findings[0]?.message.text).toContain('0.9.4')
})

test('“Bad device token”: of a Debug build and a Release build each gets its push, whatever they say of themselves', async () => {
  const own = await Patient.open(roost, { gateways: ['ios'] }) // a key for both environments
  const debug = await own.register('ios', own.newToken('ios', { environment: 'sandbox' })) // says nothing, so production
  const release = await own.register('ios', { ...own.newToken('ios'), gateway: 'sandbox' }) // says the wrong one
  const id = await own.sent({ to: { devices: [debug.hwid, release.hwid] } })
  expect([pushesTo(debug.token), pushesTo(release.token)]).toEqual([1, 1])
  for (const device of [debug, release])
    expect(await own.of(device)).toMatchObject({
      outcome: 'could_receive',
      findings: [
        { rule: 'DX-40', effect: 'warns', remedy: { who: 'developer', steps: [{ key: 'fix_environment' }] } },
      ],
    })
  expect((await own.of(debug, id)).trace?.outcome).toBe('accepted')
})

test('“Bad device token” without a credential for the other environment says which one is missing', async () => {
  const own = await Patient.open(roost, { gateways: [] })
  const key = roost.simulator.apns.createTeamKey({ bundleId: own.bundleId })
  await own.upload({ gateway: 'apns', kind: 'p8', ...key, environments: ['production'] })
  const release = await own.register('ios')
  await own.sent({ to: { devices: [release.hwid] } })
  const debug = await own.register('ios', own.newToken('ios', { environment: 'sandbox' }))
  const id = await own.sent({ to: { devices: [debug.hwid, release.hwid] } })
  const diagnosed = await own.of(debug, id)
  expect(answer(diagnosed)).toMatchObject({ cause: 'proven DX-40', who: 'developer' })
  expect(diagnosed.findings[0]?.message.parameters).toEqual({ reported: 'production', other: 'sandbox' })
  expect((await own.of(release, id)).trace?.outcome).toBe('accepted')
})
