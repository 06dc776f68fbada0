import { expect, test } from 'vitest'
import { plain } from './plain.ts'

test('what would paint the terminal or forge a line is written out', () => {
  expect(plain('\x1b[2J\x1b]0;title\x07')).toBe(String.raw`\u001b[2J\u001b]0;title\u0007`)
  expect(plain('ann\nphone: accepted\r')).toBe(String.raw`ann\nphone: accepted\r`)
  expect(plain('\x9b31m\x7f')).toBe(String.raw`\u009b31m\u007f`)
  expect(plain('abc\u202ecba\u2066\u2028')).toBe(String.raw`abc\u202ecba\u2066\u2028`)
})

test('of a value every text and every name is, and nothing else', () => {
  const given = { userId: 'a\x1b', tags: { 'b\n': ['c\t', 1, null, true] } }
  expect(plain(given)).toEqual({
    userId: String.raw`a\u001b`,
    tags: { 'b\\n': [String.raw`c\t`, 1, null, true] },
  })
})

test('what can be read stays as it is, in every writing', () => {
  for (const text of ['Zoë 👩‍👩‍👧', 'क्षि', '中文', 'ليلى', ' a  b ']) expect(plain(text)).toBe(text)
})
