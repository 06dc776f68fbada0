import { describe, expect, test } from 'vitest'
import { accept, fcm, type Handle, isTrial, messageOf, UNCLEAR } from '../../test/fcm.ts'
import { attemptTo } from '../../test/fixtures.ts'
import type { PeerRequest } from '../../test/peer.ts'
import { systemClock } from '../clock.ts'
import { createFcmClient } from './client.ts'

const MINUTE = 60_000
const refuse: Handle = request => request.answer(400, {}, UNCLEAR)
const tokenOf = (request: PeerRequest): string => String(messageOf(request).token)
const good = { token: 'good' }
const bad = { token: 'bad' }
const DEAD = { kind: 'address_dead' }
const MESSAGE = { kind: 'message_fault' }
const UNDECIDED = { kind: 'address_mismatch', reason: expect.stringContaining('undecided') }

/** A peer that refuses the token `bad`, whatever it is sent. */
const refuseBadToken: Handle = request => (tokenOf(request) === 'bad' ? refuse(request) : accept(request))
/** A peer that takes trials only. */
const refusePayload: Handle = request => (isTrial(request) ? accept(request) : refuse(request))

describe('what others got for the same payload', () => {
  test('a payload that was taken for another token within a minute is good, so the token is dead, without a trial', async () => {
    const { client, clock, sends } = await fcm(refuseBadToken)
    await client.send(attemptTo(good))
    clock.move(MINUTE)
    expect(await client.send(attemptTo(bad))).toMatchObject(DEAD)
    expect(sends().filter(isTrial)).toHaveLength(0)
  })

  test('a payload that was taken more than a minute ago proves nothing any more', async () => {
    const { client, clock, sends } = await fcm(refuseBadToken)
    await client.send(attemptTo(good))
    clock.move(MINUTE + 1)
    await client.send(attemptTo(bad))
    expect(sends().filter(isTrial)).toHaveLength(1)
  })

  test('a payload that was taken for this very token proves nothing about it', async () => {
    let isRefused = false
    const { client, sends } = await fcm(request => {
      if (isTrial(request) || !isRefused) accept(request)
      else refuse(request)
    })
    await client.send(attemptTo(bad))
    isRefused = true
    expect(await client.send(attemptTo(bad))).toMatchObject(MESSAGE)
    expect(sends().filter(isTrial)).toHaveLength(1)
  })

  test('another payload that was taken proves nothing about this one', async () => {
    const { client, sends } = await fcm(refuseBadToken)
    await client.send(attemptTo(good, { title: 'Another' }))
    await client.send(attemptTo(bad))
    expect(sends().filter(isTrial)).toHaveLength(1)
  })

  test('a payload that three tokens were refused with, and none was taken with, is at fault, without a trial for the third', async () => {
    const { client, sends } = await fcm(refuse)
    const outcomes = []
    for (const token of ['a', 'b', 'c', 'd']) outcomes.push(await client.send(attemptTo({ token })))
    expect(outcomes).toMatchObject([UNDECIDED, UNDECIDED, MESSAGE, MESSAGE])
    expect(sends().filter(isTrial)).toHaveLength(2)
  })

  test('the same token refused again and again is one token', async () => {
    const { client } = await fcm(refuse)
    for (let i = 0; i < 5; i++) expect(await client.send(attemptTo(bad))).toMatchObject(UNDECIDED)
  })
})

describe('a trial', () => {
  test('sends a small data message to the same token and delivers nothing', async () => {
    const { client, sends } = await fcm(refusePayload)
    await client.send(attemptTo(bad))
    expect(JSON.parse(String(sends()[1]?.body))).toEqual({
      validate_only: true,
      message: { token: 'bad', data: { check: '1' } },
    })
  })

  test('goes to the installation id of an address that is one', async () => {
    const { client, sends } = await fcm(refusePayload)
    expect(await client.send(attemptTo({ fid: 'cxQ5-fid' }))).toMatchObject(MESSAGE)
    expect(messageOf(sends()[1])).toEqual({ fid: 'cxQ5-fid', data: { check: '1' } })
  })

  test('that is taken shows that the payload was at fault', async () => {
    const { client } = await fcm(refusePayload)
    expect(await client.send(attemptTo(bad))).toMatchObject(MESSAGE)
  })

  test('that is refused too ends the token, when this project was taken from lately', async () => {
    const { client, clock } = await fcm(refuseBadToken)
    await client.send(attemptTo(good, { title: 'Another' }))
    clock.move(10 * MINUTE)
    expect(await client.send(attemptTo(bad))).toMatchObject(DEAD)
    clock.move(1)
    expect(await client.send(attemptTo(bad))).toMatchObject(UNDECIDED)
  })

  test.each([
    ['a server error', 503],
    ['a refusal of the project', 403],
    ['a used-up quota', 429],
  ])('that comes to %s decides nothing', async (_what, status) => {
    const { client } = await fcm(request =>
      isTrial(request) ? request.answer(status) : refuseBadToken(request),
    )
    await client.send(attemptTo(good, { title: 'Another' }))
    expect(await client.send(attemptTo(bad))).toMatchObject(UNDECIDED)
  })

  test('is made for three tokens at once and no more; the others are kept undecided', async () => {
    const trials: PeerRequest[] = []
    let sent = 0
    const { client } = await fcm(request => {
      if (!isTrial(request)) {
        sent += 1
        refuse(request)
      } else trials.push(request)
      // The last refusal is answered before the first trial is.
      if (sent === 8 && trials.length === 3) for (const trial of trials) accept(trial)
    })
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => client.send(attemptTo({ token: `t${i}` }, { title: `For ${i}` }))),
    )
    expect(trials).toHaveLength(3)
    expect(outcomes.filter(it => it.kind === 'message_fault')).toHaveLength(3)
    expect(outcomes.filter(it => it.kind === 'address_mismatch')).toHaveLength(5)
  })

  test('is made twenty times a minute at most', async () => {
    const { client, clock, sends } = await fcm(refusePayload)
    const sendMany = async () => {
      for (let i = 0; i < 25; i++) await client.send(attemptTo({ token: `t${i}` }, { title: `For ${i}` }))
    }
    await sendMany()
    expect(sends().filter(isTrial)).toHaveLength(20)
    clock.move(3 * MINUTE)
    await sendMany()
    expect(sends().filter(isTrial)).toHaveLength(40)
  })
})

test('a faulty payload in a campaign of 10 000 tokens ends none, and costs two trials', async () => {
  const { options, sends } = await fcm(refusePayload, undefined, { maxStreams: 100 })
  const client = createFcmClient({ ...options, clock: systemClock })
  await client.send(attemptTo({ token: 'first' }))
  const outcomes = await Promise.all(
    Array.from({ length: 10_000 }, (_, i) => client.send(attemptTo({ token: `t${i}` }))),
  )
  expect(new Set(outcomes.map(it => it.kind))).toEqual(new Set(['message_fault']))
  expect(sends().filter(isTrial).length).toBeLessThanOrEqual(2)
})

test('a faulty payload that is different for each of 1000 tokens ends none of them', async () => {
  const { options, sends } = await fcm(
    request => {
      const isFaulty = String(request.body).includes('Faulty')
      if (isFaulty) refuse(request)
      else accept(request)
    },
    undefined,
    { maxStreams: 100 },
  )
  const client = createFcmClient({ ...options, clock: systemClock })
  await client.send(attemptTo(good))
  const outcomes = await Promise.all(
    Array.from({ length: 1000 }, (_, i) =>
      client.send(attemptTo({ token: `t${i}` }, { title: `Faulty for ${i}` })),
    ),
  )
  expect(outcomes.filter(it => it.kind === 'address_dead')).toHaveLength(0)
  expect(sends().filter(isTrial).length).toBeLessThanOrEqual(20)
})

test('a topic has no address to end: the refusal is about the message', async () => {
  const { client, sends } = await fcm(refuse)
  expect(await client.send(attemptTo({ topic: 'news' }))).toMatchObject(MESSAGE)
  expect(sends()).toHaveLength(1)
})
