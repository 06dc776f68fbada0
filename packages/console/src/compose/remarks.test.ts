import { REMARKS } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import { texts } from '../texts/en/compose.ts'
import { languageOfPlace, placeOf } from './remark-place.ts'

test.each(Object.keys(REMARKS))('what the server calls %s has a sentence', code => {
  expect(texts).toHaveProperty([`remark.${code}`])
})

test.each(Object.entries(REMARKS))(
  'the sentence of %s names no value that it does not have',
  (code, names) => {
    // made of the others by the page
    const made = ['where', 'seconds', 'close', 'example']
    const text = String(texts[`remark.${code}` as keyof typeof texts])
    const named = [...text.matchAll(/\{(\w+)/g)].map(it => it[1] ?? '')
    expect(named.filter(it => !made.includes(it) && !(names as readonly string[]).includes(it))).toEqual([])
  },
)

describe('what is wrong stands', () => {
  test('at the field that the server names', () => {
    expect(placeOf({ place: 'content/languages/pt-BR/title' }, [])).toBe('content.languages.pt-BR.title')
  })

  test('at the same one of a message that recurs', () => {
    expect(placeOf({ place: 'message/content/body' }, [])).toBe('content.body')
  })

  test('at the version that has it', () => {
    const remark = { place: 'content/title', variant: 'B' }
    expect(placeOf(remark, ['A', 'B'])).toBe('experiment.variants.1.title')
    expect(placeOf({ ...remark, place: 'content/image' }, ['A', 'B'])).toBe('experiment.variants.1.content')
  })

  test('at no field when it is about none', () => {
    expect(placeOf({ place: null }, [])).toBeUndefined()
  })
})

test('the language of a place is the one whose texts are to be shown', () => {
  expect(languageOfPlace('content.languages.pt-BR.title')).toBe('pt-BR')
  expect(languageOfPlace('content.title')).toBeUndefined()
})
