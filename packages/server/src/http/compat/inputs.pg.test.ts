/**
 * What devices send that is not quite what the protocol says: read for what it means where that is plain, refused by name
 * where a guess would name another person or device, and never the end of a client's session where it only decorates.
 */
import { createECDH, randomBytes, randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const newHwid = () => `input-${randomUUID()}`
const appleToken = () => randomBytes(32).toString('hex')
const call = async (method: string, fields: Record<string, unknown>) =>
  (await server.device(app, method, fields)).body
const done = async (method: string, fields: Record<string, unknown>) => {
  const body = await call(method, fields)
  expect(body, body.status_message).toMatchObject({ status_code: 200 })
  return body.response
}
const refusalOf = async (method: string, fields: Record<string, unknown>) => {
  const body = await call(method, fields)
  expect(body).toMatchObject({ status_code: 210, response: null })
  return body.status_message
}
const isKnown = async (hwid: string) => (await done('checkDevice', { hwid }))?.exist

describe('a device type', () => {
  const SESSION: [string, Record<string, unknown>][] = [
    ['getConfig', {}],
    ['applicationOpen', {}],
    ['registerUser', { userId: 'anna' }],
    ['unregisterDevice', {}],
    ['checkDevice', {}],
    ['setTags', { tags: { a: 1 } }],
    ['postEvent', { event: 'opened' }],
    ['getInboxMessages', {}],
  ]

  test.each([2, 8, 9, 13, 14, 18, 19, 0, -1, null, '', 'phone', true, [1], 1e300].map(it => [it]))(
    '%j, which is not served, fails no call that a session needs, and makes no platform up',
    async device_type => {
      const hwid = newHwid()
      for (const [method, fields] of SESSION) await done(method, { hwid, device_type, ...fields })
      expect(await server.view(app, hwid)).toMatchObject({ platform: null, userId: 'anna', tags: { a: 1 } })
    },
  )

  test.each([2, 9, null, true, [1], '', '1.5', 'phone'].map(it => [it]))(
    '%j, which is not served, has its token refused by name, and nothing is stored',
    async device_type => {
      for (const method of ['registerDevice', 'createTestDevice']) {
        const hwid = newHwid()
        expect(await refusalOf(method, { hwid, device_type, push_token: appleToken() })).toContain(
          'device_type',
        )
        expect(await isKnown(hwid)).toBe(false)
      }
    },
  )

  test.each([
    [1, 'ios', 'apns'],
    ['1', 'ios', 'apns'],
    [7, 'macos', 'apns'],
    [3, 'android', 'fcm'],
    [17, 'huawei', 'hms'],
    [10, 'web', 'webpush'],
    [11, 'web', 'webpush'],
    ['12', 'web', 'webpush'],
    [20, 'web', 'webpush'],
    [150, 'web', 'webpush'],
  ])('%j is %s, whose address goes to %s', async (device_type, platform, provider) => {
    const hwid = newHwid()
    const subscription = {
      push_token: `https://push.example.com/${hwid}`,
      public_key: createECDH('prime256v1').generateKeys().toString('base64'),
      auth_token: randomBytes(16).toString('base64'),
    }
    await done('registerDevice', {
      hwid,
      device_type,
      ...(provider === 'webpush' ? subscription : { push_token: appleToken() }),
    })
    expect(await server.view(app, hwid)).toMatchObject({
      platform,
      addresses: [{ provider, state: 'active' }],
    })
  })
})

describe('a user id', () => {
  test.each([9_007_199_254_740_992, 1e21, 4711.5, -1e300, true, [], {}].map(it => [it]))(
    '%j is refused: as a number it is rounded, and two people would be one',
    async userId => {
      const hwid = newHwid()
      for (const method of ['registerUser', 'applicationOpen'])
        expect(await refusalOf(method, { hwid, userId })).toContain('request.userId')
      expect(await refusalOf('mergeUser', { hwid, oldUserId: userId, newUserId: 'x' })).toContain('oldUserId')
      expect(await isKnown(hwid)).toBe(false)
    },
  )

  test('of 20 digits is taken as text, digit for digit', async () => {
    const hwid = newHwid()
    await done('registerUser', { hwid, userId: '90071992547409930001' })
    expect((await server.view(app, hwid)).userId).toBe('90071992547409930001')
  })
})

test.each(['null', 'undefined', '(null)', 'NIL', '00000000-0000-0000-0000-000000000000'])(
  'the hwid "%s" is refused, since all devices without one would share it',
  async hwid => {
    const fields = { hwid, device_type: 1, push_token: appleToken() }
    expect(await refusalOf('registerDevice', fields)).toContain('request.hwid')
  },
)

describe('what is empty or no value counts as not said', () => {
  test('so it does not wipe what is stored', async () => {
    const hwid = newHwid()
    const said = {
      language: 'de',
      app_version: '1.2',
      os_version: '17',
      device_model: 'iPhone',
      v: '3',
      gateway: 'sandbox',
    }
    await done('applicationOpen', { hwid, device_type: 1, ...said })
    for (const nothing of ['', '  ', null, {}, []])
      await done('applicationOpen', {
        hwid,
        ...Object.fromEntries(Object.keys(said).map(name => [name, nothing])),
      })
    expect(await server.view(app, hwid)).toMatchObject({
      language: 'de',
      appVersion: '1.2',
      osVersion: '17',
      deviceModel: 'iPhone',
      record: { sdkVersion: '3', environment: 'sandbox' },
    })
  })

  test.each([null, '', true, [5], {}, 'five', -1, 1.5, 100_000].map(it => [it]))(
    'the badge %j is refused by name, and the one that is stored stays',
    async badge => {
      const hwid = newHwid()
      await done('setBadge', { hwid, badge: '7' })
      expect(await refusalOf('setBadge', { hwid, badge })).toContain('request.badge')
      expect((await server.view(app, hwid)).record).toMatchObject({ badge: 7 })
    },
  )
})

test('yes and no are taken as words and numbers too', async () => {
  for (const [no, yes] of [
    [false, true],
    [0, 1],
    ['0', '1'],
    ['false', 'true'],
  ]) {
    const hwid = newHwid()
    await done('applicationOpen', { hwid, push_alerts_enabled: no, time_sensitive_notifications: yes })
    expect(await server.view(app, hwid)).toMatchObject({
      permission: 'denied',
      record: { permissionParts: { timeSensitive: true } },
    })
  }
})

describe('tags', () => {
  const tagsOf = async (hwid: string) => (await server.view(app, hwid)).tags

  test('a number that JSON can not hold is skipped, and what is stored stays', async () => {
    const hwid = newHwid()
    await done('setTags', { hwid, tags: { spent: 5, list: [1] } })
    const response = await fetch(`${server.url}/json/1.3/setTags`, {
      method: 'POST',
      headers: { authorization: `Token ${app.deviceToken}` },
      body: `{"request":{"application":"${app.app}","hwid":"${hwid}","tags":{"spent":1e400,"list":[-1e400],"c":1}}}`,
    })
    const { response: answer } = (await response.json()) as { response: { skipped: { tag: string }[] } }
    expect(answer.skipped.map(it => it.tag)).toEqual(['spent', 'list'])
    expect(await tagsOf(hwid)).toEqual({ spent: 5, list: [1], c: 1 })
  })

  test('"set" without a value is skipped; with null it clears', async () => {
    const hwid = newHwid()
    await done('setTags', { hwid, tags: { a: 1, b: 2 } })
    expect(
      await done('setTags', {
        hwid,
        tags: { a: { operation: 'set' }, b: { operation: 'set', value: null } },
      }),
    ).toMatchObject({ skipped: [{ tag: 'a' }] })
    expect(await tagsOf(hwid)).toEqual({ a: 1 })
  })
})

describe('R8: a token that can be none is refused by its name, its length and what is allowed; nothing is stored', () => {
  const key = () => createECDH('prime256v1').generateKeys()
  const web = () => ({
    device_type: 11,
    push_token: `https://push.example.com/${randomUUID()}`,
    public_key: key().toString('base64'),
    auth_token: randomBytes(16).toString('base64'),
  })
  const secret = randomBytes(40).toString('hex')
  const cases: [string, () => Record<string, unknown>, RegExp][] = [
    [
      'APNs, no hex',
      () => ({ device_type: 1, push_token: `${secret}zz` }),
      /push_token has 82 .*even.* at most 400/,
    ],
    ['APNs, odd', () => ({ device_type: 1, push_token: `${secret}a` }), /push_token has 81 .*even/],
    ['APNs, brackets around nothing', () => ({ device_type: 7, push_token: '< >' }), /push_token has 0/],
    [
      'APNs, of a strange environment',
      () => ({ ...web(), device_type: 1, push_token: secret, gateway: 'moon' }),
      /gateway is "moon"/,
    ],
    ['APNs, one byte', () => ({ device_type: 1, push_token: 'ab' }), /push_token has 2 .*at least 16/],
    [
      'APNs, zeros',
      () => ({ device_type: 1, push_token: '0'.repeat(64) }),
      /push_token has 64 .*not all zero/,
    ],
    ['FCM, a word', () => ({ device_type: 3, push_token: 'short' }), /push_token has 5 .*at least 6/],
    ...['BLACKLISTED', 'SERVICE_NOT_AVAILABLE'].map((it): [string, () => Record<string, unknown>, RegExp] => [
      `FCM, the error ${it}`,
      () => ({ device_type: 3, push_token: it }),
      /push_token .*no word in capitals/,
    ]),
    ['VoIP', () => ({ device_type: 1, voip_push_token: `${secret}g` }), /voip_push_token has 81/],
    [
      'FCM, a space',
      () => ({ device_type: 3, push_token: `${secret} x` }),
      /push_token has 82 characters.*registration token/,
    ],
    [
      'FCM, a URL',
      () => ({ device_type: 3, push_token: `https://push.example.com/${secret}` }),
      /push_token .*registration token/,
    ],
    ['FCM, the word null', () => ({ device_type: 3, push_token: 'null' }), /push_token .*registration token/],
    [
      'FCM, over 4096',
      () => ({ device_type: 3, push_token: 'x'.repeat(4097) }),
      /request\.push_token: .*4096.*4097/,
    ],
    [
      'HMS, a line break',
      () => ({ device_type: 17, push_token: `${secret}\nx` }),
      /push_token has 82 characters.*registration token/,
    ],
    [
      'HMS, the word undefined',
      () => ({ device_type: 17, push_token: 'undefined' }),
      /push_token .*registration token/,
    ],
    ['web, no URL', () => ({ ...web(), push_token: secret }), /push_token.*not a URL/],
    [
      'web, http',
      () => ({ ...web(), push_token: `http://push.example.com/${secret}` }),
      /push_token.*not https/,
    ],
    ['web, inside', () => ({ ...web(), push_token: `https://10.0.0.1/${secret}` }), /push_token.*public/],
    ['web, no key', () => ({ ...web(), public_key: undefined }), /public_key.*missing.*65 bytes/],
    [
      'web, a key of 64 bytes',
      () => ({ ...web(), public_key: key().subarray(1).toString('base64') }),
      /public_key has 64 bytes.*65/,
    ],
    [
      'web, a key off the curve',
      () => ({ ...web(), public_key: Buffer.alloc(65, 4).toString('base64') }),
      /public_key .*P-256/,
    ],
    ['web, a key with blanks', () => ({ ...web(), public_key: 'a b' }), /public_key .*base64/],
    ['web, no secret', () => ({ ...web(), auth_token: null }), /auth_token.*missing.*16 bytes/],
    [
      'web, a secret of 15 bytes',
      () => ({ ...web(), auth_token: randomBytes(15).toString('base64') }),
      /auth_token has 15 bytes.*16/,
    ],
    [
      'web, another app’s key',
      () => ({ ...web(), application_server_key: key().toString('base64url') }),
      /application_server_key/,
    ],
  ]
  test.each(cases)('%s', async (_what, fieldsOf, message) => {
    const hwid = newHwid()
    const fields: Record<string, unknown> = fieldsOf()
    const refusal = await refusalOf('registerDevice', { hwid, tags: { a: 1 }, userId: 'anna', ...fields })
    expect(refusal).toMatch(message)
    expect(refusal).not.toContain('..')
    for (const token of [fields.push_token, fields.voip_push_token, fields.auth_token])
      if (typeof token === 'string' && token.length > 12) expect(refusal).not.toContain(token)
    expect(await isKnown(hwid)).toBe(false)
  })

  test('R7: APNs tokens are one in any case and wrapping, those of FCM only byte for byte', async () => {
    const [hwid, other, token] = [newHwid(), newHwid(), appleToken()]
    await done('registerDevice', { hwid, device_type: 1, push_token: token })
    await done('registerDevice', {
      hwid: other,
      device_type: 1,
      push_token: ` <${token.toUpperCase().replace(/(.{8})/g, '$1 ')}> `,
    })
    expect(await done('checkDevice', { hwid })).toEqual({ exist: true, push_token_exist: false })
    const [lower, upper, opaque] = [newHwid(), newHwid(), `abc:${randomUUID()}`]
    await done('registerDevice', { hwid: lower, device_type: 3, push_token: opaque })
    await done('registerDevice', { hwid: upper, device_type: 3, push_token: opaque.toUpperCase() })
    for (const it of [lower, upper])
      expect(await done('checkDevice', { hwid: it })).toEqual({ exist: true, push_token_exist: true })
  })
})

describe('a refusal', () => {
  test('of a browser’s keys has a remedy for keys, and one full stop', async () => {
    const refusal = await refusalOf('registerDevice', {
      hwid: newHwid(),
      device_type: 11,
      push_token: `https://push.example.com/${randomUUID()}`,
    })
    expect(refusal).toMatch(/^public_key is missing; .*[^.]\. Send .* of a browser both of its keys, too\.$/)
  })

  test('names field, value and limit, and quotes only the beginning of a long value', async () => {
    expect(await refusalOf('applicationOpen', { hwid: `x${'y'.repeat(300)}` })).toMatch(
      /request\.hwid: .*256.*"xy{39}…" with 301 characters/,
    )
    expect(await refusalOf('setBadge', { hwid: 'x', badge: 100_000 })).toMatch(
      /request\.badge: .*99999.*100000/,
    )
    expect(await refusalOf('registerUser', { hwid: 'x', userId: ['a', 'b'] })).toMatch(
      /request\.userId: .*a list/,
    )
    expect(await refusalOf('setTags', { hwid: 'x' })).toMatch(
      /request\.tags: it is missing; it must be an object/,
    )
    expect(await refusalOf('registerDevice', { hwid: 'x', push_token: appleToken() })).toMatch(
      /request\.device_type: it is missing; it is a number/,
    )
    expect(await refusalOf('applicationOpen', { hwid: '' })).toMatch(
      /request\.hwid: it must not be empty; it is ""/,
    )
  })

  test('goes by nothing that only REST has', async () => {
    const badJson = await fetch(`${server.url}/json/1.3/applicationOpen`, { method: 'POST', body: '{' })
    const { status_message } = (await badJson.json()) as { status_message: string }
    for (const message of [await refusalOf('setTags', { hwid: 'x' }), status_message])
      expect(message).not.toMatch(/detail`|openapi|received|expected [a-z]+,/)
  })

  test('never quotes a token', async () => {
    const token = 'q'.repeat(5000)
    for (const name of [
      'push_token',
      'voip_push_token',
      'public_key',
      'auth_token',
      'application_server_key',
    ])
      expect(await refusalOf('registerDevice', { hwid: 'x', device_type: 3, [name]: token })).not.toContain(
        'qqq',
      )
    expect(
      await refusalOf('setActivityToken', { hwid: 'x', activity_id: 'a', activity_token: token }),
    ).not.toContain('qqq')
  })
})

describe('Live Activities', () => {
  test('of a device that is not Apple’s are refused, and its platform stays', async () => {
    const hwid = newHwid()
    await done('registerDevice', { hwid, device_type: 3, push_token: `fcm-${hwid}` })
    const start = { hwid, activity_push_to_start_token: appleToken() }
    expect(await refusalOf('setActivityPushToStartToken', start)).toContain('android')
    expect(await refusalOf('setActivityPushToStartToken', { ...start, device_type: 3 })).toContain('android')
    expect(
      await refusalOf('setActivityToken', { hwid, activity_id: 'ride', activity_token: appleToken() }),
    ).toContain('android')
    expect(await server.view(app, hwid)).toMatchObject({
      platform: 'android',
      addresses: [{ provider: 'fcm', state: 'active' }],
    })
  })

  test('of a Mac leave it a Mac; of a device that never said what it is, it is taken for a phone', async () => {
    const [mac, unknown] = [newHwid(), newHwid()]
    await done('registerDevice', { hwid: mac, device_type: 7, push_token: appleToken() })
    for (const hwid of [mac, unknown])
      await done('setActivityPushToStartToken', { hwid, activity_push_to_start_token: appleToken() })
    expect((await server.view(app, mac)).platform).toBe('macos')
    expect((await server.view(app, unknown)).platform).toBe('ios')
  })
})

describe('a path', () => {
  test.each(['/json/1.3/applicationOpen/', '/json/1.3//applicationOpen'])(
    'as %s, which base URLs with or without a slash make, is the method',
    async path => {
      const response = await fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Token ${app.deviceToken}`, origin: 'https://shop.example.com' },
        body: JSON.stringify({ request: { application: app.app, hwid: newHwid() } }),
      })
      expect(response.status).toBe(200)
      expect(response.headers.get('access-control-allow-origin')).toBe('https://shop.example.com')
      expect(await response.json()).toMatchObject({ status_code: 200 })
    },
  )
})

test('browsers may read after how many seconds to come back', async () => {
  const response = await fetch(`${server.url}/json/1.3/applicationOpen`, {
    method: 'POST',
    headers: { authorization: `Token ${app.deviceToken}`, origin: 'https://shop.example.com' },
    body: JSON.stringify({ request: { application: app.app, hwid: newHwid() } }),
  })
  expect(response.headers.get('access-control-expose-headers')).toMatch(/retry-after/i)
})

test('a test device that is refused for their number was not registered either', async () => {
  const full = await server.createApp()
  await server.db.query(
    `insert into test_device (bucket, app_id, hwid, name, created_at)
     select 0, id, 't' || n, 'x', now() from app, generate_series(1, 1000) n where code = $1`,
    [full.app],
  )
  const fields = { hwid: newHwid(), device_type: 1, push_token: appleToken(), name: 'Desk' }
  const refused = (await server.device(full, 'createTestDevice', fields)).body
  expect(refused).toMatchObject({ status_code: 210 })
  expect(refused.status_message).toContain('1000 test devices')
  expect((await server.device(full, 'checkDevice', { hwid: fields.hwid })).body.response).toMatchObject({
    exist: false,
  })
})

describe('a body', () => {
  const post = async (body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/json/1.3/applicationOpen`, {
      method: 'POST',
      headers: { authorization: `Token ${app.deviceToken}`, ...headers },
      body,
    })
    return { status: response.status, body: (await response.json()) as { status_message: string } }
  }
  const bytesOf = (hwid: string) => Buffer.from(JSON.stringify({ request: { application: app.app, hwid } }))

  test('that is not UTF-8 is refused, since two names would become one', async () => {
    const name = newHwid()
    for (const byte of [0xfe, 0xfd]) {
      const bytes = bytesOf(`${name}#`)
      bytes[bytes.lastIndexOf('#')] = byte
      const answer = await post(bytes)
      expect(answer).toMatchObject({ status: 400, body: { status_code: 400 } })
      expect(answer.body.status_message).toContain('not UTF-8')
    }
    expect(await isKnown(`${name}\ufffd`)).toBe(false)
  })

  test('may begin with a byte order mark', async () => {
    const hwid = newHwid()
    expect(await post(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytesOf(hwid)]))).toMatchObject({
      status: 200,
      body: { status_code: 200 },
    })
    expect(await isKnown(hwid)).toBe(true)
  })

  test('that is compressed is refused by what it is, whether or not its header says so', async () => {
    for (const headers of [{ 'content-encoding': 'gzip' }, {}] as Record<string, string>[]) {
      const answer = await post(gzipSync(bytesOf(newHwid())), headers)
      expect(answer.status).toBe(400)
      expect(answer.body.status_message).toContain('compressed')
    }
  })
})

test('what clients ask for at each start and this version does not serve is answered empty', async () => {
  const hwid = newHwid()
  expect(await done('getInApps', { hwid, language: 'en' })).toEqual({ inApps: [] })
  expect(await done('getPopupForms', { hwid })).toEqual({ popup_forms: [] })
  expect(await isKnown(hwid)).toBe(false)
})

test('a registration tells which of its tags were skipped, and a clean one nothing', async () => {
  const fields = { hwid: newHwid(), device_type: 1, push_token: appleToken() }
  expect(await done('registerDevice', { ...fields, tags: { plan: 'gold', nested: { a: 1 } } })).toEqual({
    skipped: [{ tag: 'nested', reason: expect.stringContaining('a string') }],
  })
  expect(await done('registerDevice', { ...fields, tags: { plan: 'gold' } })).toBeNull()
  expect((await server.view(app, fields.hwid)).tags).toEqual({ plan: 'gold' })
})
