/**
 * Counted badges: "+1" shows one more than what the gateway has accepted for the device since it last set its badge.
 *
 * A row is raised in the transaction that books the acceptance, so a crash neither loses nor doubles a count. Two
 * messages that are on their way at once may show the same number; the next one is right again.
 */
import { BADGE_MAX } from '@roost/protocol'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'

interface Device {
  readonly bucket: number
  readonly hwid: string
}

/** Of `device d`, what it said last; 0 where it said nothing. An import may have brought any number. */
export const SAID_BADGE = `least(greatest(coalesce((d.record ->> 'badge')::numeric, 0), 0), ${BADGE_MAX})::integer`

/** In order, so that two chunks with the same devices wait for each other and not in a circle. */
const RAISE = `
  insert into device_badge (bucket, app_id, hwid, count)
  select d.bucket, d.app_id, d.hwid, least(${SAID_BADGE} + 1, $4)
    from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
    join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid
   order by d.bucket, d.hwid
  on conflict (bucket, app_id, hwid) do update set count = least(device_badge.count + 1, $4)`

export async function raiseBadges(tx: Queryable, appId: number, devices: readonly Device[]): Promise<void> {
  if (devices.length === 0) return
  await tx.query(RAISE, [appId, devices.map(it => it.bucket), devices.map(it => it.hwid), BADGE_MAX])
}

/** After the device's own number was stored: where nothing was counted yet, that one is what the next adds to. */
export async function setBadge(
  db: Queryable,
  { appId, hwid, badge }: { readonly appId: number; readonly hwid: string; readonly badge: number },
): Promise<void> {
  await db.query(
    'update device_badge set count = $4 where bucket = $1 and app_id = $2 and hwid = $3 and count <> $4',
    [bucketOf(hwid), appId, hwid, badge],
  )
}
