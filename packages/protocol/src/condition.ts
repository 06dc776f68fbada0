/**
 * Who is meant: a condition over the tags and fields of a device, and over what it did. The console, REST and the CLI
 * share it. docs/segments.md shows each form.
 */
import { z } from 'zod'
import { type CodedFault, codeOfIssue } from './field-fault.ts'
import { DAYS_AGO_MAX, EVENT_NAME_CHARACTERS, TAG_NAME_CHARACTERS, TAG_STRING_CHARACTERS } from './limits.ts'
import { wordOf } from './words.ts'

export const OPERATORS = ['eq', 'ne', 'in', 'nin', 'gte', 'lte', 'between', 'set', 'unset'] as const
export type Operator = (typeof OPERATORS)[number]

/** Fields of a device that a condition may name. */
export const DEVICE_FIELDS = [
  'hwid',
  'userId',
  'platform',
  'language',
  'appVersion',
  'osVersion',
  'deviceModel',
  'timezoneSeconds',
  'firstSeenAt',
  'lastSeenAt',
  'lastOpenAt',
  'permission',
  'country',
  /** Whether nobody is logged in. */
  'isVisitor',
  /** Whether its address for alerts is sent to; see PUSH_STATES. */
  'push',
  /** Of its address for alerts, which it has as long as `push` is `reachable` or `no_permission`. */
  'provider',
  /** APNs alone. */
  'environment',
  /** 0 to 1: how likely it is that its app is gone, of one that has an address at Apple or Google. */
  'doubt',
] as const
export type DeviceField = (typeof DEVICE_FIELDS)[number]

/**
 * `reachable`: it is sent to; `no_permission`: it has an address, but may show nothing; `quarantined`: its address is of another
 * app or environment; `removed`: its address has ended; `no_address`: nothing is known of any.
 */
export const PUSH_STATES = ['reachable', 'no_permission', 'quarantined', 'removed', 'no_address'] as const
export type PushState = (typeof PUSH_STATES)[number]

/** A whole day in UTC, counted back from today, which is 0. */
export interface DaysAgo {
  readonly daysAgo: number
}

export type Scalar = string | number | boolean
export type Operand = Scalar | DaysAgo
export type ConditionValue = Operand | readonly Operand[]

export interface Comparison {
  readonly tag?: string | undefined
  readonly field?: DeviceField | undefined
  readonly op: Operator
  readonly value?: ConditionValue | undefined
}

/** The device posted it, at least so often (default once), today or in the `withinDays` days before (default ever). */
export interface EventCondition {
  readonly event: string
  readonly atLeast?: number | undefined
  readonly withinDays?: number | undefined
}

/** `accepted`: a gateway took it, or may have; of one message, for as long as that is on record. The others are told by devices. */
export const MESSAGE_FATES = ['accepted', 'received', 'opened'] as const
export type MessageFate = (typeof MESSAGE_FATES)[number]

/** What the device told of a message, by its id, or of any: who opened it received it, too. */
export interface MessageCondition {
  readonly message: string
  readonly was: MessageFate
  readonly withinDays?: number | undefined
}

/** Who is in another segment. */
export interface SegmentCondition {
  readonly segment: string
}

/** Whose hwid or user id is in a list that was brought along. */
export interface ListCondition {
  readonly list: string
}

export type Condition =
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] }
  | { readonly not: Condition }
  | Comparison
  | EventCondition
  | MessageCondition
  | SegmentCondition
  | ListCondition

export const ANY_MESSAGE = 'any'

const daysAgo = z.strictObject({ daysAgo: z.int().min(0).max(DAYS_AGO_MAX) })
const operand = z.union([z.string().max(TAG_STRING_CHARACTERS), z.number(), z.boolean(), daysAgo])
const uuid = z.uuid().toLowerCase()
const withinDays = z.int().min(0).max(DAYS_AGO_MAX).optional()

const comparison = z
  .strictObject({
    tag: z.string().min(1).max(TAG_NAME_CHARACTERS).optional(),
    field: z.enum(DEVICE_FIELDS).optional(),
    op: z.enum(OPERATORS),
    value: z
      .union([operand, z.array(operand).max(10_000)], {
        error: 'text, a number, true, false, {"daysAgo":n}, or a list of up to 10000 of these',
      })
      .optional(),
  })
  .refine(it => (it.tag === undefined) !== (it.field === undefined), 'name either a "tag" or a "field"')
  .refine(it => it.value === undefined || (it.op !== 'set' && it.op !== 'unset'), {
    message: '"set" and "unset" take no value',
    path: ['value'],
  })

const event = z.strictObject({
  event: z.string().min(1).max(EVENT_NAME_CHARACTERS),
  atLeast: z.int().min(1).max(1_000_000).optional(),
  withinDays,
})
const message = z.strictObject({
  message: z.union([z.literal(ANY_MESSAGE), uuid]),
  was: z.enum(MESSAGE_FATES),
  withinDays,
})
const segment = z.strictObject({ segment: uuid })
const list = z.strictObject({ list: uuid })

/** By the key that tells them. */
const LEAVES = { tag: comparison, field: comparison, op: comparison, event, message, segment, list } as const
const PARTS_MAX = 100
/** Far deeper than any condition may be; what is deeper still would fill the stack of who reads it. */
const NESTED_MAX = 100

const tree: z.ZodType<Condition> = z
  .lazy(() =>
    z.union([
      z.strictObject({ and: z.array(tree).min(1).max(PARTS_MAX) }),
      z.strictObject({ or: z.array(tree).min(1).max(PARTS_MAX) }),
      z.strictObject({ not: tree }),
      comparison,
      event,
      message,
      segment,
      list,
    ]),
  )
  .meta({ id: 'Condition' })

interface Fault {
  readonly path: PropertyKey[]
  readonly message: string
  /** What `codeOfIssue` says of it; not for faults that are of conditions alone. */
  readonly coded?: CodedFault
}

/** Of a union of so many forms a reader hears what is wrong with each of them; who made a slip wants to hear of theirs. */
export const conditionSchema: z.ZodType<Condition> = z.preprocess((given, context) => {
  const fault = faultIn(given)
  if (fault === undefined) return given
  const { coded, ...told } = fault
  context.addIssue({ code: 'custom', ...told, ...(coded && { params: { coded } }) })
  return z.NEVER
}, tree)

/** The first one in the order of reading. */
function faultIn(root: unknown): Fault | undefined {
  const open: { readonly value: unknown; readonly path: PropertyKey[]; readonly depth: number }[] = [
    { value: root, path: [], depth: 0 },
  ]
  for (let it = open.pop(); it !== undefined; it = open.pop()) {
    const { value, path, depth } = it
    if (depth > NESTED_MAX) return { path: [], message: `nested deeper than ${NESTED_MAX}` }
    const parts = partsOf(value)
    const fault = parts === undefined ? faultOfLeaf(value) : faultOfParts(value as object, parts)
    if (fault !== undefined) return { ...fault, path: [...path, ...fault.path] }
    for (const [part, name] of (parts ?? []).toReversed())
      open.push({ value: part, path: [...path, ...name], depth: depth + 1 })
  }
  return undefined
}

type Part = readonly [value: unknown, name: readonly PropertyKey[]]

/** Of a combination, with their names in it; undefined for anything else. */
function partsOf(value: unknown): Part[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if ('not' in value) return [[value.not, ['not']]]
  const key = 'and' in value ? 'and' : 'or' in value ? 'or' : undefined
  const parts = key === undefined ? undefined : (value as Record<string, unknown>)[key]
  if (key === undefined) return undefined
  return Array.isArray(parts) ? parts.map((part, i): Part => [part, [key, i]]) : []
}

function faultOfParts(value: object, parts: readonly Part[]): Fault | undefined {
  const [key, also] = Object.keys(value)
  if (also !== undefined) return { path: [], message: `"${key}" and "${also}" do not stand side by side` }
  if (parts.length >= 1 && parts.length <= PARTS_MAX) return undefined
  return { path: [key as string], message: `a list of 1 to ${PARTS_MAX} conditions` }
}

function faultOfLeaf(value: unknown): Fault | undefined {
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : []
  const key = Object.keys(LEAVES).find(it => keys.includes(it)) as keyof typeof LEAVES | undefined
  if (key === undefined)
    return {
      path: [],
      message: 'a condition is one of and, or, not, tag, field, event, message, segment, list',
    }
  const issue = LEAVES[key].safeParse(value, { error: wordOf }).error?.issues[0]
  return issue && { path: [...issue.path], message: issue.message, coded: codeOfIssue(issue) }
}
