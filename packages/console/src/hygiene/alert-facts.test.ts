import { expect, test } from 'vitest'
import { factsOf, isClosedByPeople, shareOf } from './alert-facts.ts'

test('what people can use of an alert is told, and the ids of programs are not', () => {
  expect(
    factsOf({
      data: { credentialId: 'c1', gateway: 'apns', reason: 'InvalidProviderToken', window: { results: 5 } },
    }),
  ).toEqual([
    { name: 'gateway', value: 'apns' },
    { name: 'reason', value: 'InvalidProviderToken' },
  ])
})

test('a share is told by both of its numbers', () => {
  expect(shareOf({ kind: 'death_rate', data: { deaths: 25, results: 100 } })).toEqual({
    part: 25,
    whole: 100,
  })
  expect(shareOf({ kind: 'mass_inactive', data: { removed: 120, left: 880 } })).toEqual({
    part: 120,
    whole: 1000,
  })
  expect(shareOf({ kind: 'message_incident', data: { deliveries: 4 } })).toBeUndefined()
  expect(shareOf({ kind: 'quota', data: { messages: 3 } })).toBeUndefined()
})

test('people close what nothing else can close, and nothing that still holds deaths', () => {
  expect(isClosedByPeople({ kind: 'address_flapping', held: 0 })).toBe(true)
  expect(isClosedByPeople({ kind: 'wrong_credential', held: 3 })).toBe(false)
  expect(isClosedByPeople({ kind: 'death_rate', held: 0 })).toBe(false)
})
