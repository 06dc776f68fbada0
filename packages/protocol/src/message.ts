/** Messages: what a sender asks for, and what can be read of it while and after it is sent. */
import { z } from 'zod'
import { conditionSchema } from './condition.ts'
import { contentSchema } from './content.ts'
import { experimentSchema, experimentViewSchema } from './experiment.ts'
import { OWN_WORDS } from './field-fault.ts'
import { newInboxSchema } from './inbox.ts'
import {
  COLLAPSE_KEY_BYTES,
  HWID_CHARACTERS,
  NAMED_TARGETS,
  TTL_SECONDS_MAX,
  USER_ID_CHARACTERS,
} from './limits.ts'
import { pushAfterSecondsSchema, routeSchema } from './live-channel.ts'
import { remarkSchema } from './remark.ts'
import { messageRulesSchema, newMessageRulesSchema, sendRateSchema } from './rules.ts'
import { SEGMENT_NAME_CHARACTERS, segmentReachSchema } from './segment.ts'
import { bestHourSchema, localTimeSchema, slotSchema } from './when.ts'

const names = (characters: number) => z.array(z.string().min(1).max(characters)).min(1).max(NAMED_TARGETS)

const everybody = z.strictObject({ all: z.literal(true) })
const byCondition = z.strictObject({ condition: conditionSchema })
/** Its id, its code or its name; what is kept is its id. */
const bySegment = z.strictObject({ segment: z.string().trim().min(1).max(SEGMENT_NAME_CHARACTERS) })

const TARGETS = ['all', 'condition', 'segment', 'devices', 'users'] as const
type TargetName = (typeof TARGETS)[number]

/** A union of forms tells what is wrong with each of them, and not that only one may be there. */
function exactlyOneOf<Schema extends z.ZodType>(schema: Schema, names: readonly TargetName[]) {
  return z.preprocess((given, context) => {
    const fault = faultOfTarget(given, names)
    if (fault === undefined) return given
    context.addIssue({ code: 'custom', message: fault })
    return z.NEVER
  }, schema)
}

function faultOfTarget(given: unknown, names: readonly TargetName[]): string | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined
  const keys = Object.keys(given)
  const named = keys.filter(it => (names as readonly string[]).includes(it))
  if (named.length === 1) return undefined
  const has = named.length > 1 ? named : keys.slice(0, 5).map(it => it.slice(0, 40))
  const hint = keys.includes('expression')
    ? '; an expression is given as a segment, or as the condition that POST …/segments/compile makes of it'
    : ''
  return `exactly one of ${names.join(', ')}; it has ${has.join(', ') || 'none'}${hint}`
}

/** Of what recurs: devices and users come and go, so who is meant is asked anew with each run. Named ones can be brought along as a list. */
export const recurringTargetSchema = exactlyOneOf(z.union([everybody, byCondition, bySegment]), [
  'all',
  'condition',
  'segment',
])

const anyTarget = z.union([
  everybody,
  byCondition,
  bySegment,
  z.strictObject({ devices: names(HWID_CHARACTERS) }),
  z.strictObject({
    users: names(USER_ID_CHARACTERS),
    /** `latest`: of each user only the device whose app was opened or registered last, of those that can be reached. Default: all. */
    userDevices: z.enum(['all', 'latest']).optional(),
  }),
])
export const targetSchema = exactlyOneOf(anyTarget, TARGETS)
export type Target = z.infer<typeof targetSchema>

const LANE_NAMES = ['test', 'transactional', 'campaign'] as const

const collapseKey = z
  .string()
  .min(1)
  .refine(
    it => new TextEncoder().encode(it).byteLength <= COLLAPSE_KEY_BYTES,
    `at most ${COLLAPSE_KEY_BYTES} bytes (APNs refuses longer ones)`,
  )

/** Other years are mistakes, and some of them no database can give back. */
function isNearOurTime(text: string): boolean {
  const time = Date.parse(text)
  return time >= Date.UTC(2000, 0) && time < Date.UTC(2200, 0)
}

/** Statistics add up the messages that name the same. */
export const campaignSchema = z.string().trim().min(1).max(128)

export const newMessageSchema = z.strictObject({
  to: targetSchema,
  content: contentSchema,
  /** When to send; now when absent. */
  sendAt: z.iso.datetime({ offset: true }).refine(isNearOurTime, OWN_WORDS.time_far).optional(),
  /** Instead of `sendAt`: when the clock of each device shows a time. */
  localTime: localTimeSchema.optional(),
  /** Within 24 hours from `sendAt` on, at the hour at which each device has opened most. */
  bestHour: bestHourSchema.optional(),
  /** How long gateways may keep it for a device that is away; 0 = now or never; default 3 days. */
  ttlSeconds: z.int().min(0).max(TTL_SECONDS_MAX).optional(),
  priority: z.enum(['high', 'normal']).optional(),
  /** Deliveries a second, over all servers and gateways; as fast as gateways take them when absent. */
  sendRate: sendRateSchema.optional(),
  /** Quiet hours, caps and categories (docs/messages.md, "Rules"). */
  rules: newMessageRulesSchema.optional(),
  collapseKey: collapseKey.optional(),
  /** The road to a device whose app is open (docs/live-channel.md). Default `push`. */
  route: routeSchema.optional(),
  /** Of the routes `online-first` and `online-only`: how long the device has to acknowledge it. Default 10. */
  pushAfterSeconds: pushAfterSecondsSchema.optional(),
  /** Test and transactional messages never wait behind campaigns. Default: transactional for named devices and users, else campaign. */
  lane: z.enum(LANE_NAMES).optional(),
  idempotencyKey: z.string().min(1).max(256).optional(),
  /** Where it belongs, in the statistics. */
  campaign: campaignSchema.optional(),
  /** Keeps it readable in the inboxes of the whole audience, with and without permission or address. */
  inbox: newInboxSchema.optional(),
  /** Variants of its content, a control group, and what the rest gets (docs/messages.md, "A/B tests"). */
  experiment: experimentSchema.optional(),
})
export type NewMessage = z.infer<typeof newMessageSchema>

/** All of a message as it is to be from now on. */
export const editedMessageSchema = newMessageSchema.omit({ idempotencyKey: true })

export const dryRunSchema = z.object({
  /** Of the audience, step by step; estimates when `errorPercent` is above 0. */
  reach: segmentReachSchema,
  errorPercent: z.number(),
  /** Of the route `online-only`: so many of the audience are connected now, and nobody else gets it. Null of others. */
  connected: z.int().nullable(),
  /** Of what is the same for all of a language, at the gateways that the app has credentials for. */
  sizes: z.array(
    z.object({
      /** Of an experiment; each of them is there. */
      variant: z.string().optional(),
      gateway: z.string(),
      /** Null: of all other languages. */
      language: z.string().nullable(),
      bytes: z.int(),
      limit: z.int(),
    }),
  ),
  /** Some devices that have an address, and what it would come to for them by its content and its rules. */
  sample: z.array(
    z.object({
      /** Of an experiment: who gets which is decided by the message's id, so each device is looked at with each of them. */
      variant: z.string().optional(),
      hwid: z.string(),
      gateway: z.string(),
      /** `deferred`: its quiet hours are waited for. */
      outcome: z.enum(['sent', 'deferred', 'skipped', 'failed']),
      reason: z.string().nullable(),
      /** When it would be sent; null where it would not. */
      sendAt: z.string().nullable(),
      bytes: z.int().nullable(),
      /** As this device would show them; null where it shows none. */
      title: z.string().nullable(),
      body: z.string().nullable(),
    }),
  ),
  /** In English. */
  warnings: z.array(z.string()),
  /** The same with their values apart. */
  remarks: z.array(remarkSchema),
})
export type DryRun = z.infer<typeof dryRunSchema>

export const recallSchema = z.strictObject({
  /** Takes the place of what was shown; without it that is to go away. */
  content: contentSchema.optional(),
})

export const countsSchema = z.strictObject({
  targeted: z.int(),
  accepted: z.int(),
  dead: z.int(),
  /** Of `dead`: too many at once to be believed, so their addresses were not ended (docs/token-life.md). */
  deadHeld: z.int(),
  failed: z.int(),
  skipped: z.int(),
  uncertain: z.int(),
  /** So many times a gateway may have taken a delivery that it had taken before. They are in no other count. */
  possibleDuplicates: z.int(),
  delivered: z.int(),
  /** None of these yet: targeted = accepted + dead + failed + skipped + uncertain + pending, at any moment. */
  pending: z.int(),
  opened: z.int(),
})
export type MessageCounts = z.infer<typeof countsSchema>

export const MESSAGE_STATES = ['scheduled', 'sending', 'paused', 'done', 'cancelled'] as const
export type MessageState = (typeof MESSAGE_STATES)[number]

const AWAITED = ['clock', 'winner'] as const

export const messageSummarySchema = z.object({
  id: z.string(),
  createdAt: z.string(),
  /** When it was or is to be sent. */
  sendAt: z.string(),
  finishedAt: z.string().nullable(),
  state: z.enum(MESSAGE_STATES),
  title: z.string().nullable(),
  campaign: z.string().nullable(),
  counts: countsSchema,
  /** Neither sent nor given up: those that are pending, and those whose hour is to come, who are not targeted before. */
  waiting: z.int(),
  /**
   * What a part of it waits for besides: the `clock` of devices, by local time or best hour, or the `winner` of its experiment. Who
   * the rest of an experiment's audience are is found when that is known, so unless they were named they are in no number before.
   */
  awaits: z.array(z.enum(AWAITED)),
  /** Share of the addressed part of the base that has been worked off, 0 to 1. */
  progress: z.number(),
  /** Why a part of the message waits: a paused or missing credential. */
  held: z.array(z.object({ gateway: z.string(), reason: z.string() })),
})
export type MessageSummary = z.infer<typeof messageSummarySchema>

/** Whom a message is for, in few words. */
const AUDIENCE_KINDS = [
  'all',
  'condition',
  'segment',
  'list',
  'devices',
  'users',
  /** Those whose event has met a trigger. */
  'trigger',
  /** Those who got what is recalled. */
  'recall',
] as const
export const audienceSchema = z.object({
  kind: z.enum(AUDIENCE_KINDS),
  /** Of the segment, the list or the trigger, as it is now; null when that is gone. */
  name: z.string().nullable(),
  /** Of devices or users that were named. */
  count: z.int().nullable(),
})
export type AudienceView = z.infer<typeof audienceSchema>

export const listedMessageSchema = messageSummarySchema.extend({ audience: audienceSchema })
export type ListedMessage = z.infer<typeof listedMessageSchema>

export const messageSchema = listedMessageSchema.extend({
  /** What was said last of deliveries that wait for another try, such as a gateway that can't be reached: a sample. */
  retrying: z.array(z.object({ gateway: z.string(), reason: z.string() })),
  /** What was found when it was made, and did not keep it from being sent. */
  warnings: z.array(z.string()),
  /** The same with the values apart; empty of messages that an older release made. */
  remarks: z.array(remarkSchema),
  /** Null: one moment for all. */
  localTime: localTimeSchema.nullable(),
  bestHour: bestHourSchema.nullable(),
  /** The schedule that made it. */
  schedule: z.string().nullable(),
  /** Of a message by local time or best hour, since its sending began; the earliest first. */
  slots: z.array(slotSchema),
  to: z.unknown(),
  content: z.unknown(),
  ttlSeconds: z.int(),
  priority: z.enum(['high', 'normal']),
  lane: z.enum(LANE_NAMES),
  collapseKey: z.string().nullable(),
  sendRate: sendRateSchema.nullable(),
  route: routeSchema,
  /** Null: the default, or a route that waits for nothing. */
  pushAfterSeconds: pushAfterSecondsSchema.nullable(),
  rules: messageRulesSchema.nullable(),
  inbox: newInboxSchema.nullable(),
  /** Null when it has no variants. */
  experiment: experimentViewSchema.nullable(),
  /** Of a recall: the message that it recalls. */
  recalls: z.string().nullable(),
  recalledBy: z.string().nullable(),
})
export type MessageView = z.infer<typeof messageSchema>

export const exceptionSchema = z.object({
  outcome: z.string(),
  reason: z.string(),
  gateway: z.string().nullable(),
  count: z.int(),
})
