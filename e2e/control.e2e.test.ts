/**
 * Pausing and cancelling take effect within two seconds on all servers: two processes send, a third takes the calls, and
 * the stand-ins tell when the last push came in.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { MessageView } from '@roost/protocol'
import { afterEach, expect, test } from 'vitest'
import { type Fleet, startFleet } from './support/fleet.ts'

const PHONES = 6000
/** What the product promises. */
const WITHIN_MS = 2000
/** Nothing has come for so long: nothing comes any more. */
const QUIET_MS = 1500
/** Of the whole test, whose phones come in first: 100 s beside a load of 15 on two cores. */
const TEST_WITHIN_MS = 300_000

let fleet: Fleet | undefined
afterEach(() => fleet?.close())

/** How long after `begunAt` the last of these pushes was taken. */
async function lastTakenMs(count: () => number, begunAt: number): Promise<number> {
  let [before, lastAt] = [count(), begunAt]
  while (performance.now() - lastAt < QUIET_MS) {
    await pause(5)
    const now = count()
    if (now !== before) lastAt = performance.now()
    before = now
  }
  return lastAt - begunAt
}

const TITLE = 'a %s is obeyed by two processes that send within two seconds'

test.each(['pause', 'cancel'])(TITLE, { timeout: TEST_WITHIN_MS }, async verb => {
  fleet = await startFleet()
  const { simulator, api, app } = fleet
  await Promise.all([fleet.startSender(), fleet.startSender()])
  await fleet.crowd(PHONES)
  simulator.apns.faults.setLatency(300, 600)
  simulator.fcm.faults.setLatency(300, 600)
  const id = await fleet.send({ to: { all: true }, content: { title: 'Stop me' } })
  const taken = () => simulator.acceptedFor(id.replaceAll('-', '')).acceptances
  while (taken() < PHONES / 4) await pause(5)
  const begunAt = performance.now()
  const stopped = await api.rest<MessageView>('POST', `/v1/apps/${app}/messages/${id}/${verb}`)
  const ms = await lastTakenMs(taken, begunAt)
  console.log(`${verb}: the last push was taken ${Math.round(ms)} ms after the call, ${taken()} of ${PHONES}`)
  expect(stopped.state).toBe(verb === 'pause' ? 'paused' : 'cancelled')
  expect(taken()).toBeLessThan(PHONES)
  expect(ms).toBeLessThan(WITHIN_MS)
  if (verb === 'pause') await api.rest('POST', `/v1/apps/${app}/messages/${id}/resume`)
  const ended = await fleet.until(id, it => it.finishedAt !== null)
  expect(ended.counts.targeted).toBe(PHONES)
  expect(ended.counts.accepted).toBe(taken())
  expect(ended.counts.accepted + ended.counts.skipped).toBe(PHONES)
})
