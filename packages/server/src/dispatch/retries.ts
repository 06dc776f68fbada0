/** When a delivery that a gateway did not take is tried again, and how often. */
import type { AttemptOutcome } from '@roost/gateways'
import { LONGEST_WAIT_MS } from './scope.ts'

const FIRST_RETRY_MS = 1000
/** With the delays below some five hours, unless the message expires before. */
export const TRIES_MAX = 16
/** After a request that never reached the gateway. It is no try: only the message's end ends it. */
const REPEAT_MS = 50
/** How long such a request waits at most for its next chance. */
const REPEAT_MAX_MS = 60_000

/**
 * When the next try is due: exponential with jitter, and not before the gateway's own word. A word of few seconds that is said again and again
 * shall not use the tries up while an outage lasts. Source: Firebase, "Best practices when sending FCM messages at scale". What never reached the
 * gateway is repeated at once where the gateway took others of the chunk (a refused stream, a connection that went
 * away), else after a tenth of the message's age, so that an origin that is gone is asked less and less.
 */
export function retryDelayMs(
  attempt: number,
  outcome: AttemptOutcome,
  place: { readonly ageMs: number; readonly tookOthers: boolean; readonly random: () => number },
): number {
  const { ageMs, tookOthers, random } = place
  if (outcome.kind === 'not_sent') {
    const pause = tookOthers ? REPEAT_MS : Math.min(REPEAT_MAX_MS, Math.max(REPEAT_MS, ageMs / 10))
    return pause * (1 + random())
  }
  const own = Math.min(LONGEST_WAIT_MS, FIRST_RETRY_MS * 2 ** (attempt - 1)) * (0.75 + random() / 2)
  const asked = outcome.kind === 'retry' ? (outcome.afterMs ?? 0) : 0
  return Math.max(own, Math.min(LONGEST_WAIT_MS, asked))
}
