/**
 * Lanes: messages of a lower number never wait behind those of a higher one. Some runners of each process take nothing but
 * the urgent lanes, so that a campaign which has all the others busy holds nobody up.
 */
import type { NewMessage } from '@roost/protocol'

export const LANES = { test: 0, transactional: 1, campaign: 2 } as const
export type Lane = (typeof LANES)[keyof typeof LANES]

/** Planned and sent by runners of their own. */
export const LAST_URGENT_LANE = LANES.transactional

/** Whoever names devices or users waits for them; all others are a campaign unless they say otherwise. */
export function laneOf({ lane, to }: Pick<NewMessage, 'lane' | 'to'>): Lane {
  if (lane !== undefined) return LANES[lane]
  return 'devices' in to || 'users' in to ? LANES.transactional : LANES.campaign
}
