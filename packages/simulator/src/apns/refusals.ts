/**
 * APNs' refusals: every documented reason with its status, those of broadcast channels too.
 *
 * Source: Apple, "Handling notification responses from APNs", "Handling error responses from channel management".
 * `BadEnvironmentKeyInToken` is not in Apple's table, but is the word seen on the wire for
 * `BadEnvironmentKeyIdInToken`; `MissingChannelQueueSize` was seen, too.
 */
import type { GatewayAnswer } from '../gateway/listener.ts'

/** Those that only channels and broadcasts have. */
const CHANNEL_REASONS = {
  BadChannelId: 400,
  BadRequestParams: 400,
  BadRequestPayload: 400,
  CannotCreateChannelConfig: 400,
  ChannelNotRegistered: 400,
  FeatureNotEnabled: 400,
  MissingChannelId: 400,
  MissingChannelQueueSize: 400,
  MissingPushType: 400,
  TopicMismatch: 403,
} as const

export const APNS_REASONS = {
  BadCollapseId: 400,
  BadDeviceToken: 400,
  BadExpirationDate: 400,
  BadMessageId: 400,
  BadPriority: 400,
  BadTopic: 400,
  DeviceTokenNotForTopic: 400,
  DuplicateHeaders: 400,
  IdleTimeout: 400,
  InvalidPushType: 400,
  MissingDeviceToken: 400,
  MissingTopic: 400,
  PayloadEmpty: 400,
  TopicDisallowed: 400,
  BadCertificate: 403,
  BadCertificateEnvironment: 403,
  ExpiredProviderToken: 403,
  Forbidden: 403,
  InvalidProviderToken: 403,
  MissingProviderToken: 403,
  UnrelatedKeyIdInToken: 403,
  BadEnvironmentKeyIdInToken: 403,
  BadEnvironmentKeyInToken: 403,
  BadPath: 404,
  MethodNotAllowed: 405,
  Unregistered: 410,
  ExpiredToken: 410,
  PayloadTooLarge: 413,
  TooManyProviderTokenUpdates: 429,
  TooManyRequests: 429,
  InternalServerError: 500,
  ServiceUnavailable: 503,
  Shutdown: 503,
  ...CHANNEL_REASONS,
} as const

export const APNS_CHANNEL_REASONS = Object.keys(CHANNEL_REASONS) as (keyof typeof CHANNEL_REASONS)[]

export type ApnsReason = keyof typeof APNS_REASONS

export interface ApnsRefusal {
  readonly reason: string
  /** From the table when absent. */
  readonly status?: number
  /** Milliseconds since the epoch; only 410 carries it. */
  readonly timestamp?: number
}

export function isApnsReason(reason: string): reason is ApnsReason {
  return Object.hasOwn(APNS_REASONS, reason)
}

export function refuse(reason: ApnsReason, timestamp?: number): ApnsRefusal {
  return timestamp === undefined ? { reason } : { reason, timestamp }
}

export function statusOf({ reason, status }: ApnsRefusal): number {
  return status ?? (isApnsReason(reason) ? APNS_REASONS[reason] : 400)
}

/** The answer on the wire, without apns-id, which the gateway adds to every answer. */
export function refusalAnswer(refusal: ApnsRefusal): GatewayAnswer {
  const { reason, timestamp } = refusal
  return {
    status: statusOf(refusal),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(timestamp === undefined ? { reason } : { reason, timestamp }),
  }
}
