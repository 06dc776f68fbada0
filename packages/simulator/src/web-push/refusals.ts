/**
 * The push services' refusals, each in its own words.
 *
 * Four services take the same protocol and answer the same faults differently; a row here is one fault in the words of
 * all four. Sources: Mozilla autopush's error table; Apple, "Sending web push notifications in web apps and browsers";
 * Microsoft, WNS response codes; bodies of Google's service as implementers saw them.
 */
import type { GatewayAnswer } from '../gateway/listener.ts'

export type PushService = 'autopush' | 'google' | 'windows' | 'apple'

export type WebPushFault =
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

interface AutopushRow {
  readonly status: number
  readonly errno: number | null
  readonly message: string
}

const AUTOPUSH: Readonly<Record<WebPushFault, AutopushRow>> = {
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
}

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  410: 'Gone',
  413: 'Payload Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

const GOOGLE: Readonly<Record<WebPushFault, readonly [number, string]>> = {
  unknown: [404, 'Not Found'],
  gone: [410, 'push subscription has unsubscribed or expired.\n'],
  unauthorized: [403, 'permission denied: invalid JWT provided'],
  key_mismatch: [
    403,
    'the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.\n',
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
}

const WINDOWS: Readonly<Record<WebPushFault, readonly [number, string]>> = {
  unknown: [404, 'The channel URI is not valid.'],
  gone: [410, 'The channel expired.'],
  unauthorized: [401, 'The VAPID token is invalid.'],
  key_mismatch: [401, 'The public key does not match the one that the channel was created with.'],
  ttl_missing: [400, 'TTL header missing.'],
  ttl_negative: [400, 'TTL header invalid.'],
  bad_topic: [400, 'Topic header invalid.'],
  bad_urgency: [400, 'Urgency header invalid.'],
  bad_encoding: [400, 'Content-Encoding header invalid.'],
  undecryptable: [400, 'The body cannot be decrypted with the subscription keys.'],
  too_big: [413, 'The payload exceeds 5000 bytes.'],
  too_many: [406, 'The cloud service exceeded its throttle limit.'],
  overloaded: [503, 'The server is currently unavailable.'],
  internal: [500, 'An internal failure has caused notification delivery to fail.'],
}

const APPLE: Readonly<Record<WebPushFault, readonly [number, string]>> = {
  unknown: [404, 'BadPath'],
  gone: [410, 'Unregistered'],
  unauthorized: [403, 'BadJwtToken'],
  key_mismatch: [400, 'VapidPkHashMismatch'],
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
}

/** The answer on the wire. `retryAfter` is sent as it is: seconds or an HTTP date. */
export function refusalAnswer(service: PushService, fault: WebPushFault, retryAfter?: string): GatewayAnswer {
  const answer = ANSWERS[service](fault)
  if (retryAfter === undefined) return answer
  return { ...answer, headers: { ...answer.headers, 'retry-after': retryAfter } }
}

const ANSWERS: Readonly<Record<PushService, (fault: WebPushFault) => GatewayAnswer>> = {
  autopush: fault => {
    const { status, errno, message } = AUTOPUSH[fault]
    const more = 'http://autopush.readthedocs.io/en/latest/http.html#error-codes'
    const body = { code: status, errno, error: PHRASES[status], message, more_info: more }
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (status === 410) headers['cache-control'] = 'max-age=86400'
    if (status === 503) headers['retry-after'] = '120'
    return { status, headers, body: JSON.stringify(body) }
  },
  google: fault => {
    const [status, body] = GOOGLE[fault]
    return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
  },
  windows: fault => {
    const [status, description] = WINDOWS[fault]
    const headers = { 'x-wns-status': 'dropped', 'x-wns-error-description': description }
    return { status, headers, body: '' }
  },
  apple: fault => {
    const [status, reason] = APPLE[fault]
    return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ reason }) }
  },
}
