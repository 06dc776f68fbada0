/** How many a message would go to, as far as that is known, and what the button that sends it says. */
import type { SegmentReach } from '@roost/protocol'
import type { Draft } from './draft.ts'
import type { Fates } from './fates.ts'

export interface Prospect {
  readonly count: number
  /** `upTo`: some of those who were looked at would not get it, so of all some will not. */
  readonly size: 'exact' | 'about' | 'upTo'
  /** What the button promises: a push to so many, to so many at most, to nobody knows how many, or an entry in so many inboxes. */
  readonly verb: 'push' | 'upTo' | 'anyway' | 'inbox'
  /** It is certain that nobody would get it as things are. */
  readonly isNobody: boolean
}

export interface Foreseen {
  readonly reach: SegmentReach
  /** Above 0 the reach is an estimate. */
  readonly errorPercent: number
  readonly fates: Fates
  readonly draft: Pick<Draft, 'inbox'>
}

export function prospectOf({ reach, errorPercent, fates, draft: { inbox } }: Foreseen): Prospect {
  const isExact = errorPercent === 0
  const { permitted, devices } = reach
  const isLost = fates.looked > 0 && fates.sent + fates.deferred === 0
  if (inbox.mode === 'only' || (inbox.mode === 'also' && permitted === 0))
    return {
      count: devices,
      size: isExact ? 'exact' : 'about',
      verb: 'inbox',
      isNobody: isExact && devices === 0,
    }
  // of a few all are looked at, of many some: the others may have what these lack
  const isNobody = isExact && (permitted === 0 || (isLost && fates.looked >= permitted))
  if (isNobody) return { count: 0, size: 'exact', verb: 'push', isNobody }
  if (fates.lost > 0) return { count: permitted, size: 'upTo', verb: isLost ? 'anyway' : 'upTo', isNobody }
  if (permitted === 0) return { count: 0, size: 'about', verb: 'anyway', isNobody }
  return { count: permitted, size: isExact ? 'exact' : 'about', verb: 'push', isNobody }
}
