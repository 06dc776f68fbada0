import { type Comparison, DEVICE_FIELDS, OPERATORS } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import {
  choiceOf,
  FIELDS,
  isComplete,
  lacksOf,
  newLeaf,
  operatorsFor,
  readValue,
  SUBJECTS,
  subjectOf,
  typeOf,
  withName,
  withOperator,
} from './kinds.ts'
import { newGroup, newRule } from './tree.ts'

const TAGS = new Map([
  ['age', 'integer'],
  ['since', 'date'],
  ['likes', 'list'],
] as const)

test('every field of the protocol is offered', () => {
  expect([...FIELDS].sort()).toEqual([...DEVICE_FIELDS].sort())
})

test('every subject has a rule to begin with, and it is known again', () => {
  for (const subject of SUBJECTS) expect(subjectOf(newLeaf(subject))).toBe(subject)
})

describe('the type of a value', () => {
  test.each([
    [{ tag: 'age', op: 'eq' }, 'number'],
    [{ tag: 'likes', op: 'eq' }, 'list'],
    [{ tag: 'new', op: 'eq', value: 'x' }, 'text'],
    [{ tag: 'new', op: 'in', value: [7] }, 'number'],
    [{ tag: 'new', op: 'gte', value: { daysAgo: 3 } }, 'date'],
    [{ tag: 'new', op: 'eq', value: false }, 'boolean'],
    [{ field: 'appVersion', op: 'gte' }, 'version'],
  ] as const)('of %o is %s', (comparison, type) => {
    expect(typeOf(comparison, TAGS)).toBe(type)
  })
})

test('an operator that is there already is offered, whatever the type', () => {
  expect(operatorsFor('text', 'gte')).toContain('gte')
  expect(operatorsFor('text', 'eq')).not.toContain('gte')
  for (const type of ['text', 'number', 'date', 'choice'] as const)
    for (const op of OPERATORS) expect(operatorsFor(type, op)).toContain(op)
})

describe('another operator', () => {
  const of = (op: Comparison['op'], value: Comparison['value']): Comparison => ({ tag: 't', op, value })

  test('keeps what fits of the value', () => {
    expect(withOperator(of('eq', 'a'), 'in')).toEqual(of('in', ['a']))
    expect(withOperator(of('in', ['a', 'b']), 'ne')).toEqual(of('ne', 'a'))
    expect(withOperator(of('gte', 5), 'between')).toEqual(of('between', [5, 5]))
    expect(withOperator(of('eq', 'a'), 'set')).toEqual({ tag: 't', op: 'set' })
    expect(withOperator({ tag: 't', op: 'set' }, 'eq')).toEqual({ tag: 't', op: 'eq' })
  })
})

describe('another name', () => {
  test('keeps the value where the type stays', () => {
    expect(withName({ tag: 'a', op: 'eq', value: 'x' }, { tag: 'b' }, TAGS)).toEqual({
      tag: 'b',
      op: 'eq',
      value: 'x',
    })
  })

  test('drops a value of another type, and an operator that makes no sense of it', () => {
    expect(withName({ tag: 'a', op: 'in', value: ['x'] }, { field: 'lastOpenAt' }, TAGS)).toEqual({
      field: 'lastOpenAt',
      op: 'gte',
      value: { daysAgo: 7 },
    })
    expect(withName({ field: 'platform', op: 'in', value: ['ios'] }, { field: 'push' }, TAGS)).toEqual({
      field: 'push',
      op: 'in',
      value: [],
    })
    expect(withName({ field: 'country', op: 'eq', value: 'DE' }, { field: 'isVisitor' }, TAGS)).toEqual({
      field: 'isVisitor',
      op: 'eq',
      value: true,
    })
  })
})

test('a number is read with a point or a comma, and what is none is no value', () => {
  expect(readValue(' 1.5 ', 'number')).toBe(1.5)
  expect(readValue('1,5', 'number')).toBe(1.5)
  expect(readValue('abc', 'number')).toBeUndefined()
  expect(readValue('', 'number')).toBeUndefined()
  expect(readValue('2.10', 'version')).toBe('2.10')
})

test('what is still to be put in is said of each rule, and of a group that is empty', () => {
  const rules = [
    newRule({ tag: '', op: 'eq' }),
    newRule({ tag: 'a', op: 'eq' }),
    newRule({ tag: 'a', op: 'in', value: [] }),
    newRule({ tag: 'a', op: 'between', value: [2, 1] }),
    newRule({ field: 'lastOpenAt', op: 'between', value: [{ daysAgo: 1 }, { daysAgo: 5 }] }),
    newRule({ event: ' ' }),
    newRule({ segment: '' }),
    newRule({ tag: 'a', op: 'set' }),
    newRule({ tag: 'a', op: 'eq', value: false }),
  ]
  const empty = newGroup()
  const root = newGroup('and', [...rules, empty])
  const lacks = lacksOf(root)
  expect([...rules, empty].map(({ id }) => lacks.get(id))).toEqual([
    'name',
    'value',
    'values',
    'order',
    'order',
    'event',
    'segment',
    undefined,
    undefined,
    'group',
  ])
  expect(isComplete(root)).toBe(false)
  expect(isComplete(newGroup('and', rules.slice(-2)))).toBe(true)
})

test('a choice is found by its name and by its value, in whatever case', () => {
  const choices = [
    { value: 'ios', label: 'iOS' },
    { value: 'web', label: 'Браузер' },
  ]
  expect(['iOS', 'ios', ' IOS ', 'браузер', 'web', 'i'].map(it => choiceOf(choices, it))).toEqual([
    'ios',
    'ios',
    'ios',
    'web',
    'web',
    undefined,
  ])
})
