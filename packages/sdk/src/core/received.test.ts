import { beforeEach, describe, expect, test } from 'vitest'
import { memoryStore } from '../../test/memory-store.ts'
import { createLock } from '../mobile/runtime.ts'
import type { Lock } from './client.ts'
import { once, presentationOf, type Verdict } from './received.ts'
import { adoptSettings, type DeviceState, type Store } from './state.ts'

type Named = Parameters<typeof once>[1]

let store: Store
let lock: Lock
beforeEach(() => {
  const settings = { baseUrl: '', application: 'A', deviceToken: 't', appVersion: undefined }
  lock = createLock()
  store = memoryStore(adoptSettings(undefined, settings, () => '1'))
})

const nothing = async () => {}

function receive(message: Named, show: () => Promise<void> = nothing): Promise<Verdict> {
  return once({ store, lock }, message, show)
}

function logIn(userId: string | undefined): Promise<DeviceState> {
  return store.update(state => ({ ...(state as DeviceState), userId, isUserTold: true }))
}

describe('a message', () => {
  test('that comes by two roads at once is shown by one of them', async () => {
    const message = { hash: 'h', userId: undefined }
    const verdicts = await Promise.all([1, 2, 3].map(() => receive(message)))
    expect(verdicts.sort()).toEqual(['new', 'seen', 'seen'])
  })

  test('whose page is ended while it shows it is shown by the next one that has it, and it alone', async () => {
    const message = { hash: 'h', userId: undefined }
    void receive(message, () => new Promise(() => undefined)) // of a page that is no more
    lock = createLock() // the browser has let go of what it held
    const verdicts = [await receive(message), await receive(message)]
    expect(verdicts).toEqual(['new', 'seen'])
  })

  test('that could not be shown has come all the same', async () => {
    const message = { hash: 'h', userId: undefined }
    await expect(receive(message, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await receive(message)).toBe('seen')
  })

  test('whose lock is not granted is neither shown nor noted', async () => {
    const message = { hash: 'h', userId: undefined }
    lock = () => Promise.reject(new DOMException('not fully active', 'InvalidStateError'))
    let isShown = false
    const show = async () => {
      isShown = true
    }
    expect(await receive(message, show)).toBe('ungranted')
    expect(isShown).toBe(false)
    lock = createLock()
    expect(await receive(message)).toBe('new')
  })

  test('is shown where nothing can be kept: twice is better than never', async () => {
    const broken = () => Promise.reject(new Error('no storage'))
    store = { ...store, read: broken, update: broken }
    const message = { hash: 'h', userId: undefined }
    expect([await receive(message), await receive(message)]).toEqual(['new', 'new'])
  })

  test('that nothing names is shown, and so is all on a device that was never started', async () => {
    expect(await receive({ hash: undefined, userId: undefined })).toBe('new')
    expect(
      await once(
        { store: memoryStore(undefined), lock: createLock() },
        { hash: 'h', userId: 'ann' },
        nothing,
      ),
    ).toBe('new')
  })

  test('R25: of somebody who is not logged in is foreign, and is shown to them when they are back', async () => {
    await logIn('bob')
    const message = { hash: 'h', userId: 'ann' }
    expect(await receive(message)).toBe('foreign')
    await logIn(undefined)
    expect(await receive(message)).toBe('foreign')
    await logIn('ann')
    expect(await receive(message)).toBe('new')
    expect(await receive(message)).toBe('seen')
  })

  test('for a user whom only the back end knows is shown', async () => {
    expect(await receive({ hash: 'h', userId: 'ann' })).toBe('new')
  })

  test('is told apart from the three hundred before it', async () => {
    for (let i = 0; i <= 300; i++) await receive({ hash: `h${i}`, userId: undefined })
    expect(await receive({ hash: 'h1', userId: undefined })).toBe('seen')
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
