/**
 * The time, passed in wherever a rule depends on it, so that a test moves it and nothing sleeps.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/**
 * How long ago `at` was, in ms. What is still to come was noted before the clock was set back, nobody knows how long ago: as long as can be, so
 * that it is made anew.
 */
export function ageOf(at: number, now: number): number {
  return at > now ? Number.POSITIVE_INFINITY : now - at
}
