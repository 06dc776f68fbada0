import { expect, test } from 'vitest'
import { oneOf, parseSearch, stringifySearch, texts } from './search-params.ts'

test.each(['1e5', '007', 'true', '{"a":1}', 'a+b & ü=#?%'])('“%s” is the same text after a reload', value => {
  expect(parseSearch(stringifySearch({ search: value }))).toEqual({ search: value })
})

test('what is empty is left out of the address', () => {
  expect(stringifySearch({ search: '', state: undefined })).toBe('')
})

test('a page gets its own parameters only, and only text', () => {
  expect(texts('search', 'state')({ search: 'x', other: 'y', state: 5 })).toEqual({ search: 'x' })
})

test('a word that is none of those known is dropped', () => {
  expect(oneOf('dead', ['active', 'dead'])).toBe('dead')
  expect(oneOf('gone', ['active', 'dead'])).toBeUndefined()
})
