/**
 * Exports of who meets a condition: asked for, written by a job into a zip, read by whoever has the link. The file lies in the
 * database in pieces, so that each server can write it and hand it out, and no process holds more than a piece. A process that
 * dies loses its session's lock; another one writes the file again from its beginning.
 */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { type Condition, type NewSegmentExport, PushError } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { ZipFile } from 'yazl'
import { BUCKETS } from '../registry/buckets.ts'
import { type Database, isDatabaseAway, type Queryable } from '../store/database.ts'
import { type ExportFormat, FORMS } from '../transfer/csv.ts'
import { exportDevices } from '../transfer/export.ts'
import { compileAccepted } from './condition.ts'
import { readScope } from './scope.ts'

const PIECE_BYTES = 1_048_576
/** A file of people's tokens does not lie about for long. */
const EXPIRES_AFTER_MS = 24 * 3_600_000

interface Settings {
  readonly format: ExportFormat
  readonly tokens: 'masked' | 'full'
}

export async function startExport(
  db: Queryable,
  asked: {
    readonly appId: number
    readonly condition: Condition
    readonly settings: NewSegmentExport
    readonly at: number
  },
): Promise<string> {
  const id = uuidv7()
  const settings: Settings = {
    format: asked.settings.format ?? 'csv',
    tokens: asked.settings.tokens ?? 'masked',
  }
  await db.query(
    'insert into segment_export (id, app_id, condition, settings, created_at) values ($1, $2, $3, $4, $5)',
    [id, asked.appId, JSON.stringify(asked.condition), JSON.stringify(settings), new Date(asked.at)],
  )
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
}

const COLUMNS = `id, state, case when state = 'done' then 1 else buckets_done / ${BUCKETS}.0::float8 end as progress, devices,
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

export async function* readFile(db: Queryable, id: string): AsyncGenerator<Buffer> {
  for (let place = 0; ; place++) {
    const { rows } = await db.query<{ bytes: Buffer }>(
      'select bytes from segment_export_part where export_id = $1 and place = $2',
      [id, place],
    )
    if (rows[0] === undefined) return
    yield rows[0].bytes
  }
}

/** Writes all files that were asked for, oldest first; returns how many. Safe in several processes at once. */
export async function runExports(
  db: Database,
  at: number,
  isOver: () => boolean = () => false,
): Promise<number> {
  const { rows } = await db.query<Work>(
    `select e.id, e.app_id as "appId", a.code, e.condition, e.settings
       from segment_export e join app a on a.id = e.app_id
      where e.state in ('waiting', 'running') order by e.created_at, e.id`,
  )
  let count = 0
  for (const work of rows)
    if (!isOver() && (await alone(db, work.id, () => write(db, work, { at, isOver })))) count++
  return count
}

interface Work {
  readonly id: string
  readonly appId: number
  readonly code: string
  readonly condition: Condition
  readonly settings: Settings
}

/** The lock goes with the session, so that it never outlives its process. */
async function alone(db: Database, id: string, work: () => Promise<boolean>): Promise<boolean> {
  const session = await db.connection()
  try {
    const { rows } = await session.query<{ isMine: boolean }>(
      `select pg_try_advisory_lock(hashtextextended($1, 0)) as "isMine"`,
      [`segment_export ${id}`],
    )
    return rows[0]?.isMine === true && (await work())
  } finally {
    session.release()
  }
}

interface Writing {
  readonly at: number
  readonly isOver: () => boolean
}

async function write(db: Database, work: Work, writing: Writing): Promise<boolean> {
  const { rowCount } = await db.query(
    `update segment_export set state = 'running', buckets_done = 0, devices = 0, bytes = 0
      where id = $1 and state in ('waiting', 'running')`,
    [work.id],
  )
  if (rowCount === 0) return false // another process has just done it
  await db.query('delete from segment_export_part where export_id = $1', [work.id])
  try {
    await writeFile(db, work, writing)
    return true
  } catch (error) {
    if (isDatabaseAway(error) || writing.isOver()) throw error // written again by whoever comes next
    await db.query(
      `update segment_export set state = 'failed', finished_at = $2, expires_at = $3, error = $4 where id = $1`,
      [
        work.id,
        new Date(writing.at),
        new Date(writing.at + EXPIRES_AFTER_MS),
        (error instanceof Error ? error.message : String(error)).slice(0, 500),
      ],
    )
    return true
  }
}

async function writeFile(db: Database, work: Work, { at, isOver }: Writing): Promise<void> {
  const name = `export_segment_${work.code}_${Math.floor(at / 1000)}.${FORMS[work.settings.format].ending}`
  const lines = Readable.from(await linesOf(db, work, { at, isOver }), { objectMode: false })
  const zip = new ZipFile()
  zip.addReadStream(lines, name, { mtime: new Date(at) })
  zip.end()
  lines.on('error', error => (zip.outputStream as Readable).destroy(error))
  const bytes = await store(db, work.id, zip.outputStream as Readable)
  if (!lines.closed) await once(lines, 'close')
  await db.query(
    `update segment_export set state = 'done', buckets_done = ${BUCKETS}, bytes = $2, file_name = $3, finished_at = $4, expires_at = $5
      where id = $1`,
    [work.id, bytes, `${name}.zip`, new Date(at), new Date(at + EXPIRES_AFTER_MS)],
  )
}

async function linesOf(
  db: Database,
  { id, appId, condition, settings }: Work,
  { at, isOver }: Writing,
): Promise<AsyncGenerator<string>> {
  const scope = await readScope(db, { appId, condition, at })
  return exportDevices(db, {
    appId,
    format: settings.format,
    hasTokens: settings.tokens === 'full',
    audience: firstParameter => compileAccepted(condition, { firstParameter, scope }),
    onPage: async ({ devices, bucket }) => {
      if (isOver()) throw new Error('the server is stopped')
      await db.query(
        'update segment_export set devices = devices + $2, buckets_done = coalesce($3, buckets_done) where id = $1',
        [id, devices, bucket],
      )
    },
  })
}

async function store(db: Queryable, id: string, file: Readable): Promise<number> {
  let [place, bytes, waiting] = [0, 0, [] as Buffer[]]
  let size = 0
  const flush = async () => {
    await db.query('insert into segment_export_part (export_id, place, bytes) values ($1, $2, $3)', [
      id,
      place++,
      Buffer.concat(waiting),
    ])
    bytes += size
    ;[waiting, size] = [[], 0]
  }
  for await (const chunk of file as AsyncIterable<Buffer>) {
    waiting.push(chunk)
    size += chunk.length
    if (size >= PIECE_BYTES) await flush()
  }
  if (size > 0) await flush()
  return bytes
}

export async function dropExpiredExports(db: Queryable, at: number): Promise<number> {
  return (await db.query('delete from segment_export where expires_at <= $1', [new Date(at)])).rowCount
}
