/** The push tester: one notification with a stored or an ad-hoc credential to any address, and the exchange as it went. */
import { z } from 'zod'
import {
  apnsOptionsShape,
  fcmOptionsShape,
  hmsOptionsShape,
  plainContentShape,
  webPushOptionsShape,
  withoutDeviceRoots,
} from './content.ts'
import { ENVIRONMENTS, newCredentialSchema } from './credential.ts'
import { PROVIDERS } from './device.ts'
import { COLLAPSE_KEY_BYTES, HWID_CHARACTERS, TTL_SECONDS_MAX } from './limits.ts'

/** Longer than any gateway's; an endpoint may be longer than a token. */
const TOKEN_CHARACTERS = 4096

/** Types that tell how the app shows it; each wants another kind of token or another shape. */
const PUSH_TYPES = [
  'alert',
  'background',
  'voip',
  'complication',
  'fileprovider',
  'mdm',
  'location',
  'liveactivity',
  'pushtotalk',
  'widgets',
  'controls',
] as const

/** Of these a token of another kind wants its own. */
const apnsOptions = z.strictObject({ ...apnsOptionsShape, pushType: z.enum(PUSH_TYPES).optional() })
const fcmOptions = z.strictObject({
  ...fcmOptionsShape,
  data: withoutDeviceRoots(z.record(z.string(), z.string())).optional(),
})
const webPushOptions = z.strictObject(webPushOptionsShape)
const hmsOptions = z.strictObject(hmsOptionsShape)

/** Content as of a message, and beside it what one gateway alone knows. Nothing in it: a silent push. */
export const testNotificationSchema = z.strictObject({
  ...plainContentShape,
  ttlSeconds: z.int().min(0).max(TTL_SECONDS_MAX).optional(),
  priority: z.enum(['high', 'normal']).optional(),
  collapseKey: z
    .string()
    .min(1)
    .refine(it => new TextEncoder().encode(it).byteLength <= COLLAPSE_KEY_BYTES, 'at most 64 bytes')
    .optional(),
  apns: apnsOptions.optional(),
  fcm: fcmOptions.optional(),
  webPush: webPushOptions.optional(),
  hms: hmsOptions.optional(),
})
export type TestNotification = z.infer<typeof testNotificationSchema>

const subscriptionSchema = z.strictObject({
  endpoint: z.string().min(1).max(TOKEN_CHARACTERS),
  p256dh: z.string().max(256),
  auth: z.string().max(256),
})

const addressSchema = z.union([
  z.strictObject({
    provider: z.enum(PROVIDERS),
    token: z.string().min(1).max(TOKEN_CHARACTERS).optional(),
    subscription: subscriptionSchema.optional(),
    /** APNs; default production. */
    environment: z.enum(ENVIRONMENTS).optional(),
    /** Of an APNs token: a voip token takes voip pushes. Default alert. */
    kind: z.enum(['alert', 'voip', 'liveactivity']).optional(),
  }),
  /** A device of the app: its address at the credential's gateway, the one that is sent to first. */
  z.strictObject({ hwid: z.string().min(1).max(HWID_CHARACTERS) }),
])
export type TestAddress = z.infer<typeof addressSchema>

export const newPushTestSchema = z.strictObject({
  credential: z.union([
    z.strictObject({ id: z.uuid() }),
    /** Used for this one push and never stored. */
    z.strictObject({ inline: newCredentialSchema }),
  ]),
  address: addressSchema,
  notification: testNotificationSchema.default({}),
  /** The gateway checks and delivers nothing, where it can (FCM, HMS). */
  validateOnly: z.boolean().default(false),
})
export type NewPushTest = z.infer<typeof newPushTestSchema>

const headersSchema = z.record(z.string(), z.string())

/** One request as it was sent, secrets cut, and what came back: `response` or `failure`. */
export const exchangeSchema = z.object({
  request: z.object({
    method: z.string(),
    url: z.string(),
    headers: headersSchema,
    body: z.string(),
    hasClientCertificate: z.boolean(),
  }),
  response: z.object({ status: z.int(), headers: headersSchema, body: z.string() }).nullable(),
  failure: z
    .object({ kind: z.enum(['not_sent', 'uncertain']), reason: z.string(), goaway: z.string().optional() })
    .nullable(),
  latencyMs: z.number(),
})
export type ExchangeView = z.infer<typeof exchangeSchema>

export const TEST_OUTCOMES = [
  'accepted',
  'address_dead',
  'address_mismatch',
  'message_fault',
  'credential_fault',
  'retry',
  'not_sent',
  'uncertain',
] as const
export type TestOutcomeKind = (typeof TEST_OUTCOMES)[number]

export const pushTestResultSchema = z.object({
  /** The `apns-id` at Apple; what the gateway calls it is `outcome.gatewayMessageId`. */
  deliveryId: z.string(),
  gateway: z.enum(PROVIDERS),
  environment: z.enum(ENVIRONMENTS).nullable(),
  outcome: z.object({
    kind: z.enum(TEST_OUTCOMES),
    reason: z.string().nullable(),
    gatewayMessageId: z.string().nullable(),
    /** Since when the address is gone, by the gateway. */
    since: z.string().nullable(),
    /** What must wait. */
    scope: z.string().nullable(),
    afterMs: z.number().nullable(),
    /** The only part of the credential's work that the refusal stops. */
    part: z.string().nullable(),
  }),
  meaning: z.string(),
  /** What to do next. */
  remedy: z.string(),
  /** Of the stored credential, such as that it is paused although it works. */
  hint: z.string().nullable(),
  exchanges: z.array(exchangeSchema),
})
export type PushTestResult = z.infer<typeof pushTestResultSchema>
