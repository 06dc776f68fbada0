/** Messages by the clock of each device that are kept in the inbox: each reads them from its own moment on. */
import { randomBytes } from 'node:crypto'
import type { InboxView, NewMessage } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const name = (what: string) => `${what}-${randomBytes(6).toString('hex')}`
const inboxOf = async (hwid: string) =>
  (await roost.rest<InboxView>('GET', `/v1/apps/${roost.app}/devices/${hwid}/inbox`)).body
const titlesOf = async (hwid: string) => (await inboxOf(hwid)).entries.map(it => it.title)

/** A clock in UTC shows it after so many hours. */
const inHours = (hours: number) => new Date(roost.clock.now() + hours * HOUR_MS).toISOString().slice(0, 16)

async function move(hwid: string, hours: number): Promise<void> {
  await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${hwid}`, { timezoneSeconds: hours * 3600 })
}

/** A phone in UTC, and a device without address and permission three hours west of it. */
async function bothSides(tag: string): Promise<{ near: string; west: string }> {
  const { hwid: near } = await roost.phone('ios', { hwid: name('near'), tags: { [tag]: 1 } })
  const west = name('west')
  await roost.device('registerDevice', {
    hwid: west,
    device_type: 1,
    notificationTypes: 0,
    tags: { [tag]: 1 },
  })
  await move(near, 0)
  await move(west, -3)
  return { near, west }
}

test.each([
  ['a condition', (tag: string) => ({ condition: { tag, op: 'eq' as const, value: 1 } })],
  ['devices that are named', (_: string, hwids: string[]) => ({ devices: hwids })],
])('of one to %s each device reads it when its clock shows the time, and not before', async (_what, to) => {
  const tag = name('tag')
  const { near, west } = await bothSides(tag)
  const id = await roost.send({
    to: to(tag, [near, west]),
    content: { title: 'Good morning' },
    localTime: { at: inHours(1) },
    inbox: {},
  })
  await roost.until(id, it => it.state === 'sending')
  expect([await titlesOf(near), await titlesOf(west)]).toEqual([[], []])
  roost.clock.advance(HOUR_MS)
  expect([await titlesOf(near), await titlesOf(west)]).toEqual([['Good morning'], []])
  expect((await inboxOf(west)).unread).toBe(0)
  const nearAt = Date.parse((await inboxOf(near)).entries[0]?.sentAt as string)
  roost.clock.advance(3 * HOUR_MS)
  const { entries, unread } = await inboxOf(west)
  expect([entries.length, unread]).toEqual([1, 1])
  expect(Date.parse(entries[0]?.sentAt as string) - nearAt).toBe(3 * HOUR_MS)
})

test('what was read stays where its reader goes, also to where the time has not come yet', async () => {
  const { near } = await bothSides(name('tag'))
  const id = await roost.send({
    to: { devices: [near] },
    content: { title: 'Read' },
    localTime: { at: inHours(1) },
    inbox: { only: true },
  })
  await roost.settle(id)
  roost.clock.advance(HOUR_MS)
  await roost.device('inboxStatus', { hwid: near, hash: id.replaceAll('-', ''), status: 2 })
  await move(near, -5)
  expect(await titlesOf(near)).toEqual(['Read'])
})

test('by best hour it is read from that hour on', async () => {
  const { near } = await bothSides(name('tag'))
  const otherwiseHour = (new Date(roost.clock.now()).getUTCHours() + 2) % 24
  const id = await roost.send({
    to: { devices: [near] },
    content: { title: 'At noon' },
    bestHour: { otherwiseHour },
    inbox: {},
  })
  await roost.until(id, it => it.state === 'sending')
  expect(await titlesOf(near)).toEqual([])
  roost.clock.advance(2 * HOUR_MS)
  expect(await titlesOf(near)).toEqual(['At noon'])
})

test('a date that is over before the last clock on earth shows the time is refused', async () => {
  const message = (until: number): NewMessage => ({
    to: { all: true },
    content: { title: 'x' },
    localTime: { at: inHours(1) },
    inbox: { until: new Date(roost.clock.now() + until).toISOString() },
  })
  const post = (until: number) => roost.rest('POST', `/v1/apps/${roost.app}/messages/dry-run`, message(until))
  const refused = await post(12 * HOUR_MS)
  expect([refused.status, refused.body.detail]).toEqual([400, expect.stringContaining('body/inbox/until')])
  expect((await post(DAY_MS)).status).toBe(200)
})
