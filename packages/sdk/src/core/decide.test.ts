import { describe, expect, test } from 'vitest'
import { decideStep, REFRESH_AFTER_MS, type Situation } from './decide.ts'

const NOW = 1_800_000_000_000
const subscription = { address: 'https://push.test/a', vapidKey: 'key-1', expiresAt: undefined }
const registered = { address: 'https://push.test/a', vapidKey: 'key-1', at: NOW - 60_000 }

/** A subscriber for whom all is well; each test changes one thing. */
function settled(change: Partial<Situation> = {}): Situation {
  return {
    isPermitted: true,
    isOptedOut: false,
    vapidKey: 'key-1',
    subscription,
    registered,
    isKnownToServer: true,
    replacedAt: undefined,
    now: NOW,
    ...change,
  }
}

test('a subscription that everyone knows is left alone', () => {
  expect(decideStep(settled())).toEqual({ kind: 'nothing' })
})

describe('with permission and without a subscription', () => {
  test('R31: a lost subscription is made anew, and not taken from what is remembered', () => {
    expect(decideStep(settled({ subscription: undefined }))).toEqual({
      kind: 'subscribe',
      because: 'missing',
    })
  })

  test('a permission given before Roost came is used', () => {
    const seen = settled({ subscription: undefined, registered: undefined })
    expect(decideStep(seen)).toEqual({ kind: 'subscribe', because: 'missing' })
  })

  test('a purposeful unsubscribe is not undone', () => {
    const seen = settled({ subscription: undefined, registered: undefined, isOptedOut: true })
    expect(decideStep(seen)).toEqual({ kind: 'nothing' })
  })
})

describe('without permission or consent', () => {
  test('a withdrawn permission is reported once', () => {
    expect(decideStep(settled({ isPermitted: false, subscription: undefined }))).toEqual({ kind: 'withdraw' })
    const told = settled({ isPermitted: false, subscription: undefined, registered: undefined })
    expect(decideStep(told)).toEqual({ kind: 'nothing' })
  })

  test('an unsubscribe that the server has not heard of is carried out', () => {
    expect(decideStep(settled({ isOptedOut: true, subscription: undefined }))).toEqual({ kind: 'withdraw' })
  })

  test('an unsubscribe that the browser has not carried out is carried out', () => {
    expect(decideStep(settled({ isOptedOut: true, registered: undefined }))).toEqual({ kind: 'withdraw' })
  })
})

describe('a subscription that can no longer be used', () => {
  test('one made with another VAPID key is replaced', () => {
    expect(decideStep(settled({ vapidKey: 'key-2' }))).toEqual({ kind: 'replace', because: 'other-key' })
  })

  test('a browser that hides the key is judged by the key that was registered', () => {
    const hidden = { ...subscription, vapidKey: undefined }
    expect(decideStep(settled({ subscription: hidden }))).toEqual({ kind: 'nothing' })
    const rotated = settled({ subscription: hidden, vapidKey: 'key-2' })
    expect(decideStep(rotated)).toEqual({ kind: 'replace', because: 'other-key' })
  })

  test('one that has reached its expiry is replaced', () => {
    const expired = { ...subscription, expiresAt: NOW }
    expect(decideStep(settled({ subscription: expired }))).toEqual({ kind: 'replace', because: 'expired' })
  })

  test('one that the server gave up is replaced although the browser still shows it', () => {
    expect(decideStep(settled({ isKnownToServer: false }))).toEqual({ kind: 'replace', because: 'dead' })
  })

  test('a server that never knows the device costs one replacement an hour', () => {
    const again = settled({ isKnownToServer: false, replacedAt: NOW - REFRESH_AFTER_MS + 1 })
    expect(decideStep(again)).toEqual({ kind: 'register', because: 'forgotten' })
    const later = settled({ isKnownToServer: false, replacedAt: NOW - REFRESH_AFTER_MS })
    expect(decideStep(later)).toEqual({ kind: 'replace', because: 'dead' })
  })
})

describe('a good subscription', () => {
  test('is registered when no registration went through', () => {
    const seen = settled({ registered: undefined, isKnownToServer: undefined })
    expect(decideStep(seen)).toEqual({ kind: 'register', because: 'unconfirmed' })
  })

  test('R31: is the one that the browser shows now, whatever was registered before, and not thrown away', () => {
    const moved = settled({ registered: { ...registered, address: 'https://push.test/old' } })
    expect(decideStep(moved)).toEqual({ kind: 'register', because: 'unconfirmed' })
    expect(decideStep({ ...moved, isKnownToServer: false })).toEqual({
      kind: 'register',
      because: 'unconfirmed',
    })
  })

  test('R31, R0b: is confirmed once an hour', () => {
    const almost = { ...registered, at: NOW - REFRESH_AFTER_MS + 1 }
    const hour = { ...registered, at: NOW - REFRESH_AFTER_MS }
    expect(decideStep(settled({ registered: almost }))).toEqual({ kind: 'nothing' })
    expect(decideStep(settled({ registered: hour }))).toEqual({ kind: 'register', because: 'due' })
  })

  test('is confirmed when the clock was set back', () => {
    const future = { ...registered, at: NOW + 1 }
    expect(decideStep(settled({ registered: future }))).toEqual({ kind: 'register', because: 'due' })
  })

  test('is left alone when the server did not say whether it knows it', () => {
    expect(decideStep(settled({ isKnownToServer: undefined }))).toEqual({ kind: 'nothing' })
  })
})
