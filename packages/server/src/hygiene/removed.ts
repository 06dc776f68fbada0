/** What a job has taken out of the base, by reason and platform: for its record. */
import type { RemovedCount } from '@roost/protocol'

export class RemovedCounts {
  readonly #counts = new Map<string, RemovedCount>()

  add(counts: readonly RemovedCount[]): void {
    for (const it of counts) {
      const key = `${it.reason} ${it.platform}`
      this.#counts.set(key, { ...it, count: it.count + (this.#counts.get(key)?.count ?? 0) })
    }
  }

  /** Of one reason, or of all. */
  total(reason?: string): number {
    return this.list().reduce((sum, it) => sum + (it.reason === (reason ?? it.reason) ? it.count : 0), 0)
  }

  /** The most first. */
  list(): RemovedCount[] {
    return [...this.#counts.values()].sort(
      (a, b) => b.count - a.count || (`${a.reason} ${a.platform}` < `${b.reason} ${b.platform}` ? -1 : 1),
    )
  }
}

/** SQL: what a device says it is. `d` is its row, or null. */
export function platformSql(d: string): string {
  return `coalesce(${d}.platform, 'unknown')`
}
