/** What `roost jobs run --at` tells before it does it: the aging of addresses is in e2e/hygiene.e2e.test.ts. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'
import { foretell, isAhead } from './ahead.ts'

const DAY_MS = 24 * 3_600_000

let server: BareServer
beforeAll(async () => {
  server = await startBare()
})
afterAll(() => server.close())

test('certificates that end before the time of a run are told with their app', async () => {
  const { app } = await server.createApp()
  const now = server.clock.now()
  const expiresAt = new Date(now + 20 * DAY_MS)
  await server.db.query(
    `insert into credential (id, app_id, gateway, kind, environments, settings, sealed, expires_at, version, created_at)
     select '0192f0c0-0000-7000-8000-000000000001', id, 'apns', 'p12', '{production}', '{}', '\\x00', $2, 1, now()
       from app where code = $1`,
    [app, expiresAt],
  )
  const tell = (days: number) => foretell(server.db, 'credential-watch', { at: now + days * DAY_MS, now })
  expect(await tell(19)).toEqual([expect.stringMatching(/credential-watch would end nothing/)])
  expect(await tell(21)).toEqual([
    expect.stringMatching(/would do this for good:$/),
    `  ${app}: stop sending with the apns p12 0192f0c0-0000-7000-8000-000000000001, which is good until ${expiresAt.toISOString()}`,
  ])
})

test('of another job it is told what the job does, and that what is not due is done, too', async () => {
  const moved = { at: Date.parse('2030-01-01'), now: Date.parse('2029-01-01') }
  expect(await foretell(server.db, 'log-cleaning', moved)).toEqual([
    expect.stringMatching(
      /^As if it were 2030-01-01T00:00:00\.000Z, log-cleaning drops runs .* stays done\.$/,
    ),
  ])
})

test.each([
  [0, false],
  [3_600_000, false],
  [3_600_001, true],
  [-DAY_MS, false],
])('a time %d ms from now is ahead: %s', (ms, expected) => {
  expect(isAhead({ at: 1e12 + ms, now: 1e12 })).toBe(expected)
})
