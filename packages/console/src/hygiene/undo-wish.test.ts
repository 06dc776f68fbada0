import { expect, test } from 'vitest'
import { wishOf } from './undo-wish.ts'

const NOW = Date.parse('2026-11-30T12:00:00Z')
const DAY_MS = 24 * 60 * 60_000

test('a month leaves an hour to read the count in: the server refuses what is older than 30 days when it is asked', () => {
  const { from = '', to } = wishOf({ reasons: [], messageId: ' ', range: 'month' }, NOW)
  expect(NOW - Date.parse(from)).toBe(30 * DAY_MS - 60 * 60_000)
  expect(to).toBe(new Date(NOW).toISOString())
})

test('days of one’s own that reach further begin where the server’s do', () => {
  const { from = '' } = wishOf({ reasons: [], messageId: '', range: '2026-01-01..2026-11-20' }, NOW)
  expect(NOW - Date.parse(from)).toBeLessThan(30 * DAY_MS)
})

test('what is not narrowed is not named', () => {
  expect(wishOf({ reasons: ['inactive'], messageId: ' 0199 ', range: 'week' }, NOW)).toEqual({
    from: '2026-11-23T12:00:00.000Z',
    to: '2026-11-30T12:00:00.000Z',
    reasons: ['inactive'],
    messageId: '0199',
  })
  expect(Object.keys(wishOf({ reasons: [], messageId: '', range: 'week' }, NOW))).toEqual(['from', 'to'])
})
