/** GET /v1/apps/{app}/stats/devices: a small base whole, a large one by a sample of it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import type { DeviceStates } from './states.ts'

let server: BareServer
let small: Access
let large: Access

beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
  small = await server.createApp()
  large = await server.createApp()
  await fill(small.app, 50)
  await fill(large.app, 40_000)
  await server.db.query('vacuum analyze device, address')
})
afterAll(() => server.close())

/** Of each five: two can be reached, one of them on Android; one was removed, one asked to be left alone, one never had an address. */
async function fill(app: string, count: number): Promise<void> {
  await server.db.query(
    `with d as (
       insert into device (bucket, app_id, hwid, platform, first_seen_at, last_seen_at)
       select abs(hashint4(n)) % 1024, app.id, 'd-' || n, case n % 5 when 0 then 'android' else 'ios' end, $3, $3
         from app, generate_series(1, $2::integer) as n where app.code = $1
       returning bucket, app_id, hwid, substring(hwid from 3)::integer as n
     )
     insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state, reason,
                          first_registered_at, last_registered_at, state_since)
     select bucket, app_id, hwid, 'alert', sha256(convert_to(app_id || hwid, 'utf8')), case n % 5 when 0 then 'fcm' else 'apns' end,
            'production', hwid, case when n % 5 < 2 then 'active' else 'dead' end,
            case n % 5 when 2 then 'Unregistered' when 3 then 'unregistered' end, $3, $3, $3
       from d where n % 5 < 4`,
    [app, count, new Date(server.clock.now())],
  )
}

async function read({ app }: Access, query = ''): Promise<DeviceStates> {
  const { status, body } = await server.rest<DeviceStates>('GET', `/v1/apps/${app}/stats/devices${query}`)
  expect(status).toBe(200)
  return body
}

const IOS = { platform: 'ios', suspect: 0, superseded: 0, moved: 0, quarantined: 0 }

test('a small base is counted whole, each device by the state of its newest address', async () => {
  const states = await read(small)
  expect(states).toMatchObject({ devices: 50, reachable: 20, dormant: 0, errorPercent: 0 })
  expect(states.byPlatform).toEqual([
    { ...IOS, devices: 40, active: 10, dead: 10, unregistered: 10, none: 10 },
    { ...IOS, platform: 'android', devices: 10, active: 10, dead: 0, unregistered: 0, none: 0 },
  ])
})

test('an address that is sent to tells the state, however long ago the others ended', async () => {
  const app = await server.createApp()
  await fill(app.app, 5)
  await server.db.query(
    `insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state, reason,
                          first_registered_at, last_registered_at, state_since)
     select bucket, app_id, hwid, 'alert', sha256(address_hash), provider, environment, 'old', 'dead', 'Unregistered',
            last_registered_at, last_registered_at, state_since + interval '1 day'
       from address where app_id = (select id from app where code = $1)`,
    [app.app],
  )
  for (const query of ['', '?exact=true']) {
    const [ios, android] = (await read(app, query)).byPlatform
    expect([ios?.devices, ios?.active, ios?.dead, ios?.unregistered], query).toEqual([4, 1, 2, 0])
    expect([android?.devices, android?.active], query).toEqual([1, 1])
  }
})

test('a large base is told by a sample, with its error, and all its numbers add up', async () => {
  const states = await read(large)
  expect(states.errorPercent).toBeGreaterThan(0.5)
  expect(states.errorPercent).toBeLessThan(4)
  expect(Math.abs(states.devices - 40_000)).toBeLessThan(40_000 * 0.06)
  expect(Math.abs(states.reachable - 16_000)).toBeLessThan(16_000 * 0.08)
  expect(states.devices).not.toBe(40_000) // or the test would not see a sample
  expect(await read(large)).toMatchObject({ devices: states.devices }) // an unchanged base does not flicker
  for (const { platform, devices, ...counts } of states.byPlatform)
    expect([platform, Object.values(counts).reduce((all, it) => all + it, 0)]).toEqual([platform, devices])
  expect(states.byPlatform.reduce((all, it) => all + it.devices, 0)).toBe(states.devices)
})

test('a large base is counted whole for who asks for it, without an error', async () => {
  const states = await read(large, '?exact=true')
  expect(states).toMatchObject({ devices: 40_000, reachable: 16_000, errorPercent: 0 })
  expect(states.byPlatform[0]).toEqual({
    ...IOS,
    devices: 32_000,
    active: 8000,
    dead: 8000,
    unregistered: 8000,
    none: 8000,
  })
})

test('R15: who is dormant is not counted as reachable, in a sample nor in the whole', async () => {
  server.clock.advance(31 * 24 * 3_600_000)
  for (const query of ['', '?exact=true'])
    expect(await read(small, query)).toMatchObject({ devices: 50, reachable: 0, dormant: 20 })
  const states = await read(large)
  expect(states.reachable).toBe(0)
  expect(Math.abs(states.dormant - 16_000)).toBeLessThan(16_000 * 0.08)
  server.clock.advance(-31 * 24 * 3_600_000)
})
