import { expect, test } from 'vitest'
import { ApiProblem } from './client.ts'
import { faultsOf } from './faults.ts'

const problem = (code: string, detail: string): ApiProblem =>
  new ApiProblem({ status: 400, code, detail, remedy: '', requestId: undefined })

test('each field that the server names gets its own words, with what was given', () => {
  const detail = 'body/name: at most 64 characters; it has 70; body/to/users/0: it is missing'
  expect(faultsOf(problem('input_invalid', detail))).toEqual({
    name: 'at most 64 characters; it has 70',
    'to.users.0': 'it is missing',
  })
})

test('a fault of the body as a whole belongs to no field', () => {
  expect(faultsOf(problem('input_invalid', 'body: unknown field "a"; known are b, c'))).toEqual({})
})

test('a code that is about one field is put there', () => {
  expect(faultsOf(problem('password_weak', 'too common'), { password_weak: 'password' })).toEqual({
    password: 'too common',
  })
})

test('other refusals and other errors name no field', () => {
  expect(faultsOf(problem('not_allowed', 'body/name: x'))).toEqual({})
  expect(faultsOf(new Error('body/name: x'))).toEqual({})
})
