/**
 * The APNs stand-in as a sender meets it: raw HTTP/2 over TLS, tokens signed here.
 */
import { createPrivateKey } from 'node:crypto'
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2'
import { SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { ApnsEnvironment, TeamKey } from './team-keys.ts'

const BUNDLE_ID = 'com.example.app'
let now = 0
let simulator: Simulator
let key: TeamKey
const sessions: ClientHttp2Session[] = []

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
  key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
})

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy()
  await simulator.close()
})

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

function open(environment: ApnsEnvironment = 'production', streams = 1): ClientHttp2Session {
  const { apnsProduction, apnsSandbox } = simulator.urls
  const session = connect(environment === 'production' ? apnsProduction : apnsSandbox, {
    ca: simulator.caPem,
    peerMaxConcurrentStreams: streams,
  })
  session.on('error', () => {})
  sessions.push(session)
  return session
}

async function sign(team: TeamKey = key, issuedAtMs = now): Promise<string> {
  return new SignJWT({ iss: team.teamId, iat: Math.floor(issuedAtMs / 1000) })
    .setProtectedHeader({ alg: 'ES256', kid: team.keyId })
    .sign(createPrivateKey(team.p8))
}

function push(
  session: ClientHttp2Session,
  token: string,
  headers: OutgoingHttpHeaders,
  body = '{"aps":{"alert":"Hello"},"p":"hash-1"}',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/3/device/${token}`,
      'apns-topic': BUNDLE_ID,
      'apns-push-type': 'alert',
      ...headers,
    })
    let head: Record<string, unknown> = {}
    const chunks: Buffer[] = []
    stream.on('response', received => {
      head = received
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('end', () => {
      if (head[':status'] === undefined) return
      resolve({ status: Number(head[':status']), headers: head, body: Buffer.concat(chunks).toString() })
    })
    stream.end(body)
  })
}

async function bearer(team: TeamKey = key): Promise<OutgoingHttpHeaders> {
  return { authorization: `bearer ${await sign(team)}` }
}

test('a push to a live token is accepted with its own apns-id, an empty body, and is counted once', async () => {
  const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
  const id = 'c2a2bd0e-31f4-4a0a-9f0b-5d5c26a7a111'
  const answer = await push(open(), token, { ...(await bearer()), 'apns-id': id })
  expect(answer).toMatchObject({ status: 200, body: '', headers: { 'apns-id': id } })
  expect(simulator.counts().apns).toEqual({ connections: 1, requests: 1, accepted: 1, refused: {} })
  expect(simulator.acceptedFor('hash-1')).toEqual({ acceptances: 1, tokens: new Set([token]) })
  expect(simulator.pushes({ token })).toMatchObject([{ hash: 'hash-1', messageId: id, gateway: 'apns' }])
})

describe('device tokens', () => {
  test('a dead token is 410 with the time of its death in milliseconds, and lives again when revived', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const since = new Date('2026-10-01T08:00:00Z')
    simulator.apns.killToken(token, { since })
    const session = open()
    const headers = await bearer()
    const dead = await push(session, token, headers)
    expect(dead.status).toBe(410)
    expect(JSON.parse(dead.body)).toEqual({ reason: 'Unregistered', timestamp: since.getTime() })
    simulator.apns.reviveToken(token)
    expect((await push(session, token, headers)).status).toBe(200)
    expect(simulator.attemptsFor('hash-1')).toEqual(new Map([[token, 2]]))
  })

  test('a dead token can go on being accepted for a while, and reaches nobody', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    simulator.apns.killToken(token, { acceptedUntil: new Date(now + 1000) })
    const session = open()
    const headers = await bearer()
    expect((await push(session, token, headers)).status).toBe(200)
    expect(simulator.pushes({ token })).toEqual([])
    now += 1000
    expect((await push(session, token, headers)).status).toBe(410)
  })

  test('an unknown token, and one of the other environment, are BadDeviceToken', async () => {
    const sandboxToken = simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
    const session = open()
    const headers = await bearer()
    for (const token of ['ab'.repeat(32), 'nonsense', sandboxToken]) {
      const answer = await push(session, token, headers)
      expect([answer.status, answer.body]).toEqual([400, '{"reason":"BadDeviceToken"}'])
    }
    const accepted = await push(open('sandbox'), sandboxToken, headers)
    expect(accepted.status).toBe(200)
    expect(accepted.headers['apns-unique-id']).toBeDefined()
  })

  test("another app's token is DeviceTokenNotForTopic", async () => {
    const token = simulator.apns.issueToken({ bundleId: 'com.example.other' })
    const answer = await push(open(), token, await bearer())
    expect(answer.body).toBe('{"reason":"DeviceTokenNotForTopic"}')
  })
})

describe('provider tokens', () => {
  test('a missing one is 403 MissingProviderToken', async () => {
    const answer = await push(open(), 'ab'.repeat(32), {})
    expect([answer.status, answer.body]).toEqual([403, '{"reason":"MissingProviderToken"}'])
  })

  test('one signed by another key, or for another team, is InvalidProviderToken', async () => {
    const other = simulator.apns.createTeamKey({ bundleId: 'com.example.other' })
    const forged = { ...key, p8: other.p8 }
    const foreign = { ...key, teamId: other.teamId }
    for (const team of [forged, foreign]) {
      const answer = await push(open(), 'ab'.repeat(32), await bearer(team))
      expect([answer.status, answer.body]).toEqual([403, '{"reason":"InvalidProviderToken"}'])
    }
  })

  test('one older than an hour is ExpiredProviderToken, also when it was good before', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const session = open()
    const headers = await bearer()
    now += 3_600_000
    expect((await push(session, token, headers)).status).toBe(200)
    now += 1000
    expect((await push(session, token, headers)).body).toBe('{"reason":"ExpiredProviderToken"}')
  })

  test('a second change within twenty minutes is refused, and the token before it still works', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const session = open()
    const jwts = await Promise.all([0, 1, 2].map(offset => sign(key, now - offset * 1000)))
    const answers: number[] = []
    for (const index of [0, 1, 2, 1]) {
      answers.push((await push(session, token, { authorization: `bearer ${jwts[index]}` })).status)
    }
    expect(answers).toEqual([200, 200, 429, 200])
    now += 1_200_000
    expect((await push(session, token, { authorization: `bearer ${jwts[2]}` })).status).toBe(200)
  })

  test('a revoked key is refused on a connection that used it', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const session = open()
    const headers = await bearer()
    expect((await push(session, token, headers)).status).toBe(200)
    simulator.apns.revokeKey(key.keyId)
    expect((await push(session, token, headers)).body).toBe('{"reason":"InvalidProviderToken"}')
  })

  test('a key of one environment is refused in the other', async () => {
    const sandboxKey = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID, environments: ['sandbox'] })
    const answer = await push(open(), 'ab'.repeat(32), await bearer(sandboxKey))
    expect(answer.body).toBe('{"reason":"BadEnvironmentKeyInToken"}')
  })

  test('a second team on one connection is forbidden', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const other = simulator.apns.createTeamKey({ bundleId: 'com.example.other' })
    const session = open()
    await push(session, token, await bearer())
    const answer = await push(session, token, { ...(await bearer(other)), 'apns-topic': 'com.example.other' })
    expect(answer.body).toBe('{"reason":"Forbidden"}')
  })
})

describe('requests', () => {
  test.each<[string, OutgoingHttpHeaders, string | undefined, number]>([
    ['MethodNotAllowed', { ':method': 'PUT' }, undefined, 405],
    ['BadPath', { ':path': '/4/device/abcd' }, undefined, 404],
    ['MissingDeviceToken', { ':path': '/3/device/' }, undefined, 400],
    ['MissingTopic', { 'apns-topic': '' }, undefined, 400],
    ['InvalidProviderToken', { 'apns-topic': 'com.example.stranger' }, undefined, 403],
    ['BadTopic', { 'apns-push-type': 'voip' }, undefined, 400],
    ['BadMessageId', { 'apns-id': 'not-a-uuid' }, undefined, 400],
    ['BadExpirationDate', { 'apns-expiration': 'tomorrow' }, undefined, 400],
    ['BadPriority', { 'apns-priority': '7' }, undefined, 400],
    ['BadPriority', { 'apns-push-type': 'background', 'apns-priority': '10' }, undefined, 400],
    ['BadCollapseId', { 'apns-collapse-id': 'x'.repeat(65) }, undefined, 400],
    ['InvalidPushType', { 'apns-push-type': 'loud' }, undefined, 400],
    ['PayloadEmpty', {}, '', 400],
    ['PayloadTooLarge', {}, JSON.stringify({ x: 'y'.repeat(4097) }), 413],
  ])('%s for %j', async (reason, headers, body, status) => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const answer = await push(open(), token, { ...(await bearer()), ...headers }, body)
    expect([answer.status, answer.body]).toEqual([status, JSON.stringify({ reason })])
    expect(simulator.counts().apns.refused).toEqual({ [reason]: 1 })
  })

  test('a VoIP push may be 5120 bytes on its own topic', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'voip' })
    const headers = { ...(await bearer()), 'apns-push-type': 'voip', 'apns-topic': `${BUNDLE_ID}.voip` }
    const body = JSON.stringify({ x: 'y'.repeat(5112) })
    expect((await push(open(), token, headers, body)).status).toBe(200)
    expect((await push(open(), token, headers, `${body} `)).body).toBe('{"reason":"PayloadTooLarge"}')
  })
})

describe('connections', () => {
  test('allow one stream until a valid provider token was shown, a thousand after it', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const session = open()
    await new Promise(resolve => session.once('remoteSettings', resolve))
    expect(session.remoteSettings).toMatchObject({ maxConcurrentStreams: 1, initialWindowSize: 65_535 })
    const raised = new Promise(resolve => session.once('remoteSettings', resolve))
    await push(session, token, {})
    expect(session.remoteSettings.maxConcurrentStreams).toBe(1)
    await push(session, token, await bearer())
    await raised
    expect(session.remoteSettings.maxConcurrentStreams).toBe(1000)
  })

  test('refuse streams above the limit without counting them as requests', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const headers = await bearer()
    simulator.apns.faults.holdAnswers()
    const session = open('production', 100)
    const results = Array.from({ length: 20 }, () => push(session, token, headers))
    const refused = await Promise.allSettled(results.slice(1))
    simulator.apns.faults.releaseAnswers()
    expect(refused.map(result => result.status)).toEqual(Array.from({ length: 19 }, () => 'rejected'))
    expect((await results[0])?.status).toBe(200)
    expect(simulator.counts().apns.requests).toBe(1)
  })

  test('go away on demand: the last request is answered, the next ones are not processed', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const headers = await bearer()
    simulator.apns.faults.goAwayAfter(2, { reason: 'Shutdown' })
    const session = open()
    const left = new Promise<[number, number, string]>(resolve => {
      session.once('goaway', (code, last, data) => resolve([code, last, Buffer.from(data ?? '').toString()]))
    })
    const raised = new Promise<void>(resolve => {
      session.on('remoteSettings', settings => settings.maxConcurrentStreams === 1000 && resolve())
    })
    expect((await push(session, token, headers)).status).toBe(200)
    await raised
    const burst = await Promise.allSettled([1, 2, 3].map(() => push(session, token, headers)))
    expect(burst.map(result => result.status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(await left).toEqual([constants.NGHTTP2_NO_ERROR, 3, '{"reason":"Shutdown"}'])
    expect(simulator.counts().apns).toMatchObject({ requests: 2, accepted: 2 })
  })

  test('refuse HTTP/1.1', async () => {
    await expect(fetch(simulator.urls.apnsProduction)).rejects.toThrow()
  })
})

describe('faults', () => {
  test('answer the next request or one token as told, and are used up', async () => {
    const [first, second] = [0, 1].map(() => simulator.apns.issueToken({ bundleId: BUNDLE_ID })) as [
      string,
      string,
    ]
    const session = open()
    const headers = await bearer()
    simulator.apns.faults.answerFor(second, { reason: 'TooManyRequests' }, 1)
    simulator.apns.faults.answerNext({ reason: 'InternalServerError' })
    const bodies: string[] = []
    for (const token of [second, first, second, first])
      bodies.push((await push(session, token, headers)).body)
    expect(bodies).toEqual(['{"reason":"TooManyRequests"}', '{"reason":"InternalServerError"}', '', ''])
    expect(simulator.counts().apns).toMatchObject({
      accepted: 2,
      refused: { TooManyRequests: 1, InternalServerError: 1 },
    })
  })

  test('an answer that is held was decided when the request came', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    simulator.apns.killToken(token)
    simulator.apns.faults.holdAnswers({ token })
    const answer = push(open(), token, await bearer())
    await simulator.apns.faults.waitForHeld()
    simulator.apns.reviveToken(token)
    simulator.apns.faults.releaseAnswers()
    expect((await answer).status).toBe(410)
  })

  test('a reset connection leaves the request without an answer and uncounted as accepted', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    simulator.apns.faults.answerNext({ drop: 'reset_connection' })
    const session = open()
    const closed = new Promise(resolve => session.once('close', resolve))
    void push(session, token, await bearer()).catch(() => {})
    await closed
    expect(simulator.counts().apns).toMatchObject({ requests: 1, accepted: 0, refused: {} })
  })
})
