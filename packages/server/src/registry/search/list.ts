/**
 * The list of devices, page by page, and searching it. No index knows who was seen last, since each call of a device would have to
 * write it there. So:
 *
 * - of a base of up to some twenty thousand devices all are read for each page, and the list is in the order in which they were seen last;
 * - a larger one is listed by key, which is no order that means anything, and a page is as quick as in any other base;
 * - what is searched for is looked for by keys first, and then in the whole table, some blocks at a time.
 */
import { type DeviceSummary, PushError } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import { BUCKETS } from '../buckets.ts'
import { STATE_OF_DEVICE } from '../read.ts'
import { isSmallBase } from '../small-base.ts'
import { beginningOf } from './beginning.ts'
import type { Scanned } from './scan.ts'

/** Devices: read whole in 20 ms where they are most of their table, by key in 100. */
const SMALL_BASE = 20_000

export interface DeviceQuery {
  readonly appId: number
  /** A part of the hwid or of the user id; '' = all. */
  readonly search: string
  readonly state: string
  /** '' = all, `other` = those that name none. */
  readonly platform: string
  readonly limit: number
  /** `next` of the page before; '' is the beginning. */
  readonly after: string
  /** ms that a search may take, until the range that it is at; default 150. */
  readonly pageMs?: number
}

/** Throws `input_invalid` for an `after` that was never given. */
export async function listDevices(db: Queryable, query: DeviceQuery): Promise<Scanned<DeviceSummary>> {
  const { appId, after } = query
  if (query.search !== '') return search(db, query)
  if (after.startsWith(BY_KEY)) return listByKey(db, query, keyAfter(after))
  if (after.startsWith(BY_TIME)) return listByTime(db, query, timeAfter(after))
  if (after !== '') throw neverGiven()
  return (await isSmallBase(db, { appId, devices: SMALL_BASE }))
    ? listByTime(db, query, null)
    : listByKey(db, query, { bucket: 0, hwid: '' })
}

const SUMMARY = `
  select d.bucket, d.hwid, d.platform, d.device_model as "deviceModel", d.user_id as "userId", coalesce(newest.state, 'none') as state, newest.reason,
         d.last_seen_at as "lastSeenAt"`
const LAST_SEEN = 'order by d.last_seen_at desc, d.hwid'
/** $1 to $3; `state` is asked of what `STATE_OF_DEVICE` has found. */
const OF_PLATFORM = "d.app_id = $1 and ($2 = '' or coalesce(d.platform, 'other') = $2)"
const OF_STATE = "coalesce(newest.state, 'none') = $3"

type Row = DeviceSummary & { readonly bucket: number }

function told({ bucket: _, ...device }: Row): DeviceSummary {
  return device
}

// ── in the order in which they were seen last ─────────────────────────────────────────────────────────────────────────

const BY_TIME = 't'

interface TimeCursor {
  /** In microseconds, as PostgreSQL compares; a Date would cut them off and show a device twice. */
  readonly at: string
  readonly hwid: string
}

/** The address of each device is looked for where its state is asked for, else only of those that are told. */
function byTime(state: string): string {
  const columns = `to_char(d.last_seen_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`
  const those = `${OF_PLATFORM} and d.bucket between 0 and ${BUCKETS - 1}
       and ($4::timestamptz is null or d.last_seen_at < $4 or d.last_seen_at = $4 and d.hwid > $5)`
  return state === ''
    ? `${SUMMARY}, ${columns} from (select * from device d where ${those} and $3 = '' ${LAST_SEEN} limit $6) d ${STATE_OF_DEVICE} ${LAST_SEEN}`
    : `${SUMMARY}, ${columns} from device d ${STATE_OF_DEVICE} where ${those} and ${OF_STATE} ${LAST_SEEN} limit $6`
}

async function listByTime(
  db: Queryable,
  { appId, platform, state, limit }: DeviceQuery,
  after: TimeCursor | null,
): Promise<Scanned<DeviceSummary>> {
  const place = [after?.at ?? null, after?.hwid ?? null]
  const { rows } = await db.query<Row & { at: string }>(byTime(state), [
    appId,
    platform,
    state,
    ...place,
    limit + 1,
  ])
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  const next = last === undefined ? null : BY_TIME + encoded(`${last.at} ${last.hwid}`)
  return { found: page.map(({ at: _, ...row }) => told(row)), next, searched: 1 }
}

function timeAfter(after: string): TimeCursor {
  const text = decoded(after)
  const [, at, hwid] = /^((?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (.+)$/s.exec(text) ?? []
  if (at === undefined || hwid === undefined || Number.isNaN(Date.parse(at))) throw neverGiven()
  return { at, hwid }
}

// ── by key ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const BY_KEY = 'k'
/** A range that takes less is followed by one twice as wide. */
const QUICK_MS = 20
/** Where few meet the filter a page ends before it is full; and as long as it has nobody, only after as long as a search's. */
const PAGE_MS = 150
const EMPTY_PAGE_MS = 1500

/** A device; all that come after it by key. '' = from the bucket's first on. */
interface KeyCursor {
  readonly bucket: number
  readonly hwid: string
}

/** By the primary key, from the cursor on, in its order: no more is read than is told or does not meet the filter. */
const byKey = (state: string) => `
  ${SUMMARY} from device d ${STATE_OF_DEVICE}
   where ${OF_PLATFORM} and (d.bucket, d.app_id, d.hwid) > ($4::smallint, $1::integer, $5::text) and d.bucket <= $6
     and ${state === '' ? "$3 = ''" : OF_STATE}
   order by d.bucket, d.app_id, d.hwid limit $7`

async function listByKey(
  db: Queryable,
  { appId, platform, state, limit }: DeviceQuery,
  after: KeyCursor,
): Promise<Scanned<DeviceSummary>> {
  const startedAt = performance.now()
  const read = (place: KeyCursor, to: number, wanted: number) =>
    db.query<Row>(byKey(state), [appId, platform, state, place.bucket, place.hwid, to, wanted])
  const endsAt = (hasFound: boolean) => startedAt + (hasFound ? PAGE_MS : EMPTY_PAGE_MS)
  const { found, place } = await readByKey(read, { after, limit, endsAt })
  return {
    found: found.map(told).toSorted(byLastSeen),
    next: place === null ? null : BY_KEY + written(place),
    searched: place === null ? 1 : place.bucket / BUCKETS,
  }
}

interface ByKey {
  readonly after: KeyCursor
  readonly limit: number
  /** Of performance.now(); whether somebody was found. */
  readonly endsAt: (hasFound: boolean) => number
}

/** Ranges of buckets, each twice as wide as the one before as long as they are read quickly. `place` is null at the end. */
async function readByKey(
  read: (place: KeyCursor, to: number, wanted: number) => Promise<{ readonly rows: readonly Row[] }>,
  { after, limit, endsAt }: ByKey,
): Promise<{ readonly found: readonly Row[]; readonly place: KeyCursor | null }> {
  const found: Row[] = []
  let place: KeyCursor | null = after
  for (let width = 1; place !== null && found.length < limit; ) {
    const rangeAt = performance.now()
    const to: number = Math.min(BUCKETS, place.bucket + width) - 1
    found.push(...(await read(place, to, limit - found.length)).rows)
    const last = found.at(-1)
    if (found.length === limit && last !== undefined) place = { bucket: last.bucket, hwid: last.hwid }
    else place = to + 1 < BUCKETS ? { bucket: to + 1, hwid: '' } : null
    const now = performance.now()
    if (now > endsAt(found.length > 0)) break
    if (now - rangeAt < QUICK_MS) width *= 2
  }
  return { found, place }
}

function written({ bucket, hwid }: KeyCursor): string {
  return encoded(`${bucket} ${hwid}`)
}

/** What stands behind the letter. */
function keyAfter(after: string): KeyCursor {
  const [, bucket, hwid = ''] = /^(\d{1,4}) (.*)$/s.exec(decoded(after)) ?? []
  if (bucket === undefined || Number(bucket) >= BUCKETS) throw neverGiven()
  return { bucket: Number(bucket), hwid }
}

// ── what is searched for ──────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A search goes three ways, one after the other, and what one has told the next ones leave out:
 *
 * 1. hwids that begin with the text, by the primary key, once in each bucket;
 * 2. users that do, by the index device_of_user, where they are few;
 * 3. the rest, in any case and wherever the text stands: no index knows that, so the table is read as it lies, some blocks at a time.
 *    A device that is written anew meanwhile may come to lie where the search has been; an order that knows no such gap (by key) took
 *    four times as long.
 */
const BY_BEGINNING = 'h'
const BY_USER = 'u'
const BY_PLACE = 'p'

/** Of a search: less than people wait for, with the range that it is at. */
const SEARCH_PAGE_MS = 150
const FIRST_BLOCKS = 256
/** Of more the third way finds some soon. */
const DEVICES_OF_USERS_READ = 1000

interface Searched {
  readonly appId: number
  readonly platform: string
  readonly state: string
  readonly limit: number
  /** The text, as patterns of LIKE. */
  readonly beginning: string
  readonly part: string
  /** When the page is to end; of performance.now(). */
  readonly endsAt: number
}

interface Way {
  readonly found: readonly Row[]
  /** Where to go on, which may be on another way; null: nowhere. */
  readonly next: string | null
  /** 0 to 1 */
  readonly searched: number
}

async function search(db: Queryable, query: DeviceQuery): Promise<Scanned<DeviceSummary>> {
  const { search: text, limit, pageMs = SEARCH_PAGE_MS } = query
  const beginning = beginningOf(text)
  const asked = { ...query, beginning, part: `%${beginning}`, endsAt: performance.now() + pageMs }
  const found: Row[] = []
  let way: Way = { found: [], next: query.after || BY_BEGINNING, searched: 0 }
  do {
    way = await goOn(db, { ...asked, limit: limit - found.length }, way.next ?? '')
    found.push(...way.found)
  } while (way.next !== null && found.length < limit && performance.now() < asked.endsAt)
  return { found: found.map(told).toSorted(byLastSeen), next: way.next, searched: way.searched }
}

function goOn(db: Queryable, asked: Searched, after: string): Promise<Way> {
  if (after === BY_BEGINNING) return byBeginning(db, asked, { bucket: 0, hwid: '' })
  if (after.startsWith(BY_BEGINNING)) return byBeginning(db, asked, keyAfter(after))
  return after === BY_USER ? byUser(db, asked) : byPlace(db, asked, placeAfter(after))
}

/** A bucket whose devices were told has others where `$5` is the last of them. */
const BEGINNING = (state: string): string => `
  ${SUMMARY}
    from generate_series($4::integer, $6::integer) b (bucket) cross join lateral (
      select * from device d
       where ${OF_PLATFORM} and d.bucket = b.bucket::smallint and d.hwid like $8 and (b.bucket > $4 or d.hwid > $5)
       order by d.hwid ${state === '' ? 'limit $7' : ''}) d ${STATE_OF_DEVICE}
   where ${state === '' ? "$3 = ''" : OF_STATE}
   order by d.bucket, d.hwid limit $7`

async function byBeginning(db: Queryable, asked: Searched, after: KeyCursor): Promise<Way> {
  const { appId, platform, state, beginning, limit, endsAt } = asked
  const read = (place: KeyCursor, to: number, wanted: number) =>
    db.query<Row>(BEGINNING(state), [appId, platform, state, place.bucket, place.hwid, to, wanted, beginning])
  const { found, place } = await readByKey(read, { after, limit, endsAt: () => endsAt })
  return { found, next: place === null ? BY_USER : BY_BEGINNING + written(place), searched: 0 }
}

const USERS = (state: string): string => `
  ${SUMMARY}
    from (select *, count(*) over () as read
            from (select * from device where app_id = $1 and user_id like $4 limit ${DEVICES_OF_USERS_READ + 1}) u) d ${STATE_OF_DEVICE}
   where d.read <= ${DEVICES_OF_USERS_READ} and ${OF_PLATFORM} and d.hwid not like $4 and ${state === '' ? "$3 = ''" : OF_STATE}
   limit $5`

/** All of them or none: those that a page has no room for are told on the way that reads all. */
async function byUser(db: Queryable, { appId, platform, state, beginning, limit }: Searched): Promise<Way> {
  const { rows } = await db.query<Row>(USERS(state), [appId, platform, state, beginning, limit + 1])
  const isTold = rows.length > 0 && rows.length <= limit
  return { found: isTold ? rows : [], next: placeCursor({ hasUsers: isTold, after: '(0,0)' }), searched: 0 }
}

interface Place {
  /** Users that begin so were told. */
  readonly hasUsers: boolean
  /** After this row of the table: `(block,row)`. */
  readonly after: string
}

/** Rows lie in the order of their ctid; whether users that begin so are told: $6. */
const PLACE = (state: string): string => {
  return `
  ${SUMMARY}, d.place::text as place from (
      select d.ctid as place, d.* from device d
       where ${OF_PLATFORM} and d.ctid > $7::tid and d.ctid < $8::tid and (d.hwid ilike $5 or d.user_id ilike $5)
         and d.hwid not like $4 and not ($6 and coalesce(d.user_id like $4, false)) ${state === '' ? 'order by d.ctid limit $9' : ''}) d ${STATE_OF_DEVICE}
   where ${state === '' ? "$3 = ''" : OF_STATE} order by d.place limit $9`
}

async function byPlace(db: Queryable, asked: Searched, { hasUsers, after }: Place): Promise<Way> {
  const { appId, platform, state, beginning, part, limit, endsAt } = asked
  const constant = [appId, platform, state, beginning, part, hasUsers]
  const blocks = await blocksOfDevices(db)
  const found: Row[] = []
  let place = after
  for (let width = FIRST_BLOCKS; blockOf(place) < blocks && found.length < limit; ) {
    const startedAt = performance.now()
    const until = `(${blockOf(place) + width},0)`
    const values = [...constant, place, until, limit - found.length]
    const { rows } = await db.query<Row & { readonly place: string }>(PLACE(state), values)
    found.push(...rows.map(({ place: _, ...row }) => row))
    const last = found.length < limit ? undefined : rows.at(-1)
    place = last?.place ?? until
    const now = performance.now()
    if (now >= endsAt) break
    if (now - startedAt < QUICK_MS) width *= 2
  }
  const block = blockOf(place)
  if (block >= blocks) return { found, next: null, searched: 1 }
  return { found, next: placeCursor({ hasUsers, after: place }), searched: block / blocks }
}

function blockOf(place: string): number {
  return Number(/\d+/.exec(place)?.[0])
}

async function blocksOfDevices(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ blocks: number }>(
    "select (pg_relation_size('device') / current_setting('block_size')::bigint)::integer as blocks",
  )
  return rows[0]?.blocks ?? 0
}

function placeCursor({ hasUsers, after }: Place): string {
  return `${BY_PLACE}${hasUsers ? 1 : 0}${after.slice(1, -1).replace(',', '.')}`
}

function placeAfter(after: string): Place {
  const [, hasUsers, block, row] = /^p([01])(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,3})$/.exec(after) ?? []
  if (block === undefined) throw neverGiven()
  return { hasUsers: hasUsers === '1', after: `(${block},${row})` }
}

function byLastSeen(one: DeviceSummary, other: DeviceSummary): number {
  return Date.parse(other.lastSeenAt) - Date.parse(one.lastSeenAt) || (one.hwid < other.hwid ? -1 : 1)
}

// ── where a page begins ───────────────────────────────────────────────────────────────────────────────────────────────

/** Hwids hold any character. */
function encoded(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function decoded(after: string): string {
  const text = Buffer.from(after.slice(1), 'base64url').toString()
  if (text.includes('\0')) throw neverGiven() // PostgreSQL has no such text
  return text
}

function neverGiven(): PushError {
  return new PushError('input_invalid', 'querystring/after: it is none of the values that were given as next')
}
