/**
 * The rules of a message in FCM's HTTP v1 API beyond its shape: target, data, ttl, labels and size.
 *
 * Source: Firebase, REST reference of projects.messages, and "About FCM messages" for the sizes. What the 4096 bytes
 * count is not spelled out; here it is the keys and values of `data` and of the notification that an Android app gets.
 */
import { type Condition, parseCondition } from './condition.ts'
import type { FcmRefusal } from './refusals.ts'
import { durationSeconds, type Fields, field, nested, text, violations } from './schema.ts'

const MAX_BYTES = 4096
const MAX_TOPIC_BYTES = 2048
const MAX_TTL_SECONDS = 2_419_200
const ANALYTICS_LABEL = /^[a-zA-Z0-9-_.~%]{1,50}$/
const COLOR = /^#[0-9a-fA-F]{6}$/
export const TOPIC_NAME = /^[a-zA-Z0-9-_.~%]{1,900}$/
const TARGETS = ['token', 'fid', 'topic', 'condition'] as const
const PARTS = ['android', 'webpush', 'apns']

export type FcmTarget =
  | { readonly kind: 'token' | 'fid' | 'topic'; readonly value: string }
  | { readonly kind: 'condition'; readonly value: string; readonly condition: Condition }

export type FcmPlatform = 'android' | 'ios' | 'web'

export interface FcmMessage {
  readonly target: FcmTarget
  readonly isDryRun: boolean
  /** What the app is handed on this platform. */
  payloadOn(platform: FcmPlatform): Fields
  readonly collapseKey: string | undefined
  /** May be replaced by a later one: it has a collapse key, or is a notification, whose key is the app. */
  readonly isCollapsible: boolean
  readonly ttlSeconds: number | undefined
  readonly restrictedPackageName: string | undefined
}

/** The message in a request body, or what is wrong with it. */
export function readMessage(body: Fields | undefined): FcmMessage | FcmRefusal {
  if (body === undefined) return badRequest('', 'Invalid JSON payload received.')
  const found = violations(body)
  if (found.length > 0) return { form: 'bad_request', violations: found }
  const message = nested(body, 'message')
  if (message === undefined) return badRequest('message', 'Message must be specified')
  const target = readTarget(message)
  if ('form' in target) return target
  const refusal =
    checkAllData(message) ??
    checkAndroid(nested(message, 'android')) ??
    checkLabels(message) ??
    checkLink(message)
  return (
    refusal ?? checkSize(message, target) ?? messageOf(message, target, field(body, 'validate_only') === true)
  )
}

export function isRefusal(result: FcmMessage | FcmRefusal): result is FcmRefusal {
  return 'form' in result
}

function messageOf(message: Fields, target: FcmTarget, isDryRun: boolean): FcmMessage {
  const android = nested(message, 'android')
  const collapseKey = text(android, 'collapse_key')
  return {
    target,
    isDryRun,
    payloadOn: platform => PAYLOADS[platform](message),
    collapseKey,
    isCollapsible: collapseKey !== undefined || androidNotification(message) !== undefined,
    ttlSeconds: durationSeconds(field(android, 'ttl')),
    restrictedPackageName: text(android, 'restricted_package_name'),
  }
}

const PAYLOADS = { android: androidPayload, ios: iosPayload, web: webPayload } as const

/** Its own part of `data` in place of the common one; of the notification, field by field. */
function androidPayload(message: Fields): Fields {
  const notification = androidNotification(message)
  return { ...androidData(message), ...(notification !== undefined && { notification }) }
}

function androidData(message: Fields): Fields {
  return nested(nested(message, 'android'), 'data') ?? nested(message, 'data') ?? {}
}

function androidNotification(message: Fields): Fields | undefined {
  const common = nested(message, 'notification')
  const own = nested(nested(message, 'android'), 'notification')
  return common === undefined && own === undefined ? undefined : { ...common, ...own }
}

function iosPayload(message: Fields): Fields {
  const payload = nested(nested(message, 'apns'), 'payload')
  const notification = nested(message, 'notification')
  const alert =
    notification === undefined ? undefined : { title: notification.title, body: notification.body }
  const aps = { ...(alert !== undefined && { alert }), ...nested(payload, 'aps') }
  return { ...nested(message, 'data'), ...payload, ...(Object.keys(aps).length > 0 && { aps }) }
}

function webPayload(message: Fields): Fields {
  const webpush = nested(message, 'webpush')
  const notification = nested(webpush, 'notification') ?? nested(message, 'notification')
  const data = nested(webpush, 'data') ?? nested(message, 'data')
  return { ...(data !== undefined && { data }), ...(notification !== undefined && { notification }) }
}

function readTarget(message: Fields): FcmTarget | FcmRefusal {
  const given = TARGETS.filter(name => text(message, name) !== undefined)
  const [kind, second] = given
  if (second !== undefined) {
    return badRequest(
      'message',
      `Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '${second}'`,
    )
  }
  if (kind === undefined) return invalidArgument('Recipient of the message is not set.')
  const value = text(message, kind) as string
  if (kind === 'condition') return readCondition(value)
  if (kind === 'topic' && !TOPIC_NAME.test(value)) return invalidArgument('Invalid topic name.')
  return { kind, value }
}

function readCondition(value: string): FcmTarget | FcmRefusal {
  const condition = parseCondition(value)
  return condition === undefined
    ? invalidArgument('Invalid condition expression provided.')
    : { kind: 'condition', value, condition }
}

function checkAllData(message: Fields): FcmRefusal | undefined {
  for (const part of [message, ...PARTS.map(name => nested(message, name))]) {
    const reserved = Object.keys(nested(part, 'data') ?? {}).find(isReserved)
    if (reserved !== undefined) return invalidArgument(`Invalid data payload key: ${reserved}`)
  }
  return undefined
}

function isReserved(key: string): boolean {
  return (
    key === 'from' ||
    key === 'message_type' ||
    key.startsWith('google.') ||
    key.startsWith('gcm.notification.')
  )
}

function checkAndroid(android: Fields | undefined): FcmRefusal | undefined {
  if ((durationSeconds(field(android, 'ttl')) ?? 0) > MAX_TTL_SECONDS)
    return invalidArgument('The TTL is out of range: 0s to 2419200s.')
  const color = text(nested(android, 'notification'), 'color')
  return color === undefined || COLOR.test(color)
    ? undefined
    : invalidArgument('Invalid color value specified: use #rrggbb.')
}

function checkLabels(message: Fields): FcmRefusal | undefined {
  for (const part of [message, ...PARTS.map(name => nested(message, name))]) {
    const label = text(nested(part, 'fcm_options'), 'analytics_label')
    if (label !== undefined && !ANALYTICS_LABEL.test(label))
      return invalidArgument('Invalid analytics label.')
  }
  return undefined
}

function checkLink(message: Fields): FcmRefusal | undefined {
  const link = text(nested(nested(message, 'webpush'), 'fcm_options'), 'link')
  return link === undefined || link.startsWith('https://')
    ? undefined
    : invalidArgument('The link of webpush.fcm_options must be an https URL.')
}

function checkSize(message: Fields, { kind }: FcmTarget): FcmRefusal | undefined {
  const limit = kind === 'topic' || kind === 'condition' ? MAX_TOPIC_BYTES : MAX_BYTES
  const sizes = [
    bytesOf(androidData(message)) + bytesOf(androidNotification(message) ?? {}),
    bytesOf(nested(message, 'data') ?? {}),
    bytesOf(nested(nested(message, 'webpush'), 'data') ?? {}),
    bytesOf(nested(nested(message, 'apns'), 'payload') ?? {}),
  ]
  return sizes.some(bytes => bytes > limit) ? invalidArgument('Message is too big') : undefined
}

/** Keys and values; a value that is not text counts as its JSON. */
function bytesOf(fields: Fields): number {
  let bytes = 0
  for (const [key, value] of Object.entries(fields))
    bytes +=
      Buffer.byteLength(key) + Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value))
  return bytes
}

function invalidArgument(description: string): FcmRefusal {
  return { form: 'invalid_argument', description }
}

function badRequest(path: string, description: string): FcmRefusal {
  return { form: 'bad_request', field: path, description }
}
