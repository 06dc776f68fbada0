/**
 * Every error that Roost's API can answer: a code to test for, an HTTP status and a remedy to follow.
 * The error page in `docs/errors.md` is held to this table by a test, both ways.
 */
import type { FieldFault } from './field-fault.ts'
import type { Remark } from './remark.ts'

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
  token_missing: {
    status: 401,
    remedy: 'Send the header "Authorization: Bearer <server token>", or sign in with POST /v1/session.',
    deviceRemedy: 'Send the header "Authorization: Bearer <server token>".',
  },
  token_unknown: {
    status: 401,
    remedy: 'Use a server token of this installation; a revoked or device token does not work here.',
  },
  not_allowed: {
    status: 403,
    remedy:
      'Ask an owner of the app or of the installation for the right, or use a token that has it; GET /v1/me lists what you may do.',
  },
  session_over: { status: 401, remedy: 'Sign in again with POST /v1/session.' },
  origin_refused: {
    status: 403,
    remedy:
      'Call from a page of this server, or with a token instead of the cookie; a proxy before it has to pass the Host header on.',
  },
  sign_in_refused: {
    status: 401,
    remedy:
      'Check name, password and one-time code; who has lost them runs "roost access reset-password" beside the server.',
  },
  one_time_code_missing: {
    status: 401,
    remedy: 'Repeat with oneTimeCode: six digits of the authenticator, or a recovery code.',
  },
  password_weak: {
    status: 400,
    remedy:
      'Choose one that is not among the first to be guessed: four words that have nothing to do with each other.',
  },
  setup_done: { status: 409, remedy: 'Sign in with POST /v1/session; an owner invites others.' },
  setup_code_refused: {
    status: 403,
    remedy:
      'Give the set-up code that the server prints at its start ("roost access setup-code" shows it), or a server token.',
  },
  person_name_taken: { status: 409, remedy: 'Choose another name; capitals make no difference.' },
  member_unknown: { status: 404, remedy: 'GET /v1/members lists the people of this installation.' },
  member_invitation_unknown: {
    status: 404,
    remedy: 'Ask for another link: each is good for one person and for seven days.',
  },
  owner_needed: { status: 409, remedy: 'Make somebody else an owner of the installation first.' },
  session_unknown: { status: 404, remedy: 'GET /v1/me/sessions lists your sessions.' },
  second_factor_state: {
    status: 409,
    remedy:
      'Begin with POST /v1/me/second-factor and confirm it with PUT; one that is on is turned off before another begins.',
  },
  api_token_unknown: { status: 404, remedy: 'GET /v1/tokens lists the tokens of this installation.' },
  device_token_refused: {
    status: 403,
    remedy: 'Use the device token that POST /v1/apps gave for this very app.',
  },
  app_unknown: {
    status: 404,
    remedy: 'Check the application code (XXXXX-XXXXX); GET /v1/apps lists those that exist.',
  },
  app_archived: {
    status: 409,
    remedy:
      'Take the app out of the archive with POST /v1/apps/{app}/unarchive, or do without: until then it takes no devices and sends nothing.',
    deviceRemedy: 'The app is archived; nothing has to be repeated until its owner takes it back.',
  },
  app_not_archived: {
    status: 409,
    remedy:
      'Archive the app first, with POST /v1/apps/{app}/archive: that can be taken back, a deletion can not.',
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
    deviceRemedy: 'Check the code; it is the one that createMessage answered.',
  },
  message_too_large: {
    status: 413,
    remedy: 'Shorten what `detail` names, or put less into "data": gateways take 4096 bytes, Web Push 3993.',
    deviceRemedy: 'Shorten what is named here: gateways take 4096 bytes, Web Push 3993.',
  },
  message_over: {
    status: 409,
    remedy: 'Nothing of it is left to stop or to go on with; GET …/messages/{id} shows its counts.',
    deviceRemedy: 'Nothing of it is left to stop or to go on with; getMessageDetails shows its counts.',
  },
  call_unknown: {
    status: 404,
    remedy:
      'Check the id of the call; it is the one that POST …/calls answered, and a device knows the calls of its own user alone.',
  },
  call_over: { status: 409, remedy: 'Stop ringing: another answer was first, or the ring time is over.' },
  message_not_editable: {
    status: 409,
    remedy: 'Only what nothing has left of yet can be changed: cancel or recall it, and send another one.',
  },
  winner_decided: {
    status: 409,
    remedy: 'The rest of the audience is being sent to; GET …/messages/{id} has the verdict and its numbers.',
  },
  image_refused: {
    status: 400,
    remedy:
      'Give the https URL of a JPEG, PNG, GIF or WebP of at most 10 MB; or set "onBadImage": "warn" to send all the same.',
    deviceRemedy: 'Give the https URL of a JPEG, PNG, GIF or WebP of at most 10 MB.',
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
  job_unknown: { status: 404, remedy: 'GET /v1/jobs lists them.' },
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
  condition_invalid: {
    status: 400,
    remedy: 'Correct the condition at the place that `detail` names.',
    deviceRemedy: 'Correct the condition at the place that is named here; docs/segments.md has the language.',
  },
  segment_unknown: {
    status: 404,
    remedy: 'GET …/segments names the segments of this app.',
    deviceRemedy: 'listFilters names the filters of an app.',
  },
  segment_in_use: { status: 409, remedy: 'Change or cancel what names it first.' },
  segment_name_taken: {
    status: 409,
    remedy: 'Choose another name, or change the segment that has this one.',
    deviceRemedy: 'Choose another name, or delete the filter that has this one.',
  },
  export_unknown: { status: 404, remedy: 'Have it made again: files are kept for a day.' },
  schedule_unknown: { status: 404, remedy: 'GET …/schedules names the schedules of this app.' },
  schedule_name_taken: {
    status: 409,
    remedy: 'Change the schedule that has this name, or choose another name.',
  },
  trigger_name_taken: {
    status: 409,
    remedy: 'Change the trigger that has this name, or choose another name.',
  },
  trigger_unknown: { status: 404, remedy: 'GET …/triggers names the triggers of this app.' },
  invitation_unknown: {
    status: 404,
    remedy:
      'Make a new invitation (roost test-device, or POST …/test-devices/invitations): a code is good for ten minutes.',
  },
  invitation_taken: {
    status: 409,
    remedy: 'Make an invitation for each phone: a code is good for one.',
  },
  list_unknown: { status: 404, remedy: 'GET …/lists names the lists of this app.' },
  list_in_use: { status: 409, remedy: 'Cancel what names it, or wait until it is done.' },
  changed_meanwhile: {
    status: 412,
    remedy:
      'Read it again, look at what somebody else has changed, and repeat your change with the new ETag in If-Match.',
  },
  idempotency_key_reused: {
    status: 409,
    remedy: 'Use a new key, or repeat the first request unchanged.',
    deviceRemedy: 'Use a new transactionId, or repeat the first call unchanged.',
  },
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
    deviceRemedy:
      'Wait and repeat, a message with its transactionId: when the connection broke at the very end, the change is stored.',
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
  /** What its message says of a message's content, with the values apart. */
  readonly remarks: readonly Remark[]
  /** What its message names, for who writes the sentence in another language; one set of names for each code. */
  readonly values: Readonly<Record<string, string | number>> | undefined
  /** What its message says of the fields of the request, each with its values apart. */
  readonly faults: readonly FieldFault[]

  constructor(
    code: ErrorCode,
    message: string,
    options?: {
      readonly cause?: unknown
      readonly retryAfterSeconds?: number
      readonly remarks?: readonly Remark[]
      readonly values?: Readonly<Record<string, string | number>>
      readonly faults?: readonly FieldFault[]
    },
  ) {
    super(message, options)
    this.name = 'PushError'
    this.code = code
    this.retryAfterSeconds = options?.retryAfterSeconds
    this.remarks = options?.remarks ?? []
    this.values = options?.values
    this.faults = options?.faults ?? []
  }
}
