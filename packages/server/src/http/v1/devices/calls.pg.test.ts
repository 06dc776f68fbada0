/** REST for back ends: devices, users, tags and test devices, with real HTTP codes. */
import { createECDH, randomBytes } from 'node:crypto'
import { type DeviceView, TAG_TYPES } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../../test/bare.ts'

let server: BareServer
let app: Access
let base: string
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  base = `/v1/apps/${app.app}`
})
afterAll(() => server.close())

type Stored = DeviceView & { readonly skippedTags: readonly { tag: string; reason: string }[] }

let count = 0
const newHwid = () => `rest-${++count}`
const newToken = () => randomBytes(32).toString('hex')

/** Also for answers without a body, which `rest` of the fixture does not take. */
async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${server.url}${base}${path}`, {
    method,
    headers: {
      authorization: 'Bearer bare-server-token-of-enough-length',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}
const stored = async (hwid: string, body: unknown, method = 'PUT') => {
  const answer = await call(method, `/devices/${hwid}`, body)
  expect(answer).toMatchObject({ status: 200 })
  return answer.body as Stored
}

async function phone(): Promise<string> {
  const hwid = newHwid()
  await stored(hwid, { platform: 'ios', pushToken: newToken() })
  return hwid
}

describe('registering a device', () => {
  test('of each platform stores its address, and answers the device', async () => {
    const subscription = {
      pushToken: 'https://push.example.com/wpush/v2/rest',
      keys: {
        p256dh: createECDH('prime256v1').generateKeys().toString('base64url'),
        auth: randomBytes(16).toString('base64url'),
      },
    }
    const cases = [
      [
        { platform: 'ios', pushToken: newToken(), voipToken: newToken(), environment: 'sandbox' },
        ['apns', 'apns'],
      ],
      [{ platform: 'macos', pushToken: newToken() }, ['apns']],
      [{ platform: 'android', pushToken: 'an:fcm-token' }, ['fcm']],
      [{ platform: 'huawei', pushToken: 'an-hms-token' }, ['hms']],
      [{ platform: 'web', ...subscription }, ['webpush']],
      [{ platform: 'web' }, []],
    ] as const
    for (const [body, providers] of cases) {
      const device = await stored(newHwid(), body)
      expect(device.platform).toBe(body.platform)
      expect(device.addresses.map(it => it.provider)).toEqual(providers)
      expect(device.addresses.every(it => it.state === 'active')).toBe(true)
    }
  })

  test('takes all that a device can say of itself', async () => {
    const said = {
      userId: 'anna',
      language: 'de',
      timezoneSeconds: -18_000,
      appVersion: '1.2',
      osVersion: '17',
      deviceModel: 'iPhone15,2',
      permission: 'provisional',
    }
    const record = {
      bundleId: 'com.example.shop',
      country: 'CH',
      sdkVersion: '1.0',
      extensionVersion: '0.9',
      permissionParts: { alert: true, timeSensitive: false },
      channels: [{ id: 'news', isEnabled: true }],
      power: { isLowPower: false },
      badge: 4,
    }
    const registrationError = { code: 'x' }
    const device = await stored(newHwid(), {
      platform: 'ios',
      ...said,
      ...record,
      registrationError,
      tags: { a: 1 },
    })
    expect(device).toMatchObject({
      ...said,
      record: { ...record, registrationError },
      tags: { a: 1 },
      skippedTags: [],
    })
    expect(device.defaultTags).toMatchObject({ Country: 'CH', 'Push Alerts Enabled': true })
  })

  test.each<[string, Record<string, unknown>, string, string]>([
    ['a platform that is none', { platform: 'symbian' }, 'input_invalid', 'platform'],
    ['a token that can be none', { platform: 'ios', pushToken: 'xyz' }, 'address_malformed', 'pushToken'],
    ['a field with a slip', { platform: 'ios', pushtoken: 'ab' }, 'input_invalid', 'pushtoken'],
    ['too long a model', { platform: 'ios', deviceModel: 'x'.repeat(129) }, 'input_invalid', 'deviceModel'],
    [
      'an offset beyond a day',
      { platform: 'ios', timezoneSeconds: 86_401 },
      'input_invalid',
      'timezoneSeconds',
    ],
    ['a token for calls', { platform: 'android', voipToken: 'ab' }, 'input_invalid', 'body/voipToken'],
    [
      'keys of a browser',
      { platform: 'ios', keys: { p256dh: 'a', auth: 'b' } },
      'input_invalid',
      'body/keys: only web',
    ],
    [
      'an endpoint alone',
      { platform: 'web', pushToken: 'https://a.b/c' },
      'address_malformed',
      'keys/p256dh',
    ],
    ['a country in full', { platform: 'ios', country: 'Chile' }, 'input_invalid', 'country'],
  ])('with %s is a 400 that names it, and stores nothing', async (_what, body, code, place) => {
    const hwid = newHwid()
    const answer = await call('PUT', `/devices/${hwid}`, body)
    expect(answer).toMatchObject({ status: 400, body: { code } })
    expect(answer.body.detail).toContain(place)
    expect((await call('GET', `/devices/${hwid}`)).status).toBe(404)
  })
})

test.each<[string, string]>([
  ['of 257 characters', 'x'.repeat(257)],
  ['that all devices without one would share', 'null'],
])('a hwid %s is refused by name, and nothing is stored', async (_what, hwid) => {
  const answer = await call('PUT', `/devices/${hwid}`, { platform: 'ios', pushToken: newToken() })
  expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
  expect(answer.body.detail).toContain('params/hwid')
  const { rows } = await server.db.query('select from device where hwid = $1', [hwid])
  expect(rows).toEqual([])
})

test('a Live Activity of a device that is not Apple’s is refused, and its platform stays', async () => {
  const hwid = newHwid()
  await stored(hwid, { platform: 'android', pushToken: `fcm-${hwid}` })
  for (const path of ['activity-start', 'activities/ride']) {
    const answer = await call('PUT', `/devices/${hwid}/${path}`, { token: newToken() })
    expect(answer).toMatchObject({ status: 400, body: { code: 'platform_unsupported' } })
    const malformed = await call('PUT', `/devices/${await phone()}/${path}`, { token: 'xyz' })
    expect(malformed).toMatchObject({ status: 400, body: { code: 'address_malformed' } })
    expect(malformed.body.detail).toContain('body/token has 3')
  }
  expect((await call('GET', `/devices/${hwid}`)).body).toMatchObject({
    platform: 'android',
    addresses: [{ provider: 'fcm', state: 'active' }],
  })
})

describe('changing a device', () => {
  test('sets what is said, leaves the rest, and null logs the user out', async () => {
    const hwid = newHwid()
    await stored(hwid, {
      platform: 'ios',
      pushToken: newToken(),
      userId: 'anna',
      language: 'de',
      tags: { n: 1 },
    })
    const changed = await stored(
      hwid,
      { tags: { n: { operation: 'increment', value: 2 }, bad: {} } },
      'PATCH',
    )
    expect(changed).toMatchObject({
      userId: 'anna',
      language: 'de',
      tags: { n: 3 },
      skippedTags: [{ tag: 'bad' }],
    })
    expect(await stored(hwid, { userId: null, permission: 'denied' }, 'PATCH')).toMatchObject({
      userId: null,
      permission: 'denied',
      isOptedOut: true,
      addresses: [{ state: 'active' }],
    })
  })

  test('unregister ends its addresses, and an opening is noted', async () => {
    const hwid = newHwid()
    await stored(hwid, { platform: 'ios', pushToken: newToken() })
    expect((await call('POST', `/devices/${hwid}/opens`)).status).toBe(204)
    expect((await call('POST', `/devices/${hwid}/unregister`)).body).toMatchObject({
      lastOpenAt: expect.any(String),
      addresses: [{ state: 'dead', reason: 'unregistered' }],
    })
  })

  test('events, receipts and Live Activities are taken as from the device itself', async () => {
    const hwid = newHwid()
    await stored(hwid, { platform: 'ios', pushToken: newToken(), environment: 'sandbox' })
    const message = await call('POST', '/messages', {
      to: { devices: [hwid] },
      content: { title: 'x' },
      sendAt: '2199-01-01T00:00:00Z',
    })
    const { id } = message.body
    const done = [
      await call('POST', `/devices/${hwid}/events`, { name: 'bought', attributes: { price: 1 } }),
      await call('POST', `/devices/${hwid}/receipts`, { kind: 'opened', hash: id }),
      await call('PUT', `/devices/${hwid}/activities/ride`, { token: newToken() }),
      await call('PUT', `/devices/${hwid}/activity-start`, { token: newToken(), environment: 'production' }),
      await call('DELETE', `/devices/${hwid}/activities/ride`),
    ]
    expect(done.map(it => it.status)).toEqual([204, 204, 204, 204, 204])
    expect((await call('GET', `/devices/${hwid}/events`)).body.events).toMatchObject([
      { name: 'bought', count: 1 },
    ])
    expect((await call('GET', `/messages/${id}`)).body.counts).toMatchObject({ opened: 1 })
    const kinds = (await server.view(app, hwid)).addresses.map(
      it => `${it.kind} ${it.environment} ${it.state}`,
    )
    expect(kinds.sort()).toEqual([
      'alert sandbox active',
      'liveactivity-start production active',
      'liveactivity:ride sandbox dead',
    ])
    expect((await call('DELETE', `/devices/${hwid}/activity-start`)).status).toBe(204)
  })

  test.each([
    ['PATCH', '', { language: 'de' }],
    ['POST', '/unregister', undefined],
    ['POST', '/opens', undefined],
    ['POST', '/events', { name: 'x' }],
    ['GET', '/events', undefined],
    ['POST', '/receipts', { kind: 'opened', hash: 'x' }],
    ['PUT', '/activities/a', { token: 'ab' }],
    ['DELETE', '/activities/a', undefined],
    ['PUT', '/activity-start', { token: 'ab' }],
    ['DELETE', '/activity-start', undefined],
  ])('%s %s of a device that is not there is a 404, and makes none', async (method, path, body) => {
    expect(await call(method, `/devices/nobody${path}`, body)).toMatchObject({
      status: 404,
      body: { code: 'device_unknown' },
    })
    expect((await call('GET', '/devices/nobody')).status).toBe(404)
  })
})

test('a user is its devices, last seen first; one without any is a 404', async () => {
  const hwids = [newHwid(), newHwid()]
  for (const hwid of hwids)
    await stored(hwid, { platform: 'ios', pushToken: newToken(), userId: 'maria@example.com' })
  expect((await call('GET', '/users/maria%40example.com')).body).toMatchObject({
    userId: 'maria@example.com',
    devices: [{ hwid: hwids[1], state: 'active' }, { hwid: hwids[0] }],
  })
  expect(await call('GET', '/users/nobody')).toMatchObject({ status: 404, body: { code: 'user_unknown' } })
})

describe('definitions of tags', () => {
  const define = (tag: string, type: string) => call('PUT', `/tags/${encodeURIComponent(tag)}`, { type })
  const set = async (tags: Record<string, unknown>) => stored(newHwid(), { platform: 'ios', tags })

  test.each<[string, unknown, unknown]>([
    ['integer', '42', 42],
    ['integer', -1, -1],
    ['integer', 1.5, undefined],
    ['integer', 'many', undefined],
    ['string', 7, '7'],
    ['string', ['a'], undefined],
    ['list', 'one', ['one']],
    ['list', ['a', 'b'], ['a', 'b']],
    ['date', 1_700_000_000, '2023-11-14T22:13:20.000Z'],
    ['date', '2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['date', '2026-11-22 14:30', '2026-11-22T14:30:00.000Z'],
    ['date', '2026-11-22T14:30:00+02:00', '2026-11-22T12:30:00.000Z'],
    ['date', '2026-13-45', undefined],
    ['date', 'tomorrow', undefined],
    ['date', true, undefined],
    ['boolean', 1, true],
    ['boolean', 'false', false],
    ['boolean', 2, undefined],
    ['decimal', '19.95', 19.95],
    ['decimal', 'Infinity', undefined],
    ['version', '10.02.3', '10.2.3'],
    ['version', 17, '17'],
    ['version', '1.10000', undefined],
    ['version', '1.2.3.4.5', undefined],
  ])('%s: %j is stored as %j', async (type, value, expected) => {
    await define(`a ${type}`, type)
    const device = await set({ [`a ${type}`]: value, free: 'as it comes' })
    expect(device.tags).toEqual({
      free: 'as it comes',
      ...(expected !== undefined && { [`a ${type}`]: expected }),
    })
    expect(device.skippedTags).toEqual(
      expected === undefined
        ? [{ tag: `a ${type}`, reason: expect.stringContaining(`of type ${type}`) }]
        : [],
    )
  })

  test('operations need a type that they fit', async () => {
    for (const type of TAG_TYPES) await define(`op ${type}`, type)
    const tags = (operation: string, value: unknown) =>
      set(Object.fromEntries(TAG_TYPES.map(type => [`op ${type}`, { operation, value }])))
    expect((await tags('increment', 1)).tags).toEqual({ 'op integer': 1, 'op decimal': 1 })
    expect((await tags('increment', 0.5)).tags).toEqual({ 'op decimal': 0.5 })
    expect((await tags('append', 'x')).tags).toEqual({ 'op list': ['x'] })
  })

  test('null clears a tag of any type', async () => {
    await define('nullable', 'date')
    const hwid = newHwid()
    await stored(hwid, { platform: 'ios', tags: { nullable: '2026-11-22' } })
    expect((await stored(hwid, { tags: { nullable: null } }, 'PATCH')).tags).toEqual({})
  })

  test('are listed behind those of the server, kept as they are, and taken back', async () => {
    await define('listed', 'decimal')
    expect((await define('listed', 'integer')).status).toBe(400)
    const list = async () => (await call('GET', '/tags')).body.tags as { name: string }[]
    expect((await list()).slice(0, 1)).toEqual([
      { name: 'Last Application Open', type: 'date', isDefault: true },
    ])
    expect(await list()).toContainEqual({ name: 'listed', type: 'decimal', isDefault: false })
    for (let i = 0; i < 2; i++) expect((await call('DELETE', '/tags/listed')).status).toBe(204)
    expect((await list()).map(it => it.name)).not.toContain('listed')
  })

  test('of the server’s own tags, or of no type, are refused', async () => {
    for (const [tag, type] of [
      ['Language', 'integer'],
      ['mine', 'colour'],
      ['x'.repeat(129), 'integer'],
    ] as const)
      expect(await define(tag, type)).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    expect(await call('DELETE', '/tags/Country')).toMatchObject({ status: 400 })
  })

  test('hold for their own app alone', async () => {
    await define('only here', 'integer')
    const elsewhere = await server.createApp()
    await server.device(elsewhere, 'setTags', { hwid: 'x', tags: { 'only here': 'text' } })
    expect((await server.view(elsewhere, 'x')).tags).toEqual({ 'only here': 'text' })
  })
})

test('test devices are added, listed and taken back; one that is not there is a 404', async () => {
  const hwid = newHwid()
  await stored(hwid, { platform: 'ios' })
  expect(await call('POST', '/test-devices', { hwid, name: 'Desk' })).toMatchObject({
    status: 201,
    body: { hwid },
  })
  expect(await call('POST', '/test-devices', { hwid: 'nobody', name: 'Desk' })).toMatchObject({ status: 404 })
  expect((await call('GET', '/test-devices')).body.testDevices).toMatchObject([{ hwid, name: 'Desk' }])
  for (let i = 0; i < 2; i++) expect((await call('DELETE', `/test-devices/${hwid}`)).status).toBe(204)
  expect((await call('GET', '/test-devices')).body.testDevices).toEqual([])
})

test('an app is renamed and set by PATCH, and a slip in a setting is refused', async () => {
  expect((await call('PATCH', '', { name: 'Renamed', needsPermission: true })).body).toMatchObject({
    code: app.app,
    name: 'Renamed',
    needsPermission: true,
  })
  expect((await call('PATCH', '', { needsPermission: false })).body).toMatchObject({ name: 'Renamed' })
  expect((await call('PATCH', '', { needPermission: true })).status).toBe(400)
  expect((await server.rest('PATCH', '/v1/apps/AAAAA-00000', { name: 'x' })).status).toBe(404)
})

test('all of it is on the API page', async () => {
  const { paths } = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as {
    paths: Record<string, object>
  }
  const methodsOf = (path: string) => Object.keys(paths[`/v1/apps/{app}${path}`] ?? {}).sort()
  expect(methodsOf('/devices/{hwid}')).toEqual(expect.arrayContaining(['get', 'patch', 'put']))
  expect(methodsOf('/devices/{hwid}/activities/{activity}')).toEqual(['delete', 'put'])
  expect(methodsOf('/users/{user}')).toEqual(expect.arrayContaining(['get']))
  expect(methodsOf('/tags/{tag}')).toEqual(['delete', 'put'])
  expect(methodsOf('/test-devices')).toEqual(['get', 'post'])
  expect(methodsOf('')).toEqual(['delete', 'get', 'patch'])
})
