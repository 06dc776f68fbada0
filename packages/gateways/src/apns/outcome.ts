/**
 * What APNs answered → outcome. Classified by reason first, then by status: new reasons do appear.
 *
 * 400 BadDeviceToken is malformed **or** of the other environment, so it never ends an address by itself; 403 is
 * about our credential and says nothing of the address; 404 is a wrong path, never a token.
 * Source: Apple, "Handling notification responses from APNs".
 */
import { quote, readJsonObject, retryAfterMs } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { TransportFailure, TransportResult } from '../transport.ts'
import { SERVICE_PAUSE_MS } from './settings.ts'

type Response = Extract<TransportResult, { kind: 'response' }>

/** `retry_*`: what must wait. `reconnect`: this push alone, until another connection serves. */
export type ApnsVerdict =
  | 'message_fault'
  | 'credential_fault'
  | 'address_mismatch'
  | 'address_dead'
  | 'retry_device'
  | 'retry_credential'
  | 'retry_origin'
  | 'reconnect'

export interface ApnsRow {
  readonly status: number
  readonly reason: string
  readonly verdict: ApnsVerdict
}

export const APNS_REASONS = [
  { status: 400, reason: 'BadCollapseId', verdict: 'message_fault' },
  { status: 400, reason: 'BadDeviceToken', verdict: 'address_mismatch' },
  { status: 400, reason: 'BadExpirationDate', verdict: 'message_fault' },
  { status: 400, reason: 'BadMessageId', verdict: 'message_fault' },
  { status: 400, reason: 'BadPriority', verdict: 'message_fault' },
  // Of the configured bundle id; with a suffix behind it, it is the message's.
  { status: 400, reason: 'BadTopic', verdict: 'credential_fault' },
  { status: 400, reason: 'DeviceTokenNotForTopic', verdict: 'address_mismatch' },
  { status: 400, reason: 'DuplicateHeaders', verdict: 'message_fault' },
  { status: 400, reason: 'IdleTimeout', verdict: 'reconnect' },
  { status: 400, reason: 'InvalidPushType', verdict: 'message_fault' },
  { status: 400, reason: 'MissingDeviceToken', verdict: 'message_fault' },
  { status: 400, reason: 'MissingTopic', verdict: 'credential_fault' },
  { status: 400, reason: 'PayloadEmpty', verdict: 'message_fault' },
  { status: 400, reason: 'TopicDisallowed', verdict: 'credential_fault' },
  { status: 403, reason: 'BadCertificate', verdict: 'credential_fault' },
  { status: 403, reason: 'BadCertificateEnvironment', verdict: 'credential_fault' },
  // The session renews once and sends again before this row counts.
  { status: 403, reason: 'ExpiredProviderToken', verdict: 'credential_fault' },
  { status: 403, reason: 'Forbidden', verdict: 'credential_fault' },
  // The session tries a new connection before this row counts.
  { status: 403, reason: 'InvalidProviderToken', verdict: 'credential_fault' },
  { status: 403, reason: 'MissingProviderToken', verdict: 'credential_fault' },
  // The same.
  { status: 403, reason: 'UnrelatedKeyIdInToken', verdict: 'retry_credential' },
  { status: 403, reason: 'BadEnvironmentKeyIdInToken', verdict: 'credential_fault' },
  // Apple documents the row above; this is the text that is seen on the wire.
  { status: 403, reason: 'BadEnvironmentKeyInToken', verdict: 'credential_fault' },
  { status: 404, reason: 'BadPath', verdict: 'message_fault' },
  { status: 405, reason: 'MethodNotAllowed', verdict: 'message_fault' },
  { status: 410, reason: 'Unregistered', verdict: 'address_dead' },
  { status: 410, reason: 'ExpiredToken', verdict: 'address_dead' },
  { status: 413, reason: 'PayloadTooLarge', verdict: 'message_fault' },
  { status: 429, reason: 'TooManyProviderTokenUpdates', verdict: 'retry_credential' },
  { status: 429, reason: 'TooManyRequests', verdict: 'retry_device' },
  { status: 500, reason: 'InternalServerError', verdict: 'retry_origin' },
  { status: 503, reason: 'ServiceUnavailable', verdict: 'retry_origin' },
  { status: 503, reason: 'Shutdown', verdict: 'reconnect' },
] as const satisfies readonly ApnsRow[]

const VERDICTS = new Map<string, ApnsVerdict>(APNS_REASONS.map(row => [row.reason, row.verdict]))

/** Tokens are renewed at 45 minutes, so one that has run out by Apple's clock is young by ours only. */
const WORDS: Readonly<Record<string, string>> = {
  ExpiredProviderToken: "ExpiredProviderToken: check this server's clock",
}

export function readResponse(response: Response, clock: Clock, isSuffixed = false): AttemptOutcome {
  if (response.status === 200) return { kind: 'accepted', gatewayMessageId: response.headers['apns-id'] }
  const reason = reasonOf(response)
  const verdict = isSuffixed && reason === 'BadTopic' ? 'message_fault' : verdictOf(response)
  return outcomeOf(
    verdict,
    WORDS[reason] ?? (reason || `status ${response.status}`),
    readJsonObject(response.body)?.timestamp,
    retryAfterMs(response.headers, clock),
  )
}

export function verdictOf(response: Response): ApnsVerdict {
  return VERDICTS.get(reasonOf(response)) ?? verdictOfStatus(response.status)
}

/** The `reason` of the answer; empty when it has none. */
export function reasonOf(response: Response): string {
  const reason = readJsonObject(response.body)?.reason
  return typeof reason === 'string' ? quote(reason) : ''
}

/**
 * A refused certificate or key often gets no HTTP answer but a GOAWAY with the same JSON, or ends the TLS handshake.
 * Taken for a lost connection, the sender would reconnect for ever. `hasCertificate`: our side showed one.
 */
export function readFailure(failure: TransportFailure, hasCertificate = false): AttemptOutcome {
  const reason = readJsonObject(Buffer.from(failure.goaway ?? ''))?.reason
  // What may have been processed stays uncertain, whatever the connection ended for.
  const isKeyProblem = typeof reason === 'string' && VERDICTS.get(reason) === 'credential_fault'
  if (failure.kind === 'not_sent' && isKeyProblem) {
    return { kind: 'credential_fault', reason }
  }
  const alert = hasCertificate ? alertIn(failure.reason) : undefined
  if (alert !== undefined) return { kind: 'credential_fault', reason: `tls_certificate_refused: ${alert}` }
  return { kind: failure.kind, reason: failure.reason }
}

/**
 * What a server says of a client's certificate (RFC 8446 §6.2). It can only say so before its side of the handshake is
 * done, so nothing was processed, though with TLS 1.3 our requests may be under way by then.
 */
const CERTIFICATE_ALERTS: Readonly<Record<number, string>> = {
  40: 'handshake failure',
  42: 'bad certificate',
  43: 'unsupported certificate',
  44: 'certificate revoked',
  45: 'certificate expired',
  46: 'certificate unknown',
  48: 'unknown certificate authority',
  49: 'access denied',
  51: 'the private key does not belong to the certificate',
  116: 'certificate required',
}

/** OpenSSL's code for an alert from the peer: library 0A (TLS), then 1000 and the alert. */
const ALERT_CODE = /error:0A000([0-9A-F]{3}):/i
const FIRST_ALERT_CODE = 1000

function alertIn(reason: string): string | undefined {
  const code = ALERT_CODE.exec(reason)?.[1]
  return code === undefined ? undefined : CERTIFICATE_ALERTS[Number.parseInt(code, 16) - FIRST_ALERT_CODE]
}

/** Refused in this environment only. */
export function isOfEnvironment(reason: string): boolean {
  return /^(BadEnvironmentKey(Id)?InToken|BadCertificateEnvironment|certificate_not_for_(production|sandbox))$/.test(
    reason,
  )
}

function verdictOfStatus(status: number): ApnsVerdict {
  if (status === 410) return 'address_dead'
  if (status === 429) return 'retry_device'
  if (status === 401 || status === 403) return 'credential_fault'
  return status >= 400 && status < 500 ? 'message_fault' : 'retry_origin'
}

function outcomeOf(
  verdict: ApnsVerdict,
  reason: string,
  timestamp: unknown,
  afterMs: number | undefined,
): AttemptOutcome {
  switch (verdict) {
    case 'message_fault':
    case 'credential_fault':
    case 'address_mismatch':
      return { kind: verdict, reason }
    case 'address_dead':
      return { kind: 'address_dead', reason, since: dateOf(timestamp) }
    // Not at once again and again: should every connection be ended for some seconds, the tries would be used up.
    case 'reconnect':
    case 'retry_device':
      return { kind: 'retry', reason, scope: 'device', afterMs }
    case 'retry_credential':
      return { kind: 'retry', reason, scope: 'credential', afterMs }
    case 'retry_origin':
      return { kind: 'retry', reason, scope: 'origin', afterMs: afterMs ?? SERVICE_PAUSE_MS }
  }
}

/** Apple's time is in milliseconds; anything else is no time. */
function dateOf(timestamp: unknown): Date | undefined {
  if (typeof timestamp !== 'number') return undefined
  const date = new Date(timestamp)
  return Number.isNaN(date.getTime()) ? undefined : date
}
