/** What a back end says of a device over REST, in the words of the registry. */
import {
  type DevicePatch,
  type DeviceRecord,
  type DeviceRegistrationInput,
  type Platform,
  timeZoneOf,
} from '@roost/protocol'
import type { TokenFields, TokenNames } from '../../../registry/address.ts'
import { type DeviceUpdate, toldOf } from '../../../registry/register/update.ts'
import { offsetTold } from '../../../registry/zone.ts'

interface Device {
  readonly appId: number
  readonly hwid: string
  readonly at: number
}

/** Without its tags: these are read where they are stored. */
export function updateFrom(
  device: Device,
  said: DevicePatch & { readonly platform?: Platform },
): DeviceUpdate {
  const record = recordOf(said, device.at)
  return {
    ...toldOf(device),
    platform: said.platform ?? null,
    userId: said.userId ?? null,
    isLogout: said.userId === null,
    language: said.language ?? null,
    timezoneSeconds: offsetTold(
      { timeZone: record.timeZone ?? null, timezoneSeconds: said.timezoneSeconds ?? null },
      device.at,
    ),
    appVersion: said.appVersion ?? null,
    osVersion: said.osVersion ?? null,
    deviceModel: said.deviceModel ?? null,
    permission: said.permission ?? null,
    record,
  }
}

function recordOf(
  said: DevicePatch & { readonly environment?: string | undefined },
  at: number,
): Partial<DeviceRecord> {
  const { registrationError: error } = said
  return {
    environment: said.environment,
    bundleId: said.bundleId,
    country: said.country,
    timeZone: said.timeZone === undefined ? undefined : timeZoneOf(said.timeZone),
    sdkVersion: said.sdkVersion,
    extensionVersion: said.extensionVersion,
    permissionParts: said.permissionParts,
    channels: said.channels,
    registrationError: error && { ...error, at: new Date(at).toISOString() },
    power: said.power,
    badge: said.badge,
  }
}

/** The numbers of the compatible protocol, in whose words addresses are read; any browser's will do. */
const DEVICE_TYPE_OF: Record<Platform, number> = { ios: 1, android: 3, macos: 7, web: 11, huawei: 17 }

const NAMES: TokenNames = {
  push_token: 'body/pushToken',
  voip_push_token: 'body/voipToken',
  gateway: 'body/environment',
  public_key: 'body/keys/p256dh',
  auth_token: 'body/keys/auth',
}

export function tokensFrom(
  said: DeviceRegistrationInput,
): TokenFields & { readonly voip_push_token?: string | undefined } {
  return {
    names: NAMES,
    device_type: DEVICE_TYPE_OF[said.platform],
    push_token: said.pushToken,
    voip_push_token: said.voipToken,
    gateway: said.environment,
    public_key: said.keys?.p256dh,
    auth_token: said.keys?.auth,
    application_server_key: said.applicationServerKey,
  }
}
