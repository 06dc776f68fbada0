import { expect, test } from 'vitest'
import { estimateOf } from './size.ts'

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

test('95 of 100 estimates from a few buckets are off by less than they say', () => {
  const random = seeded(7)
  const population = Array.from({ length: 1024 }, () => 0)
  for (let i = 0; i < 200_000; i++) {
    const bucket = Math.floor(random() * 1024)
    population[bucket] = (population[bucket] ?? 0) + 1
  }
  let right = 0
  for (let round = 0; round < 1000; round++) {
    const chosen = new Set<number>()
    while (chosen.size < 12) chosen.add(Math.floor(random() * 1024))
    const { estimate, errorPercent } = estimateOf([...chosen].map(it => population[it] ?? 0))
    if (Math.abs(estimate - 200_000) <= (estimate * errorPercent) / 100) right++
  }
  expect(right).toBeGreaterThan(925)
  expect(right).toBeLessThan(975)
})

test('an estimate of nobody says that it knows nothing of its error', () => {
  expect(estimateOf([0, 0, 0, 0])).toEqual({ estimate: 0, errorPercent: 100 })
})
