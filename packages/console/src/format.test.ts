import { describe, expect, test } from 'vitest'
import { formatAgo, formatCount, formatDuration, formatShare } from './format.ts'

const NOW = Date.parse('2026-11-20T12:00:00Z')

describe('shares', () => {
  test('never round a few away, nor up to everybody', () => {
    expect(formatShare(3, 1_000_000)).toBe('< 0.1 %')
    expect(formatShare(999_997, 1_000_000)).toBe('> 99.9 %')
  })

  test('are whole only when they are', () => {
    expect(formatShare(0, 10)).toBe('0 %')
    expect(formatShare(10, 10)).toBe('100 %')
    expect(formatShare(0, 0)).toBe('0 %')
  })

  test('have one decimal in between', () => {
    expect(formatShare(1, 3)).toBe('33.3 %')
  })
})

describe('ages', () => {
  test.each([
    ['2026-11-20T12:00:03Z', 'just now'],
    ['2026-11-20T11:59:48Z', '12 s ago'],
    ['2026-11-20T11:01:00Z', '59 min ago'],
    ['2026-11-19T12:00:01Z', '23 h ago'],
    ['2026-11-14T12:00:00Z', '6 d ago'],
  ])('%s reads as "%s"', (at, told) => {
    expect(formatAgo(at, NOW)).toBe(told)
  })

  test('a week ago is told as the day', () => {
    expect(formatAgo('2026-11-13T12:00:00Z', NOW)).toBe('13 Nov 2026')
  })
})

test('a length of time is told in the unit that matters and never as nothing', () => {
  expect([0.2, 45, 61, 7_000].map(formatDuration)).toEqual(['1 s', '45 s', '2 min', '2 h'])
})

test('counts are grouped by thousands', () => {
  expect(formatCount(1_684_610)).toBe('1,684,610')
})
