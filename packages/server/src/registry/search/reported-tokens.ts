/**
 * Did this user report a token on day D? The day is one of the app's time zone. What the ledger and the clocks of the addresses
 * tell is yes or no as long as they can: a token that is reported again while it is active leaves no entry (it happens at each start of an
 * app), only the time of the last report. So "unknown" is said of a day between the first report of a token and the last one.
 *
 * Devices that were the user's on that day count, too, whose ever they are by now.
 *
 * Reads by key: the indexes device_of_user and former_user_by_name, then the primary keys of device, address and ledger.
 */
import type { DayVerdict, ReportedTokens } from '@roost/protocol'
import { DAY_MAX, DAY_MIN, PushError } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'

export interface ReportedTokensQuery {
  readonly appId: number
  readonly userId: string
  /** `2026-11-22` */
  readonly day: string
  /** IANA name. */
  readonly timeZone: string
  /** Now, in ms. */
  readonly at: number
}

const DEVICES_MAX = 200

const BOUNDS = `
  select ($1::date)::timestamp at time zone $2 as from, ($1::date + 1)::timestamp at time zone $2 as until`

interface Bounds {
  readonly from: string
  readonly until: string
}

/** What a device tells of the day; entries of the ledger that a report makes, not those of gateways and hygiene. */
const DEVICES = `
  select d.hwid, d.platform, t.since as "userSince", t.until as "userUntil", d.first_seen_at as "firstSeenAt",
         d.record -> 'registrationError' as "registrationError",
         array(select jsonb_build_object('at', l.at, 'event', l.event, 'provider', l.provider, 'end', l.address_end)
                 from ledger l
                where l.bucket = d.bucket and l.app_id = d.app_id and l.hwid = d.hwid
                  and l.event in ('registered', 'restored', 'confirmed') and l.at >= $3 and l.at < $4
                order by l.id) as entries,
         (select jsonb_build_object('event', l.event, 'provider', l.provider, 'end', l.address_end)
            from ledger l
           where l.bucket = d.bucket and l.app_id = d.app_id and l.hwid = d.hwid and l.kind = 'alert' and l.at < $3
           order by l.id desc limit 1) as "before",
         array(select jsonb_build_object('first', a.first_registered_at, 'last', a.last_registered_at,
                                         'provider', a.provider, 'end', right(a.address, 8))
                 from address a
                where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid
                order by a.last_registered_at desc) as addresses
    from (select * from (
            select bucket, hwid, user_since as since, null::timestamptz as until from device where app_id = $1 and user_id = $2
            union all
            select u.bucket, u.hwid, u.since, u.until from former_user u
             where u.app_id = $1 and u.user_id = $2 and u.until > $3
               and not exists (select from device o where o.bucket = u.bucket and o.app_id = u.app_id and o.hwid = u.hwid
                                                      and o.user_id = $2)) theirs
           limit ${DEVICES_MAX + 1}) t
    join device d on d.bucket = t.bucket and d.app_id = $1 and d.hwid = t.hwid
   order by d.last_seen_at desc, d.hwid`

interface Row {
  readonly hwid: string
  readonly platform: ReportedTokens['devices'][number]['platform']
  readonly userSince: string | null
  /** Of a device that is somebody else's by now, or nobody's. */
  readonly userUntil: string | null
  readonly firstSeenAt: string
  readonly registrationError: { readonly code: string; readonly at: string } | null
  readonly entries: readonly { at: string; event: string; provider: string; end: string }[]
  /** The last entry before the day. */
  readonly before: { readonly event: string; readonly provider: string; readonly end: string } | null
  readonly addresses: readonly { first: string; last: string; provider: string; end: string }[]
}

/** Throws `user_unknown`, and `input_invalid` for a day that there is not. */
export async function readReportedTokens(
  db: Queryable,
  { appId, userId, day, timeZone, at }: ReportedTokensQuery,
): Promise<ReportedTokens> {
  if (!isDay(day)) throw new PushError('input_invalid', `querystring/day: "${day}" is no day like 2026-11-22`)
  const bounds = (await db.query<Bounds>(BOUNDS, [day, timeZone])).rows[0] as Bounds
  const { rows } = await db.query<Row>(DEVICES, [appId, userId, bounds.from, bounds.until])
  if (rows.length === 0)
    throw new PushError('user_unknown', `no device of this app belongs to user "${userId}"`)
  const devices = rows.slice(0, DEVICES_MAX).map(row => {
    const { hwid, platform } = row
    const isToCome = at < Date.parse(bounds.from)
    return { hwid, platform, ...(isToCome ? TO_COME : judge(row, bounds)) }
  })
  return {
    userId,
    day,
    timeZone,
    ...bounds,
    verdict: verdictOfAll(devices, rows.length > DEVICES_MAX),
    devices,
    hasMore: rows.length > DEVICES_MAX,
  }
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || text < DAY_MIN || text > DAY_MAX) return false
  const time = Date.parse(text)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text) // February 30 is a day of March
}

interface Judged {
  readonly verdict: DayVerdict
  readonly evidence: string[]
}

const TO_COME: Judged = { verdict: 'unknown', evidence: ['that day has not begun'] }

function judge(row: Row, bounds: Bounds): Judged {
  const { judged, isOfDay } = judgeDevice(row, bounds)
  const evidence = [...judged.evidence, ...errorOf(row, bounds), ...untilOf(row)]
  // What was reported on the day on which they left may have been reported for the next one.
  const hasLeft = row.userUntil !== null && isBefore(row.userUntil, bounds.until)
  const told = { verdict: isOfDay && hasLeft ? ('unknown' as const) : judged.verdict, evidence }
  if (row.userSince === null || Date.parse(row.userSince) < Date.parse(bounds.from)) return told
  const since = `the device has been this user's only since ${row.userSince}`
  const wasTheirs = Date.parse(row.userSince) < Date.parse(bounds.until)
  if (!isOfDay) return { ...told, evidence: [...told.evidence, since] }
  // Who it belonged to before is not on record.
  return { verdict: wasTheirs ? told.verdict : 'unknown', evidence: [...told.evidence, since] }
}

function untilOf({ userUntil }: Row): string[] {
  return userUntil === null ? [] : [`the device was this user's until ${userUntil}`]
}

function judgeDevice(row: Row, bounds: Bounds): { judged: Judged; isOfDay: boolean } {
  const reports = reportsOf(row, bounds)
  if (reports.length > 0) return { judged: { verdict: 'reported', evidence: reports }, isOfDay: true }
  const between = row.addresses.filter(
    it => isBefore(it.first, bounds.from) && !isBefore(it.last, bounds.until),
  )
  const evidence = [
    ...forgottenOf(row),
    ...between.map(
      it =>
        `${nameOf(it)} was reported first at ${iso(it.first)} and last at ${iso(it.last)}; reports between are not written down`,
    ),
  ]
  if (evidence.length > 0) return { judged: { verdict: 'unknown', evidence }, isOfDay: true }
  return { judged: { verdict: 'not_reported', evidence: [noneOf(row, bounds)] }, isOfDay: false }
}

function reportsOf({ entries, addresses }: Row, bounds: Bounds): string[] {
  const ofLedger = entries.map(it => `${nameOf(it)}: ${it.event} at ${iso(it.at)}`)
  const known = new Set(entries.map(it => Date.parse(it.at)))
  const ofClocks = addresses.flatMap(it =>
    isWithin(it.last, bounds) && !known.has(Date.parse(it.last))
      ? [`${nameOf(it)}: reported again, last at ${iso(it.last)}`]
      : [],
  )
  return [...ofLedger, ...ofClocks]
}

/** Entries of the ledger after which an address is not sent to any more. */
const ENDED: ReadonlySet<string> = new Set([
  'dead',
  'superseded',
  'moved',
  'unregistered',
  'quarantined',
  'expired',
])

/** Addresses that ended are forgotten after a while (R27), and the time of their last report with them. */
function forgottenOf({ before, addresses }: Row): string[] {
  if (before === null || ENDED.has(before.event)) return []
  const isKept = addresses.some(it => it.provider === before.provider && it.end === before.end)
  return isKept
    ? []
    : [`${nameOf(before)} was in use before that day; when it was reported last is not kept any more`]
}

function noneOf({ addresses, firstSeenAt }: Row, bounds: Bounds): string {
  if (!isBefore(firstSeenAt, bounds.until)) return `the device was seen first at ${firstSeenAt}`
  const [newest] = addresses
  if (newest === undefined) return 'it has never reported a token'
  const before = addresses.find(it => isBefore(it.last, bounds.from))
  if (before !== undefined)
    return `the last report before was that of ${nameOf(before)} at ${iso(before.last)}`
  const first = addresses.map(it => it.first).sort()[0] as string
  return `its first report was at ${iso(first)}`
}

function errorOf({ registrationError: error }: Row, bounds: Bounds): string[] {
  if (error === null || !isWithin(error.at, bounds)) return []
  return [`its system gave it no token at ${error.at}: ${error.code}`]
}

function verdictOfAll(devices: readonly Judged[], isCut: boolean): DayVerdict {
  if (devices.some(it => it.verdict === 'reported')) return 'reported'
  return isCut || devices.some(it => it.verdict === 'unknown') ? 'unknown' : 'not_reported'
}

function nameOf({ provider, end }: { readonly provider: string; readonly end: string }): string {
  return `${provider} …${end}`
}

function isWithin(at: string, { from, until }: Bounds): boolean {
  return !isBefore(at, from) && isBefore(at, until)
}

function isBefore(one: string, other: string): boolean {
  return Date.parse(one) < Date.parse(other)
}

/** Of JSON, as PostgreSQL writes times there. */
function iso(at: string): string {
  return new Date(at).toISOString()
}
