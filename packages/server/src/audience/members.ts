/**
 * Who is in a segment, page by page: to look at some of them, and to name all of them to a bulk call. Buckets are read in their order, which is a
 * random one for whoever looks at the first page, since a hash spreads devices over them.
 *
 * A page takes a moment at most, however few of a large base are meant: it may be short, or empty, and have a `next` all the same.
 */
import type { SegmentMember, SegmentMembers } from '@roost/protocol'
import { PushError } from '@roost/protocol'
import { BUCKETS } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { compileCondition } from './condition.ts'
import { readScope } from './scope.ts'

/** A bucket of ten million devices takes 30 to 50 ms. */
const BUDGET_MS = 120
/** An empty page looks as if there were few, also where the machine was busy alone: somebody is looked for this long. */
const EMPTY_BUDGET_MS = 1500

export interface MembersQuery {
  readonly appId: number
  readonly segmentId: string
  /** `next` of the page before. */
  readonly after: string | undefined
  readonly limit: number
  /** ms; days are counted back from it. */
  readonly at: number
}

interface Row extends SegmentMember {
  readonly bucket: number
}

interface Place {
  readonly bucket: number
  readonly hwid: string
}

/** What `registry/bulk/unregister.ts` ends is an address of any kind in these states. */
const statement = (audience: string): string => `
  select d.bucket, d.hwid, d.user_id as "userId", d.platform,
         d.device_model as "deviceModel", d.last_seen_at as "lastSeenAt",
         exists (select from address k
                  where k.bucket = d.bucket and k.app_id = d.app_id and k.hwid = d.hwid
                    and k.state in ('active', 'suspect', 'quarantined')) as "hasAddress"
    from device d
   where d.app_id = $1 and d.bucket >= $2 and d.bucket < $4 and (d.bucket, d.hwid) > ($2, $3) and ${audience}
   order by d.bucket, d.hwid limit $5`

/** Throws `condition_invalid`, and `input_invalid` for what is no place. */
export async function readMembers(db: Queryable, query: MembersQuery): Promise<SegmentMembers> {
  const { appId, segmentId, limit, at } = query
  const condition = { segment: segmentId }
  const scope = await readScope(db, { appId, condition, at })
  const { sql, values } = compileCondition(condition, { firstParameter: 6, scope })
  const beganAt = performance.now()
  const found: Row[] = []
  let place = placeOf(query.after)
  for (let width = 1; place.bucket < BUCKETS && found.length < limit; width *= 2) {
    const stepAt = performance.now()
    const until = Math.min(place.bucket + width, BUCKETS)
    const wanted = limit - found.length
    const parameters = [appId, place.bucket, place.hwid, until, wanted, ...values]
    const { rows } = await db.query<Row>(statement(sql), parameters)
    found.push(...rows)
    const last = rows.length === wanted ? rows.at(-1) : undefined
    place = last ?? { bucket: until, hwid: '' }
    const endsAt = beganAt + (found.length > 0 ? BUDGET_MS : EMPTY_BUDGET_MS)
    // the next step takes twice as long as this one: there has to be room for it
    if (2 * (performance.now() - stepAt) > endsAt - performance.now()) break
  }
  const devices = found.map(({ bucket: _, ...member }) => member)
  return { devices, next: place.bucket < BUCKETS ? `${place.bucket}.${place.hwid}` : null }
}

function placeOf(after: string | undefined): Place {
  if (after === undefined) return { bucket: 0, hwid: '' }
  const [, bucket, hwid = ''] = /^(\d{1,4})\.(.*)$/s.exec(after) ?? []
  if (bucket === undefined) throw new PushError('input_invalid', 'querystring/after: no "next" of a page')
  return { bucket: Number(bucket), hwid }
}
