import { expect, test } from 'vitest'
import { createFormat } from '../i18n/format.ts'
import { createTranslate } from '../i18n/translate.ts'
import { texts } from '../texts/en/schedules.ts'
import { writeTimes } from './times.ts'

const format = createFormat('en-GB')
const t = createTranslate<keyof typeof texts>('en-GB', texts)

test.each([
  ['0 9 * * *', 'every day at 09:00'],
  ['30 18 * * 1,5', 'Monday and Friday at 18:30'],
  ['0 8 1 * *', 'on day 1 of each month at 08:00'],
  ['*/5 * * * *', 'by cron: */5 * * * *'],
])('the times %s are said as %s', (cron, said) => {
  expect(writeTimes(t, format, cron)).toBe(said)
})
