/**
 * Symptom: messages wait for the quota of a Firebase project, because it is kept (paces) or because Google says that it is
 * used up (429 QUOTA_EXCEEDED closes the pace). Of a batch that is being sent the pace of its last wait says nothing. A wait of minutes is what a quota is for; of more, what is sent is too much for it.
 */
import type { Queryable } from '../../store/database.ts'
import type { Symptom } from './watch.ts'

const LASTS_MS = 10 * 60_000

/** Paces of messages (`sendRate`) are wished for. Uses the index batch_due_in_lane. */
const FIND = `
  select b.app_id as "appId", b.paced_by as "pacedBy", count(*)::integer as batches, count(distinct b.message_id)::integer as messages
    from batch b
    join message m on m.id = b.message_id and m.state = 'sending'
    join pace p on p.name = b.paced_by and p.open_at > $1::timestamptz - interval '1 minute'
   where b.state = 'waiting' and b.paced_by not like 'message:%'
   group by 1, 2`

interface Found {
  readonly appId: number
  readonly pacedBy: string
  readonly batches: number
  readonly messages: number
}

export async function findQuotas(db: Queryable, at: number): Promise<Symptom[]> {
  const { rows } = await db.query<Found>(FIND, [new Date(at)])
  return rows.map(({ appId, pacedBy, ...data }) => ({
    appId,
    kind: 'quota',
    subject: pacedBy,
    data: { quota: pacedBy, ...data },
    lastsMs: LASTS_MS,
  }))
}
