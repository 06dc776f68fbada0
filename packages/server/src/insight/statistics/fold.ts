/**
 * Folds what is to be counted into hours and days, for the app, its campaigns and their messages. A row of the tally is taken
 * away in the transaction that adds it, so a run that breaks off or is repeated counts nothing twice; and it goes to the hour
 * in which it happened, however late it was told.
 *
 * Hours and days are those of the app's time zone. When that is changed what was counted stays where it is.
 */
import type { Database } from '../../store/database.ts'
import { TOTAL_DAY } from './words.ts'

/** A row is a few receipts at least and a thousand at most; more at once would only keep the locks longer. */
const AT_ONCE = 50_000

/** Days alone, and by gateway those of the app alone: histograms have many places. */
const IS_OF_HOURS = "metric not like 'latency%'"

const FOLD = `
  with taken as (
    delete from stat_tally
     where ctid = any(array(select ctid from stat_tally limit ${AT_ONCE} for update skip locked))
    returning *
  ), told as (
    select t.app_id, t.metric, case when ${IS_OF_HOURS} or s.scope = '' then t.gateway else '' end as gateway,
           t.detail, t.n, s.scope,
           date_trunc('hour', t.at, app.time_zone) as at, (t.at at time zone app.time_zone)::date as day
      from taken t
      join app on app.id = t.app_id
     cross join lateral (
       select '' as scope
       union all select 'm' || t.message_id where t.message_id is not null
       union all select 'c' || t.campaign where t.campaign is not null) s
  ), hours as (
    insert into stat_hour as h (app_id, scope, metric, at, gateway, detail, n)
    select app_id, scope, metric, at, gateway, detail, sum(n) from told where ${IS_OF_HOURS}
     group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
    on conflict (app_id, scope, metric, at, gateway, detail) do update set n = h.n + excluded.n
  ), days as (
    insert into stat_day as d (app_id, scope, metric, day, gateway, detail, n)
    select app_id, scope, metric, d.day, gateway, detail, sum(n)
      from told
     cross join lateral (
       select told.day
       union all select ${TOTAL_DAY} where scope <> '' and ${IS_OF_HOURS}) d
     group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
    on conflict (app_id, scope, metric, day, gateway, detail) do update set n = d.n + excluded.n
  )
  select count(*)::integer as count from taken`

/** One process at a time: two would wait for each other's hours in a circle. */
const ALONE = "select pg_advisory_xact_lock(hashtext('roost statistics'))"

/** Returns how many rows of the tally were folded. */
export async function fold(db: Database): Promise<number> {
  let folded = 0
  for (;;) {
    const count = await db.transaction(async tx => {
      await tx.query(ALONE)
      return (await tx.query<{ count: number }>(FOLD)).rows[0]?.count ?? 0
    })
    folded += count
    if (count < AT_ONCE) return folded
  }
}

const HOURS_KEPT_DAYS = 400
/** Of messages and campaigns, which are many; their days stay. */
const HOURS_OF_PARTS_KEPT_DAYS = 92
const DAY_MS = 24 * 3_600_000

/** Returns how many rows went. */
export async function dropOldHours(db: Database, at: number): Promise<number> {
  const { rowCount } = await db.query(
    'delete from stat_hour where at < case scope when $1 then $2::timestamptz else $3::timestamptz end',
    ['', new Date(at - HOURS_KEPT_DAYS * DAY_MS), new Date(at - HOURS_OF_PARTS_KEPT_DAYS * DAY_MS)],
  )
  return rowCount
}
