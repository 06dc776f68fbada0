/**
 * The file that `exportSegment` gives. CSV: `Hwid, User ID, Push Token, Type, Type (humanized)`, then a column for each tag that
 * one of the devices has. JSON: a device a line, with each tag's value under a key that tells its type.
 *
 * Source: the compatible protocol, "Filters, segmentation language, export". What is written there of no device that we know
 * (`location`, `badges`) is left out; the word for a type is ours.
 */
import { DEFAULT_TAGS, DEVICE_TYPES, type Platform, PushError, type TagType } from '@roost/protocol'
import { BUCKETS } from '../registry/buckets.ts'
import { type DeviceFacts, defaultTagsOf } from '../registry/tags/default-tags.ts'
import { listTagDefinitions } from '../registry/tags/definitions.ts'
import type { Queryable } from '../store/database.ts'
import { csvLine } from '../transfer/csv.ts'
import type { ExportForm, ExportRow } from '../transfer/export.ts'
import type { CompiledCondition } from './condition.ts'
import { BucketWindows } from './windows.ts'

export type CompatFormat = 'csv' | 'json'

/** What may be asked for alone. Source: the vendor's page "Segmentation (Filters) API", `exportData`. */
export const COMPAT_DATA = ['hwids', 'push_tokens', 'users', 'tags'] as const
export type CompatData = (typeof COMPAT_DATA)[number]

type Column = (device: ExportRow) => string | number | null

/** A choice leaves the types out: they can't be asked for. */
const FIXED: readonly { readonly name: string; readonly of: CompatData | null; readonly cell: Column }[] = [
  { name: 'Hwid', of: 'hwids', cell: it => it.hwid },
  { name: 'User ID', of: 'users', cell: it => it.userId },
  { name: 'Push Token', of: 'push_tokens', cell: it => it.pushToken },
  { name: 'Type', of: null, cell: it => typeOf(it.platform) },
  { name: 'Type (humanized)', of: null, cell: it => humanized(it.platform) },
]
/** Beyond it a file is read by no spreadsheet, and names of tags are strangers' words. */
const TAG_COLUMNS_MAX = 2000

const HUMANIZED: Readonly<Record<Platform, string>> = {
  ios: 'iOS',
  android: 'Android',
  macos: 'macOS',
  web: 'Web',
  huawei: 'Huawei',
}

interface Wanted {
  readonly appId: number
  /** The app's code. */
  readonly app: string
  readonly format: CompatFormat
  /** Undefined: all there is. */
  readonly data?: readonly CompatData[] | undefined
  readonly audience: (firstParameter: number) => CompiledCondition
}

/** Throws `input_invalid` when there are too many tags for columns. */
export async function compatForm(db: Queryable, wanted: Wanted): Promise<ExportForm> {
  const { data } = wanted
  if (wanted.format === 'csv') {
    const hasTags = data?.includes('tags') ?? true
    return csvForm(data, hasTags ? [...DEFAULT_TAGS, ...(await readTagNames(db, wanted))] : [])
  }
  const types = new Map((await listTagDefinitions(db, wanted.appId)).map(it => [it.name, it.type]))
  const objectOf = (device: ExportRow) => chosen(data, partsOf(device, wanted.app, types))
  return { head: '', line: device => `${JSON.stringify(objectOf(device))}\n` }
}

function chosen(data: readonly CompatData[] | undefined, parts: Record<CompatData | 'rest', object>): object {
  const { hwids, push_tokens, tags, users, rest } = parts
  if (data === undefined) return { ...hwids, ...rest, ...push_tokens, ...tags, ...users }
  return Object.assign({}, ...data.map(it => parts[it])) as object
}

/** Of those devices, in alphabetical order. */
async function readTagNames(db: Queryable, { appId, audience }: Wanted): Promise<string[]> {
  const names = new Set<string>()
  const { sql, values } = audience(4)
  const statement = `
    select distinct t.name from device d cross join lateral jsonb_object_keys(jsonb_strip_nulls(d.tags)) t (name)
     where d.app_id = $1 and d.bucket >= $2 and d.bucket < $3 and ${sql}`
  const windows = new BucketWindows()
  for (let from = 0; from < BUCKETS; ) {
    const { until, answer } = await windows.read(from, async end =>
      db.query<{ name: string }>(statement, [appId, from, end, ...values]),
    )
    from = until
    for (const { name } of answer.rows) names.add(name)
    if (names.size > TAG_COLUMNS_MAX)
      throw new PushError(
        'input_invalid',
        `these devices have more than ${TAG_COLUMNS_MAX} tags, too many for columns; ask for "json"`,
      )
  }
  for (const name of DEFAULT_TAGS) names.delete(name) // the server's own go before
  return [...names].sort()
}

function csvForm(data: readonly CompatData[] | undefined, tags: readonly string[]): ExportForm {
  const fixed = FIXED.filter(({ of }) => data === undefined || (of !== null && data.includes(of)))
  return {
    head: csvLine([...fixed.map(it => it.name), ...tags]),
    line: device => {
      const values = tagsOf(device)
      const cells = tags.map(name => (Object.hasOwn(values, name) ? values[name] : null))
      return csvLine([...fixed.map(it => it.cell(device)), ...cells])
    },
  }
}

function tagsOf(device: ExportRow): Readonly<Record<string, unknown>> {
  return { ...device.tags, ...ownTagsOf(device) }
}

function ownTagsOf(device: ExportRow): Record<string, unknown> {
  return defaultTagsOf({ ...device, record: device.record ?? {} } as DeviceFacts)
}

/** Of several that are one platform here the first. */
function typeOf(platform: string | null): number | null {
  if (platform === 'web') return WEB_TYPE
  const found = Object.entries(DEVICE_TYPES).find(([, it]) => it === platform)
  return found === undefined ? null : Number(found[0])
}

/** "Any browser" among the numbers of clients. */
const WEB_TYPE = 11

function humanized(platform: string | null): string | null {
  return platform === null ? null : HUMANIZED[platform as Platform]
}

function partsOf(
  device: ExportRow,
  app: string,
  types: ReadonlyMap<string, TagType>,
): Record<CompatData | 'rest', object> {
  const { hwid, userId, platform, pushToken, voipToken, isOptedOut } = device
  const typedTags = (tags: Readonly<Record<string, unknown>>) =>
    Object.entries(tags).map(([name, value]) => ({ name, ...typed(value, types.get(name)) }))
  return {
    hwids: { hwid },
    push_tokens: {
      push_tokens: pushToken === null ? {} : { [app]: pushToken },
      voip_push_tokens: voipToken === null ? {} : { [app]: voipToken },
    },
    tags: {
      device_tags: typedTags(ownTagsOf(device)),
      app_tags: { [app]: { tags: typedTags(device.tags) } },
    },
    users: { users: userId === null ? [] : [userId] },
    rest: { platform: typeOf(platform), unsubscribed: isOptedOut === true },
  }
}

/** A tag without a definition is of the type of its value. */
function typed(value: unknown, type: TagType | undefined): object {
  if (type !== undefined) return { [type === 'decimal' ? 'price' : type]: value }
  if (typeof value === 'boolean') return { boolean: value }
  if (typeof value === 'number') return { [Number.isInteger(value) ? 'integer' : 'price']: value }
  return { [Array.isArray(value) ? 'list' : 'string']: value }
}
