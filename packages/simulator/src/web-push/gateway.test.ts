/**
 * The Web Push stand-in as a sender meets it: bodies encrypted and identifications signed here, from the RFCs.
 */
import {
  createCipheriv,
  createECDH,
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { type JWTPayload, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../simulator.ts'
import { decryptBody } from './decrypt.ts'
import type { WebPushSubscription } from './gateway.ts'
import type { PushService } from './refusals.ts'

let now = 0
let simulator: Simulator
const vapid = createVapidKey()

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
})

afterEach(() => simulator.close())

interface VapidKey {
  readonly publicKey: string
  readonly privatePem: string
}

function createVapidKey(): VapidKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  return {
    publicKey: point.toString('base64url'),
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

async function authorization(claims: JWTPayload = {}, key: VapidKey = vapid, shown = key): Promise<string> {
  const exp = Math.floor(now / 1000) + 12 * 3600
  const jwt = await new SignJWT({
    aud: simulator.urls.webPush,
    exp,
    sub: 'mailto:ops@example.com',
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
    .sign(createPrivateKey(key.privatePem))
  return `vapid t=${jwt}, k=${shown.publicKey}`
}

function hmac(key: Buffer, ...data: Buffer[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of data) mac.update(part)
  return mac.digest()
}

/** RFC 8291 section 3.4, step by step. */
function encrypt(plaintext: Buffer, subscription: WebPushSubscription, delimiter = 2): Buffer {
  const receiverKey = Buffer.from(subscription.p256dh, 'base64')
  const sender = createECDH('prime256v1')
  const senderKey = sender.generateKeys()
  const salt = randomBytes(16)
  const one = Buffer.of(1)
  const keyed = hmac(Buffer.from(subscription.auth, 'base64'), sender.computeSecret(receiverKey))
  const inputKey = hmac(keyed, Buffer.from('WebPush: info\0'), receiverKey, senderKey, one)
  const root = hmac(salt, inputKey)
  const contentKey = hmac(root, Buffer.from('Content-Encoding: aes128gcm\0'), one).subarray(0, 16)
  const nonce = hmac(root, Buffer.from('Content-Encoding: nonce\0'), one).subarray(0, 12)
  const cipher = createCipheriv('aes-128-gcm', contentKey, nonce)
  const record = Buffer.concat([plaintext, Buffer.of(delimiter), Buffer.alloc(7)])
  const sealed = Buffer.concat([cipher.update(record), cipher.final(), cipher.getAuthTag()])
  return Buffer.concat([salt, Buffer.of(0, 0, 16, 0, 65), senderKey, sealed])
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

function post(
  url: string,
  headers: Readonly<Record<string, string | undefined>>,
  body: Buffer = Buffer.alloc(0),
): Promise<Answer> {
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      url,
      { method: 'POST', ca: simulator.caPem, headers: given as Record<string, string> },
      response => {
        let text = ''
        response.on('data', chunk => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

function subscribe(service: PushService = 'autopush'): WebPushSubscription {
  return simulator.webPush.createSubscription({ applicationServerKey: vapid.publicKey, service })
}

async function push(
  subscription: WebPushSubscription,
  headers: Readonly<Record<string, string | undefined>> = {},
  body: Buffer = encrypt(Buffer.from('{"header":"Hello","body":"World","p":"hash-1"}'), subscription),
): Promise<Answer> {
  const common = { ttl: '60', 'content-encoding': 'aes128gcm', authorization: await authorization() }
  return post(subscription.endpoint, { ...common, ...headers }, body)
}

test('an encrypted push is decrypted with the private key, accepted with 201 and counted by its hash', async () => {
  const subscription = subscribe()
  const answer = await push(subscription, { topic: 'news', urgency: 'high' })
  expect(answer).toMatchObject({ status: 201, text: '', headers: { ttl: '60' } })
  expect(answer.headers.location).toMatch(`${simulator.urls.webPush}/m/`)
  const { endpoint } = subscription
  expect(simulator.pushes({ token: endpoint })).toMatchObject([
    { payload: { header: 'Hello', body: 'World', p: 'hash-1' }, collapseKey: 'news', ttlSeconds: 60 },
  ])
  expect(simulator.acceptedFor('hash-1')).toEqual({ acceptances: 1, tokens: new Set([endpoint]) })
})

test('the vector of RFC 8291 appendix A decrypts', () => {
  const body = Buffer.from(
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_' +
      'yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
    'base64url',
  )
  const keys = {
    privateKey: Buffer.from('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'base64url'),
    publicKey: Buffer.from(
      'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      'base64url',
    ),
    auth: Buffer.from('BTBZMqHH6r4Tts7J_aSIgg', 'base64url'),
  }
  expect(decryptBody(body, keys)?.toString()).toBe('When I grow up, I want to be a watermelon')
})

test('the keys of a subscription are padded standard base64 of 65 and 16 bytes', () => {
  const { p256dh, auth } = subscribe()
  expect([p256dh.length, auth.length]).toEqual([88, 24])
  expect([Buffer.from(p256dh, 'base64').length, Buffer.from(auth, 'base64').length]).toEqual([65, 16])
})

test('a push without data needs no encryption, and a long ttl is shortened to thirty days', async () => {
  const answer = await push(subscribe(), { 'content-encoding': undefined, ttl: '9999999' }, Buffer.alloc(0))
  expect([answer.status, answer.headers.ttl]).toEqual([201, '2592000'])
})

describe('identification', () => {
  const stranger = createVapidKey()
  const start = Math.floor(Date.parse('2026-11-01T12:00:00Z') / 1000)

  test.each<[string, JWTPayload]>([
    ['another audience', { aud: 'https://example.com' }],
    ['a life of more than a day', { exp: start + 24 * 3600 + 1 }],
    ['an expiry in the past', { exp: start - 1 }],
    ['no contact', { sub: '' }],
  ])('with %s is refused as 401/109', async (_what, claims) => {
    const answer = await push(subscribe(), { authorization: await authorization(claims) })
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.text)).toMatchObject({ code: 401, errno: 109, error: 'Unauthorized' })
  })

  test('that is absent, or signed by another key than it shows, is refused', async () => {
    const forged = await authorization({}, stranger, vapid)
    for (const value of [undefined, 'vapid', forged]) {
      expect((await push(subscribe(), { authorization: value })).status).toBe(401)
    }
    expect(simulator.counts().webPush.refused).toEqual({ unauthorized: 3 })
  })

  test('by another key than the subscription was made with is a mismatch', async () => {
    const answer = await push(subscribe(), { authorization: await authorization({}, stranger) })
    expect(JSON.parse(answer.text)).toMatchObject({ errno: 109, message: 'VAPID public key mismatch' })
  })

  test('expires while it is remembered', async () => {
    const header = await authorization()
    const subscription = subscribe()
    expect((await push(subscription, { authorization: header })).status).toBe(201)
    now += 12 * 3_600_000
    expect((await push(subscription, { authorization: header })).status).toBe(401)
  })
})

describe('requests', () => {
  test.each<[string, Record<string, string | undefined>, number, number | null]>([
    ['no ttl', { ttl: undefined }, 400, 111],
    ['a ttl that is no number', { ttl: 'soon' }, 400, 111],
    ['a negative ttl', { ttl: '-1' }, 400, 114],
    ['a topic of 33 characters', { topic: 'x'.repeat(33) }, 400, 113],
    ['an unknown urgency', { urgency: 'extreme' }, 400, null],
    ['no content encoding', { 'content-encoding': undefined }, 400, 110],
    ['a header of the old draft', { 'crypto-key': 'dh=abc' }, 400, 110],
  ])('with %s are refused', async (_what, headers, status, errno) => {
    const answer = await push(subscribe(), headers)
    expect([answer.status, JSON.parse(answer.text).errno]).toEqual([status, errno])
  })

  test('with a body for somebody else, or announcing a second record, are refused', async () => {
    const subscription = subscribe()
    const misdirected = encrypt(Buffer.from('{}'), subscribe())
    const unfinished = encrypt(Buffer.from('{}'), subscription, 1)
    for (const body of [misdirected, unfinished])
      expect((await push(subscription, {}, body)).status).toBe(400)
    expect(simulator.counts().webPush.refused).toEqual({ undecryptable: 2 })
  })
})

describe('the four services', () => {
  test.each<[PushService, string | RegExp]>([
    ['autopush', /"errno":106/],
    ['google', 'push subscription has unsubscribed or expired.\n'],
    ['windows', ''],
    ['apple', '{"reason":"Unregistered"}'],
  ])('%s answers 410 in its own words for a dropped subscription', async (service, words) => {
    const subscription = subscribe(service)
    expect((await push(subscription)).status).toBe(201)
    simulator.webPush.dropSubscription(subscription.endpoint)
    const answer = await push(subscription)
    expect(answer.status).toBe(410)
    expect(answer.text).toMatch(words)
  })

  test('answer 404 for an endpoint that never was', async () => {
    const headers = { ttl: '0', authorization: await authorization() }
    expect((await post(`${simulator.urls.webPush}/wpush/v2/nothing`, headers)).status).toBe(404)
  })

  test('answer faults on demand, each in its words', async () => {
    simulator.webPush.faults.answerNext({ fault: 'too_many', retryAfter: '7' })
    const throttled = await push(subscribe('windows'))
    expect([throttled.status, throttled.headers['retry-after']]).toEqual([406, '7'])
  })
})
