/**
 * One message by platform and language: of those whom a gateway took it for, how many told that it came and was opened.
 *
 * Whom it was taken for is on record as hashes, for thirty days (dispatch/acceptances.ts), so the devices of a part of the buckets
 * are held against them, as for the coverage. A base of some thousands is read whole.
 */
import type { MessageGroups } from '@roost/protocol'
import { memberKey } from '../../inbox/member-key.ts'
import { readMessage } from '../../messages/read.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import type { Queryable } from '../../store/database.ts'
import { acceptedKeys, bucketsFor, devicesOfBucket } from './coverage.ts'

/** Of each device it is asked by key: as `exists` it may become a hash of all receipts of the message. */
const told = (kind: 'delivered' | 'opened'): string => `
  count((select true from receipt r
          where r.bucket = d.bucket and r.message_id = $3 and r.hwid = d.hwid and r.kind = '${kind}'))::integer as ${kind}`

const GROUPS = `
  select coalesce(d.platform, 'other') as platform,
         nullif(lower(split_part(replace(d.language, '_', '-'), '-', 1)), '') as language,
         count(*)::integer as accepted, ${told('delivered')}, ${told('opened')}
    from device d
   where d.bucket between 0 and $2::smallint and d.app_id = $1
     and ${memberKey('$3::uuid', 'd.hwid')} = any($4::bytea[])
   group by 1, 2
   order by 3 desc, 1, 2`

/** Throws `message_unknown`. */
export async function readMessageGroups(
  db: Queryable,
  key: { readonly appId: number; readonly id: string },
): Promise<MessageGroups> {
  const { counts } = await readMessage(db, key)
  const ofBucket = await devicesOfBucket(db, key.appId)
  const buckets = bucketsFor({ accepted: Math.max(1, counts.accepted), ofBucket })
  const keys = await acceptedKeys(db, { id: key.id, upTo: buckets - 1 })
  const { rows } = await db.query<MessageGroups['groups'][number]>(GROUPS, [
    key.appId,
    buckets - 1,
    key.id,
    keys,
  ])
  return { part: buckets / BUCKETS, groups: rows }
}
