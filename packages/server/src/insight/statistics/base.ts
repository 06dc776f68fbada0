/**
 * What the base comes to: devices that came, by the hour in which they were first seen, and at the end of each day how many
 * there are and how many of them can be reached.
 *
 * Installs are counted anew for the last hours each time, so nothing has to be written when a device comes. One that is erased
 * before its hour is past is counted by the erasure.
 *
 * The first count and that of a day read the whole base, each in one pass over the tables, which locks no device and may take
 * minutes. Bucket by bucket it would read most of the pages again for each range, since the rows of a bucket lie everywhere.
 * What breaks off is done anew a minute later.
 */
import type { Database, Queryable } from '../../store/database.ts'
import { gatewayOfPlatform } from './words.ts'

/** Longer than any call takes from its first moment to its commit. */
const LATE_BY = "interval '1 hour'"

const FROM = `select coalesce(at, '-infinity') as "from" from stat_mark where source = 'installs'`
const SLOT_FROM = (from: string) =>
  `case when isfinite(${from}) then date_trunc('hour', ${from}, app.time_zone) else ${from} end`

/** What was counted of these hours before is counted anew. */
const FORGET = `
  update stat_hour h set n = 0
    from app
   where h.app_id = app.id and h.scope = '' and h.metric = 'installs' and h.detail = '' and h.at >= ${SLOT_FROM('$1::timestamptz')}`

const COUNT = `
  with came as (
    select d.app_id, date_trunc('hour', d.first_seen_at, app.time_zone) as at,
           coalesce(${gatewayOfPlatform('d.platform')}, '') as gateway, count(*) as n, max(d.first_seen_at) as last_at
      from app
      join device d on d.app_id = app.id
     where d.first_seen_at >= $1::timestamptz - interval '1 hour' -- the index device_first_seen
       and d.first_seen_at >= ${SLOT_FROM('$1::timestamptz')}
     group by 1, 2, 3
  ), hours as (
    insert into stat_hour as h (app_id, scope, metric, at, gateway, detail, n)
    select app_id, '', 'installs', at, gateway, '', n from came order by 1, 4, 5
    on conflict (app_id, scope, metric, at, gateway, detail) do update set n = excluded.n
  )
  select max(last_at) as "lastAt" from came`

const DAYS = `
  insert into stat_day as d (app_id, scope, metric, day, gateway, detail, n)
  select h.app_id, '', 'installs', (h.at at time zone app.time_zone)::date, h.gateway, '', sum(h.n)
    from app
    join stat_hour h on h.app_id = app.id and h.scope = '' and h.metric = 'installs' and h.detail = ''
                    and h.at >= case when isfinite($1::timestamptz)
                                     then date_trunc('day', $1::timestamptz - interval '1 hour', app.time_zone)
                                     else $1::timestamptz end
   group by 1, 4, 5 order by 1, 4, 5
  on conflict (app_id, scope, metric, day, gateway, detail) do update set n = excluded.n`

/** Patiently also of the last hours alone: ten million may have come in them, by an import. */
export async function countInstalls(db: Database): Promise<void> {
  await withPatience(db, async session => {
    await session.query('begin') // where it breaks off, its connection is closed
    await countSinceMark(session)
    await session.query('commit')
  })
}

async function countSinceMark(tx: Queryable): Promise<void> {
  await tx.query("insert into stat_mark (source, xid) values ('installs', 0) on conflict do nothing")
  const { rows } = await tx.query<{ from: string }>(`${FROM} for update`)
  const from = rows[0]?.from ?? '-infinity'
  const isFirst = !Number.isFinite(Date.parse(from))
  if (!isFirst) await tx.query('set local enable_seqscan = off') // the planner does not see how few are new, as a rule
  await tx.query(FORGET, [from])
  const lastAt = (await tx.query<{ lastAt: string | null }>(COUNT, [from])).rows[0]?.lastAt
  await tx.query(DAYS, [from])
  if (lastAt === null || lastAt === undefined) return
  await tx.query(
    `update stat_mark set at = greatest(at, $1::timestamptz - ${LATE_BY}) where source = 'installs'`,
    [lastAt],
  )
}

/** For who reads a whole base, or much of it. A server that was lost shall not keep it for ever. */
const PATIENCE = "set statement_timeout = '30min'"

async function withPatience(db: Database, work: (session: Queryable) => Promise<void>): Promise<void> {
  const session = await db.connection()
  try {
    await session.query(PATIENCE)
    await work(session)
  } finally {
    session.release()
  }
}

/** Devices that are about to be erased, of hours that are still counted anew; in the transaction that erases them. */
export async function countErasedInstalls(
  tx: Queryable,
  {
    appId,
    hwids,
    buckets,
  }: { readonly appId: number; readonly hwids: readonly string[]; readonly buckets: readonly number[] },
): Promise<void> {
  await tx.query("insert into stat_mark (source, xid) values ('installs', 0) on conflict do nothing")
  const { rows } = await tx.query<{ from: string }>(`${FROM} for share`)
  await tx.query(
    `insert into stat_tally (app_id, at, gateway, metric, detail, n)
     select d.app_id, date_bin('15 minutes', d.first_seen_at, 'epoch'), coalesce(${gatewayOfPlatform('d.platform')}, ''),
            'installs', 'erased', count(*)
       from app
       join device d on d.app_id = app.id
      where app.id = $1 and (d.bucket, d.hwid) in (select * from unnest($2::smallint[], $3::text[]))
        and d.first_seen_at >= ${SLOT_FROM('$4::timestamptz')}
      group by 1, 2, 3`,
    [appId, buckets, hwids, rows[0]?.from ?? '-infinity'],
  )
}

/** Later than that after midnight a count is that of another moment, if anything has changed. */
const SOON = "interval '1 hour'"
/** A server that was off for longer leaves a gap. */
const OFF_DAYS = 31
/** What changes how many there are, or can be reached. */
const CHANGES = [
  'installs',
  ...[
    'registered',
    'restored',
    'removal_undone',
    'unregistered',
    'dead',
    'superseded',
    'moved',
    'quarantined',
  ]
    .concat('opted_out', 'opted_in')
    .map(event => `ledger_${event}`),
]

/**
 * Days of apps that are over and were not counted yet, where what is there now is what was there at their end: yesterday's soon after
 * midnight, and any since the last one that was counted if nothing has changed since, as while the server was off. Others stay
 * without a number. Before its first day an app had nobody.
 */
const DUE = `
  select app.id as "appId", d.day::date::text as day, t.is_soon as "isSoon"
    from app
   cross join lateral (
     select ($1::timestamptz at time zone app.time_zone)::date as today,
            (app.created_at at time zone app.time_zone)::date as first_day) c
   cross join lateral (
     select max(s.day) as day from stat_day s where s.app_id = app.id and s.scope = '' and s.metric = 'devices') last
   cross join lateral generate_series(
     greatest(c.first_day, coalesce(last.day + 1, c.today - 1), c.today - ${OFF_DAYS}), c.today - 1, interval '1 day') as d (day)
   cross join lateral (
     select d.day::date = c.today - 1 and $1 < c.today::timestamp at time zone app.time_zone + ${SOON} as is_soon) t
   where t.is_soon
      or not exists (
        select from stat_hour h
         where h.app_id = app.id and h.scope = '' and h.metric = any($2) and h.n > 0
           and h.at >= (d.day::date + 1)::timestamp at time zone app.time_zone)
   order by app.id, d.day`

interface Due {
  readonly appId: number
  readonly day: string
  readonly isSoon: boolean
}

/** What came since the mark is among no hours yet: others' open transactions hold it back. Uses the index ledger_written. */
const IS_UNCOUNTED = `
  select from ledger l
   where l.xid::text::bigint >= (select xid from stat_mark where source = 'base') and l.app_id = $1 and l.kind = 'alert' limit 1`

async function isUncounted(db: Database, appId: number): Promise<boolean> {
  return db.transaction(async tx => {
    await tx.query('set local enable_seqscan = off') // the planner does not see how few are new
    return ((await tx.query(IS_UNCOUNTED, [appId])).rowCount ?? 0) > 0
  })
}

const SNAPSHOT = `
  insert into stat_day (app_id, scope, metric, day, gateway, detail, n)
  select $1::integer, '', 'devices', $2::date, '', 'total', count(*) from device where app_id = $1
  union all
  select $1::integer, '', 'devices', $2::date, coalesce(${gatewayOfPlatform('platform')}, ''), '', count(*)
    from device where app_id = $1 group by 5
  union all
  select $1::integer, '', 'reachable', $2::date, provider, '', count(*)
    from address
   where app_id = $1 and kind = 'alert' and state in ('active', 'suspect') and not opted_out -- the index address_sendable
   group by 5
  on conflict do nothing`

/** Returns how many days were counted. */
export async function countBase(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<Due>(DUE, [new Date(at), CHANGES])
  const due: Due[] = []
  for (const day of rows) if (day.isSoon || !(await isUncounted(db, day.appId))) due.push(day)
  if (due.length > 0)
    await withPatience(db, async session => {
      for (const { appId, day } of due) await session.query(SNAPSHOT, [appId, day])
    })
  return due.length
}
