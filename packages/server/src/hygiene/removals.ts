/**
 * The feed of removals: what took addresses out of the base, and what became of the devices of those that died
 * (uninstalls/conclusions.ts), from the ledger.
 *
 * It goes by transaction number and then by entry. Numbers of transactions that still run are above the snapshot's oldest,
 * and the feed stops below it, so nothing that commits late comes in behind a reader. A transaction that runs for long
 * holds the feed up meanwhile. One device's entries are in the order in which they happened: its rows are locked.
 *
 * After a crash PostgreSQL gives numbers away again of which nothing had come to its log. No reader's place is of such a number: it is
 * that of an entry which was read, an entry is read when its commit is in the log and not before (what leaves without a flush, plans and
 * frames, writes no entry), and all later numbers are above those that the log names. Places that are made of a snapshot are stored by a
 * transaction whose own number is not below them: they outlive a crash only together with it. Where entries themselves are lost, with
 * synchronous_commit off or by a failover to a standby that lagged behind, readers begin again by `from`.
 */
import { CONCLUSIONS, PushError, REMOVAL_EVENTS, type Removal } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { type ExportFormat, FORMS } from '../transfer/csv.ts'

/** The literal list of the partial indexes ledger_removal_feed and ledger_removal_time. */
export const IS_REMOVAL = `l.event in (${REMOVAL_EVENTS.map(event => `'${event}'`).join(', ')})`
/** The same of ledger_conclusion_feed and ledger_conclusion_time. */
const IS_CONCLUSION = `l.event in (${CONCLUSIONS.map(event => `'${event}'`).join(', ')})`
/** What the feed tells, each by an index of its own. */
const PARTS = [IS_REMOVAL, IS_CONCLUSION]
export const FEED_PLACE = "coalesce(l.xid, '0'::xid8)"

/** A place in the feed; the next entry is behind it. */
export interface FeedPlace {
  readonly xid: string
  readonly ledgerId: number
}

const FEED_START: FeedPlace = { xid: '0', ledgerId: 0 }

export interface FeedQuery {
  readonly appId: number
  readonly after: FeedPlace
  /** Inclusive; null = open. */
  readonly upTo: FeedPlace | null
  readonly limit: number
  /** ms; null = open. */
  readonly from: number | null
  readonly to: number | null
  /** Empty = all. */
  readonly events: readonly string[]
  readonly reasons: readonly string[]
  /** Oldest first unless given. */
  readonly order?: FeedOrder
}

export type FeedOrder = 'oldest' | 'newest'

/** Everything, as the webhooks are told of it. */
export const ALL_REMOVALS = { upTo: null, from: null, to: null, events: [], reasons: [] } as const

const SORTS: Readonly<Record<FeedOrder, string>> = { oldest: 'asc', newest: 'desc' }

const readPart = (isOfPart: string, sort: string) => `
  select ${FEED_PLACE} as xid, l.id as number, l.hwid, l.at, l.event, l.reason, l.provider,
         nullif(l.environment, '') as environment, l.kind, l.address_end as "addressEnd",
         l.evidence ->> 'messageId' as "messageId"
    from ledger l
   where l.app_id = $1 and ${isOfPart}
     and (${FEED_PLACE}, l.id) > ($2::xid8, $3::bigint)
     and ${FEED_PLACE} < pg_snapshot_xmin(pg_current_snapshot())
     and ($9::xid8 is null or (${FEED_PLACE}, l.id) <= ($9::xid8, $10::bigint))
     and ($4::timestamptz is null or l.at >= $4) and ($5::timestamptz is null or l.at < $5)
     and (cardinality($6::text[]) = 0 or l.event = any($6)) and (cardinality($7::text[]) = 0 or l.reason = any($7))
   order by ${FEED_PLACE} ${sort}, l.id ${sort}
   limit $8`

const readInOrder = (sort: string) => `
  select xid::text || '-' || number as id, hwid, at, event, reason, provider, environment, kind, "addressEnd", "messageId"
    from (${PARTS.map(part => `(${readPart(part, sort)})`).join(' union all ')}) l
   order by xid ${sort}, number ${sort}
   limit $8`

export async function readRemovals(db: Queryable, query: FeedQuery): Promise<Removal[]> {
  const { rows } = await db.query<Removal>(readInOrder(SORTS[query.order ?? 'oldest']), [
    query.appId,
    query.after.xid,
    query.after.ledgerId,
    dateOf(query.from),
    dateOf(query.to),
    query.events,
    query.reasons,
    query.limit,
    query.upTo?.xid ?? null,
    query.upTo?.ledgerId ?? null,
  ])
  return rows
}

const FIRST_OF = (isOfPart: string) =>
  `(select min(${FEED_PLACE}::text::numeric) from ledger l where l.app_id = $1 and ${isOfPart} and l.at >= $2)`

/**
 * The place before the first removal at `from` or later; where to begin, instead of at those of years ago. `min` of xid8 came
 * with PostgreSQL 16.
 */
export async function placeAt(
  db: Queryable,
  { appId, from }: { readonly appId: number; readonly from: number },
): Promise<FeedPlace> {
  const { rows } = await db.query<{ xid: string }>(
    `select least(${PARTS.map(FIRST_OF).join(', ')}, pg_snapshot_xmin(pg_current_snapshot())::text::numeric)::text as xid`,
    [appId, new Date(from)],
  )
  return { ...FEED_START, ...rows[0] }
}

export interface RemovalExport extends Pick<FeedQuery, 'appId' | 'to' | 'events' | 'reasons'> {
  readonly from: number
  readonly format: ExportFormat
}

const EXPORTED_AT_ONCE = 1000
const CSV_COLUMNS = [
  'id',
  'at',
  'hwid',
  'event',
  'reason',
  'provider',
  'environment',
  'kind',
  'addressEnd',
  'messageId',
] as const satisfies readonly (keyof Removal)[]

/** All of them as text, piece by piece, in the order of the feed. */
export async function* exportRemovals(db: Queryable, wanted: RemovalExport): AsyncGenerator<string> {
  const { format, ...query } = wanted
  const { mark, line } = FORMS[format]
  if (line !== undefined) yield mark + line(CSV_COLUMNS)
  let after = await placeAt(db, query)
  for (;;) {
    const removals = await readRemovals(db, { ...query, after, upTo: null, limit: EXPORTED_AT_ONCE })
    yield removals
      .map(it => (line === undefined ? `${JSON.stringify(it)}\n` : line(CSV_COLUMNS.map(name => it[name]))))
      .join('')
    const last = removals.at(-1)
    if (last === undefined || removals.length < EXPORTED_AT_ONCE) return
    after = readPlace(last.id)
  }
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}

/** Reads what a removal's `id` says; '' is the start. Throws `input_invalid`. */
export function readPlace(id: string): FeedPlace {
  if (id === '') return FEED_START
  const [, xid, ledgerId] = /^(\d{1,19})-(\d{1,15})$/.exec(id) ?? []
  if (xid === undefined || ledgerId === undefined)
    throw new PushError('input_invalid', 'after is none of the ids of the feed')
  return { xid, ledgerId: Number(ledgerId) }
}

/** The place just before this one. */
export function before({ xid, ledgerId }: FeedPlace): FeedPlace {
  return { xid, ledgerId: ledgerId - 1 }
}

/** The id of a place. */
export function idOf({ xid, ledgerId }: FeedPlace): string {
  return `${xid}-${ledgerId}`
}

const XMAX = 'pg_snapshot_xmax(pg_current_snapshot())'
const MENDED_AT_ONCE = 5000

/** By the indexes of the feed; nothing is found where nothing was moved. */
const forgetNumbers = (isOfPart: string) => `
  with ahead as (
    select l.bucket, l.app_id, l.hwid, l.id
      from app
     cross join lateral (
       select l.* from ledger l
        where l.app_id = app.id and ${isOfPart} and ${FEED_PLACE} > ${XMAX}
        order by ${FEED_PLACE}, l.id limit ${MENDED_AT_ONCE}) l
     limit ${MENDED_AT_ONCE}
  )
  update ledger l set xid = null
    from ahead a
   where l.bucket = a.bucket and l.app_id = a.app_id and l.hwid = a.hwid and l.id = a.id`

/**
 * A database that was moved by dump and restore counts its transactions anew: the numbers of before lie ahead, and the
 * feed would stop for years. They are forgotten; entries without one come first, in their order, and those who stand
 * behind one go on from its entry. Safe to run in several processes at once.
 */
export async function mendPlaces(db: Queryable): Promise<void> {
  for (const part of PARTS)
    for (;;) {
      const { rowCount } = await db.query(forgetNumbers(part))
      if (rowCount < MENDED_AT_ONCE) break
    }
  await db.query(`update webhook_feed set xid = '0' where xid > ${XMAX}`)
  await db.query(
    `update removal_undo set cursor_xid = '0', cursor_id = 0, until_xid = pg_current_xact_id()
      where state = 'running' and until_xid > ${XMAX}`,
  )
  await db.query(
    `update webhook_event
        set data = data || jsonb_build_object('after', regexp_replace(data ->> 'after', '^[0-9]+', '0'),
                                              'upTo', regexp_replace(data ->> 'upTo', '^[0-9]+', '0'))
      where type = 'base.removals' and split_part(data ->> 'upTo', '-', 1)::numeric > ${XMAX}::text::numeric`,
  )
}

export interface RemovalCount {
  readonly day: string
  readonly provider: string
  readonly event: string
  readonly reason: string | null
  readonly count: number
}

export interface CountedTime {
  readonly appId: number
  /** Of whose calendar the days are: the app's, as in the statistics. */
  readonly timeZone: string
  /** ms. */
  readonly from: number
  readonly to: number
}

/** R32: by day and the gateway's own word; nothing is called an uninstallation. */
export async function countRemovals(
  db: Queryable,
  { appId, timeZone, from, to }: CountedTime,
): Promise<RemovalCount[]> {
  const { rows } = await db.query<RemovalCount>(
    `select to_char(l.at at time zone $4, 'YYYY-MM-DD') as day, l.provider, l.event, l.reason, count(*)::integer as count
       from ledger l
      where l.app_id = $1 and ${IS_REMOVAL} and l.at >= $2 and l.at < $3
      group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
    [appId, new Date(from), new Date(to), timeZone],
  )
  return rows
}

const UNREGISTERED = `
  select distinct l.hwid
    from ledger l
   where l.app_id = $1 and ${IS_REMOVAL} and l.event <> 'removal_undone' and l.at >= $2 and l.at < $3
     and not exists (select from address a
                      where a.bucket = l.bucket and a.app_id = l.app_id and a.hwid = l.hwid
                        and a.state in ('active', 'suspect'))
   order by 1
   limit $4`

/** Devices that lost an address in this time and have none since. */
export async function listUnregistered(
  db: Queryable,
  query: { readonly appId: number; readonly from: number; readonly to: number; readonly limit: number },
): Promise<string[]> {
  const { appId, from, to, limit } = query
  const values = [appId, new Date(from), new Date(to), limit]
  return (await db.query<{ hwid: string }>(UNREGISTERED, values)).rows.map(row => row.hwid)
}
