import { expect, test } from 'vitest'
import { type BaseRow, byGateway, changeOf, daysToAsk, gaugeOf } from './days.ts'

const NOW = Date.parse('2026-11-10T23:30:00Z')
const row = (at: string, more: Partial<BaseRow> = {}): BaseRow => ({
  at,
  gateway: null,
  devices: null,
  reachable: null,
  installs: 0,
  opens: 0,
  registrations: 0,
  restored: 0,
  unregistrations: 0,
  deaths: 0,
  uninstalls: 0,
  replaced: 0,
  optedOut: 0,
  optedIn: 0,
  ...more,
})

test('the days are those of the app, not those of the reader', () => {
  const old = { createdAt: '2020-01-01T00:00:00Z' }
  expect(daysToAsk('week', NOW, { ...old, timeZone: 'UTC' })).toEqual({
    from: '2026-11-04',
    to: '2026-11-10',
  })
  expect(daysToAsk('week', NOW, { ...old, timeZone: 'Asia/Tokyo' })).toEqual({
    from: '2026-11-05',
    to: '2026-11-11',
  })
})

test('a year of an app that is new begins with the app, but has a week', () => {
  const days = (createdAt: string) => daysToAsk('year', NOW, { createdAt, timeZone: 'UTC' })
  expect(days('2026-10-01T12:00:00Z')).toEqual({ from: '2026-10-01', to: '2026-11-10' })
  expect(days('2026-11-09T12:00:00Z')).toEqual({ from: '2026-11-04', to: '2026-11-10' })
  expect(days('2020-01-01T12:00:00Z')).toEqual({ from: '2025-11-11', to: '2026-11-10' })
})

test('days that somebody chose are asked for as they are', () => {
  const app = { createdAt: '2026-11-09T12:00:00Z', timeZone: 'UTC' }
  expect(daysToAsk('2026-01-01..2026-01-02', NOW, app)).toEqual({ from: '2026-01-01', to: '2026-01-02' })
})

test('today has what is known now, and a day that was not counted stays unknown', () => {
  const rows = [row('2026-11-08', { devices: 10 }), row('2026-11-09'), row('2026-11-10')]
  expect(gaugeOf(rows, 'devices', { today: '2026-11-10', count: 14 })).toEqual([10, null, 14])
  expect(gaugeOf(rows, 'devices', undefined)).toEqual([10, null, null])
})

test('a change is from the first day that is known to the last', () => {
  expect(changeOf([null, 10, null, 14])).toBe(4)
  expect(changeOf([null, 10])).toBeUndefined()
})

test('each gateway has a value for each day: nobody where the day was counted, and unknown where it was not', () => {
  const rows = [
    row('2026-11-08', { gateway: 'apns', devices: 5 }),
    row('2026-11-09', { gateway: 'apns', devices: 6 }),
    row('2026-11-09', { gateway: 'fcm', devices: 9 }),
    row('2026-11-10', { gateway: 'fcm', opens: 3 }),
    row('2026-11-09', { gateway: 'hms', devices: 0 }),
  ]
  expect(byGateway(rows, ['2026-11-08', '2026-11-09', '2026-11-10'], 'devices')).toEqual([
    { gateway: 'fcm', values: [0, 9, null] },
    { gateway: 'apns', values: [5, 6, null] },
  ])
})
