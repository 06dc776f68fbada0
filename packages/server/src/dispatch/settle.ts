/**
 * From outcomes to rows: what each delivery of a chunk came to, in one transaction with the batch's progress, so that
 * a worker that dies either did all of it or nothing.
 */
import type { AttemptOutcome } from '@roost/gateways'
import { endPause, type Pause, pauseCredential, proveCredentials } from '../credentials/pauses.ts'
import { type AddressResult, applyResults, type Trust } from '../hygiene/results.ts'
import { raiseBadges } from '../messages/badges.ts'
import type { Database, Queryable } from '../store/database.ts'
import { type Accepted, writeAcceptances } from './acceptances.ts'
import { giveBackPlaces } from './caps.ts'
import type { Recipient } from './chunk.ts'
import { type Held, pauseKey, recordHolds } from './holds.ts'
import { advanceBatch, type Batch, type Cursor, noteHeldDeaths } from './lease.ts'
import { isOneWay, LONGEST_WAIT_MS } from './scope.ts'

/** What one delivery came to in this chunk. */
export type Settlement = { readonly bucket: number; readonly hwid: string; readonly attempt: number } & (
  | {
      readonly kind: 'sent'
      readonly recipient: Recipient
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
  /** Waits without an attempt, until its origin may be asked again. */
  | { readonly kind: 'deferred'; readonly dueAt: number; readonly reason: string }
)

/** A credential fault is no outcome of a delivery: it is held. */
export type SettledOutcome = Exclude<AttemptOutcome, { kind: 'credential_fault' }>

export interface Chunk {
  readonly batch: Batch
  readonly settlements: readonly Settlement[]
  /** Its badge is counted for each device. */
  readonly isCounted: boolean
  /** Its deliveries take places of caps. */
  readonly takesPlaces: boolean
  /** They come from the queue, and were counted as targeted when they came into it. */
  readonly isFromQueue: boolean
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

type ExceptionOutcome = 'dead' | 'failed' | 'skipped' | 'uncertain'

interface Key {
  readonly bucket: number
  readonly hwid: string
}

/** What is written for a chunk, sorted out by table. */
interface Plan {
  readonly exceptions: (Key & { readonly outcome: ExceptionOutcome; readonly reason: string })[]
  readonly waiting: (Key & {
    readonly attempt: number
    /** Null: until the pause is over. */
    readonly dueAt: number | null
    readonly pause: Pause | null
    readonly reason: string
  })[]
  readonly results: AddressResult[]
  /** The gateway took others of this chunk, and by the same way. */
  readonly tookOthers: boolean
  readonly accepted: Accepted[]
}

/** Throws LeaseLost, and then nothing of the chunk is stored. */
export async function settleChunk(db: Database, chunk: Chunk): Promise<void> {
  await db.transaction(async tx => {
    const plan = planOf(chunk, await readReplaced(tx, chunk))
    const count = (outcome: ExceptionOutcome) => plan.exceptions.filter(it => it.outcome === outcome).length
    await advanceBatch(tx, {
      batch: chunk.batch,
      cursor: chunk.cursor,
      isRead: chunk.isRead,
      targeted: chunk.isFromQueue ? 0 : chunk.settlements.length,
      accepted: plan.accepted.length,
      dead: count('dead'),
      failed: count('failed'),
      skipped: count('skipped'),
      uncertain: count('uncertain'),
    })
    if (chunk.isFromQueue) await dequeue(tx, chunk)
    await enqueue(tx, chunk, plan)
    await insertExceptions(tx, chunk, plan)
    await writeAcceptances(tx, { batch: chunk.batch, accepted: plan.accepted, at: chunk.at })
    if (chunk.isCounted) await raiseBadges(tx, chunk.batch.appId, acceptedOf(plan))
    if (chunk.takesPlaces) await giveBackPlaces(tx, chunk.batch, unseen(plan))
    const { heldDeaths } = await applyResults(tx, plan.results, chunk.at)
    if (heldDeaths > 0) await noteHeldDeaths(tx, chunk.batch, heldDeaths)
    for (const pause of chunk.refused) await pauseCredential(tx, { ...pause, at: chunk.at })
    for (const pause of chunk.mended) await endPause(tx, pause)
    if (chunk.proven.length > 0) await proveCredentials(tx, chunk.proven)
  })
}

/**
 * Race D: devices whose address was refused for good, and that have another one by now. The message was for the device, so
 * it goes there (R11). Of a device one address is sent to, so the other one is newer, whatever the clocks say: it may
 * have come before the sending, after the chunk was read.
 */
const REPLACED = `
  select i.hwid
    from unnest($2::smallint[], $3::text[], $4::bytea[]) as i (bucket, hwid, hash)
    join address a on a.bucket = i.bucket and a.app_id = $1 and a.hwid = i.hwid and a.kind = 'alert'
                  and a.state in ('active', 'suspect') and a.address_hash <> i.hash`

async function readReplaced(tx: Queryable, { batch, settlements }: Chunk): Promise<ReadonlySet<string>> {
  const refused = settlements.flatMap(it => (it.kind === 'sent' && isAddressRefused(it.outcome) ? [it] : []))
  if (refused.length === 0) return new Set()
  const { rows } = await tx.query<{ hwid: string }>(REPLACED, [
    batch.appId,
    refused.map(it => it.bucket),
    refused.map(it => it.hwid),
    refused.map(it => it.recipient.hash),
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
  const plan: Plan = { exceptions: [], waiting: [], results: [], tookOthers, accepted: [] }
  for (const settlement of chunk.settlements) {
    switch (settlement.kind) {
      case 'skipped':
        plan.exceptions.push({ ...keyOf(settlement), outcome: 'skipped', reason: settlement.reason })
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

function acceptedOf({ results }: Plan): AddressResult[] {
  return results.filter(it => it.kind === 'accepted' || it.kind === 'corrected')
}

/** Whether the gateway took any of them. */
export function hasAccepted(settlements: readonly Settlement[]): boolean {
  return settlements.some(it => it.kind === 'sent' && it.outcome.kind === 'accepted')
}

function keyOf({ bucket, hwid }: Key): Key {
  return { bucket, hwid }
}

function sortOut(plan: Plan, sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk): void {
  const { outcome } = sent
  const key = keyOf(sent)
  const except = (kind: ExceptionOutcome, reason: string) =>
    plan.exceptions.push({ ...key, outcome: kind, reason })
  switch (outcome.kind) {
    case 'accepted':
      plan.accepted.push({ ...key, attempt: sent.attempt })
      plan.results.push(acceptedResult(sent, chunk))
      return
    case 'address_dead':
      except('dead', outcome.reason)
      plan.results.push(refusedResult(sent, outcome, chunk))
      return
    case 'address_mismatch':
      except('failed', outcome.reason)
      plan.results.push(refusedResult(sent, outcome, chunk))
      return
    case 'message_fault':
      except('failed', outcome.reason)
      return
    case 'uncertain':
      // A repeat might show it twice; the sender is told instead.
      except('uncertain', outcome.reason)
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

function acceptedResult(sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk): AddressResult {
  const result = resultOf(sent, chunk, 'accepted')
  const { acceptedIn, recipient } = sent
  if (acceptedIn === undefined) return { ...result, kind: 'accepted', isNews: !recipient.isConfirmed }
  return { ...result, kind: 'corrected', environment: acceptedIn, address: recipient }
}

function resultOf(sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk, reason: string) {
  const { recipient, by } = sent
  return {
    bucket: recipient.bucket,
    appId: chunk.batch.appId,
    hwid: recipient.hwid,
    hash: recipient.hash,
    generation: recipient.generation,
    sentAt: sent.sentAt,
    reason,
    messageId: chunk.batch.messageId,
    via: by,
  }
}

const FIRST_RETRY_MS = 1000
/** With the delays above some six hours, unless the message expires before. */
const TRIES_MAX = 16
/** After a request that never reached the gateway. It is no try: only the message's end ends it. */
const REPEAT_MS = 50
/** How long such a request waits at most for its next chance. */
const REPEAT_MAX_MS = 60_000

/**
 * When the next try is due. The gateway's own word comes first, else exponential with jitter. What never reached the
 * gateway is repeated at once where the gateway took others of the chunk (a refused stream, a connection that went
 * away), else after a tenth of the message's age, so that an origin that is gone is asked less and less.
 */
function retryDelayMs(
  attempt: number,
  outcome: AttemptOutcome,
  place: { readonly ageMs: number; readonly tookOthers: boolean; readonly random: () => number },
): number {
  const { ageMs, tookOthers, random } = place
  if (outcome.kind === 'not_sent') {
    const pause = tookOthers ? REPEAT_MS : Math.min(REPEAT_MAX_MS, Math.max(REPEAT_MS, ageMs / 10))
    return pause * (1 + random())
  }
  if (outcome.kind === 'retry' && outcome.afterMs !== undefined)
    return Math.min(LONGEST_WAIT_MS, outcome.afterMs)
  return Math.min(LONGEST_WAIT_MS, FIRST_RETRY_MS * 2 ** (attempt - 1)) * (0.75 + random() / 2)
}

function retryLater(plan: Plan, sent: Extract<Settlement, { kind: 'sent' }>, chunk: Chunk): void {
  const { outcome, attempt } = sent
  const reason = 'reason' in outcome ? outcome.reason : outcome.kind
  const isTry = outcome.kind === 'retry'
  const ageMs = chunk.at - Date.parse(chunk.batch.messageSendAt)
  const place = { ageMs, tookOthers: plan.tookOthers, random: chunk.random }
  const dueAt = chunk.at + retryDelayMs(attempt, outcome, place)
  const isOver = dueAt > expiresAt(chunk.batch) || (isTry && attempt >= TRIES_MAX)
  if (isOver) plan.exceptions.push({ ...keyOf(sent), outcome: 'failed', reason: `gave_up: ${reason}` })
  else plan.waiting.push({ ...keyOf(sent), attempt: attempt + (isTry ? 1 : 0), dueAt, pause: null, reason })
}

function waitUntil(plan: Plan, deferred: Extract<Settlement, { kind: 'deferred' }>, chunk: Chunk): void {
  const { attempt, dueAt, reason } = deferred
  if (dueAt > expiresAt(chunk.batch))
    plan.exceptions.push({ ...keyOf(deferred), outcome: 'failed', reason: `gave_up: ${reason}` })
  else plan.waiting.push({ ...keyOf(deferred), attempt, dueAt, pause: null, reason })
}

/** A message that is now or never is still tried for a minute: it is the gateway that shall not store it. */
const SHORTEST_LIFE_MS = 60_000

export function expiresAt(batch: Batch): number {
  return Date.parse(batch.messageSendAt) + Math.max(SHORTEST_LIFE_MS, batch.ttlSeconds * 1000)
}

async function dequeue(tx: Queryable, chunk: Chunk): Promise<void> {
  await tx.query(
    `delete from delivery_queue q using unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
      where q.message_id = $1 and q.bucket = i.bucket and q.hwid = i.hwid`,
    [chunk.batch.messageId, chunk.settlements.map(it => it.bucket), chunk.settlements.map(it => it.hwid)],
  )
}

async function enqueue(tx: Queryable, chunk: Chunk, plan: Plan): Promise<void> {
  if (plan.waiting.length === 0) return
  const pauses = plan.waiting.flatMap(it => (it.pause === null ? [] : [it.pause]))
  const { batch, at, unfitFor } = chunk
  const holds = await recordHolds(tx, { batchId: batch.id, pauses, at, unfitFor, isBlocked: false })
  await tx.query(
    `insert into delivery_queue (bucket, message_id, hwid, app_id, batch_id, attempt, due_at, reason, hold_id)
     select i.bucket, $1, i.hwid, $2, $3, i.attempt, coalesce(i.due_at, 'infinity'), i.reason, i.hold_id
       from unnest($4::smallint[], $5::text[], $6::integer[], $7::timestamptz[], $8::text[], $9::bigint[])
              as i (bucket, hwid, attempt, due_at, reason, hold_id)
     on conflict (bucket, message_id, hwid) do update
        set attempt = excluded.attempt, due_at = excluded.due_at, reason = excluded.reason,
            hold_id = excluded.hold_id, probe_part = null`,
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
    ],
  )
}

async function insertExceptions(tx: Queryable, chunk: Chunk, plan: Plan): Promise<void> {
  if (plan.exceptions.length === 0) return
  await tx.query(
    `insert into delivery_exception (bucket, message_id, hwid, app_id, provider, at, outcome, reason)
     select i.bucket, $1, i.hwid, $2, $3, $4, i.outcome, i.reason
       from unnest($5::smallint[], $6::text[], $7::text[], $8::text[]) as i (bucket, hwid, outcome, reason)
     on conflict do nothing`,
    [
      chunk.batch.messageId,
      chunk.batch.appId,
      chunk.batch.provider,
      new Date(chunk.at),
      plan.exceptions.map(it => it.bucket),
      plan.exceptions.map(it => it.hwid),
      plan.exceptions.map(it => it.outcome),
      plan.exceptions.map(it => it.reason),
    ],
  )
}
