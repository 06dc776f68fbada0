/**
 * What a browser's push service answered → outcome: by reason first, then by status. The services differ:
 * Apple names a reason in JSON, Mozilla an errno, Google speaks in text, Windows in headers.
 *
 * 404 and 410 end a subscription for good. 401 and 403 are about our key and never touch it, with two
 * exceptions: the subscription was made with another VAPID key (the service says so, and that is final for this
 * key), and Windows' 403 for one channel. What is said of our key stops the service that says it and no other.
 * Source: RFC 8030 §7.3; Apple, "Sending web push notifications"; Mozilla autopush, "Error codes"; Microsoft,
 * "Push notification service request and response headers".
 */
import { isObject, quote, readJsonObject, retryAfterMs } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { TransportResult } from '../transport.ts'
import type { Endpoint } from './endpoint.ts'
import { serviceOf } from './services.ts'

type Response = Extract<TransportResult, { kind: 'response' }>

export type WebPushVerdict =
  | 'address_dead'
  | 'vapid_key_mismatch'
  | 'not_authorised'
  | 'credential_fault'
  /** Google's one word for no VAPID, a wrong one, and another one than the subscription's. */
  | 'unauthorized_registration'
  | 'message_fault'
  | 'retry_device'
  | 'retry_origin'

/** Apple's reasons; which status goes with which is not fully documented. */
export const APPLE_REASONS: Readonly<Record<string, WebPushVerdict>> = {
  BadTtl: 'message_fault',
  BadUrgency: 'message_fault',
  BadWebPushTopic: 'message_fault',
  BadWebPushRequest: 'message_fault',
  VapidPkHashMismatch: 'vapid_key_mismatch',
  BadJwtToken: 'credential_fault',
  BadAuthorizationHeader: 'credential_fault',
  BadVapidPublicKey: 'credential_fault',
  BadPath: 'message_fault',
  MethodNotAllowed: 'message_fault',
  PayloadTooLarge: 'message_fault',
  TooManyRequests: 'retry_device',
  // Another connection serves.
  IdleTimeout: 'retry_device',
  Shutdown: 'retry_device',
  InternalServerError: 'retry_origin',
  ServiceUnavailable: 'retry_origin',
}

/** Mozilla's errno, where it says more than the status. */
export const MOZILLA_ERRNOS: Readonly<Record<number, WebPushVerdict>> = {
  101: 'message_fault',
  102: 'address_dead',
  103: 'address_dead',
  104: 'message_fault',
  105: 'address_dead',
  106: 'address_dead',
  // "Invalid router type": the endpoint is corrupt.
  108: 'address_dead',
  109: 'credential_fault',
  110: 'message_fault',
  111: 'message_fault',
  112: 'message_fault',
  113: 'message_fault',
  114: 'message_fault',
  201: 'retry_origin',
  // "Immediate retry": the service as a whole is well.
  202: 'retry_device',
}

/** Texts of "this subscription was made with another key", Google's, Mozilla's and Windows'. */
const KEY_MISMATCH_TEXTS = [
  /do not correspond to the credentials used to create the subscription/i,
  /VAPID public key mismatch/i,
  /public key.*channel/i,
]

/** Should it be our key after all, somebody has time to mend it before the tries are used up. */
const STRANGER_PAUSE_MS = 60 * 60_000

export interface Asked {
  readonly clock: Clock
  readonly endpoint: Endpoint
  /** The origin has taken a message in the name of the key that this request was signed with. */
  readonly isKeyProven: boolean
  /** Stand-ins have hosts of their own, and are believed like what they stand for. */
  readonly areStrangersBelieved: boolean
}

export function readResponse(response: Response, asked: Asked): AttemptOutcome {
  if (response.status >= 200 && response.status < 300) {
    return { kind: 'accepted', gatewayMessageId: messageIdOf(response.headers) }
  }
  const said = textOf(response)
  const verdict = verdictOf(response, quote(said))
  const text = quote(withoutCapability(said, asked.endpoint))
  // For what ends an address a code to count by, since every service words it differently.
  const reason = verdict === 'address_dead' ? String(response.status) : text || `status ${response.status}`
  if (verdict === 'unauthorized_registration') return outcomeOfUnauthorized(reason, asked)
  if (verdict === 'credential_fault') return outcomeOfRefusedKey(reason, asked)
  return outcomeOf(verdict, reason, retryAfterMs(response.headers, asked.clock))
}

/** Apple's and Windows' own ids, or the last part of the message URL: the URL itself is a capability. */
function messageIdOf(headers: Readonly<Record<string, string>>): string | undefined {
  return headers['apns-id'] ?? headers['x-wns-msg-id'] ?? headers.location?.split('/').at(-1)
}

function verdictOf(response: Response, text: string): WebPushVerdict {
  const { status } = response
  const answer = readJsonObject(response.body)
  const apple = typeof answer?.reason === 'string' ? ownValue(APPLE_REASONS, answer.reason) : undefined
  if (apple) return apple
  const isRefused = status >= 400 && status < 404
  if (isRefused && KEY_MISMATCH_TEXTS.some(pattern => pattern.test(text))) return 'vapid_key_mismatch'
  if (status === 410 && /domain blocked/i.test(text)) return 'credential_fault'
  if (status === 400 && text.includes('UnauthorizedRegistration')) return 'unauthorized_registration'
  const mozilla = typeof answer?.errno === 'number' ? MOZILLA_ERRNOS[answer.errno] : undefined
  return mozilla ?? verdictOfStatus(response)
}

function ownValue(table: Readonly<Record<string, WebPushVerdict>>, name: string): WebPushVerdict | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function verdictOfStatus({ status, headers }: Response): WebPushVerdict {
  if (status === 404 || status === 410) return 'address_dead'
  if (status === 403 && isWindows(headers)) return 'not_authorised'
  if (status === 401 || status === 403) return 'credential_fault'
  // 406 is Windows' word for 429.
  if (status === 406 || status === 408 || status === 429) return 'retry_origin'
  // A redirect is not followed, and says nothing of the subscription.
  return status >= 300 && status < 500 ? 'message_fault' : 'retry_origin'
}

function isWindows(headers: Readonly<Record<string, string>>): boolean {
  return Object.keys(headers).some(name => name.startsWith('x-wns-'))
}

/** A key that others of this origin are reached with is right: then this subscription belongs to another one. */
function outcomeOfUnauthorized(reason: string, asked: Asked): AttemptOutcome {
  return asked.isKeyProven
    ? { kind: 'address_mismatch', reason: 'vapid_key_mismatch' }
    : outcomeOfRefusedKey(reason, asked)
}

/**
 * Anybody can register an endpoint that finds fault with our key, so only a browser's own service is believed that the
 * key is refused, and that stops this service. What another API on its host says is nothing to it. Any other host may be
 * one that many share (a public UnifiedPush server, where a stranger can lock a topic of his own), so nobody else's
 * messages wait for what it says.
 */
function outcomeOfRefusedKey(reason: string, asked: Asked): AttemptOutcome {
  const { endpoint, isKeyProven, areStrangersBelieved } = asked
  const service = serviceOf(endpoint)
  if (service === 'neighbour') return { kind: 'message_fault', reason: `not_a_push_endpoint: ${reason}` }
  if (service === 'browser' || areStrangersBelieved)
    return { kind: 'credential_fault', reason, part: endpoint.origin }
  if (isKeyProven) return { kind: 'message_fault', reason: `refused_for_this_endpoint: ${reason}` }
  return { kind: 'retry', reason, scope: 'device', afterMs: STRANGER_PAUSE_MS }
}

type PlainVerdict = Exclude<WebPushVerdict, 'credential_fault' | 'unauthorized_registration'>

function outcomeOf(verdict: PlainVerdict, reason: string, afterMs: number | undefined): AttemptOutcome {
  switch (verdict) {
    case 'address_dead':
      return { kind: 'address_dead', reason, since: undefined }
    case 'vapid_key_mismatch':
      return { kind: 'address_mismatch', reason: 'vapid_key_mismatch' }
    case 'not_authorised':
      return { kind: 'address_mismatch', reason }
    case 'message_fault':
      return { kind: verdict, reason }
    case 'retry_device':
      return { kind: 'retry', reason, scope: 'device', afterMs }
    case 'retry_origin':
      return { kind: 'retry', reason, scope: 'origin', afterMs }
  }
}

/** The service's own words, wherever it puts them. */
function textOf({ headers, body }: Response): string {
  const answer = readJsonObject(body)
  const windows = headers['x-wns-error-description'] ?? ''
  const own = answer ? jsonTextOf(answer) : Buffer.from(body).toString('utf8')
  return [own, windows].filter(Boolean).join(' ')
}

/** Parts of a path that are shorter are names ("wpush", "send"); UnifiedPush's shortest secret has 14 characters. */
const SHORTEST_SECRET = 10

/** Who has the path can send, and many a server repeats it ("Cannot POST /…"). */
function withoutCapability(text: string, { path }: Endpoint): string {
  const secrets = path.split(/[/?&=]/).filter(part => part.length >= SHORTEST_SECRET)
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '[hidden]'), text)
}

function jsonTextOf(answer: Record<string, unknown>): string {
  if (typeof answer.reason === 'string') return answer.reason
  if (isObject(answer.error)) return typeof answer.error.message === 'string' ? answer.error.message : ''
  const errno = typeof answer.errno === 'number' ? `errno ${answer.errno}` : ''
  const message = typeof answer.message === 'string' ? answer.message : answer.error
  return [errno, typeof message === 'string' ? message : ''].filter(Boolean).join(': ')
}
