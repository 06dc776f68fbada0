/**
 * Where people are named outside of the rows about them: messages to them, segments and what was made of them, events that tell
 * of their devices, and bulk calls that wait. Each place is known by its form. A name is taken out of the list or comparison that holds it and nothing
 * is put in its stead: hwids and user ids are words of anybody's choice, so looking for them in whole texts would change
 * other people's messages, and a word in place of a name could be taken by somebody as theirs.
 *
 * A message to nobody else is about this person, so its words go, too. Those of a message to several stay: they are theirs.
 */
import type { Comparison, Condition, Target } from '@roost/protocol'
import { eraseFromExports } from '../../audience/export.ts'
import type { KeptSegments } from '../../audience/segment-meaning.ts'
import type { Queryable } from '../../store/database.ts'
import { eraseFromCallEvents, eraseFromCallMessages } from './calls.ts'

export interface Names {
  readonly appId: number
  readonly hwids: readonly string[]
  readonly users: readonly string[]
  /** Whole ones. */
  readonly tokens: readonly string[]
}

/** Rows that named them, by table. Messages come twice: those whose target did, and those whose segments did. */
export type Mentions = readonly (readonly [table: string, count: number])[]

/**
 * Takes the names out, in the caller's transaction, which must hold no row of a device yet: a bulk call that is worked on
 * is waited for, and it registers devices over connections of its own.
 */
export async function eraseMentions(tx: Queryable, names: Names): Promise<Mentions> {
  return [
    ['bulk_request', await eraseFromBulkRequests(tx, names)],
    // Before messages, as triggers are held by what makes messages of them.
    ...(await eraseFromConditions(tx, names, OF_TRIGGERS)),
    ['message', (await eraseFromCallMessages(tx, names)) + (await eraseFromMessages(tx, names))],
    ...(await eraseFromConditions(tx, names, WITH_CONDITIONS)),
    ['segment_export_part', await eraseFromExports(tx, names)],
    ['webhook_event', (await eraseFromEvents(tx, names)) + (await eraseFromCallEvents(tx, names))],
  ]
}

interface StoredMessage {
  readonly id: string
  readonly target: Target
}

/** Locked in one order, and not against batches that are made of them (`no key`). */
const FIND_MESSAGES = `
  select id, target, content from message
   where app_id = $1
     and (target -> 'devices' ?| $2::text[] or target -> 'users' ?| $3::text[]
       or target ? 'condition' and exists (select from unnest($4::text[]) n (name) where strpos(target::text, n.name) > 0))`

function valuesOf({ appId, hwids, users }: Names): unknown[] {
  return [appId, hwids, users, [...hwids, ...users].map(name => JSON.stringify(name))]
}

/** For people who ask what is held of them. Those of a condition are not theirs alone, and are left out. */
export async function readMessagesTo(db: Queryable, names: Names): Promise<unknown[]> {
  const { rows } = await db.query<{ row: unknown }>(
    `select jsonb_build_object('id', id, 'created_at', created_at, 'content', content) as row
       from (${FIND_MESSAGES.replace('select id,', 'select id, created_at,')} and not target ? 'condition') m order by id`,
    valuesOf(names).map((value, i) => (i === 3 ? [] : value)),
  )
  return rows.map(it => it.row)
}

async function eraseFromMessages(tx: Queryable, names: Names): Promise<number> {
  const { rows } = await tx.query<StoredMessage>(
    `${FIND_MESSAGES} order by id for no key update`,
    valuesOf(names),
  )
  let count = 0
  for (const { id, target } of rows) {
    const left = targetWithout(target, names)
    if (left === undefined) continue
    count++
    await tx.query(
      `update message set target = $2, content = case when $3 then '{}' else content end,
              warnings = case when $3 then null else warnings end,
              remarks = case when $3 then null else remarks end
        where id = $1`,
      [id, JSON.stringify(left), isNobody(left)],
    )
  }
  return count
}

/** undefined: it does not name them. */
function targetWithout(target: Target, { hwids, users }: Names): Target | undefined {
  if ('devices' in target) return { ...target, devices: without(target.devices, hwids) }
  if ('users' in target) return { ...target, users: without(target.users, users) }
  if (!('condition' in target)) return undefined
  const condition = conditionWithout(target.condition, { hwid: hwids, userId: users })
  return JSON.stringify(condition) === JSON.stringify(target.condition) ? undefined : { condition }
}

function isNobody(target: Target): boolean {
  if ('devices' in target) return target.devices.length === 0
  if ('users' in target) return target.users.length === 0
  return 'condition' in target && 'op' in target.condition && isEmptyList(target.condition)
}

function isEmptyList({ op, value }: Comparison): boolean {
  return op === 'in' && Array.isArray(value) && value.length === 0
}

function without<T>(list: readonly T[], names: readonly unknown[]): T[] {
  const gone = new Set<unknown>(names)
  return list.filter(it => !gone.has(it))
}

type NamesByField = Readonly<Record<'hwid' | 'userId', readonly string[]>>

/** The empty list matches as the name of somebody who is not there does: nobody is in it, and everybody is not in it. */
function conditionWithout(condition: Condition, names: NamesByField): Condition {
  if ('and' in condition) return { and: condition.and.map(it => conditionWithout(it, names)) }
  if ('or' in condition) return { or: condition.or.map(it => conditionWithout(it, names)) }
  if ('not' in condition) return { not: conditionWithout(condition.not, names) }
  if (!('op' in condition)) return condition
  const { field, op, value } = condition
  if (field !== 'hwid' && field !== 'userId') return condition
  if (op === 'in' || op === 'nin')
    return { ...condition, value: without(Array.isArray(value) ? value : [value], names[field]) }
  const isName = typeof value === 'string' && names[field].includes(value)
  if (isName && (op === 'eq' || op === 'ne')) return { field, op: op === 'eq' ? 'in' : 'nin', value: [] }
  return condition
}

/** Tables with conditions: in the column `condition`, what segments mean in `audience`, and the whole of a trigger. */
interface TableOfConditions {
  readonly table: string
  readonly columns: readonly Column[]
}

const OF_TRIGGERS: readonly TableOfConditions[] = [{ table: 'trigger', columns: ['definition'] }]
const WITH_CONDITIONS: readonly TableOfConditions[] = [
  { table: 'message', columns: ['audience'] },
  { table: 'schedule', columns: ['condition'] },
  { table: 'segment', columns: ['condition'] },
  { table: 'segment_export', columns: ['condition'] },
  { table: 'segment_snapshot', columns: ['condition', 'audience'] },
]
type Column = 'condition' | 'audience' | 'definition'

interface WithConditions {
  readonly id: string | number
  readonly condition?: Condition
  readonly audience?: KeptSegments | null
  readonly definition?: { readonly condition?: Condition }
}

/** Everybody else stays where they were: a name that is gone matches nobody, as it does once its device is erased. */
async function eraseFromConditions(
  tx: Queryable,
  names: Names,
  tables: readonly TableOfConditions[],
): Promise<Mentions> {
  const quoted = [...names.hwids, ...names.users].map(name => JSON.stringify(name))
  const counts: [string, number][] = []
  for (const { table, columns } of tables) {
    let count = 0
    const isNamed = columns.map(it => `strpos(${it}::text, n.name) > 0`).join(' or ')
    const { rows } = await tx.query<WithConditions>(
      `select id, ${columns.join(', ')} from ${table}
        where app_id = $1 and exists (select from unnest($2::text[]) n (name) where ${isNamed})
        order by id for no key update`,
      [names.appId, quoted],
    )
    for (const row of rows) {
      const left = columns.map(it => JSON.stringify(contentWithout(row, it, names)))
      if (left.every((it, i) => it === JSON.stringify(row[columns[i] as Column]))) continue
      count++
      const set = columns.map((it, i) => `${it} = $${i + 2}`).join(', ')
      await tx.query(`update ${table} set ${set} where id = $1`, [row.id, ...left.map(it => it ?? null)])
    }
    counts.push([table, count])
  }
  return counts
}

function contentWithout(
  { condition, audience, definition }: WithConditions,
  column: Column,
  names: Names,
): Condition | KeptSegments | WithConditions['definition'] | null {
  const without = (it: Condition) => conditionWithout(it, { hwid: names.hwids, userId: names.users })
  if (column === 'condition') return condition && without(condition)
  if (column === 'definition')
    return definition?.condition ? { ...definition, condition: without(definition.condition) } : definition
  if (audience === undefined || audience === null) return audience
  const segments = Object.entries(audience.segments).map(
    ([id, kept]) => [id, 'condition' in kept ? { condition: without(kept.condition) } : kept] as const,
  )
  return { ...audience, segments: Object.fromEntries(segments) }
}

/** Removals are told by webhooks in parts; what is not delivered yet is delivered without these. */
async function eraseFromEvents(tx: Queryable, { appId, hwids }: Names): Promise<number> {
  const { rowCount } = await tx.query(
    `with named as (
       select id from webhook_event
        where app_id = $1 and jsonb_typeof(data -> 'removals') = 'array'
          and exists (select from jsonb_array_elements(data -> 'removals') r where r ->> 'hwid' = any($2::text[]))
        order by id for no key update
     )
     update webhook_event e
        set data = jsonb_set(e.data, '{removals}', (
              select coalesce(jsonb_agg(r order by place), '[]')
                from jsonb_array_elements(e.data -> 'removals') with ordinality as x (r, place)
               where r ->> 'hwid' <> all($2::text[])))
       from named n where e.id = n.id`,
    [appId, hwids],
  )
  return rowCount
}

/** An entry that names nobody: its result stands at its place, and nothing is done. */
const NOBODY: Readonly<Record<string, unknown>> = {
  register: { call: {}, listOperator: 'set' },
  tags: { target: { hwid: '' }, tags: {}, listOperator: 'set' },
  unregister: { hwid: '' },
}

interface BulkEntry {
  readonly hwid?: unknown
  readonly userId?: unknown
  readonly pushToken?: unknown
  readonly push_token?: unknown
  readonly target?: BulkEntry
  readonly call?: BulkEntry
}

/** Of those that are done nothing is left that names anybody. */
async function eraseFromBulkRequests(tx: Queryable, names: Names): Promise<number> {
  const { rows } = await tx.query<{ id: string; kind: string; entries: readonly BulkEntry[] }>(
    `select id, kind, entries from bulk_request where app_id = $1 and state = 'waiting' order by created_at, id
        for update`,
    [names.appId],
  )
  let count = 0
  for (const { id, kind, entries } of rows) {
    const left = entries.map(it => (isOf(it, names) ? NOBODY[kind] : it))
    if (left.every((it, i) => it === entries[i])) continue
    count++
    await tx.query('update bulk_request set entries = $2 where id = $1', [id, JSON.stringify(left)])
  }
  return count
}

function isOf(entry: BulkEntry, { hwids, users, tokens }: Names): boolean {
  const { hwid, userId, pushToken, push_token } = entry.call ?? entry.target ?? entry
  const isAmong = (names: readonly unknown[], name: unknown) => names.includes(name)
  return isAmong(hwids, hwid) || isAmong(users, userId) || isAmong(tokens, pushToken ?? push_token)
}
