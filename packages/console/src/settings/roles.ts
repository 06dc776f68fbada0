/** Who among members can't go: the server refuses it, the page says so before. */
import type { MemberView, PersonRole } from '@roost/protocol'

export const ROLES = ['viewer', 'editor', 'owner'] as const satisfies readonly PersonRole[]

/** The installation keeps one owner at least; an app needs none of its own. Source: docs/access.md, Roles. */
export function isLastOwner(member: MemberView, members: readonly MemberView[], isApp: boolean): boolean {
  if (isApp || member.role !== 'owner') return false
  return members.filter(({ role }) => role === 'owner').length === 1
}
