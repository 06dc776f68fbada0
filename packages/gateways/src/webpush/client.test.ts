import { createPublicKey } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { decodeJwt, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { attemptTo, clockAt, endAfterTest, peerAndTransport } from '../../test/fixtures.ts'
import {
  type Http1Peer,
  type Http1Request,
  type Peer,
  type PeerRequest,
  startHttp1Peer,
  startPeer,
} from '../../test/peer.ts'
import { makeSubscriber } from '../../test/subscriber.ts'
import { createHttp1Transport } from '../http1-transport.ts'
import { createHttp2Transport } from '../http2-transport.ts'
import type { Transport } from '../transport.ts'
import { createWebTransport } from '../web-transport.ts'
import { createWebPushClient } from './client.ts'
import { createEncryptors } from './encryptors.ts'
import { checkEndpoint, createGuardedLookup } from './endpoint.ts'
import { APPLE_REASONS, MOZILLA_ERRNOS } from './outcome.ts'
import { buildHeaders } from './payload.ts'
import { parseSubscription } from './subscription.ts'
import { createVapidTokens, generateVapidKeys, parseVapidKeys } from './vapid.ts'

const HOUR = 3_600_000
const credential = { ...generateVapidKeys(), subject: 'mailto:push@example.com' }
const subscriber = makeSubscriber()

async function webPush(handle: (request: PeerRequest) => void) {
  const clock = clockAt('2026-11-02T10:00:00Z')
  const { peer, transport } = await peerAndTransport(handle)
  const options = { credential, transport, clock, allowPrivate: true }
  const address = subscriber.address(`${peer.origin}/push/a%2fb?token=x%3D`)
  return { client: createWebPushClient(options), options, clock, peer, address }
}

const accept = (request: PeerRequest | Http1Request): void =>
  request.answer(201, { location: 'https://push.example.com/m/msg-1' })

describe('what is sent', () => {
  test('the subscriber can read the message, and the service its headers', async () => {
    const { client, peer, address } = await webPush(accept)
    const outcome = await client.send(
      attemptTo(address, {
        url: 'https://example.com/',
        imageUrl: 'https://example.com/i.png',
        data: { a: 1 },
        ttlSeconds: 60,
        collapseKey: 'score',
      }),
    )
    expect(outcome).toEqual({ kind: 'accepted', gatewayMessageId: 'msg-1' })
    const request = peer.requests[0] as PeerRequest
    expect(request.path).toBe('/push/a%2fb?token=x%3D')
    expect(request.headers).toMatchObject({
      ttl: '60',
      urgency: 'high',
      topic: 'score',
      'content-encoding': 'aes128gcm',
      'content-type': 'application/octet-stream',
      'content-length': String(request.body.length),
    })
    expect(JSON.parse(String(subscriber.decrypt(request.body)))).toEqual({
      header: 'Hello',
      body: 'There you are',
      image: 'https://example.com/i.png',
      l: 'https://example.com/',
      p: 'h4sh',
      tag: 'score',
      u: '{"a":1}',
    })
  })

  test('keys in standard base64 and the browser’s own form of a subscription are taken', async () => {
    const { client, peer, address } = await webPush(accept)
    const standard = {
      endpoint: address.endpoint,
      keys: {
        p256dh: subscriber.publicKey.toString('base64'),
        auth: subscriber.authSecret.toString('base64'),
      },
    }
    const parsed = parseSubscription(standard)
    expect(parsed).toEqual({ ok: true, value: address })
    await client.send(attemptTo({ ...address, ...standard.keys }))
    expect(String(subscriber.decrypt(peer.requests[0]?.body as Buffer))).toContain('There you are')
  })

  test('a collapse key that is no topic is hashed into one, always the same', async () => {
    const { client, peer, address } = await webPush(accept)
    for (const collapseKey of ['Überschrift', 'Überschrift', 'x'.repeat(33), 'x'.repeat(32)]) {
      await client.send(attemptTo(address, { collapseKey }))
    }
    const topics = peer.requests.map(request => String(request.headers.topic))
    expect(topics[0]).toMatch(/^[A-Za-z0-9_-]{32}$/)
    expect(topics[1]).toBe(topics[0])
    expect(topics[2]).toMatch(/^[A-Za-z0-9_-]{32}$/)
    expect(topics[2]).not.toBe(topics[0])
    expect(topics[3]).toBe('x'.repeat(32))
  })

  test('3993 bytes of plaintext are sent; one more is a message fault that names the biggest part', async () => {
    const { client, peer, address } = await webPush(accept)
    await client.send(attemptTo(address, { body: '' }))
    const room = 3993 - subscriber.decrypt(peer.requests[0]?.body as Buffer).length
    expect(await client.send(attemptTo(address, { body: 'x'.repeat(room) }))).toMatchObject({
      kind: 'accepted',
    })
    expect(peer.requests[1]?.body.length).toBe(4096)
    expect(await client.send(attemptTo(address, { body: 'x'.repeat(room + 1) }))).toMatchObject({
      kind: 'message_fault',
      reason: expect.stringMatching(/3994 bytes, 3993 allowed; biggest: body \d+/),
    })
    expect(peer.requests).toHaveLength(2)
  })

  test('Windows gets a cache policy that agrees with the time to live, the others none', () => {
    const { notification } = attemptTo({}, { ttlSeconds: 0 })
    const windows = { origin: 'https://wns2-db5p.notify.windows.com', path: '/w/?token=x' }
    const google = { origin: 'https://fcm.googleapis.com', path: '/fcm/send/x' }
    expect(buildHeaders(notification, windows)['x-wns-cache-policy']).toBe('no-cache')
    expect(buildHeaders({ ...notification, ttlSeconds: 1 }, windows)['x-wns-cache-policy']).toBe('cache')
    expect(buildHeaders(notification, google)).not.toHaveProperty('x-wns-cache-policy')
  })

  test('what only Web Push knows goes before the common part', async () => {
    const { client, peer, address } = await webPush(accept)
    const webPushOptions = {
      urgency: 'very-low',
      topic: 'News_1-a',
      payload: { header: 'Own', extra: [1] },
    } as const
    await client.send(attemptTo(address, { collapseKey: 'score', webPush: webPushOptions }))
    const request = peer.requests[0] as PeerRequest
    expect(request.headers).toMatchObject({ urgency: 'very-low', topic: 'News_1-a' })
    expect(JSON.parse(String(subscriber.decrypt(request.body)))).toEqual({
      header: 'Own',
      body: 'There you are',
      p: 'h4sh',
      tag: 'score',
      extra: [1],
    })
  })

  test.each(['', 'x'.repeat(33), 'a b', 'ü'])(
    'a topic %j of the sender’s is a message fault',
    async topic => {
      const { client, peer, address } = await webPush(accept)
      expect(await client.send(attemptTo(address, { webPush: { topic } }))).toMatchObject({
        kind: 'message_fault',
        reason: expect.stringContaining('webpush_topic'),
      })
      expect(peer.requests).toHaveLength(0)
    },
  )

  test('messages are encrypted on threads when there are any, and a bad key is told as without them', async () => {
    const { options, peer, address } = await webPush(accept)
    const encryptors = endAfterTest(createEncryptors({ threads: 1, threshold: 1 }))
    const client = createWebPushClient({ ...options, encryptors })
    const off = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString('base64url')
    const outcomes = await Promise.all(
      [address, { ...address, p256dh: off }, address].map(it => client.send(attemptTo(it))),
    )
    expect(outcomes.map(outcome => outcome.kind)).toEqual(['accepted', 'address_mismatch', 'accepted'])
    for (const { body } of peer.requests) expect(String(subscriber.decrypt(body))).toContain('There you are')
    await encryptors.close()
    expect(await client.send(attemptTo(address))).toEqual({
      kind: 'not_sent',
      reason: 'the encryptors are closed',
    })
  })

  test.each([
    [
      'a point off the curve',
      { p256dh: Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString('base64url') },
      'subscription_p256dh',
    ],
    ['a short key', { p256dh: 'BAAA' }, 'subscription_p256dh'],
    ['a short secret', { auth: 'AAAA' }, 'subscription_auth'],
    ['an endpoint without https', { endpoint: 'http://push.example.com/x' }, 'subscription_endpoint'],
  ])('a subscription with %s is a mismatch and not sent', async (_name, change, reason) => {
    const { client, peer, address } = await webPush(accept)
    expect(await client.send(attemptTo({ ...address, ...change }))).toEqual({
      kind: 'address_mismatch',
      reason,
    })
    expect(peer.requests).toHaveLength(0)
  })
})

describe('VAPID', () => {
  test('the request is signed for the endpoint’s origin, for 12 hours', async () => {
    const { client, peer, address, clock } = await webPush(accept)
    await client.send(attemptTo(address))
    const [, jwt, key] =
      /^vapid t=(\S+), k=(\S+)$/.exec(String(peer.requests[0]?.headers.authorization)) ?? []
    expect(key).toBe(credential.publicKey)
    const parsed = parseVapidKeys(credential)
    const { payload, protectedHeader } = await jwtVerify(
      String(jwt),
      createPublicKey(parsed.ok ? parsed.value.signingKey : ''),
      { currentDate: new Date(clock.now()) },
    )
    expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'ES256' })
    expect(payload).toEqual({
      aud: peer.origin,
      exp: (clock.now() + 12 * HOUR) / 1000,
      sub: 'mailto:push@example.com',
    })
  })

  test('one signature serves an origin for hours and is renewed well before its end', async () => {
    const { client, peer, address, clock } = await webPush(accept)
    const signatures = () => new Set(peer.requests.map(request => request.headers.authorization)).size
    await Promise.all(Array.from({ length: 100 }, () => client.send(attemptTo(address))))
    clock.move(6 * HOUR - 1)
    await client.send(attemptTo(address))
    expect(signatures()).toBe(1)
    clock.move(1)
    await client.send(attemptTo(address))
    expect(signatures()).toBe(2)
  })

  test('a signature of a time to come is replaced as soon as the clock is set back', async () => {
    const parsed = parseVapidKeys(credential)
    if (!parsed.ok) throw new Error(parsed.problem.message)
    const clock = clockAt('2026-11-02T18:00:00Z')
    const tokens = createVapidTokens(parsed.value, clock)
    await tokens.authorization('https://web.push.apple.com')
    clock.move(-8 * HOUR)
    const jwt = String(/t=([^,]+)/.exec(await tokens.authorization('https://web.push.apple.com'))?.[1])
    expect(decodeJwt(jwt).exp).toBe(clock.now() / 1000 + 12 * 3600)
  })

  test('no number of other origins makes Apple see two signatures within an hour', async () => {
    const parsed = parseVapidKeys(credential)
    if (!parsed.ok) throw new Error(parsed.problem.message)
    const tokens = createVapidTokens(parsed.value, clockAt('2026-11-02T10:00:00Z'))
    const first = await tokens.authorization('https://web.push.apple.com')
    const other = await tokens.authorization('https://push0.example.com')
    for (let i = 1; i <= 1001; i++) await tokens.authorization(`https://push${i}.example.com`)
    expect(await tokens.authorization('https://web.push.apple.com')).toBe(first)
    expect(await tokens.authorization('https://push0.example.com')).not.toBe(other) // the oldest was dropped
  })
})

describe('the endpoint guard', () => {
  test('a private address is not connected to', async () => {
    const { options, peer, address } = await webPush(accept)
    const client = createWebPushClient({ ...options, allowPrivate: false })
    const endpoint = 'https://127.0.0.1/x'
    expect(await client.send(attemptTo({ ...address, endpoint }))).toEqual({
      kind: 'address_mismatch',
      reason: 'endpoint_refused: not a public address',
    })
    expect(await client.send(attemptTo(address))).toMatchObject({ kind: 'address_mismatch' }) // its port
    expect(peer.sockets).toHaveLength(0)
  })

  test.each([
    ['HTTP/2', createHttp2Transport],
    ['HTTP/1.1', createHttp1Transport],
  ])('a name that turns private after the check is refused at connect, over %s', async (_version, create) => {
    const { options, address } = await webPush(accept)
    const answers = ['8.8.8.8', '127.0.0.1']
    const rebinding: LookupFunction = (_host, { all }, callback) => {
      const found = answers.shift() ?? ''
      if (all) callback(null, [{ address: found, family: 4 }])
      else callback(null, found, 4)
    }
    expect(await checkEndpoint('https://push.example.com/x', { lookup: rebinding })).toMatchObject({
      ok: true,
    })
    const transport = endAfterTest(create({ lookup: createGuardedLookup({ lookup: rebinding }) }))
    const client = createWebPushClient({ ...options, transport, allowPrivate: false })
    const endpoint = 'https://push.example.com/x'
    expect(await client.send(attemptTo({ ...address, endpoint }))).toEqual({
      kind: 'address_mismatch',
      reason: 'endpoint_refused: not a public address',
    })
  })

  test.each([301, 302, 307, 308])(
    'a %i is not followed and says nothing of the subscription',
    async status => {
      const { client, peer, address } = await webPush(request =>
        request.answer(status, { location: '/elsewhere' }),
      )
      expect(await client.send(attemptTo(address))).toMatchObject({ kind: 'message_fault' })
      expect(peer.requests).toHaveLength(1)
    },
  )
})

const DEAD = { kind: 'address_dead', since: undefined }
const MISMATCH = { kind: 'address_mismatch' }
const MESSAGE = { kind: 'message_fault' }
const CREDENTIAL = { kind: 'credential_fault', part: expect.stringMatching(/^https:\/\/localhost:\d+$/) }
const ORIGIN = { kind: 'retry', scope: 'origin', afterMs: undefined }
const DEVICE = { kind: 'retry', scope: 'device', afterMs: undefined }

type Row = [status: number, reason: string, expected: object]

const APPLE: Row[] = [
  [400, 'BadTtl', MESSAGE],
  [400, 'BadUrgency', MESSAGE],
  [400, 'BadWebPushTopic', MESSAGE],
  [400, 'BadWebPushRequest', MESSAGE],
  [400, 'VapidPkHashMismatch', MISMATCH],
  [403, 'VapidPkHashMismatch', MISMATCH],
  [403, 'BadJwtToken', CREDENTIAL],
  [400, 'BadAuthorizationHeader', CREDENTIAL],
  [403, 'BadVapidPublicKey', CREDENTIAL],
  [404, 'BadPath', MESSAGE],
  [405, 'MethodNotAllowed', MESSAGE],
  [413, 'PayloadTooLarge', MESSAGE],
  [429, 'TooManyRequests', DEVICE],
  [400, 'IdleTimeout', DEVICE],
  [500, 'InternalServerError', ORIGIN],
  [503, 'ServiceUnavailable', ORIGIN],
  [503, 'Shutdown', DEVICE],
]

const MOZILLA: [status: number, errno: number, expected: { readonly kind: string }][] = [
  [400, 101, MESSAGE],
  [404, 102, DEAD],
  [410, 103, DEAD],
  [413, 104, MESSAGE],
  [410, 105, DEAD],
  [410, 106, DEAD],
  [400, 108, DEAD],
  [401, 109, CREDENTIAL],
  [400, 110, MESSAGE],
  [400, 111, MESSAGE],
  [400, 112, MESSAGE],
  [400, 113, MESSAGE],
  [400, 114, MESSAGE],
  [503, 201, ORIGIN],
  [503, 202, DEVICE],
  [500, 999, ORIGIN],
  [502, 902, ORIGIN],
]

describe('what Apple answers', () => {
  test.each(APPLE)('%i %s', async (status, reason, expected) => {
    const { client, address } = await webPush(request => request.answer(status, {}, { reason }))
    expect(await client.send(attemptTo(address))).toMatchObject(expected)
  })

  test('every reason of the table is tried above', () => {
    expect(new Set(APPLE.map(([, reason]) => reason))).toEqual(new Set(Object.keys(APPLE_REASONS)))
  })

  test('a 410 ends the subscription', async () => {
    const { client, address } = await webPush(request => request.answer(410, {}, { reason: 'Unregistered' }))
    expect(await client.send(attemptTo(address))).toEqual({ ...DEAD, reason: '410' })
  })
})

describe('what Mozilla answers', () => {
  test.each(MOZILLA)('%i errno %i', async (status, errno, expected) => {
    const { client, address } = await webPush(request =>
      request.answer(status, {}, { code: status, errno, error: 'Phrase', message: 'Words', more_info: '' }),
    )
    expect(await client.send(attemptTo(address))).toEqual({
      ...expected,
      // What ends an address is counted by its status; the words are for faults that somebody has to mend.
      reason: expected.kind === 'address_dead' ? String(status) : `errno ${errno}: Words`,
    })
  })

  test('every errno of the table is tried above', () => {
    const tried = new Set(MOZILLA.map(([, errno]) => String(errno)))
    expect(Object.keys(MOZILLA_ERRNOS).filter(errno => !tried.has(errno))).toEqual([])
  })

  test('a subscription made with another key is told by the message of errno 109', async () => {
    const { client, address } = await webPush(request =>
      request.answer(
        401,
        {},
        { code: 401, errno: 109, error: 'Unauthorized', message: 'VAPID public key mismatch' },
      ),
    )
    expect(await client.send(attemptTo(address))).toEqual({ ...MISMATCH, reason: 'vapid_key_mismatch' })
  })
})

const GOOGLE_MISMATCH =
  'the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.'

const TEXTS: [status: number, text: string, expected: object][] = [
  [400, 'UnauthorizedRegistration', CREDENTIAL],
  [400, 'Invalid TTL header', MESSAGE],
  [401, 'permission denied: invalid JWT provided', CREDENTIAL],
  [403, 'permission denied: invalid JWT provided', CREDENTIAL],
  [403, GOOGLE_MISMATCH, { ...MISMATCH, reason: 'vapid_key_mismatch' }],
  [404, '', DEAD],
  [410, 'push subscription has unsubscribed or expired.\n', DEAD],
  [410, 'Domain Blocked', CREDENTIAL],
  [413, '', MESSAGE],
  [429, '', ORIGIN],
  [500, '', ORIGIN],
  [502, '<html>', ORIGIN],
  [503, '', ORIGIN],
]

describe('what Google answers', () => {
  test.each(TEXTS)('%i %j', async (status, text, expected) => {
    const { client, address } = await webPush(request =>
      request.answer(status, { 'content-type': 'text/plain' }, text),
    )
    expect(await client.send(attemptTo(address))).toMatchObject(expected)
  })

  test.each([200, 201, 202, 204])('%i is accepted', async status => {
    const { client, address } = await webPush(request => request.answer(status))
    expect(await client.send(attemptTo(address))).toEqual({ kind: 'accepted', gatewayMessageId: undefined })
  })
})

const WINDOWS: [status: number, description: string, expected: object][] = [
  [400, 'Ttl value conflicts with X-WNS-Cache-Policy.', MESSAGE],
  [
    401,
    'The public key does not match the one of the channel.',
    { ...MISMATCH, reason: 'vapid_key_mismatch' },
  ],
  [401, 'The token is invalid.', CREDENTIAL],
  [403, 'Not authorised for this channel.', MISMATCH],
  [404, 'Channel unknown.', DEAD],
  [405, '', MESSAGE],
  [406, '', ORIGIN],
  [410, 'Channel expired.', DEAD],
  [410, 'Domain Blocked', CREDENTIAL],
  [413, '', MESSAGE],
  [429, '', ORIGIN],
  [500, '', ORIGIN],
  [503, '', ORIGIN],
]

test.each(WINDOWS)('Windows answers %i %j', async (status, description, expected) => {
  const headers = { 'x-wns-status': 'dropped', 'x-wns-error-description': description }
  const { client, address } = await webPush(request => request.answer(status, headers))
  expect(await client.send(attemptTo(address))).toMatchObject(expected)
})

test.each([
  ['seconds', '120'],
  ['an HTTP date', 'Mon, 02 Nov 2026 10:02:00 GMT'],
  ['a date of RFC 850', 'Monday, 02-Nov-26 10:02:00 GMT'],
  ['a date of asctime', 'Mon Nov  2 10:02:00 2026'],
])('Retry-After as %s says when to try again', async (_form, value) => {
  for (const status of [406, 429, 503]) {
    const { client, address } = await webPush(request => request.answer(status, { 'retry-after': value }))
    expect(await client.send(attemptTo(address))).toMatchObject({ kind: 'retry', afterMs: 120_000 })
  }
})

test.each(['-5', '1.5', 'soon', '', '12345678901', 'Mon'])('Retry-After %j says nothing', async value => {
  const { client, address } = await webPush(request => request.answer(503, { 'retry-after': value }))
  expect(await client.send(attemptTo(address))).toMatchObject({ kind: 'retry', afterMs: undefined })
})

test('a date of Retry-After that has passed is no wait', async () => {
  const past = { 'retry-after': 'Mon, 02 Nov 2026 09:00:00 GMT' }
  const { client, address } = await webPush(request => request.answer(503, past))
  expect(await client.send(attemptTo(address))).toMatchObject({ kind: 'retry', afterMs: 0 })
})

describe('when the network fails', () => {
  test('a refused stream is not sent', async () => {
    const { client, address } = await webPush(request => request.stream.close(7))
    expect(await client.send(attemptTo(address))).toMatchObject({ kind: 'not_sent' })
  })

  test('no answer within the deadline is uncertain', async () => {
    const {
      client: patient,
      options,
      address,
    } = await webPush(request => {
      if (request.index === 0) request.answer(201)
    })
    await patient.send(attemptTo(address)) // a handshake shall not use up the deadline
    const client = createWebPushClient({ ...options, deadlineMs: 300 })
    expect(await client.send(attemptTo(address))).toMatchObject({ kind: 'uncertain' })
  })
})

/**
 * A client that takes strangers' endpoints for what they are; what it says goes over real HTTP/2 to a peer that answers
 * by the path.
 */
async function pushTo(handle: (request: PeerRequest) => void, clock = clockAt('2026-11-02T10:00:00Z')) {
  const { peer, options } = await webPush(handle)
  const { transport } = options
  const diverted: Transport = {
    ...transport,
    request: request => transport.request({ ...request, origin: peer.origin }),
  }
  const client = createWebPushClient({ ...options, clock, transport: diverted, allowPrivate: false })
  return (endpoint: string) => client.send(attemptTo(subscriber.address(endpoint)))
}

const refuse = (request: PeerRequest): void => request.answer(403, {}, 'no')

describe('what an endpoint says of our key', () => {
  test.each([
    ['https://fcm.googleapis.com/fcm/send/x', 'https://fcm.googleapis.com'],
    ['https://web.push.apple.com/x', 'https://web.push.apple.com'],
    ['https://updates.push.services.mozilla.com/wpush/v2/x', 'https://updates.push.services.mozilla.com'],
    ['https://wns2-par02p.notify.windows.com/w/?token=x', 'https://wns2-par02p.notify.windows.com'],
    ['https://jmt17.google.com/fcm/send/x', 'https://jmt17.google.com'],
  ])('of %s stops its own origin and nothing else', async (endpoint, part) => {
    const push = await pushTo(refuse)
    expect(await push(endpoint)).toEqual({ kind: 'credential_fault', reason: 'no', part })
  })

  test('stops nothing when another API of a push service’s host says it', async () => {
    const push = await pushTo(refuse)
    expect(await push('https://fcm.googleapis.com/v1/projects/x/messages:send')).toEqual({
      kind: 'message_fault',
      reason: 'not_a_push_endpoint: no',
    })
  })

  test('stops nothing on a host that may be shared: a message is repeated later until the key is known to be good there', async () => {
    const push = await pushTo(request => (request.path === '/stranger' ? refuse(request) : accept(request)))
    expect(await push('https://ntfy.example.com/stranger')).toEqual({
      kind: 'retry',
      reason: 'no',
      scope: 'device',
      afterMs: HOUR,
    })
    expect(await push('https://ntfy.example.com/phone?up=1')).toMatchObject({ kind: 'accepted' })
    expect(await push('https://ntfy.example.com/stranger')).toEqual({
      kind: 'message_fault',
      reason: 'refused_for_this_endpoint: no',
    })
    expect(await push('https://other.example.com/stranger')).toMatchObject({ kind: 'retry' })
  })

  test('stops a browser’s service whatever it took before: a key can be refused from one moment to the next', async () => {
    const push = await pushTo(request => (request.index === 0 ? accept(request) : refuse(request)))
    expect(await push('https://web.push.apple.com/a')).toMatchObject({ kind: 'accepted' })
    expect(await push('https://web.push.apple.com/b')).toMatchObject({ kind: 'credential_fault' })
  })

  test('is about one subscription when it is "UnauthorizedRegistration" and others are reached', async () => {
    const push = await pushTo(request =>
      request.path.endsWith('other') ? request.answer(400, {}, 'UnauthorizedRegistration') : accept(request),
    )
    const other = 'https://fcm.googleapis.com/fcm/send/other'
    expect(await push(other)).toMatchObject({ kind: 'credential_fault', part: 'https://fcm.googleapis.com' })
    expect(await push('https://fcm.googleapis.com/fcm/send/ours')).toMatchObject({ kind: 'accepted' })
    expect(await push(other)).toEqual({ kind: 'address_mismatch', reason: 'vapid_key_mismatch' })
  })

  test('is about one subscription also when our signature was renewed, and strangers made up a thousand origins', async () => {
    const clock = clockAt('2026-11-02T10:00:00Z')
    const push = await pushTo(
      request =>
        request.path.endsWith('other')
          ? request.answer(400, {}, 'UnauthorizedRegistration')
          : accept(request),
      clock,
    )
    expect(await push('https://fcm.googleapis.com/fcm/send/ours')).toMatchObject({ kind: 'accepted' })
    for (let i = 0; i <= 1000; i++) await push(`https://push${i}.example.com/x`)
    clock.move(6 * HOUR)
    expect(await push('https://fcm.googleapis.com/fcm/send/other')).toEqual({
      kind: 'address_mismatch',
      reason: 'vapid_key_mismatch',
    })
  })
})

test.each([
  [400, 'Cannot POST /up/k3nZ8sQw2LmB4x?t=x', 'Cannot POST /up/[hidden]?t=x'],
  [429, 'k3nZ8sQw2LmB4x is asked too often', '[hidden] is asked too often'],
])(
  'a reason holds no part of the endpoint that others could send with (%i)',
  async (status, text, reason) => {
    const push = await pushTo(request => request.answer(status, {}, text))
    expect(await push('https://push.example.com/up/k3nZ8sQw2LmB4x?t=x')).toMatchObject({ reason })
  },
)

describe('a UnifiedPush server, which is in no list', () => {
  test.each([
    ['HTTP/2', '/up/phone?up=1'],
    ['HTTP/1.1', '/up/phone?up=1'],
    ['HTTP/1.1', '/_matrix/push%2Fx/UP?token=a%3D&b'],
  ])('gets plain Web Push over %s at %s', async (version, path) => {
    const start = version === 'HTTP/2' ? startPeer(accept) : startHttp1Peer(accept)
    const peer = endAfterTest<Peer | Http1Peer>(await start)
    const transport = endAfterTest(createWebTransport({ extraCa: peer.ca }))
    const clock = clockAt('2026-11-02T10:00:00Z')
    const client = createWebPushClient({ credential, transport, clock, allowPrivate: true })
    const address = subscriber.address(`${peer.origin}${path}`)
    expect(await client.send(attemptTo(address, { ttlSeconds: 0 }))).toEqual({
      kind: 'accepted',
      gatewayMessageId: 'msg-1',
    })
    const request = peer.requests[0]
    expect(request?.path).toBe(path)
    expect(request?.headers).toMatchObject({ ttl: '0', 'content-encoding': 'aes128gcm' })
    expect(request?.headers).not.toHaveProperty('x-wns-cache-policy')
    expect(String(subscriber.decrypt(request?.body as Buffer))).toContain('There you are')
  })

  test('that is gone says so over HTTP/1.1 as well, and a slow one is uncertain', async () => {
    const peer = endAfterTest(
      await startHttp1Peer(request => {
        if (request.path === '/gone') request.answer(410)
        if (request.path === '/busy') request.answer(406, { 'retry-after': '30' })
      }),
    )
    const transport = endAfterTest(createWebTransport({ extraCa: peer.ca }))
    const clock = clockAt('2026-11-02T10:00:00Z')
    const options = { credential, transport, clock, allowPrivate: true }
    const client = createWebPushClient(options)
    const hasty = createWebPushClient({ ...options, deadlineMs: 300 })
    const to = (path: string) => attemptTo(subscriber.address(`${peer.origin}${path}`))
    expect(await client.send(to('/gone'))).toEqual({ ...DEAD, reason: '410' })
    expect(await client.send(to('/busy'))).toMatchObject({ kind: 'retry', scope: 'origin', afterMs: 30_000 })
    expect(await hasty.send(to('/slow'))).toMatchObject({ kind: 'uncertain' })
  })
})
