/**
 * Exports: all devices of an app in bucket order, page by page, so that memory stays flat at any size. NDJSON and CSV are
 * the form that the mapping "roost" reads back; spreadsheets are for people. Tokens are whole only when that was asked
 * for: an export ends up in mailboxes.
 */
import type { CompiledCondition } from '../audience/condition.ts'
import { BucketWindows } from '../audience/windows.ts'
import { BUCKETS } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { type ExportFormat, FORMS } from './csv.ts'

export interface PagesOptions {
  readonly appId: number
  /** Whole tokens and keys, instead of the last characters of the token. */
  readonly hasTokens: boolean
  /** Only these; made with the first free parameter. Default: all. */
  readonly audience?: (firstParameter: number) => CompiledCondition
}

export interface ExportOptions extends Pick<PagesOptions, 'appId' | 'hasTokens'> {
  readonly format: ExportFormat
}

export interface ExportedDevice {
  readonly hwid: string
  readonly platform: string | null
  readonly userId: string | null
  readonly state: string | null
  /** R26: its device has withdrawn the permission, so it is kept and not sent to. */
  readonly isOptedOut: boolean | null
  readonly permission: string | null
  readonly pushToken: string | null
  readonly environment: string | null
  readonly p256dh: string | null
  readonly auth: string | null
  /** When the subscription ends by itself, ms. */
  readonly expirationTime: number | null
  readonly applicationServerKey: string | null
  /** Apple's other token, for calls. */
  readonly voipToken: string | null
  readonly voipEnvironment: string | null
  readonly language: string | null
  readonly timezoneSeconds: number | null
  readonly appVersion: string | null
  readonly osVersion: string | null
  readonly deviceModel: string | null
  readonly firstSeenAt: string
  readonly lastSeenAt: string
  readonly lastOpenAt: string | null
  readonly tags: Readonly<Record<string, unknown>>
  readonly record: Readonly<Record<string, unknown>> | null
}

const COLUMNS = [
  'hwid',
  'platform',
  'userId',
  'state',
  'isOptedOut',
  'permission',
  'pushToken',
  'environment',
  'p256dh',
  'auth',
  'expirationTime',
  'applicationServerKey',
  'voipToken',
  'voipEnvironment',
  'language',
  'timezoneSeconds',
  'appVersion',
  'osVersion',
  'deviceModel',
  'firstSeenAt',
  'lastSeenAt',
  'lastOpenAt',
  'tags',
  'record',
] as const satisfies readonly (keyof ExportedDevice)[]

const PAGE = 2000

/**
 * By the primary key, which has its order once the app is given. A device has at most one address of a kind that is sent to;
 * `offset 0` keeps the planner from joining both tables whole.
 */
const readPage = (audience: string) => `
  select d.bucket, d.hwid, d.platform, d.user_id as "userId", a.state, a.opted_out as "isOptedOut",
         d.permission,
         case when $4 then a.address when a.address is not null then '…' || right(a.address, 8) end as "pushToken",
         nullif(a.environment, '') as environment,
         case when $4 then a.keys ->> 'p256dh' end as p256dh, case when $4 then a.keys ->> 'auth' end as auth,
         case when $4 then (a.keys ->> 'expirationTime')::bigint end as "expirationTime",
         c.settings ->> 'publicKey' as "applicationServerKey",
         case when $4 then v.address when v.address is not null then '…' || right(v.address, 8) end as "voipToken",
         nullif(v.environment, '') as "voipEnvironment", d.language, d.timezone_seconds as "timezoneSeconds",
         d.app_version as "appVersion", d.os_version as "osVersion", d.device_model as "deviceModel",
         d.first_seen_at as "firstSeenAt", d.last_seen_at as "lastSeenAt", d.last_open_at as "lastOpenAt",
         jsonb_strip_nulls(d.tags) as tags, nullif(jsonb_strip_nulls(d.record), '{}') as record
    from device d
    left join lateral (
      select x.* from address x
       where x.bucket = d.bucket and x.app_id = d.app_id and x.hwid = d.hwid
         and x.kind = 'alert' and x.state in ('active', 'suspect')
      offset 0) a on true
    left join lateral (
      select x.* from address x
       where x.bucket = d.bucket and x.app_id = d.app_id and x.hwid = d.hwid
         and x.kind = 'voip' and x.state in ('active', 'suspect')
      offset 0) v on true
    left join credential c on c.id = a.credential_id
   where d.app_id = $1 and d.bucket >= $2::smallint and d.bucket < $5::smallint
     and (d.bucket, d.hwid) > ($2::smallint, $3::text) and ${audience}
   order by d.bucket, d.hwid limit ${PAGE}`

export type ExportRow = ExportedDevice & { readonly bucket: number }

export interface ExportPage {
  /** Maybe none: few of a large base may be meant. */
  readonly rows: readonly ExportRow[]
  readonly bucketsDone: number
}

/** In bucket order, to the end of the base. A device that changes meanwhile comes once, as it was at some moment. Throws `ConditionTooSlow`. */
export async function* readExportPages(
  db: Queryable,
  { appId, hasTokens, audience: make }: PagesOptions,
): AsyncGenerator<ExportPage> {
  const audience = make?.(6) ?? { sql: 'true', values: [] }
  const statement = readPage(audience.sql)
  const windows = new BucketWindows()
  let after = { bucket: 0, hwid: '' }
  while (after.bucket < BUCKETS) {
    const { bucket, hwid } = after
    const { until, answer } = await windows.read(bucket, async end =>
      db.query<ExportRow>(statement, [appId, bucket, hwid, hasTokens, end, ...audience.values]),
    )
    const { rows } = answer
    const last = rows.length < PAGE ? undefined : rows.at(-1)
    after = last ?? { bucket: until, hwid: '' }
    yield { rows, bucketsDone: after.bucket }
  }
}

/** How a file of exported devices is written. */
export interface ExportForm {
  /** Before the first device. */
  readonly head: string
  readonly line: (device: ExportRow) => string
}

export function exportForm(format: ExportFormat): ExportForm {
  const { mark, line } = FORMS[format]
  if (line === undefined) return { head: '', line: jsonLine }
  return { head: mark + line(COLUMNS), line: device => line(COLUMNS.map(name => device[name])) }
}

function jsonLine({ bucket: _, ...device }: ExportRow): string {
  const said = Object.entries(device).filter(([, value]) => value !== null)
  return `${JSON.stringify(Object.fromEntries(said))}\n`
}

/** The text of the file, in pieces. */
export async function* exportDevices(
  db: Queryable,
  { format, ...options }: ExportOptions,
): AsyncGenerator<string> {
  const { head, line } = exportForm(format)
  if (head !== '') yield head
  for await (const { rows } of readExportPages(db, options))
    if (rows.length > 0) yield rows.map(line).join('')
}
