/**
 * Leases: a batch belongs to one worker at a time. The lease is renewed with every chunk; when a worker dies its
 * lease runs out and another one takes the batch up from the last chunk that was committed.
 *
 *   waiting ──claim──▶ sending ──all read, queue empty──▶ done
 *      ▲                 │  └──only what paused credentials block is left──▶ held
 *      └──queue due──────┘                                                    │
 *      └──the pause over, another credential can send, or the message expired─┘
 */
import { randomUUID } from 'node:crypto'
import type { Content, MessageRules, Provider, Route, Target } from '@roost/protocol'
import type { ConditionScope } from '../audience/context.ts'
import { readScope } from '../audience/scope.ts'
import { type KeptSegments, keptSegments } from '../audience/segment-meaning.ts'
import type { Pause } from '../credentials/pauses.ts'
import type { Knock } from '../hygiene/uninstalls/doubt.ts'
import type { BatchExperiment } from '../messages/experiments/parts.ts'
import { LANES, LAST_URGENT_LANE, type Lane } from '../messages/lanes.ts'
import type { Database, PlannedStatement, Queryable } from '../store/database.ts'
import type { MessageAddressKind } from './chunk.ts'
import { recordHolds } from './holds.ts'
import type { BatchSlot } from './slots.ts'

/** Short, so that a crash is no long silence; a worker that lives renews it, however long a chunk takes. */
export const LEASE_MS = 15_000
export const LEASE_RENEWAL_MS = 4000
/** So many deliveries of a batch a worker may have sent, or be sending, that are not booked. */
export const UNBOOKED_MAX = 500
/** While the database was away nobody could renew. Who lives does so within this time of its start, and books what it has sent. */
const GRACE_AFTER_START = "interval '5 seconds'"
const IS_EXPIRED = `(b.lease_until < clock_timestamp()
  and pg_postmaster_start_time() < clock_timestamp() - ${GRACE_AFTER_START})`

export interface Batch {
  readonly id: number
  readonly messageId: string
  readonly appId: number
  readonly provider: Provider
  readonly bucketFrom: number
  readonly bucketTo: number
  /** The last device of the last finished chunk. */
  readonly cursor: Cursor | null
  /** Of this claim; every change of the batch asks for it. */
  readonly lease: string
  /** So many of its next deliveries may have been sent before and never booked: its worker died, stood still or failed. */
  readonly doubtful: number
  /** Of its chunks so many are booked. */
  readonly bookings: number
  readonly isRead: boolean
  /** A segment is a condition here. */
  readonly target: Target
  /** What the target's condition is read with; null when it is none. Days are counted back from the sending's begin, or of one
   * that is triggered from now. */
  readonly scope: ConditionScope | null
  readonly content: Content
  /** Null when the message asks for nothing. */
  readonly rules:
    | (MessageRules & {
        readonly sendRate?: number
        readonly route?: Route
        readonly pushAfterSeconds?: number
      })
    | null
  readonly ttlSeconds: number
  readonly priority: 'high' | 'normal'
  readonly collapseKey: string | null
  /** Null when it has no variants. */
  readonly experiment: BatchExperiment | null
  /** What is in its queue has been asked for by events. */
  readonly isTriggered: boolean
  /** From when on its deliveries live; ISO 8601. */
  readonly messageSendAt: string
  /** Null when it is for all devices of its range. */
  readonly slot: BatchSlot | null
  /** Of a call that rings, or has ended; null of all other messages. */
  readonly callId: string | null
  /** Who has to be logged in on the devices that are named; null: whoever uses them. */
  readonly onlyUser: string | null
  readonly addressKind: MessageAddressKind
  /** Of silent pushes that look for uninstallations; null of people's messages. */
  readonly knock: Knock | null
}

/** A device in bucket order. */
export interface Cursor {
  readonly bucket: number
  readonly hwid: string
}

/**
 * Who reads after another batch waits until that one is read. One that is held by a fault of ours holds up no later slot: whoever
 * has moved is asked for in both (slots.ts). The rest of an experiment waits for it, since a variant is asked for nobody's outcome.
 */
const IS_ITS_TURN = `(b.after_batch is null or exists (
         select from batch f where f.id = b.after_batch
            and (f.is_read or not b.is_rest and f.state = 'held' and f.held_reason = 'internal_error')))`

/** Uses the index batch_due_in_lane; workers pass each other instead of queueing up (`skip locked`). */
const dueUpTo = (lane: Lane) => `
    select b.id, b.state as former from batch b
      join message m on m.id = b.message_id and m.state = 'sending'
     where b.state in ('waiting', 'sending') and b.due_at <= $2 and b.lane <= ${lane}
       and (b.state = 'waiting' or ${IS_EXPIRED})
       and ${IS_ITS_TURN}
       and not exists (select from pace p
                        where p.name = b.paced_by and p.open_at > $2 and p.open_at <= $2 + interval '1 minute')
     order by b.lane, b.due_at, b.id
     limit 1
       for update of b skip locked`

/**
 * Of cancelled messages, whatever it waits for; of an experiment the rest first, since how its variants' batches were left says whom
 * it counts. Uses the index message_to_wind_up.
 */
const CANCELLED = `
    select b.id, b.state as former from message m
      join batch b on b.message_id = m.id
     where m.state = 'cancelled' and m.finished_at is null and $2::timestamptz is not null
       and (b.state in ('waiting', 'held') or b.state = 'sending' and ${IS_EXPIRED})
       and (m.experiment is null or not exists (
         select from batch r where r.message_id = b.message_id and r.after_batch = b.id and r.is_rest and r.state <> 'done'))
     limit 1
       for update of b skip locked`

const claimOf = (next: string) => `
  with next as (${next}
  )
  update batch b
     set state = 'sending', leased_by = $1, lease_until = clock_timestamp() + $3 * interval '1 millisecond',
         doubtful = case when next.former = 'sending' or b.failures > 0 then ${UNBOOKED_MAX} else b.doubtful end
    from next, message m
   where b.id = next.id and m.id = b.message_id
  returning b.id, b.message_id as "messageId", m.rules, b.app_id as "appId", b.provider, b.bucket_from as "bucketFrom",
            b.bucket_to as "bucketTo", b.leased_by as lease, b.doubtful, b.bookings,
            case when b.cursor_bucket is not null
                 then json_build_object('bucket', b.cursor_bucket, 'hwid', b.cursor_hwid) end as cursor,
            b.is_read as "isRead", case when m.target ? 'segment' then jsonb_build_object('condition', m.target) else m.target end as target,
            m.audience, m.content, m.ttl_seconds as "ttlSeconds", m.priority,
            m.collapse_key as "collapseKey", m.trigger is not null as "isTriggered",
            m.recall_of is not null and not m.content ? 'silent' as "isReplacement",
            case when m.experiment is not null
                 then jsonb_build_object('asked', m.experiment, 'seed', coalesce(m.trigger ->> 'id', m.id::text),
                                         'chosen', m.verdict ->> 'variant', 'isRest', b.is_rest) end as experiment, m.send_at as "sendAt",
            coalesce(b.send_at, m.send_at) as "messageSendAt", m.knock,
            m.call_id as "callId", m.only_user as "onlyUser", m.address_kind as "addressKind",
            case when b.slot_at is not null
                 then json_build_object('of', m.slot_of::text, 'after', b.slot_after, 'at', b.slot_at, 'begin', m.send_at) end as slot`

/** Planned once a connection: to plan one takes longer than to claim. */
const CLAIM_DUE: PlannedStatement = { name: 'claim_due', text: claimOf(dueUpTo(LANES.campaign)) }
const CLAIM_URGENT: PlannedStatement = { name: 'claim_urgent', text: claimOf(dueUpTo(LAST_URGENT_LANE)) }
const CLAIM_CANCELLED: PlannedStatement = { name: 'claim_cancelled', text: claimOf(CANCELLED) }

/** Leases the batch that has been due longest in the most urgent lane; undefined when none is. */
export async function claimBatch(
  db: Database,
  at: number,
  lanes: 'all' | 'urgent' = 'all',
): Promise<ClaimedBatch | undefined> {
  return claim(db, lanes === 'urgent' ? CLAIM_URGENT : CLAIM_DUE, at)
}

/** Leases a batch of a cancelled message that nobody sends of any more; undefined when there is none. */
export async function claimCancelled(db: Database, at: number): Promise<ClaimedBatch | undefined> {
  return claim(db, CLAIM_CANCELLED, at)
}

async function claim(
  db: Database,
  statement: PlannedStatement,
  at: number,
): Promise<ClaimedBatch | undefined> {
  const { rows } = await db.once<ClaimedBatch>(statement, [randomUUID(), new Date(at), LEASE_MS])
  return rows[0]
}

/** Leased, and what its condition means has not been read yet. */
export type ClaimedBatch = Omit<Batch, 'scope'> & MessageAudience

/** Apart from the claim: who can't read it still holds a lease to give back. */
export async function openBatch(db: Queryable, claimed: ClaimedBatch, at: number): Promise<Batch> {
  const { audience: _, sendAt, ...batch } = claimed
  const since = batch.isTriggered ? new Date(at).toISOString() : sendAt
  return { ...batch, scope: await scopeOf(db, { ...claimed, sendAt: since }) }
}

/** Whom a message is for, as it was planned. */
export interface MessageAudience {
  readonly appId: number
  readonly target: Target
  /** What its segments meant then; null when it names none. */
  readonly audience: KeptSegments | null
  /** When its sending began; ISO 8601. */
  readonly sendAt: string
  /** It puts other words in place of those that somebody was sent: not for whoever has logged in since. */
  readonly isReplacement?: boolean
}

/** Null when the target is no condition. */
export async function scopeOf(db: Queryable, message: MessageAudience): Promise<ConditionScope | null> {
  const { appId, target, audience, sendAt, isReplacement } = message
  if (!('condition' in target)) return null
  const kept = audience === null ? {} : { readSegments: keptSegments(audience) }
  const at = Date.parse(sendAt)
  return readScope(db, {
    appId,
    condition: target.condition,
    at,
    ...kept,
    isOfSamePerson: isReplacement,
  })
}

/** The lease ran out and somebody else may hold the batch: what this worker has not committed is not to count. */
export class LeaseLost extends Error {
  constructor(batchId: number) {
    super(`lease of batch ${batchId} was lost`)
    this.name = 'LeaseLost'
  }
}

/** What becomes known of a batch while it is in hand. */
export class LeaseState {
  /** A renewal found it in other hands. */
  isLost = false
  /** Its message is paused or cancelled: no delivery begins any more. */
  isStopped = false

  /** Asked of deliveries that wait for room at a gateway, too. */
  get isWanted(): boolean {
    return !this.isStopped && !this.isLost
  }
}

/** Of these messages, those that nothing is to be sent of now. */
export async function readStopped(
  db: Queryable,
  messageIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ id: string }>(
    "select id from message where id = any($1::uuid[]) and state <> 'sending'",
    [messageIds],
  )
  return new Set(rows.map(row => row.id))
}

/** R16: so many of the chunk's deaths ended no address. In the transaction that has advanced the batch. */
export async function noteHeldDeaths(tx: Queryable, { id }: Pick<Batch, 'id'>, count: number): Promise<void> {
  await tx.query('update batch set dead_held = dead_held + $2 where id = $1', [id, count])
}

/** A chunk may wait for slow gateways longer than a lease lasts; false when the lease is lost. */
export async function renewLease(db: Queryable, batch: Pick<Batch, 'id' | 'lease'>): Promise<boolean> {
  const { rowCount } = await db.query(
    `update batch set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
      where id = $1 and leased_by = $2 and state = 'sending'`,
    [batch.id, batch.lease, LEASE_MS],
  )
  return rowCount > 0
}

/**
 * Gives the batch back: held when a credential blocks all that is left of it; done when it is read through and nothing
 * waits; else waiting, not before `notBefore`, and when only its queue is left not before the first of that.
 */
const RELEASE = `
  with queue as (select min(due_at) as due_at from delivery_queue where batch_id = $1),
  next as (
    select case when $4::boolean or (b.is_read and queue.due_at = 'infinity') then 'held'
                when b.is_read and queue.due_at is null then 'done'
                else 'waiting' end as state,
           case when b.is_read and isfinite(queue.due_at) then queue.due_at end as due_at
      from batch b, queue where b.id = $1
  )
  update batch b
     set state = next.state,
         due_at = greatest($3, next.due_at),
         held_reason = case when next.state = 'held' then coalesce((
           select h.reason from batch_hold h where h.batch_id = b.id order by h.at desc, h.id desc limit 1
         ), 'credential_fault') end,
         held_at = case when next.state = 'held' then clock_timestamp() end,
         cursor_bucket = case when next.state <> 'done' then b.cursor_bucket end,
         cursor_hwid = case when next.state <> 'done' then b.cursor_hwid end, -- a name is kept as long as it serves
         leased_by = null, lease_until = null, paced_by = $5
    from next
   where b.id = $1 and b.leased_by = $2`

export async function releaseBatch(
  db: Database,
  batch: Pick<Batch, 'id' | 'lease'>,
  release: {
    readonly notBefore: number
    /** All that is left of the batch waits for this. */
    readonly blocker: Pause | undefined
    /** Name of the pace that has to be open before. */
    readonly pacedBy?: string
    readonly at: number
  },
): Promise<void> {
  const { blocker, at } = release
  const isBlocked = blocker !== undefined
  await db.transaction(async tx => {
    if (isBlocked)
      await recordHolds(tx, { batchId: batch.id, pauses: [blocker], at, unfitFor: () => [], isBlocked })
    tx.send(RELEASE, [batch.id, batch.lease, new Date(release.notBefore), isBlocked, release.pacedBy ?? null])
  })
}

/** After so many failures of our own in a row a batch is held until somebody looks: each repeat may send again. */
const FAILURES_MAX = 3

/**
 * Nothing of it was pushed that is not booked: it may go on, at once or not before `notBefore` (ms). What devices were handed comes to them with
 * the same id.
 */
export async function returnBatch(
  db: Queryable,
  batch: Pick<Batch, 'id' | 'lease'>,
  notBefore?: number,
): Promise<void> {
  await db.query(
    `update batch set state = 'waiting', leased_by = null, lease_until = null, due_at = coalesce($3, due_at)
      where id = $1 and leased_by = $2`,
    [batch.id, batch.lease, notBefore === undefined ? null : new Date(notBefore)],
  )
}

/** Something of ours failed; the batch comes back after a pause, or is held: at once where a repeat can't help. */
export async function failBatch(
  db: Queryable,
  batch: Pick<Batch, 'id' | 'lease'>,
  { at, isHopeless }: { readonly at: number; readonly isHopeless: boolean },
): Promise<void> {
  await db.query(
    `update batch
        set failures = failures + 1, leased_by = null, lease_until = null,
            state = case when failures + 1 >= $3 then 'held' else 'waiting' end,
            held_reason = case when failures + 1 >= $3 then 'internal_error' end,
            held_at = clock_timestamp(),
            due_at = $4::timestamptz + (failures + 1) * interval '5 seconds'
      where id = $1 and leased_by = $2`,
    [batch.id, batch.lease, isHopeless ? 1 : FAILURES_MAX, new Date(at)],
  )
}

/** And what is not divided into batches yet is not done either. */
const ALL_BATCHES_DONE = `not exists (select from batch b where b.message_id = m.id and b.state <> 'done')
  and not exists (select from slot_range r where r.message_id = m.id)`

/** In this order: a round has batches without number. */
const IS_FINISHED = `case when exists (select from trigger_round r where r.message_id = m.id and r.is_open) then false
  else ${ALL_BATCHES_DONE} end`

/**
 * A message is done when all its batches are, also one that was paused while the last of it was in hand, and a round when it
 * gets no more; safe to call at any time, by anybody. Uses the index message_to_end.
 */
export async function finishMessages(db: Queryable, at: number): Promise<void> {
  await db.query(
    `update message m set state = 'done', finished_at = $1
      where state in ('sending', 'paused') and planned_at is not null and ${IS_FINISHED}`,
    [new Date(at)],
  )
}

/** A cancelled one has finished when all is counted. */
export async function finishCancelled(db: Queryable, at: number): Promise<void> {
  await db.query(
    `update message m set finished_at = $1
      where state = 'cancelled' and finished_at is null and ${ALL_BATCHES_DONE}`,
    [new Date(at)],
  )
}
