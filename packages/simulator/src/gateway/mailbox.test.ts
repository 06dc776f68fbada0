/**
 * The air with phones that go offline: what waits, what is forgotten, and in which order it arrives.
 */
import { beforeEach, expect, test } from 'vitest'
import { type AcceptedPush, Air } from './air.ts'

let now = 0
let air: Air
let received: string[] = []

beforeEach(() => {
  now = 1_000_000
  received = []
  air = new Air({ clock: () => now })
  air.listen('token', push => received.push(push.messageId))
})

function push(messageId: string, ttlSeconds?: number): AcceptedPush {
  return {
    gateway: 'fcm',
    token: 'token',
    payload: {},
    hash: undefined,
    messageId,
    collapseKey: undefined,
    ttlSeconds,
    headers: {},
  }
}

test('a phone that is online gets a push at once, also one that may not be held', () => {
  air.carry(push('first', 0))
  expect(received).toEqual(['first'])
  expect(air.held('token')).toEqual([])
})

test('a phone that comes back gets what was held, oldest first, and only once', () => {
  air.setOnline('token', false)
  air.carry(push('first'))
  air.carry(push('second'))
  expect(received).toEqual([])
  expect(air.isOnline('token')).toBe(false)
  air.setOnline('token', false)
  air.setOnline('token', true)
  air.setOnline('token', true)
  air.carry(push('third'))
  expect(received).toEqual(['first', 'second', 'third'])
})

test('what has expired when the phone comes back, and what may not be held, is not delivered', () => {
  air.setOnline('token', false)
  air.carry(push('never held', 0))
  air.carry(push('short', 10))
  air.carry(push('long', 20))
  now += 10_000
  expect(air.held('token').map(it => it.messageId)).toEqual(['long'])
  air.setOnline('token', true)
  expect(received).toEqual(['long'])
})

test('a gateway decides what it holds and for how long at most', () => {
  air.storeBy('fcm', { maxSeconds: 60, keep: (held, next) => [...held.slice(-1), next] })
  air.setOnline('token', false)
  for (const id of ['first', 'second', 'third']) air.carry(push(id, 3600))
  expect(air.held('token').map(it => it.messageId)).toEqual(['second', 'third'])
  now += 60_000
  expect(air.held('token')).toEqual([])
})

test('a phone that leaves its token takes with it what was held', () => {
  air.setOnline('token', false)
  air.carry(push('first'))
  air.leave('token')
  air.setOnline('token', true)
  expect(received).toEqual([])
})
