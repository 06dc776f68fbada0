/**
 * Preview: what a policy would take out of the base in the next run of address-aging, before it is switched on. Counted a few
 * buckets at a time, by statements that lock nothing and hold no snapshot for long.
 */
import type { AddressPolicyChange, PolicyPreview, RemovedCount } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { bucketRanges, LIVING_OF_BUCKETS, REASON, reasonValues, UNOPENED_SINCE } from './aging.ts'
import { countSilent } from './erasing.ts'
import { changedPolicy, readPolicy } from './policy.ts'
import { platformSql, RemovedCounts } from './removed.ts'

/** Days since the last open at which a class of the histogram begins. */
const AGES = [0, 1, 7, 14, 30, 60, 90, 180, 270, 365] as const

const COUNT = `
  select ${platformSql('d')} as platform, a.kind = 'alert' as "isAlert", ${REASON} as reason,
         greatest(1, width_bucket(extract(epoch from $2::timestamptz - ${UNOPENED_SINCE})::float8 / 86400, $7::float8[])) as age,
         d.last_open_at is null as "isNeverOpened", count(*)::integer as count ${LIVING_OF_BUCKETS}
   group by 1, 2, 3, 4, 5`

interface Counted {
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
}

export async function previewPolicy(
  db: Queryable,
  { appId, change, at }: PreviewRequest,
): Promise<PolicyPreview> {
  const policy = changedPolicy(await readPolicy(db, appId), { removeInactive: true, ...change })
  const counted: Counted[] = []
  const removed = new RemovedCounts()
  for (const buckets of bucketRanges()) {
    const values = [appId, ...reasonValues({ policy, at }), buckets]
    const { rows } = await db.query<Counted>(COUNT, [...values, [...AGES]])
    counted.push(...rows)
    removed.add(rows.flatMap(removedOf))
    removed.add(await countSilent(db, { appId, policy, buckets, at }))
  }
  const alerts = counted.filter(it => it.isAlert)
  return {
    asOf: new Date(at).toISOString(),
    policy,
    addresses: sum(alerts),
    wouldRemove: sum(alerts.filter(it => it.reason !== null)),
    byPlatform: byPlatform(alerts),
    removed: removed.list(),
    byAge: AGES.map((fromDays, i) => byAge(alerts, { fromDays, toDays: AGES[i + 1] ?? null, age: i + 1 })),
  }
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
