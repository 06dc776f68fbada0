/**
 * What became of a message's deliveries, as parts that sum to the number of devices it was meant for.
 *
 * Each targeted delivery is in exactly one part, and those without an outcome yet are `waiting`. Receipts
 * (delivered, opened) come from the devices afterwards and overlap with `accepted`, so they are never parts here.
 */
import type { MessageCounts } from '@roost/protocol'
import { type Part, sum } from '../parts/bar.ts'

export const OUTCOMES = ['accepted', 'dead', 'failed', 'uncertain', 'skipped', 'waiting'] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface OutcomeSplit {
  readonly parts: readonly Part<Outcome>[]
  /** How many outcomes there are beyond the targeted devices: 0 unless the server has counted wrongly. */
  readonly excess: number
}

export function splitTargeted(
  counts: Pick<MessageCounts, 'targeted' | Exclude<Outcome, 'waiting'>>,
): OutcomeSplit {
  const settled = OUTCOMES.filter(name => name !== 'waiting').map(name => ({ name, count: counts[name] }))
  const waiting = counts.targeted - sum(settled)
  return {
    parts: [...settled, { name: 'waiting', count: Math.max(0, waiting) }],
    excess: Math.max(0, -waiting),
  }
}
