/**
 * Who is meant: a condition over the tags and fields of a device, and over what it did. The console, REST and the CLI
 * share it. docs/segments.md shows each form.
 */
import { z } from 'zod'
import { DAYS_AGO_MAX, EVENT_NAME_CHARACTERS, TAG_NAME_CHARACTERS, TAG_STRING_CHARACTERS } from './limits.ts'

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

export const MESSAGE_FATES = ['received', 'opened'] as const
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
    value: z.union([operand, z.array(operand).max(10_000)]).optional(),
  })
  .refine(it => (it.tag === undefined) !== (it.field === undefined), 'name either a "tag" or a "field"')

const happened = [
  z.strictObject({
    event: z.string().min(1).max(EVENT_NAME_CHARACTERS),
    atLeast: z.int().min(1).max(1_000_000).optional(),
    withinDays,
  }),
  z.strictObject({
    message: z.union([z.literal(ANY_MESSAGE), uuid]),
    was: z.enum(MESSAGE_FATES),
    withinDays,
  }),
  z.strictObject({ segment: uuid }),
  z.strictObject({ list: uuid }),
] as const

export const conditionSchema: z.ZodType<Condition> = z
  .lazy(() =>
    z.union([
      z.strictObject({ and: z.array(conditionSchema).min(1).max(100) }),
      z.strictObject({ or: z.array(conditionSchema).min(1).max(100) }),
      z.strictObject({ not: conditionSchema }),
      comparison,
      ...happened,
    ]),
  )
  .meta({ id: 'Condition' })
