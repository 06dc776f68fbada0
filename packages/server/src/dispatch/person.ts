/**
 * Whom a push says that it is for (R25): a device on which somebody else has logged in without our having heard of it drops it.
 *
 * As in the inbox, what goes to all is shown to whoever uses the device, unless its words are of a person. Of the other messages those to
 * browsers say so, which are each encrypted anyway, and those that name users: of a campaign to phones nothing is read
 * that is not needed to send it.
 */
import type { Needs } from '../messages/facts.ts'
import type { Recipient } from './chunk.ts'
import type { Batch } from './lease.ts'

/** `needs`: what its content asks for. */
export function isForPersons(
  { target, provider, knock }: Pick<Batch, 'target' | 'provider' | 'knock'>,
  needs: Needs,
): boolean {
  if (knock !== null || 'all' in target) return needs.user
  return provider === 'webpush' || 'users' in target || needs.user
}

/** Undefined of a visitor, and where nobody asked. */
export function personOf({ facts }: Pick<Recipient, 'facts'>): string | undefined {
  const id = facts?.user?.id
  return typeof id === 'string' ? id : undefined
}
