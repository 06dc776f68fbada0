/**
 * What each of the push services does its own way, over the wire.
 */
import { connect as tlsConnect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Answer, createVapidKey, type Headers, PushSender, seal } from '../../test/push-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { WebPushSubscription } from './gateway.ts'
import type { PushService, WebPushFault } from './refusals.ts'

const HEADER_BYTES = 86
const TAG_AND_DELIMITER_BYTES = 17
let now = 0
let simulator: Simulator
let sender: PushSender
const vapid = createVapidKey()

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
  sender = new PushSender(simulator, vapid, () => now)
})

afterEach(() => simulator.close())

function subscribe(service: PushService): WebPushSubscription {
  return simulator.webPush.createSubscription({ applicationServerKey: vapid.publicKey, service })
}

function push(subscription: WebPushSubscription, headers: Headers = {}, body?: Buffer): Promise<Answer> {
  return sender.push(subscription, headers, body)
}

function bodyOf(bytes: number, subscription: WebPushSubscription, recordBytes = 8192): Buffer {
  const plaintext = Buffer.alloc(bytes - HEADER_BYTES - TAG_AND_DELIMITER_BYTES, 'x')
  return seal(plaintext, subscription, { padding: Buffer.alloc(0), recordBytes })
}

describe('the size of a body', () => {
  test.each<[PushService, number]>([
    ['autopush', 4096],
    ['google', 4096],
    ['apple', 4096],
    ['windows', 5000],
    ['unifiedpush', 4096],
  ])('that %s takes is %i bytes', async (service, bytes) => {
    const subscription = subscribe(service)
    expect((await push(subscription, {}, bodyOf(bytes, subscription))).status).toBe(201)
    expect((await push(subscription, {}, bodyOf(bytes + 1, subscription))).status).toBe(413)
  })

  test('that Mozilla takes for a browser behind its bridge is 2744 bytes, and it says by how much it is too long', async () => {
    const subscription = simulator.webPush.createSubscription({
      applicationServerKey: vapid.publicKey,
      isBridged: true,
    })
    expect((await push(subscription, {}, bodyOf(2744, subscription))).status).toBe(201)
    const refused = await push(subscription, {}, bodyOf(2750, subscription))
    expect(JSON.parse(refused.text)).toMatchObject({ code: 413, errno: 104, error: 'Payload Too Large' })
    expect(JSON.parse(refused.text).message).toMatch(/too long by 6 bytes$/)
  })
})

describe('encryption', () => {
  const plaintext = Buffer.from('{"p":"hash-1"}')

  test('with a record size as large as the record is refused, one byte more is taken', async () => {
    const subscription = subscribe('apple')
    const record = plaintext.length + TAG_AND_DELIMITER_BYTES
    const seals = (recordBytes: number) =>
      seal(plaintext, subscription, { padding: Buffer.alloc(0), recordBytes })
    const refused = await push(subscription, {}, seals(record))
    expect([refused.status, refused.text]).toEqual([400, '{"reason":"BadWebPushRequest"}'])
    expect((await push(subscription, {}, seals(record + 1))).status).toBe(201)
  })

  test.each([
    ['that announces another record', { delimiter: 1 }],
    ['with an unknown delimiter', { delimiter: 3 }],
    ['with padding that is not zeros', { padding: Buffer.from('0001', 'hex') }],
  ])('%s is refused', async (_what, options) => {
    const subscription = subscribe('autopush')
    expect((await push(subscription, {}, seal(plaintext, subscription, options))).status).toBe(400)
    expect(simulator.counts().webPush.refused).toEqual({ undecryptable: 1 })
  })

  test.each([
    [{ encryption: 'salt=abc' }, 400],
    [{ 'crypto-key': 'keyid=a;dh=abc' }, 400],
    [{ 'content-encoding': 'aesgcm' }, 400],
    [{ 'crypto-key': 'p256ecdsa=abc' }, 201],
  ])('with the headers %j of the older draft is %i', async (headers, status) => {
    expect((await push(subscribe('autopush'), headers)).status).toBe(status)
  })
})

describe('credentials', () => {
  const stranger = createVapidKey()

  type Words = readonly [status: number, says: string | RegExp]
  const SAYS: readonly [PushService, Words, Words, Words, Words, Words][] = [
    [
      'google',
      [400, 'UnauthorizedRegistration'],
      [400, 'UnauthorizedRegistration'],
      [400, 'UnauthorizedRegistration'],
      [403, 'permission denied: invalid JWT provided'],
      [403, /^the VAPID credentials in the authorization header do not correspond/],
    ],
    [
      'apple',
      [403, '{"reason":"BadJwtToken"}'],
      [403, '{"reason":"BadAuthorizationHeader"}'],
      [400, '{"reason":"BadVapidPublicKey"}'],
      [403, '{"reason":"BadJwtToken"}'],
      [400, '{"reason":"VapidPkHashMismatch"}'],
    ],
    ['autopush', [401, /109/], [401, /109/], [401, /109/], [401, /109/], [401, /VAPID public key mismatch/]],
    ['unifiedpush', [401, ''], [401, ''], [401, ''], [401, ''], [403, '']],
  ]

  test.each(SAYS)(
    'of %s: missing, malformed, a bad key, a bad token, another key',
    async (service, ...words) => {
      const subscription = subscribe(service)
      const { endpoint } = subscription
      const good = await sender.authorization(endpoint)
      const headers = [
        undefined,
        'vapid',
        good.replace(/k=.*/, 'k=AAAA'),
        await sender.authorization(endpoint, { exp: now / 1000 - 1 }),
        await sender.authorization(endpoint, {}, stranger),
      ]
      for (const [index, authorization] of headers.entries()) {
        const [status, says] = words[index] as Words
        const answer = await push(subscription, { authorization })
        expect(answer.status).toBe(status)
        if (typeof says === 'string') expect(answer.text).toBe(says)
        else expect(answer.text).toMatch(says)
      }
      expect((await push(subscription)).status).toBe(201)
    },
  )

  test('with https://localhost as the contact are no good', async () => {
    const subscription = subscribe('apple')
    const authorization = await sender.authorization(subscription.endpoint, { sub: 'https://localhost' })
    expect((await push(subscription, { authorization })).text).toBe('{"reason":"BadJwtToken"}')
  })

  test('are not asked for by a subscription without a key', async () => {
    const subscription = simulator.webPush.createSubscription({ service: 'unifiedpush' })
    expect((await push(subscription, { authorization: undefined })).status).toBe(201)
    const unbound = simulator.webPush.createSubscription({})
    expect(unbound.endpoint).toContain('/wpush/v1/')
    expect((await push(unbound, { authorization: undefined })).status).toBe(201)
  })
})

describe('Apple', () => {
  test('gives each message an apns-id', async () => {
    const answer = await push(subscribe('apple'))
    expect([answer.status, answer.text]).toEqual([201, ''])
    expect(answer.headers['apns-id']).toMatch(/^[0-9A-F]{8}-[0-9A-F]{4}-4/)
  })

  test('notices a token that is renewed within an hour, and takes it', async () => {
    const subscription = subscribe('apple')
    const { endpoint } = subscription
    const first = await sender.authorization(endpoint)
    await push(subscription, { authorization: first })
    now += 3_600_000
    const second = await sender.authorization(endpoint)
    expect((await push(subscription, { authorization: second })).status).toBe(201)
    now += 60_000
    await push(subscription, { authorization: first })
    expect(simulator.webPush.earlyRenewals()).toEqual([])
    expect((await push(subscription)).status).toBe(201)
    expect(simulator.webPush.earlyRenewals()).toEqual([
      { publicKey: vapid.publicKey, atMs: now, afterMs: 60_000 },
    ])
  })

  test('is the only one to notice', async () => {
    const subscription = subscribe('google')
    await push(subscription)
    now += 1000
    await push(subscription)
    expect(simulator.webPush.earlyRenewals()).toEqual([])
  })
})

describe('Microsoft', () => {
  test('has an origin of its own, where h2 alone is turned away', async () => {
    expect(new URL(subscribe('windows').endpoint).origin).toBe(simulator.urls.windowsPush)
    const { hostname, port } = new URL(simulator.urls.windowsPush)
    const offer = (ALPNProtocols: string[]) =>
      new Promise<string | false | null>((resolve, reject) => {
        const socket = tlsConnect({ host: hostname, port: Number(port), ca: simulator.caPem, ALPNProtocols })
        socket.once('secureConnect', () => resolve(socket.alpnProtocol))
        socket.once('error', reject)
        socket.once('close', () => socket.destroy())
      })
    expect(await offer(['h2', 'http/1.1'])).toBe('http/1.1')
    await expect(offer(['h2'])).rejects.toThrow(/no.application.protocol/i)
  })

  test('tells in headers what became of a message', async () => {
    const accepted = await push(subscribe('windows'))
    expect(accepted.headers).toMatchObject({
      'x-wns-status': 'received',
      'x-wns-notificationstatus': 'received',
    })
    expect(accepted.headers['x-wns-msg-id']).toMatch(/^[0-9A-F]{16}$/)
    expect(accepted.headers['ms-cv']).toBeDefined()
    const subscription = subscribe('windows')
    simulator.webPush.dropSubscription(subscription.endpoint)
    const gone = await push(subscription)
    expect([gone.status, gone.text]).toEqual([410, ''])
    expect(gone.headers).toMatchObject({
      'x-wns-status': 'dropped',
      'x-wns-error-description': 'The channel expired.',
    })
  })

  test.each([
    ['0', undefined, 400],
    ['0', 'cache', 400],
    ['0', 'no-cache', 201],
    ['60', undefined, 201],
    ['60', 'cache', 201],
    ['60', 'no-cache', 400],
  ])('takes TTL %s with cache policy %s: %i', async (ttl, policy, status) => {
    const answer = await push(subscribe('windows'), { ttl, 'x-wns-cache-policy': policy })
    expect(answer.status).toBe(status)
    if (status === 400)
      expect(answer.headers['x-wns-error-description']).toBe('Ttl value conflicts with X-WNS-Cache-Policy.')
  })

  test('refuses a chunked body', async () => {
    const subscription = subscribe('windows')
    const chunked = await push(subscription, { 'transfer-encoding': 'chunked' })
    expect([chunked.status, chunked.headers['x-wns-status']]).toEqual([400, 'dropped'])
    expect((await push(subscribe('autopush'), { 'transfer-encoding': 'chunked' })).status).toBe(201)
  })

  test('knows no channel by a decoded name', async () => {
    const { endpoint } = subscribe('windows')
    expect(decodeURIComponent(endpoint)).not.toBe(endpoint)
    const headers = { ttl: '60', authorization: await sender.authorization(endpoint) }
    expect((await sender.post(endpoint, headers)).status).toBe(201)
    expect((await sender.post(decodeURIComponent(endpoint), headers)).status).toBe(404)
  })

  test('throttles with 406 and says so', async () => {
    simulator.webPush.faults.answerNext({ fault: 'too_many', retryAfter: 'Sun, 01 Nov 2026 12:05:00 GMT' })
    const answer = await push(subscribe('windows'))
    expect(answer.status).toBe(406)
    expect(answer.headers).toMatchObject({
      'retry-after': 'Sun, 01 Nov 2026 12:05:00 GMT',
      'x-wns-status': 'channelthrottled',
    })
  })
})

describe('a browser that is offline', () => {
  test.each<PushService>(['google', 'windows', 'apple', 'unifiedpush', 'autopush'])(
    'finds at %s the newest of each topic, nothing that was now or never',
    async service => {
      const subscription = subscribe(service)
      const { endpoint } = subscription
      simulator.setOnline(endpoint, false)
      const received: unknown[] = []
      simulator.listen(endpoint, ({ payload }) => received.push(payload?.n))
      const sends: [number, Headers][] = [
        [1, { topic: 'news' }],
        [2, {}],
        [3, { topic: 'news' }],
        [4, { ttl: '0', 'x-wns-cache-policy': 'no-cache' }],
        [5, { topic: 'other', ttl: '10' }],
      ]
      for (const [n, headers] of sends) {
        const answer = await push(
          subscription,
          headers,
          seal(Buffer.from(JSON.stringify({ n })), subscription),
        )
        expect([answer.status, answer.headers.ttl]).toEqual([201, headers.ttl ?? '60'])
      }
      now += 10_000
      simulator.setOnline(endpoint, true)
      expect(received).toEqual([2, 3])
    },
  )

  test('is kept a message for thirty days at most, and the sender is told', async () => {
    const subscription = subscribe('google')
    simulator.setOnline(subscription.endpoint, false)
    expect((await push(subscription, { ttl: '2592001' })).headers.ttl).toBe('2592000')
    now += 2_592_000_000 - 1
    expect(simulator.held(subscription.endpoint)).toHaveLength(1)
    now += 1
    expect(simulator.held(subscription.endpoint)).toEqual([])
  })
})

describe('faults', () => {
  test.each<[PushService, WebPushFault, number, string]>([
    ['autopush', 'crypto_missing', 400, '"errno":101'],
    ['autopush', 'router_type', 400, '"errno":108'],
    ['autopush', 'ttl_negative_112', 400, '"errno":112'],
    ['autopush', 'user_expired', 410, '"errno":103'],
    ['autopush', 'user_deleted', 410, '"errno":105'],
    ['autopush', 'retry_now', 503, '"errno":202'],
    ['autopush', 'bridge_misconfigured', 502, '"errno":900'],
    ['autopush', 'bridge_authentication', 502, '"errno":901'],
    ['autopush', 'bridge_connection', 502, '"errno":902'],
    ['autopush', 'bridge_timeout', 502, '"errno":903'],
    ['autopush', 'internal', 500, '"errno":999'],
    ['google', 'too_many', 429, 'Too Many Requests'],
    ['apple', 'key_mismatch_403', 403, '{"reason":"VapidPkHashMismatch"}'],
    ['apple', 'idle_timeout', 400, '{"reason":"IdleTimeout"}'],
    ['apple', 'shutdown', 503, '{"reason":"Shutdown"}'],
    ['apple', 'too_many', 429, '{"reason":"TooManyRequests"}'],
    ['windows', 'not_allowed', 403, ''],
    ['windows', 'domain_blocked', 410, ''],
    ['windows', 'too_many_429', 429, ''],
    ['unifiedpush', 'too_many', 429, ''],
    ['unifiedpush', 'shutdown', 503, ''],
    ['google', 'bridge_timeout', 500, 'Internal Server Error'],
  ])('of %s: %s', async (service, fault, status, says) => {
    simulator.webPush.faults.answerNext({ fault })
    const answer = await push(subscribe(service))
    expect(answer.status).toBe(status)
    expect(answer.text).toContain(says)
    if (says === '') expect(answer.text).toBe('')
  })

  test('of autopush come with its headers', async () => {
    simulator.webPush.faults.answerNext({ fault: 'gone' })
    expect((await push(subscribe('autopush'))).headers['cache-control']).toBe('max-age=86400')
    simulator.webPush.faults.answerNext({ fault: 'overloaded' })
    expect((await push(subscribe('autopush'))).headers['retry-after']).toBe('120')
    simulator.webPush.faults.answerNext({ fault: 'overloaded', retryAfter: '7' })
    expect((await push(subscribe('autopush'))).headers['retry-after']).toBe('7')
  })

  test('have exactly the body that Google was seen to send to who asks for a subscription that has ended', async () => {
    const subscription = subscribe('google')
    simulator.webPush.dropSubscription(subscription.endpoint)
    const answer = await push(subscription)
    expect(answer.headers).toMatchObject({
      'content-length': '47',
      'content-type': 'text/plain; charset=utf-8',
    })
  })

  test('of a method that is not POST are 405', async () => {
    const { endpoint } = subscribe('apple')
    const authorization = await sender.authorization(endpoint)
    const answer = await sender.post(endpoint, { ttl: '60', authorization }, undefined, 'PUT')
    expect([answer.status, answer.text]).toEqual([405, '{"reason":"MethodNotAllowed"}'])
  })

  test('can be a connection that ends, over HTTP/1.1 too', async () => {
    simulator.webPush.faults.answerNext({ drop: 'reset_connection' })
    await expect(push(subscribe('windows'))).rejects.toThrow()
    expect((await push(subscribe('windows'))).status).toBe(201)
  })
})

test('connections to both origins are counted once each', async () => {
  const count = simulator.counts().webPush.connections
  await push(subscribe('windows'))
  await push(subscribe('google'))
  expect(simulator.counts().webPush.connections).toBe(count + 2)
})
