/**
 * Limits of Web Push: RFC 8030 (push), RFC 8291 (encryption), RFC 8292 (VAPID), and what the browsers' services
 * ask on top of them.
 */
/** A service must take 4096 bytes of body (RFC 8030 §7.2): 86 of header, 16 of tag and a delimiter come off. */
export const MAX_PLAINTEXT_BYTES = 3993
/** 28 days: Google's longest; Mozilla takes 30. */
export const MAX_TTL_SECONDS = 2_419_200
/** RFC 8030 §5.4. */
export const MAX_TOPIC_CHARACTERS = 32

/** RFC 8292 §2 allows 24 hours. */
export const VAPID_LIFE_SECONDS = 12 * 3600
/** Apple: no new token more often than hourly. Half of its life leaves room for a clock that is off. */
export const VAPID_REUSE_MS = 6 * 3_600_000
/** Endpoints come from clients, so their origins may be many. */
export const MAX_VAPID_ORIGINS = 1000
/**
 * Whatever origins clients make up, what is known of these is never dropped: Apple minds a token that is signed anew
 * within the hour, and that a service took our key is what a stranger's refusal is judged by.
 */
export const KEPT_ORIGINS: ReadonlySet<string> = new Set([
  'https://fcm.googleapis.com',
  'https://updates.push.services.mozilla.com',
  'https://web.push.apple.com',
])

export const DEFAULT_DEADLINE_MS = 30_000
