import { describe, expect, test } from 'vitest'
import type { Fates } from './fates.ts'
import { type Prospect, prospectOf } from './prospect.ts'

const REACH = { devices: 60, withAddress: 50, valid: 45, permitted: 40 }
const fates = (given: Partial<Fates> = {}): Fates => ({
  looked: 40,
  sent: 40,
  deferred: 0,
  lost: 0,
  reasons: [],
  ...given,
})

function prospect({
  permitted = 40,
  devices = 60,
  errorPercent = 0,
  of = fates(),
  mode = 'none' as 'none' | 'also' | 'only',
} = {}): Prospect {
  return prospectOf({
    reach: { ...REACH, permitted, devices },
    errorPercent,
    fates: of,
    draft: { inbox: { mode, until: '' } },
  })
}

describe('a message goes', () => {
  test('to all who can be reached', () => {
    expect(prospect()).toEqual({ count: 40, size: 'exact', verb: 'push', isNobody: false })
  })

  test('to about as many as were estimated of a large base', () => {
    expect(prospect({ permitted: 90_000, errorPercent: 2 })).toMatchObject({ count: 90_000, size: 'about' })
  })

  test('to so many at most when some of those looked at would not get it', () => {
    expect(prospect({ of: fates({ sent: 38, lost: 2 }) })).toEqual({
      count: 40,
      size: 'upTo',
      verb: 'upTo',
      isNobody: false,
    })
  })

  test('to nobody knows how many when none of those looked at would get it, and others were not looked at', () => {
    expect(prospect({ permitted: 400, of: fates({ sent: 0, lost: 40 }) })).toMatchObject({
      verb: 'anyway',
      isNobody: false,
    })
  })
})

describe('a message goes to nobody', () => {
  test('when nobody can be reached', () => {
    expect(prospect({ permitted: 0, of: fates({ looked: 0, sent: 0 }) })).toMatchObject({ isNobody: true })
  })

  test('when all who can be reached were looked at, and none would get it', () => {
    expect(prospect({ of: fates({ sent: 0, lost: 40 }) })).toMatchObject({ isNobody: true, count: 0 })
  })

  test('but not for certain, when a part of the base was counted', () => {
    const none = fates({ looked: 0, sent: 0 })
    expect(prospect({ permitted: 0, errorPercent: 5, of: none })).toMatchObject({
      isNobody: false,
      verb: 'anyway',
    })
  })
})

test('an inbox has all of the audience, with and without permission', () => {
  const none = fates({ looked: 0, sent: 0 })
  expect(prospect({ permitted: 0, of: none, mode: 'also' })).toMatchObject({ count: 60, verb: 'inbox' })
  expect(prospect({ mode: 'only' })).toMatchObject({ count: 60, verb: 'inbox', isNobody: false })
  expect(prospect({ mode: 'also' })).toMatchObject({ count: 40, verb: 'push' })
})
