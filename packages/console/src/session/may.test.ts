import type { Grant } from '@roost/protocol'
import { PASSWORD_CHARACTERS_MIN } from '@roost/protocol'
import { expect, test } from 'vitest'
import { isAllowed } from './may.ts'
import { PASSWORD_CHARACTERS } from './password.ts'

const viewer: Grant = { app: 'A', role: 'viewer', rights: ['read'] }
const editor: Grant = { app: 'B', role: 'editor', rights: ['read', 'send'] }
const owner: Grant = { app: null, role: 'owner', rights: ['read', 'send', 'access'] }

test('a right counts in its own app alone', () => {
  expect(isAllowed([viewer, editor], 'send', 'A')).toBe(false)
  expect(isAllowed([viewer, editor], 'send', 'B')).toBe(true)
})

test('a right in the installation counts in every app', () => {
  expect(isAllowed([owner], 'send', 'A')).toBe(true)
  expect(isAllowed([owner], 'access', undefined)).toBe(true)
})

test('a right in one app is none in the installation', () => {
  expect(isAllowed([editor], 'send', undefined)).toBe(false)
})

test('the form asks for passwords as long as the server does', () => {
  expect(PASSWORD_CHARACTERS).toBe(PASSWORD_CHARACTERS_MIN)
})
