import { expect, test } from 'vitest'
import { codeOf } from './code.ts'

test('a code is of 4, 8 and 8 hex digits: the time of the id and its end', () => {
  expect(codeOf('01a202e8-8127-730f-89bc-a849b72f1491')).toBe('01A2-02E88127-B72F1491')
})
