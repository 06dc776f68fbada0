import { expect, test } from 'vitest'
import { readValue, typeOf, writeValue } from './tag-value.ts'

test.each([
  ['string', ' gold ', 'gold'],
  ['integer', '-42', -42],
  ['decimal', '9.5', 9.5],
  ['boolean', 'false', false],
  ['date', '2026-11-22', '2026-11-22'],
  ['version', '2.10.1', '2.10.1'],
  ['list', 'tea\n\n jazz ', ['tea', 'jazz']],
] as const)('a value of type %s is read as it was written', (type, text, value) => {
  expect(readValue(type, text)).toEqual({ value })
})

test.each([
  ['string', '  ', 'empty'],
  ['integer', '4.5', 'whole'],
  ['integer', '1e3', 'whole'],
  ['decimal', 'ten', 'number'],
  ['boolean', 'yes', 'boolean'],
  ['date', 'tomorrow', 'date'],
  ['list', '\n\n', 'empty'],
] as const)('of type %s, %j is told to be wrong beside its field', (type, text, fault) => {
  expect(readValue(type, text)).toEqual({ fault })
})

test.each([['gold'], [42], [9.5], [true], [['a', 'b']]])('%j is offered for change as what it is', value => {
  expect(readValue(typeOf(value), writeValue(value))).toEqual({ value })
})
