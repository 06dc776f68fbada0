/**
 * What a message asks of each device for its content: computed once from the content, read with the chunk, and nothing at
 * all for content that is the same for everybody.
 */
import type { VariablePath } from './template.ts'

export interface Needs {
  readonly language: boolean
  /** The number that "+1" adds to, and that acceptances raise. */
  readonly badge: boolean
  readonly unread: boolean
  readonly user: boolean
  /** Names of tags; `all` when a template goes through them or computes a name. */
  readonly tags: readonly string[] | 'all'
  readonly device: readonly DeviceField[]
}

/** As far as it was asked for; what is not known is absent. */
export interface RecipientFacts {
  readonly language?: string
  /** What the next "+1" adds to. */
  readonly badge?: number
  /** Of its inbox. */
  readonly unread?: number
  readonly tags?: Readonly<Record<string, unknown>>
  readonly device?: Readonly<Record<string, unknown>>
  readonly user?: Readonly<Record<string, unknown>>
}

const DEVICE_FIELDS = {
  hwid: 'd.hwid',
  platform: 'd.platform',
  language: 'd.language',
  timezone: 'd.timezone_seconds',
  country: `d.record ->> 'country'`,
  appVersion: 'd.app_version',
  osVersion: 'd.os_version',
  model: 'd.device_model',
  firstSeenAt: 'd.first_seen_at',
  lastOpenAt: 'd.last_open_at',
} as const
export type DeviceField = keyof typeof DEVICE_FIELDS

/** Why content can't name this variable; undefined when it can. */
export function findVariableFault([root, name, ...rest]: VariablePath): string | undefined {
  if (root === 'tags') return undefined
  if (root === 'user') {
    return name === 'id' && rest.length === 0 ? undefined : 'of "user" there is user.id'
  }
  if (root !== 'device')
    return `"${root ?? ''}" is unknown; variables are tags.<name>, device.<field> and user.id`
  if (typeof name === 'string' && Object.hasOwn(DEVICE_FIELDS, name)) return undefined
  return `of "device" there are ${Object.keys(DEVICE_FIELDS).join(', ')}`
}

export function needsOf(
  variables: readonly VariablePath[],
  { language, badge, unread }: Pick<Needs, 'language' | 'badge' | 'unread'>,
): Needs {
  const namesOf = (root: string) => variables.filter(path => path[0] === root).map(path => path[1])
  const tags = namesOf('tags')
  return {
    language,
    badge,
    unread,
    user: namesOf('user').length > 0,
    tags: tags.every(name => typeof name === 'string') ? [...new Set(tags)] : 'all',
    device: [...new Set(namesOf('device'))] as DeviceField[],
  }
}

/** A column over `address a`; its values are added to `values`. */
export function factsColumn(needs: Needs, values: unknown[]): string {
  const facts = [
    needs.language && `'language', d.language`,
    needs.user && `'user', jsonb_build_object('id', d.user_id)`,
    needs.badge && `'badge', ${BADGE}`,
    needs.device.length > 0 && `'device', ${objectOf(needs.device, field => DEVICE_FIELDS[field], values)}`,
    needs.tags.length > 0 && `'tags', ${tagsOf(needs.tags, values)}`,
  ].filter(it => it !== false)
  if (facts.length === 0) return 'null::jsonb'
  return `(select jsonb_strip_nulls(jsonb_build_object(${facts.join(', ')})) from device d
            where d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid)`
}

function tagsOf(tags: Needs['tags'], values: unknown[]): string {
  if (tags === 'all') return 'd.tags'
  return objectOf(tags, name => `d.tags -> $${values.push(name)}::text`, values)
}

function objectOf<Name extends string>(
  names: readonly Name[],
  columnOf: (name: Name) => string,
  values: unknown[],
): string {
  const entries = names.map(name => `$${values.push(name)}::text, ${columnOf(name)}`)
  return `jsonb_build_object(${entries.join(', ')})`
}

/** Until the server has counted, what the device said last. */
const BADGE = `coalesce(
  (select b.count from device_badge b where b.bucket = d.bucket and b.app_id = d.app_id and b.hwid = d.hwid),
  (d.record ->> 'badge')::integer, 0)`
