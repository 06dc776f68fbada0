/**
 * What the statistics are told by: quarters of an hour, gateways, and places of a histogram that can be added up.
 *
 * A place is a quarter of a doubling: place n begins at 2^(n/4) ms, so what is read from it is right to a fifth, from a
 * millisecond to months, and histograms of hours, gateways or servers are added place by place.
 */
import { PROVIDER_OF } from '../../registry/address.ts'

const PLACES_PER_DOUBLING = 4
const PLACE_MAX = 150

/** All time zones of today are so many quarters of an hour away from UTC. */
export function quarterOf(at: string): string {
  return `date_bin('15 minutes', ${at}, 'epoch')`
}

/** The day of all days, for totals of messages and campaigns: lists of them need not add up days. */
export const TOTAL_DAY = "'-infinity'::date"

/** SQL: null where the platform is. */
export function gatewayOfPlatform(platform: string): string {
  const cases = Object.entries(PROVIDER_OF).map(([of, provider]) => `when '${of}' then '${provider}'`)
  return `case ${platform} ${cases.join(' ')} end`
}

/** SQL: what a reason begins with. What comes after it may name anything, a person as well, and numbers are kept for ever. */
export function reasonOf(column: string): string {
  return `left(split_part(${column}, ':', 1), 60)`
}

/** Of an interval, as text. */
export function latencyPlace(interval: string): string {
  const ms = `greatest(1, extract(epoch from ${interval})::float8 * 1000)`
  return `least(${PLACE_MAX}, floor(${PLACES_PER_DOUBLING} * ln(${ms}) / ln(2::float8)))::integer::text`
}

export interface LatencyPlace {
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
  readonly count: number
}

export interface Latency {
  readonly count: number
  readonly p50Ms: number | null
  readonly p90Ms: number | null
  readonly p99Ms: number | null
  readonly histogram: readonly LatencyPlace[]
}

/** `counts`: by place. Percentiles are the end of the place in which they lie. */
export function latencyOf(counts: ReadonlyMap<number, number>): Latency {
  const places = [...counts].filter(([, count]) => count > 0).sort(([a], [b]) => a - b)
  const count = places.reduce((sum, [, n]) => sum + n, 0)
  const percentile = (share: number): number | null => {
    let seen = 0
    for (const [place, n] of places) {
      seen += n
      if (seen >= share * count) return startOf(place + 1)
    }
    return null
  }
  return {
    count,
    p50Ms: percentile(0.5),
    p90Ms: percentile(0.9),
    p99Ms: percentile(0.99),
    histogram: places.map(([place, n]) => ({ fromMs: startOf(place), toMs: startOf(place + 1), count: n })),
  }
}

function startOf(place: number): number {
  return place === 0 ? 0 : Math.round(2 ** (place / PLACES_PER_DOUBLING))
}

export const GATEWAYS = ['apns', 'fcm', 'hms', 'webpush'] as const
