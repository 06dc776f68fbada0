/** What whoever is signed in may do. It only decides what is drawn: the server stays the judge. */
import type { Grant, Right } from '@roost/protocol'

/** In `app`; without one, in the installation itself. */
export function isAllowed(grants: readonly Grant[], right: Right, app: string | undefined): boolean {
  return grants.some(grant => (grant.app === null || grant.app === app) && grant.rights.includes(right))
}
