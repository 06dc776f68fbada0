/**
 * What a gateway holds for a phone that is offline: accepted pushes, oldest first, until they expire or others take
 * their place.
 *
 * Each gateway has a rule of its own, given to the air when the gateway is made (`air.storeBy`).
 * Source: Apple, "Sending notification requests to APNs" (one per app and device); Firebase, "Lifetime of a message"
 * and "Message collapse"; RFC 8030 §5.2 (TTL) and §5.4 (Topic).
 */
import type { AcceptedPush } from './air.ts'

export interface HeldPush {
  readonly push: AcceptedPush
  readonly expiresAtMs: number
}

export interface StorageRule {
  /** How long a push without a life of its own is held, and the longest that any is. */
  readonly maxSeconds: number
  /** What is held once `next` has come. `held` is oldest first and has nothing that has expired. */
  keep(held: readonly HeldPush[], next: HeldPush): readonly HeldPush[]
}

/** Holds everything for four weeks: for a gateway that has given no rule. */
export const HOLD_EVERYTHING: StorageRule = {
  maxSeconds: 28 * 86_400,
  keep: (held, next) => [...held, next],
}

export class Mailbox {
  #held: readonly HeldPush[] = []

  /** A push with a life of 0 seconds is for those who are online, and is not held. */
  store(push: AcceptedPush, rule: StorageRule, nowMs: number): void {
    const seconds = Math.min(push.ttlSeconds ?? rule.maxSeconds, rule.maxSeconds)
    if (seconds <= 0) return
    this.#held = rule.keep(this.#alive(nowMs), { push, expiresAtMs: nowMs + seconds * 1000 })
  }

  /** What has not expired, oldest first. */
  pushes(nowMs: number): AcceptedPush[] {
    return this.#alive(nowMs).map(({ push }) => push)
  }

  #alive(nowMs: number): readonly HeldPush[] {
    return this.#held.filter(({ expiresAtMs }) => expiresAtMs > nowMs)
  }
}
