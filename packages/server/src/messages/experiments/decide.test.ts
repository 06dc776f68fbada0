import { describe, expect, test } from 'vitest'
import { judgeVariants } from './decide.ts'

const of = (name: string, accepted: number, reached: number) => ({ name, accepted, reached })

describe('a verdict', () => {
  test('is clear when the difference is more than chance', () => {
    const { finding, probability, variants } = judgeVariants([of('A', 1000, 100), of('B', 1000, 150)])
    expect(finding).toBe('clear')
    // z = 3.3806 (pooled rate 0.125), two-sided
    expect(probability).toBeCloseTo(0.000723, 5)
    expect(variants.map(it => it.name)).toEqual(['B', 'A'])
    expect(variants[0]?.rate).toBe(0.15)
  })

  test('says that a difference is within chance, with the probability', () => {
    const { finding, probability } = judgeVariants([of('A', 1000, 100), of('B', 1000, 115)])
    expect(finding).toBe('within_chance')
    // z = 1.0829 (pooled rate 0.1075)
    expect(probability).toBeCloseTo(0.27887, 4)
  })

  test('asks for more with more variants, since any of them could have come out ahead', () => {
    const two = judgeVariants([of('A', 1000, 100), of('B', 1000, 130)])
    const four = judgeVariants([of('A', 1000, 100), of('B', 1000, 130), of('C', 1000, 90), of('D', 1000, 80)])
    expect([two.finding, four.finding]).toEqual(['clear', 'within_chance'])
    expect(four.probability).toBeCloseTo(6 * (two.probability as number), 10)
  })

  test.each([
    ['nobody got any', [of('A', 0, 0), of('B', 0, 0)]],
    ['nobody opened any', [of('A', 1000, 0), of('B', 1000, 0)]],
    ['all opened all', [of('A', 1000, 1000), of('B', 1000, 1000)]],
    ['a handful opened some', [of('A', 20, 3), of('B', 20, 1)]],
  ])('is that the numbers are too small when %s', (_, numbers) => {
    expect(judgeVariants(numbers)).toMatchObject({ finding: 'too_small', probability: null })
  })

  test('of a tie is within chance, and the first one named stands first', () => {
    const { finding, probability, variants } = judgeVariants([of('A', 1000, 100), of('B', 1000, 100)])
    expect([finding, variants[0]?.name]).toEqual(['within_chance', 'A'])
    expect(probability).toBeCloseTo(1, 6)
  })
})
