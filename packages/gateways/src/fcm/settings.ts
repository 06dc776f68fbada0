/**
 * What Google fixed: hosts and limits of the FCM HTTP v1 API.
 * Source: Firebase, "Send messages with the HTTP v1 API", "REST Resource: projects.messages", "Throttling and quotas",
 * and Google Identity, "Using OAuth 2.0 for server to server applications".
 */
export const FCM_ORIGIN = 'https://fcm.googleapis.com'
export const GOOGLE_TOKEN_URL = 'https://oauth2.googleapis.com/token'
export const MESSAGING_SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'

/** Keys and values of `data` and `notification` together. */
export const MAX_PAYLOAD_BYTES = 4096
/** The same for a message to a topic or a condition. */
export const MAX_TOPIC_PAYLOAD_BYTES = 2048
/** 28 days. */
export const MAX_TTL_SECONDS = 2_419_200
export const MAX_TOPICS_IN_CONDITION = 5
/** Not Google's: room for five long names. To read a condition takes the square of its length. */
export const MAX_CONDITION_CHARACTERS = 5000

export const ASSERTION_LIFE_SECONDS = 3600
/** Google's minimum pause after a 429 that names none. */
export const QUOTA_PAUSE_MS = 60_000
/** What a project may send in a minute unless Google granted it more. */
export const MESSAGES_PER_MINUTE = 600_000
/** Google: wait at least 10 s before giving a request up. */
export const MIN_DEADLINE_MS = 10_000
export const DEFAULT_DEADLINE_MS = 30_000
