import { expect, test } from 'vitest'
import { heldOf } from './held.ts'

test('what is held is counted by kinds that people know, in one order, and what nobody knows as other', () => {
  expect(heldOf({ ledger: [1, 2], device: [1], some_new_table: [1], test_device: [1], receipt: [] })).toEqual(
    [
      { kind: 'devices', rows: 2 },
      { kind: 'history', rows: 2 },
      { kind: 'other', rows: 1 },
    ],
  )
})
