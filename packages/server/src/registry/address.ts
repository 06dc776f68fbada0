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

const PROVIDER_OF: Record<Platform, Provider> = {
  ios: 'apns',
  macos: 'apns',
  android: 'fcm',
  huawei: 'hms',
  web: 'webpush',
}

/** Apple: "variable length, do not hard-code a size"; the cap only keeps nonsense out. */
const APNS_TOKEN_HEX_DIGITS_MAX = 400

export function platformOf(deviceType: number): Platform {
  const platform = (DEVICE_TYPES as Record<number, Platform>)[deviceType]
  if (platform === undefined)
    throw new PushError('platform_unsupported', `device_type ${deviceType} is not served`)
  return platform
}

export interface ReadAddressOptions {
  readonly allowPrivateEndpoints: boolean
}

/** What names an address, in the protocol's words. */
export interface TokenFields {
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
  switch (provider) {
    case 'apns':
      return readAppleAddress({ token, field: 'push_token', kind: 'alert', gateway: request.gateway })
    case 'fcm':
    case 'hms':
      return { ...base, address: opaqueToken(token) }
    case 'webpush':
      return { ...base, ...webPushSubscription(token, request, options) }
  }
}

export interface AppleToken {
  readonly token: string
  /** Where it stood in the request, for people. */
  readonly field: string
  readonly kind: AddressKind
  readonly gateway: string | null | undefined
}

/** Throws `address_malformed`. */
export function readAppleAddress({ token, field, kind, gateway }: AppleToken): NewAddress {
  const environment = apnsEnvironment(gateway)
  const address = apnsToken(token, field)
  return { provider: 'apns', kind, environment, address, keys: null, applicationServerKey: null }
}

/** DESIGN: an iOS device goes to the environment that it reports, production when it is silent. */
function apnsEnvironment(gateway: string | null | undefined): string {
  if (gateway === undefined || gateway === null || gateway === '' || gateway === 'production')
    return 'production'
  if (gateway === 'sandbox' || gateway === 'development') return 'sandbox'
  throw new PushError('address_malformed', `gateway is "${gateway}"; it is "production" or "sandbox"`)
}

function apnsToken(token: string, field: string): string {
  const hex = token.replace(/[<>\s]/g, '').toLowerCase()
  if (!/^[0-9a-f]+$/.test(hex) || hex.length % 2 !== 0 || hex.length > APNS_TOKEN_HEX_DIGITS_MAX)
    throw new PushError(
      'address_malformed',
      `${field} has ${hex.length} characters; an APNs token is an even number of hex digits, at most ${APNS_TOKEN_HEX_DIGITS_MAX}`,
    )
  return hex
}

function opaqueToken(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new PushError('address_malformed', 'push_token holds characters that no registration token has')
  return token
}

function webPushSubscription(endpoint: string, request: TokenFields, options: ReadAddressOptions) {
  const checked = checkEndpointUrl(endpoint, { allowPrivate: options.allowPrivateEndpoints })
  if (!checked.ok)
    throw new PushError('address_malformed', `push_token (the endpoint) is refused: ${checked.reason}`)
  const subscription = parseSubscription({
    endpoint,
    p256dh: request.public_key ?? '',
    auth: request.auth_token ?? '',
  })
  if (!subscription.ok) throw new PushError('address_malformed', subscription.problem.message)
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
