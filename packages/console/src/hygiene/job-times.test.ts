import { expect, test } from 'vitest'
import { isNew, timesOfJob } from './job-times.ts'

const NOW = Date.parse('2026-11-10T12:00:00Z')

test('a job runs every minute, daily at a time, or as its five fields say', () => {
  expect(timesOfJob('* * * * *', NOW)).toBe('minute')
  expect(timesOfJob('12 3 * * *', NOW)).toEqual(new Date('2026-11-10T03:12:00Z'))
  expect(timesOfJob('*/5 3 * * 1', NOW)).toBeUndefined()
})

test('an installation is new until it has runs of 30 days', () => {
  expect(isNew('2026-11-10T11:00:00Z', NOW)).toBe(true)
  expect(isNew('2026-10-12T12:00:00Z', NOW)).toBe(true)
  expect(isNew('2026-10-11T12:00:00Z', NOW)).toBe(false)
})
