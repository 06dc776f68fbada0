/**
 * FCM's refusals: the forms of error body, as its HTTP v1 API writes them.
 *
 * The order of `details` is not fixed, so it is drawn anew each time: a client must look for the `@type`.
 * Source: Firebase, "FCM error codes" (REST reference, ErrorCode); google.rpc.Status; bodies seen by implementers.
 */
import type { GatewayAnswer } from '../gateway/listener.ts'
import { type Random, shuffled } from '../randomness.ts'
import type { Violation } from './schema.ts'

export interface FcmRefusal {
  readonly form: FcmForm
  /** For `bad_request`: the field that is wrong, and why. */
  readonly field?: string
  readonly description?: string
  /** For `bad_request` with several fields that are wrong, in place of the two above. */
  readonly violations?: readonly Violation[]
  /** For `apns_disabled`, `unregistered` and `third_party_auth`: what APNs told Google. */
  readonly apnsReason?: string
  /** For `permission_denied` and `service_disabled`: the project that was asked for. */
  readonly projectId?: string
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

const CREDENTIALS_MISSING =
  'Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other ' +
  'valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.'

/** The status with which APNs gives a reason, where it is not 410. */
const APNS_STATUSES: Readonly<Record<string, number>> = { BadDeviceToken: 400, DeviceTokenNotForTopic: 400 }

/** By name; each makes its body from the particulars of one refusal. */
const FORMS = {
  bad_request: ({ field = 'message', description = 'Invalid value', violations }) => {
    const fieldViolations = violations ?? [{ field, description }]
    return {
      code: 400,
      status: 'INVALID_ARGUMENT',
      message: fieldViolations.map(violation => violation.description).join('\n'),
      details: [rpc('BadRequest', { fieldViolations })],
    }
  },
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
    details: [fcm('UNREGISTERED'), ...(apnsReason === undefined ? [] : [apns(410, apnsReason)])],
  }),
  apns_disabled: ({ apnsReason = 'Unregistered' }) => ({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message: 'APNs device token is disabled.',
    details: [fcm('INVALID_ARGUMENT'), apns(APNS_STATUSES[apnsReason] ?? 410, apnsReason)],
  }),
  third_party_auth: ({ apnsReason = 'InvalidProviderToken' }) => ({
    code: 401,
    status: 'UNAUTHENTICATED',
    message: 'Auth error from APNS or Web Push Service',
    details: [fcm('THIRD_PARTY_AUTH_ERROR'), apns(403, apnsReason)],
  }),
  /** The same for a browser, of which APNs knows nothing. */
  web_push_auth: () => ({
    code: 401,
    status: 'UNAUTHENTICATED',
    message: 'Auth error from APNS or Web Push Service',
    details: [fcm('THIRD_PARTY_AUTH_ERROR')],
  }),
  unauthenticated: () => ({
    code: 401,
    status: 'UNAUTHENTICATED',
    message: INVALID_CREDENTIALS,
    details: [errorInfo('ACCESS_TOKEN_TYPE_UNSUPPORTED', 'googleapis.com')],
  }),
  credentials_missing: () => ({
    code: 401,
    status: 'UNAUTHENTICATED',
    message: CREDENTIALS_MISSING,
    details: [errorInfo('CREDENTIALS_MISSING', 'googleapis.com')],
  }),
  permission_denied: ({ projectId = 'simulated' }) => ({
    code: 403,
    status: 'PERMISSION_DENIED',
    message:
      "Permission 'cloudmessaging.messages.create' denied on resource " +
      `'//cloudresourcemanager.googleapis.com/projects/${projectId}' (or it may not exist).`,
    details: [errorInfo('IAM_PERMISSION_DENIED', 'cloudresourcemanager.googleapis.com')],
  }),
  service_disabled: ({ projectId = 'simulated' }) => ({
    code: 403,
    status: 'PERMISSION_DENIED',
    message: `Firebase Cloud Messaging API has not been used in project ${projectId} before or it is disabled.`,
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
  quota_exceeded: () =>
    quota(
      'Quota exceeded for message rate of this project.',
      'project',
      'Message rate exceeded for the project.',
    ),
  device_quota_exceeded: () =>
    quota('Quota exceeded for message rate to this device.', 'device', 'Device message rate exceeded.'),
  collapsible_quota_exceeded: () =>
    quota(
      'Quota exceeded for message rate to this device.',
      'device',
      'Device message rate exceeded: too many collapsible messages.',
    ),
  topic_quota_exceeded: () =>
    quota('Quota exceeded for message rate to this topic.', 'topic', 'Topic message rate exceeded.'),
  /** Overload of the front end, without a word of FCM. */
  resource_exhausted: () => ({
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'Resource has been exhausted (e.g. check quota).',
    details: [],
  }),
  already_exists: () => ({
    code: 409,
    status: 'ALREADY_EXISTS',
    message: 'Requested entity already exists',
    details: [],
  }),
  deadline_exceeded: () => ({
    code: 504,
    status: 'DEADLINE_EXCEEDED',
    message: 'Deadline expired before operation could complete.',
    details: [],
  }),
  unspecified: () => ({
    code: 500,
    status: 'UNKNOWN',
    message: 'Unknown error encountered.',
    details: [fcm('UNSPECIFIED_ERROR')],
  }),
  /** A code that does not exist yet. */
  unknown_code: () => ({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message: 'Request contains an invalid argument.',
    details: [fcm('SOMETHING_NEW')],
  }),
  /** The same on the status where it would do most harm. */
  unknown_code_404: () => ({
    code: 404,
    status: 'NOT_FOUND',
    message: 'Requested entity was not found.',
    details: [fcm('SOMETHING_NEW')],
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
  html_404: page(404, 'Not Found'),
  html_500: page(500, 'Server Error'),
  html_502: page(502, 'Server Error'),
  html_503: page(503, 'Service Unavailable'),
  html_504: page(504, 'Gateway Timeout'),
} as const

export type FcmForm = keyof typeof FORMS | keyof typeof PAGES

export const FCM_FORMS = [...Object.keys(FORMS), ...Object.keys(PAGES)] as readonly FcmForm[]

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

function page(status: number, phrase: string): { readonly status: number; readonly body: string } {
  const title = `Error ${status} (${phrase})!!1`
  return {
    status,
    body: `<!DOCTYPE html>\n<html lang=en>\n  <title>${title}</title>\n  <p><b>${status}.</b> <ins>That’s an error.</ins>\n`,
  }
}

function quota(message: string, subject: string, description: string): Form {
  const failure = rpc('QuotaFailure', { violations: [{ subject, description }] })
  return { code: 429, status: 'RESOURCE_EXHAUSTED', message, details: [fcm('QUOTA_EXCEEDED'), failure] }
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
