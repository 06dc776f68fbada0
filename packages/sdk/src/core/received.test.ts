import { beforeEach, describe, expect, test } from 'vitest'
import { memoryStore } from '../../test/memory-store.ts'
import { claim, presentationOf } from './received.ts'
import { adoptSettings, type DeviceState, type Store } from './state.ts'

let store: Store
beforeEach(() => {
  const settings = { baseUrl: '', application: 'A', deviceToken: 't', appVersion: undefined }
  store = memoryStore(adoptSettings(undefined, settings, () => '1'))
})

function logIn(userId: string | undefined): Promise<DeviceState> {
  return store.update(state => ({ ...(state as DeviceState), userId, isUserTold: true }))
}

describe('a message', () => {
  test('that comes by two roads at once is claimed by one of them', async () => {
    const message = { hash: 'h', userId: undefined }
    const claims = await Promise.all([1, 2, 3].map(() => claim(store, message)))
    expect(claims.sort()).toEqual(['new', 'seen', 'seen'])
  })

  test('that nothing names is shown, and so is all on a device that was never started', async () => {
    expect(await claim(store, { hash: undefined, userId: undefined })).toBe('new')
    expect(await claim(memoryStore(undefined), { hash: 'h', userId: 'ann' })).toBe('new')
  })

  test('R25: of somebody who is not logged in is foreign, and is shown to them when they are back', async () => {
    await logIn('bob')
    const message = { hash: 'h', userId: 'ann' }
    expect(await claim(store, message)).toBe('foreign')
    await logIn(undefined)
    expect(await claim(store, message)).toBe('foreign')
    await logIn('ann')
    expect(await claim(store, message)).toBe('new')
    expect(await claim(store, message)).toBe('seen')
  })

  test('for a user whom only the back end knows is shown', async () => {
    expect(await claim(store, { hash: 'h', userId: 'ann' })).toBe('new')
  })

  test('is told apart from the three hundred before it', async () => {
    for (let i = 0; i <= 300; i++) await claim(store, { hash: `h${i}`, userId: undefined })
    expect(await claim(store, { hash: 'h1', userId: undefined })).toBe('seen')
    expect((await store.read())?.seen).toHaveLength(300)
  })
})

test.each([
  ['the choice of the app', undefined, 'event'],
  ['the message’s own', { roost_foreground: 'show' }, 'show'],
  ['the choice of the app where the message has none that is known', { roost_foreground: 'loud' }, 'event'],
] as const)('what becomes of a message in the foreground is %s', (_, data, expected) => {
  expect(presentationOf({ data }, 'event')).toBe(expected)
})
