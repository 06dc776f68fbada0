/** What triggers leave behind: what nobody asks for any more goes, and rounds that are over are added up once and for all. */
import type { Queryable } from '../../store/database.ts'

/** Clocks of servers differ, and a day lasts longer than a day somewhere. */
const DAYS_KEPT = 3

/** Of a device is asked what it got on this day, and within the days of `oncePerDays`. */
const OLD_DEVICES = `
  delete from trigger_device d using trigger t
   where t.id = d.trigger_id
     and (t.state = 'deleted'
       or d.last_at < $1::timestamptz - (coalesce((t.definition ->> 'oncePerDays')::integer, 0) + ${DAYS_KEPT}) * interval '1 day')`

/** An event that came at the moment in which its trigger was deleted. */
const OF_DELETED = `
  delete from trigger_occasion o using trigger t where t.id = o.trigger_id and t.state = 'deleted'`

/** Numbers of a batch that a trigger tells. */
export const ROUND_COUNTS = [
  'targeted',
  'accepted',
  'dead',
  'dead_held',
  'failed',
  'skipped',
  'uncertain',
  'repeated',
] as const

/** Nothing of a message changes its batches when it has been over for a day. */
const FOLD = `
  update trigger_round r
     set counts = (select jsonb_build_object(${ROUND_COUNTS.map(it => `'${it}', coalesce(sum(b.${it}), 0)`).join(', ')})
                     from batch b where b.message_id = r.message_id)
    from message m
   where m.id = r.message_id and r.counts is null and not r.is_open
     and m.finished_at < $1::timestamptz - interval '1 day'`

/** Returns how many rows went. */
export async function dropOldTriggered(db: Queryable, at: number): Promise<number> {
  await db.query(FOLD, [new Date(at)])
  const devices = await db.query(OLD_DEVICES, [new Date(at)])
  return devices.rowCount + (await dropOfDeleted(db))
}

/** Returns how many occasions went. */
export async function dropOfDeleted(db: Queryable): Promise<number> {
  return (await db.query(OF_DELETED)).rowCount
}
