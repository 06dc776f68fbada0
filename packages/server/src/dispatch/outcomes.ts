/** Outcomes that are no acceptance, and those that are still to come: who has an exception, and whose delivery waits. */
import type { Queryable } from '../store/database.ts'

export interface Device {
  readonly bucket: number
  readonly hwid: string
}

/** By the primary keys of both. */
const EXCEPTED_OR_WAITING = `
  select t.hwid from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
   cross join lateral (
     select e.hwid from delivery_exception e where e.bucket = i.bucket and e.message_id = $1 and e.hwid = i.hwid
     union all
     select q.hwid from delivery_queue q where q.bucket = i.bucket and q.message_id = $1 and q.hwid = i.hwid) t`

/** Those of these devices, by hwid. */
export async function findExceptedOrWaiting(
  db: Queryable,
  messageId: string,
  devices: readonly Device[],
): Promise<Set<string>> {
  const { rows } = await db.query<{ hwid: string }>(EXCEPTED_OR_WAITING, [
    messageId,
    devices.map(it => it.bucket),
    devices.map(it => it.hwid),
  ])
  return new Set(rows.map(it => it.hwid))
}
