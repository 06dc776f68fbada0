/**
 * OneSignal's CSV export of subscriptions (its call "csv_export"): `id`, `identifier` (the token, or the endpoint of a
 * browser), `device_type` by number, `tags` as JSON, `last_active`, `created_at`, `invalid_identifier`; and if they were
 * asked for as extra fields `external_user_id`, `notification_types`, `web_auth` and `web_p256`.
 */
import { type Platform, PushError } from '@roost/protocol'
import type { Draft } from '../draft.ts'
import { type Fields, firstOf, isTrue, numberOf, secondsOf, tagsInJson, timeOf } from '../fields.ts'
import type { MappingSettings } from './mappings.ts'

/** OneSignal's device types; the others (Amazon, Windows, e-mail, SMS) have no gateway here. */
const PLATFORM_OF: Readonly<Record<number, Platform>> = {
  0: 'ios',
  1: 'android',
  5: 'web',
  7: 'web',
  8: 'web',
  9: 'macos',
  13: 'huawei',
}

/** The person has unsubscribed; below and above it are faults, and a permission that was not given yet. */
const UNSUBSCRIBED = -2

export function readOneSignal(fields: Fields, settings: MappingSettings): Draft {
  const type = numberOf(fields.device_type)
  const platform = type === null ? settings.platform : (PLATFORM_OF[type] ?? null)
  if (platform === null)
    throw new PushError('platform_unsupported', `device_type ${type ?? 'is absent and'} is not served`)
  const subscription = numberOf(fields.notification_types)
  return {
    hwid: firstOf(fields, ['id', 'player_id', 'subscription_id']),
    platform,
    pushToken: fields.identifier,
    environment: settings.environment,
    p256dh: fields.web_p256,
    auth: fields.web_auth,
    userId: firstOf(fields, ['external_user_id', 'external_id']),
    tags: tagsOf(fields.tags),
    language: fields.language,
    timezoneSeconds: secondsOf(fields.timezone),
    appVersion: fields.game_version,
    osVersion: fields.device_os,
    deviceModel: fields.device_model,
    firstSeenAt: timeOf(fields.created_at),
    lastSeenAt: timeOf(fields.last_active),
    lastOpenAt: timeOf(fields.last_active),
    hasUnsubscribed: subscription === UNSUBSCRIBED,
    // Zero and below: never subscribed, or something failed, or (with a token that may be good) opted out.
    isUnreachable:
      isTrue(fields.invalid_identifier) ||
      (subscription !== null && subscription <= 0 && subscription !== UNSUBSCRIBED),
  }
}

function tagsOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return { ...(value as Record<string, unknown>) }
  if (typeof value !== 'string' || value.trim() === '') return {}
  return tagsInJson(value)
}
