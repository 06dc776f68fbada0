/**
 * What Apple fixed: hosts, limits and the life of a provider token.
 * Source: Apple, "Sending notification requests to APNs" and "Establishing a token-based connection to APNs".
 */
export type ApnsEnvironment = 'production' | 'sandbox'

export const APNS_ORIGINS: Readonly<Record<ApnsEnvironment, string>> = {
  production: 'https://api.push.apple.com',
  sandbox: 'https://api.sandbox.push.apple.com',
}

/** Channels are made and ended at hosts of their own. */
export const APNS_MANAGE_ORIGINS: Readonly<Record<ApnsEnvironment, string>> = {
  production: 'https://api-manage-broadcast.push.apple.com:2196',
  sandbox: 'https://api-manage-broadcast.sandbox.push.apple.com:2195',
}

/** What a broadcast may carry; seen, not documented. */
export const MAX_BROADCAST_BYTES = 5120
export const MAX_COLLAPSE_ID_BYTES = 64
/** Apple stores for 30 days at most. */
export const MAX_TTL_SECONDS = 30 * 24 * 3600
/** Apple publishes no size; today's tokens have 32 to 80 bytes. A cap only keeps nonsense off the wire. */
export const MAX_TOKEN_BYTES = 200

/** Refused after 60 minutes. */
export const TOKEN_RENEW_AFTER_MS = 45 * 60_000
/** A second change within 20 minutes is answered 429 TooManyProviderTokenUpdates. */
export const TOKEN_MIN_AGE_MS = 20 * 60_000

/** "Do not open and close connections repeatedly": at least this long between two replacements. */
export const RECONNECT_PAUSE_MS = 10_000
/** Seen: a burst of 429 TooManyProviderTokenUpdates on one connection, which ended only with that connection. */
export const MAX_TOKEN_UPDATE_REFUSALS = 3

/** "Retry 5xx after 15 minutes, with back-off." */
export const SERVICE_PAUSE_MS = 15 * 60_000
export const DEFAULT_DEADLINE_MS = 30_000
