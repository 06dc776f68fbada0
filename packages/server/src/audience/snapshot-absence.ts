/** Who was not in a nightly segment when a message was planned with it: the snapshot that the message keeps tells it. */
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import type { KeptSegments } from './segment-meaning.ts'

export interface SnapshotAbsence {
  /** Of the segment; its id when it is deleted. */
  readonly name: string
  /** ISO 8601: the moment whose base the snapshot shows. */
  readonly computedAt: string
}

/** By primary key. The members of a snapshot that has ended go, and then only who came after it was surely not in it. */
const ABSENCES = `
  select coalesce(g.name, s.segment_id::text) as name, s.started_at as "computedAt"
    from segment_snapshot s left join segment g on g.id = s.segment_id
   where s.id = any($1::bigint[]) and s.app_id = $3
     and case when s.ended_at is null
              then not exists (select from segment_member m
                                where m.bucket = $2 and m.app_id = $3 and m.hwid = $4 and m.snapshot_id = s.id)
              else exists (select from device d
                            where d.bucket = $2 and d.app_id = $3 and d.hwid = $4 and d.first_seen_at > s.started_at) end
   order by s.id`

/** The snapshots that a message keeps and that a device is not in. */
export async function absencesOf(
  db: Queryable,
  {
    appId,
    hwid,
    audience,
  }: { readonly appId: number; readonly hwid: string; readonly audience: KeptSegments },
): Promise<SnapshotAbsence[]> {
  const snapshots = Object.values(audience.segments).flatMap(it => ('snapshot' in it ? [it.snapshot] : []))
  if (snapshots.length === 0) return []
  const { rows } = await db.query<SnapshotAbsence>(ABSENCES, [snapshots, bucketOf(hwid), appId, hwid])
  return rows
}
