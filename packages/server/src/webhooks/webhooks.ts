/** Webhooks of an app: where another server wants to be told, and of what. */
import { checkEndpointUrl } from '@roost/gateways'
import {
  type NewWebhook,
  PushError,
  type Redelivery,
  type WebhookChange,
  type WebhookDelivery,
  type WebhookView,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Seal } from '../credentials/seal.ts'
import { beginFeed } from '../hygiene/removal-webhooks.ts'
import type { Database, Queryable } from '../store/database.ts'
import { newWebhookSecret } from './sign.ts'

const VIEW = `id, url, events, is_active as "isActive", created_at as "createdAt", failures,
  failing_since as "failingSince", disabled_at as "disabledAt"`

export interface WebhookRules {
  /** Private addresses and odd ports; for tests. */
  readonly allowPrivate: boolean
}

interface Addition extends WebhookRules {
  readonly appId: number
  readonly input: NewWebhook
  readonly at: number
}

/** The secret is in the answer and nowhere else afterwards. Throws `webhook_url_refused`. */
export async function addWebhook(
  db: Queryable,
  seal: Seal,
  { appId, input, at, allowPrivate }: Addition,
): Promise<WebhookView & { secret: string }> {
  requireUrl(input.url, allowPrivate)
  const id = uuidv7()
  const secret = newWebhookSecret()
  const { rows } = await db.query<WebhookView>(
    `insert into webhook (id, app_id, url, sealed, events, created_at)
     values ($1, $2, $3, $4, $5, $6) returning ${VIEW}`,
    [id, appId, input.url, seal.close(id, secret), input.events, new Date(at)],
  )
  await beginFeed(db, id)
  return { ...(rows[0] as WebhookView), secret }
}

/** What the URL alone tells; its name is looked at again at each delivery, by the connection itself. */
function requireUrl(url: string, allowPrivate: boolean): void {
  const check = checkEndpointUrl(url, { allowPrivate })
  if (!check.ok) throw new PushError('webhook_url_refused', `url: ${check.reason}`)
}

export async function listWebhooks(db: Queryable, appId: number): Promise<WebhookView[]> {
  const { rows } = await db.query<WebhookView>(
    `select ${VIEW} from webhook where app_id = $1 order by created_at, id`,
    [appId],
  )
  return rows
}

export interface WebhookKey {
  readonly appId: number
  readonly id: string
}

/** Throws `webhook_unknown`. */
export async function readWebhook(db: Queryable, { appId, id }: WebhookKey): Promise<WebhookView> {
  const { rows } = await db.query<WebhookView>(`select ${VIEW} from webhook where app_id = $1 and id = $2`, [
    appId,
    id,
  ])
  return rows[0] ?? unknown(id)
}

interface Change extends WebhookRules {
  readonly change: WebhookChange
  /** The label of the API token. */
  readonly by: string
  readonly at: number
  /** Throws where somebody has changed it meanwhile. */
  readonly unchanged?: ((tx: Queryable) => Promise<void>) | undefined
}

/** Who activates it gives it a new start; its alert is closed. Throws `webhook_unknown`, `webhook_url_refused`. */
export async function changeWebhook(
  db: Database,
  key: WebhookKey,
  { change, by, at, allowPrivate, unchanged }: Change,
): Promise<WebhookView> {
  if (change.url !== undefined) requireUrl(change.url, allowPrivate)
  return db.transaction(async tx => {
    await unchanged?.(tx)
    const { rows } = await tx.query<WebhookView>(
      `update webhook
          set url = coalesce($3, url), events = coalesce($4, events), is_active = coalesce($5, is_active),
              failures = case when $5 then 0 else failures end,
              failing_since = case when not $5 then failing_since end,
              disabled_at = case when $5 is null then disabled_at end
        where app_id = $1 and id = $2 returning ${VIEW}`,
      [key.appId, key.id, change.url ?? null, change.events ?? null, change.isActive ?? null],
    )
    if (rows[0]?.isActive === true) await closeDisabled(tx, { ...key, by, at })
    await beginFeed(tx, key.id)
    return rows[0] ?? unknown(key.id)
  })
}

async function closeDisabled(
  tx: Queryable,
  { appId, id, by, at }: WebhookKey & { readonly by: string; readonly at: number },
): Promise<void> {
  await tx.query(
    `update alert set state = 'closed', closed_at = $3, closed_by = $4
      where app_id = $1 and kind = 'webhook_disabled' and subject = $2 and state = 'open'`,
    [appId, id, new Date(at), by],
  )
}

/**
 * Gives it another secret. The former one signs beside it until `formerUntil` (ms), so that a receiver can be changed
 * meanwhile; of two changes in that time the first secret is dropped. Throws `webhook_unknown`.
 */
export async function changeSecret(
  db: Queryable,
  seal: Seal,
  { appId, id, formerUntil }: WebhookKey & { readonly formerUntil: number },
): Promise<WebhookView & { secret: string }> {
  const secret = newWebhookSecret()
  const { rows } = await db.query<WebhookView>(
    `update webhook set former_sealed = sealed, former_until = $4, sealed = $3
      where app_id = $1 and id = $2 returning ${VIEW}`,
    [appId, id, seal.close(id, secret), new Date(formerUntil)],
  )
  return { ...(rows[0] ?? unknown(id)), secret }
}

export interface Again extends WebhookKey {
  readonly which: Redelivery
  /** ms. */
  readonly at: number
}

/**
 * Events that are delivered again, whatever became of them, with all their attempts. Returns how many; events of 30 days
 * are kept. Throws `webhook_unknown`.
 */
export async function redeliver(db: Queryable, { appId, id, which, at }: Again): Promise<number> {
  await readWebhook(db, { appId, id })
  const { rowCount } = await db.query(
    `update webhook_delivery d set state = 'waiting', attempts = 0, due_at = $2
       from webhook_event e
      where d.webhook_id = $1 and e.id = d.event_id
        and (e.id = any($3::uuid[]) or d.state = 'failed' and e.at >= $4)`,
    [id, new Date(at), which.eventIds ?? [], which.failedSince ?? null],
  )
  return rowCount
}

/** What waited for it is dropped, and its alert is closed. Throws `webhook_unknown`. */
export async function deleteWebhook(
  db: Database,
  closing: WebhookKey & { readonly by: string; readonly at: number },
): Promise<void> {
  const { appId, id } = closing
  await db.transaction(async tx => {
    const { rowCount } = await tx.query('delete from webhook where app_id = $1 and id = $2', [appId, id])
    if (rowCount === 0) unknown(id)
    await closeDisabled(tx, closing)
  })
}

const DELIVERIES_SHOWN = 100

/** The newest first, 100 at most. Throws `webhook_unknown`. */
export async function listDeliveries(db: Queryable, key: WebhookKey): Promise<WebhookDelivery[]> {
  await readWebhook(db, key)
  const { rows } = await db.query<WebhookDelivery>(
    `select e.id as "eventId", e.type, e.at, d.state, d.attempts, d.attempted_at as "attemptedAt",
            case when d.state = 'waiting' then d.due_at end as "nextAttemptAt", d.status, d.error
       from webhook_delivery d join webhook_event e on e.id = d.event_id
      where d.webhook_id = $1 order by d.id desc limit ${DELIVERIES_SHOWN}`,
    [key.id],
  )
  return rows
}

function unknown(id: string): never {
  throw new PushError('webhook_unknown', `this app has no webhook ${id}`)
}
