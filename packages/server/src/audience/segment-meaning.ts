/**
 * What a segment means to a condition that names it: its condition, or the snapshot that was computed of it. A message keeps
 * what its segments meant when it was planned: whoever changes or recomputes a segment changes no campaign under way.
 */
import type { Condition, Target } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import type { SegmentMeaning } from './context.ts'
import { namesIn } from './names.ts'

/** Gives the segments of this app among those; others are left out. */
export type ReadSegments = (
  db: Queryable,
  query: { readonly appId: number; readonly ids: readonly string[] },
) => Promise<ReadonlyMap<string, SegmentMeaning>>

/** A segment as a target is written like one inside a condition. */
export function conditionOf(target: Target): Condition | undefined {
  if ('segment' in target) return target
  return 'condition' in target ? target.condition : undefined
}

/** In a form that can be stored. */
export type KeptMeaning = { readonly condition: Condition } | { readonly snapshot: number }

/** By the segment's id. */
export interface KeptSegments {
  readonly segments: Readonly<Record<string, KeptMeaning>>
}

interface Key {
  readonly appId: number
  readonly ids: readonly string[]
}

async function readKept(db: Queryable, { appId, ids }: Key): Promise<Record<string, KeptMeaning>> {
  if (ids.length === 0) return {}
  const { rows } = await db.query<{ id: string; condition: Condition; snapshot: number | null }>(
    'select id, condition, snapshot_id as snapshot from segment where app_id = $1 and id = any($2::uuid[])',
    [appId, ids],
  )
  return Object.fromEntries(
    rows.map(it => [it.id, it.snapshot === null ? { condition: it.condition } : { snapshot: it.snapshot }]),
  )
}

/** As they are now. */
export const readSegments: ReadSegments = async (db, key) => meaningsOf(await readKept(db, key))

/** As they were when they were kept. */
export function keptSegments({ segments }: KeptSegments): ReadSegments {
  return async (_db, { ids }) =>
    meaningsOf(Object.fromEntries(Object.entries(segments).filter(([id]) => ids.includes(id))))
}

function meaningsOf(kept: Readonly<Record<string, KeptMeaning>>): ReadonlyMap<string, SegmentMeaning> {
  return new Map(Object.entries(kept).map(([id, meaning]) => [id, meaningOf(meaning)]))
}

function meaningOf(kept: KeptMeaning): SegmentMeaning {
  return 'condition' in kept ? kept : { memberSql: parameter => isMember(parameter(kept.snapshot)) }
}

/** By primary key. */
function isMember(snapshot: string): string {
  return `exists (select from segment_member s
    where s.bucket = d.bucket and s.app_id = d.app_id and s.hwid = d.hwid and s.snapshot_id = ${snapshot}::bigint)`
}

/** What a condition's segments mean now, with all that these name; null when it names none. */
export async function keepSegments(
  db: Queryable,
  { appId, condition }: { readonly appId: number; readonly condition: Condition },
): Promise<KeptSegments | null> {
  const segments: Record<string, KeptMeaning> = {}
  let wanted = [...namesIn(condition).segments]
  const asked = new Set<string>()
  while (wanted.length > 0) {
    for (const id of wanted) asked.add(id)
    const level = await readKept(db, { appId, ids: wanted })
    Object.assign(segments, level)
    wanted = Object.values(level)
      .flatMap(it => ('condition' in it ? [...namesIn(it.condition).segments] : []))
      .filter(id => !asked.has(id))
  }
  return asked.size === 0 ? null : { segments }
}
