/**
 * Questions that no index answers, since every registration would pay for it: the base is read in ranges of buckets, each as
 * wide as is read quickly, until it was read whole or enough time has passed. So a small base is answered at once and whole,
 * and a big one in pages that say how far they came.
 */
import { PushError } from '@roost/protocol'
import { BUCKETS } from '../buckets.ts'

const FIRST_BUCKETS = 16
/** A range that takes less is followed by one twice as wide. */
const QUICK_MS = 100
/** Of a page: less than people wait for, more than the widest range takes. */
const PAGE_MS = 1500

export interface BucketRange {
  readonly from: number
  /** The last one of it. */
  readonly to: number
}

export interface Scanned<T> {
  readonly found: readonly T[]
  /** Where the next page begins, to be given as `after`; null when all was looked through. */
  readonly next: string | null
  /** Which part of the base this page and those before it have looked through, from 0 to 1. */
  readonly searched: number
}

export interface Scanning<T> {
  /** `next` of the page before; '' is the beginning. */
  readonly after: string
  /** A page ends where this is true of what was found; by default only when its time is over. */
  readonly isEnough?: (found: readonly T[]) => boolean
  /**
   * Of the first range; default 16. All of them where reading the tables in one pass is quick: the rows of a bucket lie everywhere,
   * so ranges cost several times as much together.
   */
  readonly width?: number
  /** ms; 0 = one range. */
  readonly pageMs?: number
}

/** Throws `input_invalid` for an `after` that was never given. */
export async function scanBuckets<T>(
  read: (range: BucketRange) => Promise<readonly T[]>,
  { after, isEnough = () => false, width: first = FIRST_BUCKETS, pageMs = PAGE_MS }: Scanning<T>,
): Promise<Scanned<T>> {
  const endsAt = performance.now() + pageMs
  const found: T[] = []
  let from = bucketAfter(after)
  for (let width = first; from < BUCKETS; ) {
    const startedAt = performance.now()
    const to = Math.min(BUCKETS, from + width) - 1
    found.push(...(await read({ from, to })))
    from = to + 1
    const now = performance.now()
    if (now >= endsAt || isEnough(found)) break
    if (now - startedAt < QUICK_MS) width *= 2
  }
  return { found, next: from < BUCKETS ? String(from) : null, searched: from / BUCKETS }
}

/** Of an answer that was found by keys. */
export function foundByKeys<T>(found: readonly T[]): Scanned<T> {
  return { found, next: null, searched: 1 }
}

function bucketAfter(after: string): number {
  if (after === '') return 0
  const bucket = /^[1-9]\d{0,3}$/.test(after) ? Number(after) : BUCKETS
  if (bucket >= BUCKETS)
    throw new PushError(
      'input_invalid',
      'querystring/after: it is none of the values that were given as next',
    )
  return bucket
}
