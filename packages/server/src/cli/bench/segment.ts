/**
 * `roost bench segment`: how long it takes to say how many devices a segment has, and how far off that is: the estimate from
 * random buckets, the exact count, and the waterfall of who can be reached. In a base of made-up devices, written by SQL.
 */
import type { Condition } from '@roost/protocol'
import { Command } from 'commander'
import { createApp } from '../../access/apps.ts'
import { type SizeQuery, sizeOf } from '../../audience/size.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Database } from '../../store/database.ts'
import { migrate, readMigrations } from '../../store/migrate.ts'
import type { Screen } from '../demo/screen.ts'
import { printing, wholeNumber } from './bench-command.ts'
import { closing, openStore } from './bench-database.ts'
import { median, percentile, round2 } from './figures.ts'

export interface SegmentBenchOptions {
  readonly devices: number
  /** Estimates of each segment. */
  readonly estimates: number
  readonly json?: boolean
}

export interface SegmentFigures {
  /** The exact count. */
  readonly devices: number
  readonly estimate: {
    readonly p50Ms: number
    readonly p99Ms: number
    /** What the estimates say of themselves, the median. */
    readonly errorPercent: number
    /** How far off they were, the median. */
    readonly offPercent: number
    /** Of the estimates so many percent were within the error that they told; 95 are promised. */
    readonly withinPercent: number
  }
  /** Estimate with the waterfall of who can be reached. */
  readonly reach: { readonly p50Ms: number; readonly p99Ms: number }
  readonly exactMs: number
  readonly exactReachMs: number
}

export interface SegmentBenchReport {
  readonly devices: number
  readonly segments: Readonly<Record<string, SegmentFigures>>
}

const SEGMENTS: Readonly<Record<string, Condition>> = {
  all: { field: 'platform', op: 'set' },
  'one tag, 1 in 10': { tag: 'team', op: 'eq', value: 'team-3' },
  'one tag, 1 in 1000': { tag: 'city', op: 'eq', value: 'city-17' },
  'three conditions': {
    and: [
      { field: 'platform', op: 'eq', value: 'ios' },
      { tag: 'level', op: 'gte', value: 40 },
      { not: { tag: 'team', op: 'in', value: ['team-1', 'team-2'] } },
    ],
  },
}

/** Nothing of this is asked by name, so a bucket of any hash will do. Nine in ten have an address, one in twenty of these is dead. */
const FILL = `
  with made as (
    select n, ('x' || substr(md5(n::text), 1, 8))::bit(32)::integer & ${BUCKETS - 1} as bucket,
           'device-' || lpad(n::text, 9, '0') as hwid, case n % 3 when 0 then 'ios' else 'android' end as platform
      from generate_series($2::integer, $3::integer) n
  ), devices as (
    insert into device (bucket, app_id, hwid, platform, user_id, tags, language, timezone_seconds, app_version,
                        os_version, first_seen_at, last_seen_at)
    select bucket, $1, hwid, platform, 'user-' || n,
           jsonb_build_object('name', 'Ada of ' || n, 'team', 'team-' || n % 10, 'city', 'city-' || n % 1000,
                              'level', n % 97),
           'en', 3600, '4.12.1', '18.1', now(), now()
      from made
  )
  insert into address (bucket, app_id, hwid, kind, address_hash, provider, environment, address, state,
                       first_registered_at, last_registered_at, state_since)
  select bucket, $1, hwid, 'alert', decode(md5('token' || n), 'hex'),
         case platform when 'ios' then 'apns' else 'fcm' end, case platform when 'ios' then 'production' else '' end,
         md5('a' || n) || md5('b' || n), case when n % 20 = 7 then 'dead' else 'active' end, now(), now(), now()
    from made where n % 10 > 0`
const ROWS_PER_STATEMENT = 250_000

export function segmentBenchCommand(): Command {
  return new Command('segment')
    .description('Ask how many devices some segments have: estimates, exact counts, who can be reached')
    .option('--devices <n>', 'devices in the base', wholeNumber(1000, 1e8), 1_000_000)
    .option('--estimates <n>', 'estimates of each segment', wholeNumber(1, 10_000), 50)
    .option('--json', 'print one line of JSON only')
    .addHelpText(
      'after',
      '\nUses the embedded PostgreSQL in a temporary folder (1 GB for a million devices), or with ROOST_DATABASE_URL a database of\nits own beside the one that is named, which it drops afterwards. The last line of output is one line of JSON.',
    )
    .action(printing(benchSegment))
}

async function benchSegment(
  options: SegmentBenchOptions,
  environment: NodeJS.ProcessEnv,
  screen: Screen,
): Promise<SegmentBenchReport> {
  return closing(async closers => {
    const connections = { maxConnections: 2, statementTimeoutMs: FILL_TIMEOUT_MS }
    const { db } = await openStore(environment, connections, closers)
    await migrate(db, await readMigrations())
    const { app } = await createApp(db, { name: 'bench', at: Date.now() })
    await fill(db, { appId: app.id, devices: options.devices }, screen)
    return await measure(db, { ...options, appId: app.id }, screen)
  })
}

const FILL_TIMEOUT_MS = 60 * 60_000

async function fill(
  db: Database,
  { appId, devices }: { readonly appId: number; readonly devices: number },
  screen: Screen,
): Promise<void> {
  screen.step(`Filling the base with ${devices} devices`)
  const progress = screen.progress('devices', devices)
  for (let first = 0; first < devices; first += ROWS_PER_STATEMENT) {
    const last = Math.min(devices, first + ROWS_PER_STATEMENT) - 1
    await db.query(FILL, [appId, first, last])
    progress.update(last + 1)
  }
  progress.end()
  await db.query('vacuum analyze device, address')
}

type Measured = SegmentBenchOptions & { readonly appId: number }

async function measure(db: Database, options: Measured, screen: Screen): Promise<SegmentBenchReport> {
  const segments: Record<string, SegmentFigures> = {}
  for (const [name, condition] of Object.entries(SEGMENTS)) {
    screen.step(name)
    const figures = await measureOne(db, options, condition)
    const { devices, estimate, reach, exactMs, exactReachMs } = figures
    screen.say(
      `${devices} devices; estimate p50 ${estimate.p50Ms}, p99 ${estimate.p99Ms} ms, ± ${estimate.errorPercent} %, off by ${estimate.offPercent} %, ${estimate.withinPercent} of 100 within; reach p50 ${reach.p50Ms}, p99 ${reach.p99Ms} ms; exact ${exactMs} ms, with reach ${exactReachMs} ms`,
    )
    segments[name] = figures
  }
  return { devices: options.devices, segments }
}

async function measureOne(
  db: Database,
  { appId, estimates }: Measured,
  condition: Condition,
): Promise<SegmentFigures> {
  const query = (isExact: boolean, hasReach: boolean): SizeQuery => ({
    appId,
    condition,
    at: Date.now(),
    isExact,
    hasReach,
    random: Math.random,
  })
  const exact = await timed(() => sizeOf(db, query(true, false)))
  const exactReach = await timed(() => sizeOf(db, query(true, true)))
  const devices = exact.result.estimate
  const asked = await repeated(estimates, () => sizeOf(db, query(false, false)))
  const reached = await repeated(estimates, () => sizeOf(db, query(false, true)))
  const off = asked.map(it => (devices === 0 ? 0 : (Math.abs(it.result.estimate - devices) / devices) * 100))
  const within = asked.filter((it, i) => (off[i] ?? 0) <= it.result.errorPercent).length
  return {
    devices,
    estimate: {
      ...percentilesOf(asked),
      errorPercent: round2(median(asked.map(it => it.result.errorPercent))),
      offPercent: round2(median(off)),
      withinPercent: Math.round((within / estimates) * 100),
    },
    reach: percentilesOf(reached),
    exactMs: exact.ms,
    exactReachMs: exactReach.ms,
  }
}

interface Timed<T> {
  readonly result: T
  readonly ms: number
}

async function timed<T>(ask: () => Promise<T>): Promise<Timed<T>> {
  const startedAt = performance.now()
  const result = await ask()
  return { result, ms: Math.round(performance.now() - startedAt) }
}

async function repeated<T>(count: number, ask: () => Promise<T>): Promise<Timed<T>[]> {
  const all: Timed<T>[] = []
  while (all.length < count) all.push(await timed(ask))
  return all
}

function percentilesOf(all: readonly Timed<unknown>[]): { p50Ms: number; p99Ms: number } {
  const times = Float64Array.from(all, it => it.ms)
  return { p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) }
}
