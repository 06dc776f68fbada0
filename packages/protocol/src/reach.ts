/** Reach of a message: how many came how far, where the others were lost, and why. */
import { z } from 'zod'
import { MENDERS, piecesSchema, RULE_IDS } from './diagnosis.ts'
import { HWID_CHARACTERS } from './limits.ts'
import { MESSAGE_STATES } from './message.ts'

/**
 * In their order. `audience`: who is meant. `with_address`: has ever had an address. `alive`: has one that is sent to. `permitted`: may
 * show something. `targeted`: was read when it was sent. `addressable`: still had an address then, and there was a credential for
 * it. `allowed`: no rule kept it. `rendered`: its content could be made for it. `answered`: its gateway has said something. `accepted`:
 * it took it. `received`, `opened`: the device told so.
 */
export const REACH_STEPS = [
  'audience',
  'with_address',
  'alive',
  'permitted',
  'targeted',
  'addressable',
  'allowed',
  'rendered',
  'answered',
  'accepted',
  'received',
  'opened',
] as const
export type ReachStep = (typeof REACH_STEPS)[number]

/** `now`: of the base as it is. `sent`: as it was booked. `told`: as far as devices tell. */
export const REACH_BASES = ['now', 'sent', 'told'] as const

const remedySchema = z.object({
  who: z.enum(MENDERS),
  steps: z.array(z.object({ key: z.string(), text: z.string() })),
})

/** A rule with what it is about and what to do. */
const causeSchema = z.object({ rule: z.enum(RULE_IDS), title: z.string(), remedy: remedySchema })

const reachStepSchema = z.object({
  step: z.enum(REACH_STEPS),
  title: z.string(),
  /** So many came so far. */
  count: z.int(),
  /** So many did not come from the step before to this one; null where the two are not counted alike. */
  lost: z.int().nullable(),
  basis: z.enum(REACH_BASES),
  /** Why all of them were lost who were not booked; null where that differs from device to device, and of what was booked. */
  cause: causeSchema.nullable(),
  /** Where those who were lost are listed; null where they can't be. */
  devices: z.string().nullable(),
})

/** Deliveries that ended, or wait, for the same reason. */
export const reachGroupSchema = z.object({
  rule: z.enum(RULE_IDS).nullable(),
  /** What the rule is about. */
  title: z.string(),
  /** The step that they did not come to. */
  step: z.enum(REACH_STEPS),
  outcome: z.string(),
  /** As it was booked; of a gateway its own word. */
  reason: z.string(),
  gateway: z.string().nullable(),
  count: z.int(),
  /** Of those that were targeted, 0 to 1. */
  share: z.number(),
  remedy: remedySchema,
})
export type ReachGroup = z.infer<typeof reachGroupSchema>

export const reachSchema = z.object({
  messageId: z.string(),
  state: z.enum(MESSAGE_STATES),
  /** Why the message as a whole is not being sent: paused, cancelled, not due; null when nothing stops it. */
  course: causeSchema.extend({ text: z.string(), pieces: piecesSchema }).nullable(),
  /** The language of the texts. */
  lang: z.string(),
  asOf: z.string(),
  /** Of the steps whose basis is `now`: 0 where they were counted. */
  errorPercent: z.number(),
  steps: z.array(reachStepSchema),
  /** Most frequent first. */
  groups: z.array(reachGroupSchema),
  /** Groups of one rule that are more than a fifth of all: one cause, and none of the devices'. */
  incidents: z.array(
    z.object({
      rule: z.enum(RULE_IDS),
      title: z.string(),
      count: z.int(),
      share: z.number(),
      remedy: reachGroupSchema.shape.remedy,
    }),
  ),
  /** Why a part of it waits: what its gateway refuses of a credential. */
  held: z.array(
    z.object({
      rule: z.enum(RULE_IDS).nullable(),
      title: z.string(),
      gateway: z.string(),
      reason: z.string(),
      remedy: reachGroupSchema.shape.remedy,
    }),
  ),
})
export type ReachView = z.infer<typeof reachSchema>

/** As "next" has it. */
const cursor = z.string().max(2 * HWID_CHARACTERS + 64)

export const reachQuerySchema = z.strictObject({ lang: z.string().min(2).max(200).optional() })
export const reachDevicesQuerySchema = z.strictObject({
  after: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** Of these alone; as a group has it. */
  reason: z.string().max(1024).optional(),
})

export const reachDevicesSchema = z.object({
  devices: z.array(
    z.object({
      hwid: z.string(),
      userId: z.string().nullable(),
      platform: z.string().nullable(),
      rule: z.enum(RULE_IDS).nullable(),
      /** Null where nothing was booked of it. */
      outcome: z.string().nullable(),
      reason: z.string().nullable(),
      gateway: z.string().nullable(),
      at: z.string().nullable(),
    }),
  ),
  /** For "after"; null when there are no more. A page may be short, or empty, and have one: only so much is looked through at once. */
  next: z.string().nullable(),
})
export type ReachDevices = z.infer<typeof reachDevicesSchema>
