/**
 * Several processes on one database: one takes the calls, two send. One of these is killed in the middle of a campaign, and that
 * changes only how long it takes.
 */
import { afterEach, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { type Fleet, startFleet } from './support/fleet.ts'

const PHONES = 4000
/** What the dead sender may have sent and not yet committed: six batches with a chunk of 500 each. */
const REPEATS_AT_MOST = 6 * 500
const WITHIN_MS = 90_000
/** Of the whole test, which waits for several such things: 90 s beside a load of 15 on two cores. */
const TEST_WITHIN_MS = 300_000

let fleet: Fleet | undefined
afterEach(() => fleet?.close())

test('kill -9 of one of two senders in the middle of a campaign loses nobody, and the message ends', {
  timeout: TEST_WITHIN_MS,
}, async () => {
  fleet = await startFleet()
  const { simulator } = fleet
  const killed = await fleet.startSender()
  await fleet.startSender()
  const crowd = await fleet.crowd(PHONES)
  simulator.apns.faults.setLatency(100, 200)
  simulator.fcm.faults.setLatency(100, 200)
  // Two campaigns, so that both senders have a batch.
  const ids: string[] = []
  for (const title of ['One', 'Two']) ids.push(await fleet.send({ to: { all: true }, content: { title } }))
  const acceptances = () => ids.map(id => simulator.acceptedFor(id.replaceAll('-', '')).acceptances)
  await eventually({
    what: 'a part of both',
    read: acceptances,
    until: counts => counts.every(it => it > 0),
    withinMs: WITHIN_MS,
  })
  await killed.end('SIGKILL')
  expect(Math.min(...acceptances())).toBeLessThan(PHONES)
  for (const id of ids) {
    const done = await fleet.until(id, message => message.state === 'done', WITHIN_MS)
    expect(done.counts).toMatchObject({
      targeted: PHONES,
      accepted: PHONES,
      failed: 0,
      skipped: 0,
      uncertain: 0,
      pending: 0,
    })
    const { acceptances: count, tokens } = simulator.acceptedFor(id.replaceAll('-', ''))
    expect(tokens.size).toBe(PHONES)
    expect(count - PHONES).toBeLessThanOrEqual(REPEATS_AT_MOST)
  }
  expect(crowd.phones.filter(phone => phone.shownCount !== 2)).toHaveLength(0)
})
