/**
 * The outbox: an event is stored, with a delivery for each webhook that wants it, in the transaction of what it tells of.
 * So none is lost and none is told that did not happen; `deliver.ts` carries them out, at least once.
 */
import type { WEBHOOK_TEST, WebhookEventType } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Queryable } from '../store/database.ts'

export interface NewEvent {
  readonly appId: number
  readonly type: WebhookEventType | typeof WEBHOOK_TEST
  /** What happened, for people and programs; never a secret. */
  readonly data: Readonly<Record<string, unknown>>
  /** ms. */
  readonly at: number
  /** Of one key each webhook is told one event after the other, in the order in which they were recorded. Default: in any. */
  readonly orderKey?: string
  /** Only this webhook, whatever it subscribed to. */
  readonly webhookId?: string
}

const STORE = `
  with event as (
    insert into webhook_event (id, app_id, type, at, data) values ($1, $2, $3, $4, $5) returning id, at
  )
  insert into webhook_delivery (webhook_id, event_id, due_at, order_key)
  select w.id, event.id, event.at, $7
    from event, webhook w
   where w.app_id = $2 and w.is_active and (w.id = $6::uuid or $6::uuid is null and $3 = any(w.events))`

/** Returns the event's id. Call it in the transaction of the change. */
export async function recordEvent(tx: Queryable, event: NewEvent): Promise<string> {
  const id = uuidv7()
  await tx.query(STORE, [
    id,
    event.appId,
    event.type,
    new Date(event.at),
    JSON.stringify(event.data),
    event.webhookId ?? null,
    event.orderKey ?? null,
  ])
  return id
}
