/** When a range of buckets is knocked at. */
import { expect, test } from 'vitest'
import { knockAt } from './days.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const DAYS = Array.from({ length: 60 }, (_, i) => Date.UTC(2026, 10, 1) + i * DAY_MS)
const RANGES = Array.from({ length: 256 }, (_, i) => i * 4)

test('each range has a time on each day, which is spread over the day and ends before it does', () => {
  for (const begin of DAYS) {
    const times = RANGES.map(it => knockAt(begin, it) - begin).sort((a, b) => a - b)
    expect(times[0]).toBeGreaterThanOrEqual(0)
    expect(times.at(-1)).toBeLessThan(23.5 * HOUR_MS)
    const gaps = times.slice(1).map((it, i) => it - (times[i] ?? 0))
    expect(Math.max(...gaps)).toBeLessThan(10 * 60_000)
  }
})

test('two knocks are 23 hours apart at least, and come to all hours of the day in turn', () => {
  for (const range of RANGES) {
    const times = DAYS.map(begin => knockAt(begin, range))
    const gaps = times.slice(1).map((it, i) => it - (times[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(23 * HOUR_MS)
    expect(new Set(times.map(it => Math.floor((it % DAY_MS) / HOUR_MS))).size).toBeGreaterThanOrEqual(23)
  }
})
