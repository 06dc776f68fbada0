/**
 * How many devices meet a condition. Buckets are random samples of the base, since a hash spreads devices over them: some of
 * them are counted in random order, as many as the time allows, and the spread between them tells how far off that may be.
 */
import type { Condition, SegmentReach, SegmentSize } from '@roost/protocol'
import { BUCKETS } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { compileAccepted } from './condition.ts'
import { readScope } from './scope.ts'

/** Its spread tells how long a bucket takes, and the rest of the time is spent on more of them. */
const FIRST_BUCKETS = 4
const BUDGET_MS = 80

export interface SizeQuery {
  readonly appId: number
  readonly condition: Condition
  /** ms; days are counted back from it. */
  readonly at: number
  readonly isExact: boolean
  /** Whether they can be reached is counted in the same pass. */
  readonly hasReach: boolean
  /** From 0 to below 1. */
  readonly random: () => number
}

interface Counts {
  readonly devices: number
  readonly withAddress: number
  readonly valid: number
  readonly permitted: number
}

export async function sizeOf(db: Queryable, query: SizeQuery): Promise<SegmentSize> {
  const asOf = new Date(query.at).toISOString()
  const count = await counter(db, query)
  const order = shuffled(query.random)
  const counted = query.isExact ? await count(order) : await sample(count, order)
  const { estimate, errorPercent } = estimateOf(counted.map(it => it.devices))
  const isExact = counted.length === BUCKETS
  return {
    estimate,
    errorPercent: isExact ? 0 : errorPercent,
    exact: isExact ? estimate : null,
    asOf,
    reach: query.hasReach ? reachOf(counted) : null,
  }
}

type Count = (buckets: readonly number[]) => Promise<Counts[]>

async function counter(
  db: Queryable,
  { appId, condition, at, isExact, hasReach }: SizeQuery,
): Promise<Count> {
  const scope = await readScope(db, { appId, condition, at })
  const { sql, values } = compileAccepted(condition, { firstParameter: 3, scope })
  const text = statement({ sql, isExact, hasReach })
  return async buckets => (await db.query<Counts>(text, [appId, buckets, ...values])).rows
}

const REACH = `count(*) filter (where a.has) as "withAddress", count(*) filter (where a.valid) as valid,
            count(*) filter (where a.permitted) as permitted`
const NO_REACH = `0 as "withAddress", 0 as valid, 0 as permitted`

/** All of a device's addresses for alerts, by key. */
const ADDRESSES = `left join lateral (
  select true as has, bool_or(k.state in ('active', 'suspect')) as valid,
         bool_or(k.state in ('active', 'suspect') and not k.opted_out) as permitted
    from address k
   where k.bucket = d.bucket and k.app_id = d.app_id and k.hwid = d.hwid and k.kind = 'alert'
  having count(*) > 0) a on true`

/** Some buckets are read by key, one after the other; all of them in one scan, which PostgreSQL shares out to its workers. */
function statement(asked: { readonly sql: string; readonly isExact: boolean; readonly hasReach: boolean }) {
  const { sql, isExact, hasReach } = asked
  const columns = `count(*) as devices, ${hasReach ? REACH : NO_REACH}`
  const addresses = hasReach ? ADDRESSES : ''
  if (isExact)
    return `with counts as (
              select d.bucket, ${columns} from device d ${addresses} where d.app_id = $1 and ${sql} group by d.bucket)
            select coalesce(devices, 0) as devices, coalesce("withAddress", 0) as "withAddress",
                   coalesce(valid, 0) as valid, coalesce(permitted, 0) as permitted
              from unnest($2::smallint[]) as b (bucket) left join counts using (bucket)`
  return `select c.* from unnest($2::smallint[]) as b (bucket) cross join lateral (
            select ${columns} from device d ${addresses}
             where d.app_id = $1 and d.bucket = b.bucket and ${sql} offset 0) c`
}

async function sample(count: Count, order: readonly number[]): Promise<Counts[]> {
  const startedAt = performance.now()
  const first = await count(order.slice(0, FIRST_BUCKETS))
  const tookMs = performance.now() - startedAt
  const more = Math.floor(((BUDGET_MS - tookMs) / tookMs) * FIRST_BUCKETS)
  if (more <= 0) return first
  return [...first, ...(await count(order.slice(FIRST_BUCKETS, FIRST_BUCKETS + more)))]
}

function shuffled(random: () => number): number[] {
  const buckets = Array.from({ length: BUCKETS }, (_, i) => i)
  for (let i = buckets.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[buckets[i], buckets[j]] = [buckets[j] as number, buckets[i] as number]
  }
  return buckets
}

/**
 * The error that 95 of 100 such samples stay below. Where nobody was found nothing is known of the spread: 100.
 * Source: Cochran, "Sampling Techniques", simple random sampling of clusters of about equal size.
 */
export function estimateOf(counts: readonly number[]): { estimate: number; errorPercent: number } {
  const { length } = counts
  const mean = counts.reduce((sum, it) => sum + it, 0) / length
  if (mean === 0) return { estimate: 0, errorPercent: 100 }
  const variance = counts.reduce((sum, it) => sum + (it - mean) ** 2, 0) / (length - 1)
  const error = studentT(length - 1) * Math.sqrt((variance / length) * (1 - length / BUCKETS))
  return {
    estimate: Math.round(mean * BUCKETS),
    errorPercent: Math.min(100, Math.round((error / mean) * 10_000) / 100),
  }
}

/** Two-sided, 95 %; Cornish and Fisher's expansion, which is right to 4 % from three degrees of freedom on. */
function studentT(freedom: number): number {
  const z = 1.96
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
}

function reachOf(counted: readonly Counts[]): SegmentReach {
  const all = (column: keyof Counts) =>
    Math.round((counted.reduce((sum, it) => sum + it[column], 0) * BUCKETS) / counted.length)
  return {
    devices: all('devices'),
    withAddress: all('withAddress'),
    valid: all('valid'),
    permitted: all('permitted'),
  }
}
