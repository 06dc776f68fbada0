/**
 * Accepting a message: stored whole before the sender gets its id; from then on it reaches its end by itself.
 * An idempotency key makes a repeat of the same request within 24 hours answer the same id, and refuses another one.
 */
import { createHash } from 'node:crypto'
import type { GatewayName } from '@roost/gateways'
import {
  type Condition,
  INBOX_DAYS_MAX,
  type MessageRules,
  type NewMessage,
  type Provider,
  PushError,
  TTL_SECONDS_DEFAULT,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { requireServing } from '../access/apps.ts'
import { compileCondition } from '../audience/condition.ts'
import { readScope } from '../audience/scope.ts'
import { conditionOf } from '../audience/segment-meaning.ts'
import { withSegmentId } from '../audience/segments.ts'
import { hashOf } from '../insight/receipts.ts'
import type { Queryable, Transaction } from '../store/database.ts'
import { findCategoryFault } from './app-rules.ts'
import { contentsOf, inVariant, refusalOfExperiment } from './experiments/content.ts'
import { type ImageVerdict, storedRemarksOf, warningsOf } from './images.ts'
import { laneOf } from './lanes.ts'
import type { Rendering } from './render.ts'
import { findContentFault, GATEWAYS } from './sizes.ts'
import { beginOf, lastOf, refusalOfTiming, timingOf } from './when/timing.ts'

/** What its sender asks for, and may change as long as nothing of it has left: in the order of `askedOf`. */
export const ASKED_COLUMNS = [
  'target',
  'content',
  'ttl_seconds',
  'priority',
  'collapse_key',
  'send_at',
  'inbox',
  'warnings',
  'remarks',
  'rules',
  'lane',
  'timing',
  'experiment',
  'campaign',
] as const

const INSERT = `
  insert into message (id, app_id, state, idempotency_key, request_hash, created_at, ${ASKED_COLUMNS.join(', ')})
  select $1, a.id, 'scheduled', $3, $4, $5, ${ASKED_COLUMNS.map((_, i) => `$${i + 6}`).join(', ')}
    from app a where a.id = $2 and a.archived_at is null
     for key share -- who archives it waits for this message, or this one for the archiving (access/archive.ts)
  on conflict (app_id, idempotency_key) do nothing
  returning id, warnings`

/** For so long a key is remembered. */
const KEY_LASTS_MS = 24 * 3_600_000

export interface Creation {
  readonly appId: number
  readonly input: NewMessage
  readonly at: number
  /** Of its images; they are not looked at here, since this may run inside a transaction. */
  readonly images?: ImageVerdict | undefined
}

/** Throws `app_archived`, `condition_invalid`, `segment_unknown`, `idempotency_key_reused`, `input_invalid` for a `sendAt` of more than a day ago or content that can't be sent,
 * `message_too_large`, `image_refused`. */
export async function createMessage(db: Queryable, message: Creation): Promise<Created> {
  return (await createOrRepeat(db, message)).created
}

/** The same, and whether it is a new one. */
export async function createOrRepeat(
  db: Queryable,
  message: Creation,
): Promise<{ readonly created: Created; readonly isNew: boolean }> {
  const { appId, input: given, at, images } = message
  const requestHash = hashOfInput(given)
  const repeatOf = { appId, key: given.idempotencyKey, requestHash, at }
  // First of all: what was right then may be wrong now, such as its time, a segment that has gone, an image.
  const repeated = await findRepeated(db, repeatOf)
  if (repeated !== undefined) return { created: repeated, isNew: false }
  const input = { ...given, to: await withSegmentId(db, { appId, to: given.to }) }
  const id = uuidv7()
  const fault = await findFault(db, { ...message, input, id })
  if (fault !== undefined) throw fault
  await freeKey(db, repeatOf)
  const { rows } = await db.query<StoredMessage>(INSERT, [
    id,
    appId,
    input.idempotencyKey ?? null,
    requestHash,
    new Date(at),
    ...askedOf(input, { at, images }),
  ])
  if (rows[0] !== undefined) return { created: createdOf(rows[0]), isNew: true }
  const created = await findRepeated(db, repeatOf)
  if (created === undefined) throw await whyNotMade(db, appId)
  return { created, isNew: false }
}

/** Of an app that a message was not made for. */
export async function whyNotMade(db: Queryable, appId: number): Promise<Error> {
  const { rows } = await db.query<Parameters<typeof requireServing>[0]>(
    'select code, archived_at as "archivedAt" from app where id = $1',
    [appId],
  )
  if (rows[0] !== undefined) requireServing(rows[0])
  return new Error('a message met an idempotency key that is not there')
}

/**
 * As `createMessage`, of what was found to be sendable, without a key, to named devices or users, and for an app that the transaction keeps
 * from being archived: nothing can keep it from being stored, so nobody waits for that. Returns its id.
 */
export function createUnwaited(tx: Transaction, { appId, input, at, images }: Creation): string {
  const id = uuidv7()
  tx.send(INSERT, [id, appId, null, hashOfInput(input), new Date(at), ...askedOf(input, { at, images })])
  return id
}

/** Of the same request it is the same. */
export function hashOfInput(input: NewMessage): Buffer {
  return createHash('sha256').update(JSON.stringify(input)).digest()
}

/** By ASKED_COLUMNS. A segment is named by its id. */
export function askedOf(input: NewMessage, { at, images }: Pick<Creation, 'at' | 'images'>): unknown[] {
  const timing = timingOf(input)
  return [
    JSON.stringify(input.to),
    JSON.stringify(input.content),
    input.ttlSeconds ?? TTL_SECONDS_DEFAULT,
    priorityOf(input),
    input.collapseKey ?? null,
    new Date(beginOf(input, at)),
    input.inbox === undefined ? null : JSON.stringify(input.inbox),
    warningsOf(images),
    storedRemarksOf(images),
    rulesOf(input),
    laneOf(input),
    timing === null ? null : JSON.stringify(timing),
    input.experiment === undefined ? null : JSON.stringify(input.experiment),
    input.campaign ?? null,
  ]
}

/** What is wrong with what a message is to be made of. Throws `condition_invalid`. */
export async function findFault(
  db: Queryable,
  {
    appId,
    id,
    input,
    at,
    images,
    hasEvent,
  }: Creation & {
    readonly id: string
    /** It is triggered by one, and its templates may name that. */
    readonly hasEvent?: boolean
  },
): Promise<PushError | undefined> {
  const condition = conditionOf(input.to)
  if (condition !== undefined) await checkCondition(db, { appId, condition, at })
  const refusal =
    refusalOf(input, at) ?? refusalOfExperiment(input) ?? (await findCategoryFault(db, appId, input.rules))
  if (refusal !== undefined) return new PushError('input_invalid', refusal)
  const fault = findFaultOfContent({ id, input, hasEvent }, GATEWAYS)
  // Nearly all fit everywhere: to ask which gateways the app has costs an answer of the database.
  if (fault === undefined) return images?.refusal
  return findFaultOfContent({ id, input, hasEvent }, await gatewaysOf(db, appId)) ?? images?.refusal
}

function findFaultOfContent(
  {
    id,
    input,
    hasEvent,
  }: Pick<Creation, 'input'> & { readonly id: string; readonly hasEvent?: boolean | undefined },
  gateways: readonly GatewayName[],
): PushError | undefined {
  for (const { name, rendering } of renderingsOf(id, input)) {
    const fault = inVariant(name, findContentFault(rendering, gateways, { hasEvent }))
    if (fault !== undefined) return fault
  }
  return undefined
}

/** What nobody sees disturbs nobody, and takes no place of a cap unless it has one of its own. */
function silentRules({ kind, cap }: Partial<MessageRules>): Partial<MessageRules> {
  if (kind !== undefined) return {}
  return (cap ?? null) === null ? { kind: 'transactional' } : { quietHours: null }
}

/** With what goes without saying. */
export function rulesAsked({ rules = {}, content }: Pick<NewMessage, 'rules' | 'content'>): MessageRules {
  return { ...(content.silent === true && silentRules(rules)), ...rules }
}

/** As text of JSON; null when it asks for nothing. */
export function rulesOf({
  sendRate,
  route = 'push',
  pushAfterSeconds,
  rules,
  content,
}: Pick<NewMessage, 'sendRate' | 'route' | 'pushAfterSeconds' | 'rules' | 'content'>): string | null {
  const asked = {
    ...rulesAsked({ rules, content }),
    ...(sendRate !== undefined && { sendRate }),
    ...(route !== 'push' && { route, ...(pushAfterSeconds !== undefined && { pushAfterSeconds }) }),
  }
  return Object.keys(asked).length === 0 ? null : JSON.stringify(asked)
}

/** Google lowers the priority of an app whose urgent messages show nothing. */
export function priorityOf({
  priority,
  content,
}: Pick<NewMessage, 'priority' | 'content'>): 'high' | 'normal' {
  return priority ?? (content.silent === true ? 'normal' : 'high')
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

const DAY_MS = 24 * 3_600_000

/** What is wrong with its times, and with what it asks of its inbox. */
function refusalOf(input: NewMessage, at: number): string | undefined {
  const { inbox, content } = input
  const refusal = refusalOfTiming(input, at)
  if (refusal !== undefined) return refusal
  if (inbox !== undefined && content.silent === true)
    return 'body/inbox: a silent message has nothing to read'
  if (inbox?.until === undefined) return undefined
  const until = Date.parse(inbox.until)
  if (until <= lastOf(input, at)) return `body/inbox/until: ${inbox.until} is over before the message is sent`
  if (until > Math.max(at, beginOf(input, at)) + INBOX_DAYS_MAX * DAY_MS)
    return `body/inbox/until: ${inbox.until} is more than ${INBOX_DAYS_MAX} days after the message is sent`
  return undefined
}

function renderingOf(messageId: string, input: NewMessage): Rendering {
  return {
    messageId,
    content: input.content,
    ttlSeconds: input.ttlSeconds ?? TTL_SECONDS_DEFAULT,
    priority: priorityOf(input),
    collapseKey: input.collapseKey ?? null,
  }
}

/** The message's own, named '', and each variant's as it is sent. */
export function renderingsOf(
  messageId: string,
  input: NewMessage,
): readonly { readonly name: string; readonly rendering: Rendering }[] {
  return contentsOf(input).map(({ name, content, place }) => ({
    name,
    rendering: { ...renderingOf(messageId, { ...input, content }), hash: hashOf(messageId, place) },
  }))
}

/** Those that the app sends to; it need not fit the others. Each app has a key for browsers from the start. */
export async function gatewaysOf(db: Queryable, appId: number): Promise<Provider[]> {
  const { rows } = await db.query<{ gateway: Provider }>(
    `select distinct gateway from credential
      where app_id = $1 and (gateway <> 'webpush' or exists (
        select from address where app_id = $1 and provider = 'webpush' and kind = 'alert' and state in ('active', 'suspect')))`,
    [appId],
  )
  return rows.map(it => it.gateway)
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
