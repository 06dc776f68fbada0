/** What would become of the devices that were looked at, each counted once: as good as the best of its variants. */
import type { DryRun } from '@roost/protocol'

export interface Fates {
  readonly looked: number
  readonly sent: number
  readonly deferred: number
  readonly lost: number
  /** Of those that get nothing; the most frequent first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[]
}

const RANK = { failed: 0, skipped: 0, deferred: 1, sent: 2 } as const

export function fatesOf(sample: DryRun['sample']): Fates {
  const best = new Map<string, DryRun['sample'][number]>()
  for (const each of sample) {
    const before = best.get(each.hwid)
    if (!before || RANK[before.outcome] < RANK[each.outcome]) best.set(each.hwid, each)
  }
  const all = [...best.values()]
  const count = (...outcomes: readonly string[]): number =>
    all.filter(it => outcomes.includes(it.outcome)).length
  const reasons = new Map<string, number>()
  for (const { outcome, reason } of all) {
    if (outcome !== 'sent' && outcome !== 'deferred' && reason !== null)
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  return {
    looked: all.length,
    sent: count('sent'),
    deferred: count('deferred'),
    lost: count('skipped', 'failed'),
    reasons: [...reasons]
      .map(([reason, of]) => ({ reason, count: of }))
      .toSorted((a, b) => b.count - a.count),
  }
}
