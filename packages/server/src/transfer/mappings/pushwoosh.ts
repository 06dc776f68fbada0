/**
 * The export of a Pushwoosh segment: CSV with the columns `Hwid, User ID, Push Token, Type, Type (humanized)` and then one
 * for each tag; or JSON with one device a line, in which the value of a tag stands under the name of its type.
 * The numbers of `Type` are the protocol's `device_type`. Web tokens are whole endpoint URLs; their keys are not in the
 * file, and without them nothing can be encrypted.
 */
import { DEVICE_TYPES, type Platform } from '@roost/protocol'
import type { Draft } from '../draft.ts'
import { type Fields, isTrue, numberOf, secondsOf, tagValueOf, timeOf } from '../fields.ts'
import type { MappingSettings } from './mappings.ts'

const COLUMNS = new Set(['Hwid', 'User ID', 'Push Token', 'Type', 'Type (humanized)'])

export function readPushwoosh(fields: Fields, settings: MappingSettings): Draft {
  return 'hwid' in fields ? readLine(fields, settings) : readRow(fields, settings)
}

function readRow(fields: Fields, settings: MappingSettings): Draft {
  const tags: [string, unknown][] = []
  for (const [name, value] of Object.entries(fields))
    if (!COLUMNS.has(name) && value !== '') tags.push([name, tagValueOf(value)])
  return {
    ...fromTags(Object.fromEntries(tags)),
    hwid: fields.Hwid,
    platform: platformOf(fields.Type) ?? settings.platform,
    pushToken: fields['Push Token'],
    environment: settings.environment,
    userId: fields['User ID'],
  }
}

interface Line {
  readonly push_tokens?: Readonly<Record<string, unknown>>
  readonly device_tags?: readonly Fields[]
  readonly app_tags?: Readonly<Record<string, { readonly tags?: readonly Fields[] }>>
  readonly users?: readonly unknown[]
}

function readLine(fields: Fields, settings: MappingSettings): Draft {
  const { push_tokens, device_tags, app_tags, users } = fields as Line
  const tags = [...listOf(device_tags), ...Object.values(app_tags ?? {}).flatMap(it => listOf(it?.tags))]
  const user = Array.isArray(users) ? users[0] : undefined
  return {
    ...fromTags(Object.fromEntries(tags.flatMap(typedTagOf))),
    hwid: fields.hwid,
    platform: platformOf(fields.platform) ?? settings.platform,
    pushToken: Object.values(push_tokens ?? {})[0],
    environment: settings.environment,
    userId: typeof user === 'object' && user !== null ? (user as Fields).user_id : user,
    hasUnsubscribed: fields.unsubscribed === true,
  }
}

function listOf(value: readonly Fields[] | undefined): readonly Fields[] {
  return Array.isArray(value) ? value : []
}

const TYPED = ['integer', 'string', 'list', 'date', 'boolean', 'price', 'version', 'timezone']

function typedTagOf(tag: Fields): [string, unknown][] {
  const name = tag.name ?? tag.tag
  const type = TYPED.find(it => tag[it] !== undefined && tag[it] !== null)
  return typeof name === 'string' && type !== undefined ? [[name, tag[type]]] : []
}

function platformOf(type: unknown): Platform | null {
  return (DEVICE_TYPES as Record<number, Platform>)[numberOf(type) ?? 0] ?? null
}

/** The tags that the server itself keeps up are facts about the device; the others are tags. */
function fromTags(all: Readonly<Record<string, unknown>>): Omit<Draft, 'platform'> {
  const {
    'Last Application Open': lastOpen,
    'First Install': firstInstall,
    Language: language,
    'Application Version': appVersion,
    'OS Version': osVersion,
    'Device Model': deviceModel,
    Timezone: timezone,
    'Push Alerts Enabled': alerts,
    ...tags
  } = all
  return {
    tags,
    language,
    appVersion,
    osVersion,
    deviceModel,
    timezoneSeconds: secondsOf(timezone),
    permission: alerts === undefined || alerts === null ? null : isTrue(alerts) ? 'granted' : 'denied',
    firstSeenAt: timeOf(firstInstall),
    lastOpenAt: timeOf(lastOpen),
  }
}
