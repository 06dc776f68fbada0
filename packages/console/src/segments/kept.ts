/**
 * What this browser remembers of a segment: the export that was asked for last, and what was unregistered, so that both are found again when the
 * page is. The server keeps both itself; only the ids are here.
 */

const KEY = 'roost.segment'
/** As long as the server takes removals back. */
const KEPT_MS = 30 * 24 * 60 * 60_000

export interface Unregistered {
  readonly at: string
  /** How many devices were named. */
  readonly devices: number
  /** Ids of the bulk requests. */
  readonly requests: readonly string[]
  readonly undoneAt?: string
}

export interface Kept {
  readonly exportId?: string
  readonly unregistered: readonly Unregistered[]
}

const NOTHING: Kept = { unregistered: [] }

export function readKept(store: Storage, segment: string, nowMs: number): Kept {
  try {
    const kept = JSON.parse(store.getItem(`${KEY}.${segment}`) ?? '') as Kept
    const isYoung = ({ at }: Unregistered): boolean => nowMs - Date.parse(at) < KEPT_MS
    return { ...kept, unregistered: kept.unregistered.filter(isYoung) }
  } catch {
    return NOTHING
  }
}

export function keep(store: Storage, segment: string, kept: Kept): void {
  store.setItem(`${KEY}.${segment}`, JSON.stringify(kept))
}
