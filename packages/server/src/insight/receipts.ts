/**
 * Receipts: what devices tell us about a message. Idempotent on (device, message, kind), since clients queue and
 * repeat them for days; only the first one counts. A hash of no message of this app is ignored, and so is a device that
 * the app does not have: the device token is public, and a stranger could count a message up with made-up hwids. A wrong
 * signature makes a receipt none; one without is counted, and told apart.
 *
 * What is new is counted in the same transaction, for the statistics (statistics/fold.ts), a row for all of a quarter of an hour.
 */
import { RECEIPT_DAYS, type ReceiptKind } from '@roost/protocol'
import { bucketOf } from '../registry/buckets.ts'
import { plainArray, textArray, timesArray } from '../store/array-literals.ts'
import type { Database, PlannedStatement } from '../store/database.ts'
import { MicroBatch } from '../store/micro-batch.ts'
import { isOfTestPush, noteTestReceipts } from '../test-devices/receipts.ts'
import type { ReceiptSigner } from './receipts-signature.ts'
import { gatewayOfPlatform, latencyPlace, quarterOf, reasonOf } from './statistics/words.ts'

export interface Receipt {
  readonly appId: number
  readonly hwid: string
  readonly messageId: string
  readonly kind: ReceiptKind
  /** Place of the variant, of a message that has some. */
  readonly variant: number | null
  /** Of `attachment_failed`. */
  readonly reason: string | null
  /** When the push was sent, ms, as its signature says; null without one. */
  readonly sentAt: number | null
  /** When it happened, ms. */
  readonly at: number
}

/** What is said of a receipt. */
export interface ReceiptClaim {
  readonly appId: number
  readonly hwid: string
  readonly hash: string
  readonly kind: ReceiptKind
  readonly signature?: string | undefined
  readonly reason?: string | undefined
  /** ms; in the future it is now. */
  readonly at: number
}

const DAY_MS = 24 * 3_600_000

/** Null for what is none: another hash than ours, a wrong signature, too old. */
export function receiptOf(claim: ReceiptClaim, signer: ReceiptSigner, now: number): Receipt | null {
  const { appId, hwid, hash, kind, signature, reason } = claim
  const messageId = messageIdOf(hash)
  if (messageId === null || claim.at < now - RECEIPT_DAYS * DAY_MS) return null
  const sentAt = signature === undefined ? null : signer.sentAt({ hash, hwid }, signature)
  if (signature !== undefined && sentAt === null) return null
  const at = Math.min(now, claim.at)
  const why = kind === 'attachment_failed' ? (reason ?? 'unknown') : null
  return { appId, hwid, messageId, kind, variant: variantOf(hash), reason: why, sentAt, at }
}

const MAX_BATCH = 1000
/** Below it a second statement costs more than what working beside the database gains. */
const BESIDE_FROM = 200

/**
 * Planned once, by key (store/database.ts), maybe while the tables are empty: so the app of a message is no way to find it
 * (`is true`), or each receipt would look at all messages of its app. All that is counted comes out of what was stored, so nothing
 * is joined twice; a receipt is not older than its message. Without a signature it is measured from when its message was due,
 * if that was one moment for all. Only campaigns are told apart by message: the others are many, and of few devices.
 */
export const STORE_RECEIPTS: PlannedStatement = {
  name: 'store_receipts',
  text: `
  with i as (
    select * from rows from (unnest($1::smallint[]), unnest($2::uuid[]), unnest($3::text[]), unnest($4::text[]),
                             unnest($5::integer[]), unnest($6::timestamptz[]), unnest($7::smallint[]),
                             unnest($8::text[]), unnest($9::timestamptz[]))
                    as it (bucket, message_id, hwid, kind, app_id, at, variant, reason, sent_at)
  ), fresh as (
    insert into receipt (bucket, message_id, hwid, kind, app_id, at, variant, reason, sent_at, is_signed, gateway)
    select i.bucket, i.message_id, i.hwid, i.kind, i.app_id, greatest(i.at, m.created_at),
           case when i.variant <= jsonb_array_length(m.experiment -> 'variants') then i.variant end,
           i.reason, coalesce(i.sent_at, case when coalesce(m.timing, m.trigger, m.experiment) is null then m.send_at end),
           i.sent_at is not null, ${gatewayOfPlatform('d.platform')}
      from i
      join message m on m.id = i.message_id and (m.app_id = i.app_id) is true
      join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
     order by i.bucket, i.message_id, i.hwid, i.kind
    on conflict do nothing
    returning message_id, kind, at, variant, reason, sent_at, is_signed, gateway
  ), of_variant as (
    insert into variant_receipts as v (message_id, variant, delivered, opened)
    select message_id, variant, count(*) filter (where kind = 'delivered'),
           count(*) filter (where kind = 'opened')
      from fresh where variant is not null
     group by message_id, variant order by message_id, variant
    on conflict (message_id, variant) do update
       set delivered = v.delivered + excluded.delivered, opened = v.opened + excluded.opened
  ), happened as (
    select message_id, ${quarterOf('at')} as at, coalesce(gateway, '') as gateway, kind as metric,
           coalesce(${reasonOf('reason')}, case when is_signed then 'signed' else '' end) as detail
      from fresh
    union all
    select message_id, ${quarterOf('at')}, coalesce(gateway, ''), 'latency_' || case kind when 'delivered' then 'received' else kind end,
           ${latencyPlace('at - sent_at')}
      from fresh where kind in ('delivered', 'opened') and sent_at is not null
  ), tallied as (
    insert into stat_tally (app_id, message_id, campaign, at, gateway, metric, detail, n)
    select m.app_id, case when m.lane = 2 then m.id end, m.campaign, h.at, h.gateway, h.metric, h.detail, sum(h.n)
      from (select message_id, at, gateway, metric, detail, count(*) as n from happened group by 1, 2, 3, 4, 5) h
      join message m on m.id = h.message_id and m.knock is null
     group by 1, 2, 3, 4, 5, 6, 7
  ), total as (
    select message_id, count(*) filter (where kind = 'delivered') as delivered,
           count(*) filter (where kind = 'opened') as opened
      from fresh group by message_id order by message_id
  ), counted as (
    update message m set delivered = m.delivered + total.delivered, opened = m.opened + total.opened
      from total where m.id = total.message_id and total.delivered + total.opened > 0
  )
  select count(*)::integer as count from fresh`,
}

export class Receipts {
  readonly #one: MicroBatch<Receipt, undefined>
  /** Each item is a statement of its own. */
  readonly #many: MicroBatch<readonly Receipt[], number>

  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    const keysOf = () => [] // a repeat is a conflict like any other
    this.#one = new MicroBatch({
      maxSize: MAX_BATCH,
      besideFrom: BESIDE_FROM,
      keysOf,
      run: async items => {
        await store(db, items)
        return items.map(() => undefined)
      },
    })
    this.#many = new MicroBatch({
      maxSize: 1,
      besideFrom: 1,
      keysOf,
      run: items => Promise.all(items.map(it => store(db, it))),
    })
  }

  /** Resolves after the commit. */
  async add(receipt: Receipt): Promise<void> {
    if (isOfTestPush(receipt)) return noteTestReceipts(this.#db, [receipt])
    await this.#one.add(receipt)
  }

  /** Those of one call, 1000 at most. Resolves after the commit, with how many of them were new. */
  async addAll(receipts: readonly Receipt[]): Promise<number> {
    const ofTests = receipts.filter(isOfTestPush)
    if (ofTests.length > 0) await noteTestReceipts(this.#db, ofTests)
    return receipts.length === 0 ? 0 : this.#many.add(receipts)
  }

  async settled(): Promise<void> {
    await Promise.all([this.#one.settled(), this.#many.settled()])
  }
}

/** Returns how many were new. */
async function store(db: Database, told: readonly Receipt[]): Promise<number> {
  const rows = distinct(told).map(it => ({ ...it, bucket: bucketOf(it.hwid) }))
  const { rows: answer } = await db.once<{ count: number }>(STORE_RECEIPTS, [
    plainArray(rows, it => it.bucket),
    plainArray(rows, it => it.messageId),
    textArray(rows, it => it.hwid),
    plainArray(rows, it => it.kind),
    plainArray(rows, it => it.appId),
    timesArray(rows, it => it.at),
    plainArray(rows, it => it.variant),
    textArray(rows, it => it.reason),
    plainArray(rows, it => (it.sentAt === null ? null : new Date(it.sentAt).toISOString())),
  ])
  return answer[0]?.count ?? 0
}

/** The first of each: one statement must not meet its own conflict. */
function distinct(receipts: readonly Receipt[]): Receipt[] {
  const found = new Map<string, Receipt>()
  for (const it of receipts) {
    const key = `${it.messageId}${it.kind} ${it.hwid}`
    if (!found.has(key)) found.set(key, it)
  }
  return [...found.values()]
}

/**
 * The hash that a device sends back is the message's id without its dashes; null when it can't be one. In the place of the
 * version, which is 7 in all of them, it says of which variant it was.
 */
export function messageIdOf(hash: string): string | null {
  if (!/^[0-9a-f]{32}$/.test(hash)) return null
  const id = variantOf(hash) === null ? hash : `${hash.slice(0, VERSION_AT)}7${hash.slice(VERSION_AT + 1)}`
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const VERSION_AT = 12
const FIRST_VARIANT = 8

/** Place of the variant that a hash names: 0 to 7; null when it names none. */
export function variantOf(hash: string): number | null {
  const place = Number.parseInt(hash.charAt(VERSION_AT), 16) - FIRST_VARIANT
  return place >= 0 ? place : null
}

export function hashOf(messageId: string, variant?: number): string {
  const hash = messageId.replaceAll('-', '')
  if (variant === undefined) return hash
  return hash.slice(0, VERSION_AT) + (FIRST_VARIANT + variant).toString(16) + hash.slice(VERSION_AT + 1)
}
