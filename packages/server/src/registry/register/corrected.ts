/**
 * R12: what an address's registration is worth when its environment was corrected before. The app goes on reporting the
 * wrong one at each of its starts, and Apple gives no token to both, so the registration is one of the corrected address,
 * whichever device makes it (R3). When the corrected address has ended, the report is believed again.
 */
import type { Queryable } from '../../store/database.ts'

interface Registered {
  readonly appId: number
  readonly hash: Buffer
  readonly addressBucket: number
}

const CORRECTED = `
  select i.n, c.environment
    from unnest($1::integer[], $2::smallint[], $3::integer[], $4::bytea[]) as i (n, address_bucket, app_id, hash)
    join address_directory held on held.address_bucket = i.address_bucket and held.app_id = i.app_id
                               and held.address_hash = i.hash
    join address a on a.bucket = held.bucket and a.app_id = held.app_id and a.hwid = held.hwid
                  and a.address_hash = held.address_hash
                  and a.state = 'superseded' and a.reason = 'environment_corrected'
    join address c on c.bucket = a.bucket and c.app_id = a.app_id and c.hwid = a.hwid and c.provider = a.provider
                  and c.kind = a.kind and c.address = a.address and c.environment <> a.environment
                  and c.state in ('active', 'suspect')`

/** The environments in which they work, by their place among `registered`; only of those that were corrected. */
export async function correctedEnvironments(
  tx: Queryable,
  registered: readonly Registered[],
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await tx.query<{ n: number; environment: string }>(CORRECTED, [
    registered.map((_, i) => i),
    registered.map(it => it.addressBucket),
    registered.map(it => it.appId),
    registered.map(it => it.hash),
  ])
  return new Map(rows.map(row => [row.n, row.environment]))
}
