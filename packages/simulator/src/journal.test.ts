/**
 * The journal's ring: what it keeps, in which order, and who is woken.
 */
import { expect, test } from 'vitest'
import { Journal } from './journal.ts'

test('keeps the newest entries, oldest first, however often the ring has gone round', () => {
  const journal = new Journal<number>(3)
  journal.record(1)
  journal.record(2)
  expect(journal.entries()).toEqual([1, 2])
  for (const entry of [3, 4, 5, 6, 7]) journal.record(entry)
  expect(journal.entries()).toEqual([5, 6, 7])
  expect(journal.entries(entry => entry !== 6)).toEqual([5, 7])
})

test('a wait ends with the oldest entry that matches, or with the first that comes', async () => {
  const journal = new Journal<number>(3)
  for (const entry of [1, 2, 3, 4]) journal.record(entry)
  await expect(journal.waitFor(entry => entry % 2 === 0)).resolves.toBe(2)
  const next = journal.waitFor(entry => entry > 4)
  journal.record(3)
  journal.record(6)
  journal.record(8)
  await expect(next).resolves.toBe(6)
})

test('a wait for what can no longer come rejects', async () => {
  const journal = new Journal<number>()
  const never = journal.waitFor()
  journal.close()
  await expect(never).rejects.toThrow('closed')
})
