import { describe, expect, test } from 'vitest'
import { sum } from '../parts/bar.ts'
import { splitTargeted } from './outcomes.ts'

const COUNTS = {
  targeted: 1000,
  accepted: 600,
  dead: 30,
  failed: 5,
  skipped: 40,
  uncertain: 2,
  delivered: 500,
  opened: 70,
}

describe('the outcomes of a message', () => {
  test('sum to the targeted devices, those without an outcome counted as waiting', () => {
    const { parts, excess } = splitTargeted(COUNTS)
    expect(sum(parts)).toBe(1000)
    expect(parts).toContainEqual({ name: 'waiting', count: 323 })
    expect(excess).toBe(0)
  })

  test('do not count receipts: a delivered message is one that was accepted', () => {
    const silent = { ...COUNTS, delivered: 0, opened: 0 }
    const without = splitTargeted(silent)
    expect(splitTargeted(COUNTS)).toEqual(without)
    expect(without.parts.map(part => part.name)).not.toContain('delivered')
  })

  test('show a server that counts more outcomes than devices', () => {
    const { parts, excess } = splitTargeted({ ...COUNTS, accepted: 1000 })
    expect(excess).toBe(77)
    expect(parts).toContainEqual({ name: 'waiting', count: 0 })
  })
})
