import { expect, test } from 'vitest'
import { isBehind, type Standing, shownOf, spanOf } from './span.ts'

const SENT = '2026-11-10T23:30:00Z'
const after = (days: number) => Date.parse(SENT) + days * 86_400_000

test('the numbers of a new message are asked by the hour, with a day more for other time zones', () => {
  expect(spanOf(SENT, after(0))).toEqual({ from: '2026-11-09', to: '2026-11-11', by: 'hour' })
})

test('those of an older one by the day, and of its first thirty days alone', () => {
  expect(spanOf(SENT, after(10))).toEqual({ from: '2026-11-09', to: '2026-11-21', by: 'day' })
  expect(spanOf(SENT, after(300))).toEqual({ from: '2026-11-09', to: '2026-12-11', by: 'day' })
})

test('of one that is to come the days are around now', () => {
  expect(spanOf(SENT, after(-5))).toEqual({ from: '2026-11-04', to: '2026-11-06', by: 'hour' })
})

test('a chart begins where something was counted and ends now, with the empty steps between', () => {
  const row = (hour: number, accepted = 0, opened = 0) => ({
    at: new Date(Date.parse(SENT) + hour * 3_600_000).toISOString(),
    ...{ accepted, delivered: 0, opened },
  })
  const rows = [row(-1), row(0, 5), row(1), row(2, 0, 1), row(3), row(4)]
  expect(shownOf(rows, Date.parse(SENT) + 3 * 3_600_000)).toEqual(rows.slice(1, 5))
  expect(shownOf([row(0), row(1)], after(1))).toEqual([])
})

const row = (accepted: number, opened = 0) => ({ at: '2027-03-01T09:00Z', accepted, delivered: 0, opened })
const standing = (given: Partial<Standing>): Standing => ({
  counts: { accepted: 10, delivered: 0, opened: 0 },
  sendAt: '2027-03-01T09:00:00Z',
  finishedAt: '2027-03-01T09:01:00Z',
  rows: [row(10)],
  asOf: '2027-03-01T09:01:30Z',
  nowMs: Date.parse('2027-03-01T09:02:00Z'),
  ...given,
})

test('statistics that have not counted all of a message yet are behind it', () => {
  expect(isBehind(standing({}))).toBe(false)
  expect(isBehind(standing({ rows: [] }))).toBe(true)
  expect(isBehind(standing({ rows: [row(4), row(5)] }))).toBe(true)
  expect(isBehind(standing({ rows: [row(4)], finishedAt: null, asOf: '2027-03-01T12:00:00Z' }))).toBe(true)
})

test('what they lack long after its end does not come any more', () => {
  expect(isBehind(standing({ rows: [row(4)], asOf: '2027-03-01T09:03:01Z' }))).toBe(false)
})

test('opens that they lack are told as long as a message is fresh', () => {
  const counts = { accepted: 10, delivered: 0, opened: 3 }
  expect(isBehind(standing({ counts, rows: [row(10, 2)] }))).toBe(true)
  const nowMs = Date.parse('2027-03-01T10:00:00Z')
  expect(isBehind(standing({ counts, rows: [row(10, 2)], nowMs }))).toBe(false)
})
