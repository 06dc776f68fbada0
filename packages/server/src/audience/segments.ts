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
  type SegmentUse,
  type SegmentView,
  type Target,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { codeOf, type Database, type Queryable } from '../store/database.ts'
import { compileCondition } from './condition.ts'
import { parseExpression } from './expression/parse.ts'
import { printExpression } from './expression/print.ts'
import { endSnapshots, nextRunSql, startSnapshot } from './nightly.ts'
import { readScope } from './scope.ts'
import type { ReadSegments } from './segment-meaning.ts'

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
  const condition = (await conditionOf(db, app, input)) as Condition
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

/** What a segment would be made of, in both forms. Throws `condition_invalid` with the place. */
export async function readConditionOf(
  db: Queryable,
  { app, input, at }: Moment & { readonly app: SegmentApp; readonly input: SegmentPatch },
): Promise<{ readonly condition: Condition; readonly expression: string }> {
  const condition = (await conditionOf(db, app, input)) as Condition
  await check(db, { app, condition, at })
  return { condition, expression: printExpression(condition, { app: app.code }) }
}

/** Filters of the compatible protocol are named like this. */
function newCode(): string {
  const part = () => Array.from({ length: 5 }, () => '0123456789ABCDEF'[randomInt(16)]).join('')
  return `${part()}-${part()}`
}

function refuseTakenName(name = '') {
  return (error: unknown): never => {
    if (codeOf(error) === UNIQUE_VIOLATION)
      throw new PushError('segment_name_taken', `this app has a segment "${name}"`, { values: { name } })
    throw error
  }
}

async function conditionOf(
  db: Queryable,
  app: SegmentApp,
  { condition, expression }: SegmentPatch,
): Promise<Condition | undefined> {
  if (expression === undefined) return condition
  const segmentNamed = await readSegmentNames(db, { appId: app.id, expression })
  return parseExpression(expression, { app: app.code, segmentNamed })
}

const NAMES_SEGMENT = /\bsegment\s*\(/i

/** By the name or the code that an expression gives. A name as it is written goes before one of another case. */
export async function readSegmentNames(
  db: Queryable,
  { appId, expression }: { readonly appId: number; readonly expression: string },
): Promise<(name: string) => string | undefined> {
  if (!NAMES_SEGMENT.test(expression)) return () => undefined
  const { rows } = await db.query<{ id: string; name: string; code: string }>(
    'select id, name, code from segment where app_id = $1 order by created_at, id',
    [appId],
  )
  return name =>
    (
      rows.find(it => it.name === name) ??
      rows.find(it => it.code === name.toUpperCase()) ??
      rows.find(it => it.name.toLowerCase() === name.toLowerCase())
    )?.id
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const FIND_BY_ID = 'select id from segment where app_id = $1 and id = $2::uuid'

/** As `readSegmentNames` has it. */
const FIND_NAMED = `
  select id from segment
   where app_id = $1 and (name = $2 or code = upper($2) or lower(name) = lower($2))
   order by name = $2 desc, code = upper($2) desc, created_at, id limit 1`

/** A target that names a segment by its code or its name names it by its id. Throws `segment_unknown` for what none has. */
export async function withSegmentId<To extends Target>(
  db: Queryable,
  { appId, to }: { readonly appId: number; readonly to: To },
): Promise<To> {
  if (!('segment' in to)) return to
  const find = UUID.test(to.segment) ? FIND_BY_ID : FIND_NAMED
  const { rows } = await db.query<{ id: string }>(find, [appId, to.segment])
  if (rows[0] === undefined)
    throw new PushError(
      'segment_unknown',
      `body/to/segment: this app has no segment ${JSON.stringify(to.segment)}`,
    )
  return { ...to, segment: rows[0].id }
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
  compileCondition(condition, { firstParameter: 1, scope, isOfSegment: true })
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
  readonly code: string
  readonly expiresAt: string | null
  readonly mode: SegmentMode
  readonly condition: Condition
  readonly createdAt: string
  readonly updatedAt: string
  readonly nightly: SegmentView['nightly']
}

const durationMs = (s: string) => `round(extract(epoch from ${s}.finished_at - ${s}.started_at) * 1000)`
const RFC3339 = (time: string) => `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const SELECT = `
  select g.id, g.name, g.code, g.expires_at as "expiresAt", g.mode, g.condition, g.created_at as "createdAt", g.updated_at as "updatedAt",
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

/** What the compatible protocol calls a filter. */
export interface Filter {
  readonly id: string
  readonly name: string
  readonly code: string
  readonly condition: Condition
  readonly expiresAt: string | null
  readonly app: SegmentApp
}

/** Newest first. `name`: those of this name, or of this code; all without one. `appId`: null for all apps. */
export async function findFilters(
  db: Queryable,
  { appId, name }: { readonly appId: number | null; readonly name?: string },
): Promise<Filter[]> {
  const { rows } = await db.query<Filter>(
    `select g.id, g.name, g.code, g.condition, g.expires_at as "expiresAt", json_build_object('id', a.id, 'code', a.code) as app
       from segment g join app a on a.id = g.app_id
      where ($1::integer is null or g.app_id = $1) and ($2::text is null or g.name = $2 or g.code = upper($2))
      order by g.name = $2 desc, g.created_at desc, g.id desc`,
    [appId, name ?? null],
  )
  return rows
}

/** Those whose day has come; what is still used stays until it is not. Returns how many. */
export async function dropExpiredSegments(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<{ id: string; app: SegmentApp }>(
    `select g.id, json_build_object('id', a.id, 'code', a.code) as app
       from segment g join app a on a.id = g.app_id where g.expires_at <= $1`,
    [new Date(at)],
  )
  let count = 0
  for (const { id, app } of rows) if (await deleteUnused(db, { app, id, at })) count++
  return count
}

async function deleteUnused(db: Database, key: SegmentKey & Moment): Promise<boolean> {
  try {
    await deleteSegment(db, key)
    return true
  } catch (error) {
    if (error instanceof PushError && ['segment_in_use', 'segment_unknown'].includes(error.code)) return false
    throw error
  }
}

/** Throws `segment_unknown`, `segment_name_taken`, `condition_invalid`, `input_invalid`. */
export async function changeSegment(
  db: Database,
  key: SegmentKey &
    Moment & {
      readonly patch: SegmentPatch
      /** Asked first: throws when somebody else has changed it. */
      readonly unchanged?: ((tx: Queryable) => Promise<void>) | undefined
    },
): Promise<void> {
  const { app, id, patch, at, unchanged } = key
  const before = await readSegment(db, key)
  const mode = patch.mode ?? before.mode
  if (mode === 'live' && patch.hour !== undefined)
    throw new PushError('input_invalid', 'body/hour: only a nightly segment has one')
  const condition = await conditionOf(db, app, patch)
  const hour = mode === 'live' ? null : (patch.hour ?? before.nightly?.hour ?? HOUR_DEFAULT)
  await db
    .transaction(async tx => {
      // One at a time: two segments that are made to name one another at once would not see it.
      if (condition !== undefined) await tx.query('select from app where id = $1 for no key update', [app.id])
      await unchanged?.(tx)
      if (condition !== undefined) await check(tx, { app, condition, at, id })
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

/** Messages that are not done, schedules, triggers, and segments, each with the text that names segments. */
const USERS = `
  select 'message' as kind, id::text as id, content ->> 'title' as name, target::text as words from message
   where app_id = $1 and state in ('scheduled', 'sending', 'paused') and target ?| array['condition', 'segment']
  union all
  select 'trigger', id::text, name, (definition -> 'condition')::text from trigger where app_id = $1 and state <> 'deleted'
  union all
  select 'schedule', id::text, name, condition::text from schedule where app_id = $1
  union all
  select 'segment', id::text, name, condition::text from segment where app_id = $1`

const USES_SHOWN = 1000

/** Of one segment, or of all: the first thousand. */
export async function listUses(
  db: Queryable,
  { appId, id = null }: { readonly appId: number; readonly id?: string | null },
): Promise<SegmentUse[]> {
  const { rows } = await db.query<SegmentUse>(
    `select g.id as segment, u.kind, u.id, u.name
       from segment g join (${USERS}) u on strpos(u.words, g.id::text) > 0 and u.id <> g.id::text
      where g.app_id = $1 and ($2::uuid is null or g.id = $2)
      order by g.id, u.kind, u.name, u.id limit ${USES_SHOWN}`,
    [appId, id],
  )
  return rows
}

/** Throws `segment_unknown`, and `segment_in_use` while a message that is not done, a schedule, a trigger or a segment names it. */
export async function deleteSegment(db: Database, { app, id, at }: SegmentKey & Moment): Promise<void> {
  await db.transaction(async tx => {
    const { rowCount } = await tx.query('select from segment where app_id = $1 and id = $2 for update', [
      app.id,
      id,
    ])
    if (rowCount === 0) refuseUnknown(id)
    const [use] = await listUses(tx, { appId: app.id, id })
    if (use !== undefined) {
      const name = use.kind === 'message' ? use.id : JSON.stringify(use.name)
      throw new PushError('segment_in_use', `${use.kind} ${name} names the segment ${id}`)
    }
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
