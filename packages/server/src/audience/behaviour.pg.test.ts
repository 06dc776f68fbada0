/** Conditions over what devices did, from the call of a phone to what its gateway was sent. */
import type { Condition } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { dropOldAcceptances } from '../dispatch/acceptances.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const content = { title: 'Hello' }
const DAY_MS = 24 * 3_600_000
type Phone = Awaited<ReturnType<TestRoost['phone']>>

async function phones(names: readonly string[]): Promise<Record<string, Phone>> {
  const made: [string, Phone][] = []
  for (const name of names) made.push([name, await roost.phone('android', { tags: { name } })])
  return Object.fromEntries(made)
}

/** Who of them got a message that this condition is for. */
async function reached(those: Record<string, Phone>, condition: Condition): Promise<string[]> {
  const before = Object.entries(those).map(([name, phone]) => ({ name, phone, count: phone.shown.length }))
  const hwids = Object.values(those).map(it => it.hwid)
  const among: Condition = { and: [condition, { field: 'hwid', op: 'in', value: hwids }] }
  const { counts } = await roost.sendAndSettle({ to: { condition: among }, content })
  const names = before.filter(it => it.phone.shown.length > it.count).map(it => it.name)
  expect(counts).toMatchObject({ targeted: names.length, accepted: names.length })
  return names.sort()
}

const post = (phone: Phone, event: string) => roost.device('postEvent', { hwid: phone.hwid, event })

describe('events', () => {
  test('are counted ever, and by day, and "did not" is the exact opposite', async () => {
    const those = await phones(['often', 'once', 'past', 'never'])
    const { often, once, past } = those as Record<'often' | 'once' | 'past', Phone>
    for (let i = 0; i < 3; i++) await post(past, 'Buy')
    roost.clock.advance(40 * DAY_MS)
    await post(often, 'Buy')
    roost.clock.advance(3 * DAY_MS)
    for (const phone of [often, often, once]) await post(phone, 'Buy')

    expect(await reached(those, { event: 'Buy' })).toEqual(['often', 'once', 'past'])
    expect(await reached(those, { not: { event: 'Buy' } })).toEqual(['never'])
    expect(await reached(those, { event: 'Buy', withinDays: 30 })).toEqual(['often', 'once'])
    expect(await reached(those, { event: 'Buy', atLeast: 3 })).toEqual(['often', 'past'])
    expect(await reached(those, { event: 'Buy', atLeast: 3, withinDays: 30 })).toEqual(['often'])
    expect(await reached(those, { event: 'Buy', atLeast: 3, withinDays: 2 })).toEqual([])
    expect(await reached(those, { event: 'Buy', atLeast: 2, withinDays: 0 })).toEqual(['often'])
    expect(await reached(those, { not: { event: 'Buy', atLeast: 3, withinDays: 43 } })).toEqual([
      'never',
      'once',
    ])
    expect(await reached(those, { event: 'buy' })).toEqual([])
  })

  test('of a device lie in one row, with the days that can be asked for and no more', async () => {
    const phone = await roost.phone('android')
    for (let day = 0; day < 95; day++) {
      await post(phone, 'Daily')
      roost.clock.advance(DAY_MS)
    }
    await post(phone, 'Daily')
    const { rows } = await roost.server.db.query<{ days: number; sum: number; count: number; span: number }>(
      `select cardinality(days) as days, (select sum(n) from unnest(day_counts) n)::integer as sum, count,
              days[cardinality(days)] - days[1] as span
         from device_event where hwid = $1`,
      [phone.hwid],
    )
    expect(rows).toEqual([{ days: 91, sum: 91, count: 96, span: 90 }])
  })

  test('a clock that went back does not upset the order of the days', async () => {
    const phone = await roost.phone('android')
    await post(phone, 'Jump')
    roost.clock.advance(-5 * DAY_MS)
    await post(phone, 'Jump')
    roost.clock.advance(5 * DAY_MS)
    await post(phone, 'Jump')
    expect(await reached({ phone }, { event: 'Jump', atLeast: 3, withinDays: 0 })).toEqual(['phone'])
  })
})

describe('messages', () => {
  test('that were received and opened, or were not, choose who gets the next one', async () => {
    const those = await phones(['opener', 'receiver', 'nobody'])
    const { opener, receiver } = those as Record<'opener' | 'receiver', Phone>
    const message = await roost.send({
      to: { devices: [opener.hwid, receiver.hwid] },
      content,
    })
    await roost.settle(message)
    await roost.device('pushStat', { hwid: opener.hwid, hash: message.replaceAll('-', '') })

    expect(await reached(those, { message, was: 'opened' })).toEqual(['opener'])
    expect(await reached(those, { message, was: 'received' })).toEqual(['opener', 'receiver'])
    const silent: Condition = { and: [{ message, was: 'received' }, { not: { message, was: 'opened' } }] }
    expect(await reached(those, silent)).toEqual(['receiver'])
    expect(await reached(those, { not: { message: 'any', was: 'opened' } })).toEqual(['nobody', 'receiver'])
    roost.clock.advance(2 * DAY_MS)
    expect(await reached(those, { message: 'any', was: 'opened', withinDays: 2 })).toEqual(['opener'])
    expect(await reached(those, { message: 'any', was: 'opened', withinDays: 1 })).toEqual([])
  })

  test('that gateways took choose who did not get them, until that is not on record any more', async () => {
    const those = await phones(['got', 'missed'])
    const { got } = those as Record<'got', Phone>
    const { id: message } = await roost.sendAndSettle({ to: { devices: [got.hwid] }, content })
    expect(await reached(those, { message, was: 'accepted' })).toEqual(['got'])
    expect(await reached(those, { not: { message, was: 'accepted' } })).toEqual(['missed'])

    // Planned before the record is dropped, sent afterwards: nobody gets it twice.
    const condition: Condition = { not: { message, was: 'accepted' } }
    const sendAt = new Date(roost.clock.now() + 40 * DAY_MS).toISOString()
    const later = await roost.send({ to: { condition }, content, sendAt })
    const before = got.shown.length
    await dropOldAcceptances(roost.server.db, roost.clock.now() + 40 * DAY_MS)
    roost.clock.advance(40 * DAY_MS)
    expect((await roost.settle(later)).counts).toMatchObject({ targeted: 0 })
    expect(got.shown.length).toBe(before)
    const { status, body } = await roost.rest('POST', `/v1/apps/${roost.app}/messages`, {
      to: { condition },
      content,
    })
    expect([status, body.code]).toEqual([400, 'condition_invalid'])
    expect(body.detail).toContain('not on record any more')
  })

  test('of nobody are refused, since "did not open" would mean everybody', async () => {
    const message = '0199c0de-0000-7000-8000-000000000000'
    const condition: Condition = { not: { message, was: 'opened' } }
    const { status, body } = await roost.rest('POST', `/v1/apps/${roost.app}/messages`, {
      to: { condition },
      content,
    })
    expect([status, body.code]).toEqual([400, 'condition_invalid'])
    expect(body.detail).toBe(`condition.not: message ${message} is none of this app`)
  })
})

/** Real time goes on underneath: what is asked before midnight is answered before it, also on a busy machine. */
const BEFORE_MIDNIGHT_MS = 10 * 60_000

test('days ago are whole days in UTC, counted from the day of the sending', async () => {
  const those = await phones(['early', 'late'])
  const { early, late } = those as Record<'early' | 'late', Phone>
  roost.clock.advance(DAY_MS - (roost.clock.now() % DAY_MS)) // midnight
  await roost.device('applicationOpen', { hwid: early.hwid })
  roost.clock.advance(DAY_MS - BEFORE_MIDNIGHT_MS)
  await roost.device('applicationOpen', { hwid: late.hwid })
  roost.clock.advance(3 * DAY_MS)
  const opened = (op: 'eq' | 'gte' | 'lte' | 'ne', daysAgo: number): Condition => ({
    field: 'lastOpenAt',
    op,
    value: { daysAgo },
  })
  expect(await reached(those, opened('eq', 3))).toEqual(['early', 'late'])
  expect(await reached(those, opened('eq', 2))).toEqual([])
  expect(await reached(those, opened('gte', 3))).toEqual(['early', 'late'])
  expect(await reached(those, opened('gte', 2))).toEqual([])
  expect(await reached(those, opened('lte', 3))).toEqual(['early', 'late'])
  expect(await reached(those, opened('lte', 4))).toEqual([])
  expect(await reached(those, opened('ne', 3))).toEqual([])
  roost.clock.advance(BEFORE_MIDNIGHT_MS)
  expect(await reached(those, opened('eq', 4))).toEqual(['early', 'late'])
})

test('visitors, providers and the state of push are asked for by name', async () => {
  const those = await phones(['known', 'visitor', 'muted'])
  const { known, muted } = those as Record<'known' | 'muted', Phone>
  await known.logIn('user-1')
  await roost.device('applicationOpen', { hwid: muted.hwid, notificationTypes: 0 })
  expect(await reached(those, { field: 'isVisitor', op: 'eq', value: true })).toEqual(['visitor'])
  expect(await reached(those, { field: 'push', op: 'eq', value: 'reachable' })).toEqual(['known', 'visitor'])
  expect(await reached(those, { field: 'push', op: 'ne', value: 'reachable' })).toEqual([])
  expect(await reached(those, { field: 'provider', op: 'eq', value: 'fcm' })).toEqual(['known', 'visitor'])
  expect(await reached(those, { field: 'provider', op: 'in', value: ['apns'] })).toEqual([])
})
