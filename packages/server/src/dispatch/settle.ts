/**
 * From outcomes to rows: what each delivery of a chunk came to, in one transaction with the batch's progress, so that
 * a worker that dies either did all of it or nothing.
 */
import type { AttemptOutcome } from '@roost/gateways'
import { endPause, type Pause, pauseCredential, proveCredentials } from '../credentials/pauses.ts'
import {
  type AddressKey,
  type AddressResult,
  applyResults,
  type Trust,
  type Via,
} from '../hygiene/results.ts'
import { raiseBadges } from '../messages/badges.ts'
import type { Database, Queryable } from '../store/database.ts'
import type { Accepted } from './acceptances.ts'
import { bookProgress, type Exception, type ExceptionOutcome } from './booking.ts'
import { giveBackPlaces } from './caps.ts'
import { addressHashOf, type Recipient } from './chunk.ts'
import { type Held, pauseKey, recordHolds } from './holds.ts'
import { type Batch, type Cursor, noteHeldDeaths } from './lease.ts'
import { retryDelayMs, TRIES_MAX } from './retries.ts'
import { isOneWay } from './scope.ts'
import { countVariants, type VariantPlaces } from './variants.ts'

/** What one delivery came to in this chunk. */
export type Settlement = { readonly bucket: number; readonly hwid: string; readonly attempt: number } & (
  | {
      readonly kind: 'sent'
      readonly recipient: Recipient
      /** Of message and device, hex. */
      readonly hash: string
      /** What it was sent with. */
      readonly by: Omit<Pause, 'reason'>
      readonly sentAt: number
      readonly outcome: SettledOutcome
      /** What a mismatch may do to the address; other outcomes don't ask. */
      readonly trust: Trust
      /** R12: accepted in the other environment, this one. */
      readonly acceptedIn: string | undefined
    }
  | { readonly kind: 'skipped'; readonly reason: string }
  /** Waits for what is paused of its credential; it is no attempt, even where the gateway was asked. */
  | { readonly kind: 'held'; readonly pause: Pause }
  /** Over the live channel: the device has acknowledged it, or had not when its time was over and there is no other road. */
  | { readonly kind: 'live'; readonly hash: string; readonly isAcknowledged: boolean }
  /** Waits without an attempt, until its origin may be asked again. */
  | { readonly kind: 'deferred'; readonly dueAt: number; readonly reason: string }
)

/** A credential fault is no outcome of a delivery: it is held. */
export type SettledOutcome = Exclude<AttemptOutcome, { kind: 'credential_fault' }>

export interface Chunk {
  readonly batch: Batch
  readonly settlements: readonly Settlement[]
  /** Deliveries that were looked at: these, and what needed none. */
  readonly looked: number
  /** Its badge is counted for each device. */
  readonly isCounted: boolean
  /** Its deliveries take places of caps. */
  readonly takesPlaces: boolean
  /** They come from the queue, and were counted as targeted when they came into it. */
  readonly isFromQueue: boolean
  /** Place of each device in the counts of variants; null when there are none. */
  readonly places: VariantPlaces | null
  /** Of these an earlier try may have arrived. */
  readonly unsure: ReadonlySet<string>
  /** Of these a frame of the live channel may have arrived; none of a gateway's. Absent for messages that go by push alone. */
  readonly onAir?: ReadonlySet<string> | undefined
  readonly cursor: Cursor | null
  readonly isRead: boolean
  /** What gateways refused in this chunk. */
  readonly refused: readonly Pause[]
  /** Pauses that a probe has ended. */
  readonly mended: readonly Omit<Pause, 'reason'>[]
  /** What has accepted something for the first time. */
  readonly proven: readonly Omit<Pause, 'reason'>[]
  readonly unfitFor: Held['unfitFor']
  readonly at: number
  /** 0 ≤ n < 1, spreads retries. */
  readonly random: () => number
}

interface Key {
  readonly bucket: number
  readonly hwid: string
}

/** What is written for a chunk, sorted out by table. */
interface Plan {
  readonly exceptions: Exception[]
  readonly waiting: (Key & {
    readonly attempt: number
    /** Null: until the pause is over. */
    readonly dueAt: number | null
    readonly pause: Pause | null
    readonly reason: string
    /** In this try; earlier ones are the chunk's to know. */
    readonly mayHaveArrived?: boolean
  })[]
  readonly results: AddressResult[]
  /** Acceptances that change nothing, by what they were got with. */
  readonly plain: Map<Via, number>
  /** The gateway took others of this chunk, and by the same way. */
  readonly tookOthers: boolean
  readonly accepted: Accepted[]
}

/** R12: of those whom the gateway took it for, the ones that this is news of. */
export function firstAcceptancesOf(appId: number, settlements: readonly Settlement[]): AddressKey[] {
  return settlements.flatMap(it => {
    if (it.kind !== 'sent' || it.outcome.kind !== 'accepted' || it.acceptedIn !== undefined) return []
    const { bucket, hwid, generation, environment, wasAccepted, isConfirmed } = it.recipient
    const isFirst = isConfirmed && !wasAccepted && environment !== ''
    return isFirst ? [{ bucket, appId, hwid, hash: addressHashOf(it.recipient), generation }] : []
  })
}

/** Throws LeaseLost, also when it is booked already, and then nothing of the chunk is stored. */
export async function settleChunk(db: Database, chunk: Chunk): Promise<void> {
  await db.plannedTransaction(async tx => {
    const plan = planOf(chunk, await readReplaced(tx, chunk))
    const { exceptions, accepted } = plan
    await bookProgress(tx, {
      ...chunk,
      targeted: chunk.isFromQueue ? 0 : chunk.settlements.length,
      accepted,
      exceptions,
      repeated: countRepeated(chunk),
    })
    await countByVariant(tx, chunk, plan)
    if (chunk.isFromQueue) await dequeue(tx, chunk, plan)
    await enqueue(tx, chunk, plan)
    if (chunk.isCounted) await raiseBadges(tx, chunk.batch.appId, plan.accepted)
    if (chunk.takesPlaces) await giveBackPlaces(tx, chunk.batch, unseen(plan))
    const { heldDeaths } = await applyResults(tx, plan.results, chunk.at, {
      appId: chunk.batch.appId,
      plain: plainOf(plan, chunk),
    })
    if (heldDeaths > 0) await noteHeldDeaths(tx, chunk.batch, heldDeaths)
    for (const pause of chunk.refused) await pauseCredential(tx, { ...pause, at: chunk.at })
    for (const pause of chunk.mended) await endPause(tx, pause)
    if (chunk.proven.length > 0) await proveCredentials(tx, chunk.proven)
  })
}

async function countByVariant(
  tx: Queryable,
  { batch: { id, experiment }, places }: Chunk,
  { exceptions, accepted }: Plan,
): Promise<void> {
  if (experiment === null || places === null) return
  await countVariants(tx, { id, asked: experiment.asked }, [
    ...exceptions.map(({ hwid, outcome }) => ({ place: places.get(hwid), outcome })),
    ...accepted.map(({ hwid }) => ({ place: places.get(hwid), outcome: 'accepted' as const })),
  ])
}

/**
 * Race D: devices whose address was refused for good, and that have another one by now. The message was for the device, so
 * it goes there (R11). Of a device one address is sent to, so the other one is newer, whatever the clocks say: it may
 * have come before the sending, after the chunk was read.
 */
const REPLACED = `
  select i.hwid
    from unnest($2::smallint[], $3::text[], $4::bytea[]) as i (bucket, hwid, hash)
    join address a on a.bucket = i.bucket and a.app_id = $1 and a.hwid = i.hwid and a.kind = $5
                  and a.state in ('active', 'suspect') and a.address_hash <> i.hash`

async function readReplaced(tx: Queryable, { batch, settlements }: Chunk): Promise<ReadonlySet<string>> {
  const refused = settlements.flatMap(it => (it.kind === 'sent' && isAddressRefused(it.outcome) ? [it] : []))
  if (refused.length === 0) return new Set()
  const { rows } = await tx.query<{ hwid: string }>(REPLACED, [
    batch.appId,
    refused.map(it => it.bucket),
    refused.map(it => it.hwid),
    refused.map(it => addressHashOf(it.recipient)),
    batch.addressKind,
  ])
  return new Set(rows.map(row => row.hwid))
}

function isAddressRefused(
  outcome: SettledOutcome,
): outcome is Extract<SettledOutcome, { kind: 'address_dead' | 'address_mismatch' }> {
  return outcome.kind === 'address_dead' || outcome.kind === 'address_mismatch'
}

function planOf(chunk: Chunk, replaced: ReadonlySet<string>): Plan {
  const tookOthers = isOneWay(chunk.batch.provider) && hasAccepted(chunk.settlements)
  const plan: Plan = { exceptions: [], waiting: [], results: [], plain: new Map(), tookOthers, accepted: [] }
  for (const settlement of chunk.settlements) {
    switch (settlement.kind) {
      case 'skipped':
        except(plan, chunk, { ...keyOf(settlement), outcome: 'skipped', reason: settlement.reason })
        break
      case 'held':
        plan.waiting.push({
          ...keyOf(settlement),
          attempt: settlement.attempt,
          dueAt: null,
          pause: settlement.pause,
          reason: settlement.pause.reason,
        })
        break
      case 'deferred':
        waitUntil(plan, settlement, chunk)
        break
      case 'live':
        if (settlement.isAcknowledged) plan.accepted.push(settlement)
        else
          plan.exceptions.push({
            ...keyOf(settlement),
            outcome: 'uncertain',
            reason: 'live_unacknowledged',
          })
        break
      case 'sent':
        if (replaced.has(settlement.hwid)) sendToNext(plan, settlement, chunk)
        else sortOut(plan, settlement, chunk)
    }
  }
  return plan
}

/** Those whom the message did not reach for certain. */
function unseen({ exceptions }: Plan): Key[] {
  return exceptions.filter(it => it.outcome !== 'uncertain')
}

/** Whether the gateway took any of them. */
export function hasAccepted(settlements: readonly Settlement[]): boolean {
  return settlements.some(it => it.kind === 'sent' && it.outcome.kind === 'accepted')
}

function keyOf({ bucket, hwid }: Key): Key {
  return { bucket, hwid }
}

/** The gateway took them, or may have, and so it may have before. */
function countRepeated({ batch, settlements, unsure }: Chunk): number {
  const isInDoubt = batch.doubtful > 0
  if (!isInDoubt && unsure.size === 0) return 0
  return settlements.filter(
    it =>
      it.kind === 'sent' &&
      (it.outcome.kind === 'accepted' || it.outcome.kind === 'uncertain') &&
      (isInDoubt || unsure.has(it.hwid)),
  ).length
}

/** What may have arrived in an earlier try, or in that of a worker that was lost, is never said to have failed. */
function except(plan: Plan, { unsure, onAir, batch }: Chunk, exception: Plan['exceptions'][number]): void {
  const { outcome, reason, hwid } = exception
  const isUnsure =
    outcome !== 'dead' &&
    (unsure.has(hwid) || onAir?.has(hwid) === true || (batch.doubtful > 0 && IS_TOO_LATE.test(reason)))
  plan.exceptions.push(isUnsure ? { ...exception, outcome: 'uncertain' } : exception)
}

/**
 * Nobody is asked any more, or nobody is there any more to hear it over its channel; whatever else ends a delivery would have ended it in
 * the hands of that worker, too.
 */
const IS_TOO_LATE = /^(expired$|gave_up|not_online$|no_address$)/

function sortOut(plan: Plan, sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk): void {
  const { outcome } = sent
  const end = (kind: ExceptionOutcome, reason: string) =>
    except(plan, chunk, { ...keyOf(sent), outcome: kind, reason })
  switch (outcome.kind) {
    case 'accepted':
      plan.accepted.push(sent)
      if (isPlain(sent)) plan.plain.set(sent.by, (plan.plain.get(sent.by) ?? 0) + 1)
      else plan.results.push(acceptedResult(sent, chunk))
      return
    case 'address_dead':
      end('dead', outcome.reason)
      plan.results.push(refusedResult(sent, outcome, chunk))
      return
    case 'address_mismatch':
      end('failed', outcome.reason)
      plan.results.push(refusedResult(sent, outcome, chunk))
      return
    case 'message_fault':
      end('failed', outcome.reason)
      return
    case 'uncertain':
      // A repeat might show it twice, unless it takes the place of the first; else the sender is told instead.
      if (chunk.batch.collapseKey === null || outcome.showsTwice === true) end('uncertain', outcome.reason)
      else retryLater(plan, sent, chunk)
      return
    case 'retry':
    case 'not_sent':
      retryLater(plan, sent, chunk)
  }
}

function sendToNext(plan: Plan, sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk): void {
  const { outcome } = sent
  if (!isAddressRefused(outcome)) return sortOut(plan, sent, chunk)
  plan.results.push(refusedResult(sent, outcome, chunk))
  const next = { ...keyOf(sent), attempt: sent.attempt, dueAt: chunk.at, reason: 'address_replaced' }
  plan.waiting.push({ ...next, pause: null })
}

function refusedResult(
  sent: Extract<Settlement, { kind: 'sent' }>,
  outcome: Extract<SettledOutcome, { kind: 'address_dead' | 'address_mismatch' }>,
  chunk: Chunk,
): AddressResult {
  const result = resultOf(sent, chunk, outcome.reason)
  if (outcome.kind === 'address_mismatch') return { ...result, kind: 'mismatch', trust: sent.trust }
  return { ...result, kind: 'dead', since: outcome.since?.getTime() ?? null }
}

/** Nothing was said against its address, so there is nothing to mend. */
function isPlain({ acceptedIn, recipient }: Extract<Settlement, { kind: 'sent' }>): boolean {
  return acceptedIn === undefined && recipient.isConfirmed
}

function acceptedResult(sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk): AddressResult {
  const result = resultOf(sent, chunk, 'accepted')
  const { acceptedIn, recipient } = sent
  if (acceptedIn === undefined) return { ...result, kind: 'accepted' }
  return { ...result, kind: 'corrected', environment: acceptedIn, address: recipient }
}

function resultOf(sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk, reason: string) {
  const { recipient, by } = sent
  return {
    bucket: recipient.bucket,
    appId: chunk.batch.appId,
    hwid: recipient.hwid,
    hash: addressHashOf(recipient),
    generation: recipient.generation,
    sentAt: sent.sentAt,
    reason,
    messageId: chunk.batch.messageId,
    via: viaOf(by, chunk),
  }
}

function plainOf({ plain }: Plan, chunk: Chunk): ReadonlyMap<Via, number> {
  if (chunk.batch.knock === null) return plain
  return new Map([...plain].map(([by, count]) => [viaOf(by, chunk), count]))
}

/** R16: many of those who are knocked at for a doubt are dead, so the guard knows them by themselves, with a norm of their own. */
function viaOf(by: Via, { batch: { knock } }: Chunk): Via {
  return knock?.mode === 'doubt' ? { ...by, part: `${by.part} doubt`.trim() } : by
}

function retryLater(plan: Plan, sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk): void {
  const { outcome, attempt } = sent
  const reason = 'reason' in outcome ? outcome.reason : outcome.kind
  const isTry = outcome.kind !== 'not_sent'
  const ageMs = chunk.at - Date.parse(chunk.batch.messageSendAt)
  const place = { ageMs, tookOthers: plan.tookOthers, random: chunk.random }
  const dueAt = chunk.at + retryDelayMs(attempt, outcome, place)
  const isOver = dueAt > expiresAt(chunk.batch) || (isTry && attempt >= TRIES_MAX)
  const isUncertain = outcome.kind === 'uncertain'
  if (isOver && isUncertain) plan.exceptions.push({ ...keyOf(sent), outcome: 'uncertain', reason })
  else if (isOver) except(plan, chunk, { ...keyOf(sent), outcome: 'failed', reason: `gave_up: ${reason}` })
  else {
    const next = { ...keyOf(sent), attempt: attempt + (isTry ? 1 : 0), dueAt, pause: null, reason }
    plan.waiting.push({ ...next, ...(isUncertain && { mayHaveArrived: true }) })
  }
}

function waitUntil(plan: Plan, deferred: Extract<Settlement, { kind: 'deferred' }>, chunk: Chunk): void {
  const { attempt, dueAt, reason } = deferred
  if (dueAt > expiresAt(chunk.batch))
    except(plan, chunk, { ...keyOf(deferred), outcome: 'failed', reason: `gave_up: ${reason}` })
  else plan.waiting.push({ ...keyOf(deferred), attempt, dueAt, pause: null, reason })
}

/** A message that is now or never is still tried for a minute: it is the gateway that shall not store it. */
const SHORTEST_LIFE_MS = 60_000

export function expiresAt(
  batch: Pick<Batch, 'messageSendAt' | 'ttlSeconds'> & Partial<Pick<Batch, 'callId'>>,
): number {
  const { messageSendAt, ttlSeconds, callId = null } = batch
  // What rings after its time is a ghost, whoever stores it.
  const shortestMs = callId === null ? SHORTEST_LIFE_MS : 0
  return Date.parse(messageSendAt) + Math.max(shortestMs, ttlSeconds * 1000)
}

/** What goes on waiting stays, with the event that asked for it. */
async function dequeue(tx: Queryable, chunk: Chunk, { waiting }: Plan): Promise<void> {
  const staying = new Set(waiting.map(it => it.hwid))
  const over = chunk.settlements.filter(it => !staying.has(it.hwid))
  await tx.query(
    `delete from delivery_queue q using unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
      where q.message_id = $1 and q.bucket = i.bucket and q.hwid = i.hwid`,
    [chunk.batch.messageId, over.map(it => it.bucket), over.map(it => it.hwid)],
  )
}

async function enqueue(tx: Queryable, chunk: Chunk, plan: Plan): Promise<void> {
  if (plan.waiting.length === 0) return
  const pauses = plan.waiting.flatMap(it => (it.pause === null ? [] : [it.pause]))
  const { batch, at, unfitFor } = chunk
  const holds = await recordHolds(tx, { batchId: batch.id, pauses, at, unfitFor, isBlocked: false })
  await tx.query(
    `insert into delivery_queue (bucket, message_id, hwid, app_id, batch_id, attempt, due_at, reason, hold_id,
                                 may_have_arrived)
     select i.bucket, $1, i.hwid, $2, $3, i.attempt, coalesce(i.due_at, 'infinity'), i.reason, i.hold_id,
            i.may_have_arrived
       from unnest($4::smallint[], $5::text[], $6::integer[], $7::timestamptz[], $8::text[], $9::bigint[], $10::boolean[])
              as i (bucket, hwid, attempt, due_at, reason, hold_id, may_have_arrived)
     on conflict (bucket, message_id, hwid) do update
        set attempt = excluded.attempt, due_at = excluded.due_at, reason = excluded.reason,
            hold_id = excluded.hold_id, probe_part = null, may_have_arrived = excluded.may_have_arrived`,
    [
      chunk.batch.messageId,
      chunk.batch.appId,
      chunk.batch.id,
      plan.waiting.map(it => it.bucket),
      plan.waiting.map(it => it.hwid),
      plan.waiting.map(it => it.attempt),
      plan.waiting.map(it => (it.dueAt === null ? null : new Date(it.dueAt))),
      plan.waiting.map(it => it.reason),
      plan.waiting.map(it => (it.pause === null ? null : holds.get(pauseKey(it.pause)))),
      plan.waiting.map(
        it => chunk.batch.doubtful > 0 || it.mayHaveArrived === true || chunk.unsure.has(it.hwid),
      ),
    ],
  )
}
