/**
 * Whether a device belongs to the audience of a message, and by which part of its condition it does not. It is asked as the device is
 * now, with what the message's segments meant when it was planned.
 */
import type { Comparison, Condition, Target } from '@roost/protocol'
import { compileAccepted } from '../../../audience/condition.ts'
import { printExpression } from '../../../audience/expression/print.ts'
import { readScope } from '../../../audience/scope.ts'
import {
  conditionOf,
  type KeptSegments,
  keepSegments,
  keptSegments,
} from '../../../audience/segment-meaning.ts'
import { wasTaken } from '../../../dispatch/slots.ts'
import { bucketOf } from '../../../registry/buckets.ts'
import type { Queryable } from '../../../store/database.ts'
import type { AudienceFacts, DeviceFacts, SegmentFacts } from '../facts.ts'
import { isMoment } from '../moments.ts'

export interface AudienceQuery {
  readonly appId: number
  readonly appCode: string
  readonly device: DeviceFacts
  readonly messageId: string
  readonly target: Target
  /** What its segments meant; null when it names none, or is not planned yet. */
  readonly kept: KeptSegments | null
  /** Days are counted back from it, ms. */
  readonly begin: number
}

export async function readAudienceFacts(db: Queryable, query: AudienceQuery): Promise<AudienceFacts> {
  const condition = conditionOf(query.target)
  const chosen = await readChosen(db, query)
  if (condition === undefined) return { isMet: null, unmet: null, segments: [], chosen }
  const kept = query.kept ?? (await keepSegments(db, { appId: query.appId, condition }))
  const parts = partsOf(condition)
  const met = await areMet(db, { ...query, kept, parts })
  const first = parts[met.indexOf(false)]
  return {
    isMet: !met.includes(false),
    unmet: first === undefined ? null : unmetOf(first, query),
    segments: await readSegmentFacts(db, { ...query, kept, parts }),
    chosen,
  }
}

/** What all must be true. */
function partsOf(condition: Condition): readonly Condition[] {
  return 'and' in condition ? condition.and.flatMap(partsOf) : [condition]
}

interface Asked extends AudienceQuery {
  readonly parts: readonly Condition[]
}

/** By the primary key of device; each part by itself. */
async function areMet(db: Queryable, { appId, device, begin, kept, parts }: Asked): Promise<boolean[]> {
  const values: unknown[] = [bucketOf(device.hwid), appId, device.hwid]
  const columns: string[] = []
  for (const condition of parts) {
    const segments = kept === null ? {} : { readSegments: keptSegments(kept) }
    const scope = await readScope(db, { appId, condition, at: begin, ...segments })
    const compiled = compileAccepted(condition, { firstParameter: values.length + 1, scope })
    values.push(...compiled.values)
    columns.push(compiled.sql)
  }
  const { rows } = await db.query<{ met: boolean[] }>(
    `select array[${columns.join(', ')}]::boolean[] as met from device d where d.bucket = $1 and d.app_id = $2 and d.hwid = $3`,
    values,
  )
  return rows[0]?.met ?? []
}

function unmetOf(part: Condition, { device, appCode }: AudienceQuery): AudienceFacts['unmet'] {
  const comparison = 'op' in part ? part : undefined
  return {
    part: printExpression(part, { app: appCode }),
    value: comparison === undefined ? '' : shownValueOf(comparison, device),
    asksForUser: comparison?.field === 'userId' || comparison?.field === 'isVisitor',
  }
}

function shownValueOf({ tag, field }: Comparison, device: DeviceFacts): string {
  const value =
    tag === undefined ? (device as unknown as Record<string, unknown>)[field ?? ''] : device.tags[tag]
  if (isMoment(value)) return value
  return value === undefined || value === null ? '–' : JSON.stringify(value)
}

/** Those of the user's own, by the index device_of_user. */
async function readChosen(db: Queryable, query: AudienceQuery): Promise<string | null> {
  const { target, device, appId, messageId } = query
  if (!('users' in target) || target.userDevices !== 'latest' || device.userId === null) return null
  const { rows } = await db.query<{ hwid: string }>(
    `select d.hwid from device d
      where d.app_id = $1 and d.user_id = $2 and d.hwid <> $3 and ${wasTaken('d', '$4::uuid')} limit 1`,
    [appId, device.userId, device.hwid, messageId],
  )
  return rows[0]?.hwid ?? null
}

interface SegmentRow extends Omit<SegmentFacts, 'isMetNow'> {
  readonly condition: Condition
  readonly isKnown: boolean
}

/** A snapshot that has ended keeps its members for an hour; then only who came after it was surely not in it. */
const SEGMENTS = `
  select coalesce(g.name, s.segment_id::text) as name, s.started_at as "computedAt", s.condition,
         exists (select from segment_member m
                  where m.bucket = $2 and m.app_id = $3 and m.hwid = $4 and m.snapshot_id = s.id) as "isMember",
         not s.is_cleaned as "isKnown",
         g.next_run_at as "nextRunAt",
         (select json_build_object('state', r.state, 'startedAt', r.started_at, 'endedAt', coalesce(r.ended_at, r.finished_at),
                                   'error', r.error)
            from segment_snapshot r where r.segment_id = s.segment_id order by r.id desc limit 1) as "lastRun"
    from segment_snapshot s left join segment g on g.id = s.segment_id
   where s.id = any($1::bigint[]) and s.app_id = $3
   order by s.id`

/** Nightly ones that stand by themselves in the condition. */
async function readSegmentFacts(db: Queryable, query: Asked): Promise<SegmentFacts[]> {
  const { appId, device, kept, parts, begin } = query
  const snapshots = parts.flatMap(part => {
    const meaning = 'segment' in part ? kept?.segments[part.segment] : undefined
    return meaning !== undefined && 'snapshot' in meaning ? [meaning.snapshot] : []
  })
  if (snapshots.length === 0) return []
  const { rows } = await db.query<SegmentRow>(SEGMENTS, [
    snapshots,
    bucketOf(device.hwid),
    appId,
    device.hwid,
  ])
  const facts: SegmentFacts[] = []
  for (const { condition, isKnown, ...row } of rows) {
    if (!isKnown && Date.parse(device.firstSeenAt) <= Date.parse(row.computedAt)) continue
    const [isMetNow] = await areMet(db, { ...query, kept: null, parts: [condition], begin })
    facts.push({ ...row, isMetNow: isMetNow ?? null })
  }
  return facts
}
