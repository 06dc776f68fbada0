/** When schedules run, also on the days on which clocks are changed. */
import { expect, test } from 'vitest'
import { clockAt, findTimesFault, lastRun, nextRun, nextRuns, type Times } from './times.ts'

const inBerlin = (cron: string): Times => ({ cron, timeZone: 'Europe/Berlin', isLocal: false })
const told = (ms: number | undefined) => ms && new Date(ms).toISOString().slice(0, 16)

function runs(times: Times, after: string, count = 3): (string | number | undefined)[] {
  return nextRuns(times, { after: Date.parse(after), count }).map(told)
}

test('nine in the morning is nine on the clock, before and after clocks are put forward', () => {
  expect(runs(inBerlin('0 9 * * *'), '2026-03-27T12:00:00Z')).toEqual([
    '2026-03-28T08:00',
    '2026-03-29T07:00',
    '2026-03-30T07:00',
  ])
})

test('a time that clocks jump over runs right after the jump', () => {
  expect(runs(inBerlin('30 2 * * *'), '2026-03-28T12:00:00Z', 2)).toEqual([
    '2026-03-29T01:00',
    '2026-03-30T00:30',
  ])
})

test('a time that comes twice runs once', () => {
  expect(runs(inBerlin('30 2 * * *'), '2026-10-24T12:00:00Z', 2)).toEqual([
    '2026-10-25T00:30',
    '2026-10-26T01:30',
  ])
})

test('every half hour is every half hour, also when an hour comes twice', () => {
  expect(runs(inBerlin('*/30 * * * *'), '2026-10-25T00:15:00Z', 4)).toEqual([
    '2026-10-25T00:30',
    '2026-10-25T01:00',
    '2026-10-25T01:30',
    '2026-10-25T02:00',
  ])
})

test('by local time a run begins with the first clocks on earth, and names what they show', () => {
  const local: Times = { cron: '0 9 * * 1', timeZone: 'Europe/Berlin', isLocal: true }
  const run = nextRun(local, Date.parse('2026-11-22T18:59:59Z'))
  expect(told(run)).toBe('2026-11-22T19:00')
  expect(clockAt(run as number)).toBe('2026-11-23T09:00')
  expect(told(nextRun(local, run as number))).toBe('2026-11-29T19:00')
})

test('the last run is the one that is due now, to the millisecond', () => {
  const at = Date.parse('2026-11-22T08:00:00Z')
  const times = inBerlin('0 9 * * *')
  expect([lastRun(times, at - 1), lastRun(times, at), lastRun(times, at + 1)].map(told)).toEqual([
    '2026-11-21T08:00',
    '2026-11-22T08:00',
    '2026-11-22T08:00',
  ])
})

test.each([
  ['0 0 30 2 *', 'no day that is yet to come is as "0 0 30 2 *" says'],
  ['61 * * * *', '"61" is no minute (0 to 59)'],
  ['0 9 * * MOO', '"MOO" is no day of the week (0 to 7, or SUN to SAT)'],
  ['0 9 * *', 'has 4 fields, and needs five; it is "minute hour'],
  ['* * * * * *', 'has 6 fields, and needs five'],
  ['at nine', 'like "0 9 * * 1-5"'],
  ['@reboot', '"@reboot" is none of @hourly, @daily'],
])('"%s" is refused, and what it should be is told', (cron, words) => {
  expect(findTimesFault(inBerlin(cron), Date.parse('2026-11-22T08:00:00Z'))).toContain(words)
})
