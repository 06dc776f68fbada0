/** Webhooks of an app: where another server wants to be told, and of what. */
import { checkEndpointUrl } from '@roost/gateways'
import {
  type NewWebhook,
  PushError,
  type WebhookChange,
  type WebhookDelivery,
  type WebhookView,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Seal } from '../credentials/seal.ts'
import { beginFeed } from '../hygiene/removal-webhooks.ts'
import type { Queryable } from '../store/database.ts'
import { newWebhookSecret } from './sign.ts'

const VIEW = 'id, url, events, is_active as "isActive", created_at as "createdAt"'

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

/** Throws `webhook_unknown`, `webhook_url_refused`. */
export async function changeWebhook(
  db: Queryable,
  key: WebhookKey,
  { change, allowPrivate }: WebhookRules & { readonly change: WebhookChange },
): Promise<WebhookView> {
  if (change.url !== undefined) requireUrl(change.url, allowPrivate)
  const { rows } = await db.query<WebhookView>(
    `update webhook set url = coalesce($3, url), events = coalesce($4, events), is_active = coalesce($5, is_active)
      where app_id = $1 and id = $2 returning ${VIEW}`,
    [key.appId, key.id, change.url ?? null, change.events ?? null, change.isActive ?? null],
  )
  await beginFeed(db, key.id)
  return rows[0] ?? unknown(key.id)
}

/** What waited for it is dropped. Throws `webhook_unknown`. */
export async function deleteWebhook(db: Queryable, { appId, id }: WebhookKey): Promise<void> {
  const { rowCount } = await db.query('delete from webhook where app_id = $1 and id = $2', [appId, id])
  if (rowCount === 0) unknown(id)
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
