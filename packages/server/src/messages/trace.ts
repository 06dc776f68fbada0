/**
 * Did this device get this message? What is on record decides: an acceptance, an exception, a delivery that waits. Where there
 * is none of these, it was not sent, as long as every acceptance of the message is still on record.
 */
import { type MessageState, PushError, type TraceOutcome, type TraceView } from '@roost/protocol'
import type { KeptSegments } from '../audience/segment-meaning.ts'
import { absencesOf, type SnapshotAbsence } from '../audience/snapshot-absence.ts'
import { ACCEPTANCES_KEPT_DAYS, areAllKept, findAcceptance } from '../dispatch/acceptances.ts'
import { type FrameRecord, readFrame } from '../live/frames.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'

interface TraceKey {
  readonly appId: number
  readonly messageId: string
  readonly hwid: string
}

type Finding = Omit<TraceView, 'messageId' | 'hwid' | 'receipts'>

interface Subject {
  readonly state: MessageState
  /** ISO 8601. */
  readonly sendAt: string
  readonly plannedAt: string | null
  readonly finishedAt: string | null
  /** A batch may still come to the device's bucket. */
  readonly isAhead: boolean
  /** What its segments meant; null when it names none. */
  readonly audience: KeptSegments | null
}

const SUBJECT = `
  select m.state, m.send_at as "sendAt", m.planned_at as "plannedAt", m.finished_at as "finishedAt", m.audience,
         exists (select from batch b
                  where b.message_id = m.id and b.state <> 'done' and not b.is_read
                    and $3::smallint between b.bucket_from and b.bucket_to
                    and (b.cursor_bucket is null or (b.cursor_bucket, b.cursor_hwid) < ($3, $4::text)))
         or exists (select from slot_range r
                     where r.message_id = m.id and $3::smallint between r.bucket_from and r.bucket_to) as "isAhead"
    from message m where m.app_id = $1 and m.id = $2`

/**
 * Throws `message_unknown`, and `device_unknown` for a device that is not there and of which nothing is on record either: one that
 * was there is looked up all the same.
 */
export async function traceMessage(db: Queryable, key: TraceKey): Promise<TraceView> {
  const { appId, messageId, hwid } = key
  const { rows } = await db.query<Subject>(SUBJECT, [appId, messageId, bucketOf(hwid), hwid])
  const subject = rows[0]
  if (subject === undefined) throw new PushError('message_unknown', `this app has no message ${messageId}`)
  const finding =
    (await findAccepted(db, key)) ??
    (await findException(db, key)) ??
    (await findWaiting(db, key)) ??
    (await concludeUnsent(db, key, subject))
  const frame = await readFrame(db, key)
  const told = frame === undefined ? finding : withFrame(finding, frame)
  return { messageId, hwid, ...told, receipts: await receiptsOf(db, key) }
}

async function findAccepted(db: Queryable, key: TraceKey): Promise<Finding | undefined> {
  const found = await findAcceptance(db, key)
  if (found === undefined) return undefined
  const { at, gateway, attempt } = found
  const tries = attempt === 1 ? 'the first try' : `try ${attempt}`
  return {
    ...NOTHING,
    outcome: 'accepted',
    gateway,
    at,
    attempts: attempt,
    evidence: [`${gateway} accepted it for this device at ${at}, at ${tries}`],
  }
}

/** Which roads it took. A device that acknowledged it in time was sent no push, unless both were asked for. */
function withFrame(finding: Finding, { madeAt, ackedAt, withdrawnAt, route }: FrameRecord): Finding {
  const acknowledged = `the device acknowledged it over its live channel at ${ackedAt}`
  const { outcome, evidence } = finding
  if (outcome === 'accepted' && ackedAt !== null && withdrawnAt === null && route !== 'both')
    return { ...finding, gateway: null, at: ackedAt, evidence: [acknowledged, 'so it was not pushed'] }
  const offered = `it was offered over the live channel of the device at ${madeAt}`
  const end = ackedAt === null ? 'not acknowledged' : `acknowledged at ${ackedAt}`
  return { ...finding, evidence: [...evidence, `${offered}, and ${end}`] }
}

const NOTHING: Omit<Finding, 'outcome' | 'evidence'> = {
  reason: null,
  gateway: null,
  at: null,
  attempts: null,
  nextTryAt: null,
}

interface Excepted {
  readonly outcome: TraceOutcome
  readonly reason: string
  readonly gateway: string | null
  readonly at: string
}

async function findException(db: Queryable, key: TraceKey): Promise<Finding | undefined> {
  const { rows } = await db.query<Excepted>(
    `select outcome, reason, provider as gateway, at from delivery_exception
      where bucket = $1 and message_id = $2 and hwid = $3 and app_id = $4`,
    placeOf(key),
  )
  const found = rows[0]
  if (found === undefined) return undefined
  const { outcome, reason, gateway, at } = found
  return { ...NOTHING, ...found, evidence: [`at ${at} it was booked as ${outcome}${by(gateway)}: ${reason}`] }
}

function by(gateway: string | null): string {
  return gateway === null ? '' : ` (${gateway})`
}

function placeOf({ appId, messageId, hwid }: TraceKey): unknown[] {
  return [bucketOf(hwid), messageId, hwid, appId]
}

interface Waiting {
  readonly reason: string
  readonly gateway: string
  readonly attempt: number
  /** Null while it waits for a credential. */
  readonly dueAt: string | null
}

async function findWaiting(db: Queryable, key: TraceKey): Promise<Finding | undefined> {
  const { rows } = await db.query<Waiting>(
    `select q.reason, b.provider as gateway, q.attempt, case when isfinite(q.due_at) then q.due_at end as "dueAt"
       from delivery_queue q join batch b on b.id = q.batch_id
      where q.bucket = $1 and q.message_id = $2 and q.hwid = $3 and q.app_id = $4`,
    placeOf(key),
  )
  const found = rows[0]
  if (found === undefined) return undefined
  const { reason, gateway, attempt, dueAt } = found
  const until = dueAt === null ? `until ${gateway} can be asked` : `for try ${attempt}, due at ${dueAt}`
  return {
    ...NOTHING,
    outcome: 'waiting',
    reason,
    gateway,
    attempts: attempt - 1,
    nextTryAt: dueAt,
    evidence: [`it waits ${until}: ${reason}`],
  }
}

async function concludeUnsent(db: Queryable, key: TraceKey, subject: Subject): Promise<Finding> {
  const { messageId } = key
  const { state, sendAt, plannedAt, isAhead } = subject
  const device = await readSeen(db, key)
  const conclude = (outcome: TraceOutcome, evidence: string[], reason: string | null = null): Finding => ({
    ...NOTHING,
    outcome,
    reason,
    evidence,
  })
  if (plannedAt === null && state !== 'cancelled')
    return conclude('pending', [`the message is ${state}; its time is ${sendAt}`])
  if (isAhead && state !== 'cancelled')
    return conclude('pending', [`the message is ${state}, and has not come to this device yet`])
  if (!(await areAllKept(db, messageId)))
    return conclude('unknown', [
      `nothing is on record for this device, and acceptances are kept for ${ACCEPTANCES_KEPT_DAYS} days: not all of this message's are there`,
    ])
  const proof = 'no gateway accepted it for this device: every acceptance of this message is on record'
  if (state === 'cancelled') return conclude('not_sent', ['the message was cancelled', proof], 'cancelled')
  return conclude(
    'not_sent',
    [
      proof,
      'nothing was refused, skipped or left waiting for it: the device was not in the audience, or had no address then',
      ...(await whyNotMeant(db, { key, subject, device })),
    ],
    'not_in_audience',
  )
}

interface Seen {
  readonly firstSeenAt: string
  /** Of the device, or of a back end about it. */
  readonly lastToldAt: string
}

async function readSeen(db: Queryable, { appId, hwid }: TraceKey): Promise<Seen> {
  const { rows } = await db.query<Seen>(
    `select first_seen_at as "firstSeenAt", greatest(last_seen_at, told_at) as "lastToldAt"
       from device where bucket = $1 and app_id = $2 and hwid = $3`,
    [bucketOf(hwid), appId, hwid],
  )
  const [seen] = rows
  if (seen === undefined) throw new PushError('device_unknown', `this app has no device "${hwid}"`)
  return seen
}

interface Unmeant {
  readonly key: TraceKey
  readonly subject: Subject
  readonly device: Seen
}

/** What is known to have kept it out of the audience; nightly segments mean who was in them when they were computed. */
async function whyNotMeant(db: Queryable, { key, subject, device }: Unmeant): Promise<string[]> {
  const { audience, plannedAt } = subject
  const absences = audience === null ? [] : await absencesOf(db, { ...key, audience })
  const isLate = plannedAt !== null && isAfter(device.firstSeenAt, plannedAt)
  return [
    ...(isLate ? [`the device came at ${device.firstSeenAt}, the message was planned at ${plannedAt}`] : []),
    ...absences.map(it => describeAbsence(it, device)),
  ]
}

function describeAbsence({ name, computedAt }: SnapshotAbsence, { firstSeenAt, lastToldAt }: Seen): string {
  const start = `the nightly segment "${name}" means who was in it when it was computed, at ${computedAt}: the device was not`
  if (isAfter(firstSeenAt, computedAt)) return `${start}, it came at ${firstSeenAt}`
  if (!isAfter(lastToldAt, computedAt)) return start
  return `${start}, and what it has told since then, last at ${lastToldAt}, is not in it`
}

function isAfter(one: string, other: string): boolean {
  return Date.parse(one) > Date.parse(other)
}

async function receiptsOf(db: Queryable, key: TraceKey): Promise<TraceView['receipts']> {
  const { rows } = await db.query<{ kind: string; at: string }>(
    'select kind, at from receipt where bucket = $1 and message_id = $2 and hwid = $3 and app_id = $4 order by at',
    placeOf(key),
  )
  return rows
}
