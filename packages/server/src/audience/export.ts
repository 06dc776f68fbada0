/**
 * Exports of who meets a condition: asked for, written by a job into a zip, read by whoever has the link. The file lies in the
 * database in pieces, so that each server can write it and hand it out, and no process holds more than a piece. A process that
 * dies loses its session's lock; another one writes the file again from its beginning.
 *
 * Whoever is erased leaves the files, too: each page of devices is noted as hashes of whom it names (as inbox/members.ts does),
 * and a file that names somebody is written again. Each writing has a number, and nothing of a former one gets into the file.
 */
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { type Condition, type NewSegmentExport, PushError } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { ZipFile } from 'yazl'
import { eachApart } from '../apart.ts'
import { KEY_BYTES, memberKey } from '../inbox/member-key.ts'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'
import { type Database, isDatabaseAway, isTimedOut, type Queryable } from '../store/database.ts'
import { type ExportFormat, FORMS } from '../transfer/csv.ts'
import { type ExportForm, type ExportPage, exportForm, readExportPages } from '../transfer/export.ts'
import { type CompatData, type CompatFormat, compatForm } from './compat-export.ts'
import { type CompiledCondition, compileCondition } from './condition.ts'
import { readScope } from './scope.ts'
import { BucketWindows } from './windows.ts'

const PIECE_BYTES = 1_048_576
/** A file of people's tokens does not lie about for long. */
const EXPIRES_AFTER_MS = 24 * 3_600_000

/** Of one app. They are written one after the other, so that more would keep those of other apps waiting for hours. */
export const EXPORTS_WAITING_MAX = 100
const ASK_AGAIN_SECONDS = 60

type FileSettings =
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
type Settings = FileSettings | { readonly form: 'count' }

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

/**
 * Writes all files that were asked for, oldest first; returns how many. Safe in several processes at once. One that can't be written holds up
 * no other: what it threw is thrown at the end.
 */
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
  await eachApart(rows, async work => {
    if (!isOver() && (await alone(db, work.id, () => write(db, work, { at, isOver })))) count++
  })
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

/** Somebody who is in the file was erased, or the lock was lost with its session: another writing has begun, or will. */
class WritingOver extends Error {}

async function write(db: Database, work: Work, writing: Writing): Promise<boolean> {
  const run = await beginRun(db, work.id)
  if (run === undefined) return false // another process has just done it
  const { settings } = work
  try {
    if (settings.form === 'count') await writeCount(db, { ...work, run }, writing)
    else await writeFile(db, { ...work, run, settings }, writing)
    return true
  } catch (error) {
    if (error instanceof WritingOver) return false
    if (isPassing(error) || writing.isOver()) throw error // written again by whoever comes next
    await finish(db, { ...work, run }, writing, { state: 'failed', error: wordsOf(error).slice(0, 500) })
    return true
  }
}

/** What met its time limit does so the next time, too, and would be begun for ever. */
function isPassing(error: unknown): boolean {
  return isDatabaseAway(error) && !isTimedOut(error)
}

function wordsOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error)
  return isTimedOut(error)
    ? `the database was given too much, or was busy: ${words}; ask for it again`
    : words
}

async function beginRun(db: Database, id: string): Promise<number | undefined> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<{ run: number }>(
      `update segment_export set state = 'running', run = run + 1, buckets_done = 0, devices = 0, bytes = 0
        where id = $1 and state in ('waiting', 'running') returning run`,
      [id],
    )
    if (rows[0] !== undefined) await dropPieces(tx, [id])
    return rows[0]?.run
  })
}

async function dropPieces(tx: Queryable, ids: readonly string[]): Promise<void> {
  await tx.query('delete from segment_export_part where export_id = any($1::uuid[])', [ids])
  await tx.query('delete from segment_export_page where export_id = any($1::uuid[])', [ids])
}

interface Run extends Omit<Work, 'settings'> {
  readonly run: number
}

interface FileRun extends Run {
  readonly settings: FileSettings
}

interface Ended {
  readonly state: 'done' | 'failed'
  readonly bytes?: number
  readonly fileName?: string
  readonly error?: string
}

/** A link that was given out already ends when it was to end. */
async function finish(db: Queryable, { id, run }: Run, { at }: Writing, ended: Ended): Promise<void> {
  const { rowCount } = await db.query(
    `update segment_export
        set state = $3, buckets_done = case $3 when 'done' then ${BUCKETS} else buckets_done end, bytes = coalesce($4, bytes),
            file_name = $5, error = $6, finished_at = $7, expires_at = coalesce(expires_at, $8)
      where id = $1 and run = $2`,
    [
      id,
      run,
      ended.state,
      ended.bytes ?? null,
      ended.fileName ?? null,
      ended.error ?? null,
      new Date(at),
      new Date(at + EXPIRES_AFTER_MS),
    ],
  )
  if (rowCount === 0) throw new WritingOver()
}

async function writeCount(db: Database, work: Run, writing: Writing): Promise<void> {
  const { appId, condition } = work
  const scope = await readScope(db, { appId, condition, at: writing.at })
  const { sql, values } = compileCondition(condition, { firstParameter: 4, scope })
  const statement = `select count(*) as devices from device d
                      where d.app_id = $1 and d.bucket >= $2 and d.bucket < $3 and ${sql}`
  const windows = new BucketWindows()
  for (let from = 0; from < BUCKETS; ) {
    goOn(writing)
    const { until, answer } = await windows.read(from, async end =>
      db.query<{ devices: number }>(statement, [appId, from, end, ...values]),
    )
    from = until
    await noteProgress(db, work, { devices: answer.rows[0]?.devices ?? 0, bucketsDone: until })
  }
  await finish(db, work, writing, { state: 'done' })
}

/** Throws when the server is stopped. */
function goOn({ isOver }: Writing): void {
  if (isOver()) throw new Error('the server is stopped')
}

async function writeFile(db: Database, work: FileRun, writing: Writing): Promise<void> {
  const { appId, condition, code } = work
  const scope = await readScope(db, { appId, condition, at: writing.at })
  const audience = (firstParameter: number) => compileCondition(condition, { firstParameter, scope })
  const { ending, form } = await formOf(db, { ...work, audience })
  const name = `export_segment_${code}_${Math.floor(writing.at / 1000)}.${ending}`
  const lines = Readable.from(linesOf(db, work, { ...writing, audience, form }), { objectMode: false })
  const zip = new ZipFile()
  zip.addReadStream(lines, name, { mtime: new Date(writing.at) })
  zip.end()
  lines.on('error', error => (zip.outputStream as Readable).destroy(error))
  const bytes = await store(db, work, zip.outputStream as Readable)
  if (!lines.closed) await once(lines, 'close')
  await finish(db, work, writing, { state: 'done', bytes, fileName: `${name}.zip` })
}

async function formOf(
  db: Database,
  { settings, appId, code, audience }: FileRun & Pick<Lines, 'audience'>,
): Promise<{ readonly ending: string; readonly form: ExportForm }> {
  if (settings.form === undefined)
    return { ending: FORMS[settings.format].ending, form: exportForm(settings.format) }
  const { format, data } = settings
  return { ending: format, form: await compatForm(db, { appId, app: code, format, data, audience }) }
}

interface Lines extends Writing {
  readonly audience: (firstParameter: number) => CompiledCondition
  readonly form: ExportForm
}

async function* linesOf(db: Database, work: FileRun, lines: Lines): AsyncGenerator<string> {
  const { head, line } = lines.form
  if (head !== '') yield head
  const options = {
    appId: work.appId,
    hasTokens: work.settings.tokens === 'full',
    audience: lines.audience,
  }
  for await (const page of readExportPages(db, options)) {
    goOn(lines)
    await notePage(db, work, page) // before it is written: who is erased from now on is found
    if (page.rows.length > 0) yield page.rows.map(line).join('')
  }
}

/** Whom the page names, and how far the export is. */
async function notePage(db: Database, work: Run, { rows, bucketsDone }: ExportPage): Promise<void> {
  const { id, appId } = work
  const progress = { devices: rows.length, bucketsDone }
  const last = rows.at(-1)
  if (last === undefined) return noteProgress(db, work, progress)
  await db.transaction(async tx => {
    await noteProgress(tx, work, progress)
    await tx.query(
      `insert into segment_export_page (export_id, app_id, bucket_from, bucket_to, hwids, users)
       values ($1, $2, $3, $4, $5, $6)`,
      [
        id,
        appId,
        rows[0]?.bucket,
        last.bucket,
        Buffer.concat(rows.map(it => keyOf(id, it.hwid))),
        Buffer.concat(rows.map(it => (it.userId === null ? NOBODY : keyOf(id, it.userId)))),
      ],
    )
  })
}

/** Whoever watches sees the whole only when it is done. Throws `WritingOver`. */
async function noteProgress(
  db: Queryable,
  { id, run }: Run,
  { devices, bucketsDone }: { readonly devices: number; readonly bucketsDone: number },
): Promise<void> {
  const { rowCount } = await db.query(
    'update segment_export set devices = devices + $3, buckets_done = $4 where id = $1 and run = $2',
    [id, run, devices, Math.min(bucketsDone, BUCKETS - 1)],
  )
  if (rowCount === 0) throw new WritingOver()
}

const NOBODY = Buffer.alloc(KEY_BYTES)

/** What `memberKey` is in SQL. */
function keyOf(exportId: string, name: string): Buffer {
  return hash('sha256', exportId + name, 'buffer').subarray(0, KEY_BYTES)
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

async function store(db: Database, work: Run, file: Readable): Promise<number> {
  let [place, bytes, waiting] = [0, 0, [] as Buffer[]]
  let size = 0
  const flush = async () => {
    await storePiece(db, work, { place: place++, bytes: Buffer.concat(waiting) })
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

/** Of this writing: the row is locked against the beginning of another one. */
async function storePiece(
  db: Queryable,
  { id, run }: Run,
  piece: { readonly place: number; readonly bytes: Buffer },
): Promise<void> {
  const { rowCount } = await db.query(
    `with mine as (select id from segment_export where id = $1 and run = $2 for share)
     insert into segment_export_part (export_id, place, bytes) select id, $3, $4 from mine`,
    [id, run, piece.place, piece.bytes],
  )
  if (rowCount === 0) throw new WritingOver()
}

export async function dropExpiredExports(db: Queryable, at: number): Promise<number> {
  return (await db.query('delete from segment_export where expires_at <= $1', [new Date(at)])).rowCount
}
