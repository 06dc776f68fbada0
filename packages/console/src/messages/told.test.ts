import type { LivePicture, MessageSummary } from '@roost/protocol'
import { expect, test } from 'vitest'
import { markOfList, markOfNumbers, withTold } from './told.ts'

const COUNTS = {
  ...{ targeted: 10, accepted: 4, dead: 0, deadHeld: 0, failed: 0, skipped: 0, uncertain: 0 },
  ...{ possibleDuplicates: 0, delivered: 0, pending: 6, opened: 0 },
}
const message = (of: Partial<MessageSummary> = {}): MessageSummary => ({
  ...{
    id: 'm1',
    createdAt: '',
    sendAt: '',
    finishedAt: null,
    state: 'sending',
    title: 'Hello',
    campaign: null,
  },
  ...{ counts: COUNTS, waiting: 6, awaits: [], progress: 0.4, held: [] },
  ...of,
})
const picture = (...messages: readonly MessageSummary[]): LivePicture => ({
  ...{
    messages: [...messages],
    alerts: [],
    jobs: [],
    credentials: [],
    devices: null,
    works: [],
    trouble: null,
  },
})

test('what the stream tells of a message is laid over what was read, and what it does not tell stays', () => {
  const read = { ...message(), audience: { kind: 'all' } }
  const told = message({ state: 'done', progress: 1 })
  expect(withTold(read, picture(told))).toEqual({ ...told, audience: { kind: 'all' } })
})

test('a message that the stream does not tell of is as it was read, also while there is no stream', () => {
  const read = message()
  expect(withTold(read, picture(message({ id: 'm2', state: 'done' })))).toBe(read)
  expect(withTold(read, undefined)).toBe(read)
})

test('the list is another one when a message has come or changed its state, and not when it has only moved', () => {
  const before = markOfList(picture(message()))
  expect(markOfList(picture(message({ progress: 0.9 })))).toBe(before)
  expect(markOfList(picture(message({ state: 'paused' })))).not.toBe(before)
  expect(markOfList(picture(message({ id: 'm2' }), message()))).not.toBe(before)
  expect(markOfList(undefined)).toBe('')
})

test('an app without messages is told of, too: its first one makes another list', () => {
  expect(markOfList(picture())).not.toBe('')
  expect(markOfList(picture(message()))).not.toBe(markOfList(picture()))
})

test('each number of a report makes it another one', () => {
  const before = markOfNumbers(message())
  expect(markOfNumbers(message({ progress: 0.5 }))).toBe(before)
  expect(markOfNumbers(message({ counts: { ...COUNTS, opened: 1 } }))).not.toBe(before)
  expect(markOfNumbers(message({ finishedAt: '2026-11-22T00:00:00Z' }))).not.toBe(before)
})
