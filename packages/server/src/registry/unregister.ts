/**
 * A device that asks to be left alone: its addresses end, the device itself stays (and still has its inbox).
 * Succeeds for devices never seen, since clients call it before they register for the first time.
 */
import type { Queryable } from '../store/database.ts'
import { bucketOf } from './buckets.ts'

const UNREGISTER = `
  with ended as (
    update address
       set state = 'dead', reason = 'unregistered', generation = generation + 1, state_since = $4
     where bucket = $1 and app_id = $2 and hwid = $3 and state in ('active', 'suspect', 'quarantined')
    returning *
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, $4, 'unregistered', 'asked_by_device', provider, environment, kind,
         right(address, 8), generation
    from ended`

/** Returns how many addresses ended; 0 when there was none, which is no error. */
export async function unregisterDevice(
  db: Queryable,
  device: { readonly appId: number; readonly hwid: string; readonly at: number },
): Promise<number> {
  const result = await db.query(UNREGISTER, [
    bucketOf(device.hwid),
    device.appId,
    device.hwid,
    new Date(device.at),
  ])
  return result.rowCount
}
