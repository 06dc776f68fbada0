/**
 * What a gateway's own rules say of a notification before anything is sent: whether its payload fits, and whether what is
 * given in the gateway's words is right. The clients ask the same of each notification that they send.
 */
import { buildPayload as buildApns } from './apns/payload.ts'
import { buildPayload as buildFcm } from './fcm/payload.ts'
import { buildPayload as buildHms } from './hms/payload.ts'
import type { Notification } from './notification.ts'
import { buildPlaintext, findHeaderFault } from './webpush/payload.ts'

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

function reasonOf(
  built: { readonly ok: true } | { readonly ok: false; readonly reason: string },
): string | undefined {
  return built.ok ? undefined : built.reason
}
