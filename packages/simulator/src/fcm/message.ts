/**
 * The rules of a message in FCM's HTTP v1 API: fields, targets, data, ttl and size.
 *
 * JSON follows proto3: names in snake_case or camelCase, unknown ones refused.
 * Source: Firebase, REST reference of projects.messages. What the 4096 bytes count is not spelled out; here it is
 * the keys and values of `data`, the part that all readings agree on.
 */
import { isRecord } from '../gateway/air.ts'
import type { FcmRefusal } from './refusals.ts'

const MAX_DATA_BYTES = 4096
const MAX_TTL_SECONDS = 2_419_200
const ANALYTICS_LABEL = /^[a-zA-Z0-9-_.~%]{1,50}$/
const TARGETS = ['token', 'fid', 'topic', 'condition']

/** Fields of each message type; an object names the type of a nested one. */
const FIELDS = {
  message: ['name', 'data', 'notification', 'android', 'webpush', 'apns', 'fcm_options', ...TARGETS],
  notification: ['title', 'body', 'image'],
  fcm_options: ['analytics_label'],
  android: [
    'collapse_key',
    'priority',
    'ttl',
    'restricted_package_name',
    'data',
    'notification',
    'fcm_options',
    'direct_boot_ok',
  ],
  'android.notification': [
    'title',
    'body',
    'icon',
    'color',
    'sound',
    'tag',
    'click_action',
    'body_loc_key',
    'body_loc_args',
    'title_loc_key',
    'title_loc_args',
    'channel_id',
    'ticker',
    'sticky',
    'event_time',
    'local_only',
    'notification_priority',
    'default_sound',
    'default_vibrate_timings',
    'default_light_settings',
    'vibrate_timings',
    'visibility',
    'notification_count',
    'light_settings',
    'image',
    'proxy',
    'bypass_proxy_notification',
  ],
  webpush: ['headers', 'data', 'notification', 'fcm_options'],
  apns: ['headers', 'payload', 'fcm_options', 'live_activity_token'],
} as const satisfies Record<string, readonly string[]>

export interface FcmMessage {
  readonly target: { readonly kind: 'token' | 'fid' | 'topic' | 'condition'; readonly value: string }
  readonly isDryRun: boolean
  readonly data: Readonly<Record<string, unknown>>
  readonly notification: Readonly<Record<string, unknown>> | undefined
  readonly apnsPayload: Readonly<Record<string, unknown>> | undefined
  readonly collapseKey: string | undefined
  readonly ttlSeconds: number | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** The message in a request body, or what is wrong with it. */
export function readMessage(body: Fields | undefined): FcmMessage | FcmRefusal {
  if (body === undefined) return badRequest('', 'Invalid JSON payload received.')
  const message = nested(body, 'message')
  if (message === undefined) return badRequest('message', 'Message must be specified')
  const refusal = checkNames(message) ?? checkTarget(message) ?? checkAndroid(nested(message, 'android'))
  const wrong = refusal ?? checkAllData(message) ?? checkLabels(message)
  return wrong ?? messageOf(message, field(body, 'validate_only') === true)
}

export function isRefusal(result: FcmMessage | FcmRefusal): result is FcmRefusal {
  return 'form' in result
}

/** What an Android app is handed: its own part of `data` in place of the common one. */
function messageOf(message: Fields, isDryRun: boolean): FcmMessage {
  const android = nested(message, 'android')
  const kind = TARGETS.find(name => message[name] !== undefined) as FcmMessage['target']['kind']
  const collapseKey = field(android, 'collapse_key')
  return {
    target: { kind, value: String(message[kind]) },
    isDryRun,
    data: nested(android, 'data') ?? nested(message, 'data') ?? {},
    notification: nested(android, 'notification') ?? nested(message, 'notification'),
    apnsPayload: nested(nested(message, 'apns'), 'payload'),
    collapseKey: typeof collapseKey === 'string' ? collapseKey : undefined,
    ttlSeconds: ttlSeconds(field(android, 'ttl')),
  }
}

function checkNames(message: Fields): FcmRefusal | undefined {
  const android = nested(message, 'android')
  return (
    unknownName('message', message, FIELDS.message) ??
    unknownName('message.notification', nested(message, 'notification'), FIELDS.notification) ??
    unknownName('message.fcm_options', nested(message, 'fcm_options'), FIELDS.fcm_options) ??
    unknownName('message.android', android, FIELDS.android) ??
    unknownName(
      'message.android.notification',
      nested(android, 'notification'),
      FIELDS['android.notification'],
    ) ??
    unknownName('message.webpush', nested(message, 'webpush'), FIELDS.webpush) ??
    unknownName('message.apns', nested(message, 'apns'), FIELDS.apns)
  )
}

function unknownName(
  path: string,
  fields: Fields | undefined,
  known: readonly string[],
): FcmRefusal | undefined {
  const name = Object.keys(fields ?? {}).find(key => !known.includes(snakeCase(key)))
  if (name === undefined) return undefined
  return badRequest(
    path,
    `Invalid JSON payload received. Unknown name "${name}" at '${path}': Cannot find field.`,
  )
}

function checkTarget(message: Fields): FcmRefusal | undefined {
  const given = TARGETS.filter(name => message[name] !== undefined)
  const [target] = given
  if (given.length > 1) {
    return badRequest(
      'message',
      `Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '${given[1]}'`,
    )
  }
  if (target === undefined) {
    return { form: 'invalid_argument', description: 'Recipient of the message is not set.' }
  }
  return typeof message[target] === 'string' ? undefined : wrongType(`message.${target}`, message[target])
}

function checkAllData(message: Fields): FcmRefusal | undefined {
  return (
    checkData('message.data', nested(message, 'data')) ??
    checkData('message.android.data', nested(nested(message, 'android'), 'data')) ??
    checkData('message.webpush.data', nested(nested(message, 'webpush'), 'data'))
  )
}

function checkData(path: string, data: Fields | undefined): FcmRefusal | undefined {
  let bytes = 0
  for (const [index, [key, value]] of Object.entries(data ?? {}).entries()) {
    if (typeof value !== 'string') return wrongType(`${path}[${index}].value`, value)
    if (isReserved(key)) return { form: 'invalid_argument', description: `Invalid data payload key: ${key}` }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  return bytes > MAX_DATA_BYTES ? { form: 'invalid_argument', description: 'Message is too big' } : undefined
}

function isReserved(key: string): boolean {
  return (
    key === 'from' ||
    key === 'message_type' ||
    key.startsWith('google.') ||
    key.startsWith('gcm.notification.')
  )
}

function checkAndroid(android: Fields | undefined): FcmRefusal | undefined {
  const ttl = field(android, 'ttl')
  if (ttl !== undefined && ttlSeconds(ttl) === undefined) {
    const description = `Invalid value at 'message.android.ttl' (type.googleapis.com/google.protobuf.Duration), ${JSON.stringify(ttl)}`
    return badRequest('message.android.ttl', description)
  }
  if ((ttlSeconds(ttl) ?? 0) > MAX_TTL_SECONDS) {
    return { form: 'invalid_argument', description: 'The TTL is out of range: 0s to 2419200s.' }
  }
  const priority = field(android, 'priority')
  if (priority === undefined || /^(?:normal|high)$/i.test(String(priority))) return undefined
  return badRequest(
    'message.android.priority',
    `Invalid value at 'message.android.priority' (TYPE_ENUM), "${String(priority)}"`,
  )
}

function checkLabels(message: Fields): FcmRefusal | undefined {
  for (const part of [message, ...['android', 'webpush', 'apns'].map(name => nested(message, name))]) {
    const label = field(nested(part, 'fcm_options'), 'analytics_label')
    if (label === undefined || ANALYTICS_LABEL.test(String(label))) continue
    return { form: 'invalid_argument', description: 'Invalid analytics label.' }
  }
  return undefined
}

function ttlSeconds(ttl: unknown): number | undefined {
  const match = typeof ttl === 'string' ? /^(\d+)(?:\.\d{1,9})?s$/.exec(ttl) : null
  return match === null ? undefined : Number(match[1])
}

function wrongType(path: string, value: unknown): FcmRefusal {
  return badRequest(path, `Invalid value at '${path}' (TYPE_STRING), ${JSON.stringify(value)}`)
}

function badRequest(fieldName: string, description: string): FcmRefusal {
  return { form: 'bad_request', field: fieldName, description }
}

function nested(fields: Fields | undefined, name: string): Fields | undefined {
  const value = field(fields, name)
  return isRecord(value) ? value : undefined
}

/** A field by its snake_case name, in either spelling. */
function field(fields: Fields | undefined, name: string): unknown {
  return fields?.[name] ?? fields?.[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())]
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
