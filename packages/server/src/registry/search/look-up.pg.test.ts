/** Look-ups against the real server and database: by what a device is found, and that nothing but keys is read for it. */
import { randomBytes } from 'node:crypto'
import type { FoundDevice } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import type { Queryable } from '../../store/database.ts'
import { dropOldFormerUsers } from './former-users.ts'
import { lookUp } from './look-up.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const newToken = () => randomBytes(32).toString('hex')

const register = (hwid: string, fields: Record<string, unknown> = {}) =>
  server.device(app, 'registerDevice', { hwid, device_type: 1, ...fields })

async function find(text: string, query = ''): Promise<FoundDevice[]> {
  const path = `/v1/apps/${app.app}/look-up?text=${encodeURIComponent(text)}${query}`
  const { status, body } = await server.rest<{ devices: FoundDevice[] }>('GET', path)
  expect(status).toBe(200)
  return body.devices
}

test('a device is found by its hwid, its beginning, its user and its whole token, and is told with what it runs', async () => {
  const token = newToken()
  await register('Look-Up_1234', {
    push_token: token,
    userId: 'ann@example.com',
    gateway: 'sandbox',
    bundle_id: 'com.example.look',
    app_version: '2.1',
    v: '6.0.1',
  })
  const device = {
    hwid: 'Look-Up_1234',
    platform: 'ios',
    userId: 'ann@example.com',
    appVersion: '2.1',
    bundleId: 'com.example.look',
    sdkVersion: '6.0.1',
    address: { provider: 'apns', environment: 'sandbox', state: 'active', addressEnd: token.slice(-8) },
  }
  expect(await find('Look-Up_1234')).toMatchObject([{ by: 'hwid', ...device }])
  expect(await find('Look-Up')).toMatchObject([{ by: 'hwid_beginning', ...device }])
  expect(await find('ann@example.com')).toMatchObject([{ by: 'user', ...device }])
  expect(await find(token.toUpperCase())).toMatchObject([{ by: 'token', ...device }])
  expect(await find('ann@exam')).toMatchObject([{ by: 'user_beginning', ...device }])
  expect(await find(token.slice(-8).toUpperCase())).toMatchObject([{ by: 'token_end', ...device }])
})

test('the end of a token has six to 32 characters, and finds those of its app alone', async () => {
  const token = newToken()
  await register('with-an-end', { push_token: token })
  const other = await server.createApp()
  await server.device(other, 'registerDevice', { hwid: 'elsewhere-too', device_type: 1, push_token: token })
  for (const length of [6, 7, 32])
    expect((await find(token.slice(-length), '&by=token_end')).map(it => it.hwid)).toEqual(['with-an-end'])
  expect(await find(token.slice(-5), '&by=token_end')).toEqual([])
  expect(await find(token.slice(-33), '&by=token_end')).toEqual([])
})

test('of users that begin alike the first by name are told', async () => {
  for (const name of ['carl-3', 'carl-1', 'carl-2']) await register(`phone-of-${name}`, { userId: name })
  expect((await find('carl-', '&limit=2')).map(it => it.userId).sort()).toEqual(['carl-1', 'carl-2'])
  expect(await find('Carl-')).toEqual([])
  expect(await find('carl_')).toEqual([])
})

test('a beginning has four characters at least, means case, and knows no wildcards', async () => {
  await register('Begin%1')
  await register('Begin_2')
  expect((await find('Begi')).map(it => it.hwid).sort()).toEqual(['Begin%1', 'Begin_2'])
  expect((await find('Begin%')).map(it => it.hwid)).toEqual(['Begin%1'])
  expect((await find('Begin_')).map(it => it.hwid)).toEqual(['Begin_2'])
  expect(await find('Beg')).toEqual([])
  expect(await find('begin')).toEqual([])
})

test('a device that is found in two ways is told once, and no more than are asked for', async () => {
  await register('same-name', { userId: 'same-name' })
  await register('same-name-too', { userId: 'same-name' })
  expect((await find('same-name')).map(it => [it.hwid, it.by])).toEqual([
    ['same-name', 'hwid'],
    ['same-name-too', 'user'],
  ])
  expect(await find('same-name', '&limit=1')).toMatchObject([{ hwid: 'same-name', by: 'hwid' }])
})

test('a whole name is no beginning of others, unless it is called one', async () => {
  await register('chapter')
  await register('chapter-2')
  expect((await find('chapter')).map(it => it.hwid)).toEqual(['chapter'])
  expect((await find('chapter', '&by=hwid_beginning')).map(it => it.hwid).sort()).toEqual([
    'chapter',
    'chapter-2',
  ])
})

test('somebody who has logged out is found by their name, after those who have it now', async () => {
  await register('was-theirs', { userId: 'has-left' })
  await register('is-theirs', { userId: 'has-left' })
  await server.rest('PATCH', `/v1/apps/${app.app}/devices/was-theirs`, { userId: 'came-next' })
  expect((await find('has-left')).map(it => [it.hwid, it.by, it.userId])).toEqual([
    ['is-theirs', 'user', 'has-left'],
    ['was-theirs', 'former_user', 'came-next'],
  ])
  await server.rest('PATCH', `/v1/apps/${app.app}/devices/was-theirs`, { userId: null })
  expect((await find('came-next')).map(it => [it.by, it.userId])).toEqual([['former_user', null]])
  const { body } = await server.rest<{ entries: { kind: string; what: string; data: object }[] }>(
    'GET',
    `/v1/apps/${app.app}/devices/was-theirs/time-line`,
  )
  expect(body.entries.filter(it => it.kind === 'login').map(it => [it.what, it.data])).toEqual([
    ['logged_out', {}],
    ['logged_in', { userId: 'came-next', until: expect.any(String) }],
    ['logged_in', { userId: 'has-left', until: expect.any(String) }],
  ])
  const halfAYear = 181 * 24 * 3_600_000
  expect(await dropOldFormerUsers(server.db, Date.now())).toBe(0)
  expect(await dropOldFormerUsers(server.db, Date.now() + halfAYear)).toBeGreaterThan(1)
  expect(await find('came-next')).toEqual([])
})

test('a token that moved finds its holder and the one before, each with what it is there', async () => {
  const token = newToken()
  await register('former', { push_token: token })
  await register('holder', { push_token: token })
  expect((await find(token)).map(it => [it.hwid, it.address?.state])).toEqual([
    ['holder', 'active'],
    ['former', 'moved'],
  ])
})

test('a device without a token is found, and so are none of another app', async () => {
  await register('bare-device')
  expect(await find('bare-device')).toMatchObject([{ by: 'hwid', address: null }])
  const other = await server.createApp()
  await server.device(other, 'registerDevice', { hwid: 'elsewhere', device_type: 1, userId: 'ann-else' })
  expect(await find('elsewhere')).toEqual([])
  expect(await find('ann-else')).toEqual([])
})

test('no table is read as a whole', async () => {
  await server.db.query(
    `insert into device (bucket, app_id, hwid, platform, user_id, first_seen_at, last_seen_at)
     select i % 1024, a.id, 'crowd-' || i, 'android', 'user-' || i, now(), now()
       from generate_series(1, 20000) i cross join (select id from app where code = $1) a`,
    [app.app],
  )
  await server.db.query(
    `insert into address (bucket, app_id, hwid, address_hash, provider, address, state, first_registered_at,
                          last_registered_at, state_since)
     select bucket, app_id, hwid, sha256(hwid::bytea), 'fcm', 'token-' || hwid, 'active', now(), now(), now()
       from device where hwid like 'crowd-%'`,
  )
  await server.db.query(
    `insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
     select bucket, app_id, address_hash, bucket, hwid from address where hwid like 'crowd-%'`,
  )
  await server.db.query('vacuum analyze device, address, address_directory')
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  const plans: string[] = []
  const watched: Queryable = {
    query: async (sql, values) => {
      const explained = await server.db.query(`explain (format json) ${sql}`, values)
      plans.push(JSON.stringify(explained.rows))
      return server.db.query(sql, values)
    },
  }
  const query = { appId: rows[0]?.id ?? 0, by: 'any', limit: 20 } as const
  for (const text of ['crowd-77', 'user-77', newToken(), 'crowd-1999', 'user-1999', 'nobody-at-all'])
    await lookUp(watched, { ...query, text })
  expect(plans.length).toBeGreaterThan(15)
  for (const plan of plans) expect(plan).not.toContain('Seq Scan')
  // So that the words above are the ones that PostgreSQL has for it.
  const whole = await server.db.query("explain (format json) select from address where provider = 'fcm'")
  expect(JSON.stringify(whole.rows)).toContain('Seq Scan')
})

test('the end of a token is looked for in few pages of the table', async () => {
  await server.db.query(
    `insert into address (bucket, app_id, hwid, address_hash, provider, address, state, first_registered_at,
                          last_registered_at, state_since)
     select i % 1024, -1, 'many-' || i, sha256(i::text::bytea), 'apns', encode(sha256(i::text::bytea), 'hex'), 'dead', now(), now(), now()
       from generate_series(1, 200000) i`,
  )
  const token = newToken()
  await register('one-of-many', { push_token: token })
  await server.db.query('vacuum analyze address')
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  const plans: string[] = []
  const watched: Queryable = {
    query: async (sql, values) => {
      const explained = await server.db.query(`explain (analyze, format json) ${sql}`, values)
      plans.push(JSON.stringify(explained.rows))
      return server.db.query(sql, values)
    },
  }
  const query = { appId: rows[0]?.id ?? 0, by: 'token_end', limit: 20 } as const
  const found = await lookUp(watched, { ...query, text: token.slice(-8) })
  expect(found.map(it => it.hwid)).toEqual(['one-of-many'])
  expect(plans[0]).toContain('address_end')
  expect(Number(/"Rows Removed by Index Recheck":(\d+)/.exec(plans[0] ?? '')?.[1])).toBeLessThan(20_000)
})
