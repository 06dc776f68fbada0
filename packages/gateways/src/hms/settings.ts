/**
 * What Huawei fixed: hosts and limits of Push Kit's v1 API.
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message" and "OAuth 2.0 client credentials".
 */
export const HMS_ORIGIN = 'https://push-api.cloud.huawei.com'
export const HMS_TOKEN_URL = 'https://oauth-login.cloud.huawei.com/oauth2/v3/token'

/** Of one request; a token that is in it twice is delivered to twice. */
export const MAX_TOKENS = 1000
/** The whole body without its tokens. */
export const MAX_BODY_BYTES = 4096
/** 15 days. */
export const MAX_TTL_SECONDS = 1_296_000
/** All are stored; 0 keeps the newest only, 1 to 100 name groups. */
export const MIN_COLLAPSE_KEY = -1
export const MAX_COLLAPSE_KEY = 100
export const DEFAULT_DEADLINE_MS = 30_000
