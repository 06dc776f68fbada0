/**
 * How long a message took, stage by stage, out of the server's histograms: bars of one height scale, and what half, nine
 * tenths and ninety-nine hundredths of the deliveries stayed below.
 */

export const LATENCY_STAGES = ['planned', 'accepted', 'received', 'opened'] as const

export interface LatencyStage {
  /** `planned`, `accepted`: since it was due. `received`, `opened`: since it was sent. */
  readonly stage: (typeof LATENCY_STAGES)[number]
  readonly count: number
  readonly p50Ms: number | null
  readonly p90Ms: number | null
  readonly p99Ms: number | null
  readonly histogram: readonly LatencyPlace[]
}

export interface LatencyPlace {
  readonly fromMs: number
  readonly toMs: number
  readonly count: number
}

export interface LatencyBar extends LatencyPlace {
  /** Of the highest, in percent. */
  readonly percent: number
}

/** As many bars as fit; places beside one another become one bar, and empty ones at both ends are left out. */
export function barsOf(histogram: readonly LatencyPlace[], mostBars: number): readonly LatencyBar[] {
  const first = histogram.findIndex(({ count }) => count > 0)
  if (first < 0) return []
  const last = histogram.findLastIndex(({ count }) => count > 0)
  const shown = histogram.slice(first, last + 1)
  const width = Math.ceil(shown.length / mostBars)
  const merged: LatencyPlace[] = []
  for (let at = 0; at < shown.length; at += width) {
    const places = shown.slice(at, at + width)
    merged.push({
      fromMs: places[0]?.fromMs ?? 0,
      toMs: places.at(-1)?.toMs ?? 0,
      count: places.reduce((sum, { count }) => sum + count, 0),
    })
  }
  const highest = Math.max(...merged.map(({ count }) => count))
  return merged.map(bar => ({ ...bar, percent: (bar.count / highest) * 100 }))
}
