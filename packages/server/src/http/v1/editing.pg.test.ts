/** Two people who change the same thing: the second one is told, and overwrites nothing. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'

let server: BareServer
let other: BareServer
let app: string
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
  other = await server.another({ roles: ['api'] })
  app = (await server.createApp()).app
})
afterAll(async () => {
  await other.close()
  await server.close()
})

interface Thing {
  readonly what: string
  /** Its path below the app. */
  make(): Promise<string>
  readonly method: 'PATCH' | 'PUT'
  /** Two that differ. */
  readonly changes: () => readonly [unknown, unknown]
}

const made = async (path: string, body: unknown) =>
  `${path}/${(await server.rest<{ id: string }>('POST', `/v1/apps/${app}/${path}`, body)).body.id}`
const VAPID = { gateway: 'webpush', kind: 'vapid' }

let number = 0
const unique = (word: string) => `${word}-${number++}`
const names = () => [{ name: unique('first') }, { name: unique('second') }] as const

const IN_A_YEAR = new Date(Date.now() + 365 * 24 * 3_600_000).toISOString()
const scheduled = (title: string) => ({ to: { all: true }, content: { title }, sendAt: IN_A_YEAR })

const THINGS: readonly Thing[] = [
  {
    what: 'segment',
    make: () =>
      made('segments', { name: unique('s'), condition: { field: 'platform', op: 'eq', value: 'ios' } }),
    method: 'PATCH',
    changes: names,
  },
  {
    what: 'rules of the app',
    make: async () => 'rules',
    method: 'PATCH',
    changes: () => [{ categories: [unique('news')] }, { categories: [unique('offers')] }],
  },
  {
    what: 'ages of addresses',
    make: async () => 'address-policy',
    method: 'PATCH',
    changes: () => {
      const days = 3 + number++
      return [{ dormantDays: days }, { dormantDays: days + 100 }]
    },
  },
  {
    what: 'uninstall tracking',
    make: async () => 'uninstall-tracking',
    method: 'PUT',
    changes: () => {
      const quietDays = 3 + number++
      return [
        { enabled: false, quietDays },
        { enabled: false, quietDays: quietDays + 100 },
      ]
    },
  },
  {
    what: 'webhook',
    make: () => made('webhooks', { url: 'https://example.com/made' }),
    method: 'PATCH',
    changes: () => [
      { url: `https://example.com/${unique('first')}` },
      { url: `https://example.com/${unique('second')}` },
    ],
  },
  {
    what: 'credential',
    make: () => made('credentials', VAPID),
    method: 'PUT',
    changes: () => [
      { ...VAPID, subject: 'mailto:first@example.com' },
      { ...VAPID, subject: 'mailto:second@example.com' },
    ],
  },
  {
    what: 'list',
    make: () => made('lists', { name: 'l', kind: 'devices', ids: ['a'] }),
    method: 'PATCH',
    changes: names,
  },
  {
    what: 'trigger',
    make: () =>
      made('triggers', { name: unique('t'), event: 'Bought', message: { content: { title: 'Thanks' } } }),
    method: 'PATCH',
    changes: names,
  },
  {
    what: 'message',
    make: () => made('messages', scheduled('as made')),
    method: 'PUT',
    changes: () => [scheduled(unique('first')), scheduled(unique('second'))],
  },
  {
    what: 'schedule',
    make: () =>
      made('schedules', {
        name: unique('c'),
        cron: '0 9 * * *',
        message: { to: { all: true }, content: { title: 'Good morning' } },
      }),
    method: 'PATCH',
    changes: names,
  },
]

interface Answer {
  readonly status: number
  readonly etag: string | null
  readonly body: Record<string, unknown>
}

async function call(
  method: string,
  path: string,
  { body, ifMatch, at = server }: { body?: unknown; ifMatch?: string; at?: BareServer } = {},
): Promise<Answer> {
  const response = await fetch(`${at.url}/v1/apps/${app}/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${SERVER_TOKEN}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as Record<string, unknown>
  return { status: response.status, etag: response.headers.get('etag'), body: answer }
}

test.each(THINGS)('$what: of two who have read the same, the second one to save is refused', async thing => {
  const path = await thing.make()
  const [first, second] = thing.changes()
  const { etag } = await call('GET', path)
  expect(etag).toMatch(/^"[\w-]{22}"$/)
  const ifMatch = etag ?? ''
  const saved = await call(thing.method, path, { body: first, ifMatch })
  expect(saved.status).toBe(200)
  const refused = await call(thing.method, path, { body: second, ifMatch })
  expect(refused).toMatchObject({ status: 412, body: { code: 'changed_meanwhile' } })
  const now = await call('GET', path)
  expect(now.etag).toBe(saved.etag)
  expect(now.etag).not.toBe(etag)
  expect((await call(thing.method, path, { body: second, ifMatch: now.etag ?? '' })).status).toBe(200)
})

test.each(THINGS)('$what: of two who save at once over two servers exactly one is taken', async thing => {
  const path = await thing.make()
  const { etag } = await call('GET', path)
  const changes = thing.changes()
  const answers = await Promise.all(
    [server, other].map((at, i) => call(thing.method, path, { at, body: changes[i], ifMatch: etag ?? '' })),
  )
  expect(answers.map(it => it.status).toSorted()).toEqual([200, 412])
})

test.each(THINGS)('$what: without If-Match, and with "*", a change is made as ever', async thing => {
  const path = await thing.make()
  const [first, second] = thing.changes()
  expect((await call(thing.method, path, { body: first })).status).toBe(200)
  expect((await call(thing.method, path, { body: second, ifMatch: '*' })).status).toBe(200)
})

test('what changes by itself makes no other ETag: ids that are added to a list overwrite nobody', async () => {
  const path = await made('lists', { name: 'grows', kind: 'devices', ids: ['a'] })
  const { etag } = await call('GET', path)
  await call('PATCH', path, { body: { add: ['b'] } })
  expect((await call('GET', path)).etag).toBe(etag)
})

test('several ETags and weak ones are understood, and one of another thing is refused', async () => {
  const path = await made('lists', { name: 'one', kind: 'devices', ids: ['a'] })
  const { etag } = await call('GET', path)
  const change = (ifMatch: string) => call('PATCH', path, { body: { add: ['b'] }, ifMatch })
  expect((await change(`"other", ${etag}`)).status).toBe(200)
  expect((await change(`W/${etag}`)).status).toBe(200)
  expect((await change('"other"')).status).toBe(412)
})
