/**
 * Who calls, and what that allows: a person by roles, a token by scopes. A role or token without an app counts in every app
 * and for the installation itself.
 */
import { type PersonRole, RIGHTS, RIGHTS_OF, type Right } from '@roost/protocol'

export interface CallerGrant {
  /** Null: every app. */
  readonly appId: number | null
  /** Null of a token. */
  readonly role: PersonRole | null
  readonly rights: readonly Right[]
}

export interface Caller {
  readonly kind: 'person' | 'token'
  readonly id: number
  /** Name of the person, label of the token. */
  readonly name: string
  /** Of a person. */
  readonly sessionId: string | null
  readonly grants: readonly CallerGrant[]
}

export function grantOfRole(appId: number | null, role: PersonRole): CallerGrant {
  return { appId, role, rights: RIGHTS_OF[role] }
}

/** `scopes`: null = all. */
export function grantOfToken(appId: number | null, scopes: readonly Right[] | null): CallerGrant {
  return { appId, role: null, rights: scopes ?? RIGHTS }
}

/** `appId` null: what concerns every app, or none. */
export function may(caller: Caller, appId: number | null, right: Right): boolean {
  return caller.grants.some(it => (it.appId === null || it.appId === appId) && it.rights.includes(right))
}

/** Of what it has no right at all, a caller is told that it doesn't exist. */
export function knows(caller: Caller, appId: number): boolean {
  return caller.grants.some(it => it.appId === null || it.appId === appId)
}

/** Nobody hands out more than they have. */
export function mayAll(caller: Caller, appId: number | null, rights: readonly Right[]): boolean {
  return rights.every(right => may(caller, appId, right))
}

const RANK: Readonly<Record<PersonRole, number>> = { viewer: 0, editor: 1, owner: 2 }

export function greaterRole(a: PersonRole, b: PersonRole): PersonRole {
  return RANK[a] >= RANK[b] ? a : b
}
