/**
 * Who is meant: a condition over the tags and fields of a device. The console, REST and the CLI share it.
 * Shape: `{"and"|"or":[…]}`, `{"not":…}` or `{"tag"|"field":name,"op":…,"value":…}`.
 */
import { z } from 'zod'
import { TAG_NAME_CHARACTERS, TAG_STRING_CHARACTERS } from './limits.ts'

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
] as const
export type DeviceField = (typeof DEVICE_FIELDS)[number]

export type Scalar = string | number | boolean
export type ConditionValue = Scalar | readonly Scalar[]

export interface Comparison {
  readonly tag?: string | undefined
  readonly field?: DeviceField | undefined
  readonly op: Operator
  readonly value?: ConditionValue | undefined
}

export type Condition =
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] }
  | { readonly not: Condition }
  | Comparison

const scalar = z.union([z.string().max(TAG_STRING_CHARACTERS), z.number(), z.boolean()])

const comparison = z
  .strictObject({
    tag: z.string().min(1).max(TAG_NAME_CHARACTERS).optional(),
    field: z.enum(DEVICE_FIELDS).optional(),
    op: z.enum(OPERATORS),
    value: z.union([scalar, z.array(scalar).max(10_000)]).optional(),
  })
  .refine(it => (it.tag === undefined) !== (it.field === undefined), 'name either a "tag" or a "field"')

export const conditionSchema: z.ZodType<Condition> = z
  .lazy(() =>
    z.union([
      z.strictObject({ and: z.array(conditionSchema).min(1).max(100) }),
      z.strictObject({ or: z.array(conditionSchema).min(1).max(100) }),
      z.strictObject({ not: conditionSchema }),
      comparison,
    ]),
  )
  .meta({ id: 'Condition' })
