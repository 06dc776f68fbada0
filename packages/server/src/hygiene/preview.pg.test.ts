/** What a preview says of a base that is too large to be counted while somebody waits. */
import type { PolicyPreview } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'

let server: BareServer
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
})
afterAll(() => server.close())

const DEVICES = 70_000

test('of a large base a part is counted, with how far off that may be, and all of it for who asks', async () => {
  const app = await makeLargeBase()
  const path = `/v1/apps/${app}/address-policy/preview`
  const preview = async (query: string) =>
    (await server.rest<PolicyPreview>('POST', path + query, { inactiveDays: 90 })).body

  const part = await preview('')
  expect(part.errorPercent).toBeGreaterThan(0)
  expect(part.errorPercent).toBeLessThan(20)
  const off = 2 * (part.errorPercent / 100)
  expect(Math.abs(part.wouldRemove - DEVICES / 10)).toBeLessThan((off * DEVICES) / 10)
  expect(Math.abs(part.addresses - DEVICES)).toBeLessThan(0.2 * DEVICES)
  // What it is made of adds up.
  expect(sum(part.byPlatform.map(it => it.wouldRemove))).toBe(part.wouldRemove)
  expect(sum(part.removed.map(it => it.count))).toBe(part.wouldRemove)
  expect(sum(part.byAge.map(it => it.addresses))).toBe(part.addresses)

  expect(await preview('?exact=true')).toMatchObject({
    errorPercent: 0,
    addresses: DEVICES,
    wouldRemove: DEVICES / 10,
    removed: [{ reason: 'inactive', platform: 'ios', count: DEVICES / 10 }],
  })
})

function sum(counts: readonly number[]): number {
  return counts.reduce((total, it) => total + it, 0)
}

/** One of ten has not opened the app for 100 days. */
async function makeLargeBase(): Promise<string> {
  const { app } = await server.createApp()
  await server.db.query(
    `with d as (
       insert into device (bucket, app_id, hwid, platform, first_seen_at, last_seen_at, last_open_at)
       select abs(hashint4(n)) % 1024, app.id, 'large ' || n, 'ios', $3::timestamptz - interval '200 days', $3,
              case when n % 10 = 0 then $3::timestamptz - interval '100 days' else $3 end
         from app, generate_series(1, $2::integer) as n where app.code = $1
       returning bucket, app_id, hwid
     )
     insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state,
                          first_registered_at, last_registered_at, state_since)
     select bucket, app_id, hwid, 'alert', sha256(convert_to(app_id || hwid, 'utf8')), 'apns', 'production', hwid, 'active',
            $3::timestamptz - interval '200 days', $3, $3::timestamptz - interval '200 days'
       from d`,
    [app, DEVICES, new Date(server.clock.now())],
  )
  await server.db.query('vacuum analyze device, address')
  return app
}
