/**
 * What became of a message, in the compatible protocol. `getMsgStats` names what is to be counted and `getResults` counts it at
 * the moment of asking, so a request never has to be waited for and never grows old.
 */
import { PushError } from '@roost/protocol'
import { codeOf, type FoundMessage } from '../../../messages/code.ts'
import { readMessage } from '../../../messages/read.ts'
import { BUCKETS } from '../../../registry/buckets.ts'
import type { Database, Queryable } from '../../../store/database.ts'

/** The shape is ours: that of the protocol is not documented. */
export async function readDetails(db: Queryable, { id, appId }: FoundMessage): Promise<unknown> {
  const { state, createdAt, finishedAt, counts, to, content, progress } = await readMessage(db, { appId, id })
  return { message: { code: codeOf(id), id, state, createdAt, finishedAt, counts, progress, to, content } }
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** The scale of the rows, by how long ago the message was sent. */
const SCALES = [
  { overMs: 365 * DAY_MS, formatter: 'yearly', unit: 'year' },
  { overMs: 30 * DAY_MS, formatter: 'monthly', unit: 'month' },
  { overMs: DAY_MS, formatter: 'daily', unit: 'day' },
  { overMs: 3 * HOUR_MS, formatter: 'hourly', unit: 'hour' },
  { overMs: Number.NEGATIVE_INFINITY, formatter: 'minutely', unit: 'minute' },
] as const

/** Deliveries that a gateway accepted count at the time of the planning; all else when it happened. */
const ROWS = `
  with happened as (
    select m.planned_at as at, 'send' as action, coalesce(sum(b.accepted), 0)::integer as count
      from message m join batch b on b.message_id = m.id
     where m.id = $1 and m.planned_at is not null group by m.planned_at
    union all
    select r.at, case r.kind when 'opened' then 'open' else 'delivery' end, 1 from receipt r
     where r.bucket = any($3::smallint[]) and r.message_id = $1 -- the primary key begins with the bucket
    union all
    select e.updated_at, 'inboxopen', 1 from inbox_entry e where e.message_id = $1 and e.status = 3
  )
  select to_char(date_trunc($2, at at time zone 'UTC'), 'YYYY-MM-DD HH24:MI:SS') as datetime, action,
         sum(count)::integer as count
    from happened group by 1, 2 having sum(count) > 0 order by 1, 2`

const ALL_BUCKETS = Array.from({ length: BUCKETS }, (_, bucket) => bucket)

interface ResultRow {
  readonly datetime: string
  readonly action: string
  readonly count: number
}

/** `appId` null: of every app. Throws `message_unknown`. */
export async function readResults(
  db: Database,
  {
    messageId,
    appId,
    at,
  }: { readonly messageId: string; readonly appId: number | null; readonly at: number },
): Promise<{ readonly formatter: string; readonly rows: readonly ResultRow[] }> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(messageId)
  const found = isId
    ? await db.query<{ since: string }>(
        `select coalesce(planned_at, created_at) as since from message
          where id = $1 and ($2::integer is null or app_id = $2)`,
        [messageId, appId],
      )
    : undefined
  const since = found?.rows[0]?.since
  if (since === undefined)
    throw new PushError('message_unknown', 'request.request_id: it is none that getMsgStats answered')
  const age = at - Date.parse(since)
  const { formatter, unit } = SCALES.find(it => age > it.overMs) ?? SCALES[4]
  const { rows } = await db.query<ResultRow>(ROWS, [messageId, unit, ALL_BUCKETS])
  return { formatter, rows }
}
