/**
 * The rules of what an answer may do: of which kind of address (R10), in which words (R13, R19), and how late (R24). Over the
 * HTTP API and the stand-ins; addresses that no message goes to yet are sent to with the gateway's client itself.
 */
import { randomUUID } from 'node:crypto'
import {
  type AttemptOutcome,
  BLANK,
  createApnsClient,
  createHttp2Transport,
  type GatewayClient,
} from '@roost/gateways'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost } from '../../test/roost.ts'
import { type AddressResult, applyResults } from './results.ts'

const HOUR_MS = 3_600_000

let roost: TestRoost
let apple: GatewayClient<{ token: string }>
const closing: { close(): Promise<void> }[] = []
beforeAll(async () => {
  roost = await startRoost()
  const transport = createHttp2Transport({ extraCa: roost.simulator.caPem, assumedStreams: 1 })
  apple = createApnsClient({
    credential: { ...roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }), bundleId: BUNDLE_ID },
    environment: 'production',
    baseUrl: roost.simulator.urls.apnsProduction,
    transport,
    clock: roost.clock,
  })
  closing.push(apple, transport)
})
afterAll(async () => {
  for (const it of closing) await it.close()
  await roost.close()
})
beforeEach(() => roost.clock.advance(HOUR_MS))

const hello = (...hwids: string[]) => ({ to: { devices: hwids }, content: { title: 'Hello' } })
const statesOf = async (hwid: string) =>
  (await roost.view(hwid)).addresses.map(it => `${it.kind} ${it.state}`).sort()

async function done(method: string, fields: Record<string, unknown>): Promise<void> {
  expect((await roost.device(method, fields)).body).toMatchObject({ status_code: 200 })
}

type Key = Pick<AddressResult, 'bucket' | 'appId' | 'hwid' | 'hash' | 'generation' | 'sentAt' | 'messageId'>

/** What a send that leaves now knows of a token. */
async function flightTo(token: string): Promise<Key> {
  const { rows } = await roost.server.db.query<Omit<Key, 'sentAt' | 'messageId'>>(
    'select bucket, app_id as "appId", hwid, address_hash as hash, generation from address where address = $1',
    [token],
  )
  return { ...(rows[0] as Key), sentAt: roost.clock.now(), messageId: randomUUID() }
}

function pushTo(token: string, pushType: 'voip' | 'liveactivity'): Promise<AttemptOutcome> {
  const isActivity = pushType === 'liveactivity'
  const aps = isActivity ? { event: 'update', timestamp: 1, 'content-state': { minutes: 3 } } : {}
  return apple.send({
    deliveryId: randomUUID(),
    address: { token },
    notification: {
      ...BLANK,
      hash: 'a-hash',
      title: isActivity ? undefined : 'Hello',
      ttlSeconds: 60,
      priority: 'high',
      apns: { pushType, aps },
    },
  })
}

async function apply(key: Key, outcome: AttemptOutcome): Promise<void> {
  if (outcome.kind !== 'address_dead') throw new Error(`the gateway answered ${JSON.stringify(outcome)}`)
  const since = outcome.since?.getTime() ?? null
  const result: AddressResult = { ...key, kind: 'dead', reason: outcome.reason, since }
  await roost.server.db.transaction(tx => applyResults(tx, [result], roost.clock.now()))
}

test('R10: a 410 for the address of calls ends that one, and alerts go on', async () => {
  const phone = await roost.phone('ios')
  const voip = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'voip' })
  await done('registerDevice', {
    hwid: phone.hwid,
    device_type: 1,
    push_token: phone.token,
    voip_push_token: voip,
  })
  roost.clock.advance(HOUR_MS)
  expect(await pushTo(voip, 'voip')).toMatchObject({ kind: 'accepted' })
  roost.simulator.apns.killToken(voip)
  await apply(await flightTo(voip), await pushTo(voip, 'voip'))
  expect(await statesOf(phone.hwid)).toEqual(['alert active', 'voip dead'])
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
})

test('R10: a 410 for the address of alerts ends that one, and calls go on', async () => {
  const phone = await roost.phone('ios')
  const voip = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'voip' })
  const call = { hwid: phone.hwid, device_type: 1, push_token: phone.token, voip_push_token: voip }
  await done('registerDevice', call)
  roost.clock.advance(HOUR_MS)
  roost.simulator.apns.killToken(phone.token as string)
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ dead: 1 })
  expect(await statesOf(phone.hwid)).toEqual(['alert dead', 'voip active'])
})

test('race O: the late 410 of a replaced activity token touches neither the new one nor alerts, and updates go on', async () => {
  const phone = await roost.phone('ios')
  const [old, fresh] = [0, 1].map(() =>
    roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'liveactivity' }),
  ) as [string, string]
  const setActivity = (activity_token: string) =>
    done('setActivityToken', { hwid: phone.hwid, activity_id: 'ride', activity_token })
  await setActivity(old)
  roost.clock.advance(HOUR_MS)
  roost.simulator.apns.killToken(old)
  const { faults } = roost.simulator.apns
  faults.holdAnswers({ token: old })
  const flight = await flightTo(old)
  const answer = pushTo(old, 'liveactivity')
  await faults.waitForHeld()
  await setActivity(fresh)
  faults.releaseAnswers()
  await apply(flight, await answer)
  expect(await statesOf(phone.hwid)).toEqual([
    'alert active',
    'liveactivity:ride active',
    'liveactivity:ride superseded',
  ])
  expect(await pushTo(fresh, 'liveactivity')).toMatchObject({ kind: 'accepted' })
})

test('R13: a payload that FCM refuses for a whole campaign ends no address, in whatever words', async () => {
  const count = 60
  const phones = await Promise.all(Array.from({ length: count }, () => roost.phone('android')))
  const hwids = phones.map(it => it.hwid)
  for (const form of ['bad_request', 'invalid_argument'] as const) {
    roost.simulator.fcm.faults.answerEverything({ form })
    const { counts } = await roost.sendAndSettle(hello(...hwids))
    roost.simulator.fcm.faults.clear()
    expect(counts, form).toMatchObject({ targeted: count, failed: count, dead: 0 })
  }
  expect((await roost.sendAndSettle(hello(...hwids))).counts).toMatchObject({ accepted: count })
  for (const hwid of hwids) expect(await statesOf(hwid)).toEqual(['alert active'])
})

test('R13: INVALID_ARGUMENT that is about the token ends that one alone', async () => {
  const phones = [await roost.phone('android'), await roost.phone('android')] as const
  roost.simulator.fcm.faults.answerFor(phones[0].token as string, { form: 'malformed_token' }, 1)
  const { counts } = await roost.sendAndSettle(hello(...phones.map(it => it.hwid)))
  expect(counts).toMatchObject({ accepted: 1, dead: 1 })
  expect(await statesOf(phones[0].hwid)).toEqual(['alert dead'])
  expect(await statesOf(phones[1].hwid)).toEqual(['alert active'])
})

test('R19: a word that nobody knows ends an address with a 410, and with no other status', async () => {
  const reason = 'NewInTheNextVersion'
  const states: Record<number, string[]> = {}
  for (const status of [410, 400, 404, 409, 422]) {
    const phone = await roost.phone('ios')
    roost.simulator.apns.faults.answerFor(phone.token as string, { status, reason }, 1)
    await roost.sendAndSettle(hello(phone.hwid))
    states[status] = await statesOf(phone.hwid)
  }
  const alive = ['alert active']
  expect(states).toEqual({ 410: ['alert dead'], 400: alive, 404: alive, 409: alive, 422: alive })
})

test('R24, race P: a death that is read half an hour later is judged by when its request was sent', async () => {
  const [back, gone] = [await roost.phone('android'), await roost.phone('android')]
  const flights = [await flightTo(back.token as string), await flightTo(gone.token as string)] as const
  roost.clock.advance(10 * 60_000)
  await back.register()
  roost.clock.advance(20 * 60_000)
  const receipt = { kind: 'address_dead', reason: 'DeviceNotRegistered', since: undefined } as const
  for (const flight of flights) await apply(flight, receipt)
  expect(await statesOf(back.hwid)).toEqual(['alert active'])
  expect(await statesOf(gone.hwid)).toEqual(['alert dead'])
})
