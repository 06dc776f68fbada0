/** A call of the device protocol: the check of its shape, and what every call says of its device. */
import type { CompatBase, DeviceRecord, Permission } from '@roost/protocol'
import type { z } from 'zod'
import type { App } from '../../access/apps.ts'
import { platformOf } from '../../registry/address.ts'
import { type DeviceUpdate, type UpdateResult, updateOf } from '../../registry/register/update.ts'
import type { SkippedTag } from '../../registry/tags/tags.ts'
import { offsetTold } from '../../registry/zone.ts'
import type { HttpContext } from '../context.ts'
import { check } from '../faults.ts'

export interface Call {
  readonly app: App
  readonly context: HttpContext
  readonly request: unknown
  /** A replay of what is stored elsewhere: it must not look like a person who uses the app. */
  readonly isReplay: boolean
}

export type CompatMethod = (call: Call) => Promise<unknown>

/** Runs `handle` with the request in its checked shape; throws `input_invalid` naming the fields. */
export function method<Schema extends z.ZodType>(
  schema: Schema,
  handle: (call: Call & { readonly request: z.infer<Schema> }) => Promise<unknown>,
): CompatMethod {
  return async call => {
    const request = check(schema, { name: 'request', value: call.request, separator: '.' })
    return handle({ ...call, request })
  }
}

/** What every call says of its device. The SDKs send the hwid as userId for people who are not logged in. */
export function updateFrom({ app, context, isReplay }: Call, request: CompatBase): DeviceUpdate {
  const at = context.clock.now()
  const said = isReplay ? NOTHING_SAID : request
  // One literal: each further spread is a copy of the whole, for each call.
  return {
    ...updateOf({ appId: app.id, hwid: request.hwid, at }),
    isCall: !isReplay,
    platform: request.device_type === undefined ? null : platformOf(request.device_type),
    userId: request.userId === request.hwid || request.userId === '' ? null : (request.userId ?? null),
    language: said.language ?? null,
    timezoneSeconds: offsetTold(
      { timeZone: said.time_zone ?? null, timezoneSeconds: said.timezone ?? null },
      at,
    ),
    appVersion: said.app_version ?? null,
    osVersion: said.os_version ?? null,
    deviceModel: said.device_model ?? null,
    permission: permissionOf(said),
    record: recordOf(said, at),
  }
}

const NOTHING_SAID: Partial<CompatBase> = {}

/** In one word where the client has one; else by the parts: iOS says bits, Android 0, 4 or 6, and 0 is "none at all". */
function permissionOf(request: Partial<CompatBase>): Permission | null {
  if (request.permission !== undefined) return request.permission
  const isGranted =
    request.notificationTypes === undefined ? request.push_alerts_enabled : request.notificationTypes !== 0
  return isGranted === undefined ? null : isGranted ? 'granted' : 'denied'
}

const BADGE = 1
const SOUND = 2
const ALERT = 4

function partsOf(request: Partial<CompatBase>): DeviceRecord['permissionParts'] {
  const { notificationTypes: bits, time_sensitive_notifications, scheduled_summary } = request
  const parts = {
    ...(bits !== undefined && {
      alert: (bits & ALERT) !== 0,
      sound: (bits & SOUND) !== 0,
      badge: (bits & BADGE) !== 0,
    }),
    ...(time_sensitive_notifications !== undefined && { timeSensitive: time_sensitive_notifications }),
    ...(scheduled_summary !== undefined && { scheduledSummary: scheduled_summary }),
  }
  return Object.keys(parts).length === 0 ? undefined : parts
}

/** Another word than these says nothing; with a token it is refused. */
function environmentOf(gateway: string | undefined): string | undefined {
  if (gateway === 'development') return 'sandbox'
  return gateway === 'production' || gateway === 'sandbox' ? gateway : undefined
}

function recordOf(request: Partial<CompatBase>, at: number): Partial<DeviceRecord> | null {
  const error = request.registration_error
  const record: Partial<DeviceRecord> = {
    environment: environmentOf(request.gateway),
    bundleId: request.bundle_id ?? request.package ?? request.android_package,
    country: request.country,
    timeZone: request.time_zone,
    sdkVersion: request.v,
    extensionVersion: request.extension_version,
    permissionParts: partsOf(request),
    channels: request.channels,
    // null clears it, and so does a registration that brings a token
    registrationError: error && { ...error, at: new Date(at).toISOString() },
    power: request.power,
  }
  return Object.values(record).every(it => it === undefined) ? null : record
}

/**
 * R5: the device learns that a later call of its own came first; there is nothing for it to do. Race M: another phone goes
 * by the same hwid, so this one is to register under a new one; clients that don't know the field go on as before.
 */
export function answerOf({ isStale, newHwid, skipped }: UpdateResult): RegistrationAnswer | null {
  if (isStale) return { stale: true }
  if (newHwid === null && skipped.length === 0) return null
  return { ...(newHwid !== null && { new_hwid: newHwid }), ...(skipped.length > 0 && { skipped }) }
}

interface RegistrationAnswer {
  readonly stale?: true
  readonly new_hwid?: string
  readonly skipped?: readonly SkippedTag[]
}
