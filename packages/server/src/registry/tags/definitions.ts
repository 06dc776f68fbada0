/**
 * Definitions of tags: a tag that has one holds values of its type in all devices of the app, and what can't be read as
 * one is skipped. Tags without a definition are stored as they come, so nothing has to be set up.
 *
 * Dates are kept as ISO 8601 text in UTC, which sorts as time does; versions as `w.x.y.z` without leading zeros.
 * Types and forms: the compatible protocol, "Conditions and tags".
 */
import {
  DEFAULT_TAGS,
  type DefaultTag,
  PushError,
  TAG_DEFINITIONS_PER_APP,
  type TagDefinition,
  type TagType,
} from '@roost/protocol'
import type { Database, Queryable } from '../../store/database.ts'
import type { SkippedTag, TagOperation } from './tags.ts'

const TYPES_OF_DEFAULT_TAGS: Record<DefaultTag, TagType> = {
  'Last Application Open': 'date',
  'First Install': 'date',
  Language: 'string',
  'Application Version': 'version',
  'Device Model': 'string',
  'OS Version': 'version',
  Country: 'string',
  Timezone: 'integer',
  'Push Alerts Enabled': 'boolean',
}

export async function listTagDefinitions(db: Queryable, appId: number): Promise<TagDefinition[]> {
  const { rows } = await db.query<TagDefinition>(
    'select name, type, false as "isDefault" from tag_definition where app_id = $1 order by name',
    [appId],
  )
  const own = DEFAULT_TAGS.map(name => ({ name, type: TYPES_OF_DEFAULT_TAGS[name], isDefault: true }))
  return [...own, ...rows]
}

/** Of these tags of the app that have a definition. Asks nothing when there are none. */
export async function readTagTypes(
  db: Queryable,
  { appId, tags }: { readonly appId: number; readonly tags: readonly string[] },
): Promise<ReadonlyMap<string, TagType>> {
  if (tags.length === 0) return new Map()
  const { rows } = await db.query<{ name: string; type: TagType }>(
    'select name, type from tag_definition where app_id = $1 and name = any($2::text[])',
    [appId, [...new Set(tags)]],
  )
  return new Map(rows.map(it => [it.name, it.type]))
}

function refuseDefault(name: string): void {
  if ((DEFAULT_TAGS as readonly string[]).includes(name))
    throw new PushError(
      'input_invalid',
      `tag "${name}" is kept by the server; it can not be defined or removed`,
    )
}

/**
 * Values that devices hold already stay as they are until the device sets them again. Throws `input_invalid` for the
 * server's own tags, when the app has too many, and for a tag that has another type: messages that are scheduled compare
 * by it, and clients send it. Safe to repeat.
 */
export async function defineTag(
  db: Database,
  definition: { readonly appId: number; readonly name: string; readonly type: TagType; readonly at: number },
): Promise<void> {
  const { appId, name, type, at } = definition
  refuseDefault(name)
  await db.transaction(async tx => {
    await tx.query('select from app where id = $1 for update', [appId]) // so that two at once are counted
    const former = (await readTagTypes(tx, { appId, tags: [name] })).get(name)
    if (former === type) return
    if (former !== undefined)
      throw new PushError(
        'input_invalid',
        `tag "${name}" is of type ${former}, and the values of devices with it; remove its definition before it gets the type ${type}`,
      )
    const { rows } = await tx.query<{ count: number }>(
      'select count(*) as count from tag_definition where app_id = $1',
      [appId],
    )
    if ((rows[0]?.count ?? 0) >= TAG_DEFINITIONS_PER_APP)
      throw new PushError(
        'input_invalid',
        `the app has ${TAG_DEFINITIONS_PER_APP} tag definitions; that is the most`,
      )
    await tx.query('insert into tag_definition (app_id, name, type, created_at) values ($1, $2, $3, $4)', [
      appId,
      name,
      type,
      new Date(at),
    ])
  })
}

/** The definition alone; values that devices hold stay. False when there was none. */
export async function removeTagDefinition(db: Queryable, appId: number, name: string): Promise<boolean> {
  refuseDefault(name)
  const { rowCount } = await db.query('delete from tag_definition where app_id = $1 and name = $2', [
    appId,
    name,
  ])
  return rowCount > 0
}

interface Update {
  readonly appId: number
  readonly tags: Readonly<Record<string, unknown>> | null
  readonly tagOperations: readonly TagOperation[]
}

/** One look-up for a whole micro-batch, in its transaction; none when no call has tags. */
const TYPES = `
  select app_id as "appId", name, type from tag_definition
   where app_id = any($1::integer[]) and name = any($2::text[])`

/** Returns the updates with their values in the type that is defined, and what is left out of each. */
export async function giveTypes<U extends Update>(
  tx: Queryable,
  updates: readonly U[],
): Promise<{ readonly updates: readonly U[]; readonly skipped: readonly (readonly SkippedTag[])[] }> {
  const names = new Set(updates.flatMap(namesOf))
  if (names.size === 0) return { updates, skipped: [] }
  const apps = new Set(updates.map(it => it.appId))
  const { rows } = await tx.query<{ appId: number; name: string; type: TagType }>(TYPES, [
    [...apps],
    [...names],
  ])
  if (rows.length === 0) return { updates, skipped: [] }
  const types = new Map(rows.map(it => [`${it.appId} ${it.name}`, it.type]))
  const typed = updates.map(it => giveTypesTo(it, name => types.get(`${it.appId} ${name}`)))
  return { updates: typed.map(it => it.update), skipped: typed.map(it => it.skipped) }
}

function namesOf(update: Update): string[] {
  return [...Object.keys(update.tags ?? {}), ...update.tagOperations.map(it => it.tag)]
}

function giveTypesTo<U extends Update>(
  update: U,
  typeOf: (name: string) => TagType | undefined,
): { readonly update: U; readonly skipped: readonly SkippedTag[] } {
  const skipped: SkippedTag[] = []
  const tags: [string, unknown][] = []
  for (const [tag, value] of Object.entries(update.tags ?? {})) {
    const type = typeOf(tag)
    const read = type === undefined || value === null ? value : readAs(type, value)
    if (read === undefined)
      skipped.push({ tag, reason: `the tag is of type ${type}; ${FORMS[type as TagType]}` })
    else tags.push([tag, read])
  }
  const tagOperations = update.tagOperations.filter(it => {
    const type = typeOf(it.tag)
    const isFitting = type === undefined || fits(it, type)
    if (!isFitting)
      skipped.push({ tag: it.tag, reason: `the tag is of type ${type}; it takes no such "${it.operation}"` })
    return isFitting
  })
  return {
    update: { ...update, tags: update.tags === null ? null : Object.fromEntries(tags), tagOperations },
    skipped,
  }
}

function fits(it: TagOperation, type: TagType): boolean {
  if (it.operation !== 'increment') return type === 'list'
  return type === 'decimal' || (type === 'integer' && Number.isSafeInteger(it.value))
}

/** What a tag of each type holds, in words. */
export const FORMS: Readonly<Record<TagType, string>> = {
  integer: 'it holds a whole number',
  string: 'it holds text',
  list: 'it holds a list of values',
  date: 'it holds a date like "2026-11-22 14:30" or seconds since 1970',
  boolean: 'it holds true, false, 1 or 0',
  decimal: 'it holds a number',
  version: 'it holds up to four numbers of at most 9999 with dots between them',
}

/** The value in the form in which tags of this type are stored; undefined = it can't be read as one. */
export function readAs(type: TagType, value: unknown): unknown {
  return READERS[type](value)
}

const READERS: Record<TagType, (value: unknown) => unknown> = {
  integer: value => numberFrom(value, Number.isSafeInteger),
  decimal: value => numberFrom(value, Number.isFinite),
  string: value => (Array.isArray(value) ? undefined : String(value)),
  list: value => (Array.isArray(value) ? value : [value]),
  boolean: value => BOOLEANS.get(typeof value === 'string' ? value.toLowerCase() : String(value)),
  date: readDate,
  version: readVersion,
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])

function numberFrom(value: unknown, isFine: (number: number) => boolean): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && isFine(number) ? number : undefined
}

/** Seconds, or text that begins with a day; without a zone it is UTC. */
function readDate(value: unknown): string | undefined {
  const seconds =
    typeof value === 'number' || (typeof value === 'string' && /^\d{9,11}$/.test(value))
      ? Number(value)
      : null
  const time = seconds === null ? timeFrom(value) : seconds * 1000
  const date = new Date(time)
  const year = date.getUTCFullYear() // years of other lengths would not sort as text
  return Number.isNaN(date.getTime()) || year < 1000 || year > 9999 ? undefined : date.toISOString()
}

const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?)?$/

function timeFrom(value: unknown): number {
  const [, day, hour = '00:00', zone = 'Z'] = DATE.exec(String(value).trim()) ?? []
  return day === undefined || !isDay(day) ? Number.NaN : Date.parse(`${day}T${hour}${zone}`)
}

/** `Date` makes the 2nd of March of the 30th of February. */
function isDay(day: string): boolean {
  const date = new Date(`${day}T00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}

const VERSION_PART_MAX = 9999

function readVersion(value: unknown): string | undefined {
  const parts = String(value).trim().split('.')
  const areFine =
    parts.length <= 4 && parts.every(part => /^\d+$/.test(part) && Number(part) <= VERSION_PART_MAX)
  return areFine ? parts.map(Number).join('.') : undefined
}
