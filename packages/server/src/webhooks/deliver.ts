/**
 * Carries the outbox out. A delivery is taken by moving its next attempt ahead: whoever dies with it in hand loses it to
 * the next run, so an event arrives at least once and sometimes twice; `webhook-id` tells them apart.
 *
 * Each webhook has a lane of its own, so that one that is slow or down holds up no other; of one that does not answer
 * only a few events are tried in a run, and the rest keep their attempts for when it is back.
 *
 *   waiting ──2xx──▶ delivered ──asked for again──▶ waiting
 *      │ └──anything else──▶ waiting, later ──eight attempts in two days──▶ failed ──asked for again──▶ waiting
 *      └──410 Gone──▶ failed
 *
 * Events that have an order (all `base.removals`, and those of one `order_key`) are taken one by one, by their place in
 * the outbox, whatever process takes them and however often the one before has to be tried. A webhook that takes nothing for five days is
 * told no more, and an alert says so.
 */
import type { Seal } from '../credentials/seal.ts'
import { raiseAlert } from '../hygiene/alerts.ts'
import type { Database, Queryable } from '../store/database.ts'
import { type Posted, type PostOptions, post } from './post.ts'
import { signatureHeaders } from './sign.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** After the first attempt, the second, …; when they are used up the delivery has failed. */
export const RETRY_AFTER_MS: readonly number[] = [
  MINUTE_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  24 * HOUR_MS,
]
/** Nothing is taken later in a run than this: the next run comes after a minute. */
const RUN_MS = 40_000
/** Longer than a run and the attempts that it began last. */
const TAKEN_MS = 2 * MINUTE_MS
/** Of one webhook. */
const TAKEN_AT_ONCE = 5
/** Webhooks that are served at once. */
const LANES = 20
/** Without one that was taken between. One event alone has eight. */
const DISABLED_AFTER_FAILURES = 10
const DISABLED_AFTER = "interval '5 days'"

interface Due {
  readonly id: number
  readonly attempts: number
  readonly url: string
  readonly webhookId: string
  readonly sealed: Buffer
  /** Null unless it still signs. */
  readonly formerSealed: Buffer | null
  readonly eventId: string
  readonly appId: number
  readonly type: string
  readonly app: string
  readonly eventAt: string
  readonly data: Record<string, unknown>
}

const WEBHOOKS_WITH_DUE = `
  select w.id from webhook w
   where w.is_active
     and exists (select from webhook_delivery d where d.webhook_id = w.id and d.state = 'waiting' and d.due_at <= $1)`

const TAKE = `
  with due as (
    select d.id
      from webhook_delivery d
      join webhook_event e on e.id = d.event_id
      join webhook w on w.id = d.webhook_id and w.is_active
     where d.webhook_id = $3 and d.state = 'waiting' and d.due_at <= $1
       and not (e.type = 'base.removals' and exists (
             select from webhook_delivery b join webhook_event be on be.id = b.event_id
              where b.webhook_id = d.webhook_id and b.state = 'waiting' and b.id < d.id and be.type = e.type))
       and not exists (
             select from webhook_delivery b -- by the index webhook_delivery_in_order
              where b.webhook_id = d.webhook_id and b.order_key = d.order_key and b.state = 'waiting' and b.id < d.id)
     order by d.due_at, d.id
     limit ${TAKEN_AT_ONCE}
       for update of d skip locked
  )
  update webhook_delivery d
     set attempts = d.attempts + 1, attempted_at = $1, due_at = $2
    from due, webhook w, webhook_event e, app
   where d.id = due.id and w.id = d.webhook_id and e.id = d.event_id and app.id = w.app_id
  returning d.id, d.attempts, w.url, w.id as "webhookId", w.sealed,
            case when w.former_until > $1 then w.former_sealed end as "formerSealed",
            e.id as "eventId", w.app_id as "appId", e.type, app.code as app, e.at as "eventAt", e.data`

const BOOK = `
  update webhook_delivery set state = $3, due_at = $4, status = $5, error = $6
   where id = $1 and attempts = $2 and state = 'waiting'`

export interface DeliverOptions extends PostOptions {
  readonly db: Database
  readonly seal: Seal
}

/** Events that are made as their webhook takes them, and told from what is stored then. */
export interface EventSource {
  /** Makes the next one for this webhook; false when there is none. */
  next(webhookId: string): Promise<boolean>
  /** What is told. */
  dataOf(event: Pick<Due, 'appId' | 'type' | 'data'>): Promise<Record<string, unknown>>
}

export interface DeliverCounts {
  readonly delivered: number
  readonly refused: number
}

/** Sends what is due at `at` and returns what came of it. Any number of processes may run it at once. */
export async function deliverDue(
  options: DeliverOptions,
  at: number,
  source?: EventSource,
): Promise<DeliverCounts> {
  const startedAt = performance.now()
  const isOver = () => (options.signal?.aborted ?? false) || performance.now() - startedAt > RUN_MS
  const { rows: webhooks } = await options.db.query<{ id: string }>(WEBHOOKS_WITH_DUE, [new Date(at)])
  const results: Result[] = []
  const lane = async () => {
    for (let webhook = webhooks.pop(); webhook !== undefined && !isOver(); webhook = webhooks.pop())
      results.push(...(await deliverTo(options, { webhookId: webhook.id, at, source, isOver })))
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  const delivered = results.filter(it => it.isDelivered).length
  return { delivered, refused: results.length - delivered }
}

interface Result {
  readonly isDelivered: boolean
  readonly isAnswered: boolean
}

interface Lane {
  readonly webhookId: string
  readonly at: number
  readonly source: EventSource | undefined
  isOver(): boolean
}

/** Ends early when the webhook does not answer. */
async function deliverTo(
  options: DeliverOptions,
  { webhookId, at, source, isOver }: Lane,
): Promise<Result[]> {
  const results: Result[] = []
  for (;;) {
    const taken = [new Date(at), new Date(at + TAKEN_MS), webhookId]
    const { rows } = await options.db.query<Due>(TAKE, taken)
    results.push(...(await Promise.all(rows.map(row => deliver(options, row, { at, source })))))
    if (results.some(it => !it.isAnswered) || isOver()) return results
    if (rows.length === 0 && !(await source?.next(webhookId))) return results
  }
}

async function deliver(
  options: DeliverOptions,
  due: Due,
  { at, source }: Pick<Lane, 'at' | 'source'>,
): Promise<Result> {
  const posted = await postSigned(options, { ...due, data: (await source?.dataOf(due)) ?? due.data }, at)
  const booked = bookingOf(posted, due.attempts, at)
  const isDelivered = booked.state === 'delivered'
  await options.db.transaction(async tx => {
    await tx.query(BOOK, [
      due.id,
      due.attempts,
      booked.state,
      new Date(booked.dueAt),
      posted.status,
      booked.error,
    ])
    if (isDelivered) await tx.query(TAKEN_AGAIN, [due.webhookId])
    else await noteFailure(tx, due, { at, error: booked.error })
  })
  return { isDelivered, isAnswered: posted.status !== null }
}

const TAKEN_AGAIN = 'update webhook set failures = 0, failing_since = null where id = $1 and failures > 0'

const COUNT_FAILURE = `
  update webhook w
     set failures = n.failures, failing_since = n.failing_since, is_active = not n.is_over,
         disabled_at = case when n.is_over then $2::timestamptz end
    from (select id, failures + 1 as failures, coalesce(failing_since, $2) as failing_since,
                 failures + 1 >= ${DISABLED_AFTER_FAILURES}
                   and $2 >= coalesce(failing_since, $2) + ${DISABLED_AFTER} as is_over
            from webhook where id = $1 and is_active for update) n
   where w.id = n.id
  returning w.failures, w.failing_since as "failingSince", w.is_active as "isActive"`

async function noteFailure(
  tx: Queryable,
  { webhookId, appId, url }: Due,
  { at, error }: { readonly at: number; readonly error: string | null },
): Promise<void> {
  const { rows } = await tx.query<{ failures: number; failingSince: string; isActive: boolean }>(
    COUNT_FAILURE,
    [webhookId, new Date(at)],
  )
  const webhook = rows[0]
  if (webhook === undefined || webhook.isActive) return
  const { failures, failingSince } = webhook
  // The path may be a secret.
  const data = { webhookId, origin: new URL(url).origin, failures, failingSince, error }
  await raiseAlert(tx, { appId, kind: 'webhook_disabled', subject: webhookId, data, at })
}

async function postSigned(options: DeliverOptions, due: Due, at: number): Promise<Posted> {
  const body = JSON.stringify({ type: due.type, timestamp: due.eventAt, app: due.app, data: due.data })
  const secrets = openSecrets(options.seal, due)
  if (secrets === undefined) return { status: null, error: SECRET_UNREADABLE }
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Roost',
    ...signatureHeaders(secrets, { eventId: due.eventId, at, body }),
  }
  return post(due.url, headers, body, options)
}

const SECRET_UNREADABLE = 'the stored secret of this webhook can’t be read; give it a new one'

function openSecrets(seal: Seal, { webhookId, sealed, formerSealed }: Due): string[] | undefined {
  const current = openSecret(seal, webhookId, sealed)
  if (current === undefined) return undefined
  // One that was sealed with a ROOST_SECRET that is lost signs no more, and keeps the new one from nothing.
  const former = formerSealed === null ? undefined : openSecret(seal, webhookId, formerSealed)
  return former === undefined ? [current] : [current, former]
}

function openSecret(seal: Seal, webhookId: string, sealed: Buffer): string | undefined {
  try {
    return seal.open(webhookId, sealed)
  } catch {
    return undefined
  }
}

interface Booking {
  readonly state: 'waiting' | 'delivered' | 'failed'
  readonly dueAt: number
  readonly error: string | null
}

function bookingOf({ status, error }: Posted, attempts: number, at: number): Booking {
  if (status !== null && status >= 200 && status < 300) return { state: 'delivered', dueAt: at, error: null }
  const words = error ?? wordsOfStatus(status)
  const pause = RETRY_AFTER_MS[attempts - 1]
  if (status === 410 || pause === undefined) return { state: 'failed', dueAt: at, error: words }
  return { state: 'waiting', dueAt: at + pause, error: words }
}

function wordsOfStatus(status: number | null): string {
  return status !== null && status >= 300 && status < 400
    ? `status ${status}: redirects are not followed`
    : `status ${status}`
}

const KEEP_MS = 30 * 24 * HOUR_MS

/** Events older than 30 days go, with their deliveries. Returns how many. */
export async function dropOldEvents(db: Database, at: number): Promise<number> {
  const { rowCount } = await db.query('delete from webhook_event where at < $1', [new Date(at - KEEP_MS)])
  return rowCount
}
