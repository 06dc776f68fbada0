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

test.each([
  [50, 64],
  [300, 8],
  [300, 16],
  [1000, 8],
  [3000, 16],
])('also of few: %i among all buckets, of which %i are counted', (all, chosenCount) => {
  const random = seeded(11)
  let [right, met] = [0, 0]
  for (let round = 0; round < 2000; round++) {
    const population = Array.from({ length: 1024 }, () => 0)
    for (let i = 0; i < all; i++) {
      const bucket = Math.floor(random() * 1024)
      population[bucket] = (population[bucket] ?? 0) + 1
    }
    const { estimate, errorPercent } = estimateOf(population.slice(0, chosenCount))
    if (estimate === 0) continue
    met++
    if (Math.abs(estimate - all) <= (estimate * errorPercent) / 100) right++
  }
  expect(right / met).toBeGreaterThan(0.935)
})

test.each([1, 2, 4])('also of %i buckets of a large base', chosenCount => {
  const random = seeded(13)
  const population = Array.from({ length: 1024 }, () => 0)
  for (let i = 0; i < 400_000; i++) {
    const bucket = Math.floor(random() * 1024)
    population[bucket] = (population[bucket] ?? 0) + 1
  }
  let right = 0
  for (let first = 0; first + chosenCount <= 1024; first++) {
    const { estimate, errorPercent } = estimateOf(population.slice(first, first + chosenCount))
    if (Math.abs(estimate - 400_000) <= (estimate * errorPercent) / 100) right++
  }
  expect(right / (1025 - chosenCount)).toBeGreaterThan(0.935)
  expect(right / (1025 - chosenCount)).toBeLessThan(0.985)
})

test('an estimate of nobody says that it knows nothing of its error', () => {
  expect(estimateOf([0, 0, 0, 0])).toEqual({ estimate: 0, errorPercent: 100 })
})
