import { randomUUID } from 'node:crypto'
import type { CallList } from '@roost/protocol'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type CallHouse, callHouse } from '../../test/call.ts'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
let house: CallHouse
beforeAll(async () => {
  roost = await startRoost()
  house = callHouse(roost)
})
afterEach(() => house.hangUp())
afterAll(() => roost.close())

const RING_MS = 30_000

const list = async (search = '') =>
  (await roost.rest<CallList>('GET', `/v1/apps/${roost.app}/calls${search}`)).body

/** Calls to bob, one after the other; the newest first. */
async function callsTo(userId: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    roost.clock.advance(1000)
    ids.unshift((await house.call({ callees: [userId] })).id)
  }
  return ids
}

test('the newest come first, page by page, each once', async () => {
  const bob = house.person('bob')
  await bob.phone('android')
  const made = await callsTo(bob.userId, 5)
  const user = encodeURIComponent(bob.userId)
  const first = await list(`?user=${user}&limit=2`)
  const second = await list(`?user=${user}&limit=2&after=${first.next}`)
  const third = await list(`?user=${user}&limit=2&after=${second.next}`)
  const pages = [first, second, third].map(({ calls }) => calls.map(it => it.id))
  expect(pages).toEqual([made.slice(0, 2), made.slice(2, 4), made.slice(4)])
  expect(third.next).toBeNull()
  const ofApp = await list('?limit=5')
  expect(ofApp.calls.map(it => it.id)).toEqual(made)
})

test('each has the state that it has by now: who answered, and that its time is over', async () => {
  const bob = house.person('bob')
  const { hwid } = await bob.phone('android')
  const [missed = '', accepted = ''] = await callsTo(bob.userId, 2)
  await house.say(accepted, 'accept', { userId: bob.userId, hwid })
  const user = encodeURIComponent(bob.userId)
  const ringing = await list(`?user=${user}`)
  expect(ringing.calls.map(it => it.state)).toEqual(['ringing', 'accepted'])
  roost.clock.advance(RING_MS)
  const over = await list(`?user=${user}`)
  expect(over.calls).toMatchObject([
    { id: missed, state: 'timed_out', callees: [{ userId: bob.userId, state: 'timed_out', by: null }] },
    { id: accepted, state: 'accepted', callees: [{ userId: bob.userId, state: 'accepted', by: hwid }] },
  ])
})

test('of a user are calls to them and those that they made, and none of others', async () => {
  const [bob, carol, dave] = ['bob', 'carol', 'dave'].map(it => house.person(it))
  for (const it of [bob, carol, dave]) await it?.phone('ios')
  const toBob = await house.call({ callees: [bob?.userId, dave?.userId] })
  roost.clock.advance(1000)
  const byBob = await house.call({ caller: { name: 'Bob', userId: bob?.userId }, callees: [carol?.userId] })
  const of = async (userId = '') => (await list(`?user=${encodeURIComponent(userId)}`)).calls.map(it => it.id)
  expect(await of(bob?.userId)).toEqual([byBob.id, toBob.id])
  expect(await of(carol?.userId)).toEqual([byBob.id])
  expect(await of(dave?.userId)).toEqual([toBob.id])
})

test('of another app are none, and its calls are no place to go on from', async () => {
  const bob = house.person('bob')
  await bob.phone('android')
  const { id } = await house.call({ callees: [bob.userId] })
  const { body: other } = await roost.rest<{ code: string }>('POST', '/v1/apps', { name: randomUUID() })
  const of = (search: string) => roost.rest<CallList>('GET', `/v1/apps/${other.code}/calls${search}`)
  for (const search of ['', `?user=${encodeURIComponent(bob.userId)}`])
    expect((await of(search)).body).toEqual({ calls: [], next: null })
  expect(await of(`?after=${id}`)).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
})

test('calls that were made at the same moment are on one page each', async () => {
  const bob = house.person('bob')
  await bob.phone('android')
  roost.clock.stand()
  try {
    const made = await Promise.all([1, 2, 3].map(() => house.call({ callees: [bob.userId] })))
    const found: string[] = []
    for (let after: string | null = ''; after !== null; ) {
      const page = await list(`?user=${encodeURIComponent(bob.userId)}&limit=1${after && `&after=${after}`}`)
      found.push(...page.calls.map(it => it.id))
      after = page.next
    }
    expect(found.toSorted()).toEqual(made.map(it => it.id).toSorted())
  } finally {
    roost.clock.run()
  }
})
