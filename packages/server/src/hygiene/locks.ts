/**
 * Locks for what ends addresses and brings them back beside the registrations: device rows, directory rows, address rows, each by
 * key (registry/lock-order.ts). Whoever holds a device's row knows of all its calls that are stored, and no other call of it is
 * stored before the end.
 */
import { addressBucketOf } from '../registry/buckets.ts'
import { addressOrder, deviceOrder, directoryOrder } from '../registry/lock-order.ts'
import type { Queryable } from '../store/database.ts'

export interface HeldKey {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
  readonly hash: Buffer
}

const DEVICES = 'unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)'

const LOCK_DEVICES = `
  select from device d join ${DEVICES} on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
   order by ${deviceOrder('d')} for update of d`

const LOCK_HOLDERS = `
  select h.app_id as "appId", h.address_hash as hash, h.hwid
    from address_directory h join unnest($1::smallint[], $2::integer[], $3::bytea[]) as i (address_bucket, app_id, hash)
      on h.address_bucket = i.address_bucket and h.app_id = i.app_id and h.address_hash = i.hash
   order by ${directoryOrder('h')} for update of h`

const LOCK_ADDRESSES = `
  select from address a join ${DEVICES} on a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid
   order by ${addressOrder('a')} for update of a`

export function deviceColumns(keys: readonly Omit<HeldKey, 'hash'>[]): unknown[] {
  return [keys.map(it => it.bucket), keys.map(it => it.appId), keys.map(it => it.hwid)]
}

export async function lockDevices(tx: Queryable, keys: readonly Omit<HeldKey, 'hash'>[]): Promise<void> {
  await tx.query(LOCK_DEVICES, deviceColumns(keys))
}

/** Locks the devices, who holds the addresses, and all their addresses; returns those that are still their devices'. */
export async function lockHeld<T extends HeldKey>(tx: Queryable, keys: readonly T[]): Promise<T[]> {
  await lockDevices(tx, keys)
  const { rows } = await tx.query<Pick<HeldKey, 'appId' | 'hash' | 'hwid'>>(LOCK_HOLDERS, [
    keys.map(it => addressBucketOf(it.hash)),
    keys.map(it => it.appId),
    keys.map(it => it.hash),
  ])
  const holders = new Map(rows.map(row => [nameOf(row), row.hwid]))
  await tx.query(LOCK_ADDRESSES, deviceColumns(keys))
  return keys.filter(it => holders.get(nameOf(it)) === it.hwid)
}

function nameOf({ appId, hash }: Pick<HeldKey, 'appId' | 'hash'>): string {
  return `${appId} ${hash.toString('hex')}`
}

/** SQL over `address a`: no other address has taken its place; one that was registered later has, whatever became of it. */
export const IS_UNREPLACED = `not exists (
       select from address o
        where o.bucket = a.bucket and o.app_id = a.app_id and o.hwid = a.hwid and o.kind = a.kind
          and (o.state in ('active', 'suspect') or o.last_registered_at > a.last_registered_at))`
