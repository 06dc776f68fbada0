/**
 * What to do about the subscription at a start, as a pure function of what is seen.
 *
 * `pushsubscriptionchange` alone is not enough: browsers fire it rarely or not at all, and a subscription
 * that has died at the push service looks alive to the page. So every start compares three views: the
 * browser's, what was last confirmed to us, and the server's.
 * Sources: W3C Push API §8 (subscription refreshes); RFC 8030 §7.3 (an expired subscription is 404 or 410
 * and does not come back: only a new one does).
 */
import type { Registered } from './state.ts'

/** An unchanged address is confirmed at most this often, so that page views don't become writes. */
export const REFRESH_AFTER_MS = 60 * 60_000

export interface SeenSubscription {
  readonly address: string
  /** Base64url; undefined when the browser does not tell. */
  readonly vapidKey: string | undefined
  readonly expiresAt: number | undefined
}

export interface Situation {
  readonly isPermitted: boolean
  readonly isOptedOut: boolean
  /** The key that the server sends with today, base64url; of no matter without permission or consent. */
  readonly vapidKey: string
  readonly subscription: SeenSubscription | undefined
  readonly registered: Registered | undefined
  /** Whether the server holds an active address of this device; undefined when it did not say. */
  readonly isKnownToServer: boolean | undefined
  readonly replacedAt: number | undefined
  readonly now: number
}

export type Step =
  | { readonly kind: 'nothing' }
  /** Tell the server, then drop the subscription if there is one. */
  | { readonly kind: 'withdraw' }
  | { readonly kind: 'register'; readonly because: 'unconfirmed' | 'due' | 'forgotten' }
  | { readonly kind: 'subscribe'; readonly because: 'missing' }
  | { readonly kind: 'replace'; readonly because: 'other-key' | 'expired' | 'dead' }

export function decideStep(seen: Situation): Step {
  if (!seen.isPermitted || seen.isOptedOut) return decideWithdrawal(seen)
  if (seen.subscription === undefined) return { kind: 'subscribe', because: 'missing' }
  return decideReplacement(seen, seen.subscription) ?? decideRegistration(seen, seen.subscription)
}

function decideWithdrawal(seen: Situation): Step {
  const isDone = seen.registered === undefined && seen.subscription === undefined
  return { kind: isDone ? 'nothing' : 'withdraw' }
}

function decideReplacement(seen: Situation, subscription: SeenSubscription): Step | undefined {
  const vapidKey = subscription.vapidKey ?? confirmedFor(seen, subscription)?.vapidKey
  if (vapidKey !== undefined && vapidKey !== seen.vapidKey) return { kind: 'replace', because: 'other-key' }
  if (subscription.expiresAt !== undefined && subscription.expiresAt <= seen.now)
    return { kind: 'replace', because: 'expired' }
  // Once an hour at most: a server that never knows us must not make us burn subscriptions.
  if (isDisowned(seen, subscription) && isDue(seen.replacedAt, seen.now))
    return { kind: 'replace', because: 'dead' }
  return undefined
}

function decideRegistration(seen: Situation, subscription: SeenSubscription): Step {
  const confirmed = confirmedFor(seen, subscription)
  if (confirmed === undefined) return { kind: 'register', because: 'unconfirmed' }
  if (isDisowned(seen, subscription)) return { kind: 'register', because: 'forgotten' }
  return isDue(confirmed.at, seen.now) ? { kind: 'register', because: 'due' } : { kind: 'nothing' }
}

/** The server once confirmed exactly this address and no longer has it. */
function isDisowned(seen: Situation, subscription: SeenSubscription): boolean {
  return seen.isKnownToServer === false && confirmedFor(seen, subscription) !== undefined
}

function confirmedFor(seen: Situation, subscription: SeenSubscription): Registered | undefined {
  return seen.registered?.address === subscription.address ? seen.registered : undefined
}

/** A time in the future means that the clock was set back: that is no reason to wait. */
export function isDue(last: number | undefined, now: number): boolean {
  return last === undefined || last > now || now - last >= REFRESH_AFTER_MS
}
