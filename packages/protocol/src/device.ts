/** Devices as REST shows them. */
import { z } from 'zod'
import {
  BADGE_MAX,
  CHANNELS_PER_DEVICE,
  EVENT_NAME_CHARACTERS,
  HWID_CHARACTERS,
  USER_ID_CHARACTERS,
} from './limits.ts'
import { selfCheckSchema } from './self-check.ts'
import { timeZoneSchema } from './when.ts'

export const PLATFORMS = ['ios', 'macos', 'android', 'huawei', 'web'] as const
export type Platform = (typeof PLATFORMS)[number]

/** What clients write when they have none: devices that share a name would get each other's pushes. */
const NOBODYS_HWIDS: ReadonlySet<string> = new Set([
  'null',
  'undefined',
  '(null)',
  'nil',
  '00000000-0000-0000-0000-000000000000',
])

/** Of a device that may come to be. */
export const hwidSchema = z
  .string()
  .min(1)
  .max(HWID_CHARACTERS)
  .refine(it => !NOBODYS_HWIDS.has(it.toLowerCase()), 'it names no single device')

export const PROVIDERS = ['apns', 'fcm', 'webpush', 'hms'] as const
export type Provider = (typeof PROVIDERS)[number]

/** `active` and `suspect` addresses are sent to; the others wait for the device to register again. */
export const ADDRESS_STATES = ['active', 'suspect', 'dead', 'superseded', 'moved', 'quarantined'] as const
export type AddressState = (typeof ADDRESS_STATES)[number]

export const addressSchema = z.object({
  kind: z.string(),
  provider: z.enum(PROVIDERS),
  environment: z.string().nullable(),
  state: z.enum(ADDRESS_STATES),
  reason: z.string().nullable(),
  since: z.string(),
  generation: z.int(),
  addressEnd: z.string(),
})
export type AddressView = z.infer<typeof addressSchema>

/**
 * What the system says of notifications. `provisional` and `ephemeral` are Apple's: shown without a sound, and for the
 * time of an app clip. With `denied` and `not_determined` nothing would be shown, so nothing is sent (R26).
 */
export const PERMISSIONS = ['granted', 'provisional', 'ephemeral', 'denied', 'not_determined'] as const
export type Permission = (typeof PERMISSIONS)[number]

/** Android's notification channels: a person can turn off each of them alone. */
export const channelsSchema = z
  .array(
    z.object({
      id: z.string().min(1).max(255),
      isEnabled: z.boolean(),
      /** 0 none, 1 min, 2 low, 3 default, 4 high. */
      importance: z.int().min(0).max(5).optional(),
    }),
  )
  .max(CHANNELS_PER_DEVICE)

/** Why the device got no token from its system. */
export const registrationErrorSchema = z.object({
  code: z.string().min(1).max(64),
  message: z.string().max(512).optional(),
})

/** What keeps the system from waking the app for a push. */
export const powerSchema = z.object({
  isLowPower: z.boolean().optional(),
  isBackgroundRestricted: z.boolean().optional(),
  /** Android's standby bucket: active, working_set, frequent, rare, restricted. */
  standby: z.string().max(32).optional(),
})

/** The parts of the permission, as far as the device says them. */
export const permissionPartsSchema = z.object({
  alert: z.boolean().optional(),
  sound: z.boolean().optional(),
  badge: z.boolean().optional(),
  timeSensitive: z.boolean().optional(),
  scheduledSummary: z.boolean().optional(),
})

/** What a device says of itself besides what conditions ask for. What it does not say stays as it was. */
export const deviceRecordSchema = z.object({
  environment: z.string().optional(),
  bundleId: z.string().optional(),
  country: z.string().optional(),
  /** The IANA name; it counts as long as the offset that the device tells is one of that zone's. */
  timeZone: z.string().optional(),
  sdkVersion: z.string().optional(),
  extensionVersion: z.string().optional(),
  permissionParts: permissionPartsSchema.optional(),
  channels: channelsSchema.optional(),
  registrationError: registrationErrorSchema.extend({ at: z.string() }).nullish(),
  power: powerSchema.optional(),
  badge: z.int().optional(),
})
export type DeviceRecord = z.infer<typeof deviceRecordSchema>

export const deviceSchema = z.object({
  hwid: z.string(),
  /** Null until the device says it. */
  platform: z.enum(PLATFORMS).nullable(),
  userId: z.string().nullable(),
  tags: z.record(z.string(), z.unknown()),
  language: z.string().nullable(),
  appVersion: z.string().nullable(),
  osVersion: z.string().nullable(),
  deviceModel: z.string().nullable(),
  timezoneSeconds: z.int().nullable(),
  /** Null until the device says it. */
  permission: z.enum(PERMISSIONS).nullable(),
  /** R26: its permission says so; an address that it has is kept and not sent to. */
  isOptedOut: z.boolean(),
  isTestDevice: z.boolean(),
  record: deviceRecordSchema,
  /** What the server knows of it, under the names that clients know these tags by. */
  defaultTags: z.record(z.string(), z.unknown()),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
  lastOpenAt: z.string().nullable(),
  addresses: z.array(addressSchema),
})
export type DeviceView = z.infer<typeof deviceSchema>

export const deviceSummarySchema = z.object({
  hwid: z.string(),
  /** Null until the device says it. */
  platform: z.enum(PLATFORMS).nullable(),
  deviceModel: z.string().nullable(),
  userId: z.string().nullable(),
  state: z.string(),
  reason: z.string().nullable(),
  lastSeenAt: z.string(),
})
export type DeviceSummary = z.infer<typeof deviceSummarySchema>

export const ledgerEntrySchema = z.object({
  at: z.string(),
  event: z.string(),
  reason: z.string().nullable(),
  provider: z.enum(PROVIDERS),
  environment: z.string().nullable(),
  kind: z.string(),
  addressEnd: z.string(),
  generation: z.int(),
  evidence: z.unknown(),
})
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>

/** Beyond a day it is no offset. */
const TIMEZONE_SECONDS_MAX = 24 * 3600
const TOKEN_CHARACTERS = 4096

/** What a back end says of a device. What it leaves out stays as it was. */
const said = {
  /** null: nobody is logged in any more (R25). */
  userId: z.string().min(1).max(USER_ID_CHARACTERS).nullable().optional(),
  language: z.string().min(1).max(35).optional(),
  timezoneSeconds: z.int().min(-TIMEZONE_SECONDS_MAX).max(TIMEZONE_SECONDS_MAX).optional(),
  /** With a name its clock is known also after the next change of clocks. */
  timeZone: timeZoneSchema.optional(),
  appVersion: z.string().min(1).max(64).optional(),
  osVersion: z.string().min(1).max(64).optional(),
  deviceModel: z.string().min(1).max(128).optional(),
  permission: z.enum(PERMISSIONS).optional(),
  permissionParts: permissionPartsSchema.optional(),
  bundleId: z.string().min(1).max(255).optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'two capital letters')
    .optional(),
  sdkVersion: z.string().min(1).max(64).optional(),
  extensionVersion: z.string().min(1).max(64).optional(),
  channels: channelsSchema.optional(),
  /** null: it has none any more. */
  registrationError: registrationErrorSchema.nullable().optional(),
  power: powerSchema.optional(),
  badge: z.int().min(0).max(BADGE_MAX).optional(),
  /** A value sets, null clears, `{"operation":"increment"|"append"|"remove","value"}` changes what is there. */
  tags: z.record(z.string(), z.unknown()).optional(),
}

const environment = z.enum(['production', 'sandbox'])

const IS_APPLES: ReadonlySet<Platform> = new Set(['ios', 'macos'])

const registrationSchema = z.strictObject({
  ...said,
  platform: z.enum(PLATFORMS),
  /** As the platform gave it; of a browser the endpoint. Without one the device is stored alone. */
  pushToken: z.string().min(1).max(TOKEN_CHARACTERS).optional(),
  /** Of Apple's devices: for calls (PushKit). */
  voipToken: z.string().min(1).max(TOKEN_CHARACTERS).optional(),
  /** Of Apple's devices; production when absent. */
  environment: environment.optional(),
  /** Of a browser's subscription. */
  keys: z.strictObject({ p256dh: z.string().max(256), auth: z.string().max(256) }).optional(),
  /** The VAPID public key that a browser subscribed with; the app's newest one when absent. */
  applicationServerKey: z.string().max(256).optional(),
})
export const deviceRegistrationSchema = registrationSchema
  .refine(it => it.voipToken === undefined || IS_APPLES.has(it.platform), {
    message: 'only ios and macos have one',
    path: ['voipToken'],
  })
  .refine(it => it.keys === undefined || it.platform === 'web', {
    message: 'only web has them',
    path: ['keys'],
  })
export type DeviceRegistrationInput = z.infer<typeof deviceRegistrationSchema>

export const devicePatchSchema = z.strictObject(said)
export type DevicePatch = z.infer<typeof devicePatchSchema>

export const skippedTagsSchema = z.array(z.object({ tag: z.string(), reason: z.string() }))

export const newEventSchema = z.strictObject({
  name: z.string().min(1).max(EVENT_NAME_CHARACTERS),
  attributes: z.record(z.string(), z.unknown()).optional(),
})

export const deviceEventSchema = z.object({
  name: z.string(),
  count: z.int(),
  firstAt: z.string(),
  lastAt: z.string(),
  /** Of the last one. */
  attributes: z.record(z.string(), z.unknown()).nullable(),
})

export const activityTokenSchema = z.strictObject({
  token: z.string().min(1).max(TOKEN_CHARACTERS),
  environment: environment.optional(),
})

export const newTestDeviceSchema = z.strictObject({
  hwid: z.string().min(1).max(HWID_CHARACTERS),
  name: z.string().trim().min(1).max(128),
  description: z.string().max(1024).optional(),
})

export const testDeviceSchema = z.object({
  hwid: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  createdAt: z.string(),
  /** The latest that its app has handed in. */
  selfCheck: selfCheckSchema.nullable(),
})

export const userSchema = z.object({
  userId: z.string(),
  devices: z.array(deviceSummarySchema),
  /** There are more than are told. */
  hasMore: z.boolean(),
})
