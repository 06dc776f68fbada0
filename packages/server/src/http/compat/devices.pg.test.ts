/** The methods of the device protocol one by one: the device record, kinds of addresses, users, events, test devices. */
import { randomBytes } from 'node:crypto'
import { ACTIVITIES_PER_DEVICE, EVENTS_PER_DEVICE } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { TestClock, tick } from '../../../test/roost.ts'
import { countEvents } from '../../registry/events.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ clock: new TestClock() })
  app = await server.createApp()
})
afterAll(() => server.close())

let count = 0
const newHwid = () => `method-${++count}`
const newToken = () => randomBytes(32).toString('hex')

async function done(method: string, fields: Record<string, unknown>, access: Access = app) {
  const { body } = await server.device(access, method, fields)
  expect(body).toMatchObject({ status_code: 200 })
  return body.response
}
const register = (hwid: string, fields: Record<string, unknown> = {}, access: Access = app) =>
  done('registerDevice', { hwid, device_type: 1, push_token: newToken(), ...fields }, access)
const addresses = async (hwid: string) =>
  (await server.view(app, hwid)).addresses.map(({ kind, state, environment }) => ({
    kind,
    state,
    environment,
  }))
const active = (kind: string, environment = 'production') => ({ kind, state: 'active', environment })

describe('the device record', () => {
  test('a zone that is told by name alone takes the place of an offset that was told before', async () => {
    const hwid = newHwid()
    const zoneOf = async () => {
      const { timezoneSeconds, record } = await server.view(app, hwid)
      return { timezoneSeconds, timeZone: record.timeZone }
    }
    await register(hwid, { timezone: 0 })
    await done('setTags', { hwid, tags: {}, time_zone: 'Asia/Tokyo' })
    expect(await zoneOf()).toEqual({ timezoneSeconds: 9 * 3600, timeZone: 'Asia/Tokyo' })
    await done('setTags', { hwid, tags: {} })
    await done('setTags', { hwid, tags: {}, time_zone: 'nonsense' })
    expect(await zoneOf()).toEqual({ timezoneSeconds: 9 * 3600, timeZone: 'Asia/Tokyo' })
    const path = `/v1/apps/${app.app}/devices/${hwid}`
    const patched = await server.rest('PATCH', path, { timeZone: 'Asia/Dubai' })
    expect(patched.body).toMatchObject({ timezoneSeconds: 14_400, record: { timeZone: 'Asia/Dubai' } })
    // An offset that comes with a name, or after it, counts as it is told.
    await done('setTags', { hwid, tags: {}, time_zone: 'Asia/Tokyo', timezone: -3600 })
    expect(await zoneOf()).toEqual({ timezoneSeconds: -3600, timeZone: 'Asia/Tokyo' })
  })

  test('keeps what a device says, and what later calls leave out', async () => {
    const hwid = newHwid()
    await register(hwid, {
      gateway: 'sandbox',
      package: 'com.example.shop',
      v: '6.7.8',
      extension_version: '6.7.0',
      country: 'de',
      timezone: '7200',
      notificationTypes: 5,
      time_sensitive_notifications: 1,
      scheduled_summary: false,
      power: { isLowPower: true, standby: 'rare' },
      channels: [{ id: 'news', isEnabled: false, importance: 0 }],
    })
    await done('applicationOpen', { hwid, v: '6.8.0' })
    expect(await server.view(app, hwid)).toMatchObject({
      timezoneSeconds: 7200,
      permission: 'granted',
      isOptedOut: false,
      isTestDevice: false,
      record: {
        environment: 'sandbox',
        bundleId: 'com.example.shop',
        sdkVersion: '6.8.0',
        extensionVersion: '6.7.0',
        country: 'DE',
        permissionParts: {
          alert: true,
          sound: false,
          badge: true,
          timeSensitive: true,
          scheduledSummary: false,
        },
        power: { isLowPower: true, standby: 'rare' },
        channels: [{ id: 'news', isEnabled: false, importance: 0 }],
      },
    })
  })

  test('takes over a list of channels whole, also a shorter one', async () => {
    const hwid = newHwid()
    const channel = (id: string) => ({ id, isEnabled: true })
    await register(hwid, { channels: [channel('a'), channel('b')] })
    await register(hwid, { channels: [channel('a')] })
    expect((await server.view(app, hwid)).record.channels).toEqual([channel('a')])
  })

  test('has the registration error until a token comes', async () => {
    const hwid = newHwid()
    await done('applicationOpen', { hwid, registration_error: { code: '3010', message: 'not supported' } })
    expect((await server.view(app, hwid)).record.registrationError).toEqual({
      code: '3010',
      message: 'not supported',
      at: expect.any(String),
    })
    await register(hwid)
    expect((await server.view(app, hwid)).record).not.toHaveProperty('registrationError')
  })

  test.each<[string, Record<string, unknown>]>([
    ['a list of channels that is none', { channels: 'all' }],
    ['101 channels', { channels: Array.from({ length: 101 }, (_, i) => ({ id: `${i}`, isEnabled: true })) }],
    ['power in words', { power: 'low' }],
    ['an error without a code', { registration_error: { message: 'x' } }],
    ['a permission that nobody knows', { permission: 'maybe' }],
    ['bits that are none', { notificationTypes: 'all' }],
    ['a country in full', { country: 'Germany' }],
  ])('counts %s as not said', async (_what, fields) => {
    const hwid = newHwid()
    await register(hwid, fields)
    expect(await server.view(app, hwid)).toMatchObject({ permission: null, record: {} })
    expect(await addresses(hwid)).toEqual([active('alert')])
  })

  test('has the badge, by either name', async () => {
    const hwid = newHwid()
    await done('setBadge', { hwid, badge: '3' })
    expect((await server.view(app, hwid)).record.badge).toBe(3)
    await done('setBadge', { hwid, badges: 0 })
    expect((await server.view(app, hwid)).record.badge).toBe(0)
    for (const badge of [-1, 100_000, 'many', undefined])
      expect((await server.device(app, 'setBadge', { hwid, badge })).body).toMatchObject({ status_code: 210 })
  })
})

describe('a replay (no-auto-tags)', () => {
  test('stores the address and tags, and nothing that looks like a person who uses the app', async () => {
    const hwid = newHwid()
    await done('applicationOpen', { hwid, device_type: 1, language: 'de', app_version: '1' })
    const before = await server.view(app, hwid)
    server.clock.advance(3_600_000)
    for (const [method, fields] of [
      ['registerDevice', { push_token: newToken(), language: 'en', app_version: '2', notificationTypes: 0 }],
      ['applicationOpen', {}],
      ['setTags', { tags: { tier: 'gold' }, language: 'fr' }],
    ] as const) {
      const response = await fetch(`${server.url}/json/1.3/${method}`, {
        method: 'POST',
        headers: { authorization: `Token ${app.deviceToken}`, 'no-auto-tags': 'true' },
        body: JSON.stringify({ request: { application: app.app, hwid, device_type: 1, ...fields } }),
      })
      expect(await response.json()).toMatchObject({ status_code: 200 })
    }
    expect(await server.view(app, hwid)).toMatchObject({
      language: 'de',
      appVersion: '1',
      permission: null,
      lastOpenAt: before.lastOpenAt,
      tags: { tier: 'gold' },
    })
    expect(await addresses(hwid)).toEqual([active('alert')])
  })
})

describe('R26: a device whose permission is withdrawn', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['by its bits', { notificationTypes: 0 }, 'denied'],
    ['by a word', { permission: 'denied', notificationTypes: 7 }, 'denied'],
    ['by yes and no', { push_alerts_enabled: false }, 'denied'],
    ['because it never asked', { permission: 'not_determined' }, 'not_determined'],
  ])('keeps its address, told %s, and history says so', async (_how, fields, permission) => {
    const hwid = newHwid()
    await register(hwid, { notificationTypes: 7 })
    await done('applicationOpen', { hwid, ...fields })
    expect(await server.view(app, hwid)).toMatchObject({ permission, isOptedOut: true })
    expect(await addresses(hwid)).toEqual([active('alert')])
    expect(await server.ledger(app, hwid)).toMatchObject([
      { event: 'registered' },
      { event: 'opted_out', reason: 'permission_withdrawn' },
    ])
    await done('applicationOpen', { hwid, ...fields })
    expect(await server.ledger(app, hwid)).toHaveLength(2)
  })

  test.each(['granted', 'provisional', 'ephemeral'])('is reached again when it is %s', async permission => {
    const hwid = newHwid()
    await register(hwid, { permission: 'denied' })
    await register(hwid) // a new token of a device that says nothing is no permission
    expect(await server.view(app, hwid)).toMatchObject({ isOptedOut: true })
    await done('applicationOpen', { hwid, permission })
    expect(await server.view(app, hwid)).toMatchObject({ permission, isOptedOut: false })
    expect((await server.ledger(app, hwid)).at(-1)).toMatchObject({ event: 'opted_in' })
  })

  test('is still reached for calls, which show no notification', async () => {
    const hwid = newHwid()
    await register(hwid, { voip_push_token: newToken(), permission: 'denied' })
    const { rows } = await server.db.query(
      'select kind, opted_out as "isOptedOut" from address where hwid = $1 order by kind',
      [hwid],
    )
    expect(rows).toEqual([
      { kind: 'alert', isOptedOut: true },
      { kind: 'voip', isOptedOut: false },
    ])
  })

  test('has no address where the app takes those of devices with permission alone, and is kept itself', async () => {
    const strict = await server.createApp()
    const path = `/v1/apps/${strict.app}`
    expect((await server.rest('PATCH', path, { needsPermission: true })).body).toMatchObject({
      needsPermission: true,
    })
    const [denied, silent, former] = [newHwid(), newHwid(), newHwid()]
    await register(denied, { permission: 'denied', tags: { a: 1 } }, strict)
    await register(denied, {}, strict) // it says nothing of permission now, and is as it was
    await register(silent, {}, strict)
    await done('applicationOpen', { hwid: former, notificationTypes: 0 }, strict)
    await register(former, {}, strict)
    expect((await server.view(strict, former)).addresses).toEqual([])
    expect(await server.view(strict, denied)).toMatchObject({ addresses: [], tags: { a: 1 } })
    expect((await server.view(strict, silent)).addresses).toHaveLength(1)
    expect(await done('getInboxMessages', { hwid: denied }, strict)).toMatchObject({ messages: [] })
    await register(denied, { permission: 'granted' }, strict)
    expect((await server.view(strict, denied)).addresses).toHaveLength(1)
  })
})

describe('R10: kinds are separate', () => {
  test('the token for calls comes beside the one for alerts, in the same environment', async () => {
    const hwid = newHwid()
    await register(hwid, { voip_push_token: newToken(), gateway: 'sandbox' })
    expect((await addresses(hwid)).sort((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
      active('alert', 'sandbox'),
      active('voip', 'sandbox'),
    ])
  })

  test('a new token of one kind leaves the other alone', async () => {
    const hwid = newHwid()
    const alert = newToken()
    await register(hwid, { push_token: alert, voip_push_token: newToken() })
    await register(hwid, { push_token: alert, voip_push_token: newToken() })
    const states = (await addresses(hwid)).map(it => `${it.kind} ${it.state}`).sort()
    expect(states).toEqual(['alert active', 'voip active', 'voip superseded'])
  })

  test('a call token that can be none is refused before anything is stored', async () => {
    const hwid = newHwid()
    const { body } = await server.device(app, 'registerDevice', {
      hwid,
      device_type: 1,
      push_token: newToken(),
      voip_push_token: 'xyz',
    })
    expect(body).toMatchObject({ status_code: 210 })
    expect(body.status_message).toContain('voip_push_token')
    expect((await server.rest('GET', `/v1/apps/${app.app}/devices/${hwid}`)).status).toBe(404)
  })

  test('a call token of a device that is not Apple’s counts as not said', async () => {
    const hwid = newHwid()
    await register(hwid, { device_type: 3, push_token: 'an-fcm-token', voip_push_token: newToken() })
    expect((await addresses(hwid)).map(it => it.kind)).toEqual(['alert'])
  })

  test('checkDevice asks for the alert address alone', async () => {
    const hwid = newHwid()
    await register(hwid, { push_token: null, voip_push_token: newToken() })
    expect(await done('checkDevice', { hwid })).toEqual({ exist: true, push_token_exist: false })
  })
})

describe('Live Activities', () => {
  const setActivity = (hwid: string, activity_id: string, activity_token = newToken()) =>
    done('setActivityToken', { hwid, activity_id, activity_token })
  const activities = async (hwid: string) => (await addresses(hwid)).filter(it => it.kind !== 'alert')

  test('each that runs has an address of its own, in the environment of the device', async () => {
    const hwid = newHwid()
    await register(hwid, { gateway: 'sandbox' })
    await setActivity(hwid, 'ride')
    await setActivity(hwid, 'pizza')
    await done('setActivityPushToStartToken', { hwid, activity_push_to_start_token: newToken() })
    expect((await activities(hwid)).sort((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
      active('liveactivity-start', 'sandbox'),
      active('liveactivity:pizza', 'sandbox'),
      active('liveactivity:ride', 'sandbox'),
    ])
    expect((await addresses(hwid)).filter(it => it.kind === 'alert')).toEqual([active('alert', 'sandbox')])
  })

  test('race O: a token that is replaced while the activity runs is superseded, those of others stay', async () => {
    const hwid = newHwid()
    await setActivity(hwid, 'ride')
    await setActivity(hwid, 'pizza')
    await setActivity(hwid, 'ride')
    const states = (await activities(hwid)).map(it => `${it.kind} ${it.state}`).sort()
    expect(states).toEqual([
      'liveactivity:pizza active',
      'liveactivity:ride active',
      'liveactivity:ride superseded',
    ])
  })

  test('an empty token ends the address, once, and that of an unknown activity changes nothing', async () => {
    const hwid = newHwid()
    await setActivity(hwid, 'ride')
    await done('setActivityPushToStartToken', { hwid, activity_push_to_start_token: newToken() })
    await setActivity(hwid, 'ride', '')
    await setActivity(hwid, 'ride', '')
    await setActivity(hwid, 'never', '')
    await done('setActivityPushToStartToken', { hwid, activity_push_to_start_token: '' })
    const states = (await activities(hwid)).map(it => `${it.kind} ${it.state}`).sort()
    expect(states).toEqual(['liveactivity-start dead', 'liveactivity:ride dead'])
    expect((await server.ledger(app, hwid)).filter(it => it.event === 'unregistered')).toHaveLength(2)
  })

  test('a device that never says when one ends keeps the newest', async () => {
    const hwid = newHwid()
    for (let i = 0; i <= ACTIVITIES_PER_DEVICE; i++) {
      server.clock.advance(1000)
      await setActivity(hwid, `${i}`)
    }
    const sent = (await activities(hwid)).filter(it => it.state === 'active').map(it => it.kind)
    expect(sent).toHaveLength(ACTIVITIES_PER_DEVICE)
    expect(sent).not.toContain('liveactivity:0')
  })

  test('a token that can be none is refused with its field', async () => {
    const answer = await server.device(app, 'setActivityToken', {
      hwid: newHwid(),
      activity_id: 'a',
      activity_token: 'xyz',
    })
    expect(answer.body).toMatchObject({ status_code: 210 })
    expect(answer.body.status_message).toContain('activity_token has 3 characters')
  })
})

describe('merging users', () => {
  const userOf = async (hwid: string) => (await server.view(app, hwid)).userId
  const devicesOf = (userId: string) =>
    Promise.all(
      [1, 2].map(async () => {
        const hwid = newHwid()
        await register(hwid, { userId })
        return hwid
      }),
    )

  test('takes all devices of the former user along when one of them asks for it', async () => {
    const [asking = '', sibling = ''] = await devicesOf('temporary 1')
    await done('mergeUser', { hwid: asking, oldUserId: 'temporary 1', newUserId: 'anna', merge: true, ts: 1 })
    expect([await userOf(asking), await userOf(sibling)]).toEqual(['anna', 'anna'])
  })

  test('takes only the asking device along when a merge is not wanted', async () => {
    const [asking = '', sibling = ''] = await devicesOf('temporary 2')
    await done('mergeUser', { hwid: asking, oldUserId: 'temporary 2', newUserId: 'ben', merge: false })
    expect([await userOf(asking), await userOf(sibling)]).toEqual(['ben', 'temporary 2'])
  })

  test('never takes the devices of somebody to whom the asking one does not belong', async () => {
    const [victim = ''] = await devicesOf('victim')
    const stranger = newHwid()
    await done('mergeUser', { hwid: stranger, oldUserId: 'victim', newUserId: 'attacker', merge: true })
    expect([await userOf(victim), await userOf(stranger)]).toEqual(['victim', 'attacker'])
  })
})

const WAITING_FOR_A_LOCK =
  "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

describe('events', () => {
  const eventsOf = async (hwid: string) =>
    (await server.rest<{ events: unknown[] }>('GET', `/v1/apps/${app.app}/devices/${hwid}/events`)).body
      .events

  test('are counted by kind, with the attributes of the last one', async () => {
    const hwid = newHwid()
    const post = (event: string, attributes?: unknown) => done('postEvent', { hwid, event, attributes })
    expect(await post('bought', { price: 1 })).toEqual({ code: '', required: false })
    await post('bought', { price: 2 })
    await post('looked', 'nonsense')
    expect(await eventsOf(hwid)).toEqual([
      { name: 'looked', count: 1, firstAt: expect.any(String), lastAt: expect.any(String), attributes: null },
      {
        name: 'bought',
        count: 2,
        firstAt: expect.any(String),
        lastAt: expect.any(String),
        attributes: { price: 2 },
      },
    ])
  })

  test('twenty of a kind at once are twenty', async () => {
    const hwid = newHwid()
    await Promise.all(Array.from({ length: 20 }, () => done('postEvent', { hwid, event: 'tapped' })))
    expect(await eventsOf(hwid)).toMatchObject([{ name: 'tapped', count: 20 }])
  })

  test('of more kinds than a device may have are not remembered, and known kinds go on', async () => {
    const hwid = newHwid()
    for (let i = 0; i <= EVENTS_PER_DEVICE; i++) await done('postEvent', { hwid, event: `kind ${i}` })
    await done('postEvent', { hwid, event: 'kind 0' })
    const events = (await eventsOf(hwid)) as { name: string; count: number }[]
    expect(events).toHaveLength(EVENTS_PER_DEVICE)
    expect(events.find(it => it.name === 'kind 0')).toMatchObject({ count: 2 })
  })

  test('of a device that is being erased wait for it, and leave nothing', async () => {
    const hwid = newHwid()
    await register(hwid)
    const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
    const event = { appId: rows[0]?.id ?? 0, hwid, name: 'late', attributes: null, at: server.clock.now() }
    const counting = await server.db.transaction(async tx => {
      for (const table of ['device', 'device_event'])
        await tx.query(`delete from ${table} where hwid = $1`, [hwid])
      const counted = server.db.transaction(it => countEvents(it, [event])).then(() => true)
      const isWaiting = async () => (await tx.query(WAITING_FOR_A_LOCK)).rowCount > 0
      while (!(await Promise.race([counted, isWaiting()]))) await tick()
      return { counted }
    })
    await counting.counted
    expect((await server.db.query('select from device_event where hwid = $1', [hwid])).rowCount).toBe(0)
  })

  test('with attributes that are too long count without them', async () => {
    const hwid = newHwid()
    await done('postEvent', { hwid, event: 'long', attributes: { text: 'x'.repeat(5000) } })
    expect(await eventsOf(hwid)).toMatchObject([{ name: 'long', count: 1, attributes: null }])
  })
})

test('deleteDevice erases all that is held of a device, and one that is not there is as it should be', async () => {
  const hwid = newHwid()
  const pushToken = newToken()
  await register(hwid, { push_token: pushToken, tags: { a: 1 }, userId: 'leaver' })
  await done('postEvent', { hwid, event: 'bought' })
  await done('createTestDevice', { hwid, name: 'Mine' })
  for (let i = 0; i < 2; i++) expect(await done('deleteDevice', { hwid })).toBeNull()
  expect((await server.rest('GET', `/v1/apps/${app.app}/devices/${hwid}`)).status).toBe(404)
  for (const table of ['device', 'address', 'address_directory', 'ledger', 'device_event', 'test_device'])
    expect((await server.db.query(`select from ${table} where hwid = $1`, [hwid])).rowCount, table).toBe(0)
  await register(hwid, { push_token: pushToken })
  expect(await server.view(app, hwid)).toMatchObject({
    userId: null,
    tags: {},
    addresses: [{ state: 'active' }],
  })
})

test('createTestDevice makes a test device of a phone, with its token, and again gives it another name', async () => {
  const hwid = newHwid()
  const fields = { hwid, device_type: 1, push_token: newToken(), auto_created: true }
  await done('createTestDevice', { ...fields, name: 'My phone' })
  await done('createTestDevice', { ...fields, name: 'Old phone', description: 'cracked' })
  expect(await server.view(app, hwid)).toMatchObject({ isTestDevice: true, addresses: [{ state: 'active' }] })
  const { body } = await server.rest<{ testDevices: unknown[] }>('GET', `/v1/apps/${app.app}/test-devices`)
  expect(body.testDevices).toEqual([
    { hwid, name: 'Old phone', description: 'cracked', createdAt: expect.any(String), selfCheck: null },
  ])
})

describe('at two servers at once', () => {
  let other: BareServer
  beforeAll(async () => {
    other = await server.another()
  })
  afterAll(() => other.close())
  const at = (i: number) => (i % 2 === 0 ? server : other)

  test('the address of a device is opted out if and only if the device says so, whatever came last', async () => {
    const hwids = Array.from({ length: 10 }, newHwid)
    const calls = hwids.flatMap((hwid, device) =>
      Array.from({ length: 12 }, (_, i) =>
        i % 3 === 0
          ? at(i).device(app, 'registerDevice', { hwid, device_type: 1, push_token: newToken() })
          : at(device + i).device(app, 'applicationOpen', { hwid, notificationTypes: i % 2 === 0 ? 0 : 7 }),
      ),
    )
    for (const { body } of await Promise.all(calls)) expect(body).toMatchObject({ status_code: 200 })
    const { rows } = await server.db.query<{ permission: string; isOptedOut: boolean }>(
      `select d.permission, a.opted_out as "isOptedOut" from device d join address a using (bucket, app_id, hwid)
        where d.hwid = any($1) and a.state = 'active'`,
      [hwids],
    )
    expect(rows).toHaveLength(hwids.length)
    for (const row of rows) expect(row.isOptedOut).toBe(row.permission === 'denied')
  })

  test('merges, logins and registrations of the same people are all answered, and each device has one user', async () => {
    const hwids = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const hwid = newHwid()
        await register(hwid, { userId: 'crowd' })
        return hwid
      }),
    )
    const answers = await Promise.all(
      hwids.flatMap((hwid, i) => [
        at(i).rest('POST', `/v1/apps/${app.app}/users/${i % 2 === 0 ? 'crowd' : 'people'}/merge`, {
          into: i % 2 === 0 ? 'people' : 'crowd',
        }),
        at(i + 1).device(app, 'registerDevice', { hwid, device_type: 1, push_token: newToken() }),
        at(i).device(app, 'mergeUser', { hwid, oldUserId: 'crowd', newUserId: 'people', merge: true }),
      ]),
    )
    for (const { status } of answers) expect(status).toBe(200)
    const users = new Set(await Promise.all(hwids.map(async hwid => (await server.view(app, hwid)).userId)))
    for (const user of users) expect(['crowd', 'people']).toContain(user)
    await done('mergeUser', { hwid: hwids[0], oldUserId: 'crowd', newUserId: 'people', merge: true })
    const left = await server.rest('POST', `/v1/apps/${app.app}/users/crowd/merge`, { into: 'people' })
    expect(left.status).toBe(200)
    const { body } = await server.rest<{ devices: unknown[] }>('GET', `/v1/apps/${app.app}/users/people`)
    expect(body.devices).toHaveLength(hwids.length)
  })
})
