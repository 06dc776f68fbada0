import { expect, test } from 'vitest'
import { byDay, reasonsOf } from './removal-counts.ts'

const count = (day: string, event: string, reason: string | null, n: number) => ({
  day,
  event,
  reason,
  provider: 'fcm',
  count: n,
})

test('each day that was asked for is in the chart, also without a removal, and events in their order', () => {
  const counts = [
    count('2026-11-01', 'superseded', 'replaced_by_device', 4),
    count('2026-11-03', 'dead', 'UNREGISTERED', 2),
    count('2026-11-03', 'dead', 'inactive', 3),
    count('2026-11-03', 'of_a_newer_server', null, 1),
  ]
  const asked = { from: '2026-10-31T15:00:00.000Z', to: '2026-11-04T15:00:00.000Z' }
  const days = ['2026-10-31', '2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04']
  const timeZone = 'UTC'
  expect(byDay({ counts, timeZone }, asked)).toEqual({
    days,
    events: [
      { event: 'dead', values: [0, 0, 0, 5, 0] },
      { event: 'superseded', values: [0, 4, 0, 0, 0] },
      { event: 'of_a_newer_server', values: [0, 0, 0, 1, 0] },
    ],
  })
  const none = { counts: [], timeZone }
  expect(byDay(none, asked)).toEqual({ days, events: [] })
  expect(byDay(none, { ...asked, to: '2026-11-01T00:00:00.000Z' }).days).toEqual(['2026-10-31'])
})

test('the days are those of the time zone that they were counted by', () => {
  const asked = { from: '2026-10-31T15:00:00.000Z', to: '2026-11-02T15:00:00.000Z' }
  const daysIn = (timeZone: string) => byDay({ counts: [], timeZone }, asked).days
  expect(daysIn('Pacific/Kiritimati')).toEqual(['2026-11-01', '2026-11-02', '2026-11-03'])
  expect(daysIn('Asia/Tokyo')).toEqual(['2026-11-01', '2026-11-02'])
  expect(daysIn('America/Los_Angeles')).toEqual(['2026-10-31', '2026-11-01', '2026-11-02'])
})

test('reasons are offered by their number, and what came back is none', () => {
  expect(
    reasonsOf([
      count('2026-11-01', 'dead', 'inactive', 3),
      count('2026-11-01', 'dead', 'UNREGISTERED', 5),
      count('2026-11-02', 'dead', 'inactive', 4),
      count('2026-11-02', 'removal_undone', 'inactive', 9),
      count('2026-11-02', 'moved', null, 1),
    ]),
  ).toEqual([
    { reason: 'inactive', count: 7 },
    { reason: 'UNREGISTERED', count: 5 },
  ])
})
