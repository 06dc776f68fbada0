/** Triggers: an event that a device posts asks for a message, at once or after a while. docs/messages.md, "Triggered messages". */
import { z } from 'zod'
import { conditionSchema, OPERATORS, type Operator, type Scalar } from './condition.ts'
import { experimentViewSchema } from './experiment.ts'
import { EVENT_NAME_CHARACTERS } from './limits.ts'
import { countsSchema, newMessageSchema } from './message.ts'

const DELAY_SECONDS_MAX = 90 * 24 * 3600
const ONCE_PER_DAYS_MAX = 365
const CANCELLING_EVENTS_MAX = 20
const TRIGGER_NAME_CHARACTERS = 128
/** Of an event's attributes; a tree of these parts. */
const PARTS_MAX = 50
const NESTED_MAX = 10

/** Asked of the attributes that came with the event. One that did not come is `unset`, and `ne` and `nin` hold of it. */
export type AttributeCondition =
  | { readonly and: readonly AttributeCondition[] }
  | { readonly or: readonly AttributeCondition[] }
  | { readonly not: AttributeCondition }
  | AttributeComparison

export interface AttributeComparison {
  readonly attribute: string
  readonly op: Operator
  readonly value?: Scalar | readonly Scalar[] | undefined
}

const scalar = z.union([z.string().max(1024), z.number(), z.boolean()])

const comparison = z
  .strictObject({
    attribute: z.string().min(1).max(256),
    op: z.enum(OPERATORS),
    value: z.union([scalar, z.array(scalar).max(1000)]).optional(),
  })
  .superRefine(({ op, value }, context) => {
    const fault = faultOfValue(op, value)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault, path: ['value'] })
  })

/** What an operator needs to compare with; undefined when that is given. */
function faultOfValue(op: Operator, value: AttributeComparison['value']): string | undefined {
  if (op === 'set' || op === 'unset') return value === undefined ? undefined : `"${op}" takes no value`
  if (op === 'in' || op === 'nin')
    return Array.isArray(value) && value.length > 0
      ? undefined
      : `"${op}" needs a list with at least one value`
  if (op === 'between') return faultOfSpan(value)
  return value === undefined || Array.isArray(value) ? `"${op}" needs one value` : undefined
}

/** One that is upside down, or of two types, holds of nothing, which is seldom what somebody means. */
function faultOfSpan(value: AttributeComparison['value']): string | undefined {
  const [low, high, ...more] = Array.isArray(value) ? (value as readonly Scalar[]) : []
  if (low === undefined || high === undefined || more.length > 0) return '"between" needs a list of two'
  if (typeof low !== typeof high || typeof low === 'boolean')
    return '"between" needs two numbers, or two texts'
  return low <= high
    ? undefined
    : `"between" begins with the smaller value: [${JSON.stringify(high)},${JSON.stringify(low)}]`
}

function isAsDeepAs(condition: AttributeCondition, depth: number): boolean {
  if (depth === 0) return false
  if ('and' in condition) return condition.and.every(it => isAsDeepAs(it, depth - 1))
  if ('or' in condition) return condition.or.every(it => isAsDeepAs(it, depth - 1))
  return 'not' in condition ? isAsDeepAs(condition.not, depth - 1) : true
}

const tree: z.ZodType<AttributeCondition> = z
  .lazy(() =>
    z.union([
      z.strictObject({ and: z.array(tree).min(1).max(PARTS_MAX) }),
      z.strictObject({ or: z.array(tree).min(1).max(PARTS_MAX) }),
      z.strictObject({ not: tree }),
      comparison,
    ]),
  )
  .meta({ id: 'AttributeCondition' })
const bounded = tree.refine(it => isAsDeepAs(it, NESTED_MAX), `nested deeper than ${NESTED_MAX}`)

/** By the keys that tell them apart. */
const FORMS = ['and', 'or', 'not', 'attribute', 'op', 'value']

/** Where something stands that is none of these, or undefined: of a union a reader would hear what the first form lacks. */
function findFormless(value: unknown, path: readonly PropertyKey[] = []): readonly PropertyKey[] | undefined {
  if (typeof value !== 'object' || value === null || !FORMS.some(it => it in value)) return path
  const { and, or, not } = value as Readonly<Record<string, unknown>>
  for (const [key, parts] of Object.entries({ and, or, ...(not !== undefined && { not: [not] }) }))
    for (const [i, part] of (Array.isArray(parts) ? parts : []).entries()) {
      const found = findFormless(part, [...path, key, ...(key === 'not' ? [] : [i])])
      if (found !== undefined) return found
    }
  return undefined
}

const attributeConditionSchema: z.ZodType<AttributeCondition> = z.preprocess((given, context) => {
  const path = findFormless(given)
  if (path === undefined) return given
  const message = 'it must be a comparison {"attribute","op","value"}, or one of and, or, not'
  context.addIssue({ code: 'custom', path: [...path], message })
  return z.NEVER
}, bounded)

const eventName = z.string().min(1).max(EVENT_NAME_CHARACTERS)

/** What a message says and how it goes; when, and to whom, is the trigger's matter. */
const triggeredMessageSchema = newMessageSchema.pick({
  /** Its templates may name `event.<attribute>`. */
  content: true,
  /** From when it is due. */
  ttlSeconds: true,
  priority: true,
  collapseKey: true,
  rules: true,
  route: true,
  pushAfterSeconds: true,
  /** Default transactional: it is to one device. */
  lane: true,
  campaign: true,
  /** Its percents come to 100: events come day by day, so there is no rest that could wait for a winner. */
  experiment: true,
})

const definition = {
  name: z.string().trim().min(1).max(TRIGGER_NAME_CHARACTERS),
  /** The event that starts it, by `postEvent` or REST. */
  event: eventName,
  /** Asked when the event comes; without it each such event counts. */
  where: attributeConditionSchema.optional(),
  /** From the event to the message. Default 0. */
  delaySeconds: z.int().min(0).max(DELAY_SECONDS_MAX).optional(),
  /** An event takes the place of a former one that is not due yet, of the device, or with `to: user` of its user; so the delay begins anew. Default false. */
  restartsDelay: z.boolean().optional(),
  /** `user`: all devices that the user of that device has when it is due; of a visitor, this device. Default device. */
  to: z.enum(['device', 'user']).optional(),
  /** Asked of each device when it is due. */
  condition: conditionSchema.optional(),
  /** At most one message to a device in so many times 24 hours. */
  oncePerDays: z.int().min(1).max(ONCE_PER_DAYS_MAX).optional(),
  /** Events of the device, or of another one of its user, after which what waits is not sent. */
  cancelledBy: z.array(eventName).min(1).max(CANCELLING_EVENTS_MAX).optional(),
  message: triggeredMessageSchema,
}

export const newTriggerSchema = z.strictObject(definition)
export type NewTrigger = z.infer<typeof newTriggerSchema>

/** What is not named stays; null takes away. */
export const triggerPatchSchema = z.strictObject({
  ...definition,
  name: definition.name.optional(),
  event: definition.event.optional(),
  where: attributeConditionSchema.nullable().optional(),
  condition: conditionSchema.nullable().optional(),
  oncePerDays: definition.oncePerDays.nullable(),
  cancelledBy: definition.cancelledBy.nullable(),
  message: definition.message.optional(),
})
export type TriggerPatch = z.infer<typeof triggerPatchSchema>

/** Why an event that started a trigger came to no delivery. */
export const UNSENT_REASONS = [
  /** By one of `cancelledBy`. */
  'cancelled',
  /** It was paused, or the server away, for longer than its time to live. */
  'expired',
  /** The device was erased, or is no longer of the user whose event it was. */
  'noLongerMeant',
  /** `condition` did not hold of the device. */
  'notInAudience',
  /** No address that is sent to. */
  'unreachable',
  /** `oncePerDays`, or more than 100 a day. */
  'tooOften',
] as const
export type UnsentReason = (typeof UNSENT_REASONS)[number]

const count = z.int()
export const triggerCountsSchema = countsSchema.extend({
  /** Events that started it and are not due yet, or wait while it is paused. */
  waiting: count,
  unsent: z.object(
    Object.fromEntries(UNSENT_REASONS.map(it => [it, count])) as Record<UnsentReason, typeof count>,
  ),
})

export const triggerSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['active', 'paused']),
  /** +1 with each change. */
  version: z.int(),
  event: z.string(),
  where: z.unknown().nullable(),
  delaySeconds: z.int(),
  restartsDelay: z.boolean(),
  to: z.enum(['device', 'user']),
  condition: z.unknown().nullable(),
  oncePerDays: z.int().nullable(),
  cancelledBy: z.array(z.string()),
  message: z.unknown(),
  warnings: z.array(z.string()),
  /** Why what was due was not sent; it is tried again each minute. Null when all is well. */
  lastFault: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
  /** Of all versions. */
  counts: triggerCountsSchema,
  /** Of variants by their names, over all messages and versions; null when it has none now. */
  experiment: experimentViewSchema.pick({ variants: true, control: true }).nullable(),
})
export type TriggerView = z.infer<typeof triggerSchema>
export type TriggerCounts = z.infer<typeof triggerCountsSchema>
