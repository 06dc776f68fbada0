/** Counted removals as a chart by day, and as the reasons there are to choose from. */
import { daysBetween, todayIn } from '../statistics/days.ts'
import type { RemovalCount, RemovalCounts } from './calls.ts'

/** In the order in which they are stacked; a newer server may tell of others. */
export const FEED_EVENTS = [
  'dead',
  'unregistered',
  'superseded',
  'moved',
  'quarantined',
  'removal_undone',
] as const
export type FeedEvent = (typeof FEED_EVENTS)[number]

export interface RemovalDays {
  readonly days: readonly string[]
  /** Those events that there are, each with a number for each day. */
  readonly events: readonly { readonly event: string; readonly values: readonly number[] }[]
}

/** Moments, ISO 8601; `to` is the one after the last. */
export interface Asked {
  readonly from: string
  readonly to: string
}

/** Each day that was asked for, also where nothing happened. */
export function byDay({ counts, timeZone }: RemovalCounts, { from, to }: Asked): RemovalDays {
  const days = daysBetween({
    from: todayIn(timeZone, Date.parse(from)),
    to: todayIn(timeZone, Date.parse(to) - 1),
  })
  const told = new Set(counts.map(({ event }) => event))
  const order = [
    ...FEED_EVENTS.filter(event => told.has(event)),
    ...[...told].filter(event => !FEED_EVENTS.some(known => known === event)),
  ]
  return {
    days,
    events: order.map(event => ({
      event,
      values: days.map(day => sumOf(counts.filter(count => count.event === event && count.day === day))),
    })),
  }
}

export interface ReasonCount {
  readonly reason: string
  readonly count: number
}

/** The most frequent first; what an undo has brought back is no removal. */
export function reasonsOf(counts: readonly RemovalCount[]): ReasonCount[] {
  const sums = new Map<string, number>()
  for (const { event, reason, count } of counts)
    if (reason !== null && event !== 'removal_undone') sums.set(reason, (sums.get(reason) ?? 0) + count)
  return [...sums].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count)
}

function sumOf(counts: readonly RemovalCount[]): number {
  return counts.reduce((sum, { count }) => sum + count, 0)
}
