/**
 * The parts of FCM's error body that decide, found by their `@type`: `details` come in any order, and a body that is no
 * JSON comes from a front end.
 * Source: Firebase, "ErrorCode" and "FCM error codes"; google.rpc.Status; forms of bodies as seen on the wire.
 */
import { isObject, quote, readJsonObject } from '../answer.ts'
import type { TransportResult } from '../transport.ts'

export type FcmResponse = Extract<TransportResult, { kind: 'response' }>

export interface FcmError {
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

export function readError(response: FcmResponse): FcmError {
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
    reason: quote([code, apnsReason ?? withoutValue(message)].filter(Boolean).join(': ')),
  }
}

/** "Invalid value at 'message.fid' (TYPE_STRING), …": behind the type stands what was sent, a token or a text of the sender's. */
function withoutValue(message: string): string {
  return message.replace(/^(Invalid value at '[^']*' \([^)]*\)),.*$/s, '$1')
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
