import { expect, test } from 'vitest'
import { cutText, ROOM, widthOf } from './cut.ts'

test('what fits is shown as it was written', () => {
  expect(cutText('Your parcel\nis here', { lines: 2, columns: 11 })).toEqual({
    shown: 'Your parcel\nis here',
    isCut: false,
  })
})

test('what does not fit ends with an ellipsis on the last line that there is', () => {
  expect(cutText('one two three four', { lines: 2, columns: 8 })).toEqual({
    shown: 'one two three f…',
    isCut: true,
  })
})

test('a line breaks between words, and inside of one only when it is longer than a line', () => {
  // "aaaa bbbb" would be 9 columns: the second word goes to the next line, and nothing is left over
  expect(cutText('aaaa bbbb', { lines: 2, columns: 8 }).isCut).toBe(false)
  expect(cutText('abcdefghij', { lines: 2, columns: 5 }).isCut).toBe(false)
  expect(cutText('abcdefghijk', { lines: 2, columns: 5 })).toEqual({ shown: 'abcdefghi…', isCut: true })
})

test('lines that the writer ends count, also empty ones', () => {
  expect(cutText('a\n\nb', { lines: 2, columns: 20 })).toEqual({ shown: 'a\n…', isCut: true })
})

test('where one line is shown, ends of lines are spaces', () => {
  expect(cutText('first\nsecond', { lines: 1, columns: 40 })).toEqual({ shown: 'first second', isCut: false })
})

test('letters of East Asia and emoji take two columns, and none is cut in half', () => {
  expect(widthOf('荷')).toBe(2)
  expect(widthOf('👨‍👩‍👧')).toBe(2)
  expect(widthOf('é')).toBe(1)
  expect(cutText('お荷物が届きます', { lines: 1, columns: 8 })).toEqual({ shown: 'お荷物…', isCut: true })
  expect(cutText('ok 👨‍👩‍👧👨‍👩‍👧', { lines: 1, columns: 6 })).toEqual({ shown: 'ok 👨‍👩‍👧…', isCut: true })
})

test('a text of the usual length is whole on a lock screen and cut in a collapsed shade', () => {
  const body = 'It left Porto this morning and comes tomorrow between nine and noon.'
  expect(cutText(body, ROOM.iphone.body).isCut).toBe(false)
  expect(cutText(body, ROOM.android.body).isCut).toBe(true)
})

test('nothing is nothing', () => {
  expect(cutText('', ROOM.iphone.title)).toEqual({ shown: '', isCut: false })
})
