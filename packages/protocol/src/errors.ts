/**
 * Every error that Roost's API can answer: a code to test for, an HTTP status and a remedy to follow.
 * The error page in `docs/errors.md` is held to this table by a test, both ways.
 */
export interface ErrorSpec {
  readonly status: number
  readonly remedy: string
  /** Where the remedy goes by what the envelope of the device protocol does not have. */
  readonly deviceRemedy?: string
  readonly retryAfterSeconds?: number
}

export const ERRORS = {
  body_malformed: {
    status: 400,
    remedy: 'Send one JSON object in UTF-8; `detail` says where reading stopped.',
    deviceRemedy: 'Send one JSON object in UTF-8.',
  },
  body_too_large: {
    status: 413,
    remedy:
      'Send less in one request: device calls take 64 KiB, bulk calls and parts of an import 16 MiB, other calls 1 MiB.',
  },
  input_invalid: {
    status: 400,
    remedy: 'Correct the fields that `detail` names; GET /v1/openapi.json has the shapes.',
    deviceRemedy: 'Correct what is named here; docs/device-api.md has the fields of each method.',
  },
  token_missing: { status: 401, remedy: 'Send the header "Authorization: Bearer <server token>".' },
  token_unknown: {
    status: 401,
    remedy: 'Use a server token of this installation; a revoked or device token does not work here.',
  },
  device_token_refused: {
    status: 403,
    remedy: 'Use the device token that POST /v1/apps gave for this very app.',
  },
  app_unknown: {
    status: 404,
    remedy: 'Check the application code (XXXXX-XXXXX); GET /v1/apps lists those that exist.',
  },
  device_unknown: {
    status: 404,
    remedy: 'Check the hwid; it is case-sensitive and appears once the device has called in.',
  },
  user_unknown: {
    status: 404,
    remedy: 'Check the user id; it is case-sensitive and appears once a device has logged in with it.',
  },
  message_unknown: {
    status: 404,
    remedy: 'Check the message id; it is the one that POST …/messages answered.',
  },
  message_too_large: {
    status: 413,
    remedy: 'Shorten what `detail` names, or put less into "data": gateways take 4096 bytes, Web Push 3993.',
  },
  message_over: {
    status: 409,
    remedy: 'Nothing of it is left to stop or to go on with; GET …/messages/{id} shows its counts.',
  },
  image_refused: {
    status: 400,
    remedy:
      'Give the https URL of a JPEG, PNG, GIF or WebP of at most 10 MB; or set "onBadImage": "warn" to send all the same.',
  },
  credential_unknown: { status: 404, remedy: 'GET …/credentials lists the credentials of this app.' },
  credential_invalid: {
    status: 400,
    remedy: 'Upload the file as the vendor gave it; `detail` says what is wrong with this one.',
  },
  vapid_key_fixed: {
    status: 409,
    remedy: 'Add a second credential for the new key; subscriptions made with this one need it.',
  },
  credential_in_use: {
    status: 409,
    remedy: 'Keep it until these subscriptions are gone; a newer key pair beside it serves the next ones.',
  },
  credential_awaited: {
    status: 409,
    remedy:
      'Replace its content with PUT, or upload a good credential beside it: then the messages go on, and it can be deleted.',
  },
  webhook_unknown: { status: 404, remedy: 'GET …/webhooks lists the webhooks of this app.' },
  webhook_url_refused: {
    status: 400,
    remedy: 'Give an https URL on the default port of a public host; `detail` says what is wrong.',
  },
  import_unknown: { status: 404, remedy: 'Check the import id; it is the one that POST …/imports answered.' },
  import_moved: {
    status: 409,
    remedy: 'GET …/imports/{id} tells the byte to go on at; let one client send the parts, in order.',
  },
  bulk_request_unknown: {
    status: 404,
    remedy: 'Check the request id; results are kept for 30 days.',
  },
  alert_unknown: { status: 404, remedy: 'GET …/alerts lists the alerts of this app.' },
  alert_decided: {
    status: 409,
    remedy:
      'GET …/alerts/{id} tells what was decided; deaths that were released can be undone: POST …/removals/undo.',
  },
  undo_unknown: {
    status: 404,
    remedy: 'Check the undo id; it is the one that POST …/removals/undo answered.',
  },
  condition_invalid: { status: 400, remedy: 'Correct the condition at the place that `detail` names.' },
  segment_unknown: { status: 404, remedy: 'GET …/segments names the segments of this app.' },
  segment_in_use: { status: 409, remedy: 'Change or cancel what names it first.' },
  segment_name_taken: {
    status: 409,
    remedy: 'Choose another name, or change the segment that has this one.',
  },
  export_unknown: { status: 404, remedy: 'Have it made again: files are kept for a day.' },
  list_unknown: { status: 404, remedy: 'GET …/lists names the lists of this app.' },
  list_in_use: { status: 409, remedy: 'Cancel what names it, or wait until it is done.' },
  idempotency_key_reused: { status: 409, remedy: 'Use a new key, or repeat the first request unchanged.' },
  address_malformed: {
    status: 400,
    remedy:
      'Send what the platform returned, unchanged: the push token, and of a browser both of its keys, too.',
  },
  platform_unsupported: {
    status: 400,
    remedy: 'Use device_type 1 (iOS), 3 (Android), 7 (macOS), 10, 11, 12, 20, 150 (browsers) or 17 (Huawei).',
  },
  method_unknown: {
    status: 404,
    remedy: 'Check the method name; docs/device-api.md lists what this version answers.',
  },
  route_unknown: { status: 404, remedy: 'Check the path; GET /v1/openapi.json lists all of them.' },
  rate_limited: {
    status: 429,
    remedy: 'Wait for the seconds that Retry-After names; docs/configuration.md has the limits.',
  },
  not_ready: {
    status: 503,
    remedy:
      'Wait and repeat, a message with its idempotencyKey: when the connection broke at the very end, the change is stored.',
    retryAfterSeconds: 5,
  },
  internal: {
    status: 500,
    remedy: 'Repeat later; if it stays, look for the request id in the server log.',
    deviceRemedy: 'Repeat later; if it stays, look into the server log.',
  },
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof ERRORS

/** The one error class of the API. `message` holds the value, the place and what was allowed; never a secret. */
export class PushError extends Error {
  readonly code: ErrorCode
  /** When waiting helps, and for longer or shorter than the table says. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly retryAfterSeconds?: number },
  ) {
    super(message, options)
    this.name = 'PushError'
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds
  }
}
