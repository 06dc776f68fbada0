import type { Condition } from '@roost/protocol'
import { conditionSchema } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import {
  add,
  DEPTH_MAX,
  fromCondition,
  type Group,
  groupsOf,
  idAt,
  isGroup,
  move,
  newGroup,
  newRule,
  type Part,
  remove,
  rulesOf,
  setGroup,
  setRule,
  toCondition,
  wrap,
} from './tree.ts'

const ID = '0199c0de-0000-7000-8000-000000000001'

/** Every form of docs/segments.md. */
const CONDITIONS: readonly Condition[] = [
  { tag: 'tier', op: 'eq', value: 'gold' },
  { tag: 'tier', op: 'ne', value: 'gold' },
  { tag: 'tier', op: 'in', value: ['gold', 'silver'] },
  { tag: 'tier', op: 'nin', value: ['gold'] },
  { tag: 'age', op: 'gte', value: 18 },
  { tag: 'age', op: 'lte', value: 30.5 },
  { tag: 'age', op: 'between', value: [18, 30] },
  { tag: 'tier', op: 'set' },
  { tag: 'tier', op: 'unset' },
  { tag: 'vip', op: 'eq', value: true },
  { field: 'appVersion', op: 'gte', value: '2.10' },
  { field: 'platform', op: 'in', value: ['ios', 'android'] },
  { field: 'lastOpenAt', op: 'lte', value: { daysAgo: 90 } },
  { field: 'firstSeenAt', op: 'between', value: [{ daysAgo: 30 }, { daysAgo: 7 }] },
  { field: 'firstSeenAt', op: 'gte', value: '2026-11-01T00:00:00Z' },
  { event: 'Purchase' },
  { event: 'Purchase', atLeast: 3 },
  { event: 'Purchase', atLeast: 3, withinDays: 30 },
  { message: ID, was: 'accepted' },
  { message: 'any', was: 'received', withinDays: 14 },
  { message: 'any', was: 'opened' },
  { list: ID },
  { segment: ID },
  { not: { event: 'b' } },
  { and: [{ event: 'a' }, { not: { event: 'b' } }] },
  { not: { or: [{ event: 'a' }, { segment: ID }] } },
  {
    or: [
      { and: [{ event: 'a' }, { not: { and: [{ tag: 'x', op: 'set' }, { list: ID }] } }] },
      { tag: 'age', op: 'in', value: [1, 2] },
    ],
  },
]

describe('a condition', () => {
  test.each(CONDITIONS.map(each => [JSON.stringify(each), each] as const))(
    '%s comes back from the form as it was',
    (_, condition) => {
      expect(conditionSchema.parse(condition)).toEqual(condition)
      expect(toCondition(fromCondition(condition))).toEqual(condition)
    },
  )

  test('that is a not of a not, or a group of one at the top, comes back in the shorter way that means the same', () => {
    expect(toCondition(fromCondition({ not: { not: { event: 'a' } } }))).toEqual({ event: 'a' })
    expect(toCondition(fromCondition({ and: [{ event: 'a' }] }))).toEqual({ event: 'a' })
    expect(toCondition(fromCondition({ not: { and: [{ event: 'a' }] } }))).toEqual({
      not: { and: [{ event: 'a' }] },
    })
  })

  test('is none while a group is empty', () => {
    expect(toCondition(newGroup())).toBeUndefined()
    expect(toCondition(newGroup('or', [newRule({ event: 'a' }), newGroup()]))).toBeUndefined()
  })
})

function outline(part: Part): unknown {
  if (!isGroup(part)) return 'event' in part.leaf ? part.leaf.event : part.leaf
  return part.parts.map(outline)
}

function ruleOf(root: Group, event: string): string {
  return rulesOf(root).find(({ leaf }) => 'event' in leaf && leaf.event === event)?.id ?? ''
}

/** a, (b, c), d */
const tree = (): Group =>
  fromCondition({ and: [{ event: 'a' }, { or: [{ event: 'b' }, { event: 'c' }] }, { event: 'd' }] })

describe('a rule', () => {
  test('goes down into a group, through it, and out of it again', () => {
    let root = tree()
    const seen: unknown[] = []
    for (;;) {
      const next = move(root, ruleOf(root, 'a'), 1)
      if (!next) break
      root = next
      seen.push(outline(root))
    }
    expect(seen).toEqual([
      [['a', 'b', 'c'], 'd'],
      [['b', 'a', 'c'], 'd'],
      [['b', 'c', 'a'], 'd'],
      [['b', 'c'], 'a', 'd'],
      [['b', 'c'], 'd', 'a'],
    ])
  })

  test('goes up the same way', () => {
    let root = tree()
    for (let step = 0; step < 4; step++) root = move(root, ruleOf(root, 'd'), -1) ?? root
    expect(outline(root)).toEqual(['a', 'd', ['b', 'c']])
    expect(move(tree(), ruleOf(tree(), 'a'), -1)).toBeUndefined()
  })

  test('does not go deeper than conditions may nest', () => {
    const rule = newRule({ event: 'rule' })
    const pair = newGroup('or', [newRule({ event: 'pair' })])
    const innermost = newGroup('and', [newRule({ event: 'innermost' })])
    let root = newGroup('and', [rule, innermost])
    let withPair = newGroup('and', [pair, innermost])
    for (let depth = 2; depth < DEPTH_MAX; depth++) {
      root = newGroup('and', [root])
      withPair = newGroup('and', [withPair])
    }
    expect(groupsOf(root)).toHaveLength(DEPTH_MAX)
    expect(move(root, rule.id, 1)).toBeDefined()
    expect(move(withPair, pair.id, 1)).toBeUndefined()
  })

  test('is changed, wrapped, added and removed, and the others stay as they are', () => {
    const root = tree()
    const b = ruleOf(root, 'b')
    expect(outline(setRule(root, b, { leaf: { event: 'x' } }))).toEqual(['a', ['x', 'c'], 'd'])
    expect(outline(wrap(root, b))).toEqual(['a', [['b'], 'c'], 'd'])
    expect(outline(remove(root, b))).toEqual(['a', ['c'], 'd'])
    const group = groupsOf(root)[1]?.id ?? ''
    expect(outline(add(root, group, newRule({ event: 'n' })))).toEqual(['a', ['b', 'c', 'n'], 'd'])
    expect(toCondition(setGroup(root, group, { isNot: true, join: 'and' }))).toEqual({
      and: [{ event: 'a' }, { not: { and: [{ event: 'b' }, { event: 'c' }] } }, { event: 'd' }],
    })
    expect(setRule(root, b, { isNot: true }).parts[0]).toBe(root.parts[0])
  })
})

describe('the place of a fault', () => {
  const root = fromCondition({ and: [{ event: 'a' }, { not: { or: [{ event: 'b' }, { event: 'c' }] } }] })

  test.each([
    ['and[0]', 'a'],
    ['and[1].not.or[1]', 'c'],
    ['and/1/not/or/0/withinDays', 'b'],
  ])('%s is the rule %s', (place, event) => {
    expect(idAt(root, place)).toBe(ruleOf(root, event))
  })

  test('that is a group is the group, and an empty one is all', () => {
    expect(idAt(root, 'and[1].not')).toBe(groupsOf(root)[1]?.id)
    expect(idAt(root, '')).toBe(root.id)
  })

  test('is found where the top group was left out, since it has one part alone', () => {
    const single = fromCondition({ and: [{ or: [{ event: 'a' }, { event: 'b' }] }] })
    expect(idAt(single, 'or[1]')).toBe(ruleOf(single, 'b'))
  })
})
