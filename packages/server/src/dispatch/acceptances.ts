/**
 * Acceptances: the proof of whom a gateway took a message for, kept for 30 days. A row for each of them would be a billion
 * bytes for ten million devices; a chunk has one, with 8 bytes of a hash of message and hwid for each (the hash of
 * inbox/member-key.ts). A row holds as many as its chunk's `accepted` was raised by, also after a device was erased, so that
 * "nobody else was accepted" can be told from "it is not known any more".
 */
import { KEY_BYTES, memberKey } from '../inbox/member-key.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'

export const ACCEPTANCES_KEPT_DAYS = 30
const DAY_MS = 24 * 3_600_000
const ATTEMPTS_MAX = 255

export interface Accepted {
  readonly bucket: number
  readonly hwid: string
  readonly attempt: number
  /** Of message and hwid, SHA-256 in hex. */
  readonly hash: string
}

/** The row of a chunk. */
export interface Acceptance {
  readonly bucketFrom: number
  readonly bucketTo: number
  readonly accepted: Buffer
  /** Null when each took one. */
  readonly attempts: Buffer | null
}

/** Undefined when the gateway took none. */
export function acceptanceOf(accepted: readonly Accepted[]): Acceptance | undefined {
  if (accepted.length === 0) return undefined
  const buckets = accepted.map(it => it.bucket)
  const wasRepeated = accepted.some(it => it.attempt > 1)
  return {
    bucketFrom: Math.min(...buckets),
    bucketTo: Math.max(...buckets),
    accepted: Buffer.from(accepted.map(it => it.hash.slice(0, 2 * KEY_BYTES)).join(''), 'hex'),
    attempts: wasRepeated ? Buffer.from(accepted.map(it => Math.min(it.attempt, ATTEMPTS_MAX))) : null,
  }
}

export interface FoundAcceptance {
  /** ISO 8601. */
  readonly at: string
  readonly gateway: string
  readonly attempt: number
}

/**
 * SQL of the message $1, from `from` on: batches `b` and their chunks `a` that took a device.
 *
 * A chunk lies within its batch's range, so the index acceptance_of_message leads to the few rows around the device's bucket: 20 of
 * 20 000 with ten million devices, 1 ms instead of 30. `offset 0` keeps the planner from joining all of them.
 */
const acceptancesOf = (bucket: string, hwid: string) => `
    from (select id, provider, bucket_to from batch
           where message_id = $1 and ${bucket} between bucket_from and bucket_to offset 0) b
   cross join lateral (
      select at, attempts, position(${memberKey('$1::uuid', hwid)} in accepted) as place from acceptance
       where message_id = $1 and batch_id = b.id and bucket_to between ${bucket} and b.bucket_to and bucket_from <= ${bucket}
      offset 0) a
   where a.place > 0 and (a.place - 1) % ${KEY_BYTES} = 0`

const FIND = `
  select a.at, b.provider as gateway,
         coalesce(get_byte(a.attempts, (a.place - 1) / ${KEY_BYTES}), 1) as attempt
    ${acceptancesOf('$2::smallint', '$3')}
   order by a.at limit 1`

export async function findAcceptance(
  db: Queryable,
  key: { readonly messageId: string; readonly hwid: string },
): Promise<FoundAcceptance | undefined> {
  const { messageId, hwid } = key
  return (await db.query<FoundAcceptance>(FIND, [messageId, bucketOf(hwid), hwid])).rows[0]
}

const FIND_SOME = `
  select i.hwid from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
   where exists (select ${acceptancesOf('i.bucket', 'i.hwid')})`

/** Those of these devices that a gateway took the message for. */
export async function findAcceptances(
  db: Queryable,
  messageId: string,
  devices: readonly Pick<Accepted, 'bucket' | 'hwid'>[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ hwid: string }>(FIND_SOME, [
    messageId,
    devices.map(it => it.bucket),
    devices.map(it => it.hwid),
  ])
  return rows.map(it => it.hwid)
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

/** A campaign to ten million has some twenty thousand rows, of kilobytes each. */
const DROPPED_AT_ONCE = 5000

/** Returns how many rows went. */
export async function dropOldAcceptances(db: Queryable, at: number): Promise<number> {
  const before = new Date(at - ACCEPTANCES_KEPT_DAYS * DAY_MS)
  for (let dropped = 0; ; ) {
    const { rowCount } = await db.query(
      `delete from acceptance where ctid = any(array(select ctid from acceptance where at < $1 limit ${DROPPED_AT_ONCE}))`,
      [before],
    )
    dropped += rowCount
    if (rowCount < DROPPED_AT_ONCE) return dropped
  }
}
