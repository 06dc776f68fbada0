/**
 * Carries the outbox out. A delivery is taken by moving its next attempt ahead: whoever dies with it in hand loses it to
 * the next run, so an event arrives at least once and sometimes twice; `webhook-id` tells them apart.
 *
 *   waiting ──2xx──▶ delivered
 *      │ └──anything else──▶ waiting, later ──eight attempts in two days──▶ failed
 *      └──410 Gone──▶ failed
 */
import type { Seal } from '../credentials/seal.ts'
import type { Database } from '../store/database.ts'
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
/** Longer than an attempt takes. */
const TAKEN_MS = 2 * MINUTE_MS
const TAKEN_AT_ONCE = 20

interface Due {
  readonly id: number
  readonly attempts: number
  readonly url: string
  readonly webhookId: string
  readonly sealed: Buffer
  readonly eventId: string
  readonly type: string
  readonly app: string
  readonly eventAt: string
  readonly data: Record<string, unknown>
}

const TAKE = `
  with due as (
    select d.id from webhook_delivery d join webhook w on w.id = d.webhook_id and w.is_active
     where d.state = 'waiting' and d.due_at <= $1
     order by d.due_at, d.id
     limit ${TAKEN_AT_ONCE}
       for update of d skip locked
  )
  update webhook_delivery d
     set attempts = d.attempts + 1, attempted_at = $1, due_at = $2
    from due, webhook w, webhook_event e, app
   where d.id = due.id and w.id = d.webhook_id and e.id = d.event_id and app.id = w.app_id
  returning d.id, d.attempts, w.url, w.id as "webhookId", w.sealed, e.id as "eventId", e.type, app.code as app,
            e.at as "eventAt", e.data`

const BOOK = `
  update webhook_delivery set state = $3, due_at = $4, status = $5, error = $6
   where id = $1 and attempts = $2 and state = 'waiting'`

export interface DeliverOptions extends PostOptions {
  readonly db: Database
  readonly seal: Seal
}

export interface DeliverCounts {
  readonly delivered: number
  readonly refused: number
}

/** Sends all that is due at `at` and returns what came of it. Any number of processes may run it at once. */
export async function deliverDue(options: DeliverOptions, at: number): Promise<DeliverCounts> {
  let delivered = 0
  let refused = 0
  for (;;) {
    const { rows } = await options.db.query<Due>(TAKE, [new Date(at), new Date(at + TAKEN_MS)])
    const done = await Promise.all(rows.map(row => deliver(options, row, at)))
    delivered += done.filter(Boolean).length
    refused += done.length - done.filter(Boolean).length
    if (rows.length < TAKEN_AT_ONCE || options.signal?.aborted) return { delivered, refused }
  }
}

async function deliver(options: DeliverOptions, due: Due, at: number): Promise<boolean> {
  const body = JSON.stringify({ type: due.type, timestamp: due.eventAt, app: due.app, data: due.data })
  const secret = options.seal.open(due.webhookId, due.sealed)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Roost',
    ...signatureHeaders(secret, { eventId: due.eventId, at, body }),
  }
  const posted = await post(due.url, headers, body, options)
  const booked = bookingOf(posted, due.attempts, at)
  await options.db.query(BOOK, [
    due.id,
    due.attempts,
    booked.state,
    new Date(booked.dueAt),
    posted.status,
    booked.error,
  ])
  return booked.state === 'delivered'
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
