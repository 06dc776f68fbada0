import { expect, test } from 'vitest'
import { boundsOf } from './bounds.ts'

test('an estimate lies between its bounds, which are rounded outwards', () => {
  expect(boundsOf({ estimate: 1_001, errorPercent: 10 })).toEqual({ low: 900, high: 1_102 })
  expect(boundsOf({ estimate: 5, errorPercent: 250 })).toEqual({ low: 0, high: 18 })
  expect(boundsOf({ estimate: 77, errorPercent: 0 })).toEqual({ low: 77, high: 77 })
})
