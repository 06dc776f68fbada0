/** Reading messages: state, counts and progress, true while a message is sent and afterwards. */
import { type MessageSummary, type MessageView, PushError } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'

/**
 * Counts are sums over the batches, so they move with each chunk's commit and never drift from what happened.
 * `held` says why some of it waits, also while the rest goes on.
 * A batch has worked off the buckets before its cursor's; one whose range is read through, what is out of its queue.
 */
const SUMMARY = `
  select m.id, m.created_at as "createdAt", m.finished_at as "finishedAt", m.state,
         m.content ->> 'title' as title, m.delivered, m.opened,
         coalesce(b.targeted, 0) as targeted, coalesce(b.accepted, 0) as accepted, coalesce(b.dead, 0) as dead,
         coalesce(b.dead_held, 0) as "deadHeld",
         coalesce(b.failed, 0) as failed, coalesce(b.skipped, 0) as skipped, coalesce(b.uncertain, 0) as uncertain,
         case when m.finished_at is not null then 1 else least(0.99, coalesce(b.worked, 0) / greatest(b.width, 1)) end::float as progress,
         coalesce(held.reasons, '[]') as held
    from message m
    left join lateral (
      select sum(targeted)::integer as targeted, sum(accepted)::integer as accepted, sum(dead)::integer as dead,
             sum(dead_held)::integer as dead_held,
             sum(failed)::integer as failed, sum(skipped)::integer as skipped, sum(uncertain)::integer as uncertain,
             sum(bucket_to - bucket_from + 1)::float as width,
             sum(case when state = 'done' then bucket_to - bucket_from + 1
                      when is_read then (bucket_to - bucket_from + 1)
                           * (accepted + dead + failed + skipped + uncertain)::float / greatest(targeted, 1)
                      when cursor_bucket is null then 0
                      else cursor_bucket - bucket_from end)::float as worked
        from batch where message_id = m.id) b on true
    left join lateral (
      select jsonb_agg(distinct jsonb_build_object('gateway', b.provider, 'reason',
               case when b.held_reason = 'internal_error' then b.held_reason
                    else coalesce(h.reason, b.held_reason) end)) as reasons
        from batch b
        left join batch_hold h on h.batch_id = b.id
       where b.message_id = m.id and (b.state = 'held' or b.state <> 'done' and h.id is not null)) held on true`

/** One delivery of each batch tells enough, and costs the same for a hundred as for a million that wait. */
const RETRYING = `
  select coalesce(jsonb_agg(distinct jsonb_build_object('gateway', b.provider, 'reason', q.reason)), '[]') as retrying
    from batch b
    join lateral (select reason from delivery_queue
                   where batch_id = b.id and due_at < 'infinity' and reason <> 'planned' limit 1) q on true
   where b.message_id = $1 and b.state <> 'done'`

interface MessageRow extends MessageSummary {
  readonly targeted: number
  readonly accepted: number
  readonly dead: number
  readonly deadHeld: number
  readonly failed: number
  readonly skipped: number
  readonly uncertain: number
  readonly delivered: number
  readonly opened: number
}

function summaryOf(row: MessageRow): MessageSummary {
  const { targeted, accepted, dead, deadHeld, failed, skipped, uncertain, delivered, opened } = row
  const pending = targeted - accepted - dead - failed - skipped - uncertain
  return {
    id: row.id,
    createdAt: row.createdAt,
    finishedAt: row.finishedAt,
    state: row.state,
    title: row.title,
    counts: { targeted, accepted, dead, deadHeld, failed, skipped, uncertain, pending, delivered, opened },
    waiting: pending,
    progress: row.progress,
    held: row.held,
  }
}

/** Throws `message_unknown`. */
export async function readMessage(
  db: Queryable,
  key: { readonly appId: number; readonly id: string },
): Promise<MessageView> {
  const { rows } = await db.query<MessageRow & Pick<MessageView, 'to' | 'content' | 'warnings'>>(
    `select s.*, m.target as "to", m.content, coalesce(m.warnings, '[]') as warnings
       from (${SUMMARY} where m.app_id = $1 and m.id = $2) s join message m using (id)`,
    [key.appId, key.id],
  )
  const row = rows[0]
  if (row === undefined) throw new PushError('message_unknown', `this app has no message ${key.id}`)
  const waiting = await db.query<Pick<MessageView, 'retrying'>>(RETRYING, [key.id])
  return {
    ...summaryOf(row),
    retrying: waiting.rows[0]?.retrying ?? [],
    warnings: row.warnings,
    to: row.to,
    content: row.content,
  }
}

/** Newest first, without target and content: a target may name ten thousand devices. */
export async function listMessages(
  db: Queryable,
  query: { readonly appId: number; readonly limit: number },
): Promise<MessageSummary[]> {
  const { rows } = await db.query<MessageRow>(
    `${SUMMARY} where m.app_id = $1 order by m.created_at desc, m.id desc limit $2`,
    [query.appId, query.limit],
  )
  return rows.map(summaryOf)
}

export interface ExceptionCount {
  readonly outcome: string
  readonly reason: string
  readonly gateway: string | null
  readonly count: number
}

/** Why deliveries of a message did not end in "accepted", most frequent first. */
export async function countExceptions(db: Queryable, messageId: string): Promise<ExceptionCount[]> {
  const { rows } = await db.query<ExceptionCount>(
    `select outcome, reason, gateway, sum(count)::integer as count
       from (select outcome, reason, provider as gateway, count(*) as count
               from delivery_exception where message_id = $1 group by 1, 2, 3
             union all
             select 'skipped', 'cancelled', provider, cut_off from batch where message_id = $1 and cut_off > 0) e
      group by 1, 2, 3 order by 4 desc, 1, 2`,
    [messageId],
  )
  return rows
}
