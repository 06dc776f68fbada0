/** Who is believed for how long, and how often the table is read for those who are not in it. */
import { expect, test } from 'vitest'
import { Snapshot } from './snapshot.ts'

/** A table that counts its readings, and a clock that stands still until the test moves it. */
function counted() {
  const table = { reads: 0, names: ['a'] as string[], isAway: false }
  const clock = { at: 1_000_000, now: () => clock.at }
  const snapshot = new Snapshot(async () => {
    table.reads++
    if (table.isAway) throw new Error('the database is away')
    return new Set(table.names)
  }, clock)
  return { table, clock, snapshot }
}

test('what was read is believed for five seconds, and those who ask meanwhile share a reading', async () => {
  const { table, clock, snapshot } = counted()
  await Promise.all([snapshot.current(), snapshot.current()])
  clock.at += 2999
  await snapshot.current()
  expect(table.reads).toBe(1)
  clock.at += 2001
  table.names.push('b')
  expect((await snapshot.current()).has('b')).toBe(true)
  expect(table.reads).toBe(2)
})

test('from three seconds on it is read again for the next one, who does not wait for it', async () => {
  const { table, clock, snapshot } = counted()
  await snapshot.current()
  clock.at += 3000
  table.names.push('b')
  const [one, other] = await Promise.all([snapshot.current(), snapshot.current()])
  expect([one.has('b'), other.has('b'), table.reads]).toEqual([false, false, 2])
  expect((await snapshot.current()).has('b')).toBe(true)
  table.isAway = true
  clock.at += 4999
  expect((await snapshot.current()).has('b')).toBe(true)
  clock.at += 1
  await expect(snapshot.current()).rejects.toThrow('the database is away')
})

test('who wants it fresher says so', async () => {
  const { table, clock, snapshot } = counted()
  await snapshot.current()
  clock.at += 1000
  await snapshot.current(1001)
  expect(table.reads).toBe(1)
  await snapshot.current(1000)
  expect(table.reads).toBe(2)
})

test('what is new is found at once', async () => {
  const { table, snapshot } = counted()
  await snapshot.current()
  table.names.push('b')
  expect((await snapshot.current()).has('b')).toBe(false)
  expect((await snapshot.afterMiss()).has('b')).toBe(true)
})

test('a reading that began before something was stored does not refuse it', async () => {
  const { table, snapshot } = counted()
  const early = snapshot.current()
  table.names.push('b')
  expect((await snapshot.afterMiss()).has('b')).toBe(true)
  await early
  expect(table.reads).toBe(2)
})

test('a flood of made-up names costs twenty readings a second, and what is refused then is looked for a second later', async () => {
  const { table, clock, snapshot } = counted()
  for (let i = 0; i < 1000; i++) await snapshot.afterMiss()
  expect(table.reads).toBe(20)
  table.names.push('b')
  expect((await snapshot.afterMiss()).has('b')).toBe(false)
  clock.at += 1000
  expect((await snapshot.afterMiss()).has('b')).toBe(true)
})

test('a reading that fails is told, and the next one is tried', async () => {
  const { table, snapshot } = counted()
  table.isAway = true
  await expect(snapshot.current()).rejects.toThrow('the database is away')
  await expect(snapshot.afterMiss()).rejects.toThrow('the database is away')
  table.isAway = false
  expect((await snapshot.current()).has('a')).toBe(true)
})

test('what is taken back is not believed a moment longer, not even by a reading that is under way', async () => {
  const { table, snapshot } = counted()
  await snapshot.current()
  table.names.length = 0
  snapshot.forget()
  expect((await snapshot.current()).has('a')).toBe(false)
  table.names.push('b')
  snapshot.forget()
  const early = snapshot.current()
  table.names.length = 0
  snapshot.forget()
  expect((await snapshot.current()).has('b')).toBe(false)
  await early
  expect((await snapshot.current()).has('b')).toBe(false)
})
