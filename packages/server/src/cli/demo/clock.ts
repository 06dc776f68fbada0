/**
 * The demo plays ten days in a minute: its clock starts in the past, is moved between the acts, and arrives at the
 * present with the last one, so what stays open in the console looks as it would after ten real days.
 */
import type { Clock } from '../../time.ts'

export const DAY_MS = 24 * 3600 * 1000

export class DemoClock implements Clock {
  #offsetMs: number

  constructor(startDaysAgo: number) {
    this.#offsetMs = -startDaysAgo * DAY_MS
  }

  now(): number {
    return Date.now() + this.#offsetMs
  }

  /** Never beyond the present. */
  advanceDays(days: number): void {
    this.#offsetMs = Math.min(0, this.#offsetMs + days * DAY_MS)
  }
}
