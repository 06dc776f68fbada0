import { expect, test } from 'vitest'
import { adoptSettings, type DeviceState } from '../core/state.ts'
import { type KeyValueStorage, openKeyValueStore } from './key-value-store.ts'

const settings = {
  baseUrl: 'https://a.example',
  application: 'AAAAA-BBBBB',
  deviceToken: 't',
  appVersion: '1',
}
const device = (state?: DeviceState) => adoptSettings(state, settings, () => '1')
const call = (key: string, at: number) => ({ key, method: 'setTags', fields: {}, at })

/** Answers in a later turn, as a native one does: whoever reads meanwhile reads the old. */
function slowStorage(kept = new Map<string, string>()): KeyValueStorage {
  return {
    getItem: async key => {
      await new Promise(setImmediate)
      return kept.get(key) ?? null
    },
    setItem: async (key, value) => {
      await new Promise(setImmediate)
      kept.set(key, value)
    },
    removeItem: async key => void kept.delete(key),
  }
}

test('changes that come together are made one after the other, and none is lost', async () => {
  const store = openKeyValueStore(slowStorage())
  await store.update(device)
  const count = (state?: DeviceState) => ({ ...device(state), clientSeq: (state?.clientSeq ?? 0) + 1 })
  await Promise.all(Array.from({ length: 10 }, () => store.update(count)))
  expect((await store.read())?.clientSeq).toBe(10)
  await Promise.all(Array.from({ length: 10 }, (_, i) => store.keep(call(`${i}`, 10 - i))))
  // in the order in which they were kept, whatever the clock said
  expect((await store.kept()).map(({ at }) => at)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
})

test('a change that fails changes nothing, and keeps nobody waiting', async () => {
  const store = openKeyValueStore(slowStorage())
  await store.update(device)
  const failing = store.update(() => {
    throw new Error('no')
  })
  const next = store.update(state => ({ ...device(state), openedAt: 7 }))
  await expect(failing).rejects.toThrow('no')
  expect(await next).toMatchObject({ openedAt: 7, clientSeq: 0 })
})

test('a call with the key of one that is kept is that one, and is forgotten by it', async () => {
  const store = openKeyValueStore(slowStorage())
  await store.keep(call('a', 1))
  await store.keep(call('b', 2))
  await store.keep(call('a', 3))
  expect((await store.kept()).map(({ key, at }) => [key, at])).toEqual([
    ['a', 1],
    ['b', 2],
  ])
  await store.forget('a')
  expect((await store.kept()).map(({ key }) => key)).toEqual(['b'])
})

test('what is damaged counts as nothing', async () => {
  const kept = new Map([
    ['roost.state', '{"settings":'],
    ['roost.outbox', 'undefined'],
  ])
  const store = openKeyValueStore(slowStorage(kept))
  expect(await store.read()).toBeUndefined()
  expect(await store.kept()).toEqual([])
})

test.each([1, 2, 3, 4])(
  'an app that is killed in a change of state and call has made both or neither: at write %i of 4',
  async writes => {
    const kept = new Map<string, string>()
    await openKeyValueStore(slowStorage(kept)).update(device)
    const dying = openKeyValueStore(endingAfter(slowStorage(kept), writes - 1))
    const logOut = (state?: DeviceState) => ({ ...device(state), isUserTold: true })
    await expect(dying.update(logOut, call('u', 1))).rejects.toThrow('killed')
    const store = openKeyValueStore(slowStorage(kept))
    const isMade = (await store.read())?.isUserTold === true
    expect((await store.kept()).map(({ key }) => key)).toEqual(isMade ? ['u'] : [])
    expect(isMade).toBe(writes > 1)
    expect([...kept.keys()]).not.toContain('roost.change')
  },
)

test('a change of state and call that could not be written whole does not undo a later one', async () => {
  const kept = new Map<string, string>()
  const storage = { ...slowStorage(kept) }
  const store = openKeyValueStore(storage)
  await store.update(device)
  const { removeItem } = storage
  storage.removeItem = () => Promise.reject(new Error('full'))
  await expect(store.update(state => ({ ...device(state), openedAt: 1 }), call('u', 1))).rejects.toThrow(
    'full',
  )
  storage.removeItem = removeItem
  await store.update(state => ({ ...device(state), openedAt: 2 }))
  await store.forget('u')
  const later = openKeyValueStore(slowStorage(kept))
  expect(await later.read()).toMatchObject({ openedAt: 2 })
  expect(await later.kept()).toEqual([])
})

/** Each write after so many fails, as if the app were gone. */
function endingAfter(storage: KeyValueStorage, writes: number): KeyValueStorage {
  let left = writes
  const unlessGone = async (write: () => Promise<void>) => {
    if (left-- <= 0) throw new Error('killed')
    await write()
  }
  return {
    ...storage,
    setItem: (key, value) => unlessGone(() => storage.setItem(key, value)),
    removeItem: key => unlessGone(() => storage.removeItem(key)),
  }
}
