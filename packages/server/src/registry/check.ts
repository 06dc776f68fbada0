/** Whether a device is there, and whether it can be reached. */
import type { Queryable } from '../store/database.ts'
import { bucketOf } from './buckets.ts'

const CHECK = `
  select exists (select from device where bucket = $1 and app_id = $2 and hwid = $3) as "isKnown",
         exists (select from address where bucket = $1 and app_id = $2 and hwid = $3 and kind = 'alert'
                    and state in ('active', 'suspect')) as "hasAddress"`

export interface Presence {
  readonly isKnown: boolean
  /** For alerts; also while its permission is withdrawn, since it need not register again for that. */
  readonly hasAddress: boolean
}

export async function checkDevice(
  db: Queryable,
  { appId, hwid }: { readonly appId: number; readonly hwid: string },
): Promise<Presence> {
  const { rows } = await db.query<Presence>(CHECK, [bucketOf(hwid), appId, hwid])
  return rows[0] as Presence
}
