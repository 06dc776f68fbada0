/** Reading messages: state, counts and progress, true while a message is sent and afterwards. */
import {
  type AudienceView,
  type Experiment,
  type ListedMessage,
  type MessageState,
  type MessageSummary,
  type MessageView,
  PushError,
  type Verdict,
} from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { readExperiment } from './experiments/read.ts'
import { LANES } from './lanes.ts'
import { readSlots } from './when/read.ts'

/**
 * Counts are sums over the batches, so they move with each chunk's commit and never drift from what happened.
 * `held` says why some of it waits, also while the rest goes on.
 * By local time a batch of a slot was counted beforehand, and has targeted those whom it has read.
 * A batch has worked off the buckets before its cursor's; one whose range is read through, what is out of its queue.
 */
const summaryFrom = (messages: string): string => `
  select m.id, m.created_at as "createdAt", m.send_at as "sendAt", m.finished_at as "finishedAt", m.state,
         m.content ->> 'title' as title, m.campaign, m.delivered, m.opened,
         coalesce(b.targeted, 0) as targeted, coalesce(b.accepted, 0) as accepted, coalesce(b.dead, 0) as dead,
         coalesce(b.dead_held, 0) as "deadHeld",
         coalesce(b.failed, 0) as failed, coalesce(b.skipped, 0) as skipped, coalesce(b.uncertain, 0) as uncertain,
         coalesce(b.repeated, 0) as "possibleDuplicates", coalesce(b.ahead, 0) as ahead,
         coalesce(b.is_rest_ahead, false) as "isRestAhead",
         case when m.finished_at is not null then 1 else least(0.99, coalesce(b.worked, 0) / greatest(b.width, 1)) end::float as progress,
         coalesce(held.reasons, '[]') as held
    from ${messages} m
    left join lateral (
      select sum(targeted)::integer as targeted, sum(accepted)::integer as accepted, sum(dead)::integer as dead,
             sum(dead_held)::integer as dead_held, sum(repeated)::integer as repeated,
             sum(failed)::integer as failed, sum(skipped)::integer as skipped, sum(uncertain)::integer as uncertain,
             sum(case when isfinite(slot_at) and not is_read and state <> 'done'
                      then greatest(0, slot_devices - targeted) else 0 end)::integer as ahead,
             bool_or(is_rest and due_at = 'infinity' and state <> 'done') as is_rest_ahead,
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

/**
 * SQL over `message m`: whom it is for, in few words. Not of what is told live: the names of ten thousand devices would be read each
 * second to be counted.
 */
const AUDIENCE = `
  case when m.recall_of is not null then ${audienceSql('recall')}
       when m.trigger is not null then ${audienceSql('trigger', "(select t.name from trigger t where t.id = (m.trigger ->> 'id')::uuid)")}
       when m.target ? 'segment' then ${audienceSql('segment', "(select s.name from segment s where s.id = (m.target ->> 'segment')::uuid)")}
       when m.target ? 'devices' then ${audienceSql('devices', 'null', "jsonb_array_length(m.target -> 'devices')")}
       when m.target ? 'users' then ${audienceSql('users', 'null', "jsonb_array_length(m.target -> 'users')")}
       when m.target #>> '{condition,list}' is not null
         then ${audienceSql('list', "(select l.name from audience_list l where l.id::text = m.target #>> '{condition,list}')")}
       when m.target ? 'condition' then ${audienceSql('condition')}
       else ${audienceSql('all')} end`

function audienceSql(kind: AudienceView['kind'], name = 'null', count = 'null'): string {
  return `jsonb_build_object('kind', '${kind}', 'name', ${name}, 'count', ${count})`
}

interface MessageRow extends MessageSummary {
  readonly targeted: number
  readonly accepted: number
  readonly dead: number
  readonly deadHeld: number
  readonly failed: number
  readonly skipped: number
  readonly uncertain: number
  readonly possibleDuplicates: number
  readonly delivered: number
  readonly opened: number
  /** Counted for slots that are to come. */
  readonly ahead: number
  readonly isRestAhead: boolean
}

function summaryOf(row: MessageRow): MessageSummary {
  const { targeted, accepted, dead, deadHeld, failed, skipped, uncertain, delivered, opened } = row
  const { possibleDuplicates, ahead, isRestAhead } = row
  const pending = targeted - accepted - dead - failed - skipped - uncertain
  return {
    id: row.id,
    createdAt: row.createdAt,
    sendAt: row.sendAt,
    finishedAt: row.finishedAt,
    state: row.state,
    title: row.title,
    campaign: row.campaign,
    counts: {
      targeted,
      accepted,
      dead,
      deadHeld,
      failed,
      skipped,
      uncertain,
      possibleDuplicates,
      pending,
      delivered,
      opened,
    },
    waiting: pending + ahead,
    awaits: [...(ahead > 0 ? (['clock'] as const) : []), ...(isRestAhead ? (['winner'] as const) : [])],
    progress: row.progress,
    held: row.held,
  }
}

type Asked = Omit<MessageView, keyof MessageSummary | 'retrying' | 'slots' | 'experiment'> & {
  readonly experiment: Experiment | null
  readonly verdict: Verdict | null
}

/** What it was made with; its rate and its road lie with the rules. */
const ASKED = `
  case when m.trigger is null then m.target else jsonb_build_object('trigger', m.trigger ->> 'id') end as "to",
  m.content, coalesce(m.warnings, '[]') as warnings, coalesce(m.remarks, '[]') as remarks, m.ttl_seconds as "ttlSeconds",
  m.priority, m.collapse_key as "collapseKey", m.inbox, (m.rules -> 'sendRate')::integer as "sendRate",
  coalesce(m.rules ->> 'route', 'push') as route, (m.rules -> 'pushAfterSeconds')::integer as "pushAfterSeconds",
  nullif(m.rules - '{sendRate,route,pushAfterSeconds}'::text[], '{}') as rules, m.recall_of as recalls,
  (select r.id from message r where r.recall_of = m.id) as "recalledBy",
  case m.lane ${Object.entries(LANES)
    .map(([name, lane]) => `when ${lane} then '${name}'`)
    .join(' ')} end as lane,
  ${AUDIENCE} as audience, m.timing -> 'localTime' as "localTime", m.timing -> 'bestHour' as "bestHour", m.schedule_id as schedule,
  m.experiment, m.verdict`

/** Throws `message_unknown`. */
export async function readMessage(
  db: Queryable,
  key: { readonly appId: number; readonly id: string },
): Promise<MessageView> {
  const { rows } = await db.query<MessageRow & { readonly asked: Asked }>(
    `select s.*, (select to_jsonb(a) from (select ${ASKED}) a) as asked
       from (${summaryFrom('message')} where m.app_id = $1 and m.id = $2) s join message m using (id)`,
    [key.appId, key.id],
  )
  const row = rows[0]
  if (row === undefined) throw unknown(key.id)
  const waiting = await db.query<Pick<MessageView, 'retrying'>>(RETRYING, [key.id])
  const { experiment: of, verdict, ...asked } = row.asked
  const experiment = of && (await readExperiment(db, { id: key.id, asked: of, verdict }))
  const slots = (asked.localTime ?? asked.bestHour) === null ? [] : await readSlots(db, key.id)
  return { ...summaryOf(row), ...asked, experiment, slots, retrying: waiting.rows[0]?.retrying ?? [] }
}

export interface MessageSearch {
  readonly appId: number
  readonly limit: number
  /** Those that come after this message: the `next` of the page before. */
  readonly after?: string | undefined
  /** Any of these. */
  readonly states?: readonly MessageState[] | undefined
  /** Of `sendAt`; ISO 8601. */
  readonly from?: string | undefined
  /** Before this moment. */
  readonly to?: string | undefined
  readonly campaign?: string | undefined
  /** In its titles and bodies, also those of languages, gateways and variants, or in its campaign; in any case. */
  readonly text?: string | undefined
  /** Only what this schedule has made. */
  readonly scheduleId?: string | undefined
}

export interface MessagePage {
  readonly messages: ListedMessage[]
  /** To ask for those that come after these; null: there are none. */
  readonly next: string | null
}

/** SQL over `message m`: all its texts of this name. */
function wordsSql(name: string): string {
  return `(select string_agg(w #>> '{}', ' ')
             from jsonb_path_query(jsonb_build_array(m.content, m.experiment), '$.**.${name}') w)`
}

/** No index knows what messages say. So many are read for a page at most: a text that nothing has would be looked for in all of them. */
const TEXTS_A_PAGE = 1000

/** The last message that a page looks at, by the index message_newest; none where fewer are left. */
const HORIZON = `
  select created_at::text as at, id from message
   where app_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
   order by created_at desc, id desc offset ${TEXTS_A_PAGE - 1} limit 1`

interface Horizon {
  readonly at: string
  readonly id: string
}

/** The page is found first, by the index message_newest: counts are summed up of what is shown alone. `$10`: how many. */
const PAGE = `
  select m.* from message m
   where m.app_id = $1 and m.knock is null and m.call_id is null
     and ($2::timestamptz is null or (m.created_at, m.id) < ($2, $3::uuid))
     and ($4::text[] is null or m.state = any($4))
     and ($5::timestamptz is null or m.send_at >= $5) and ($6::timestamptz is null or m.send_at < $6)
     and ($7::text is null or m.campaign = $7)
     and ($8::text is null or strpos(lower(concat_ws(' ', m.campaign, ${['title', 'body'].map(wordsSql).join(', ')})), lower($8)) > 0)
     and ($9::uuid is null or m.schedule_id = $9)
     and ($11::timestamptz is null or (m.created_at, m.id) >= ($11, $12::uuid))
   order by m.created_at desc, m.id desc limit $10`

/**
 * People's, newest first, without content, and of the target what it comes to: it may name ten thousand devices. A page that looks for a text
 * may be short, or empty, and have a `next` all the same. Throws `message_unknown` for `after`.
 */
export async function listMessages(db: Queryable, search: MessageSearch): Promise<MessagePage> {
  const { appId, limit, after, states, from, to, campaign, text, scheduleId } = search
  const before = after === undefined ? undefined : await readPlace(db, { appId, id: after })
  const horizon =
    text === undefined
      ? undefined
      : (await db.query<Horizon>(HORIZON, [appId, before ?? null, after ?? null])).rows[0]
  const { rows } = await db.query<MessageRow & Pick<ListedMessage, 'audience'>>(
    `select s.*, ${AUDIENCE} as audience
       from (${summaryFrom(`(${PAGE})`)}) s join message m using (id)
      order by m.created_at desc, m.id desc`,
    [
      appId,
      before ?? null,
      after ?? null,
      states ?? null,
      from ?? null,
      to ?? null,
      campaign ?? null,
      text ?? null,
      scheduleId ?? null,
      limit + 1,
      horizon?.at ?? null,
      horizon?.id ?? null,
    ],
  )
  const messages = rows.slice(0, limit).map(row => ({ ...summaryOf(row), audience: row.audience }))
  return { messages, next: (rows.length > limit ? messages.at(-1)?.id : horizon?.id) ?? null }
}

/** When it was made, with all digits that the database has. */
async function readPlace(
  db: Queryable,
  { appId, id }: { readonly appId: number; readonly id: string },
): Promise<string> {
  const { rows } = await db.query<{ at: string }>(
    'select created_at::text as at from message where app_id = $1 and id = $2',
    [appId, id],
  )
  if (rows[0] === undefined) throw unknown(id)
  return rows[0].at
}

function unknown(id: string): PushError {
  return new PushError('message_unknown', `this app has no message ${id}`)
}

/** Those that there are of these ids. */
export async function readSummaries(db: Queryable, ids: readonly string[]): Promise<MessageSummary[]> {
  return (
    await db.query<MessageRow>(`${summaryFrom('message')} where m.id = any($1::uuid[])`, [ids])
  ).rows.map(summaryOf)
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
