/**
 * Tells webhooks of removals, in parts of up to 500 (`base.removals`). The next part is made when the one before was
 * delivered, or given up after two days, so each device's removals come in order. A webhook that begins to ask for them is
 * told of what happens from then on.
 */
import type { Database, Queryable } from '../store/database.ts'
import { type DeliverCounts, type DeliverOptions, deliverDue } from '../webhooks/deliver.ts'
import { recordEvent } from '../webhooks/outbox.ts'
import { ALL_REMOVALS, type FeedPlace, readPlace, readRemovals } from './removals.ts'

const PART = 500

const READY = `
  select w.id, w.app_id as "appId"
    from webhook w
    left join webhook_feed f on f.webhook_id = w.id
   where w.is_active and 'base.removals' = any(w.events)
     and not exists (select from webhook_delivery d
                      where d.webhook_id = w.id and d.event_id = f.event_id and d.state = 'waiting')
   order by w.id`

/** Makes the next part of each webhook that has got its last one. Returns how many. */
async function feedWebhooks(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<{ id: string; appId: number }>(READY)
  let parts = 0
  for (const { id: webhookId, appId } of rows)
    if (await db.transaction(tx => feed(tx, { webhookId, appId, at }))) parts++
  return parts
}

interface Feeding {
  readonly webhookId: string
  readonly appId: number
  readonly at: number
}

async function feed(tx: Queryable, { webhookId, appId, at }: Feeding): Promise<boolean> {
  const after = await takeFeed(tx, webhookId)
  if (after === undefined) return false
  const removals = await readRemovals(tx, { ...ALL_REMOVALS, appId, after, limit: PART })
  const last = removals.at(-1)
  if (last === undefined) return false
  const eventId = await recordEvent(tx, { appId, type: 'base.removals', data: { removals }, at, webhookId })
  const place = readPlace(last.id)
  await tx.query(
    'update webhook_feed set xid = $2::xid8, ledger_id = $3, event_id = $4 where webhook_id = $1',
    [webhookId, place.xid, place.ledgerId, eventId],
  )
  return true
}

/** Undefined while another process has it, and when its last part is on its way. */
async function takeFeed(tx: Queryable, webhookId: string): Promise<FeedPlace | undefined> {
  await tx.query(
    `insert into webhook_feed (webhook_id, xid, ledger_id) values ($1, pg_snapshot_xmin(pg_current_snapshot()), 0)
     on conflict do nothing`,
    [webhookId],
  )
  const { rows } = await tx.query<FeedPlace & { eventId: string | null }>(
    `select xid::text as xid, ledger_id as "ledgerId", event_id as "eventId" from webhook_feed
      where webhook_id = $1 for update skip locked`,
    [webhookId],
  )
  const waiting = await tx.query(
    "select from webhook_delivery where webhook_id = $1 and event_id = $2 and state = 'waiting'",
    [webhookId, rows[0]?.eventId ?? null],
  )
  return waiting.rowCount > 0 ? undefined : rows[0]
}

/** Parts follow each other without a pause for so long; the next run goes on. */
const RUN_MS = 40_000

/** Delivers what is due, and part after part of the feed to who takes them. */
export async function deliverWithRemovals(options: DeliverOptions, at: number): Promise<DeliverCounts> {
  const startedAt = performance.now()
  let [delivered, refused] = [0, 0]
  for (;;) {
    const parts = await feedWebhooks(options.db, at)
    const counts = await deliverDue(options, at)
    delivered += counts.delivered
    refused += counts.refused
    const isOver = (options.signal?.aborted ?? false) || performance.now() - startedAt > RUN_MS
    if (parts === 0 || isOver) return { delivered, refused }
  }
}

/** What a webhook that was just added, or asks for something else now, is told of begins here. */
export async function beginFeed(tx: Queryable, webhookId: string): Promise<void> {
  await tx.query(
    `insert into webhook_feed (webhook_id, xid, ledger_id)
     select id, pg_snapshot_xmin(pg_current_snapshot()), 0 from webhook where id = $1 and 'base.removals' = any(events)
     on conflict do nothing`,
    [webhookId],
  )
}
