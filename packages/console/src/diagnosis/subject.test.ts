import { expect, test } from 'vitest'
import { messageIn, searchOf, subjectOf } from './subject.ts'

test('whom it is of comes from the address bar and goes there', () => {
  for (const search of [{ device: 'a/b' }, { user: 'ann' }])
    expect(searchOf(subjectOf(search) ?? { kind: 'token', name: '' })).toEqual(search)
  expect(subjectOf({})).toBeUndefined()
})

test('a token never gets into the address bar', () => {
  expect(searchOf({ kind: 'token', name: 'secret' })).toEqual({})
})

test('a message is named by its id or by the address of its page', () => {
  const id = '0192f0c0-0000-7000-8000-000000000001'
  expect(messageIn(` ${id.toUpperCase()} `)).toBe(id)
  expect(messageIn(`http://x/#/apps/AAAAA-AAAAA/messages/${id}?view=times`)).toBe(id)
  expect(messageIn('the one of yesterday')).toBeUndefined()
})
