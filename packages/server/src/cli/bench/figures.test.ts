import { expect, test } from 'vitest'
import { median, percentile } from './figures.ts'

test('percentiles are values of the list', () => {
  const values = () => Float64Array.from([5, 1, 4, 2, 3])
  expect([0.2, 0.5, 0.99, 1].map(share => percentile(values(), share))).toEqual([1, 3, 5, 5])
  expect(percentile(new Float64Array(0), 0.5)).toBe(0)
})

test('a median is a value of the list, the lower of two in the middle', () => {
  expect([[], [7], [4, 1, 3, 2], [5, 1, 4, 2, 3]].map(median)).toEqual([0, 7, 2, 3])
})
