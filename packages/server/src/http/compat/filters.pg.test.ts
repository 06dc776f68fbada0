/** Filters and their export, and with them the way of a clean-up: filter, export, bulk removal, feed of what was removed. */
import { Readable } from 'node:stream'
import { inflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SERVER_TOKEN, startRoost, type TestRoost } from '../../../test/roost.ts'
import { dropExpiredSegments } from '../../audience/segments.ts'
import { BEGINNING, readBlocks } from '../../transfer/blocks.ts'
import type { Draft } from '../../transfer/draft.ts'
import { columnsOf } from '../../transfer/mappings/mappings.ts'
import { readPushwoosh } from '../../transfer/mappings/pushwoosh.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const DAY_MS = 24 * 3_600_000

// biome-ignore lint/suspicious/noExplicitAny: each method has its own
type Json = any

async function post(path: string, body: unknown): Promise<{ status: number; body: Json }> {
  const response = await fetch(`${roost.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, body: await response.json() }
}

const call = async (method: string, request: Record<string, unknown>) =>
  (await post(`/json/1.3/${method}`, { request: { auth: SERVER_TOKEN, ...request } })).body
const bare = (path: string, body: Record<string, unknown>) =>
  post(`/api/v2/audience/${path}`, { auth: SERVER_TOKEN, ...body })

const filters = async (application?: string) =>
  (await call('listFilters', { application: application ?? roost.app })).response.filters

/** Asks until the export has ended. */
async function exported(asked: Record<string, unknown>): Promise<Json> {
  const { status, body } = await bare('exportSegment', asked)
  expect([status, body]).toEqual([200, { task_id: expect.any(String), request_id: body.task_id }])
  const result = async () => (await bare('exportSegment/result', { task_id: body.task_id })).body
  await expect.poll(async () => (await result()).status).not.toBe('in-progress')
  return result()
}

async function download(url: string): Promise<{ name: string; text: string }> {
  const zip = Buffer.from(await (await fetch(url)).arrayBuffer())
  const directory = zip.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'))
  const compressed = zip.readUInt32LE(directory + 20)
  const name = zip.toString('utf8', 30, 30 + zip.readUInt16LE(26))
  const from = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28)
  return { name, text: inflateRawSync(zip.subarray(from, from + compressed)).toString('utf8') }
}

describe('a filter', () => {
  test('is a segment: it is made, listed with its code, and deleted by its name', async () => {
    const filter_expression = `A("${roost.app}") * T("City", eq, "Madrid")`
    const made = await call('createFilter', {
      name: 'City = Madrid',
      filter_expression,
      expiration_date: '2099-01-01',
    })
    expect(made).toEqual({ status_code: 200, status_message: 'OK', response: { name: 'City = Madrid' } })
    const [filter] = await filters()
    expect(filter).toEqual({
      code: expect.stringMatching(/^[0-9A-F]{5}-[0-9A-F]{5}$/),
      name: 'City = Madrid',
      filter_expression: `A("${roost.app}") * T("City", EQ, "Madrid")`,
      expiration_date: '2099-01-01',
      application: roost.app,
    })
    const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/segments`)
    expect(body.segments).toMatchObject([
      { name: 'City = Madrid', mode: 'live', code: filter.code, expiresAt: '2099-01-01T00:00:00.000Z' },
    ])
    expect((await call('deleteFilter', { name: 'City = Madrid' })).status_code).toBe(200)
    expect(await filters()).toEqual([])
    expect(await call('deleteFilter', { name: 'City = Madrid' })).toMatchObject({ status_code: 210 })
  })

  test('may be made of conditions, all of which or one of which holds', async () => {
    const conditions = [
      ['Age', 'GTE', 18],
      ['Pets', 'IN', ['cat', 'dog']],
    ]
    const application = roost.app
    await call('createFilter', { name: 'all', application, conditions })
    await call('createFilter', { name: 'some', application, conditions, operator: 'OR' })
    expect((await filters()).map((it: Json) => it.filter_expression)).toEqual([
      'T("Age", GTE, 18) + T("Pets", IN, ["cat", "dog"])',
      'T("Age", GTE, 18) * T("Pets", IN, ["cat", "dog"])',
    ])
    for (const name of ['all', 'some']) await call('deleteFilter', { name, application })
  })

  test('of a name that two apps have is deleted of the app that is named', async () => {
    const other = (await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Other' })).body.code
    for (const application of [roost.app, other])
      await call('createFilter', { name: 'both', application, filter_expression: 'T("a", SET)' })
    expect((await call('deleteFilter', { name: 'both' })).status_message).toContain(
      'several apps have a filter of this name',
    )
    expect((await call('deleteFilter', { name: 'both', application: other })).status_code).toBe(200)
    expect([(await filters()).length, (await filters(other)).length]).toEqual([1, 0])
    expect((await call('deleteFilter', { name: 'both' })).status_code).toBe(200)
  })

  test('goes on its day, unless a message that is not done names it', async () => {
    const application = roost.app
    const day = (days: number) => new Date(roost.clock.now() + days * DAY_MS).toISOString().slice(0, 10)
    for (const [name, days] of [
      ['soon', 2],
      ['later', 9],
      ['used', 2],
    ] as const)
      await call('createFilter', {
        name,
        application,
        filter_expression: 'T("a", SET)',
        expiration_date: day(days),
      })
    const notification = { content: 'x', filter: 'used', send_date: `${day(5)} 10:00` }
    const { response } = await call('createMessage', { application, notifications: [notification] })
    const at = roost.clock.now() + 3 * DAY_MS
    expect(await dropExpiredSegments(roost.server.db, at)).toBe(1)
    expect((await filters()).map((it: Json) => it.name)).toEqual(['used', 'later'])
    await call('cancelMessage', { message: response.Messages[0] })
    expect(await dropExpiredSegments(roost.server.db, at)).toBe(1)
    expect((await filters()).map((it: Json) => it.name)).toEqual(['later'])
    await call('deleteFilter', { name: 'later' })
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['no app', { name: 'x', filter_expression: 'T("a", EQ, "AAAAA-BBBBB")' }, 'it names no app'],
    ['a slip in a name', { name: 'x', filterexpression: 'T("a", SET)' }, 'unknown field "filterexpression"'],
    [
      'a bad expression',
      { name: 'x', application: 'APP', filter_expression: 'T("a", like, 1)' },
      'expression, character 8: expected an operator',
    ],
    [
      'an expression and conditions',
      { name: 'x', application: 'APP', filter_expression: 'T("a", SET)', conditions: [['a', 'EQ', 1]] },
      'give one',
    ],
    [
      'a day that is over',
      { name: 'x', application: 'APP', filter_expression: 'T("a", SET)', expiration_date: '2020-01-01' },
      'expiration_date: it is a day to come',
    ],
    [
      'a day that no month has',
      { name: 'x', application: 'APP', filter_expression: 'T("a", SET)', expiration_date: '2099-02-30' },
      'expiration_date: it is a day to come',
    ],
    [
      'a segment that is not there',
      {
        name: 'x',
        application: 'APP',
        filter_expression: 'Segment("0199c0de-0000-7000-8000-000000000009")',
      },
      'is none of this app',
    ],
  ])('with %s is refused, and says where', async (_what, request, words) => {
    const given = { ...request, ...(request.application === 'APP' && { application: roost.app }) }
    const answer = await call('createFilter', given)
    expect(answer).toMatchObject({ status_code: 210, status_message: expect.stringContaining(words) })
    expect(await filters()).toEqual([])
  })

  test('is nothing for strangers', async () => {
    for (const auth of ['nonsense', roost.deviceToken])
      for (const path of ['createFilter', 'listFilters', 'deleteFilter'])
        expect((await post(`/json/1.3/${path}`, { request: { auth } })).status).toBe(401)
    expect((await post('/api/v2/audience/exportSegment', { auth: 'nonsense' })).status).toBe(401)
  })
})

test('compileFilter refuses what createTargetedMessage would, instead of counting nobody', async () => {
  const devices_filter = `A("${roost.app}") * List("0199c0de-0000-7000-8000-000000000009")`
  expect(await call('compileFilter', { devices_filter })).toMatchObject({
    status_code: 210,
    status_message: expect.stringContaining('list 0199c0de-0000-7000-8000-000000000009 is none of this app'),
  })
  // What looks like an app in a text is none.
  const promo = `T("promo", EQ, "AAAAA-BBBBB") * A("${roost.app}")`
  expect((await call('compileFilter', { devices_filter: promo })).response).toEqual({ devices_count: 0 })
})

describe('an export of a segment', () => {
  test('has the columns of the protocol, then one a tag', async () => {
    const phone = await roost.phone('android', {
      tags: { csv: 'yes', 'Favourite, "best"': ['a', 'b'], age: 30 },
      userId: 'anna',
    })
    await roost.device('setTags', { hwid: phone.hwid, tags: {}, language: 'de', app_version: '2.10' })
    const result = await exported({ filterExpression: `A("${roost.app}") * T("csv", SET)` })
    expect(result).toEqual({
      status: 'completed',
      progress: 100,
      devices_count: 1,
      csv_filename: expect.stringContaining('http'),
      filename: result.csv_filename,
    })
    const { name, text } = await download(result.csv_filename)
    expect(name).toMatch(new RegExp(`^export_segment_${roost.app}_\\d+\\.csv$`))
    const [head, line, ...more] = text.trim().split('\n')
    expect(head).toBe(
      'Hwid,User ID,Push Token,Type,Type (humanized),Last Application Open,First Install,Language,Application Version,' +
        'Device Model,OS Version,Country,Timezone,Push Alerts Enabled,"Favourite, ""best""",age,csv',
    )
    const { rows } = await roost.server.db.query<{ address: string }>(
      'select address from address where hwid = $1',
      [phone.hwid],
    )
    expect(line).toContain(`${phone.hwid},anna,${rows[0]?.address},3,Android,`)
    expect(line).toContain(',de,2.10,')
    expect(line).toMatch(/,"\[""a"",""b""\]",30,yes$/)
    expect(more).toEqual([])
  })

  test('as JSON is a device a line, each value under a key that tells its type', async () => {
    await roost.rest('PUT', `/v1/apps/${roost.app}/tags/since`, { type: 'date' })
    await roost.rest('PUT', `/v1/apps/${roost.app}/tags/spent`, { type: 'decimal' })
    const tags = { json: true, since: '2026-01-02', spent: 5, visits: 3, ratio: 0.5, likes: ['a'], word: 'w' }
    const phone = await roost.phone('ios', { tags })
    const { csv_filename } = await exported({
      filterExpression: `AT("${roost.app}", "json", EQ, true)`,
      format: 'json',
    })
    const { name, text } = await download(csv_filename)
    expect(name).toMatch(/\.json$/)
    const device = JSON.parse(text)
    expect(device).toMatchObject({
      hwid: phone.hwid,
      platform: 1,
      push_tokens: { [roost.app]: expect.stringMatching(/^[0-9a-f]{64}$/) },
      voip_push_tokens: {},
      users: [],
      unsubscribed: false,
    })
    expect(device.app_tags[roost.app].tags).toEqual(
      expect.arrayContaining([
        { name: 'json', boolean: true },
        { name: 'since', date: '2026-01-02T00:00:00.000Z' },
        { name: 'spent', price: 5 },
        { name: 'visits', integer: 3 },
        { name: 'ratio', price: 0.5 },
        { name: 'likes', list: ['a'] },
        { name: 'word', string: 'w' },
      ]),
    )
    expect(device.device_tags).toEqual(
      expect.arrayContaining([{ name: 'First Install', date: expect.any(String) }]),
    )
  })

  test('in either form is read back by an import as the same device', async () => {
    const tags = { back: 'yes', score: 7, likes: ['a', 'b'] }
    const phone = await roost.phone('android', { tags, userId: 'berta' })
    await roost.device('setTags', { hwid: phone.hwid, tags: {}, language: 'de', timezone: 3600 })
    const filterExpression = `A("${roost.app}") * T("back", SET)`
    const settings = { platform: null, environment: null }
    const drafts: Draft[] = []
    for (const format of ['csv', 'json'] as const) {
      const { csv_filename } = await exported({ filterExpression, format })
      const source = Readable.from([Buffer.from((await download(csv_filename)).text)])
      const options = {
        format: format === 'csv' ? 'csv' : 'ndjson',
        from: BEGINNING,
        isFinal: true,
        columns: columnsOf('pushwoosh'),
      } as const
      for await (const { records, unread } of readBlocks(source, options)) {
        expect(unread).toEqual([])
        drafts.push(...records.map(it => readPushwoosh(it.fields, settings)))
      }
    }
    const { rows } = await roost.server.db.query<{ address: string }>(
      'select address from address where hwid = $1',
      [phone.hwid],
    )
    const same = {
      hwid: phone.hwid,
      platform: 'android',
      userId: 'berta',
      pushToken: rows[0]?.address,
      language: 'de',
    }
    expect(drafts).toEqual([expect.objectContaining(same), expect.objectContaining(same)])
    for (const draft of drafts) expect([draft.timezoneSeconds, draft.tags]).toEqual([3600, tags])
  })

  test('may be a count alone', async () => {
    for (let i = 0; i < 3; i++) await roost.device('setTags', { hwid: `count-${i}`, tags: { counted: 1 } })
    const filterExpression = `A("${roost.app}") * T("counted", SET)`
    expect(await exported({ filterExpression, exportCsv: false })).toEqual({
      status: 'completed',
      progress: 100,
      devices_count: 3,
      csv_filename: null,
      filename: null,
    })
  })

  test.each([
    [['hwids', 'push_tokens'], 'Hwid,Push Token', ['hwid', 'push_tokens', 'voip_push_tokens']],
    [['users'], 'User ID', ['users']],
  ])('has the columns of a choice alone: %j', async (exportData, head, keys) => {
    const tag = keys.join('')
    const phone = await roost.phone('android', { tags: { [tag]: 1 }, userId: 'carla' })
    const asked = { filterExpression: `A("${roost.app}") * T("${tag}", SET)`, exportData }
    const csv = (await download((await exported(asked)).csv_filename)).text.trim().split('\n')
    const json = JSON.parse(
      (await download((await exported({ ...asked, format: 'json' })).csv_filename)).text,
    )
    expect([csv[0], csv.length, Object.keys(json)]).toEqual([head, 2, keys])
    expect(csv[1]?.split(',')[0]).toBe(exportData[0] === 'users' ? 'carla' : phone.hwid)
  })

  test('with the tags alone has a column for each of them', async () => {
    await roost.phone('android', { tags: { onlyTag: 'x' } })
    const filterExpression = `A("${roost.app}") * T("onlyTag", SET)`
    const { csv_filename } = await exported({ filterExpression, exportData: ['tags'] })
    const [head, line] = (await download(csv_filename)).text.trim().split('\n')
    expect(head).toMatch(/^Last Application Open,.*,onlyTag$/)
    expect(line).toMatch(/,x$/)
  })

  test('is of a filter that its code names', async () => {
    const phone = await roost.phone('ios', { tags: { coded: 1 } })
    const filter_expression = `A("${roost.app}") * T("coded", SET)`
    await call('createFilter', { name: 'Coded', filter_expression, application: roost.app })
    const { code: filterCode } = (await filters()).find((it: { name: string }) => it.name === 'Coded')
    const { csv_filename } = await exported({ filterCode, exportData: ['hwids'] })
    expect((await download(csv_filename)).text).toBe(`Hwid\n${phone.hwid}\n`)
    const none = await bare('exportSegment', { filterCode: '00000-00000' })
    expect([none.status, none.body.message]).toEqual([404, expect.stringContaining('filterCode')])
  })

  test.each([
    [{ exportData: ['Hwid'] }, 'exportData'],
    [{ exportData: [] }, 'exportData'],
    [{ filterCode: '00000-00000' }, 'filterCode'],
  ])('that asks for what there is not is refused by name: %j', async (fields, said) => {
    const asked = { filterExpression: `A("${roost.app}")`, ...fields }
    const { status, body } = await bare('exportSegment', asked)
    expect([status, body.message]).toEqual([400, expect.stringContaining(said)])
    const other = await bare('exportSegment/result', { task_id: '0199c0de-0000-7000-8000-000000000009' })
    expect([other.status, other.body.code]).toEqual([404, 'export_unknown'])
  })
})

test('the silent are found by a filter, exported, removed in bulk, and told of as removed', async () => {
  const application = roost.app
  const tags = { plan: 'free' }
  const silent = [await roost.phone('android', { tags }), await roost.phone('ios', { tags })]
  for (const it of silent) await roost.device('applicationOpen', { hwid: it.hwid })
  roost.clock.advance(200 * DAY_MS)
  const awake = await roost.phone('android', { tags })
  await roost.device('applicationOpen', { hwid: awake.hwid })
  const expression = `A("${application}", [], true) * T("plan", EQ, "free") * T("Last Application Open", GTE, "180 days ago")`
  await call('createFilter', { name: 'silent', filter_expression: expression })
  const [filter] = await filters()

  const { csv_filename, devices_count } = await exported({ filterExpression: filter.filter_expression })
  expect(devices_count).toBe(2)
  const { text } = await download(csv_filename)
  const [head = '', ...lines] = text.trim().split('\n')
  const column = head.split(',').indexOf('Push Token')
  const tokens = lines.map(line => line.split(',')[column])

  const removal = await bare('bulkUnregisterDevice', {
    application,
    devices: tokens.map(push_token => ({ push_token })),
  })
  expect(removal).toMatchObject({ status: 200, body: { status: 'Pending' } })
  const states = () =>
    Promise.all([...silent, awake].map(async it => (await roost.view(it.hwid)).addresses[0]?.state))
  await expect.poll(states).toEqual(['dead', 'dead', 'active'])

  const today = new Date(roost.clock.now()).toISOString().slice(0, 10)
  const feed = await call('getUnregisteredDevices', { application, date_from: today, date_to: today })
  expect([...feed.response.hwids].sort()).toEqual(silent.map(it => it.hwid).sort())
  expect(await exported({ filterExpression: filter.filter_expression, exportCsv: false })).toMatchObject({
    devices_count: 0,
  })
})
