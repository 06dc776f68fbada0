/**
 * How many devices meet a condition. Buckets are random samples of the base, since a hash spreads devices over them: some of
 * them are counted in random order, as many as the time allows, and the spread between them tells how far off that may be.
 * A small base is counted whole: most of its buckets are empty, and the time of a sample goes by in asking for it.
 */
import type { Condition, SegmentReach, SegmentSize } from '@roost/protocol'
import { BUCKETS } from '../registry/buckets.ts'
import { isSmallBase } from '../registry/small-base.ts'
import type { Queryable } from '../store/database.ts'
import { compileCondition } from './condition.ts'
import { readScope } from './scope.ts'
import type { ReadSegments } from './segment-meaning.ts'

/** It tells how long a bucket takes (of ten million devices 30 to 50 ms), and the rest of the time is spent on more of them. */
const FIRST_BUCKETS = 1
const BUDGET_MS = 80
/** Devices. Counted whole by key in 20 to 40 ms, with their addresses in 60 to 95. */
export const SMALL_BASE = 10_000

export interface SizeQuery {
  readonly appId: number
  readonly condition: Condition
  /** ms; days are counted back from it. */
  readonly at: number
  readonly isExact: boolean
  /** Whether they can be reached is counted in the same pass. */
  readonly hasReach: boolean
  /** ms that an estimate takes, about. Default 80. */
  readonly budgetMs?: number
  /** Default: what segments mean now. */
  readonly readSegments?: ReadSegments
  /** From 0 to below 1. */
  readonly random: () => number
}

interface Counts {
  readonly devices: number
  readonly withAddress: number
  readonly valid: number
  readonly permitted: number
}

/** Throws `condition_invalid`: who would be refused a message to them is not told that they are nobody. */
export async function sizeOf(db: Queryable, query: SizeQuery): Promise<SegmentSize> {
  const asOf = new Date(query.at).toISOString()
  const count = await counter(db, query)
  const order = shuffled(query.random)
  const isWhole = query.isExact || (await isSmallBase(db, { appId: query.appId, devices: SMALL_BASE }))
  const counted = isWhole ? await count(order) : await sample(count, order, query.budgetMs ?? BUDGET_MS)
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
  { appId, condition, at, isExact, hasReach, readSegments }: SizeQuery,
): Promise<Count> {
  const scope = await readScope(db, { appId, condition, at, ...(readSegments && { readSegments }) })
  const { sql, values } = compileCondition(condition, { firstParameter: 3, scope })
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

/**
 * For all devices at once: of a device one address is sent to at most, so the two tables can be joined whole (7.5 s by key for
 * a million devices, 1.5 s so). Only where there is none any other address is looked for.
 */
const REACH_OF_ALL = `count(*) filter (where s.hwid is not null or exists (
              select from address k
               where k.bucket = d.bucket and k.app_id = d.app_id and k.hwid = d.hwid and k.kind = 'alert')) as "withAddress",
            count(s.hwid) as valid, count(*) filter (where not s.opted_out) as permitted`
const SENDABLE_ADDRESSES = `left join address s on s.bucket = d.bucket and s.app_id = d.app_id and s.hwid = d.hwid
                 and s.kind = 'alert' and s.state in ('active', 'suspect')`

/** Some buckets are read by key, one after the other; all of them in one scan, which PostgreSQL shares out to its workers. */
function statement(asked: { readonly sql: string; readonly isExact: boolean; readonly hasReach: boolean }) {
  const { sql, isExact, hasReach } = asked
  const reach = isExact ? REACH_OF_ALL : REACH
  const columns = `count(*) as devices, ${hasReach ? reach : NO_REACH}`
  const addresses = isExact ? SENDABLE_ADDRESSES : ADDRESSES
  if (isExact)
    return `with counts as (
              select d.bucket, ${columns} from device d ${hasReach ? addresses : ''}
               where d.app_id = $1 and ${sql} group by d.bucket)
            select coalesce(devices, 0) as devices, coalesce("withAddress", 0) as "withAddress",
                   coalesce(valid, 0) as valid, coalesce(permitted, 0) as permitted
              from unnest($2::smallint[]) as b (bucket) left join counts using (bucket)`
  return `select c.* from unnest($2::smallint[]) as b (bucket) cross join lateral (
            select ${columns} from device d ${hasReach ? addresses : ''}
             where d.app_id = $1 and d.bucket = b.bucket and ${sql} offset 0) c`
}

async function sample(count: Count, order: readonly number[], budgetMs: number): Promise<Counts[]> {
  const startedAt = performance.now()
  const first = await count(order.slice(0, FIRST_BUCKETS))
  const tookMs = performance.now() - startedAt
  const more = Math.floor(((budgetMs - tookMs) / tookMs) * FIRST_BUCKETS)
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
 * The error that 95 of 100 such samples stay below. Where nobody was found nothing is known of the spread: 100. Of few buckets, or
 * few who were found, the spread says too little (it told of 75 to 90 instead of 95), so their number alone speaks: a hash puts
 * each device into a bucket by itself, so how many of a bucket meet a condition is Poisson's.
 * Source: Cochran, "Sampling Techniques", simple random sampling of clusters of about equal size.
 */
export function estimateOf(counts: readonly number[]): { estimate: number; errorPercent: number } {
  const { length } = counts
  const found = counts.reduce((sum, it) => sum + it, 0)
  if (found === 0) return { estimate: 0, errorPercent: 100 }
  const error = length < FEW_BUCKETS ? errorByNumber(found) : errorBySpread(counts, found)
  return {
    estimate: Math.round((found / length) * BUCKETS),
    errorPercent: Math.round(error * Math.sqrt(1 - length / BUCKETS) * 10_000) / 100,
  }
}

const FEW_BUCKETS = 8
const FEW = 60

function errorBySpread(counts: readonly number[], found: number): number {
  const { length } = counts
  const mean = found / length
  const variance = counts.reduce((sum, it) => sum + (it - mean) ** 2, 0) / (length - 1)
  const bySpread = (studentT(length - 1) * Math.sqrt(variance / length)) / mean
  return found < FEW ? Math.max(bySpread, errorByNumber(found)) : bySpread
}

/**
 * Up to where the true number may lie, as a share of the one that was found; far more than that for a handful.
 * Source: Garwood's interval for a Poisson mean, by Wilson and Hilferty's approximation (right to 1 %).
 */
function errorByNumber(found: number): number {
  const next = found + 1
  const most = next * (1 - 1 / (9 * next) + 1.96 / (3 * Math.sqrt(next))) ** 3
  return most / found - 1
}

/** Two-sided, 95 %; Cornish and Fisher's expansion, which is right to 1 % from seven degrees of freedom on. */
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
