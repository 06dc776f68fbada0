/** Messages that come at the hour at which each device has opened most. */
import type { MessageView, NewMessage } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../test/roost.ts'
import { bucketOf } from '../../registry/buckets.ts'
import { bestHourOfApp } from './best-hour.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
  roost.clock.advance(fullHour() - roost.clock.now() + 5 * 60_000) // so that no hour ends within a test
})
afterAll(() => roost.close())

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const fullHour = () => Math.ceil(roost.clock.now() / HOUR_MS) * HOUR_MS
/** An hour of the day, so many full hours ahead. */
const hourIn = (hours: number) => new Date(fullHour() + hours * HOUR_MS).getUTCHours()

/** As so many messages would be opened, one a day, the last of them so many days ago, at an hour so many full ones ahead of now. */
async function open(phone: Phone, opens: { hours: number; times: number; daysAgo?: number }): Promise<void> {
  const { hours, times, daysAgo = 1 } = opens
  const { id: appId } = (await roost.server.db.query<{ id: number }>('select id from app')).rows[0] ?? {
    id: 0,
  }
  for (let i = 0; i < times; i++)
    await roost.server.db.query(
      `insert into receipt (bucket, message_id, hwid, kind, app_id, at) values ($1, gen_random_uuid(), $2, 'opened', $3, $4)`,
      [
        bucketOf(phone.hwid),
        phone.hwid,
        appId,
        new Date(fullHour() + hours * HOUR_MS + HOUR_MS / 2 - (daysAgo + i) * DAY_MS),
      ],
    )
}

async function phoneOf(tag: string): Promise<Phone> {
  const phone = await roost.phone('android', { tags: { group: tag } })
  await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${phone.hwid}`, { timezoneSeconds: 0 })
  return phone
}

function messageTo(tag: string, bestHour: NewMessage['bestHour']): NewMessage {
  return { to: { condition: { tag: 'group', op: 'eq', value: tag } }, content: { title: 'Hello' }, bestHour }
}

const slotsOf = ({ slots }: MessageView) =>
  slots.map(it => [it.at && (Date.parse(it.at) - fullHour()) / HOUR_MS, it.devices])

test('each device gets it in its own hour, and who has opened little in the given one', async () => {
  const [early, late, hardly, never] = [
    await phoneOf('own'),
    await phoneOf('own'),
    await phoneOf('own'),
    await phoneOf('own'),
  ]
  await open(early, { hours: 2, times: 4 })
  await open(early, { hours: 9, times: 3 })
  await open(late, { hours: 20, times: 3 })
  await open(hardly, { hours: 15, times: 2 })
  const id = await roost.send(messageTo('own', { otherwiseHour: hourIn(5) }))
  const divided = await roost.until(id, it => it.slots.length === 3)
  expect(divided.bestHour).toEqual({ otherwiseHour: hourIn(5) })
  expect(slotsOf(divided)).toEqual([
    [2, 1],
    [5, 2],
    [20, 1],
  ])
  const shown = () => [early, late, hardly, never].map(it => it.shown.length)
  roost.clock.advance(3 * HOUR_MS)
  await roost.until(id, it => it.counts.accepted === 1)
  expect(shown()).toEqual([1, 0, 0, 0])
  roost.clock.advance(3 * HOUR_MS)
  await roost.until(id, it => it.counts.accepted === 3)
  expect(shown()).toEqual([1, 0, 1, 1])
  roost.clock.advance(15 * HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 4, accepted: 4 })
  expect(shown()).toEqual([1, 1, 1, 1])
})

test('what is opened while it is sent moves nobody', async () => {
  const phone = await phoneOf('steady')
  await open(phone, { hours: 2, times: 3 })
  const id = await roost.send(messageTo('steady', {}))
  await roost.until(id, it => it.slots.length === 1)
  roost.clock.advance(3 * HOUR_MS)
  await roost.until(id, it => it.counts.accepted === 1)
  await open(phone, { hours: 6, times: 9, daysAgo: 0 })
  roost.clock.advance(8 * HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
  expect(phone.shown).toHaveLength(1)
})

test('opens of more than 30 days ago count no more', async () => {
  const phone = await phoneOf('old')
  await open(phone, { hours: 2, times: 9, daysAgo: 31 })
  const id = await roost.send(messageTo('old', { otherwiseHour: hourIn(4) }))
  expect(slotsOf(await roost.until(id, it => it.slots.length === 1))).toEqual([[4, 1]])
})

test('where no hour is given it is the hour in which people of the app open, on the clocks of their devices', async () => {
  const { id: appId } = (await roost.server.db.query<{ id: number }>('select id from app')).rows[0] ?? {
    id: 0,
  }
  await roost.server.db.query('delete from receipt')
  const until = roost.clock.now() + HOUR_MS
  expect(await bestHourOfApp(roost.server.db, { appId, until })).toBe(12)
  const east = await phoneOf('east')
  await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${east.hwid}`, { timezoneSeconds: 3 * 3600 })
  await open(east, { hours: 2, times: 5 })
  expect(await bestHourOfApp(roost.server.db, { appId, until })).toBe(hourIn(5))
})

test('named devices get it in their own hours, too', async () => {
  const phone = await phoneOf('named')
  await open(phone, { hours: 3, times: 3 })
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' }, bestHour: {} })
  expect(slotsOf(await roost.until(id, it => it.slots.length === 1))).toEqual([[3, 1]])
  roost.clock.advance(4 * HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ accepted: 1 })
})

test('it is refused beside local time', async () => {
  const refused = (fields: Partial<NewMessage>) =>
    roost.rest('POST', `/v1/apps/${roost.app}/messages`, { ...messageTo('x', {}), ...fields })
  expect(await refused({ localTime: { at: '2027-01-01T09:00' } })).toMatchObject({ status: 400 })
})
