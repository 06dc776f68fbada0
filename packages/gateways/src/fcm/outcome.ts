/**
 * What FCM answered → outcome.
 *
 * FcmError.errorCode goes before the HTTP status. A 404 without FcmError is a wrong project or path, and an answer that
 * is no JSON comes from a front end: neither says anything of a token. INVALID_ARGUMENT has a file of its own.
 *
 *   401 with THIRD_PARTY_AUTH_ERROR  Firebase's key for Apple or browsers: that part of the project stops
 *   401 without FcmError             our access token: the client renews it once
 *   403 with SENDER_ID_MISMATCH      a token of another project
 *   403, 404 without FcmError        the service account, the API or the project: all stops
 *
 * Source: Firebase, "ErrorCode" and "FCM error codes"; forms of bodies as seen on the wire.
 */
import { readJsonObject, retryAfterMs } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { AttemptOutcome } from '../outcome.ts'
import { type FcmError, type FcmResponse, readError } from './error.ts'
import { QUOTA_PAUSE_MS } from './settings.ts'

/** `invalid_argument`: the token or the message, and which of both decides over the address. */
export type FcmVerdict =
  | { readonly kind: 'outcome'; readonly outcome: AttemptOutcome }
  | { readonly kind: 'invalid_argument'; readonly error: FcmError }

export function readResponse(response: FcmResponse, clock: Clock): FcmVerdict {
  if (response.status === 200) {
    return { kind: 'outcome', outcome: { kind: 'accepted', gatewayMessageId: messageIdOf(response) } }
  }
  const error = readError(response)
  if (isInvalidArgument(error)) return { kind: 'invalid_argument', error }
  const afterMs = retryAfterMs(response.headers, clock)
  return { kind: 'outcome', outcome: byCode(error, afterMs) ?? byStatus(error, afterMs) }
}

/** Our own access token is refused: worth one new token. With an FcmError the 401 is about Firebase's keys. */
export function isAccessTokenRefused(response: FcmResponse): boolean {
  return response.status === 401 && readError(response).fcmCode === undefined
}

function messageIdOf(response: FcmResponse): string | undefined {
  const name = readJsonObject(response.body)?.name
  return typeof name === 'string' ? name : undefined
}

/** By a code that we know, whatever the status; without any code by the status. */
function isInvalidArgument({ fcmCode, status }: FcmError): boolean {
  return fcmCode === 'INVALID_ARGUMENT' || (fcmCode === undefined && status === 400)
}

function byCode(error: FcmError, afterMs: number | undefined): AttemptOutcome | undefined {
  const { reason } = error
  switch (error.fcmCode ?? '') {
    case 'UNREGISTERED':
      return { kind: 'address_dead', reason: 'UNREGISTERED', since: undefined }
    case 'SENDER_ID_MISMATCH':
      return { kind: 'address_mismatch', reason: 'SENDER_ID_MISMATCH' }
    case 'THIRD_PARTY_AUTH_ERROR':
      return { kind: 'credential_fault', reason, part: refusedPart(error) }
    case 'QUOTA_EXCEEDED':
      return overQuota(error, afterMs)
    case 'INTERNAL':
    case 'UNAVAILABLE':
    case 'UNSPECIFIED_ERROR':
      return { kind: 'retry', reason, scope: 'origin', afterMs }
    default:
      return undefined
  }
}

/** No code, or one that is new: never a token. */
function byStatus(error: FcmError, afterMs: number | undefined): AttemptOutcome {
  const { status, reason } = error
  if (status === 429) return overQuota(error, afterMs)
  if (status === 401 || status === 403 || status === 404) return { kind: 'credential_fault', reason }
  if (status >= 400 && status < 500 && status !== 408) return { kind: 'message_fault', reason }
  return { kind: 'retry', reason, scope: 'origin', afterMs }
}

/** Whose key Firebase was refused with. Its usual words name both, and only Apple's reason beside them tells. */
function refusedPart({ apnsReason, message }: FcmError): string {
  if (apnsReason !== undefined) return 'apple'
  const named = [/apns|apple/i.test(message) ? 'apple' : '', /web ?push|vapid/i.test(message) ? 'web' : '']
  return named.filter(Boolean).join(' or ') || 'apple or web'
}

/**
 * Which quota is told only in words; where they name neither the device nor the topic it is taken for the project's.
 * A topic waits by itself, as a device does.
 */
function overQuota({ quotaText, message, reason }: FcmError, afterMs: number | undefined): AttemptOutcome {
  const scope = /device|topic/i.test(`${quotaText} ${message}`) ? 'device' : 'credential'
  return { kind: 'retry', reason, scope, afterMs: afterMs ?? QUOTA_PAUSE_MS }
}
