/**
 * The HMS stand-in as a sender meets it: a token bought over HTTP/1.1, messages over raw HTTP/2.
 */
import { type ClientHttp2Session, connect } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { HmsApp } from './apps.ts'

let now = 0
let simulator: Simulator
let app: HmsApp
let session: ClientHttp2Session

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
  app = simulator.hms.createApp()
  session = connect(simulator.urls.hms, { ca: simulator.caPem })
  session.on('error', () => {})
})

afterEach(async () => {
  session.destroy()
  await simulator.close()
})

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

function buyToken(fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: app.clientId,
    client_secret: app.clientSecret,
    ...fields,
  })
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', ca: simulator.caPem }
    const request = httpsRequest(simulator.urls.hmsToken, options, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text), text }),
      )
    })
    request.on('error', reject)
    request.end(form.toString())
  })
}

async function accessToken(): Promise<string> {
  return String((await buyToken()).body.access_token)
}

function send(bearer: string, body: unknown, clientId = app.clientId): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/v1/${clientId}/messages:send`,
      authorization: `Bearer ${bearer}`,
    })
    let status = 0
    let text = ''
    stream.on('response', headers => {
      status = Number(headers[':status'])
    })
    stream.on('data', chunk => {
      text += chunk
    })
    stream.on('error', reject)
    stream.on('end', () => resolve({ status, body: text.startsWith('{') ? JSON.parse(text) : {}, text }))
    stream.end(JSON.stringify(body))
  })
}

function issue(): string {
  return simulator.hms.issueToken({ appId: app.appId })
}

function data(fields: Readonly<Record<string, string>> = { pw_msg: '1', p: 'hash-1' }): string {
  return JSON.stringify(fields)
}

test('an access token bought with the secret sends to a list of tokens, each counted by the hash', async () => {
  const tokens = [issue(), issue()]
  const granted = await buyToken()
  expect(granted).toMatchObject({ status: 200, body: { expires_in: 3600, token_type: 'Bearer' } })
  const message = { data: data(), android: { collapse_key: 3, ttl: '60s' }, token: tokens }
  const answer = await send(String(granted.body.access_token), { validate_only: false, message })
  expect(answer).toMatchObject({ status: 200, body: { code: '80000000', msg: 'Success' } })
  expect(answer.body.requestId).toMatch(/^\d+$/)
  expect(simulator.acceptedFor('hash-1')).toEqual({ acceptances: 2, tokens: new Set(tokens) })
  expect(simulator.pushes({ token: String(tokens[1]) })).toMatchObject([
    { gateway: 'hms', payload: { pw_msg: '1', p: 'hash-1' }, collapseKey: '3', ttlSeconds: 60 },
  ])
  expect(simulator.counts().hms).toMatchObject({ connections: 1, requests: 1, accepted: 2 })
})

describe('the OAuth endpoint', () => {
  test('writes slashes as \\/, and only the decoded token is good', async () => {
    const { text, body } = await buyToken()
    const raw = /"access_token":"([^"]+)"/.exec(text)?.[1] ?? ''
    expect(raw).toContain('\\/')
    const message = { data: data(), token: [issue()] }
    expect((await send(raw, { message })).body.code).toBe('80200001')
    expect((await send(String(body.access_token), { message })).body.code).toBe('80000000')
  })

  test('refuses a wrong secret, the old one after a change, and another grant', async () => {
    for (const wrong of ['wrong', 'é'.repeat(app.clientSecret.length)])
      expect((await buyToken({ client_secret: wrong })).status).toBe(401)
    expect((await buyToken({ client_id: '1' })).status).toBe(400)
    expect((await buyToken({ grant_type: 'password' })).status).toBe(400)
    const secret = simulator.hms.replaceSecret(app.appId)
    expect((await buyToken()).status).toBe(401)
    expect((await buyToken({ client_secret: secret })).status).toBe(200)
    expect(simulator.hms.tokenRequests).toBe(6)
  })

  test('throttles an app that asks more than a thousand times in five minutes', async () => {
    const oauth = connect(new URL(simulator.urls.hmsToken).origin, { ca: simulator.caPem })
    const form = `grant_type=client_credentials&client_id=${app.clientId}&client_secret=${app.clientSecret}`
    const ask = () =>
      new Promise<number>((resolve, reject) => {
        const stream = oauth.request({ ':method': 'POST', ':path': '/oauth2/v3/token' })
        stream.on('response', headers => resolve(Number(headers[':status'])))
        stream.on('error', reject)
        stream.resume()
        stream.end(form)
      })
    const statuses = await Promise.all(Array.from({ length: 1000 }, ask))
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(await ask()).toBe(429)
    now += 5 * 60_000
    expect(await ask()).toBe(200)
    oauth.destroy()
  })

  test('answers as told by a fault', async () => {
    simulator.hms.tokenFaults.answerNext({ status: 503 })
    expect([(await buyToken()).status, (await buyToken()).status]).toEqual([503, 200])
  })
})

describe('credentials', () => {
  test('an unknown access token is 80200001, an expired one 80200003', async () => {
    const message = { data: data(), token: [issue()] }
    const bearer = await accessToken()
    expect(await send('nonsense', { message })).toMatchObject({ status: 401, body: { code: '80200001' } })
    now += 3_600_000
    expect(await send(bearer, { message })).toMatchObject({ status: 401, body: { code: '80200003' } })
  })

  test("another app's path, or an app without Push Kit, is 80300002", async () => {
    const message = { data: data(), token: [issue()] }
    const bearer = await accessToken()
    const other = simulator.hms.createApp()
    expect((await send(bearer, { message }, other.clientId)).body.code).toBe('80300002')
    simulator.hms.setRight(app.appId, 'send', false)
    expect((await send(bearer, { message })).body.code).toBe('80300002')
    simulator.hms.setRight(app.appId, 'send', true)
    expect((await send(bearer, { message })).body.code).toBe('80000000')
  })
})

describe('tokens', () => {
  test('that are illegal are listed in JSON inside msg, the others are delivered to', async () => {
    const [good, dead] = [issue(), issue()]
    simulator.hms.killToken(dead)
    const foreign = simulator.hms.issueToken({ appId: simulator.hms.createApp().appId })
    const message = { data: data(), token: [dead, good, foreign] }
    const answer = await send(await accessToken(), { message })
    expect(answer).toMatchObject({ status: 200, body: { code: '80100000' } })
    expect(typeof answer.body.msg).toBe('string')
    expect(JSON.parse(String(answer.body.msg))).toEqual({
      success: 1,
      failure: 2,
      illegal_tokens: [dead, foreign],
    })
    expect(simulator.pushes().map(push => push.token)).toEqual([good])
    expect(simulator.counts().hms.refused).toEqual({ '80100000': 2 })
  })

  test('that are all illegal are 80300007, until one registers again', async () => {
    const dead = issue()
    simulator.hms.killToken(dead)
    const bearer = await accessToken()
    const message = { data: data(), token: [dead] }
    expect((await send(bearer, { message })).body.code).toBe('80300007')
    simulator.hms.reviveToken(dead)
    expect((await send(bearer, { message })).body.code).toBe('80000000')
  })

  test('that are named twice are delivered to twice', async () => {
    const token = issue()
    await send(await accessToken(), { message: { data: data(), token: [token, token] } })
    expect(simulator.acceptedFor('hash-1').acceptances).toBe(2)
    expect(simulator.pushes({ token })).toHaveLength(2)
  })

  test('may be a thousand, not one more and not none', async () => {
    const token = issue()
    const bearer = await accessToken()
    const codes: unknown[] = []
    for (const count of [1000, 1001, 0]) {
      const message = { data: data(), token: Array.from({ length: count }, () => token) }
      codes.push((await send(bearer, { message })).body.code)
    }
    expect(codes).toEqual(['80000000', '80300010', '80300010'])
  })
})

describe('messages', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['without content', { data: undefined }, '80100003'],
    ['with data that is not text', { data: { a: 1 } }, '80100003'],
    ['with a topic beside the tokens', { topic: 'news' }, '80100001'],
    ['without a target', { token: undefined }, '80300010'],
    ['with tokens in the wrong place', { token: undefined, android: { token: ['a'] } }, '80300010'],
    ['with collapse key 101', { android: { collapse_key: 101 } }, '80100013'],
    ['with collapse key -2', { android: { collapse_key: -2 } }, '80100013'],
    ['with a collapse key that is text', { android: { collapse_key: '1' } }, '80100013'],
    ['with a ttl of no seconds', { android: { ttl: '0s' } }, '80100004'],
    ['with a ttl above 15 days', { android: { ttl: '1296001s' } }, '80100001'],
    ['with a ttl that is a number', { android: { ttl: 60 } }, '80100001'],
    ['with an unknown urgency', { android: { urgency: 'high' } }, '80100001'],
    ['with a notification that does nothing', { android: { notification: { title: 'a' } } }, '80100001'],
    ['of more than 4096 bytes', { data: 'x'.repeat(4096) }, '80300008'],
  ])('%s are refused', async (_what, fields, code) => {
    const answer = await send(await accessToken(), { message: { data: data(), token: [issue()], ...fields } })
    expect(answer.body.code).toBe(code)
    expect(simulator.pushes()).toEqual([])
  })

  test('are measured without their tokens', async () => {
    const token = Array.from({ length: 100 }, issue)
    const answer = await send(await accessToken(), { message: { data: 'x'.repeat(3900), token } })
    expect(answer.body.code).toBe('80000000')
  })

  test('with a right that the app lacks are 80300011', async () => {
    simulator.hms.setRight(app.appId, 'high_priority', false)
    const bearer = await accessToken()
    const urgent = { data: data(), token: [issue()], android: { urgency: 'HIGH' } }
    expect((await send(bearer, { message: urgent })).body.code).toBe('80300011')
    const normal = { ...urgent, android: { urgency: 'NORMAL' } }
    expect((await send(bearer, { message: normal })).body.code).toBe('80000000')
  })

  test('that are only to be validated are delivered to nobody', async () => {
    const message = { data: data(), token: [issue()] }
    const answer = await send(await accessToken(), { validate_only: true, message })
    expect(answer.body.code).toBe('80000000')
    expect(simulator.pushes()).toEqual([])
  })

  test('for an app that is offline are held: all without a collapse key, one of each group', async () => {
    const token = issue()
    simulator.setOnline(token, false)
    const bearer = await accessToken()
    for (const [p, collapse_key] of [['a'], ['b', 1], ['c', 1], ['d', -1]] as const) {
      const message = { data: data({ p }), token: [token], android: { collapse_key } }
      expect((await send(bearer, { message })).body.code).toBe('80000000')
    }
    expect(simulator.held(token).map(push => push.hash)).toEqual(['a', 'c', 'd'])
    const newest = { data: data({ p: 'e' }), token: [token], android: { collapse_key: 0 } }
    await send(bearer, { message: newest })
    expect(simulator.held(token).map(push => push.hash)).toEqual(['e'])
  })
})

describe('faults', () => {
  test('over the rate is a bare 503 until the second is over', async () => {
    simulator.hms.limitRate({ appId: app.appId, tokensPerSecond: 2 })
    const bearer = await accessToken()
    const message = { data: data(), token: [issue(), issue()] }
    expect((await send(bearer, { message })).status).toBe(200)
    expect(await send(bearer, { message })).toMatchObject({ status: 503, text: '' })
    now += 1000
    expect((await send(bearer, { message })).status).toBe(200)
  })

  test.each([
    ['80100016', 400],
    ['80100017', 400],
    ['80100018', 400],
    ['80200005', 401],
    ['81000001', 500],
  ] as const)('of code %s come by order, with its status', async (code, status) => {
    simulator.hms.faults.answerNext({ code })
    const answer = await send(await accessToken(), { message: { data: data(), token: [issue()] } })
    expect(answer).toMatchObject({ status, body: { code } })
    expect(simulator.counts().hms.refused).toEqual({ [code]: 1 })
  })

  test('without a documented status come with one or the other', async () => {
    const bearer = await accessToken()
    const message = { data: data(), token: [issue()] }
    simulator.hms.faults.answerEverything({ code: '80300013' })
    const statuses = new Set<number>()
    while (statuses.size < 2) statuses.add((await send(bearer, { message })).status)
    expect(statuses).toEqual(new Set([200, 400]))
  })

  test('can be a page of the front end, or no answer at all', async () => {
    const bearer = await accessToken()
    const message = { data: data(), token: [issue()] }
    simulator.hms.faults.answerNext({ status: 502, body: '<html></html>' })
    expect(await send(bearer, { message })).toMatchObject({ status: 502, text: '<html></html>' })
    simulator.hms.faults.answerNext({ drop: 'reset_connection' })
    await expect(send(bearer, { message })).rejects.toThrow('ECONNRESET')
    expect(simulator.counts().hms).toMatchObject({ requests: 2, accepted: 0, refused: { 502: 1 } })
  })
})
