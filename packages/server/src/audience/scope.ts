/** What the names in a condition mean: read at once, with all segments that its segments name. */
import { ANY_MESSAGE, type Condition, type ListKind } from '@roost/protocol'
import { readTagTypes } from '../registry/tag-definitions.ts'
import type { Queryable } from '../store/database.ts'
import type { ConditionScope, SegmentMeaning } from './context.ts'
import { readSegments as readSegmentsNow } from './segment-meaning.ts'

/** Gives the segments of this app among those; others are left out. */
export type ReadSegments = (
  db: Queryable,
  query: { readonly appId: number; readonly ids: readonly string[] },
) => Promise<ReadonlyMap<string, SegmentMeaning>>

export interface ScopeQuery {
  readonly appId: number
  readonly condition: Condition
  /** ms; days are counted back from this one. */
  readonly at: number
  /** Default: as they are now. */
  readonly readSegments?: ReadSegments
}

export async function readScope(db: Queryable, query: ScopeQuery): Promise<ConditionScope> {
  const { appId, condition, at } = query
  const segments = await readAllSegments(db, query)
  const named = namesIn(condition)
  for (const meaning of segments.values()) if ('condition' in meaning) collect(meaning.condition, named)
  return {
    at,
    types: await readTagTypes(db, { appId, tags: [...named.tags] }),
    segments,
    lists: await readLists(db, appId, named.lists),
    messages: await readMessages(db, appId, named.messages),
  }
}

interface Names {
  readonly tags: Set<string>
  readonly segments: Set<string>
  readonly lists: Set<string>
  readonly messages: Set<string>
}

/** The names of all that is asked for, each once. */
export function namesIn(condition: Condition): Names {
  const names = {
    tags: new Set<string>(),
    segments: new Set<string>(),
    lists: new Set<string>(),
    messages: new Set<string>(),
  }
  collect(condition, names)
  return names
}

function collect(condition: Condition, names: Names): void {
  if ('and' in condition) for (const part of condition.and) collect(part, names)
  else if ('or' in condition) for (const part of condition.or) collect(part, names)
  else if ('not' in condition) collect(condition.not, names)
  else if ('segment' in condition) names.segments.add(condition.segment)
  else if ('list' in condition) names.lists.add(condition.list)
  else if ('message' in condition) names.messages.add(condition.message)
  else if ('op' in condition && condition.tag !== undefined) names.tags.add(condition.tag)
}

/** Level by level; each is read once, so those that name one another come to an end. */
async function readAllSegments(
  db: Queryable,
  { appId, condition, readSegments = readSegmentsNow }: ScopeQuery,
): Promise<ReadonlyMap<string, SegmentMeaning>> {
  const found = new Map<string, SegmentMeaning>()
  const asked = new Set<string>()
  let wanted = [...namesIn(condition).segments]
  while (wanted.length > 0) {
    for (const id of wanted) asked.add(id)
    const level = await readSegments(db, { appId, ids: wanted })
    const next = new Set<string>()
    for (const [id, meaning] of level) {
      found.set(id, meaning)
      if ('condition' in meaning) for (const name of namesIn(meaning.condition).segments) next.add(name)
    }
    wanted = [...next].filter(it => !asked.has(it))
  }
  return found
}

async function readLists(
  db: Queryable,
  appId: number,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ListKind>> {
  if (ids.size === 0) return new Map()
  const { rows } = await db.query<{ id: string; kind: ListKind }>(
    "select id, kind from audience_list where app_id = $1 and id = any($2::uuid[]) and state = 'ready'",
    [appId, [...ids]],
  )
  return new Map(rows.map(it => [it.id, it.kind]))
}

async function readMessages(
  db: Queryable,
  appId: number,
  named: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const ids = [...named].filter(it => it !== ANY_MESSAGE)
  if (ids.length === 0) return new Set()
  const { rows } = await db.query<{ id: string }>(
    'select id from message where app_id = $1 and id = any($2::uuid[])',
    [appId, ids],
  )
  return new Set(rows.map(it => it.id))
}
