/**
 * Reading the statistics. A year by days is some thousand rows of one index; hours are read for 92 days at most.
 *
 * Measured with a year of ten campaigns a day at three gateways (`roost bench receipts`): docs/statistics.md.
 */
import {
  type BaseNumbers,
  DAY_MAX,
  DAY_MIN,
  type DeliveryNumbers,
  PushError,
  type StatisticsStep,
} from '@roost/protocol'
import { LANES } from '../../messages/lanes.ts'
import type { Queryable } from '../../store/database.ts'
import { type Latency, latencyOf, TOTAL_DAY } from './words.ts'

export interface Range {
  readonly appId: number
  readonly timeZone: string
  /** Dates in the app's time zone, both inclusive. */
  readonly from: string
  readonly to: string
}

/** Of what: the whole app, a campaign, or a message. */
export interface Subject {
  readonly campaign?: string | undefined
  readonly message?: string | undefined
}

export interface Timeline extends Range, Subject {
  readonly by: StatisticsStep
  readonly isSplit: boolean
}

export interface Step {
  readonly at: string
  readonly gateway: string | null
}

const HOURS_MAX_DAYS = 92
const DAYS_MAX = 3700
const DAY_MS = 24 * 3_600_000

export function scopeOf({ campaign, message }: Subject): string {
  if (message !== undefined) return `m${message}`
  return campaign === undefined ? '' : `c${campaign}`
}

/** Throws `input_invalid`. */
export function checkRange({ from, to, by }: Pick<Timeline, 'from' | 'to' | 'by'>): void {
  for (const [name, day] of Object.entries({ from, to }))
    if (day < DAY_MIN || day > DAY_MAX)
      throw new PushError('input_invalid', `${name} is ${day}: days are ${DAY_MIN} to ${DAY_MAX}`)
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1
  if (days < 1)
    throw new PushError('input_invalid', `from is ${from} and to is ${to}: it ends before it begins`)
  const max = by === 'hour' ? HOURS_MAX_DAYS : DAYS_MAX
  if (days > max) throw new PushError('input_invalid', `by ${by} it is ${max} days at most, not ${days}`)
}

/** Of a message alone: whether it is among those that are counted one by one (gather.ts). */
export interface ToldApart {
  readonly isToldApart?: boolean
}

/** What was counted of a message stays when it is gone. Throws `message_unknown`. */
export async function requireSubject(
  db: Queryable,
  { appId, message }: Pick<Subject, 'message'> & { readonly appId: number },
): Promise<ToldApart> {
  if (message === undefined) return {}
  const { rows } = await db.query<Required<ToldApart>>(
    `select lane = ${LANES.campaign} as "isToldApart" from message where app_id = $1 and id = $2
     union all (select true from stat_day where app_id = $1 and scope = $3 limit 1)`,
    [appId, message, scopeOf({ message })],
  )
  if (rows.length === 0) throw new PushError('message_unknown', `this app has no message ${message}`)
  return { isToldApart: rows.some(it => it.isToldApart) }
}

const HOURS_OF = `
  from stat_hour s
 where s.app_id = $1 and s.scope = $2 and s.metric = any($3)
   and s.at >= $4::date::timestamp at time zone $6 and s.at < ($5::date + 1)::timestamp at time zone $6`
const DAYS_OF = `
  from stat_day s
 where s.app_id = $1 and s.scope = $2 and s.metric = any($3) and s.day between $4::date and $5::date
   and $6::text is not null`

interface StepOf {
  /** What rows are added up by. */
  readonly step: string
  /** What a step is called; made of each sum, and not of each of a hundred times as many rows. */
  readonly at: string
  readonly of: string
  /** The steps of a range, also those in which nothing happened. */
  readonly all: string
}

const HOUR_NAME = (hour: string) => `to_char(${hour} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"')`

const STEPS: Readonly<Record<StatisticsStep, StepOf>> = {
  hour: {
    step: 's.at',
    at: HOUR_NAME('step'),
    of: HOURS_OF,
    all: `select ${HOUR_NAME('s')} as at
            from generate_series($1::date::timestamp at time zone $3,
                                 ($2::date + 1)::timestamp at time zone $3 - interval '1 minute', '1 hour') s`,
  },
  day: {
    step: 's.day',
    at: 'step::text',
    of: DAYS_OF,
    all: "select s::date::text as at from generate_series($1::date, $2::date, '1 day') s where $3::text is not null",
  },
  month: {
    step: "date_trunc('month', s.day)",
    at: 'step::date::text',
    of: DAYS_OF,
    all: `select s::date::text as at from generate_series(date_trunc('month', $1::date), $2::date, '1 month') s
           where $3::text is not null`,
  },
  total: {
    step: "''",
    at: 'step',
    of: DAYS_OF,
    all: "select '' as at where ($1::date, $2::date, $3::text) is not null",
  },
}

interface Sum extends Step {
  readonly metric: string
  readonly n: number
  readonly signed: number
}

/** Of these it is told how many were signed. */
const SIGNED = ['delivered', 'opened']

/** A column for each metric: one pass over the rows, and as few to give on as there are steps. */
async function readSums(db: Queryable, asked: Timeline, metrics: readonly string[]): Promise<Sum[]> {
  const { step, at, of } = STEPS[asked.by]
  const sumOf = (metric: string, more = '') =>
    `coalesce(sum(s.n) filter (where s.metric = '${metric}'${more}), 0)::bigint`
  const signed = metrics.filter(it => SIGNED.includes(it))
  const columns = [
    ...metrics.map(it => `${sumOf(it)} as ${it}`),
    ...signed.map(it => `${sumOf(it, " and s.detail = 'signed'")} as signed_${it}`),
  ]
  const { rows } = await db.query<Step & Readonly<Record<string, number>>>(
    `with by_step as (
       select ${step} as step, ${asked.isSplit ? 's.gateway' : 'null::text'} as gateway, ${columns.join(', ')}
         ${of}
        group by 1, 2 order by 1, 2
     )
     select ${at} as at, * from by_step`,
    [asked.appId, scopeOf(asked), metrics, asked.from, asked.to, asked.timeZone],
  )
  return rows.flatMap(row =>
    metrics.map(metric => ({
      at: row.at,
      gateway: row.gateway,
      metric,
      n: row[metric] ?? 0,
      signed: row[`signed_${metric}`] ?? 0,
    })),
  )
}

/** With a step for each hour or day, also where nothing happened; of gateways only those that something happened at. */
async function readSteps<Numbers>(
  db: Queryable,
  asked: Timeline,
  sums: readonly Sum[],
  numbersOf: (sums: ReadonlyMap<string, Sum>) => Numbers,
): Promise<(Step & Numbers)[]> {
  const steps = new Map<string, { readonly step: Step; readonly sums: Map<string, Sum> }>()
  const stepOf = ({ at, gateway }: Step) => {
    const key = `${at} ${gateway}`
    const known = steps.get(key) ?? { step: { at, gateway }, sums: new Map<string, Sum>() }
    steps.set(key, known)
    return known
  }
  if (!asked.isSplit) {
    const { rows } = await db.query<{ at: string }>(STEPS[asked.by].all, [
      asked.from,
      asked.to,
      asked.timeZone,
    ])
    for (const { at } of rows) stepOf({ at, gateway: null })
  }
  for (const sum of sums) stepOf(sum).sums.set(sum.metric, sum)
  return [...steps.values()].map(it => ({ ...it.step, ...numbersOf(it.sums) }))
}

const DELIVERY_METRICS = [
  'accepted',
  'dead',
  'failed',
  'uncertain',
  'skipped',
  'delivered',
  'displayed',
  'opened',
  'dismissed',
  'attachment_failed',
  'landed',
] as const

type Counted = ReadonlyMap<string, Pick<Sum, 'n' | 'signed'>>

function deliveryNumbersOf(sums: Counted): DeliveryNumbers {
  const n = (metric: (typeof DELIVERY_METRICS)[number]) => sums.get(metric)?.n ?? 0
  const accepted = n('accepted')
  const share = (part: number) => (accepted === 0 ? null : Number((part / accepted).toFixed(4)))
  return {
    sent: accepted + n('dead') + n('failed') + n('uncertain'),
    accepted,
    dead: n('dead'),
    failed: n('failed'),
    uncertain: n('uncertain'),
    skipped: n('skipped'),
    delivered: n('delivered'),
    displayed: n('displayed'),
    opened: n('opened'),
    dismissed: n('dismissed'),
    attachmentFailed: n('attachment_failed'),
    landed: n('landed'),
    deliveredSigned: sums.get('delivered')?.signed ?? 0,
    openedSigned: sums.get('opened')?.signed ?? 0,
    deliveredShare: share(n('delivered')),
    openedShare: share(n('opened')),
  }
}

export async function readDeliveries(
  db: Queryable,
  asked: Timeline,
): Promise<{ readonly rows: (Step & DeliveryNumbers)[]; readonly totals: DeliveryNumbers }> {
  const sums = await readSums(db, asked, DELIVERY_METRICS)
  const rows = await readSteps(db, asked, sums, deliveryNumbersOf)
  const all = new Map<string, { n: number; signed: number }>()
  for (const { metric, n, signed } of sums) {
    const known = all.get(metric) ?? { n: 0, signed: 0 }
    all.set(metric, { n: known.n + n, signed: known.signed + signed })
  }
  return { rows, totals: deliveryNumbersOf(all) }
}

const BASE_METRICS: Readonly<Record<Exclude<keyof BaseNumbers, 'devices' | 'reachable'>, string>> = {
  installs: 'installs',
  opens: 'opens',
  registrations: 'ledger_registered',
  restored: 'ledger_restored',
  unregistrations: 'ledger_unregistered',
  deaths: 'ledger_dead',
  uninstalls: 'ledger_uninstalled',
  replaced: 'ledger_replaced',
  optedOut: 'ledger_opted_out',
  optedIn: 'ledger_opted_in',
}

/** Counted once a day; of a month the last day that was. */
const GAUGES = ({ step, at }: StepOf, gateway: string) => `
  with by_day as (
    select ${step} as step, s.day, ${gateway} as gateway, s.metric, sum(s.n)::bigint as n
      ${DAYS_OF} and (s.metric = 'reachable' or (s.detail = 'total') = (${gateway} is null))
     group by 1, 2, 3, 4
  )
  select distinct on (1, 2, 3) ${at} as at, gateway, metric, n, 0 as signed from by_day order by 1, 2, 3, day desc`

export async function readBase(db: Queryable, asked: Timeline): Promise<(Step & BaseNumbers)[]> {
  const sums = await readSums(db, asked, Object.values(BASE_METRICS))
  const gauges = asked.by === 'hour' ? [] : await readGauges(db, asked)
  return readSteps(db, asked, [...sums, ...gauges], counted => {
    const n = (metric: string) => counted.get(metric)?.n ?? 0
    const flows = Object.fromEntries(
      Object.entries(BASE_METRICS).map(([name, metric]) => [name, n(metric)]),
    ) as Omit<BaseNumbers, 'devices' | 'reachable'>
    const isKnown = counted.has('devices') || counted.has('reachable')
    return {
      devices: isKnown ? n('devices') : null,
      reachable: isKnown ? n('reachable') : null,
      ...flows,
    }
  })
}

async function readGauges(db: Queryable, asked: Timeline): Promise<Sum[]> {
  const gateway = asked.isSplit ? 's.gateway' : 'null::text'
  const { rows } = await db.query<Sum>(GAUGES(STEPS[asked.by], gateway), [
    asked.appId,
    '',
    ['devices', 'reachable'],
    asked.from,
    asked.to,
    asked.timeZone,
  ])
  return rows
}

export interface Reason {
  readonly outcome: string
  readonly reason: string
  readonly gateway: string | null
  readonly count: number
}

const REASONS = `
  select s.metric as outcome, s.detail as reason, nullif(s.gateway, '') as gateway, sum(s.n)::bigint as count
    ${DAYS_OF}
   group by 1, 2, 3 having sum(s.n) > 0 order by 4 desc, 1, 2, 3 limit 1000`

/** Why deliveries did not end in "accepted", most frequent first. */
export async function readFailures(db: Queryable, asked: Range & Subject): Promise<Reason[]> {
  const { appId, from, to, timeZone } = asked
  const metrics = ['dead', 'failed', 'uncertain', 'skipped']
  return (await db.query<Reason>(REASONS, [appId, scopeOf(asked), metrics, from, to, timeZone])).rows
}

const LEDGER_EVENTS = [
  'dead',
  'unregistered',
  'superseded',
  'moved',
  'quarantined',
  'uninstalled',
  'replaced',
  'restored',
  'removal_undone',
]

/** What took addresses out of the base and brought them back, by reason, most frequent first. */
export async function readRemovalReasons(
  db: Queryable,
  { appId, from, to, timeZone }: Range,
): Promise<(Omit<Reason, 'outcome'> & { readonly event: string })[]> {
  const metrics = LEDGER_EVENTS.map(it => `ledger_${it}`)
  const { rows } = await db.query<Reason>(REASONS, [appId, '', metrics, from, to, timeZone])
  return rows.map(({ outcome, ...it }) => ({ event: outcome.replace('ledger_', ''), ...it }))
}

export const STAGES = ['planned', 'accepted', 'received', 'opened'] as const
export type Stage = (typeof STAGES)[number]

const LATENCIES = `
  with by_place as (
    select s.metric, s.detail, sum(s.n)::bigint as n
      ${DAYS_OF} and ($7 = '' or s.gateway = $7)
     group by 1, 2
  )
  select metric, detail::integer as place, n from by_place`

/** A message is planned once, so it is read from the messages themselves. */
const PLANNED = `
  select floor(4 * ln(greatest(1, extract(epoch from m.planned_at - m.send_at)::float8 * 1000)) / ln(2::float8))::integer as place,
         count(*)::integer as n
    from message m
   where m.app_id = $1 and m.planned_at is not null and m.knock is null
     and m.created_at >= $2::date::timestamp at time zone $4 and m.created_at < ($3::date + 1)::timestamp at time zone $4
     and ($5::uuid is null or m.id = $5) and ($6::text is null or m.campaign = $6)
   group by 1`

export async function readLatencies(
  db: Queryable,
  asked: Range & Subject & { readonly gateway?: string | undefined },
): Promise<(Latency & { readonly stage: Stage })[]> {
  const { appId, from, to, timeZone, gateway = '', message = null, campaign = null } = asked
  const metrics = STAGES.map(it => `latency_${it}`)
  const range = [appId, scopeOf(asked), metrics, from, to, timeZone, gateway]
  const { rows } = await db.query<{ metric: string; place: number; n: number }>(LATENCIES, range)
  const planned = await db.query<{ place: number; n: number }>(PLANNED, [
    appId,
    from,
    to,
    timeZone,
    message,
    campaign,
  ])
  return STAGES.map(stage => {
    const found = stage === 'planned' ? planned.rows : rows.filter(it => it.metric === `latency_${stage}`)
    return { stage, ...latencyOf(new Map(found.map(it => [it.place, it.n]))) }
  })
}

export interface MessageTotals extends DeliveryNumbers {
  readonly id: string
  readonly createdAt: string
  readonly title: string | null
  readonly campaign: string | null
}

const MESSAGES_MAX = 200

/** Messages in the lane of campaigns that were made in this time, newest first, with all that was counted of each since. */
export async function readMessages(db: Queryable, asked: Range & Subject): Promise<MessageTotals[]> {
  const { appId, from, to, timeZone, campaign = null } = asked
  const { rows } = await db.query<Pick<MessageTotals, 'id' | 'createdAt' | 'title' | 'campaign'>>(
    `select id, created_at as "createdAt", content ->> 'title' as title, campaign
       from message
      where app_id = $1 and lane = 2 and knock is null and ($5::text is null or campaign = $5)
        and created_at >= $2::date::timestamp at time zone $4 and created_at < ($3::date + 1)::timestamp at time zone $4
      order by created_at desc, id desc limit ${MESSAGES_MAX}`,
    [appId, from, to, timeZone, campaign],
  )
  const totals = await readTotals(
    db,
    appId,
    rows.map(it => `m${it.id}`),
  )
  return rows.map(it => ({ ...it, ...deliveryNumbersOf(totals.get(`m${it.id}`) ?? new Map()) }))
}

const CAMPAIGNS_MAX = 200

/** Those with a message of this time, the ones with most acceptances first, with all that was ever counted of each. */
export async function readCampaigns(
  db: Queryable,
  { appId, from, to, timeZone }: Range,
): Promise<(DeliveryNumbers & { readonly campaign: string })[]> {
  const { rows } = await db.query<{ campaign: string }>(
    `select campaign from message
      where app_id = $1 and campaign is not null
        and created_at >= $2::date::timestamp at time zone $4 and created_at < ($3::date + 1)::timestamp at time zone $4
      group by campaign order by max(created_at) desc limit ${CAMPAIGNS_MAX}`,
    [appId, from, to, timeZone],
  )
  const totals = await readTotals(
    db,
    appId,
    rows.map(it => `c${it.campaign}`),
  )
  return rows
    .map(({ campaign }) => ({ campaign, ...deliveryNumbersOf(totals.get(`c${campaign}`) ?? new Map()) }))
    .sort((a, b) => b.accepted - a.accepted)
}

type Totals = Map<string, { readonly n: number; readonly signed: number }>

/** Of messages and campaigns, by scope: what the fold keeps beside their days. */
async function readTotals(
  db: Queryable,
  appId: number,
  scopes: readonly string[],
): Promise<Map<string, Totals>> {
  const { rows } = await db.query<{ scope: string; metric: string; n: number; signed: number }>(
    `select scope, metric, sum(n)::bigint as n, coalesce(sum(n) filter (where detail = 'signed'), 0)::bigint as signed
       from stat_day
      where app_id = $1 and scope = any($2) and metric = any($3) and day = ${TOTAL_DAY}
      group by 1, 2`,
    [appId, scopes, DELIVERY_METRICS],
  )
  const totals = new Map<string, Totals>()
  for (const { scope, metric, n, signed } of rows) {
    const sums: Totals = totals.get(scope) ?? new Map()
    totals.set(scope, sums.set(metric, { n, signed }))
  }
  return totals
}

/** ISO 8601; null before the first time. */
export async function countedAt(db: Queryable): Promise<string | null> {
  const { rows } = await db.query<{ at: string | null }>("select at from stat_mark where source = 'base'")
  return rows[0]?.at ?? null
}
