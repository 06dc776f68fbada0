import { expect, test } from 'vitest'
import { ApiProblem } from '../api/client.ts'
import { conditionFaultOf } from './faults.ts'

function problem(code: string, detail: string): ApiProblem {
  return new ApiProblem({ status: 400, code, detail, remedy: '', requestId: undefined })
}

test.each([
  [
    'condition.and[1].not: field "language" holds text, not 7',
    '.and[1].not',
    'field "language" holds text, not 7',
  ],
  ['condition: nested deeper than 12', '', 'nested deeper than 12'],
  ['body/condition/and/1/value: it is missing', '/and/1/value', 'it is missing'],
])('the place of “%s” is known', (detail, place, words) => {
  expect(conditionFaultOf(problem('condition_invalid', detail), undefined)).toEqual({
    place,
    words,
    character: undefined,
  })
})

test('the character of an expression is known, and all its words are kept', () => {
  const detail = 'expression, character 8: expected an operator, found "like"'
  expect(conditionFaultOf(problem('condition_invalid', detail), undefined)).toEqual({
    place: '',
    words: detail,
    character: 8,
  })
})

test('a server that does not answer is no fault of the condition', () => {
  expect(conditionFaultOf(problem('server_unreachable', 'no answer'), undefined)).toBeUndefined()
  expect(conditionFaultOf(new Error('x'), undefined)).toBeUndefined()
})
