/** Between which numbers the true size lies, as far as an estimate tells. */
import type { SegmentSize } from '@roost/protocol'

export interface Bounds {
  readonly low: number
  readonly high: number
}

/** Rounded outwards. */
export function boundsOf({ estimate, errorPercent }: Pick<SegmentSize, 'estimate' | 'errorPercent'>): Bounds {
  const error = (estimate * errorPercent) / 100
  return { low: Math.max(0, Math.floor(estimate - error)), high: Math.ceil(estimate + error) }
}
