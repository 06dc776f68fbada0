/**
 * Snapshots of nightly segments: computed some buckets at a time, each of them a transaction, and swapped in whole when the
 * last one is done. What a process that dies has computed stays; any other one goes on behind it. All that says what is to
 * be done is in our tables; a job looks there every minute.
 *
 *   computing ──all buckets──▶ done ──the next one is done, or the condition changes──▶ superseded
 *       ├──a statement is refused, takes too long for a single bucket, or the condition makes no sense any more──▶ failed
 *       └──the condition changes──▶ superseded
 */
import type { Condition } from '@roost/protocol'
import { BUCKETS } from '../registry/buckets.ts'
import { type Database, isDatabaseAway, isTimedOut, type Queryable } from '../store/database.ts'
import { compileCondition } from './condition.ts'
import { readScope } from './scope.ts'
import { type KeptSegments, keepSegments, keptSegments } from './segment-meaning.ts'
import { ConditionTooSlow, FIRST_WINDOW } from './windows.ts'

/** Members of a snapshot are dropped so many buckets at a time. */
const BUCKETS_A_STEP = 16
/** Who has begun to plan or count with a snapshot is done by then, or has kept it in a message. */
const KEPT_AFTER_END_MS = 3_600_000

/** SQL: the next time after `after` that it is `hour` in the zone; all are SQL. An hour that a change of clocks skips comes later. */
export function nextRunSql(after: string, zone: string, hour: string): string {
  return `(select min(t) from (
    select (date_trunc('day', ${after}::timestamptz at time zone ${zone}) + day * interval '1 day' + ${hour}::integer * interval '1 hour')
           at time zone ${zone} as t
      from generate_series(0, 2) as day) times where t > ${after}::timestamptz)`
}

interface OfSegment {
  readonly segmentId: string
  readonly at: number
}

/** Begins a snapshot; when one is being computed already, that one goes on. The caller has the job `segments` run soon. */
export async function startSnapshot(tx: Queryable, { segmentId, at }: OfSegment): Promise<void> {
  const { rows } = await tx.query<Pick<Computing, 'id' | 'appId' | 'condition'>>(
    `insert into segment_snapshot (segment_id, app_id, condition, state, started_at)
     select id, app_id, condition, 'computing', $2 from segment where id = $1 and mode = 'nightly'
     on conflict (segment_id) where state = 'computing' do nothing
     returning id, app_id as "appId", condition`,
    [segmentId, new Date(at)],
  )
  const [begun] = rows
  const audience = begun && (await keepSegments(tx, begun))
  if (audience)
    await tx.query('update segment_snapshot set audience = $2 where id = $1', [
      begun.id,
      JSON.stringify(audience),
    ])
}

/** The condition is another one now: none of its snapshots is shown to anybody again. */
export async function endSnapshots(tx: Queryable, { segmentId, at }: OfSegment): Promise<void> {
  await tx.query('update segment set snapshot_id = null where id = $1', [segmentId])
  await tx.query(
    `update segment_snapshot set state = 'superseded', ended_at = $2
      where segment_id = $1 and state in ('computing', 'done')`,
    [segmentId, new Date(at)],
  )
}

export interface Computed {
  readonly computed: number
  readonly failed: number
}

/** Begins what is due and computes until nothing is left. Safe in several processes at once. What keeps one from going on holds up no other: it is thrown at the end. */
export async function computeSegments(
  db: Database,
  at: number,
  isOver: () => boolean = () => false,
): Promise<Computed> {
  await beginDue(db, at)
  const result = { computed: 0, failed: 0 }
  const pass: Pass = { at, widths: new Map(), broken: new Map() }
  while (!isOver()) {
    const step = await computeStep(db, pass)
    if (step === 'nothing') break
    if (step !== 'going') result[step]++
  }
  for (const error of pass.broken.values()) throw error
  return result
}

/** Of one process; by the ids of snapshots. */
interface Pass {
  readonly at: number
  /** How many buckets the next step computes: fewer after one that met the time limit. Default `FIRST_WINDOW`. */
  readonly widths: Map<number, number>
  /** The database was away when they were computed: they are left to the next pass. */
  readonly broken: Map<number, unknown>
}

const DUE = `
  update segment g set next_run_at = ${nextRunSql('$1', 'a.time_zone', 'g.hour')}
    from app a
   where a.id = g.app_id and g.next_run_at <= $1::timestamptz
  returning g.id`

async function beginDue(db: Database, at: number): Promise<void> {
  await db.transaction(async tx => {
    const { rows } = await tx.query<{ id: string }>(DUE, [new Date(at)])
    for (const { id } of rows) await startSnapshot(tx, { segmentId: id, at })
  })
}

/** The hours of an app's segments come at other times, since its time zone has changed. */
export async function moveNextRuns(
  db: Queryable,
  { appId, at }: { readonly appId: number; readonly at: number },
): Promise<void> {
  await db.query(
    `update segment g set next_run_at = ${nextRunSql('$2', 'a.time_zone', 'g.hour')}
       from app a where a.id = g.app_id and g.app_id = $1 and g.mode = 'nightly'`,
    [appId, new Date(at)],
  )
}

interface Computing {
  readonly id: number
  readonly segmentId: string
  readonly appId: number
  readonly condition: Condition
  /** What its segments meant at the beginning; null when it names none. */
  readonly audience: KeptSegments | null
  readonly bucketsDone: number
  readonly startedAt: string
}

type Step = 'nothing' | 'going' | 'computed' | 'failed'

const NEXT = `
  select id, segment_id as "segmentId", app_id as "appId", condition, audience, buckets_done as "bucketsDone", started_at as "startedAt"
    from segment_snapshot where state = 'computing' and id <> all($1::bigint[]) order by id limit 1 for update skip locked`

async function computeStep(db: Database, pass: Pass): Promise<Step> {
  let taken: Computing | undefined
  try {
    return await db.transaction(async tx => {
      const { rows } = await tx.query<Computing>(NEXT, [[...pass.broken.keys()]])
      taken = rows[0]
      return taken === undefined ? 'nothing' : computeBuckets(tx, taken, pass)
    })
  } catch (error) {
    if (taken === undefined) throw error
    return afterFailure(db, pass, { id: taken.id, error })
  }
}

/** A step that met the time limit is tried again with half of its buckets. */
async function afterFailure(
  db: Database,
  { at, widths, broken }: Pass,
  { id, error }: { readonly id: number; readonly error: unknown },
): Promise<Step> {
  const width = widths.get(id) ?? FIRST_WINDOW
  if (isTimedOut(error) && width > 1) {
    widths.set(id, Math.ceil(width / 2))
    return 'going'
  }
  if (isDatabaseAway(error) && !isTimedOut(error)) {
    broken.set(id, error)
    return 'going'
  }
  await fail(db, { id, error: isTimedOut(error) ? new ConditionTooSlow(error) : error, at })
  return 'failed'
}

/** `first_seen_at`: all buckets are of one moment, whoever registers while they are computed. */
async function computeBuckets(tx: Queryable, snapshot: Computing, { at, widths }: Pass): Promise<Step> {
  const { id, appId, condition, audience, bucketsDone, startedAt } = snapshot
  const kept = audience === null ? {} : { readSegments: keptSegments(audience) }
  const scope = await readScope(tx, { appId, condition, at: Date.parse(startedAt), ...kept })
  const to = Math.min(bucketsDone + (widths.get(id) ?? FIRST_WINDOW), BUCKETS)
  const values: unknown[] = [id, appId, bucketsDone, to - 1, startedAt]
  const compiled = compileCondition(condition, { firstParameter: values.length + 1, scope })
  const { rowCount } = await tx.query(
    `insert into segment_member (bucket, app_id, hwid, snapshot_id)
     select d.bucket, d.app_id, d.hwid, $1 from device d
      where d.app_id = $2 and d.bucket between $3 and $4 and d.first_seen_at <= $5::timestamptz and ${compiled.sql}
      order by d.bucket, d.hwid`,
    [...values, ...compiled.values],
  )
  await tx.query('update segment_snapshot set buckets_done = $2, members = members + $3 where id = $1', [
    id,
    to,
    rowCount,
  ])
  if (to < BUCKETS) return 'going'
  await swapIn(tx, snapshot, at)
  return 'computed'
}

async function swapIn(tx: Queryable, { id, segmentId }: Computing, at: number): Promise<void> {
  await tx.query(
    `update segment_snapshot set state = 'superseded', ended_at = $2 where segment_id = $1 and state = 'done'`,
    [segmentId, new Date(at)],
  )
  await tx.query(
    `update segment_snapshot set state = 'done', finished_at = greatest($2::timestamptz, clock_timestamp()) where id = $1`,
    [id, new Date(at)],
  )
  await tx.query('update segment set snapshot_id = $2 where id = $1', [segmentId, id])
}

const ERROR_CHARACTERS = 500

async function fail(
  db: Queryable,
  failed: { readonly id: number; readonly error: unknown; readonly at: number },
): Promise<void> {
  const words = failed.error instanceof Error ? failed.error.message : String(failed.error)
  await db.query(
    `update segment_snapshot set state = 'failed', ended_at = $2, error = $3 where id = $1 and state = 'computing'`,
    [failed.id, new Date(failed.at), words.slice(0, ERROR_CHARACTERS)],
  )
}

const names = (audience: string) =>
  `jsonb_path_exists(${audience}, '$.segments.*.snapshot ? (@ == $id)', jsonb_build_object('id', s.id))`

/** Kept as long as what began with them goes on: messages, other snapshots, and exports, which don't say with which. */
const ENDED = `
  select s.id, s.app_id as "appId" from segment_snapshot s
   where s.ended_at < $1 and not s.is_cleaned
     and not exists (select from message m
                      where m.app_id = s.app_id and m.state in ('scheduled', 'sending', 'paused') and ${names('m.audience')})
     and not exists (select from segment_snapshot o
                      where o.app_id = s.app_id and o.state = 'computing' and ${names('o.audience')})
     and not exists (select from segment_export e where e.app_id = s.app_id and e.state = 'running')`

/** Drops the members of snapshots that nobody asks for any more; returns of how many. */
export async function cleanSnapshots(db: Queryable, at: number): Promise<number> {
  const { rows } = await db.query<{ id: number; appId: number }>(ENDED, [new Date(at - KEPT_AFTER_END_MS)])
  for (const { id, appId } of rows) {
    for (let from = 0; from < BUCKETS; from += BUCKETS_A_STEP)
      await db.query(
        'delete from segment_member where bucket between $1 and $2 and app_id = $3 and snapshot_id = $4',
        [from, from + BUCKETS_A_STEP - 1, appId, id],
      )
    await db.query('update segment_snapshot set is_cleaned = true where id = $1', [id])
  }
  return rows.length
}
