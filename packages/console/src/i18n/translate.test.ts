import { expect, test } from 'vitest'
import { createTranslate } from './translate.ts'

const TEXTS = {
  plain: 'Devices',
  some: '{count, plural, one {# device} other {# devices}}',
  linked: 'See <a>the guide</a> for {name}',
}

test('a plural follows the language, and its number the region', () => {
  expect(createTranslate('en-GB', TEXTS)('some', { count: 1 })).toBe('1 device')
  expect(createTranslate('en-GB', TEXTS)('some', { count: 12_345 })).toBe('12,345 devices')
  const russian = { some: '{count, plural, one {# телефон} few {# телефона} many {# телефонов} other {#}}' }
  expect(createTranslate('ru-RU', russian)('some', { count: 3 })).toBe('3 телефона')
  expect(createTranslate('ru-RU', russian)('some', { count: 5 })).toBe('5 телефонов')
})

test('tags of a text become what their function makes of them', () => {
  const t = createTranslate('en', TEXTS)
  expect(t.rich('linked', { name: 'iOS', a: chunks => ({ link: chunks.join('') }) })).toEqual([
    'See ',
    { link: 'the guide' },
    ' for iOS',
  ])
})

test('a key that has no text is shown in a way that tests find', () => {
  const t = createTranslate<string>('en', TEXTS)
  expect(t('nothing')).toBe('⟦nothing⟧')
  expect(t.known('toString')).toBeUndefined()
})

test('a sentence that ends in a date ends in one point, also where the date ends in one', () => {
  const t = createTranslate('ru', { since: 'С {day}.' })
  expect(t('since', { day: '23 нояб. 2026 г.' })).toBe('С 23 нояб. 2026 г.')
  expect(t('since', { day: 'вчера' })).toBe('С вчера.')
  expect(t.rich('since', { day: '23 нояб. 2026 г.' })).toBe('С 23 нояб. 2026 г.')
})
