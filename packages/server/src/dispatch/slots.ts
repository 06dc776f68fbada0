/**
 * Which devices a batch of a message by local time reads: those of its slot. In which slot a device is, is asked when it is read, so no
 * row is written for it.
 *
 * A device that moves to another zone meanwhile changes its slot, and gets the message once all the same. The batches of a bucket
 * range read one after the other. Whoever has moved into a slot that was read before is read with the next one, as one of those
 * who have been heard of since the slot before; and of whoever has been heard of since the beginning it is asked whether the
 * message has come to them in a former slot.
 */
import { KEY_BYTES, memberKey } from '../inbox/member-key.ts'
import { PASSED_SLOT, slotSql } from '../messages/when/slots.ts'

/** Of a batch that reads one slot. */
export interface BatchSlot {
  /** `SlotOf` as JSON; null of devices that were named, since nothing is read of them by slot. */
  readonly of: string | null
  /** Up to this one slots were read before; ISO 8601 or null. */
  readonly after: string | null
  /** ISO 8601, or `infinity` for stragglers. */
  readonly at: string
  /** When the sending began; ISO 8601. */
  readonly begin: string
  /** To count those of a slot that nothing is sent to: whoever is late for a former one is counted there. */
  readonly isWithoutLate?: boolean
}

/** The reason of those who are skipped since their hour had passed. */
export const HOUR_PASSED = 'local_time_passed'

/** Its devices are not sent to. */
export function hasPassed({ at }: BatchSlot): boolean {
  return Date.parse(at) === PASSED_SLOT
}

/** A call of a device is committed so long after it came at the latest, and the clocks of servers are not the same. */
const HEARD_MARGIN = "interval '10 minutes'"
const HEARD_AT = 'greatest(d.last_seen_at, d.told_at)'

/** SQL beside `device d`: its slot, computed once, as `slot.at`. Its value is added to `values`. */
export function slotJoin({ of }: BatchSlot, values: unknown[]): string {
  return `cross join lateral (select ${slotSql(`$${values.push(of)}::jsonb`)} as at offset 0) slot`
}

/** SQL over `device d` and its `slot`: whether the batch reads it. Its values are added to `values`. */
export function isInSlot(
  { messageId, slot }: { readonly messageId: string; readonly slot: BatchSlot },
  values: unknown[],
): string {
  const add = (value: unknown, type: string) => `$${values.push(value)}::${type}`
  const isDue = `slot.at <= ${add(slot.at, 'timestamptz')}`
  if (slot.after === null) return isDue
  const after = add(slot.after, 'timestamptz')
  const begin = add(slot.begin, 'timestamptz')
  const isLate =
    slot.isWithoutLate === true
      ? 'false'
      : `${HEARD_AT} >= greatest(${after}, ${begin}) - ${HEARD_MARGIN} and d.first_seen_at <= ${begin}`
  const mayHaveMoved = `${HEARD_AT} >= ${begin} - ${HEARD_MARGIN}`
  return `${isDue} and (slot.at > ${after} or ${isLate})
    and (${mayHaveMoved} and ${wasTaken('d', add(messageId, 'uuid'))}) is not true`
}

/**
 * SQL: whether the message has come to the device of a row, whatever came of it; all arguments are SQL. Where it can only be a
 * batch up to `lastBucket`, the index leads to the few acceptances there.
 */
export function wasTaken(row: string, messageId: string, lastBucket?: string): string {
  const here = (table: string) =>
    `exists (select from ${table} t where t.bucket = ${row}.bucket and t.message_id = ${messageId} and t.hwid = ${row}.hwid)`
  const place = `position(${memberKey(messageId, `${row}.hwid`)} in t.accepted)`
  const isNear = lastBucket === undefined ? '' : `and t.bucket_to <= ${lastBucket}`
  return `(${here('delivery_queue')} or ${here('delivery_exception')} or exists (
    select from acceptance t
     where t.message_id = ${messageId} and ${row}.bucket between t.bucket_from and t.bucket_to ${isNear}
       and ${place} > 0 and (${place} - 1) % ${KEY_BYTES} = 0))`
}
