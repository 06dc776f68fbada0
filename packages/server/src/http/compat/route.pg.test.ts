/**
 * The device protocol at its door: envelopes, tokens, bodies that are no bodies, and what browsers need. Whatever a
 * device sends, the answer is an envelope and nothing half-read is stored.
 */
import { randomBytes } from 'node:crypto'
import { DEVICE_BODY_BYTES } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

interface Call {
  readonly method?: string
  readonly body: string | Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string>
}

async function post({ method = 'setTags', body, headers = {} }: Call) {
  const response = await fetch(`${server.url}/json/1.3/${method}`, {
    method: 'POST',
    headers: { authorization: `Token ${app.deviceToken}`, 'content-type': 'application/json', ...headers },
    body,
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** A body as a client writes it, with `inner` where the fields are. */
const bodyWith = (inner: string) => `{"request":{"application":"${app.app}","hwid":"door",${inner}}}`

async function storedDevices(): Promise<number> {
  const { rows } = await server.db.query<{ count: number }>('select count(*) as count from device')
  return rows[0]?.count ?? -1
}

describe('a body that can not be read', () => {
  const half = String.raw`"\ud83d"`
  test.each<[string, () => string | Uint8Array<ArrayBuffer>, string]>([
    ['nothing', () => '', 'it is empty'],
    ['no JSON', () => 'hello', 'not JSON'],
    ['half of a JSON object', () => bodyWith('"tags":{"a":1}').slice(0, -3), 'not JSON'],
    [
      'a NUL character in a value',
      () => bodyWith(String.raw`"tags":{"a":"x\u0000y"}`),
      'body.request.tags.a',
    ],
    ['a NUL character in a name', () => bodyWith(String.raw`"tags":{"x\u0000y":1}`), 'body.request.tags'],
    ['half a surrogate pair in a value', () => bodyWith(`"tags":{"a":${half}}`), 'body.request.tags.a'],
    [
      'half a surrogate pair in a list',
      () => bodyWith(`"tags":{"a":["ok",${half}]}`),
      'body.request.tags.a.1',
    ],
    ['the other half in a name', () => bodyWith(String.raw`"tags":{"\udc00":1}`), 'body.request.tags'],
    ['a key __proto__', () => bodyWith('"tags":{"__proto__":{"isAdmin":true}}'), '__proto__'],
    [
      'a key __proto__ in disguise',
      () => bodyWith(String.raw`"tags":{"\u005f_proto__":{"a":1}}`),
      '__proto__',
    ],
  ])('%s is 400 in an envelope that names the place, and stores nothing', async (_what, body, place) => {
    const before = await storedDevices()
    const answer = await post({ body: body() })
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ status_code: 400, response: null })
    expect(answer.body.status_message).toContain(place)
    expect(await storedDevices()).toBe(before)
  })

  test('bytes that are no UTF-8 are stored as replacement characters or refused, never as they are', async () => {
    const [head = '', tail = ''] = bodyWith('"tags":{"a":"#"}').split('#')
    const answer = await post({
      body: Buffer.concat([Buffer.from(head), Buffer.of(0xff, 0xfe), Buffer.from(tail)]),
    })
    expect([200, 400]).toContain(answer.status)
    if (answer.status === 200) expect((await server.view(app, 'door')).tags).toEqual({ a: '��' })
  })

  test('a whole surrogate pair and escaped controls other than NUL are fine', async () => {
    const answer = await post({
      body: bodyWith(String.raw`"tags":{"emoji":"\ud83d\ude00","tab":"\t\u0001"}`),
    })
    expect(answer.body).toMatchObject({ status_code: 200 })
    expect((await server.view(app, 'door')).tags).toMatchObject({ emoji: '😀', tab: '\t\u0001' })
  })

  test('the fault never quotes the body, which may hold a secret', async () => {
    const secret = randomBytes(16).toString('hex')
    const answer = await post({ body: `{"request":{"push_token":"${secret}" "hwid":1}}` })
    expect(answer.status).toBe(400)
    expect(answer.body.status_message).toMatch(/position \d+/)
    expect(answer.body.status_message).not.toContain(secret.slice(0, 8))
  })
})

describe('the size of a body', () => {
  const filled = (bytes: number) => {
    const body = bodyWith('"tags":{},"pad":""')
    return body.replace('"pad":"', `"pad":"${'x'.repeat(bytes - Buffer.byteLength(body))}`)
  }

  test('64 KiB are taken', async () => {
    expect((await post({ body: filled(DEVICE_BODY_BYTES) })).body).toMatchObject({ status_code: 200 })
  })

  test('a byte more is 413 in an envelope', async () => {
    const answer = await post({ body: filled(DEVICE_BODY_BYTES + 1) })
    expect(answer.status).toBe(413)
    expect(answer.body).toMatchObject({ status_code: 413, response: null })
    expect(answer.body.status_message).toContain('64 KiB')
  })

  test('also when it is 64 KiB of brackets inside brackets', async () => {
    const depth = 30_000
    const answer = await post({
      body: bodyWith(`"tags":{"a":${'['.repeat(depth)}"\\u0000"${']'.repeat(depth)}}`),
    })
    expect(answer.status).toBe(400)
    expect(answer.body.status_code).toBe(400)
  })
})

describe('the shape of a request', () => {
  test.each<[string, string, string]>([
    ['a list', '[]', '{"request"'],
    ['a number', '7', '{"request"'],
    ['null', 'null', '{"request"'],
    ['no request', '{"application":"A","hwid":"x"}', '{"request"'],
    ['a request that is text', '{"request":"x"}', '{"request"'],
    ['an application that is a number', '{"request":{"application":7,"hwid":"x"}}', '{"request"'],
  ])('%s is an argument error', async (_what, body, place) => {
    const answer = await post({ body })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ status_code: 210, response: null })
    expect(answer.body.status_message).toContain(place)
  })

  test.each<[string, string, Record<string, unknown>, string]>([
    ['no hwid', 'setTags', { hwid: undefined, tags: {} }, 'request.hwid'],
    ['an empty hwid', 'setTags', { hwid: '', tags: {} }, 'request.hwid'],
    ['a hwid of 257 characters', 'setTags', { hwid: 'x'.repeat(257), tags: {} }, 'request.hwid'],
    ['a hwid that is an object', 'setTags', { hwid: {}, tags: {} }, 'request.hwid'],
    ['a user of 257 characters', 'registerUser', { userId: 'x'.repeat(257) }, 'request.userId'],
    ['no tags', 'setTags', {}, 'request.tags'],
    ['tags that are a list', 'setTags', { tags: [] }, 'request.tags'],
    ['a device type that is a word', 'registerDevice', { device_type: 'phone' }, 'request.device_type'],
    ['a device type that nobody serves', 'registerDevice', { device_type: 2 }, 'device_type 2'],
    ['no device type', 'registerDevice', {}, 'request.device_type'],
    ['a user that is an object', 'registerUser', { userId: {} }, 'request.userId'],
    ['an empty user', 'registerUser', { userId: '' }, 'request.userId'],
    [
      'a push token that is a number',
      'registerDevice',
      { device_type: 1, push_token: 7 },
      'request.push_token',
    ],
    ['a receipt without a hash', 'pushStat', {}, 'request.hash'],
  ])('%s is an argument error that names the field', async (_what, method, fields, place) => {
    const before = await storedDevices()
    const answer = await server.device(app, method, { hwid: `shape-${method}`, ...fields })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ status_code: 210, response: null })
    expect(answer.body.status_message).toContain(place)
    expect(await storedDevices()).toBe(before)
  })

  test('an unknown method is an argument error', async () => {
    const answer = await server.device(app, 'sendMoney', { hwid: 'x' })
    expect(answer).toMatchObject({ status: 200, body: { status_code: 210, response: null } })
    expect(answer.body.status_message).toContain('sendMoney')
  })

  test('a method named like something every object has is unknown too', async () => {
    for (const method of ['constructor', 'toString', '__proto__'])
      expect((await server.device(app, method, { hwid: 'x' })).body).toMatchObject({ status_code: 210 })
  })
})

describe('what only decorates a device never costs it its registration', () => {
  const token = () => randomBytes(32).toString('hex')
  const storedOf = async (hwid: string) => {
    const { rows } = await server.db.query(
      'select user_id, language, timezone_seconds, app_version, os_version, device_model, tags from device where hwid = $1',
      [hwid],
    )
    return rows[0]
  }

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['too long a model', { device_model: 'x'.repeat(129) }, { device_model: 'x'.repeat(128) }],
    [
      'a model whose last character would be halved',
      { device_model: `${'x'.repeat(127)}😀` },
      { device_model: 'x'.repeat(127) },
    ],
    ['a model that is an object', { device_model: {} }, { device_model: null }],
    ['too long a language', { language: 'x'.repeat(36) }, { language: 'x'.repeat(35) }],
    [
      'a version that is a number',
      { app_version: 2, os_version: 17.1 },
      { app_version: '2', os_version: '17.1' },
    ],
    ['a version that is a list', { app_version: [1] }, { app_version: null }],
    ['a time zone in words', { timezone: 'Europe/Rome' }, { timezone_seconds: null }],
    ['an empty time zone', { timezone: '' }, { timezone_seconds: null }],
    ['an offset of time beyond any zone', { timezone: 3_000_000_000 }, { timezone_seconds: null }],
    ['half a second of offset', { timezone: 0.5 }, { timezone_seconds: null }],
    ['an offset as text', { timezone: '-18000' }, { timezone_seconds: -18_000 }],
    ['a user that is a number', { userId: 4711 }, { user_id: '4711' }],
    ['tags that are a list', { tags: ['a'] }, { tags: {} }],
    ['null everywhere', { device_model: null, language: null, timezone: null, userId: null, tags: null }, {}],
  ])('%s', async (what, fields, expected) => {
    const hwid = `decorated: ${what}`
    const answer = await server.device(app, 'registerDevice', {
      hwid,
      device_type: 1,
      push_token: token(),
      ...fields,
    })
    expect(answer.body).toMatchObject({ status_code: 200 })
    expect((await server.view(app, hwid)).addresses).toMatchObject([{ state: 'active' }])
    expect(await storedOf(hwid)).toMatchObject(expected)
  })
})

describe('who may call', () => {
  const fields = { hwid: 'intruder', tags: { a: 1 } }

  test('an unknown application is an argument error', async () => {
    const answer = await server.device({ ...app, app: 'AAAAA-00000' }, 'setTags', fields)
    expect(answer).toMatchObject({ status: 200, body: { status_code: 210, response: null } })
    expect(answer.body.status_message).toContain('AAAAA-00000')
  })

  test.each([
    ['a made-up token', () => 'Token roost_device_nonsense'],
    ['a server token', () => `Token ${SERVER_TOKEN}`],
    ['the token as a bearer token', () => `Bearer ${app.deviceToken}`],
    ['a token cut short', () => `Token ${app.deviceToken.slice(0, -1)}`],
    ['no token', () => ''],
    ['the word null, as clients without a token send it', () => 'Token null'],
  ])('%s is 403, and nothing is stored', async (_what, authorization) => {
    const answer = await post({
      body: JSON.stringify({ request: { application: app.app, ...fields } }),
      headers: { authorization: authorization() },
    })
    expect(answer.status).toBe(403)
    expect(answer.body).toMatchObject({ status_code: 403, response: null })
    expect(answer.body.status_message).not.toContain('roost_device')
    expect((await server.rest('GET', `/v1/apps/${app.app}/devices/intruder`)).status).toBe(404)
  })

  test('the token of another app is 403', async () => {
    const elsewhere = await server.createApp()
    const answer = await server.device({ ...elsewhere, app: app.app }, 'setTags', fields)
    expect(answer).toMatchObject({ status: 403, body: { status_code: 403 } })
  })
})

describe('what browsers need', () => {
  test.each([
    'text/plain;charset=UTF-8',
    'application/json; charset=utf-8',
    'application/x-www-form-urlencoded',
  ])('a body is read as JSON when it is called %s', async type => {
    const answer = await post({ body: bodyWith('"tags":{"a":1}'), headers: { 'content-type': type } })
    expect(answer.body).toEqual({ status_code: 200, status_message: 'OK', response: { skipped: [] } })
  })

  const ORIGIN = 'https://shop.example.com'

  test('a preflight is granted to the exact origin, with credentials and for a day', async () => {
    const response = await fetch(`${server.url}/json/1.3/registerDevice`, {
      method: 'OPTIONS',
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN)
    expect(response.headers.get('access-control-allow-credentials')).toBe('true')
    expect(response.headers.get('access-control-allow-methods')).toContain('POST')
    expect(response.headers.get('access-control-max-age')).toBe('86400')
    const allowed = response.headers.get('access-control-allow-headers')?.toLowerCase() ?? ''
    for (const header of ['authorization', 'content-type']) expect(allowed).toContain(header)
  })

  test.each([
    ['a success', () => bodyWith('"tags":{}'), 200],
    ['a refusal', () => 'hello', 400],
  ])(
    '%s names the exact origin too, and caches are told that it depends on it',
    async (_what, body, status) => {
      const answer = await post({ body: body(), headers: { origin: ORIGIN } })
      expect(answer.status).toBe(status)
      expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN)
      expect(answer.headers.get('access-control-allow-credentials')).toBe('true')
      expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin')
    },
  )

  test.each(['/v1/apps', '/v1/apps/AAAAA-00000/messages', '/metrics', '/'])(
    'a preflight of %s is granted nothing',
    async path => {
      const response = await fetch(`${server.url}${path}`, {
        method: 'OPTIONS',
        headers: { origin: ORIGIN, 'access-control-request-method': 'POST' },
      })
      expect(response.status).toBe(404)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
    },
  )

  test('REST grants nothing to other origins', async () => {
    const response = await fetch(`${server.url}/v1/apps`, {
      headers: { origin: ORIGIN, authorization: `Bearer ${SERVER_TOKEN}` },
    })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('getConfig gives the newest VAPID key of the app', async () => {
    const config = async () => (await server.device(app, 'getConfig', { hwid: 'browser' })).body.response
    const first = await config()
    expect(first).toEqual({ features: { vapid_key: expect.stringMatching(/^[\w-]{87}$/) } })
    const added = await server.rest<{ settings: { publicKey: string } }>(
      'POST',
      `/v1/apps/${app.app}/credentials`,
      { gateway: 'webpush', kind: 'vapid' },
    )
    expect(await config()).toEqual({ features: { vapid_key: added.body.settings.publicKey } })
    expect(await config()).not.toEqual(first)
  })
})
