/**
 * A server that is busy is left alone: for as long as it says, and for a second at least, twice as long each time. It holds for what can wait, and is
 * forgotten with the page or process.
 */
import type { RoostError } from './error.ts'

const FIRST_MS = 1000
const LONGEST_MS = 10 * 60_000

export interface Pause {
  isOver(): boolean
  /** What a call came to; undefined when it went through. */
  note(failure: RoostError | undefined): void
}

export function createPause(now: () => number): Pause {
  let startedAt = 0
  let ms = 0
  let times = 0
  return {
    isOver() {
      const passed = now() - startedAt
      return passed < 0 || passed >= ms // a clock that was set back is no reason to wait
    },
    note(failure) {
      const asked = failure?.retryAfterMs
      if (asked === undefined) times = 0
      else {
        startedAt = now()
        ms = Math.min(LONGEST_MS, Math.max(asked, FIRST_MS * 2 ** times++))
      }
    },
  }
}
