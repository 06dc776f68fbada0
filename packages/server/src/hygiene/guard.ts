/**
 * R16: the mass-failure guard. When a gateway suddenly calls every other address dead, something is wrong there or with
 * us, and not with the devices: such deaths are held (the address is `suspect` and goes on being sent to) until somebody
 * releases or forgets them.
 *
 * It looks at what was said by (app, credential, part) in the last 1000 results, of ten minutes at most:
 *   deaths without a time of their own above a fifth and above five times the share of the last seven days
 *     → these deaths are held. A 410 of Apple's has a time, which proves more: a first send to an old base may be mostly that.
 *   nothing was accepted at all → every death is held.
 *
 *   held ──released by people──▶ dead
 *     ├────forgotten by people, accepted by the gateway, registered again──▶ active
 *     └────called dead again when the guard is at rest──▶ dead
 */
import type { Database, Queryable } from '../store/database.ts'
import { type Closing, closeAlert, raiseAlert, wasReleasedSince } from './alerts.ts'
import type { AddressResult, Via } from './results.ts'

const WINDOW_RESULTS = 1000
const WINDOW = "interval '10 minutes'"
const NORM = "interval '7 days'"
/** Fewer tell nothing: three test phones may all have been wiped. */
const RESULTS_MIN = 10
const SHARE_MAX = 0.2
const NORM_FACTOR = 5
/** R14: more than this of an app's sends to addresses of somebody else's. */
const MISMATCH_SHARE_MAX = 0.01
/** Who releases deaths knows that more are to come: the campaign goes on. */
const RELEASE_LASTS_MS = 24 * 60 * 60_000

interface Counts {
  accepted: number
  mismatched: number
  dead: number
  deadUntimed: number
}

interface Group extends Via, Counts {
  readonly appId: number
}

/** The alert that holds this death; undefined when it may end its address. */
export type HeldBy = (result: AddressResult) => string | undefined

/** Counts the results and says which deaths are held; raises alerts. In the caller's transaction, before any lock on addresses. */
export async function guardDeaths(
  tx: Queryable,
  results: readonly AddressResult[],
  at: number,
): Promise<HeldBy> {
  const groups = groupsOf(results)
  if (groups.size === 0) return () => undefined
  await noteTally(tx, [...groups.values()], at)
  const verdicts = new Map<string, Verdict>()
  for (const [key, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (group.dead + group.deadUntimed + group.mismatched > 0) verdicts.set(key, await judge(tx, group, at))
  return result => {
    const verdict = result.via === undefined ? undefined : verdicts.get(keyOf(result, result.via))
    if (verdict === undefined || result.kind !== 'dead') return undefined
    return result.since === null ? verdict.untimed : verdict.timed
  }
}

function groupsOf(results: readonly AddressResult[]): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const result of results) {
    const { via, appId } = result
    if (via === undefined) continue
    const key = keyOf(result, via)
    const group = groups.get(key) ?? { appId, ...via, accepted: 0, mismatched: 0, dead: 0, deadUntimed: 0 }
    group[columnOf(result)]++
    groups.set(key, group)
  }
  return groups
}

function keyOf({ appId }: AddressResult, { credentialId, part }: Via): string {
  return `${appId} ${credentialId} ${part}`
}

function columnOf(result: AddressResult): keyof Counts {
  switch (result.kind) {
    case 'accepted':
    case 'corrected':
      return 'accepted'
    case 'mismatch':
      return 'mismatched'
    case 'dead':
      return result.since === null ? 'deadUntimed' : 'dead'
  }
}

async function noteTally(tx: Queryable, groups: readonly Group[], at: number): Promise<void> {
  await tx.query(
    `insert into gateway_tally (app_id, credential_id, part, at, accepted, mismatched, dead, dead_untimed)
     select i.app_id, i.credential_id, i.part, $1, i.accepted, i.mismatched, i.dead, i.dead_untimed
       from unnest($2::integer[], $3::uuid[], $4::text[], $5::integer[], $6::integer[], $7::integer[], $8::integer[])
              as i (app_id, credential_id, part, accepted, mismatched, dead, dead_untimed)`,
    [
      new Date(at),
      groups.map(it => it.appId),
      groups.map(it => it.credentialId),
      groups.map(it => it.part),
      groups.map(it => it.accepted),
      groups.map(it => it.mismatched),
      groups.map(it => it.dead),
      groups.map(it => it.deadUntimed),
    ],
  )
}

/** Uses the index gateway_tally_newest. A row belongs to the window as long as fewer than 1000 results are newer. */
const LOOK = `
  with newest as (
    select t.*, accepted + mismatched + dead + dead_untimed as results
      from gateway_tally t
     where app_id = $1 and credential_id = $2 and part = $3 and at > $4::timestamptz - ${WINDOW}
     order by at desc, id desc
     limit ${WINDOW_RESULTS}
  ), counted as (
    select n.*, coalesce(sum(results) over (order by at desc, id desc rows between unbounded preceding and 1 preceding), 0)
                  as newer
      from newest n
  ), recent as (
    select sum(accepted) as accepted, sum(mismatched) as mismatched, sum(dead) as dead, sum(dead_untimed) as dead_untimed
      from counted where newer < ${WINDOW_RESULTS}
  ), norm as (
    select sum(dead_untimed)::float8 / nullif(sum(accepted + mismatched + dead + dead_untimed), 0) as share
      from gateway_tally
     where app_id = $1 and credential_id = $2 and part = $3
       and at > $4::timestamptz - ${NORM} and at <= $4::timestamptz - ${WINDOW}
  )
  select accepted::integer, mismatched::integer, dead::integer, dead_untimed::integer as "deadUntimed",
         coalesce(norm.share, 0) as norm
    from recent, norm`

interface Verdict {
  readonly timed: string | undefined
  readonly untimed: string | undefined
}

const FREE: Verdict = { timed: undefined, untimed: undefined }

async function judge(tx: Queryable, group: Group, at: number): Promise<Verdict> {
  const { appId, credentialId, part } = group
  const { rows } = await tx.query<Counts & { norm: number }>(LOOK, [appId, credentialId, part, new Date(at)])
  const seen = rows[0] as Counts & { norm: number }
  const results = seen.accepted + seen.mismatched + seen.dead + seen.deadUntimed
  if (results < RESULTS_MIN) return FREE
  const about = { appId, subject: `${credentialId} ${part}`, at }
  const data = { credentialId, part, window: { ...seen, results } }
  if (seen.mismatched >= RESULTS_MIN && seen.mismatched > results * MISMATCH_SHARE_MAX)
    await raiseAlert(tx, { ...about, kind: 'wrong_credential', data })
  const cause = causeOf(seen, results)
  if (cause === undefined || group.dead + group.deadUntimed === 0) return FREE
  if (cause === 'many_deaths' && group.deadUntimed === 0) return FREE
  const kind = 'deaths_held'
  if (await wasReleasedSince(tx, { ...about, kind, since: at - RELEASE_LASTS_MS })) return FREE
  const alertId = await raiseAlert(tx, { ...about, kind, data: { ...data, cause } })
  return { untimed: alertId, timed: cause === 'nothing_accepted' ? alertId : undefined }
}

function causeOf(
  { accepted, deadUntimed, norm }: Counts & { readonly norm: number },
  results: number,
): 'nothing_accepted' | 'many_deaths' | undefined {
  if (accepted === 0) return 'nothing_accepted'
  const share = deadUntimed / results
  if (deadUntimed < RESULTS_MIN) return undefined
  return share > SHARE_MAX && share > NORM_FACTOR * norm ? 'many_deaths' : undefined
}

/** A slice keeps its locks for a moment only, so that sending goes on. */
const SLICE = 1000

/** What is still held: sent to, and nothing was heard of it since. */
const END_HELD = `
  with held as (
    select bucket, app_id, hwid, address_hash from address
     where held_by = $1 and held_generation = generation and state = 'suspect'
     order by bucket, app_id, hwid
     limit ${SLICE}
       for update
  ), ended as (
    update address a
       set state = $2, reason = case when $2 = 'dead' then a.reason end, generation = a.generation + 1, state_since = $3,
           held_by = null, held_generation = null
      from held h
     where a.bucket = h.bucket and a.app_id = h.app_id and a.hwid = h.hwid and a.address_hash = h.address_hash
    returning a.*
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $3, $4, coalesce(reason, 'death_forgotten'), provider, environment, kind,
         right(address, 8), generation, jsonb_build_object('heldBy', $1::uuid, 'by', $5::text)
    from ended`

/**
 * Decides on the deaths that an alert holds: `released` makes them deaths, `forgotten` takes them back. Safe to repeat, and
 * a repeat after a crash does the rest. Returns how many addresses changed. Throws `alert_unknown`.
 */
export async function decideHeld(db: Database, closing: Closing): Promise<number> {
  await closeAlert(db, closing)
  const state = closing.state === 'released' ? 'dead' : 'active'
  const event = closing.state === 'released' ? 'dead' : 'confirmed'
  let changed = 0
  for (;;) {
    const { rowCount } = await db.query(END_HELD, [
      closing.id,
      state,
      new Date(closing.at),
      event,
      closing.by,
    ])
    changed += rowCount
    if (rowCount < SLICE) return changed
  }
}

/** Chunks of hours that are over become one row each, and what is older than the norm goes. */
export async function rollTally(db: Database, at: number): Promise<void> {
  await db.query(
    `with over as (
       delete from gateway_tally where not is_hour and at < date_trunc('hour', $1::timestamptz - interval '1 hour')
       returning *
     )
     insert into gateway_tally (app_id, credential_id, part, at, accepted, mismatched, dead, dead_untimed, is_hour)
     select app_id, credential_id, part, date_trunc('hour', at), sum(accepted), sum(mismatched), sum(dead),
            sum(dead_untimed), true
       from over group by 1, 2, 3, 4`,
    [new Date(at)],
  )
  await db.query("delete from gateway_tally where at < $1::timestamptz - interval '8 days'", [new Date(at)])
}
