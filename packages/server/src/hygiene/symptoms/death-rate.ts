/**
 * Symptom: of what was sent within a day much more was called dead than in the week before. No single answer is doubted for it
 * (that is what the mass-failure guard does, R16), and what the guard holds is no part of it: these addresses have ended.
 */
import type { Queryable } from '../../store/database.ts'
import type { Symptom } from './watch.ts'

/** Fewer are chance. */
const DEATHS_MIN = 20
/** An app that has sent less has no habit yet. */
const HABIT_RESULTS_MIN = 100
const FACTOR = 3
/** A base that hardly ever loses anybody may lose one in a hundred. */
const SHARE_MIN = 0.01
const IS_TODAY = "(at > $1::timestamptz - interval '1 day')"

/**
 * As gateways answered, chunk by chunk and hour by hour, kept for eight days. Without the knocks at who is in doubt (uninstall
 * tracking): among those many are dead, and how many says nothing of the others.
 */
const COUNT = `
  with answer as (
    select t.app_id, t.at, t.dead + t.dead_untimed as deaths, t.accepted + t.mismatched + t.dead + t.dead_untimed as results
      from gateway_tally t
     where t.at > $1::timestamptz - interval '8 days' and t.at <= $1
       and (t.alert_id is null or exists (select from alert l where l.id = t.alert_id and l.state = 'released'))
    union all
    select b.app_id, b.due_at, -(b.dead - b.dead_held), -(b.accepted + b.dead - b.dead_held)
      from knock_day k
      join batch b on b.message_id = k.message_id
     where k.mode = 'doubt' and k.day > ($1::timestamptz at time zone 'UTC')::date - 9
       and b.due_at > $1::timestamptz - interval '8 days' and b.due_at <= $1
  )
  select app_id as "appId", ${sumOf('deaths', IS_TODAY)} as deaths, ${sumOf('results', IS_TODAY)} as results,
         ${sumOf('deaths', `not ${IS_TODAY}`)} as "habitDeaths", ${sumOf('results', `not ${IS_TODAY}`)} as "habitResults"
    from answer group by 1`

/** What lies on the edge of a day may be counted there and taken away here. */
function sumOf(column: string, when: string): string {
  return `greatest(0, coalesce(sum(${column}) filter (where ${when}), 0))::integer`
}

interface Counted {
  readonly appId: number
  readonly deaths: number
  readonly results: number
  readonly habitDeaths: number
  readonly habitResults: number
}

export async function findDeathRates(db: Queryable, at: number): Promise<Symptom[]> {
  const { rows } = await db.query<Counted>(COUNT, [new Date(at)])
  return rows.filter(isUnusual).map(({ appId, ...data }) => ({
    appId,
    kind: 'death_rate',
    subject: '',
    data,
    lastsMs: 0,
  }))
}

/** One more death in the habit than there was: from none of a hundred nobody can tell one in a thousand. */
function isUnusual({ deaths, results, habitDeaths, habitResults }: Counted): boolean {
  if (deaths < DEATHS_MIN || habitResults < HABIT_RESULTS_MIN) return false
  const habit = (habitDeaths + 1) / (habitResults + 1)
  return deaths / results > Math.max(SHARE_MIN, FACTOR * habit)
}
