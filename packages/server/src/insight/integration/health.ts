/**
 * Integration health of an app: which SDK versions its devices run, what that keeps them from, which environments their addresses are of, and why
 * systems gave no token.
 *
 * Read from some buckets: a hash spreads the devices over them, so the devices of some buckets are a random sample of all. A base of up to some
 * twenty thousand devices is read whole. Rows are found by the primary keys of device and address.
 */
import type { Integration } from '@roost/protocol'
import { estimateOf } from '../../audience/size.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Queryable } from '../../store/database.ts'
import { SMALL_BASE } from '../overview/sample.ts'
import { readCoverage } from '../statistics/coverage.ts'
import { FEATURE_NEEDS, isAtLeast, type Minimums, readMinimums } from './features.ts'
import { remedyOfRegistrationError } from './registration-errors.ts'

export interface HealthQuery {
  readonly appId: number
  /** ms */
  readonly at: number
  /** From 0 to below 1. */
  readonly random: () => number
}

/** A share is off by 1.2 points at most. What it costs are their rows, which lie everywhere, as do those of their addresses. */
const DEVICES_WANTED = 7500
const PROBED_BUCKETS = 4
const VERSIONS_MAX = 100
const ERRORS_MAX = 50
/** Two-sided, 95 %. */
const Z = 1.96

export async function readHealth(db: Queryable, { appId, at, random }: HealthQuery): Promise<Integration> {
  const buckets = await chooseBuckets(db, appId, random)
  const [counts, { groups, errors }, environments, minimums, coverage] = await Promise.all([
    countDevices(db, { appId, buckets }),
    readGroups(db, appId, buckets),
    readEnvironments(db, appId, buckets),
    readMinimums(db, appId),
    readCoverage(db, { appId, at }),
  ])
  const isExact = buckets.length === BUCKETS
  const { estimate, errorPercent } = estimateOf(counts)
  const read = counts.reduce((sum, it) => sum + it, 0)
  const share = sharer(buckets.length)
  return {
    asOf: new Date(at).toISOString(),
    devices: estimate,
    errorPercent: isExact ? 0 : errorPercent,
    sample: { buckets: buckets.length, devices: read, isExact },
    versions: groups.slice(0, VERSIONS_MAX).map(({ count, ...it }) => ({ ...it, ...share(count, read) })),
    features: featuresOf(groups, minimums, share),
    environments: environmentsOf(environments, share),
    registrationErrors: errors.map(({ count, ...it }) => ({
      ...it,
      ...share(count, read),
      newestAt: new Date(it.newestAt).toISOString(),
      remedy: remedyOfRegistrationError(it.code, it.message ?? ''),
    })),
    receipts: coverage,
  }
}

/** In random order; so many that the devices that are wanted are in them. */
async function chooseBuckets(db: Queryable, appId: number, random: () => number): Promise<number[]> {
  const order = shuffled(random)
  const probed = await countDevices(db, {
    appId,
    buckets: order.slice(0, PROBED_BUCKETS),
    most: DEVICES_WANTED,
  })
  const mean = probed.reduce((sum, it) => sum + it, 0) / PROBED_BUCKETS
  if (mean * BUCKETS <= SMALL_BASE) return order
  return order.slice(0, Math.ceil(DEVICES_WANTED / mean))
}

function shuffled(random: () => number): number[] {
  const buckets = Array.from({ length: BUCKETS }, (_, i) => i)
  for (let i = buckets.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[buckets[i], buckets[j]] = [buckets[j] as number, buckets[i] as number]
  }
  return buckets
}

interface Counted {
  readonly appId: number
  readonly buckets: readonly number[]
  /** No more are counted of a bucket. Default: all. */
  readonly most?: number
}

/** Of each bucket, by the primary key. */
async function countDevices(db: Queryable, { appId, buckets, most }: Counted): Promise<number[]> {
  const { rows } = await db.query<{ count: number }>(
    `select c.count from unnest($2::smallint[]) as b (bucket) cross join lateral (
       select count(*)::integer as count from (
         select from device d where d.bucket = b.bucket and d.app_id = $1 limit $3) one) c`,
    [appId, buckets, most ?? null],
  )
  return rows.map(it => it.count)
}

interface Group {
  readonly platform: Integration['versions'][number]['platform']
  readonly sdkVersion: string | null
  readonly extensionVersion: string | null
  readonly count: number
}

interface ErrorGroup {
  readonly code: string
  readonly message: string | null
  readonly newestAt: string
  readonly count: number
}

/** Most devices first. Both in one pass: what it costs are the rows of the devices, which lie everywhere in the table. */
const GROUPS = `
  with sampled as materialized (
    select d.platform, d.record ->> 'sdkVersion' as sdk, d.record ->> 'extensionVersion' as extension,
           d.record -> 'registrationError' as e
      from unnest($2::smallint[]) as b (bucket) cross join lateral (
        select d.platform, d.record from device d where d.bucket = b.bucket and d.app_id = $1 offset 0) d
  ), version as (
    select platform, sdk as "sdkVersion", extension as "extensionVersion", count(*)::integer as count
      from sampled group by 1, 2, 3 order by 4 desc, 1, 2, 3
  ), error as (
    select e ->> 'code' as code, min(e ->> 'message') as message, max(e ->> 'at') as "newestAt", count(*)::integer as count
      from sampled where e ->> 'code' is not null
     group by 1 order by 4 desc, 1 limit ${ERRORS_MAX}
  )
  select (select coalesce(json_agg(v), '[]') from version v) as groups,
         (select coalesce(json_agg(x), '[]') from error x) as errors`

interface Groups {
  readonly groups: readonly Group[]
  readonly errors: readonly ErrorGroup[]
}

async function readGroups(db: Queryable, appId: number, buckets: readonly number[]): Promise<Groups> {
  const { rows } = await db.query<Groups>(GROUPS, [appId, buckets])
  return rows[0] as Groups
}

interface EnvironmentGroup {
  readonly gateway: Integration['environments'][number]['gateway']
  readonly environment: Integration['environments'][number]['environment']
  readonly count: number
}

async function readEnvironments(
  db: Queryable,
  appId: number,
  buckets: readonly number[],
): Promise<EnvironmentGroup[]> {
  const { rows } = await db.query<EnvironmentGroup>(
    `select a.provider as gateway, nullif(a.environment, '') as environment, count(*)::integer as count
       from unnest($2::smallint[]) as b (bucket) cross join lateral (
         select a.provider, a.environment from address a
          where a.bucket = b.bucket and a.app_id = $1 and a.kind = 'alert' and a.state in ('active', 'suspect') offset 0) a
      group by 1, 2 order by 3 desc, 1, 2`,
    [appId, buckets],
  )
  return rows
}

interface Share {
  readonly devices: number
  readonly share: number
  readonly error: number
}

type Sharer = (part: number, all: number) => Share

/** Source: Cochran, "Sampling Techniques", proportions, with the correction for a finite base. */
function sharer(buckets: number): Sharer {
  const left = Math.sqrt(1 - buckets / BUCKETS)
  return (part, all) => {
    const share = all === 0 ? 0 : part / all
    const error = all === 0 ? 0 : Z * Math.sqrt((share * (1 - share)) / all) * left
    return {
      devices: Math.round((part * BUCKETS) / buckets),
      share: rounded(share),
      error: rounded(error),
    }
  }
}

function rounded(share: number): number {
  return Number(share.toFixed(4))
}

function featuresOf(groups: readonly Group[], minimums: Minimums, share: Sharer): Integration['features'] {
  return (Object.keys(FEATURE_NEEDS) as (keyof typeof FEATURE_NEEDS)[]).map(feature => {
    const { by, platforms, remedy } = FEATURE_NEEDS[feature]
    const minimum = minimums.get(feature) ?? null
    const asked = groups.filter(it => it.platform !== null && platforms.includes(it.platform))
    const of = (isMeant: (version: string | null) => boolean) =>
      asked.filter(it => isMeant(it[by])).reduce((sum, it) => sum + it.count, 0)
    const able = of(it => it !== null && (minimum === null || isAtLeast(it, minimum)))
    const silent = of(it => it === null)
    const all = of(() => true)
    return {
      feature,
      by,
      platforms: [...platforms],
      minimum,
      ...share(able, all),
      tooOld: share(all - able - silent, all).devices,
      silent: share(silent, all).devices,
      remedy,
    }
  })
}

function environmentsOf(found: readonly EnvironmentGroup[], share: Sharer): Integration['environments'] {
  const all = found.reduce((sum, it) => sum + it.count, 0)
  return found.map(({ count, ...it }) => {
    const { devices: addresses, ...rest } = share(count, all)
    return { ...it, addresses, ...rest }
  })
}
