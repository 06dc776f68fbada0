/**
 * What a push service holds for a browser that is offline: everything until its ttl is over, of a topic the newest.
 *
 * Source: RFC 8030 §5.2 and §5.4. All services hold thirty days at most.
 */
import type { StorageRule } from '../gateway/mailbox.ts'

export const MAX_TTL_SECONDS = 2_592_000

export const WEB_PUSH_STORAGE: StorageRule = {
  maxSeconds: MAX_TTL_SECONDS,
  keep: (held, next) => {
    const topic = next.push.collapseKey
    return [...held.filter(({ push }) => topic === undefined || push.collapseKey !== topic), next]
  },
}
