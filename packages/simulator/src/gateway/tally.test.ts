/**
 * The tally of messages: it must count right where its pages begin and end.
 */
import { expect, test } from 'vitest'
import { Tally } from './tally.ts'

test('a message is counted per token, refused attempts and repeats included', () => {
  const tally = new Tally()
  for (const token of ['a', 'b', 'b', 'c']) tally.attempted(token, 'hash')
  for (const token of ['b', 'b', 'c']) tally.accepted('apns', token, 'hash')
  tally.attempted('a', 'other')
  expect(tally.attemptsFor('hash')).toEqual(
    new Map([
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ]),
  )
  expect(tally.acceptedFor('hash')).toEqual({ acceptances: 3, tokens: new Set(['b', 'c']) })
  expect(tally.acceptedFor('other')).toEqual({ acceptances: 0, tokens: new Set() })
  expect(tally.acceptedFor('unknown')).toEqual({ acceptances: 0, tokens: new Set() })
})

test('a thousand tokens, and one far from the others, keep their own counts', () => {
  const tally = new Tally()
  const tokens = Array.from({ length: 1000 }, (_, i) => `token-${i}`)
  for (const token of tokens) tally.attempted(token, 'everybody')
  for (const token of tokens) tally.accepted('fcm', token, 'everybody')
  tally.attempted('token-999', 'one')
  tally.accepted('fcm', 'token-999', 'one')
  expect(tally.acceptedFor('everybody')).toEqual({ acceptances: 1000, tokens: new Set(tokens) })
  expect([...tally.attemptsFor('everybody').values()].every(attempts => attempts === 1)).toBe(true)
  expect(tally.acceptedFor('one')).toEqual({ acceptances: 1, tokens: new Set(['token-999']) })
})
