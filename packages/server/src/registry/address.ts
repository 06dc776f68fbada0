/**
 * What a device calls its push token, read into an address: provider, environment, kind, normal form.
 * R7: APNs tokens are hex in any case and are kept in lower case; FCM tokens and endpoints are kept byte for
 * byte. R8: what can't be an address is refused at the door. R9: the environment is part of the identity.
 */
import { checkEndpointUrl, parseSubscription } from '@roost/gateways'
import { DEVICE_TYPES, type Platform, type Provider, PushError } from '@roost/protocol'

export interface AddressKeys {
  readonly p256dh: string
  readonly auth: string
  /** R29: when the subscription ends by itself, ms; most browsers give none. */
  readonly expirationTime?: number
}

/**
 * R10: kinds are separate; a device has at most one active address of each. Apple's Live Activities have an address each,
 * which updates them, and the app has one that starts new ones.
 */
export type AddressKind = 'alert' | 'voip' | 'liveactivity-start' | `liveactivity:${string}`

export interface NewAddress {
  readonly provider: Provider
  /** APNs: `production` or `sandbox`; the others have none. */
  readonly environment: string
  readonly kind: AddressKind
  readonly address: string
  readonly keys: AddressKeys | null
  /** Web Push: the VAPID public key that the client says it subscribed with. */
  readonly applicationServerKey: string | null
}

/** Which gateway a platform is sent to through. */
export const PROVIDER_OF: Readonly<Record<Platform, Provider>> = {
  ios: 'apns',
  macos: 'apns',
  android: 'fcm',
  huawei: 'hms',
  web: 'webpush',
}

/**
 * Apple: "variable length, do not hard-code a size". Theirs have 32 bytes and more; of a quarter of that nobody has heard,
 * and the cap only keeps nonsense out.
 */
const APNS_TOKEN_HEX_DIGITS_MIN = 16
const APNS_TOKEN_HEX_DIGITS_MAX = 400
/** Nobody tells the length of the others, but with five characters of base64 there were fewer tokens than phones. */
const REGISTRATION_TOKEN_CHARACTERS_MIN = 6

export function platformOf(deviceType: number): Platform {
  const platform = (DEVICE_TYPES as Record<number, Platform>)[deviceType]
  if (platform === undefined)
    throw new PushError('platform_unsupported', `device_type ${deviceType} is not served`)
  return platform
}

export interface ReadAddressOptions {
  readonly allowPrivateEndpoints: boolean
}

/** What the fields below are called where they came from, for people. */
export interface TokenNames {
  readonly push_token: string
  readonly voip_push_token: string
  readonly gateway: string
  readonly public_key: string
  readonly auth_token: string
}

export const COMPAT_NAMES: TokenNames = {
  push_token: 'push_token',
  voip_push_token: 'voip_push_token',
  gateway: 'gateway',
  public_key: 'public_key',
  auth_token: 'auth_token',
}

/** What names an address, in the protocol's words. */
export interface TokenFields {
  /** Default: the protocol's. */
  readonly names?: TokenNames
  readonly device_type: number
  readonly push_token?: string | null | undefined
  readonly gateway?: string | null | undefined
  readonly public_key?: string | null | undefined
  readonly auth_token?: string | null | undefined
  readonly application_server_key?: string | null | undefined
  readonly expiration_time?: number | undefined
}

/** Returns null when the device has no push token (yet); throws `address_malformed`. */
export function readAddress(request: TokenFields, options: ReadAddressOptions): NewAddress | null {
  const token = request.push_token?.trim()
  if (token === undefined || token === '') return null
  const platform = platformOf(request.device_type)
  const provider = PROVIDER_OF[platform]
  const base = { provider, kind: 'alert', environment: '', keys: null, applicationServerKey: null } as const
  const names = request.names ?? COMPAT_NAMES
  switch (provider) {
    case 'apns':
      return readAppleAddress({
        token,
        field: names.push_token,
        kind: 'alert',
        gateway: request.gateway,
        names,
      })
    case 'fcm':
    case 'hms':
      return { ...base, address: registrationToken(token, names.push_token) }
    case 'webpush':
      return { ...base, ...webPushSubscription(token, { ...request, names }, options) }
  }
}

export interface AppleToken {
  readonly token: string
  /** Where it stood in the request, for people. */
  readonly field: string
  readonly kind: AddressKind
  readonly gateway: string | null | undefined
  readonly names?: TokenNames
}

/** Throws `address_malformed`. */
export function readAppleAddress({ token, field, kind, gateway, names }: AppleToken): NewAddress {
  const environment = apnsEnvironment(gateway, (names ?? COMPAT_NAMES).gateway)
  const address = apnsToken(token, field)
  return { provider: 'apns', kind, environment, address, keys: null, applicationServerKey: null }
}

/** DESIGN: an iOS device goes to the environment that it reports, production when it is silent. */
function apnsEnvironment(gateway: string | null | undefined, field: string): string {
  if (gateway === undefined || gateway === null || gateway === '' || gateway === 'production')
    return 'production'
  if (gateway === 'sandbox' || gateway === 'development') return 'sandbox'
  throw new PushError('address_malformed', `${field} is "${gateway}"; it is "production" or "sandbox"`)
}

function apnsToken(token: string, field: string): string {
  const hex = token.replace(/[<>\s]/g, '').toLowerCase()
  const isLongEnough = hex.length >= APNS_TOKEN_HEX_DIGITS_MIN && hex.length <= APNS_TOKEN_HEX_DIGITS_MAX
  if (!isLongEnough || !/^[0-9a-f]+$/.test(hex) || hex.length % 2 !== 0 || /^0+$/.test(hex))
    throw new PushError(
      'address_malformed',
      `${field} has ${hex.length} characters; an APNs token is an even number of hex digits, at least ${APNS_TOKEN_HEX_DIGITS_MIN} and at most ${APNS_TOKEN_HEX_DIGITS_MAX}, not all zero`,
    )
  return hex
}

/** What clients write when they have none; taken for a token, it would wander from device to device (R3). */
const NO_TOKEN = /^(null|nil|undefined|\(null\))$/i
/** So would the errors that Google's libraries gave in place of a token: BLACKLISTED, SERVICE_NOT_AVAILABLE. */
const NAME_OF_ERROR = /^[A-Z_]+$/

/**
 * Of FCM or HMS. Neither says how long they are or what they are made of, so only what can be none is refused: also the
 * URL of a browser's endpoint under the wrong device type.
 */
function registrationToken(token: string, field: string): string {
  const isLongEnough = token.length >= REGISTRATION_TOKEN_CHARACTERS_MIN
  const isWord = NO_TOKEN.test(token) || NAME_OF_ERROR.test(token)
  if (!isLongEnough || isWord || !/^[\x21-\x7e]+$/.test(token) || token.includes('://'))
    throw new PushError(
      'address_malformed',
      `${field} has ${token.length} characters; a registration token is at least ${REGISTRATION_TOKEN_CHARACTERS_MIN} characters of printable ASCII without spaces, no URL, no "null" and no word in capitals as clients send for an error`,
    )
  return token
}

function webPushSubscription(
  endpoint: string,
  request: TokenFields & { readonly names: TokenNames },
  options: ReadAddressOptions,
) {
  const { names } = request
  const checked = checkEndpointUrl(endpoint, { allowPrivate: options.allowPrivateEndpoints })
  if (!checked.ok)
    throw new PushError(
      'address_malformed',
      `${names.push_token} (the endpoint) is refused: ${checked.reason}`,
    )
  const subscription = parseSubscription({
    endpoint,
    p256dh: request.public_key ?? '',
    auth: request.auth_token ?? '',
  })
  if (!subscription.ok) throw new PushError('address_malformed', keyFault(request))
  return {
    address: endpoint,
    keys: {
      p256dh: subscription.value.p256dh,
      auth: subscription.value.auth,
      ...(request.expiration_time === undefined ? {} : { expirationTime: request.expiration_time }),
    },
    applicationServerKey: request.application_server_key ?? null,
  }
}

const P256DH_BYTES = 65
const AUTH_BYTES = 16

/** Which of the two keys it is. RFC 8291: p256dh is a point of P-256 in uncompressed form, auth has 16 bytes. */
function keyFault({ names, public_key, auth_token }: TokenFields & { readonly names: TokenNames }): string {
  return (
    lengthFault(names.public_key, public_key, P256DH_BYTES) ??
    lengthFault(names.auth_token, auth_token, AUTH_BYTES) ??
    `${names.public_key} has ${P256DH_BYTES} bytes, but they are no point of P-256`
  )
}

function lengthFault(field: string, text: string | null | undefined, bytes: number): string | undefined {
  const allowed = `it is ${bytes} bytes in base64, as PushSubscription.toJSON() gives them`
  if (text === undefined || text === null || text === '') return `${field} is missing; ${allowed}`
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return `${field} is not base64; ${allowed}`
  const length = Buffer.from(text, 'base64').length
  return length === bytes ? undefined : `${field} has ${length} bytes; ${allowed}`
}
