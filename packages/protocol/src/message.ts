/** Messages: what a sender asks for, and what can be read of it while and after it is sent. */
import { z } from 'zod'
import { conditionSchema } from './condition.ts'
import { contentSchema } from './content.ts'
import { newInboxSchema } from './inbox.ts'
import {
  COLLAPSE_KEY_BYTES,
  HWID_CHARACTERS,
  NAMED_TARGETS,
  TTL_SECONDS_MAX,
  USER_ID_CHARACTERS,
} from './limits.ts'
import { messageRulesSchema, sendRateSchema } from './rules.ts'

const names = (characters: number) => z.array(z.string().min(1).max(characters)).min(1).max(NAMED_TARGETS)

export const targetSchema = z.union([
  z.strictObject({ all: z.literal(true) }),
  z.strictObject({ condition: conditionSchema }),
  z.strictObject({ segment: z.uuid().toLowerCase() }),
  z.strictObject({ devices: names(HWID_CHARACTERS) }),
  z.strictObject({
    users: names(USER_ID_CHARACTERS),
    /** `latest`: of each user only the device whose app was opened or registered last, of those that can be reached. Default: all. */
    userDevices: z.enum(['all', 'latest']).optional(),
  }),
])
export type Target = z.infer<typeof targetSchema>

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

export const newMessageSchema = z.strictObject({
  to: targetSchema,
  content: contentSchema,
  /** When to send; now when absent. */
  sendAt: z.iso
    .datetime({ offset: true })
    .refine(isNearOurTime, 'a time between the years 2000 and 2200')
    .optional(),
  /** How long gateways may keep it for a device that is away; 0 = now or never; default 3 days. */
  ttlSeconds: z.int().min(0).max(TTL_SECONDS_MAX).optional(),
  priority: z.enum(['high', 'normal']).optional(),
  /** Deliveries a second, over all servers and gateways; as fast as gateways take them when absent. */
  sendRate: sendRateSchema.optional(),
  /** Quiet hours, caps and categories (docs/messages.md, "Rules"). */
  rules: messageRulesSchema.optional(),
  collapseKey: collapseKey.optional(),
  /** Test and transactional messages never wait behind campaigns. Default: transactional for named devices and users, else campaign. */
  lane: z.enum(['test', 'transactional', 'campaign']).optional(),
  idempotencyKey: z.string().min(1).max(256).optional(),
  /** Keeps it readable in the inboxes of the whole audience, with and without permission or address. */
  inbox: newInboxSchema.optional(),
})
export type NewMessage = z.infer<typeof newMessageSchema>

export const countsSchema = z.strictObject({
  targeted: z.int(),
  accepted: z.int(),
  dead: z.int(),
  /** Of `dead`: too many at once to be believed, so their addresses were not ended (docs/token-life.md). */
  deadHeld: z.int(),
  failed: z.int(),
  skipped: z.int(),
  uncertain: z.int(),
  delivered: z.int(),
  /** None of these yet: targeted = accepted + dead + failed + skipped + uncertain + pending, at any moment. */
  pending: z.int(),
  opened: z.int(),
})
export type MessageCounts = z.infer<typeof countsSchema>

export const MESSAGE_STATES = ['scheduled', 'sending', 'paused', 'done', 'cancelled'] as const
export type MessageState = (typeof MESSAGE_STATES)[number]

export const messageSummarySchema = z.object({
  id: z.string(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
  state: z.enum(MESSAGE_STATES),
  title: z.string().nullable(),
  counts: countsSchema,
  /** Waiting for another try, or for a credential: neither sent nor given up. */
  waiting: z.int(),
  /** Share of the addressed part of the base that has been worked off, 0 to 1. */
  progress: z.number(),
  /** Why a part of the message waits: a paused or missing credential. */
  held: z.array(z.object({ gateway: z.string(), reason: z.string() })),
})
export type MessageSummary = z.infer<typeof messageSummarySchema>

export const messageSchema = messageSummarySchema.extend({
  /** What was said last of deliveries that wait for another try, such as a gateway that can't be reached: a sample. */
  retrying: z.array(z.object({ gateway: z.string(), reason: z.string() })),
  /** What was found when it was made, and did not keep it from being sent. */
  warnings: z.array(z.string()),
  to: z.unknown(),
  content: z.unknown(),
})
export type MessageView = z.infer<typeof messageSchema>

export const exceptionSchema = z.object({
  outcome: z.string(),
  reason: z.string(),
  gateway: z.string().nullable(),
  count: z.int(),
})
