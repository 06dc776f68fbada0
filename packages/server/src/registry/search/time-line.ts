/**
 * One time line of a device, newest first: what it registered, what became of its tokens (the ledger), who logged in, what it opened
 * and posted, which messages a gateway took for it or why they were not sent, and what it told of them.
 *
 * Everything is read by key. ledger, receipt, device_event: their keys and indexes begin with the device's bucket. Exceptions: their key, of
 * which the device's bucket is read. Acceptances: the rows that end in its bucket (acceptance_of_app), and of those that span several
 * buckets (acceptance_of_buckets) the ones that its bucket lies in.
 *
 * Of events, openings and registrations the base keeps the first and the last one and no list; what lies between is no entry.
 */
import { PushError, type TimeLine, type TimeLineEntry } from '@roost/protocol'
import { KEY_BYTES, memberKey } from '../../inbox/member-key.ts'
import type { Queryable } from '../../store/database.ts'
import { bucketOf } from '../buckets.ts'

export interface TimeLineQuery {
  readonly appId: number
  readonly hwid: string
  readonly limit: number
  /** `next` of the page before; '' = from the newest on. */
  readonly after: string
}

const OF_DEVICE = (row: string) => `${row}.bucket = $1 and ${row}.app_id = $2 and ${row}.hwid = $3`
/** Of each source no more than a page is needed, by the place where the last page ended. */
const place = (at: string, id: string) =>
  `($4::timestamptz is null or (${at}, ${id} collate "C") < ($4, $5 collate "C"))`
const NEWEST = 'order by at desc, id collate "C" desc limit $6'

interface Source {
  /** Columns: at, id (unique over all sources), kind, what, reason, message_id, data. */
  readonly sql: string
}

const DEVICE: Source = {
  sql: `select t.* from device d cross join lateral (values
          (d.first_seen_at, 'a-first', 'registration', 'first_seen', null, null::uuid, '{}'::jsonb),
          (d.last_seen_at, 'a-last', 'registration', 'last_seen', null, null, '{}'),
          (d.last_open_at, 'b-open', 'opening', 'last_opening', null, null, '{}'),
          (case when d.user_id is not null or d.has_changed_user is distinct from false then d.user_since end,
             'c-user', 'login', case when d.user_id is null then 'logged_out' else 'logged_in' end, null, null,
             jsonb_strip_nulls(jsonb_build_object('userId', d.user_id))),
          ((d.record -> 'registrationError' ->> 'at')::timestamptz, 'd-error', 'refused_token', 'registration_error',
             d.record -> 'registrationError' ->> 'code', null,
             jsonb_strip_nulls(jsonb_build_object('message', d.record -> 'registrationError' ->> 'message')))
        ) as t (at, id, kind, what, reason, message_id, data)
        where ${OF_DEVICE('d')} and t.at is not null`,
}

/** Each once: of several times that it was theirs, the last. */
const FORMER_USERS: Source = {
  sql: `select coalesce(u.since, u.until), 'c-user-' || u.user_id, 'login',
               case when u.since is null then 'logged_out' else 'logged_in' end, null, null::uuid,
               jsonb_build_object('userId', u.user_id, 'until', u.until)
          from former_user u where ${OF_DEVICE('u')}`,
}

const ADDRESSES: Source = {
  sql: `select a.last_registered_at, 'e-' || encode(a.address_hash, 'hex'), 'token', 'reported_last', null, null::uuid,
               jsonb_strip_nulls(jsonb_build_object('provider', a.provider, 'environment', nullif(a.environment, ''),
                 'addressKind', a.kind, 'addressEnd', right(a.address, 8), 'state', a.state))
          from address a where ${OF_DEVICE('a')} and a.last_registered_at > a.first_registered_at`,
}

const LEDGER: Source = {
  sql: `select l.at, 'f-' || lpad(l.id::text, 19, '0'), 'token', l.event, l.reason, null::uuid,
               jsonb_strip_nulls(jsonb_build_object('provider', l.provider, 'environment', nullif(l.environment, ''),
                 'addressKind', l.kind, 'addressEnd', l.address_end, 'evidence', l.evidence))
          from ledger l where ${OF_DEVICE('l')}`,
}

const EVENTS: Source = {
  sql: `select t.at, t.id, 'event', e.name, null, null::uuid,
               jsonb_strip_nulls(jsonb_build_object('count', e.count, 'isFirst', t.at = e.first_at or null,
                 'attributes', case when t.at = e.last_at then e.attributes end))
          from device_event e cross join lateral (
            values (e.last_at, 'g-last-' || e.name), (case when e.first_at < e.last_at then e.first_at end, 'g-first-' || e.name)
          ) as t (at, id)
         where ${OF_DEVICE('e')} and t.at is not null`,
}

const RECEIPTS: Source = {
  sql: `select r.at, 'h-' || r.message_id || r.kind, 'receipt', r.kind, null, r.message_id, '{}'::jsonb
          from receipt r where ${OF_DEVICE('r')}`,
}

const EXCEPTIONS: Source = {
  sql: `select x.at, 'i-' || x.message_id, 'message', x.outcome, x.reason, x.message_id,
               jsonb_strip_nulls(jsonb_build_object('gateway', x.provider))
          from delivery_exception x where ${OF_DEVICE('x')}`,
}

/**
 * `accepted` has 8 bytes of a hash for each device of a chunk (dispatch/acceptances.ts). It is booked with its chunk, which a quick
 * phone's receipt comes before: what was delivered had been taken by then, and its id stands below that of a receipt of the same moment.
 */
const ACCEPTANCES: Source = {
  sql: `select least(c.at, (select min(r.at) from receipt r
                             where r.bucket = $1 and r.message_id = c.message_id and r.hwid = $3)),
               'gz-' || c.message_id, 'message', 'accepted', null, c.message_id,
               jsonb_strip_nulls(jsonb_build_object('gateway', (select b.provider from batch b where b.id = c.batch_id),
                 'attempts', nullif(coalesce(get_byte(c.attempts, (p.place - 1) / ${KEY_BYTES}), 1), 1)))
          from (select * from acceptance where app_id = $2 and bucket_to = $1
                union all
                select * from acceptance where app_id = $2 and bucket_to > $1 and bucket_from <= $1 and bucket_from < bucket_to) c
         cross join lateral (select position(${memberKey('c.message_id', '$3')} in c.accepted) as place) p
         where p.place > 0 and (p.place - 1) % ${KEY_BYTES} = 0`,
}

const COLUMNS = 'at, id, kind, what, reason, message_id, data'

const page = ({ sql }: Source) =>
  `(select * from (${sql}) as s (${COLUMNS}) where ${place('at', 'id')} ${NEWEST})`

const TIME_LINE = `
  select at, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place, id, kind, what, reason,
         message_id as "messageId", data
    from (${[DEVICE, FORMER_USERS, ADDRESSES, LEDGER, EVENTS, RECEIPTS, EXCEPTIONS, ACCEPTANCES].map(page).join('\n union all\n')}) as all_of_it
   ${NEWEST}`

type Row = TimeLineEntry & { readonly place: string; readonly id: string }

/** Throws `device_unknown`, and `input_invalid` for an `after` that was never given. */
export async function readTimeLine(db: Queryable, query: TimeLineQuery): Promise<TimeLine> {
  const { appId, hwid, limit } = query
  const after = query.after === '' ? null : readPlace(query.after)
  const key = [bucketOf(hwid), appId, hwid]
  const { rows } = await db.query<Row>(TIME_LINE, [...key, after?.at ?? null, after?.id ?? '', limit + 1])
  if (rows.length === 0 && after === null)
    throw new PushError('device_unknown', `this app has no device "${hwid}"`)
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  const titles = await titlesOf(db, shown)
  return {
    entries: shown.map(({ place: _, id: __, ...entry }) => withTitle(entry, titles)),
    next: last === undefined ? null : Buffer.from(`${last.place} ${last.id}`).toString('base64url'),
  }
}

/** Of the messages of a page, by their ids; one that is gone or has no words has none. */
async function titlesOf(
  db: Queryable,
  entries: readonly TimeLineEntry[],
): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(entries.flatMap(it => it.messageId ?? []))]
  if (ids.length === 0) return new Map()
  const { rows } = await db.query<{ id: string; title: string }>(
    `select id, content ->> 'title' as title from message where id = any($1::uuid[]) and content ->> 'title' <> ''`,
    [ids],
  )
  return new Map(rows.map(({ id, title }) => [id, title]))
}

function withTitle(entry: TimeLineEntry, titles: ReadonlyMap<string, string>): TimeLineEntry {
  const title = titles.get(entry.messageId ?? '')
  return title === undefined ? entry : { ...entry, data: { ...entry.data, title } }
}

/** In microseconds, as PostgreSQL compares; a Date would cut them off and tell an entry twice. */
function readPlace(text: string): { readonly at: string; readonly id: string } {
  const [, at, id] =
    /^((?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([^\0]+)$/s.exec(
      Buffer.from(text, 'base64url').toString(),
    ) ?? []
  if (at === undefined || id === undefined || Number.isNaN(Date.parse(at)))
    throw new PushError(
      'input_invalid',
      'querystring/after: it is none of the values that were given as next',
    )
  return { at, id }
}
