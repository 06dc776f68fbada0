/**
 * Receipts: what devices tell us about a message. Idempotent on (device, message, kind), since clients queue and
 * repeat them for days; only the first one counts. A hash of no message of this app is ignored, and so is a device that
 * the app does not have: the device token is public, and a stranger could count a message up with made-up hwids.
 */

import { bucketOf } from '../registry/buckets.ts'
import type { Database, Queryable } from '../store/database.ts'
import { MicroBatch } from '../store/micro-batch.ts'

export type ReceiptKind = 'delivered' | 'opened'

export interface Receipt {
  readonly appId: number
  readonly hwid: string
  readonly messageId: string
  readonly kind: ReceiptKind
  readonly at: number
}

const MAX_BATCH = 1000

const STORE = `
  with fresh as (
    insert into receipt (bucket, message_id, hwid, kind, app_id, at)
    select i.bucket, i.message_id, i.hwid, i.kind, i.app_id, i.at
      from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[])
             as i (bucket, message_id, hwid, kind, app_id, at)
      join message m on m.id = i.message_id and m.app_id = i.app_id
      join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
     order by i.bucket, i.message_id, i.hwid, i.kind
    on conflict do nothing
    returning message_id, kind
  ), total as (
    select message_id, count(*) filter (where kind = 'delivered') as delivered,
           count(*) filter (where kind = 'opened') as opened
      from fresh group by message_id order by message_id
  )
  update message m set delivered = m.delivered + total.delivered, opened = m.opened + total.opened
    from total where m.id = total.message_id`

export class Receipts {
  readonly #batch: MicroBatch<Receipt, undefined>

  constructor(db: Database) {
    this.#batch = new MicroBatch({
      maxSize: MAX_BATCH,
      keysOf: () => [], // a repeat inside one statement is a conflict like any other
      run: items => db.transaction(tx => store(tx, items)),
    })
  }

  /** Resolves after the commit. */
  async add(receipt: Receipt): Promise<void> {
    await this.#batch.add(receipt)
  }

  settled(): Promise<void> {
    return this.#batch.settled()
  }
}

async function store(tx: Queryable, receipts: readonly Receipt[]): Promise<undefined[]> {
  await tx.query(STORE, [
    receipts.map(it => bucketOf(it.hwid)),
    receipts.map(it => it.messageId),
    receipts.map(it => it.hwid),
    receipts.map(it => it.kind),
    receipts.map(it => it.appId),
    receipts.map(it => new Date(it.at)),
  ])
  return receipts.map(() => undefined)
}

/** The hash that a device sends back is the message's id without its dashes; null when it can't be one. */
export function messageIdOf(hash: string): string | null {
  if (!/^[0-9a-f]{32}$/.test(hash)) return null
  return hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export function hashOf(messageId: string): string {
  return messageId.replaceAll('-', '')
}
