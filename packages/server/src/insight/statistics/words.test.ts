/** Histograms of latency: what is added up tells the same as what was counted together. */
import { expect, test } from 'vitest'
import { latencyOf } from './words.ts'

/** As the SQL of latencyPlace has it. */
const placeOf = (ms: number) => Math.floor((4 * Math.log(Math.max(1, ms))) / Math.log(2))
const counted = (times: readonly number[]) => {
  const counts = new Map<number, number>()
  for (const ms of times) counts.set(placeOf(ms), (counts.get(placeOf(ms)) ?? 0) + 1)
  return counts
}

test('a percentile is right to a fifth, and never too small', () => {
  const times = Array.from({ length: 1000 }, (_, i) => (i + 1) * 7)
  const { count, p50Ms, p90Ms, p99Ms } = latencyOf(counted(times))
  expect(count).toBe(1000)
  for (const [found, true_] of [
    [p50Ms, 3500],
    [p90Ms, 6300],
    [p99Ms, 6930],
  ] as const) {
    expect(found).toBeGreaterThanOrEqual(true_)
    expect(found).toBeLessThanOrEqual(true_ * 1.2)
  }
})

test('places lie side by side, so histograms can be added', () => {
  const { histogram } = latencyOf(new Map([...Array(40).keys()].map(place => [place, 1])))
  for (const [i, place] of histogram.entries())
    expect(place.fromMs).toBe(i === 0 ? 0 : histogram[i - 1]?.toMs)
})

test('of nothing there is no percentile', () => {
  expect(latencyOf(new Map())).toEqual({ count: 0, p50Ms: null, p90Ms: null, p99Ms: null, histogram: [] })
})
