/** Calls whose order the server must know, and what is told of who uses the device. */
import { expect, test } from 'vitest'
import { answers, clock, heard, holding, inDeviceHouse, makeClient, ok } from '../../test/device-house.ts'
import { changeUser } from './shared.ts'
import type { DeviceState, Store } from './state.ts'

const DAY_MS = 24 * 60 * 60_000

inDeviceHouse()

test('R5: calls whose order counts are said one after the other, so that none overtakes another', async () => {
  const { client } = makeClient()
  let answerFirst = () => {}
  holding.set('registerDevice', new Promise(resolve => (answerFirst = resolve)))
  const registering = client.call('registerDevice')
  const loggingIn = client.call('registerUser', { userId: 'ann' })
  const opening = client.call('applicationOpen')
  await opening // it waits for nobody
  expect(heard.map(call => call.path)).not.toContain('/json/1.3/registerUser')
  answerFirst()
  await Promise.all([registering, loggingIn])
  expect(heard.at(-1)).toMatchObject({ path: '/json/1.3/registerUser', request: { client_seq: 2 } })
})

test('R5: a device that was restored from a backup is late once, and counts on from a number that is ahead', async () => {
  const { client } = makeClient()
  answers.set('registerUser', ok({ stale: true }))
  await client.call('registerUser', { userId: 'ann' })
  await client.call('registerDevice')
  expect(heard.map(call => call.request.client_seq)).toEqual([1, clock.now / 1000 + 1, clock.now / 1000 + 2])
})

test('R5: two copies of a device that take turns in getting ahead of each other go on counting', async () => {
  const { client, store } = makeClient()
  answers.set('registerDevice', ok({ stale: true }))
  for (let turn = 0; turn < 40; turn++) await client.call('registerDevice')
  expect(Number.isSafeInteger((await store.read())?.clientSeq)).toBe(true)
})

test('R5: one whose clock was set back gets ahead all the same', async () => {
  const { client, store } = makeClient()
  await store.update(state => ({ ...(state as DeviceState), clientSeq: 2_000_000_000 }))
  answers.set('registerDevice', ok({ stale: true }))
  await client.call('registerDevice')
  expect(heard.map(call => call.request.client_seq)).toEqual([2_000_000_001, 4_000_000_003])
})

test('R25: nobody is told by the name that the device has when it is told, however it was called when it was kept', async () => {
  const { client, store } = makeClient()
  await logOut(store)
  await store.update(state => ({ ...(state as DeviceState), hwid: 'handed-out' }))
  await client.flush()
  expect(heard.map(call => [call.request.hwid, call.request.userId])).toEqual([['handed-out', 'handed-out']])
})

test('R25: a logout that is kept says nobody to an older version of the SDK, too, which sends it as it stands', async () => {
  const { store } = makeClient()
  await logOut(store)
  expect(await store.kept()).toMatchObject([{ method: 'registerUser', fields: { userId: 'AAAAA-BBBBB_1' } }])
})

test('R25: of two who log in and out at once the server hears last of the one that counts on the device', async () => {
  const { client, store } = makeClient()
  const adopt = (state?: DeviceState) => state as DeviceState
  const users = ['ann', undefined, 'bob', ''] as const
  await Promise.all(
    users.map(async userId => {
      const { call } = await changeUser({ store, adopt, userId, uuid: crypto.randomUUID(), now: clock.now })
      clock.now -= 3_600_000 // the clock is set back meanwhile
      await client.deliverKept(call.key)
    }),
  )
  expect(await store.read()).toMatchObject({ userId: undefined, isUserTold: true })
  expect(heard.map(call => call.request.userId)).toEqual(['ann', 'AAAAA-BBBBB_1', 'bob', 'AAAAA-BBBBB_1'])
})

test.each([
  [42, '42'],
  ['', undefined],
  [0, undefined],
  [Number.NaN, undefined],
  [false, undefined],
  [true, undefined],
  [{}, undefined],
  [null, undefined],
])('R25: a person whom a script names by %s is %s, as in the pushes for them', async (given, userId) => {
  const { store } = makeClient()
  const adopt = (state?: DeviceState) => state as DeviceState
  const changed = await changeUser({ store, adopt, userId: given, uuid: '1', now: clock.now })
  const { fields } = changed.call
  expect([changed.user, fields.userId, (await store.read())?.userId]).toEqual([
    userId,
    userId ?? 'AAAAA-BBBBB_1',
    userId,
  ])
})

test('R25: what a device shows may be for somebody else until it is said who is here, and when that changes', async () => {
  const { store } = makeClient()
  const adopt = (state?: DeviceState) => state as DeviceState
  const seen = []
  for (const userId of [undefined, undefined, 'ann', 'ann', undefined]) {
    const changed = await changeUser({ store, adopt, userId, uuid: crypto.randomUUID(), now: clock.now })
    seen.push([changed.isOther, changed.isScreenForeign])
  }
  expect(seen).toEqual([
    [false, true],
    [false, false],
    [true, true],
    [false, false],
    [true, true],
  ])
})

test('R25: a login of which a page was killed before it could tell is told by the next one', async () => {
  const { client, store } = makeClient()
  const adopt = (state?: DeviceState) => state as DeviceState
  await changeUser({ store, adopt, userId: 'ann', uuid: '1', now: clock.now })
  await client.flush()
  expect(heard.map(call => [call.path, call.request.userId])).toEqual([['/json/1.3/registerUser', 'ann']])
})

test('R25: who has logged in or out is told however late it is', async () => {
  const { client, store } = makeClient()
  await store.keep({
    key: 'u',
    method: 'registerUser',
    fields: { userId: 'bob' },
    at: clock.now - 400 * DAY_MS,
  })
  await client.flush()
  expect(heard.map(call => call.request.userId)).toEqual(['bob'])
})

test('race M: a device that is handed a new hwid keeps it, and registers its address under it at once', async () => {
  const { client, store } = makeClient()
  answers.set('registerDevice', ok({ new_hwid: 'a-new-one' }))
  await client.call('registerDevice', { push_token: 'https://push.example/1' })
  await client.call('setTags')
  expect(heard.map(call => [call.path, call.request.hwid, call.request.client_seq])).toEqual([
    ['/json/1.3/registerDevice', 'AAAAA-BBBBB_1', 1],
    ['/json/1.3/registerDevice', 'a-new-one', 2],
    ['/json/1.3/setTags', 'a-new-one', undefined],
  ])
  expect(heard[1]?.request.push_token).toBe('https://push.example/1')
  expect(await store.read()).toMatchObject({ hwid: 'a-new-one' })
})

test('registrations are numbered in the order in which they were made', async () => {
  const { client } = makeClient()
  await client.call('registerDevice')
  await client.call('applicationOpen')
  await client.call('unregisterDevice')
  expect(heard.map(call => call.request.client_seq)).toEqual([1, undefined, 2])
})

async function logOut(store: Store): Promise<void> {
  const adopt = (state?: DeviceState) => state as DeviceState
  await changeUser({ store, adopt, userId: undefined, uuid: '1', now: clock.now })
}
