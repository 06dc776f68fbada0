/** What a mapping makes of a row of a file, in our words but unchecked; and that, checked, as a device to store. */
import { createHash } from 'node:crypto'
import {
  type AddressPolicy,
  BADGE_MAX,
  type DeviceRecord,
  deviceRecordSchema,
  HWID_CHARACTERS,
  hwidSchema,
  PERMISSIONS,
  type Permission,
  type Platform,
  PushError,
  USER_ID_CHARACTERS,
} from '@roost/protocol'
import {
  type NewAddress,
  type ReadAddressOptions,
  readAddress,
  readAppleAddress,
} from '../registry/address.ts'
import type { KnownDevice } from '../registry/bulk/known.ts'
import { isDenied } from '../registry/register/permission.ts'
import { readTags } from '../registry/tags/tags.ts'
import { numberOf, RowFault, tagsInJson, textOf } from './fields.ts'

export interface Draft {
  /** Absent: lists of bare tokens name no device, and get a name made of the token. */
  readonly hwid?: unknown
  readonly platform: Platform | null
  readonly pushToken?: unknown
  readonly environment?: unknown
  readonly p256dh?: unknown
  readonly auth?: unknown
  readonly applicationServerKey?: unknown
  readonly userId?: unknown
  readonly tags?: Readonly<Record<string, unknown>>
  readonly language?: unknown
  readonly timezoneSeconds?: number | null
  readonly appVersion?: unknown
  readonly osVersion?: unknown
  readonly deviceModel?: unknown
  /** ms. */
  readonly firstSeenAt?: number | null
  /** ms. */
  readonly lastSeenAt?: number | null
  /** ms. */
  readonly lastOpenAt?: number | null
  /** Never subscribed or known to be gone: the device is kept, its token is not sent to and so not taken. */
  readonly isUnreachable?: boolean
  /** The person did not want any more: a token is kept, and opted out with its device; of a browser none is taken. */
  readonly hasUnsubscribed?: boolean
  readonly permission?: unknown
  /** As the REST API shows it. */
  readonly record?: unknown
  /** Apple's other token, for calls. */
  readonly voipToken?: unknown
  /** Absent: that of the other token. */
  readonly voipEnvironment?: unknown
  /** Of a browser's subscription, ms. */
  readonly expirationTime?: unknown
}

export interface DraftOptions extends ReadAddressOptions {
  readonly appId: number
  /** When the file was made, ms. */
  readonly asOf: number
  /** The stored VAPID credentials by their public key, and under '' the one for subscriptions that name no key. */
  readonly vapidCredentials: ReadonlyMap<string, string>
  /** The app collects addresses of devices with permission only. */
  readonly needsPermission: boolean
  readonly policy: AddressPolicy
}

const DEVICE_TYPE_OF: Record<Platform, number> = { ios: 1, android: 3, macos: 7, web: 11, huawei: 17 }

function read<T>(field: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof PushError && !(error instanceof RowFault) ? new RowFault(field, error) : error
  }
}

/** Throws RowFault `input_invalid`, `platform_unsupported` or `address_malformed`, without the token in its words. */
export function deviceOf(draft: Draft, options: DraftOptions): KnownDevice {
  const permission = read('permission', () => permissionOf(draft))
  const isLeftOut =
    draft.isUnreachable === true ||
    (draft.hasUnsubscribed === true && draft.platform === 'web') ||
    (options.needsPermission && isDenied(permission))
  const token = isLeftOut ? null : textOf(draft.pushToken, 4097)
  const hwid = read('hwid', () => hwidOf(draft, token))
  const { lastOpenAt = null, firstSeenAt = null, platform } = draft
  const address = token === null ? null : read('pushToken', () => addressOf(draft, { token, options }))
  const userId = read('userId', () => userIdOf(draft.userId))
  const { asOf } = options
  return {
    appId: options.appId,
    hwid,
    isNamed: textOf(draft.hwid, 1) !== null,
    platform,
    userId: userId === hwid ? null : userId,
    language: read('language', () => textOf(draft.language, 35)),
    timezoneSeconds: draft.timezoneSeconds ?? null,
    appVersion: read('appVersion', () => textOf(draft.appVersion, 64)),
    osVersion: read('osVersion', () => textOf(draft.osVersion, 64)),
    deviceModel: read('deviceModel', () => textOf(draft.deviceModel, 128)),
    tags: draft.tags === undefined ? {} : readTags(storable(draft.tags)).tags,
    permission,
    record: read('record', () => recordOf(draft.record)),
    address,
    calls: read('voipToken', () => callsOf(draft)),
    credentialId:
      address?.provider === 'webpush'
        ? read('applicationServerKey', () => credentialOf(address.applicationServerKey, options))
        : null,
    firstSeenAt: firstSeenAt === null ? null : Math.min(firstSeenAt, asOf),
    lastOpenAt: lastOpenAt === null ? null : Math.min(lastOpenAt, asOf),
    at: Math.min(draft.lastSeenAt ?? lastOpenAt ?? asOf, asOf),
    isDated: (draft.lastSeenAt ?? lastOpenAt) !== null,
  }
}

function userIdOf(value: unknown): string | null {
  const userId = textOf(value, USER_ID_CHARACTERS + 1)
  if (userId !== null && userId.length > USER_ID_CHARACTERS)
    throw new PushError('input_invalid', `the user id has more than ${USER_ID_CHARACTERS} characters`)
  return userId
}

/**
 * R26: who has unsubscribed elsewhere stays so here, until the app says that it may show something, and so does the token,
 * whatever name the app gives to its device. A browser never says
 * it: there to register is to subscribe.
 */
function permissionOf({ permission, hasUnsubscribed, platform }: Draft): Permission | null {
  if (hasUnsubscribed === true && platform !== 'web') return 'denied'
  const text = textOf(permission, 32)
  const found = PERMISSIONS.find(it => it === text) ?? null
  if (text !== null && found === null)
    throw new PushError('input_invalid', `permission is "${text}"; it is one of ${PERMISSIONS.join(', ')}`)
  return found
}

function recordOf(value: unknown): Partial<DeviceRecord> | null {
  const read = typeof value === 'string' && value.trim() !== '' ? tagsInJson(value, 'record') : value
  if (typeof read !== 'object' || read === null || Object.keys(read).length === 0) return null
  const parsed = deviceRecordSchema.safeParse(read)
  if (!parsed.success) throw new PushError('input_invalid', 'record is not what GET …/devices/{hwid} shows')
  const { badge, ...record } = parsed.data
  // What no call of a device could have said is not brought along; the device is.
  return badge === undefined || badge < 0 || badge > BADGE_MAX ? record : { ...record, badge }
}

function callsOf({ voipToken, voipEnvironment, platform, environment }: Draft): NewAddress | null {
  const token = textOf(voipToken, 4097)
  if (token === null || (platform !== 'ios' && platform !== 'macos')) return null
  return readAppleAddress({
    token,
    field: 'voipToken',
    kind: 'voip',
    gateway: textOf(voipEnvironment, 32) ?? textOf(environment, 32),
  })
}

function hwidOf(draft: Draft, token: string | null): string {
  const hwid = textOf(draft.hwid, HWID_CHARACTERS + 1) ?? nameOf(token ?? textOf(draft.pushToken, 4097))
  if (hwid === null) throw new PushError('input_invalid', 'the row names neither a device nor a token')
  if (hwid.length > HWID_CHARACTERS)
    throw new PushError('input_invalid', `the device's name has more than ${HWID_CHARACTERS} characters`)
  if (!hwidSchema.safeParse(hwid).success)
    throw new PushError(
      'input_invalid',
      `"${hwid}" names no single device; leave the name empty to import the token alone`,
    )
  return hwid
}

/** The same token gets the same name, so that the list can be imported again; the app's own hwid takes it over (R3). */
function nameOf(token: string | null): string | null {
  if (token === null) return null
  return `token-${createHash('sha256').update(token).digest('hex').slice(0, 32)}`
}

function addressOf(
  draft: Draft,
  { token, options }: { readonly token: string; readonly options: DraftOptions },
) {
  if (draft.platform === null)
    throw new RowFault(
      'platform',
      new PushError('platform_unsupported', 'the row has a token, but no platform that is served'),
    )
  if (token.length > 4096)
    throw new PushError('address_malformed', 'push_token has more than 4096 characters')
  return readAddress(
    {
      device_type: DEVICE_TYPE_OF[draft.platform],
      push_token: token,
      gateway: textOf(draft.environment, 32),
      public_key: textOf(draft.p256dh, 256),
      auth_token: textOf(draft.auth, 256),
      application_server_key: textOf(draft.applicationServerKey, 256),
      expiration_time: numberOf(draft.expirationTime) ?? undefined,
    },
    options,
  )
}

/** R28: a subscription can be reached with the key that it was made with and no other. */
function credentialOf(publicKey: string | null, { vapidCredentials }: DraftOptions): string {
  const wanted = publicKey === null ? '' : Buffer.from(publicKey, 'base64').toString('base64url')
  const found = vapidCredentials.get(wanted)
  if (found !== undefined) return found
  throw new PushError(
    'address_malformed',
    'the subscription was made with a VAPID key that this app does not have: upload the key pair first',
  )
}

/** Texts that PostgreSQL can't hold are left out, so that they cost the row nothing else. */
function storable(tags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tags).filter(([name, value]) => value !== null && isStorable(name) && isStorable(value)),
  )
}

function isStorable(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isStorable)
  return typeof value !== 'string' || (!value.includes('\0') && value.isWellFormed())
}
