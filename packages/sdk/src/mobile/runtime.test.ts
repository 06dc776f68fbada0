import { afterEach, expect, test, vi } from 'vitest'
import { createLock, randomUuid, uuidOf } from './runtime.ts'

afterEach(() => vi.unstubAllGlobals())

const V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('a UUID is made of what the runtime has', () => {
  expect(randomUuid()).toMatch(V4)
  const { getRandomValues } = globalThis.crypto
  vi.stubGlobal('crypto', { getRandomValues: getRandomValues.bind(globalThis.crypto) })
  expect(randomUuid()).toMatch(V4)
  expect(uuidOf(new Uint8Array(16).fill(0xff))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff')
})

test('without secure randomness there is none: it opens the inbox', () => {
  vi.stubGlobal('crypto', undefined)
  expect(() => randomUuid()).toThrow(expect.objectContaining({ code: 'unsupported' }))
})

test('work under one name waits for its turn, also after one that failed', async () => {
  const lock = createLock()
  const order: string[] = []
  const first = lock('a', async () => {
    await new Promise(setImmediate)
    order.push('first')
    throw new Error('no')
  })
  const second = lock('a', async () => order.push('second'))
  await lock('b', async () => order.push('other'))
  await expect(first).rejects.toThrow('no')
  await second
  expect(order).toEqual(['other', 'first', 'second'])
})
