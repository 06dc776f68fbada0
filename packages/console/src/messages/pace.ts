/**
 * How fast a message goes out and how long the rest will take, from what was seen in the last seconds.
 *
 * The counts come about once a second and the window is ten times as long, so that one slow answer doesn't make the
 * number jump.
 */

const WINDOW_MS = 10_000

export interface Sample {
  readonly atMs: number
  /** Deliveries that had an outcome then. */
  readonly settled: number
}

export interface Pace {
  readonly perSecond: number
  /** Undefined while nothing moves. */
  readonly secondsLeft: number | undefined
}

/** Adds a sample and forgets those before the window. A count that fell belongs to another send: it starts anew. */
export function addSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1)
  if (last && sample.settled < last.settled) return [sample]
  return [...samples.filter(each => each.atMs > sample.atMs - WINDOW_MS), sample]
}

/** Undefined until there are two samples. */
export function paceOf(samples: readonly Sample[], targeted: number): Pace | undefined {
  const first = samples[0]
  const last = samples.at(-1)
  if (!first || !last || last.atMs <= first.atMs) return undefined
  const perSecond = ((last.settled - first.settled) / (last.atMs - first.atMs)) * 1_000
  const waiting = Math.max(0, targeted - last.settled)
  return { perSecond, secondsLeft: perSecond > 0 ? waiting / perSecond : undefined }
}
