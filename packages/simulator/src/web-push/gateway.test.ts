/**
 * The Web Push stand-in as a sender meets it: bodies encrypted and identifications signed here, from the RFCs.
 */
import type { JWTPayload } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createVapidKey, PushSender, seal } from '../../test/push-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import { decryptBody } from './decrypt.ts'
import type { WebPushSubscription } from './gateway.ts'
import type { PushService } from './refusals.ts'

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

function authorize(
  ...rest: Parameters<PushSender['authorization']> extends [string, ...infer Rest] ? Rest : never
): Promise<string> {
  return sender.authorization(simulator.urls.webPush, ...rest)
}

function subscribe(service: PushService = 'autopush'): WebPushSubscription {
  return simulator.webPush.createSubscription({ applicationServerKey: vapid.publicKey, service })
}

test('an encrypted push is decrypted with the private key, accepted with 201 and counted by its hash', async () => {
  const subscription = subscribe()
  const answer = await sender.push(subscription, { topic: 'news', urgency: 'high' })
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
  const answer = await sender.push(
    subscribe(),
    { 'content-encoding': undefined, ttl: '9999999' },
    Buffer.alloc(0),
  )
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
    const answer = await sender.push(subscribe(), { authorization: await authorize(claims) })
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.text)).toMatchObject({ code: 401, errno: 109, error: 'Unauthorized' })
  })

  test('that is absent, or signed by another key than it shows, is refused', async () => {
    const forged = await authorize({}, stranger, vapid)
    for (const value of [undefined, 'vapid', forged]) {
      expect((await sender.push(subscribe(), { authorization: value })).status).toBe(401)
    }
    expect(simulator.counts().webPush.refused).toEqual({
      authorization_missing: 1,
      bad_authorization: 1,
      unauthorized: 1,
    })
  })

  test('by another key than the subscription was made with is a mismatch', async () => {
    const answer = await sender.push(subscribe(), { authorization: await authorize({}, stranger) })
    expect(JSON.parse(answer.text)).toMatchObject({ errno: 109, message: 'VAPID public key mismatch' })
  })

  test('that is good for one origin is refused at another, whichever saw it first', async () => {
    const ours = { applicationServerKey: vapid.publicKey }
    const [here, there] = [
      simulator.webPush.createSubscription(ours),
      simulator.webPush.createSubscription({ ...ours, service: 'windows' }),
    ]
    const forHere = { authorization: await sender.authorization(here.endpoint) }
    expect((await sender.push(here, forHere)).status).toBe(201)
    expect((await sender.push(there, forHere)).status).toBe(401)
    const forThere = { authorization: await sender.authorization(there.endpoint) }
    expect((await sender.push(here, forThere)).status).toBe(401)
    expect((await sender.push(there, forThere)).status).toBe(201)
  })

  test('that a clock running ahead refused is taken once the clock is right', async () => {
    const header = { authorization: await authorize() }
    const subscription = subscribe()
    simulator.setClockOffset(13 * 3_600_000)
    expect((await sender.push(subscription, header)).status).toBe(401)
    simulator.setClockOffset(0)
    expect((await sender.push(subscription, header)).status).toBe(201)
  })

  test('expires while it is remembered', async () => {
    const header = await authorize()
    const subscription = subscribe()
    expect((await sender.push(subscription, { authorization: header })).status).toBe(201)
    now += 12 * 3_600_000
    expect((await sender.push(subscription, { authorization: header })).status).toBe(401)
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
    const answer = await sender.push(subscribe(), headers)
    expect([answer.status, JSON.parse(answer.text).errno]).toEqual([status, errno])
  })

  test('with a body for somebody else, or announcing a second record, are refused', async () => {
    const subscription = subscribe()
    const misdirected = seal(Buffer.from('{}'), subscribe())
    const unfinished = seal(Buffer.from('{}'), subscription, { delimiter: 1 })
    for (const body of [misdirected, unfinished])
      expect((await sender.push(subscription, {}, body)).status).toBe(400)
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
    expect((await sender.push(subscription)).status).toBe(201)
    simulator.webPush.dropSubscription(subscription.endpoint)
    const answer = await sender.push(subscription)
    expect(answer.status).toBe(410)
    expect(answer.text).toMatch(words)
  })

  test('answer 404 for an endpoint that never was', async () => {
    const headers = { ttl: '0', authorization: await authorize() }
    expect((await sender.post(`${simulator.urls.webPush}/wpush/v2/nothing`, headers)).status).toBe(404)
  })

  test('answer faults on demand, each in its words', async () => {
    simulator.webPush.faults.answerNext({ fault: 'too_many', retryAfter: '7' })
    const throttled = await sender.push(subscribe('windows'))
    expect([throttled.status, throttled.headers['retry-after']]).toEqual([406, '7'])
  })
})
