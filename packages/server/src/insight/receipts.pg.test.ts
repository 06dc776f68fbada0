/** Receipts: late, twice and by strangers, as clients post them; each counts once for its message. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { hashOf, messageIdOf } from './receipts.ts'

let database: TestDatabase
let server: BareServer
let other: BareServer
let app: Access
beforeAll(async () => {
  database = await cloneDatabase()
  server = await startBare({ databaseUrl: database.url })
  other = await startBare({ databaseUrl: database.url })
  app = await server.createApp()
  await Promise.all(['a', 'b', ...CROWD].map(hwid => server.device(app, 'applicationOpen', { hwid })))
})
afterAll(async () => {
  await other.close()
  await server.close()
  await database.drop()
})

const CROWD = Array.from({ length: 50 }, (_, i) => `crowd-${i}`)
const DAY_MS = 24 * 3_600_000
const OK = { status_code: 200, status_message: 'OK', response: null }

async function newMessage(access: Access = app): Promise<string> {
  const answer = await server.rest<{ id: string }>('POST', `/v1/apps/${access.app}/messages`, {
    to: { devices: ['nobody'] },
    content: { title: 'Hello' },
  })
  return answer.body.id
}

async function countsOf(id: string, access: Access = app) {
  const { body } = await server.rest<{ counts: { delivered: number; opened: number } }>(
    'GET',
    `/v1/apps/${access.app}/messages/${id}`,
  )
  const { delivered, opened } = body.counts
  return { delivered, opened }
}

const delivered = (id: string, hwid: string, at: BareServer = server) =>
  at.device(app, 'messageDeliveryEvent', { hwid, hash: hashOf(id) })
const opened = (id: string, hwid: string, at: BareServer = server) =>
  at.device(app, 'pushStat', { hwid, hash: hashOf(id), metaData: { any: 'thing' } })

test('delivered and opened are counted apart, once for each device, however often and late they come', async () => {
  const id = await newMessage()
  for (const hwid of ['a', 'b', 'a']) expect((await delivered(id, hwid)).body).toEqual(OK)
  expect((await opened(id, 'a')).body).toEqual(OK)
  expect(await countsOf(id)).toEqual({ delivered: 2, opened: 1 })
  server.clock.advance(3 * DAY_MS)
  await delivered(id, 'a')
  await opened(id, 'a')
  expect(await countsOf(id)).toEqual({ delivered: 2, opened: 1 })
})

test('the first one keeps its time', async () => {
  const id = await newMessage()
  await delivered(id, 'a')
  const at = async () =>
    (await server.db.query<{ at: string }>('select at from receipt where message_id = $1', [id])).rows
  const first = await at()
  server.clock.advance(DAY_MS)
  await delivered(id, 'a')
  expect(await at()).toEqual(first)
  expect(first).toHaveLength(1)
})

test('an open without a delivery before it counts as what it is', async () => {
  const id = await newMessage()
  await opened(id, 'a')
  expect(await countsOf(id)).toEqual({ delivered: 0, opened: 1 })
})

test('fifty repeats at once, at two servers, are one', async () => {
  const id = await newMessage()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => [
      delivered(id, 'a', i % 2 === 0 ? server : other),
      opened(id, 'a', i % 2 === 0 ? other : server),
    ]).flat(),
  )
  expect(new Set(answers.map(it => JSON.stringify(it.body)))).toEqual(new Set([JSON.stringify(OK)]))
  expect(await countsOf(id)).toEqual({ delivered: 1, opened: 1 })
})

test('receipts of many devices for many messages at once are all counted, at two servers', async () => {
  const ids = [await newMessage(), await newMessage(), await newMessage()]
  await Promise.all(
    CROWD.flatMap((hwid, i) => {
      const order = i % 2 === 0 ? ids : ids.toReversed() // so that statements meet the messages in both orders
      return order.flatMap(id => [delivered(id, hwid, server), opened(id, hwid, other)])
    }),
  )
  for (const id of ids) expect(await countsOf(id)).toEqual({ delivered: 50, opened: 50 })
})

test.each([
  ['opaque', 'abc_def-12'],
  ['in the form of ours, of no message', '0'.repeat(32)],
  ['of ours in capitals', 'ABCDEF'.padEnd(32, '0')],
])('a hash that is %s is taken and forgotten', async (_what, hash) => {
  const before = await server.db.query('select from receipt')
  expect((await server.device(app, 'pushStat', { hwid: 'a', hash })).body).toEqual(OK)
  expect((await server.db.query('select from receipt')).rowCount).toBe(before.rowCount)
})

test('the message of another app is not counted, and its sender learns nothing of it', async () => {
  const elsewhere = await server.createApp()
  const id = await newMessage(elsewhere)
  expect((await delivered(id, 'a')).body).toEqual(OK)
  expect(await countsOf(id, elsewhere)).toEqual({ delivered: 0, opened: 0 })
})

test('a device that the app does not have is not counted, and leaves no row', async () => {
  const id = await newMessage()
  const elsewhere = await server.createApp()
  await server.device(elsewhere, 'applicationOpen', { hwid: 'of another app' })
  for (const hwid of ['never seen', 'of another app']) {
    expect((await delivered(id, hwid)).body).toEqual(OK)
    expect((await opened(id, hwid)).body).toEqual(OK)
  }
  expect(await countsOf(id)).toEqual({ delivered: 0, opened: 0 })
  expect((await server.db.query('select from receipt where message_id = $1', [id])).rowCount).toBe(0)
})

test('a message id becomes a hash and back', () => {
  const id = '01a2009f-1296-75e7-9766-7c8167240643'
  expect(hashOf(id)).toBe('01a2009f129675e797667c8167240643')
  expect(messageIdOf(hashOf(id))).toBe(id)
  for (const none of ['', 'x', id, `${hashOf(id)}0`, `${hashOf(id)}\n`]) expect(messageIdOf(none)).toBeNull()
})
