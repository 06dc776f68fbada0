/** REST at its door: tokens, bodies, sizes and paths. Whatever comes in, a problem goes out that says what to do. */
import { REST_BODY_BYTES } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

interface Request {
  readonly method?: string
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string>
}

async function call(path: string, { method = 'GET', body, headers = {} }: Request = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${SERVER_TOKEN}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const post = (path: string, body: string, headers?: Record<string, string>) =>
  call(path, { method: 'POST', body, ...(headers === undefined ? {} : { headers }) })

test('a problem is application/problem+json with code, detail, remedy and the id of the request', async () => {
  const answer = await call('/v1/apps/AAAAA-00000')
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(answer.body).toEqual({
    type: 'about:blank',
    title: 'app_unknown',
    status: 404,
    code: 'app_unknown',
    detail: 'there is no app "AAAAA-00000"',
    remedy: expect.stringContaining('GET /v1/apps'),
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
  expect(server.logged()).toContain(answer.body.requestId)
})

test('a problem has the values that its sentence names beside it, for other languages', async () => {
  const of = `/v1/apps/${app.app}`
  const condition = { field: 'platform', op: 'in', value: ['ios'] }
  const message = { to: { all: true }, content: { title: 'Hello' } }
  const made: readonly (readonly [string, object])[] = [
    ['segment', { name: 'News', mode: 'live', condition }],
    ['schedule', { name: 'News', cron: '0 9 * * 1', message }],
    ['trigger', { name: 'News', event: 'opened', message: { content: message.content } }],
  ]
  for (const [kind, body] of made) {
    const again = () => post(`${of}/${kind}s`, JSON.stringify(body))
    expect(await again(), kind).toMatchObject({ status: 201 })
    expect((await again()).body).toMatchObject({ code: `${kind}_name_taken`, values: { name: 'News' } })
  }
})

test('a path that is none is a problem too', async () => {
  for (const path of ['/v2/apps', '/v1/nothing', '/json/1.3', '/%2e%2e/etc/passwd'])
    expect((await call(path)).body, path).toMatchObject({ status: 404, code: 'route_unknown' })
  expect((await call('/v1/apps', { method: 'DELETE' })).body).toMatchObject({ code: 'route_unknown' })
})

describe('who may call', () => {
  test.each<[string, () => string, string]>([
    ['no token', () => '', 'token_missing'],
    ['a token in the form of devices', () => `Token ${SERVER_TOKEN}`, 'token_missing'],
    ['a made-up token', () => 'Bearer nonsense', 'token_unknown'],
    ['a token cut short', () => `Bearer ${SERVER_TOKEN.slice(0, -1)}`, 'token_unknown'],
    ['a device token', () => `Bearer ${app.deviceToken}`, 'token_unknown'],
  ])('%s is 401', async (_what, authorization, code) => {
    const answer = await call('/v1/apps', { headers: { authorization: authorization() } })
    expect(answer).toMatchObject({ status: 401, body: { code } })
    expect(answer.body.detail).not.toContain('nonsense')
  })

  test('the token is asked for before the body is looked at', async () => {
    const answer = await post('/v1/apps', 'x'.repeat(REST_BODY_BYTES + 1), { authorization: '' })
    expect(answer).toMatchObject({ status: 401 })
  })
})

describe('a body', () => {
  test('that is called something else is refused with the header to send', async () => {
    for (const contentType of ['application/x-www-form-urlencoded', 'text/plain', 'text/csv'])
      for (const [method, path] of [
        ['POST', '/v1/apps'],
        ['PATCH', `/v1/apps/${app.app}`],
        ['POST', `/v1/apps/${app.app}/imports`],
      ] as const) {
        const answer = await call(path, {
          method,
          body: '{"name":"Shop"}',
          headers: { 'content-type': contentType },
        })
        expect(answer, path).toMatchObject({ status: 400, body: { code: 'body_malformed' } })
        expect(answer.body.detail, path).toContain('content-type: application/json')
      }
  })

  test('that is not UTF-8 is refused', async () => {
    const body = Buffer.from('{"name":"Sh#p"}')
    body[body.indexOf('#')] = 0xfe
    const answer = await call('/v1/apps', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(answer).toMatchObject({ status: 400, body: { code: 'body_malformed' } })
    expect(answer.body.detail).toContain('not UTF-8')
  })

  test('that has not the shape is told with field, limit and value, of secrets their length alone', async () => {
    const device = `/v1/apps/${app.app}/devices/x`
    const detailOf = async (path: string, body: unknown, method = 'PUT') => {
      const { body: problem } = await call(path, {
        method,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })
      return String(problem.detail)
    }
    expect(await detailOf(device, { platform: 'ios', deviceModel: 'm'.repeat(200) })).toMatch(
      /^body\/deviceModel: it must have at most 128 characters; it is "m{40}…" with 200 characters$/,
    )
    expect(await detailOf(device, { platform: 'ios', timezoneSeconds: 90_000 })).toBe(
      'body/timezoneSeconds: it must be at most 86400; it is 90000',
    )
    expect(await detailOf(device, {})).toBe(
      'body/platform: it is missing; it must be "ios", "macos", "android", "huawei" or "web"',
    )
    expect(await detailOf(`${device}/events`, { event: 'bought' }, 'POST')).toBe(
      'body/name: it is missing; it must be text; body: unknown field "event"; known are name, attributes',
    )
    const secret = 's'.repeat(5000)
    const ofToken = await detailOf(device, { platform: 'ios', pushToken: secret })
    expect(ofToken).toBe('body/pushToken: it must have at most 4096 characters; it has 5000 characters')
    const credentials = `/v1/apps/${app.app}/credentials`
    for (const body of [
      { gateway: 'apns', kind: 'p8', p8: [secret], keyId: secret, teamId: 'T', bundleId: 'b' },
      { gateway: 'apns', kind: 'p12', p12: secret, password: secret },
    ])
      expect(await detailOf(credentials, body, 'POST')).not.toContain('sss')
  })

  test.each<[string, string, string]>([
    ['empty', '', 'it is empty'],
    ['no JSON', 'name=Shop', 'unexpected character'],
    ['cut off', '{"name":"Shop"', 'not JSON'],
    ['with a NUL character', String.raw`{"name":"Shop\u0000"}`, 'body.name'],
    ['with half a surrogate pair', String.raw`{"name":"\udfff"}`, 'body.name'],
    ['with a key __proto__', '{"name":"Shop","__proto__":{"a":1}}', '__proto__'],
  ])('%s is malformed', async (_what, body, place) => {
    const answer = await post('/v1/apps', body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'body_malformed' } })
    expect(answer.body.detail).toContain(place)
  })

  test.each<[string, string, string]>([
    ['null', 'null', 'body'],
    ['a list', '[]', 'body'],
    ['an unknown field', '{"name":"Shop","colour":"red"}', 'colour'],
    ['a missing field', '{}', 'name'],
    ['a name of spaces', '{"name":"   "}', 'name'],
    ['a name of 129 characters', JSON.stringify({ name: 'x'.repeat(129) }), 'name'],
    ['a name that is a number', '{"name":7}', 'name'],
  ])('with %s has not the shape, and the place is named', async (_what, body, place) => {
    const answer = await post('/v1/apps', body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    expect(answer.body.detail).toContain(place)
  })

  test('over 1 MiB is too large, and says how much is taken', async () => {
    const answer = await post('/v1/apps', `{"name":"${'x'.repeat(REST_BODY_BYTES)}"}`)
    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
    expect(answer.body.remedy).toContain('1 MiB')
  })

  test('that is not JSON by its own word is not taken', async () => {
    const answer = await post('/v1/apps', '<name>Shop</name>', { 'content-type': 'application/xml' })
    expect(answer).toMatchObject({ status: 400, body: { code: 'body_malformed' } })
    expect((await post('/v1/apps', '{"name":"x"}', { 'content-type': 'text/plain' })).status).toBe(400)
  })

  test('that is empty is none: taken where none is wanted or needed, and else refused', async () => {
    const message = `/v1/apps/${app.app}/messages/01a202ec-01b7-702d-b28a-d2cdfefbc470`
    for (const verb of ['pause', 'recall'])
      expect((await post(`${message}/${verb}`, '')).body, verb).toMatchObject({ code: 'message_unknown' })
    expect((await post(`${message}/winner`, '')).body).toMatchObject({ code: 'body_malformed' })
  })

  test('that was refused made no app', async () => {
    const { body } = await call('/v1/apps')
    expect(body.apps.map((it: { name: string }) => it.name)).toEqual(['Test'])
  })

  test('with brackets inside brackets, deeper than any use, is refused as what it is', async () => {
    const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)
    const bodies = [
      `{"to":{"condition":${'{"not":'.repeat(20_000)}{"tag":"a","op":"set"}${'}'.repeat(20_000)}},"content":{"title":"x"}}`,
      `{"to":{"all":true},"content":{"title":"x","data":{"a":${deep('[', ']', 100_000)}}}}`,
    ]
    for (const body of bodies) {
      const answer = await post(`/v1/apps/${app.app}/messages`, body)
      expect(answer.status).toBe(400)
    }
    expect((await call(`/v1/apps/${app.app}/messages`)).body.messages).toEqual([])
  })
})

describe('a path or a query', () => {
  const appPath = () => `/v1/apps/${app.app}`

  test.each<[string, () => string, number]>([
    ['a NUL character for an app', () => '/v1/apps/%00', 400],
    ['a NUL character in a hwid', () => `${appPath()}/devices/a%00b`, 400],
    ['a NUL character in the hwid of a ledger', () => `${appPath()}/devices/a%00b/ledger`, 400],
    ['a NUL character to search for', () => `${appPath()}/devices?search=a%00b`, 400],
    ['a NUL character as a state', () => `${appPath()}/devices?state=%00`, 400],
    ['a broken escape', () => `${appPath()}/devices/%zz`, 400],
    ['half a character', () => `${appPath()}/devices/%ff`, 400],
    ['a message id that is no UUID', () => `${appPath()}/messages/7`, 400],
    ['a limit of nothing', () => `${appPath()}/devices?limit=0`, 400],
    ['a limit beyond all', () => `${appPath()}/devices?limit=1001`, 400],
    ['a limit in words', () => `${appPath()}/messages?limit=many`, 400],
  ])('with %s is the caller’s fault', async (_what, path, status) => {
    const answer = await call(path())
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ code: expect.any(String), remedy: expect.any(String) })
  })

  test('names a device with any hwid that can be registered', async () => {
    const hwids = ['x'.repeat(256), '漢'.repeat(256), 'a/b?c=d#e', '../../etc', '%00', 'Zoë’s phone 📱']
    for (const hwid of hwids) {
      const answer = await server.device(app, 'setTags', { hwid, tags: { hwid } })
      expect(answer.body.status_code, hwid).toBe(200)
      expect(await server.view(app, hwid), hwid).toMatchObject({ hwid, tags: { hwid } })
    }
  })

  test('what is searched for is text, not a pattern', async () => {
    await server.device(app, 'setTags', { hwid: 'under_score', tags: {} })
    await server.device(app, 'setTags', { hwid: 'under-dash', tags: {} })
    const found = async (search: string) =>
      (await call(`${appPath()}/devices?search=${encodeURIComponent(search)}`)).body.devices.map(
        (it: { hwid: string }) => it.hwid,
      )
    expect(await found('under_')).toEqual(['under_score'])
    expect(await found('%')).toEqual(['%00'])
    expect(await found("' or 1=1 --")).toEqual([])
  })

  test('may ask for one platform, or for those that have not told theirs', async () => {
    const fresh = await server.createApp()
    await server.device(fresh, 'registerDevice', { hwid: 'phone', device_type: 3 })
    await server.device(fresh, 'setTags', { hwid: 'silent', tags: {} })
    const found = async (query: string) =>
      (await call(`/v1/apps/${fresh.app}/devices?${query}`)).body.devices.map(
        (it: { hwid: string }) => it.hwid,
      )
    expect(await found('platform=android')).toEqual(['phone'])
    expect(await found('platform=android&state=none')).toEqual(['phone'])
    expect(await found('platform=other')).toEqual(['silent'])
    expect(await found('platform=ios')).toEqual([])
  })
})

describe('a query', () => {
  const devices = () => `/v1/apps/${app.app}/devices`

  test.each([
    ['a parameter that is unknown', () => `${devices()}?sate=dead`, 'sate'],
    ['one that another call knows', () => `/v1/apps/${app.app}/messages?search=x`, 'search'],
    ['any where none is taken', () => '/v1/apps?limit=5', 'limit'],
    ['a state that is none', () => `${devices()}?state=asleep`, 'state'],
    ['a limit beyond what is given at once', () => `${devices()}?limit=1001`, 'limit'],
    ['a parameter twice', () => `${devices()}?state=dead&state=active`, 'state'],
  ])('with %s is refused by its name', async (_what, path, name) => {
    const answer = await call(path())
    expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    expect(answer.body.detail).toContain(name)
  })

  test.each(['', '?state=dead', '?state=none&limit=1', '?search=x&state=unregistered'])(
    'like "%s" is answered',
    async query => {
      expect((await call(`${devices()}${query}`)).status).toBe(200)
    },
  )
})

test('a device that has not said its platform is shown, and described, with null', async () => {
  const access = await server.createApp()
  await server.device(access, 'applicationOpen', { hwid: 'silent' })
  expect(await server.view(access, 'silent')).toMatchObject({ platform: null })
  const { body } = await server.rest<{ paths: Record<string, { get: { responses: unknown } }> }>(
    'GET',
    '/v1/openapi.json',
  )
  const described = JSON.stringify(body.paths['/v1/apps/{app}/devices/{hwid}']?.get.responses)
  const platform = described.slice(described.indexOf('"platform"'), described.indexOf('"userId"'))
  expect(platform).toContain('"type":"null"')
})
