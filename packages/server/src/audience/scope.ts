/** What the names in a condition mean: read at once, with all segments that its segments name. */
import { ANY_MESSAGE, type Condition, type ListKind } from '@roost/protocol'
import { newestKnock } from '../hygiene/uninstalls/doubt.ts'
import { KEY_BYTES } from '../inbox/member-key.ts'
import { readTagTypes } from '../registry/tags/definitions.ts'
import type { Queryable } from '../store/database.ts'
import type { AcceptanceRecord, ConditionScope, SegmentMeaning } from './context.ts'
import { namesIn } from './names.ts'
import { type ReadSegments, readSegments as readSegmentsNow } from './segment-meaning.ts'

export interface ScopeQuery {
  readonly appId: number
  readonly condition: Condition
  /** ms; days are counted back from this one. */
  readonly at: number
  /** Default: as they are now. */
  readonly readSegments?: ReadSegments
  /** Of acceptances those count alone after which nobody else was logged in on the device. Default false. */
  readonly isOfSamePerson?: boolean | undefined
}

export async function readScope(db: Queryable, query: ScopeQuery): Promise<ConditionScope> {
  const { appId, condition, at, isOfSamePerson = false } = query
  const segments = await readAllSegments(db, query)
  const inside = [...segments.values()].flatMap(it => ('condition' in it ? [it.condition] : []))
  const named = namesIn(condition, ...inside)
  return {
    at,
    types: await readTagTypes(db, { appId, tags: [...named.tags] }),
    segments,
    lists: await readLists(db, appId, named.lists),
    messages: await readMessages(db, appId, named.messages),
    accepted: await readAcceptances(db, appId, { ids: named.accepted, isOfSamePerson }),
    ...(named.fields.has('doubt') && { doubt: await newestKnock(db, appId) }),
  }
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

/** A row of acceptances is of a chunk, which lies in the buckets of its batch. */
const ACCEPTANCES = `
  select m.id, coalesce(max(b.bucket_to - b.bucket_from), 0)::integer as width,
         coalesce(sum(b.accepted), 0) * ${KEY_BYTES}
           = (select coalesce(sum(octet_length(a.accepted)), 0) from acceptance a where a.message_id = m.id) as "isWhole"
    from message m left join batch b on b.message_id = m.id
   where m.app_id = $1 and m.id = any($2::uuid[])
   group by m.id`

async function readAcceptances(
  db: Queryable,
  appId: number,
  { ids, isOfSamePerson }: { readonly ids: ReadonlySet<string>; readonly isOfSamePerson: boolean },
): Promise<ReadonlyMap<string, AcceptanceRecord>> {
  if (ids.size === 0) return new Map()
  const known = [...ids].filter(it => it !== ANY_MESSAGE)
  const { rows } = await db.query<AcceptanceRecord & { readonly id: string }>(ACCEPTANCES, [appId, known])
  return new Map(rows.map(({ id, ...record }) => [id, { ...record, isOfSamePerson }]))
}
