/**
 * Broadcast channels: managed on hosts of their own, sent to on the normal ones.
 */
import type { OutgoingHttpHeaders } from 'node:http2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Answer, ApnsSender, ask, BUNDLE_ID } from '../../test/apns-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { ApnsEnvironment, TeamKey } from './team-keys.ts'

const CHANNELS = `/1/apps/${BUNDLE_ID}/channels`
const ALL_CHANNELS = `/1/apps/${BUNDLE_ID}/all-channels`
const HOUR_MS = 3_600_000
let now = 0
let simulator: Simulator
let sender: ApnsSender
let key: TeamKey
let authorized: { authorization: string }

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
  sender = new ApnsSender(simulator, () => now)
  key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  authorized = await sender.bearer(key)
})

afterEach(async () => {
  sender.close()
  await simulator.close()
})

function manage(
  method: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
  body?: string,
  environment: ApnsEnvironment = 'production',
): Promise<Answer> {
  const session = sender.open({ environment, isManagement: true })
  return ask(session, { ':method': method, ':path': path, ...authorized, ...headers }, body)
}

function create(policy: unknown = 1, environment: ApnsEnvironment = 'production'): Promise<Answer> {
  const body = JSON.stringify({ 'message-storage-policy': policy, 'push-type': 'LiveActivity' })
  return manage('POST', CHANNELS, {}, body, environment)
}

async function createChannel(policy = 1): Promise<string> {
  return (await create(policy)).headers['apns-channel-id'] as string
}

function broadcast(
  channelId: string | undefined,
  headers: OutgoingHttpHeaders = {},
  body?: string,
): Promise<Answer> {
  const given = {
    ':method': 'POST',
    ':path': `/4/broadcasts/apps/${BUNDLE_ID}`,
    'apns-channel-id': channelId,
    'apns-push-type': 'liveactivity',
    'apns-priority': '10',
    'apns-expiration': '0',
    ...authorized,
    ...headers,
  }
  return ask(sender.open(), given, body ?? '{"aps":{"event":"update"},"p":"score"}')
}

function reason(answer: Answer): [number, string] {
  return [answer.status, answer.body === '' ? '' : (JSON.parse(answer.body) as { reason: string }).reason]
}

describe('management', () => {
  test('creates, reads, lists and deletes the channels of one app in one environment', async () => {
    const created = await create(1)
    expect([created.status, created.body]).toEqual([201, ''])
    const id = created.headers['apns-channel-id'] as string
    expect(Buffer.from(id, 'base64')).toHaveLength(16)
    const read = await manage('GET', CHANNELS, { 'apns-channel-id': id })
    expect([read.status, JSON.parse(read.body)]).toEqual([
      200,
      { 'message-storage-policy': 1, 'push-type': 'LiveActivity' },
    ])
    const second = await createChannel(0)
    const listed = await manage('GET', ALL_CHANNELS)
    expect(JSON.parse(listed.body)).toEqual({ channels: [id, second] })
    const elsewhere = await manage('GET', ALL_CHANNELS, {}, undefined, 'sandbox')
    expect(JSON.parse(elsewhere.body)).toEqual({ channels: [] })
    expect((await manage('DELETE', CHANNELS, { 'apns-channel-id': id })).status).toBe(204)
    expect(reason(await manage('GET', CHANNELS, { 'apns-channel-id': id }))).toEqual([
      400,
      'ChannelNotRegistered',
    ])
    expect(reason(await manage('DELETE', CHANNELS, { 'apns-channel-id': id }))).toEqual([404, 'BadPath'])
  })

  test('echoes the id of a request, and makes one for a request without', async () => {
    const id = 'c2a2bd0e-31f4-4a0a-9f0b-5d5c26a7a111'
    expect((await manage('GET', ALL_CHANNELS, { 'apns-request-id': id })).headers['apns-request-id']).toBe(id)
    expect((await manage('GET', ALL_CHANNELS)).headers['apns-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(reason(await manage('GET', ALL_CHANNELS, { 'apns-request-id': 'mine' }))).toEqual([
      400,
      'BadRequestParams',
    ])
  })

  test.each<[string, string, string]>([
    ['BadRequestPayload', 'POST', 'no JSON'],
    ['MissingPushType', 'POST', '{"message-storage-policy":1}'],
    ['InvalidPushType', 'POST', '{"message-storage-policy":1,"push-type":"alert"}'],
    ['MissingChannelQueueSize', 'POST', '{"message-storage-policy":2,"push-type":"LiveActivity"}'],
    ['MissingChannelQueueSize', 'POST', '{"push-type":"LiveActivity"}'],
    ['MissingChannelId', 'DELETE', ''],
  ])('answers %s to %s %s', async (expected, method, body) => {
    expect(reason(await manage(method, CHANNELS, {}, body))).toEqual([400, expected])
  })

  test('refuses ids that are no base64, other methods and other paths', async () => {
    expect(reason(await manage('GET', CHANNELS, { 'apns-channel-id': '*' }))).toEqual([400, 'BadChannelId'])
    expect(reason(await manage('PUT', CHANNELS, {}, '{}'))).toEqual([405, 'MethodNotAllowed'])
    expect(reason(await manage('GET', '/1/apps'))).toEqual([404, 'BadPath'])
  })

  test('is for the apps of the team that may broadcast', async () => {
    const stranger = `/1/apps/com.example.stranger/all-channels`
    expect(reason(await manage('GET', stranger))).toEqual([403, 'TopicMismatch'])
    expect(reason(await manage('GET', ALL_CHANNELS, { authorization: undefined }))).toEqual([
      403,
      'MissingProviderToken',
    ])
    simulator.apns.setBroadcast(BUNDLE_ID, false)
    expect(reason(await create())).toEqual([400, 'FeatureNotEnabled'])
    expect(reason(await broadcast('AAAA'))).toEqual([400, 'FeatureNotEnabled'])
    simulator.apns.setBroadcast(BUNDLE_ID, true)
    expect((await create()).status).toBe(201)
  })

  test('takes a certificate of the app as well', async () => {
    const certificate = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    const session = sender.open({ isManagement: true, certificate })
    const answer = await ask(session, { ':method': 'GET', ':path': ALL_CHANNELS })
    expect(answer.status).toBe(200)
    const other = await ask(session, { ':method': 'GET', ':path': '/1/apps/com.example.other/all-channels' })
    expect(reason(other)).toEqual([403, 'TopicMismatch'])
  })

  test('ends at ten thousand channels', async () => {
    const session = sender.open({ isManagement: true })
    const body = '{"message-storage-policy":0,"push-type":"LiveActivity"}'
    const headers = { ':method': 'POST', ':path': CHANNELS, ...authorized }
    let created = 0
    let answer = await ask(session, headers, body)
    for (; answer.status === 201; answer = await ask(session, headers, body)) created++
    expect(created).toBe(10_000)
    expect(reason(answer)).toEqual([400, 'CannotCreateChannelConfig'])
  }, 60_000)

  test('has faults of its own, which no push sees', async () => {
    simulator.apns.managementFaults.answerNext({ reason: 'TooManyRequests' })
    expect((await broadcast('AAAA')).body).toBe('{"reason":"ChannelNotRegistered"}')
    expect(reason(await create())).toEqual([429, 'TooManyRequests'])
    expect((await create()).status).toBe(201)
  })
})

describe('a broadcast', () => {
  test('reaches the live tokens of those who subscribed, and is counted once', async () => {
    const channelId = await createChannel()
    const [first, dead, other] = [1, 2, 3].map(() =>
      simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'liveactivity' }),
    ) as [string, string, string]
    for (const token of [first, dead]) simulator.apns.subscribe({ bundleId: BUNDLE_ID, channelId }, token)
    simulator.apns.killToken(dead)
    expect((await broadcast(channelId)).status).toBe(200)
    expect(simulator.pushes({ hash: 'score' }).map(({ token }) => token)).toEqual([first])
    expect(simulator.pushes({ token: other })).toEqual([])
    expect(simulator.acceptedFor('score')).toEqual({ acceptances: 1, tokens: new Set([channelId]) })
    simulator.apns.unsubscribe({ bundleId: BUNDLE_ID, channelId }, first)
    expect((await broadcast(channelId)).status).toBe(200)
    expect(simulator.pushes({ token: first })).toHaveLength(1)
  })

  test('is kept for those who come within eight hours, where the channel keeps and it may be kept', async () => {
    const channelId = await createChannel(1)
    const come = () => {
      const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'liveactivity' })
      simulator.apns.subscribe({ bundleId: BUNDLE_ID, channelId }, token)
      return simulator.pushes({ token }).map(({ hash }) => hash)
    }
    await broadcast(channelId, {}, '{"p":"unkept"}')
    expect(come()).toEqual([])
    const expiration = { 'apns-expiration': String(now / 1000 + 24 * 3600) }
    await broadcast(channelId, expiration, '{"p":"older"}')
    await broadcast(channelId, expiration, '{"p":"newer"}')
    expect(come()).toEqual(['newer'])
    now += 8 * HOUR_MS
    expect(come()).toEqual([])
  })

  test.each<[string, number, OutgoingHttpHeaders, string | undefined]>([
    ['MissingChannelId', 400, { 'apns-channel-id': undefined }, undefined],
    ['BadChannelId', 400, { 'apns-channel-id': 'no id' }, undefined],
    ['ChannelNotRegistered', 400, { 'apns-channel-id': 'AAAA' }, undefined],
    ['MissingPushType', 400, { 'apns-push-type': undefined }, undefined],
    ['InvalidPushType', 400, { 'apns-push-type': 'alert' }, undefined],
    ['BadPriority', 400, { 'apns-priority': '1' }, undefined],
    ['BadExpirationDate', 400, { 'apns-expiration': '1793534400' }, undefined],
    [
      'TopicDisallowed',
      400,
      { ':path': `/4/broadcasts/apps/${BUNDLE_ID}.push-type.liveactivity` },
      undefined,
    ],
    ['TopicMismatch', 403, { ':path': '/4/broadcasts/apps/com.example.stranger' }, undefined],
    ['MethodNotAllowed', 405, { ':method': 'PUT' }, undefined],
    ['PayloadEmpty', 400, {}, ''],
    ['PayloadTooLarge', 413, {}, `{"x":"${'y'.repeat(5113)}"}`],
  ])('%s (%i) for %j to a channel that keeps nothing', async (expected, status, headers, body) => {
    const channelId = await createChannel(0)
    expect(reason(await broadcast(channelId, headers, body))).toEqual([status, expected])
    expect(simulator.counts().apns).toMatchObject({ accepted: 0, refused: { [expected]: 1 } })
  })

  test('may be 5120 bytes', async () => {
    const channelId = await createChannel(0)
    expect((await broadcast(channelId, {}, `{"x":"${'y'.repeat(5112)}"}`)).status).toBe(200)
  })
})
