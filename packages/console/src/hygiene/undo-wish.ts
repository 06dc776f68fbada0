/** What of the form of an undo the server is asked for. */
import { boundsOf, type Range } from '../parts/range.ts'

const HOUR_MS = 60 * 60_000
/** The server takes back what is at most 30 days old when it is asked, and refuses what reaches further. */
const REACH_MS = 30 * 24 * HOUR_MS
/** It is asked twice: to count, and when somebody has read the count. Clocks differ, too. */
const ROOM_MS = HOUR_MS

/** What to take back, as the server takes it. */
export interface UndoWish {
  readonly messageId?: string
  readonly reasons?: readonly string[]
  readonly from?: string
  readonly to?: string
}

export interface UndoForm {
  readonly reasons: readonly string[]
  readonly messageId: string
  readonly range: Range
}

export function wishOf({ reasons, messageId, range }: UndoForm, nowMs: number): UndoWish {
  const { from, to } = boundsOf(range, nowMs)
  const earliest = nowMs - REACH_MS + ROOM_MS
  const message = messageId.trim()
  return {
    from: new Date(Math.max(from.getTime(), earliest)).toISOString(),
    to: to.toISOString(),
    ...(reasons.length > 0 && { reasons }),
    ...(message !== '' && { messageId: message }),
  }
}
