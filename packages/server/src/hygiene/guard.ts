/**
 * R16: the mass-failure guard. When a gateway suddenly calls every other address dead, something is wrong there or with
 * us, and not with the devices: such deaths are held (the address is `suspect` and goes on being sent to) until somebody
 * releases or forgets them.
 *
 * It looks at what was said by (app, credential, part) in the last 1000 results, of ten minutes at most:
 *   deaths without a time of their own above a fifth and above five times the share of the last seven days
 *     → these deaths are held. A 410 of Apple's has a time, which proves more: a first send to an old base may be mostly that.
 *   nothing was accepted at all → every death is held, from five at once or ten in a row. Who sends little is looked at
 *     for longer: as far back as it takes to have ten results, a day at most.
 * All of it is in the database, so it is the same for all processes and outlives them; they remember the share for a minute.
 *
 * What was held is no part of the norm: an outage that lasts would otherwise be the norm after ten minutes.
 *
 *   held ──released by people──▶ dead
 *     ├────forgotten by people, accepted by the gateway, registered again──▶ active
 *     └────called dead again when the guard is at rest──▶ dead
 */
import { PushError } from '@roost/protocol'
import type { Database, Queryable } from '../store/database.ts'
import { type AlertKey, type Closing, closeAlert, raiseAlert, raiseHolding, readAlert } from './alerts.ts'
import type { AddressResult, PlainAcceptances, Via } from './results.ts'

const WINDOW_RESULTS = 1000
const WINDOW = "interval '10 minutes'"
const NORM = "interval '7 days'"
/** Fewer tell nothing: three test phones may all have been wiped. */
const RESULTS_MIN = 10
/** But in one chunk: a small app that loses everybody at once. */
const RESULTS_AT_ONCE_MIN = 5
const LONGEST_WINDOW = "interval '1 day'"
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
  {
    results,
    others,
    at,
  }: {
    readonly results: readonly AddressResult[]
    readonly others: PlainAcceptances | undefined
    readonly at: number
  },
): Promise<HeldBy> {
  const groups = groupsOf(results, others)
  if (groups.size === 0) return () => undefined
  const tallies = await noteTally(tx, [...groups.values()], at)
  const verdicts = new Map<string, Verdict>()
  for (const [key, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (group.dead + group.deadUntimed + group.mismatched === 0) continue
    const verdict = await judge(tx, group, at)
    verdicts.set(key, verdict)
    if (verdict.untimed !== undefined)
      await tx.query('update gateway_tally set alert_id = $2 where id = $1', [
        tallies.get(key),
        verdict.untimed,
      ])
  }
  return result => {
    const verdict = result.via === undefined ? undefined : verdicts.get(keyOf(result, result.via))
    if (verdict === undefined || result.kind !== 'dead') return undefined
    return result.since === null ? verdict.untimed : verdict.timed
  }
}

function groupsOf(
  results: readonly AddressResult[],
  others: PlainAcceptances | undefined,
): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const [via, count] of others?.plain ?? []) groupOf(groups, others?.appId ?? 0, via).accepted += count
  // Neighbours are mostly of one group, and share what tells it.
  let last: { readonly via: Via; readonly group: Group } | undefined
  for (const result of results) {
    const { via, appId } = result
    if (via === undefined) continue
    if (last?.via !== via || last.group.appId !== appId) last = { via, group: groupOf(groups, appId, via) }
    last.group[columnOf(result)]++
  }
  return groups
}

function groupOf(groups: Map<string, Group>, appId: number, via: Via): Group {
  const key = keyOf({ appId }, via)
  const known = groups.get(key)
  if (known !== undefined) return known
  const { credentialId, part } = via
  const group = { appId, credentialId, part, accepted: 0, mismatched: 0, dead: 0, deadUntimed: 0 }
  groups.set(key, group)
  return group
}

function keyOf({ appId }: { readonly appId: number }, { credentialId, part }: Via): string {
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

/** The rows that it wrote, by group. */
async function noteTally(
  tx: Queryable,
  groups: readonly Group[],
  at: number,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await tx.query<Via & { appId: number; id: number }>(
    `insert into gateway_tally (app_id, credential_id, part, at, accepted, mismatched, dead, dead_untimed)
     select i.app_id, i.credential_id, i.part, $1, i.accepted, i.mismatched, i.dead, i.dead_untimed
       from unnest($2::integer[], $3::uuid[], $4::text[], $5::integer[], $6::integer[], $7::integer[], $8::integer[])
              as i (app_id, credential_id, part, accepted, mismatched, dead, dead_untimed)
     returning id, app_id as "appId", credential_id as "credentialId", part`,
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
  return new Map(rows.map(row => [keyOf(row, row), row.id]))
}

/**
 * Uses the index gateway_tally_newest. A row belongs to the window as long as fewer than 1000 results are newer, and to
 * `lately` as long as fewer than ten are.
 */
const LOOK = `
  with newest as (
    select t.*, accepted + mismatched + dead + dead_untimed as results
      from gateway_tally t
     where app_id = $1 and credential_id = $2 and part = $3 and at > $4::timestamptz - ${LONGEST_WINDOW}
     order by at desc, id desc
     limit ${WINDOW_RESULTS}
  ), counted as (
    select n.*, at > $4::timestamptz - ${WINDOW} and newer < ${WINDOW_RESULTS} as in_window
      from (select n.*, coalesce(sum(results) over (order by at desc, id desc
                                                    rows between unbounded preceding and 1 preceding), 0) as newer
              from newest n) n
  ), recent as (
    select coalesce(sum(accepted) filter (where in_window), 0)::integer as accepted,
           coalesce(sum(mismatched) filter (where in_window), 0)::integer as mismatched,
           coalesce(sum(dead) filter (where in_window), 0)::integer as dead,
           coalesce(sum(dead_untimed) filter (where in_window), 0)::integer as dead_untimed,
           coalesce(sum(accepted) filter (where in_window or newer < ${RESULTS_MIN}), 0)::integer as accepted_lately,
           coalesce(sum(results) filter (where in_window or newer < ${RESULTS_MIN}), 0)::integer as results_lately
      from counted
  )
  select accepted, mismatched, dead, dead_untimed as "deadUntimed", accepted_lately as "acceptedLately",
         results_lately as "resultsLately"
    from recent`

const LOOK_BACK = `
  select coalesce(sum(dead_untimed)::float8 / nullif(sum(accepted + mismatched + dead + dead_untimed), 0), 0) as norm
    from gateway_tally t
   where app_id = $1 and credential_id = $2 and part = $3
     and at > $4::timestamptz - ${NORM} and at <= $4::timestamptz - ${WINDOW}
     and (alert_id is null or exists (select from alert l where l.id = t.alert_id and l.state = 'released'))`

/**
 * A campaign leaves a row for each chunk, for an hour or two: to add them up for every chunk of a base in which many die
 * costs more than the sending, and the sum of a week hardly changes within a minute.
 */
const norms = { minute: 0, byGroup: new Map<string, number>() }

/** The share of deaths without a time among the results of the last seven days; 0 when there were none. */
async function readNorm(tx: Queryable, group: Group, at: number): Promise<number> {
  const minute = Math.floor(at / 60_000)
  if (minute !== norms.minute) Object.assign(norms, { minute, byGroup: new Map() })
  const key = keyOf(group, group)
  const known = norms.byGroup.get(key)
  if (known !== undefined) return known
  const { appId, credentialId, part } = group
  const { rows } = await tx.query<{ norm: number }>(LOOK_BACK, [appId, credentialId, part, new Date(at)])
  const norm = rows[0]?.norm ?? 0
  norms.byGroup.set(key, norm)
  return norm
}

interface Seen extends Counts {
  readonly acceptedLately: number
  readonly resultsLately: number
}

interface Verdict {
  readonly timed: string | undefined
  readonly untimed: string | undefined
}

const FREE: Verdict = { timed: undefined, untimed: undefined }

async function judge(tx: Queryable, group: Group, at: number): Promise<Verdict> {
  const { appId, credentialId, part } = group
  const { rows } = await tx.query<Seen>(LOOK, [appId, credentialId, part, new Date(at)])
  const { acceptedLately, resultsLately, ...recent } = rows[0] as Seen
  const window = { ...recent, norm: await readNorm(tx, group, at) }
  const results = sumOf(window)
  const about = { appId, subject: `${credentialId} ${part}`, at }
  const data = { credentialId, part, window: { ...window, results } }
  if (window.mismatched >= RESULTS_MIN && window.mismatched > results * MISMATCH_SHARE_MAX)
    await raiseAlert(tx, { ...about, kind: 'wrong_credential', data })
  if (group.dead + group.deadUntimed === 0) return FREE
  const isTelling = resultsLately >= RESULTS_MIN || sumOf(group) >= RESULTS_AT_ONCE_MIN
  const cause =
    acceptedLately === 0 && isTelling
      ? 'nothing_accepted'
      : isOutOfNorm(window, results)
        ? 'many_deaths'
        : undefined
  if (cause === undefined || (cause === 'many_deaths' && group.deadUntimed === 0)) return FREE
  if (await wasReleased(tx, { ...about, cause })) return FREE
  const alertId = await raiseHolding(tx, { ...about, data: { ...data, cause } })
  return { untimed: alertId, timed: cause === 'nothing_accepted' ? alertId : undefined }
}

function sumOf({ accepted, mismatched, dead, deadUntimed }: Counts): number {
  return accepted + mismatched + dead + deadUntimed
}

function isOutOfNorm(
  { deadUntimed, norm }: { readonly deadUntimed: number; readonly norm: number },
  results: number,
): boolean {
  const share = deadUntimed / results
  return deadUntimed >= RESULTS_MIN && share > SHARE_MAX && share > NORM_FACTOR * norm
}

interface Released {
  readonly appId: number
  readonly subject: string
  readonly cause: 'nothing_accepted' | 'many_deaths'
  readonly at: number
}

/** Who releases deaths among acceptances has not said that nothing at all may be accepted. */
async function wasReleased(tx: Queryable, { appId, subject, cause, at }: Released): Promise<boolean> {
  const { rowCount } = await tx.query(
    `select from alert
      where app_id = $1 and kind = 'deaths_held' and subject = $2 and state = 'released' and closed_at > $3
        and data ->> 'cause' in ($4, 'nothing_accepted')
      limit 1`,
    [appId, subject, new Date(at - RELEASE_LASTS_MS), cause],
  )
  return rowCount > 0
}

/** A slice keeps its locks for a moment only, so that sending goes on. */
const SLICE = 1000

/**
 * What is still held: sent to, and nothing was heard of it since. The ledger names the message that met the death, so that
 * an undo by message finds it, too.
 */
const END_HELD = `
  with held as (
    select bucket, app_id, hwid, address_hash, generation from address
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
    returning a.*, h.generation as former_generation
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation,
                      evidence)
  select bucket, app_id, hwid, $3, $4, coalesce(reason, 'death_forgotten'), provider, environment, kind,
         right(address, 8), generation,
         jsonb_strip_nulls(jsonb_build_object('heldBy', $1::uuid, 'by', $5::text, 'messageId', (
           select l.evidence ->> 'messageId' from ledger l
            where l.bucket = e.bucket and l.app_id = e.app_id and l.hwid = e.hwid and l.kind = e.kind
              and l.generation = e.former_generation and l.event = 'suspect' and l.evidence ->> 'heldBy' = $1::text
            order by l.id desc limit 1)))
    from ended e`

/** Throws `alert_unknown`, and `input_invalid` for an alert that is not of the kind that holds deaths. */
export async function requireHolding(db: Queryable, key: AlertKey): Promise<void> {
  const { kind } = await readAlert(db, key)
  if (kind === 'deaths_held') return
  throw new PushError('input_invalid', `an alert of kind ${kind} holds no deaths: close it`)
}

/**
 * Throws `alert_unknown`, and `input_invalid` for an alert that holds deaths. What is held while it is closed is taken
 * back by the job.
 */
export async function requireEmpty(db: Queryable, key: AlertKey): Promise<void> {
  const { held } = await readAlert(db, key)
  if (held === 0) return
  throw new PushError('input_invalid', `this alert holds ${held} deaths: release or forget them`)
}

/**
 * Decides on the deaths that an alert holds: `released` makes them deaths, `forgotten` takes them back. Safe to repeat; what
 * a crash leaves, the job does. Returns how many addresses changed. Throws `alert_unknown`, and `alert_decided` when
 * somebody has decided otherwise before.
 */
export async function decideHeld(db: Database, closing: Closing): Promise<number> {
  await closeAlert(db, closing)
  return endHeld(db, closing)
}

async function endHeld(db: Queryable, { id, state, by, at }: Omit<Closing, 'appId'>): Promise<number> {
  const isDeath = state === 'released'
  const values = [id, isDeath ? 'dead' : 'active', new Date(at), isDeath ? 'dead' : 'confirmed', by]
  let changed = 0
  for (;;) {
    const { rowCount } = await db.query(END_HELD, values)
    changed += rowCount
    if (rowCount < SLICE) return changed
  }
}

/** A chunk that saw the alert open has committed long before. */
const SETTLED_AFTER_MS = 5 * 60_000

/**
 * Carries decisions to their end: those that a crash has cut off, and for deaths that were held while somebody decided.
 * Returns how many addresses changed. Safe to run in several processes at once.
 */
export async function settleDecisions(db: Queryable, at: number): Promise<number> {
  await closeIdle(db, at)
  const { rows } = await db.query<Pick<Closing, 'id' | 'state' | 'by'> & { closedAt: string }>(
    `select id, state, closed_by as by, closed_at as "closedAt" from alert
      where kind = 'deaths_held' and state <> 'open' and settled_at is null`,
  )
  let changed = 0
  for (const { closedAt, ...decision } of rows) {
    changed += await endHeld(db, { ...decision, at })
    if (Date.parse(closedAt) < at - SETTLED_AFTER_MS)
      await db.query('update alert set settled_at = $2 where id = $1', [decision.id, new Date(at)])
  }
  return changed
}

/** An alert whose deaths have all been decided by what was heard since; the next incident is told of anew. */
async function closeIdle(db: Queryable, at: number): Promise<void> {
  await db.query(
    `update alert l set state = 'closed', closed_at = $1, closed_by = 'roost'
      where kind = 'deaths_held' and state = 'open' and opened_at < $1::timestamptz - interval '1 day'
        and not exists (select from gateway_tally t
                         where t.app_id = l.app_id and t.alert_id = l.id and t.at > $1::timestamptz - interval '1 day')
        and not exists (select from address a
                         where a.held_by = l.id and a.held_generation = a.generation and a.state = 'suspect')`,
    [new Date(at)],
  )
}

/** Chunks of hours that are over become one row each, and what is older than the norm goes. */
export async function rollTally(db: Database, at: number): Promise<void> {
  await db.query(
    `with over as (
       delete from gateway_tally where not is_hour and at < date_trunc('hour', $1::timestamptz - interval '1 hour')
       returning *
     )
     insert into gateway_tally (app_id, credential_id, part, at, accepted, mismatched, dead, dead_untimed, is_hour, alert_id)
     select app_id, credential_id, part, date_trunc('hour', at), sum(accepted), sum(mismatched), sum(dead),
            sum(dead_untimed), true, alert_id
       from over group by 1, 2, 3, 4, alert_id`,
    [new Date(at)],
  )
  await db.query("delete from gateway_tally where at < $1::timestamptz - interval '8 days'", [new Date(at)])
}
