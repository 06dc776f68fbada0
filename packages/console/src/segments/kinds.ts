/**
 * What a rule can be about, which operators make sense of a value of each type, and what a rule still lacks.
 *
 * Source: docs/segments.md; the server is the judge of what is refused.
 */
import type {
  Comparison,
  ConditionValue,
  DeviceField,
  Operand,
  Operator,
  Scalar,
  TagType,
} from '@roost/protocol'
import { type Group, groupsOf, isGroup, type Leaf, type Rule, rulesOf } from './tree.ts'

export const SUBJECTS = ['tag', 'field', 'event', 'message', 'list', 'segment'] as const
export type Subject = (typeof SUBJECTS)[number]

/** How a value is typed in and compared. */
export type ValueType = 'text' | 'choice' | 'number' | 'share' | 'date' | 'boolean' | 'version' | 'list'

export function subjectOf(leaf: Leaf): Subject {
  const named: Readonly<Partial<Record<Subject, unknown>>> = leaf
  const subject = SUBJECTS.find(each => named[each] !== undefined)
  return subject ?? 'tag'
}

/** What a rule begins with. */
export function newLeaf(subject: Subject): Leaf {
  switch (subject) {
    case 'tag':
      return { tag: '', op: 'eq' }
    case 'field':
      return { field: 'platform', op: 'in', value: [] }
    case 'event':
      return { event: '' }
    case 'message':
      return { message: 'any', was: 'opened', withinDays: 30 }
    case 'list':
      return { list: '' }
    case 'segment':
      return { segment: '' }
  }
}

export const FIELD_TYPES: Readonly<Record<DeviceField, ValueType>> = {
  platform: 'choice',
  language: 'text',
  country: 'text',
  appVersion: 'version',
  osVersion: 'version',
  deviceModel: 'text',
  push: 'choice',
  permission: 'choice',
  lastOpenAt: 'date',
  lastSeenAt: 'date',
  firstSeenAt: 'date',
  userId: 'text',
  isVisitor: 'boolean',
  hwid: 'text',
  timezoneSeconds: 'number',
  provider: 'choice',
  environment: 'choice',
  doubt: 'share',
}

/** In the order in which they are offered. */
export const FIELDS = Object.keys(FIELD_TYPES) as readonly DeviceField[]

export interface Choice {
  readonly value: string
  readonly label: string
}

/** Of what somebody has typed: by its name or by the value itself, in whatever case. */
export function choiceOf(choices: readonly Choice[], typed: string): string | undefined {
  const wanted = typed.trim().toLocaleLowerCase()
  return choices.find(each => [each.label, each.value].some(it => it.toLocaleLowerCase() === wanted))?.value
}

/** All that such a field can hold. */
export const CHOICES: Readonly<Partial<Record<DeviceField, readonly string[]>>> = {
  platform: ['ios', 'macos', 'android', 'huawei', 'web'],
  permission: ['granted', 'provisional', 'ephemeral', 'denied', 'not_determined'],
  push: ['reachable', 'no_permission', 'quarantined', 'removed', 'no_address'],
  provider: ['apns', 'fcm', 'webpush', 'hms'],
  environment: ['production', 'sandbox'],
}

const TYPE_OF_TAG: Readonly<Record<TagType, ValueType>> = {
  integer: 'number',
  decimal: 'number',
  string: 'text',
  list: 'list',
  date: 'date',
  boolean: 'boolean',
  version: 'version',
}

/** `tagTypes`: as far as they are known. Of an unknown tag what its value looks like. */
export function typeOf({ tag, field, value }: Comparison, tagTypes: ReadonlyMap<string, TagType>): ValueType {
  if (field !== undefined) return FIELD_TYPES[field] ?? 'text'
  const known = tagTypes.get(tag ?? '')
  if (known) return TYPE_OF_TAG[known]
  const [first] = operandsOf(value)
  if (typeof first === 'object') return 'date'
  if (typeof first === 'number') return 'number'
  return typeof first === 'boolean' ? 'boolean' : 'text'
}

const EQUAL = ['eq', 'ne', 'in', 'nin'] as const
const ORDERED = ['gte', 'lte', 'between'] as const
const PRESENCE = ['set', 'unset'] as const

const OPERATORS_OF: Readonly<Record<ValueType, readonly Operator[]>> = {
  text: [...EQUAL, ...PRESENCE],
  choice: ['in', 'nin'],
  number: [...EQUAL, ...ORDERED, ...PRESENCE],
  share: [...ORDERED, ...PRESENCE],
  date: ['gte', 'lte', 'between', 'eq', ...PRESENCE],
  boolean: ['eq', ...PRESENCE],
  version: [...EQUAL, ...ORDERED, ...PRESENCE],
  list: [...EQUAL, ...PRESENCE],
}

/** Those that make sense, and the one that is there already. */
export function operatorsFor(type: ValueType, current: Operator): readonly Operator[] {
  const usual = OPERATORS_OF[type]
  return usual.includes(current) ? usual : [...usual, current]
}

export function operandsOf(value: ConditionValue | undefined): readonly Operand[] {
  if (value === undefined) return []
  return Array.isArray(value) ? (value as readonly Operand[]) : [value as Operand]
}

export function isDaysAgo(value: Operand | undefined): value is { readonly daysAgo: number } {
  return typeof value === 'object'
}

/** How many values an operator takes. */
function formOf(op: Operator): 'none' | 'one' | 'two' | 'many' {
  if (op === 'set' || op === 'unset') return 'none'
  if (op === 'between') return 'two'
  return op === 'in' || op === 'nin' ? 'many' : 'one'
}

/** The same comparison with another operator, and as much of its value as fits. */
export function withOperator(comparison: Comparison, op: Operator): Comparison {
  const { value: _, ...named } = comparison
  const values = operandsOf(comparison.value)
  const [first, second] = values
  switch (formOf(op)) {
    case 'none':
      return { ...named, op }
    case 'one':
      return { ...named, op, ...(first !== undefined && { value: first }) }
    case 'two':
      return { ...named, op, ...(first !== undefined && { value: [first, second ?? first] }) }
    case 'many':
      return { ...named, op, value: values }
  }
}

/** The same rule about another tag or field: the operator stays where it makes sense, the value where the type does. */
export function withName(
  comparison: Comparison,
  named: Pick<Comparison, 'tag' | 'field'>,
  tagTypes: ReadonlyMap<string, TagType>,
): Comparison {
  const before = typeOf(comparison, tagTypes)
  const bare = { ...named, op: comparison.op }
  const after = typeOf(bare, tagTypes)
  if (before === after && !isKnownChoice(named) && !isKnownChoice(comparison))
    return { ...comparison, ...named }
  const usual = OPERATORS_OF[after]
  const op = usual.includes(comparison.op) ? comparison.op : (usual[0] as Operator)
  if (after === 'date') return { ...named, op, ...(formOf(op) === 'one' && { value: { daysAgo: 7 } }) }
  if (after === 'boolean') return { ...named, op: 'eq', value: true }
  return { ...named, op, ...(formOf(op) === 'many' && { value: [] }) }
}

function isKnownChoice({ field }: Pick<Comparison, 'field'>): boolean {
  return field !== undefined && FIELD_TYPES[field] === 'choice'
}

/** What was typed, as a value of the type; undefined for what is none. */
export function readValue(text: string, type: ValueType): Scalar | undefined {
  if (type !== 'number' && type !== 'share') return text
  // in some languages the comma parts the decimals
  const number = Number(text.trim().replace(',', '.'))
  return text.trim() === '' || Number.isNaN(number) ? undefined : number
}

/** What still keeps a rule or a group from meaning anything. */
export type Lack =
  | 'name'
  | 'value'
  | 'values'
  | 'range'
  | 'order'
  | 'event'
  | 'message'
  | 'list'
  | 'segment'
  | 'group'

/** By the id of the rule or group; those that lack nothing are left out. */
export function lacksOf(root: Group): ReadonlyMap<string, Lack> {
  const lacks = new Map<string, Lack>()
  for (const group of groupsOf(root)) if (group.parts.length === 0) lacks.set(group.id, 'group')
  for (const rule of rulesOf(root)) {
    const lack = lackOf(rule)
    if (lack) lacks.set(rule.id, lack)
  }
  return lacks
}

function lackOf({ leaf }: Rule): Lack | undefined {
  if ('event' in leaf) return leaf.event.trim() === '' ? 'event' : undefined
  if ('message' in leaf) return leaf.message === '' ? 'message' : undefined
  if ('list' in leaf) return leaf.list === '' ? 'list' : undefined
  if ('segment' in leaf) return leaf.segment === '' ? 'segment' : undefined
  if (leaf.field === undefined && (leaf.tag ?? '') === '') return 'name'
  return lackOfValue(leaf)
}

function lackOfValue({ op, value }: Comparison): Lack | undefined {
  const values = operandsOf(value)
  switch (formOf(op)) {
    case 'none':
      return undefined
    case 'one':
      return values.length === 1 ? undefined : 'value'
    case 'many':
      return values.length > 0 ? undefined : 'values'
    case 'two':
      if (values.length !== 2 || values.includes('')) return 'range'
      return isDownward(values[0], values[1]) ? 'order' : undefined
  }
}

/** Of versions and other text the server tells. */
function isDownward(low: Operand | undefined, high: Operand | undefined): boolean {
  if (typeof low === 'number' && typeof high === 'number') return low > high
  return isDaysAgo(low) && isDaysAgo(high) && low.daysAgo < high.daysAgo
}

/** Whether anything is still to be put in. */
export function isComplete(root: Group): boolean {
  return lacksOf(root).size === 0
}

/** Whether anybody has put anything in. */
export function isBlank(root: Group): boolean {
  return root.parts.every(part => !isGroup(part) && lackOf(part) !== undefined)
}
