/**
 * Ends the addresses of many devices at somebody's wish; the devices stay, and a registration revives them (R6). Who names a
 * token means that token, and nobody means what was registered after the wish (R5): that is not touched.
 */
import type { Queryable } from '../../store/database.ts'
import { bucketOf } from '../buckets.ts'
import { addressOrder } from '../lock-order.ts'
import type { Found } from './find.ts'

const END = `
  with wanted as (
    select a.bucket, a.app_id, a.hwid, a.address_hash, a.last_registered_at > $4 as is_kept
      from address a
      join unnest($2::smallint[], $3::text[], $5::bytea[]) as i (bucket, hwid, hash)
        on a.bucket = i.bucket and a.hwid = i.hwid and (i.hash is null or a.address_hash = i.hash)
     where a.app_id = $1 and a.state in ('active', 'suspect', 'quarantined')
     order by ${addressOrder('a')}
       for update of a
  ), ended as (
    update address a
       set state = 'dead', reason = 'unregistered', generation = a.generation + 1, state_since = $4
      from wanted w
     where a.bucket = w.bucket and a.app_id = w.app_id and a.hwid = w.hwid and a.address_hash = w.address_hash
       and not w.is_kept and a.state in ('active', 'suspect', 'quarantined')
    returning a.*
  ), told as (
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, $4, 'unregistered', 'asked_by_sender', provider, environment, kind, right(address, 8),
         generation
    from ended
  )
  select distinct hwid from wanted where is_kept`

/** In the caller's transaction; safe to repeat. Returns the hwids of devices that keep what they have registered since. */
export async function unregisterDevices(
  tx: Queryable,
  wanted: { readonly appId: number; readonly devices: readonly Found[]; readonly at: number },
): Promise<ReadonlySet<string>> {
  const { appId, devices, at } = wanted
  const { rows } = await tx.query<{ hwid: string }>(END, [
    appId,
    devices.map(it => bucketOf(it.hwid)),
    devices.map(it => it.hwid),
    new Date(at),
    devices.map(it => it.hash),
  ])
  return new Set(rows.map(it => it.hwid))
}
