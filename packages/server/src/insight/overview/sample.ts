/**
 * A part of the base to look at: buckets, so many that the devices that are wanted are in them. A hash spreads devices over buckets, so any of them
 * are a random sample; here always the same ones are taken, so that what is told twice of an unchanged base is the same.
 */
import { BUCKETS } from '../../registry/buckets.ts'
import type { Queryable } from '../../store/database.ts'

export interface Wanted {
  readonly appId: number
  readonly devices: number
  /** A base of up to so many is looked at whole. Default: what it comes to, up to twice `devices`. */
  readonly wholeUpTo?: number
}

/** Of a base like that people expect numbers that are right, and reading it takes no longer than they wait. */
export const SMALL_BASE = 20_000

const PROBED_BUCKETS = 4

/** By the primary key; no more is read than it takes to tell. */
const PROBE = `
  select (select count(*) from (
            select from device d where d.bucket = b.bucket and d.app_id = $1 limit $3) one)::integer as count
    from unnest($2::smallint[]) as b (bucket)`

/** All buckets of a small base. */
export async function chooseBuckets(
  db: Queryable,
  { appId, devices, wholeUpTo = 0 }: Wanted,
): Promise<readonly number[]> {
  const { rows } = await db.query<{ count: number }>(PROBE, [appId, spread(PROBED_BUCKETS), devices])
  const mean = rows.reduce((sum, it) => sum + it.count, 0) / PROBED_BUCKETS
  if (mean * BUCKETS <= wholeUpTo) return spread(BUCKETS)
  const wanted = mean === 0 ? BUCKETS : Math.max(1, devices / mean)
  // A power of two: a base that grows a little is looked at in the same buckets.
  return spread(Math.min(BUCKETS, 2 ** Math.ceil(Math.log2(wanted))))
}

/** Evenly over the base: what erases or ends many devices goes through it from bucket to bucket. */
function spread(count: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * BUCKETS) / count)
}
