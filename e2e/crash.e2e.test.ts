/**
 * `kill -9` in the middle of a send: nothing that was acknowledged is lost, everybody is asked, and the message reaches
 * its end by itself after the next start.
 */
import type { MessageView } from '@roost/protocol'
import { createCrowd, createPhone, type Phone, startSimulator } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'

const PHONES = 4000
const BUNDLE_ID = 'com.example.crash'
/** What a worker may have sent and not yet committed: four batches with a chunk of 500 each. */
const REPEATS_AT_MOST = 4 * 500
const DONE_WITHIN_MS = 120_000
/** Of the whole test, which waits for that twice: 65 s beside a load of 15 on two cores. */
const TEST_WITHIN_MS = 300_000

let simulator: Awaited<ReturnType<typeof startSimulator>>
let server: RoostServer

beforeAll(async () => {
  simulator = await startSimulator()
  server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
})
afterAll(async () => {
  await server?.close()
  await simulator?.close()
})

test('kill -9 in the middle of a send loses no device, no registration and no message', {
  timeout: TEST_WITHIN_MS,
}, async () => {
  const { code: app, deviceToken } = await server.rest<{ code: string; deviceToken: string }>(
    'POST',
    '/v1/apps',
    { name: 'Crash' },
  )
  const roost = { baseUrl: server.baseUrl, app, deviceToken }
  const project = await simulator.fcm.createProject()
  const credentials = [
    { gateway: 'apns', kind: 'p8', ...simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }) },
    { gateway: 'fcm', kind: 'service-account', serviceAccount: project.serviceAccount },
  ]
  for (const credential of credentials) await server.rest('POST', `/v1/apps/${app}/credentials`, credential)
  const platforms = [
    { kind: 'ios', bundleId: BUNDLE_ID },
    { kind: 'android', projectId: project.projectId },
  ] as const
  const crowd = createCrowd({
    simulator,
    roost,
    count: PHONES,
    mix: platforms.map(platform => ({ platform, weight: 1 })),
  })
  await crowd.register()
  expect(crowd.counts()).toMatchObject({ registered: PHONES, failed: 0 })

  for (const gateway of [simulator.apns, simulator.fcm]) gateway.faults.setLatency(20, 60)
  const late = registerUntilStopped(() => createPhone({ simulator, roost, platform: platforms[0] }))
  await late.hasBegun
  const { id } = await server.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, {
    to: { all: true },
    content: { title: 'Hello' },
  })
  const hash = id.replaceAll('-', '')
  await eventually({
    what: 'a third of the send',
    read: () => simulator.acceptedFor(hash).acceptances,
    until: count => count > PHONES / 3,
    withinMs: DONE_WITHIN_MS,
  })
  await server.kill()
  const atKill = simulator.acceptedFor(hash).acceptances
  expect(atKill).toBeLessThan(PHONES)
  const acknowledged = await late.stop()

  for (const gateway of [simulator.apns, simulator.fcm]) gateway.faults.clear()
  await server.startAgain()
  const { value: done } = await eventually({
    what: 'the message at its end',
    read: () => server.rest<MessageView>('GET', `/v1/apps/${app}/messages/${id}`),
    until: message => message.state === 'done',
    withinMs: DONE_WITHIN_MS,
  })

  const asked = simulator.attemptsFor(hash)
  expect(crowd.phones.filter(phone => !asked.has(phone.token as string))).toEqual([])
  expect(done.counts).toMatchObject({
    targeted: done.counts.accepted,
    dead: 0,
    failed: 0,
    skipped: 0,
    uncertain: 0,
  })
  // Phones that registered beside it may be in it or not; everybody from before is.
  expect(done.counts.accepted).toBeGreaterThanOrEqual(PHONES)
  expect(simulator.acceptedFor(hash).acceptances - asked.size).toBeLessThanOrEqual(REPEATS_AT_MOST)
  expect(crowd.phones.filter(phone => phone.shownCount !== 1).length).toBe(0)

  for (const phone of acknowledged) {
    const view = await server.rest<{ addresses: object[] }>('GET', `/v1/apps/${app}/devices/${phone.hwid}`)
    expect(view.addresses).toMatchObject([{ state: 'active' }])
  }
  crowd.close()
})

/** Registers one phone after the other until a call fails; hands out those whose registration was acknowledged. */
function registerUntilStopped(create: () => Phone): {
  /** The first one is acknowledged. */
  readonly hasBegun: Promise<void>
  stop(): Promise<Phone[]>
} {
  const acknowledged: Phone[] = []
  let begun = (): void => {}
  let notBegun = (_error: Error): void => {}
  const hasBegun = new Promise<void>((resolve, reject) => {
    begun = resolve
    notBegun = reject
  })
  const run = async (): Promise<void> => {
    for (;;) {
      const phone = create()
      const refusal = await phone.open().then(
        () => undefined,
        (error: Error) => error,
      )
      phone.close()
      if (refusal !== undefined) return notBegun(refusal)
      acknowledged.push(phone)
      begun()
    }
  }
  const running = run()
  return {
    hasBegun,
    stop: async () => {
      await running
      return acknowledged
    },
  }
}
