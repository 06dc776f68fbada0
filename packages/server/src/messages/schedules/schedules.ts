/**
 * Schedules: messages that recur. All that says when the next run is due lies in the row, so any server makes it, and a server
 * that was down, or a clock that jumped, finds what was missed.
 *
 *   active ──pause──▶ paused ──resume──▶ active; runs that fell in the pause are never made up for
 */
import {
  type Condition,
  type NewMessage,
  type NewSchedule,
  PushError,
  type RecurringMessage,
  type SchedulePatch,
  type ScheduleView,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { withSegmentId } from '../../audience/segments.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { findFault } from '../create.ts'
import { inMessage } from '../faults.ts'
import type { ImageVerdict } from '../images.ts'
import { nameOnce } from '../names.ts'
import { clockAt, findTimesFault, nextRun, nextRuns, type Times } from './times.ts'

export interface ScheduleKey {
  readonly appId: number
  readonly id: string
}

interface Moment {
  readonly at: number
  readonly images?: ImageVerdict | undefined
}

type Whole = Omit<NewSchedule, 'timeZone' | 'localTime' | 'missed'> &
  Pick<ScheduleView, 'timeZone' | 'localTime' | 'missed' | 'state'>

interface Stored extends Omit<Whole, 'message'> {
  readonly id: string
  readonly appTimeZone: string
  readonly condition: Condition | null
  readonly message: Omit<RecurringMessage, 'to'>
  readonly nextRunAt: string | null
  readonly lastRunAt: string | null
  readonly lastMessageId: string | null
  readonly lastFault: string | null
  readonly createdAt: string
}

const SELECT = `
  select s.id, s.name, s.state, s.cron, s.time_zone as "timeZone", s.local_time as "localTime", s.missed, s.condition, s.message,
         s.next_run_at as "nextRunAt", s.last_run_at as "lastRunAt", s.last_message_id as "lastMessageId",
         s.last_fault as "lastFault", s.created_at as "createdAt", a.time_zone as "appTimeZone"
    from schedule s join app a on a.id = s.app_id`

const WRITE = `
  insert into schedule as s (id, app_id, name, state, cron, time_zone, local_time, missed, condition, message, next_run_at,
                             created_at, updated_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
  on conflict (id) do update
     set name = $3, state = $4, cron = $5, time_zone = $6, local_time = $7, missed = $8, condition = $9, message = $10,
         next_run_at = $11, updated_at = $12, retry_at = null`

/** Throws `schedule_name_taken`, `input_invalid` for times that are none, and what the making of a message throws. */
export async function createSchedule(
  db: Database,
  { appId, input, ...moment }: Moment & { readonly appId: number; readonly input: NewSchedule },
): Promise<string> {
  const id = uuidv7()
  const whole: Whole = {
    ...input,
    message: await withSegment(db, { appId, message: input.message }),
    state: 'active',
    timeZone: input.timeZone ?? null,
    localTime: input.localTime ?? null,
    missed: input.missed ?? 'one',
  }
  await check(db, { appId, id, whole, ...moment })
  const change = { appId, id, whole, ...moment }
  const nextRunAt = await nextRunOf(db, change)
  await nameOnce(db, { kind: 'schedule', appId, name: whole.name }, () => write(db, { ...change, nextRunAt }))
  return id
}

async function withSegment(
  db: Queryable,
  { appId, message }: { readonly appId: number; readonly message: RecurringMessage },
): Promise<RecurringMessage> {
  try {
    return { ...message, to: await withSegmentId(db, { appId, to: message.to }) }
  } catch (error) {
    throw error instanceof PushError ? inMessage(error) : error
  }
}

interface Change {
  readonly appId: number
  readonly id: string
  readonly whole: Whole
}

async function check(db: Queryable, { appId, id, whole, at, images }: Change & Moment): Promise<void> {
  const times = timesOf(whole, await readZone(db, appId))
  const fault = faultOf(whole) ?? findTimesFault(times, at)
  if (fault !== undefined) throw new PushError('input_invalid', fault)
  const input = messageAt(whole, nextRun(times, at) ?? at)
  const refused = await findFault(db, { appId, id, input, at, images })
  if (refused !== undefined) throw inMessage(refused)
}

/** What a run asks for, so that a schedule is refused what its runs would be. */
export function messageAt(
  { message, localTime }: Pick<Whole, 'message' | 'localTime'>,
  run: number,
): NewMessage {
  return localTime === null ? message : { ...message, localTime: { ...localTime, at: clockAt(run) } }
}

function faultOf({ localTime, timeZone, message }: Whole): string | undefined {
  if (localTime === null) return undefined
  if (timeZone !== null) return 'body/timeZone: by local time there is none; give one of them'
  if (message.bestHour === undefined) return undefined
  return 'body/localTime: the message has a bestHour, too; give one of them'
}

/** ISO 8601; null: there is none. */
async function nextRunOf(db: Queryable, { appId, whole, at }: Change & Moment): Promise<string | null> {
  if (whole.state === 'paused') return null
  const next = nextRun(timesOf(whole, await readZone(db, appId)), at)
  return next === undefined ? null : new Date(next).toISOString()
}

async function write(
  db: Queryable,
  { appId, id, whole, nextRunAt, at }: Change & Moment & Pick<ScheduleView, 'nextRunAt'>,
): Promise<void> {
  const { to, ...message } = whole.message
  await db.query(WRITE, [
    id,
    appId,
    whole.name,
    whole.state,
    whole.cron,
    whole.timeZone,
    whole.localTime === null ? null : JSON.stringify(whole.localTime),
    whole.missed,
    'all' in to ? null : JSON.stringify('condition' in to ? to.condition : to),
    JSON.stringify(message),
    nextRunAt,
    new Date(at),
  ])
}

async function readZone(db: Queryable, appId: number): Promise<string> {
  const { rows } = await db.query<{ zone: string }>('select time_zone as zone from app where id = $1', [
    appId,
  ])
  return rows[0]?.zone ?? 'UTC'
}

export function timesOf(
  { cron, timeZone, localTime }: Pick<Whole, 'cron' | 'timeZone' | 'localTime'>,
  appTimeZone: string,
): Times {
  return { cron, timeZone: timeZone ?? appTimeZone, isLocal: localTime !== null }
}

/** What each of its messages is made of. A segment alone is a target of its own. */
export function messageOf({
  condition,
  message,
}: {
  readonly condition: Condition | null
  readonly message: Omit<RecurringMessage, 'to'>
}): RecurringMessage & NewMessage {
  if (condition === null) return { ...message, to: { all: true } }
  return { ...message, to: 'segment' in condition ? { segment: condition.segment } : { condition } }
}

/**
 * What is not named stays. With other times the next run is asked for anew; with the same it stays, or one that is due and not made
 * yet would be lost. Throws as the making does, and `schedule_unknown`.
 */
export async function changeSchedule(
  db: Database,
  {
    appId,
    id,
    patch,
    unchanged,
    ...moment
  }: ScheduleKey &
    Moment & {
      readonly patch: SchedulePatch
      /** Asked first: throws when somebody else has changed it. */
      readonly unchanged?: ((tx: Queryable) => Promise<void>) | undefined
    },
): Promise<void> {
  const change = () =>
    db.transaction(async tx => {
      await unchanged?.(tx)
      const found = await lock(tx, { appId, id })
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      const message = await withSegment(tx, { appId, message: patch.message ?? messageOf(found) })
      const whole: Whole = { ...found, ...given, message }
      const changed = { appId, id, whole, ...moment }
      await check(tx, changed)
      const nextRunAt = hasSameTimes(found, whole) ? found.nextRunAt : await nextRunOf(tx, changed)
      await write(tx, { ...changed, nextRunAt })
    })
  await nameOnce(db, { kind: 'schedule', appId, name: patch.name }, change)
}

function hasSameTimes(one: Pick<Whole, 'cron' | 'timeZone' | 'localTime'>, other: Whole): boolean {
  const isLocal = (it: Pick<Whole, 'localTime'>) => it.localTime !== null
  return one.cron === other.cron && one.timeZone === other.timeZone && isLocal(one) === isLocal(other)
}

/** Its messages stay as they are, also those under way. Throws `schedule_unknown`. */
export async function pauseSchedule(db: Database, key: ScheduleKey & Moment): Promise<void> {
  await setState(db, key, 'paused')
}

/** Throws `schedule_unknown`. */
export async function resumeSchedule(db: Database, key: ScheduleKey & Moment): Promise<void> {
  await setState(db, key, 'active')
}

async function setState(
  db: Database,
  { appId, id, at }: ScheduleKey & Moment,
  state: Whole['state'],
): Promise<void> {
  await db.transaction(async tx => {
    const found = await lock(tx, { appId, id })
    if (found.state === state) return
    const change = { appId, id, whole: { ...found, message: messageOf(found), state }, at }
    await write(tx, { ...change, nextRunAt: await nextRunOf(tx, change) })
  })
}

/** Its messages stay. Throws `schedule_unknown`. */
export async function deleteSchedule(db: Queryable, { appId, id }: ScheduleKey): Promise<void> {
  const { rowCount } = await db.query('delete from schedule where app_id = $1 and id = $2', [appId, id])
  if (rowCount === 0) refuseUnknown(id)
}

async function lock(tx: Queryable, { appId, id }: ScheduleKey): Promise<Stored> {
  const { rows } = await tx.query<Stored>(`${SELECT} where s.app_id = $1 and s.id = $2 for update of s`, [
    appId,
    id,
  ])
  return rows[0] ?? refuseUnknown(id)
}

function refuseUnknown(id: string): never {
  throw new PushError('schedule_unknown', `this app has no schedule ${id}`)
}

/** Throws `schedule_unknown`. */
export async function readSchedule(db: Queryable, { appId, id }: ScheduleKey): Promise<ScheduleView> {
  const { rows } = await db.query<Stored>(`${SELECT} where s.app_id = $1 and s.id = $2`, [appId, id])
  return viewOf(rows[0] ?? refuseUnknown(id))
}

/** Newest first. */
export async function listSchedules(db: Queryable, appId: number): Promise<ScheduleView[]> {
  const { rows } = await db.query<Stored>(
    `${SELECT} where s.app_id = $1 order by s.created_at desc, s.id desc`,
    [appId],
  )
  return rows.map(viewOf)
}

const RUNS_SHOWN = 5

function viewOf(stored: Stored): ScheduleView {
  const { condition, message, appTimeZone, nextRunAt, ...shown } = stored
  const after = nextRunAt === null ? undefined : Date.parse(nextRunAt)
  const runs =
    after === undefined
      ? []
      : [after, ...nextRuns(timesOf(stored, appTimeZone), { after, count: RUNS_SHOWN - 1 })]
  return {
    ...shown,
    message: messageOf({ condition, message }),
    nextRunAt,
    nextRuns: runs.map(it => new Date(it).toISOString()),
  }
}

/** The times of an app's schedules come at other moments, since its time zone has changed. What is due is made all the same. */
export async function moveNextTimes(
  db: Database,
  { appId, at }: { readonly appId: number; readonly at: number },
): Promise<void> {
  await db.transaction(async tx => {
    const { rows } = await tx.query<Stored>(
      `${SELECT} where s.app_id = $1 and s.time_zone is null and s.local_time is null and s.state = 'active'
          and s.next_run_at > $2 order by s.id for update of s`,
      [appId, new Date(at)],
    )
    for (const row of rows) {
      const change = { appId, id: row.id, whole: { ...row, message: messageOf(row) }, at }
      await write(tx, { ...change, nextRunAt: await nextRunOf(tx, change) })
    }
  })
}
