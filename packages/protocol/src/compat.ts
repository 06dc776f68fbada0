/**
 * The JSON 1.3 device protocol: requests travel as `{"request":{…}}`, answers as
 * `{"status_code","status_message","response"}`. Clients take HTTP 200 *and* status_code 200 for success.
 * Numbers arrive as strings from some clients (iOS sends `timezone` so), so those are coerced.
 */
import { z } from 'zod'
import {
  channelsSchema,
  PERMISSIONS,
  type Permission,
  powerSchema,
  registrationErrorSchema,
} from './device.ts'
import { EVENT_NAME_CHARACTERS, HWID_CHARACTERS, USER_ID_CHARACTERS } from './limits.ts'

/**
 * What only decorates a device never costs it its registration: too long is cut, numbers become text, anything else
 * counts as not said.
 */
const text = (characters: number) =>
  z
    .unknown()
    .optional()
    .transform(value => readText(value, characters))

function readText(value: unknown, characters: number): string | undefined {
  const written = typeof value === 'number' ? String(value) : value
  if (typeof written !== 'string') return undefined
  return written.slice(0, characters).replace(/[\uD800-\uDBFF]$/, '') // half a pair can't be stored
}

/** Beyond a day it is no offset. */
const TIMEZONE_SECONDS_MAX = 24 * 3600

function readTimezone(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  const isOffset = Number.isInteger(seconds) && Math.abs(seconds as number) <= TIMEZONE_SECONDS_MAX
  return isOffset ? (seconds as number) : undefined
}

/** Back ends with numeric ids pass them on as numbers. */
const userId = z.preprocess(
  value => (typeof value === 'number' ? String(value) : value),
  z.string().max(USER_ID_CHARACTERS),
)

const tags = z.record(z.string(), z.unknown())

/** Anything but a yes or no counts as not said; Android says 1 and 0. */
const flag = z
  .unknown()
  .optional()
  .transform(value =>
    value === true || value === 1 ? true : value === false || value === 0 ? false : undefined,
  )

/** 1 badge, 2 sound, 4 alert, and further ones of later systems. */
const NOTIFICATION_TYPES_MAX = 0xffff

function readNotificationTypes(value: unknown): number | undefined {
  const bits = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  const areBits =
    Number.isInteger(bits) && (bits as number) >= 0 && (bits as number) <= NOTIFICATION_TYPES_MAX
  return areBits ? (bits as number) : undefined
}

function readCountry(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z]{2}$/.test(value) ? value.toUpperCase() : undefined
}

function readPermission(value: unknown): Permission | undefined {
  return PERMISSIONS.find(it => it === value)
}

const base = {
  application: z.string().min(1).max(64),
  hwid: z.string().min(1).max(HWID_CHARACTERS),
  device_type: z.coerce.number().int().optional(),
  userId: userId.nullish(),
  language: text(35),
  timezone: z.unknown().optional().transform(readTimezone),
  app_version: text(64),
  os_version: text(64),
  device_model: text(128),
  /** The version of the SDK, as all clients call it. */
  v: text(64),
  /** Two letters; no client of the protocol says it, ours may. */
  country: z.unknown().optional().transform(readCountry),
  package: text(255),
  android_package: text(255),
  bundle_id: text(255),
  gateway: text(32),
  notificationTypes: z.unknown().optional().transform(readNotificationTypes),
  push_alerts_enabled: flag,
  time_sensitive_notifications: flag,
  scheduled_summary: flag,
  /** Ours, as all below: what the system says of notifications, in one word. */
  permission: z.unknown().optional().transform(readPermission),
  /** Of the extension or service worker that receives pushes; it may lag behind the app. */
  extension_version: text(64),
  channels: channelsSchema.optional().catch(undefined),
  registration_error: registrationErrorSchema.nullish().catch(undefined),
  power: powerSchema.optional().catch(undefined),
}

/** Anything but a time of this millennium counts as not said. */
const EXPIRATION_MAX = Date.UTC(3000, 0)
const expirationTime = z
  .unknown()
  .optional()
  .transform(value => (isTime(value) ? value : undefined))

function isTime(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < EXPIRATION_MAX
}

/**
 * Ours: a number that grows with each call of a device whose order counts, so that one which was held up on its way
 * can't undo a later one. A device that sends none, or nonsense, is served in the order of arrival.
 */
const clientSeq = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).nullish().catch(null)

export const compatBaseSchema = z.object(base)
export type CompatBase = z.infer<typeof compatBaseSchema>

export const compatUnregisterSchema = z.object({ ...base, client_seq: clientSeq })

export const compatRegisterSchema = z.object({
  ...base,
  device_type: z.coerce.number().int(),
  push_token: z.string().max(4096).nullish(),
  voip_push_token: z.string().max(4096).nullish(),
  public_key: z.string().max(256).nullish(),
  auth_token: z.string().max(256).nullish(),
  /** Ours: the VAPID public key that a web subscription was made with. */
  application_server_key: z.string().max(256).nullish(),
  /** Ours: when the subscription ends by itself, ms since the epoch, as the browser gives it. */
  expiration_time: expirationTime,
  tags: tags.nullish().catch(null),
  client_seq: clientSeq,
})
export type CompatRegister = z.infer<typeof compatRegisterSchema>

export const compatSetTagsSchema = z.object({ ...base, tags })
export const compatRegisterUserSchema = z.object({
  ...base,
  userId: userId.refine(it => it !== '', 'it must name somebody'),
  client_seq: clientSeq,
})
export const compatReceiptSchema = z.object({ ...base, hash: z.string().min(1).max(256) })

/** By device or, without one, by user. */
export const compatGetTagsSchema = z.object({ ...base, hwid: base.hwid.optional() })

const BADGE_MAX = 99_999
const badge = z.coerce.number().int().min(0).max(BADGE_MAX)
/** `badges` is what some back ends call it. */
export const compatSetBadgeSchema = z
  .object({ ...base, badge: badge.optional(), badges: badge.optional() })
  .refine(it => it.badge !== undefined || it.badges !== undefined, {
    message: 'it is missing',
    path: ['badge'],
  })

export const compatMergeUserSchema = z.object({
  ...base,
  oldUserId: userId.refine(it => it !== '', 'it must name somebody'),
  newUserId: userId.refine(it => it !== '', 'it must name somebody'),
  merge: flag,
})

export const compatEventSchema = z.object({
  ...base,
  event: z.string().min(1).max(EVENT_NAME_CHARACTERS),
  attributes: z.record(z.string(), z.unknown()).nullish().catch(null),
  timestampUTC: z.unknown().optional(),
})

export const compatTestDeviceSchema = z.object({
  ...base,
  name: text(128),
  description: text(1024),
  push_token: z.string().max(4096).nullish(),
  public_key: z.string().max(256).nullish(),
  auth_token: z.string().max(256).nullish(),
  application_server_key: z.string().max(256).nullish(),
  /** Ours: when the subscription ends by itself, ms since the epoch, as the browser gives it. */
  expiration_time: expirationTime,
})

/** An empty token takes the address back. */
export const compatActivityTokenSchema = z.object({
  ...base,
  activity_id: z.string().min(1).max(128),
  activity_token: z.string().max(4096).nullish(),
})
export const compatActivityStartTokenSchema = z.object({
  ...base,
  activity_push_to_start_token: z.string().max(4096).nullish(),
})

/** The numbers of `device_type` that this version serves. */
export const DEVICE_TYPES = {
  1: 'ios',
  3: 'android',
  7: 'macos',
  10: 'web',
  11: 'web',
  12: 'web',
  17: 'huawei',
} as const satisfies Record<number, string>

export interface CompatAnswer {
  readonly status_code: number
  readonly status_message: string
  readonly response: unknown
}
