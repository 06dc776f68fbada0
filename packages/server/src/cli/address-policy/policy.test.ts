import { expect, test } from 'vitest'
import { previewOf } from './policy.ts'

const NOBODY = { addresses: 0, neverOpened: 0 }

test('a preview is told in a sentence, by reason, and with the ages', () => {
  const text = previewOf({
    asOf: '2027-01-01T00:00:00.000Z',
    policy: {} as never,
    errorPercent: 0,
    addresses: 1_000_000,
    wouldRemove: 12_431,
    byPlatform: [
      { platform: 'ios', addresses: 600_000, wouldRemove: 11_002 },
      { platform: 'android', addresses: 399_000, wouldRemove: 1429 },
      { platform: 'safari', addresses: 1000, wouldRemove: 0 },
    ],
    removed: [{ reason: 'inactive', platform: 'ios', count: 11_002 }],
    byAge: [
      { fromDays: 0, toDays: 1, addresses: 987_569, neverOpened: 0 },
      { fromDays: 1, toDays: 7, ...NOBODY },
      { fromDays: 90, toDays: null, addresses: 12_431, neverOpened: 0 },
    ],
  })
  expect(text.split('\n')).toEqual([
    'would remove 12 431 of 1 000 000: 11 002 ios, 1 429 android',
    'by reason and platform, every kind of address:',
    '  inactive      ios       11 002',
    'by days since the last open:',
    `        0 to 0     987 569 ${'█'.repeat(40)}`,
    '        1 to 6           0 ',
    '   90 and more      12 431 █',
  ])
})

test('where nothing would go nothing more is said', () => {
  const empty = {
    asOf: '',
    policy: {} as never,
    errorPercent: 0,
    addresses: 7,
    wouldRemove: 0,
    byPlatform: [],
    removed: [],
    byAge: [],
  }
  expect(previewOf(empty).split('\n')[0]).toBe('would remove 0 of 7')
})

test('a preview of a part of the base says that it is an estimate, how far off it may be, and how to count all', () => {
  const part = {
    asOf: '',
    policy: {} as never,
    errorPercent: 3.2,
    addresses: 1_000_000,
    wouldRemove: 12_000,
    byPlatform: [],
    removed: [],
    byAge: [],
  }
  expect(previewOf(part).split('\n')[0]).toBe(
    'would remove about 12 000 of about 1 000 000 (estimated, ± 3.2 %; --exact counts all)',
  )
})
