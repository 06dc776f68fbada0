/** "Did this user report a token on day D?", by the real server, its ledger and a clock that the test moves. */
import { randomBytes } from 'node:crypto'
import type { ReportedTokens } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'

/** An app is remembered for less. */
const MOMENT_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const newToken = () => randomBytes(32).toString('hex')
const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)
/** Half past noon, so that an hour more or less stays in the day. */
const toNoon = () => server.clock.advance(DAY_MS - ((server.clock.now() - 12.5 * HOUR_MS) % DAY_MS))

const register = (hwid: string, userId: string, fields: Record<string, unknown> = {}) =>
  server.device(app, 'registerDevice', { hwid, userId, device_type: 1, ...fields })

async function ask(userId: string, day: string): Promise<ReportedTokens> {
  const path = `/v1/apps/${app.app}/users/${userId}/reported-tokens?day=${day}`
  const { status, body } = await server.rest<ReportedTokens>('GET', path)
  expect(status).toBe(200)
  return body
}

test('the day of the first report is one, the days before and after it are none', async () => {
  toNoon()
  const token = newToken()
  const today = server.clock.now()
  await register('first-report', 'ann', { push_token: token })
  server.clock.advance(2 * DAY_MS)
  const answer = await ask('ann', dayOf(today))
  expect(answer).toMatchObject({ verdict: 'reported', timeZone: 'UTC', devices: [{ hwid: 'first-report' }] })
  expect(answer.devices[0]?.evidence.join()).toContain(`apns …${token.slice(-8)}: registered at`)
  expect((await ask('ann', dayOf(today - DAY_MS))).verdict).toBe('not_reported')
  const after = await ask('ann', dayOf(today + DAY_MS))
  expect(after.verdict).toBe('not_reported')
  expect(after.devices[0]?.evidence.join()).toContain('the last report before was that of apns')
})

test('a token that is reported again is known of its last day, and of no day between', async () => {
  toNoon()
  const first = server.clock.now()
  const token = newToken()
  await register('repeats', 'ben', { push_token: token })
  server.clock.advance(2 * DAY_MS)
  await register('repeats', 'ben', { push_token: token })
  const between = await ask('ben', dayOf(first + DAY_MS))
  expect(between.verdict).toBe('unknown')
  expect(between.devices[0]?.evidence.join()).toContain('reports between are not written down')
  expect((await ask('ben', dayOf(first + 2 * DAY_MS))).verdict).toBe('reported')
})

test('an address that ended and was forgotten (R27) leaves the days on which it was in use unknown', async () => {
  toNoon()
  const first = server.clock.now()
  const token = newToken()
  await register('forgotten', 'fay', { push_token: token })
  server.clock.advance(3 * DAY_MS)
  await server.device(app, 'unregisterDevice', { hwid: 'forgotten' })
  await server.db.query("delete from address where hwid = 'forgotten'") // as hygiene does after a month
  const between = await ask('fay', dayOf(first + DAY_MS))
  expect(between.verdict).toBe('unknown')
  expect(between.devices[0]?.evidence.join()).toContain('is not kept any more')
  expect((await ask('fay', dayOf(first))).verdict).toBe('reported')
  server.clock.advance(2 * DAY_MS)
  expect((await ask('fay', dayOf(first + 4 * DAY_MS))).verdict).toBe('not_reported')
})

test('days are those of the zone of the app', async () => {
  toNoon()
  const { body } = await server.rest('PATCH', `/v1/apps/${app.app}`, { timeZone: 'Pacific/Kiritimati' })
  expect(body).toMatchObject({ timeZone: 'Pacific/Kiritimati' })
  server.clock.advance(MOMENT_MS)
  const noon = server.clock.now()
  await register('far-east', 'kim', { push_token: newToken() })
  // Fourteen hours ahead: half past two of the next day there.
  expect((await ask('kim', dayOf(noon))).verdict).toBe('not_reported')
  expect((await ask('kim', dayOf(noon + DAY_MS))).verdict).toBe('reported')
  await server.rest('PATCH', `/v1/apps/${app.app}`, { timeZone: 'UTC' })
  server.clock.advance(MOMENT_MS)
})

test('a device that was somebody else’s on that day says nothing for sure', async () => {
  toNoon()
  const noon = server.clock.now()
  await register('second-hand', 'old-owner', { push_token: newToken() })
  // Since when a device is whose is told by the database, whose clock is not moved.
  await server.device(app, 'registerUser', { hwid: 'second-hand', userId: 'new-owner' })
  await server.db.query("update device set user_since = $1 where hwid = 'second-hand'", [
    new Date(noon + DAY_MS),
  ])
  const answer = await ask('new-owner', dayOf(noon))
  expect(answer.verdict).toBe('unknown')
  expect(answer.devices[0]?.evidence.join()).toContain("the device has been this user's only since")
})

test('a device that was theirs on that day counts, whose ever it is by now', async () => {
  toNoon()
  const noon = server.clock.now()
  await register('given-away', 'ida', { push_token: newToken() })
  await server.device(app, 'registerUser', { hwid: 'given-away', userId: 'jon' })
  const leaveAt = (at: number) =>
    server.db.query("update former_user set since = $1, until = $2 where user_id = 'ida'", [
      new Date(noon - DAY_MS),
      new Date(at),
    ])
  await leaveAt(noon + DAY_MS)
  const answer = await ask('ida', dayOf(noon))
  expect(answer).toMatchObject({ verdict: 'reported', devices: [{ hwid: 'given-away' }] })
  expect(answer.devices[0]?.evidence.join()).toContain("the device was this user's until")
  await leaveAt(noon + HOUR_MS)
  expect((await ask('ida', dayOf(noon))).verdict, 'it left them on that day').toBe('unknown')
})

test('a system that gave no token that day is named', async () => {
  toNoon()
  const noon = server.clock.now()
  await register('no-token', 'eve', { registration_error: { code: '3000', message: 'no aps-environment' } })
  const { verdict, devices } = await ask('eve', dayOf(noon))
  expect(verdict).toBe('not_reported')
  expect(devices[0]?.evidence).toEqual(['it has never reported a token', expect.stringContaining('3000')])
})

test('of a day that is to come nothing is known yet', async () => {
  toNoon()
  await register('to-come', 'tom', { push_token: newToken() })
  const { verdict, devices } = await ask('tom', dayOf(server.clock.now() + DAY_MS))
  expect([verdict, devices[0]?.evidence]).toEqual(['unknown', ['that day has not begun']])
})

test('a day that there is not, and a user whom nobody knows, are refused', async () => {
  await register('somebody', 'zoe')
  for (const day of ['2026-02-30', 'yesterday', '26-11-22', '0000-01-01', '0001-01-01', '9999-12-31'])
    expect(
      (await server.rest('GET', `/v1/apps/${app.app}/users/zoe/reported-tokens?day=${day}`)).body,
    ).toMatchObject({ code: 'input_invalid' })
  const unknown = await server.rest('GET', `/v1/apps/${app.app}/users/nobody/reported-tokens?day=2026-11-22`)
  expect(unknown.body).toMatchObject({ status: 404, code: 'user_unknown' })
})
