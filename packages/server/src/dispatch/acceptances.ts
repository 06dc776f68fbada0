/**
 * Acceptances: the proof of whom a gateway took a message for, kept for 30 days. A row for each of them would be a billion
 * bytes for ten million devices; a chunk has one, with 8 bytes of a hash of message and hwid for each (the hash of
 * inbox/members.ts). A row holds as many as its chunk's `accepted` was raised by, also after a device was erased, so that
 * "nobody else was accepted" can be told from "it is not known any more".
 */
import { hash } from 'node:crypto'
import { KEY_BYTES, memberKey } from '../inbox/members.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'

export const ACCEPTANCES_KEPT_DAYS = 30
const DAY_MS = 24 * 3_600_000
const ATTEMPTS_MAX = 255

export interface Accepted {
  readonly bucket: number
  readonly hwid: string
  readonly attempt: number
}

const INSERT = `
  insert into acceptance (message_id, app_id, batch_id, bucket_from, bucket_to, at, accepted, attempts)
  values ($1, $2, $3, $4, $5, $6, $7, $8)`

/** In the transaction that books the chunk. */
export async function writeAcceptances(
  tx: Queryable,
  chunk: {
    readonly batch: { readonly id: number; readonly messageId: string; readonly appId: number }
    readonly accepted: readonly Accepted[]
    readonly at: number
  },
): Promise<void> {
  const { batch, accepted, at } = chunk
  if (accepted.length === 0) return
  const buckets = accepted.map(it => it.bucket)
  const wasRepeated = accepted.some(it => it.attempt > 1)
  await tx.query(INSERT, [
    batch.messageId,
    batch.appId,
    batch.id,
    Math.min(...buckets),
    Math.max(...buckets),
    new Date(at),
    Buffer.concat(accepted.map(it => keyOf(batch.messageId, it.hwid))),
    wasRepeated ? Buffer.from(accepted.map(it => Math.min(it.attempt, ATTEMPTS_MAX))) : null,
  ])
}

/** What `memberKey` is in SQL. */
function keyOf(messageId: string, hwid: string): Buffer {
  return hash('sha256', messageId + hwid, 'buffer').subarray(0, KEY_BYTES)
}

export interface FoundAcceptance {
  /** ISO 8601. */
  readonly at: string
  readonly gateway: string
  readonly attempt: number
}

/** Uses the index acceptance_of_message. */
const FIND = `
  select a.at, b.provider as gateway,
         coalesce(get_byte(a.attempts, (p.place - 1) / ${KEY_BYTES}), 1) as attempt
    from acceptance a
    join batch b on b.id = a.batch_id
   cross join lateral (select position(${memberKey('$1::uuid', '$3')} in a.accepted) as place) p
   where a.message_id = $1 and $2::smallint between a.bucket_from and a.bucket_to
     and p.place > 0 and (p.place - 1) % ${KEY_BYTES} = 0
   order by a.at limit 1`

export async function findAcceptance(
  db: Queryable,
  key: { readonly messageId: string; readonly hwid: string },
): Promise<FoundAcceptance | undefined> {
  const { messageId, hwid } = key
  return (await db.query<FoundAcceptance>(FIND, [messageId, bucketOf(hwid), hwid])).rows[0]
}

/** Whether every acceptance of the message is still on record, so that who is not among them was not accepted. */
export async function areAllKept(db: Queryable, messageId: string): Promise<boolean> {
  const { rows } = await db.query<{ isWhole: boolean }>(
    `select (select coalesce(sum(octet_length(accepted)), 0) from acceptance where message_id = $1)
            = ${KEY_BYTES} * (select coalesce(sum(accepted), 0) from batch where message_id = $1) as "isWhole"`,
    [messageId],
  )
  return rows[0]?.isWhole ?? false
}

/** Uses the index acceptance_of_app. Nobody's hash takes the place, so that the row keeps its length. */
const ERASE = `
  update acceptance a
     set accepted = overlay(a.accepted placing '\\x0000000000000000'::bytea from p.place for ${KEY_BYTES})
    from (select o.ctid, position(${memberKey('o.message_id', '$3')} in o.accepted) as place
            from acceptance o where o.app_id = $1 and $2::smallint between o.bucket_from and o.bucket_to) p
   where a.ctid = p.ctid and p.place > 0 and (p.place - 1) % ${KEY_BYTES} = 0`

/** Takes devices out of all rows, in the caller's transaction; returns out of how many. One by one: two may share a row. */
export async function eraseAcceptances(
  tx: Queryable,
  { appId, hwids }: { readonly appId: number; readonly hwids: readonly string[] },
): Promise<number> {
  let count = 0
  for (const hwid of [...hwids].sort())
    count += (await tx.query(ERASE, [appId, bucketOf(hwid), hwid])).rowCount
  return count
}

/** Returns how many rows went. */
export async function dropOldAcceptances(db: Queryable, at: number): Promise<number> {
  const before = new Date(at - ACCEPTANCES_KEPT_DAYS * DAY_MS)
  return (await db.query('delete from acceptance where at < $1', [before])).rowCount
}
