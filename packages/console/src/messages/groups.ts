/** Reasons as people read them: the same at several gateways is one reason, with the gateways beside it. */
import type { ReachGroup } from '@roost/protocol'

export interface Reason extends Omit<ReachGroup, 'gateway'> {
  readonly gateways: readonly string[]
}

/** The most frequent first, as the server's own are. */
export function reasonsOf(groups: readonly ReachGroup[]): readonly Reason[] {
  const reasons = new Map<string, Reason>()
  for (const { gateway, ...group } of groups) {
    const key = JSON.stringify([group.step, group.outcome, group.reason])
    const known = reasons.get(key)
    reasons.set(key, {
      ...group,
      count: group.count + (known?.count ?? 0),
      share: group.share + (known?.share ?? 0),
      gateways: [...(known?.gateways ?? []), ...(gateway === null ? [] : [gateway])],
    })
  }
  return [...reasons.values()].sort((a, b) => b.count - a.count)
}
