/**
 * Reading a chunk: the next devices of a batch in bucket order, or deliveries of its queue that are due. Addresses are
 * read here and sent to at once, so nobody is sent to whose address has changed hands or ended meanwhile (R11).
 *
 * A condition is looked at device by device, in the order of the addresses. Measured at a million devices, 500 a
 * chunk: 2–14 ms, where one join of both tables took 300.
 */
import type { AddressPolicy, Provider } from '@roost/protocol'
import { compileAccepted } from '../audience/condition.ts'
import type { SendTarget } from '../credentials/senders.ts'
import { hasToldSince } from '../hygiene/aging.ts'
import { readPolicy } from '../hygiene/policy.ts'
import { doubtJoin, mayBeDoubted } from '../hygiene/uninstalls/doubt.ts'
import { goesLive } from '../live/routed.ts'
import { hasRest, isRestSql, withoutOutcome } from '../messages/experiments/parts.ts'
import {
  type FactsReading,
  factsColumn,
  type Needs,
  type RecipientFacts,
  readingFacts,
} from '../messages/facts.ts'
import { slotSql } from '../messages/when/slots.ts'
import type { AddressKeys } from '../registry/address.ts'
import { addressHash } from '../registry/buckets.ts'
import type { Database, Queryable } from '../store/database.ts'
import type { Batch, Cursor } from './lease.ts'
import { wasPlanned, wasServed, withoutServed } from './served.ts'
import { type BatchSlot, isInSlot, slotJoin, wasTaken } from './slots.ts'

/** What a message is sent to: notifications, or calls of PushKit. */
export type MessageAddressKind = 'alert' | 'voip'

export interface Recipient extends SendTarget {
  readonly bucket: number
  readonly hwid: string
  readonly generation: number
  /** Default: that of notifications. */
  readonly addressKind?: MessageAddressKind | undefined
  /** R12: the gateway has accepted something for it, in its environment. Not kept of addresses that have none. */
  readonly wasAccepted: boolean
  /** Active, and nothing was ever said against it: an acceptance tells nothing new. */
  readonly isConfirmed: boolean
  /** Why it can't be pushed to: only its live channel reaches it. Absent where its address is sent to. */
  readonly unreachable?: string
  /** R4: a former holder of the address got the message there. */
  readonly wasServed: boolean
  /** Its address became active after the message began. Asked of devices that are read, not of those that wait. */
  readonly isLate?: boolean
  /** R29: its own end; ISO 8601. */
  readonly expiresAt: string | null
  /** Null when the content asks for nothing. */
  readonly facts: RecipientFacts | null
  /** 1 for the first try. */
  readonly attempt: number
  /** Tries whether the pause of this part is over. */
  readonly probePart: string | null
}

export interface ReadChunk {
  readonly recipients: readonly Recipient[]
  /** Devices that were looked at: they, those of an experiment that have an outcome, and those whom another gateway served. */
  readonly looked: number
  /** The last device that was looked at; null when there was none left. */
  readonly cursor: Cursor | null
  /** Nothing is left after this chunk. */
  readonly isLast: boolean
}

const DAY_MS = 24 * 60 * 60_000

const WAS_ACCEPTED = 'a.last_accepted_at is not null'
const IS_CONFIRMED = `(a.state = 'active' and a.old_deaths = 0 and a.doubts = 0)`

const ADDRESS_COLUMNS = `a.bucket, a.hwid, a.generation, a.provider, a.environment, a.address, a.keys,
  a.expires_at as "expiresAt", a.credential_id as "credentialId", ${WAS_ACCEPTED} as "wasAccepted",
  ${IS_CONFIRMED} as "isConfirmed"`

const livingOf = (kind: MessageAddressKind) => `a.kind = '${kind}' and a.state in ('active', 'suspect')`
const LIVING = livingOf('alert')
/** SQL over `address a`. R26: one whose device has withdrawn the permission is kept and not sent to. */
export const SENDABLE = `${LIVING} and not a.opted_out`

interface ChunkQuery {
  readonly batch: Batch
  readonly needs: Needs
  readonly at: number
  readonly limit: number
}

export async function readRecipients(db: Database, query: RangeQuery): Promise<ReadChunk> {
  const { batch, limit } = query
  const read = await readRange(db, query)
  const last = read.at(-1)
  const rest = await withoutServed(db, batch, read)
  return {
    recipients: batch.experiment?.isRest === true ? await withoutOutcome(db, batch, rest) : rest,
    looked: read.length,
    cursor: last === undefined ? null : { bucket: last.bucket, hwid: last.hwid },
    isLast: read.length < limit,
  }
}

function start(batch: DevicesOfRange): Cursor {
  return batch.cursor ?? { bucket: batch.bucketFrom, hwid: '' }
}

/** As few columns as will do, in the order of `recipientOf`: each costs a device as much as a table's row. */
const RANGE_COLUMNS = `a.bucket, a.hwid, a.generation, a.environment, a.address, a.keys, a.expires_at, a.credential_id`
const FACTS_FROM = 9
/** What is true of a device, in one column. */
const FLAG = { wasAccepted: 1, isConfirmed: 2, wasServed: 4, isLate: 8 }

/** Uses the index address_sendable. `offset 0` keeps the planner from joining both tables whole. */
async function readRange(db: Database, query: RangeQuery): Promise<Recipient[]> {
  const { statement, values, facts } = rangeStatement(query)
  const rows = await db.queryArrays(statement, values)
  return rows.map(row => recipientOf(row as RangeRow, { provider: query.batch.provider, facts }))
}

type RangeQuery = ChunkQuery & { readonly policy: AddressPolicy }

/**
 * A campaign to all is read by one of a few texts, and planning one costs as much as reading fifty devices; what else decides who
 * is read (conditions above all) is planned each time, with what it asks for.
 */
export function rangeStatement({ batch, needs, at, limit, policy }: RangeQuery) {
  const values = rangeValues(batch)
  const facts = readingFacts(needs, values)
  const { target, slot, experiment, knock } = batch
  const isToAll = 'all' in target && slot === null && experiment === null && knock === null
  const text = `
    select ${RANGE_COLUMNS}, (${WAS_ACCEPTED})::integer * ${FLAG.wasAccepted} + ${IS_CONFIRMED}::integer * ${FLAG.isConfirmed}
             + (${wasServed(batch, values)})::integer * ${FLAG.wasServed}
             + (a.state_since > $${values.push(batch.messageSendAt)}::timestamptz)::integer * ${FLAG.isLate}${facts.columns}
      ${restOfRange({ batch, policy, at, values, join: facts.join })}
     order by a.bucket, a.hwid
     limit $${values.push(limit)}`
  return { statement: { text, isPlanned: isToAll && policy.sendToDormant }, values, facts }
}

type RangeRow = [
  bucket: number,
  hwid: string,
  generation: number,
  environment: string,
  address: string,
  keys: AddressKeys | null,
  expiresAt: string | null,
  credentialId: string | null,
  flags: number,
  ...facts: unknown[],
]

function recipientOf(
  row: RangeRow,
  { provider, facts }: { readonly provider: Provider; readonly facts: FactsReading },
): Recipient {
  const flags = row[8]
  return {
    bucket: row[0],
    hwid: row[1],
    generation: row[2],
    provider,
    environment: row[3],
    address: row[4],
    keys: row[5],
    expiresAt: row[6],
    credentialId: row[7],
    wasAccepted: (flags & FLAG.wasAccepted) !== 0,
    isConfirmed: (flags & FLAG.isConfirmed) !== 0,
    wasServed: (flags & FLAG.wasServed) !== 0,
    isLate: (flags & FLAG.isLate) !== 0,
    facts: facts.read(row, FACTS_FROM),
    attempt: 1,
    probePart: null,
  }
}

/** Of its address; it is asked for of few. */
export function addressHashOf({ provider, environment, address, addressKind = 'alert' }: Recipient): Buffer {
  return addressHash({ provider, environment, kind: addressKind, address })
}

/** How many `readRecipients` would still read. */
export async function countRest(
  db: Queryable,
  { batch, at }: { readonly batch: DevicesOfRange; readonly at: number },
): Promise<number> {
  const policy = await readPolicy(db, batch.appId)
  const values = rangeValues(batch)
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::integer as count ${restOfRange({ batch: withoutLate(batch), policy, at, values, isCounted: true })}`,
    values,
  )
  return rows[0]?.count ?? 0
}

function withoutLate(batch: DevicesOfRange): DevicesOfRange {
  return batch.slot === null ? batch : { ...batch, slot: { ...batch.slot, isWithoutLate: true } }
}

export interface SlotCount {
  /** ISO 8601. */
  readonly at: string
  readonly devices: number
}

/** How many of its devices are in which slot, the earliest first. */
export async function countBySlot(
  db: Queryable,
  { batch, at }: { readonly batch: DevicesOfRange & { readonly slot: BatchSlot }; readonly at: number },
): Promise<SlotCount[]> {
  const policy = await readPolicy(db, batch.appId)
  const values = rangeValues(batch)
  const slotOf = `$${values.push(batch.slot.of)}::jsonb`
  const after = `$${values.push(batch.slot.after)}::timestamptz`
  const { rows } = await db.query<SlotCount>(
    `select s.at, count(*)::integer as devices
       from (select (select ${slotSql(slotOf)} from device d
                      where d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid) as at
               ${restOfRange({ batch: { ...batch, slot: null }, policy, at, values })}
             offset 0) s -- or it would be asked for once more in each place below
      where s.at > coalesce(${after}, '-infinity') group by s.at order by s.at`,
    values,
  )
  return rows
}

/** The first five parameters of `restOfRange`. */
function rangeValues(batch: DevicesOfRange): unknown[] {
  const from = start(batch)
  return [batch.appId, batch.provider, from.bucket, from.hwid, batch.bucketTo]
}

/** What says whom a batch reads. */
type DevicesOfRange = Pick<
  Batch,
  | 'messageId'
  | 'appId'
  | 'bucketFrom'
  | 'bucketTo'
  | 'cursor'
  | 'target'
  | 'scope'
  | 'slot'
  | 'experiment'
  | 'knock'
  | 'rules'
> & {
  readonly provider: string
  /** Of its batch, where there is one. */
  readonly id?: number
}

interface Range {
  readonly batch: DevicesOfRange
  readonly policy: AddressPolicy
  readonly at: number
  /** Those of `rangeValues` and others; what this needs is added. */
  readonly values: unknown[]
  /** Nobody looks at each of them. */
  readonly isCounted?: boolean
  /** SQL that follows the tables. */
  readonly join?: string
}

function restOfRange({ batch, policy, at, values, isCounted = false, join = '' }: Range): string {
  const isKnock = batch.knock !== null
  return `from address a ${lateralDevice({ batch, at, values, isCounted })} ${join}
      where a.app_id = $1 and a.provider = $2 and ${isKnock ? LIVING : SENDABLE}
        and a.bucket between $3 and $5 and (a.bucket, a.hwid) > ($3::smallint, $4::text)
        ${isKnock ? '' : isHeardOf(policy, at, values)} ${withoutPlanned(batch, values)}`
}

/** Those who have a delivery already are not read. */
function withoutPlanned({ rules, messageId }: DevicesOfRange, values: unknown[]): string {
  return goesLive(rules) ? `and not ${wasPlanned(`$${values.push(messageId)}::uuid`)}` : ''
}

/** R15: where the app wishes it, nobody who is dormant is sent to. */
function isHeardOf({ sendToDormant, dormantDays }: AddressPolicy, at: number, values: unknown[]): string {
  if (sendToDormant) return ''
  const since = `$${values.push(new Date(at - dormantDays * DAY_MS))}::timestamptz`
  return `and (a.last_registered_at >= ${since} or exists (
    select from device d
     where d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid and d.last_seen_at >= ${since})
    or ${hasToldSince(since)})`
}

function lateralDevice({ batch, at, values, isCounted = false }: Omit<Range, 'policy'>): string {
  const { target, scope, slot, messageId, experiment, knock } = batch
  const asked: string[] = []
  if ('condition' in target && scope !== null) {
    const compiled = compileAccepted(target.condition, { firstParameter: values.length + 1, scope })
    values.push(...compiled.values)
    asked.push(compiled.sql)
  }
  const slotOfDevice = slot === null ? '' : slotJoin(slot, values)
  const parameter = (value: unknown) => `$${values.push(value)}`
  const doubtOfDevice = knock?.mode === 'doubt' ? doubtJoin({ knock, at }, parameter) : ''
  if (doubtOfDevice !== '') asked.push(mayBeDoubted(at, parameter), 'q.is_due')
  if (slot !== null) asked.push(isInSlot({ messageId, slot }, values))
  if (experiment !== null && hasRest(experiment.asked)) {
    const isRest = () => isRestSql({ messageId, asked: experiment.asked }, values)
    if (!experiment.isRest) asked.push(`not ${isRest()}`)
    // Of those who are read, others that were sent to are left out afterwards (readRecipients).
    else if (isCounted) asked.push(isLeft(batch, isRest(), values))
  }
  if (asked.length === 0) return ''
  return `cross join lateral (
    select from device d ${slotOfDevice} ${doubtOfDevice}
     where d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid and ${asked.join(' and ')}
    offset 0) d`
}

/** SQL over `device d`: counted with the rest. Once the variants are read, nobody else counts those who were of one and have no outcome. */
function isLeft({ id, messageId, bucketTo }: DevicesOfRange, isRest: string, values: unknown[]): string {
  const add = (value: unknown, type: string) => `$${values.push(value)}::${type}`
  const areVariantsRead = `exists (
    select from batch r join batch f on f.id = r.after_batch where r.id = ${add(id, 'bigint')} and f.is_read)`
  // The variants' batch has the same range.
  const isTaken = wasTaken('d', add(messageId, 'uuid'), add(bucketTo, 'smallint'))
  return `(${isRest} or ${areVariantsRead}) and not ${isTaken}`
}

/** A delivery that waited, and why it can't go on if it can't. */
export type DueDelivery = {
  readonly bucket: number
  readonly hwid: string
  readonly attempt: number
  /** In an earlier try. */
  readonly mayHaveArrived: boolean
  /** It was planned, and nothing has been done with it. */
  readonly isUntouched: boolean
} & ({ readonly recipient: Recipient } | { readonly recipient: null; readonly reason: string })

/** Of the address nothing is known where the device has none. */
interface QueueRow extends Omit<Recipient, 'generation'> {
  readonly generation: number | null
  readonly isMeant: boolean
  readonly mayHaveArrived: boolean
  readonly isUntouched: boolean
  readonly isOptedOut: boolean | null
  /** By an event, before it was sent. */
  readonly isCancelled: boolean | null
}

/**
 * Everything is asked again: whether the device has an address, whether it is one of this gateway, and (R25) whether
 * the device still is whom the message is for.
 */
export async function readDueDeliveries(db: Database, query: ChunkQuery): Promise<DueDelivery[]> {
  const { batch } = query
  const { text, values } = dueStatement(query)
  const rows = isNamed(batch)
    ? await db.queryPlanned<QueueRow>(text, values)
    : (await db.query<QueueRow>(text, values)).rows
  return rows.map(row => dueDeliveryOf(row, batch))
}

/** What it asks for is one of a few texts, while each condition makes one of its own. */
export function isNamed({ target }: Pick<Batch, 'target'>): boolean {
  return 'devices' in target || 'users' in target
}

export function dueStatement({ batch, needs, at, limit }: ChunkQuery) {
  const values: unknown[] = [batch.id, new Date(at), limit]
  const isMeant = audience(batch, values)
  const text = `
     select ${ADDRESS_COLUMNS}, a.kind as "addressKind", q.bucket, q.hwid, q.attempt, q.probe_part as "probePart", coalesce(${isMeant}, false) as "isMeant",
            q.may_have_arrived as "mayHaveArrived", q.reason = 'planned' as "isUntouched",
            a.opted_out as "isOptedOut", (q.event ->> 'isCancelled')::boolean as "isCancelled", ${wasServed(batch, values)} as "wasServed",
            ${factsColumn(needs, values, 'q.event', 'q')} as facts
       from delivery_queue q
       left join device d on d.bucket = q.bucket and d.app_id = q.app_id and d.hwid = q.hwid
       left join address a on a.bucket = q.bucket and a.app_id = q.app_id and a.hwid = q.hwid and ${livingOf(batch.addressKind)}
      where q.batch_id = $1 and q.due_at <= $2
      order by q.due_at, q.bucket, q.hwid -- so that what a dead worker had in hand comes first again
      limit $3`
  return { text, values }
}

/** SQL over `device d` and `delivery_queue q`; its values are added to `values`. */
function audience(batch: Batch, values: unknown[]): string {
  const isOfTarget = targetSql(batch, values)
  if (!batch.isTriggered) return isOfTarget
  return `(${isOfTarget} and q.event is not null
    and (q.event ->> 'userId' is null or d.user_id is not distinct from q.event ->> 'userId'))`
}

function targetSql({ target, scope, onlyUser }: Batch, values: unknown[]): string {
  if (onlyUser !== null) return `d.user_id is not distinct from $${values.push(onlyUser)}::text`
  if ('users' in target) return `d.user_id = any($${values.push(target.users)}::text[])`
  if (!('condition' in target) || scope === null) return 'true'
  const compiled = compileAccepted(target.condition, { firstParameter: values.length + 1, scope })
  values.push(...compiled.values)
  return `(d.hwid is not null and ${compiled.sql})`
}

function dueDeliveryOf(row: QueueRow, batch: Batch): DueDelivery {
  const { bucket, hwid, attempt, mayHaveArrived, isUntouched, generation } = row
  const due = { bucket, hwid, attempt, mayHaveArrived, isUntouched }
  const cancelled = (reason: string) => ({ ...due, recipient: null, reason })
  if (row.isCancelled === true) return cancelled('cancelled_by_event')
  if (!row.isMeant) return cancelled('no_longer_meant')
  const unreachable = unreachableBy(row, batch)
  if (unreachable !== undefined && !goesLive(batch.rules)) return cancelled(unreachable)
  if (unreachable !== undefined) return { ...due, recipient: withoutAddress(row, batch, unreachable) }
  return { ...due, recipient: { ...row, generation: generation ?? 0 } }
}

function withoutAddress(row: QueueRow, { provider }: Batch, unreachable: string): Recipient {
  return { ...row, provider, environment: '', address: '', keys: null, generation: 0, unreachable }
}

/** Undefined when its address can be sent to. */
function unreachableBy(row: QueueRow, batch: Batch): string | undefined {
  if (row.generation === null) return goesLive(batch.rules) ? 'no_address' : 'address_gone'
  // Nothing is shown by a knock, so it needs no permission.
  if (row.isOptedOut === true && batch.knock === null) return 'no_permission'
  // A token of one gateway means nothing to another one, which might call it dead.
  return row.provider === batch.provider ? undefined : 'address_changed_gateway'
}
