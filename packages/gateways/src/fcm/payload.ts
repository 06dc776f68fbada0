/**
 * Notification → FCM HTTP v1 message, as an Android **data** message: the app's own library shows it, and its
 * receipts know the hash. All values are strings; another type is refused with 400.
 *
 * Names are the device protocol's: `title` is the *text* and `header` the title; `b` the big picture, `s` the
 * sound, `pw_badges` the badge; without `pw_msg: "1"` a device ignores the message. There is no subtitle.
 * Source: Firebase, "REST Resource: projects.messages".
 */
import type { Notification } from '../notification.ts'
import { compact, describeOversize } from '../payload-size.ts'
import { MAX_PAYLOAD_BYTES, MAX_TTL_SECONDS } from './settings.ts'

export type FcmPayload =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly reason: string }

export function buildPayload(token: string, notification: Notification): FcmPayload {
  const data = dataOf(notification)
  const bytes = bytesOf(data)
  if (bytes > MAX_PAYLOAD_BYTES)
    return { ok: false, reason: describeOversize(data, bytes, MAX_PAYLOAD_BYTES) }
  const message = { token, data, android: androidOf(notification) }
  return { ok: true, body: Buffer.from(JSON.stringify({ message })) }
}

function dataOf(notification: Notification): Record<string, string> {
  const { title, body, badge } = notification
  return compact({
    pw_msg: '1',
    title: body,
    header: title,
    p: notification.hash,
    l: notification.url,
    u: notification.data && JSON.stringify(notification.data),
    b: notification.imageUrl,
    s: notification.sound,
    pw_badges: badge === undefined ? undefined : String(badge),
    // Without a key of the sender's the hash: should a message have to be sent twice, the device shows it once.
    // Not so `collapse_key`: FCM stores messages under four different ones per device and drops the others.
    pw_msg_tag: notification.collapseKey || notification.hash,
    // Otherwise a message of data alone would be shown as an empty notification.
    silent: title === undefined && body === undefined ? '1' : undefined,
  })
}

function androidOf({ priority, ttlSeconds, collapseKey }: Notification): Record<string, string> {
  const ttl = Math.min(Math.max(0, Math.floor(ttlSeconds)), MAX_TTL_SECONDS)
  return compact({
    priority: priority === 'high' ? 'HIGH' : 'NORMAL',
    ttl: `${ttl}s`,
    collapse_key: collapseKey || undefined,
  })
}

function bytesOf(data: Record<string, string>): number {
  return Object.entries(data).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  )
}
