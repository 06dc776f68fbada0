import { FIELD_FAULTS } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import { LOCALES } from '../i18n/locale.ts'
import { createTranslate } from '../i18n/translate.ts'
import { texts as english } from '../texts/en/problems.ts'
import { ApiProblem, type ProblemBody } from './client.ts'
import { faultsOf, sayFault } from './faults.ts'

const t = createTranslate('en', english)

const problem = (code: string, detail: string, more: Partial<ProblemBody> = {}): ApiProblem =>
  new ApiProblem({ status: 400, code, detail, remedy: '', requestId: undefined, ...more })

const tooLong = {
  code: 'too_long',
  place: 'body/to/users/0',
  values: { limit: 64, unit: 'characters' },
  text: 'it must have at most 64 characters; it has 70 characters',
}

test('each field that a refusal names gets a sentence of its own, in the reader’s language', async () => {
  const { texts } = await import('../texts/ru/problems.ts')
  const missing = { code: 'missing', place: 'body/name', values: {}, text: 'it is missing' }
  const refusal = problem('input_invalid', 'body/name: it is missing', { faults: [missing, tooLong] })
  expect(faultsOf(refusal, createTranslate('ru', texts))).toEqual({
    name: 'Это нужно указать',
    'to.users.0': 'Не более 64 символов',
  })
})

test('where the texts can’t be had the server is quoted', () => {
  const refusal = problem('input_invalid', '', { faults: [tooLong] })
  expect(faultsOf(refusal, undefined)).toEqual({ 'to.users.0': tooLong.text })
})

test('each field that the detail alone names gets its words, with what was given', () => {
  const detail = 'body/hour: only a nightly segment has one; it is 3; body/to/users/0: no such user'
  expect(faultsOf(problem('input_invalid', detail), undefined)).toEqual({
    hour: 'only a nightly segment has one; it is 3',
    'to.users.0': 'no such user',
  })
  expect(faultsOf(problem('input_invalid', 'body/hour: only a nightly segment has one'), t)).toEqual({
    hour: 'only a nightly segment has one',
  })
})

test('a fault of the body as a whole belongs to no field', () => {
  expect(faultsOf(problem('input_invalid', 'body: unknown field "a"; known are b, c'), t)).toEqual({})
})

test('a code that is about one field is put there, by its text', () => {
  expect(faultsOf(problem('password_weak', 'too common'), t, { password_weak: 'password' })).toEqual({
    password:
      'This password is among the first to be guessed · Take four words that have nothing to do with each other.',
  })
})

test('other refusals and other errors name no field', () => {
  expect(faultsOf(problem('not_allowed', 'body/name: x'), t)).toEqual({})
  expect(faultsOf(new Error('body/name: x'), t)).toEqual({})
})

describe.each(LOCALES)('in %s', locale => {
  test.each(Object.entries(FIELD_FAULTS))('the fault %s has a sentence', async (code, names) => {
    const { texts } = (await import(`../texts/${locale}/problems.ts`)) as {
      readonly texts: Readonly<Record<string, string>>
    }
    const values = Object.fromEntries(names.map(name => [name, name === 'limit' ? 64 : 'entries']))
    const said = sayFault(
      { code, place: 'body', values, text: 'its English' },
      createTranslate(locale, texts),
    )
    expect(said).not.toMatch(code === 'other' ? /[{}]/ : /[{}]|its English/)
  })
})
