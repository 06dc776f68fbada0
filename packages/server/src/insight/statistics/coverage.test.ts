/** What coverage says in words. */
import { expect, test } from 'vitest'
import { bucketsFor, coverageOf } from './coverage.ts'

const group = (platform: string, appVersion: string, devices: number, heardOf: number) => ({
  platform,
  appVersion,
  extensionVersion: null,
  devices,
  heardOf,
  share: heardOf / devices,
})

test('versions of which nothing is heard are told as those below the first that tells', () => {
  const { share, findings } = coverageOf(
    ['m'],
    [
      group('ios', '2.10', 40, 40),
      group('ios', '2.3', 30, 25),
      group('ios', '2.2', 30, 0),
      group('android', '1.0', 100, 57),
    ],
  )
  expect(share).toBe(0.61)
  expect(findings).toEqual([
    'receipts are seen from 61 % of devices',
    'ios: no receipts from versions below 2.3',
  ])
})

test('a platform that never tells, and versions in between, are told as such', () => {
  const groups = [
    group('web', '9', 50, 0),
    group('ios', '1.0', 50, 50),
    group('ios', '2.0', 50, 0),
    group('ios', '3.0', 50, 50),
  ]
  expect(coverageOf(['m'], groups).findings).toEqual([
    'receipts are seen from 50 % of devices',
    'ios: no receipts from versions 2.0',
    'web: no receipts at all',
  ])
})

test('a version of a few devices says nothing', () => {
  const groups = [group('ios', '1.0', 5, 0), group('ios', '2.0', 95, 95)]
  expect(coverageOf(['m'], groups).findings).toEqual(['receipts are seen from 95 % of devices'])
})

test('without a campaign nothing is claimed', () => {
  expect(coverageOf([], [])).toMatchObject({ share: null, devices: 0 })
})

test('whom a campaign to few of many devices was accepted for is looked for in a part of the base', () => {
  expect(bucketsFor({ accepted: 10_000_000, ofBucket: 9766 })).toBe(1)
  expect(bucketsFor({ accepted: 500, ofBucket: 9766 })).toBe(20)
  expect(bucketsFor({ accepted: 1, ofBucket: 1_000_000 })).toBe(1)
  expect(bucketsFor({ accepted: 500, ofBucket: 3 })).toBe(1024)
})
