import { describe, expect, test } from 'vitest'
import { addSample, paceOf, type Sample } from './pace.ts'

function watch(...seen: readonly (readonly [second: number, settled: number])[]): readonly Sample[] {
  return seen.reduce<readonly Sample[]>(
    (samples, [second, settled]) => addSample(samples, { atMs: second * 1_000, settled }),
    [],
  )
}

describe('the pace of a message', () => {
  test('is not known from one look', () => {
    expect(paceOf(watch([0, 100]), 1000)).toBeUndefined()
  })

  test('tells how long the rest will take', () => {
    expect(paceOf(watch([0, 0], [1, 90], [2, 200]), 1000)).toEqual({ perSecond: 100, secondsLeft: 8 })
  })

  test('forgets what is older than ten seconds', () => {
    const samples = watch([0, 0], [5, 10_000], [14, 10_009])
    expect(paceOf(samples, 20_000)?.perSecond).toBe(1)
  })

  test('of a send that stands still is zero, with no end in sight', () => {
    expect(paceOf(watch([0, 50], [3, 50]), 1000)).toEqual({ perSecond: 0, secondsLeft: undefined })
  })

  test('starts anew when the count falls', () => {
    expect(watch([0, 500], [1, 10])).toEqual([{ atMs: 1_000, settled: 10 }])
  })
})
