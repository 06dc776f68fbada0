import { describe, expect, test } from 'vitest'
import {
  ACCESS_TOKEN_REFUSED,
  accept,
  errorBody,
  fcm,
  fcmError,
  type Handle,
  quotaFailure,
} from '../../test/fcm.ts'
import { attemptTo, type MovableClock } from '../../test/fixtures.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { Timer } from '../pacing.ts'
import { createFcmClient } from './client.ts'

const to = { token: 'device-token:APA91' }
const QUOTA = { kind: 'retry', scope: 'credential' }

function overQuota(words: string, headers: Record<string, string> = {}): Handle {
  const body = errorBody(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded', [
    fcmError('QUOTA_EXCEEDED'),
    quotaFailure(words),
  ])
  return request => request.answer(429, headers, body)
}

/** What is to come after a while comes at once, and the clock says that the while has passed. */
function hurryingTimer(clock: MovableClock): Timer {
  return {
    after: (ms, call) => {
      const handle = setImmediate(() => {
        clock.move(ms)
        call()
      })
      return () => clearImmediate(handle)
    },
  }
}

test('10 000 messages of a quiet sender leave within a few seconds', async () => {
  const { options, clock, sends } = await fcm(accept, undefined, { maxStreams: 100 })
  const client = createFcmClient({ ...options, timer: hurryingTimer(clock) })
  const began = clock.now()
  const outcomes = await Promise.all(Array.from({ length: 10_000 }, () => client.send(attemptTo(to))))
  expect(outcomes.every(it => it.kind === 'accepted')).toBe(true)
  expect(sends()).toHaveLength(10_000)
  expect(clock.now() - began).toBeLessThan(5000) // spread by the quota's minute they would take 60 s
}, 120_000)

test('a smaller quota is kept to, and what would wait past its deadline is told when to come', async () => {
  const { options, sends } = await fcm(accept)
  const client = createFcmClient({ ...options, messagesPerMinute: 40, deadlineMs: 10_000 })
  const sending = Array.from({ length: 40 }, () => client.send(attemptTo(to)))
  const outcomes: AttemptOutcome[] = []
  for (const one of sending) void one.then(outcome => outcomes.push(outcome))
  await Promise.all(sending.slice(0, 10))
  await sending[39]
  // Ten go at once; one more would have its turn within 10 s, and waits for it.
  expect(outcomes.filter(it => it.kind === 'accepted')).toHaveLength(10)
  const waiting = outcomes.filter(it => it.kind === 'retry')
  expect(waiting).toHaveLength(29)
  expect(waiting.every(it => it.scope === 'credential' && (it.afterMs ?? 0) > 10_000)).toBe(true)
  await client.close()
  await Promise.all(sending)
  expect(sends()).toHaveLength(10)
})

test('what is not wanted any more when its turn comes is not sent, and leaves the quota to the next one', async () => {
  const { options, clock, sends } = await fcm(accept)
  const timer = hurryingTimer(clock)
  const client = createFcmClient({ ...options, timer, messagesPerMinute: 40, deadlineMs: 30_000 })
  await Promise.all(Array.from({ length: 10 }, () => client.send(attemptTo(to))))
  const began = clock.now()
  const wish = { isWanted: true }
  const stale = client.send({ ...attemptTo(to), wish })
  const wanted = client.send(attemptTo(to))
  wish.isWanted = false
  expect(await stale).toEqual({ kind: 'not_sent', reason: 'it was not wanted any more' })
  expect(await wanted).toMatchObject({ kind: 'accepted' })
  expect(sends()).toHaveLength(11)
  expect(clock.now() - began).toBeLessThan(10_000) // one message's worth of quota takes 7 s to come in, that of two 12 s
})

describe('a 429 of the project', () => {
  test.each([
    ['until its Retry-After', { 'retry-after': '25' }, 25_000],
    ['for a minute without one', {}, 60_000],
  ])('holds all sends up %s, without asking again', async (_until, headers, ms) => {
    let isOver = true
    const { client, clock, sends } = await fcm(request =>
      isOver ? overQuota('Message rate exceeded', headers)(request) : accept(request),
    )
    expect(await client.send(attemptTo(to))).toMatchObject({ ...QUOTA, afterMs: ms })
    isOver = false
    clock.move(ms - 1)
    expect(await client.send(attemptTo(to))).toMatchObject({ ...QUOTA, afterMs: 1 })
    expect(sends()).toHaveLength(1)
    clock.move(2)
    expect(await client.send(attemptTo(to))).toMatchObject({ kind: 'accepted' })
  })

  test.each(['Device message rate exceeded', 'Topic message rate exceeded'])(
    'is not meant by "%s": others go on',
    async words => {
      const { client, sends } = await fcm(request =>
        request.index === 1 ? overQuota(words)(request) : accept(request),
      )
      expect(await client.send(attemptTo(to))).toEqual({
        kind: 'retry',
        scope: 'device',
        afterMs: 60_000,
        reason: expect.any(String),
      })
      expect(await client.send(attemptTo(to))).toMatchObject({ kind: 'accepted' })
      expect(sends()).toHaveLength(2)
    },
  )
})

test('a request that is sent again with a new access token counts as two', async () => {
  const { options, sends } = await fcm(request =>
    request.headers.authorization === 'Bearer token-1'
      ? request.answer(401, {}, ACCESS_TOKEN_REFUSED)
      : accept(request),
  )
  const client = createFcmClient({ ...options, messagesPerMinute: 12, deadlineMs: 10_000 })
  const outcomes = []
  for (let i = 0; i < 3; i++) outcomes.push(await client.send(attemptTo(to)))
  expect(outcomes.map(it => it.kind)).toEqual(['accepted', 'accepted', 'retry'])
  expect(sends()).toHaveLength(3)
})
