/**
 * Who did not come to a step of a message's reach: page by page, in bucket order. A page looks through windows of buckets until it is
 * full or has taken its time: where few are among many, it is short, and its cursor goes on behind what was looked through.
 *
 * Whom a gateway took it for is 8 bytes of a hash each (dispatch/acceptances.ts), so who of them has told of nothing is found by the
 * hashes of the devices of a window.
 */
import { createHash } from 'node:crypto'
import { PushError, type ReachDevices, type ReachStep, type RuleId } from '@roost/protocol'
import { compileAccepted } from '../../../audience/condition.ts'
import { readScope } from '../../../audience/scope.ts'
import { keptSegments } from '../../../audience/segment-meaning.ts'
import { KEY_BYTES } from '../../../inbox/member-key.ts'
import { BUCKETS } from '../../../registry/buckets.ts'
import type { Queryable } from '../../../store/database.ts'
import { meaningOf } from '../reasons.ts'
import { causeOf } from './steps.ts'
import { conditionThen, isListed, isNamedTarget, readSubject, type Subject } from './subject.ts'

/** Some thousand devices of a base of ten million. Where a window takes little time the next one is twice as wide. */
const FIRST_BUCKETS = 4
const QUICK_MS = 40
const PAGE_MS = 1500

export interface LostQuery {
  readonly appId: number
  readonly messageId: string
  readonly step: ReachStep
  /** As `next` had it. */
  readonly after: string | undefined
  readonly limit: number
  /** Of these alone. */
  readonly reason: string | undefined
  /** ms. */
  readonly at: number
}

type Lost = ReachDevices['devices'][number]

interface Row extends Omit<Lost, 'rule'> {
  readonly bucket: number
  readonly isHeld?: boolean
}

interface Cursor {
  readonly bucket: number
  /** '' = from the bucket's first on. */
  readonly hwid: string
}

interface Window extends Cursor {
  readonly to: number
}

type ReadWindow = (window: Window) => Promise<Row[]>

/** Throws `message_unknown`, and `input_invalid` for a step of which nobody is listed. */
export async function listLost(db: Queryable, query: LostQuery): Promise<ReachDevices> {
  const { step, limit } = query
  if (!isListed(step)) throw new PushError('input_invalid', `params/step: of "${step}" nobody is listed`)
  const subject = await readSubject(db, query)
  const read = await readerFor(db, query, subject)
  const endsAt = performance.now() + PAGE_MS
  const found: Row[] = []
  let width = FIRST_BUCKETS
  for (let from: Cursor = cursorOf(query.after); from.bucket < BUCKETS; ) {
    const startedAt = performance.now()
    const to = Math.min(BUCKETS, from.bucket + width) - 1
    found.push(...(await read({ ...from, to })))
    if (found.length > limit) return pageOf(found.slice(0, limit), found[limit - 1], { step, subject })
    from = { bucket: to + 1, hwid: '' }
    if (performance.now() > endsAt && from.bucket < BUCKETS) return pageOf(found, from, { step, subject })
    if (performance.now() - startedAt < QUICK_MS) width *= 2
  }
  return pageOf(found, undefined, { step, subject })
}

interface Losing {
  readonly step: ReachStep
  readonly subject: Subject
}

function pageOf(rows: readonly Row[], next: Cursor | undefined, { step, subject }: Losing): ReachDevices {
  const isNamed = isNamedTarget(subject.target)
  return {
    devices: rows.map(({ bucket: _, isHeld = false, ...row }) => ({
      ...row,
      rule: row.outcome === null ? ruleUnbooked(step, row) : ruleOf(row, isHeld, isNamed),
    })),
    next: next === undefined ? null : textOf(next),
  }
}

function ruleOf(
  { outcome, reason, gateway }: Omit<Lost, 'rule'>,
  isHeld: boolean,
  isNamed: boolean,
): RuleId | null {
  return outcome === null || reason === null
    ? null
    : causeOf({ outcome, reason, gateway, isHeld }, { isNamed }).rule
}

/** Nothing is booked of whom a message did not come to: it goes by how their address is. Who tells of nothing gives no reason. */
function ruleUnbooked(step: ReachStep, { reason, gateway }: Omit<Lost, 'rule'>): RuleId | null {
  if (step === 'with_address') return 'DX-33'
  if (step === 'permitted') return 'DX-45'
  return step === 'alive' && reason !== null ? (meaningOf('address', reason, gateway)?.rule ?? null) : null
}

function textOf({ bucket, hwid }: Cursor): string {
  return Buffer.from(`${bucket} ${hwid}`).toString('base64url')
}

/** Throws `input_invalid`. */
function cursorOf(text: string | undefined): Cursor {
  if (text === undefined) return { bucket: 0, hwid: '' }
  const found = /^(\d{1,4}) (.*)$/s.exec(Buffer.from(text, 'base64url').toString())
  if (found === null)
    throw new PushError('input_invalid', 'query/after: give what "next" of the last page was')
  return { bucket: Number(found[1]), hwid: found[2] ?? '' }
}

const BEFORE_SENDING: ReadonlySet<ReachStep> = new Set(['with_address', 'alive', 'permitted'])

async function readerFor(db: Queryable, query: LostQuery, subject: Subject): Promise<ReadWindow> {
  const { step } = query
  const isNamed = isNamedTarget(subject.target)
  if (step === 'received') return unreceivedReader(db, query)
  if (step === 'opened') return unopenedReader(db, query)
  return BEFORE_SENDING.has(step) && !isNamed
    ? audienceReader(db, query, subject)
    : bookedReader(db, query, isNamed)
}

// ── what was booked ───────────────────────────────────────────────────────────────────────────────────────────────────

/** By the primary keys of both. */
const BOOKED = `
  select r.*, d.user_id as "userId", d.platform
    from generate_series($2::integer, $3::integer) as b (bucket)
   cross join lateral (
     select e.bucket, e.hwid, e.outcome, e.reason, nullif(e.provider, 'none') as gateway, e.at, false as "isHeld"
       from delivery_exception e
      where e.bucket = b.bucket and e.message_id = $1 and (e.bucket > $2 or e.hwid > $4)
        and ($5::text is null or e.reason = $5)
     union all
     select q.bucket, q.hwid, 'waiting', q.reason, null, null, q.hold_id is not null
       from delivery_queue q
      where q.bucket = b.bucket and q.message_id = $1 and (q.bucket > $2 or q.hwid > $4)
        and ($5::text is null or q.reason = $5)) r
    left join device d on d.bucket = r.bucket and d.app_id = $6 and d.hwid = r.hwid
   order by r.bucket, r.hwid`

function bookedReader(
  db: Queryable,
  { messageId, appId, step, reason }: LostQuery,
  isNamed: boolean,
): ReadWindow {
  return async ({ bucket, to, hwid }) => {
    const { rows } = await db.query<Row>(BOOKED, [messageId, bucket, to, hwid, reason ?? null, appId])
    return rows.filter(row => causeOf(bookedOf(row), { isNamed }).step === step)
  }
}

function bookedOf({ outcome, reason, gateway, isHeld = false }: Row) {
  return { outcome: outcome ?? '', reason: reason ?? '', gateway, isHeld }
}

// ── who was never targeted ────────────────────────────────────────────────────────────────────────────────────────────

const ADDRESS = `from address k where k.bucket = d.bucket and k.app_id = d.app_id and k.hwid = d.hwid and k.kind = 'alert'`
const LIVING = `k.state in ('active', 'suspect')`
const LOST_BEFORE: Readonly<Partial<Record<ReachStep, string>>> = {
  with_address: `not exists (select ${ADDRESS})`,
  alive: `exists (select ${ADDRESS}) and not exists (select ${ADDRESS} and ${LIVING})`,
  permitted: `exists (select ${ADDRESS} and ${LIVING}) and not exists (select ${ADDRESS} and ${LIVING} and not k.opted_out)`,
}
/** Of the address that ended last, or may not be used. */
const LAST_ADDRESS = `
  (select k.reason ${ADDRESS} order by k.state in ('active', 'suspect') desc, k.state_since desc limit 1) as reason,
  (select k.provider ${ADDRESS} order by k.state in ('active', 'suspect') desc, k.state_since desc limit 1) as gateway,
  (select k.state_since ${ADDRESS} order by k.state in ('active', 'suspect') desc, k.state_since desc limit 1) as at`

async function audienceReader(db: Queryable, query: LostQuery, subject: Subject): Promise<ReadWindow> {
  const { appId, step, at } = query
  const { audience, plannedAt, sendAt } = subject
  const condition = conditionThen(subject)
  const scope = await readScope(db, {
    appId,
    condition,
    at: plannedAt === null ? at : Date.parse(sendAt),
    ...(audience !== null && { readSegments: keptSegments(audience) }),
  })
  const { sql, values } = compileAccepted(condition, { firstParameter: 6, scope })
  const text = `
    select d.bucket, d.hwid, d.user_id as "userId", d.platform, null as outcome, ${LAST_ADDRESS}
      from device d
     where d.app_id = $1 and d.bucket between $2 and $3 and (d.bucket > $2 or d.hwid > $4)
       and ${LOST_BEFORE[step]} and ${sql}
     order by d.bucket, d.hwid limit $5`
  return async ({ bucket, to, hwid }) =>
    (await db.query<Row>(text, [appId, bucket, to, hwid, query.limit + 1, ...values])).rows
}

// ── what devices did not tell ─────────────────────────────────────────────────────────────────────────────────────────

const ACCEPTED = `
  select accepted from acceptance where message_id = $1 and bucket_to >= $2 and bucket_from <= $3`
const WITHOUT_RECEIPT = `
  select d.bucket, d.hwid, d.user_id as "userId", d.platform, null as outcome, null as reason, null as gateway, null as at
    from device d
   where d.app_id = $1 and d.bucket between $2 and $3 and (d.bucket > $2 or d.hwid > $4)
     and not exists (select from receipt r where r.bucket = d.bucket and r.message_id = $5 and r.hwid = d.hwid
                                             and r.kind = 'delivered')
   order by d.bucket, d.hwid`

/** Accepted for it, and not said to have arrived. */
function unreceivedReader(db: Queryable, { messageId, appId }: LostQuery): ReadWindow {
  return async ({ bucket, to, hwid }) => {
    const { rows: chunks } = await db.query<{ accepted: Buffer }>(ACCEPTED, [messageId, bucket, to])
    if (chunks.length === 0) return []
    const accepted = new Set(chunks.flatMap(it => keysIn(it.accepted)))
    const { rows } = await db.query<Row>(WITHOUT_RECEIPT, [appId, bucket, to, hwid, messageId])
    return rows.filter(row => accepted.has(keyOf(messageId, row.hwid)))
  }
}

function keysIn(accepted: Buffer): string[] {
  const hex = accepted.toString('hex')
  return hex.match(new RegExp(`.{${2 * KEY_BYTES}}`, 'g')) ?? []
}

/** What `memberKey` is in SQL. */
function keyOf(messageId: string, hwid: string): string {
  return createHash('sha256')
    .update(messageId + hwid)
    .digest('hex')
    .slice(0, 2 * KEY_BYTES)
}

/** By the primary key. */
const UNOPENED = `
  select r.bucket, r.hwid, d.user_id as "userId", d.platform, null as outcome, null as reason, null as gateway, r.at
    from generate_series($2::integer, $3::integer) as b (bucket)
   cross join lateral (
     select r.bucket, r.hwid, r.at from receipt r
      where r.bucket = b.bucket and r.message_id = $1 and r.kind = 'delivered' and (r.bucket > $2 or r.hwid > $4)
        and not exists (select from receipt o where o.bucket = r.bucket and o.message_id = r.message_id
                                                and o.hwid = r.hwid and o.kind = 'opened')) r
    left join device d on d.bucket = r.bucket and d.app_id = $5 and d.hwid = r.hwid
   order by r.bucket, r.hwid`

function unopenedReader(db: Queryable, { messageId, appId }: LostQuery): ReadWindow {
  return async ({ bucket, to, hwid }) =>
    (await db.query<Row>(UNOPENED, [messageId, bucket, to, hwid, appId])).rows
}
