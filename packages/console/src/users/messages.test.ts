import type { TimeLineEntry } from '@roost/protocol'
import { expect, test } from 'vitest'
import { messagesOf } from './messages.ts'

const entry = (at: string, kind: TimeLineEntry['kind']): TimeLineEntry => ({
  at: `2026-11-${at}T00:00:00.000Z`,
  kind,
  what: 'accepted',
  reason: null,
  messageId: 'm',
  data: {},
})

test('messages and receipts of all devices are told together, the newest first, and nothing else', () => {
  const lines = [
    [entry('20', 'message'), entry('19', 'token'), entry('03', 'receipt')],
    [entry('21', 'receipt'), entry('10', 'opening')],
  ]
  expect(messagesOf(lines, 10).map(({ at }) => at.slice(8, 10))).toEqual(['21', '20', '03'])
  expect(messagesOf(lines, 1)).toHaveLength(1)
})
