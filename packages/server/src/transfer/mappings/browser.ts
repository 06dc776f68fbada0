/**
 * Browser subscriptions as `JSON.stringify(subscription)` writes them: `{"endpoint","keys":{"p256dh","auth"}}`, one a line,
 * on their own or as `subscription` of an object that says more; or a CSV file with these columns.
 * Source: W3C, Push API, PushSubscriptionJSON.
 */
import type { Draft } from '../draft.ts'
import { type Fields, firstOf, timeOf } from '../fields.ts'

export function readBrowser(fields: Fields): Draft {
  const { subscription } = fields
  const own = typeof subscription === 'object' && subscription !== null ? (subscription as Fields) : fields
  const keys = typeof own.keys === 'object' && own.keys !== null ? (own.keys as Fields) : own
  return {
    hwid: fields.hwid,
    platform: 'web',
    pushToken: own.endpoint,
    p256dh: keys.p256dh,
    auth: keys.auth,
    applicationServerKey: firstOf(fields, ['applicationServerKey', 'vapidPublicKey']),
    userId: firstOf(fields, ['userId', 'user_id', 'user']),
    lastSeenAt: timeOf(firstOf(fields, ['lastSeenAt', 'updated_at', 'created_at'])),
  }
}
