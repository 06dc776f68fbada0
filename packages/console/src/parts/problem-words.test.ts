import { ERRORS } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import type { ProblemBody } from '../api/client.ts'
import { LOCALES } from '../i18n/locale.ts'
import { createTranslate } from '../i18n/translate.ts'
import { wordsOf } from './problem-words.ts'

const CODES = Object.keys(ERRORS)

async function translateIn(locale: string) {
  const { texts } = (await import(`../texts/${locale}/problems.ts`)) as {
    readonly texts: Readonly<Record<string, string>>
  }
  return createTranslate(locale, texts)
}

const bodyOf = (code: string, more: Partial<ProblemBody> = {}): ProblemBody => ({
  status: 400,
  code,
  detail: 'The sentence of the server.',
  remedy: 'The remedy of the server.',
  requestId: 'r1',
  ...more,
})

const SAID = { text: 'The sentence of the server.', lang: 'en' }
/** Whatever a text may name. */
const ALL_VALUES = { count: 3, name: 'News', variant: 'B' }

describe.each(LOCALES)('in %s', locale => {
  test.each(CODES)('%s is told in words of its own, with a remedy', async code => {
    const body = bodyOf(code, { values: ALL_VALUES, retryAfterSeconds: 7 })
    const { what, remedy } = wordsOf(body, await translateIn(locale))
    expect(what).toBeTypeOf('string')
    expect(remedy.lang).toBeUndefined()
    expect(`${what} ${remedy.text}`).not.toMatch(/[{}]/)
  })
})

test('values and seconds stand in the text', async () => {
  const t = await translateIn('en')
  expect(wordsOf(bodyOf('credential_in_use', { values: { count: 1 } }), t)).toMatchObject({
    what: '1 web subscription was made with this key',
    said: undefined,
  })
  expect(wordsOf(bodyOf('rate_limited', { retryAfterSeconds: 7 }), t).remedy.text).toBe(
    'Wait for 7 seconds, and try again.',
  )
})

test('the sentence of the server stands beside the text of a code that has many faults', async () => {
  expect(wordsOf(bodyOf('input_invalid'), await translateIn('ja'))).toMatchObject({
    what: '入力に誤りがあります',
    said: SAID,
    remedy: { text: 'ここに示された箇所を直して、もう一度お試しください。' },
  })
})

test('without a text, a value that it wants, or the texts at all, the server is quoted', async () => {
  const quoted = {
    what: undefined,
    said: SAID,
    remedy: { text: 'The remedy of the server.', lang: 'en' },
  }
  const t = await translateIn('hi')
  expect(wordsOf(bodyOf('of_a_newer_server'), t)).toEqual(quoted)
  expect(wordsOf(bodyOf('device_unknown'), undefined)).toEqual(quoted)
  expect(wordsOf(bodyOf('credential_in_use'), t)).toMatchObject({ what: undefined, said: SAID })
})

test('there is no text of a code that the server does not have', async () => {
  const { texts } = await import('../texts/en/problems.ts')
  const codes = Object.keys(texts).map(key => key.replace('.remedy', ''))
  const ours = ['gone', 'taken', 'token_malformed']
  expect(
    codes.filter(code => !CODES.includes(code) && !ours.includes(code) && !code.startsWith('fault.')),
  ).toEqual([])
})
