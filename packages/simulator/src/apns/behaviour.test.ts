/**
 * What of Apple's behaviour goes beyond one request: kinds of tokens, storage, limits, fuzzy deaths, streams, GOAWAY.
 */
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  ApnsSender,
  BUNDLE_ID,
  goAwayOf,
  NGHTTP2_NO_ERROR,
  reasonOf,
  streamsAllowed,
} from '../../test/apns-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { TokenKind } from './push-types.ts'
import { APNS_CHANNEL_REASONS, APNS_REASONS, isApnsReason } from './refusals.ts'

const MINUTE_MS = 60_000
let now = 0
let simulator: Simulator
let sender: ApnsSender
let authorized: { authorization: string }
let token: string
let received: string[] = []

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  received = []
  simulator = await startSimulator({ clock: () => now, random: () => 0.5 })
  sender = new ApnsSender(simulator, () => now)
  authorized = await sender.bearer(simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }))
  token = 'not issued yet'
})

afterEach(async () => {
  sender.close()
  await simulator.close()
})

function issue(kind: TokenKind = 'alert'): string {
  // With randomness that is always the same, lengths tell tokens apart.
  token = simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind })
  return token
}

const TYPES: readonly (readonly [
  type: string,
  kind: TokenKind,
  suffix: string,
  allowed: readonly number[],
  bytes: number,
])[] = [
  ['alert', 'alert', '', [10, 5, 1], 4096],
  ['background', 'alert', '', [5], 4096],
  ['voip', 'voip', '.voip', [10], 5120],
  ['complication', 'complication', '.complication', [10, 5, 1], 4096],
  ['fileprovider', 'fileprovider', '.pushkit.fileprovider', [10, 5, 1], 4096],
  ['location', 'location', '.location-query', [10, 5, 1], 4096],
  ['liveactivity', 'liveactivity', '.push-type.liveactivity', [10, 5], 4096],
  ['liveactivity', 'pushtostart', '.push-type.liveactivity', [10, 5], 4096],
  ['pushtotalk', 'pushtotalk', '.voip-ptt', [10], 4096],
  ['widgets', 'widgets', '.push-type.widgets', [10, 5, 1], 4096],
  ['controls', 'controls', '.push-type.controls', [10, 5, 1], 4096],
]

describe('push types', () => {
  test.each(TYPES)(
    '%s to a token for %s: its topic, its priorities, its size',
    async (type, kind, suffix, allowed, bytes) => {
      issue(kind)
      const session = sender.open()
      const push = (headers: Record<string, string | undefined>, size = 50) =>
        sender
          .push(session, {
            token,
            headers: { ...authorized, 'apns-push-type': type, 'apns-topic': BUNDLE_ID + suffix, ...headers },
            body: `{"x":"${'y'.repeat(size - 8)}"}`,
          })
          .then(reasonOf)
      const reasons = []
      for (const priority of ['10', '5', '1', '0']) reasons.push(await push({ 'apns-priority': priority }))
      expect(reasons).toEqual(
        [10, 5, 1, 0].map(priority => (allowed.includes(priority) ? '' : 'BadPriority')),
      )
      const good = { 'apns-priority': String(allowed[0]) }
      expect(await push(good, bytes)).toBe('')
      expect(await push(good, bytes + 1)).toBe('PayloadTooLarge')
      if (suffix !== '') expect(await push({ ...good, 'apns-topic': BUNDLE_ID })).toBe('BadTopic')
    },
  )

  test('without a type a push passes as an alert, at priority 10', async () => {
    issue()
    const headers = { ...authorized, 'apns-push-type': undefined }
    expect((await sender.push(sender.open(), { token, headers })).status).toBe(200)
    expect(simulator.pushes({ token })[0]?.headers['apns-topic']).toBe(BUNDLE_ID)
  })

  test("an alert to another type's topic is BadTopic, not a credential's fault", async () => {
    issue()
    const headers = { ...authorized, 'apns-topic': `${BUNDLE_ID}.voip` }
    expect(reasonOf(await sender.push(sender.open(), { token, headers }))).toBe('BadTopic')
  })

  test('a push of another kind than the token was made for is DeviceTokenNotForTopic', async () => {
    const session = sender.open()
    const asVoip = { ...authorized, 'apns-push-type': 'voip', 'apns-topic': `${BUNDLE_ID}.voip` }
    issue()
    expect(reasonOf(await sender.push(session, { token, headers: asVoip }))).toBe('DeviceTokenNotForTopic')
    issue('voip')
    expect(reasonOf(await sender.push(session, { token, headers: asVoip }))).toBe('')
    expect(reasonOf(await sender.push(session, { token, headers: authorized }))).toBe(
      'DeviceTokenNotForTopic',
    )
  })

  test('a repeated header is DuplicateHeaders', async () => {
    issue()
    // Node's client sends a list of values as headers of their own.
    const headers = { ...authorized, 'apns-collapse-id': ['one', 'two'] }
    expect(reasonOf(await sender.push(sender.open(), { token, headers }))).toBe('DuplicateHeaders')
  })
})

describe('a Live Activity', () => {
  const headers = () => ({
    ...authorized,
    'apns-push-type': 'liveactivity',
    'apns-topic': `${BUNDLE_ID}.push-type.liveactivity`,
  })

  test('takes its update token with it when it ends, by the app or by a push', async () => {
    const session = sender.open()
    issue('liveactivity')
    expect(token).toHaveLength(160)
    simulator.apns.endActivity(token)
    const answer = await sender.push(session, { token, headers: headers() })
    expect([answer.status, answer.body]).toEqual([410, `{"reason":"ExpiredToken","timestamp":${now}}`])
    simulator.apns.reviveToken(token)
    const events = ['update', 'end', 'update']
    const reasons: string[] = []
    for (const event of events) {
      const body = JSON.stringify({ aps: { event, timestamp: 1 } })
      reasons.push(reasonOf(await sender.push(session, { token, headers: headers(), body })))
    }
    expect(reasons).toEqual(['', '', 'ExpiredToken'])
  })

  test('leaves the push-to-start token alone', async () => {
    issue('pushtostart')
    const session = sender.open()
    const body = '{"aps":{"event":"end"}}'
    for (let i = 0; i < 2; i++)
      expect((await sender.push(session, { token, headers: headers(), body })).status).toBe(200)
  })
})

describe('storage', () => {
  const push = (id: string, headers: Record<string, string> = {}) =>
    sender.push(sender.open(), {
      token,
      headers: { ...authorized, 'apns-collapse-id': id, ...headers },
    })
  const expiresIn = (ms: number) => ({ 'apns-expiration': String(Math.floor((now + ms) / 1000)) })

  beforeEach(() => {
    issue()
    simulator.listen(token, ({ collapseKey = '' }) => received.push(collapseKey))
  })

  test('keeps the newest push for a device that is offline, whatever its collapse id', async () => {
    simulator.setOnline(token, false)
    for (const id of ['first', 'second', 'third']) expect((await push(id)).status).toBe(200)
    expect(simulator.held(token).map(it => it.collapseKey)).toEqual(['third'])
    simulator.setOnline(token, true)
    expect(received).toEqual(['third'])
    expect((await push('fourth')).status).toBe(200)
    expect(received).toEqual(['third', 'fourth'])
  })

  test('keeps nothing that expires at 0, nor what has expired when the device comes back', async () => {
    simulator.setOnline(token, false)
    await push('stored', expiresIn(2 * MINUTE_MS))
    await push('not stored', { 'apns-expiration': '0' })
    expect(simulator.held(token).map(it => it.collapseKey)).toEqual(['stored'])
    now += 2 * MINUTE_MS
    simulator.setOnline(token, true)
    expect(received).toEqual([])
  })

  test('keeps for thirty days at most', async () => {
    simulator.setOnline(token, false)
    await push('for ever')
    now += 30 * 24 * 60 * MINUTE_MS - 1
    expect(simulator.held(token)).toHaveLength(1)
    now += 1
    expect(simulator.held(token)).toEqual([])
  })

  test('delivers at once to a device that is online, also what may not be stored', async () => {
    await push('now', { 'apns-expiration': '0' })
    expect(received).toEqual(['now'])
  })
})

describe('fuzzy deaths', () => {
  const push = () => sender.push(sender.open(), { token, headers: authorized })

  beforeEach(() => {
    issue()
    // Half of the way between the two: randomness is 0.5 here.
    simulator.apns.configure({ fuzzyDeath: { minDelayMs: MINUTE_MS, maxDelayMs: 3 * MINUTE_MS } })
  })

  test('begin with the push that reaches the device, and end a while after it with that time', async () => {
    simulator.apns.killToken(token)
    now += 10 * MINUTE_MS
    const noticedAt = now
    expect((await push()).status).toBe(200)
    now += 2 * MINUTE_MS - 1
    expect((await push()).status).toBe(200)
    now += 1
    const answer = await push()
    expect([answer.status, answer.body]).toEqual([410, `{"reason":"Unregistered","timestamp":${noticedAt}}`])
    expect(simulator.pushes({ token })).toEqual([])
  })

  test('do not begin while the device is offline', async () => {
    simulator.apns.killToken(token)
    simulator.setOnline(token, false)
    expect((await push()).status).toBe(200)
    now += 30 * MINUTE_MS
    expect((await push()).status).toBe(200)
    simulator.setOnline(token, true)
    expect((await push()).status).toBe(200)
    now += 2 * MINUTE_MS
    expect((await push()).status).toBe(410)
  })

  test('are not for a death with a date of its own', async () => {
    simulator.apns.killToken(token, { acceptedUntil: new Date(now) })
    expect((await push()).status).toBe(410)
  })
})

describe('limits', () => {
  test('so many pushes to one device in a window, and no other device is touched', async () => {
    simulator.apns.configure({ deviceLimit: { pushes: 2, windowMs: MINUTE_MS } })
    const session = sender.open()
    const push = (to: string) => sender.push(session, { token: to, headers: authorized })
    const [busy, other] = [issue(), simulator.apns.issueToken({ bundleId: BUNDLE_ID, bytes: 40 })]
    const answers = [await push(busy), await push(busy), await push(busy), await push(other)]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 200])
    expect(answers.map(reasonOf)).toEqual(['', '', 'TooManyRequests', ''])
    now += MINUTE_MS
    expect((await push(busy)).status).toBe(200)
  })

  test('too many refusals end the connection; BadDeviceToken weighs more, 410 and 5xx nothing', async () => {
    simulator.apns.configure({ errorLimit: { errors: 5, badDeviceTokenWeight: 3 } })
    issue()
    const session = sender.open()
    const left = goAwayOf(session)
    const push = (to: string, headers = {}) =>
      sender.push(session, { token: to, headers: { ...authorized, ...headers } })
    simulator.apns.killToken(token)
    for (let i = 0; i < 6; i++) expect((await push(token)).status).toBe(410)
    simulator.apns.reviveToken(token)
    simulator.apns.faults.answerNext({ reason: 'InternalServerError' }, 6)
    for (let i = 0; i < 6; i++) expect((await push(token)).status).toBe(500)
    expect((await push(token, { 'apns-priority': '7' })).status).toBe(400)
    expect((await push('ab'.repeat(32))).status).toBe(400)
    expect(session.closed).toBe(false)
    expect((await push(token, { 'apns-priority': '7' })).status).toBe(400)
    // Streams of this client are 1, 3, 5, …: the fifteenth request was the last.
    expect(await left).toEqual({
      code: NGHTTP2_NO_ERROR,
      lastStreamId: 29,
      debug: '{"reason":"BadPriority"}',
    })
  })
})

describe('streams', () => {
  test('drop to one after a refusal and come back with the next push that is accepted', async () => {
    simulator.apns.configure({ streams: 50, dropsStreams: true })
    issue()
    const session = sender.open()
    const refused = { ...authorized, 'apns-priority': '7' }
    await sender.push(session, { token, headers: authorized })
    await streamsAllowed(session, 50)
    await sender.push(session, { token, headers: refused })
    await streamsAllowed(session, 1)
    await sender.push(session, { token, headers: authorized })
    await streamsAllowed(session, 50)
  })

  test('change on open connections when the settings do, and now and then of their own accord', async () => {
    issue()
    const session = sender.open()
    await sender.push(session, { token, headers: authorized })
    await streamsAllowed(session, 1000)
    simulator.apns.configure({ streams: 20 })
    await streamsAllowed(session, 20)
    simulator.apns.configure({ lowersStreams: { share: 1, min: 5 } })
    await sender.push(session, { token, headers: authorized })
    await streamsAllowed(session, 13)
  })
})

describe('connections', () => {
  test('can be told to go away below what is in flight, and what is above was not looked at', async () => {
    issue()
    const session = sender.open()
    await sender.push(session, { token, headers: authorized })
    await streamsAllowed(session, 1000)
    const counted = simulator.counts().apns
    simulator.apns.faults.goAwayAfter(5, { processed: 3, reason: 'Shutdown' })
    const left = goAwayOf(session)
    const burst = await Promise.allSettled(
      [2, 3, 4, 5].map(() => sender.push(session, { token, headers: authorized })),
    )
    expect(burst.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
    expect(await left).toEqual({ code: NGHTTP2_NO_ERROR, lastStreamId: 5, debug: '{"reason":"Shutdown"}' })
    expect(simulator.counts().apns).toMatchObject({
      requests: counted.requests + 2,
      accepted: counted.accepted + 2,
    })
  })

  test('can all be told to go away at once, with what is open answered', async () => {
    issue()
    simulator.apns.faults.holdAnswers()
    const session = sender.open()
    const answer = sender.push(session, { token, headers: authorized })
    await simulator.apns.faults.waitForHeld()
    const left = goAwayOf(session)
    simulator.apns.endConnections({ reason: 'IdleTimeout' })
    expect((await left).debug).toBe('{"reason":"IdleTimeout"}')
    simulator.apns.faults.releaseAnswers()
    expect((await answer).status).toBe(200)
  })

  test('lose one stream to RST_STREAM on demand and live on', async () => {
    issue()
    const session = sender.open()
    simulator.apns.faults.answerNext({ drop: 'reset_stream' })
    await expect(sender.push(session, { token, headers: authorized })).rejects.toMatchObject({
      message: expect.stringContaining('INTERNAL_ERROR'),
    })
    expect((await sender.push(session, { token, headers: authorized })).status).toBe(200)
  })
})

/** What the documentation says of Apple's answers. */
const { rows } = JSON.parse(
  readFileSync(new URL('../../../../docs/gateway-answers/apns.json', import.meta.url), 'utf8'),
) as { rows: { status: number; reason: string }[] }
const documented = rows.filter(({ reason }) => reason !== 'SomethingNew')

describe('faults', () => {
  test('name every reason that the documentation names', () => {
    const named = new Set(rows.map(({ reason }) => reason))
    const channels = APNS_CHANNEL_REASONS as readonly string[]
    const missing = Object.keys(APNS_REASONS).filter(
      reason => !named.has(reason) && !channels.includes(reason),
    )
    expect(missing).toEqual([])
    expect(documented.filter(({ reason }) => !isApnsReason(reason))).toEqual([])
    expect(documented.length).toBeGreaterThan(30)
  })

  test.each(documented)('$reason is answered on demand with status $status', async ({ reason, status }) => {
    issue()
    simulator.apns.faults.answerNext({ reason })
    const answer = await sender.push(sender.open(), { token, headers: authorized })
    expect([answer.status, answer.body]).toEqual([status, JSON.stringify({ reason })])
    expect(simulator.counts().apns).toMatchObject({ accepted: 0, refused: { [reason]: 1 } })
  })

  test('hit a share of all requests until they are cleared', async () => {
    issue()
    const session = sender.open()
    const status = async () => (await sender.push(session, { token, headers: authorized })).status
    // Randomness is 0.5 here.
    simulator.apns.faults.answerSome({ reason: 'ServiceUnavailable' }, 0.51)
    expect(await status()).toBe(503)
    simulator.apns.faults.answerSome({ reason: 'ServiceUnavailable' }, 0.5)
    expect(await status()).toBe(200)
    simulator.apns.faults.answerEverything({ reason: 'ServiceUnavailable' })
    expect(await status()).toBe(503)
    simulator.apns.faults.clear()
    expect(await status()).toBe(200)
  })
})
