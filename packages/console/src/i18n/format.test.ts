import { describe, expect, test } from 'vitest'
import { createFormat } from './format.ts'

const english = createFormat('en-GB')
const NOW = Date.parse('2026-11-03T12:00:00Z')
const before = (ms: number): string => new Date(NOW - ms).toISOString()

describe('a share', () => {
  test('is 0% only for nothing and 100% only for everything', () => {
    expect(english.share(0, 10)).toBe('0%')
    expect(english.share(1, 100_000)).toBe('< 0.1%')
    expect(english.share(99_997, 100_000)).toBe('> 99.9%')
    expect(english.share(10, 10)).toBe('100%')
    expect(english.share(0, 0)).toBe('0%')
  })

  test('has one decimal', () => {
    expect(english.share(1, 3)).toBe('33.3%')
    expect(createFormat('ru-RU').share(1, 8)).toBe('12,5\u00a0%')
  })
})

describe('an age', () => {
  test('is told in the unit that matters, and from a week on as a day', () => {
    expect(english.ago(before(2_000), NOW)).toBe('now')
    expect(english.ago(before(12_000), NOW)).toBe('12 sec ago')
    expect(english.ago(before(3 * 3_600_000), NOW)).toBe('3 hr ago')
    expect(english.ago(before(8 * 86_400_000), NOW)).toBe('26 Oct 2026')
  })

  test('of a clock that runs ahead is now', () => {
    expect(english.ago(before(-60_000), NOW)).toBe('now')
  })

  test('follows the language', () => {
    expect(createFormat('ja-JP').ago(before(3 * 3_600_000), NOW)).toBe('3 時間前')
  })
})

test('sizes and lengths of time take the unit that matters', () => {
  expect(english.bytes(512)).toBe('512 byte')
  expect(english.bytes(4_096)).toBe('4.1 kB')
  expect(english.duration(44.2)).toBe('45 secs')
  expect(english.duration(61)).toBe('2 mins')
})

test.each(['America/Los_Angeles', 'Pacific/Kiritimati'])(
  'a day of the calendar is the same day to a reader in %s',
  zone => {
    const before = process.env.TZ
    process.env.TZ = zone
    try {
      expect(createFormat('en-GB').date('2026-11-03')).toBe('3 Nov 2026')
      expect(createFormat('en-GB').dateShort('2026-11-03')).toBe('3 Nov')
    } finally {
      if (before === undefined) delete process.env.TZ
      else process.env.TZ = before
    }
  },
)

test('an hour is that of the clock it is asked of', () => {
  expect(english.timeIn('2026-11-03T23:30:00Z', 'Asia/Kolkata')).toBe('05:00')
})
