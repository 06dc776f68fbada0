import { describe, expect, test } from 'vitest'
import { attemptTo, clockAt, peerAndTransport } from '../../test/fixtures.ts'
import type { PeerRequest } from '../../test/peer.ts'
import type { AttemptOutcome } from '../outcome.ts'
import { createHmsClient, type HmsAddress } from './client.ts'

const MINUTE = 60_000
const credential = { appId: '104000001', clientId: '104000001', clientSecret: 's3cr3t' }

type Handle = (request: PeerRequest) => void

const isExchange = (request: PeerRequest): boolean => request.path === '/oauth2/v3/token'

async function hms(handle: Handle, exchange?: Handle) {
  const clock = clockAt('2026-11-02T10:00:00Z')
  let exchanges = 0
  const giveToken: Handle = request => {
    exchanges += 1
    // Huawei escapes the slashes of its tokens.
    const text = `{"access_token":"a\\/token-${exchanges}","expires_in":3600,"token_type":"Bearer"}`
    request.answer(200, {}, text)
  }
  const { peer, transport } = await peerAndTransport(request =>
    isExchange(request) ? (exchange ?? giveToken)(request) : handle(request),
  )
  const client = createHmsClient({
    credential,
    baseUrl: peer.origin,
    tokenUrl: `${peer.origin}/oauth2/v3/token`,
    transport,
    clock,
  })
  return {
    client,
    clock,
    sends: () => peer.requests.filter(request => !isExchange(request)),
    exchanges: () => peer.requests.filter(isExchange),
    sendTo: (tokens: readonly string[]): Promise<AttemptOutcome[]> =>
      Promise.all(tokens.map(token => client.send(attemptTo<HmsAddress>({ token })))),
  }
}

const answer = (status: number, code: string | number, msg: unknown = 'words', headers = {}): Handle => {
  return request => request.answer(status, headers, { code, msg, requestId: `r${request.index}` })
}
const accept = answer(200, '80000000', 'Success')
const partial = (illegalTokens: unknown): Handle =>
  answer(200, '80100000', JSON.stringify({ success: 1, failure: 1, illegal_tokens: illegalTokens }))

interface Body {
  readonly validate_only: boolean
  readonly message: { data?: string; android: Record<string, unknown>; token: string[] }
}
const bodyOf = (request: PeerRequest | undefined): Body => JSON.parse(String(request?.body)) as Body
const tokensOf = (request: PeerRequest | undefined): string[] => bodyOf(request).message.token
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `token-${i}`)
const kinds = (outcomes: readonly AttemptOutcome[]): string[] => outcomes.map(outcome => outcome.kind)

describe('what is sent', () => {
  test('a data message for the app’s own library, as on any Android device', async () => {
    const { client, sends } = await hms(accept)
    const outcome = await client.send(
      attemptTo(
        { token: 'huawei-token' },
        { url: 'https://example.com/', data: { a: 1 }, collapseKey: 'score', ttlSeconds: 60 },
      ),
    )
    expect(outcome).toEqual({ kind: 'accepted', gatewayMessageId: 'r1' })
    expect(sends()[0]?.path).toBe('/v1/104000001/messages:send')
    expect(sends()[0]?.headers).toMatchObject({
      authorization: 'Bearer a/token-1',
      'content-type': 'application/json',
    })
    const { validate_only: validateOnly, message } = bodyOf(sends()[0])
    expect(validateOnly).toBe(false)
    expect(JSON.parse(message.data ?? '')).toEqual({
      pw_msg: '1',
      title: 'There you are',
      header: 'Hello',
      p: 'h4sh',
      l: 'https://example.com/',
      u: '{"a":1}',
      pw_msg_tag: 'score',
    })
    expect(message.android).toEqual({ urgency: 'HIGH', ttl: '60s' })
    expect(message.token).toEqual(['huawei-token'])
  })

  test.each([
    [0, '1s'],
    [3_000_000, '1296000s'],
  ])('a time to live of %i s becomes %s', async (ttlSeconds, ttl) => {
    const { client, sends } = await hms(accept)
    await client.send(attemptTo({ token: 'a' }, { ttlSeconds, priority: 'normal' }))
    expect(bodyOf(sends()[0]).message.android).toEqual({ urgency: 'NORMAL', ttl })
  })

  test('what is given in Huawei’s own words goes over the common part', async () => {
    const { client, sends } = await hms(accept)
    const android = { collapse_key: 7, urgency: 'NORMAL', category: 'IM', bi_tag: 'x' }
    await client.send(attemptTo({ token: 'a' }, { hms: { android } }))
    expect(bodyOf(sends()[0]).message.android).toEqual({ ...android, ttl: '3600s' })
  })

  test('a notification for the system has the common texts and opens the app or the address', async () => {
    const { client, sends } = await hms(accept)
    const shown = { android: { notification: { body: 'Mine', channel_id: 'news' } } }
    await client.send(attemptTo({ token: 'a' }, { hms: shown }))
    await client.send(attemptTo({ token: 'a' }, { hms: shown, url: 'https://example.com/' }))
    await client.send(
      attemptTo(
        { token: 'a' },
        { hms: { android: { notification: { click_action: { type: 1, intent: 'i' } } } } },
      ),
    )
    const [first, second, third] = sends().map(it => bodyOf(it).message)
    expect(first).toEqual({
      android: {
        urgency: 'HIGH',
        ttl: '3600s',
        notification: { title: 'Hello', body: 'Mine', channel_id: 'news', click_action: { type: 3 } },
      },
      token: ['a'],
    })
    expect(second?.android.notification).toMatchObject({
      click_action: { type: 2, url: 'https://example.com/' },
    })
    expect(third?.android.notification).toMatchObject({ click_action: { type: 1, intent: 'i' } })
  })

  test.each([
    ['a collapse key over 100', { collapse_key: 101 }, 'a number from -1 to 100'],
    ['a collapse key that is a text', { collapse_key: 'score' }, 'a number from -1 to 100'],
    ['another urgency', { urgency: 'high' }, 'HIGH and NORMAL'],
    ['a ttl over 15 days', { ttl: '1296001s' }, '15 days'],
    ['a ttl of 0', { ttl: '0s' }, '"1s" to'],
    ['a notification that is no object', { notification: 'x' }, 'no object'],
  ])('%s is a message fault, and nothing is sent', async (_name, android, reason) => {
    const { client, sends } = await hms(accept)
    expect(await client.send(attemptTo({ token: 'a' }, { hms: { android } }))).toEqual({
      kind: 'message_fault',
      reason: expect.stringContaining(reason),
    })
    expect(sends()).toHaveLength(0)
  })

  test('a body of 4096 bytes without its tokens is sent; one more is a message fault that names the biggest part', async () => {
    const { client, sends } = await hms(accept)
    await client.send(attemptTo({ token: 'a' }, { body: '' }))
    const empty = Buffer.byteLength(String(sends()[0]?.body)) - ',"token":["a"]'.length
    const body = 'x'.repeat(4096 - empty)
    expect(await client.send(attemptTo({ token: 'a'.repeat(130) }, { body }))).toMatchObject({
      kind: 'accepted',
    })
    expect(await client.send(attemptTo({ token: 'a' }, { body: `${body}x` }))).toMatchObject({
      kind: 'message_fault',
      reason: expect.stringMatching(/4097 bytes, 4096 allowed; biggest: title \d+/),
    })
  })

  test('validateOnly asks Huawei to check and deliver nothing, in a request of its own', async () => {
    const { client, sends } = await hms(accept)
    await Promise.all([
      client.send({ ...attemptTo({ token: 'a' }), validateOnly: true }),
      client.send(attemptTo({ token: 'b' })),
    ])
    expect(sends().map(it => [bodyOf(it).validate_only, tokensOf(it)])).toEqual([
      [true, ['a']],
      [false, ['b']],
    ])
  })
})

describe('gathering', () => {
  test('sends of one message that are asked for together go in one request, and each is settled', async () => {
    const { sendTo, sends } = await hms(accept)
    const outcomes = await sendTo(numbered(250))
    expect(outcomes).toEqual(numbered(250).map(() => ({ kind: 'accepted', gatewayMessageId: 'r1' })))
    expect(sends().map(tokensOf)).toEqual([numbered(250)])
  })

  test('a request has a thousand tokens at most', async () => {
    const { sendTo, sends } = await hms(accept)
    await sendTo(numbered(2001))
    expect(sends().map(it => tokensOf(it).length)).toEqual([1000, 1000, 1])
  })

  test('different messages go in different requests', async () => {
    const { client, sends } = await hms(accept)
    await Promise.all([
      client.send(attemptTo({ token: 'a' }, { title: 'One' })),
      client.send(attemptTo({ token: 'b' }, { title: 'Two' })),
      client.send(attemptTo({ token: 'c' }, { title: 'One' })),
    ])
    expect(sends().map(tokensOf)).toEqual([['a', 'c'], ['b']])
  })

  test('a token is never in one request twice', async () => {
    const { sendTo, sends } = await hms(accept)
    expect(kinds(await sendTo(['a', 'b', 'a', 'c', 'a']))).toEqual(Array(5).fill('accepted'))
    expect(sends().map(tokensOf)).toEqual([['a', 'b'], ['a', 'c'], ['a']])
  })

  test('what is not wanted any more while it waits is not sent, and holds up nothing else', async () => {
    const { client, sends } = await hms(accept)
    const campaign = { isWanted: true }
    const stopped = ['a', 'b'].map(token =>
      client.send({ ...attemptTo<HmsAddress>({ token }, { title: 'Stopped' }), wish: campaign }),
    )
    const kept = client.send(attemptTo<HmsAddress>({ token: 'a' }, { title: 'Kept' }))
    campaign.isWanted = false
    for (const outcome of await Promise.all(stopped))
      expect(outcome).toEqual({ kind: 'not_sent', reason: 'it was not wanted any more' })
    expect((await kept).kind).toBe('accepted')
    expect(sends()).toHaveLength(1)
  })

  test('what is asked for later goes later', async () => {
    const { sendTo, sends } = await hms(accept)
    await sendTo(['a'])
    await sendTo(['b'])
    expect(sends().map(tokensOf)).toEqual([['a'], ['b']])
  })
})

describe('some tokens are not valid', () => {
  test('exactly the listed ones are dead, the others accepted', async () => {
    const { sendTo } = await hms(partial(['token-1', 'token-3', 'of another request']))
    expect(kinds(await sendTo(numbered(5)))).toEqual([
      'accepted',
      'address_dead',
      'accepted',
      'address_dead',
      'accepted',
    ])
  })

  test.each<[string, unknown]>([
    ['plain words', 'Some tokens are illegal'],
    ['no list', '{"success":1,"failure":1}'],
    ['a list of something else', '{"illegal_tokens":[1]}'],
    ['an object in place of its text', { illegal_tokens: ['token-1'] }],
  ])('with %s nobody is dead, and nobody is sent to again', async (_name, msg) => {
    const { sendTo, sends } = await hms(answer(200, '80100000', msg))
    expect(kinds(await sendTo(numbered(3)))).toEqual(['uncertain', 'uncertain', 'uncertain'])
    expect(sends()).toHaveLength(1)
  })

  test('a list of all of them says that none was taken, and ends none', async () => {
    const { sendTo } = await hms(partial(numbered(3)))
    expect(kinds(await sendTo(numbered(3)))).toEqual(Array(3).fill('address_mismatch'))
  })

  test.each(['80100000', '80300007', '80100001'])('no reason holds a token (%s)', async code => {
    const list = JSON.stringify({ success: 1, failure: 1, illegal_tokens: ['token-1'] })
    const { sendTo } = await hms(answer(200, code, list))
    expect(JSON.stringify(await sendTo(numbered(2)))).not.toContain('token-1')
  })
})

describe('all tokens are not valid', () => {
  const allInvalid = answer(400, '80300007', 'All tokens are invalid')
  /** Refuses `bad` and takes the others. */
  const refuseBad: Handle = request =>
    tokensOf(request).includes('bad') ? allInvalid(request) : accept(request)

  test('one token alone is doubted while nothing else was taken', async () => {
    const { sendTo } = await hms(allInvalid)
    expect(kinds(await sendTo(['bad']))).toEqual(['address_mismatch'])
  })

  test('one token alone is dead when another was taken within ten minutes', async () => {
    const { sendTo, clock } = await hms(refuseBad)
    await sendTo(['good'])
    clock.move(10 * MINUTE)
    expect(await sendTo(['bad'])).toEqual([
      { kind: 'address_dead', reason: '80300007: All tokens are invalid', since: undefined },
    ])
    clock.move(1)
    expect(kinds(await sendTo(['bad']))).toEqual(['address_mismatch'])
  })

  test('one token alone is dead when others of a partial request were taken', async () => {
    const { sendTo } = await hms(request =>
      tokensOf(request).length > 1 ? partial(['token-1'])(request) : allInvalid(request),
    )
    await sendTo(numbered(2))
    expect(kinds(await sendTo(['bad']))).toEqual(['address_dead'])
  })

  test('several are doubted, whatever else was taken', async () => {
    const { sendTo } = await hms(refuseBad)
    await sendTo(['good'])
    expect(kinds(await sendTo(['bad', 'worse']))).toEqual(['address_mismatch', 'address_mismatch'])
  })
})

const MESSAGE = { kind: 'message_fault' }
const CREDENTIAL = { kind: 'credential_fault' }
const SERVER = { kind: 'retry', scope: 'origin', afterMs: undefined }
const SLOWER = { kind: 'retry', scope: 'credential', afterMs: undefined }

describe('what Huawei answers', () => {
  test.each<[number, string, object]>([
    [400, '80100001', MESSAGE],
    [400, '80100003', MESSAGE],
    [400, '80100004', MESSAGE],
    [400, '80100013', MESSAGE],
    [400, '80100016', MESSAGE],
    [400, '80100017', SLOWER],
    [400, '80100018', MESSAGE],
    [401, '80200001', CREDENTIAL],
    [401, '80200003', CREDENTIAL],
    [401, '80200005', CREDENTIAL],
    [403, '80300002', CREDENTIAL],
    [400, '80300008', MESSAGE],
    [400, '80300010', MESSAGE],
    [400, '80300011', MESSAGE],
    [400, '80300013', CREDENTIAL],
    [500, '80600003', SERVER],
    [500, '81000001', SERVER],
    [400, '80299999', CREDENTIAL],
    [400, '81999999', SERVER],
    [400, '80199999', MESSAGE],
    [200, '80399999', MESSAGE],
    [500, '80399999', SERVER],
    [503, '80399999', SLOWER],
  ])('status %i with code %s', async (status, code, expected) => {
    const { sendTo } = await hms(answer(status, code))
    const outcomes = await sendTo(['a', 'b'])
    expect(outcomes).toEqual(Array(2).fill({ ...expected, reason: `${code}: words` }))
  })

  test.each<[number, object]>([
    [200, { kind: 'uncertain' }],
    [401, CREDENTIAL],
    [403, CREDENTIAL],
    [404, CREDENTIAL],
    [408, SERVER],
    [413, MESSAGE],
    [429, SLOWER],
    [500, SERVER],
    [502, SERVER],
    [503, SLOWER],
    [504, SERVER],
  ])('status %i without a code', async (status, expected) => {
    const { sendTo } = await hms(request => request.answer(status, {}, '<html>80300007</html>'))
    expect(await sendTo(['a'])).toEqual([{ ...expected, reason: `status ${status}` }])
  })

  test.each([200, 400, 404, 500, 503])('the code decides, also with status %i', async status => {
    expect(kinds(await (await hms(answer(status, '80000000'))).sendTo(['a']))).toEqual(['accepted'])
    expect(kinds(await (await hms(answer(status, '80300008'))).sendTo(['a']))).toEqual(['message_fault'])
    expect(kinds(await (await hms(answer(status, '81000001'))).sendTo(['a']))).toEqual(['retry'])
  })

  test('a code may come as a number', async () => {
    expect(kinds(await (await hms(answer(200, 80000000))).sendTo(['a']))).toEqual(['accepted'])
  })

  test('a wrong address for receipts is the message’s when it named its own', async () => {
    const { client } = await hms(answer(400, '80300013'))
    const own = { hms: { android: { receipt_id: 'R1' } } }
    expect(await client.send(attemptTo({ token: 'a' }, own))).toMatchObject(MESSAGE)
    const inData = { data: { receipt_id: 'R1' } }
    expect(await client.send(attemptTo({ token: 'a' }, inData))).toMatchObject(CREDENTIAL)
  })

  test('Retry-After says when to come again', async () => {
    const { sendTo } = await hms(request => request.answer(503, { 'retry-after': '7' }))
    expect(await sendTo(['a'])).toMatchObject([{ ...SLOWER, afterMs: 7000 }])
  })

  test('an empty token is never sent: Huawei would refuse its whole request', async () => {
    const { sendTo, sends } = await hms(accept)
    expect(kinds(await sendTo(['', 'a']))).toEqual(['address_mismatch', 'accepted'])
    expect(sends().map(tokensOf)).toEqual([['a']])
  })
})

describe('access tokens', () => {
  test('the exchange has the client id and the secret, and serves many requests', async () => {
    const { sendTo, exchanges } = await hms(accept)
    await sendTo(numbered(3000))
    await sendTo(['a'])
    expect(exchanges()).toHaveLength(1)
    expect(Object.fromEntries(new URLSearchParams(String(exchanges()[0]?.body)))).toEqual({
      grant_type: 'client_credentials',
      client_id: '104000001',
      client_secret: 's3cr3t',
    })
  })

  test.each(['80200003', '80200005'])('code %s: a new one, and the request once more', async code => {
    const { sendTo, sends, exchanges } = await hms(request =>
      request.headers.authorization === 'Bearer a/token-1' ? answer(401, code)(request) : accept(request),
    )
    expect(kinds(await sendTo(numbered(3)))).toEqual(Array(3).fill('accepted'))
    expect(exchanges()).toHaveLength(2)
    expect(sends().map(tokensOf)).toEqual([numbered(3), numbered(3)])
  })

  test('a second refusal in a row is a credential fault, and nothing more is sent', async () => {
    const { sendTo, sends } = await hms(answer(401, '80200003'))
    expect(kinds(await sendTo(['a']))).toEqual(['credential_fault'])
    expect(sends()).toHaveLength(2)
  })

  test.each(['80200001', '80200003'])('what was refused with %s is not used again', async code => {
    let isMended = false
    const { sendTo, sends, exchanges } = await hms(request =>
      isMended ? accept(request) : answer(401, code)(request),
    )
    await sendTo(['a'])
    isMended = true
    const refused = new Set(sends().map(it => it.headers.authorization))
    expect(kinds(await sendTo(['a']))).toEqual(['accepted'])
    expect(refused).not.toContain(sends().at(-1)?.headers.authorization)
    expect(exchanges()).toHaveLength(refused.size + 1)
  })

  test('a wrong secret is a credential fault with Huawei’s words, and without ours', async () => {
    const { sendTo, sends } = await hms(accept, request =>
      request.answer(403, {}, { error: 1101, sub_error: 20001, error_description: 'invalid client' }),
    )
    expect(await sendTo(['a', 'b'])).toEqual(
      Array(2).fill({ kind: 'credential_fault', reason: 'token endpoint: 1101: invalid client' }),
    )
    expect(sends()).toHaveLength(0)
  })

  test('a renewal that fails too early to matter leaves the old token in use until its end', async () => {
    let isDown = false
    const { sendTo, clock, exchanges } = await hms(accept, request => {
      if (isDown) request.answer(503)
      else request.answer(200, {}, { access_token: `t${request.index}`, expires_in: 3600 })
    })
    await sendTo(['a'])
    isDown = true
    clock.move(55 * MINUTE)
    for (let i = 0; i < 3; i++) expect(kinds(await sendTo(['a']))).toEqual(['accepted'])
    expect(exchanges()).toHaveLength(2)
    clock.move(5 * MINUTE)
    expect(kinds(await sendTo(['a']))).toEqual(['retry'])
  })

  test('a token that lives a minute is renewed at half of it', async () => {
    const { sendTo, clock, exchanges } = await hms(accept, request =>
      request.answer(200, {}, { access_token: 'short', expires_in: 60 }),
    )
    await sendTo(['a'])
    clock.move(MINUTE / 2 - 1)
    await sendTo(['a'])
    expect(exchanges()).toHaveLength(1)
    clock.move(1)
    await sendTo(['a'])
    expect(exchanges()).toHaveLength(2)
  })
})

describe('when the network fails', () => {
  test('a refused stream is not sent, for every token', async () => {
    const { sendTo } = await hms(request => request.stream.close(7))
    expect(kinds(await sendTo(['a', 'b']))).toEqual(['not_sent', 'not_sent'])
  })

  test('a connection that ends without an answer is uncertain, for every token', async () => {
    const { sendTo } = await hms(request => request.session.destroy())
    expect(kinds(await sendTo(['a', 'b']))).toEqual(['uncertain', 'uncertain'])
  })

  test('then a second copy of what the system shows would be seen beside the first, and of data not', async () => {
    const { client } = await hms(request => request.session.destroy())
    const shown = { hms: { android: { notification: { body: 'Mine' } } } }
    const outcomes = [
      await client.send(attemptTo({ token: 'a' }, shown)),
      await client.send(attemptTo({ token: 'a' })),
    ]
    expect(outcomes).toEqual([
      { kind: 'uncertain', reason: expect.any(String), showsTwice: true },
      { kind: 'uncertain', reason: expect.any(String) },
    ])
  })
})
