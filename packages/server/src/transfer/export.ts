/**
 * Exports: all devices of an app in bucket order, page by page, so that memory stays flat at any size. NDJSON and CSV are
 * the form that the mapping "roost" reads back. Tokens are whole only when that was asked for: an export ends up in
 * mailboxes.
 */
import type { TransferFormat } from '@roost/protocol'
import { BUCKETS } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import { csvLine } from './csv.ts'

export interface ExportOptions {
  readonly appId: number
  readonly format: TransferFormat
  /** Whole tokens and keys, instead of the last characters of the token. */
  readonly hasTokens: boolean
}

export interface ExportedDevice {
  readonly hwid: string
  readonly platform: string | null
  readonly userId: string | null
  readonly state: string | null
  readonly pushToken: string | null
  readonly environment: string | null
  readonly p256dh: string | null
  readonly auth: string | null
  readonly applicationServerKey: string | null
  readonly language: string | null
  readonly timezoneSeconds: number | null
  readonly appVersion: string | null
  readonly osVersion: string | null
  readonly deviceModel: string | null
  readonly firstSeenAt: string
  readonly lastSeenAt: string
  readonly lastOpenAt: string | null
  readonly tags: Readonly<Record<string, unknown>>
}

const COLUMNS = [
  'hwid',
  'platform',
  'userId',
  'state',
  'pushToken',
  'environment',
  'p256dh',
  'auth',
  'applicationServerKey',
  'language',
  'timezoneSeconds',
  'appVersion',
  'osVersion',
  'deviceModel',
  'firstSeenAt',
  'lastSeenAt',
  'lastOpenAt',
  'tags',
] as const satisfies readonly (keyof ExportedDevice)[]

const PAGE = 2000

/** In the order of the primary key. A device has at most one address that is sent to. */
const READ_PAGE = `
  select d.bucket, d.hwid, d.platform, d.user_id as "userId", a.state,
         case when $4 then a.address when a.address is not null then '…' || right(a.address, 8) end as "pushToken",
         nullif(a.environment, '') as environment,
         case when $4 then a.keys ->> 'p256dh' end as p256dh, case when $4 then a.keys ->> 'auth' end as auth,
         c.settings ->> 'publicKey' as "applicationServerKey", d.language, d.timezone_seconds as "timezoneSeconds",
         d.app_version as "appVersion", d.os_version as "osVersion", d.device_model as "deviceModel",
         d.first_seen_at as "firstSeenAt", d.last_seen_at as "lastSeenAt", d.last_open_at as "lastOpenAt",
         jsonb_strip_nulls(d.tags) as tags
    from device d
    left join address a on a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = 'alert'
                       and a.state in ('active', 'suspect')
    left join credential c on c.id = a.credential_id
   where d.app_id = $1 and d.bucket = $2 and d.hwid > $3
   order by d.hwid limit ${PAGE}`

/** The text of the file, in pieces. A device that changes meanwhile is in it once, as it was at some moment of the export. */
export async function* exportDevices(db: Queryable, options: ExportOptions): AsyncGenerator<string> {
  const { appId, format, hasTokens } = options
  if (format === 'csv') yield csvLine(COLUMNS)
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    let after = ''
    for (;;) {
      const { rows } = await db.query<ExportedDevice & { bucket: number }>(READ_PAGE, [
        appId,
        bucket,
        after,
        hasTokens,
      ])
      if (rows.length > 0) yield rows.map(row => lineOf(row, format)).join('')
      if (rows.length < PAGE) break
      after = rows.at(-1)?.hwid ?? after
    }
  }
}

function lineOf(
  { bucket: _, ...device }: ExportedDevice & { bucket: number },
  format: TransferFormat,
): string {
  if (format === 'csv') return csvLine(COLUMNS.map(name => device[name]))
  const said = Object.entries(device).filter(([, value]) => value !== null)
  return `${JSON.stringify(Object.fromEntries(said))}\n`
}
