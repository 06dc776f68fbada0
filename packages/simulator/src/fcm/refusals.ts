/**
 * FCM's refusals: the forms of error body, as its HTTP v1 API writes them.
 *
 * The order of `details` is not fixed, so it is drawn anew each time: a client must look for the `@type`.
 * Source: Firebase, "FCM error codes" (REST reference, ErrorCode); google.rpc.Status; bodies seen by implementers.
 */
import type { GatewayAnswer } from '../gateway/listener.ts'
import { type Random, shuffled } from '../randomness.ts'

export interface FcmRefusal {
  readonly form: FcmForm
  /** For `bad_request`: the field that is wrong, and why. */
  readonly field?: string
  readonly description?: string
  /** For `apns_disabled` and `third_party_auth`: what APNs told Google. */
  readonly apnsReason?: string
  /** Sent as it is: seconds or an HTTP date. */
  readonly retryAfter?: string
}

type Detail = { readonly '@type': string } & Readonly<Record<string, unknown>>

interface Form {
  readonly code: number
  readonly status: string
  readonly message: string
  readonly details: readonly Detail[]
}

const INVALID_CREDENTIALS =
  'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid ' +
  'authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.'

const HTML_404 =
  '<!DOCTYPE html>\n<html lang=en>\n  <title>Error 404 (Not Found)!!1</title>\n  <p><b>404.</b> <ins>That’s an error.</ins>\n'
const HTML_502 =
  '<!DOCTYPE html>\n<html lang=en>\n  <title>Error 502 (Server Error)!!1</title>\n  <p><b>502.</b> <ins>That’s an error.</ins>\n'

/** By name; each makes its body from the particulars of one refusal. */
const FORMS = {
  bad_request: ({ field = 'message', description = 'Invalid value' }) => ({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message: description,
    details: [rpc('BadRequest', { fieldViolations: [{ field, description }] })],
  }),
  invalid_argument: ({ description = 'Request contains an invalid argument.' }) => ({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message: description,
    details: [fcm('INVALID_ARGUMENT')],
  }),
  malformed_token: () => ({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message: 'The registration token is not a valid FCM registration token',
    details: [fcm('INVALID_ARGUMENT')],
  }),
  unregistered: ({ apnsReason }) => ({
    code: 404,
    status: 'NOT_FOUND',
    message: 'Requested entity was not found.',
    details: apnsReason === undefined ? [fcm('UNREGISTERED')] : [fcm('UNREGISTERED'), apns(410, apnsReason)],
  }),
  apns_disabled: ({ apnsReason = 'Unregistered' }) => ({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message: 'APNs device token is disabled.',
    details: [fcm('INVALID_ARGUMENT'), apns(410, apnsReason)],
  }),
  third_party_auth: ({ apnsReason = 'InvalidProviderToken' }) => ({
    code: 401,
    status: 'UNAUTHENTICATED',
    message: 'Auth error from APNS or Web Push Service',
    details: [fcm('THIRD_PARTY_AUTH_ERROR'), apns(403, apnsReason)],
  }),
  unauthenticated: () => ({
    code: 401,
    status: 'UNAUTHENTICATED',
    message: INVALID_CREDENTIALS,
    details: [errorInfo('ACCESS_TOKEN_TYPE_UNSUPPORTED', 'googleapis.com')],
  }),
  permission_denied: () => ({
    code: 403,
    status: 'PERMISSION_DENIED',
    message:
      "Permission 'cloudmessaging.messages.create' denied on resource " +
      "'//cloudresourcemanager.googleapis.com/projects/simulated' (or it may not exist).",
    details: [errorInfo('IAM_PERMISSION_DENIED', 'cloudresourcemanager.googleapis.com')],
  }),
  service_disabled: () => ({
    code: 403,
    status: 'PERMISSION_DENIED',
    message: 'Firebase Cloud Messaging API has not been used in this project before or it is disabled.',
    details: [errorInfo('SERVICE_DISABLED', 'googleapis.com')],
  }),
  sender_id_mismatch: () => ({
    code: 403,
    status: 'PERMISSION_DENIED',
    message: 'SenderId mismatch',
    details: [fcm('SENDER_ID_MISMATCH')],
  }),
  project_not_found: () => ({
    code: 404,
    status: 'NOT_FOUND',
    message: 'Requested entity was not found.',
    details: [],
  }),
  quota_exceeded: () => ({
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'Quota exceeded for message rate of this project.',
    details: [
      fcm('QUOTA_EXCEEDED'),
      rpc('QuotaFailure', {
        violations: [{ subject: 'project', description: 'Message rate exceeded for the project.' }],
      }),
    ],
  }),
  device_quota_exceeded: () => ({
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'Quota exceeded for message rate to this device.',
    details: [
      fcm('QUOTA_EXCEEDED'),
      rpc('QuotaFailure', {
        violations: [{ subject: 'device', description: 'Device message rate exceeded.' }],
      }),
    ],
  }),
  internal: () => ({
    code: 500,
    status: 'INTERNAL',
    message: 'Internal error encountered.',
    details: [fcm('INTERNAL')],
  }),
  unavailable: () => ({
    code: 503,
    status: 'UNAVAILABLE',
    message: 'The service is currently unavailable.',
    details: [fcm('UNAVAILABLE')],
  }),
} satisfies Record<string, (refusal: FcmRefusal) => Form>

/** Answers of the front end, which are not JSON. */
const PAGES = {
  html_404: { status: 404, body: HTML_404 },
  html_502: { status: 502, body: HTML_502 },
} as const

export type FcmForm = keyof typeof FORMS | keyof typeof PAGES

/** The answer on the wire. */
export function refusalAnswer(refusal: FcmRefusal, random: Random): GatewayAnswer {
  const retry = refusal.retryAfter === undefined ? undefined : { 'retry-after': refusal.retryAfter }
  const { form } = refusal
  if (isPage(form)) {
    const { status, body } = PAGES[form]
    return { status, headers: { 'content-type': 'text/html; charset=UTF-8', ...retry }, body }
  }
  const { code, status, message, details } = (FORMS[form] as (refusal: FcmRefusal) => Form)(refusal)
  const error = { code, message, status, ...(details.length > 0 && { details: shuffled(random, details) }) }
  return {
    status: code,
    headers: { 'content-type': 'application/json; charset=UTF-8', ...retry },
    body: JSON.stringify({ error }),
  }
}

function isPage(form: FcmForm): form is keyof typeof PAGES {
  return Object.hasOwn(PAGES, form)
}

function fcm(errorCode: string): Detail {
  return { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode }
}

function apns(statusCode: number, reason: string): Detail {
  return { '@type': 'type.googleapis.com/google.firebase.fcm.v1.ApnsError', statusCode, reason }
}

function rpc(type: string, fields: Readonly<Record<string, unknown>>): Detail {
  return { '@type': `type.googleapis.com/google.rpc.${type}`, ...fields }
}

function errorInfo(reason: string, domain: string): Detail {
  return rpc('ErrorInfo', { reason, domain })
}
