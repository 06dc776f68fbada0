/**
 * Symptom: what is due is not sent (DX-73: no worker, or one that is stuck or too slow). What waits for a credential, a pace or
 * its turn is not late, and neither is a campaign that others of its app are sent before, as long as they are.
 */

import { LANES, LAST_URGENT_LANE } from '../../messages/lanes.ts'
import type { Queryable } from '../../store/database.ts'
import type { Symptom } from './watch.ts'

const MINUTE_MS = 60_000
/** Somebody waits for these. */
const URGENT_MS = 2 * MINUTE_MS
const CAMPAIGN_MS = 15 * MINUTE_MS
/** While something of its app is sent. */
const CAMPAIGN_MOVING_MS = 60 * MINUTE_MS

/** Uses the indexes message_to_plan_in_lane, batch_due_in_lane and slot_range_due. A lease that is kept up says that somebody sends. */
const DUE = `
  select m.app_id, m.lane, m.send_at as due_at from message m where m.state = 'scheduled' and m.send_at <= $1
     and (m.recall_of is null or exists (select from message o where o.id = m.recall_of and o.finished_at is not null))
   union all
  select b.app_id, b.lane, b.due_at
    from batch b
    join message m on m.id = b.message_id and m.state = 'sending'
   where b.state in ('waiting', 'sending') and b.due_at <= $1
     and (b.state = 'waiting' or b.lease_until < clock_timestamp() - interval '1 minute')
     and (b.after_batch is null or exists (select from batch f where f.id = b.after_batch and f.is_read))
     and not exists (select from pace p where p.name = b.paced_by and p.open_at > $1)
   union all
  select m.app_id, m.lane, r.due_at
    from slot_range r
    join message m on m.id = r.message_id and m.state = 'sending'
   where r.due_at <= $1`

const FIND = `
  select d.app_id as "appId", d.lane, min(d.due_at) as "dueAt", count(*)::integer as parts,
         exists (select from gateway_tally t
                  where t.app_id = d.app_id and not t.is_hour and t.at > $1::timestamptz - interval '5 minutes') as "isMoving"
    from (${DUE}) d group by 1, 2`

interface Waiting {
  readonly appId: number
  readonly lane: number
  readonly dueAt: string
  /** Messages that are not planned yet, batches, and ranges that are not divided into them yet. */
  readonly parts: number
  readonly isMoving: boolean
}

export async function findOldQueues(db: Queryable, at: number): Promise<Symptom[]> {
  const { rows } = await db.query<Waiting>(FIND, [new Date(at)])
  return rows
    .filter(it => at - Date.parse(it.dueAt) > limitOf(it))
    .map(({ appId, lane, ...data }) => ({
      appId,
      kind: 'queue_age',
      subject: nameOf(lane),
      data: { lane: nameOf(lane), ...data },
      lastsMs: 0,
    }))
}

function limitOf({ lane, isMoving }: Waiting): number {
  if (lane <= LAST_URGENT_LANE) return URGENT_MS
  return isMoving ? CAMPAIGN_MOVING_MS : CAMPAIGN_MS
}

function nameOf(lane: number): string {
  return Object.entries(LANES).find(([, number]) => number === lane)?.[0] ?? String(lane)
}

/** Seconds for which the oldest that is due waits, by lane; 0 where nothing does. For /metrics. */
export async function readQueueAges(db: Queryable, at: number): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query<{ lane: number; dueAt: string }>(
    `select lane, min(due_at) as "dueAt" from (${DUE}) d group by 1`,
    [new Date(at)],
  )
  const found = new Map(rows.map(row => [row.lane, (at - Date.parse(row.dueAt)) / 1000]))
  return new Map(Object.entries(LANES).map(([name, lane]) => [name, Math.max(0, found.get(lane) ?? 0)]))
}
