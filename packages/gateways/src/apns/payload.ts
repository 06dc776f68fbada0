/**
 * Notification → APNs headers and JSON body.
 *
 * `aps` is Apple's; beside it stand the root keys that devices of the compatible protocol read: `pw_msg`, `p`
 * (hash, must be a string), `l` (link), `u` (data as a JSON string), `attachment` (image). Delivery is reported
 * by the notification service extension, which runs only with `mutable-content: 1`.
 * Source: Apple, "Generating a remote notification".
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Attempt, Notification } from '../notification.ts'
import { compact, describeOversize } from '../payload-size.ts'
import { MAX_COLLAPSE_ID_BYTES, MAX_PAYLOAD_BYTES, MAX_TTL_SECONDS } from './settings.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export type ApnsPayload =
  | {
      readonly ok: true
      /** The same for most requests of an app: type and priority. */
      readonly style: ApnsStyle
      readonly headers: Readonly<Record<string, string>>
      readonly body: Buffer
    }
  | { readonly ok: false; readonly reason: string }

/** `ok: false` names what Apple would refuse, so that it is not sent: refusals slow the connection down. */
export function buildPayload(attempt: Attempt<unknown>, clock: Clock): ApnsPayload {
  const { notification, deliveryId } = attempt
  if (!UUID.test(deliveryId))
    return { ok: false, reason: 'delivery_id_malformed: not a canonical lower-case UUID' }
  const content = contentOf(notification)
  const body = Buffer.from(JSON.stringify(content))
  if (body.length > MAX_PAYLOAD_BYTES) {
    return { ok: false, reason: describeOversize(partsOf(content), body.length, MAX_PAYLOAD_BYTES) }
  }
  return { ok: true, style: styleOf(notification), headers: headersOf(attempt, clock), body }
}

/** What the fixed headers depend on. A background push with priority 10 is an error. */
export type ApnsStyle = 'alert 10' | 'alert 5' | 'background 5'

function styleOf(notification: Notification): ApnsStyle {
  if (!isVisible(notification)) return 'background 5'
  return notification.priority === 'high' ? 'alert 10' : 'alert 5'
}

/** The headers that all requests of one style to one topic share. */
export function constantHeaders(style: ApnsStyle, apnsTopic: string): Record<string, string> {
  const [pushType = '', priority = ''] = style.split(' ')
  return {
    'apns-push-type': pushType,
    'apns-topic': apnsTopic,
    'apns-priority': priority,
    'content-type': 'application/json',
  }
}

function headersOf({ deliveryId, notification }: Attempt<unknown>, clock: Clock): Record<string, string> {
  return {
    'apns-id': deliveryId,
    'apns-expiration': String(expirationOf(notification.ttlSeconds, clock)),
    // Without a key of the sender's the hash: should a message have to be sent twice, the device shows it once.
    'apns-collapse-id': collapseIdOf(notification.collapseKey || notification.hash),
  }
}

/** A header holds visible ASCII, and this one 64 bytes; other keys are replaced by a hash, the same for the same key. */
function collapseIdOf(collapseKey: string): string {
  if (/^[\x21-\x7e]+$/.test(collapseKey) && collapseKey.length <= MAX_COLLAPSE_ID_BYTES) return collapseKey
  return createHash('sha256').update(collapseKey).digest('base64url')
}

/** An epoch in seconds; 0 means one try and no storing. */
function expirationOf(ttlSeconds: number, clock: Clock): number {
  if (ttlSeconds <= 0) return 0
  return Math.floor(clock.now() / 1000) + Math.min(Math.floor(ttlSeconds), MAX_TTL_SECONDS)
}

function contentOf(notification: Notification): Record<string, unknown> {
  return compact<unknown>({
    aps: apsOf(notification),
    pw_msg: '1',
    p: notification.hash,
    l: notification.url,
    u: notification.data && JSON.stringify(notification.data),
    attachment: notification.imageUrl,
  })
}

function apsOf(notification: Notification): Record<string, unknown> {
  if (!isVisible(notification)) return { 'content-available': 1 }
  const { title, subtitle, body, sound, badge } = notification
  const alert = compact({ title, subtitle, body })
  return compact<unknown>({
    alert: Object.keys(alert).length > 0 ? alert : undefined,
    sound,
    badge,
    'mutable-content': 1,
  })
}

/** An alert push must show, badge or sound something; what does none of that is data for a sleeping app. */
function isVisible({ title, subtitle, body, sound, badge }: Notification): boolean {
  return [title, subtitle, body, sound, badge].some(part => part !== undefined)
}

/** The parts by the names that a sender knows from Apple's documentation. */
function partsOf({ aps, ...roots }: Record<string, unknown>): Record<string, unknown> {
  const { alert, ...others } = aps as Record<string, unknown>
  const parts: Record<string, unknown> = { ...roots }
  for (const [name, value] of Object.entries(others)) parts[`aps.${name}`] = value
  for (const [name, value] of Object.entries(alert ?? {})) parts[`aps.alert.${name}`] = value
  return parts
}
