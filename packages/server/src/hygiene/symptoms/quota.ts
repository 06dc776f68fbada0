/**
 * Symptom: messages wait for the quota of a Firebase project, because it is kept (paces) or because Google says that it is
 * used up (429 QUOTA_EXCEEDED closes the pace). What Google has refused waits until its next try, which may be an hour away: that is one
 * wait, though the pace is open again after a minute, and the alert of a message with a single batch holds until it is tried. Of a batch
 * that is being sent the pace of its last wait says nothing, nor of one that is due and that nobody takes. A wait of minutes is what a
 * quota is for; of more, what is sent is too much for it.
 */
import type { Queryable } from '../../store/database.ts'
import type { Symptom } from './watch.ts'

const LASTS_MS = 10 * 60_000

/** Paces of messages (`sendRate`) are wished for. Uses the index batch_due_in_lane. */
const FIND = `
  select b.app_id as "appId", b.paced_by as "pacedBy", count(*)::integer as batches, count(distinct b.message_id)::integer as messages
    from batch b
    join message m on m.id = b.message_id and m.state = 'sending'
    left join pace p on p.name = b.paced_by
   where b.state = 'waiting' and b.paced_by not like 'message:%'
     and (b.due_at > $1::timestamptz or p.open_at > $1::timestamptz - interval '1 minute')
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
