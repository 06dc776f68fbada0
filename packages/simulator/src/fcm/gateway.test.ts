/**
 * The FCM stand-in as a sender meets it: OAuth with an assertion signed here, messages over raw HTTP/2 and HTTP/1.1.
 */
import { generateKeyPairSync } from 'node:crypto'
import { connect } from 'node:http2'
import type { JWTPayload } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAccountKey, detail, GoogleSender } from '../../test/google-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { ServiceAccount } from './oauth.ts'

const accountKey = createAccountKey()
let now = 0
let simulator: Simulator
let account: ServiceAccount
let projectId: string
let sender: GoogleSender

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
  const project = await simulator.fcm.createProject({ privateKey: accountKey })
  account = project.serviceAccount
  projectId = project.projectId
  sender = new GoogleSender(simulator, account, () => now)
})

afterEach(async () => {
  sender.session.destroy()
  await simulator.close()
})

test('an access token bought with a signed assertion sends a message, which is counted by its hash', async () => {
  const target = simulator.fcm.issueToken({ projectId })
  const granted = await sender.requestToken()
  expect(granted).toMatchObject({ status: 200, body: { expires_in: 3599, token_type: 'Bearer' } })
  const message = {
    token: target,
    data: { pw_msg: '1', p: 'hash-1', title: 'Hello' },
    android: { collapseKey: 'news', ttl: '60s' },
  }
  const answer = await sender.send(String(granted.body.access_token), { message })
  expect(answer.status).toBe(200)
  expect(answer.body.name).toMatch(new RegExp(`^projects/${projectId}/messages/.+`))
  expect(simulator.acceptedFor('hash-1').tokens).toEqual(new Set([target]))
  expect(simulator.pushes({ token: target })).toMatchObject([
    { collapseKey: 'news', ttlSeconds: 60, hash: 'hash-1' },
  ])
})

describe('the token endpoint', () => {
  test.each<[string, JWTPayload]>([
    ['another audience', { aud: 'https://example.com/token' }],
    ['a life of more than an hour', { exp: Math.floor(Date.parse('2026-11-01T12:00:00Z') / 1000) + 3601 }],
    ['an expiry long past', { iat: 0, exp: 3600 }],
    ['no messaging scope', { scope: 'https://www.googleapis.com/auth/drive' }],
    ['an unknown account', { iss: 'nobody@example.iam.gserviceaccount.com' }],
  ])('refuses an assertion with %s as invalid_grant', async (_what, claims) => {
    const answer = await sender.requestToken(await sender.assertion(claims))
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  test('refuses an assertion signed by another key', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const answer = await sender.requestToken(await sender.assertion({}, pem))
    expect(answer.body).toEqual({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' })
  })

  test('refuses a disabled account, and so does FCM with the tokens that it has', async () => {
    const bought = await sender.accessToken()
    simulator.fcm.disableServiceAccount(account)
    expect((await sender.requestToken()).body.error).toBe('invalid_grant')
    expect((await sender.send(bought, { message: {} })).status).toBe(401)
  })

  test('answers as told by a fault and counts what it was asked', async () => {
    simulator.fcm.tokenFaults.answerNext({ status: 503, body: '{}' })
    expect([(await sender.requestToken()).status, (await sender.requestToken()).status]).toEqual([503, 200])
    expect(simulator.fcm.tokenRequests).toBe(2)
  })
})

describe('credentials', () => {
  test('a wrong or expired access token is 401 without an FcmError', async () => {
    const bought = await sender.accessToken()
    now += 3_599_000
    for (const token of ['nonsense', bought]) {
      const answer = await sender.send(token, { message: {} })
      expect(answer).toMatchObject({ status: 401, body: { error: { status: 'UNAUTHENTICATED' } } })
      expect(detail(answer, 'FcmError')).toBeUndefined()
    }
  })

  test("another project's name is 403 without an FcmError", async () => {
    const answer = await sender.send(
      await sender.accessToken(),
      { message: {} },
      '/v1/projects/other/messages:send',
    )
    expect(answer).toMatchObject({ status: 403, body: { error: { status: 'PERMISSION_DENIED' } } })
    expect(detail(answer, 'FcmError')).toBeUndefined()
  })

  test.each(['/v1/nowhere', '//', '//v1/projects/simulated/messages:send'])(
    'a wrong path, %s, is a 404 page that is not JSON',
    async path => {
      const answer = await sender.send(await sender.accessToken(), {}, path)
      expect([answer.status, answer.headers['content-type']]).toEqual([404, 'text/html; charset=UTF-8'])
    },
  )

  test('a token in a path whose escapes are broken is a wrong path', async () => {
    const path = `/v1/projects/${projectId}/registrations/%zz/topicSubscriptions?topic_name=news`
    expect((await sender.send(await sender.accessToken(), {}, path)).status).toBe(404)
  })
})

describe('addresses', () => {
  test('a dead token is 404 UNREGISTERED, a malformed one 400 INVALID_ARGUMENT', async () => {
    const dead = simulator.fcm.issueToken({ projectId })
    simulator.fcm.killToken(dead)
    const bought = await sender.accessToken()
    const gone = await sender.send(bought, { message: { token: dead } })
    expect(gone).toMatchObject({ status: 404, body: { error: { status: 'NOT_FOUND' } } })
    expect(detail(gone, 'FcmError')).toMatchObject({ errorCode: 'UNREGISTERED' })
    const malformed = await sender.send(bought, { message: { token: 'nonsense' } })
    expect(malformed.status).toBe(400)
    expect(malformed.text).toContain('The registration token is not a valid FCM registration token')
    expect(detail(malformed, 'FcmError')).toMatchObject({ errorCode: 'INVALID_ARGUMENT' })
  })

  test('a dead token of an iOS app is 400 with the word of APNs beside it', async () => {
    const dead = simulator.fcm.issueToken({ projectId, platform: 'ios' })
    simulator.fcm.killToken(dead)
    const answer = await sender.send(await sender.accessToken(), { message: { token: dead } })
    expect(answer.status).toBe(400)
    expect(detail(answer, 'ApnsError')).toMatchObject({ statusCode: 410, reason: 'Unregistered' })
    expect(detail(answer, 'FcmError')).toMatchObject({ errorCode: 'INVALID_ARGUMENT' })
  })

  test("another project's token is SENDER_ID_MISMATCH", async () => {
    const foreign = simulator.fcm.issueToken({ projectId: 'other' })
    const answer = await sender.send(await sender.accessToken(), { message: { token: foreign } })
    expect(detail(answer, 'FcmError')).toMatchObject({ errorCode: 'SENDER_ID_MISMATCH' })
  })

  test('an installation id can die and register again', async () => {
    const fid = simulator.fcm.issueToken({ projectId, kind: 'fid' })
    const bought = await sender.accessToken()
    simulator.fcm.killToken(fid)
    expect((await sender.send(bought, { message: { fid } })).status).toBe(404)
    simulator.fcm.reviveToken(fid)
    expect((await sender.send(bought, { message: { fid } })).status).toBe(200)
  })
})

describe('messages', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['data that is not text', { data: { a: '1', b: 2 } }, 'message.data[1].value'],
    ['an unknown field', { colour: 'red' }, 'message'],
    ['a ttl that is no duration', { android: { ttl: 60 } }, 'message.android.ttl'],
    ['an unknown priority', { android: { priority: 'urgent' } }, 'message.android.priority'],
    ['two targets', { topic: 'news' }, 'message'],
  ])('with %s are a BadRequest that names the field', async (_what, fields, violated) => {
    const token = simulator.fcm.issueToken({ projectId })
    const answer = await sender.send(await sender.accessToken(), { message: { token, ...fields } })
    expect(answer.status).toBe(400)
    expect(detail(answer, 'BadRequest')).toMatchObject({ fieldViolations: [{ field: violated }] })
    expect(detail(answer, 'FcmError')).toBeUndefined()
  })

  test.each<[string, Record<string, unknown>]>([
    ['a ttl above 28 days', { android: { ttl: '2419201s' } }],
    ['a reserved key', { data: { 'google.x': '1' } }],
    ['more than 4096 bytes of data', { data: { a: 'x'.repeat(4096) } }],
    ['a bad analytics label', { fcm_options: { analytics_label: 'a b' } }],
  ])('with %s are INVALID_ARGUMENT', async (_what, fields) => {
    const token = simulator.fcm.issueToken({ projectId })
    const answer = await sender.send(await sender.accessToken(), { message: { token, ...fields } })
    expect(answer.status).toBe(400)
    expect(detail(answer, 'FcmError')).toMatchObject({ errorCode: 'INVALID_ARGUMENT' })
  })

  test('that are only to be validated are checked and delivered to nobody', async () => {
    const token = simulator.fcm.issueToken({ projectId })
    const answer = await sender.send(await sender.accessToken(), { message: { token }, validate_only: true })
    expect(answer.body.name).toBe(`projects/${projectId}/messages/fake_message_id`)
    expect(simulator.pushes({ token })).toEqual([])
    expect(simulator.counts().fcm).toMatchObject({ requests: 1, accepted: 0 })
  })
})

describe('faults', () => {
  test('over the quota is 429 with Retry-After until a minute has passed', async () => {
    simulator.fcm.limitMessages({ projectId, perMinute: 1, retryAfter: '30' })
    const message = { token: simulator.fcm.issueToken({ projectId }) }
    const bought = await sender.accessToken()
    expect((await sender.send(bought, { message })).status).toBe(200)
    const refused = await sender.send(bought, { message })
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '30'])
    expect(detail(refused, 'QuotaFailure')).toBeDefined()
    now += 60_000
    expect((await sender.send(bought, { message })).status).toBe(200)
  })

  test('come in any of the forms, as JSON or as a page', async () => {
    const message = { token: simulator.fcm.issueToken({ projectId }) }
    const bought = await sender.accessToken()
    simulator.fcm.faults.answerNext({ form: 'third_party_auth' })
    simulator.fcm.faults.answerNext({ form: 'unavailable', retryAfter: '5' })
    simulator.fcm.faults.answerNext({ form: 'html_502' })
    const answers = [
      await sender.send(bought, { message }),
      await sender.send(bought, { message }),
      await sender.send(bought, { message }),
    ]
    expect(answers.map(answer => answer.status)).toEqual([401, 503, 502])
    expect(answers[1]?.headers['retry-after']).toBe('5')
    expect(simulator.counts().fcm.refused).toEqual({ third_party_auth: 1, unavailable: 1, html_502: 1 })
  })

  test('of the stream limit end what is above a hundred', async () => {
    const message = { token: simulator.fcm.issueToken({ projectId }) }
    const bought = await sender.accessToken()
    expect(sender.session.remoteSettings.maxConcurrentStreams).toBe(100)
    simulator.fcm.faults.holdAnswers()
    const wide = connect(simulator.urls.fcm, { ca: simulator.caPem, peerMaxConcurrentStreams: 200 })
    wide.on('error', () => {})
    const path = `/v1/projects/${projectId}/messages:send`
    const ends = Array.from({ length: 120 }, () => {
      const stream = wide.request({ ':method': 'POST', ':path': path, authorization: `Bearer ${bought}` })
      stream.end(JSON.stringify({ message }))
      return new Promise<string>(resolve => {
        stream.on('response', () => resolve('answered'))
        stream.on('error', () => resolve('refused'))
      })
    })
    const refused = await Promise.all(ends.slice(100))
    simulator.fcm.faults.releaseAnswers()
    const answered = await Promise.all(ends.slice(0, 100))
    wide.destroy()
    expect([new Set(refused), new Set(answered)]).toEqual([new Set(['refused']), new Set(['answered'])])
  })
})
