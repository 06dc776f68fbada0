/** Receipts: late, twice and by strangers, as clients post them; each counts once for its message. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SECRET, startBare } from '../../test/bare.ts'
import { cloneDatabase } from '../../test/database.ts'
import { Seal } from '../credentials/seal.ts'
import { Database } from '../store/database.ts'
import { hashOf, messageIdOf, STORE_RECEIPTS } from './receipts.ts'
import { ReceiptSigner } from './receipts-signature.ts'

let server: BareServer
let other: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  other = await server.another()
  app = await server.createApp()
  await Promise.all(['a', 'b', ...CROWD].map(hwid => server.device(app, 'applicationOpen', { hwid })))
})
afterAll(async () => {
  await other.close()
  await server.close()
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

const SIGNER = new ReceiptSigner(new Seal(SECRET))
const rowsOf = async (id: string) =>
  (
    await server.db.query<{
      hwid: string
      kind: string
      at: string
      isSigned: boolean
      reason: string | null
    }>(
      'select hwid, kind, at, is_signed as "isSigned", reason from receipt where message_id = $1 order by kind, hwid',
      [id],
    )
  ).rows

test('each kind counts by itself, and a failed attachment says why', async () => {
  const id = await newMessage()
  const hash = hashOf(id)
  const kinds = ['delivered', 'displayed', 'opened', 'dismissed', 'attachment_failed', 'landed']
  const receipts = kinds.map(kind => ({ kind, hash, reason: kind === 'opened' ? 'nothing' : 'not https' }))
  expect((await server.device(app, 'postReceipts', { hwid: 'a', receipts })).body).toEqual(OK)
  const rows = await rowsOf(id)
  expect(rows.map(it => it.kind)).toEqual(kinds.toSorted())
  expect(rows.filter(it => it.reason !== null)).toMatchObject([
    { kind: 'attachment_failed', reason: 'not https' },
  ])
  expect(await countsOf(id)).toEqual({ delivered: 1, opened: 1 })
})

test('of a reason the statistics keep what it begins with, which names nobody and has few forms', async () => {
  const id = await newMessage()
  const hash = hashOf(id)
  for (const hwid of ['a', 'b']) {
    const reason = `no answer: https://example.com/${hwid}.jpg?session=${hwid}`
    await server.device(app, 'postReceipts', {
      hwid,
      receipts: [{ kind: 'attachment_failed', hash, reason }],
    })
  }
  const { rows } = await server.db.query(
    `select distinct t.detail from stat_tally t join app on app.id = t.app_id
      where app.code = $1 and t.metric = 'attachment_failed' and t.detail like 'no answer%'`,
    [app.app],
  )
  expect(rows).toEqual([{ detail: 'no answer' }])
})

test('with the key of its push a receipt is told apart; with another one it is none', async () => {
  const id = await newMessage()
  const hash = hashOf(id)
  const key = SIGNER.sign({ hash, hwid: 'a' }, server.clock.now() - 5000)
  await server.device(app, 'messageDeliveryEvent', { hwid: 'a', hash, receipt_key: key })
  await server.device(app, 'messageDeliveryEvent', { hwid: 'b', hash, receipt_key: key })
  await server.device(app, 'pushStat', { hwid: 'b', hash })
  expect(await rowsOf(id)).toMatchObject([
    { hwid: 'a', kind: 'delivered', isSigned: true },
    { hwid: 'b', kind: 'opened', isSigned: false },
  ])
})

test('a receipt that waited counts when it happened, and not before its message was made', async () => {
  const id = await newMessage()
  const madeAt = server.clock.now()
  server.clock.advance(2 * DAY_MS)
  await server.device(app, 'pushStat', { hwid: 'a', hash: hashOf(id), age: 24 * 3600 })
  await server.device(app, 'pushStat', { hwid: 'b', hash: hashOf(id), age: 20 * 24 * 3600 })
  const [a, b] = (await rowsOf(id)).map(it => Date.parse(it.at))
  expect(Math.abs((a as number) - madeAt - DAY_MS)).toBeLessThan(10_000)
  expect(Math.abs((b as number) - madeAt)).toBeLessThan(10_000)
})

test('what is older than 30 days, or tells its age in nonsense, harms nothing', async () => {
  const id = await newMessage()
  const hash = hashOf(id)
  expect((await server.device(app, 'pushStat', { hwid: 'a', hash, age: 31 * 24 * 3600 })).body).toEqual(OK)
  expect(await rowsOf(id)).toEqual([])
  for (const age of [-1, 'yesterday', null, {}])
    expect((await server.device(app, 'pushStat', { hwid: 'a', hash, age })).body).toEqual(OK)
  expect(await rowsOf(id)).toHaveLength(1)
})

test('a back end passes on those of many devices in one call, and is told how many were new', async () => {
  const ids = [await newMessage(), await newMessage()]
  const receipts = CROWD.flatMap(hwid =>
    ids.map((id, i) => ({ hwid, kind: 'delivered', hash: i === 0 ? hashOf(id) : id })),
  )
  const more = [
    receipts[0],
    { hwid: 'nobody', kind: 'opened', hash: ids[0] },
    { hwid: 'a', kind: 'opened', hash: 'x' },
  ]
  const call = (entries: readonly unknown[]) =>
    server.rest('POST', `/v1/apps/${app.app}/receipts`, { receipts: entries })
  expect(await call([...receipts, ...more])).toMatchObject({
    status: 202,
    body: { received: 103, counted: 100 },
  })
  expect((await call(receipts)).body).toEqual({ received: 100, counted: 0 })
  for (const id of ids) expect(await countsOf(id)).toEqual({ delivered: 50, opened: 0 })
})

test('a call of too many receipts, or of another kind, is refused as a whole', async () => {
  const id = await newMessage()
  const call = (receipts: readonly unknown[]) =>
    server.rest('POST', `/v1/apps/${app.app}/receipts`, { receipts })
  const receipt = { hwid: 'a', kind: 'opened', hash: id }
  expect((await call(Array.from({ length: 1001 }, () => receipt))).status).toBe(400)
  expect((await call([receipt, { ...receipt, kind: 'eaten' }])).status).toBe(400)
  expect(await rowsOf(id)).toEqual([])
})

interface Plan {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly Plans?: readonly Plan[]
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

test('the plan that is kept finds messages and devices by key, though it was made while the tables were empty', async () => {
  const empty = await cloneDatabase()
  const db = new Database({ url: empty.url })
  try {
    const explained = { name: 'explained', text: `explain (format json) ${STORE_RECEIPTS.text}` }
    const columns = Array.from({ length: 9 }, () => '{}')
    const { rows } = await db.once<{ 'QUERY PLAN': [{ Plan: Plan }] }>(explained, columns)
    const nodes = nodesOf((rows[0] as { 'QUERY PLAN': [{ Plan: Plan }] })['QUERY PLAN'][0].Plan)
    const kinds = new Set(nodes.map(it => it['Node Type']))
    expect([...kinds].filter(it => /Seq Scan|Hash Join|Merge Join|Bitmap/.test(it))).toEqual([])
    const indexes = nodes.flatMap(it => it['Index Name'] ?? [])
    expect(indexes.sort()).toEqual(['device_pkey', 'message_pkey', 'message_pkey', 'message_pkey'])
  } finally {
    await db.close()
    await empty.drop()
  }
})
