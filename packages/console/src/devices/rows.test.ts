import { expect, test } from 'vitest'
import { rowOfFound, type Search, wayOf } from './rows.ts'

const ASKED: Search = { text: '', state: '', platform: '', by: undefined }
const way = (asked: Partial<Search>) => wayOf({ ...ASKED, ...asked })

test('without a text devices are listed, by state and platform, too', () => {
  expect(way({})).toBe('list')
  expect(way({ state: 'dead', platform: 'ios' })).toBe('list')
})

test('a text is looked up by keys, and one that is too short for that as a part of names', () => {
  expect(way({ text: 'ann@example.com' })).toBe('any')
  expect(way({ text: 'ann' })).toBe('part')
  expect(way({ text: '李小龙李' })).toBe('any')
})

test('with a filter a text is a part of names, since keys know nothing of states', () => {
  expect(way({ text: 'ann@example.com', state: 'dead' })).toBe('part')
  expect(way({ text: 'ann@example.com', platform: 'ios' })).toBe('part')
})

test('a device that was found without an address has none, and says by what it was found', () => {
  const found = {
    hwid: 'h',
    platform: null,
    deviceModel: null,
    userId: null,
    lastSeenAt: 'x',
    address: null,
    by: 'user',
  } as const
  expect(rowOfFound({ ...found, appVersion: null, bundleId: null, sdkVersion: null })).toEqual({
    hwid: 'h',
    platform: null,
    deviceModel: null,
    userId: null,
    lastSeenAt: 'x',
    state: 'none',
    reason: null,
    by: 'user',
  })
})
