/** The rest of an experiment on its way: addresses that change hands before it is sent, and workers that die with a part of it. */
import type { Experiment } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { slotOf } from '../messages/experiments/parts.ts'

const ANDROID = 3
const PHONES = 24
const EXPERIMENT: Experiment = {
  variants: [
    { name: 'A', percent: 30, content: { title: 'A' } },
    { name: 'B', percent: 30, content: { title: 'B' } },
  ],
  winner: {},
}

let roost: TestRoost
beforeEach(async () => {
  roost = await startRoost()
})
afterEach(() => roost.close())

interface Begun {
  readonly id: string
  readonly tested: readonly Phone[]
  readonly rest: readonly Phone[]
}

/** The variants are sent, and the rest waits for a word. */
async function begin(): Promise<Begun> {
  const phones = await Promise.all(Array.from({ length: PHONES }, () => roost.phone('android')))
  const id = await roost.send({
    to: { all: true },
    content: { title: 'Plain' },
    experiment: EXPERIMENT,
  })
  const isTested = (it: Phone) => slotOf(id, it.hwid) < 6000
  const tested = phones.filter(isTested)
  await roost.until(id, it => it.counts.accepted === tested.length)
  return { id, tested, rest: phones.filter(it => !isTested(it)) }
}

async function choose(id: string): Promise<void> {
  const answer = await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/winner`, { variant: 'A' })
  expect(answer.status).toBe(200)
}

async function takeOver(hwid: string, { token }: Phone): Promise<void> {
  const answer = await roost.device('registerDevice', { hwid, device_type: ANDROID, push_token: token })
  expect(answer.body).toMatchObject({ status_code: 200 })
}

test('R4: an address of the rest that changes hands before the rest is sent is sent to once', async () => {
  const { id, rest } = await begin()
  const [former] = rest as [Phone]
  await takeOver('next', former)
  await choose(id)
  const done = await roost.settle(id)
  expect(done.counts).toMatchObject({ targeted: PHONES, accepted: PHONES, skipped: 0 })
  expect(former.shownCount).toBe(1)
})

test('R4: an address that has got a variant does not get the rest, too, when it changes hands', async () => {
  const { id, tested } = await begin()
  const [former] = tested as [Phone]
  await takeOver('next', former)
  await choose(id)
  const done = await roost.settle(id)
  expect(done.counts).toMatchObject({ targeted: PHONES + 1, accepted: PHONES, skipped: 1 })
  expect(former.shownCount).toBe(1)
})

test('a cancel counts nobody twice of a rest whose worker has died', async () => {
  const { id, tested, rest } = await begin()
  const { faults } = roost.simulator.fcm
  faults.holdAnswers()
  await choose(id)
  await faults.waitForHeld(rest.length)
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  await roost.server.db.query(
    "update batch set lease_until = now() - interval '1 minute', leased_by = gen_random_uuid() where message_id = $1 and is_rest",
    [id],
  )
  const ended = await roost.until(id, it => it.finishedAt !== null)
  faults.releaseAnswers()
  expect(ended.counts).toMatchObject({
    targeted: PHONES,
    accepted: tested.length,
    uncertain: rest.length,
    skipped: 0,
    pending: 0,
  })
})

test('what may have been taken twice of a rest whose worker has died is counted, and no more than that', async () => {
  const { id, rest } = await begin()
  const { faults } = roost.simulator.fcm
  faults.holdAnswers()
  await choose(id)
  await faults.waitForHeld(rest.length)
  await roost.server.db.query(
    "update batch set lease_until = now() - interval '1 minute', leased_by = gen_random_uuid() where message_id = $1 and is_rest",
    [id],
  )
  await faults.waitForHeld(2 * rest.length)
  faults.releaseAnswers()
  const done = await roost.settle(id)
  expect(done.counts).toMatchObject({ targeted: PHONES, accepted: PHONES, pending: 0 })
  expect(done.counts.possibleDuplicates).toBe(rest.length)
})
