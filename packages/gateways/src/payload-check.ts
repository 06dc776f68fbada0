/**
 * What a gateway's own rules say of a notification before anything is sent: whether its payload fits, and whether what is
 * given in the gateway's words is right. The clients ask the same of each notification that they send.
 */
import { buildPayload as buildApns, buildBody } from './apns/payload.ts'
import { PUSH_TYPE_RULES } from './apns/push-types.ts'
import { buildPayload as buildFcm, countedBytesOf } from './fcm/payload.ts'
import { MAX_PAYLOAD_BYTES as MAX_FCM_PAYLOAD_BYTES } from './fcm/settings.ts'
import { buildPayload as buildHms } from './hms/payload.ts'
import { MAX_BODY_BYTES as MAX_HMS_BODY_BYTES } from './hms/settings.ts'
import type { Notification } from './notification.ts'
import { buildPlaintext, findHeaderFault } from './webpush/payload.ts'
import { MAX_PLAINTEXT_BYTES } from './webpush/settings.ts'

export type GatewayName = 'apns' | 'fcm' | 'webpush' | 'hms'

const ANY_DELIVERY = '00000000-0000-8000-8000-000000000000'
/** An expiry has as many digits at any time. */
const ANY_TIME = { now: () => 1_700_000_000_000 }

/** "code: words"; undefined when a device of this gateway can be sent it. */
export function findNotificationFault(gateway: GatewayName, notification: Notification): string | undefined {
  switch (gateway) {
    case 'apns':
      return reasonOf(buildApns({ deliveryId: ANY_DELIVERY, address: undefined, notification }, ANY_TIME))
    case 'fcm':
      return reasonOf(buildFcm(notification, true))
    case 'hms':
      return reasonOf(buildHms(notification, false))
    case 'webpush':
      return findHeaderFault(notification) ?? reasonOf(buildPlaintext(notification))
  }
}

/** What counts towards the gateway's limit; undefined for what it would not take for another reason than its size. */
export function payloadBytesOf(
  gateway: GatewayName,
  notification: Notification,
): { readonly bytes: number; readonly limit: number } | undefined {
  switch (gateway) {
    case 'apns': {
      const built = buildBody(notification, ANY_TIME)
      return built.ok
        ? { bytes: built.body.length, limit: PUSH_TYPE_RULES[built.pushType].maxPayloadBytes }
        : undefined
    }
    case 'fcm': {
      const built = buildFcm(notification, true)
      return built.ok
        ? { bytes: countedBytesOf(JSON.parse(built.content)), limit: MAX_FCM_PAYLOAD_BYTES }
        : undefined
    }
    case 'hms': {
      const built = buildHms(notification, false)
      return built.ok ? { bytes: Buffer.byteLength(built.head) + 2, limit: MAX_HMS_BODY_BYTES } : undefined
    }
    case 'webpush': {
      const built = buildPlaintext(notification)
      return built.ok ? { bytes: built.plaintext.length, limit: MAX_PLAINTEXT_BYTES } : undefined
    }
  }
}

function reasonOf(
  built: { readonly ok: true } | { readonly ok: false; readonly reason: string },
): string | undefined {
  return built.ok ? undefined : built.reason
}
