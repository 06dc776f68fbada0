/**
 * The FCM stand-in's own rules over the wire: quotas, credentials of others, sizes and types, storage, streams.
 */
import { type ClientHttp2Session, connect } from 'node:http2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Answer, createAccountKey, detail, GoogleSender } from '../../test/google-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { FcmForm } from './refusals.ts'

const privateKey = createAccountKey()
let now = 0
let simulator: Simulator
let project: Awaited<ReturnType<Simulator['fcm']['createProject']>>
let projectId: string
let sender: GoogleSender
let bearer: string

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:30Z')
  simulator = await startSimulator({ clock: () => now })
  project = await simulator.fcm.createProject({ privateKey })
  projectId = project.projectId
  sender = new GoogleSender(simulator, project.serviceAccount, () => now)
  bearer = await sender.accessToken()
})

afterEach(async () => {
  sender.session.destroy()
  await simulator.close()
})

function send(fields: Readonly<Record<string, unknown>>): Promise<Answer> {
  return sender.send(bearer, { message: fields })
}

async function statusesOf(count: number, fields: Readonly<Record<string, unknown>>): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => send(fields)))
  return answers.map(answer => answer.status)
}

function quotaWords(answer: Answer): unknown {
  return (detail(answer, 'QuotaFailure')?.violations as { description: string }[] | undefined)?.[0]
    ?.description
}

function violationsOf(answer: Answer): { field: string; description: string }[] {
  return detail(answer, 'BadRequest')?.fieldViolations as { field: string; description: string }[]
}

describe('the quota of a project', () => {
  test('counts refusals, but not those of a quota, and is full again a minute after the first message', async () => {
    simulator.fcm.limitMessages({ projectId, perMinute: 2, retryAfter: 'refill' })
    expect((await send({ token: 'nonsense' })).status).toBe(400)
    now += 20_000
    const token = simulator.fcm.issueToken({ projectId })
    expect((await send({ token })).status).toBe(200)
    const refused = await send({ token })
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '40'])
    expect(detail(refused, 'FcmError')).toMatchObject({ errorCode: 'QUOTA_EXCEEDED' })
    now += 39_999
    expect((await send({ token })).status).toBe(429)
    now += 1
    expect((await statusesOf(3, { token })).sort()).toEqual([200, 200, 429])
  })

  test('is not used by what a device is refused for its rate', async () => {
    simulator.fcm.limitMessages({ projectId, perMinute: 2 })
    simulator.fcm.limitDevices({ perMinute: 1 })
    const token = simulator.fcm.issueToken({ projectId })
    expect((await statusesOf(3, { token })).sort()).toEqual([200, 429, 429])
    expect((await send({ token: simulator.fcm.issueToken({ projectId }) })).status).toBe(200)
  })

  test('tells no Retry-After unless it is asked to', async () => {
    simulator.fcm.limitMessages({ projectId, perMinute: 0 })
    const refused = await send({ token: simulator.fcm.issueToken({ projectId }) })
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, undefined])
    expect(quotaWords(refused)).toBe('Message rate exceeded for the project.')
  })
})

describe('the quota of an Android device', () => {
  test('is 240 messages a minute, and other devices have their own', async () => {
    const token = simulator.fcm.issueToken({ projectId })
    expect(new Set(await statusesOf(240, { token }))).toEqual(new Set([200]))
    const refused = await send({ token })
    expect([refused.status, quotaWords(refused)]).toEqual([429, 'Device message rate exceeded.'])
    expect((await send({ token: simulator.fcm.issueToken({ projectId }) })).status).toBe(200)
    now += 60_000
    expect((await send({ token })).status).toBe(200)
  })

  test('is so many an hour too', async () => {
    simulator.fcm.limitDevices({ perHour: 2, retryAfter: 'Sun, 01 Nov 2026 13:00:30 GMT' })
    const token = simulator.fcm.issueToken({ projectId })
    await statusesOf(2, { token })
    now += 60_000
    const refused = await send({ token })
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, 'Sun, 01 Nov 2026 13:00:30 GMT'])
    now += 3_540_000
    bearer = await sender.accessToken()
    expect((await send({ token })).status).toBe(200)
  })

  test('is not an iPhone’s', async () => {
    simulator.fcm.limitDevices({ perMinute: 1 })
    const token = simulator.fcm.issueToken({ projectId, platform: 'ios' })
    expect(await statusesOf(2, { token })).toEqual([200, 200])
  })

  test('is twenty collapsible messages and one more every three minutes, except with a ttl of 0', async () => {
    const token = simulator.fcm.issueToken({ projectId })
    const news = { token, android: { collapse_key: 'news' } }
    expect(new Set(await statusesOf(20, news))).toEqual(new Set([200]))
    const refused = await send(news)
    expect(refused.status).toBe(429)
    expect(quotaWords(refused)).toBe('Device message rate exceeded: too many collapsible messages.')
    expect((await send({ token, notification: { title: 'Also collapsible' } })).status).toBe(429)
    expect((await send({ token, android: { collapse_key: 'news', ttl: '0s' } })).status).toBe(200)
    expect((await send({ token, data: { a: '1' } })).status).toBe(200)
    now += 180_000
    expect([(await send(news)).status, (await send(news)).status]).toEqual([200, 429])
  })
})

describe('credentials', () => {
  test('that are missing are refused in other words than bad ones', async () => {
    const path = `/v1/projects/${projectId}/messages:send`
    const answer = await sender.ask({ path, body: { message: {} } })
    expect(answer.status).toBe(401)
    expect(answer.text).toContain('Request is missing required authentication credential')
    expect(detail(answer, 'FcmError')).toBeUndefined()
  })

  test('without the permission are 403 of IAM, and the project is named', async () => {
    simulator.fcm.setPermission(project.serviceAccount, false)
    const answer = await send({ token: simulator.fcm.issueToken({ projectId }) })
    expect(answer).toMatchObject({ status: 403, body: { error: { status: 'PERMISSION_DENIED' } } })
    expect(answer.text).toContain(`projects/${projectId}'`)
    expect(detail(answer, 'ErrorInfo')).toMatchObject({ reason: 'IAM_PERMISSION_DENIED' })
    simulator.fcm.setPermission(project.serviceAccount, true)
    expect((await sender.requestToken()).status).toBe(200)
  })

  test('for a project whose messaging API is off are 403 SERVICE_DISABLED', async () => {
    simulator.fcm.setService(projectId, false)
    const answer = await send({ token: simulator.fcm.issueToken({ projectId }) })
    expect(answer.status).toBe(403)
    expect(detail(answer, 'ErrorInfo')).toMatchObject({ reason: 'SERVICE_DISABLED' })
    expect(detail(answer, 'FcmError')).toBeUndefined()
  })

  test('of a deleted account buy nothing, and what they bought is no good', async () => {
    simulator.fcm.deleteServiceAccount(project.serviceAccount)
    expect((await sender.requestToken()).body).toEqual({
      error: 'invalid_grant',
      error_description: 'Invalid grant: account not found',
    })
    expect((await send({})).status).toBe(401)
  })

  test.each([
    ['ahead', 360_000, 400],
    ['behind', -4_000_000, 400],
    ['ahead by little', 240_000, 200],
    ['behind by little', -240_000, 200],
  ])('signed by a clock that is %s', async (_what, offMs, status) => {
    const iat = Math.floor((now + offMs) / 1000)
    const answer = await sender.requestToken(await sender.assertion({ iat, exp: iat + 3600 }))
    expect(answer.status).toBe(status)
    if (status === 400) expect(answer.text).toContain('Check your iat and exp values')
  })

  test('are good for the project by its number too', async () => {
    const token = simulator.fcm.issueToken({ projectId })
    const path = `/v1/projects/${project.projectNumber}/messages:send`
    expect((await sender.send(bearer, { message: { token } }, path)).body.name).toContain(
      `projects/${projectId}/`,
    )
  })
})

describe('tokens of iOS apps', () => {
  test('are refused for the key that the project holds for Apple, and Android goes on', async () => {
    const token = simulator.fcm.issueToken({ projectId, platform: 'ios' })
    const reason = 'BadEnvironmentKeyInToken'
    simulator.fcm.failThirdPartyAuth({ projectId, platform: 'ios', apnsReason: reason })
    const answer = await send({ token })
    expect(answer.status).toBe(401)
    expect(detail(answer, 'FcmError')).toMatchObject({ errorCode: 'THIRD_PARTY_AUTH_ERROR' })
    expect(detail(answer, 'ApnsError')).toMatchObject({ statusCode: 403, reason })
    expect((await send({ token: simulator.fcm.issueToken({ projectId }) })).status).toBe(200)
    simulator.fcm.killToken(token)
    expect((await send({ token })).status).toBe(401)
    simulator.fcm.mendThirdPartyAuth({ projectId, platform: 'ios' })
    expect((await send({ token })).status).toBe(400)
  })

  test('of browsers know nothing of APNs', async () => {
    const token = simulator.fcm.issueToken({ projectId, platform: 'web' })
    simulator.fcm.failThirdPartyAuth({ projectId, platform: 'web' })
    const answer = await send({ token })
    expect(detail(answer, 'FcmError')).toMatchObject({ errorCode: 'THIRD_PARTY_AUTH_ERROR' })
    expect(detail(answer, 'ApnsError')).toBeUndefined()
  })

  test.each([
    [{ form: 'unregistered' as const }, 404, 410, 'Unregistered'],
    [{ apnsReason: 'ExpiredToken' }, 400, 410, 'ExpiredToken'],
    [{ apnsReason: 'BadDeviceToken' }, 400, 400, 'BadDeviceToken'],
  ])('that died as %j are told with the word of APNs', async (death, status, statusCode, reason) => {
    const token = simulator.fcm.issueToken({ projectId, platform: 'ios' })
    simulator.fcm.killToken(token, death)
    const answer = await send({ token })
    expect(answer.status).toBe(status)
    expect(detail(answer, 'ApnsError')).toMatchObject({ statusCode, reason })
  })

  test('get their own part of a message', async () => {
    const token = simulator.fcm.issueToken({ projectId, platform: 'ios' })
    const apns = { payload: { aps: { 'mutable-content': 1 }, p: 'hash-1' } }
    await send({ token, notification: { title: 'Hello', body: 'World' }, apns, data: { a: '1' } })
    const aps = { alert: { title: 'Hello', body: 'World' }, 'mutable-content': 1 }
    expect(simulator.pushes({ token })).toMatchObject([
      { payload: { aps, p: 'hash-1', a: '1' }, hash: 'hash-1' },
    ])
  })
})

test('an installation id registers again after its death, a registration token does not', async () => {
  const fid = simulator.fcm.issueToken({ projectId, kind: 'fid' })
  expect(fid).toMatch(/^[cdef][\w-]{21}$/)
  simulator.fcm.killToken(fid)
  expect(detail(await send({ fid }), 'FcmError')).toMatchObject({ errorCode: 'UNREGISTERED' })
  simulator.fcm.registerAgain(fid)
  expect((await send({ fid })).status).toBe(200)
  const token = simulator.fcm.issueToken({ projectId })
  simulator.fcm.killToken(token)
  expect(() => simulator.fcm.registerAgain(token)).toThrow('installation id')
})

describe('messages', () => {
  test.each<[string, Record<string, unknown>, string, RegExp]>([
    [
      'text in place of a flag',
      { android: { direct_boot_ok: 'yes' } },
      'message.android.direct_boot_ok',
      /TYPE_BOOL/,
    ],
    [
      'a number as a title',
      { notification: { title: 5 } },
      'message.notification.title',
      /TYPE_STRING\), 5$/,
    ],
    [
      'a list with a number',
      { android: { notification: { bodyLocArgs: ['a', 1] } } },
      'message.android.notification.body_loc_args[1]',
      /TYPE_STRING/,
    ],
    [
      'an unknown visibility',
      { android: { notification: { visibility: 'FRIENDS' } } },
      'message.android.notification.visibility',
      /Visibility/,
    ],
    ['a text where an object belongs', { apns: 'loud' }, 'message.apns', /ApnsConfig/],
    [
      'a header that is no text',
      { apns: { headers: { 'apns-priority': 5 } } },
      'message.apns.headers[0].value',
      /TYPE_STRING\), 5/,
    ],
    [
      'an event time that is none',
      { android: { notification: { event_time: 'noon' } } },
      'message.android.notification.event_time',
      /Timestamp/,
    ],
    ['a target that is no text', { fid: 12 }, 'message.fid', /TYPE_STRING/],
  ])('with %s are a BadRequest', async (_what, fields, field, words) => {
    const answer = await send({ token: simulator.fcm.issueToken({ projectId }), ...fields })
    expect(answer.status).toBe(400)
    const [violation] = violationsOf(answer)
    expect(violation?.field).toBe(field)
    expect(violation?.description).toMatch(words)
    expect(answer.body.error).toMatchObject({ message: violation?.description })
  })

  test('with several faults are told all of them', async () => {
    const answer = await send({
      token: simulator.fcm.issueToken({ projectId }),
      colour: 'red',
      data: { a: 1, b: 2 },
    })
    const violations = violationsOf(answer)
    expect(violations.map(({ field }) => field)).toEqual([
      'message',
      'message.data[0].value',
      'message.data[1].value',
    ])
  })

  test('with null for a field are those without it', async () => {
    const token = simulator.fcm.issueToken({ projectId })
    expect((await send({ token, topic: null, android: { ttl: null } })).status).toBe(200)
  })

  test.each<[string, Record<string, unknown>]>([
    ['a colour without a hash', { android: { notification: { color: 'red' } } }],
    ['a link that is not https', { webpush: { fcm_options: { link: 'http://example.com' } } }],
    ['a reserved key in one part', { android: { data: { from: 'me' } } }],
    ['the other reserved key', { data: { message_type: 'x' } }],
    ['an analytics label of 51 characters', { apns: { fcm_options: { analytics_label: 'x'.repeat(51) } } }],
    ['a notification of more than 4096 bytes', { notification: { body: 'x'.repeat(4097) } }],
    ['an APNs payload of more than 4096 bytes', { apns: { payload: { aps: { alert: 'x'.repeat(4096) } } } }],
    ['the package of another app', { android: { restricted_package_name: 'com.example.other' } }],
  ])('with %s are INVALID_ARGUMENT', async (_what, fields) => {
    const token = simulator.fcm.issueToken({ projectId, packageName: 'com.example.app' })
    const answer = await send({ token, ...fields })
    expect(answer.status).toBe(400)
    expect(detail(answer, 'FcmError')).toMatchObject({ errorCode: 'INVALID_ARGUMENT' })
  })

  test('of 4096 bytes are taken for a token, and only half of it for a topic', async () => {
    const data = { a: 'x'.repeat(4095) }
    expect((await send({ token: simulator.fcm.issueToken({ projectId }), data })).status).toBe(200)
    expect((await send({ topic: 'news', data: { a: 'x'.repeat(2048) } })).status).toBe(400)
    expect((await send({ topic: 'news', data: { a: 'x'.repeat(2047) } })).status).toBe(200)
  })

  test('without a target are told so', async () => {
    expect((await send({ data: {} })).text).toContain('Recipient of the message is not set.')
  })
})

describe('an app that is offline', () => {
  let token: string

  beforeEach(() => {
    token = simulator.fcm.issueToken({ projectId })
    simulator.setOnline(token, false)
  })

  test('finds the newest message of four collapse keys', async () => {
    for (const [key, p] of [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['c', '4'],
      ['d', '5'],
      ['e', '6'],
    ])
      await send({ token, data: { p }, android: { collapse_key: key } })
    expect(simulator.held(token).map(push => push.hash)).toEqual(['3', '4', '5', '6'])
  })

  test('finds the newest notification alone when none had a collapse key, and all data beside it', async () => {
    await send({ token, notification: { title: 'Hello' }, data: { p: '1' } })
    await send({ token, data: { p: '2' } })
    await send({ token, android: { notification: { title: 'Hello again' } }, data: { p: '3' } })
    await send({
      token,
      notification: { title: 'Of its own' },
      data: { p: '4' },
      android: { collapse_key: 'a' },
    })
    expect(simulator.held(token).map(push => push.hash)).toEqual(['2', '3', '4'])
  })

  test('finds a hundred others, and after one more only that messages were deleted', async () => {
    await statusesOf(100, { token, data: { p: 'x' } })
    expect(simulator.held(token)).toHaveLength(100)
    await send({ token, data: { p: 'x' } })
    expect(simulator.held(token).map(push => push.payload)).toEqual([{ message_type: 'deleted_messages' }])
  })

  test('finds nothing whose ttl was 0 or is over', async () => {
    await send({ token, data: { p: 'now' }, android: { ttl: '0s' } })
    await send({ token, data: { p: 'soon' }, android: { ttl: '10s' } })
    expect(simulator.held(token).map(push => push.hash)).toEqual(['soon'])
    now += 10_000
    expect(simulator.held(token)).toEqual([])
  })
})

describe('answers by order', () => {
  test.each<[FcmForm, number, string | undefined, string | undefined]>([
    ['resource_exhausted', 429, 'RESOURCE_EXHAUSTED', undefined],
    ['topic_quota_exceeded', 429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED'],
    ['internal', 500, 'INTERNAL', 'INTERNAL'],
    ['unavailable', 503, 'UNAVAILABLE', 'UNAVAILABLE'],
    ['unspecified', 500, 'UNKNOWN', 'UNSPECIFIED_ERROR'],
    ['unknown_code', 400, 'INVALID_ARGUMENT', 'SOMETHING_NEW'],
    ['unknown_code_404', 404, 'NOT_FOUND', 'SOMETHING_NEW'],
    ['project_not_found', 404, 'NOT_FOUND', undefined],
    ['deadline_exceeded', 504, 'DEADLINE_EXCEEDED', undefined],
  ])('%s has status %i', async (form, code, status, errorCode) => {
    simulator.fcm.faults.answerNext({ form })
    const answer = await send({ token: simulator.fcm.issueToken({ projectId }) })
    expect(answer).toMatchObject({ status: code, body: { error: { code, status } } })
    expect(detail(answer, 'FcmError')?.errorCode).toBe(errorCode)
  })

  test.each<[FcmForm, number]>([
    ['html_404', 404],
    ['html_500', 500],
    ['html_502', 502],
    ['html_503', 503],
    ['html_504', 504],
  ])('%s is a page', async (form, status) => {
    simulator.fcm.faults.answerNext({ form })
    const answer = await send({ token: simulator.fcm.issueToken({ projectId }) })
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'text/html; charset=UTF-8'])
    expect(answer.text).toMatch(/^<!DOCTYPE html>/)
  })

  test('have their details in either order', async () => {
    simulator.fcm.faults.answerEverything({ form: 'quota_exceeded' })
    const token = simulator.fcm.issueToken({ projectId })
    const firsts = new Set<string>()
    while (firsts.size < 2) {
      const { details } = (await send({ token })).body.error as { details: { '@type': string }[] }
      firsts.add(String(details[0]?.['@type']))
    }
    expect(firsts.size).toBe(2)
  })
})

test('a connection with too many open streams is told to go away in Google’s words', async () => {
  simulator.fcm.limitStreams(5)
  simulator.fcm.faults.holdAnswers()
  const token = simulator.fcm.issueToken({ projectId })
  const session: ClientHttp2Session = connect(simulator.urls.fcm, { ca: simulator.caPem })
  session.on('error', () => {})
  const goAway = new Promise<[number, string]>(resolve => {
    session.on('goaway', (code, _lastStreamId, debug) => resolve([code, String(debug)]))
  })
  for (let i = 0; i < 6; i++) {
    const path = `/v1/projects/${projectId}/messages:send`
    const stream = session.request({ ':method': 'POST', ':path': path, authorization: `Bearer ${bearer}` })
    stream.on('error', () => {})
    stream.end(JSON.stringify({ message: { token } }))
  }
  expect(await goAway).toEqual([1, 'exceeded_max_concurrent_streams'])
  session.destroy()
  simulator.fcm.faults.releaseAnswers()
  simulator.fcm.limitStreams(undefined)
  expect((await send({ token })).status).toBe(200)
})
