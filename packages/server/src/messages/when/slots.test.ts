/** In which slot devices of each zone are, also around the days on which clocks are changed. */
import { type LocalTime, timeZoneOf } from '@roost/protocol'
import { expect, test } from 'vitest'
import {
  earliestSlot,
  PASSED_SLOT,
  slotOfDevice,
  slotsOfBestHour,
  slotsOfLocalTime,
  tableOf,
} from './slots.ts'

const BEGIN = Date.parse('2026-03-20T12:00:00Z')

async function slots(localTime: LocalTime, begin = BEGIN): Promise<(zone: string) => string> {
  const table = await tableOf(slotsOfLocalTime(localTime, { begin, appTimeZone: 'Asia/Tokyo' }))
  return zone => new Date((table[zone] as number) * 1000).toISOString().slice(0, 16)
}

test('a device is due when clocks of its zone show the time', async () => {
  const slotOf = await slots({ at: '2026-03-25T09:00' })
  expect(
    [
      'Europe/Berlin',
      'America/New_York',
      timeZoneOf('Asia/Kathmandu') as string,
      'Pacific/Kiritimati',
      'UTC',
    ].map(slotOf),
  ).toEqual([
    '2026-03-25T08:00',
    '2026-03-25T13:00',
    '2026-03-25T03:15',
    '2026-03-24T19:00',
    '2026-03-25T09:00',
  ])
})

test.each([
  ['the evening before clocks are put forward', '2026-03-28T23:00', '2026-03-28T22:00'],
  ['the morning after', '2026-03-29T09:00', '2026-03-29T07:00'],
  ['a time that clocks jump over, as long after the jump', '2026-03-29T02:30', '2026-03-29T01:30'],
  ['the evening before they are put back', '2026-10-24T23:00', '2026-10-24T21:00'],
  ['the first of two times', '2026-10-25T02:30', '2026-10-25T00:30'],
  ['the morning after they were put back', '2026-10-25T09:00', '2026-10-25T08:00'],
])('a device in Berlin is due %s', async (_when, at, expected) => {
  expect((await slots({ at }))('Europe/Berlin')).toBe(expected)
})

test.each([
  [
    'on the southern half of the earth, where clocks are put back in April',
    '2026-04-05T09:00',
    'Australia/Sydney',
    '2026-04-04T23:00',
  ],
  ['where clocks change by half an hour', '2026-04-05T09:00', 'Australia/Lord_Howe', '2026-04-04T22:30'],
  ['where clocks change at midnight', '2026-04-24T00:00', 'Africa/Cairo', '2026-04-23T22:00'],
])('a device is due %s', async (_where, at, zone, expected) => {
  expect((await slots({ at }))(zone)).toBe(expected)
})

test('an offset counts as it is, to the quarter of an hour', async () => {
  const slotOf = await slots({ at: '2026-03-25T09:00' })
  expect([slotOf('4'), slotOf('-12'), slotOf('23')]).toEqual([
    '2026-03-25T08:00',
    '2026-03-25T12:00',
    '2026-03-25T03:15',
  ])
})

test('offsets beyond the ends of the earth are those of its ends', async () => {
  const slotOf = await slots({ at: '2026-03-25T09:00' })
  expect([slotOf('96'), slotOf('-96')]).toEqual([slotOf('56'), slotOf('-48')])
})

test('a device that tells no zone is in that of the app, unless the message names one', async () => {
  const at = '2026-03-25T09:00'
  expect((await slots({ at }))('')).toBe('2026-03-25T00:00')
  expect((await slots({ at, otherwiseTimeZone: 'Europe/Lisbon' }))('')).toBe('2026-03-25T09:00')
})

test('where the hour has passed, a device is due at once, on the next day, or never', async () => {
  const at = '2026-03-20T13:00' // twelve in UTC
  const in_ = async (passed: 'now' | 'nextDay' | 'skip') => {
    const slotOf = await slots({ at, passed })
    return [slotOf('Europe/Athens'), slotOf('Europe/Berlin'), slotOf('UTC')]
  }
  const never = new Date(PASSED_SLOT).toISOString().slice(0, 16)
  expect(await in_('now')).toEqual(['2026-03-20T12:00', '2026-03-20T12:00', '2026-03-20T13:00'])
  expect(await in_('nextDay')).toEqual(['2026-03-21T11:00', '2026-03-20T12:00', '2026-03-20T13:00'])
  expect(await in_('skip')).toEqual([never, '2026-03-20T12:00', '2026-03-20T13:00'])
})

test('the next day has the same time on the clock, though the clocks are changed in the night', async () => {
  const begin = Date.parse('2026-03-28T12:00:00Z')
  const slotOf = await slots({ at: '2026-03-28T09:00', passed: 'nextDay' }, begin)
  expect(slotOf('Europe/Berlin')).toBe('2026-03-29T07:00')
})

test('no device on earth is due before the sending begins', async () => {
  const localTime = { at: '2026-03-25T09:00' }
  const table = await tableOf(slotsOfLocalTime(localTime, { begin: BEGIN, appTimeZone: 'UTC' }))
  expect(Math.min(...Object.values(table)) * 1000).toBe(earliestSlot(localTime))
})

test('by best hour each hour of the day comes once within a day, and the one that it is comes at once', async () => {
  const begin = Date.parse('2026-03-20T12:20:00Z')
  const table = await tableOf(slotsOfBestHour({ hour: 18 }, { begin, appTimeZone: 'UTC' }))
  const told = (key: string) => new Date((table[key] as number) * 1000).toISOString().slice(0, 16)
  expect(['hour 12', 'hour 13', 'hour 23', 'hour 0', 'hour 11'].map(told)).toEqual([
    '2026-03-20T12:20',
    '2026-03-20T13:00',
    '2026-03-20T23:00',
    '2026-03-21T00:00',
    '2026-03-21T11:00',
  ])
})

test('by best hour a device without one is due at the given hour of its clock', async () => {
  const begin = Date.parse('2026-03-28T12:20:00Z')
  const table = await tableOf(
    slotsOfBestHour({ hour: 9, otherwiseTimeZone: 'Asia/Tokyo' }, { begin, appTimeZone: 'UTC' }),
  )
  const told = (key: string) => new Date((table[key] as number) * 1000).toISOString().slice(0, 16)
  expect(['Europe/Berlin', 'America/New_York', '', '0'].map(told)).toEqual([
    '2026-03-29T07:00', // clocks are put forward in between
    '2026-03-28T13:00',
    '2026-03-29T00:00',
    '2026-03-29T09:00',
  ])
})

test.each([
  ['nothing', null, null, null],
  ['an offset', null, 3600, null],
  ['an offset of no quarter', null, 20_700, null],
  ['the name of a zone', 'America/New_York', null, null],
  ['a name and an offset of that zone', 'Europe/Berlin', 7200, null],
  ['a name and an offset of another one', 'Europe/Berlin', -18_000, null],
  ['a name that is not known', 'Mars/Olympus', 3600, null],
  ['a best hour', 'Europe/Berlin', 3600, 17],
])('one device that tells %s is where the table has it', async (_what, timeZone, timezoneSeconds, hour) => {
  const begin = Date.parse('2026-03-28T12:20:00Z')
  for (const slots of [
    slotsOfLocalTime({ at: '2026-03-29T09:00' }, { begin, appTimeZone: 'Asia/Tokyo' }),
    slotsOfBestHour({ hour: 9 }, { begin, appTimeZone: 'Asia/Tokyo' }),
  ]) {
    const table = await tableOf(slots)
    const quarters = timezoneSeconds === null ? null : String(Math.round(timezoneSeconds / 900))
    const expected =
      (hour === null ? undefined : table[`hour ${hour}`]) ??
      table[[timeZone, quarters].filter(it => it !== null).join(' ')] ??
      table[quarters ?? ''] ??
      table['']
    expect(slotOfDevice(slots, { timeZone, timezoneSeconds, hour })).toBe(expected)
  }
})
