import { expect, test } from 'vitest'
import { keep, readKept } from './kept.ts'

function emptyStore(): Storage {
  const values = new Map<string, string>()
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => values.set(key, value),
  } as unknown as Storage
}

const NOW = Date.parse('2026-11-22T12:00:00Z')

test('what was unregistered is remembered for as long as it can be taken back', () => {
  const store = emptyStore()
  const young = { at: '2026-11-01T12:00:00Z', devices: 5, requests: ['a'] }
  const old = { at: '2026-10-01T12:00:00Z', devices: 7, requests: ['b'] }
  keep(store, 's', { exportId: 'e', unregistered: [young, old] })
  expect(readKept(store, 's', NOW)).toEqual({ exportId: 'e', unregistered: [young] })
  expect(readKept(store, 'other', NOW)).toEqual({ unregistered: [] })
})

test('what makes no sense is nothing', () => {
  const store = emptyStore()
  store.setItem('roost.segment.s', '{')
  expect(readKept(store, 's', NOW)).toEqual({ unregistered: [] })
})
