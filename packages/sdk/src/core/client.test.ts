import { expect, test } from 'vitest'
import {
  answers,
  clock,
  goAway,
  heard,
  inDeviceHouse,
  leave,
  makeClient,
  ok,
} from '../../test/device-house.ts'

const DAY_MS = 24 * 60 * 60_000

inDeviceHouse()

test('a call carries the device and the token, and gives back the response', async () => {
  answers.set('getConfig', ok({ features: { vapid_key: 'k' } }))
  const { client } = makeClient()
  expect(await client.call('getConfig', { features: ['vapid_key'] })).toEqual({
    features: { vapid_key: 'k' },
  })
  expect(heard).toEqual([
    {
      path: '/json/1.3/getConfig',
      authorization: 'Token secret-token',
      request: {
        application: 'AAAAA-BBBBB',
        hwid: 'AAAAA-BBBBB_1',
        device_type: 12,
        v: '0.1.0',
        device_model: 'Firefox 153',
        os_version: 'Linux',
        app_version: '2.1',
        language: 'en',
        timezone: 3600,
        time_zone: 'Europe/Berlin',
        features: ['vapid_key'],
      },
    },
  ])
})

test.each([
  ['an argument error', { status: 200, body: '{"status_code":210,"status_message":"no"}' }, 'refused'],
  ['a malformed request', { status: 400, body: '' }, 'refused'],
  ['a call that is too large', { status: 413, body: '' }, 'refused'],
  ['a token of another application', { status: 403, body: '' }, 'unauthorized'],
  ['a server fault', { status: 500, body: '{"status_code":500}' }, 'unavailable'],
  ['a throttle', { status: 429, body: '' }, 'unavailable'],
  ["a proxy's page", { status: 200, body: '<html>' }, 'unavailable'],
  ['a JSON that is no envelope', { status: 200, body: 'null' }, 'unavailable'],
])('%s is told by its code', async (_, answer, code) => {
  answers.set('applicationOpen', answer)
  await expect(makeClient().client.call('applicationOpen')).rejects.toMatchObject({ code })
})

test('a receipt that finds no server is sent when the server is back', async () => {
  const { client } = makeClient()
  const comeBack = await leave()
  const receipt = { key: 'r', method: 'messageDeliveryEvent', fields: { hash: 'h' } }
  expect(await client.deliver(receipt)).toBe('kept')
  await comeBack()
  await client.flush()
  await client.flush()
  expect(heard.map(call => [call.path, call.request.hash])).toEqual([['/json/1.3/messageDeliveryEvent', 'h']])
})

test('what is kept goes out in the order in which it was asked for', async () => {
  const { client } = makeClient()
  answers.set('setTags', { status: 500, body: '' })
  await client.deliver({ key: 'b', method: 'setTags', fields: { tags: { a: 1 } } })
  clock.now -= 3_600_000 // the clock was set back
  await client.deliver({ key: 'a', method: 'setTags', fields: { tags: { a: 2 } } })
  answers.clear()
  heard.length = 0
  await client.flush()
  expect(heard.map(call => call.request.tags)).toEqual([{ a: 1 }, { a: 2 }])
})

test('a refused call is told to its caller and does not block those behind it', async () => {
  const { client, store } = makeClient()
  answers.set('setTags', { status: 200, body: '{"status_code":210,"status_message":"unknown tag"}' })
  await store.keep({ key: 'older', method: 'setTags', fields: {}, at: clock.now - 1 })
  expect(await client.deliver({ key: 'r', method: 'pushStat', fields: { hash: 'h' } })).toBe('sent')
  await expect(client.deliver({ key: 't', method: 'setTags', fields: {} })).rejects.toMatchObject({
    code: 'refused',
  })
  expect(await store.kept()).toEqual([])
})

test('what JSON can’t say is refused and not kept, and costs nothing that is kept', async () => {
  const { client, store } = makeClient()
  const comeBack = await leave()
  await client.deliver({ key: 'r', method: 'pushStat', fields: { hash: 'h' } })
  await comeBack()
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  for (const id of [10n, cycle]) {
    const event = { key: 'e', method: 'postEvent', fields: { event: 'paid', attributes: { id } } }
    await expect(client.deliver(event)).rejects.toMatchObject({ code: 'refused' })
  }
  expect((await store.kept()).map(call => call.key)).toEqual(['r'])
})

test('what an older version has kept that JSON can’t say is dropped, and what was kept behind it goes out', async () => {
  const { client, store } = makeClient()
  await store.keep({ key: 'e', method: 'postEvent', fields: { attributes: { id: 10n } }, at: clock.now })
  await store.keep({ key: 'u', method: 'registerUser', fields: { userId: 'ann' }, at: clock.now })
  await client.flush()
  expect(heard.map(call => call.request.userId)).toEqual(['ann'])
  expect(await store.kept()).toEqual([])
})

test('what is kept is what JSON says of it at the moment, in every store', async () => {
  const { client, store } = makeClient()
  await leave()
  const attributes = { at: new Date(0), missing: undefined, call: () => 1, price: 1 }
  await client.deliver({ key: 'e', method: 'postEvent', fields: { attributes } })
  attributes.price = 2
  const [kept] = await store.kept()
  expect(kept?.fields).toStrictEqual({ attributes: { at: '1970-01-01T00:00:00.000Z', price: 1 } })
})

test('a call that the server chokes on holds back its own kind only', async () => {
  const { client, store } = makeClient()
  answers.set('setTags', { status: 500, body: '' })
  await store.keep({ key: 't1', method: 'setTags', fields: {}, at: clock.now - 2 })
  await store.keep({ key: 't2', method: 'setTags', fields: {}, at: clock.now - 1 })
  expect(await client.deliver({ key: 'r', method: 'pushStat', fields: { hash: 'h' } })).toBe('sent')
  expect(heard.map(call => call.path)).toEqual(['/json/1.3/setTags', '/json/1.3/pushStat'])
  expect((await store.kept()).map(call => call.key)).toEqual(['t1', 't2'])
})

test.each([
  ['as long as it says', { status: 429, body: '', retryAfter: '30' }, [30_000, 30_000]],
  ['a second, two, four, where it does not', { status: 503, body: '' }, [1000, 2000, 4000]],
  ['ten minutes at most', { status: 503, body: '', retryAfter: '86400' }, [600_000]],
])('a server that is busy is left alone for %s', async (_, answer, pauses) => {
  const { client, store } = makeClient()
  answers.set('setTags', answer)
  await store.keep({ key: 't', method: 'setTags', fields: {}, at: clock.now })
  expect(await client.deliver({ key: 'e', method: 'postEvent', fields: {} })).toBe('kept')
  for (const pauseMs of pauses) {
    heard.length = 0
    clock.now += pauseMs - 1
    await client.flush()
    expect(heard).toEqual([])
    clock.now += 1
    await client.flush()
    expect(heard.map(call => call.path)).toEqual(['/json/1.3/setTags'])
  }
  answers.clear()
  clock.now += 600_000
  await client.flush()
  expect(await store.kept()).toEqual([])
})

test('R25: a login passes by what waits for a busy server, at once and during the pause, and changes nothing of that', async () => {
  const { client, store } = makeClient()
  const logIn = (userId: string) =>
    client.deliver({ key: userId, method: 'registerUser', fields: { userId } })
  answers.set('postEvent', { status: 429, body: '', retryAfter: '60' })
  await store.keep({ key: 'e', method: 'postEvent', fields: {}, at: clock.now })
  await store.keep({ key: 't', method: 'setTags', fields: {}, at: clock.now })
  expect(await logIn('ann')).toBe('sent')
  clock.now += 59_999
  expect(await logIn('bob')).toBe('sent')
  expect(heard.map(call => call.request.userId ?? call.path)).toEqual(['/json/1.3/postEvent', 'ann', 'bob'])
  clock.now += 1
  answers.clear()
  await client.flush()
  expect(await store.kept()).toEqual([])
})

test('R25: a login that finds the server busy is tried again by the next event, whatever it said', async () => {
  const { client } = makeClient()
  answers.set('registerUser', { status: 503, body: '', retryAfter: '60' })
  const login = { key: 'u', method: 'registerUser', fields: { userId: 'ann' } }
  expect(await client.deliver(login)).toBe('kept')
  const logout = { key: 'v', method: 'registerUser', fields: { userId: 'nobody' } }
  expect(await client.deliver(logout)).toBe('kept')
  expect(heard.map(call => call.request.userId)).toEqual(['ann', 'ann']) // nobody before ann has gone
  answers.clear()
  await client.deliver({ key: 'e', method: 'postEvent', fields: {} })
  expect(heard.slice(2).map(call => call.request.userId ?? call.path)).toEqual([
    'ann',
    'nobody',
    '/json/1.3/postEvent',
  ])
})

test('a clock that was set back prolongs no pause', async () => {
  const { client, store } = makeClient()
  answers.set('setTags', { status: 503, body: '', retryAfter: '60' })
  await client.deliver({ key: 't', method: 'setTags', fields: {} })
  answers.clear()
  clock.now -= 3_600_000
  await client.flush()
  expect(await store.kept()).toEqual([])
})

test('a call that gets no answer at all is told as unreachable', async () => {
  const { client } = makeClient()
  await goAway()
  await expect(client.call('applicationOpen')).rejects.toMatchObject({ code: 'unreachable' })
})

test('a receipt older than 30 days is dropped unsent', async () => {
  const { client, store } = makeClient()
  await store.keep({
    key: 'old',
    method: 'pushStat',
    fields: { hash: 'old' },
    at: clock.now - 30 * DAY_MS - 1,
  })
  await store.keep({ key: 'new', method: 'pushStat', fields: { hash: 'new' }, at: clock.now - 30 * DAY_MS })
  await client.flush()
  expect(heard.map(call => call.request.hash)).toEqual(['new'])
  expect(await store.kept()).toEqual([])
})

test('a receipt that waited says for how long, and another call does not', async () => {
  const { client, store } = makeClient()
  await store.keep({ key: 'r', method: 'pushStat', fields: { hash: 'h' }, at: clock.now - 2 * DAY_MS })
  await store.keep({ key: 't', method: 'setTags', fields: { tags: {} }, at: clock.now - 1000 })
  await client.flush()
  expect(heard.map(call => call.request.age)).toEqual([2 * 24 * 3600, undefined])
})

test('receipts that wait go in one call, each with its age', async () => {
  const { client, store } = makeClient()
  await store.keep({
    key: 'a',
    method: 'pushStat',
    fields: { hash: 'a', receipt_key: 'k' },
    at: clock.now - DAY_MS,
  })
  const landed = { receipts: [{ kind: 'landed', hash: 'b' }] }
  await store.keep({ key: 'b', method: 'postReceipts', fields: landed, at: clock.now - 2000 })
  await store.keep({ key: 't', method: 'setTags', fields: { tags: {} }, at: clock.now - 1000 })
  await client.deliver({ key: 'c', method: 'messageDeliveryEvent', fields: { hash: 'c' } })
  expect(heard.map(call => call.path)).toEqual(['/json/1.3/postReceipts', '/json/1.3/setTags'])
  expect(heard[0]?.request.receipts).toEqual([
    { kind: 'opened', hash: 'a', receipt_key: 'k', age: 24 * 3600 },
    { kind: 'landed', hash: 'b', age: 2 },
    { kind: 'delivered', hash: 'c', age: 0 },
  ])
  expect(await store.kept()).toEqual([])
})

test('of events that nobody hears the newest 1000 are kept, and who has logged in before them', async () => {
  const { client, store } = makeClient()
  await store.keep({ key: 'u', method: 'registerUser', fields: { userId: 'ann' }, at: clock.now })
  for (let number = 0; number < 1002; number++)
    await store.keep({ key: `e${number}`, method: 'postEvent', fields: {}, at: clock.now })
  await goAway()
  await client.flush()
  const keys = (await store.kept()).map(call => call.key)
  expect([keys.length, ...keys.slice(0, 2), keys.at(-1)]).toEqual([1001, 'u', 'e2', 'e1001'])
})

test('one receipt that is refused costs none of the others', async () => {
  const { client, store } = makeClient()
  answers.set('postReceipts', { status: 200, body: '{"status_code":210,"status_message":"no"}' })
  await store.keep({ key: 'a', method: 'pushStat', fields: { hash: 'a' }, at: clock.now })
  await store.keep({ key: 'b', method: 'messageDeliveryEvent', fields: { hash: 'b' }, at: clock.now })
  await client.flush()
  expect(heard.slice(1).map(call => [call.path, call.request.hash])).toEqual([
    ['/json/1.3/pushStat', 'a'],
    ['/json/1.3/messageDeliveryEvent', 'b'],
  ])
  expect(await store.kept()).toEqual([])
})
