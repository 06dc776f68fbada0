import { expect, test } from 'vitest'
import { shortened } from './shortened.ts'

test('of a long id the beginning and the end stay', () => {
  expect(shortened('0f8fad5b-d9cb-469f-a165-70867728950e')).toBe('0f8fad5b…28950e')
})

test('an id that is short stays whole', () => {
  expect(shortened('phone-of-ann')).toBe('phone-of-ann')
  expect(shortened('x'.repeat(18))).toBe('x'.repeat(18))
})

test('a character of two halves is not cut through', () => {
  expect(shortened('🙂'.repeat(20))).toBe(`${'🙂'.repeat(8)}…${'🙂'.repeat(6)}`)
})
