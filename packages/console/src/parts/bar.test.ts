import { describe, expect, test } from 'vitest'
import { layOutBar } from './bar.ts'

function widthOf(segments: readonly { readonly percent: number }[]): number {
  return segments.reduce((width, segment) => width + segment.percent, 0)
}

describe('a stacked bar', () => {
  test('is divided in proportion when every part can be seen', () => {
    const segments = layOutBar([
      { name: 'a', count: 60 },
      { name: 'b', count: 40 },
    ])
    expect(segments.map(segment => segment.percent)).toEqual([60, 40])
  })

  test('shows three among a million without growing longer', () => {
    const parts = [
      { name: 'a', count: 900_000 },
      { name: 'b', count: 100_000 },
      { name: 'c', count: 3 },
    ]
    const segments = layOutBar(parts, 1)
    expect(segments[2]?.percent).toBe(1)
    expect(widthOf(segments)).toBeCloseTo(100, 9)
    expect((segments[0]?.percent ?? 0) / (segments[1]?.percent ?? 1)).toBeCloseTo(9, 9)
  })

  test('keeps the order of its parts and leaves out those that are zero', () => {
    const segments = layOutBar([
      { name: 'a', count: 0 },
      { name: 'b', count: 1 },
      { name: 'c', count: 0 },
      { name: 'd', count: 1_000_000 },
    ])
    expect(segments.map(segment => segment.name)).toEqual(['b', 'd'])
  })

  test('is empty when there is nothing to show', () => {
    expect(layOutBar([{ name: 'a', count: 0 }])).toEqual([])
  })
})
