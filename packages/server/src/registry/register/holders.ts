/** R3: whose an address is. The device that registered it last holds it, by its row in the directory. */
import type { Queryable } from '../../store/database.ts'
import { bucketOf } from '../buckets.ts'
import type { DeviceKey } from '../lock-order.ts'
import type { Registration } from './keys.ts'

/**
 * Locks the directory row of each address and makes the registering device its holder. Rows that change hands
 * come back with their former holder; an unchanged row is locked but not rewritten (the `where`).
 */
const TAKE_ADDRESSES = `
  insert into address_directory as held (address_bucket, app_id, address_hash, bucket, hwid)
  select * from unnest($1::smallint[], $2::integer[], $3::bytea[], $4::smallint[], $5::text[])
  on conflict (address_bucket, app_id, address_hash) do update
     set previous_bucket = held.bucket, previous_hwid = held.hwid,
         bucket = excluded.bucket, hwid = excluded.hwid
   where held.hwid <> excluded.hwid
  returning app_id as "appId", address_hash as "hash", previous_bucket as "bucket", previous_hwid as "hwid"`

/** R3: the former holder has no active address any more, so nothing that is meant for it goes there. */
const MOVE_AWAY = `
  with moved as (
    update address a
       set state = 'moved', reason = 'registered_by_another_device', generation = a.generation + 1,
           state_since = $5
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[]) as i (bucket, app_id, hwid, hash)
     where a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.address_hash = i.hash
       and a.state in ('active', 'suspect', 'quarantined')
    returning a.*
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
  select bucket, app_id, hwid, $5, 'moved', reason, provider, environment, kind, right(address, 8), generation
    from moved`

export interface Move extends DeviceKey {
  readonly hash: Buffer
}

/** Returns what the former holders lose. */
export async function takeAddresses(tx: Queryable, registrations: readonly Registration[]): Promise<Move[]> {
  const taken = await tx.query<Move>(TAKE_ADDRESSES, [
    registrations.map(it => it.addressBucket),
    registrations.map(it => it.update.appId),
    registrations.map(it => it.hash),
    registrations.map(it => bucketOf(it.update.hwid)),
    registrations.map(it => it.update.hwid),
  ])
  return taken.rows.filter(row => row.hwid !== null) // null: it had no holder before
}

export async function moveAway(tx: Queryable, moves: readonly Move[], at: number): Promise<void> {
  await tx.query(MOVE_AWAY, [
    moves.map(it => it.bucket),
    moves.map(it => it.appId),
    moves.map(it => it.hwid),
    moves.map(it => it.hash),
    new Date(at),
  ])
}
