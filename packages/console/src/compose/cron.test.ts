import { expect, test } from 'vitest'
import { cronOf, timesOf } from './cron.ts'

test.each(['0 9 * * *', '30 18 * * 1,3,5', '5 0 31 * *', '0 9 * * 0'])(
  '%s is said in words and back',
  cron => {
    expect(cronOf(timesOf(cron))).toBe(cron)
  },
)

test.each(['*/5 * * * *', '@daily', '0 9 1 * 1', '0 9 * 6 *', '0 25 * * *', '0 9 32 * *', 'nonsense'])(
  '%s stays cron',
  cron => {
    expect(timesOf(cron).rhythm).toBe('own')
    expect(cronOf(timesOf(cron))).toBeUndefined()
  },
)

test('no day of the week, and no time, is no cron', () => {
  expect(cronOf({ rhythm: 'weekly', time: '09:00', weekdays: [], day: 1 })).toBeUndefined()
  expect(cronOf({ rhythm: 'daily', time: '', weekdays: [], day: 1 })).toBeUndefined()
})
