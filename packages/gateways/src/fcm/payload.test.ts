import { describe, expect, test } from 'vitest'
import { accept, fcm, messageOf } from '../../test/fcm.ts'
import { attemptTo, NOTIFICATION } from '../../test/fixtures.ts'
import type { Notification } from '../notification.ts'
import type { FcmOptions } from './options.ts'
import { buildPayload } from './payload.ts'
import { type FcmAddress, readTarget } from './target.ts'

const to = { token: 'device-token:APA91' }

function build(fcmOptions: FcmOptions, overrides: Partial<Notification> = {}, isDevice = true) {
  return buildPayload({ ...NOTIFICATION, ...overrides, fcm: fcmOptions }, isDevice)
}

function messageWith(fcmOptions: FcmOptions, overrides: Partial<Notification> = {}): Record<string, unknown> {
  const payload = build(fcmOptions, overrides)
  if (!payload.ok) throw new Error(payload.reason)
  return JSON.parse(payload.content)
}

describe('targets', () => {
  test.each<[string, FcmAddress]>([
    ['a registration token', { token: 'device-token:APA91' }],
    ['an installation id', { fid: 'cxQ5GzbWRKm1XmqhG4Vv9z' }],
    ['a topic', { topic: 'news_2026~%' }],
    ['a condition', { condition: "'news' in topics && ('sports' in topics || 'weather' in topics)" }],
    ['a negated condition', { condition: "!('news' in topics)" }],
    ['a condition of five topics', { condition: [1, 2, 3, 4, 5].map(n => `'t${n}' in topics`).join(' || ') }],
  ])('%s is sent as it is', async (_name, address) => {
    const { client, sends } = await fcm(accept)
    expect(await client.send(attemptTo(address))).toMatchObject({ kind: 'accepted' })
    expect(messageOf(sends()[0])).toMatchObject(address)
  })

  test.each<[string, object, string]>([
    ['none', {}, 'exactly one of token, fid, topic, condition; nothing given'],
    ['two', { token: 'a', topic: 'b' }, 'token, topic given'],
    ['an empty one', { token: '' }, 'token is empty'],
    ['a topic with its path', { topic: '/topics/news' }, 'without "/topics/"'],
    ['a topic with a space', { topic: 'my news' }, 'letters, digits and - _ . ~ % only'],
    ['a condition without topics', { condition: 'news' }, 'names no topic'],
    [
      'a condition of six topics',
      { condition: [1, 2, 3, 4, 5, 6].map(n => `'t${n}' in topics`).join(' || ') },
      'names 6 topics; 5 are allowed',
    ],
    ['a wrong name in a condition', { condition: "'my news' in topics" }, 'condition: topic "my news"'],
    ['an endless condition', { condition: "'".repeat(5001) }, 'has 5001 characters; 5000 are allowed'],
    ['terms side by side', { condition: "'a' in topics 'b' in topics" }, 'joined by && and ||'],
    ['an open parenthesis', { condition: "('a' in topics" }, 'matching parentheses'],
    ['one ampersand', { condition: "'a' in topics & 'b' in topics" }, 'joined by && and ||'],
  ])('%s is a message fault, and nothing is sent', async (_name, address, reason) => {
    const { client, peer } = await fcm(accept)
    expect(await client.send(attemptTo(address as FcmAddress))).toEqual({
      kind: 'message_fault',
      reason: expect.stringContaining(reason),
    })
    expect(peer.requests).toHaveLength(0)
  })

  test('only tokens and installation ids are devices', () => {
    const isDevice = (address: FcmAddress) => {
      const read = readTarget(address)
      return read.ok && read.target.isDevice
    }
    expect(
      [{ token: 'a' }, { fid: 'a' }, { topic: 'a' }, { condition: "'a' in topics" }].map(isDevice),
    ).toEqual([true, true, false, false])
  })

  test('a topic message has room for 2048 bytes', async () => {
    const { client, peer } = await fcm(accept)
    const body = 'x'.repeat(2100)
    expect(await client.send(attemptTo(to, { body }))).toMatchObject({ kind: 'accepted' })
    expect(await client.send(attemptTo({ topic: 'news' }, { body }))).toMatchObject({
      kind: 'message_fault',
      reason: expect.stringContaining('2048 allowed'),
    })
    expect(peer.requests).toHaveLength(2)
  })
})

test('validateOnly asks Google to check and deliver nothing', async () => {
  const { client, sends } = await fcm(accept)
  await client.send({ ...attemptTo(to), validateOnly: true })
  await client.send({ ...attemptTo(to), validateOnly: false })
  expect(sends().map(it => JSON.parse(String(it.body)).validate_only)).toEqual([true, undefined])
})

describe('what is given in Google’s own words', () => {
  test('goes over the common part, object into object', () => {
    const message = messageWith(
      {
        data: { extra: 'yes', header: 'Mine' },
        notification: { title: 'Shown by the system' },
        android: { ttl: '5s', notification: { channel_id: 'news', color: '#ff0000' } },
        apns: { headers: { 'apns-priority': '5' }, payload: { aps: { 'content-available': 1 } } },
        webpush: { headers: { Urgency: 'low' }, fcm_options: { link: 'https://example.com/' } },
        fcmOptions: { analytics_label: 'spring~sale' },
      },
      { collapseKey: 'score' },
    )
    expect(message).toEqual({
      data: {
        pw_msg: '1',
        title: 'There you are',
        header: 'Mine',
        p: 'h4sh',
        pw_msg_tag: 'score',
        extra: 'yes',
      },
      notification: { title: 'Shown by the system' },
      android: {
        priority: 'HIGH',
        ttl: '5s',
        collapse_key: 'score',
        notification: { channel_id: 'news', color: '#ff0000', tag: 'score' },
      },
      apns: { headers: { 'apns-priority': '5' }, payload: { aps: { 'content-available': 1 } } },
      webpush: { headers: { Urgency: 'low' }, fcm_options: { link: 'https://example.com/' } },
      fcm_options: { analytics_label: 'spring~sale' },
    })
  })

  test('takes both spellings of a field, and sends it once', () => {
    const { android, apns } = messageWith(
      {
        android: {
          collapseKey: 'mine',
          notification: { channelId: 'news' },
          fcmOptions: { analyticsLabel: 'a' },
        },
        apns: { liveActivityToken: 'abc', payload: { camelCase: 1 } },
      },
      { collapseKey: 'common' },
    )
    expect(android).toEqual({
      priority: 'HIGH',
      ttl: '3600s',
      collapse_key: 'mine',
      notification: { channel_id: 'news', tag: 'common' },
      fcm_options: { analytics_label: 'a' },
    })
    expect(apns).toEqual({ live_activity_token: 'abc', payload: { camelCase: 1 } })
  })

  test('null takes a common field away, and undefined leaves it', () => {
    const { android } = messageWith(
      { android: { collapse_key: null, ttl: undefined } },
      { collapseKey: 'common' },
    )
    expect(android).toEqual({ priority: 'HIGH', ttl: '3600s' })
  })

  test.each<[string, FcmOptions]>([
    ['for all platforms', { notification: { title: 'Shown' } }],
    ['for Android', { android: { notification: { title: 'Shown' } } }],
  ])(
    'a notification %s has the tag of the data: a second copy takes the place of the first',
    (_, options) => {
      const shown = messageWith(options, { collapseKey: 'score' })
      expect(shown).toMatchObject({
        data: { pw_msg_tag: 'score' },
        android: { priority: 'HIGH', notification: { tag: 'score' } },
      })
      expect(messageWith(options)).toMatchObject({ android: { notification: { tag: 'h4sh' } } })
    },
  )

  test('a tag of the sender’s stays, and data alone has none', () => {
    const tagWith = (tag: string | null) =>
      messageWith(
        { notification: { title: 'Shown' }, android: { notification: { tag } } },
        { collapseKey: 'score' },
      )
    expect(tagWith('mine')).toMatchObject({ android: { notification: { tag: 'mine' } } })
    expect(tagWith(null)).toMatchObject({ android: { notification: { tag: null } } })
    const { android } = messageWith({ android: { ttl: '1s' } }, { collapseKey: 'score' })
    expect(android).not.toHaveProperty('notification')
  })

  test('a key called __proto__ is a key like any other', () => {
    const data = JSON.parse('{"__proto__":"x"}') as Record<string, string>
    expect(JSON.stringify(messageWith({ data }))).toContain('"__proto__":"x"')
  })
})

describe('what Google would refuse is told before anything is sent', () => {
  const wrong = (options: object) => options as FcmOptions
  test.each<[string, FcmOptions, string]>([
    ['a number in data', wrong({ data: { a: 1 } }), 'data: the value of "a" is no text'],
    ['a number in data for Android', { android: { data: { a: 1 } } }, 'android.data: the value of "a"'],
    ['a number in data for browsers', { webpush: { data: { a: 1 } } }, 'webpush.data: the value of "a"'],
    ['data that is a list', { android: { data: ['a'] } }, 'android.data is no object'],
    ['the key from', { data: { from: 'x' } }, 'the key "from" is reserved'],
    ['the key message_type', { data: { message_type: 'x' } }, 'the key "message_type" is reserved'],
    ['a key of google.', { data: { 'google.x': 'x' } }, 'the key "google.x" is reserved'],
    [
      'a key of gcm.notification.',
      { data: { 'gcm.notification.x': 'x' } },
      'the key "gcm.notification.x" is reserved',
    ],
    ['a key that a device takes for ours', { data: { ru: 'Привет' } }, 'reserved_field: data has "ru"'],
    ['one for Android', { android: { data: { rk: 'x' } } }, 'reserved_field: android.data has "rk"'],
    ['one for browsers', { webpush: { data: { ru: 'x' } } }, 'reserved_field: webpush.data has "ru"'],
    ['one for Apple', { apns: { payload: { ru: 'x' } } }, 'reserved_field: apns.payload has "ru"'],
    ['a part that is no object', wrong({ android: 'x' }), 'android is no object'],
    ['a ttl over 28 days', { android: { ttl: '2419201s' } }, '28 days'],
    ['a negative ttl', { android: { ttl: '-1s' } }, 'android.ttl is "-1s"; it is written "3600s"'],
    ['a ttl that is a number', { android: { ttl: 60 } }, 'android.ttl is 60'],
    ['another priority', { android: { priority: 'max' } }, 'NORMAL and HIGH are allowed'],
    ['a collapse key that is a number', { android: { collapse_key: 7 } }, 'android.collapse_key is 7'],
    [
      'a header that is a number',
      { apns: { headers: { 'apns-priority': 5 } } },
      'apns.headers: the value of',
    ],
    ['a header of browsers', { webpush: { headers: { TTL: 5 } } }, 'webpush.headers: the value of "TTL"'],
    ['a label with a space', { fcmOptions: { analytics_label: 'a b' } }, 'fcm_options.analytics_label'],
    [
      'an empty label',
      { android: { fcm_options: { analytics_label: '' } } },
      'android.fcm_options.analytics_label',
    ],
    [
      'a label of 51 characters',
      { apns: { fcm_options: { analytics_label: 'x'.repeat(51) } } },
      'apns.fcm_options.analytics_label',
    ],
    [
      'a link without TLS',
      { webpush: { fcm_options: { link: 'http://a.b' } } },
      'an https address is wanted',
    ],
    [
      'a notification over the limit',
      { notification: { body: 'x'.repeat(4100) } },
      'biggest: notification.body 4100',
    ],
    ['a part for Apple over the limit', { apns: { payload: { a: 'x'.repeat(4100) } } }, 'biggest: a 4100'],
    ['a part for browsers over the limit', { webpush: { data: { a: 'x'.repeat(4100) } } }, 'biggest: a 4100'],
  ])('%s', (_name, options, reason) => {
    expect(build(options)).toEqual({ ok: false, reason: expect.stringContaining(reason) })
  })

  test.each<[string, FcmOptions]>([
    ['a ttl of 28 days', { android: { ttl: '2419200s' } }],
    ['a ttl of 0', { android: { ttl: '0s' } }],
    ['a ttl with a fraction', { android: { ttl: '3.5s' } }],
    ['a priority in small letters', { android: { priority: 'high' } }],
    ['a label of 50 characters', { fcmOptions: { analytics_label: 'x'.repeat(50) } }],
    ['a key that only begins like a reserved one', { data: { fromage: 'x', googled: 'x' } }],
  ])('not so %s', (_name, options) => {
    expect(build(options)).toMatchObject({ ok: true })
  })

  test('nothing of it leaves', async () => {
    const { client, peer } = await fcm(accept)
    const outcome = await client.send(attemptTo(to, { fcm: { data: { from: 'x' } } }))
    expect(outcome).toMatchObject({ kind: 'message_fault' })
    expect(peer.requests).toHaveLength(0)
  })
})
