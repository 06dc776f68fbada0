/**
 * Notification → APNs headers and JSON body.
 *
 * `aps` is Apple's; beside it stand the root keys that devices of the compatible protocol read: `pw_msg`, `p`
 * (hash, must be a string), `l` (link), `u` (data as a JSON string), `attachment` (image).
 * Source: Apple, "Generating a remote notification" and "Sending notification requests to APNs".
 */
import { createHash } from 'node:crypto'
import { isObject } from '../answer.ts'
import type { Clock } from '../clock.ts'
import { describeDeviceField, sendersRoots } from '../device-fields.ts'
import type { Made } from '../mold.ts'
import type { Attempt, Notification } from '../notification.ts'
import { describeOversize } from '../payload-size.ts'
import { withReceiptKey } from '../receipt-key.ts'
import { withUserId } from '../user-id.ts'
import { apsOf, describeApsFault, isVisible, merge } from './aps.ts'
import type { ApnsPriority, ApnsPushType } from './options.ts'
import { PUSH_TYPE_RULES } from './push-types.ts'
import { MAX_COLLAPSE_ID_BYTES, MAX_TTL_SECONDS } from './settings.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export type ApnsPayload =
  | {
      readonly ok: true
      readonly pushType: ApnsPushType
      readonly priority: ApnsPriority
      readonly headers: Readonly<Record<string, string>>
      readonly body: Buffer
    }
  | { readonly ok: false; readonly reason: string }

type Content = Readonly<Record<string, unknown>>

/** What is the same for all who get the same notification. */
export type ApnsBody =
  | {
      readonly ok: true
      readonly pushType: ApnsPushType
      readonly priority: ApnsPriority
      readonly body: Buffer
      /** Live Activities are told the time. */
      readonly isTimeless: boolean
    }
  | { readonly ok: false; readonly reason: string; readonly isTimeless: boolean }

/** `ok: false` names what Apple would refuse or drop, so that it is not sent: refusals slow the connection down. */
export function buildPayload(
  attempt: Attempt<unknown>,
  clock: Clock,
  built: ApnsBody = buildBody(attempt.notification, clock),
): ApnsPayload {
  if (!UUID.test(attempt.deliveryId))
    return { ok: false, reason: 'delivery_id_malformed: not a canonical lower-case UUID' }
  if (!built.ok) return built
  const { pushType, priority } = built
  const { hasRootKeys, maxPayloadBytes } = PUSH_TYPE_RULES[pushType]
  const named = withUserId(built.body, hasRootKeys ? attempt.userId : undefined, maxPayloadBytes)
  const body = withReceiptKey(named, hasRootKeys ? attempt.receiptKey : undefined, maxPayloadBytes)
  return { ok: true, pushType, priority, headers: headersOf(attempt, clock), body }
}

export function buildBody(notification: Notification, clock: Clock): ApnsBody {
  const pushType = pushTypeOf(notification)
  const priority = priorityOf(notification, pushType)
  const content = contentOf(notification, pushType, clock)
  const body = Buffer.from(JSON.stringify(content))
  const reason =
    describePriorityFault(priority, pushType) ??
    describeContentFault(content, notification, pushType) ??
    describeSizeFault(content, body.length, PUSH_TYPE_RULES[pushType].maxPayloadBytes)
  const isTimeless = pushType !== 'liveactivity'
  if (reason !== undefined) return { ok: false, reason, isTimeless }
  return { ok: true, pushType, priority, body, isTimeless }
}

/** What words can't change. */
export interface MoldedBody {
  readonly pushType: ApnsPushType
  readonly priority: ApnsPriority
}

/** Undefined where something is wrong with it, or where it would be another one a moment later. */
export function moldBody(marked: Notification, clock: Clock): Made<MoldedBody> | undefined {
  const built = buildBody(marked, clock)
  if (!built.ok || !built.isTimeless) return undefined
  const { pushType, priority, body } = built
  return { json: body.toString(), shared: { pushType, priority } }
}

/** Undefined when the words are too long, which has to be told in full. */
export function bodyOfMold({ json, shared }: Made<MoldedBody>): ApnsBody | undefined {
  const body = Buffer.from(json)
  if (body.length > PUSH_TYPE_RULES[shared.pushType].maxPayloadBytes) return undefined
  return { ok: true, ...shared, body, isTimeless: true }
}

function pushTypeOf(notification: Notification): ApnsPushType {
  const { apns, title, subtitle, body, sound, badge } = notification
  if (apns?.pushType !== undefined) return apns.pushType
  const isShown = [title, subtitle, body, sound, badge].some(part => part !== undefined)
  return isShown || isVisible(apns?.aps ?? {}) ? 'alert' : 'background'
}

function priorityOf({ apns, priority }: Notification, pushType: ApnsPushType): ApnsPriority {
  const [high, normal = high] = PUSH_TYPE_RULES[pushType].priorities
  return apns?.priority ?? (priority === 'high' ? high : normal)
}

function describePriorityFault(priority: ApnsPriority, pushType: ApnsPushType): string | undefined {
  const { priorities } = PUSH_TYPE_RULES[pushType]
  if (priorities.includes(priority)) return undefined
  return `priority_not_allowed: ${pushType} goes with priority ${priorities.join(' or ')}, not ${priority}`
}

function describeContentFault(
  content: Content,
  { apns }: Notification,
  pushType: ApnsPushType,
): string | undefined {
  if (apns?.payload && 'aps' in apns.payload) return 'payload_has_aps: its keys belong into apns.aps'
  const reserved = describeDeviceField('apns.payload', apns?.payload)
  if (reserved !== undefined) return reserved
  if (pushType === 'mdm') return describeMdmFault(content)
  return describeApsFault(content.aps as Content, pushType)
}

/** Device management wakes the device with its PushMagic and nothing else. */
function describeMdmFault(content: Content): string | undefined {
  return typeof content.mdm === 'string' && Object.keys(content).length === 1
    ? undefined
    : "mdm_malformed: an mdm push has the device's PushMagic as payload.mdm and nothing else"
}

/** In words that name what fills it. */
export function describeSizeFault(content: Content, bytes: number, limit: number): string | undefined {
  return bytes > limit ? describeOversize(partsOf(content), bytes, limit) : undefined
}

/** The headers that all requests of one type, priority and topic share. */
export function constantHeaders(
  pushType: ApnsPushType,
  priority: ApnsPriority,
  apnsTopic: string,
): Record<string, string> {
  return {
    'apns-push-type': pushType,
    'apns-topic': apnsTopic,
    'apns-priority': String(priority),
    'content-type': 'application/json',
  }
}

function headersOf({ deliveryId, notification }: Attempt<unknown>, clock: Clock): Record<string, string> {
  return {
    'apns-id': deliveryId,
    'apns-expiration': String(expirationOf(notification.ttlSeconds, clock)),
    // Without a key of the sender's the hash: should a message have to be sent twice, the device shows it once.
    'apns-collapse-id': collapseIdOf(
      notification.collapseKey || notification.messageKey || notification.hash,
    ),
  }
}

/** A header holds visible ASCII, and this one 64 bytes; other keys are replaced by a hash, the same for the same key. */
function collapseIdOf(collapseKey: string): string {
  if (/^[\x21-\x7e]+$/.test(collapseKey) && collapseKey.length <= MAX_COLLAPSE_ID_BYTES) return collapseKey
  return createHash('sha256').update(collapseKey).digest('base64url')
}

/** An epoch in seconds; 0 means one try and no storing. */
export function expirationOf(ttlSeconds: number, clock: Clock): number {
  if (ttlSeconds <= 0) return 0
  return Math.floor(clock.now() / 1000) + Math.min(Math.floor(ttlSeconds), MAX_TTL_SECONDS)
}

function contentOf(notification: Notification, pushType: ApnsPushType, clock: Clock): Content {
  const { apns } = notification
  if (pushType === 'mdm') return merge(apns?.aps ? { aps: apns.aps } : {}, apns?.payload)
  const roots = PUSH_TYPE_RULES[pushType].hasRootKeys ? rootsOf(notification) : {}
  return merge({ aps: apsOf(notification, pushType, clock), ...roots }, apns?.payload)
}

function rootsOf(notification: Notification): Content {
  return {
    ...sendersRoots(notification.root),
    pw_msg: '1',
    p: notification.hash,
    l: notification.url,
    u: notification.data && JSON.stringify(notification.data),
    attachment: notification.imageUrl,
  }
}

/** The parts by the names that a sender knows from Apple's documentation. */
function partsOf({ aps, ...roots }: Content): Record<string, unknown> {
  const { alert, ...others } = isObject(aps) ? aps : {}
  const parts: Record<string, unknown> = { ...roots }
  for (const [name, value] of Object.entries(others)) parts[`aps.${name}`] = value
  if (!isObject(alert)) return { ...parts, 'aps.alert': alert }
  for (const [name, value] of Object.entries(alert)) parts[`aps.alert.${name}`] = value
  return parts
}
