/** Whether an app has few devices: then all of them are read at once, where a part of them would tell less and take as long. */
import type { Queryable } from '../store/database.ts'
import { BUCKETS } from './buckets.ts'

/** Of which a few devices are counted: a hash spreads devices over buckets, so any of them tell. */
const PROBED_BUCKETS = 16

/** About `devices` at most. No more is read than it takes to tell, whatever the size of the base. */
export async function isSmallBase(
  db: Queryable,
  { appId, devices }: { readonly appId: number; readonly devices: number },
): Promise<boolean> {
  const most = Math.floor((devices * PROBED_BUCKETS) / BUCKETS)
  const probed = Array.from({ length: PROBED_BUCKETS }, (_, i) => (i * BUCKETS) / PROBED_BUCKETS)
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::integer as count from (
       select from unnest($2::smallint[]) as b (bucket) cross join lateral (
         select from device d where d.app_id = $1 and d.bucket = b.bucket limit ${most + 1}) one
        limit ${most + 1}) counted`,
    [appId, probed],
  )
  return (rows[0]?.count ?? 0) <= most
}
