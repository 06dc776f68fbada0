/**
 * What differs between the kinds of phones: where their tokens come from and go to, and how the server is told of them.
 *
 * Source: the device protocol: device types 1, 3, 11 (browsers) and 17 (Huawei); `notificationTypes` holds the bits badge 1,
 * sound 2 and alert 4, of which an Android client sends 6, and 0 where the person allows nothing.
 */
import type { ApnsEnvironment } from '../apns/team-keys.ts'
import { flat, type Random, randomUuid } from '../randomness.ts'
import type { Simulator } from '../simulator.ts'
import type { DeviceApi, Fields } from './device-api.ts'
import type { PhoneKind } from './display.ts'

/** Where the phone gets its token from. */
export type PhonePlatform =
  | { readonly kind: 'ios'; readonly bundleId: string; readonly environment?: ApnsEnvironment }
  | { readonly kind: 'android'; readonly projectId: string }
  /** Without a key the phone asks the server for it (`getConfig`), as a web client does. */
  | { readonly kind: 'web'; readonly applicationServerKey?: string }
  | { readonly kind: 'hms'; readonly appId: string }

/** What a gateway knows the phone by, and what goes with it. */
export interface Address {
  /** A token or an endpoint. */
  readonly token: string
  /** Of a browser. */
  readonly keys?: { readonly p256dh: string; readonly auth: string }
}

export const DEVICE_TYPES: Readonly<Record<PhoneKind, number>> = { ios: 1, android: 3, web: 11, hms: 17 }

const ALLOWED_TYPES: Readonly<Record<PhoneKind, number | undefined>> = {
  ios: 7,
  android: 6,
  hms: 6,
  web: undefined,
}

const MODELS: Readonly<Record<PhoneKind, Fields>> = {
  ios: { os_version: '26.1', device_model: 'iPhone17,1', device_name: 'Phone' },
  android: { os_version: '16', device_model: 'Pixel 10', device_name: 'Phone' },
  web: { device_model: 'Firefox 153' },
  hms: { os_version: '12', device_model: 'Huawei Pura 80', device_name: 'Phone' },
}

export interface ObtainOptions {
  readonly simulator: Simulator
  readonly api: DeviceApi
  readonly platform: PhonePlatform
  /** Where an iPhone's app is signed for. */
  readonly environment: ApnsEnvironment
  readonly hwid: string
  readonly random: Random
}

/** A new address of a stand-in; at once, but for a browser that asks the server for its key first. */
export function obtainAddress(options: ObtainOptions): Address | Promise<Address> {
  const { simulator, platform, environment, random } = options
  switch (platform.kind) {
    case 'ios':
      return { token: simulator.apns.issueToken({ bundleId: platform.bundleId, environment, random }) }
    case 'android':
      return { token: simulator.fcm.issueToken({ projectId: platform.projectId, random }) }
    case 'hms':
      return { token: simulator.hms.issueToken({ appId: platform.appId, random }) }
    case 'web':
      return subscribe(options, platform.applicationServerKey)
  }
}

async function subscribe(options: ObtainOptions, knownKey: string | undefined): Promise<Address> {
  const { simulator, api, hwid, random } = options
  const applicationServerKey = knownKey ?? (await api.vapidKey(hwid))
  const { endpoint, p256dh, auth } = simulator.webPush.createSubscription({ applicationServerKey, random })
  return { token: endpoint, keys: { p256dh, auth } }
}

export interface EndOptions {
  /** An iPhone's token is accepted for so long yet; default as Apple's stand-in is set. */
  readonly acceptedForMs?: number
}

/** The app is gone from this address. */
export function endAddress(
  simulator: Simulator,
  kind: PhoneKind,
  token: string,
  options: EndOptions = {},
): void {
  const { acceptedForMs } = options
  const acceptedUntil = acceptedForMs === undefined ? undefined : new Date(simulator.now() + acceptedForMs)
  if (kind === 'ios') simulator.apns.killToken(token, acceptedUntil === undefined ? {} : { acceptedUntil })
  else if (kind === 'android') simulator.fcm.killToken(token)
  else if (kind === 'hms') simulator.hms.killToken(token)
  else simulator.webPush.dropSubscription(token)
}

/** How registerDevice tells an address. */
export function addressFields(
  kind: PhoneKind,
  { token, keys }: Address,
  own: { readonly environment: ApnsEnvironment; readonly isPermitted: boolean },
): Fields {
  const allowed = ALLOWED_TYPES[kind]
  return {
    push_token: token,
    ...(kind === 'ios' && { gateway: own.environment }),
    ...(allowed !== undefined && { notificationTypes: own.isPermitted ? allowed : 0 }),
    ...(keys !== undefined && { public_key: keys.p256dh, auth_token: keys.auth }),
  }
}

/** What a client tells of itself. iOS sends its time zone as text, the others as a number. */
export function particulars(kind: PhoneKind, language: string, timezone: number): Fields {
  const common = { language, app_version: '1.0', ...MODELS[kind] }
  return { ...common, timezone: kind === 'ios' ? String(timezone) : timezone }
}

export function newHwid(kind: PhoneKind, app: string, random: Random): string {
  const uuid = randomUuid(random)
  if (kind === 'web') return flat(`${app}_${uuid}`)
  return kind === 'ios' ? uuid.toUpperCase() : uuid
}
