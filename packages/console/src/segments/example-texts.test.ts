import { expect, test } from 'vitest'
import { examplesOf } from './example-texts.ts'

const NONE = { tag: undefined, value: undefined, event: undefined }

test('an app without names of its own has examples all the same', () => {
  expect(examplesOf(NONE)).toEqual({
    tag: 'T("plan", EQ, "gold")',
    away: 'F("lastOpenAt", daysago, GTE, 30) * F("platform", IN, ["ios", "android"])',
    event: 'Event("Purchase", atLeast 3, withinDays 30)',
    without: 'T("plan", EQ, "gold") \\ Event("Purchase", withinDays 30)',
  })
})

test('names of the app stand in them, with their quotes told from those around', () => {
  const { tag, event } = examplesOf({ tag: 'the "tier"', value: 'a\\b', event: 'Opened' })
  expect([tag, event]).toEqual([
    'T("the \\"tier\\"", EQ, "a\\\\b")',
    'Event("Opened", atLeast 3, withinDays 30)',
  ])
})

test('a value that is left over belongs to no other tag', () => {
  expect(examplesOf({ ...NONE, value: 'silver' }).tag).toBe('T("plan", EQ, "gold")')
})
