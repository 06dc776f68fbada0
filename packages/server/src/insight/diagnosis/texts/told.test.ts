/** Times in texts of the catalogue: readable in the text, typed beside it. */
import { expect, test } from 'vitest'
import { writeMoment } from '../../../time.ts'
import { EN } from './en.ts'
import { LANGUAGES } from './texts.ts'
import { tell, writePieces } from './told.ts'

const SINCE = '2026-11-22T23:18:35.120Z'
const GONE = { reason: 'Unregistered', since: SINCE }

test('a text has its times in UTC and says so, and its pieces have them as they are', () => {
  const { text, pieces } = tell(EN.messages['DX-37.apns'], GONE, { lang: 'en' })
  expect(text).toBe('Apple says that the token is gone (Unregistered), since Nov 22, 2026, 23:18 UTC.')
  expect(pieces).toEqual(['Apple says that the token is gone (Unregistered), since ', { at: SINCE }, '.'])
})

test('a reader elsewhere reads the same moment on his own clock', () => {
  const { pieces } = tell(EN.messages['DX-42'], { at: SINCE }, { lang: 'en' })
  const write = (at: string) => writeMoment(at, { lang: 'en', timeZone: 'Asia/Kolkata' })
  expect(writePieces(pieces, write)).toBe(
    'The token belongs to another device now, since Nov 23, 2026, 04:48 GMT+5:30.',
  )
})

test.each(Object.entries(LANGUAGES))('no text of %s shows a time as a machine writes it', (lang, texts) => {
  const names = [
    'at',
    'since',
    'until',
    'dueAt',
    'expiresAt',
    'computedAt',
    'changedAt',
    'plannedAt',
    'firstSeenAt',
  ]
  const parameters = Object.fromEntries(names.map(name => [name, SINCE]))
  for (const [key, template] of Object.entries(texts.messages)) {
    const { text, pieces } = tell(template, parameters, { lang })
    expect(text, key).not.toMatch(/\d{4}-\d\d-\d\dT/)
    const asked = names.filter(name => template.includes(`{${name}}`)).length
    expect(
      pieces.filter(it => typeof it !== 'string'),
      key,
    ).toHaveLength(asked)
  }
})

test('a time of PostgreSQL is one, and what only begins like one is a word', () => {
  const { text, pieces } = tell(
    '{a}, {b}, {c}.',
    { a: '2026-11-22T10:00:00+00:00', b: '2026-11-22', c: '' },
    { lang: 'en' },
  )
  expect(pieces).toEqual([{ at: '2026-11-22T10:00:00.000Z' }, ', 2026-11-22,.'])
  expect(text).toBe('Nov 22, 2026, 10:00 UTC, 2026-11-22,.')
})
