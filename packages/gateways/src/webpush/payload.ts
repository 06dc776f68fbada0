/**
 * Notification → Web Push headers and plaintext, the JSON that service workers of the device protocol read:
 * `header` (title), `body`, `i` (icon), `image`, `l` (link), `p` (hash), `tag` (collapse key: replaces what is shown under
 * the same one), `u` (data as a JSON string), `buttons` (a JSON string of titles and URLs), `pw_badges` (the number on the icon of an installed site).
 *
 * Sound is a page's own business, and there is no subtitle.
 * Source: RFC 8030 §5.2–5.4; for the cache policy Microsoft, "Push notification service request headers".
 */
import { createHash } from 'node:crypto'
import { quote } from '../answer.ts'
import { describeDeviceField, sendersRoots } from '../device-fields.ts'
import type { Notification } from '../notification.ts'
import { compact, describeOversize } from '../payload-size.ts'
import type { Endpoint } from './endpoint.ts'
import { MAX_PLAINTEXT_BYTES, MAX_TOPIC_CHARACTERS, MAX_TTL_SECONDS } from './settings.ts'

export type WebPushPayload =
  | { readonly ok: true; readonly plaintext: Buffer }
  | { readonly ok: false; readonly reason: string }

export function buildPlaintext(notification: Notification): WebPushPayload {
  const { buttons, webPush } = notification
  const reserved = describeDeviceField('webPush.payload', webPush?.payload)
  if (reserved !== undefined) return { ok: false, reason: reserved }
  const parts = compact({
    ...sendersRoots(notification.root),
    header: notification.title,
    body: notification.body,
    i: notification.iconUrl,
    image: notification.imageUrl,
    l: notification.url,
    p: notification.hash,
    tag: notification.collapseKey || notification.messageKey || undefined,
    pw_badges: notification.badge,
    u: notification.data && JSON.stringify(notification.data),
    buttons: buttons && buttons.length > 0 ? JSON.stringify(buttons) : undefined,
    ...webPush?.payload,
  })
  const plaintext = Buffer.from(JSON.stringify(parts))
  if (plaintext.length <= MAX_PLAINTEXT_BYTES) return { ok: true, plaintext }
  return { ok: false, reason: describeOversize(parts, plaintext.length, MAX_PLAINTEXT_BYTES) }
}

export const CONSTANT_HEADERS = {
  'content-encoding': 'aes128gcm',
  'content-type': 'application/octet-stream',
} as const

/** A topic that no service takes; everything else that a sender may write is made to fit. */
export function findHeaderFault({ webPush }: Notification): string | undefined {
  if (webPush?.topic === undefined || isTopic(webPush.topic)) return undefined
  return `webpush_topic: ${quote(webPush.topic)} is not 1 to ${MAX_TOPIC_CHARACTERS} characters of base64url`
}

/** Those of one message; the constant ones come on top. */
export function buildHeaders(notification: Notification, endpoint: Endpoint): Record<string, string> {
  const ttl = Math.min(Math.max(0, Math.floor(notification.ttlSeconds)), MAX_TTL_SECONDS)
  return compact({
    ttl: String(ttl),
    urgency: notification.webPush?.urgency ?? notification.priority,
    // Without a key of the sender's the hash: should a message have to be sent twice, the service keeps one.
    topic:
      notification.webPush?.topic ??
      topicOf(notification.collapseKey || notification.messageKey || notification.hash),
    'x-wns-cache-policy': cachePolicyOf(endpoint, ttl),
  })
}

/** At most 32 characters of base64url; other keys are replaced by a hash, the same for the same key. */
function topicOf(collapseKey: string): string {
  if (isTopic(collapseKey)) return collapseKey
  return createHash('sha256').update(collapseKey).digest('base64url').slice(0, MAX_TOPIC_CHARACTERS)
}

function isTopic(text: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(text) && text.length <= MAX_TOPIC_CHARACTERS
}

/** Windows answers 400 to `TTL: 0` unless the cache policy says the same. A stand-in is known by its path alone. */
function cachePolicyOf({ origin, path }: Endpoint, ttl: number): string | undefined {
  if (!origin.endsWith('.notify.windows.com') && !path.startsWith('/w/?token=')) return undefined
  return ttl === 0 ? 'no-cache' : 'cache'
}
