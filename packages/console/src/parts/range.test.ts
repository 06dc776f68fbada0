import { expect, test } from 'vitest'
import { boundsOf, calendarOf, moveDay, parseRange } from './range.ts'

const NOW = Date.parse('2026-11-10T12:00:00Z')

test('a named range ends now', () => {
  expect(boundsOf('week', NOW)).toEqual({ from: new Date('2026-11-03T12:00:00Z'), to: new Date(NOW) })
})

test('one’s own range holds both of its days whole', () => {
  const { from, to } = boundsOf('2026-11-03..2026-11-04', NOW)
  expect(from).toEqual(new Date(2026, 10, 3))
  expect(to).toEqual(new Date(2026, 10, 5))
})

test.each(['', 'decade', '2026-11-05..2026-11-04', '2026-13-01..2026-13-02', 5, undefined])(
  '%s is no range, and the page’s own is taken',
  value => {
    expect(parseRange(value, 'month')).toBe('month')
  },
)

test('the days of a range are those of the calendar of its time zone, today among them', () => {
  const justBeforeMidnight = Date.parse('2026-11-10T23:30:00Z')
  expect(calendarOf('week', justBeforeMidnight, 'UTC')).toEqual({ from: '2026-11-04', to: '2026-11-10' })
  expect(calendarOf('week', justBeforeMidnight, 'Asia/Kolkata')).toEqual({
    from: '2026-11-05',
    to: '2026-11-11',
  })
  expect(calendarOf('week', Date.parse('2026-11-10T02:00:00Z'), 'America/New_York').to).toBe('2026-11-09')
  expect(calendarOf('2026-11-03..2026-11-04', NOW, 'UTC')).toEqual({ from: '2026-11-03', to: '2026-11-04' })
})

test('a range of days has all of them where the clocks change, too', () => {
  // New York sets its clocks back on the first of November 2026, a day of 25 hours
  const lateThatDay = Date.parse('2026-11-02T04:30:00Z')
  expect(calendarOf('week', lateThatDay, 'America/New_York')).toEqual({
    from: '2026-10-26',
    to: '2026-11-01',
  })
  expect(moveDay('2026-03-01', -1)).toBe('2026-02-28')
})
