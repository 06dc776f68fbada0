/**
 * Notification → Push Kit message, as a **data** message for the app's own library, as on any Android device. With
 * `hms.android.notification` the system shows it instead, and the app is told nothing until a tap; of two copies it shows both.
 *
 * Huawei's collapse key is one of 100 numbers. The sender's own is a text, and two texts that met in one number would
 * push each other out of the store of a phone that is offline, so it is not translated: all are stored, and the device
 * shows one of a key by `pw_msg_tag`. Who wants Huawei to drop stored ones sets `hms.android.collapse_key`.
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message, Request Parameters".
 */

import { androidDataOf } from '../android-data.ts'
import { isObject } from '../answer.ts'
import { mergeOver } from '../merge.ts'
import type { Notification } from '../notification.ts'
import { compact, describeOversize } from '../payload-size.ts'
import { MAX_BODY_BYTES, MAX_COLLAPSE_KEY, MAX_TTL_SECONDS, MIN_COLLAPSE_KEY } from './settings.ts'

export type HmsPayload =
  /** `head` is the body up to its tokens: the same for all who get the same. */
  | { readonly ok: true; readonly head: string; readonly isShownBySystem: boolean }
  | { readonly ok: false; readonly reason: string }

type Fields = Record<string, unknown>

/** Opens the app. */
const START_APP = { type: 3 }
const TAIL = '}}'
const DURATION = /^\d+(?:\.\d{1,9})?s$/

export function buildPayload(notification: Notification, validateOnly: boolean): HmsPayload {
  const android = mergeOver(androidOf(notification), notification.hms?.android)
  const reason = androidFault(android)
  if (reason !== undefined) return { ok: false, reason }
  const isShownBySystem = android.notification !== undefined
  const message: Fields = isShownBySystem
    ? { android: { ...android, notification: shownOf(notification, android.notification as Fields) } }
    : { data: JSON.stringify(androidDataOf(notification)), android }
  const head = JSON.stringify({ validate_only: validateOnly, message }).slice(0, -TAIL.length)
  const bytes = Buffer.byteLength(head) + TAIL.length
  if (bytes <= MAX_BODY_BYTES) return { ok: true, head, isShownBySystem }
  const parts = isShownBySystem ? message : androidDataOf(notification)
  return { ok: false, reason: describeOversize(parts, bytes, MAX_BODY_BYTES) }
}

export function bodyFor(head: string, tokens: readonly string[]): Buffer {
  return Buffer.from(`${head},"token":${JSON.stringify(tokens)}${TAIL}`)
}

function androidOf({ priority, ttlSeconds }: Notification): Fields {
  // Huawei knows no "now or never": a ttl of 0 is an expiry in the past (80100004).
  const ttl = Math.min(Math.max(1, Math.floor(ttlSeconds)), MAX_TTL_SECONDS)
  return { urgency: priority === 'high' ? 'HIGH' : 'NORMAL', ttl: `${ttl}s` }
}

/** A notification needs something to do on a tap. */
function shownOf({ title, body, imageUrl, url }: Notification, own: Fields): Fields {
  const click = url === undefined ? START_APP : { type: 2, url }
  const common = compact<unknown>({ title, body, image: imageUrl })
  return mergeOver({ ...common, ...(own.click_action === undefined && { click_action: click }) }, own)
}

function androidFault(android: Fields): string | undefined {
  return (
    collapseKeyFault(android.collapse_key) ??
    urgencyFault(android.urgency) ??
    ttlFault(android.ttl) ??
    notificationFault(android.notification)
  )
}

function collapseKeyFault(key: unknown): string | undefined {
  const isNumber = typeof key === 'number' && Number.isInteger(key)
  if (key === undefined || (isNumber && key >= MIN_COLLAPSE_KEY && key <= MAX_COLLAPSE_KEY)) return undefined
  return `android.collapse_key is ${JSON.stringify(key)}; a number from -1 to 100 is allowed`
}

function urgencyFault(urgency: unknown): string | undefined {
  if (urgency === undefined || urgency === 'HIGH' || urgency === 'NORMAL') return undefined
  return `android.urgency is ${JSON.stringify(urgency)}; HIGH and NORMAL are allowed`
}

function ttlFault(ttl: unknown): string | undefined {
  if (ttl === undefined) return undefined
  const seconds = typeof ttl === 'string' && DURATION.test(ttl) ? Number.parseFloat(ttl) : 0
  if (seconds > 0 && seconds <= MAX_TTL_SECONDS) return undefined
  return `android.ttl is ${JSON.stringify(ttl)}; "1s" to "${MAX_TTL_SECONDS}s" (15 days) are allowed`
}

function notificationFault(notification: unknown): string | undefined {
  if (notification === undefined || isObject(notification)) return undefined
  return 'android.notification is no object'
}
