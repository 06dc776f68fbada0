/**
 * The push services' refusals, each in its own words.
 *
 * They take the same protocol and answer the same faults differently. A fault that only one of them knows is told by
 * the others as the general one that it is a case of.
 * Sources: Mozilla autopush's error table; Apple, "Sending web push notifications in web apps and browsers"; Microsoft,
 * WNS response codes; bodies of Google's service as implementers saw them.
 */
import type { GatewayAnswer } from '../gateway/listener.ts'
import { type Random, randomBase64url, randomHex } from '../randomness.ts'
import type { PushService } from './services.ts'

export type { PushService } from './services.ts'

/** What every service has words for. */
type CommonFault =
  | 'unknown'
  | 'gone'
  | 'unauthorized'
  | 'key_mismatch'
  | 'ttl_missing'
  | 'ttl_negative'
  | 'bad_topic'
  | 'bad_urgency'
  | 'bad_encoding'
  | 'undecryptable'
  | 'too_big'
  | 'too_many'
  | 'overloaded'
  | 'internal'
  | 'bad_method'

/** Cases of the above that one or two services tell apart. */
const CASES = {
  authorization_missing: 'unauthorized',
  bad_authorization: 'unauthorized',
  bad_key: 'unauthorized',
  not_allowed: 'unauthorized',
  domain_blocked: 'gone',
  user_expired: 'gone',
  user_deleted: 'gone',
  router_type: 'unknown',
  crypto_missing: 'bad_encoding',
  ttl_negative_112: 'ttl_negative',
  ttl_conflict: 'ttl_negative',
  chunked: 'bad_encoding',
  key_mismatch_403: 'key_mismatch',
  too_many_429: 'too_many',
  retry_now: 'overloaded',
  bridge_misconfigured: 'internal',
  bridge_authentication: 'internal',
  bridge_connection: 'internal',
  bridge_timeout: 'internal',
  idle_timeout: 'internal',
  shutdown: 'overloaded',
} as const satisfies Record<string, CommonFault>

type CaseFault = keyof typeof CASES

export type WebPushFault = CommonFault | CaseFault

type Words<Row> = Readonly<Record<CommonFault, Row> & Partial<Record<CaseFault, Row>>>

interface AutopushRow {
  readonly status: number
  readonly errno: number | null
  readonly message: string
}

const AUTOPUSH: Words<AutopushRow> = {
  unknown: { status: 404, errno: 102, message: 'Invalid URL endpoint' },
  gone: { status: 410, errno: 106, message: 'Subscription expired' },
  unauthorized: { status: 401, errno: 109, message: 'Invalid authorization' },
  key_mismatch: { status: 401, errno: 109, message: 'VAPID public key mismatch' },
  ttl_missing: { status: 400, errno: 111, message: 'Missing TTL value' },
  ttl_negative: { status: 400, errno: 114, message: 'Invalid TTL value' },
  bad_topic: { status: 400, errno: 113, message: 'Invalid topic' },
  bad_urgency: { status: 400, errno: null, message: 'Invalid urgency' },
  bad_encoding: { status: 400, errno: 110, message: 'Invalid crypto headers' },
  undecryptable: {
    status: 400,
    errno: 110,
    message: 'The body cannot be decrypted with the subscription keys',
  },
  too_big: { status: 413, errno: 104, message: 'Data payload too large' },
  too_many: { status: 429, errno: null, message: 'Too many requests' },
  overloaded: { status: 503, errno: 201, message: 'Use exponential back-off for retries' },
  internal: { status: 500, errno: 999, message: 'Unknown error' },
  bad_method: { status: 405, errno: null, message: 'Method not allowed' },
  crypto_missing: { status: 400, errno: 101, message: 'Missing crypto keys' },
  router_type: { status: 400, errno: 108, message: 'Invalid router type' },
  ttl_negative_112: { status: 400, errno: 112, message: 'Invalid TTL value' },
  user_expired: { status: 410, errno: 103, message: 'Expired URL endpoint' },
  user_deleted: { status: 410, errno: 105, message: 'User deleted' },
  retry_now: { status: 503, errno: 202, message: 'Immediate retry ok' },
  bridge_misconfigured: { status: 502, errno: 900, message: 'Bridge misconfigured' },
  bridge_authentication: { status: 502, errno: 901, message: 'Bridge authentication' },
  bridge_connection: { status: 502, errno: 902, message: 'Bridge connection' },
  bridge_timeout: { status: 502, errno: 903, message: 'Bridge timeout' },
}

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  410: 'Gone',
  413: 'Payload Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}

const GOOGLE: Words<readonly [number, string]> = {
  unknown: [404, 'Not Found'],
  gone: [410, 'push subscription has unsubscribed or expired.\n'],
  unauthorized: [403, 'permission denied: invalid JWT provided'],
  authorization_missing: [400, 'UnauthorizedRegistration'],
  bad_authorization: [400, 'UnauthorizedRegistration'],
  bad_key: [400, 'UnauthorizedRegistration'],
  key_mismatch: [
    403,
    'the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.',
  ],
  ttl_missing: [400, 'TTL header missing or invalid'],
  ttl_negative: [400, 'TTL header missing or invalid'],
  bad_topic: [400, 'Topic header invalid'],
  bad_urgency: [400, 'Urgency header invalid'],
  bad_encoding: [400, 'Content-Encoding header missing or invalid'],
  undecryptable: [400, 'the body cannot be decrypted with the subscription keys'],
  too_big: [413, 'payload too large'],
  too_many: [429, 'Too Many Requests'],
  overloaded: [503, 'Service Unavailable'],
  internal: [500, 'Internal Server Error'],
  bad_method: [405, 'Method Not Allowed'],
}

const WINDOWS: Words<readonly [number, string]> = {
  unknown: [404, 'The channel URI is not valid.'],
  gone: [410, 'The channel expired.'],
  unauthorized: [401, 'The VAPID token is invalid.'],
  key_mismatch: [401, 'The public key does not match the one that the channel was created with.'],
  not_allowed: [403, 'The cloud service is not authorized to send a notification to this URI.'],
  domain_blocked: [410, 'Domain Blocked'],
  ttl_missing: [400, 'TTL header missing.'],
  ttl_negative: [400, 'TTL header invalid.'],
  ttl_conflict: [400, 'Ttl value conflicts with X-WNS-Cache-Policy.'],
  bad_topic: [400, 'Topic header invalid.'],
  bad_urgency: [400, 'Urgency header invalid.'],
  bad_encoding: [400, 'Content-Encoding header invalid.'],
  chunked: [400, 'Chunked transfer encoding is not supported: Content-Length is missing.'],
  undecryptable: [400, 'The body cannot be decrypted with the subscription keys.'],
  too_big: [413, 'The payload exceeds 5000 bytes.'],
  too_many: [406, 'The cloud service exceeded its throttle limit.'],
  too_many_429: [429, 'The cloud service exceeded its throttle limit.'],
  overloaded: [503, 'The server is currently unavailable.'],
  internal: [500, 'An internal failure has caused notification delivery to fail.'],
  bad_method: [405, 'Method not allowed.'],
}

const APPLE: Words<readonly [number, string]> = {
  unknown: [404, 'BadPath'],
  gone: [410, 'Unregistered'],
  unauthorized: [403, 'BadJwtToken'],
  bad_authorization: [403, 'BadAuthorizationHeader'],
  bad_key: [400, 'BadVapidPublicKey'],
  key_mismatch: [400, 'VapidPkHashMismatch'],
  key_mismatch_403: [403, 'VapidPkHashMismatch'],
  ttl_missing: [400, 'BadTtl'],
  ttl_negative: [400, 'BadTtl'],
  bad_topic: [400, 'BadWebPushTopic'],
  bad_urgency: [400, 'BadUrgency'],
  bad_encoding: [400, 'BadWebPushRequest'],
  undecryptable: [400, 'BadWebPushRequest'],
  too_big: [413, 'PayloadTooLarge'],
  too_many: [429, 'TooManyRequests'],
  overloaded: [503, 'ServiceUnavailable'],
  internal: [500, 'InternalServerError'],
  bad_method: [405, 'MethodNotAllowed'],
  idle_timeout: [400, 'IdleTimeout'],
  shutdown: [503, 'Shutdown'],
}

/** A server of RFC 8030 and no more: the status is all it says. */
const PLAIN: Words<number> = {
  unknown: 404,
  gone: 410,
  unauthorized: 401,
  key_mismatch: 403,
  ttl_missing: 400,
  ttl_negative: 400,
  bad_topic: 400,
  bad_urgency: 400,
  bad_encoding: 400,
  undecryptable: 400,
  too_big: 413,
  too_many: 429,
  overloaded: 503,
  internal: 500,
  bad_method: 405,
}

export const WEB_PUSH_FAULTS = [
  ...new Set([...Object.keys(AUTOPUSH), ...Object.keys(CASES)]),
] as readonly WebPushFault[]

export interface RefusalParticulars {
  /** In place of the service's usual words, where it has a place for them. */
  readonly message?: string | undefined
  /** Sent as it is: seconds or an HTTP date. */
  readonly retryAfter?: string | undefined
}

/** The answer on the wire. */
export function refusalAnswer(
  service: PushService,
  fault: WebPushFault,
  particulars: RefusalParticulars,
  random: Random,
): GatewayAnswer {
  const answer = ANSWERS[service](fault, particulars.message)
  const headers: Record<string, string> = { ...answer.headers }
  if (service === 'windows')
    Object.assign(headers, wnsHeaders(random, isThrottle(fault) ? 'channelthrottled' : 'dropped'))
  if (particulars.retryAfter !== undefined) headers['retry-after'] = particulars.retryAfter
  return { ...answer, headers }
}

/** What Microsoft's service tells of a message beside the status. */
export function wnsHeaders(
  random: Random,
  status: 'received' | 'dropped' | 'channelthrottled',
): Record<string, string> {
  return {
    'x-wns-status': status,
    'x-wns-notificationstatus': status,
    'x-wns-msg-id': randomHex(random, 16).toUpperCase(),
    'x-wns-debug-trace': `DB5SCH10104${randomHex(random, 4).toUpperCase()}`,
    'ms-cv': `${randomBase64url(random, 16)}.0`,
  }
}

const ANSWERS: Readonly<Record<PushService, (fault: WebPushFault, message?: string) => GatewayAnswer>> = {
  autopush: (fault, given) => {
    const { status, errno, message } = wordsOf(AUTOPUSH, fault)
    const more_info = 'http://autopush.readthedocs.io/en/latest/http.html#error-codes'
    const body = { code: status, errno, error: PHRASES[status], message: given ?? message, more_info }
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (status === 410) headers['cache-control'] = 'max-age=86400'
    if (status === 503) headers['retry-after'] = '120'
    return { status, headers, body: JSON.stringify(body) }
  },
  google: fault => {
    const [status, body] = wordsOf(GOOGLE, fault)
    return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
  },
  windows: fault => {
    const [status, description] = wordsOf(WINDOWS, fault)
    return { status, headers: { 'x-wns-error-description': description }, body: '' }
  },
  apple: fault => {
    const [status, reason] = wordsOf(APPLE, fault)
    return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ reason }) }
  },
  unifiedpush: fault => ({ status: wordsOf(PLAIN, fault), body: '' }),
}

function wordsOf<Row>(words: Words<Row>, fault: WebPushFault): Row {
  return words[fault] ?? words[isCase(fault) ? CASES[fault] : fault]
}

function isCase(fault: WebPushFault): fault is CaseFault {
  return Object.hasOwn(CASES, fault)
}

function isThrottle(fault: WebPushFault): boolean {
  return fault === 'too_many' || fault === 'too_many_429'
}
