/**
 * Bare tokens of one platform: a CSV file with a column `token` (and `user_id` if there are users), or a token a line, with
 * or without the word `token` above them; in NDJSON an object or a string a line.
 */
import { PushError } from '@roost/protocol'
import type { Draft } from '../draft.ts'
import { type Fields, firstOf, timeOf } from '../fields.ts'
import type { MappingSettings } from './mappings.ts'

export const TOKEN_COLUMNS = [
  'token',
  'pushToken',
  'push_token',
  'device_token',
  'registration_token',
  'value',
] as const

export function readTokens(fields: Fields, settings: MappingSettings): Draft {
  if (settings.platform === null)
    throw new PushError('platform_unsupported', 'a list of tokens needs the platform that they are of')
  return {
    hwid: firstOf(fields, ['hwid', 'device_id', 'deviceId']),
    platform: settings.platform,
    pushToken: firstOf(fields, TOKEN_COLUMNS),
    environment: fields.environment ?? settings.environment,
    userId: firstOf(fields, ['userId', 'user_id', 'user']),
    lastSeenAt: timeOf(firstOf(fields, ['lastSeenAt', 'last_seen', 'updated_at'])),
  }
}
