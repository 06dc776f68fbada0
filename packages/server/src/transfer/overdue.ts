/**
 * R15: devices of a file that were last heard of longer ago than the app lets silent addresses live. They are not ended for
 * that, since their silence was another system's: they begin a new term with the import, in which a send finds out.
 */
import type { AddressPolicy } from '@roost/protocol'
import type { KnownDevice } from '../registry/bulk/known.ts'

const DAY_MS = 24 * 60 * 60_000

/** `now`: ms. */
export function isOverdue(
  { address, at }: KnownDevice,
  { policy, now }: { readonly policy: AddressPolicy; readonly now: number },
): boolean {
  if (address === null) return false
  const days = address.provider === 'fcm' ? policy.fcmDeadDays : policy.otherDeadDays
  return at < now - days * DAY_MS
}
