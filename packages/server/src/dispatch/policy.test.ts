/** Quiet hours by the clock of a device. */
import type { QuietHours } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import { quietUntil } from './policy.ts'

const HOUR = 3600
const NIGHT: QuietHours = { from: '22:00', to: '08:00' }
const utc = (time: string) => Date.parse(`2030-03-10T${time}:00Z`)

describe('quiet hours over midnight end at their hour, by the zone that the device told', () => {
  test.each([
    ['before them', '21:59', 0, undefined],
    ['at their begin', '22:00', 0, '2030-03-11T08:00:00.000Z'],
    ['after midnight', '03:30', 0, '2030-03-10T08:00:00.000Z'],
    ['at their end', '08:00', 0, undefined],
    ['east of here, where it is later', '20:30', 2 * HOUR, '2030-03-11T06:00:00.000Z'],
    ['west of here, where it is still day', '23:00', -5 * HOUR, undefined],
    ['a zone of half an hour', '16:29', 5.5 * HOUR, undefined],
    ['a zone of half an hour, a minute later', '16:30', 5.5 * HOUR, '2030-03-11T02:30:00.000Z'],
  ])('%s', (_what, time, timezoneSeconds, until) => {
    const over = quietUntil(NIGHT, { at: utc(time), timezoneSeconds })
    expect(over === undefined ? undefined : new Date(over).toISOString()).toBe(until)
  })
})

test('a device that has not told its zone is taken to be in the one that the rule names', () => {
  const rule = { ...NIGHT, otherwiseTimezoneSeconds: 2 * HOUR }
  expect(quietUntil(rule, { at: utc('20:30'), timezoneSeconds: null })).toBeDefined()
  expect(quietUntil(rule, { at: utc('20:30'), timezoneSeconds: 0 })).toBeUndefined()
})

test('quiet hours of one day hold from their begin to their end', () => {
  const rule: QuietHours = { from: '12:00', to: '13:00' }
  expect(quietUntil(rule, { at: utc('12:15'), timezoneSeconds: 0 })).toBe(utc('13:00'))
  expect(quietUntil(rule, { at: utc('11:59'), timezoneSeconds: 0 })).toBeUndefined()
})
