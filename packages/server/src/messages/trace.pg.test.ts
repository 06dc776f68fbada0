/** Traces against the whole server: what became of a message for a device, proven from what is on record. */
import type { SegmentView, TraceView } from '@roost/protocol'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { dropOldAcceptances } from '../dispatch/acceptances.ts'

const DAY_MS = 24 * 3_600_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const CONTENT = { title: 'Hello' }

const traceOf = async (id: string, hwid: string) => {
  const path = `/v1/apps/${roost.app}/messages/${id}/trace?hwid=${encodeURIComponent(hwid)}`
  const { status, body } = await roost.rest<TraceView>('GET', path)
  expect(status).toBe(200)
  return body
}

test('who was in a campaign was accepted, with gateway, try and time; who came later was not sent to', async () => {
  const phones = await Promise.all([roost.phone('ios'), roost.phone('android'), roost.phone('web')])
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
  for (const [phone, gateway] of phones.map((it, i) => [it, ['apns', 'fcm', 'webpush'][i]] as const))
    expect(await traceOf(id, phone.hwid)).toMatchObject({ outcome: 'accepted', gateway, attempts: 1 })
  const late = await roost.phone('ios')
  const trace = await traceOf(id, late.hwid)
  expect(trace).toMatchObject({ outcome: 'not_sent', reason: 'not_in_audience', at: null })
  expect(trace.evidence.join()).toContain('every acceptance of this message is on record')
})

test('who came or changed after the nightly snapshot is told so, also when a later one has taken its place', async () => {
  const condition = { tag: 'plan', op: 'eq', value: 'gold' }
  const member = await roost.phone('ios', { tags: { plan: 'gold' } })
  const changed = await roost.phone('ios')
  const made = await roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/segments`, {
    name: 'Gold at night',
    mode: 'nightly',
    condition,
  })
  const path = `/v1/apps/${roost.app}/segments/${made.body.id}`
  const computed = async (since: number) => {
    for (;;) {
      const { nightly } = (await roost.rest<SegmentView>('GET', path)).body
      if (Date.parse(nightly?.snapshot?.computedAt ?? '') >= since) return nightly?.snapshot?.computedAt
      await tick()
    }
  }
  const at = await computed(0)
  roost.clock.advance(60_000)
  const late = await roost.phone('ios', { tags: { plan: 'gold' } })
  await roost.device('setTags', { hwid: changed.hwid, tags: { plan: 'gold' } })
  const { id, counts } = await roost.sendAndSettle({ to: { segment: made.body.id }, content: CONTENT })
  expect(counts).toMatchObject({ targeted: 1, accepted: 1 })
  const evidenceOf = async (phone: { hwid: string }) => {
    const { outcome, evidence } = await traceOf(id, phone.hwid)
    return { outcome, text: evidence.join('; ') }
  }
  expect((await evidenceOf(member)).text).not.toContain('Gold at night')
  const told = `the nightly segment "Gold at night" means who was in it when it was computed, at ${at}`
  const ofLate = { outcome: 'not_sent', text: expect.stringMatching(`${told}.*it came at`) }
  expect(await evidenceOf(late)).toEqual(ofLate)
  expect((await evidenceOf(changed)).text).toMatch(
    `${told}: the device was not, and what it has told since then`,
  )
  roost.clock.advance(60_000)
  const since = roost.clock.now()
  await roost.rest('POST', `${path}/compute`)
  await computed(since)
  expect(await evidenceOf(late)).toEqual(ofLate)
})

test('a device that there is not, and of which nothing is on record, is no finding', async () => {
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
  const answer = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${id}/trace?hwid=a-slip`)
  expect(answer).toMatchObject({ status: 404, body: { code: 'device_unknown' } })
})

test('a second try is counted', async () => {
  const phone = await roost.phone('ios')
  roost.simulator.apns.faults.answerFor(phone.token as string, { reason: 'InternalServerError' }, 1)
  roost.clock.stand() // its next try is due after a second
  onTestFinished(() => roost.clock.run())
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: CONTENT })
  await roost.until(id, ({ retrying }) => retrying.length > 0)
  roost.clock.run()
  roost.clock.advance(DAY_MS / 24)
  await roost.settle(id)
  expect(await traceOf(id, phone.hwid)).toMatchObject({ outcome: 'accepted', attempts: 2 })
})

test('who was skipped, and who waits, and why', async () => {
  const phone = await roost.phone('ios')
  roost.simulator.apns.faults.answerFor(phone.token as string, { reason: 'TooManyRequests' })
  const id = await roost.send({ to: { devices: [phone.hwid, 'nobody'] }, content: CONTENT })
  await roost.until(id, ({ retrying }) => retrying.length > 0)
  expect(await traceOf(id, 'nobody')).toMatchObject({ outcome: 'skipped', reason: 'device_unknown' })
  const waiting = await traceOf(id, phone.hwid)
  expect(waiting).toMatchObject({ outcome: 'waiting', gateway: 'apns' })
  expect(waiting.reason).toContain('TooManyRequests')
  expect(Date.parse(waiting.nextTryAt as string)).toBeGreaterThan(0)
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  await roost.until(id, ({ finishedAt }) => finishedAt !== null)
  expect(await traceOf(id, phone.hwid)).toMatchObject({ outcome: 'skipped', reason: 'cancelled' })
  roost.simulator.apns.faults.clear() // a message to all would wait for this phone
})

test('before its time a message is pending, and a cancelled one was not sent', async () => {
  const phone = await roost.phone('ios')
  const sendAt = new Date(roost.clock.now() + DAY_MS).toISOString()
  const id = await roost.send({ to: { all: true }, content: CONTENT, sendAt })
  expect(await traceOf(id, phone.hwid)).toMatchObject({ outcome: 'pending' })
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  expect(await traceOf(id, phone.hwid)).toMatchObject({ outcome: 'not_sent', reason: 'cancelled' })
})

test('receipts are told beside what the gateway said', async () => {
  const phone = await roost.phone('ios')
  const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT })
  await roost.device('pushStat', { hwid: phone.hwid, hash: id.replaceAll('-', '') })
  const { outcome, receipts } = await traceOf(id, phone.hwid)
  expect(outcome).toBe('accepted')
  expect(receipts.map(it => it.kind)).toContain('opened')
})

test('an erased device is found in no acceptance any more, and its neighbours are', async () => {
  const [gone, kept] = [await roost.phone('ios'), await roost.phone('ios')]
  const { id } = await roost.sendAndSettle({ to: { devices: [gone.hwid, kept.hwid] }, content: CONTENT })
  const { body } = await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${gone.hwid}`)
  expect(body).toMatchObject({ counts: { acceptance: 1 } })
  const path = `/v1/apps/${roost.app}/messages/${id}/trace?hwid=${gone.hwid}`
  expect((await roost.rest('GET', path)).body).toMatchObject({ code: 'device_unknown' })
  expect(await traceOf(id, kept.hwid)).toMatchObject({ outcome: 'accepted' })
})

test('after 30 days nothing is claimed of whom there is no record of', async () => {
  const phone = await roost.phone('ios')
  const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT })
  await dropOldAcceptances(roost.server.db, roost.clock.now() + 29 * DAY_MS)
  expect(await traceOf(id, phone.hwid)).toMatchObject({ outcome: 'accepted' })
  await dropOldAcceptances(roost.server.db, roost.clock.now() + 31 * DAY_MS)
  expect(await traceOf(id, phone.hwid)).toMatchObject({ outcome: 'unknown' })
})
