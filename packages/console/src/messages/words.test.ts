import { expect, test } from 'vitest'
import { wordsOf } from './words.ts'

test('the words of a message are told for all, for each language, and for each gateway that has its own', () => {
  const content = {
    body: 'World',
    title: 'Hello',
    data: { a: 1 },
    languages: { pt: { title: 'Olá' } },
    apns: { subtitle: 'There', badge: 3, languages: { pt: { subtitle: 'Ali' } } },
    webPush: { urgency: 'high' },
  }
  const title = ['title', 'Hello']
  expect(wordsOf(content)).toEqual([
    { language: undefined, gateway: undefined, words: [title, ['body', 'World']] },
    { language: 'pt', gateway: undefined, words: [['title', 'Olá']] },
    {
      language: undefined,
      gateway: 'apns',
      words: [
        ['subtitle', 'There'],
        ['badge', '3'],
      ],
    },
    { language: 'pt', gateway: 'apns', words: [['subtitle', 'Ali']] },
  ])
})

test('a silent message has none', () => {
  expect(wordsOf({ silent: true, data: {} })).toEqual([])
})
