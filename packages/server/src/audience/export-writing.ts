/**
 * The writing of exports into their zips, piece by piece, by whichever process has the lock of one. See `export.ts` for what becomes of a file.
 */
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { Condition } from '@roost/protocol'
import { ZipFile } from 'yazl'
import { eachApart } from '../apart.ts'
import { KEY_BYTES } from '../inbox/member-key.ts'
import { BUCKETS } from '../registry/buckets.ts'
import { type Database, isDatabaseAway, isTimedOut, type Queryable } from '../store/database.ts'
import { FORMS } from '../transfer/csv.ts'
import { type ExportForm, type ExportPage, exportForm, readExportPages } from '../transfer/export.ts'
import { compatForm } from './compat-export.ts'
import { type CompiledCondition, compileCondition } from './condition.ts'
import { dropPieces, type FileSettings, type Settings } from './export.ts'
import { readScope } from './scope.ts'
import { BucketWindows } from './windows.ts'

const PIECE_BYTES = 1_048_576
/** A file of people's tokens does not lie about for long. */
const EXPIRES_AFTER_MS = 24 * 3_600_000

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
