/**
 * Tells webhooks of removals, in parts of up to 500 (`base.removals`). The next part is made when the one before was
 * delivered, or given up after two days, so each device's removals come in order. A webhook that begins to ask for them is
 * told of what happens from then on.
 *
 * The outbox has the places of a part in the feed and not what it says: that is read as it is told. So of a device that is
 * erased nothing is left there, whatever waits or is asked for again.
 */
import type { Removal } from '@roost/protocol'
import type { Database, Queryable } from '../store/database.ts'
import { type DeliverCounts, type DeliverOptions, deliverDue, type EventSource } from '../webhooks/deliver.ts'
import { recordEvent } from '../webhooks/outbox.ts'
import { ALL_REMOVALS, type FeedPlace, idOf, mendPlaces, readPlace, readRemovals } from './removals.ts'

const PART = 500

const READY = `
  select w.id, w.app_id as "appId"
    from webhook w
    left join webhook_feed f on f.webhook_id = w.id
   where w.is_active and 'base.removals' = any(w.events) and ($1::uuid is null or w.id = $1)
     and not exists (select from webhook_delivery d
                      where d.webhook_id = w.id and d.event_id = f.event_id and d.state = 'waiting')
   order by w.id`

/** Makes the next part for each webhook that has got its last one. Returns how many. */
async function feedWebhooks(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<{ id: string }>(READY, [null])
  let parts = 0
  for (const { id } of rows) if (await feedWebhook(db, id, at)) parts++
  return parts
}

async function feedWebhook(db: Database, webhookId: string, at: number): Promise<boolean> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<{ appId: number }>(READY, [webhookId])
    return rows[0] === undefined ? false : feed(tx, { webhookId, appId: rows[0].appId, at })
  })
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
  const place = readPlace(last.id)
  const data: Part = { after: idOf(after), upTo: last.id, count: removals.length }
  const eventId = await recordEvent(tx, { appId, type: 'base.removals', data: { ...data }, at, webhookId })
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

/** What the outbox has of a part. */
interface Part {
  readonly after: string
  readonly upTo: string
  readonly count: number
}

async function readPart(db: Queryable, appId: number, { after, upTo }: Part): Promise<Removal[]> {
  const places = { after: readPlace(after), upTo: readPlace(upTo) }
  return readRemovals(db, { ...ALL_REMOVALS, ...places, appId, limit: PART })
}

/** Delivers what is due, and part after part of the feed to who takes them; none waits for another webhook. */
export async function deliverWithRemovals(options: DeliverOptions, at: number): Promise<DeliverCounts> {
  const { db } = options
  await mendPlaces(db)
  await feedWebhooks(db, at)
  const source: EventSource = {
    next: webhookId => feedWebhook(db, webhookId, at),
    dataOf: async ({ appId, type, data }) =>
      type === 'base.removals' && 'upTo' in data
        ? { removals: await readPart(db, appId, data as unknown as Part) }
        : data,
  }
  return deliverDue(options, at, source)
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
