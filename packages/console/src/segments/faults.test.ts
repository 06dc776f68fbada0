import { expect, test } from 'vitest'
import { ApiProblem } from '../api/client.ts'
import { createTranslate } from '../i18n/translate.ts'
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

test('what is wrong with an expression is said in the reader’s language, with its character apart', async () => {
  const { texts } = await import('../texts/pt/problems.ts')
  const text = 'expected ",", found the end'
  const fault = {
    code: 'expression_sign_expected',
    place: 'body/expression',
    values: { sign: ',', found: 'end', character: 8 },
    text,
  }
  const error = new ApiProblem({
    status: 400,
    code: 'condition_invalid',
    detail: `expression, character 8: ${text}`,
    remedy: '',
    requestId: undefined,
    faults: [fault],
  })
  expect(conditionFaultOf(error, createTranslate('pt', texts))).toEqual({
    words: 'Falta “,” aqui; há o fim',
    place: '',
    character: 8,
  })
})

test('the character of an expression that has no code is known, and all its words are kept', () => {
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
