/** Precedence: campaigns give way to a message that somebody waits for, and are never stopped by any number of them. */
import { expect, test } from 'vitest'
import { Precedence } from './precedence.ts'

/** What a campaign's piece of work has come to by now. */
function watched(piece: Promise<void>): () => Promise<'waits' | 'goes on'> {
  let state: 'waits' | 'goes on' = 'waits'
  void piece.then(() => {
    state = 'goes on'
  })
  return async () => {
    await new Promise(setImmediate)
    return state
  }
}

test('nobody waits when no such message is on its way', async () => {
  expect(await watched(new Precedence().giveWay())()).toBe('goes on')
})

test('a piece waits until the message is handed over, by its id', async () => {
  const precedence = new Precedence()
  precedence.begin().isOf('m1')
  const piece = watched(precedence.giveWay())
  precedence.end('m2')
  expect(await piece()).toBe('waits')
  precedence.end('m1')
  expect(await piece()).toBe('goes on')
})

test('of several messages the last one lets it go on', async () => {
  const precedence = new Precedence()
  const [first, second] = [precedence.begin(), precedence.begin()]
  const piece = watched(precedence.giveWay())
  first.end()
  expect(await piece()).toBe('waits')
  second.end()
  expect(await piece()).toBe('goes on')
})

test('one that is handed over before its id is told is not kept', async () => {
  const precedence = new Precedence()
  const way = precedence.begin()
  way.end()
  way.isOf('m1')
  expect(await watched(precedence.giveWay())()).toBe('goes on')
})

test('a message that nobody ends lapses', async () => {
  const precedence = new Precedence()
  precedence.begin().isOf('held up at its gateway')
  await precedence.giveWay()
})

test('campaigns work for as long as they were held back before they are again', async () => {
  let now = 1000
  const precedence = new Precedence(() => now)
  const way = precedence.begin()
  const piece = watched(precedence.giveWay())
  now += 20
  way.end()
  expect(await piece()).toBe('goes on')
  const next = precedence.begin()
  now += 19
  expect(await watched(precedence.giveWay())()).toBe('goes on')
  now += 1
  const last = watched(precedence.giveWay())
  expect(await last()).toBe('waits')
  next.end()
  expect(await last()).toBe('goes on')
})
