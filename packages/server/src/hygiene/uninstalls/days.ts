/**
 * Days of knocks. For each app and day (UTC) there is one row and one message, made in one transaction; so nobody is knocked at
 * twice, however many servers there are and whatever starts anew. Its batches are due over the day, range of buckets by range,
 * and go the way of any other: leases, retries, holds, the guard (R16), what gateways answer.
 *
 *   ──opened──▶ its batches become due, one after the other ──the last one done, or the day over──▶ closed ──30 days──▶ only its counts
 *
 * What a day has not come to when it is over is not made up for: a message of the day before never leaves. A batch whose time
 * had long passed already when the day was opened is not made.
 *
 * A knock is now or never (no storing): Apple stores one push for an app and device, Google a hundred, and one that nobody sees must
 * not push out one that somebody is to see.
 * Source: Apple, "Pushing background updates to your App"; "Sending notification requests to APNs" (storage); Firebase, "Lifetime of a message".
 */
import { createHash } from 'node:crypto'
import type { ConclusionCount, KnockDay, TrackingMode } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { estimateAddresses, rangesFor } from '../../dispatch/plan.ts'
import { cancelIn, lockMessage } from '../../messages/control.ts'
import { LANES } from '../../messages/lanes.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Database, Queryable, Transaction } from '../../store/database.ts'
import { knockOf } from './doubt.ts'

/** Browsers allow no silent push, and say by themselves when a subscription ends; Huawei's phones are none of the two. */
export const TRACKED = ['apns', 'fcm'] as const

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What is due last has half an hour, and retries of its own. */
const SPREAD_MS = 23.5 * HOUR_MS
/** A day is opened by the minute, and a server may just be starting. */
const OPENED_WITHIN_MS = 15 * 60_000
/** Before its end, so that what is left is cut off in one piece, instead of telling of each device that its time is over. */
const CLOSE_AHEAD_MS = 10 * 60_000
/** Of all but small bases. */
const RANGES_USUAL = 32
/** Fewer at a time would tell the mass-failure guard too little: it holds deaths from ten on (R16). */
const ADDRESSES_PER_RANGE_MIN = 64
/** A sample of few buckets tells little of fewer. */
const COUNTED_MAX = 20_000
/** What a stop has held up of a big base leaves no faster than ten times its usual pace, and no slower than this, a second. */
const CATCH_UP = 10
const RATE_MIN = 500
const RATE_MAX = 100_000
/** Less is gone within a minute anyway. */
const PACED_MIN = 60 * RATE_MIN
const KEEP_DAYS = 30
/** For whom gateways took a knock is asked for so long (doubt.ts); at ten million a day is 80 MB. */
const KEEP_ACCEPTANCES_DAYS = 2

/** ms. */
function dayBegin(at: number): number {
  return Math.floor(at / DAY_MS) * DAY_MS
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/**
 * When the range that begins with this bucket is due. An hour earlier each day, so that a phone which is off at night is awake on
 * other days; two knocks are 23 hours apart at least.
 */
export function knockAt(begin: number, bucketFrom: number): number {
  const share = bucketFrom / BUCKETS - begin / DAY_MS / 24
  return begin + Math.round((share - Math.floor(share)) * SPREAD_MS)
}

interface Tracked {
  readonly appId: number
  readonly mode: TrackingMode
  readonly quietDays: number
}

/** Opens the day of each app that has none yet. Returns how many. Safe to run in several processes at once. */
export async function openDays(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<Tracked>(
    `select t.app_id as "appId", t.mode, t.quiet_days as "quietDays" from uninstall_tracking t
       join app on app.id = t.app_id and app.archived_at is null
      where t.enabled and not exists (select from knock_day k where k.app_id = t.app_id and k.day = $1) order by t.app_id`,
    [dayOf(at)],
  )
  let opened = 0
  for (const tracked of rows) if (await db.transaction(tx => openDay(tx, tracked, at))) opened++
  return opened
}

const INSERT_DAY = `
  insert into knock_day (app_id, day, mode, message_id, opened_at)
  select $1, $2, mode, $3, $4 from uninstall_tracking t join app on app.id = t.app_id and app.archived_at is null
   where t.app_id = $1 and t.enabled for share of t for key share of app
  on conflict do nothing`

const INSERT_MESSAGE = `
  insert into message (id, app_id, state, target, content, ttl_seconds, priority, send_at, request_hash, created_at, planned_at, rules,
                       lane, knock)
  values ($1, $2, 'sending', '{"all":true}', '{"silent":true}', ${DAY_MS / 1000}, 'normal', $3, $4, $5, $5, $6, ${LANES.campaign}, $7)`

const INSERT_BATCHES = `
  insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, lane)
  select $1, $2, $3, "from", "to", due_at, ${LANES.campaign}
    from unnest($4::smallint[], $5::smallint[], $6::timestamptz[]) as r ("from", "to", due_at)`

/** False when another process has opened it, or somebody has switched it off. */
async function openDay(tx: Queryable, { appId, mode, quietDays }: Tracked, at: number): Promise<boolean> {
  const messageId = uuidv7()
  const begin = dayBegin(at)
  const { rowCount } = await tx.query(INSERT_DAY, [appId, dayOf(at), messageId, new Date(at)])
  if (rowCount === 0) return false
  const estimates = await estimateServed(tx, appId)
  const addresses = estimates.reduce((sum, it) => sum + it.addresses, 0)
  await tx.query(INSERT_MESSAGE, [
    messageId,
    appId,
    new Date(begin),
    createHash('sha256').update(messageId).digest(), // nobody asked for it by a key
    new Date(at),
    JSON.stringify(rulesFor(addresses)),
    JSON.stringify(await knockOf(tx, { appId, at, mode, quietDays })),
  ])
  for (const it of estimates) {
    const ranges = rangesOf(it.addresses)
      .map(range => ({ ...range, dueAt: knockAt(begin, range.from) }))
      .filter(({ dueAt }) => dueAt >= at - OPENED_WITHIN_MS)
    await tx.query(INSERT_BATCHES, [
      messageId,
      appId,
      it.provider,
      ranges.map(range => range.from),
      ranges.map(range => range.to),
      ranges.map(range => new Date(range.dueAt)),
    ])
  }
  return true
}

const COUNT_FEW = `
  select count(*)::integer as addresses from (
    select from address a
     where a.app_id = $1 and a.provider = $2 and a.kind = 'alert' and a.state in ('active', 'suspect') limit ${COUNTED_MAX}) few`

/** Of a gateway without any credential each device would be told of, day after day. Uses the index address_sendable. */
async function estimateServed(tx: Queryable, appId: number): ReturnType<typeof estimateAddresses> {
  const { rows } = await tx.query<{ gateway: string }>(
    'select distinct gateway from credential where app_id = $1',
    [appId],
  )
  const providers = TRACKED.filter(it => rows.some(({ gateway }) => gateway === it))
  const estimates = await estimateAddresses(tx, { appId, providers })
  return Promise.all(
    estimates.map(async ({ provider, addresses }) => {
      const few =
        (await tx.query<{ addresses: number }>(COUNT_FEW, [appId, provider])).rows[0]?.addresses ?? 0
      return { provider, addresses: few < COUNTED_MAX ? few : Math.max(few, addresses) }
    }),
  )
}

function rangesOf(addresses: number): ReturnType<typeof rangesFor> {
  return rangesFor(addresses, Math.min(RANGES_USUAL, Math.max(1, addresses / ADDRESSES_PER_RANGE_MIN)))
}

/** Nothing is counted or kept back by the app's rules, since nobody sees it. */
function rulesFor(addresses: number): object {
  const kind = 'transactional'
  if (addresses < PACED_MIN) return { kind }
  const usual = (addresses * 1000) / SPREAD_MS
  return { kind, sendRate: Math.min(RATE_MAX, Math.max(RATE_MIN, Math.ceil(CATCH_UP * usual))) }
}

interface OpenDay {
  readonly appId: number
  readonly day: string
  readonly messageId: string
}

/** Uses the index knock_day_open. */
const TO_CLOSE = `
  select k.app_id as "appId", k.day::text as day, k.message_id as "messageId"
    from knock_day k
    join uninstall_tracking t on t.app_id = k.app_id
    join message m on m.id = k.message_id
   where k.closed_at is null and (not t.enabled or k.day <= $1 or m.finished_at is not null)
   order by k.day, k.app_id`

export interface Closed {
  readonly days: number
  readonly pushed: number
  readonly accepted: number
  readonly dead: number
}

/** Days that are over, done or not wanted any more; and what they came to. Safe to run in several processes at once. */
export async function closeDays(db: Database, at: number): Promise<Closed> {
  const { rows } = await db.query<OpenDay>(TO_CLOSE, [dayOf(at + CLOSE_AHEAD_MS - DAY_MS)])
  const closed = { days: 0, pushed: 0, accepted: 0, dead: 0 }
  for (const day of rows) {
    const counts = await db.transaction(tx => closeDay(tx, day, at))
    if (counts === undefined) continue
    closed.days++
    for (const name of ['pushed', 'accepted', 'dead'] as const) closed[name] += counts[name]
  }
  return closed
}

/** Undefined when another process has closed it. */
async function closeDay(
  tx: Transaction,
  { appId, day, messageId }: OpenDay,
  at: number,
): Promise<Counts | undefined> {
  const key = { appId, id: messageId }
  const found = await lockMessage(tx, key)
  const { rows } = await tx.query<{ counts: Counts }>(
    `update knock_day k set closed_at = $3 where k.app_id = $1 and k.day = $2 and k.closed_at is null
     returning (select to_jsonb(c) from (${COUNTS}) c) as counts`,
    [appId, day, new Date(at)],
  )
  if (found.state !== 'done') await cancelIn(tx, { key, found, at })
  tx.announce('control')
  return rows[0]?.counts
}

const COUNTS = `
  select coalesce(sum(targeted - skipped), 0)::integer as pushed, coalesce(sum(accepted), 0)::integer as accepted,
         coalesce(sum(dead), 0)::integer as dead, coalesce(sum(dead_held), 0)::integer as "deadHeld",
         coalesce(sum(failed + uncertain), 0)::integer as failed, coalesce(sum(cut_off), 0)::integer as "cutOff"
    from batch where message_id = k.message_id`

const DAYS = `
  select k.day::text as day, k.mode, k.message_id as "messageId", k.opened_at as "openedAt",
         k.opened_at > k.day::timestamp at time zone 'UTC' + interval '${OPENED_WITHIN_MS / 60_000} minutes' as "isPartial", k.closed_at as "closedAt",
         coalesce(k.counts, (select to_jsonb(c) from (${COUNTS}) c)) as counts
    from knock_day k where k.app_id = $1 order by k.day desc limit $2`

type Counts = Pick<KnockDay, 'pushed' | 'accepted' | 'dead' | 'deadHeld' | 'failed' | 'cutOff'>

/** Newest first. */
export async function listDays(
  db: Queryable,
  { appId, limit }: { readonly appId: number; readonly limit: number },
): Promise<KnockDay[]> {
  const { rows } = await db.query<Omit<KnockDay, keyof Counts> & { counts: Counts }>(DAYS, [appId, limit])
  return rows.map(({ counts, ...day }) => ({ ...day, ...counts }))
}

/** Newest first; of so many days before now. */
export async function listConclusions(
  db: Queryable,
  { appId, days, at }: { readonly appId: number; readonly days: number; readonly at: number },
): Promise<ConclusionCount[]> {
  const { rows } = await db.query<ConclusionCount>(
    `select day::text as day, provider, uninstalled, replaced from conclusion_tally
      where app_id = $1 and day > $2::date - $3::integer order by conclusion_tally.day desc, provider`,
    [appId, dayOf(at), days],
  )
  return rows
}

/** What the ledger does not need: whom gateways took a knock for, and then all but its counts. */
export async function forgetDays(db: Database, at: number): Promise<number> {
  await db.query(
    `delete from acceptance where message_id = any(array(
       select message_id from knock_day where counts is null and day < $1::date - ${KEEP_ACCEPTANCES_DAYS}))`,
    [dayOf(at)],
  )
  const { rows } = await db.query<OpenDay>(
    `select k.app_id as "appId", k.day::text as day, k.message_id as "messageId"
       from knock_day k join message m on m.id = k.message_id
      where k.counts is null and k.day < $1::date - ${KEEP_DAYS} and m.finished_at is not null order by k.day, k.app_id`,
    [dayOf(at)],
  )
  for (const day of rows) await db.transaction(tx => forgetDay(tx, day))
  return rows.length
}

async function forgetDay(tx: Queryable, { appId, day, messageId }: OpenDay): Promise<void> {
  await tx.query(
    `update knock_day k set counts = (select to_jsonb(c) from (${COUNTS}) c) where k.app_id = $1 and k.day = $2`,
    [appId, day],
  )
  for (const table of ['delivery_exception', 'acceptance', 'address_served', 'batch'])
    await tx.query(`delete from ${table} where message_id = $1`, [messageId])
  await tx.query('delete from message where id = $1', [messageId])
}
