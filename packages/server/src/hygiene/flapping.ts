/**
 * What flaps: an address between devices (R4), a device between addresses (race M).
 *
 * R4: devices that take an address from each other, as clones, shared backups and emulators' copies do. The last one to
 * register has it, and no message comes to it twice; more than three changes of hands in a day raise an alert. One alert for all addresses of an app:
 * registrations come from clients, and nobody shall be able to fill the list.
 */
import { type FormerHolder, noteServed } from '../dispatch/served.ts'
import { addressBucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { raiseAlert } from './alerts.ts'

const MOVES_MAX = 3
const WITHIN = "interval '24 hours'"

/** The newest four times are enough to tell. */
const NOTE = `
  with noted as (
    update address_directory h
       set moved_at = (coalesce(h.moved_at, '{}') || $4::timestamptz)
                        [greatest(1, cardinality(coalesce(h.moved_at, '{}')) + 2 - ${MOVES_MAX + 1}):]
      from unnest($1::smallint[], $2::integer[], $3::bytea[]) as i (address_bucket, app_id, hash)
     where h.address_bucket = i.address_bucket and h.app_id = i.app_id and h.address_hash = i.hash
    returning h.*
  )
  select n.app_id as "appId", a.provider, right(a.address, 8) as "addressEnd"
    from noted n
    join address a on a.bucket = n.previous_bucket and a.app_id = n.app_id and a.hwid = n.previous_hwid
                  and a.address_hash = n.address_hash
   where cardinality(n.moved_at) > ${MOVES_MAX} and n.moved_at[1] > $4::timestamptz - ${WITHIN}
   order by n.app_id`

/** In the transaction of the registrations, which holds the directory's rows; the addresses are still the former holders'. */
export async function noteMoves(tx: Queryable, moves: readonly FormerHolder[], at: number): Promise<void> {
  await noteServed(tx, moves, at)
  const hashes = moves.map(it => it.hash)
  const { rows } = await tx.query<{ appId: number; provider: string; addressEnd: string }>(NOTE, [
    hashes.map(addressBucketOf),
    moves.map(it => it.appId),
    hashes,
    new Date(at),
  ])
  const seen = new Set<number>()
  for (const { appId, ...data } of rows) {
    if (seen.has(appId)) continue
    seen.add(appId)
    await raiseAlert(tx, { appId, kind: 'address_flapping', subject: '', data, at })
  }
}

/** More than three changes in a day, of which all but one, which may be the first of them, return to an address of before. */
const SHARED = `
  select i.bucket, i.app_id as "appId", i.hwid, max(l.provider) as provider
    from unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
    join ledger l on l.bucket = i.bucket and l.app_id = i.app_id and l.hwid = i.hwid
   where l.kind = 'alert' and l.at > $4::timestamptz - ${WITHIN}
   group by i.bucket, i.app_id, i.hwid
  having count(*) filter (where l.event = 'superseded' and l.reason = 'replaced_by_new_address') > ${MOVES_MAX}
     and count(*) filter (where l.event = 'restored' and l.evidence ->> 'formerState' = 'superseded') >= ${MOVES_MAX}
   order by i.app_id`

export interface SharedDevice {
  readonly bucket: number
  readonly appId: number
  readonly hwid: string
}

/**
 * Race M: of these devices, which have just returned to an address that they had replaced, those that several phones must
 * be: a backup that brought the hwid along. In the transaction of the registrations.
 */
export async function findShared(
  tx: Queryable,
  returned: readonly SharedDevice[],
  at: number,
): Promise<SharedDevice[]> {
  const { rows } = await tx.query<SharedDevice & { provider: string }>(SHARED, [
    returned.map(it => it.bucket),
    returned.map(it => it.appId),
    returned.map(it => it.hwid),
    new Date(at),
  ])
  const apps = new Map(rows.map(row => [row.appId, row.provider]))
  for (const [appId, provider] of apps)
    await raiseAlert(tx, { appId, kind: 'address_flapping', subject: 'hwid', data: { provider }, at })
  return rows
}
