/** The list of messages: page by page, and searched. */
import type { ListedMessage } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ roles: ['api'] }) // nothing of it is sent
  app = await server.createApp()
})
afterAll(() => server.close())

const DAY_MS = 24 * 3_600_000

interface Page {
  readonly messages: ListedMessage[]
  readonly next: string | null
  readonly code?: string
}

async function send(fields: object): Promise<string> {
  const message = { to: { all: true }, content: { title: 'Hello' }, ...fields }
  const { status, body } = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/messages`, message)
  expect([status, body]).toEqual([202, { id: expect.any(String) }])
  return body.id
}

const list = (query: Record<string, string>, code = app.app) =>
  server.rest<Page>('GET', `/v1/apps/${code}/messages?${new URLSearchParams(query)}`)
const idsOf = async (query: Record<string, string>) => {
  const { status, body } = await list(query)
  expect([status, body]).toEqual([200, expect.objectContaining({ next: null })])
  return body.messages.map(it => it.id)
}

describe('pages', () => {
  test('hold every message once, newest first, also those of one moment, and what comes meanwhile moves none', async () => {
    app = await server.createApp()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push(await send({}))
    await server.db.query(
      'update message set created_at = (select created_at from message where id = $1) where id = $2',
      [ids[1], ids[2]],
    )
    const seen: string[] = []
    let after: string | null = null
    do {
      const { body }: { body: Page } = await list({ limit: '2', ...(after !== null && { after }) })
      if (after === null) await send({})
      seen.push(...body.messages.map(it => it.id))
      after = body.next
    } while (after !== null)
    expect(seen).toEqual([...ids].reverse())
  })

  test('end with null when the last one is full', async () => {
    app = await server.createApp()
    await send({})
    await send({})
    expect((await list({ limit: '2' })).body.next).toBeNull()
  })

  test('begin after no message of another app', async () => {
    const other = await server.createApp()
    const id = await send({})
    expect(await list({ after: id }, other.app)).toMatchObject({
      status: 404,
      body: { code: 'message_unknown' },
    })
  })
})

describe('a search', () => {
  test('is by state, campaign, time and text, and by all of them at once', async () => {
    app = await server.createApp()
    const inDays = (days: number) => new Date(server.clock.now() + days * DAY_MS).toISOString()
    const spring = await send({ campaign: 'Spring 50 %', sendAt: inDays(1) })
    const german = await send({
      content: { title: 'Sale', languages: { de: { title: 'Räumungsverkauf' } } },
      sendAt: inDays(3),
    })
    const tested = await send({
      sendAt: inDays(3),
      experiment: {
        variants: [
          { name: 'A', percent: 50 },
          { name: 'B', percent: 50, content: { body: 'Only "today"' } },
        ],
      },
    })
    await server.rest('POST', `/v1/apps/${app.app}/messages/${spring}/cancel`)
    await server.rest('POST', `/v1/apps/${app.app}/messages/${german}/pause`)
    expect(await idsOf({ state: 'cancelled' })).toEqual([spring])
    expect(await idsOf({ state: 'cancelled,scheduled' })).toEqual([tested, spring])
    expect(await idsOf({ campaign: 'Spring 50 %' })).toEqual([spring])
    expect(await idsOf({ campaign: 'Spring' })).toEqual([])
    expect(await idsOf({ from: inDays(2) })).toEqual([tested, german])
    expect(await idsOf({ to: inDays(2) })).toEqual([spring])
    expect(await idsOf({ text: 'spring 50 %' })).toEqual([spring])
    expect(await idsOf({ text: 'räumungs' })).toEqual([german])
    expect(await idsOf({ text: 'only "TODAY"' })).toEqual([tested])
    expect(await idsOf({ text: 'hello', state: 'scheduled', from: inDays(2) })).toEqual([tested])
    expect(await idsOf({ text: 'percent' })).toEqual([])
  })

  test('of a text looks at a thousand messages a page, and goes on where it ended', async () => {
    app = await server.createApp()
    const old = await send({ content: { title: 'Needle' } })
    await server.db.query(
      `insert into message
       select copy.* from message m cross join generate_series(1, 1500) n
         cross join lateral jsonb_populate_record(m, jsonb_build_object(
           'id', gen_random_uuid(), 'content', '{"title":"Hay"}'::jsonb, 'created_at', m.created_at + n * interval '1 second')) copy
        where m.id = $1`,
      [old],
    )
    const first = await list({ text: 'needle' })
    expect(first.body).toMatchObject({ messages: [], next: expect.any(String) })
    const second = await list({ text: 'needle', after: first.body.next ?? '' })
    expect(second.body).toMatchObject({ messages: [{ id: old }], next: null })
    expect((await list({ text: 'hay', limit: '2' })).body.messages).toHaveLength(2)
  })

  test('tells when each is sent, and its campaign', async () => {
    app = await server.createApp()
    const sendAt = new Date(server.clock.now() + DAY_MS).toISOString()
    await send({ campaign: 'Spring', sendAt })
    expect((await list({})).body.messages).toMatchObject([{ sendAt, campaign: 'Spring', state: 'scheduled' }])
  })

  test.each([
    [{ state: 'done,sent' }, 'state: one of scheduled, sending, paused, done, cancelled, or several'],
    [{ from: 'yesterday' }, 'from'],
    [{ after: 'x' }, 'after'],
    [{ txt: 'x' }, 'txt'],
  ])('that makes no sense is refused with its place: %j', async (query, place) => {
    const answer = await server.rest<{ detail: string }>(
      'GET',
      `/v1/apps/${app.app}/messages?${new URLSearchParams(query as Record<string, string>)}`,
    )
    expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(place)])
  })
})

describe('a segment as target', () => {
  test('is named by its id, its code or its name, and kept by its id', async () => {
    app = await server.createApp()
    const segments = `/v1/apps/${app.app}/segments`
    const condition = { tag: 'tier', op: 'eq', value: 'gold' }
    const made = await server.rest<{ id: string }>('POST', segments, { name: 'Gold', condition })
    const { code } = (await server.rest<{ code: string }>('GET', `${segments}/${made.body.id}`)).body
    for (const segment of [made.body.id, code.toLowerCase(), 'gold', ' Gold ']) {
      const id = await send({ to: { segment } })
      const { body } = await server.rest('GET', `/v1/apps/${app.app}/messages/${id}`)
      expect(body.to).toEqual({ segment: made.body.id })
    }
    const refused = await server.rest('DELETE', `${segments}/${made.body.id}`)
    expect(refused).toMatchObject({ status: 409, body: { code: 'segment_in_use' } })
  })

  test('that the app does not have is refused with its place, also in a dry run', async () => {
    const other = await server.createApp()
    const condition = { tag: 'tier', op: 'eq', value: 'gold' }
    await server.rest('POST', `/v1/apps/${other.app}/segments`, { name: 'Of the other', condition })
    for (const rest of ['', '/dry-run'])
      expect(
        await server.rest('POST', `/v1/apps/${app.app}/messages${rest}`, {
          to: { segment: 'Of the other' },
          content: { title: 'x' },
        }),
      ).toMatchObject({
        status: 404,
        body: { code: 'segment_unknown', detail: expect.stringContaining('body/to/segment') },
      })
  })

  test('by name is the same request when it is repeated after the segment was renamed', async () => {
    app = await server.createApp()
    const segments = `/v1/apps/${app.app}/segments`
    const condition = { tag: 'tier', op: 'eq', value: 'gold' }
    const { body: segment } = await server.rest<{ id: string }>('POST', segments, { name: 'Gold', condition })
    const asked = { to: { segment: 'Gold' }, idempotencyKey: 'once' }
    const id = await send(asked)
    await server.rest('PATCH', `${segments}/${segment.id}`, { name: 'Silver' })
    expect(await send(asked)).toBe(id)
  })
})

describe('whom a message is for', () => {
  const audienceOf = async (id: string) => {
    const { body } = await list({ limit: '1' })
    const read = await server.rest<ListedMessage>('GET', `/v1/apps/${app.app}/messages/${id}`)
    expect(body.messages[0]).toMatchObject({ id, audience: read.body.audience })
    return read.body.audience
  }

  test('is told in few words, with the name of its segment or list as it is now', async () => {
    app = await server.createApp()
    const of = `/v1/apps/${app.app}`
    const condition = { tag: 'tier', op: 'eq', value: 'gold' }
    const { body: segment } = await server.rest<{ id: string }>('POST', `${of}/segments`, {
      name: 'Gold',
      condition,
    })
    const { body: brought } = await server.rest<{ id: string }>('POST', `${of}/lists`, {
      name: 'Guests',
      kind: 'devices',
      ids: ['a'],
    })
    const told = async (to: object) => audienceOf(await send({ to }))
    expect(await told({ all: true })).toEqual({ kind: 'all', name: null, count: null })
    expect(await told({ condition })).toEqual({ kind: 'condition', name: null, count: null })
    expect(await told({ condition: { list: brought.id } })).toEqual({
      kind: 'list',
      name: 'Guests',
      count: null,
    })
    expect(await told({ devices: ['a', 'b'] })).toEqual({ kind: 'devices', name: null, count: 2 })
    expect(await told({ users: ['ann'] })).toEqual({ kind: 'users', name: null, count: 1 })
    const id = await send({ to: { segment: 'Gold' } })
    await server.rest('PATCH', `${of}/segments/${segment.id}`, { name: 'Silver' })
    expect(await audienceOf(id)).toEqual({ kind: 'segment', name: 'Silver', count: null })
  })
})
