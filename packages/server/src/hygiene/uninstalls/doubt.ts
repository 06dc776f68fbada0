/**
 * Doubt: what speaks for it that a device's app is gone, though no gateway has said so, and how much. One piece of SQL says it of
 * the devices that are knocked at, of those that are counted beforehand, and of one that somebody looks at.
 *
 *   suspect     a gateway has doubted the address (R1, R12, R13)
 *   quiet       no sign of life for three times as long as is usual between its days of use; where too little is known of
 *               it, for the app's `quietDays`
 *   unanswered  three messages or more were accepted since its last sign, of a device that used to send receipts
 *
 * A sign of life is a call of the device, an open, an event, or a receipt. What a back end says of it is none (R15).
 */
import type { DoubtView, TrackingMode } from '@roost/protocol'
import { QUIET_DAYS_DEFAULT } from '@roost/protocol'
import { KEY_BYTES, memberKey } from '../../inbox/member-key.ts'
import { bucketOf } from '../../registry/buckets.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { writeMoment } from '../../time.ts'

/** A message of which it is known whom gateways took it for. */
export interface SentMessage {
  readonly id: string
  /** ISO 8601. */
  readonly at: string
  /** So many buckets a row of its acceptances spans at most, less one. */
  readonly width: number
}

/** What the knocks of a day go by, as it was when the day was opened. */
export interface Knock {
  readonly mode: TrackingMode
  readonly quietDays: number
  /** People's, the newest. */
  readonly messages: readonly SentMessage[]
  /** Knocks of the days before. */
  readonly knocks: readonly SentMessage[]
}

/** Signs of life are looked at for so long. */
const SIGNS_DAYS = 90
/** Fewer days of use tell no habit. */
const HABIT_DAYS_MIN = 4
const HABIT_FACTOR = 3
/** Whoever uses an app several times a day may be away for a weekend. */
const QUIET_DAYS_MIN = 3
const UNANSWERED_MIN = 3
/** After a week of doubt a device is knocked at once a week: of the last ones Apple will hear late, and most are just not used. */
const WEEK = 7

/** How much each of them makes an uninstallation likely by itself; together as independent ones do. */
const OF_SUSPECT = 0.5
const OF_QUIET = { each: 0.3, most: 0.6 }
const OF_UNANSWERED = { answeredStill: 0.7, most: 0.8 }
/** Google says at once when an app is gone, so a knock that it took since then speaks against. */
const OF_TAKEN_BY_FCM = 0.2
const OF_DEAD = 0.9
const OF_UNINSTALLED = 0.98

/** More make it no more likely. */
const MESSAGES_MAX = 5
const MESSAGES_DAYS = 30

export interface DoubtAt {
  readonly knock: Knock
  readonly at: number
}

/** Adds a value and gives back its number, as `$7`. */
type Parameter = (value: unknown) => string

/**
 * SQL beside `device d` and `address a`, the living one: `q` has last_sign, quiet and allowed (days), unanswered, confidence,
 * is_doubted, and is_due: it is knocked at today. Where many are looked at, `mayBeDoubted` comes first.
 *
 * Measured with 100,000 devices and 650,000 receipts: some 15 µs a device, and 25 more where it is asked what it has not answered, which
 * is looked for in 4 KB of acceptances for each message.
 */
export function doubtJoin({ knock, at }: DoubtAt, parameter: Parameter): string {
  const now = `${parameter(new Date(at))}::timestamptz`
  const quietDays = `${parameter(knock.quietDays)}::float`
  // One value each: the text stays the same however many there are.
  const messages = `${parameter(JSON.stringify(knock.messages))}::jsonb`
  const enough = `${parameter(knock.messages[UNANSWERED_MIN - 1]?.at ?? '-infinity')}::timestamptz`
  const knocks = `${parameter(JSON.stringify(knock.knocks))}::jsonb`
  const today = `(${now} at time zone 'UTC')::date`
  return `cross join lateral (
    select w.*, w.is_doubted and (a.state = 'suspect' or w.doubted_days < ${WEEK} or w.quiet_days % ${WEEK} = 0) as is_due,
           round((1 - (1 - w.of_suspect) * (1 - (1 - (1 - w.of_quiet) * (1 - w.of_unanswered))
             * case when w.is_doubted and a.provider = 'fcm' and ${countTaken(knocks, 'w.last_sign')} > 0
                    then ${OF_TAKEN_BY_FCM} else 1 end))::numeric, 2)::float as confidence
      from (
        select u.*,
               case when a.state = 'suspect' then ${OF_SUSPECT} else 0 end as of_suspect,
               case when u.quiet >= u.allowed
                    then least(${OF_QUIET.most}, ${OF_QUIET.each} * u.quiet / u.allowed) else 0 end as of_quiet,
               case when u.unanswered >= ${UNANSWERED_MIN}
                    then least(${OF_UNANSWERED.most}, 1 - ${OF_UNANSWERED.answeredStill} ^ u.unanswered) else 0 end as of_unanswered,
               coalesce(a.state = 'suspect', false) or u.quiet >= u.allowed or u.unanswered >= ${UNANSWERED_MIN} as is_doubted,
               u.quiet_days - case when u.quiet >= u.allowed then floor(u.allowed) else 1 end as doubted_days
          from (
            select s.*, case when s.receipt_days >= ${UNANSWERED_MIN} and s.quiet >= 1 and s.last_sign < ${enough}
                             then ${countTaken(messages, 's.last_sign')} else 0 end as unanswered
              from (
                select t.last_sign, t.receipt_days,
                       extract(epoch from ${now} - t.last_sign)::float / 86400 as quiet,
                       ${today} - (t.last_sign at time zone 'UTC')::date as quiet_days,
                       case when t.days >= ${HABIT_DAYS_MIN}
                            then least(${SIGNS_DAYS}, greatest(${QUIET_DAYS_MIN}, ${HABIT_FACTOR} * t.span::float / (t.days - 1)))
                            else ${quietDays} end as allowed
                  from (${signs(now)}) t) s
             offset 0) u) w -- or it would be asked anew wherever it is named
    offset 0) q`
}

/** Days on which the device showed that it lives. */
function signs(now: string): string {
  const since = `(${now} - interval '${SIGNS_DAYS} days')`
  const dayOf = (time: string) => `(${time} at time zone 'UTC')::date`
  return `
    select greatest(d.last_seen_at, d.last_open_at, max(g.at)) as last_sign, count(distinct g.day) as days,
           max(g.day) - min(g.day) as span, count(*) filter (where g.is_receipt) as receipt_days
      from (
        select ${dayOf('r.at')} as day, max(r.at) as at, true as is_receipt from receipt r
         where r.bucket = d.bucket and r.app_id = d.app_id and r.hwid = d.hwid and r.at >= ${since} and r.at <= ${now}
         group by 1
        union all
        select e.day, case when e.day = v.days[cardinality(v.days)] then v.last_at end, false
          from device_event v cross join unnest(v.days) as e (day)
         where v.bucket = d.bucket and v.app_id = d.app_id and v.hwid = d.hwid and e.day >= ${dayOf(since)}
        union all
        select ${dayOf('l.at')}, null, false from (values (d.first_seen_at), (d.last_seen_at), (d.last_open_at)) as l (at)
         where l.at >= ${since}) g`
}

/**
 * Of these, how many gateways took for the device since then. Uses the index acceptance_of_message, which a join (`exists`) would
 * not be made by.
 */
function countTaken(messages: string, since: string): string {
  return `(
    select count(*) from jsonb_to_recordset(${messages}) as m (id uuid, at timestamptz, width integer)
     where m.at > ${since} and (
       select true from acceptance x
        where x.message_id = m.id and x.bucket_to between d.bucket and d.bucket + m.width and x.bucket_from <= d.bucket
          and position(${memberKey('m.id', 'd.hwid')} in x.accepted) % ${KEY_BYTES} = 1
        limit 1))`
}

/** SQL over `device d` and `address a`: it may be in doubt at all. Whoever was heard of within a day costs nothing more. */
export function mayBeDoubted(at: number, parameter: Parameter): string {
  return `(a.state = 'suspect' or greatest(d.last_seen_at, d.last_open_at) < ${parameter(new Date(at))}::timestamptz - interval '1 day')`
}

/** Those to a condition or to all: who is named one by one is waited for by somebody who will tell. */
const MESSAGES = `
  select m.id, m.planned_at as at, x.width
    from message m
   cross join lateral (
     select max(bucket_to - bucket_from) as width from acceptance where message_id = m.id) x
   where m.app_id = $1 and m.knock is null and m.trigger is null and not m.target ?| array['devices', 'users']
     and m.planned_at > $2::timestamptz - interval '${MESSAGES_DAYS} days' and m.finished_at is not null
     and m.created_at > $2::timestamptz - 2 * interval '${MESSAGES_DAYS} days' and x.width is not null
   order by m.created_at desc limit ${MESSAGES_MAX}`

const KNOCKS = `
  select m.id, m.planned_at as at, x.width
    from knock_day k join message m on m.id = k.message_id
   cross join lateral (
     select max(bucket_to - bucket_from) as width from acceptance where message_id = m.id) x
   where k.app_id = $1 and k.day >= ($2::timestamptz at time zone 'UTC')::date - 2 and x.width is not null
   order by k.day desc`

interface AppAt {
  readonly appId: number
  readonly at: number
}

/** What knocks go by that are made now. */
export async function knockOf(
  db: Queryable,
  { appId, at, mode, quietDays }: AppAt & Pick<Knock, 'mode' | 'quietDays'>,
): Promise<Knock> {
  const values = [appId, new Date(at)]
  const messages = (await db.query<SentMessage>(MESSAGES, values)).rows
  const knocks = (await db.query<SentMessage>(KNOCKS, values)).rows
  return { mode, quietDays, messages, knocks }
}

/** The newest day's, and what is set by now. */
const NEWEST_KNOCK = `
  select t.quiet_days as "quietDays", (
           select m.knock from knock_day k join message m on m.id = k.message_id
            where k.app_id = t.app_id order by k.day desc limit 1) as knock
    from uninstall_tracking t where t.app_id = $1`

/** Of an app that has never had a day. */
export const NO_KNOCK: Knock = { mode: 'doubt', quietDays: QUIET_DAYS_DEFAULT, messages: [], knocks: [] }

/** What can be said of a device now. */
export async function newestKnock(db: Queryable, appId: number): Promise<Knock> {
  const { rows } = await db.query<{ quietDays: number; knock: Knock | null }>(NEWEST_KNOCK, [appId])
  const newest = rows[0]
  return newest === undefined ? NO_KNOCK : { ...(newest.knock ?? NO_KNOCK), quietDays: newest.quietDays }
}

/** SQL over `device d`: the confidence; null of a device that has no address which is looked at. */
export function confidenceSql(doubt: DoubtAt, parameter: Parameter): string {
  const join = doubtJoin(doubt, parameter)
  return `(
    select case when ${mayBeDoubted(doubt.at, parameter)}
                then (select case when q.is_doubted then q.confidence else 0 end from (select) as one ${join})
                else 0 end
      from address a
     where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = 'alert'
       and a.state in ('active', 'suspect') and a.provider in ('apns', 'fcm'))`
}

interface Seen {
  readonly state: string
  readonly provider: string
  readonly reason: string | null
  /** ISO 8601. */
  readonly since: string
  readonly lastSignAt: string
  readonly quiet: number
  readonly allowed: number
  readonly unanswered: number
  readonly isDoubted: boolean
  readonly confidence: number
  readonly conclusion: string | null
}

/** The address that is sent to, or else the one that ended last. */
const readOne = (join: string) => `
  select a.state, a.provider, a.reason, a.state_since as since, q.last_sign as "lastSignAt", q.quiet, q.allowed, q.unanswered,
         q.is_doubted as "isDoubted", q.confidence,
         (select l.event from ledger l
           where l.bucket = a.bucket and l.app_id = a.app_id and l.hwid = a.hwid and l.generation = a.generation
             and l.event in ('uninstalled', 'replaced') and l.kind = 'alert' order by l.id desc limit 1) as conclusion
    from device d
   cross join lateral (
     select * from address k
      where k.bucket = d.bucket and k.app_id = d.app_id and k.hwid = d.hwid and k.kind = 'alert'
      order by (k.state in ('active', 'suspect')) desc, k.state_since desc limit 1) a
    ${join}
   where d.bucket = $1 and d.app_id = $2 and d.hwid = $3 and a.provider in ('apns', 'fcm')`

/** Of one device; null of one that is not tracked: without an address of Apple's or Google's, or that asked to be left alone. */
export async function readDoubt(
  db: Database,
  { appId, hwid, at }: AppAt & { readonly hwid: string },
): Promise<DoubtView | null> {
  const knock = await newestKnock(db, appId)
  const values: unknown[] = [bucketOf(hwid), appId, hwid]
  const join = doubtJoin({ knock, at }, value => `$${values.push(value)}`)
  // Always the same text; to plan it takes ten times as long as to run it.
  const { rows } = await db.once<Seen>({ name: 'doubt_of_device', text: readOne(join) }, values)
  return rows[0] === undefined ? null : viewOf(rows[0])
}

function viewOf(seen: Seen): DoubtView | null {
  const { lastSignAt, allowed } = seen
  const view = (confidence: number, reasons: DoubtView['reasons']): DoubtView => ({
    confidence,
    reasons,
    lastSignAt,
    quietDays: Math.round(allowed * 10) / 10,
  })
  if (isLiving(seen)) return view(seen.isDoubted ? seen.confidence : 0, reasonsOf(seen))
  if (seen.state !== 'dead' || !IS_GONE.test(seen.reason ?? '')) return null
  const { reason, since: at } = seen
  const facts = { said: reason ?? '', at }
  const told = `${reason} on ${writeMoment(at, { lang: 'en', timeZone: 'UTC' })}`
  if (seen.conclusion !== 'uninstalled') return view(OF_DEAD, [{ reason: 'dead', detail: told, facts }])
  const detail = `${told}, and it did not come back within a day`
  return view(OF_UNINSTALLED, [{ reason: 'uninstalled', detail, facts }])
}

function isLiving({ state }: Seen): boolean {
  return state === 'active' || state === 'suspect'
}

function reasonsOf({ state, reason, quiet, allowed, unanswered: messages }: Seen): DoubtView['reasons'] {
  const reasons: DoubtView['reasons'] = []
  if (messages >= UNANSWERED_MIN) {
    const detail = `${messages} messages were accepted since its last sign of life, and it has told of none`
    reasons.push({ reason: 'unanswered', detail, facts: { messages } })
  }
  if (state === 'suspect') {
    const detail = `${reason ?? 'a gateway'} has raised a doubt about its address`
    reasons.push({ reason: 'suspect', detail, facts: reason === null ? {} : { said: reason } })
  }
  if (quiet >= allowed) {
    const [days, usualDays] = [Math.floor(quiet), Math.floor(allowed)]
    const detail = `no sign of life for ${days} days, where ${usualDays} are nothing unusual`
    reasons.push({ reason: 'quiet', detail, facts: { days, usualDays } })
  }
  return reasons
}

/**
 * What says that the app is not there any more, of Apple and of Google; of Apple behind Google its word comes behind Google's. For
 * JavaScript and for PostgreSQL.
 */
export const GONE = '^(INVALID_ARGUMENT: )?(Unregistered|ExpiredToken|UNREGISTERED)'
const IS_GONE = new RegExp(GONE)
