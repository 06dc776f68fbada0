/** Ranges of buckets: together they are the whole base, and each is worth its lease. */
import { expect, test } from 'vitest'
import { BUCKETS } from '../registry/buckets.ts'
import { rangesFor } from './plan.ts'

const SIZES = [0, 1, 3999, 4000, 4001, 8000, 8001, 100_000, 1_000_000, 5_000_000, 1_000_000_000]

test.each(SIZES)(
  'for %i addresses the ranges cover every bucket once, in order, with equal widths',
  addresses => {
    const ranges = rangesFor(addresses)
    const width = BUCKETS / ranges.length
    expect(ranges).toEqual(ranges.map((_, i) => ({ from: i * width, to: (i + 1) * width - 1 })))
    expect(ranges[0]?.from).toBe(0)
    expect(ranges.at(-1)?.to).toBe(BUCKETS - 1)
  },
)

test.each([
  [0, 1],
  [1, 1],
  [4000, 1],
  [4001, 2],
  [8000, 2],
  [8001, 4],
  [100_000, 32],
  [1_000_000, 256],
  [1_000_000_000, 256],
])('%i addresses are planned as %i ranges', (addresses, ranges) => {
  expect(rangesFor(addresses)).toHaveLength(ranges)
})
