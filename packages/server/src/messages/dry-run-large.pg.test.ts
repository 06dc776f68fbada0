/** What a dry run says of an audience that is too large to be counted while somebody waits. */
import type { DryRun } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'

let server: BareServer
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
})
afterAll(() => server.close())

test('of a large base it counts a part, says how far off that may be, and all of it for who asks', async () => {
  const app = await makeLargeBase(30_000)
  const ask = async (value: string, query = '') => {
    const path = `/v1/apps/${app}/messages/dry-run${query}`
    const to = { condition: { tag: 'kind', op: 'eq', value } }
    return (await server.rest<DryRun>('POST', path, { to, content: { title: 'Hello' } })).body
  }

  const common = await ask('common')
  expect(common.errorPercent).toBeGreaterThan(0)
  expect(common.errorPercent).toBeLessThan(100)
  expect(common.sample.length).toBe(20)
  expect(common.warnings).toContainEqual(
    expect.stringMatching(/^about \d+ of \d+ devices can't be sent a push/),
  )
  const all = await ask('common', '?exact=true')
  expect(all).toMatchObject({ errorPercent: 0, reach: { devices: 29_997, permitted: 29_997 / 3 } })
  expect(Math.abs(common.reach.devices - 29_997)).toBeLessThan(0.5 * 29_997)

  // Three are too few to be in the part, and are found by looking through all.
  expect(await ask('rare', '?exact=true')).toMatchObject({ errorPercent: 0, reach: { devices: 3 } })
  expect((await ask('rare', '?exact=true')).sample.map(it => it.hwid)).toEqual(['large 30000'])

  const few = 'few would get a push, or nobody: of the part of the base that was counted, nobody'
  expect(await ask('no such')).toMatchObject({ reach: { devices: 0 }, errorPercent: 100, warnings: [few] })
  expect(await ask('no such', '?exact=true')).toMatchObject({
    errorPercent: 0,
    warnings: ['nobody would get a push'],
  })
})

test('of a large base it estimates who is connected, and counts them where they are few', async () => {
  const app = await makeLargeBase(30_000)
  const path = `/v1/apps/${app}/messages/dry-run`
  const message = { to: { all: true }, content: { title: 'Hello' }, route: 'online-only' }
  const ask = async () => (await server.rest<DryRun>('POST', path, message)).body
  await connect(app, 7)
  expect(await ask()).toMatchObject({ connected: 7 })
  await connect(app, 20_000)
  const { connected, errorPercent, remarks } = await ask()
  expect(errorPercent).toBeGreaterThan(0)
  expect(Math.abs((connected ?? 0) - 20_000)).toBeLessThan(0.3 * 20_000)
  expect(remarks).toContainEqual(
    expect.objectContaining({ code: 'not_connected', values: expect.objectContaining({ isAbout: 1 }) }),
  )
})

/** So many of its devices are, in the process of another server. */
async function connect(app: string, count: number): Promise<void> {
  await server.db.query(
    `with s as (
       insert into live_server (id, beat_at) values (gen_random_uuid(), clock_timestamp() + interval '1 hour') returning id
     )
     insert into live_presence (bucket, app_id, hwid, state, changed_at, server, session)
     select d.bucket, d.app_id, d.hwid, 'online', $3, s.id, gen_random_uuid()
       from s, device d join app on app.id = d.app_id
      where app.code = $1 and substring(d.hwid from 7)::integer <= $2::integer
         on conflict (bucket, app_id, hwid) do nothing`,
    [app, count, new Date(server.clock.now())],
  )
}

/** Three of its devices are rare, and one of three has an address; gives back the app. */
async function makeLargeBase(count: number): Promise<string> {
  const { app } = await server.createApp()
  await server.db.query(
    `with d as (
       insert into device (bucket, app_id, hwid, platform, first_seen_at, last_seen_at, tags)
       select abs(hashint4(n)) % 1024, app.id, 'large ' || n, 'ios', $3, $3,
              jsonb_build_object('kind', case when n > $2::integer - 3 then 'rare' else 'common' end)
         from app, generate_series(1, $2::integer) as n where app.code = $1
       returning bucket, app_id, hwid, substring(hwid from 7)::integer as n
     )
     insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state,
                          first_registered_at, last_registered_at, state_since)
     select bucket, app_id, hwid, 'alert', sha256(convert_to(app_id || hwid, 'utf8')), 'apns', 'production', hwid, 'active',
            $3, $3, $3
       from d where n % 3 = 0`,
    [app, count, new Date(server.clock.now())],
  )
  await server.db.query('vacuum analyze device, address')
  return app
}
