import { type AppRules, appRulesChangeSchema } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import {
  badCategories,
  changeFrom,
  changeOf,
  draftOf,
  faultsIn,
  offsets,
  type RulesDraft,
  writeOffset,
} from './rules-draft.ts'

const NONE: AppRules = { quietHours: null, cap: null, categories: [] }
const ALL: AppRules = {
  quietHours: { from: '21:30', to: '07:00', action: 'drop', otherwiseTimezoneSeconds: 20_700 },
  cap: { messages: 5, days: 7 },
  categories: ['news', 'offers'],
}

test('rules come back from the form as they went in', () => {
  expect(changeOf(draftOf(ALL))).toEqual(ALL)
  expect(changeOf(draftOf(NONE))).toEqual(NONE)
})

test('only what was changed is sent', () => {
  const before = draftOf(ALL)
  expect(changeFrom(before, { ...before, days: 2 })).toEqual({ cap: { messages: 5, days: 2 } })
  expect(changeFrom(before, { ...before, isQuiet: false })).toEqual({ quietHours: null })
  expect(changeFrom(before, before)).toEqual({})
})

describe('what the form finds wrong', () => {
  const cases: readonly (readonly [string, Partial<RulesDraft>, keyof RulesDraft])[] = [
    ['a time that is none', { from: '25:00' }, 'from'],
    ['an empty time', { to: '' }, 'to'],
    ['the same time twice', { from: '07:00' }, 'to'],
    ['a cap of nothing', { messages: '' }, 'messages'],
    ['half a message', { messages: 1.5 }, 'messages'],
    ['a cap of too long', { days: 31 }, 'days'],
    ['a category with a space', { categories: ['daily news'] }, 'categories'],
    ['too many categories', { categories: Array.from({ length: 101 }, (_, at) => `c${at}`) }, 'categories'],
  ]

  test.each(cases)('%s', (_, given, field) => {
    const draft = { ...draftOf(ALL), ...given }
    expect(Object.keys(faultsIn(draft))).toEqual([field])
    expect(appRulesChangeSchema.safeParse(changeOf(draft)).success, 'the server refuses it, too').toBe(false)
  })

  test('nothing in rules that the server takes', () => {
    expect(faultsIn(draftOf(ALL))).toEqual({})
    expect(appRulesChangeSchema.safeParse(changeOf(draftOf(ALL))).success).toBe(true)
  })

  test('nothing in a rule that is off', () => {
    expect(faultsIn({ ...draftOf(NONE), from: '', messages: '' })).toEqual({})
  })
})

test('bad categories are told by name', () => {
  expect(badCategories(['ok', 'not ok', ''])).toEqual(['not ok', ''])
})

test('offsets reach from UTC−12 to UTC+14 and hold the one that is kept', () => {
  const known = offsets(1_234)
  expect([known[0], known.at(-1)]).toEqual([-43_200, 50_400])
  expect(known).toContain(1_234)
  expect(known).toContain(20_700)
})

test.each([
  [0, 'UTC+00:00'],
  [20_700, 'UTC+05:45'],
  [-12_600, 'UTC−03:30'],
])('%d seconds are %s', (seconds, words) => {
  expect(writeOffset(seconds)).toBe(words)
})
