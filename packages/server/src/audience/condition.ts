/**
 * Conditions compiled to SQL over `device d`. Values travel as numbered parameters; the only identifiers are
 * those of the table below. Values for a tag that has a type are read as that type; those for one that has none compare as
 * they come, and one of another type than the device's simply does not match.
 */
import {
  CONDITION_DEPTH,
  type Comparison,
  type Condition,
  DEFAULT_TAGS,
  type DefaultTag,
  type DeviceField,
  PushError,
  type Scalar,
  type TagType,
} from '@roost/protocol'
import { FORMS, readAs } from '../registry/tag-definitions.ts'
import { canonicalVersion, canonicalVersionSql, readVersionParts, versionSql } from './version.ts'

export interface CompiledCondition {
  /** A boolean SQL expression, never null. */
  readonly sql: string
  readonly values: readonly unknown[]
}

type ColumnType = 'text' | 'version' | 'number' | 'time' | 'boolean'

interface Column {
  readonly column: string
  readonly type: ColumnType
}

const COLUMNS: Record<DeviceField, Column> = {
  hwid: { column: 'd.hwid', type: 'text' },
  userId: { column: 'd.user_id', type: 'text' },
  platform: { column: 'd.platform', type: 'text' },
  language: { column: 'd.language', type: 'text' },
  appVersion: { column: 'd.app_version', type: 'version' },
  osVersion: { column: 'd.os_version', type: 'version' },
  deviceModel: { column: 'd.device_model', type: 'text' },
  timezoneSeconds: { column: 'd.timezone_seconds', type: 'number' },
  firstSeenAt: { column: 'd.first_seen_at', type: 'time' },
  lastSeenAt: { column: 'd.last_seen_at', type: 'time' },
  lastOpenAt: { column: 'd.last_open_at', type: 'time' },
  permission: { column: 'd.permission', type: 'text' },
  country: { column: "(d.record ->> 'country')", type: 'text' },
}

/** The server's own tags are columns, whichever name they are asked for by. */
const DEFAULT_TAG_COLUMNS: Record<DefaultTag, Column> = {
  'Last Application Open': COLUMNS.lastOpenAt,
  'First Install': COLUMNS.firstSeenAt,
  Language: COLUMNS.language,
  'Application Version': COLUMNS.appVersion,
  'Device Model': COLUMNS.deviceModel,
  'OS Version': COLUMNS.osVersion,
  Country: COLUMNS.country,
  Timezone: COLUMNS.timezoneSeconds,
  'Push Alerts Enabled': { column: "(d.permission not in ('denied', 'not_determined'))", type: 'boolean' },
}

function isDefaultTag(tag: string): tag is DefaultTag {
  return (DEFAULT_TAGS as readonly string[]).includes(tag)
}

/** PostgreSQL's protocol counts them in 16 bits; a condition with this many was not made by a person. */
const PARAMETERS_MAX = 10_000

/** Of tags that have a definition. */
export type TagTypes = ReadonlyMap<string, TagType>

export interface CompileOptions {
  /** The number of the first free parameter. */
  readonly firstParameter: number
  readonly types: TagTypes
}

/** Throws `condition_invalid` naming the place. */
export function compileCondition(condition: Condition, options: CompileOptions): CompiledCondition {
  return compileAny(condition, options, false)
}

/** For a message that was accepted, whose tags may have other types since: what can't be compared any more matches nothing. */
export function compileAccepted(condition: Condition, options: CompileOptions): CompiledCondition {
  return compileAny(condition, options, true)
}

function compileAny(
  condition: Condition,
  { firstParameter, types }: CompileOptions,
  isLenient: boolean,
): CompiledCondition {
  const values: unknown[] = []
  const parameter = (value: unknown) => `$${firstParameter + values.push(value) - 1}`
  const root: Context = { path: 'condition', depth: 0, parameter, values, types, isLenient }
  const sql = compile(condition, root)
  if (values.length > PARAMETERS_MAX)
    refuse(root, `too large: it compares more than ${PARAMETERS_MAX} names and values`)
  return { sql, values }
}

/** The names of all tags that a condition asks for, with repeats. */
export function tagsOf(condition: Condition): string[] {
  if ('and' in condition) return condition.and.flatMap(tagsOf)
  if ('or' in condition) return condition.or.flatMap(tagsOf)
  if ('not' in condition) return tagsOf(condition.not)
  return condition.tag === undefined ? [] : [condition.tag]
}

interface Context {
  readonly path: string
  readonly depth: number
  readonly parameter: (value: unknown) => string
  /** All parameters so far. */
  readonly values: unknown[]
  readonly types: TagTypes
  readonly isLenient: boolean
}

function refuse(context: Context, problem: string): never {
  throw new PushError('condition_invalid', `${context.path}: ${problem}`)
}

function compile(condition: Condition, context: Context): string {
  if (context.depth > CONDITION_DEPTH) refuse(context, `nested deeper than ${CONDITION_DEPTH}`)
  const inside = (part: Condition, name: string) =>
    compile(part, { ...context, depth: context.depth + 1, path: `${context.path}.${name}` })
  if ('and' in condition)
    return `(${condition.and.map((part, i) => inside(part, `and[${i}]`)).join(' and ')})`
  if ('or' in condition) return `(${condition.or.map((part, i) => inside(part, `or[${i}]`)).join(' or ')})`
  if ('not' in condition) return `not ${inside(condition.not, 'not')}`
  return context.isLenient ? compareLeniently(condition, context) : compare(condition, context)
}

function compareLeniently(comparison: Comparison, context: Context): string {
  const before = context.values.length
  try {
    return compare(comparison, context)
  } catch (error) {
    if (!(error instanceof PushError)) throw error
    context.values.length = before // a parameter that no text names has no type for PostgreSQL
    return comparison.op === 'ne' || comparison.op === 'nin' ? 'true' : 'false'
  }
}

function compare(comparison: Comparison, context: Context): string {
  const { tag } = comparison
  if (tag === undefined) {
    const field = comparison.field as DeviceField
    return compareColumn({ ...COLUMNS[field], name: `field "${field}"` }, comparison, context)
  }
  return isDefaultTag(tag)
    ? compareColumn({ ...DEFAULT_TAG_COLUMNS[tag], name: `tag "${tag}"` }, comparison, context)
    : compareTag(tag, comparison, context)
}

function scalars(comparison: Comparison, context: Context): readonly Scalar[] {
  if (!Array.isArray(comparison.value)) refuse(context, `"${comparison.op}" needs a list as value`)
  return comparison.value as readonly Scalar[]
}

function scalar(comparison: Comparison, context: Context): Scalar {
  const value = comparison.value
  if (value === undefined || Array.isArray(value)) refuse(context, `"${comparison.op}" needs one value`)
  return value as Scalar
}

function pair(comparison: Comparison, context: Context): readonly [Scalar, Scalar] {
  const [low, high, ...more] = scalars(comparison, context)
  if (low === undefined || high === undefined || more.length > 0)
    refuse(context, '"between" needs two values')
  return [low as Scalar, high as Scalar]
}

/**
 * A tag holds one value or a list; "eq" and "in" on a list ask whether it holds such a value, as `@>` does.
 * Numbers compare as numbers, text (and dates, which are stored in ISO form) as text, versions part by part.
 */
function compareTag(tag: string, asked: Comparison, context: Context): string {
  const type = context.types.get(tag)
  const comparison = type === undefined ? asked : typed(asked, { tag, type, context })
  if (type === 'version') {
    const text = `(d.tags ->> ${context.parameter(tag)}::text)`
    return compareVersion({ text, name: `tag "${tag}"` }, comparison, context)
  }
  const it = `(d.tags -> ${context.parameter(tag)}::text)`
  const isSet = `coalesce(jsonb_typeof(${it}) <> 'null', false)`
  const holds = (value: Scalar) =>
    `coalesce(${it} @> ${context.parameter(JSON.stringify(value))}::jsonb, false)`
  const holdsAny = () => {
    const list = scalars(comparison, context).map(value => JSON.stringify(value))
    return `coalesce(${it} @> any(${context.parameter(list)}::jsonb[]), false)`
  }
  switch (comparison.op) {
    case 'set':
      return isSet
    case 'unset':
      return `not ${isSet}`
    case 'eq':
      return holds(scalar(comparison, context))
    case 'ne':
      return `not ${holds(scalar(comparison, context))}`
    case 'in':
      return holdsAny()
    case 'nin':
      return `not ${holdsAny()}`
    case 'gte':
      return tagOrder(it, '>=', scalar(comparison, context), context)
    case 'lte':
      return tagOrder(it, '<=', scalar(comparison, context), context)
    case 'between': {
      const [low, high] = pair(comparison, context)
      return `(${tagOrder(it, '>=', low, context)} and ${tagOrder(it, '<=', high, context)})`
    }
  }
}

interface TypedTag {
  readonly tag: string
  readonly type: TagType
  readonly context: Context
}

/** The comparison with its values in the form in which tags of this type are stored. */
function typed(comparison: Comparison, { tag, type, context }: TypedTag): Comparison {
  const { value } = comparison
  if (value === undefined || type === 'list') return comparison
  const read = (given: Scalar) =>
    (readAs(type, given) ??
      refuse(
        context,
        `tag "${tag}" is of type ${type}; ${FORMS[type]}, not ${JSON.stringify(given)}`,
      )) as Scalar
  return { ...comparison, value: Array.isArray(value) ? value.map(read) : read(value as Scalar) }
}

/** jsonb orders numbers by value and strings by text, but also one type below another: hence the type check. */
function tagOrder(it: string, operator: '>=' | '<=', value: Scalar, context: Context): string {
  const limit = `${context.parameter(JSON.stringify(value))}::jsonb`
  return `coalesce(jsonb_typeof(${it}) = jsonb_typeof(${limit}) and ${it} ${operator} ${limit}, false)`
}

/** With the name that it was asked for by. */
interface NamedColumn extends Column {
  readonly name: string
}

function compareColumn(
  { column, type, name }: NamedColumn,
  comparison: Comparison,
  context: Context,
): string {
  if (type === 'version') return compareVersion({ text: column, name }, comparison, context)
  const value = (given: Scalar) => context.parameter(columnValue(given, { name, type, context }))
  switch (comparison.op) {
    case 'set':
      return `${column} is not null`
    case 'unset':
      return `${column} is null`
    case 'eq':
      return `coalesce(${column} = ${value(scalar(comparison, context))}, false)`
    case 'ne':
      return `${column} is distinct from ${value(scalar(comparison, context))}`
    case 'in':
    case 'nin': {
      const list = scalars(comparison, context).map(given => columnValue(given, { name, type, context }))
      const isIn = `coalesce(${column} = any(${context.parameter(list)}), false)`
      return comparison.op === 'in' ? isIn : `not ${isIn}`
    }
    case 'gte':
      return `coalesce(${column} >= ${value(scalar(comparison, context))}, false)`
    case 'lte':
      return `coalesce(${column} <= ${value(scalar(comparison, context))}, false)`
    case 'between': {
      const [low, high] = pair(comparison, context)
      return `coalesce(${column} between ${value(low)} and ${value(high)}, false)`
    }
  }
}

/**
 * "2.10" comes after "2.9" and is the same as "2.10.0". To be equal, what is no version compares as text; it has no place
 * in the order. A device's "2.10.1-rc1" stands where "2.10.1" does.
 */
function compareVersion(
  { text, name }: { readonly text: string; readonly name: string },
  comparison: Comparison,
  context: Context,
): string {
  const isAnyOf = (given: readonly Scalar[]) => {
    const list = given.map(it => canonicalVersion(String(it)))
    return `coalesce(${canonicalVersionSql(text)} = any(${context.parameter(list)}::text[]), false)`
  }
  const order = (operator: '>=' | '<=', given: Scalar) => {
    const parts = typeof given === 'boolean' ? undefined : readVersionParts(String(given))
    if (parts === undefined || (typeof given === 'number' && !Number.isInteger(given)))
      refuse(
        context,
        `${name} holds a version, which is ordered by text like "2.10.1", not ${JSON.stringify(given)}`,
      )
    return `coalesce(${versionSql(text)} ${operator} ${context.parameter(parts)}::bigint[], false)`
  }
  switch (comparison.op) {
    case 'eq':
      return isAnyOf([scalar(comparison, context)])
    case 'ne':
      return `not ${isAnyOf([scalar(comparison, context)])}`
    case 'in':
      return isAnyOf(scalars(comparison, context))
    case 'nin':
      return `not ${isAnyOf(scalars(comparison, context))}`
    case 'gte':
      return order('>=', scalar(comparison, context))
    case 'lte':
      return order('<=', scalar(comparison, context))
    case 'between': {
      const [low, high] = pair(comparison, context)
      return `(${order('>=', low)} and ${order('<=', high)})`
    }
    case 'set':
      return `${text} is not null`
    case 'unset':
      return `${text} is null`
  }
}

/** What a column of type integer holds. */
const INTEGER_MAX = 2_147_483_647
/** `Date` takes much more, some of it far outside of what PostgreSQL does. */
const ISO_DAY = /^\d{4}-\d\d-\d\d/

function columnValue(
  given: Scalar,
  place: { readonly name: string; readonly type: ColumnType; readonly context: Context },
): unknown {
  switch (place.type) {
    case 'version':
    case 'text':
      if (typeof given !== 'string')
        refuse(place.context, `${place.name} holds text, not ${JSON.stringify(given)}`)
      return given
    case 'boolean':
      if (typeof given !== 'boolean')
        refuse(place.context, `${place.name} holds true or false, not ${JSON.stringify(given)}`)
      return given
    case 'number':
      if (typeof given !== 'number' || !Number.isInteger(given) || Math.abs(given) > INTEGER_MAX)
        refuse(place.context, `${place.name} holds a whole number, not ${JSON.stringify(given)}`)
      return given
    case 'time': {
      const time = typeof given === 'string' && ISO_DAY.test(given) ? new Date(given) : undefined
      if (time === undefined || Number.isNaN(time.getTime()))
        refuse(
          place.context,
          `${place.name} holds a time like "2026-11-01T00:00:00Z", not ${JSON.stringify(given)}`,
        )
      return time
    }
  }
}
