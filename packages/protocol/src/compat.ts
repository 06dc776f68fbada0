/**
 * The JSON 1.3 device protocol: requests travel as `{"request":{…}}`, answers as
 * `{"status_code","status_message","response"}`. Clients take HTTP 200 *and* status_code 200 for success.
 * Numbers arrive as strings from some clients (iOS sends `timezone` so), so those are coerced.
 */
import { z } from 'zod'
import {
  channelsSchema,
  hwidSchema,
  PERMISSIONS,
  type Permission,
  powerSchema,
  registrationErrorSchema,
} from './device.ts'
import { BADGE_MAX, EVENT_NAME_CHARACTERS, USER_ID_CHARACTERS } from './limits.ts'
import { compatReceiptEntrySchema, compatReceiptFields, RECEIPTS_PER_CALL } from './receipt.ts'
import { timeZoneOf } from './when.ts'

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
  if (typeof written !== 'string' || written.trim() === '') return undefined
  return written.slice(0, characters).replace(/[\uD800-\uDBFF]$/, '') // half a pair can't be stored
}

/** A number or one in words; `Number()` alone would also take null, true, lists and empty text for numbers. */
function readInteger(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return Number.isSafeInteger(number) ? (number as number) : undefined
}

function readIntegerBetween(value: unknown, min: number, max: number): number | undefined {
  const number = readInteger(value)
  return number !== undefined && number >= min && number <= max ? number : undefined
}

/** Beyond a day it is no offset. */
const TIMEZONE_SECONDS_MAX = 24 * 3600

function readTimezone(value: unknown): number | undefined {
  return readIntegerBetween(value, -TIMEZONE_SECONDS_MAX, TIMEZONE_SECONDS_MAX)
}

/** The numbers of `device_type` that this version serves. 20 is what some clients call any browser, 150 the former Edge. */
export const DEVICE_TYPES = {
  1: 'ios',
  3: 'android',
  7: 'macos',
  10: 'web',
  11: 'web',
  12: 'web',
  17: 'huawei',
  20: 'web',
  150: 'web',
} as const satisfies Record<number, string>

/** Of a type that is not served there are no addresses to take; all else of such a device works. */
function readServedType(value: unknown): number | undefined {
  const type = readInteger(value)
  return type !== undefined && type in DEVICE_TYPES ? type : undefined
}

const deviceType = z.preprocess(
  value => readInteger(value) ?? value,
  z.int('it is a number, as the protocol lists them'),
)

/**
 * Back ends with numeric ids pass them on as numbers. Beyond 2^53 JSON readers round them, and two people would become
 * one; text of any digits is fine.
 */
const userId = z.preprocess(
  value => (Number.isSafeInteger(value) ? String(value) : value),
  z.string('it is text, or a whole number of at most 15 digits').max(USER_ID_CHARACTERS),
)

const tags = z.record(z.string(), z.unknown())

const FLAGS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...[true, 1, '1', 'true'].map(it => [it, true] as const),
  ...[false, 0, '0', 'false'].map(it => [it, false] as const),
])

/** Anything but a yes or no counts as not said; Android says 1 and 0. */
const flag = z
  .unknown()
  .optional()
  .transform(value => FLAGS.get(value))

/** 1 badge, 2 sound, 4 alert, and further ones of later systems. */
const NOTIFICATION_TYPES_MAX = 0xffff

function readNotificationTypes(value: unknown): number | undefined {
  return readIntegerBetween(value, 0, NOTIFICATION_TYPES_MAX)
}

function readCountry(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z]{2}$/.test(value) ? value.toUpperCase() : undefined
}

function readTimeZoneName(value: unknown): string | undefined {
  return typeof value === 'string' ? timeZoneOf(value) : undefined
}

function readPermission(value: unknown): Permission | undefined {
  return PERMISSIONS.find(it => it === value)
}

const base = {
  application: z.string().min(1).max(64),
  hwid: hwidSchema,
  device_type: z.unknown().optional().transform(readServedType),
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
  /** The IANA name. */
  time_zone: z.unknown().optional().transform(readTimeZoneName),
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
  device_type: deviceType,
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
export const compatReceiptSchema = z.object({
  ...base,
  ...compatReceiptFields,
  hash: z.string().min(1).max(256),
})
/** Ours: receipts of any kind, several at once. */
export const compatReceiptsSchema = z.object({
  ...base,
  /** Of those that have none of their own. */
  age: compatReceiptFields.age,
  receipts: z.array(compatReceiptEntrySchema).min(1).max(RECEIPTS_PER_CALL),
})

/** By device or, without one, by user. */
export const compatGetTagsSchema = z.object({ ...base, hwid: base.hwid.optional() })

const badge = z.preprocess(value => readInteger(value) ?? value, z.int().min(0).max(BADGE_MAX))
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
  /** Without one there is no address to take. */
  device_type: deviceType.nullish().transform(it => it ?? undefined),
  name: text(128),
  description: text(1024),
  push_token: z.string().max(4096).nullish(),
  public_key: z.string().max(256).nullish(),
  auth_token: z.string().max(256).nullish(),
  application_server_key: z.string().max(256).nullish(),
  /** Ours: when the subscription ends by itself, ms since the epoch, as the browser gives it. */
  expiration_time: expirationTime,
})

/** `last_request_time` is not asked for: an answer holds all that a device may show, so it misses nothing. */
export const compatInboxSchema = z.object({
  ...base,
  /** 0 and nonsense: all. */
  count: z
    .unknown()
    .optional()
    .transform(value => readIntegerBetween(value, 1, 1000) ?? 0),
  last_code: text(32),
})
/** `inbox_code` is the message's `order`. `hash` names it as well, and is believed where it is ours. */
export const compatInboxStatusSchema = z.object({
  ...base,
  inbox_code: text(32),
  status: z.unknown().optional().transform(readInboxStatus),
  hash: text(256),
})

/** 1 delivered, 2 read, 3 opened, 4 deleted; 5 is the server's own, and a device that says it has it no more. */
function readInboxStatus(value: unknown): number | undefined {
  const status = readIntegerBetween(value, 1, 5)
  return status === undefined ? undefined : Math.min(4, status)
}

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

export interface CompatAnswer {
  readonly status_code: number
  readonly status_message: string
  readonly response: unknown
}
