/**
 * Default tags: what the server knows of a device, under the names that clients know. They are columns, not stored
 * values, so they can't drift from what the device said.
 * Names and which of them a client gets: the compatible protocol, getTags and "Conditions and tags".
 */
import type { DefaultTag, DeviceRecord, Permission } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'
import { bucketOf } from '../buckets.ts'
import { isDenied } from '../register/permission.ts'

export interface DeviceFacts {
  readonly language: string | null
  readonly appVersion: string | null
  readonly osVersion: string | null
  readonly deviceModel: string | null
  readonly timezoneSeconds: number | null
  readonly permission: Permission | null
  readonly record: DeviceRecord
  readonly firstSeenAt: string
  readonly lastOpenAt: string | null
}

/** Without those that are not known. */
export function defaultTagsOf(facts: DeviceFacts): Record<string, unknown> {
  const tags: Record<DefaultTag, unknown> = {
    'Last Application Open': facts.lastOpenAt,
    'First Install': facts.firstSeenAt,
    Language: facts.language,
    'Application Version': facts.appVersion,
    'Device Model': facts.deviceModel,
    'OS Version': facts.osVersion,
    Country: facts.record.country ?? null,
    Timezone: facts.timezoneSeconds,
    'Push Alerts Enabled': facts.permission === null ? null : !isDenied(facts.permission),
  }
  return Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== null))
}

const FACTS = `jsonb_strip_nulls(tags) as tags, language, app_version as "appVersion", os_version as "osVersion",
  device_model as "deviceModel", timezone_seconds as "timezoneSeconds", permission,
  jsonb_strip_nulls(record) as record, first_seen_at as "firstSeenAt", last_open_at as "lastOpenAt"`

const OF_DEVICE = `select ${FACTS} from device where bucket = $1 and app_id = $2 and hwid = $3`
/** Of the one that was seen last. */
const OF_USER = `
  select ${FACTS} from device where app_id = $1 and user_id = $2 order by last_seen_at desc, hwid limit 1`

/** A client never gets these two. */
const KEPT_FROM_CLIENTS = ['OS Version', 'Device Model']

/** By hwid or, without one, by user. Empty for who is not known: this may not fail a client's start. */
export async function readTagsForClient(
  db: Queryable,
  {
    appId,
    hwid,
    userId,
  }: { readonly appId: number; readonly hwid: string | null; readonly userId: string | null },
): Promise<Record<string, unknown>> {
  type Row = DeviceFacts & { readonly tags: Readonly<Record<string, unknown>> }
  const { rows } =
    hwid === null
      ? await db.query<Row>(OF_USER, [appId, userId ?? ''])
      : await db.query<Row>(OF_DEVICE, [bucketOf(hwid), appId, hwid])
  const row = rows[0]
  if (row === undefined) return {}
  const all = { ...row.tags, ...defaultTagsOf(row) } // as conditions see it: the server's own tags are the server's
  return Object.fromEntries(Object.entries(all).filter(([name]) => !KEPT_FROM_CLIENTS.includes(name)))
}
