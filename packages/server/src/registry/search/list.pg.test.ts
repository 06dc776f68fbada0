/** GET /v1/apps/{app}/devices: every device once, page by page, of a small base and of a large one. */
import type { DeviceSummary } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { listDevices } from './list.ts'

const SMALL = 230
/** Above what is read whole. */
const LARGE = 30_000

let server: BareServer
let small: Access
let large: Access

beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
  small = await server.createApp()
  large = await server.createApp()
  await fill(small.app, SMALL)
  await fill(large.app, LARGE)
  await server.db.query('vacuum analyze device')
})
afterAll(() => server.close())

/** Every tenth on Android, one in the web; three of them seen at each moment, the last at the end. */
async function fill(app: string, count: number): Promise<void> {
  await server.db.query(
    `insert into device (bucket, app_id, hwid, platform, first_seen_at, last_seen_at)
     select abs(hashint4(n)) % 1024, app.id, 'dévice ' || n,
            case when n = 77 then 'web' when n % 10 = 0 then 'android' else 'ios' end, $3,
            $3::timestamptz + n / 3 * interval '1 microsecond'
       from app, generate_series(1, $2::integer) as n where app.code = $1`,
    [app, count, new Date(server.clock.now())],
  )
}

interface Page {
  readonly devices: readonly DeviceSummary[]
  readonly next: string | null
  readonly searched: number
}

async function readPage({ app }: Access, query: Record<string, string>): Promise<Page> {
  const { status, body } = await server.rest<Page>(
    'GET',
    `/v1/apps/${app}/devices?${new URLSearchParams(query)}`,
  )
  expect([status, body]).toEqual([200, body])
  return body
}

async function readAll(access: Access, query: Record<string, string>): Promise<Page[]> {
  const pages: Page[] = []
  for (let after: string | null = ''; after !== null; after = pages.at(-1)?.next ?? null)
    pages.push(await readPage(access, { ...query, after }))
  return pages
}

const hwidsOf = (pages: readonly Page[]) => pages.flatMap(it => it.devices.map(device => device.hwid))
const numberOf = (hwid: string) => Number(hwid.split(' ')[1])

test('a small base is listed in the order in which its devices were seen last, each of them once', async () => {
  const pages = await readAll(small, { limit: '50' })
  expect(pages.map(it => it.devices.length)).toEqual([50, 50, 50, 50, 30])
  expect(pages.map(it => it.searched)).toEqual([1, 1, 1, 1, 1])
  const hwids = hwidsOf(pages)
  expect(new Set(hwids).size).toBe(SMALL)
  const moments = hwids.map(it => Math.floor(numberOf(it) / 3))
  expect(moments).toEqual(moments.toSorted((one, other) => other - one))
})

test('a small base is narrowed down by platform and state, page by page', async () => {
  const pages = await readAll(small, { limit: '10', platform: 'android', state: 'none' })
  const numbers = hwidsOf(pages).map(numberOf)
  expect(numbers.toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 23 }, (_, i) => 10 * (i + 1)),
  )
  expect(await readPage(small, { state: 'active' })).toEqual({ devices: [], next: null, searched: 1 })
})

test('a large base is listed whole, too, each of its devices once, and each page says how far it came', async () => {
  const pages = await readAll(large, { limit: '1000' })
  const hwids = hwidsOf(pages)
  expect([hwids.length, new Set(hwids).size]).toEqual([LARGE, LARGE])
  const shares = pages.map(it => it.searched)
  expect(shares).toEqual(shares.toSorted((one, other) => one - other))
  expect([shares[0], shares.at(-1)]).toEqual([expect.closeTo(1 / 30, 2), 1])
})

test('of a large base a page is read without the rest of it', async () => {
  const texts: string[] = []
  const plans: unknown[] = []
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [large.app])
  const watched: typeof server.db.query = async (text, values) => {
    texts.push(text)
    plans.push(...(await server.db.query(`explain (format json) ${text}`, values)).rows)
    return server.db.query(text, values)
  }
  const query = { appId: rows[0]?.id ?? 0, search: '', state: '', platform: '', limit: 50, after: '' }
  expect((await listDevices({ query: watched }, query)).found).toHaveLength(50)
  expect(plans.length).toBeGreaterThan(1)
  for (const plan of plans) expect(JSON.stringify(plan)).not.toContain('Seq Scan')
  expect(texts.length).toBeLessThan(8)
})

test('in a large base devices of a platform are found wherever they are', async () => {
  const android = hwidsOf(await readAll(large, { limit: '500', platform: 'android' }))
  expect([android.length, new Set(android).size]).toEqual([LARGE / 10, LARGE / 10])
  expect(hwidsOf(await readAll(large, { platform: 'web' }))).toEqual(['dévice 77'])
  expect(hwidsOf(await readAll(large, { state: 'dead' }))).toEqual([])
})

test('who is searched for is found by a part of the name', async () => {
  expect(hwidsOf(await readAll(large, { search: 'ICE 2999', limit: '1000' })).length).toBe(11)
  expect(hwidsOf(await readAll(large, { search: 'vice 2999', state: 'none', platform: 'android' }))).toEqual([
    'dévice 29990',
  ])
})

test('what begins with the text is told first, then users that do, then the rest, each of them once', async () => {
  await server.db.query(
    `insert into device (bucket, app_id, hwid, platform, user_id, first_seen_at, last_seen_at)
     select abs(hashint4(n)) % 1024, app.id, case when n > 12 then 'of ' || n else 'Zed' || n end, 'ios',
            case when n > 6 then 'Zed-user ' || n end, $2, $2
       from app, generate_series(1, 18) as n where app.code = $1`,
    [large.app, new Date(server.clock.now())],
  )
  await server.db.query(
    `insert into device (bucket, app_id, hwid, platform, first_seen_at, last_seen_at)
     select n, app.id, 'an unzedded ' || n, 'ios', $2, $2 from app, generate_series(1, 6) as n where app.code = $1`,
    [large.app, new Date(server.clock.now())],
  )
  for (const limit of [1, 5, 7]) {
    const hwids = hwidsOf(await readAll(large, { search: 'Zed', limit: String(limit) }))
    expect([hwids.length, new Set(hwids).size]).toEqual([24, 24])
    expect(hwids.slice(0, 12).filter(hwid => hwid.startsWith('Zed'))).toHaveLength(12)
  }
  const [page] = await readAll(large, { search: 'Zed', limit: '50' })
  expect(page?.devices).toHaveLength(24)
})

test('a search that has looked for its time says how far it came, and the next page goes on there', async () => {
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [large.app])
  const query = {
    appId: rows[0]?.id ?? 0,
    search: 'ICE 29999',
    state: '',
    platform: '',
    limit: 50,
    pageMs: 0,
  }
  const shares: number[] = []
  const hwids: string[] = []
  for (let after: string | null = ''; after !== null; ) {
    const page: Awaited<ReturnType<typeof listDevices>> = await listDevices(server.db, { ...query, after })
    shares.push(page.searched)
    hwids.push(...page.found.map(it => it.hwid))
    after = page.next
  }
  expect(hwids).toEqual(['dévice 29999'])
  expect(shares.length).toBeGreaterThan(2)
  expect(shares).toEqual(shares.toSorted((one, other) => one - other))
  expect(shares.at(-1)).toBe(1)
})

test.each(['x', 'p', 'p2.0', 'p01.x', 'p0.1.1', 'h1024'])(
  'a page of a search after "%s" is refused',
  async after => {
    const answer = await server.rest('GET', `/v1/apps/${small.app}/devices?search=x&after=${after}`)
    expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
  },
)

test.each([
  'x',
  'k',
  'kAAAA',
  `k${Buffer.from('1024 x').toString('base64url')}`,
  `k${Buffer.from('1 \0').toString('base64url')}`,
  't',
  `t${Buffer.from('2026-13-41T00:00:00.000000Z x').toString('base64url')}`,
])('a page after "%s" is refused', async after => {
  const answer = await server.rest('GET', `/v1/apps/${small.app}/devices?after=${after}`)
  expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
})
