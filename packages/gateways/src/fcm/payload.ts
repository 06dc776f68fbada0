/**
 * Notification → FCM HTTP v1 message, as an Android **data** message: the app's own library shows it, and its
 * receipts know the hash. What the sender gave in Google's own words goes over it; with a notification in them the system shows it.
 * Source: Firebase, "REST Resource: projects.messages".
 */

import { androidDataOf, tagOf } from '../android-data.ts'
import { isObject } from '../answer.ts'
import { mergeOver } from '../merge.ts'
import type { Made } from '../mold.ts'
import type { Notification } from '../notification.ts'
import { compact, describeOversize } from '../payload-size.ts'
import { describeFault } from './checks.ts'
import type { FcmOptions } from './options.ts'
import { MAX_PAYLOAD_BYTES, MAX_TOPIC_PAYLOAD_BYTES, MAX_TTL_SECONDS } from './settings.ts'
import type { FcmTarget } from './target.ts'

export type FcmPayload =
  | {
      readonly ok: true
      /** The message without its target, as JSON: the same for all who get the same. */
      readonly content: string
      /** Hardly anybody else gets it. */
      readonly isPersonal: boolean
    }
  | { readonly ok: false; readonly reason: string }

type Fields = Record<string, unknown>

export function buildPayload(notification: Notification, isDevice: boolean): FcmPayload {
  const data = androidDataOf(notification)
  const common = { data, android: androidOf(notification) }
  const message = notification.fcm === undefined ? common : withOwn(common, notification, notification.fcm)
  const limit = isDevice ? MAX_PAYLOAD_BYTES : MAX_TOPIC_PAYLOAD_BYTES
  const reason = describeFault(message) ?? sizeFault(message, limit)
  return reason === undefined
    ? { ok: true, content: JSON.stringify(message), isPersonal: false }
    : { ok: false, reason }
}

function withOwn(common: Fields, notification: Notification, own: FcmOptions): Fields {
  return withTag(mergeOver(common, inSnakeCase(own)), tagOf(notification))
}

/** The system looks into no data: what it shows replaces by a tag of its own. The sender's goes before it, and `null` is none. */
function withTag(message: Fields, tag: string): Fields {
  const { notification, android = {} } = message
  const shown = isObject(android) ? (android.notification ?? notification) : undefined
  const own = partOf(message, 'android').notification ?? {}
  if (shown === undefined || !isObject(own) || 'tag' in own) return message
  return { ...message, android: { ...partOf(message, 'android'), notification: { ...own, tag } } }
}

/** Undefined where something is wrong with it. */
export function moldPayload(marked: Notification): Made<undefined> | undefined {
  const built = buildPayload(marked, true)
  return built.ok ? { json: built.content, shared: undefined } : undefined
}

/** Undefined when the words may be too long, which has to be counted in full: the limit counts less than all of the JSON. */
export function payloadOfMold({ json }: Made<undefined>): FcmPayload | undefined {
  const isShort = json.length <= MAX_PAYLOAD_BYTES / 3 || Buffer.byteLength(json) <= MAX_PAYLOAD_BYTES
  return isShort ? { ok: true, content: json, isPersonal: true } : undefined
}

/** The request's body. `content` is never empty: a message has data at least. */
export function bodyFor({ field, value }: FcmTarget, content: string, validateOnly: boolean): Buffer {
  const head = validateOnly ? '{"validate_only":true,"message":{' : '{"message":{'
  return Buffer.from(`${head}"${field}":${JSON.stringify(value)},${content.slice(1)}}`)
}

function androidOf({ priority, ttlSeconds, collapseKey }: Notification): Record<string, string> {
  const ttl = Math.min(Math.max(0, Math.floor(ttlSeconds)), MAX_TTL_SECONDS)
  return compact({
    priority: priority === 'high' ? 'HIGH' : 'NORMAL',
    ttl: `${ttl}s`,
    collapse_key: collapseKey || undefined,
  })
}

/**
 * Google takes both spellings of a name, but not twice the same field. Keys of data, headers and payloads stay as they
 * are, and so does a notification for browsers, which is in the browsers' own words.
 */
function inSnakeCase({ fcmOptions, android, apns, webpush, ...parts }: FcmOptions): Fields {
  return {
    ...parts,
    fcm_options: snakeKeys(fcmOptions),
    android: snakePart(android, ['notification', 'fcm_options']),
    apns: snakePart(apns, ['fcm_options']),
    webpush: snakePart(webpush, ['fcm_options']),
  }
}

function snakePart(part: unknown, nested: readonly string[]): unknown {
  const fields = snakeKeys(part)
  if (!isObject(fields)) return fields
  return { ...fields, ...Object.fromEntries(nested.map(name => [name, snakeKeys(fields[name])])) }
}

/** What is no object stays, and is told by the checks. */
function snakeKeys(fields: unknown): unknown {
  if (!isObject(fields)) return fields
  const entries = Object.entries(fields)
  return Object.fromEntries(
    entries.map(([key, value]) => [key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`), value]),
  )
}

/**
 * What the limit counts beside `data` isn't spelled out. Counted here: what one Android device is given, and what one
 * Apple device or browser is given in its own part. What is over all the same FCM says itself.
 */
function sizeFault(message: Fields, limit: number): string | undefined {
  return countedParts(message)
    .map(([data, notification]) => oversize(data, notification, limit))
    .find(it => it !== undefined)
}

/** What the limit counts, of the device for which it is most. */
export function countedBytesOf(message: Fields): number {
  return Math.max(
    ...countedParts(message).map(([data, notification]) => bytesOf(data) + bytesOf(notification)),
  )
}

function countedParts(message: Fields): (readonly [data: Fields, notification: Fields])[] {
  const android = partOf(message, 'android')
  const webpush = partOf(message, 'webpush')
  const data = isObject(android.data) ? android.data : partOf(message, 'data')
  const notification = { ...partOf(message, 'notification'), ...partOf(android, 'notification') }
  return [
    [data, notification],
    [partOf(partOf(message, 'apns'), 'payload'), {}],
    [partOf(webpush, 'data'), partOf(webpush, 'notification')],
  ]
}

function partOf(fields: Fields, name: string): Fields {
  const value = fields[name]
  return isObject(value) ? value : {}
}

function oversize(data: Fields, notification: Fields, limit: number): string | undefined {
  const bytes = bytesOf(data) + bytesOf(notification)
  if (bytes <= limit) return undefined
  const shown = Object.entries(notification).map(([key, value]) => [`notification.${key}`, value])
  return describeOversize({ ...data, ...Object.fromEntries(shown) }, bytes, limit)
}

function bytesOf(part: Fields): number {
  return Object.entries(part).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + sizeOf(value), 0)
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
}
