/**
 * Preview: what a policy would take out of the base in the next run of address-aging, before it is switched on. Counted a few
 * buckets at a time, by statements that lock nothing and hold no snapshot for long: of a small base all, of a large one a part, since
 * somebody waits. All of a million took 42 s on two busy cores.
 */
import type { AddressPolicyChange, PolicyPreview, RemovedCount } from '@roost/protocol'
import { estimateOf } from '../audience/size.ts'
import { chooseBuckets } from '../insight/overview/sample.ts'
import { BUCKETS } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { BUCKETS_AT_ONCE, LIVING_OF_BUCKETS, REASON, reasonValues, UNOPENED_SINCE } from './aging.ts'
import { countSilent } from './erasing.ts'
import { changedPolicy, readPolicy } from './policy.ts'
import { platformSql, RemovedCounts } from './removed.ts'

/** Days since the last open at which a class of the histogram begins. */
const AGES = [0, 1, 7, 14, 30, 60, 90, 180, 270, 365] as const

/** Of a larger base half of that to all of it is looked at. */
const WHOLE_UP_TO = 60_000

const COUNT = `
  select a.bucket, ${platformSql('d')} as platform, a.kind = 'alert' as "isAlert", ${REASON} as reason,
         greatest(1, width_bucket(extract(epoch from $2::timestamptz - ${UNOPENED_SINCE})::float8 / 86400, $7::float8[])) as age,
         d.last_open_at is null as "isNeverOpened", count(*)::integer as count ${LIVING_OF_BUCKETS}
   group by 1, 2, 3, 4, 5, 6`

interface Counted {
  readonly bucket: number
  readonly platform: string
  readonly isAlert: boolean
  readonly reason: string | null
  /** Which of the classes, from 1 on. */
  readonly age: number
  readonly isNeverOpened: boolean
  readonly count: number
}

export interface PreviewRequest {
  readonly appId: number
  readonly change: AddressPolicyChange
  /** ms. */
  readonly at: number
  /** All of a large base is counted. Default false. */
  readonly isExact?: boolean
}

export async function previewPolicy(
  db: Queryable,
  { appId, change, at, isExact = false }: PreviewRequest,
): Promise<PolicyPreview> {
  const policy = changedPolicy(await readPolicy(db, appId), { removeInactive: true, ...change })
  const chosen = await chooseBuckets(db, {
    appId,
    devices: WHOLE_UP_TO / 2,
    wholeUpTo: isExact ? Number.POSITIVE_INFINITY : WHOLE_UP_TO,
  })
  const scale = BUCKETS / chosen.length // a power of two, so that what is added up stays whole
  const scaled = <T extends { readonly count: number }>(rows: readonly T[]): T[] =>
    rows.map(it => ({ ...it, count: it.count * scale }))
  const counted: Counted[] = []
  const removed = new RemovedCounts()
  for (let first = 0; first < chosen.length; first += BUCKETS_AT_ONCE) {
    const buckets = chosen.slice(first, first + BUCKETS_AT_ONCE)
    const values = [appId, ...reasonValues({ policy, at }), buckets]
    const rows = scaled((await db.query<Counted>(COUNT, [...values, [...AGES]])).rows)
    counted.push(...rows)
    removed.add(rows.flatMap(removedOf))
    removed.add(scaled(await countSilent(db, { appId, policy, buckets, at })))
  }
  const alerts = counted.filter(it => it.isAlert)
  return {
    asOf: new Date(at).toISOString(),
    policy,
    errorPercent: scale === 1 ? 0 : errorOf(alerts, chosen),
    addresses: sum(alerts),
    wouldRemove: sum(alerts.filter(it => it.reason !== null)),
    byPlatform: byPlatform(alerts),
    removed: removed.list(),
    byAge: AGES.map((fromDays, i) => byAge(alerts, { fromDays, toDays: AGES[i + 1] ?? null, age: i + 1 })),
  }
}

/** Of how many would be removed. */
function errorOf(alerts: readonly Counted[], buckets: readonly number[]): number {
  const found = new Map(buckets.map(it => [it, 0]))
  for (const { bucket, reason, count } of alerts)
    if (reason !== null) found.set(bucket, (found.get(bucket) ?? 0) + (count * buckets.length) / BUCKETS)
  return estimateOf([...found.values()]).errorPercent
}

function removedOf({ reason, platform, count }: Counted): RemovedCount[] {
  return reason === null ? [] : [{ reason, platform, count }]
}

function sum(counted: readonly Counted[]): number {
  return counted.reduce((total, it) => total + it.count, 0)
}

/** What would lose most first. */
function byPlatform(alerts: readonly Counted[]): PolicyPreview['byPlatform'] {
  const rows = [...new Set(alerts.map(it => it.platform))].map(platform => {
    const own = alerts.filter(it => it.platform === platform)
    return { platform, addresses: sum(own), wouldRemove: sum(own.filter(it => it.reason !== null)) }
  })
  return rows.sort((a, b) => b.wouldRemove - a.wouldRemove || b.addresses - a.addresses)
}

function byAge(
  alerts: readonly Counted[],
  { fromDays, toDays, age }: { fromDays: number; toDays: number | null; age: number },
): PolicyPreview['byAge'][number] {
  const own = alerts.filter(it => it.age === age)
  return { fromDays, toDays, addresses: sum(own), neverOpened: sum(own.filter(it => it.isNeverOpened)) }
}
