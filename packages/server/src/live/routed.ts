/** Which messages go by the live channel at all: asked when one is planned, when its deliveries are read, and when they are sent. */
import type { Route } from '@roost/protocol'

export type LiveRoute = Exclude<Route, 'push'>

/** Its rules, or what its sender asked for; a message without a route goes by push. */
export interface Routed {
  readonly route?: Route | null | undefined
}

/** Undefined for a message that goes by push alone. */
export function liveRouteOf(asked: Routed | null): LiveRoute | undefined {
  const route = asked?.route ?? 'push'
  return route === 'push' ? undefined : route
}

/** Devices that can't be pushed to are meant then, too. */
export function goesLive(asked: Routed | null): boolean {
  return liveRouteOf(asked) !== undefined
}

/** Presence in which a channel is used. An app in the background shows nothing by itself, so what has a push takes that. */
export const STATES_OF_ROUTE: Readonly<Record<LiveRoute, readonly string[]>> = {
  'online-first': ['online'],
  both: ['online', 'background'],
  'online-only': ['online', 'background'],
}
