/**
 * A year of statistics for `roost bench receipts`: ten campaigns a day at three gateways, as the job leaves them behind, and how
 * long it takes to read them.
 */
import { readCoverage } from '../../insight/statistics/coverage.ts'
import {
  type Range,
  readBase,
  readCampaigns,
  readDeliveries,
  readFailures,
  readLatencies,
  readMessages,
} from '../../insight/statistics/read.ts'
import { TOTAL_DAY } from '../../insight/statistics/words.ts'
import type { Database } from '../../store/database.ts'
import { cpuOfPostgres } from './cpu-time.ts'
import { percentile, round1 } from './figures.ts'

const DAYS = 365
const MESSAGES_A_DAY = 10
const ASKED = 30
const WARM_UP = 3

const MESSAGES = `
  insert into message (id, app_id, state, target, content, ttl_seconds, priority, send_at, request_hash, created_at, planned_at,
                       finished_at, campaign)
  select gen_random_uuid(), $1, 'done', '{"all":true}', jsonb_build_object('title', 'Message ' || n), 3600, 'high', at, '\\x00',
         at, at + interval '1 second', at + interval '1 minute', 'campaign ' || n % 40
    from generate_series(0, $2::integer * $3::integer - 1) n
   cross join lateral (select $4::date + n / $3::integer * interval '1 day' + n % $3::integer * interval '1 hour' as at) t`

/** What a metric has as details: what is signed, reasons, places of a histogram. */
const METRICS = `
  (values ('accepted', ''), ('dead', 'Unregistered'), ('dead', 'ExpiredToken'), ('failed', 'BadDeviceToken'),
          ('failed', 'gave_up'), ('uncertain', 'no_answer'), ('skipped', 'quiet_hours'), ('skipped', 'opted_out'),
          ('delivered', ''), ('delivered', 'signed'), ('displayed', ''), ('opened', ''), ('opened', 'signed'),
          ('dismissed', ''), ('landed', '')) as metric (metric, detail)`
const LATENCIES = `
  (select 'latency_' || stage as metric, place::text as detail
     from unnest(array['accepted', 'received', 'opened']) stage cross join generate_series(20, 50) place) as metric`
const EVENTS = `
  (values ('installs', ''), ('opens', ''), ('ledger_registered', ''), ('ledger_restored', ''), ('ledger_unregistered', 'asked_by_device'),
          ('ledger_dead', 'Unregistered'), ('ledger_dead', 'inactive'), ('ledger_uninstalled', 'Unregistered'),
          ('ledger_replaced', 'Unregistered'), ('devices', ''), ('reachable', '')) as metric (metric, detail)`
const GATEWAYS = "unnest(array['apns', 'fcm', 'webpush']) gateway"

const daysOf = (metrics: string) => `
  insert into stat_day (app_id, scope, metric, day, gateway, detail, n)
  select $1, '', metric.metric, $2::date + d, gateway, metric.detail, 1000 + d
    from generate_series(0, ${DAYS - 1}) d cross join ${GATEWAYS} cross join ${metrics}`

/** What is heard of a message is heard in four days. */
const DAYS_OF_PARTS = `
  insert into stat_day (app_id, scope, metric, day, gateway, detail, n)
  select m.app_id, s.scope, metric.metric, t.day, gateway, metric.detail, sum(100 + d)
    from message m
   cross join lateral (select 'm' || m.id as scope union all select 'c' || m.campaign) s
   cross join generate_series(0, 3) d
   cross join lateral (select m.created_at::date + d as day union all select ${TOTAL_DAY}) t
   cross join ${GATEWAYS} cross join ${METRICS}
   where m.app_id = $1
   group by 1, 2, 3, 4, 5, 6`

const HOURS = `
  insert into stat_hour (app_id, scope, metric, at, gateway, detail, n)
  select $1, '', metric.metric, $2::date::timestamptz + h * interval '1 hour', gateway, metric.detail, 100 + h
    from generate_series(0, ${DAYS * 24 - 1}) h cross join ${GATEWAYS} cross join ${METRICS}`

export interface Question {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMs: number
}

export interface YearFigures {
  /** Rows of days and hours. */
  readonly rows: number
  readonly bytes: number
  /** Milliseconds of one question, without HTTP. */
  readonly questions: Readonly<Record<string, Question>>
  /** EXPLAIN (ANALYZE, BUFFERS) of the year by days. */
  readonly plan: readonly string[]
}

export async function measureYear(db: Database, appId: number): Promise<YearFigures> {
  const to = new Date().toISOString().slice(0, 10)
  const from = new Date(Date.parse(to) - (DAYS - 1) * 86_400_000).toISOString().slice(0, 10)
  await db.query(MESSAGES, [appId, DAYS, MESSAGES_A_DAY, from])
  for (const metrics of [METRICS, LATENCIES, EVENTS]) await db.query(daysOf(metrics), [appId, from])
  await db.query(DAYS_OF_PARTS, [appId])
  await db.query(HOURS, [appId, from])
  await db.query('vacuum analyze stat_day, stat_hour, message')
  const year: Range = { appId, timeZone: 'UTC', from, to }
  const quarter = { ...year, from: new Date(Date.parse(to) - 91 * 86_400_000).toISOString().slice(0, 10) }
  const days = { ...year, by: 'day', isSplit: false } as const
  const questions = {
    'a year by days': await timed(db, () => readDeliveries(db, days)),
    'a year by days and gateway': await timed(db, () => readDeliveries(db, { ...days, isSplit: true })),
    'a year by months': await timed(db, () => readDeliveries(db, { ...days, by: 'month' })),
    'a quarter by hours': await timed(db, () => readDeliveries(db, { ...days, ...quarter, by: 'hour' })),
    'a year of a campaign by days': await timed(db, () =>
      readDeliveries(db, { ...days, campaign: 'campaign 7' }),
    ),
    'the base of a year by days': await timed(db, () => readBase(db, days)),
    'failures of a year': await timed(db, () => readFailures(db, year)),
    'latencies of a year': await timed(db, () => readLatencies(db, year)),
    'the newest 200 messages': await timed(db, () => readMessages(db, year)),
    'the campaigns of a year': await timed(db, () => readCampaigns(db, year)),
    coverage: await timed(db, () => readCoverage(db, { appId, at: Date.now() })),
  }
  return { ...(await sizeOf(db)), questions, plan: await planOf(db, year) }
}

/** Wall-clock time is that of a machine which does other things, too; CPU time is of this process and PostgreSQL. */
async function timed(db: Database, ask: () => Promise<unknown>): Promise<Question> {
  const times = new Float64Array(ASKED)
  for (let i = 0; i < WARM_UP; i++) await ask()
  const before = await cpuNow(db)
  for (let i = 0; i < ASKED; i++) {
    const at = performance.now()
    await ask()
    times[i] = performance.now() - at
  }
  const cpuMs = ((await cpuNow(db)) - before) / 1000 / ASKED
  return {
    p50Ms: round1(percentile(times, 0.5)),
    p99Ms: round1(percentile(times, 0.99)),
    cpuMs: round1(cpuMs),
  }
}

async function cpuNow(db: Database): Promise<number> {
  const { user, system } = process.cpuUsage()
  return user + system + ((await cpuOfPostgres(db)) ?? 0)
}

async function sizeOf(db: Database): Promise<Pick<YearFigures, 'rows' | 'bytes'>> {
  const { rows } = await db.query<{ rows: number; bytes: number }>(
    `select (select count(*) from stat_day) + (select count(*) from stat_hour) as rows,
            pg_total_relation_size('stat_day') + pg_total_relation_size('stat_hour') as bytes`,
  )
  return rows[0] ?? { rows: 0, bytes: 0 }
}

async function planOf(db: Database, { appId, from, to }: Range): Promise<string[]> {
  const { rows } = await db.query<{ 'QUERY PLAN': string }>(
    `explain (analyze, buffers, costs off, timing off)
     select day, metric, sum(n) from stat_day
      where app_id = ${appId} and scope = '' and metric in ('accepted', 'delivered', 'opened', 'failed', 'dead')
        and day between '${from}' and '${to}' group by 1, 2`,
  )
  return rows.map(it => it['QUERY PLAN'])
}
