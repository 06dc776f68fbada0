/**
 * Exports of who meets a condition: asked for, written by a job into a zip, read by whoever has the link. The file lies in the
 * database in pieces, so that each server can write it and hand it out, and no process holds more than a piece. A process that
 * dies loses its session's lock; another one writes the file again from its beginning.
 *
 * Whoever is erased leaves the files, too: each page of devices is noted as hashes of whom it names (as inbox/members.ts does),
 * and a file that names somebody is written again. Each writing has a number, and nothing of a former one gets into the file.
 */
import { type Condition, type NewSegmentExport, PushError } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { KEY_BYTES, memberKey } from '../inbox/member-key.ts'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'
import type { Queryable } from '../store/database.ts'
import type { ExportFormat } from '../transfer/csv.ts'
import type { CompatData, CompatFormat } from './compat-export.ts'

/** Of one app. They are written one after the other, so that more would keep those of other apps waiting for hours. */
export const EXPORTS_WAITING_MAX = 100
const ASK_AGAIN_SECONDS = 60

export type FileSettings =
  | { readonly form?: undefined; readonly format: ExportFormat; readonly tokens: 'masked' | 'full' }
  /** As `exportSegment` is documented to write it. */
  | {
      readonly form: 'compat'
      readonly format: CompatFormat
      readonly tokens: 'full'
      /** Absent: all there is. */
      readonly data?: readonly CompatData[]
    }

/** `count`: no file, only how many they are. */
export type Settings = FileSettings | { readonly form: 'count' }

/** Of an export of ours, with what was left out. */
export function settingsOf({ format = 'csv', tokens = 'masked' }: NewSegmentExport): Settings {
  return { format, tokens }
}

/** Throws `rate_limited` when too many of the app are not written yet. */
export async function startExport(
  db: Queryable,
  asked: {
    readonly appId: number
    readonly condition: Condition
    readonly settings: Settings
    readonly at: number
  },
): Promise<string> {
  const id = uuidv7()
  const { rowCount } = await db.query(
    `insert into segment_export (id, app_id, condition, settings, created_at)
     select $1, $2::integer, $3, $4, $5
      where (select count(*) from segment_export
              where app_id = $2::integer and state in ('waiting', 'running')) < ${EXPORTS_WAITING_MAX}`,
    [id, asked.appId, JSON.stringify(asked.condition), JSON.stringify(asked.settings), new Date(asked.at)],
  )
  if (rowCount === 0)
    throw new PushError('rate_limited', `${EXPORTS_WAITING_MAX} exports of this app wait to be written`, {
      retryAfterSeconds: ASK_AGAIN_SECONDS,
    })
  return id
}

export interface StoredExport {
  readonly id: string
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly progress: number
  readonly devices: number
  readonly bytes: number | null
  readonly fileName: string | null
  readonly createdAt: string
  readonly finishedAt: string | null
  readonly expiresAt: string | null
  readonly error: string | null
  /** Which writing of the file it is. */
  readonly run: number
}

const COLUMNS = `id, run, state, case when state = 'done' then 1 else buckets_done / ${BUCKETS}.0::float8 end as progress, devices,
  case when state = 'done' then bytes end as bytes, file_name as "fileName", created_at as "createdAt",
  finished_at as "finishedAt", expires_at as "expiresAt", error`

/** Throws `export_unknown`, also when its link has expired. */
export async function readExport(
  db: Queryable,
  key: { readonly appId: number | null; readonly id: string; readonly at: number },
): Promise<StoredExport> {
  const { rows } = await db.query<StoredExport>(
    `select ${COLUMNS} from segment_export
      where id = $1 and ($2::integer is null or app_id = $2) and coalesce(expires_at > $3, true)`,
    [key.id, key.appId, new Date(key.at)],
  )
  if (rows[0] === undefined)
    throw new PushError('export_unknown', `there is no export ${key.id}, or its link has expired`)
  return rows[0]
}

/** Breaks off when it is written again meanwhile: who reads it has a part of a file, and is to see that. */
export async function* readFile(
  db: Queryable,
  { id, run }: Pick<StoredExport, 'id' | 'run'>,
): AsyncGenerator<Buffer> {
  for (let place = 0; ; place++) {
    const { rows } = await db.query<{ bytes: Buffer | null }>(
      `select p.bytes from segment_export e left join segment_export_part p on p.export_id = e.id and p.place = $3
        where e.id = $1 and e.run = $2 and e.state = 'done'`,
      [id, run, place],
    )
    if (rows[0] === undefined) throw new Error(`export ${id} is written again`)
    if (rows[0].bytes === null) return
    yield rows[0].bytes
  }
}

/** Uses the index segment_export_page_of_app. */
const NAMING = `
  select distinct p.export_id as id from segment_export_page p
   where p.app_id = $1
     and (exists (select from unnest($2::text[], $3::smallint[]) n (hwid, bucket)
                   where n.bucket between p.bucket_from and p.bucket_to
                     and position(${memberKey('p.export_id', 'n.hwid')} in p.hwids) % ${KEY_BYTES} = 1)
       or exists (select from unnest($4::text[]) n (id)
                   where position(${memberKey('p.export_id', 'n.id')} in p.users) % ${KEY_BYTES} = 1))`

/**
 * Files that name one of them are gone at once and are written again without them; their links go on working then.
 * In the caller's transaction; returns how many.
 */
export async function eraseFromExports(
  tx: Queryable,
  names: { readonly appId: number; readonly hwids: readonly string[]; readonly users: readonly string[] },
): Promise<number> {
  const { appId, hwids, users } = names
  const { rows } = await tx.query<{ id: string }>(NAMING, [appId, hwids, hwids.map(bucketOf), users])
  const ids = rows.map(it => it.id).sort()
  if (ids.length === 0) return 0
  await tx.query(
    `update segment_export set state = 'waiting', run = run + 1, buckets_done = 0, devices = 0, bytes = 0, finished_at = null
      where id in (select id from segment_export where id = any($1::uuid[]) order by id for no key update)`,
    [ids],
  )
  await dropPieces(tx, ids)
  return ids.length
}

/** In the caller's transaction. */
export async function dropPieces(tx: Queryable, ids: readonly string[]): Promise<void> {
  await tx.query('delete from segment_export_part where export_id = any($1::uuid[])', [ids])
  await tx.query('delete from segment_export_page where export_id = any($1::uuid[])', [ids])
}

export async function dropExpiredExports(db: Queryable, at: number): Promise<number> {
  return (await db.query('delete from segment_export where expires_at <= $1', [new Date(at)])).rowCount
}
