/** Accepting messages: exactly one for each idempotency key, and none that can't be sent. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'

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

const HELLO = { to: { devices: ['nobody'] }, content: { title: 'Hello', body: 'World' } }

async function create(message: object, { at = server, access = app } = {}) {
  return at.rest<{ id?: string; code?: string; detail?: string }>(
    'POST',
    `/v1/apps/${access.app}/messages`,
    message,
  )
}

async function countMessages(access: Access = app): Promise<number> {
  const { rows } = await server.db.query<{ count: number }>(
    'select count(*) as count from message m join app on app.id = m.app_id where app.code = $1',
    [access.app],
  )
  return rows[0]?.count ?? -1
}

describe('an idempotency key', () => {
  test('makes a repeat answer the id of the first, also a day later and from another server', async () => {
    const message = { ...HELLO, idempotencyKey: 'repeat' }
    const first = await create(message)
    expect(first.status).toBe(202)
    const before = await countMessages()
    server.clock.advance(24 * 3_600_000 - 60_000)
    for (const at of [server, other]) {
      const repeat = await create(message, { at })
      expect(repeat).toMatchObject({ status: 202, body: { id: first.body.id } })
    }
    expect(await countMessages()).toBe(before)
  })

  test('is free after 24 hours, at whatever server, and what it named stays as it was', async () => {
    const message = { ...HELLO, idempotencyKey: 'free' }
    const first = await create(message)
    server.clock.advance(24 * 3_600_000)
    const [one, two] = await Promise.all([server, other].map(at => create(message, { at })))
    expect(one).toMatchObject({ status: 202 })
    expect(two?.body.id).toBe(one?.body.id)
    expect(one?.body.id).not.toBe(first.body.id)
    const changed = await create({ ...message, content: { title: 'Bye' } })
    expect(changed).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } })
    const kept = await server.rest('GET', `/v1/apps/${app.app}/messages/${first.body.id}`)
    expect(kept).toMatchObject({ status: 200, body: { content: HELLO.content } })
  })

  test('recognises the same request with its fields in another order', async () => {
    const first = await create({ ...HELLO, idempotencyKey: 'order' })
    const { content, to } = HELLO
    const repeat = await create({
      idempotencyKey: 'order',
      content: { body: content.body, title: content.title },
      to,
    })
    expect(repeat.body.id).toBe(first.body.id)
  })

  test('answers a repeat also when what the message names has gone since', async () => {
    const segment = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/segments`, {
      name: 'Gold',
      condition: { tag: 'tier', op: 'eq', value: 'gold' },
    })
    const sendAt = new Date(server.clock.now() + 3_600_000).toISOString()
    const message = { ...HELLO, to: { segment: segment.body.id }, sendAt, idempotencyKey: 'gone since' }
    const first = await create(message)
    await server.rest('POST', `/v1/apps/${app.app}/messages/${first.body.id}/cancel`)
    await server.db.query('delete from segment where id = $1', [segment.body.id])
    expect(await create({ ...message, idempotencyKey: 'another' })).toMatchObject({
      body: { code: 'segment_unknown' },
    })
    expect(await create(message)).toMatchObject({ status: 202, body: { id: first.body.id } })
  })

  test.each<[string, object]>([
    ['another content', { ...HELLO, content: { title: 'Bye' } }],
    ['another target', { ...HELLO, to: { devices: ['somebody'] } }],
    ['another hour', { ...HELLO, sendAt: '2030-01-01T00:00:00Z' }],
    ['another time to live', { ...HELLO, ttlSeconds: 0 }],
  ])('that was used is refused with %s', async (what, message) => {
    const idempotencyKey = `other-${what}`
    await create({ ...HELLO, idempotencyKey })
    const before = await countMessages()
    const answer = await create({ ...message, idempotencyKey })
    expect(answer).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } })
    expect(answer.body.detail).toContain(idempotencyKey)
    expect(await countMessages()).toBe(before)
  })

  test('makes one message of forty requests at once, at two servers', async () => {
    const before = await countMessages()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        create({ ...HELLO, idempotencyKey: 'race' }, { at: i % 2 === 0 ? server : other }),
      ),
    )
    expect(new Set(answers.map(it => it.status))).toEqual(new Set([202]))
    expect(new Set(answers.map(it => it.body.id)).size).toBe(1)
    expect(await countMessages()).toBe(before + 1)
  })

  test('counts for its app alone', async () => {
    const elsewhere = await server.createApp()
    const here = await create({ ...HELLO, idempotencyKey: 'both' })
    const there = await create({ ...HELLO, idempotencyKey: 'both' }, { access: elsewhere })
    expect(there.status).toBe(202)
    expect(there.body.id).not.toBe(here.body.id)
  })

  test('that is missing makes every request a message of its own', async () => {
    const [one, two] = [await create(HELLO), await create(HELLO)]
    expect(one.body.id).not.toBe(two.body.id)
  })
})

describe('a time to send at', () => {
  const DAY_MS = 24 * 3_600_000
  const ago = (ms: number) => new Date(server.clock.now() - ms).toISOString()

  test('of more than a day ago is refused by its value', async () => {
    const sendAt = ago(DAY_MS + 60_000)
    const before = await countMessages()
    const answer = await create({ ...HELLO, sendAt })
    expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    expect(answer.body.detail).toContain(sendAt)
    expect(await countMessages()).toBe(before)
  })

  test('of less than a day ago is taken, as clocks differ', async () => {
    expect((await create({ ...HELLO, sendAt: ago(DAY_MS - 60_000) })).status).toBe(202)
  })

  test('that was taken is no fault of the repeat that comes when it is too long ago', async () => {
    const message = { ...HELLO, sendAt: ago(DAY_MS - 60_000), idempotencyKey: 'late repeat' }
    const first = await create(message)
    server.clock.advance(3_600_000)
    expect(await create(message)).toMatchObject({ status: 202, body: { id: first.body.id } })
    expect(await create({ ...message, idempotencyKey: 'another' })).toMatchObject({ status: 400 })
  })
})

describe('a message is refused, with the place, when it has', () => {
  test.each<[string, object, string]>([
    ['nobody to go to', { content: HELLO.content }, 'to'],
    ['an empty list of devices', { ...HELLO, to: { devices: [] } }, 'to/devices'],
    [
      'more devices than one request names',
      { ...HELLO, to: { devices: Array(10_001).fill('x') } },
      'to/devices',
    ],
    ['two targets', { ...HELLO, to: { all: true, devices: ['x'] } }, 'to'],
    ['a target that is false', { ...HELLO, to: { all: false } }, 'to/all'],
    ['an empty hwid', { ...HELLO, to: { devices: [''] } }, 'to/devices/0'],
    ['nothing to show', { ...HELLO, content: { data: { a: 1 } } }, 'content'],
    ['blanks to show', { ...HELLO, content: { title: ' ', body: '' } }, 'content'],
    ['a title of 1025 characters', { ...HELLO, content: { title: 'x'.repeat(1025) } }, 'content/title'],
    [
      'an image that is not https',
      { ...HELLO, content: { title: 'x', image: 'http://x.example/i' } },
      'content/image',
    ],
    ['a badge below zero', { ...HELLO, content: { title: 'x', badge: -1 } }, 'content/badge'],
    ['a time without a zone', { ...HELLO, sendAt: '2030-01-01T00:00:00' }, 'sendAt'],
    ['a day that no month has', { ...HELLO, sendAt: '2030-02-30T00:00:00Z' }, 'sendAt'],
    ['a time to live beyond FCM’s', { ...HELLO, ttlSeconds: 28 * 86_400 + 1 }, 'ttlSeconds'],
    ['a collapse key of 65 bytes', { ...HELLO, collapseKey: `${'x'.repeat(63)}ü` }, 'collapseKey'],
    ['a priority that nobody has', { ...HELLO, priority: 'urgent' }, 'priority'],
    ['a field that is unknown', { ...HELLO, titel: 'x' }, 'titel'],
  ])('%s', async (_what, message, place) => {
    const before = await countMessages()
    const answer = await create(message)
    expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    expect(answer.body.detail).toContain(place)
    expect(await countMessages()).toBe(before)
  })
})

test('a message that is accepted can be read at once, as it was asked for', async () => {
  const options = {
    sendRate: 50,
    rules: { cap: null },
    ttlSeconds: 60,
    priority: 'normal',
    lane: 'test',
    collapseKey: 'k',
    inbox: { only: true },
  }
  const message = {
    ...options,
    to: { condition: { tag: 'tier', op: 'eq', value: 'gold' } },
    content: { title: 'Hello', data: { nested: { list: [1, 'two', null] } } },
    sendAt: new Date(server.clock.now() + 3_600_000).toISOString(),
  }
  const { body } = await create(message)
  expect((await other.rest('GET', `/v1/apps/${app.app}/messages/${body.id}`)).body).toMatchObject({
    id: body.id,
    state: 'scheduled',
    title: 'Hello',
    ...options,
    to: message.to,
    content: message.content,
    sendAt: message.sendAt,
    counts: {
      targeted: 0,
      accepted: 0,
      dead: 0,
      failed: 0,
      skipped: 0,
      uncertain: 0,
      delivered: 0,
      opened: 0,
    },
    progress: 0,
    held: [],
  })
})

test('a message is read by its own app alone', async () => {
  const elsewhere = await server.createApp()
  const { body } = await create(HELLO)
  for (const path of [`messages/${body.id}`, `messages/${body.id}/exceptions`])
    expect(await server.rest('GET', `/v1/apps/${elsewhere.app}/${path}`)).toMatchObject({
      status: 404,
      body: { code: 'message_unknown' },
    })
  expect((await server.rest('GET', `/v1/apps/${elsewhere.app}/messages`)).body).toEqual({
    messages: [],
    next: null,
  })
})

test('a cap that would not hold, since the message is transactional, is refused and not passed over', async () => {
  const rules = { kind: 'transactional', cap: { messages: 1, days: 1 } }
  expect(await create({ ...HELLO, rules })).toMatchObject({
    status: 400,
    body: { code: 'input_invalid', detail: expect.stringContaining('body/rules/cap') },
  })
  expect((await create({ ...HELLO, rules: { kind: 'transactional', cap: null } })).status).toBe(202)
})
