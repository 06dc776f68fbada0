/**
 * The time, passed in wherever a rule depends on it, so that a test moves it and nothing sleeps.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
