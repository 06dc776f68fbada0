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
  expect((await store.kept()).map(({ at }) => at)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
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

test('a call takes the place of one with its key, and is forgotten by it', async () => {
  const store = openKeyValueStore(slowStorage())
  await store.keep(call('a', 1))
  await store.keep(call('b', 2))
  await store.keep(call('a', 3))
  expect((await store.kept()).map(({ key }) => key)).toEqual(['b', 'a'])
  await store.forget('b')
  expect((await store.kept()).map(({ key }) => key)).toEqual(['a'])
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
