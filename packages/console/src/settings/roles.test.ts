import { type MemberView, ROLES_OF_PEOPLE } from '@roost/protocol'
import { expect, test } from 'vitest'
import { isLastOwner, ROLES } from './roles.ts'

function member(id: number, role: MemberView['role']): MemberView {
  return {
    id,
    name: `P${id}`,
    hasSecondFactor: false,
    role,
    installationRole: role,
    createdAt: '2026-01-01T00:00:00Z',
    seenAt: null,
  }
}

const ada = member(1, 'owner')
const vera = member(2, 'viewer')

test('the only owner of the installation can’t go', () => {
  expect(isLastOwner(ada, [ada, vera], false)).toBe(true)
})

test('one of two owners can go, and whoever is no owner', () => {
  expect(isLastOwner(ada, [ada, member(3, 'owner')], false)).toBe(false)
  expect(isLastOwner(vera, [ada, vera], false)).toBe(false)
})

test('an app needs no owner of its own', () => {
  expect(isLastOwner(ada, [ada], true)).toBe(false)
})

test('the roles are those of the server', () => {
  expect([...ROLES].sort()).toEqual([...ROLES_OF_PEOPLE].sort())
})
