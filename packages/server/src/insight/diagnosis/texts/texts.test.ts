/** Languages say the same with the same parameters; that none lacks a text is seen to by the compiler. */
import { RULE_IDS } from '@roost/protocol'
import { expect, test } from 'vitest'
import { EN } from './en.ts'
import { fillIn, LANGUAGES, type Texts, textsFor } from './texts.ts'

const OTHERS = Object.entries(LANGUAGES).filter(([lang]) => lang !== 'en')

function wordsIn(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(it => it[1] as string).sort()
}

function sections(texts: Texts): [place: string, text: string][] {
  return Object.entries(texts).flatMap(([section, all]) =>
    Object.entries(all as Record<string, string>).map(([key, text]): [string, string] => [
      `${section} ${key}`,
      text,
    ]),
  )
}

test('the languages of the seeds are there, and English', () => {
  expect(Object.keys(LANGUAGES).sort()).toEqual(['en', 'hi', 'ja', 'pt', 'ru', 'zh'])
})

test.each(OTHERS)('%s puts the same parameters into every text as English', (_lang, texts) => {
  const english = new Map(sections(EN))
  for (const [place, text] of sections(texts))
    expect(wordsIn(text), place).toEqual(wordsIn(english.get(place) ?? ''))
  expect(sections(texts)).toHaveLength(english.size)
})

/** Letters of the script that a language is written in; the others are names. */
const SCRIPTS: Readonly<Record<string, RegExp>> = {
  zh: /\p{Script=Han}/u,
  ja: /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u,
  ru: /\p{Script=Cyrillic}/u,
  hi: /\p{Script=Devanagari}/u,
}

test.each(OTHERS)('%s has no text that was left in English', (lang, texts) => {
  const english = new Map(sections(EN))
  const script = SCRIPTS[lang] ?? /./
  const left = sections(texts).filter(([place, text]) => text === english.get(place) || !script.test(text))
  expect(left).toEqual([])
})

test.each(Object.entries(LANGUAGES))(
  '%s ends each sentence as the language does, and has no blank at its ends',
  (lang, texts) => {
    const end = { zh: /[。]$/, ja: /[。]$/, hi: /[।]$/ }[lang] ?? /\.$/
    const sentences = [...Object.values(texts.messages), ...Object.values(texts.steps)]
    expect(sentences.filter(it => !end.test(it) || it !== it.trim())).toEqual([])
    expect(sections(texts).filter(([, text]) => / {2}/.test(text))).toEqual([])
  },
)

test('every rule has a title, and every key of a message begins with its rule', () => {
  expect(Object.keys(EN.titles).sort()).toEqual([...RULE_IDS].sort())
  const rules = new Set<string>(RULE_IDS)
  expect(Object.keys(EN.messages).filter(it => !rules.has(it.split('.')[0] ?? ''))).toEqual([])
})

test.each([
  ['zh', 'zh'],
  ['zh-Hans-CN', 'zh'],
  ['pt-BR,pt;q=0.9,en;q=0.8', 'pt'],
  ['tlh, hi;q=0.5', 'hi'],
  ['en;q=0.3, ja;q=0.9', 'ja'],
  ['ru;q=0, zh;q=0.1', 'zh'],
  ['JA', 'ja'],
  ['ru_RU', 'ru'],
  ['en-GB', 'en'],
  ['tlh', 'en'],
  ['', 'en'],
  ['constructor', 'en'],
  [undefined, 'en'],
])('asked for %s it speaks %s', (asked, lang) => {
  expect(textsFor(asked).lang).toBe(lang)
})

test('what is put in is not looked at again, and a word that nobody knows stays', () => {
  expect(fillIn('{a} and {b}, {c}', { a: '{b}', b: 2 })).toBe('{b} and 2, {c}')
})

test('what a gateway says is put in without a second stop, and what is empty without a blank', () => {
  expect(fillIn('It says: {a}.', { a: 'It is disabled.' })).toBe('It says: It is disabled.')
  expect(fillIn('它说：{a}。', { a: 'It is disabled.' })).toBe('它说：It is disabled.')
  expect(fillIn('It got no token: {a} {b}.', { a: '3000', b: '' })).toBe('It got no token: 3000.')
})
