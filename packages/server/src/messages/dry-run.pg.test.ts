/** What a dry run says that rules would do with devices. */
import type { DryRun, NewMessage } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
let phone: Phone
let other: Phone
beforeAll(async () => {
  roost = await startRoost()
  phone = await roost.phone('ios', { tags: { optedOut: ['offers'] } })
  other = await roost.phone('android')
  for (const [{ hwid }, hours] of [
    [phone, 0],
    [other, -6],
  ] as const)
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${hwid}`, { timezoneSeconds: hours * 3600 })
  await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { categories: ['offers'] })
})
afterAll(() => roost.close())

const HOUR_MS = 3_600_000

async function dryRun(fields: Partial<NewMessage>): Promise<DryRun> {
  const message = { to: { all: true }, content: { title: 'Hello' }, ...fields }
  const { status, body } = await roost.rest<DryRun>('POST', `/v1/apps/${roost.app}/messages/dry-run`, message)
  expect([status, body]).toEqual([200, body])
  return body
}

async function fatesOf(fields: Partial<NewMessage>) {
  const { sample } = await dryRun(fields)
  const fateOf = (of: Phone) => {
    const found = sample.find(it => it.hwid === of.hwid)
    return [found?.outcome, found?.reason, found?.sendAt]
  }
  return { phone: fateOf(phone), other: fateOf(other) }
}

/** Of clocks in UTC. */
const wall = (at: number) => new Date(at).toISOString().slice(11, 16)
const AT_ONCE = ['sent', null, expect.any(String)]

test('without rules they would be sent to at once, or when the message is', async () => {
  expect(await fatesOf({})).toEqual({ phone: AT_ONCE, other: AT_ONCE })
  const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
  expect((await fatesOf({ sendAt })).phone).toEqual(['sent', null, sendAt])
})

test('who has opted out of its category would be skipped, and is warned of', async () => {
  const rules = { category: 'offers' }
  expect(await fatesOf({ rules })).toEqual({
    phone: ['skipped', 'category_opted_out', null],
    other: AT_ONCE,
  })
  const { warnings, remarks } = await dryRun({ rules })
  expect(warnings).toContain('1 of the 2 devices looked at would not get it')
  expect(remarks.map(it => it.text)).toEqual(warnings)
  expect(remarks).toContainEqual({
    code: 'sample_lost',
    place: null,
    values: { devices: 1, looked: 2 },
    text: '1 of the 2 devices looked at would not get it',
  })
})

test('quiet hours would put off until they are over, or skip, by the clock of each device', async () => {
  const now = roost.clock.now()
  const quietHours = { from: wall(now - HOUR_MS), to: wall(now + 2 * HOUR_MS) }
  const fates = await fatesOf({ rules: { quietHours } })
  expect(fates.other).toEqual(AT_ONCE)
  expect(fates.phone.slice(0, 2)).toEqual(['deferred', 'quiet_hours'])
  expect(wall(Date.parse(fates.phone[2] as string))).toBe(quietHours.to)
  expect((await dryRun({ rules: { quietHours } })).warnings).toEqual([])
  const dropped = await fatesOf({ rules: { quietHours: { ...quietHours, action: 'drop' } } })
  expect(dropped.phone).toEqual(['skipped', 'quiet_hours', null])
  const short = await fatesOf({ rules: { quietHours }, ttlSeconds: 60 })
  expect(short.phone).toEqual(['skipped', 'quiet_hours_until_expiry', null])
  // When it is sent counts, not when it is asked.
  const sendAt = new Date(now + 3 * HOUR_MS).toISOString()
  expect((await fatesOf({ rules: { quietHours }, sendAt })).phone).toEqual(['sent', null, sendAt])
})

test('by local time the moment of each device counts', async () => {
  const now = roost.clock.now()
  const at = new Date(now + HOUR_MS).toISOString().slice(0, 16)
  const fates = await fatesOf({ localTime: { at } })
  expect(fates.phone).toEqual(['sent', null, `${at}:00.000Z`])
  expect(Date.parse(fates.other[2] as string) - Date.parse(fates.phone[2] as string)).toBe(6 * HOUR_MS)
  const past = new Date(now - HOUR_MS).toISOString().slice(0, 16)
  const skipped = await fatesOf({ localTime: { at: past, passed: 'skip' } })
  expect(skipped.phone).toEqual(['skipped', 'local_time_passed', null])
  expect(skipped.other[0]).toBe('sent')
})

test('whose cap is used up would be skipped, and to ask takes no place of it', async () => {
  const rules = { cap: { messages: 2, days: 1 } }
  const to = { devices: [phone.hwid] }
  await roost.sendAndSettle({ to, content: { title: 'x' }, rules })
  for (let i = 0; i < 3; i++) expect((await fatesOf({ to, rules })).phone).toEqual(AT_ONCE)
  await roost.sendAndSettle({ to, content: { title: 'x' }, rules })
  expect((await fatesOf({ to, rules })).phone).toEqual(['skipped', 'capped', null])
  expect((await fatesOf({ to })).phone).toEqual(AT_ONCE)
})

test('of users only the latest device is looked at, where only that is meant', async () => {
  const [first, last] = [
    await roost.phone('ios', { userId: 'two phones' }),
    await roost.phone('ios', { userId: 'two phones' }),
  ]
  const users = ['two phones']
  const both = await dryRun({ to: { users } })
  expect(both.sample.map(it => it.hwid).sort()).toEqual([first.hwid, last.hwid].sort())
  const latest = await dryRun({ to: { users, userDevices: 'latest' } })
  expect([latest.reach.devices, latest.sample.map(it => it.hwid)]).toEqual([1, [last.hwid]])
})
