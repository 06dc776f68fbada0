import { describe, expect, test } from 'vitest'
import { barsOf } from './latency.ts'

const places = (...counts: readonly number[]) =>
  counts.map((count, at) => ({ fromMs: at * 10, toMs: (at + 1) * 10, count }))

describe('the bars of a histogram', () => {
  test('leave out what is empty before the first and after the last delivery, and nothing between', () => {
    expect(barsOf(places(0, 2, 0, 4, 0), 10)).toEqual([
      { fromMs: 10, toMs: 20, count: 2, percent: 50 },
      { fromMs: 20, toMs: 30, count: 0, percent: 0 },
      { fromMs: 30, toMs: 40, count: 4, percent: 100 },
    ])
  })

  test('are no more than fit, and lose no delivery', () => {
    const bars = barsOf(places(1, 2, 3, 4, 5, 6, 7), 3)
    expect(bars.map(({ fromMs, toMs, count }) => [fromMs, toMs, count])).toEqual([
      [0, 30, 6],
      [30, 60, 15],
      [60, 70, 7],
    ])
  })

  test('of nothing are none', () => {
    expect(barsOf(places(0, 0), 3)).toEqual([])
    expect(barsOf([], 3)).toEqual([])
  })
})
