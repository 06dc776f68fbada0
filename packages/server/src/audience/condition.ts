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
  type Operator,
  PERMISSIONS,
  PLATFORMS,
  PROVIDERS,
  PUSH_STATES,
  PushError,
  type PushState,
  type Scalar,
  type TagType,
} from '@roost/protocol'
import { confidenceSql, NO_KNOCK } from '../hygiene/uninstalls/doubt.ts'
import { FORMS, readAs } from '../registry/tags/definitions.ts'
import { type ConditionScope, type Context, matchNobody, refuse } from './context.ts'
import { asksForDays, compareDays } from './days.ts'
import { compileEvent, compileList, compileMessage } from './happened.ts'
import { canonicalVersion, canonicalVersionSql, readVersionParts, versionSql } from './version.ts'

export type { TagTypes } from './context.ts'

export interface CompiledCondition {
  /** A boolean SQL expression, never null. */
  readonly sql: string
  readonly values: readonly unknown[]
}

type ColumnType = 'text' | 'language' | 'version' | 'offset' | 'time' | 'boolean' | 'share'

interface Column {
  readonly column: string
  readonly type: ColumnType
  /** All that it can hold. */
  readonly values?: readonly string[]
}

const OF_DEVICE = "k.bucket = d.bucket and k.app_id = d.app_id and k.hwid = d.hwid and k.kind = 'alert'"

/** The index address_one_sendable: there is one at most. */
const LIVING = `${OF_DEVICE} and k.state in ('active', 'suspect')`

/** By `exists`, which PostgreSQL answers by key for one device and by one join for all of them. */
const has = (where: string) => `exists (select from address k where ${where})`

const PUSH: Readonly<Record<PushState, string>> = {
  reachable: has(`${LIVING} and not k.opted_out`),
  no_permission: has(`${LIVING} and k.opted_out`),
  quarantined: `(not ${has(LIVING)} and ${has(`${OF_DEVICE} and k.state = 'quarantined'`)})`,
  removed: `(not ${has(`${OF_DEVICE} and k.state in ('active', 'suspect', 'quarantined')`)} and ${has(OF_DEVICE)})`,
  no_address: `not ${has(OF_DEVICE)}`,
}

const COLUMNS: Record<DeviceField, Column> = {
  hwid: { column: 'd.hwid', type: 'text' },
  userId: { column: 'd.user_id', type: 'text' },
  platform: { column: 'd.platform', type: 'text', values: PLATFORMS },
  language: { column: "lower(replace(d.language, '_', '-'))", type: 'language' },
  appVersion: { column: 'd.app_version', type: 'version' },
  osVersion: { column: 'd.os_version', type: 'version' },
  deviceModel: { column: 'd.device_model', type: 'text' },
  timezoneSeconds: { column: 'd.timezone_seconds', type: 'offset' },
  firstSeenAt: { column: 'd.first_seen_at', type: 'time' },
  lastSeenAt: { column: 'd.last_seen_at', type: 'time' },
  lastOpenAt: { column: 'd.last_open_at', type: 'time' },
  permission: { column: 'd.permission', type: 'text', values: PERMISSIONS },
  country: { column: "(d.record ->> 'country')", type: 'text' },
  isVisitor: { column: '(d.user_id is null)', type: 'boolean' },
  push: { column: 'k.push', type: 'text', values: PUSH_STATES },
  provider: { column: 'k.provider', type: 'text', values: PROVIDERS },
  environment: { column: "nullif(k.environment, '')", type: 'text', values: ['production', 'sandbox'] },
  doubt: { column: 'q.confidence', type: 'share' },
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

export interface CompileOptions {
  /** The number of the first free parameter. */
  readonly firstParameter: number
  readonly scope: ConditionScope
  /** It is to be a segment's, which is never asked but from a target or a condition that names it: one step deeper. */
  readonly isOfSegment?: boolean
}

/** Throws `condition_invalid` naming the place. */
export function compileCondition(condition: Condition, options: CompileOptions): CompiledCondition {
  return compileAny(condition, options, false)
}

/**
 * For a message that was accepted, whose tags may have other types since: what can't be read as those is compared as it comes,
 * and who was to be in a segment or list that is gone, or not to be in it, is not sent to.
 */
export function compileAccepted(condition: Condition, options: CompileOptions): CompiledCondition {
  return compileAny(condition, options, true)
}

function compileAny(
  condition: Condition,
  { firstParameter, scope, isOfSegment = false }: CompileOptions,
  isLenient: boolean,
): CompiledCondition {
  const values: unknown[] = []
  const parameter = (value: unknown) => `$${firstParameter + values.push(value) - 1}`
  const place = { path: 'condition', depth: isOfSegment ? 1 : 0, isNegated: false, within: [] }
  const root: Context = { ...place, parameter, values, scope, isLenient }
  const sql = compile(condition, root)
  if (values.length > PARAMETERS_MAX)
    refuse(root, `too large: it compares more than ${PARAMETERS_MAX} names and values`)
  return { sql, values }
}

function compile(condition: Condition, context: Context): string {
  if (context.depth > CONDITION_DEPTH) refuse(context, `nested deeper than ${CONDITION_DEPTH}`)
  const inside = (part: Condition, name: string, changes: Partial<Context> = {}) =>
    compile(part, {
      ...context,
      depth: context.depth + 1,
      path: `${context.path}.${name}`,
      ...changes,
    })
  if ('and' in condition)
    return `(${condition.and.map((part, i) => inside(part, `and[${i}]`)).join(' and ')})`
  if ('or' in condition) return `(${condition.or.map((part, i) => inside(part, `or[${i}]`)).join(' or ')})`
  if ('not' in condition) return `not ${inside(condition.not, 'not', { isNegated: !context.isNegated })}`
  if ('segment' in condition) return compileSegment(condition.segment, context)
  if ('event' in condition) return compileEvent(condition, context)
  if ('message' in condition) return compileMessage(condition, context)
  if ('list' in condition) return compileList(condition, context)
  return context.isLenient ? compareLeniently(condition, context) : compare(condition, context)
}

function compileSegment(id: string, context: Context): string {
  const meaning = context.scope.segments?.get(id)
  if (meaning === undefined) {
    if (context.isLenient) return matchNobody(context)
    refuse(context, `segment ${id} is none of this app`)
  }
  const within = [...context.within, id]
  if (context.within.includes(id))
    refuse(context, `segment ${id} would ask for itself: ${within.join(' → ')}`)
  if ('memberSql' in meaning) return meaning.memberSql(context.parameter)
  const path = `${context.path}: segment ${id}`
  const inside = { ...context, within, path, depth: context.depth + 1 }
  return context.isLenient ? compileGently(meaning.condition, inside) : compile(meaning.condition, inside)
}

/** A segment that was changed since, so that it asks for itself or nests too deep, must not hold a message up for ever. */
function compileGently(condition: Condition, context: Context): string {
  const before = context.values.length
  try {
    return compile(condition, context)
  } catch (error) {
    if (!(error instanceof PushError)) throw error
    context.values.length = before
    return matchNobody(context)
  }
}

/**
 * A tag that is of another type since is compared as one that has none: devices keep the values that they had. To take it for
 * something that is true of nobody would make "not on the free plan" true of everybody.
 */
function compareLeniently(comparison: Comparison, context: Context): string {
  const untyped = { ...context, scope: { ...context.scope, types: new Map() } }
  for (const it of [context, untyped]) {
    const before = context.values.length
    try {
      return compare(comparison, it)
    } catch (error) {
      if (!(error instanceof PushError)) throw error
      context.values.length = before // a parameter that no text names has no type for PostgreSQL
    }
  }
  return matchNobody(context)
}

function compare(comparison: Comparison, context: Context): string {
  const { tag } = comparison
  if (tag === undefined) {
    const field = comparison.field as DeviceField
    const named = { ...COLUMNS[field], name: `field "${field}"` }
    if (field === 'push') return comparePush(named, comparison, context)
    if (field === 'doubt')
      return compareColumn({ ...named, column: doubtColumn(context) }, comparison, context)
    if (field === 'provider' || field === 'environment') return compareAddress(named, comparison, context)
    return compareColumn(named, comparison, context)
  }
  return isDefaultTag(tag)
    ? compareColumn({ ...DEFAULT_TAG_COLUMNS[tag], name: `tag "${tag}"` }, comparison, context)
    : compareTag(tag, comparison, context)
}

function doubtColumn({ scope: { doubt = NO_KNOCK, at }, parameter }: Context): string {
  return confidenceSql({ knock: doubt, at }, parameter)
}

/** What is not so, is so of no address: "not" stands before the question whether there is one. */
const OPPOSITES: Readonly<Partial<Record<Operator, Operator>>> = { ne: 'eq', nin: 'in', unset: 'set' }

/** Of the address that is sent to. */
function compareAddress(named: NamedColumn, comparison: Comparison, context: Context): string {
  const op = OPPOSITES[comparison.op]
  const sql = compareColumn(named, { ...comparison, op: op ?? comparison.op }, context)
  return `${op === undefined ? '' : 'not '}${has(`${LIVING} and ${sql}`)}`
}

/** There are few states and each device is in one, so those that are meant are picked here. */
function comparePush(named: NamedColumn, comparison: Comparison, context: Context): string {
  if (asksForDays(comparison))
    refuse(context, `${named.name} is no time; days are counted back for times alone`)
  const meant = statesOf(comparison, named, context)
  const states = PUSH_STATES.filter(meant).map(it => PUSH[it])
  return states.length === 0 ? 'false' : `(${states.join(' or ')})`
}

function statesOf(
  comparison: Comparison,
  named: NamedColumn,
  context: Context,
): (state: PushState) => boolean {
  const read = (given: Scalar) => columnValue(given, { ...named, context })
  switch (comparison.op) {
    case 'set':
      return () => true
    case 'unset':
      return () => false
    case 'eq':
    case 'ne': {
      const state = read(scalar(comparison, context))
      return it => (it === state) === (comparison.op === 'eq')
    }
    case 'in':
    case 'nin': {
      const states = scalars(comparison, context).map(read)
      return it => states.includes(it) === (comparison.op === 'in')
    }
    case 'gte':
    case 'lte':
    case 'between':
      return refuse(context, `${named.name} has no order; use "eq", "ne", "in" or "nin"`)
  }
}

function scalars(comparison: Comparison, context: Context): readonly Scalar[] {
  if (!Array.isArray(comparison.value)) refuse(context, `"${comparison.op}" needs a list as value`)
  const list = comparison.value as readonly Scalar[]
  if (list.length === 0 && !context.isLenient) refuseEmpty(comparison.op, context)
  return list
}

function scalar(comparison: Comparison, context: Context): Scalar {
  const value = comparison.value
  if (value === undefined || Array.isArray(value)) refuse(context, `"${comparison.op}" needs one value`)
  return value as Scalar
}

/** Mostly a list that somebody forgot to fill: "nin" would send to everybody for it. */
function refuseEmpty(op: Operator, context: Context): never {
  return refuse(context, `"${op}" needs a list with at least one value; it is empty`)
}

function pair(comparison: Comparison, context: Context): readonly [Scalar, Scalar] {
  const [low, high, ...more] = scalars(comparison, context)
  if (low === undefined || high === undefined || more.length > 0)
    refuse(context, '"between" needs two values')
  return [low as Scalar, high as Scalar]
}

/** A span that is upside down holds nobody, which is seldom what somebody means. */
function requireUpward(isUpward: boolean, [low, high]: readonly [Scalar, Scalar], context: Context): void {
  if (!isUpward && !context.isLenient)
    refuse(
      context,
      `"between" begins with the smaller value: [${JSON.stringify(high)},${JSON.stringify(low)}]`,
    )
}

/** Text is left alone: where it stands in the order is the database's to say. Dates that a definition reads are ISO 8601. */
function isUpward([low, high]: readonly [Scalar, Scalar], type: TagType | undefined): boolean {
  const isOrdered = typeof low === 'number' || type === 'date'
  return !isOrdered || typeof low !== typeof high || low <= high
}

/**
 * A tag holds one value or a list; "eq" and "in" on a list ask whether it holds such a value.
 * Numbers compare as numbers, text (and dates, which are stored in ISO form) as text, versions part by part.
 */
function compareTag(tag: string, asked: Comparison, context: Context): string {
  const type = context.scope.types.get(tag)
  if (asksForDays(asked)) return compareDaysOfTag(tag, asked, context)
  const comparison = type === undefined ? asked : typed(asked, { tag, type, context })
  if (type === 'version') {
    const text = `(d.tags ->> ${context.parameter(tag)}::text)`
    return compareVersion({ text, name: `tag "${tag}"` }, comparison, context)
  }
  const it = `(d.tags -> ${context.parameter(tag)}::text)`
  const isSet = `coalesce(jsonb_typeof(${it}) <> 'null', false)`
  const holds = (value: Scalar) =>
    `coalesce(${it} @> ${context.parameter(JSON.stringify(value))}::jsonb, false)`
  // "=" looks a value up in a hash of the list; "@>" would go through all of it for each device (1000 values: 23 µs instead of 1).
  const holdsAny = () => {
    const list = scalars(comparison, context).map(value => JSON.stringify(value))
    const any = `any(${context.parameter(list)}::jsonb[])`
    return `case jsonb_typeof(${it}) when 'array' then exists (select from jsonb_array_elements(${it}) e where e = ${any})
                                     else coalesce(${it} = ${any}, false) end`
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
      requireUpward(isUpward([low, high], type), [low, high], context)
      return `(${tagOrder(it, '>=', low, context)} and ${tagOrder(it, '<=', high, context)})`
    }
  }
}

/** Dates are ISO 8601 text, with or without a time of day; other text has no place among them. */
function compareDaysOfTag(tag: string, asked: Comparison, context: Context): string {
  const type = context.scope.types.get(tag)
  if (type !== undefined && type !== 'date')
    refuse(context, `tag "${tag}" is of type ${type}; days are counted back for dates alone`)
  const text = `(d.tags ->> ${context.parameter(tag)}::text)`
  const day = (it: string) => `${context.parameter(it)}::text collate "C"`
  const span = (from: string | undefined, before: string | undefined) =>
    `coalesce(${[
      `${text} ~ '^\\d{4}-\\d\\d-\\d\\d'`,
      ...(from === undefined ? [] : [`${text} >= ${day(from)}`]),
      ...(before === undefined ? [] : [`${text} < ${day(before)}`]),
    ].join(' and ')}, false)`
  return compareDays(asked, { span, plain: it => compareTag(tag, it, context) }, context)
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
    (readAs(type, type === 'version' ? versionText(given, `tag "${tag}"`, context) : given) ??
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

function compareColumn(named: NamedColumn, comparison: Comparison, context: Context): string {
  const { column, type, name } = named
  if (asksForDays(comparison)) return compareDaysOfColumn(named, comparison, context)
  if (type === 'version') return compareVersion({ text: column, name }, comparison, context)
  const value = (given: Scalar) => context.parameter(columnValue(given, { ...named, context }))
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
      const list = scalars(comparison, context).map(given => columnValue(given, { ...named, context }))
      const isIn = `coalesce(${column} = any(${context.parameter(list)}), false)`
      return comparison.op === 'in' ? isIn : `not ${isIn}`
    }
    case 'gte':
      return `coalesce(${column} >= ${value(scalar(comparison, context))}, false)`
    case 'lte':
      return `coalesce(${column} <= ${value(scalar(comparison, context))}, false)`
    case 'between': {
      const [low, high] = pair(comparison, context)
      const [from, to] = [low, high].map(given => columnValue(given, { ...named, context }))
      requireUpward(isColumnUpward(from, to, type), [low, high], context)
      return `coalesce(${column} between ${context.parameter(from)} and ${context.parameter(to)}, false)`
    }
  }
}

function isColumnUpward(from: unknown, to: unknown, type: ColumnType): boolean {
  if (type === 'offset' || type === 'share') return Number(from) <= Number(to)
  return type !== 'time' || Date.parse(String(from)) <= Date.parse(String(to))
}

function compareDaysOfColumn(named: NamedColumn, comparison: Comparison, context: Context): string {
  const { column, type, name } = named
  if (type !== 'time') refuse(context, `${name} is no time; days are counted back for times alone`)
  const day = (it: string) => `${context.parameter(it)}::date::timestamp at time zone 'UTC'`
  const span = (from: string | undefined, before: string | undefined) =>
    `coalesce(${[
      ...(from === undefined ? [] : [`${column} >= ${day(from)}`]),
      ...(before === undefined ? [] : [`${column} < ${day(before)}`]),
    ].join(' and ')}, false)`
  return compareDays(comparison, { span, plain: it => compareColumn(named, it, context) }, context)
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
    const list = given.map(it => canonicalVersion(versionText(it, name, context)))
    return `coalesce(${canonicalVersionSql(text)} = any(${context.parameter(list)}::text[]), false)`
  }
  const order = (operator: '>=' | '<=', given: Scalar) => {
    const parts = readVersionParts(versionText(given, name, context)) ?? refuseVersion(given, name, context)
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
      requireUpward(isVersionUpward(low, high), [low, high], context)
      return `(${order('>=', low)} and ${order('<=', high)})`
    }
    case 'set':
      return `${text} is not null`
    case 'unset':
      return `${text} is null`
  }
}

/** What is no version is refused where it is compared. */
function isVersionUpward(low: Scalar, high: Scalar): boolean {
  const [from, to] = [readVersionParts(String(low)), readVersionParts(String(high))]
  if (from === undefined || to === undefined) return true
  const at = from.findIndex((part, i) => part !== to[i])
  return at === -1 || BigInt(from[at] as string) < BigInt(to[at] ?? -1)
}

/** As a number 2.10 is 2.1, which is another version. */
function versionText(given: Scalar, name: string, context: Context): string {
  if (typeof given === 'string' || Number.isSafeInteger(given)) return String(given)
  return refuseVersion(given, name, context)
}

function refuseVersion(given: Scalar, name: string, context: Context): never {
  return refuse(context, `${name} holds a version, in quotes like "2.10.1", not ${JSON.stringify(given)}`)
}

/** What a column of type integer holds. */
const INTEGER_MAX = 2_147_483_647

/** As filters of the compatible protocol write it. */
const OFFSET = /^UTC([+-])(\d\d):(\d\d)$/

/** East of UTC, in seconds. */
function offsetOf(given: Scalar): number | undefined {
  if (typeof given === 'number')
    return Number.isInteger(given) && Math.abs(given) <= INTEGER_MAX ? given : undefined
  const [, sign, hours, minutes] = OFFSET.exec(String(given)) ?? []
  if (sign === undefined) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60)
}

function columnValue(given: Scalar, place: NamedColumn & { readonly context: Context }): unknown {
  switch (place.type) {
    case 'version':
    case 'text':
    case 'language':
      if (typeof given !== 'string')
        refuse(place.context, `${place.name} holds text, not ${JSON.stringify(given)}`)
      if (place.type === 'language') return given.toLowerCase().replaceAll('_', '-')
      if (place.values?.includes(given) === false)
        refuse(
          place.context,
          `${place.name} is one of ${place.values.join(', ')}, not ${JSON.stringify(given)}`,
        )
      return given
    case 'boolean':
      if (typeof given !== 'boolean')
        refuse(place.context, `${place.name} holds true or false, not ${JSON.stringify(given)}`)
      return given
    case 'offset':
      return (
        offsetOf(given) ??
        refuse(
          place.context,
          `${place.name} holds seconds, or text like "UTC+05:30", not ${JSON.stringify(given)}`,
        )
      )
    case 'share':
      if (typeof given !== 'number' || given < 0 || given > 1)
        refuse(place.context, `${place.name} holds a number from 0 to 1, not ${JSON.stringify(given)}`)
      return given
    case 'time': {
      const time = readAs('date', given)
      if (time === undefined)
        refuse(
          place.context,
          `${place.name} holds a time like "2026-11-01T00:00:00Z", not ${JSON.stringify(given)}`,
        )
      return time
    }
  }
}
