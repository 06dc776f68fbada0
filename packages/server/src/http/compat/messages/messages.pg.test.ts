/**
 * The messaging calls of the compatible protocol, as back ends make them: requests are written from its documentation, and
 * what they come to is looked at on simulated phones.
 */
import { randomBytes } from 'node:crypto'
import type { InboxView, MessageView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../../test/roost.ts'

const AUTH = 'test-server-token-of-enough-length'
const CODE = /^[0-9A-F]{4}-[0-9A-F]{8}-[0-9A-F]{8}$/

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const name = (what: string) => `${what}-${randomBytes(6).toString('hex')}`

interface Answer {
  readonly status: number
  readonly body: {
    readonly status_code: number
    readonly status_message: string
    // biome-ignore lint/suspicious/noExplicitAny: each method has its own
    readonly response: any
  }
}

async function call(method: string, request: Record<string, unknown>): Promise<Answer> {
  const response = await fetch(`${roost.url}/json/1.3/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ request: { auth: AUTH, ...request } }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const create = (...notifications: Record<string, unknown>[]) =>
  call('createMessage', { application: roost.app, notifications })

/** The code of the one message, which must have been taken. */
async function created(notification: Record<string, unknown>): Promise<string> {
  const { body } = await create(notification)
  expect(body, body.status_message).toMatchObject({ status_code: 200 })
  return body.response.Messages[0]
}

async function detailsOf(code: string): Promise<MessageView> {
  const { body } = await call('getMessageDetails', { message: code })
  expect(body.status_code).toBe(200)
  return body.response.message
}

async function settled(code: string): Promise<MessageView> {
  return roost.settle((await detailsOf(code)).id)
}

async function refused(notification: Record<string, unknown>, words: string): Promise<void> {
  const before = await roost.rest<{ messages: unknown[] }>('GET', `/v1/apps/${roost.app}/messages?limit=200`)
  const { status, body } = await create(notification)
  expect([status, body.status_code]).toEqual([200, 210])
  expect(body.status_message).toContain(words)
  const after = await roost.rest<{ messages: unknown[] }>('GET', `/v1/apps/${roost.app}/messages?limit=200`)
  expect(after.body.messages).toHaveLength(before.body.messages.length)
}

describe('createMessage', () => {
  test('sends to everybody, and answers a code of 4-8-8 hex digits', async () => {
    const phone = await roost.phone('ios', { hwid: name('phone') })
    const { body } = await create({
      send_date: 'now',
      ignore_user_timezone: true,
      content: 'Hello',
      title: 'Title',
      link: 'https://shop.example.com',
      data: { custom: 'value' },
    })
    expect(body).toEqual({
      status_code: 200,
      status_message: 'OK',
      response: { Messages: [expect.any(String)] },
    })
    const [code] = body.response.Messages
    expect(code).toMatch(CODE)
    expect((await settled(code)).counts.accepted).toBeGreaterThan(0)
    expect(phone.shownCount).toBe(1)
    expect(phone.shown.at(-1)).toMatchObject({ title: 'Title', body: 'Hello' })
  })

  test('with ignore_user_timezone false it is sent by the clock of each device', async () => {
    const { body } = await create({
      send_date: '2099-05-04 09:30',
      timezone: 'Europe/Berlin',
      ignore_user_timezone: false,
      content: 'Hello',
    })
    const { id } = await detailsOf(body.response.Messages[0] as string)
    expect((await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)).body).toMatchObject(
      {
        state: 'scheduled',
        localTime: { at: '2099-05-04T09:30', otherwiseTimeZone: 'Europe/Berlin' },
        sendAt: '2099-05-03T19:30:00.000Z',
      },
    )
  })

  test('devices are hwids or push tokens; those that do not exist are told as UnknownDevices', async () => {
    const [byHwid, byToken, other] = await Promise.all([
      roost.phone('android', { hwid: name('hwid') }),
      roost.phone('ios', { hwid: name('token') }),
      roost.phone('ios', { hwid: name('other') }),
    ])
    const { rows } = await roost.server.db.query<{ address: string }>(
      "select address from address where hwid = $1 and kind = 'alert'",
      [byToken.hwid],
    )
    const token = rows[0]?.address ?? ''
    const unknown = randomBytes(32).toString('hex')
    const { body } = await create({
      content: 'Hello',
      devices: [byHwid.hwid, token.toUpperCase(), unknown, 'nobody'],
    })
    const [code] = body.response.Messages
    expect(body.response.UnknownDevices).toEqual({ [code]: [unknown, 'nobody'] })
    const message = await settled(code)
    expect(message.counts).toMatchObject({ targeted: 4, accepted: 2, skipped: 2 })
    expect([byHwid, byToken, other].map(it => it.shownCount)).toEqual([1, 1, 0])
    // A whole token is in no message, known or not.
    expect(JSON.stringify(message)).not.toContain(unknown)
    expect(JSON.stringify(message).toLowerCase()).not.toContain(token.toLowerCase())
  })

  test('users reach their devices, and devices go before users', async () => {
    const user = name('user')
    const [theirs, named] = await Promise.all([
      roost.phone('ios', { hwid: name('theirs'), userId: user }),
      roost.phone('ios', { hwid: name('named') }),
    ])
    await settled(await created({ content: 'to a user', users: [user] }))
    expect([theirs.shownCount, named.shownCount]).toEqual([1, 0])
    const { body } = await create({ content: 'to a device', users: [user], devices: [named.hwid] })
    const [code] = body.response.Messages
    expect(body.response.Ignored).toEqual({ [code]: ['users'] })
    await settled(code)
    expect([theirs.shownCount, named.shownCount]).toEqual([1, 1])
  })

  test('conditions and platforms narrow down everybody', async () => {
    const tag = name('tag')
    const [ios, android, other] = await Promise.all([
      roost.phone('ios', { hwid: name('ios'), tags: { [tag]: 5 } }),
      roost.phone('android', { hwid: name('android'), tags: { [tag]: 5 } }),
      roost.phone('ios', { hwid: name('other'), tags: { [tag]: 9 } }),
    ])
    const conditions = [[tag, 'BETWEEN', [1, 6]]]
    await settled(await created({ content: 'some', conditions }))
    await settled(await created({ content: 'Apple', conditions, platforms: [1] }))
    expect([ios, android, other].map(it => it.shownCount)).toEqual([2, 1, 0])
  })

  test('a filter is named by its name or its code, and platforms narrow it down', async () => {
    const tag = name('tag')
    const [ios, android, other] = await Promise.all([
      roost.phone('ios', { hwid: name('ios'), tags: { [tag]: 'in' } }),
      roost.phone('android', { hwid: name('android'), tags: { [tag]: 'in' } }),
      roost.phone('ios', { hwid: name('other'), tags: { [tag]: 'out' } }),
    ])
    const filter_expression = `T("${tag}", eq, "in")`
    const made = await call('createFilter', { application: roost.app, name: tag, filter_expression })
    expect(made.body.response).toEqual({ name: tag })
    const { filters } = (await call('listFilters', { application: roost.app })).body.response
    const { code } = filters.find((it: { name: string }) => it.name === tag)
    await settled(await created({ content: 'by name', filter: tag }))
    await settled(await created({ content: 'by code', filter: code.toLowerCase(), platforms: [3] }))
    expect([ios, android, other].map(it => it.shownCount)).toEqual([1, 2, 0])
  })

  test('a cap of its own holds beside that of the app: the tighter one, or it is refused', async () => {
    const phone = await roost.phone('android', { hwid: name('capped') })
    const to = { devices: [phone.hwid] }
    const rulesOf = async (fields: Record<string, unknown>) => {
      const { id } = await detailsOf(await created({ content: 'x', devices: ['nobody'], ...fields }))
      const { rows } = await roost.server.db.query<{ rules: unknown }>(
        'select rules from message where id = $1',
        [id],
      )
      return rows[0]?.rules
    }
    const own = { capping_days: '7', capping_count: 2 }
    expect(await rulesOf(own)).toEqual({ cap: { days: 7, messages: 2 } })
    expect(await rulesOf({ frequency_capping: { days: 7, count: 2 } })).toEqual({
      cap: { days: 7, messages: 2 },
    })
    for (let i = 0; i < 3; i++) await settled(await created({ content: `number ${i}`, ...to, ...own }))
    expect(phone.shownCount).toBe(2)

    const quietHours = { from: '22:00', to: '08:00' }
    await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { cap: { days: 10, messages: 1 }, quietHours })
    try {
      expect(await rulesOf(own)).toEqual({ cap: { days: 10, messages: 1 } })
      expect(await rulesOf({ capping_days: 20, capping_count: 1 })).toEqual({
        cap: { days: 20, messages: 1 },
      })
      expect(await rulesOf({ ...own, capping_avoid: true })).toEqual({ cap: { days: 7, messages: 2 } })
      expect(await rulesOf({ capping_avoid: true })).toEqual({ cap: null })
      expect(await rulesOf({ capping_avoid: true, capping_exclude: true })).toEqual({
        kind: 'transactional',
        quietHours,
      })
      await refused(
        {
          content: 'x',
          capping_days: 3,
          capping_count: 1 + 1,
          capping_avoid: false,
          devices: ['nobody'],
          frequency_capping: { days: 30, count: 2 },
        },
        'say the same',
      )
      await refused(
        { content: 'x', devices: ['nobody'], capping_days: 30, capping_count: 5 },
        'neither it nor the cap of the app is the tighter one',
      )
    } finally {
      await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { cap: null, quietHours: null })
    }
  })

  test('one without alert on all platforms wakes apps and shows nothing', async () => {
    const phone = await roost.phone('ios', { hwid: name('woken') })
    const silent = { ios_silent: 1, android_silent: 1, huawei_android_silent: 1 }
    const code = await created({
      ...silent,
      chrome_root_params: { silent: 1 },
      data: { sync: true },
      devices: [phone.hwid],
    })
    expect((await settled(code)).counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect(JSON.stringify((await detailsOf(code)).content)).toContain('"silent":true')
  })

  test('several notifications of a call are taken all together, or none of them', async () => {
    const { body } = await create({ content: 'one', devices: ['a'] }, { content: 'two', devices: ['b'] })
    expect(body.response.Messages).toHaveLength(2)
    await refusedAll([
      { content: 'one', devices: ['a'] },
      { content: 'two', devices: [] },
    ])
  })

  async function refusedAll(notifications: Record<string, unknown>[]): Promise<void> {
    const count = async () =>
      (await roost.server.db.query<{ count: number }>('select count(*) as count from message')).rows[0]?.count
    const before = await count()
    expect((await create(...notifications)).body).toMatchObject({ status_code: 210 })
    expect(await count()).toBe(before)
  }

  test('a transactionId sends once, however often the call is repeated; another message under it is refused', async () => {
    const phone = await roost.phone('ios', { hwid: name('once') })
    const notification = { content: 'once', devices: [phone.hwid], transactionId: name('transaction') }
    const code = await created(notification)
    await settled(code)
    expect(await created(notification)).toBe(code)
    await settled(code)
    expect(phone.shownCount).toBe(1)
    const { body } = await create({ ...notification, content: 'another' })
    expect(body).toMatchObject({ status_code: 409, response: null })
    expect(body.status_message).toContain(`transactionId "${notification.transactionId}" was used`)
    expect(body.status_message).toContain('Use a new transactionId')
  })

  test('send_date is a time on the walls of the zone that is named', async () => {
    const day = new Date(roost.clock.now() + 40 * 24 * 3_600_000).toISOString().slice(0, 10)
    const code = await created({
      content: 'later',
      devices: ['nobody'],
      send_date: `${day} 09:00`,
      timezone: 'Asia/Tokyo',
    })
    const { id, state } = await detailsOf(code)
    expect(state).toBe('scheduled')
    const { rows } = await roost.server.db.query<{ at: string }>(
      'select send_at as at from message where id = $1',
      [id],
    )
    expect(Date.parse(rows[0]?.at ?? '')).toBe(Date.parse(`${day}T00:00:00Z`))
  })

  test('each platform shows its own words, and each device those of its language', async () => {
    const [ios, android] = await Promise.all([
      roost.phone('ios', { hwid: name('ios') }),
      roost.phone('android', { hwid: name('android') }),
    ])
    await roost.device('setTags', { hwid: android.hwid, language: 'de', tags: {} })
    await settled(
      await created({
        content: { en: 'Hello', de: 'Hallo' },
        title: 'Title',
        ios_title: 'for iOS',
        ios_badges: '7',
        ios_root_params: { aps: { 'content-available': 1 }, own: 'root' },
        ios_ttl: '3600',
        android_header: 'for Android',
        android_badges: 3,
        devices: [ios.hwid, android.hwid],
      }),
    )
    expect(ios.shown.at(-1)).toMatchObject({ title: 'for iOS', body: 'Hello' })
    expect(android.shown.at(-1)).toMatchObject({ title: 'for Android', body: 'Hallo' })
    const push = JSON.stringify(ios.shown.at(-1))
    expect(push).toContain('"own":"root"')
    expect(push).toContain('"content-available":1')
    expect(push).toContain('"badge":7')
  })

  test('two fields that are one here must not say different things', async () => {
    await refused(
      { content: 'x', android_icon: 'small', android_custom_icon: 'https://img.example.com/large.png' },
      'notifications.0.android_custom_icon: android_icon says otherwise',
    )
  })

  test('what only decorates a platform is told as ignored', async () => {
    const { body } = await create({
      content: 'x',
      devices: ['nobody'],
      android_led: '#ff0000',
      android_vibration: 1,
      wns_type: 'Badge',
      minimize_link: 2,
    })
    const [code] = body.response.Messages
    expect(body.response.Ignored).toEqual({
      [code]: ['android_led', 'android_vibration', 'wns_type', 'minimize_link'],
    })
  })

  test.each<[string, Record<string, unknown>, string]>([
    [
      'a slip in a name',
      { content: 'x', device: ['a'] },
      'device: there is no such field; known are content, title, subtitle, link',
    ],
    ['another one', { content: 'x', devics: ['a'] }, 'docs/compat-messages.md has the fields of each method'],
    ['a day that no month has', { content: 'x', send_date: '2099-02-30 10:00' }, 'send_date: it is "now" or'],
    ['a rate of none', { content: 'x', send_rate: 0 }, 'notifications.0.send_rate: it must be at least 1'],
    [
      'an empty list of devices',
      { content: 'x', devices: [] },
      'notifications.0.devices: it is a list of 1 to 1000',
    ],
    [
      'an empty list of users',
      { content: 'x', users: [] },
      'notifications.0.users: it is a list of 1 to 1000',
    ],
    ['an empty list of platforms', { content: 'x', platforms: [] }, 'notifications.0.platforms'],
    [
      'a platform that is not served',
      { content: 'x', platforms: [9] },
      'notifications.0.platforms: 9 is none of',
    ],
    [
      'platforms beside devices',
      { content: 'x', devices: ['a'], platforms: [1] },
      'notifications.0.platforms',
    ],
    ['more than 1000 devices', { content: 'x', devices: Array(1001).fill('a') }, 'notifications.0.devices'],
    ['no content', { devices: ['a'] }, 'notifications.0.content: a message needs'],
    ['content that is a number', { content: 7 }, 'notifications.0.content: '],
    [
      'a place on the map',
      { content: 'x', geozone: { lat: 1, lng: 1, range: 9 } },
      'notifications.0.geozone: it is not served',
    ],
    [
      'rich media',
      { content: 'x', rich_media: 'AAAAA-BBBBB' },
      'notifications.0.rich_media: it is not served',
    ],
    ['a time in words', { content: 'x', send_date: 'tomorrow' }, 'notifications.0.send_date: it is "now" or'],
    [
      'an unknown zone',
      { content: 'x', send_date: '2099-01-01 10:00', timezone: 'Mars/Olympus' },
      'zone "Mars/Olympus"',
    ],
    [
      'a time of long ago',
      { content: 'x', send_date: '2020-01-01 10:00' },
      'request.notifications.0.send_date: 2020-01-01T10:00:00.000Z is more than a day ago',
    ],
    [
      'a time of long ago by the clocks of devices',
      { content: 'x', send_date: '2020-01-01 10:00', ignore_user_timezone: false },
      'request.notifications.0.send_date: 2020-01-01T10:00 has passed everywhere',
    ],
    [
      'an inbox that is over before the message is sent',
      { content: 'x', send_date: '2099-02-03 10:00', inbox_date: '2099-02-02' },
      'request.notifications.0.inbox_date: 2099-02-02T23:59:59.000Z is over before',
    ],
    [
      'a variable that there is not',
      { content: 'Hi {{ nothing.of.this }}', title: 'x' },
      'request.notifications.0.content: the template',
    ],
    [
      'an empty transactionId',
      { content: 'x', transactionId: '' },
      'notifications.0.transactionId: it is empty',
    ],
    [
      'an unknown operator',
      { content: 'x', conditions: [['Age', 'LIKE', 3]] },
      'conditions[0]: expected an operator (EQ',
    ],
    [
      'one value where a list belongs',
      { content: 'x', conditions: [['Age', 'IN', 3]] },
      'conditions[0]: IN takes a list',
    ],
    ['data that is no object', { content: 'x', data: '[1]' }, 'notifications.0.data: it is an object'],
    ['no alert on one platform and no inbox either', { content: 'x', ios_silent: 1 }, 'with an inbox_date'],
    [
      'words without alert',
      {
        content: 'x',
        ios_silent: 1,
        android_silent: 1,
        huawei_android_silent: 1,
        chrome_root_params: { silent: 1 },
      },
      'a silent message shows nothing',
    ],
    [
      'a filter beside conditions',
      { content: 'x', filter: 'a', conditions: [['a', 'EQ', 1]] },
      'notifications.0.filter: it and conditions each name the audience',
    ],
    [
      'a filter that nobody has made',
      { content: 'x', filter: 'nobody' },
      'notifications.0.filter: this app has no filter "nobody"',
    ],
    ['half a cap', { content: 'x', capping_days: 7 }, 'capping_days and capping_count belong together'],
    [
      'a cap for longer than is remembered',
      { content: 'x', capping_days: 60, capping_count: 1 },
      'notifications.0.capping_days: 1 to 30 days',
    ],
    [
      'a cap that is not counted',
      { content: 'x', capping_exclude: true },
      'capping_exclude needs capping_avoid',
    ],
    [
      'a slip in a cap',
      { content: 'x', frequency_capping: { days: 7, counts: 3 } },
      'frequency_capping: there is no such field as "counts"',
    ],
    [
      'no alert on one platform alone',
      { content: 'x', ios_silent: 1, inbox_date: '2099-01-01' },
      'it says nothing of Android, Huawei, browsers',
    ],
  ])('%s is refused by name, and nothing is stored', async (_what, notification, words) => {
    await refused(notification, words)
  })

  test('a group of apps is refused', async () => {
    const { body } = await call('createMessage', {
      applications_group: 'AAAAA-00000',
      notifications: [{ content: 'x' }],
    })
    expect(body.status_code).toBe(210)
    expect(body.status_message).toContain('request.applications_group')
  })

  test('a token that is none of ours is 401, a device token too', async () => {
    for (const auth of ['nonsense', roost.deviceToken]) {
      const request = { application: roost.app, notifications: [{ content: 'x' }], auth }
      expect(await call('createMessage', request)).toMatchObject({ status: 401, body: { status_code: 401 } })
    }
  })
})

describe('an expression of the segmentation language', () => {
  test('names the audience of createTargetedMessage, and compileFilter counts it', async () => {
    const tag = name('tag')
    const [young, old] = await Promise.all([
      roost.phone('ios', { hwid: name('young'), tags: { [tag]: 20 } }),
      roost.phone('android', { hwid: name('old'), tags: { [tag]: 70 } }),
    ])
    const devices_filter = `A("${roost.app}") * T("${tag}", gte, 60)`
    expect((await call('compileFilter', { devices_filter })).body.response).toEqual({ devices_count: 1 })
    const { body } = await call('createTargetedMessage', {
      devices_filter,
      content: 'targeted',
      send_date: 'now',
    })
    expect(body.response).toEqual({ messageCode: expect.stringMatching(CODE) })
    await settled(body.response.messageCode)
    expect([young.shownCount, old.shownCount]).toEqual([0, 1])
  })

  test.each([
    ['names no app', 'T("Age", gte, 60)', 'it names no app'],
    ['names an app that is not there', 'A("AAAAA-00000")', 'AAAAA-00000'],
    ['can not be read', 'A("APP") * ', 'expression'],
  ])('that %s is refused', async (_what, text, words) => {
    for (const method of ['compileFilter', 'createTargetedMessage']) {
      const { body } = await call(method, { devices_filter: text.replace('APP', roost.app), content: 'x' })
      expect(body.status_code).toBe(210)
      expect(body.status_message).toContain(words)
    }
  })
})

describe('inbox_date', () => {
  const inboxOf = async (hwid: string) =>
    (await roost.rest<InboxView>('GET', `/v1/apps/${roost.app}/devices/${hwid}/inbox`)).body.entries
  const inTwoDays = () => new Date(roost.clock.now() + 48 * 3_600_000).toISOString().slice(0, 10)

  test('keeps the message until the end of that day', async () => {
    const phone = await roost.phone('ios', { hwid: name('inbox') })
    const day = inTwoDays()
    await settled(await created({ content: 'kept', devices: [phone.hwid], inbox_date: day }))
    expect(await inboxOf(phone.hwid)).toMatchObject([
      { body: 'kept', until: expect.stringContaining(`${day}T23:59:59`) },
    ])
    expect(phone.shownCount).toBe(1)
  })

  test('with all alerts silent it is for the inbox alone, and deleteMessage takes it out of there', async () => {
    const phone = await roost.phone('android', { hwid: name('inbox') })
    const code = await created({
      content: 'quiet',
      devices: [phone.hwid],
      inbox_date: inTwoDays(),
      ios_silent: 1,
      android_silent: 1,
      huawei_android_silent: 1,
      chrome_root_params: { silent: 1 },
      firefox_root_params: { silent: 1 },
    })
    await settled(code)
    expect(phone.shownCount).toBe(0)
    expect(await inboxOf(phone.hwid)).toMatchObject([{ body: 'quiet' }])
    const shown = (await roost.device('getInboxMessages', { hwid: phone.hwid })).body.response
    const [{ order } = { order: '' }] = (shown as { messages: { order: string }[] }).messages
    expect((await call('deleteMessage', { message: code })).body).toMatchObject({ status_code: 200 })
    expect(await inboxOf(phone.hwid)).toEqual([])
    expect((await roost.device('getInboxMessages', { hwid: phone.hwid })).body.response).toMatchObject({
      messages: [],
      deleted: [order],
    })
  })
})

describe('afterwards', () => {
  test('cancelMessage keeps a message that waits for its time from being sent', async () => {
    const phone = await roost.phone('ios', { hwid: name('cancel') })
    const at = new Date(roost.clock.now() + 3_600_000).toISOString().slice(0, 16).replace('T', ' ')
    const code = await created({ content: 'never', devices: [phone.hwid], send_date: at })
    expect((await call('cancelMessage', { message: code.toLowerCase() })).body).toMatchObject({
      status_code: 200,
    })
    expect(await detailsOf(code)).toMatchObject({ state: 'cancelled' })
    roost.clock.advance(2 * 3_600_000)
    await settled(await created({ content: 'next', devices: [phone.hwid] }))
    expect(phone.shownCount).toBe(1)
    // Once more, and of one that is done: it is as it should be.
    expect((await call('cancelMessage', { message: code })).body).toMatchObject({ status_code: 200 })
  })

  test('getMsgStats and getResults count what was sent, delivered and opened', async () => {
    const phone = await roost.phone('ios', { hwid: name('stats') })
    const code = await created({ content: 'count me', devices: [phone.hwid] })
    const { id } = await settled(code)
    await roost.device('messageDeliveryEvent', { hwid: phone.hwid, hash: id.replaceAll('-', '') })
    await roost.device('pushStat', { hwid: phone.hwid, hash: id.replaceAll('-', '') })
    const { request_id } = (await call('getMsgStats', { message: code })).body.response
    const { response } = (await call('getResults', { request_id })).body
    expect(response.formatter).toBe('minutely')
    const sums = Object.fromEntries(['send', 'delivery', 'open'].map(it => [it, 0]))
    for (const row of response.rows) sums[row.action] = (sums[row.action] ?? 0) + row.count
    expect(sums).toEqual({ send: 1, delivery: 1, open: 1 })
    expect(response.rows[0].datetime).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:00$/)
  })

  test.each(['cancelMessage', 'deleteMessage', 'getMessageDetails', 'getMsgStats'])(
    '%s of a code that nobody has is an argument error',
    async method => {
      for (const message of ['C3F8-C3863ED4-334AD4F1', 'CODE_NOT_AVAILABLE', ''])
        expect((await call(method, { message })).body).toMatchObject({ status_code: 210, response: null })
    },
  )
})
