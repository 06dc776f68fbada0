/** Tags over the device protocol and REST: operations, types, and those that the server keeps itself. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { removeTagDefinition } from './definitions.ts'

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

let count = 0
const newHwid = () => `tagged-${++count}`

async function setTags(hwid: string, tags: Record<string, unknown>, at: BareServer = server) {
  const { body } = await at.device(app, 'setTags', { hwid, tags })
  expect(body).toMatchObject({ status_code: 200 })
  return body.response?.skipped as { tag: string; reason: string }[]
}
const tagsOf = async (hwid: string) => (await server.view(app, hwid)).tags
const increment = (value: unknown) => ({ operation: 'increment', value })
const append = (...value: unknown[]) => ({ operation: 'append', value })
const remove = (...value: unknown[]) => ({ operation: 'remove', value })

describe('operations', () => {
  test('increment adds to a number, begins with 0, and goes down, too', async () => {
    const hwid = newHwid()
    expect(await setTags(hwid, { visits: increment(1), points: increment('2.5') })).toEqual([])
    await setTags(hwid, { visits: increment(4), points: increment(-1) })
    expect(await tagsOf(hwid)).toEqual({ visits: 5, points: 1.5 })
  })

  test('a price that is incremented stays exact', async () => {
    const hwid = newHwid()
    for (let i = 0; i < 3; i++) await setTags(hwid, { total: increment(0.1) })
    expect(await tagsOf(hwid)).toEqual({ total: 0.3 })
  })

  test('the old way to write an increment is understood', async () => {
    const hwid = newHwid()
    await setTags(hwid, { visits: '#pwinc#5' })
    await setTags(hwid, { visits: '#pwinc#-2' })
    expect(await tagsOf(hwid)).toEqual({ visits: 3 })
  })

  test('of forty increments at once, at two servers, each counts', async () => {
    const hwid = newHwid()
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        setTags(hwid, { visits: increment(1) }, i % 2 === 0 ? server : other),
      ),
    )
    expect(await tagsOf(hwid)).toEqual({ visits: 40 })
  })

  test('append adds what is not there yet, and remove takes away; an empty list is no tag', async () => {
    const hwid = newHwid()
    await setTags(hwid, { langs: append('de', 'en') })
    await setTags(hwid, { langs: append('en', 'fr'), one: append('x') })
    expect(await tagsOf(hwid)).toEqual({ langs: ['de', 'en', 'fr'], one: ['x'] })
    await setTags(hwid, { langs: remove('de', 'never'), one: remove('x'), none: remove('x') })
    expect(await tagsOf(hwid)).toEqual({ langs: ['en', 'fr'] })
  })

  test('append makes a list of a single value, and takes one without brackets', async () => {
    const hwid = newHwid()
    await setTags(hwid, { lang: 'de' })
    await setTags(hwid, { lang: { operation: 'append', value: 'en' } })
    expect(await tagsOf(hwid)).toEqual({ lang: ['de', 'en'] })
  })

  test('set is the same as the value itself, and with null it clears', async () => {
    const hwid = newHwid()
    await setTags(hwid, { tier: { operation: 'set', value: 'gold' }, age: 3 })
    await setTags(hwid, { age: { operation: 'set', value: null } })
    expect(await tagsOf(hwid)).toEqual({ tier: 'gold' })
  })

  test.each<[string, unknown, string]>([
    ['an increment of text', increment(1), 'no number'],
    ['an increment by a word', increment('many'), 'takes a number'],
    ['an increment without a value', { operation: 'increment' }, 'takes a number'],
    ['an append of an object', append({ a: 1 }), 'a list of values'],
    ['an operation in a set', { operation: 'set', value: increment(1) }, 'not another operation'],
    ['an operation that nobody knows', { operation: 'multiply', value: 2 }, 'an operation is'],
  ])('%s is skipped with the reason, and the rest of the call counts', async (_what, value, reason) => {
    const hwid = newHwid()
    await setTags(hwid, { tag: 'text' })
    expect(await setTags(hwid, { tag: value, good: 1 })).toEqual([
      { tag: 'tag', reason: expect.stringContaining(reason) },
    ])
    expect(await tagsOf(hwid)).toEqual({ tag: 'text', good: 1 })
  })

  test('can not make more tags, or more bytes of them, than a device may have', async () => {
    const hwid = newHwid()
    const full = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`tag${i}`, 1]))
    await setTags(hwid, full)
    await setTags(hwid, Object.fromEntries(Array.from({ length: 56 }, (_, i) => [`more${i}`, 1])))
    expect(await setTags(hwid, { over: increment(1) })).toEqual([
      { tag: 'over', reason: expect.stringContaining('256 tags') },
    ])
    expect(await setTags(hwid, { tag0: increment(1) })).toEqual([])
    const long = Array.from({ length: 40 }, (_, i) => `${i}${'x'.repeat(1000)}`)
    expect(await setTags(hwid, { tag1: null, list: append(...long) })).toMatchObject([{ tag: 'list' }])
    expect(Object.keys(await tagsOf(hwid))).toHaveLength(255)
    expect((await tagsOf(hwid)).tag0).toBe(2)
  })

  test('registerDevice takes them, too', async () => {
    const hwid = newHwid()
    const register = () =>
      server.device(app, 'registerDevice', {
        hwid,
        device_type: 1,
        push_token: randomBytes(32).toString('hex'),
        tags: { starts: increment(1) },
      })
    await register()
    await register()
    expect(await tagsOf(hwid)).toEqual({ starts: 2 })
  })
})

describe('getTags', () => {
  const getTags = async (fields: Record<string, unknown>) =>
    (await server.device(app, 'getTags', fields)).body.response

  test('gives the tags of the device and the default ones, without OS version and device model', async () => {
    const hwid = newHwid()
    await server.device(app, 'applicationOpen', {
      hwid,
      device_type: 1,
      language: 'de',
      timezone: '3600',
      app_version: '2.0.1',
      os_version: '17.1',
      device_model: 'iPhone15,2',
      country: 'ch',
      notificationTypes: 7,
    })
    await setTags(hwid, { tier: 'gold', gone: 1 })
    await setTags(hwid, { gone: null })
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect(await getTags({ hwid })).toEqual({
      result: {
        tier: 'gold',
        'Last Application Open': time,
        'First Install': time,
        Language: 'de',
        'Application Version': '2.0.1',
        Country: 'CH',
        Timezone: 3600,
        'Push Alerts Enabled': true,
      },
    })
    expect((await server.view(app, hwid)).defaultTags).toMatchObject({
      'OS Version': '17.1',
      'Device Model': 'iPhone15,2',
    })
  })

  test('of a user are those of the device that was seen last', async () => {
    const [before, last] = [newHwid(), newHwid()]
    await server.device(app, 'setTags', { hwid: before, userId: 'tagged user', tags: { a: 'before' } })
    server.clock.advance(1000)
    await server.device(app, 'setTags', { hwid: last, userId: 'tagged user', tags: { a: 'last' } })
    expect(await getTags({ userId: 'tagged user' })).toMatchObject({ result: { a: 'last' } })
  })

  test('of a device that was never seen are none, and it stays unknown', async () => {
    expect(await getTags({ hwid: 'never seen' })).toEqual({ result: {} })
    expect((await server.rest('GET', `/v1/apps/${app.app}/devices/never%20seen`)).status).toBe(404)
  })
})

test('the tags that the server keeps are set by nobody else', async () => {
  const hwid = newHwid()
  expect(await setTags(hwid, { Language: 'xx', 'First Install': null, mine: 1 })).toEqual([
    { tag: 'Language', reason: expect.stringContaining('the server keeps this tag') },
    { tag: 'First Install', reason: expect.stringContaining('the server keeps this tag') },
  ])
  expect(await tagsOf(hwid)).toEqual({ mine: 1 })
})

test('a number beyond all numbers is skipped, and does not clear the tag', async () => {
  const hwid = newHwid()
  await setTags(hwid, { points: 7, list: [1] })
  const response = await fetch(`${server.url}/json/1.3/setTags`, {
    method: 'POST',
    headers: { authorization: `Token ${app.deviceToken}` },
    body: `{"request":{"application":"${app.app}","hwid":"${hwid}","tags":{"points":1e999,"list":[-1e999]}}}`,
  })
  expect(await response.json()).toMatchObject({ response: { skipped: [{ tag: 'points' }, { tag: 'list' }] } })
  expect(await tagsOf(hwid)).toEqual({ points: 7, list: [1] })
})

describe('the definition of a tag', () => {
  const appId = async () =>
    (await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])).rows[0]
      ?.id as number
  const define = (tag: string, type: string) =>
    server.rest('PUT', `/v1/apps/${app.app}/tags/${tag}`, { type })

  test('keeps its type: another one is refused with the way out, and repeating it changes nothing', async () => {
    expect((await define('kept', 'integer')).status).toBe(200)
    expect((await define('kept', 'integer')).status).toBe(200)
    const refused = await define('kept', 'string')
    expect(refused).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    expect(refused.body.detail).toContain('tag "kept" is of type integer')
    await Promise.all(['date', 'date', 'version'].map(type => define('raced', type)))
    const { body } = await server.rest<{ tags: { name: string; type: string }[] }>(
      'GET',
      `/v1/apps/${app.app}/tags`,
    )
    expect(body.tags.filter(it => it.name === 'kept')).toMatchObject([{ type: 'integer' }])
    expect(body.tags.filter(it => it.name === 'raced')).toHaveLength(1)
    await removeTagDefinition(server.db, await appId(), 'kept')
    expect((await define('kept', 'string')).status).toBe(200)
  })

  test('takes no day that the calendar does not have', async () => {
    const hwid = newHwid()
    await define('born', 'date')
    expect(await setTags(hwid, { born: '2026-02-30' })).toMatchObject([{ tag: 'born' }])
    expect(await setTags(hwid, { born: '2028-02-29' })).toEqual([])
    expect(await tagsOf(hwid)).toEqual({ born: '2028-02-29T00:00:00.000Z' })
  })
})
