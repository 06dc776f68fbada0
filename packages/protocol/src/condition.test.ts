import { describe, expect, test } from 'vitest'
import { conditionSchema } from './condition.ts'

const faultsOf = (given: unknown) =>
  conditionSchema.safeParse(given).error?.issues.map(it => [it.path.join('.'), it.message])

describe('a condition that is none', () => {
  test('is told with the place of its first fault, and what is allowed there', () => {
    const set = { tag: 'a', op: 'set' }
    const operators = '"eq", "ne", "in", "nin", "gte", "lte", "between", "set" or "unset"'
    expect(faultsOf({ and: [set, { or: [set, { not: { tag: 'b', op: 'like' } }] }, { x: 1 }] })).toEqual([
      ['and.1.or.1.not.op', `it must be ${operators}`],
    ])
    expect(faultsOf({ and: [set, { x: 1 }] })).toEqual([
      ['and.1', 'a condition is one of and, or, not, tag, field, event, message, segment, list'],
    ])
    expect(faultsOf({ and: [set], or: [set] })).toEqual([['', '"and" and "or" do not stand side by side']])
    expect(faultsOf({ or: [] })).toEqual([['or', 'a list of 1 to 100 conditions']])
    expect(faultsOf({ tag: 'a', op: 'eq', value: { daysAgo: 1.5 } })?.[0]?.[0]).toBe('value')
    expect(faultsOf({ not: { tag: 'a', op: 'set', value: 1 } })).toEqual([
      ['not.value', '"set" and "unset" take no value'],
    ])
  })

  test('fills no stack, however deep it is', () => {
    let deep: unknown = { tag: 'a', op: 'set' }
    for (let i = 0; i < 50_000; i++) deep = { not: deep }
    expect(faultsOf(deep)).toEqual([['', 'nested deeper than 100']])
  })

  test('costs no more than its first fault, however many there are', () => {
    const many = {
      and: Array.from({ length: 100 }, () => ({ or: Array.from({ length: 100 }, () => ({ x: 1 })) })),
    }
    expect(faultsOf(many)).toHaveLength(1)
  })
})
