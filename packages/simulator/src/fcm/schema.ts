/**
 * The shape of a message in FCM's HTTP v1 API: the names and types of all fields, and the check of a body against them.
 *
 * JSON follows proto3: names in snake_case or camelCase, unknown ones refused, null the same as absent, durations as
 * text. Every violation of a body is told, each with its path.
 * Source: Firebase, REST reference of projects.messages; protobuf, "ProtoJSON format".
 */
import { isRecord } from '../gateway/air.ts'

export type Fields = Readonly<Record<string, unknown>>

export interface Violation {
  readonly field: string
  readonly description: string
}

type Scalar = keyof typeof SCALARS
type Type =
  | Scalar
  | { readonly list: Scalar }
  | { readonly enum: string; readonly names: readonly string[] }
  | { readonly message: string; readonly fields: Readonly<Record<string, Type>> }

const SCALARS = {
  string: { name: 'TYPE_STRING', accepts: (value: unknown) => typeof value === 'string' },
  bool: { name: 'TYPE_BOOL', accepts: (value: unknown) => typeof value === 'boolean' },
  int32: {
    name: 'TYPE_INT32',
    accepts: (value: unknown) =>
      Number.isInteger(value) || (typeof value === 'string' && /^-?\d+$/.test(value)),
  },
  float: { name: 'TYPE_FLOAT', accepts: (value: unknown) => typeof value === 'number' },
  duration: {
    name: 'type.googleapis.com/google.protobuf.Duration',
    accepts: (value: unknown) => durationSeconds(value) !== undefined,
  },
  timestamp: {
    name: 'type.googleapis.com/google.protobuf.Timestamp',
    accepts: (value: unknown) =>
      typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value),
  },
  struct: { name: 'type.googleapis.com/google.protobuf.Struct', accepts: isRecord },
  /** Text by text; its members are checked one by one. */
  map: { name: 'TYPE_MESSAGE', accepts: isRecord },
} as const

const FCM_OPTIONS: Type = { message: 'FcmOptions', fields: { analytics_label: 'string' } }

const LIGHT_SETTINGS: Type = {
  message: 'LightSettings',
  fields: {
    color: { message: 'Color', fields: { red: 'float', green: 'float', blue: 'float', alpha: 'float' } },
    light_on_duration: 'duration',
    light_off_duration: 'duration',
  },
}

const ANDROID_NOTIFICATION: Type = {
  message: 'AndroidNotification',
  fields: {
    title: 'string',
    body: 'string',
    icon: 'string',
    color: 'string',
    sound: 'string',
    tag: 'string',
    click_action: 'string',
    body_loc_key: 'string',
    body_loc_args: { list: 'string' },
    title_loc_key: 'string',
    title_loc_args: { list: 'string' },
    channel_id: 'string',
    ticker: 'string',
    sticky: 'bool',
    event_time: 'timestamp',
    local_only: 'bool',
    notification_priority: {
      enum: 'NotificationPriority',
      names: [
        'PRIORITY_UNSPECIFIED',
        'PRIORITY_MIN',
        'PRIORITY_LOW',
        'PRIORITY_DEFAULT',
        'PRIORITY_HIGH',
        'PRIORITY_MAX',
      ],
    },
    default_sound: 'bool',
    default_vibrate_timings: 'bool',
    default_light_settings: 'bool',
    vibrate_timings: { list: 'duration' },
    visibility: { enum: 'Visibility', names: ['VISIBILITY_UNSPECIFIED', 'PRIVATE', 'PUBLIC', 'SECRET'] },
    notification_count: 'int32',
    light_settings: LIGHT_SETTINGS,
    image: 'string',
    proxy: { enum: 'Proxy', names: ['PROXY_UNSPECIFIED', 'ALLOW', 'DENY', 'IF_PRIORITY_LOWERED'] },
    bypass_proxy_notification: 'bool',
  },
}

const ANDROID: Type = {
  message: 'AndroidConfig',
  fields: {
    collapse_key: 'string',
    priority: { enum: 'AndroidMessagePriority', names: ['NORMAL', 'HIGH'] },
    ttl: 'duration',
    restricted_package_name: 'string',
    data: 'map',
    notification: ANDROID_NOTIFICATION,
    fcm_options: FCM_OPTIONS,
    direct_boot_ok: 'bool',
  },
}

const WEBPUSH: Type = {
  message: 'WebpushConfig',
  fields: {
    headers: 'map',
    data: 'map',
    notification: 'struct',
    fcm_options: { message: 'WebpushFcmOptions', fields: { link: 'string', analytics_label: 'string' } },
  },
}

const APNS: Type = {
  message: 'ApnsConfig',
  fields: {
    headers: 'map',
    payload: 'struct',
    fcm_options: { message: 'ApnsFcmOptions', fields: { analytics_label: 'string', image: 'string' } },
    live_activity_token: 'string',
  },
}

const SEND_REQUEST = {
  validate_only: 'bool',
  message: {
    message: 'Message',
    fields: {
      name: 'string',
      data: 'map',
      notification: { message: 'Notification', fields: { title: 'string', body: 'string', image: 'string' } },
      android: ANDROID,
      webpush: WEBPUSH,
      apns: APNS,
      fcm_options: FCM_OPTIONS,
      token: 'string',
      fid: 'string',
      topic: 'string',
      condition: 'string',
    },
  },
} as const satisfies Record<string, Type>

/** What of a body does not fit; empty when all does. */
export function violations(body: Fields): readonly Violation[] {
  return checkFields('', body, SEND_REQUEST)
}

/** Seconds of a duration such as `3.5s`; undefined when the value is none. */
export function durationSeconds(value: unknown): number | undefined {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d{1,9})?)s$/.exec(value) : null
  return match === null ? undefined : Number(match[1])
}

/** A field by its snake_case name, in either spelling; null is absent. */
export function field(fields: Fields | undefined, name: string): unknown {
  const value = fields?.[name] ?? fields?.[camelCase(name)]
  return value ?? undefined
}

export function nested(fields: Fields | undefined, name: string): Fields | undefined {
  const value = field(fields, name)
  return isRecord(value) ? value : undefined
}

export function text(fields: Fields | undefined, name: string): string | undefined {
  const value = field(fields, name)
  return typeof value === 'string' ? value : undefined
}

const NONE: readonly Violation[] = []

function checkFields(
  path: string,
  fields: Fields,
  types: Readonly<Record<string, Type>>,
): readonly Violation[] {
  let found = NONE
  for (const given of Object.keys(fields)) {
    const value = fields[given]
    const name = snakeCase(given)
    const type = Object.hasOwn(types, name) ? types[name] : undefined
    if (type === undefined) found = [...found, unknownName(path, given)]
    else if (value !== null)
      found = both(found, checkValue(path === '' ? name : `${path}.${name}`, value, type))
  }
  return found
}

/** Hardly ever is there any. */
function both(some: readonly Violation[], more: readonly Violation[]): readonly Violation[] {
  return more.length === 0 ? some : [...some, ...more]
}

function checkValue(path: string, value: unknown, type: Type): readonly Violation[] {
  if (typeof type === 'string') return type === 'map' ? checkMap(path, value) : checkScalar(path, value, type)
  if ('list' in type) {
    if (!Array.isArray(value)) return checkScalar(path, value, type.list)
    return value.flatMap((member, index) => checkScalar(`${path}[${index}]`, member, type.list))
  }
  if ('enum' in type) {
    const isKnown = type.names.includes(String(value).toUpperCase()) || Number.isInteger(value)
    return isKnown ? NONE : [invalid(path, fcmType(type.enum), value)]
  }
  return isRecord(value)
    ? checkFields(path, value, type.fields)
    : [invalid(path, fcmType(type.message), value)]
}

function checkScalar(path: string, value: unknown, type: Scalar): readonly Violation[] {
  const { name, accepts } = SCALARS[type]
  return accepts(value) ? NONE : [invalid(path, name, value)]
}

function checkMap(path: string, value: unknown): readonly Violation[] {
  if (!isRecord(value)) return checkScalar(path, value, 'map')
  const members = Object.values(value)
  if (members.every(SCALARS.string.accepts)) return NONE
  return members.flatMap((member, index) => checkScalar(`${path}[${index}].value`, member, 'string'))
}

function unknownName(path: string, name: string): Violation {
  const place = path === '' ? '' : ` at '${path}'`
  return {
    field: path,
    description: `Invalid JSON payload received. Unknown name "${name}"${place}: Cannot find field.`,
  }
}

function invalid(path: string, type: string, value: unknown): Violation {
  return { field: path, description: `Invalid value at '${path}' (${type}), ${JSON.stringify(value)}` }
}

function fcmType(name: string): string {
  return `type.googleapis.com/google.firebase.fcm.v1.${name}`
}

/** Of our own names, by which each message is asked dozens of times. */
const camelCases = new Map<string, string>()

function camelCase(name: string): string {
  const known = camelCases.get(name)
  if (known !== undefined) return known
  const made = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  camelCases.set(name, made)
  return made
}

function snakeCase(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`) : name
}
