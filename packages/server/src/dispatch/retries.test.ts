import type { AttemptOutcome } from '@roost/gateways'
import { describe, expect, test } from 'vitest'
import { retryDelayMs, TRIES_MAX } from './retries.ts'

const SECOND = 1000
const HOUR = 3_600_000
const place = { ageMs: 0, tookOthers: false, random: () => 0.5 }

function asking(afterMs: number | undefined): AttemptOutcome {
  return { kind: 'retry', reason: '503', scope: 'origin', afterMs }
}

/** How long all tries take together. */
function lifeOf(outcome: AttemptOutcome): number {
  let ms = 0
  for (let attempt = 1; attempt < TRIES_MAX; attempt++) ms += retryDelayMs(attempt, outcome, place)
  return ms
}

describe('the next try', () => {
  test('comes later each time, an hour at most', () => {
    const delays = [1, 2, 3, 13, 15].map(attempt => retryDelayMs(attempt, asking(undefined), place))
    expect(delays).toEqual([SECOND, 2 * SECOND, 4 * SECOND, HOUR, HOUR])
  })

  test('never comes before the gateway asked for it, of which an hour at most is believed', () => {
    expect(retryDelayMs(1, asking(90 * SECOND), place)).toBe(90 * SECOND)
    expect(retryDelayMs(1, asking(24 * HOUR), place)).toBe(HOUR)
  })

  test.each([0, 1, 10])(
    'of a gateway that says "in %s s" again and again comes for hours all the same',
    seconds => {
      expect(lifeOf(asking(seconds * SECOND))).toBeGreaterThan(4 * HOUR)
    },
  )

  test('of what never reached the gateway comes at once where others did, else after a tenth of its age', () => {
    const outcome: AttemptOutcome = { kind: 'not_sent', reason: 'connect ECONNREFUSED' }
    expect(retryDelayMs(1, outcome, { ...place, tookOthers: true, ageMs: HOUR })).toBe(75)
    expect(retryDelayMs(1, outcome, { ...place, ageMs: 100 * SECOND })).toBe(15 * SECOND)
    expect(retryDelayMs(1, outcome, { ...place, ageMs: HOUR })).toBe(90 * SECOND)
  })
})
