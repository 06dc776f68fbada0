/**
 * What a message asks of each device for its content: computed once from the content, read with the chunk, and nothing at
 * all for content that is the same for everybody.
 */
import { SAID_BADGE } from './badges.ts'
import type { VariablePath } from './template.ts'

export interface Needs {
  readonly language: boolean
  /** The number that "+1" adds to, and that acceptances raise. */
  readonly badge: boolean
  readonly unread: boolean
  readonly user: boolean
  /** Names of tags; `all` when a template goes through them, computes a name, or names many. */
  readonly tags: readonly string[] | 'all'
  readonly device: readonly DeviceField[]
  /** The attributes of what triggered it. */
  readonly event: boolean
  /** The user's id, or the hwid of a visitor. */
  readonly person?: boolean
}

/** As far as it was asked for; what is not known is absent. */
export interface RecipientFacts {
  readonly language?: string
  /** What the next "+1" adds to. */
  readonly badge?: number
  /** Of its inbox. */
  readonly unread?: number
  readonly tags?: Readonly<Record<string, unknown>>
  readonly device?: Readonly<Record<string, unknown>>
  readonly user?: Readonly<Record<string, unknown>>
  readonly event?: Readonly<Record<string, unknown>>
  readonly person?: string
}

const DEVICE_FIELDS = {
  hwid: 'd.hwid',
  platform: 'd.platform',
  language: 'd.language',
  timezone: 'd.timezone_seconds',
  country: `d.record ->> 'country'`,
  appVersion: 'd.app_version',
  osVersion: 'd.os_version',
  model: 'd.device_model',
  firstSeenAt: 'd.first_seen_at',
  lastOpenAt: 'd.last_open_at',
} as const
export type DeviceField = keyof typeof DEVICE_FIELDS

/** More of them are read all together: a function of PostgreSQL takes 100 arguments, and each tag is two. */
const TAGS_NAMED_MAX = 50

/** Why content can't name this variable; undefined when it can. `hasEvent`: it is triggered by one. */
export function findVariableFault(
  [root, name, ...rest]: VariablePath,
  { hasEvent = false }: { readonly hasEvent?: boolean | undefined } = {},
): string | undefined {
  if (root === 'tags' || (root === 'event' && hasEvent)) return undefined
  if (root === 'user') {
    return name === 'id' && rest.length === 0 ? undefined : 'of "user" there is user.id'
  }
  if (root !== 'device')
    return `"${root ?? ''}" is unknown; variables are ${hasEvent ? 'event.<attribute>, ' : ''}tags.<name>, device.<field> and user.id`
  if (typeof name === 'string' && Object.hasOwn(DEVICE_FIELDS, name)) return undefined
  return `"${name == null ? root : `${root}.${name}`}" is unknown; of "device" there are ${Object.keys(DEVICE_FIELDS).join(', ')}`
}

export function needsOf(
  variables: readonly VariablePath[],
  { language, badge, unread }: Pick<Needs, 'language' | 'badge' | 'unread'>,
): Needs {
  const namesOf = (root: string) => variables.filter(path => path[0] === root).map(path => path[1])
  const tags = new Set(namesOf('tags'))
  return {
    language,
    badge,
    unread,
    user: namesOf('user').length > 0,
    tags: tags.size <= TAGS_NAMED_MAX && areNames(tags) ? [...tags] : 'all',
    device: [...new Set(namesOf('device'))] as DeviceField[],
    event: namesOf('event').length > 0,
  }
}

function areNames(parts: ReadonlySet<unknown>): parts is ReadonlySet<string> {
  return [...parts].every(it => typeof it === 'string')
}

/**
 * A column over `row`, which has the key of a device; its values are added to `values`. `event`: the column with what triggered it, if
 * there is one.
 */
export function factsColumn(needs: Needs, values: unknown[], event = 'null::jsonb', row = 'a'): string {
  const facts = [
    needs.language && `'language', d.language`,
    needs.user && `'user', jsonb_build_object('id', d.user_id)`,
    needs.person === true && `'person', coalesce(d.user_id, d.hwid)`,
    needs.event && `'event', ${event} -> 'attributes'`,
    needs.badge && `'badge', ${BADGE}`,
    needs.device.length > 0 && `'device', ${objectOf(needs.device, field => DEVICE_FIELDS[field], values)}`,
    needs.tags.length > 0 && `'tags', ${tagsOf(needs.tags, values)}`,
  ].filter(it => it !== false)
  if (facts.length === 0) return 'null::jsonb'
  return `(select jsonb_strip_nulls(jsonb_build_object(${facts.join(', ')})) from device d
            where d.bucket = ${row}.bucket and d.app_id = ${row}.app_id and d.hwid = ${row}.hwid)`
}

function tagsOf(tags: Needs['tags'], values: unknown[]): string {
  if (tags === 'all') return 'd.tags'
  return objectOf(tags, name => `d.tags -> $${values.push(name)}::text`, values)
}

function objectOf<Name extends string>(
  names: readonly Name[],
  columnOf: (name: Name) => string,
  values: unknown[],
): string {
  const entries = names.map(name => `$${values.push(name)}::text, ${columnOf(name)}`)
  return `jsonb_build_object(${entries.join(', ')})`
}

/** A fact in a column of its own: SQL over `device d` that gives JSON, and the place of its value. */
interface FactColumn {
  readonly root: keyof RecipientFacts
  /** Absent: it is the root's own value. */
  readonly name?: string
  readonly sql: string
}

/** Facts of hundreds of devices at once. Each has a column: to make an object of them costs the database as much as all else. */
export interface FactsReading {
  /** SQL that follows the table `address a`. */
  readonly join: string
  /** SQL of the columns, each after a comma. */
  readonly columns: string
  /** From a row in which they begin at `from`; null when nothing is asked for. */
  read(row: readonly unknown[], from: number): RecipientFacts | null
}

/** Of devices that no event is about. Its values are added to `values`. */
export function readingFacts(needs: Needs, values: unknown[]): FactsReading {
  const columns = factColumns(needs, values)
  if (columns.length === 0) return { join: '', columns: '', read: () => null }
  const made = columns.map(({ sql }, i) => `${sql} as f${i}`)
  return {
    // `offset 0` keeps the planner from joining both tables whole.
    join: `left join lateral (
        select ${made.join(', ')} from device d
         where d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid offset 0) f on true`,
    columns: made.map((_, i) => `, f.f${i}`).join(''),
    read: (row, from) => factsOf(columns, row, from),
  }
}

function factColumns(needs: Needs, values: unknown[]): FactColumn[] {
  const columns: FactColumn[] = []
  if (needs.language) columns.push({ root: 'language', sql: 'to_jsonb(d.language)' })
  if (needs.user) columns.push({ root: 'user', name: 'id', sql: 'to_jsonb(d.user_id)' })
  if (needs.person === true) columns.push({ root: 'person', sql: 'to_jsonb(coalesce(d.user_id, d.hwid))' })
  if (needs.badge) columns.push({ root: 'badge', sql: `to_jsonb(${BADGE})` })
  for (const name of needs.device)
    columns.push({ root: 'device', name, sql: `to_jsonb(${DEVICE_FIELDS[name]})` })
  if (needs.tags === 'all') return [...columns, { root: 'tags', sql: 'jsonb_strip_nulls(d.tags)' }]
  for (const name of needs.tags)
    columns.push({ root: 'tags', name, sql: `d.tags -> $${values.push(name)}::text` })
  return columns
}

function factsOf(columns: readonly FactColumn[], row: readonly unknown[], from: number): RecipientFacts {
  const facts: Record<string, unknown> = {}
  for (let i = 0; i < columns.length; i++) {
    const { root, name } = columns[i] as FactColumn
    const value = row[from + i]
    if (value === null) continue
    if (name === undefined) {
      facts[root] = value
      continue
    }
    facts[root] ??= {}
    setOwn(facts[root] as Record<string, unknown>, name, value)
  }
  return facts
}

/** Names of tags are people's own, and an assignment takes this one for something else. */
function setOwn(values: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(values, name, { value, enumerable: true, configurable: true, writable: true })
  else values[name] = value
}

/** Until the server has counted, what the device said last. */
const BADGE = `coalesce(
  (select b.count from device_badge b where b.bucket = d.bucket and b.app_id = d.app_id and b.hwid = d.hwid),
  ${SAID_BADGE})`
