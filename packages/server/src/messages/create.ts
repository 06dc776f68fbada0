/**
 * Accepting a message: stored whole before the sender gets its id; from then on it reaches its end by itself.
 * An idempotency key makes a repeat of the same request within 24 hours answer the same id, and refuses another one.
 */
import { createHash } from 'node:crypto'
import {
  type Condition,
  INBOX_DAYS_MAX,
  type NewMessage,
  type Provider,
  PushError,
  TTL_SECONDS_DEFAULT,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { compileCondition } from '../audience/condition.ts'
import { readScope } from '../audience/scope.ts'
import { conditionOf } from '../audience/segment-meaning.ts'
import type { Queryable } from '../store/database.ts'
import { findCategoryFault } from './app-rules.ts'
import type { ImageVerdict } from './images.ts'
import { laneOf } from './lanes.ts'
import type { Rendering } from './render.ts'
import { findContentFault } from './sizes.ts'

const INSERT = `
  insert into message (id, app_id, state, target, content, ttl_seconds, priority, collapse_key, send_at,
                       idempotency_key, request_hash, created_at, inbox, warnings, rules, lane)
  values ($1, $2, 'scheduled', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
  on conflict (app_id, idempotency_key) do nothing
  returning id, warnings`

/** For so long a key is remembered. */
const KEY_LASTS_MS = 24 * 3_600_000

/** A clock may be off and a request may wait; a time of days ago is a mistake, and its message would go out at once. */
const SEND_AT_PAST_MS = 24 * 3_600_000

/** Throws `condition_invalid`, `idempotency_key_reused`, `input_invalid` for a `sendAt` of more than a day ago or content that can't be sent,
 * `message_too_large`, `image_refused`. */
export async function createMessage(
  db: Queryable,
  message: {
    readonly appId: number
    readonly input: NewMessage
    readonly at: number
    /** Of its images; they are not looked at here, since this may run inside a transaction. */
    readonly images?: ImageVerdict | undefined
  },
): Promise<Created> {
  const { appId, input, at, images } = message
  const condition = conditionOf(input.to)
  if (condition !== undefined) await checkCondition(db, { appId, condition, at })
  const requestHash = createHash('sha256').update(JSON.stringify(input)).digest()
  const repeatOf = { appId, key: input.idempotencyKey, requestHash, at }
  if (input.sendAt !== undefined && Date.parse(input.sendAt) < at - SEND_AT_PAST_MS)
    return (await findRepeated(db, repeatOf)) ?? refuseSendAt(input.sendAt)
  const id = uuidv7()
  const fault = findContentFault(renderingOf(id, input), await gatewaysOf(db, appId)) ?? images?.refusal
  if (fault !== undefined) return (await findRepeated(db, repeatOf)) ?? raise(fault)
  const refusal = refusalOfInbox(input, at) ?? (await findCategoryFault(db, appId, input.rules))
  if (refusal !== undefined) return (await findRepeated(db, repeatOf)) ?? refuse(refusal)
  await freeKey(db, repeatOf)
  const { rows } = await db.query<StoredMessage>(INSERT, [
    id,
    appId,
    JSON.stringify(input.to),
    JSON.stringify(input.content),
    input.ttlSeconds ?? TTL_SECONDS_DEFAULT,
    input.priority ?? 'high',
    input.collapseKey ?? null,
    input.sendAt === undefined ? new Date(at) : new Date(input.sendAt),
    input.idempotencyKey ?? null,
    requestHash,
    new Date(at),
    input.inbox === undefined ? null : JSON.stringify(input.inbox),
    images === undefined || images.warnings.length === 0 ? null : JSON.stringify(images.warnings),
    rulesOf(input),
    laneOf(input),
  ])
  const created = (rows[0] && createdOf(rows[0])) ?? (await findRepeated(db, repeatOf))
  if (created === undefined) throw new Error('a message met an idempotency key that is not there')
  return created
}

/** As text of JSON; null when it asks for nothing. */
function rulesOf({ sendRate, rules }: NewMessage): string | null {
  return sendRate === undefined && rules === undefined ? null : JSON.stringify({ sendRate, ...rules })
}

export interface Created {
  readonly id: string
  /** What is not as it should be and did not keep it from being made; absent when there is nothing. */
  readonly warnings?: string[]
}

interface StoredMessage {
  readonly id: string
  readonly warnings: string[] | null
}

function createdOf({ id, warnings }: StoredMessage): Created {
  return warnings === null ? { id } : { id, warnings }
}

/** A bad one is refused now, not at sending. */
async function checkCondition(
  db: Queryable,
  asked: { readonly appId: number; readonly condition: Condition; readonly at: number },
): Promise<void> {
  compileCondition(asked.condition, { firstParameter: 1, scope: await readScope(db, asked) })
}

function refuseSendAt(sendAt: string): never {
  throw new PushError(
    'input_invalid',
    `body/sendAt: ${sendAt} is more than a day ago; leave it out to send at once`,
  )
}

const DAY_MS = 24 * 3_600_000

/** What is wrong with the date of its inbox. A repeat may come when that is over, so it is asked for first. */
function refusalOfInbox({ inbox, sendAt }: NewMessage, at: number): string | undefined {
  if (inbox?.until === undefined) return undefined
  const days = (Date.parse(inbox.until) - Math.max(at, Date.parse(sendAt ?? '') || at)) / DAY_MS
  if (days <= 0) return `body/inbox/until: ${inbox.until} is over before the message is sent`
  if (days > INBOX_DAYS_MAX)
    return `body/inbox/until: ${inbox.until} is more than ${INBOX_DAYS_MAX} days after the message is sent`
  return undefined
}

function renderingOf(
  messageId: string,
  { content, ttlSeconds, priority, collapseKey }: NewMessage,
): Rendering {
  return {
    messageId,
    content,
    ttlSeconds: ttlSeconds ?? TTL_SECONDS_DEFAULT,
    priority: priority ?? 'high',
    collapseKey: collapseKey ?? null,
  }
}

/** Those that the app sends to; it need not fit the others. Each app has a key for browsers from the start. */
async function gatewaysOf(db: Queryable, appId: number): Promise<Provider[]> {
  const { rows } = await db.query<{ gateway: Provider }>(
    `select distinct gateway from credential
      where app_id = $1 and (gateway <> 'webpush' or exists (
        select from address where app_id = $1 and provider = 'webpush' and kind = 'alert' and state in ('active', 'suspect')))`,
    [appId],
  )
  return rows.map(it => it.gateway)
}

function raise(fault: PushError): never {
  throw fault
}

function refuse(fault: string): never {
  throw new PushError('input_invalid', fault)
}

/** The message that the key was used for before; undefined when it was not used, or when there is no key. */
async function findRepeated(
  db: Queryable,
  wanted: {
    readonly appId: number
    readonly key: string | undefined
    readonly requestHash: Buffer
    readonly at: number
  },
): Promise<Created | undefined> {
  if (wanted.key === undefined) return undefined
  const { rows } = await db.query<StoredMessage & { readonly hash: Buffer }>(
    'select id, warnings, request_hash as hash from message where app_id = $1 and idempotency_key = $2 and created_at > $3',
    [wanted.appId, wanted.key, keysSince(wanted.at)],
  )
  const found = rows[0]
  if (found === undefined) return undefined
  if (!found.hash.equals(wanted.requestHash))
    throw new PushError(
      'idempotency_key_reused',
      `idempotencyKey "${wanted.key}" was used for another message`,
    )
  return createdOf(found)
}

/** The message stays as it was, without the key. */
async function freeKey(
  db: Queryable,
  used: { readonly appId: number; readonly key: string | undefined; readonly at: number },
): Promise<void> {
  if (used.key === undefined) return
  await db.query(
    'update message set idempotency_key = null where app_id = $1 and idempotency_key = $2 and created_at <= $3',
    [used.appId, used.key, keysSince(used.at)],
  )
}

function keysSince(at: number): Date {
  return new Date(at - KEY_LASTS_MS)
}
