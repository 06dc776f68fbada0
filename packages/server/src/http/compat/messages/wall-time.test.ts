import { expect, test } from 'vitest'
import { readWallTime } from './wall-time.ts'

test.each([
  ['without a zone it is UTC', '2026-11-22 14:30', undefined, '2026-11-22T14:30:00Z'],
  ['in winter', '2026-01-10 09:00', 'Europe/Berlin', '2026-01-10T08:00:00Z'],
  ['in summer', '2026-07-10 09:00', 'Europe/Berlin', '2026-07-10T07:00:00Z'],
  ['behind UTC', '2026-07-10 09:00', 'America/New_York', '2026-07-10T13:00:00Z'],
  ['an hour before clocks go forward', '2026-03-29 01:30', 'Europe/Berlin', '2026-03-29T00:30:00Z'],
  ['an hour that clocks jump over', '2026-03-29 02:30', 'Europe/Berlin', '2026-03-29T01:30:00Z'],
  ['an hour that comes twice is the first one', '2026-10-25 02:30', 'Europe/Berlin', '2026-10-25T00:30:00Z'],
  ['with seconds', '2026-11-22 14:30:05', 'UTC', '2026-11-22T14:30:05Z'],
])('%s', (_what, text, zone, expected) => {
  expect(readWallTime(text, zone)).toBe(Date.parse(expected))
})

test.each([
  ['tomorrow', 'UTC'],
  ['2026-13-01 10:00', 'UTC'],
  ['2027-02-30 10:00', 'UTC'],
  ['2026-11-22 25:00', 'UTC'],
  ['2026-11-22', 'UTC'],
  ['2026-11-22 10:00', 'Mars/Olympus'],
])('%s in %s is no time', (text, zone) => {
  expect(readWallTime(text, zone)).toBeUndefined()
})
