import { expect, test } from 'vitest'
import { chooseLocale, tagFor } from './locale.ts'

test('the first of the browser’s languages that there is is taken, whatever its region', () => {
  expect(chooseLocale(null, ['de-AT', 'pt-PT', 'en'])).toBe('pt')
  expect(chooseLocale(null, ['zh-Hant-TW'])).toBe('zh')
})

test('a language that was chosen before wins over the browser’s', () => {
  expect(chooseLocale('ja', ['ru-RU'])).toBe('ja')
})

test('who reads none of the six, or kept one that is gone, gets English', () => {
  expect(chooseLocale('xx', ['de', 'fi'])).toBe('en')
})

test('numbers and dates follow the reader’s own region of the language', () => {
  expect(tagFor('en', ['de-DE', 'en-US'])).toBe('en-US')
  expect(tagFor('en', ['de-DE', 'en'])).toBe('en-GB')
  expect(tagFor('pt', ['pt-'])).toBe('pt-BR')
})
