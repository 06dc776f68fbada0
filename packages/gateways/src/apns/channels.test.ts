import { describe, expect, test } from 'vitest'
import { apns, credential, jwtOf, refuse } from '../../test/apns.ts'
import type { PeerRequest } from '../../test/peer.ts'
import type { Http2TransportOptions } from '../http2-transport.ts'
import { CHANNEL_REASONS } from './channel-outcome.ts'
import { type ApnsChannels, createApnsChannels } from './channels.ts'

const ID = 'dHN0LXNyY2gtY2hubA=='
const UPDATE = { event: 'update', 'content-state': { score: 1 } }

/** Two hosts, as with Apple. */
async function open(handle: (request: PeerRequest) => void, options: Http2TransportOptions = {}) {
  const host = await apns(handle, options)
  const manageHost = await apns(handle, { extraCa: host.peer.ca })
  const api = createApnsChannels({
    ...host.common,
    manageUrl: manageHost.peer.origin,
  })
  return { api, host, manageHost }
}

const refusedBy = async (
  call: (api: ApnsChannels) => Promise<unknown>,
  handle: (request: PeerRequest) => void,
): Promise<unknown> => call((await open(handle)).api)

describe('broadcast channels', () => {
  test('a channel is made at the management host, for the app, with its storage policy', async () => {
    const { api, host, manageHost } = await open(request => request.answer(201, { 'apns-channel-id': ID }))
    expect(await api.create({ storage: 'newest' })).toEqual({
      ok: true,
      value: { channelId: ID, storage: 'newest' },
    })
    expect(await api.create({ storage: 'none' })).toMatchObject({ ok: true, value: { storage: 'none' } })
    const [newest, none] = manageHost.peer.requests
    expect(newest?.headers).toMatchObject({ ':method': 'POST', ':path': '/1/apps/com.example.app/channels' })
    expect(JSON.parse(String(newest?.body))).toEqual({
      'message-storage-policy': 1,
      'push-type': 'LiveActivity',
    })
    expect(JSON.parse(String(none?.body))['message-storage-policy']).toBe(0)
    expect(jwtOf(newest)).toMatch(/^ey/)
    expect(host.peer.requests).toHaveLength(0)
  })

  test('a channel is read', async () => {
    const { api, manageHost } = await open(request =>
      request.answer(200, {}, { 'message-storage-policy': 0, 'push-type': 'LiveActivity' }),
    )
    expect(await api.read(ID)).toEqual({ ok: true, value: { channelId: ID, storage: 'none' } })
    expect(manageHost.peer.requests[0]?.headers).toMatchObject({
      ':method': 'GET',
      ':path': '/1/apps/com.example.app/channels',
      'apns-channel-id': ID,
    })
  })

  test('the channels of an app are listed', async () => {
    const { api, manageHost } = await open(request => request.answer(200, {}, { channels: [ID, 'b3RoZXI='] }))
    expect(await api.list()).toEqual({ ok: true, value: [ID, 'b3RoZXI='] })
    expect(manageHost.peer.requests[0]?.headers).toMatchObject({
      ':method': 'GET',
      ':path': '/1/apps/com.example.app/all-channels',
    })
  })

  test('ten thousand channels are listed over a transport that lets so much through, and never a part of them', async () => {
    const channels = Array.from({ length: 10_000 }, (_, i) => Buffer.alloc(32, `${i}`).toString('base64'))
    const list = (request: PeerRequest) => request.answer(200, {}, { channels })
    const wide = await open(list, { maxBodyBytes: 1024 * 1024 })
    expect(await wide.api.list()).toEqual({ ok: true, value: channels })
    const narrow = await open(list)
    expect(await narrow.api.list()).toMatchObject({ ok: false, fault: { kind: 'uncertain' } })
  })

  test('a channel is deleted, and one that is gone already is unknown', async () => {
    const { api, manageHost } = await open(request =>
      request.index === 0 ? request.answer(204) : refuse(404, 'BadPath')(request),
    )
    expect(await api.delete(ID)).toEqual({ ok: true, value: undefined })
    expect(await api.delete(ID)).toEqual({ ok: false, fault: { kind: 'channel_unknown', reason: 'BadPath' } })
    expect(manageHost.peer.requests[1]?.headers).toMatchObject({ ':method': 'DELETE', 'apns-channel-id': ID })
  })

  test('a broadcast goes to the host of all pushes, without a suffix in its path', async () => {
    const { api, host, manageHost } = await open(request => request.answer(200, { 'apns-request-id': 'r1' }))
    expect(await api.send({ channelId: ID, aps: UPDATE, priority: 5, ttlSeconds: 60 })).toEqual({
      ok: true,
      value: 'r1',
    })
    const [request] = host.peer.requests
    const now = host.clock.now() / 1000
    expect(request?.headers).toMatchObject({
      ':method': 'POST',
      ':path': '/4/broadcasts/apps/com.example.app',
      'apns-channel-id': ID,
      'apns-push-type': 'liveactivity',
      'apns-priority': '5',
      'apns-expiration': String(now + 60),
    })
    expect(JSON.parse(String(request?.body))).toEqual({ aps: { ...UPDATE, timestamp: now } })
    expect(manageHost.peer.requests).toHaveLength(0)
  })

  test('a broadcast is urgent and not stored by default', async () => {
    const { api, host } = await open(request => request.answer(200))
    await api.send({ channelId: ID, aps: UPDATE })
    expect(host.peer.requests[0]?.headers).toMatchObject({ 'apns-priority': '10', 'apns-expiration': '0' })
  })

  test.each([
    ['broadcast_starts', { event: 'start' }],
    ['liveactivity_incomplete', { event: 'update' }],
    ['payload_too_large: ', { ...UPDATE, 'content-state': { fill: 'x'.repeat(5120) } }],
  ])('a broadcast that can only fail is not sent: %s', async (reason, aps) => {
    const { api, host } = await open(request => request.answer(200))
    expect(await api.send({ channelId: ID, aps })).toMatchObject({
      ok: false,
      fault: { kind: 'message_fault', reason: expect.stringContaining(reason) },
    })
    expect(host.peer.requests).toHaveLength(0)
  })
})

/** Written from Apple's table again, and not from ours. */
const REFUSALS = [
  [400, 'FeatureNotEnabled', 'credential_fault'],
  [400, 'MissingChannelId', 'message_fault'],
  [400, 'BadChannelId', 'channel_unknown'],
  [400, 'ChannelNotRegistered', 'channel_unknown'],
  [400, 'BadRequestParams', 'message_fault'],
  [400, 'BadRequestPayload', 'message_fault'],
  [400, 'MissingPushType', 'message_fault'],
  [400, 'CannotCreateChannelConfig', 'message_fault'],
  [400, 'MissingChannelQueueSize', 'message_fault'],
  [403, 'TopicMismatch', 'credential_fault'],
] as const

describe('what Apple answers about channels', () => {
  test.each(REFUSALS)('%i %s becomes %s', async (status, reason, kind) => {
    const fault = { ok: false, fault: { kind, reason } }
    expect(await refusedBy(api => api.send({ channelId: ID, aps: UPDATE }), refuse(status, reason))).toEqual(
      fault,
    )
    expect(await refusedBy(api => api.read(ID), refuse(status, reason))).toEqual(fault)
  })

  test('every row of the table is tried above', () => {
    const names = CHANNEL_REASONS.map(row => `${row.status} ${row.reason}`)
    expect(names.toSorted()).toEqual(REFUSALS.map(([status, reason]) => `${status} ${reason}`).toSorted())
  })

  test('too many requests hold up the app, and no device', async () => {
    expect(await refusedBy(api => api.list(), refuse(429, 'TooManyRequests'))).toEqual({
      ok: false,
      fault: { kind: 'retry', reason: 'TooManyRequests', scope: 'credential', afterMs: undefined },
    })
  })

  test('a refused key is a credential fault', async () => {
    expect(
      await refusedBy(api => api.create({ storage: 'none' }), refuse(403, 'InvalidProviderToken')),
    ).toMatchObject({ fault: { kind: 'credential_fault', reason: 'InvalidProviderToken' } })
  })

  test('a list that is no list is not taken for an empty one', async () => {
    const answer = (request: PeerRequest): void => request.answer(200, {}, '{"channels":["cut')
    expect(await refusedBy(api => api.list(), answer)).toMatchObject({
      fault: { kind: 'uncertain', reason: expect.stringContaining('answer_unreadable') },
    })
  })

  test('a channel without its id in the answer may exist', async () => {
    expect(
      await refusedBy(
        api => api.create({ storage: 'none' }),
        request => request.answer(201),
      ),
    ).toMatchObject({
      fault: { kind: 'uncertain' },
    })
  })

  test('a lost connection is uncertain, an unreachable host not sent', async () => {
    expect(
      await refusedBy(
        api => api.create({ storage: 'none' }),
        request => request.session.destroy(),
      ),
    ).toMatchObject({ fault: { kind: 'uncertain' } })
    const { api, manageHost } = await open(() => {})
    await manageHost.peer.close()
    expect(await api.list()).toMatchObject({ fault: { kind: 'not_sent' } })
  })
})

test('channels of another app have a path of their own', async () => {
  const { host, manageHost } = await open(request => request.answer(200, {}, { channels: [] }))
  const options = { ...host.common, manageUrl: manageHost.peer.origin }
  const api = createApnsChannels({ ...options, credential: { ...credential, bundleId: 'com.example.b/c' } })
  await api.list()
  expect(manageHost.peer.requests[0]?.path).toBe('/1/apps/com.example.b%2Fc/all-channels')
})
