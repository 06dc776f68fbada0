import { RIGHTS } from '@roost/protocol'
import { expect, test } from 'vitest'
import { isEverything, SCOPES } from './scopes.ts'

test('the scopes are the rights of the server, in its order', () => {
  expect(SCOPES).toEqual(RIGHTS)
})

test('a token may do everything when no right is missing', () => {
  expect(isEverything([...RIGHTS].reverse())).toBe(true)
  expect(isEverything(['read', 'send', 'devices', 'manage'])).toBe(false)
})
