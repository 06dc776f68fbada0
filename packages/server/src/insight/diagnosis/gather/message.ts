/** What is on record of one message for one device. */
import {
  type Content,
  type Experiment,
  type MessageRules,
  type MessageState,
  PushError,
  type Target,
} from '@roost/protocol'
import type { KeptSegments } from '../../../audience/segment-meaning.ts'
import { contentOf, partOf, slotOf } from '../../../messages/experiments/parts.ts'
import { traceMessage } from '../../../messages/trace.ts'
import { bucketOf } from '../../../registry/buckets.ts'
import type { Queryable } from '../../../store/database.ts'
import type { AddressFacts, BatchFacts, DeviceFacts, MessageFacts } from '../facts.ts'
import { readAudienceFacts } from './audience.ts'
import { readReplacement } from './lately.ts'

/** A message that is now or never is still tried for a minute (dispatch/settle.ts). */
const SHORTEST_LIFE_MS = 60_000

interface MessageRow {
  readonly state: MessageState
  readonly target: Target
  readonly audience: KeptSegments | null
  readonly content: Content
  readonly rules: (MessageRules & { readonly sendRate?: number }) | null
  readonly experiment: Experiment | null
  readonly ttlSeconds: number
  readonly collapseKey: string | null
  readonly isByClock: boolean
  readonly isInboxOnly: boolean
  readonly sendAt: string
  readonly plannedAt: string | null
  readonly finishedAt: string | null
  readonly areWorkersAlive: boolean
  readonly createdAt: string
  readonly warnings: readonly string[] | null
  readonly recalledAt: string | null
  readonly isTriggered: boolean
  /** Null when no event has asked for it. */
  readonly triggerId: string | null
}

/** Leases go by the database's clock. Uses the index batch_due_in_lane. */
const ARE_WORKERS_ALIVE = `exists (
  select from batch w where w.state = 'sending' and w.lease_until > clock_timestamp())`

const MESSAGE = `
  select m.state, m.target, m.audience, m.content, m.rules, m.experiment, m.trigger ->> 'id' as "triggerId", m.ttl_seconds as "ttlSeconds",
         m.collapse_key as "collapseKey", m.timing is not null as "isByClock",
         coalesce((m.inbox -> 'only')::boolean, false) as "isInboxOnly", m.send_at as "sendAt",
         m.planned_at as "plannedAt", m.finished_at as "finishedAt", ${ARE_WORKERS_ALIVE} as "areWorkersAlive", m.created_at as "createdAt", m.warnings, m.trigger is not null as "isTriggered",
         (select r.created_at from message r where r.recall_of = m.id) as "recalledAt"
    from message m where m.app_id = $1 and m.id = $2`

export interface MessageQuery {
  readonly appId: number
  readonly appCode: string
  readonly messageId: string
  readonly device: DeviceFacts
  readonly address: AddressFacts | null
}

/** Throws `message_unknown`. */
export async function readMessageFacts(db: Queryable, query: MessageQuery): Promise<MessageFacts> {
  const { appId, messageId, device, address } = query
  const row = await requireMessage(db, query)
  const trace = await traceMessage(db, { appId, messageId, hwid: device.hwid })
  const { audience: kept, createdAt, warnings, rules, isTriggered: _, triggerId: __, ...message } = row
  const { collapseKey } = message
  const content = shownAt(row, { messageId, device, gateway: trace.gateway ?? address?.provider })
  return {
    ...message,
    id: messageId,
    content,
    rules,
    sendRate: rules?.sendRate ?? null,
    warnings: warnings ?? [],
    expiresAt: new Date(
      Date.parse(row.sendAt) + Math.max(SHORTEST_LIFE_MS, row.ttlSeconds * 1000),
    ).toISOString(),
    trace,
    attachmentFault: await readAttachmentFault(db, query),
    batch: await readBatch(db, query),
    audience: await readAudienceFacts(db, {
      ...query,
      target: row.target,
      kept,
      begin: Date.parse(row.sendAt),
    }),
    replacedBy:
      collapseKey === null || trace.outcome !== 'accepted'
        ? null
        : await readReplacement(db, {
            appId,
            hwid: device.hwid,
            message: { id: messageId, collapseKey, createdAt },
          }),
  }
}

/** Throws `message_unknown`. */
export async function requireMessage(
  db: Queryable,
  { appId, messageId }: Pick<MessageQuery, 'appId' | 'messageId'>,
): Promise<MessageRow> {
  const { rows } = await db.query<MessageRow>(MESSAGE, [appId, messageId])
  const [row] = rows
  if (row === undefined) throw new PushError('message_unknown', `this app has no message ${messageId}`)
  return row
}

const OWN_CONTENT = { apns: 'apns', fcm: 'fcm', webpush: 'webPush', hms: 'hms' } as const

/** As far as rules ask for it: what is given for the gateway goes over the rest, and a variant over both. */
function shownAt(
  { content, experiment, triggerId }: MessageRow,
  shown: { readonly messageId: string; readonly device: DeviceFacts; readonly gateway: string | undefined },
): Content {
  const { messageId, device, gateway } = shown
  const part = experiment && partOf(experiment, slotOf(triggerId ?? messageId, device.userId ?? device.hwid))
  const variant = part?.kind === 'variant' ? experiment?.variants[part.index] : undefined
  const whole = contentOf(content, variant)
  const own =
    gateway !== undefined && gateway in OWN_CONTENT
      ? OWN_CONTENT[gateway as keyof typeof OWN_CONTENT]
      : undefined
  return own === undefined ? whole : ({ ...whole, ...whole[own] } as Content)
}

/** Of those that still have something to do, by the index batch_of_message. */
const BATCH = `
  select b.state, b.due_at as "dueAt", b.lease_until as "leaseUntil", b.is_rest as "isRest", b.paced_by as "pacedBy",
         (select p.open_at from pace p where p.name = b.paced_by) as "paceOpenAt", b.failures,
         coalesce((select h.reason from batch_hold h where h.batch_id = b.id order by h.id desc limit 1), b.held_reason) as "heldReason"
    from batch b
   where b.message_id = $1 and b.provider = $2 and $3::smallint between b.bucket_from and b.bucket_to and b.state <> 'done'
   order by b.is_rest, b.due_at limit 1`

async function readBatch(
  db: Queryable,
  { messageId, address, device }: MessageQuery,
): Promise<BatchFacts | null> {
  if (address === null) return null
  const { rows } = await db.query<BatchFacts>(BATCH, [messageId, address.provider, bucketOf(device.hwid)])
  return rows[0] ?? null
}

async function readAttachmentFault(
  db: Queryable,
  { appId, messageId, device }: MessageQuery,
): Promise<MessageFacts['attachmentFault']> {
  const { rows } = await db.query<{ at: string; reason: string | null }>(
    `select at, reason from receipt
      where bucket = $1 and message_id = $2 and hwid = $3 and kind = 'attachment_failed' and app_id = $4`,
    [bucketOf(device.hwid), messageId, device.hwid, appId],
  )
  return rows[0] ?? null
}
