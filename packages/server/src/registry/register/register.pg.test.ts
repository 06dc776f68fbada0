/**
 * The rules of registration, driven through the real HTTP API of two servers that share one database. Rule numbers are
 * those of docs/token-life.md.
 */
import { createECDH, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'

let server: BareServer
let other: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  other = await server.another()
  app = await server.createApp()
})
afterAll(async () => {
  await other.close()
  await server.close()
})

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const IOS = 1
const ANDROID = 3
const CHROME = 11

let count = 0
const newHwid = () => `device-${++count}`
const newToken = () => randomBytes(32).toString('hex')

async function register(hwid: string, fields: Record<string, unknown>, at: BareServer = server) {
  const answer = await at.device(app, 'registerDevice', { hwid, device_type: IOS, ...fields })
  return answer.body
}

async function registered(hwid: string, fields: Record<string, unknown>, at?: BareServer): Promise<void> {
  expect(await register(hwid, fields, at)).toMatchObject({ status_code: 200 })
}

const addresses = async (hwid: string) => (await server.view(app, hwid)).addresses
const events = async (hwid: string) => (await server.ledger(app, hwid)).map(it => it.event)
/** How an address is told to people: by its end. */
const end = (token: string) => token.slice(-8)

async function sendableOf(hwid: string): Promise<string[]> {
  const { rows } = await server.db.query<{ address: string }>(
    "select address from address where hwid = $1 and state in ('active', 'suspect')",
    [hwid],
  )
  return rows.map(row => row.address)
}

async function holdersOf(token: string): Promise<string[]> {
  const { rows } = await server.db.query<{ hwid: string }>(
    "select hwid from address where address = $1 and state in ('active', 'suspect')",
    [token],
  )
  return rows.map(row => row.hwid)
}

async function lastRegisteredAt(hwid: string): Promise<number> {
  const { rows } = await server.db.query<{ at: string }>(
    'select last_registered_at as at from address where hwid = $1',
    [hwid],
  )
  return Date.parse(rows[0]?.at ?? '')
}

test('R0: registering the same address again leaves one active row, moves its clock on and writes no history', async () => {
  const hwid = newHwid()
  const token = newToken()
  await registered(hwid, { push_token: token })
  const first = await lastRegisteredAt(hwid)
  server.clock.advance(DAY_MS)
  await registered(hwid, { push_token: token })
  expect(await addresses(hwid)).toMatchObject([{ state: 'active', addressEnd: end(token) }])
  expect(await lastRegisteredAt(hwid)).toBeGreaterThanOrEqual(first + DAY_MS)
  expect(await events(hwid)).toEqual(['registered'])
})

test('R0: a delayed repeat of a registration never moves the clock of an address back', async () => {
  const hwid = newHwid()
  const token = newToken()
  await registered(hwid, { push_token: token })
  const first = await lastRegisteredAt(hwid)
  server.clock.advance(-HOUR_MS)
  await registered(hwid, { push_token: token })
  server.clock.advance(HOUR_MS)
  expect(await lastRegisteredAt(hwid)).toBe(first)
})

test.each(['dead', 'superseded', 'moved', 'quarantined', 'suspect'])(
  'R0b, R6: a registration moments later is written when the address is %s, and makes it active with a new generation',
  async state => {
    const hwid = newHwid()
    const token = newToken()
    await registered(hwid, { push_token: token })
    await server.db.query('update address set state = $2, reason = $3, generation = 7 where hwid = $1', [
      hwid,
      state,
      'for the test',
    ])
    await registered(hwid, { push_token: token })
    expect(await addresses(hwid)).toMatchObject([{ state: 'active', reason: null, generation: 8 }])
    expect((await server.ledger(app, hwid)).at(-1)).toMatchObject({
      event: state === 'suspect' ? 'confirmed' : 'restored',
      evidence: { formerState: state },
      generation: 8,
    })
  },
)

describe('R2: a new address replaces the old one', () => {
  test('and the old one is superseded, with the reason', async () => {
    const hwid = newHwid()
    const [old, fresh] = [newToken(), newToken()]
    await registered(hwid, { push_token: old })
    await registered(hwid, { push_token: fresh })
    expect(await addresses(hwid)).toMatchObject([
      { state: 'active', addressEnd: end(fresh), generation: 1 },
      { state: 'superseded', reason: 'replaced_by_new_address', addressEnd: end(old), generation: 2 },
    ])
    expect(await server.ledger(app, hwid)).toMatchObject([
      { event: 'registered', addressEnd: end(old), provider: 'apns', environment: 'production' },
      { event: 'superseded', reason: 'replaced_by_new_address', addressEnd: end(old) },
      { event: 'registered', addressEnd: end(fresh) },
    ])
  })

  test('and going back to the old one revives it and supersedes the new one', async () => {
    const hwid = newHwid()
    const [old, fresh] = [newToken(), newToken()]
    for (const token of [old, fresh, old]) await registered(hwid, { push_token: token })
    expect(await sendableOf(hwid)).toEqual([old])
    expect((await addresses(hwid))[0]).toMatchObject({ state: 'active', addressEnd: end(old), generation: 3 })
  })

  test('also when a device changes its provider', async () => {
    const hwid = newHwid()
    await registered(hwid, { push_token: newToken() })
    await registered(hwid, { push_token: `fcm-${hwid}`, device_type: ANDROID })
    expect(await sendableOf(hwid)).toEqual([`fcm-${hwid}`])
    expect(await server.view(app, hwid)).toMatchObject({ platform: 'android' })
  })

  test('without a moment with two addresses or none, while two servers register it many times at once', async () => {
    const hwid = newHwid()
    await registered(hwid, { push_token: newToken() })
    const tokens = Array.from({ length: 60 }, newToken)
    let isOver = false
    const all = Promise.all(
      tokens.map((token, i) => registered(hwid, { push_token: token }, i % 2 === 0 ? server : other)),
    ).finally(() => {
      isOver = true
    })
    let looks = 0
    while (!isOver) {
      expect(await sendableOf(hwid)).toHaveLength(1)
      looks++
    }
    await all
    expect(looks).toBeGreaterThan(5)
    expect(await sendableOf(hwid)).toHaveLength(1)
    const history = await events(hwid)
    expect(history.filter(it => it === 'registered')).toHaveLength(61)
    expect(history.filter(it => it === 'superseded')).toHaveLength(60)
  })
})

describe('R3: an address belongs to the device that registered it last', () => {
  test('and its former holder has none any more, with the reason in its history', async () => {
    const [first, second] = [newHwid(), newHwid()]
    const token = newToken()
    await registered(first, { push_token: token })
    await registered(second, { push_token: token })
    expect(await holdersOf(token)).toEqual([second])
    expect(await addresses(first)).toMatchObject([
      { state: 'moved', reason: 'registered_by_another_device', generation: 2 },
    ])
    expect(await events(first)).toEqual(['registered', 'moved'])
    expect(await events(second)).toEqual(['registered'])
  })

  test('and it can come back to the first device, which is active again', async () => {
    const [first, second] = [newHwid(), newHwid()]
    const token = newToken()
    for (const hwid of [first, second, first]) await registered(hwid, { push_token: token })
    expect(await holdersOf(token)).toEqual([first])
    expect(await events(first)).toEqual(['registered', 'moved', 'restored'])
    expect(await events(second)).toEqual(['registered', 'moved'])
  })

  test('and the last one alone, when twenty devices claim it at once at two servers', async () => {
    const hwids = Array.from({ length: 20 }, newHwid)
    const token = newToken()
    await Promise.all(
      hwids.map((hwid, i) => registered(hwid, { push_token: token }, i % 2 === 0 ? server : other)),
    )
    const holders = await holdersOf(token)
    expect(holders).toHaveLength(1)
    const { rows } = await server.db.query<{ hwid: string }>(
      "select hwid from address where address = $1 and state = 'moved'",
      [token],
    )
    expect(rows.map(row => row.hwid).sort()).toEqual(hwids.filter(hwid => hwid !== holders[0]).sort())
    const directory = await server.db.query(
      'select hwid from address_directory where hwid = any($1::text[])',
      [hwids],
    )
    expect(directory.rows).toEqual([{ hwid: holders[0] }])
  })

  test('also when two devices swap their addresses at once', async () => {
    const [first, second] = [newHwid(), newHwid()]
    const [red, blue] = [newToken(), newToken()]
    await Promise.all([registered(first, { push_token: red }), registered(second, { push_token: blue })])
    await Promise.all([
      registered(first, { push_token: blue }, server),
      registered(second, { push_token: red }, other),
    ])
    expect(await holdersOf(red)).toEqual([second])
    expect(await holdersOf(blue)).toEqual([first])
    expect(await sendableOf(first)).toEqual([blue])
    expect(await sendableOf(second)).toEqual([red])
  })

  test('but the same address in another app is another address', async () => {
    const hwid = newHwid()
    const token = newToken()
    const elsewhere = await server.createApp()
    await registered(hwid, { push_token: token })
    await server.device(elsewhere, 'registerDevice', { hwid, device_type: IOS, push_token: token })
    expect((await server.view(app, hwid)).addresses).toMatchObject([{ state: 'active' }])
    expect((await server.view(elsewhere, hwid)).addresses).toMatchObject([{ state: 'active' }])
  })
})

test('R6: an address that was superseded is active again when the device registers it', async () => {
  const hwid = newHwid()
  const [old, fresh] = [newToken(), newToken()]
  for (const token of [old, fresh, old]) await registered(hwid, { push_token: token })
  expect(await events(hwid)).toEqual(['registered', 'superseded', 'registered', 'superseded', 'restored'])
})

test('R6: a device that unregistered is reached again as soon as it registers, with the same address or another', async () => {
  const hwid = newHwid()
  const [old, fresh] = [newToken(), newToken()]
  await registered(hwid, { push_token: old })
  await server.device(app, 'unregisterDevice', { hwid })
  expect(await addresses(hwid)).toMatchObject([{ state: 'dead', reason: 'unregistered' }])
  await registered(hwid, { push_token: old })
  expect(await sendableOf(hwid)).toEqual([old])
  await server.device(app, 'unregisterDevice', { hwid })
  await registered(hwid, { push_token: fresh })
  expect(await sendableOf(hwid)).toEqual([fresh])
  expect(await server.ledger(app, hwid)).toMatchObject([
    { event: 'registered' },
    { event: 'unregistered', reason: 'asked_by_device', generation: 2 },
    { event: 'restored', evidence: { formerState: 'dead' }, generation: 3 },
    { event: 'unregistered', generation: 4 },
    { event: 'restored', addressEnd: end(fresh), generation: 1 },
  ])
})

describe('R7: the normal form of an address', () => {
  test('an APNs token is the same in capitals, with spaces and in brackets', async () => {
    const hwid = newHwid()
    const token = newToken()
    const spaced = token.replace(/(.{8})(?=.)/g, '$1 ')
    for (const form of [token, token.toUpperCase(), `<${spaced}>`])
      await registered(hwid, { push_token: form })
    expect(await sendableOf(hwid)).toEqual([token])
    expect(await addresses(hwid)).toHaveLength(1)
  })

  test('an FCM token is another one in other letters', async () => {
    const hwid = newHwid()
    await registered(hwid, { push_token: `Abc:${hwid}`, device_type: ANDROID })
    await registered(hwid, { push_token: `abc:${hwid}`, device_type: ANDROID })
    expect(await addresses(hwid)).toHaveLength(2)
  })

  test('an endpoint is kept byte for byte', async () => {
    const hwid = newHwid()
    const endpoint = `https://push.example.com/wpush/v2/${hwid}-AbC%2fx?q=1`
    await registered(hwid, { ...subscription(), push_token: endpoint, device_type: CHROME })
    expect(await sendableOf(hwid)).toEqual([endpoint])
  })
})

/** The keys of a browser, as clients send them: standard base64. */
function subscription(): { public_key: string; auth_token: string } {
  return {
    public_key: createECDH('prime256v1').generateKeys().toString('base64'),
    auth_token: randomBytes(16).toString('base64'),
  }
}

describe('R8: what can not be an address is refused at the door, and leaves no row', () => {
  const web = { device_type: CHROME, ...subscription() }
  const endpoint = 'https://push.example.com/wpush/v2/abc'
  const point = createECDH('prime256v1').generateKeys()
  test.each<[string, Record<string, unknown>]>([
    ['bad hex', { push_token: `${newToken().slice(2)}zz` }],
    ['an odd number of hex digits', { push_token: newToken().slice(1) }],
    ['an APNs token of 402 hex digits', { push_token: 'ab'.repeat(201) }],
    ['an environment that Apple does not have', { push_token: newToken(), gateway: 'staging' }],
    ['an FCM token with a space', { device_type: ANDROID, push_token: 'abc def' }],
    ['an FCM token beyond ASCII', { device_type: ANDROID, push_token: 'abcé' }],
    ['p256dh of 64 bytes', { ...web, push_token: endpoint, public_key: point.toString('base64').slice(4) }],
    ['p256dh of 65 bytes off the curve', { ...web, push_token: endpoint, public_key: offCurve() }],
    ['no p256dh', { ...web, push_token: endpoint, public_key: undefined }],
    ['auth of 15 bytes', { ...web, push_token: endpoint, auth_token: randomBytes(15).toString('base64') }],
    ['auth of 17 bytes', { ...web, push_token: endpoint, auth_token: randomBytes(17).toString('base64') }],
    ['no auth', { ...web, push_token: endpoint, auth_token: undefined }],
    ['an http endpoint', { ...web, push_token: 'http://push.example.com/abc' }],
    ['an endpoint with a password', { ...web, push_token: 'https://a:b@push.example.com/abc' }],
    ['an endpoint at an odd port', { ...web, push_token: 'https://push.example.com:7460/abc' }],
    ['an endpoint on loopback', { ...web, push_token: 'https://127.0.0.1/abc' }],
    ['an endpoint on loopback written as one number', { ...web, push_token: 'https://2130706433/abc' }],
    ['an endpoint on a private network', { ...web, push_token: 'https://10.1.2.3/abc' }],
    ['an endpoint on a cloud metadata service', { ...web, push_token: 'https://169.254.169.254/latest' }],
    ['an endpoint on IPv6 loopback', { ...web, push_token: 'https://[::1]/abc' }],
    ['an endpoint on IPv4 loopback in IPv6', { ...web, push_token: 'https://[::ffff:127.0.0.1]/abc' }],
    ['an endpoint that is no URL', { ...web, push_token: 'push.example.com/abc' }],
    ['a VAPID key of another app', { ...web, push_token: endpoint, application_server_key: 'BFoo' }],
  ])('%s', async (_what, fields) => {
    const hwid = newHwid()
    const answer = await register(hwid, fields)
    expect(answer).toMatchObject({ status_code: 210, response: null })
    const { rows } = await server.db.query(
      'select hwid from device where hwid = $1 union all select hwid from address where hwid = $1',
      [hwid],
    )
    expect(rows).toEqual([])
    const token = String(fields.push_token)
    if (token.length > 16) expect(answer.status_message).not.toContain(token)
  })

  test('and the address of before stays active', async () => {
    const hwid = newHwid()
    const token = newToken()
    await registered(hwid, { push_token: token })
    expect(await register(hwid, { push_token: 'xyz' })).toMatchObject({ status_code: 210 })
    expect(await sendableOf(hwid)).toEqual([token])
  })
})

function offCurve(): string {
  return Buffer.concat([Buffer.of(4), Buffer.alloc(64, 7)]).toString('base64')
}

describe('R9: the environment is a part of the identity', () => {
  test('the same token in sandbox and in production is two addresses, the last one active', async () => {
    const hwid = newHwid()
    const token = newToken()
    await registered(hwid, { push_token: token, gateway: 'production' })
    await registered(hwid, { push_token: token, gateway: 'sandbox' })
    expect(await addresses(hwid)).toMatchObject([
      { state: 'active', environment: 'sandbox' },
      { state: 'superseded', environment: 'production' },
    ])
  })

  test('two devices can hold the same token in different environments', async () => {
    const [first, second] = [newHwid(), newHwid()]
    const token = newToken()
    await registered(first, { push_token: token, gateway: 'production' })
    await registered(second, { push_token: token, gateway: 'sandbox' })
    expect((await holdersOf(token)).sort()).toEqual([first, second].sort())
  })

  test('a device that is silent about it is in production', async () => {
    const hwid = newHwid()
    await registered(hwid, { push_token: newToken() })
    expect(await addresses(hwid)).toMatchObject([{ environment: 'production' }])
  })
})

describe('who the user of a device is', () => {
  test('a userId that is the hwid names nobody', async () => {
    const hwid = newHwid()
    await registered(hwid, { push_token: newToken(), userId: hwid })
    expect(await server.view(app, hwid)).toMatchObject({ userId: null })
  })

  test('calls that name nobody leave the user as it was', async () => {
    const hwid = newHwid()
    await registered(hwid, { push_token: newToken(), userId: 'anna' })
    await registered(hwid, { push_token: newToken(), userId: hwid })
    await registered(hwid, { push_token: newToken() })
    await server.device(app, 'applicationOpen', { hwid, userId: hwid })
    await server.device(app, 'setTags', { hwid, userId: '', tags: { a: 1 } })
    await server.device(app, 'unregisterDevice', { hwid, userId: hwid })
    expect(await server.view(app, hwid)).toMatchObject({ userId: 'anna' })
  })

  test('another user takes the device over', async () => {
    const hwid = newHwid()
    await registered(hwid, { push_token: newToken(), userId: 'anna' })
    await server.device(app, 'registerUser', { hwid, userId: 'ben' })
    expect(await server.view(app, hwid)).toMatchObject({ userId: 'ben' })
  })

  test('a user can have many devices', async () => {
    const hwids = [newHwid(), newHwid(), newHwid()]
    for (const hwid of hwids) await registered(hwid, { push_token: newToken(), userId: 'has-many' })
    const { body } = await server.rest<{ devices: { hwid: string }[] }>(
      'GET',
      `/v1/apps/${app.app}/devices?search=has-many`,
    )
    expect(body.devices.map(it => it.hwid).sort()).toEqual(hwids.sort())
  })
})

describe('tags', () => {
  const tagsOf = async (hwid: string) => (await server.view(app, hwid)).tags

  test('a value sets, null clears, and the others stay', async () => {
    const hwid = newHwid()
    await server.device(app, 'setTags', {
      hwid,
      tags: { tier: 'gold', age: 30, is_vip: true, langs: ['de', 'en'] },
    })
    await server.device(app, 'setTags', { hwid, tags: { tier: null, age: 31, never: null } })
    expect(await tagsOf(hwid)).toEqual({ age: 31, is_vip: true, langs: ['de', 'en'] })
  })

  test('null clears a tag also in the very first call of a device', async () => {
    const hwid = newHwid()
    await server.device(app, 'setTags', { hwid, tags: { tier: null, age: 1 } })
    expect(await tagsOf(hwid)).toEqual({ age: 1 })
  })

  test('registerDevice sets tags too', async () => {
    const hwid = newHwid()
    await registered(hwid, { push_token: newToken(), tags: { tier: 'gold' } })
    expect(await tagsOf(hwid)).toEqual({ tier: 'gold' })
  })

  test('values that can not be stored are reported as skipped, and the rest is stored', async () => {
    const hwid = newHwid()
    const { body } = await server.device(app, 'setTags', {
      hwid,
      tags: {
        good: 1,
        counter: { operation: 'multiply', value: 2 },
        list: { operation: 'append', value: [['x']] },
        object: { a: 1 },
        long: 'x'.repeat(1025),
        nested: [['x']],
        ['n'.repeat(129)]: 1,
      },
    })
    expect(body.status_code).toBe(200)
    const skipped = body.response?.skipped as { tag: string; reason: string }[]
    expect(skipped.map(it => it.tag)).toEqual([
      'counter',
      'list',
      'object',
      'long',
      'nested',
      'n'.repeat(128),
    ])
    expect(skipped[0]?.reason).toContain('an operation is')
    expect(await tagsOf(hwid)).toEqual({ good: 1 })
  })

  test('the 201st tag of one call is skipped', async () => {
    const hwid = newHwid()
    const tags = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`tag${i}`, i]))
    const { body } = await server.device(app, 'setTags', { hwid, tags })
    expect(body.response).toMatchObject({ skipped: [{ tag: 'tag200' }] })
    expect(Object.keys(await tagsOf(hwid))).toHaveLength(200)
  })

  test('of two calls for one tag at once, both are answered and one value stays whole', async () => {
    const hwid = newHwid()
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        (i % 2 === 0 ? server : other).device(app, 'setTags', { hwid, tags: { last: i, [`own${i}`]: i } }),
      ),
    )
    const tags = await tagsOf(hwid)
    expect(Object.keys(tags)).toHaveLength(41) // no call undid another one
  })
})

describe('a device that was never seen', () => {
  test.each<[string, Record<string, unknown>]>([
    ['applicationOpen', {}],
    ['setTags', { tags: { a: 1 } }],
    ['registerUser', { userId: 'dora' }],
  ])('is known after %s', async (method, fields) => {
    const hwid = newHwid()
    const { body } = await server.device(app, method, { hwid, ...fields })
    expect(body.status_code).toBe(200)
    expect(await server.view(app, hwid)).toMatchObject({ hwid, addresses: [] })
    expect(await server.ledger(app, hwid)).toEqual([])
  })

  test('may unregister and check itself, and stays unknown', async () => {
    const hwid = newHwid()
    expect((await server.device(app, 'unregisterDevice', { hwid })).body).toMatchObject({
      status_code: 200,
      response: null,
    })
    expect((await server.device(app, 'checkDevice', { hwid })).body).toEqual({
      status_code: 200,
      status_message: 'OK',
      response: { exist: false, push_token_exist: false },
    })
    expect((await server.rest('GET', `/v1/apps/${app.app}/devices/${hwid}`)).status).toBe(404)
  })
})

test('checkDevice tells whether the device and its address are there, at every step', async () => {
  const hwid = newHwid()
  const check = async () => (await server.device(app, 'checkDevice', { hwid })).body.response
  await server.device(app, 'applicationOpen', { hwid })
  expect(await check()).toEqual({ exist: true, push_token_exist: false })
  await registered(hwid, { push_token: newToken() })
  expect(await check()).toEqual({ exist: true, push_token_exist: true })
  await server.device(app, 'unregisterDevice', { hwid })
  expect(await check()).toEqual({ exist: true, push_token_exist: false })
})

test('unregistering twice is one event', async () => {
  const hwid = newHwid()
  await registered(hwid, { push_token: newToken() })
  await server.device(app, 'unregisterDevice', { hwid })
  await server.device(app, 'unregisterDevice', { hwid })
  expect(await events(hwid)).toEqual(['registered', 'unregistered'])
})

test('what a call does not say stays as it was', async () => {
  const hwid = newHwid()
  await registered(hwid, {
    push_token: newToken(),
    language: 'de',
    app_version: '1.2',
    os_version: 17,
    device_model: 'iPhone15,2',
    timezone: '3600',
  })
  await server.device(app, 'applicationOpen', { hwid })
  expect(await server.view(app, hwid)).toMatchObject({
    platform: 'ios',
    language: 'de',
    appVersion: '1.2',
    osVersion: '17',
    deviceModel: 'iPhone15,2',
  })
})

test('only applicationOpen counts as an open', async () => {
  const hwid = newHwid()
  await registered(hwid, { push_token: newToken() })
  await server.device(app, 'setTags', { hwid, tags: { a: 1 } })
  expect(await server.view(app, hwid)).toMatchObject({ lastOpenAt: null })
  await server.device(app, 'applicationOpen', { hwid })
  expect((await server.view(app, hwid)).lastOpenAt).not.toBeNull()
})

test('500 registrations at once are each answered after their commit, and all of them are stored', async () => {
  const crowd = Array.from({ length: 500 }, () => ({ hwid: newHwid(), token: newToken() }))
  const seenAtAnswer = await Promise.all(
    crowd.map(async ({ hwid, token }) => {
      await registered(hwid, { push_token: token, tags: { hwid } })
      return sendableOf(hwid)
    }),
  )
  expect(seenAtAnswer).toEqual(crowd.map(({ token }) => [token]))
  const { rows } = await server.db.query<{ stored: number }>(
    "select count(*) as stored from device where hwid = any($1::text[]) and tags ->> 'hwid' = hwid",
    [crowd.map(it => it.hwid)],
  )
  expect(rows).toEqual([{ stored: 500 }])
})

describe('R5: a call that a later one of its device has overtaken changes nothing', () => {
  const STALE = { status_code: 200, status_message: 'OK', response: { stale: true } }
  const FRESH = { status_code: 200, status_message: 'OK', response: null }
  const call = async (method: string, fields: Record<string, unknown>, at = server) =>
    (await at.device(app, method, { device_type: IOS, ...fields })).body

  test('a registration that was held up does not bring an older address back', async () => {
    const hwid = newHwid()
    const [older, newer] = [newToken(), newToken()]
    expect(await call('registerDevice', { hwid, push_token: newer, client_seq: 2 })).toEqual(FRESH)
    const before = await server.view(app, hwid)
    expect(
      await call('registerDevice', {
        hwid,
        push_token: older,
        client_seq: 1,
        language: 'fr',
        tags: { a: 1 },
      }),
    ).toEqual(STALE)
    expect(await server.view(app, hwid)).toEqual(before)
    expect(await holdersOf(older)).toEqual([])
  })

  test('race G: a registration from before the logout leaves the person logged out', async () => {
    const hwid = newHwid()
    await call('registerDevice', { hwid, push_token: newToken(), userId: 'ann', client_seq: 6 })
    expect(await call('registerUser', { hwid, userId: hwid, client_seq: 8 }, other)).toEqual(FRESH)
    const late = { hwid, push_token: newToken(), userId: 'ann', client_seq: 7 }
    expect(await call('registerDevice', late)).toEqual(STALE)
    expect((await server.view(app, hwid)).userId).toBeNull()
  })

  test('a login from before the logout, too', async () => {
    const hwid = newHwid()
    await call('registerUser', { hwid, userId: hwid, client_seq: 8 })
    expect(await call('registerUser', { hwid, userId: 'ann', client_seq: 7 })).toEqual(STALE)
    expect((await server.view(app, hwid)).userId).toBeNull()
  })

  test('an unregistration from before the registration leaves the address active', async () => {
    const hwid = newHwid()
    const token = newToken()
    await call('registerDevice', { hwid, push_token: token, client_seq: 4 })
    expect(await call('unregisterDevice', { hwid, client_seq: 3 })).toEqual(STALE)
    expect(await sendableOf(hwid)).toEqual([token])
  })

  test('a registration from before the unregistration leaves the device alone, also when it is its first', async () => {
    const hwid = newHwid()
    expect(await call('unregisterDevice', { hwid, client_seq: 2 })).toEqual(FRESH)
    expect(await call('registerDevice', { hwid, push_token: newToken(), client_seq: 1 })).toEqual(STALE)
    expect(await sendableOf(hwid)).toEqual([])
  })

  test('a stale registration does not take the address away from who has it now', async () => {
    const [hwid, holder] = [newHwid(), newHwid()]
    const token = newToken()
    await call('registerDevice', { hwid, push_token: newToken(), client_seq: 5 })
    await call('registerDevice', { hwid: holder, push_token: token })
    expect(await call('registerDevice', { hwid, push_token: token, client_seq: 4 })).toEqual(STALE)
    expect(await holdersOf(token)).toEqual([holder])
  })

  test('a repeat with the same number counts, and so does a call without one', async () => {
    const hwid = newHwid()
    const [one, two] = [newToken(), newToken()]
    for (const push_token of [one, one])
      expect(await call('registerDevice', { hwid, push_token, client_seq: 3 })).toEqual(FRESH)
    expect(await call('registerDevice', { hwid, push_token: two })).toEqual(FRESH)
    expect(await sendableOf(hwid)).toEqual([two])
    expect(await call('registerDevice', { hwid, push_token: one, client_seq: 2 })).toEqual(STALE)
  })

  test('calls without an order of their own are never stale', async () => {
    const hwid = newHwid()
    await call('registerDevice', { hwid, push_token: newToken(), client_seq: 9 })
    expect(await call('setTags', { hwid, tags: { a: 1 }, client_seq: 1 })).toMatchObject({ status_code: 200 })
    expect((await server.view(app, hwid)).tags).toEqual({ a: 1 })
  })

  test.each([-1, 1.5, 'seven', 2 ** 60, {}])('the number %j is none', async client_seq => {
    const hwid = newHwid()
    await call('registerDevice', { hwid, push_token: newToken(), client_seq: 5 })
    expect(await call('registerDevice', { hwid, push_token: newToken(), client_seq })).toEqual(FRESH)
  })

  test('twenty registrations at once, at two servers, end with the highest number', async () => {
    const hwid = newHwid()
    const tokens = Array.from({ length: 20 }, newToken)
    const order = tokens.map((_, i) => (i * 7) % tokens.length) // all of them, not in order
    await Promise.all(
      order.map((seq, i) =>
        call(
          'registerDevice',
          { hwid, push_token: tokens[seq], client_seq: seq },
          i % 2 === 0 ? server : other,
        ),
      ),
    )
    expect(await sendableOf(hwid)).toEqual([tokens.at(-1)])
  })
})

test('a hundred unregistrations at once, of devices that are there and that never were, are each done', async () => {
  const present = Array.from({ length: 50 }, newHwid)
  await Promise.all(present.map(hwid => registered(hwid, { push_token: newToken() })))
  const all = present.flatMap(hwid => [hwid, newHwid()])
  await Promise.all(
    all.map((hwid, i) => (i % 3 === 0 ? other : server).device(app, 'unregisterDevice', { hwid })),
  )
  const { rows } = await server.db.query<{ reason: string; count: number }>(
    'select reason, count(*) as count from address where hwid = any($1) group by 1',
    [all],
  )
  expect(rows).toEqual([{ reason: 'unregistered', count: 50 }])
})

describe('the tags of a device', () => {
  const setTags = async (hwid: string, tags: Record<string, unknown>) =>
    (await server.device(app, 'setTags', { hwid, tags })).body.response as { skipped: { reason: string }[] }
  const numbered = (from: number, to: number, value: unknown = 1) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`tag${from + i}`, value]))
  const tagsOf = async (hwid: string) => (await server.view(app, hwid)).tags

  test('are at most 256; a call that would make more changes none, and says so for each of its tags', async () => {
    const hwid = newHwid()
    expect(await setTags(hwid, numbered(0, 200))).toEqual({ skipped: [] })
    expect(await setTags(hwid, numbered(200, 256))).toEqual({ skipped: [] })
    const answer = await setTags(hwid, { tag0: 'new', one: 1 })
    expect(answer.skipped).toEqual([
      { tag: 'tag0', reason: expect.stringContaining('256 tags') },
      { tag: 'one', reason: expect.stringContaining('256 tags') },
    ])
    expect(await tagsOf(hwid)).toEqual(numbered(0, 256))
  })

  test('can be replaced and cleared when they are at their most', async () => {
    const hwid = newHwid()
    await setTags(hwid, numbered(0, 200))
    await setTags(hwid, numbered(200, 256))
    expect(await setTags(hwid, { tag0: 'new' })).toEqual({ skipped: [] })
    expect(await setTags(hwid, { tag0: null, one: 1 })).toEqual({ skipped: [] })
    expect(await tagsOf(hwid)).toEqual({ ...numbered(1, 256), one: 1 })
  })

  test.each([
    ['text', numbered(0, 40, 'x'.repeat(1000))],
    ['numbers that are short to write and long to store', { list: Array(200).fill(1e308) }],
  ])('are at most 32 KiB, of a new device and of one that is there: %s', async (_what, tags) => {
    const [fresh, known] = [newHwid(), newHwid()]
    await setTags(known, { kept: 'yes' })
    for (const hwid of [fresh, known])
      expect((await setTags(hwid, tags)).skipped).toMatchObject(
        Object.keys(tags).map(tag => ({ tag, reason: expect.stringContaining('32768 bytes') })),
      )
    expect(await tagsOf(fresh)).toEqual({})
    expect(await tagsOf(known)).toEqual({ kept: 'yes' })
  })

  test('that are too many do not cost a device its registration', async () => {
    const hwid = newHwid()
    const token = newToken()
    await registered(hwid, { push_token: token, tags: numbered(0, 40, 'x'.repeat(1000)) })
    expect(await sendableOf(hwid)).toEqual([token])
  })
})
