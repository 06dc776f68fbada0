/** Roost's own form: what `roost devices export` writes. A CSV file has a tag in each column `tag.<name>`. */
import { PLATFORMS, type Platform, PushError } from '@roost/protocol'
import type { Draft } from '../draft.ts'
import { type Fields, firstOf, isTrue, secondsOf, tagsInJson, tagValueOf, timeOf } from '../fields.ts'
import type { MappingSettings } from './mappings.ts'

const TAG_COLUMN = 'tag.'

export function readRoost(fields: Fields, settings: MappingSettings): Draft {
  return {
    hwid: fields.hwid,
    platform: platformOf(fields.platform) ?? settings.platform,
    pushToken: fields.pushToken,
    environment: fields.environment ?? settings.environment,
    p256dh: fields.p256dh,
    auth: fields.auth,
    applicationServerKey: fields.applicationServerKey,
    userId: fields.userId,
    tags: tagsOf(fields),
    language: fields.language,
    timezoneSeconds: secondsOf(fields.timezoneSeconds),
    appVersion: fields.appVersion,
    osVersion: fields.osVersion,
    deviceModel: fields.deviceModel,
    firstSeenAt: timeOf(fields.firstSeenAt),
    lastSeenAt: timeOf(fields.lastSeenAt),
    lastOpenAt: timeOf(fields.lastOpenAt),
    permission: firstOf(fields, ['permission']) ?? (isTrue(fields.isOptedOut) ? 'denied' : null),
    record: fields.record,
    voipToken: fields.voipToken,
    voipEnvironment: fields.voipEnvironment,
    expirationTime: fields.expirationTime,
  }
}

function platformOf(value: unknown): Platform | null {
  if (value === undefined || value === null || value === '') return null
  const found = PLATFORMS.find(it => it === value)
  if (found === undefined)
    throw new PushError(
      'platform_unsupported',
      `platform is "${String(value).slice(0, 32)}"; it is one of ${PLATFORMS.join(', ')}`,
    )
  return found
}

function tagsOf(fields: Fields): Record<string, unknown> {
  const { tags } = fields
  if (typeof tags === 'object' && tags !== null) return { ...(tags as Record<string, unknown>) }
  if (typeof tags === 'string' && tags.trim() !== '') return tagsInJson(tags)
  const found: [string, unknown][] = []
  for (const [name, value] of Object.entries(fields))
    if (name.startsWith(TAG_COLUMN) && value !== '')
      found.push([name.slice(TAG_COLUMN.length), tagValueOf(value)])
  return Object.fromEntries(found)
}
