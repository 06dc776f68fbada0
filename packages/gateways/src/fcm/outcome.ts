/**
 * What FCM answered → outcome.
 *
 * `details` come in any order and are found by their `@type`; FcmError.errorCode goes before the HTTP status.
 * INVALID_ARGUMENT is about the token or about the payload, and which of both decides over the address. A 404
 * without FcmError is a wrong project or path, and an answer that is no JSON comes from a front end: neither
 * says anything of a token.
 * Source: Firebase, "ErrorCode" and "FCM error codes"; forms of bodies as seen on the wire.
 */
import { isObject, quote, readJsonObject, retryAfterMs } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { TransportResult } from '../transport.ts'
import { QUOTA_PAUSE_MS } from './settings.ts'

type Response = Extract<TransportResult, { kind: 'response' }>

/** The parts of an error body that decide. */
interface FcmError {
  readonly status: number
  readonly fcmCode: string | undefined
  readonly apnsReason: string | undefined
  /** Fields named by google.rpc.BadRequest; `undefined` when there is none. */
  readonly badFields: readonly string[] | undefined
  readonly quotaText: string
  readonly message: string
  /** The most telling words, for a person. */
  readonly reason: string
}

const APNS_TOKEN_REASONS = new Set([
  'Unregistered',
  'ExpiredToken',
  'BadDeviceToken',
  'DeviceTokenNotForTopic',
])
const TARGET_FIELDS = new Set(['message.token', 'message.fid'])

export function readResponse(response: Response, clock: Clock): AttemptOutcome {
  if (response.status === 200) return { kind: 'accepted', gatewayMessageId: messageIdOf(response) }
  const error = readError(response)
  const afterMs = retryAfterMs(response.headers, clock)
  return byCode(error, afterMs) ?? byStatus(error, afterMs)
}

/** Our own access token is refused: worth one new token. With an FcmError the 401 is about Firebase's keys. */
export function isAccessTokenRefused(response: Response): boolean {
  return response.status === 401 && readError(response).fcmCode === undefined
}

function messageIdOf(response: Response): string | undefined {
  const name = readJsonObject(response.body)?.name
  return typeof name === 'string' ? name : undefined
}

function byCode(error: FcmError, afterMs: number | undefined): AttemptOutcome | undefined {
  const { reason } = error
  switch (error.fcmCode ?? '') {
    case 'UNREGISTERED':
      return { kind: 'address_dead', reason: 'UNREGISTERED', since: undefined }
    case 'SENDER_ID_MISMATCH':
      return { kind: 'address_mismatch', reason: 'SENDER_ID_MISMATCH' }
    // The key that Firebase holds for Apple or browsers is refused: ours is good, and Android goes on with it.
    case 'THIRD_PARTY_AUTH_ERROR':
      return { kind: 'address_mismatch', reason: 'THIRD_PARTY_AUTH_ERROR' }
    case 'INVALID_ARGUMENT':
      return invalidArgument(error)
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

function byStatus(error: FcmError, afterMs: number | undefined): AttemptOutcome {
  const { status, reason } = error
  if (status === 429) return overQuota(error, afterMs)
  if (status === 401 || status === 403 || status === 404) return { kind: 'credential_fault', reason }
  if (status === 400) return invalidArgument(error)
  if (status > 400 && status < 500 && status !== 408) return { kind: 'message_fault', reason }
  return { kind: 'retry', reason, scope: 'origin', afterMs }
}

/** Token or payload? In doubt the token is kept. */
function invalidArgument(error: FcmError): AttemptOutcome {
  return isAboutToken(error)
    ? { kind: 'address_dead', reason: error.reason, since: undefined }
    : { kind: 'message_fault', reason: error.reason }
}

function isAboutToken({ apnsReason, badFields, fcmCode, message }: FcmError): boolean {
  if (apnsReason !== undefined) return APNS_TOKEN_REASONS.has(apnsReason)
  if (badFields !== undefined) return badFields.some(field => TARGET_FIELDS.has(field))
  return fcmCode !== undefined && message.includes('registration token')
}

/** Which quota is told only in words; where they do not name the device it is taken for the project's. */
function overQuota({ quotaText, message, reason }: FcmError, afterMs: number | undefined): AttemptOutcome {
  const scope = /device/i.test(`${quotaText} ${message}`) ? 'device' : 'credential'
  return { kind: 'retry', reason, scope, afterMs: afterMs ?? QUOTA_PAUSE_MS }
}

function readError(response: Response): FcmError {
  const body = readJsonObject(response.body)?.error
  const error = isObject(body) ? body : {}
  const details = Array.isArray(error.details) ? error.details.filter(isObject) : []
  const fcm = detailOf(details, 'google.firebase.fcm.v1.FcmError')
  const fcmCode = textIn(fcm, 'errorCode') ?? textIn(fcm, 'error_code')
  const apnsReason = textIn(detailOf(details, 'google.firebase.fcm.v1.ApnsError'), 'reason')
  const message = textIn(error, 'message') ?? ''
  const code = fcmCode ?? textIn(error, 'status') ?? `status ${response.status}`
  return {
    status: response.status,
    fcmCode,
    apnsReason,
    badFields: fieldsOf(detailOf(details, 'google.rpc.BadRequest')),
    quotaText: quotaTextOf(detailOf(details, 'google.rpc.QuotaFailure')),
    message,
    reason: quote([code, apnsReason ?? message].filter(Boolean).join(': ')),
  }
}

function detailOf(
  details: readonly Record<string, unknown>[],
  type: string,
): Record<string, unknown> | undefined {
  return details.find(detail => detail['@type'] === `type.googleapis.com/${type}`)
}

function textIn(object: Record<string, unknown> | undefined, name: string): string | undefined {
  const value = object?.[name]
  return typeof value === 'string' ? value : undefined
}

function fieldsOf(badRequest: Record<string, unknown> | undefined): string[] | undefined {
  if (!badRequest) return undefined
  return listIn(badRequest, 'fieldViolations').map(violation => textIn(violation, 'field') ?? '')
}

/** Without `subject`, which names the project: a project may well be called "device". */
function quotaTextOf(quotaFailure: Record<string, unknown> | undefined): string {
  const names = ['description', 'quotaMetric', 'quotaId']
  return listIn(quotaFailure, 'violations')
    .flatMap(violation => names.map(name => textIn(violation, name) ?? ''))
    .join(' ')
}

function listIn(object: Record<string, unknown> | undefined, name: string): Record<string, unknown>[] {
  const value = object?.[name]
  return Array.isArray(value) ? value.filter(isObject) : []
}
