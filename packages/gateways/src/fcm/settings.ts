/**
 * What Google fixed: hosts and limits of the FCM HTTP v1 API.
 * Source: Firebase, "Send messages with the HTTP v1 API", "REST Resource: projects.messages", and Google
 * Identity, "Using OAuth 2.0 for server to server applications".
 */
export const FCM_ORIGIN = 'https://fcm.googleapis.com'
export const GOOGLE_TOKEN_URL = 'https://oauth2.googleapis.com/token'
export const MESSAGING_SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'

/** Keys and values of `data` together. */
export const MAX_PAYLOAD_BYTES = 4096
/** 28 days. */
export const MAX_TTL_SECONDS = 2_419_200

export const ASSERTION_LIFE_SECONDS = 3600
/** Access tokens live about an hour; one that ends in flight costs a second request. */
export const TOKEN_RENEW_EARLY_MS = 5 * 60_000
/** Google's minimum pause after a 429 that names none. */
export const QUOTA_PAUSE_MS = 60_000
/** Google: wait at least 10 s before giving a request up. */
export const DEFAULT_DEADLINE_MS = 30_000
