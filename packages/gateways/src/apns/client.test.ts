import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { accept, apns, credential, jwtOf, MINUTE, refuse, DEVICE_TOKEN as TOKEN } from '../../test/apns.ts'
import { attemptTo, clockAt, endAfterTest } from '../../test/fixtures.ts'
import { startDisowningPeer } from '../../test/peer.ts'
import { createHttp2Transport } from '../http2-transport.ts'
import { createProviderTokens } from './auth.ts'
import { createApnsClient } from './client.ts'
import { APNS_REASONS, type ApnsVerdict } from './outcome.ts'

async function apnsThatDisowns(reason: string) {
  const peer = endAfterTest(await startDisowningPeer(JSON.stringify({ reason })))
  const transport = endAfterTest(createHttp2Transport({ extraCa: peer.ca, assumedStreams: 1 }))
  const clock = clockAt('2026-11-02T10:00:00Z')
  return createApnsClient({ credential, environment: 'production', baseUrl: peer.origin, transport, clock })
}

describe('what is sent', () => {
  test('a message goes out with its id, topic, expiry, priority and collapse id', async () => {
    const { client, peer } = await apns(accept)
    const attempt = attemptTo({ token: TOKEN.toUpperCase() }, { collapseKey: 'score', ttlSeconds: 60 })
    expect(await client.send(attempt)).toEqual({ kind: 'accepted', gatewayMessageId: attempt.deliveryId })
    expect(peer.requests[0]?.headers).toMatchObject({
      ':method': 'POST',
      ':path': `/3/device/${TOKEN}`,
      'apns-id': attempt.deliveryId,
      'apns-topic': 'com.example.app',
      'apns-push-type': 'alert',
      'apns-priority': '10',
      'apns-expiration': String(Date.parse('2026-11-02T10:01:00Z') / 1000),
      'apns-collapse-id': 'score',
    })
  })

  test('one notification to many is made once, but for what each delivery has of its own and what depends on the time', async () => {
    const { client, peer, clock } = await apns(accept)
    const common = attemptTo({ token: TOKEN }, { ttlSeconds: 60 })
    const other = {
      ...common,
      deliveryId: 'e0a1b2c3-1111-4111-8111-111111111111',
      address: { token: 'ab'.repeat(32) },
    }
    await client.send(common)
    clock.move(5000)
    await client.send(other)
    const [first, second] = peer.requests
    expect(String(second?.body)).toBe(String(first?.body))
    expect(second?.headers).toMatchObject({
      ':path': `/3/device/${'ab'.repeat(32)}`,
      'apns-id': 'e0a1b2c3-1111-4111-8111-111111111111',
      'apns-expiration': String(Number(first?.headers['apns-expiration']) + 5),
    })
  })

  test('a notification that comes after another one has a body of its own', async () => {
    const { client, peer } = await apns(accept)
    const bodies = ['One', 'Two', 'One'].map(title => attemptTo({ token: TOKEN }, { title }))
    for (const attempt of bodies) await client.send(attempt)
    expect(peer.requests.map(it => JSON.parse(String(it.body)).aps.alert.title)).toEqual([
      'One',
      'Two',
      'One',
    ])
  })

  test('a Live Activity is told the time of each sending, also by the same notification', async () => {
    const { client, peer, clock } = await apns(accept)
    const aps = { event: 'update', 'content-state': { minutes: 3 } }
    const update = attemptTo({ token: TOKEN }, { apns: { pushType: 'liveactivity', aps } })
    await client.send(update)
    clock.move(5000)
    await client.send(update)
    const [first, second] = peer.requests.map(it => JSON.parse(String(it.body)).aps.timestamp as number)
    expect(second).toBe((first as number) + 5)
  })

  test('the provider token is an ES256 JWT of team and key, issued in seconds', async () => {
    const { client, peer, clock } = await apns(accept)
    await client.send(attemptTo({ token: TOKEN }))
    const jwt = jwtOf(peer.requests[0])
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'ES256', kid: 'KEY1234567' })
    expect(decodeJwt(jwt)).toEqual({ iss: 'TEAM123456', iat: clock.now() / 1000 })
  })

  test('the body carries aps and the root keys that devices read', async () => {
    const { client, peer } = await apns(accept)
    await client.send(
      attemptTo(
        { token: TOKEN },
        {
          subtitle: 'Sub',
          sound: 'default',
          badge: 3,
          url: 'https://example.com/',
          imageUrl: 'https://example.com/i.png',
          data: { a: 1 },
        },
      ),
    )
    expect(JSON.parse(String(peer.requests[0]?.body))).toEqual({
      aps: {
        alert: { title: 'Hello', subtitle: 'Sub', body: 'There you are' },
        sound: 'default',
        badge: 3,
        'mutable-content': 1,
      },
      pw_msg: '1',
      p: 'h4sh',
      l: 'https://example.com/',
      u: '{"a":1}',
      attachment: 'https://example.com/i.png',
    })
  })

  test('a time to live of 0 is expiration 0, and normal priority is 5', async () => {
    const { client, peer } = await apns(accept)
    await client.send(attemptTo({ token: TOKEN }, { ttlSeconds: 0, priority: 'normal' }))
    expect(peer.requests[0]?.headers).toMatchObject({ 'apns-expiration': '0', 'apns-priority': '5' })
  })

  test('a message that shows nothing is a background push, with priority 5 whatever was asked', async () => {
    const { client, peer } = await apns(accept)
    await client.send(attemptTo({ token: TOKEN }, { title: undefined, body: undefined, data: { a: 1 } }))
    expect(peer.requests[0]?.headers).toMatchObject({ 'apns-push-type': 'background', 'apns-priority': '5' })
    expect(JSON.parse(String(peer.requests[0]?.body)).aps).toEqual({ 'content-available': 1 })
  })

  test('4096 bytes are sent; one more is a message fault that names the biggest parts', async () => {
    const { client, peer } = await apns(accept)
    await client.send(attemptTo({ token: TOKEN }, { body: '' }))
    const room = 4096 - (peer.requests[0]?.body.length as number)
    expect(await client.send(attemptTo({ token: TOKEN }, { body: 'x'.repeat(room) }))).toMatchObject({
      kind: 'accepted',
    })
    expect(peer.requests[1]?.body.length).toBe(4096)
    const outcome = await client.send(attemptTo({ token: TOKEN }, { body: 'x'.repeat(room + 1) }))
    expect(outcome).toMatchObject({
      kind: 'message_fault',
      reason: expect.stringMatching(/4097 bytes, 4096 allowed; biggest: aps\.alert\.body \d+/),
    })
    expect(peer.requests).toHaveLength(2)
  })

  test.each([
    ['letters beyond ASCII', 'é'.repeat(32)],
    ['a control character', 'a\nb'],
    ['a space at its end, which a header loses', 'score '],
    ['65 bytes', 'x'.repeat(65)],
  ])('a collapse key with %s is hashed, always the same', async (_what, collapseKey) => {
    const { client, peer } = await apns(accept)
    for (const key of [collapseKey, collapseKey, `${collapseKey}!`])
      expect(await client.send(attemptTo({ token: TOKEN }, { collapseKey: key }))).toMatchObject({
        kind: 'accepted',
      })
    const [first, second, other] = peer.requests.map(request => request.headers['apns-collapse-id'])
    expect(first).toMatch(/^[\w-]{43}$/)
    expect(second).toBe(first)
    expect(other).not.toBe(first)
  })

  test('a collapse key of 64 visible characters is sent as it is', async () => {
    const { client, peer } = await apns(accept)
    const collapseKey = `a_b:c/${'~'.repeat(58)}`
    await client.send(attemptTo({ token: TOKEN }, { collapseKey }))
    expect(peer.requests[0]?.headers['apns-collapse-id']).toBe(collapseKey)
  })

  test('one token serves a thousand sends', async () => {
    const { client, peer } = await apns(accept)
    await Promise.all(Array.from({ length: 1000 }, () => client.send(attemptTo({ token: TOKEN }))))
    expect(new Set(peer.requests.map(jwtOf)).size).toBe(1)
    expect(peer.requests).toHaveLength(1000)
  })

  test('both environments share one token', async () => {
    const { common, peer, clock } = await apns(accept)
    const tokens = createProviderTokens({ clock })
    await createApnsClient({ ...common, tokens }).send(attemptTo({ token: TOKEN }))
    await createApnsClient({ ...common, tokens, environment: 'sandbox' }).send(attemptTo({ token: TOKEN }))
    expect(jwtOf(peer.requests[0])).toBe(jwtOf(peer.requests[1]))
  })

  test('a token is renewed at 45 minutes and not before', async () => {
    const { client, peer, clock } = await apns(accept)
    await client.send(attemptTo({ token: TOKEN }))
    clock.move(45 * MINUTE - 1)
    await client.send(attemptTo({ token: TOKEN }))
    clock.move(1)
    await client.send(attemptTo({ token: TOKEN }))
    const [first, second, third] = peer.requests.map(jwtOf)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })

  test('a token that expires in flight is replaced once for all, and each message sent again', async () => {
    let expired: string | undefined
    const { client, peer, clock } = await apns(request => {
      if (jwtOf(request) === expired) refuse(403, 'ExpiredProviderToken')(request)
      else accept(request)
    })
    await client.send(attemptTo({ token: TOKEN }))
    expired = jwtOf(peer.requests[0])
    clock.move(21 * MINUTE)
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => client.send(attemptTo({ token: TOKEN }))),
    )
    expect(outcomes.every(outcome => outcome.kind === 'accepted')).toBe(true)
    expect(new Set(peer.requests.map(jwtOf)).size).toBe(2)
  })

  test('a young token that is called expired is not replaced: that would only be refused again', async () => {
    const { client, peer, clock } = await apns(refuse(403, 'ExpiredProviderToken'))
    await client.send(attemptTo({ token: TOKEN }))
    clock.move(19 * MINUTE)
    const outcome = await client.send(attemptTo({ token: TOKEN }))
    expect(outcome).toEqual({
      kind: 'credential_fault',
      reason: "ExpiredProviderToken: check this server's clock",
    })
    expect(new Set(peer.requests.map(jwtOf)).size).toBe(1)
    expect(peer.requests).toHaveLength(2)
  })

  test('a message is sent again only once, however often the token is called expired', async () => {
    const { client, peer, clock } = await apns(refuse(403, 'ExpiredProviderToken'))
    await client.send(attemptTo({ token: TOKEN }))
    clock.move(21 * MINUTE)
    const outcome = await client.send(attemptTo({ token: TOKEN }))
    expect(outcome).toEqual({
      kind: 'credential_fault',
      reason: "ExpiredProviderToken: check this server's clock",
    })
    expect(peer.requests).toHaveLength(3)
  })
})

/** Written from Apple's table again, and not from ours. */
const BY_VERDICT: Record<ApnsVerdict, string[]> = {
  message_fault: [
    '400 BadCollapseId',
    '400 BadExpirationDate',
    '400 BadMessageId',
    '400 BadPriority',
    '400 DuplicateHeaders',
    '400 InvalidPushType',
    '400 MissingDeviceToken',
    '400 PayloadEmpty',
    '404 BadPath',
    '405 MethodNotAllowed',
    '413 PayloadTooLarge',
  ],
  address_mismatch: ['400 BadDeviceToken', '400 DeviceTokenNotForTopic'],
  address_dead: ['410 Unregistered', '410 ExpiredToken'],
  credential_fault: [
    '400 BadTopic',
    '400 MissingTopic',
    '400 TopicDisallowed',
    '403 BadCertificate',
    '403 BadCertificateEnvironment',
    '403 ExpiredProviderToken',
    '403 Forbidden',
    '403 InvalidProviderToken',
    '403 MissingProviderToken',
    '403 BadEnvironmentKeyIdInToken',
    '403 BadEnvironmentKeyInToken',
  ],
  retry_credential: ['403 UnrelatedKeyIdInToken', '429 TooManyProviderTokenUpdates'],
  retry_device: ['429 TooManyRequests'],
  retry_origin: ['500 InternalServerError', '503 ServiceUnavailable'],
  reconnect: ['400 IdleTimeout', '503 Shutdown'],
}

const EXPECTED: Record<ApnsVerdict, object> = {
  message_fault: { kind: 'message_fault' },
  address_mismatch: { kind: 'address_mismatch' },
  address_dead: { kind: 'address_dead', since: undefined },
  credential_fault: { kind: 'credential_fault' },
  retry_credential: { kind: 'retry', scope: 'credential', afterMs: undefined },
  retry_device: { kind: 'retry', scope: 'device', afterMs: undefined },
  retry_origin: { kind: 'retry', scope: 'origin', afterMs: 15 * MINUTE },
  reconnect: { kind: 'retry', scope: 'device', afterMs: undefined },
}

const rows = Object.entries(BY_VERDICT).flatMap(([verdict, answers]) =>
  answers.map(answer => {
    const [status, reason] = answer.split(' ') as [string, string]
    return { status: Number(status), reason, verdict: verdict as ApnsVerdict }
  }),
)

describe('what Apple answers', () => {
  test.each(rows)('$status $reason becomes $verdict', async ({ status, reason, verdict }) => {
    const { client } = await apns(refuse(status, reason))
    expect(await client.send(attemptTo({ token: TOKEN }))).toEqual({
      ...EXPECTED[verdict],
      reason: expect.stringMatching(`^${reason}(: .+)?$`),
      ...(reason.includes('Environment') && { part: 'production' }),
    })
  })

  test('every row of the table is tried above', () => {
    const names = APNS_REASONS.map(row => `${row.status} ${row.reason}`)
    expect(names.toSorted()).toEqual(rows.map(row => `${row.status} ${row.reason}`).toSorted())
  })

  test('a 410 carries the time since when the token is dead, in milliseconds', async () => {
    const at = Date.parse('2026-10-31T08:00:00.250Z')
    const { client } = await apns(refuse(410, 'Unregistered', { timestamp: at }))
    expect(await client.send(attemptTo({ token: TOKEN }))).toEqual({
      kind: 'address_dead',
      reason: 'Unregistered',
      since: new Date(at),
    })
  })

  test.each([
    [400, { kind: 'message_fault' }],
    [403, { kind: 'credential_fault' }],
    [404, { kind: 'message_fault' }],
    [405, { kind: 'message_fault' }],
    [413, { kind: 'message_fault' }],
    [410, { kind: 'address_dead', since: undefined }],
    [429, { kind: 'retry', scope: 'device', afterMs: undefined }],
    [500, { kind: 'retry', scope: 'origin', afterMs: 15 * MINUTE }],
  ])('an unknown reason with status %i is judged by the status', async (status, expected) => {
    const { client } = await apns(refuse(status, 'SomethingNew'))
    expect(await client.send(attemptTo({ token: TOKEN }))).toEqual({ ...expected, reason: 'SomethingNew' })
  })

  test('an answer that is no JSON is judged by the status', async () => {
    const { client } = await apns(request => request.answer(502, {}, '<html>Bad gateway</html>'))
    expect(await client.send(attemptTo({ token: TOKEN }))).toMatchObject({
      kind: 'retry',
      reason: 'status 502',
    })
  })

  test('Retry-After is honoured should Apple send one', async () => {
    const { client } = await apns(request =>
      request.answer(503, { 'retry-after': '7' }, { reason: 'ServiceUnavailable' }),
    )
    expect(await client.send(attemptTo({ token: TOKEN }))).toMatchObject({ kind: 'retry', afterMs: 7000 })
  })

  test.each([
    'BadCertificate',
    'BadCertificateEnvironment',
    'Forbidden',
    'InvalidProviderToken',
    'BadEnvironmentKeyInToken',
  ])('a GOAWAY that says %s is a credential fault and not a lost connection', async reason => {
    const client = await apnsThatDisowns(reason)
    expect(await client.send(attemptTo({ token: TOKEN }))).toMatchObject({ kind: 'credential_fault', reason })
  })

  test('a connection that is greeted with such a GOAWAY tells the messages that wait for it', async () => {
    // Who would wait for the next connection would wait for a minute.
    const { client, peer } = await apns(accept, { reconnectMs: 120_000 })
    peer.server.on('session', session => session.goaway(0, 0, Buffer.from('{"reason":"BadCertificate"}')))
    const outcomes = await Promise.all([1, 2, 3].map(() => client.send(attemptTo({ token: TOKEN }))))
    expect(outcomes).toEqual(Array(3).fill({ kind: 'credential_fault', reason: 'BadCertificate' }))
  })

  test('a GOAWAY that says Shutdown leaves the message not sent', async () => {
    const client = await apnsThatDisowns('Shutdown')
    expect(await client.send(attemptTo({ token: TOKEN }))).toMatchObject({ kind: 'not_sent' })
  })
})

describe('when the network fails', () => {
  test('a refused stream is not sent', async () => {
    const { client } = await apns(request => request.stream.close(7))
    expect(await client.send(attemptTo({ token: TOKEN }))).toMatchObject({ kind: 'not_sent' })
  })

  test('no answer within the deadline is uncertain', async () => {
    const { client: patient, common } = await apns(request => {
      if (request.index === 0) accept(request)
    })
    await patient.send(attemptTo({ token: TOKEN })) // a handshake shall not use up the deadline
    const client = createApnsClient({ ...common, deadlineMs: 300 })
    expect(await client.send(attemptTo({ token: TOKEN }))).toMatchObject({ kind: 'uncertain' })
  })

  test('a refused connection is not sent', async () => {
    const { client, peer } = await apns(accept)
    await peer.close()
    expect(await client.send(attemptTo({ token: TOKEN }))).toMatchObject({ kind: 'not_sent' })
  })
})
