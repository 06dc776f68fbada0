import { expect, test } from 'vitest'
import { columnsOf, padColumns, wrap } from './wrap.ts'

test('letters of East Asia take two columns, marks none', () => {
  expect(columnsOf('abc')).toBe(3)
  expect(columnsOf('目标，')).toBe(6)
  expect(columnsOf('テスト')).toBe(6)
  expect(columnsOf('हिंदी')).toBe(4) // the mark of the nasal takes none
  expect(padColumns('目标', 6)).toBe('目标  ')
  expect(padColumns('abc', 2)).toBe('abc')
})

test('a text is broken at its blanks, and one without any where a line is full', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
  expect(wrap('https://example.com/long', 7)).toEqual(['https://example.com/long'])
  expect(wrap('→ 消息已取消。', 6)).toEqual(['→', '消息已', '取消。'])
  expect(wrap('a\x1bb', 9)).toEqual([String.raw`a\u001bb`])
})
