import { createPublicKey } from 'node:crypto'
import { jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  ACCESS_TOKEN_REFUSED,
  accept,
  apnsError,
  badRequest,
  errorBody as body,
  credential,
  errorInfo,
  fcm,
  fcmError,
  privateKey,
  quotaFailure as quota,
} from '../../test/fcm.ts'
import { attemptTo } from '../../test/fixtures.ts'
import type { PeerRequest } from '../../test/peer.ts'
import { systemClock } from '../clock.ts'
import type { TransportRequest } from '../transport.ts'
import { createFcmClient } from './client.ts'

const MINUTE = 60_000

const bearerOf = (request: PeerRequest | undefined): string => String(request?.headers.authorization)

const to = { token: 'device-token:APA91' }

describe('what is sent', () => {
  test('a message is an Android data message of strings, with the text in title and the title in header', async () => {
    const { client, sends } = await fcm(accept)
    const outcome = await client.send(
      attemptTo(to, {
        url: 'https://example.com/',
        imageUrl: 'https://example.com/i.png',
        data: { a: 1 },
        sound: 'ping',
        badge: 2,
        collapseKey: 'score',
        ttlSeconds: 60,
      }),
    )
    expect(outcome).toEqual({ kind: 'accepted', gatewayMessageId: 'projects/demo-project/messages/1' })
    expect(sends()[0]?.path).toBe('/v1/projects/demo-project/messages:send')
    expect(JSON.parse(String(sends()[0]?.body))).toEqual({
      message: {
        token: 'device-token:APA91',
        data: {
          pw_msg: '1',
          title: 'There you are',
          header: 'Hello',
          p: 'h4sh',
          l: 'https://example.com/',
          u: '{"a":1}',
          b: 'https://example.com/i.png',
          s: 'ping',
          pw_badges: '2',
          pw_msg_tag: 'score',
        },
        android: { priority: 'HIGH', ttl: '60s', collapse_key: 'score' },
      },
    })
  })

  test('a message without title and text is silent', async () => {
    const { client, sends } = await fcm(accept)
    await client.send(attemptTo(to, { title: undefined, body: undefined, priority: 'normal', ttlSeconds: 0 }))
    expect(JSON.parse(String(sends()[0]?.body)).message).toMatchObject({
      data: { silent: '1' },
      android: { priority: 'NORMAL', ttl: '0s' },
    })
  })

  test('a time to live over 28 days is cut to 28 days', async () => {
    const { client, sends } = await fcm(accept)
    await client.send(attemptTo(to, { ttlSeconds: 3_000_000 }))
    expect(JSON.parse(String(sends()[0]?.body)).message.android.ttl).toBe('2419200s')
  })

  test('4096 bytes of keys and values are sent; one more is a message fault that names the biggest part', async () => {
    const { client, sends } = await fcm(accept)
    const fixed = 'pw_msg1title'.length + 'headerHello'.length + 'ph4sh'.length + 'pw_msg_tagh4sh'.length
    const body = 'x'.repeat(4096 - fixed)
    expect(await client.send(attemptTo(to, { body }))).toMatchObject({ kind: 'accepted' })
    expect(await client.send(attemptTo(to, { body: `${body}x` }))).toMatchObject({
      kind: 'message_fault',
      reason: expect.stringMatching(/4097 bytes, 4096 allowed; biggest: title \d+/),
    })
    expect(sends()).toHaveLength(1)
  })
})

describe('access tokens', () => {
  test('the assertion is signed for the messaging scope with the account as issuer', async () => {
    const { client, exchanges, clock } = await fcm(accept)
    await client.send(attemptTo(to))
    const form = new URLSearchParams(String(exchanges()[0]?.body))
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
    const { payload, protectedHeader } = await jwtVerify(
      form.get('assertion') as string,
      createPublicKey(privateKey),
      { currentDate: new Date(clock.now()) },
    )
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' })
    expect(payload).toEqual({
      iss: credential.client_email,
      scope: 'https://www.googleapis.com/auth/firebase.messaging',
      aud: 'https://oauth2.googleapis.com/token',
      iat: clock.now() / 1000,
      exp: clock.now() / 1000 + 3600,
    })
  })

  test('a thousand sends at once share one exchange and one token', async () => {
    const { options, exchanges, sends } = await fcm(accept)
    const client = createFcmClient({ ...options, clock: systemClock })
    await Promise.all(Array.from({ length: 1000 }, () => client.send(attemptTo(to))))
    expect(exchanges()).toHaveLength(1)
    expect(new Set(sends().map(bearerOf))).toEqual(new Set(['Bearer token-1']))
  })

  test('a token is renewed 5 minutes before its end and not before', async () => {
    const { client, exchanges, clock } = await fcm(accept)
    await client.send(attemptTo(to))
    clock.move(55 * MINUTE - 1)
    await client.send(attemptTo(to))
    expect(exchanges()).toHaveLength(1)
    clock.move(1)
    await client.send(attemptTo(to))
    expect(exchanges()).toHaveLength(2)
  })

  test('a token that ends in flight is replaced once for all, and each message sent again', async () => {
    const { client, exchanges, sends } = await fcm(request => {
      if (bearerOf(request) === 'Bearer token-1') request.answer(401, {}, ACCESS_TOKEN_REFUSED)
      else accept(request)
    })
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => client.send(attemptTo(to))))
    expect(outcomes.every(outcome => outcome.kind === 'accepted')).toBe(true)
    expect(exchanges()).toHaveLength(2)
    expect(sends()).toHaveLength(40)
  })

  test('a late refusal of the old token leaves the new one in use', async () => {
    const late: PeerRequest[] = []
    const { client, exchanges } = await fcm(request => {
      const isOld = bearerOf(request) === 'Bearer token-1'
      if (isOld && late.length === 0) late.push(request)
      else if (isOld) request.answer(401, {}, ACCESS_TOKEN_REFUSED)
      else {
        accept(request)
        late[0]?.answer(401, {}, ACCESS_TOKEN_REFUSED)
      }
    })
    const outcomes = await Promise.all([1, 2].map(() => client.send(attemptTo(to))))
    expect(outcomes.every(outcome => outcome.kind === 'accepted')).toBe(true)
    expect(exchanges()).toHaveLength(2)
  })

  test('a second refusal in a row is a credential fault, and nothing more is sent', async () => {
    const { client, sends } = await fcm(request => request.answer(401, {}, ACCESS_TOKEN_REFUSED))
    expect(await client.send(attemptTo(to))).toMatchObject({ kind: 'credential_fault' })
    expect(sends()).toHaveLength(2)
  })

  test('what was refused is not used again once all is mended', async () => {
    let isMended = false
    const { client, sends } = await fcm(request =>
      isMended ? accept(request) : request.answer(401, {}, ACCESS_TOKEN_REFUSED),
    )
    await client.send(attemptTo(to))
    isMended = true
    expect(await client.send(attemptTo(to))).toMatchObject({ kind: 'accepted' })
    expect(sends().map(bearerOf)).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-3'])
  })

  test.each([
    [400, 'invalid_grant'],
    [401, 'invalid_client'],
  ])('status %i %s from the token endpoint is a credential fault', async (status, error) => {
    const { client, sends } = await fcm(accept, request =>
      request.answer(status, {}, { error, error_description: 'No.' }),
    )
    expect(await client.send(attemptTo(to))).toEqual({
      kind: 'credential_fault',
      reason: `token endpoint: ${error}: No.`,
    })
    expect(sends()).toHaveLength(0)
  })

  test.each([429, 500, 503])('status %i from the token endpoint waits for the credential', async status => {
    const { client } = await fcm(accept, request => request.answer(status, { 'retry-after': '9' }, ''))
    expect(await client.send(attemptTo(to))).toMatchObject({
      kind: 'retry',
      scope: 'credential',
      afterMs: 9000,
    })
  })

  test('with a token endpoint that cannot be reached nothing is sent, and the next send asks again', async () => {
    let isCut = true
    const { client } = await fcm(accept, request => {
      if (isCut) request.stream.close(2)
      else request.answer(200, {}, { access_token: 'late', expires_in: 3600 })
      isCut = false
    })
    expect(await client.send(attemptTo(to))).toEqual({
      kind: 'not_sent',
      reason: expect.stringMatching(/^token endpoint: /),
    })
    expect(await client.send(attemptTo(to))).toMatchObject({ kind: 'accepted' })
  })
})

const NOT_VALID = 'The registration token is not a valid FCM registration token'
const DEAD = { kind: 'address_dead', since: undefined }
const MESSAGE = { kind: 'message_fault' }
const CREDENTIAL = { kind: 'credential_fault' }
const APPLE_KEY_REFUSED = { kind: 'credential_fault', part: 'apple' }
const WEB_KEY_REFUSED = { kind: 'credential_fault', part: 'web' }
const UNDECIDED = { kind: 'address_mismatch' }
const SERVER = { kind: 'retry', scope: 'origin', afterMs: undefined }
const PROJECT_QUOTA = { kind: 'retry', scope: 'credential', afterMs: MINUTE }

const FORMS: [string, number, object | string, object][] = [
  [
    'A a bad field',
    400,
    body(400, 'INVALID_ARGUMENT', "Invalid value at 'message.data[0].value' (TYPE_STRING), 12", [
      badRequest('message.data[0].value'),
    ]),
    MESSAGE,
  ],
  [
    'A a bad field that is the token',
    400,
    body(400, 'INVALID_ARGUMENT', 'Invalid', [badRequest('message.token')]),
    DEAD,
  ],
  [
    'A a bad field that is the installation id',
    400,
    body(400, 'INVALID_ARGUMENT', 'Invalid', [badRequest('message.fid')]),
    DEAD,
  ],
  [
    'B a malformed token',
    400,
    body(400, 'INVALID_ARGUMENT', NOT_VALID, [fcmError('INVALID_ARGUMENT')]),
    DEAD,
  ],
  [
    'B in the spelling error_code',
    400,
    body(400, 'INVALID_ARGUMENT', NOT_VALID, [
      { ...fcmError(''), errorCode: undefined, error_code: 'INVALID_ARGUMENT' },
    ]),
    DEAD,
  ],
  [
    'an invalid argument that names nothing',
    400,
    body(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.', [fcmError('INVALID_ARGUMENT')]),
    UNDECIDED,
  ],
  [
    'a bad field besides the code',
    400,
    body(400, 'INVALID_ARGUMENT', 'Message is too big', [
      fcmError('INVALID_ARGUMENT'),
      badRequest('message'),
    ]),
    MESSAGE,
  ],
  [
    'C a dead token',
    404,
    body(404, 'NOT_FOUND', 'Requested entity was not found.', [fcmError('UNREGISTERED')]),
    DEAD,
  ],
  [
    'C with an APNs part',
    404,
    body(404, 'NOT_FOUND', 'Requested entity was not found.', [
      apnsError(410, 'Unregistered'),
      fcmError('UNREGISTERED'),
    ]),
    DEAD,
  ],
  [
    'E a bad APNs key at Firebase',
    401,
    body(401, 'UNAUTHENTICATED', 'Auth error from APNS or Web Push Service', [
      fcmError('THIRD_PARTY_AUTH_ERROR'),
      apnsError(403, 'InvalidProviderToken'),
    ]),
    APPLE_KEY_REFUSED,
  ],
  [
    'E a key of the other environment',
    401,
    body(401, 'UNAUTHENTICATED', 'Auth error from APNS or Web Push Service', [
      apnsError(403, 'BadEnvironmentKeyInToken'),
      fcmError('THIRD_PARTY_AUTH_ERROR'),
    ]),
    APPLE_KEY_REFUSED,
  ],
  [
    'E a bad key without a word on whose',
    401,
    body(401, 'UNAUTHENTICATED', 'Auth error from APNS or Web Push Service', [
      fcmError('THIRD_PARTY_AUTH_ERROR'),
    ]),
    { ...APPLE_KEY_REFUSED, part: 'apple or web' },
  ],
  [
    'E a bad VAPID key at Firebase',
    401,
    body(401, 'UNAUTHENTICATED', 'Auth error from Web Push Service', [fcmError('THIRD_PARTY_AUTH_ERROR')]),
    WEB_KEY_REFUSED,
  ],
  [
    'G a missing permission',
    403,
    body(403, 'PERMISSION_DENIED', "Permission 'cloudmessaging.messages.create' denied on resource"),
    CREDENTIAL,
  ],
  [
    'G a disabled API',
    403,
    body(403, 'PERMISSION_DENIED', 'API has not been used', [errorInfo('SERVICE_DISABLED')]),
    CREDENTIAL,
  ],
  [
    'H a token of another project',
    403,
    body(403, 'PERMISSION_DENIED', 'SenderId mismatch', [fcmError('SENDER_ID_MISMATCH')]),
    { kind: 'address_mismatch' },
  ],
  [
    'I the quota of the project',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', [
      fcmError('QUOTA_EXCEEDED'),
      quota('Message rate exceeded'),
    ]),
    PROJECT_QUOTA,
  ],
  [
    'I the quota of one device',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', [
      quota('Device message rate exceeded'),
      fcmError('QUOTA_EXCEEDED'),
    ]),
    { ...PROJECT_QUOTA, scope: 'device' },
  ],
  [
    'I the quota of one topic',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', [
      quota('Topic message rate exceeded'),
      fcmError('QUOTA_EXCEEDED'),
    ]),
    { ...PROJECT_QUOTA, scope: 'device' },
  ],
  [
    'I a quota that is not told',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted'),
    PROJECT_QUOTA,
  ],
  [
    'I the quota of one device, named in the message',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'Device message rate exceeded'),
    { ...PROJECT_QUOTA, scope: 'device' },
  ],
  ['a token named without FcmError', 400, body(400, 'INVALID_ARGUMENT', NOT_VALID), MESSAGE],
  ['J a 404 that is no JSON', 404, '<html>Not found</html>', CREDENTIAL],
  ['J a 502 that is no JSON', 502, '<html>Bad gateway</html>', SERVER],
  ['J a 400 that is no JSON', 400, '<html>Bad request: registration token</html>', MESSAGE],
  ['a 404 without FcmError', 404, body(404, 'NOT_FOUND', 'Requested entity was not found.'), CREDENTIAL],
  ['a server error', 500, body(500, 'INTERNAL', 'Internal error', [fcmError('INTERNAL')]), SERVER],
  ['an overloaded server', 503, body(503, 'UNAVAILABLE', 'Unavailable', [fcmError('UNAVAILABLE')]), SERVER],
  ['a front end that waited too long', 504, '', SERVER],
  [
    'an error without information',
    500,
    body(500, 'UNKNOWN', 'Unknown', [fcmError('UNSPECIFIED_ERROR')]),
    SERVER,
  ],
  [
    'an error without information, whatever its status',
    400,
    body(400, 'UNKNOWN', 'Unknown', [fcmError('UNSPECIFIED_ERROR')]),
    SERVER,
  ],
  ['J a 403 that is no JSON', 403, '<html>Forbidden</html>', CREDENTIAL],
  ['J a 503 that is no JSON', 503, '<html>Unavailable</html>', SERVER],
  [
    'a new code with 429',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'New', [fcmError('SOMETHING_NEW')]),
    PROJECT_QUOTA,
  ],
  ['a new code with 500', 500, body(500, 'INTERNAL', 'New', [fcmError('SOMETHING_NEW')]), SERVER],
  ['a new code with 404', 404, body(404, 'NOT_FOUND', 'New', [fcmError('SOMETHING_NEW')]), CREDENTIAL],
  ['a new code with 400', 400, body(400, 'FAILED_PRECONDITION', 'New', [fcmError('SOMETHING_NEW')]), MESSAGE],
  ['a payload over the limit', 413, '', MESSAGE],
]

describe('what Google answers', () => {
  test.each(FORMS)('%s', async (_name, status, answer, expected) => {
    const { client } = await fcm(request =>
      request.answer(status, { 'content-type': 'application/json' }, answer),
    )
    expect(await client.send(attemptTo(to))).toEqual({ ...expected, reason: expect.any(String) })
  })

  test.each([
    ['message.fid', 'TYPE_STRING', '"cAbCdEfGhIjKlMnOpQrStU"', DEAD],
    ['message.data[0].value', 'TYPE_STRING', '{"iban":"cAbCdEfGhIjKlMnOpQrStU"}', MESSAGE],
  ])('A what is said of %s holds nothing of what was sent', async (field, type, value, expected) => {
    const words = `Invalid value at '${field}' (${type}), ${value}`
    const { client } = await fcm(request =>
      request.answer(400, {}, body(400, 'INVALID_ARGUMENT', words, [badRequest(field)])),
    )
    expect(await client.send(attemptTo({ fid: 'cAbCdEfGhIjKlMnOpQrStU' }))).toEqual({
      ...expected,
      reason: `INVALID_ARGUMENT: Invalid value at '${field}' (${type})`,
    })
  })

  test.each([
    ['Unregistered', 410, DEAD],
    ['ExpiredToken', 410, DEAD],
    ['BadDeviceToken', 400, DEAD],
    ['DeviceTokenNotForTopic', 400, { kind: 'address_mismatch' }],
    ['PayloadTooLarge', 413, MESSAGE],
    ['BadTopic', 400, MESSAGE],
  ])('D an invalid argument with the APNs reason %s', async (reason, apnsStatus, expected) => {
    const details = [fcmError('INVALID_ARGUMENT'), apnsError(apnsStatus, reason)]
    for (const order of [details, details.toReversed()]) {
      const { client } = await fcm(request =>
        request.answer(400, {}, body(400, 'INVALID_ARGUMENT', 'APNs says no.', order)),
      )
      expect(await client.send(attemptTo(to))).toEqual({ ...expected, reason: `INVALID_ARGUMENT: ${reason}` })
    }
  })

  test.each([
    ['seconds', '120'],
    ['an HTTP date', 'Mon, 02 Nov 2026 10:02:00 GMT'],
  ])('Retry-After as %s says when to try again', async (_form, value) => {
    for (const [status, scope] of [
      [429, 'credential'],
      [503, 'origin'],
    ] as const) {
      const { client } = await fcm(request => request.answer(status, { 'retry-after': value }, ''))
      expect(await client.send(attemptTo(to))).toMatchObject({ kind: 'retry', scope, afterMs: 120_000 })
    }
  })
})

describe('when the network fails', () => {
  test('a refused stream is not sent', async () => {
    const { client } = await fcm(request => request.stream.close(7))
    expect(await client.send(attemptTo(to))).toMatchObject({ kind: 'not_sent' })
  })

  test('no answer within the deadline is uncertain, and the deadline is never under 10 s', async () => {
    const { client: patient, options } = await fcm(request => {
      if (request.index === 0) accept(request)
    })
    await patient.send(attemptTo(to)) // a handshake shall not use up the deadline
    const deadlines: number[] = []
    const transport = {
      ...options.transport,
      request: (request: TransportRequest) => {
        deadlines.push(request.deadlineMs)
        const isSend = request.path.endsWith(':send')
        return options.transport.request(isSend ? { ...request, deadlineMs: 300 } : request)
      },
    }
    for (const deadlineMs of [undefined, 1000, 45_000]) {
      const client = createFcmClient({ ...options, transport, ...(deadlineMs && { deadlineMs }) })
      expect(await client.send(attemptTo(to))).toMatchObject({ kind: 'uncertain' })
    }
    expect(deadlines).toEqual([30_000, 30_000, 10_000, 10_000, 45_000, 45_000])
  })

  test('a connection that ends with an error code is uncertain for what was on it', async () => {
    const { client } = await fcm(request =>
      request.session.goaway(1, request.stream.id, Buffer.from('exceeded_max_concurrent_streams')),
    )
    expect(await client.send(attemptTo(to))).toMatchObject({
      kind: 'uncertain',
      reason: expect.stringContaining('exceeded_max_concurrent_streams'),
    })
  })

  test('after exceeded_max_concurrent_streams what Google did not process is not sent', async () => {
    const held: PeerRequest[] = []
    const { client } = await fcm(request => {
      held.push(request)
      const [first] = held
      if (first === undefined || held.length < 5) return
      request.session.goaway(1, first.stream.id, Buffer.from('exceeded_max_concurrent_streams'))
    })
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => client.send(attemptTo(to))))
    expect(outcomes.map(outcome => outcome.kind)).toEqual([
      'uncertain',
      'not_sent',
      'not_sent',
      'not_sent',
      'not_sent',
    ])
  })
})
