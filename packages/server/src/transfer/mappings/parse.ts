/**
 * Installations of Parse Server, one JSON object a line: from `mongoexport --collection _Installation`, or the `results`
 * of GET /installations. Channels become the list tag "channels".
 */
import type { Platform } from '@roost/protocol'
import type { Draft } from '../draft.ts'
import { type Fields, firstOf, timeOf } from '../fields.ts'
import type { MappingSettings } from './mappings.ts'

const PLATFORM_OF: Readonly<Record<string, Platform>> = {
  ios: 'ios',
  android: 'android',
  osx: 'macos',
  macos: 'macos',
}

export function readParse(fields: Fields, settings: MappingSettings): Draft {
  const { channels } = fields
  return {
    hwid: firstOf(fields, ['installationId', 'objectId', '_id']),
    platform: PLATFORM_OF[String(fields.deviceType ?? '')] ?? settings.platform,
    pushToken: fields.deviceToken,
    environment: settings.environment,
    userId: userOf(fields),
    tags: Array.isArray(channels) && channels.length > 0 ? { channels } : {},
    language: languageOf(fields.localeIdentifier),
    appVersion: fields.appVersion,
    firstSeenAt: timeOf(firstOf(fields, ['createdAt', '_created_at'])),
    lastSeenAt: timeOf(firstOf(fields, ['updatedAt', '_updated_at'])),
  }
}

/** A pointer: `{"objectId":…}` over HTTP, "_User$…" in the database. */
function userOf({ user, _p_user: stored }: Fields): unknown {
  if (typeof user === 'object' && user !== null) return (user as Fields).objectId
  return typeof stored === 'string' ? stored.replace(/^_User\$/, '') : user
}

/** "en-US": the language alone is kept. */
function languageOf(locale: unknown): unknown {
  return typeof locale === 'string' ? locale.split(/[-_]/)[0] : undefined
}
