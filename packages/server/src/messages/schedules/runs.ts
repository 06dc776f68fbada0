/**
 * Runs of schedules: a schedule that is due makes a message and goes on to its next time, in one transaction under the lock of its
 * row. So each run makes one message on any number of servers, and a server that dies in between made none and moved nothing.
 *
 * A run that comes too late was missed. However many were missed, one message makes up for them, or none.
 */
import { type Condition, PushError, type RecurringMessage, type ScheduleView } from '@roost/protocol'
import { type Database, isCollision, isDatabaseAway, type Queryable } from '../../store/database.ts'
import { createMessage } from '../create.ts'
import { inMessage, wordsOf } from '../faults.ts'
import { EARLIEST_AHEAD_MS, LATEST_BEHIND_MS } from '../when/slots.ts'
import { messageAt, messageOf, timesOf } from './schedules.ts'
import { lastRun, nextRun, type Times } from './times.ts'

/** A restart or a failover is no time without servers. */
const LATE_MS = 5 * 60_000
const RETRY_AFTER_MS = 60_000

interface Due extends Pick<ScheduleView, 'cron' | 'timeZone' | 'localTime' | 'missed'> {
  readonly id: string
  readonly appId: number
  readonly appTimeZone: string
  readonly condition: Condition | null
  readonly message: Omit<RecurringMessage, 'to'>
  /** ISO 8601. */
  readonly dueAt: string
}

/** Uses the index schedule_due. */
const DUE = `
  select s.id, s.app_id as "appId", s.cron, s.time_zone as "timeZone", s.local_time as "localTime", s.missed, s.condition, s.message,
         s.next_run_at as "dueAt", a.time_zone as "appTimeZone"
    from schedule s join app a on a.id = s.app_id
   where s.next_run_at <= $1 and (s.retry_at is null or s.retry_at <= $1)
   order by s.next_run_at, s.id
   limit 1
     for update of s skip locked`

/** Runs one schedule that is due, if there is one; false when there was nothing to do. Any number may run at once. */
export async function runNextSchedule(db: Database, at: number): Promise<boolean> {
  let due: Due | undefined
  try {
    return await db.transaction(async tx => {
      due = (await tx.query<Due>(DUE, [new Date(at)])).rows[0]
      if (due === undefined) return false
      await runOnce(tx, due, at)
      return true
    })
  } catch (error) {
    if (due !== undefined && !isCollision(error) && !isDatabaseAway(error))
      await db.query(PUT_OFF, [due.id, wordsOf(error), new Date(at + RETRY_AFTER_MS), due.dueAt])
    throw error // for the log
  }
}

/** One that can't be run holds up no other: it stays due, and is tried again after a while. Another server may have run it. */
const PUT_OFF = 'update schedule set last_fault = $2, retry_at = $3 where id = $1 and next_run_at = $4'

async function runOnce(tx: Queryable, due: Due, at: number): Promise<void> {
  const times = timesOf(due, due.appTimeZone)
  // By other times than it became due by, when the zone of the app has changed since
  const run = Math.max(lastRun(times, at) ?? 0, Date.parse(due.dueAt))
  const isWanted = due.missed === 'one' || !isMissed(times, { run, at })
  if (isWanted && !(await isMade(tx, due, run))) await makeMessage(tx, { due, run, at })
  await goOn(tx, { due, times, at })
}

function isMissed({ isLocal }: Times, { run, at }: { readonly run: number; readonly at: number }): boolean {
  return at - run > (isLocal ? EARLIEST_AHEAD_MS + LATEST_BEHIND_MS : LATE_MS)
}

/** Of a run that a clock came to twice, since it was set back, or that of one server before that of another one. */
async function isMade(tx: Queryable, { id }: Due, run: number): Promise<boolean> {
  const { rowCount } = await tx.query('select from message where schedule_id = $1 and scheduled_for = $2', [
    id,
    new Date(run),
  ])
  return rowCount > 0
}

interface Run {
  readonly due: Due
  readonly run: number
  readonly at: number
}

/** What keeps it from being made, such as a category that is gone, is told by the schedule; the next run tries again. */
async function makeMessage(tx: Queryable, { due, run, at }: Run): Promise<void> {
  let made: { readonly id: string | null; readonly fault: string | null }
  try {
    const { id } = await createMessage(tx, {
      appId: due.appId,
      input: messageAt({ message: messageOf(due), localTime: due.localTime }, run),
      at,
    })
    await tx.query('update message set schedule_id = $2, scheduled_for = $3 where id = $1', [
      id,
      due.id,
      new Date(run),
    ])
    made = { id, fault: null }
  } catch (error) {
    if (!(error instanceof PushError)) throw error
    made = { id: null, fault: wordsOf(inMessage(error)) }
  }
  await tx.query(
    'update schedule set last_run_at = $2, last_message_id = coalesce($3, last_message_id), last_fault = $4 where id = $1',
    [due.id, new Date(at), made.id, made.fault],
  )
}

async function goOn(
  tx: Queryable,
  { due, times, at }: { readonly due: Due; readonly times: Times; readonly at: number },
): Promise<void> {
  const next = nextRun(times, at)
  await tx.query('update schedule set next_run_at = $2, retry_at = null where id = $1', [
    due.id,
    next === undefined ? null : new Date(next),
  ])
}
