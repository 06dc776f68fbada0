/**
 * R26: a device that may show nothing keeps its address, but nothing is sent to it: the gateways would go on answering
 * 200. The flag lies on the address, where the dispatcher reads; a device that may show again is reached at once.
 *
 * Permission and token belong to the same installation, so an opt-out goes with its token: exports of other systems name
 * devices as no app of ours does, and who has unsubscribed there must not be sent to as soon as the app calls in.
 */
import type { Permission } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'

/** Not said is not denied: most clients never say it. */
export function isDenied(permission: Permission | null): boolean {
  return permission === 'denied' || permission === 'not_determined'
}

interface DeviceKey {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
}

/** What a device said itself stays. */
const INHERIT = `
  update device d set permission = 'denied'
    from unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
   where d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid and d.permission is null
  returning d.app_id as "appId", d.hwid`

/**
 * Devices that have taken an address that was opted out deny from now on, until they say otherwise. In the caller's
 * transaction, which holds the locks of these devices. Returns those that had said nothing.
 */
export async function inheritOptOut(
  tx: Queryable,
  devices: readonly DeviceKey[],
): Promise<readonly { readonly appId: number; readonly hwid: string }[]> {
  if (devices.length === 0) return []
  const { rows } = await tx.query<{ appId: number; hwid: string }>(INHERIT, [
    devices.map(it => it.bucket),
    devices.map(it => it.appId),
    devices.map(it => it.hwid),
  ])
  return rows
}

export interface OptOut extends DeviceKey {
  readonly isOptedOut: boolean
  readonly at: number
}

const OPT_OUT = `
  with changed as (
    update address a
       set opted_out = i.is_opted_out
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::boolean[], $5::timestamptz[])
             as i (bucket, app_id, hwid, is_opted_out, at)
     where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.kind = 'alert'
       and a.opted_out <> i.is_opted_out
    returning a.*, i.at
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, at, case when opted_out then 'opted_out' else 'opted_in' end,
         case when opted_out then 'permission_withdrawn' else 'permission_granted' end,
         provider, environment, kind, right(address, 8), generation
    from changed where state in ('active', 'suspect')`

/** In the caller's transaction, which holds the locks of these addresses. */
export async function optOut(tx: Queryable, changes: readonly OptOut[]): Promise<void> {
  await tx.query(OPT_OUT, [
    changes.map(it => it.bucket),
    changes.map(it => it.appId),
    changes.map(it => it.hwid),
    changes.map(it => it.isOptedOut),
    changes.map(it => new Date(it.at)),
  ])
}
