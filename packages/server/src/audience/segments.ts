/**
 * Segments: conditions with a name. A live one is asked whenever it is used; a nightly one is asked once a day, and who is
 * in it then stays in it until the next day. While a new condition of a nightly one was not computed yet it is asked live:
 * never does anybody get what was meant for the condition of before.
 */
import { randomInt } from 'node:crypto'
import {
  type Condition,
  type NewSegment,
  PushError,
  type SegmentMode,
  type SegmentPatch,
  type SegmentView,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { codeOf, type Database, type Queryable } from '../store/database.ts'
import { compileCondition } from './condition.ts'
import { parseExpression } from './expression/parse.ts'
import { printExpression } from './expression/print.ts'
import { endSnapshots, nextRunSql, startSnapshot } from './nightly.ts'
import { type ReadSegments, readScope } from './scope.ts'

/** Before most people's day, and after most clocks change. */
const HOUR_DEFAULT = 3
const UNIQUE_VIOLATION = '23505'

export interface SegmentApp {
  readonly id: number
  readonly code: string
}

export interface SegmentKey {
  readonly app: SegmentApp
  readonly id: string
}

interface Moment {
  /** ms */
  readonly at: number
}

const INSERT = `
  insert into segment (id, app_id, name, code, mode, condition, hour, next_run_at, expires_at, created_at, updated_at)
  select $1, a.id, $3, $4, $5, $6, $7::smallint, case when $5 = 'nightly' then ${nextRunSql('$8', 'a.time_zone', '$7')} end,
         $9, $8::timestamptz, $8::timestamptz
    from app a where a.id = $2`

/** Throws `condition_invalid`, `segment_name_taken`. */
export async function createSegment(
  db: Database,
  {
    app,
    input,
    at,
    expiresAt,
  }: Moment & { readonly app: SegmentApp; readonly input: NewSegment; readonly expiresAt?: Date },
): Promise<string> {
  const id = uuidv7()
  const condition = conditionOf(app, input) as Condition
  await check(db, { app, condition, at })
  const mode = input.mode ?? 'live'
  const hour = mode === 'nightly' ? (input.hour ?? HOUR_DEFAULT) : null
  await db
    .transaction(async tx => {
      await tx.query(INSERT, [
        id,
        app.id,
        input.name,
        newCode(),
        mode,
        JSON.stringify(condition),
        hour,
        new Date(at),
        expiresAt ?? null,
      ])
      if (mode === 'nightly') await startSnapshot(tx, { segmentId: id, at })
    })
    .catch(refuseTakenName(input.name))
  return id
}

/** Filters of the compatible protocol are named like this. */
function newCode(): string {
  const part = () => Array.from({ length: 5 }, () => '0123456789ABCDEF'[randomInt(16)]).join('')
  return `${part()}-${part()}`
}

function refuseTakenName(name: string | undefined) {
  return (error: unknown): never => {
    if (codeOf(error) === UNIQUE_VIOLATION)
      throw new PushError('segment_name_taken', `this app has a segment "${name}"`)
    throw error
  }
}

function conditionOf(app: SegmentApp, input: SegmentPatch): Condition | undefined {
  return input.expression === undefined
    ? input.condition
    : parseExpression(input.expression, { app: app.code })
}

interface Checked extends Moment {
  readonly app: SegmentApp
  readonly condition: Condition
  /** The segment that has it. */
  readonly id?: string
}

/** Throws `condition_invalid` with its place, also for what would ask for itself. */
async function check(db: Queryable, { app, condition, at, id }: Checked): Promise<void> {
  const withOwn: ReadSegments = async (from, query) => {
    const meanings = new Map(await readConditions(from, query))
    if (id !== undefined && meanings.has(id)) meanings.set(id, { condition })
    return meanings
  }
  const scope = await readScope(db, { appId: app.id, condition, at, readSegments: withOwn })
  compileCondition(condition, { firstParameter: 1, scope })
}

/** Of nightly ones too: a snapshot would hide that they ask for one another. */
const readConditions: ReadSegments = async (db, { appId, ids }) => {
  const { rows } = await db.query<{ id: string; condition: Condition }>(
    'select id, condition from segment where app_id = $1 and id = any($2::uuid[])',
    [appId, ids],
  )
  return new Map(rows.map(({ id, condition }) => [id, { condition }]))
}

interface StoredSegment {
  readonly id: string
  readonly name: string
  readonly mode: SegmentMode
  readonly condition: Condition
  readonly createdAt: string
  readonly updatedAt: string
  readonly nightly: SegmentView['nightly']
}

const durationMs = (s: string) => `round(extract(epoch from ${s}.finished_at - ${s}.started_at) * 1000)`
const RFC3339 = (time: string) => `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const SELECT = `
  select g.id, g.name, g.mode, g.condition, g.created_at as "createdAt", g.updated_at as "updatedAt",
         case when g.mode = 'nightly' then jsonb_build_object(
           'hour', g.hour, 'nextRunAt', ${RFC3339('g.next_run_at')},
           'snapshot', (select jsonb_build_object('computedAt', ${RFC3339('s.started_at')}, 'finishedAt', ${RFC3339('s.finished_at')},
                                                  'durationMs', ${durationMs('s')}, 'members', s.members)
                          from segment_snapshot s where s.id = g.snapshot_id),
           'running', (select jsonb_build_object('startedAt', ${RFC3339('s.started_at')}, 'progress', s.buckets_done / 1024.0,
                                                 'members', s.members)
                         from segment_snapshot s where s.segment_id = g.id and s.state = 'computing'),
           'failure', (select case when s.state = 'failed' then jsonb_build_object(
                                'startedAt', ${RFC3339('s.started_at')}, 'failedAt', ${RFC3339('s.ended_at')}, 'error', s.error) end
                         from segment_snapshot s where s.segment_id = g.id order by s.id desc limit 1)
         ) end as nightly
    from segment g`

/** Throws `segment_unknown`. */
export async function readSegment(db: Queryable, { app, id }: SegmentKey): Promise<SegmentView> {
  const { rows } = await db.query<StoredSegment>(`${SELECT} where g.app_id = $1 and g.id = $2`, [app.id, id])
  const [found] = rows
  if (found === undefined) refuseUnknown(id)
  return viewOf(app, found as StoredSegment)
}

export function refuseUnknown(id: string): never {
  throw new PushError('segment_unknown', `this app has no segment ${id}`)
}

/** Newest first. */
export async function listSegments(db: Queryable, app: SegmentApp): Promise<SegmentView[]> {
  const { rows } = await db.query<StoredSegment>(
    `${SELECT} where g.app_id = $1 order by g.created_at desc, g.id desc`,
    [app.id],
  )
  return rows.map(it => viewOf(app, it))
}

function viewOf(app: SegmentApp, stored: StoredSegment): SegmentView {
  return { ...stored, expression: printExpression(stored.condition, { app: app.code }) }
}

/** Throws `segment_unknown`, `segment_name_taken`, `condition_invalid`, `input_invalid`. */
export async function changeSegment(
  db: Database,
  key: SegmentKey & Moment & { readonly patch: SegmentPatch },
): Promise<void> {
  const { app, id, patch, at } = key
  const before = await readSegment(db, key)
  const mode = patch.mode ?? before.mode
  if (mode === 'live' && patch.hour !== undefined)
    throw new PushError('input_invalid', 'body/hour: only a nightly segment has one')
  const condition = conditionOf(app, patch)
  if (condition !== undefined) await check(db, { app, condition, at, id })
  const hour = mode === 'live' ? null : (patch.hour ?? before.nightly?.hour ?? HOUR_DEFAULT)
  await db
    .transaction(async tx => {
      await tx.query(
        `update segment g set name = coalesce($3, g.name), mode = $4, condition = coalesce($5, g.condition), hour = $6::smallint,
                next_run_at = case when $4 = 'nightly' then ${nextRunSql('$7', 'a.time_zone', '$6')} end, updated_at = $7::timestamptz
           from app a where a.id = g.app_id and g.app_id = $1 and g.id = $2`,
        [
          app.id,
          id,
          patch.name ?? null,
          mode,
          condition === undefined ? null : JSON.stringify(condition),
          hour,
          new Date(at),
        ],
      )
      if (condition === undefined && mode === before.mode) return
      await endSnapshots(tx, { segmentId: id, at })
      if (mode === 'nightly') await startSnapshot(tx, { segmentId: id, at })
    })
    .catch(refuseTakenName(patch.name))
}

/** Messages that are not done, and segments. */
const USERS_OF_IT = `
  select 'message ' || id as name from message
   where app_id = $1 and state in ('scheduled', 'sending', 'paused') and target ?| array['condition', 'segment']
     and strpos(target::text, $2::text) > 0
  union all
  select 'segment "' || name || '"' from segment where app_id = $1 and id <> $2::uuid and strpos(condition::text, $2::text) > 0
  limit 1`

/** Throws `segment_unknown`, and `segment_in_use` while a message that is not done or a segment names it. */
export async function deleteSegment(db: Database, { app, id, at }: SegmentKey & Moment): Promise<void> {
  await db.transaction(async tx => {
    const { rowCount } = await tx.query('select from segment where app_id = $1 and id = $2 for update', [
      app.id,
      id,
    ])
    if (rowCount === 0) refuseUnknown(id)
    const { rows } = await tx.query<{ name: string }>(USERS_OF_IT, [app.id, id])
    if (rows[0] !== undefined)
      throw new PushError('segment_in_use', `${rows[0].name} names the segment ${id}`)
    await endSnapshots(tx, { segmentId: id, at })
    await tx.query('delete from segment where app_id = $1 and id = $2', [app.id, id])
  })
}

/** Computes a nightly segment now. Throws `segment_unknown`, and `input_invalid` for a live one. */
export async function recompute(db: Database, key: SegmentKey & Moment): Promise<void> {
  const { mode } = await readSegment(db, key)
  if (mode === 'live')
    throw new PushError('input_invalid', `segment ${key.id} is live: it is asked whenever it is used`)
  await db.transaction(tx => startSnapshot(tx, { segmentId: key.id, at: key.at }))
}
