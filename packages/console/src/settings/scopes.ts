/** What a server token may be given, in the order in which it grows. Source: docs/access.md, Roles. */
import type { Right } from '@roost/protocol'

/** As `RIGHTS` of the protocol, which a test holds it to: the protocol itself would bring all of zod along. */
export const SCOPES = ['read', 'send', 'devices', 'manage', 'access'] as const satisfies readonly Right[]

export function isEverything(scopes: readonly Right[]): boolean {
  return SCOPES.every(scope => scopes.includes(scope))
}
