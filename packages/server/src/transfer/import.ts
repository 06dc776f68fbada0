/**
 * Imports: rows of a file become devices, block by block. The place in the file moves in the transaction of the rows
 * before it, so whatever ends an import, the next run goes on with the first row that is not stored; none is lost, and
 * none is stored or refused twice. A row that can't be taken is refused with its reason and costs no other row anything.
 *
 * While PostgreSQL stores a block the next one is read, and no more than these two are held.
 */
import {
  type AddressPolicy,
  type ImportRefusal,
  type ImportView,
  type NewImport,
  PushError,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { readPolicy } from '../hygiene/policy.ts'
import type { KnownDevice } from '../registry/bulk/known.ts'
import type { Into } from '../registry/bulk/rows.ts'
import { type PreparedDevices, prepareKnown, storeKnown } from '../registry/bulk/store.ts'
import { codeOf, type Database, type Queryable } from '../store/database.ts'
import { type Block, type Header, readBlocks } from './blocks.ts'
import { type DraftOptions, deviceOf } from './draft.ts'
import { RowFault } from './fields.ts'
import { columnsOf, MAPPINGS } from './mappings/mappings.ts'
import { isOverdue } from './overdue.ts'

/** How its rows are read; two imports of a file that read it differently are two. */
export type ImportSettings = Required<Omit<NewImport, 'asOf' | 'sha256' | 'isAgain'>>

interface ImportRow extends ImportView {
  readonly appId: number
  readonly settings: ImportSettings
  readonly header: Header | null
  /** Of the file, as far as it is stored. */
  readonly lines: number
}

const COLUMNS = `id, app_id as "appId", state, settings, header, byte_offset as "byteOffset", row_count as rows,
  line_count as lines, stored, older, overdue, refused, as_of as "asOf", started_at as "startedAt", finished_at as "finishedAt"`

const INSERT = `
  insert into device_import (id, app_id, sha256, settings, as_of, started_at, updated_at)
  values ($1, $2, $3, $4, $5, $6, $6) returning ${COLUMNS}`

export interface StartImport {
  readonly appId: number
  readonly settings: ImportSettings
  /** ms. */
  readonly asOf: number
  /** Of the whole file, by which a second run finds the first; null when it comes in parts. */
  readonly sha256: Buffer | null
  /** ms. */
  readonly at: number
}

/** Returns the import of the same file, read in the same way, if there is one; `again` begins anew whatever there is. */
export async function startImport(
  db: Database,
  start: StartImport,
  again = false,
): Promise<ImportRow & { readonly isResumed: boolean }> {
  return db.transaction(async tx => {
    await tx.query('select from app where id = $1 for update', [start.appId]) // two at once find the same import
    const found = again || start.sha256 === null ? undefined : await findOfFile(tx, start)
    if (found !== undefined) return { ...found, isResumed: true }
    const { rows } = await tx.query<ImportRow>(INSERT, [
      uuidv7(),
      start.appId,
      start.sha256,
      JSON.stringify(start.settings),
      new Date(start.asOf),
      new Date(start.at),
    ])
    return { ...(rows[0] as ImportRow), isResumed: false }
  })
}

async function findOfFile(db: Queryable, start: StartImport): Promise<ImportRow | undefined> {
  const { rows } = await db.query<ImportRow>(
    `select ${COLUMNS} from device_import where app_id = $1 and sha256 = $2 and settings = $3::jsonb
      order by started_at desc limit 1`,
    [start.appId, start.sha256, JSON.stringify(start.settings)],
  )
  return rows[0]
}

/** Throws `import_unknown`. */
export async function readImport(
  db: Queryable,
  key: { readonly appId: number; readonly id: string },
): Promise<ImportRow> {
  const { rows } = await db.query<ImportRow>(
    `select ${COLUMNS} from device_import where app_id = $1 and id = $2`,
    [key.appId, key.id],
  )
  if (rows[0] === undefined) throw new PushError('import_unknown', `this app has no import ${key.id}`)
  return rows[0]
}

/** What callers are told. */
export function viewOfImport(row: ImportRow): ImportView {
  const { id, state, byteOffset, rows, stored, older, overdue, refused, asOf, startedAt, finishedAt } = row
  const { mapping } = row.settings
  return {
    id,
    mapping,
    state,
    byteOffset,
    rows,
    stored,
    older,
    overdue,
    refused,
    asOf,
    startedAt,
    finishedAt,
  }
}

const IMPORTS_LISTED = 50

/** The newest first. */
export async function listImports(db: Queryable, appId: number): Promise<ImportView[]> {
  const { rows } = await db.query<ImportRow>(
    `select ${COLUMNS} from device_import where app_id = $1 order by started_at desc, id desc limit ${IMPORTS_LISTED}`,
    [appId],
  )
  return rows.map(viewOfImport)
}

export interface RunImport {
  readonly db: Database
  readonly importId: string
  readonly appId: number
  /** The file from the import's `byteOffset` on. */
  readonly source: AsyncIterable<Buffer>
  /** Whether the file ends with it. */
  readonly isFinal: boolean
  readonly allowPrivateEndpoints: boolean
  readonly now: () => number
  /** After each block that is committed. */
  readonly onProgress?: (view: ImportView) => void
}

/**
 * Reads and stores until the source ends, and returns how the import stands then. Throws `import_moved` when another
 * run stores the same import.
 */
export async function runImport(run: RunImport): Promise<ImportView> {
  const { db, appId } = run
  let state = await readImport(db, { appId, id: run.importId })
  const options = await draftOptions(db, {
    appId,
    asOf: Date.parse(state.asOf),
    allowPrivateEndpoints: run.allowPrivateEndpoints,
  })
  const blocks = readBlocks(run.source, {
    format: state.settings.format,
    from: { offset: state.byteOffset, rows: state.rows, lines: state.lines, header: state.header },
    isFinal: run.isFinal,
    columns: columnsOf(state.settings.mapping),
  })
  let storing = Promise.resolve()
  try {
    for await (const block of blocks) {
      const read = readBlock(block, { settings: state.settings, options })
      const prepared = prepareKnown(read.devices.map(it => it.device))
      await storing
      storing = storeBlock(run, state, { ...read, prepared, policy: options.policy }).then(stored => {
        state = stored
        run.onProgress?.(viewOfImport(state))
      })
      storing.catch(() => undefined) // it is awaited above or below
    }
  } catch (error) {
    await storing.catch(() => undefined) // nothing is under way any more when the caller hears of it
    throw error
  }
  await storing
  if (run.isFinal) await finish(run)
  return viewOfImport(await readImport(db, { appId, id: run.importId }))
}

export interface ReadRow {
  readonly row: number
  readonly line: number
  readonly device: KnownDevice
}

export interface ReadBlock {
  readonly block: Block
  readonly devices: readonly ReadRow[]
  readonly refusals: readonly ImportRefusal[]
}

/** Each record as a device to store, or as refused. */
export function readBlock(
  block: Block,
  { settings, options }: { readonly settings: ImportSettings; readonly options: DraftOptions },
): ReadBlock {
  const mapping = MAPPINGS[settings.mapping]
  const devices: ReadRow[] = []
  const refusals: ImportRefusal[] = block.unread.map(it => ({
    ...it,
    code: 'row_malformed',
    field: it.field ?? null,
  }))
  for (const { row, line, fields } of block.records) {
    try {
      devices.push({ row, line, device: deviceOf(mapping(fields, settings), options) })
    } catch (error) {
      if (!(error instanceof PushError)) throw error
      const field = error instanceof RowFault ? error.field : null
      refusals.push({ row, line, field, code: error.code, detail: error.message })
    }
  }
  return { block, devices, refusals }
}

/** The app's VAPID keys are read once; one that is added while an import runs serves the next run. */
export async function draftOptions(
  db: Queryable,
  { appId, asOf, allowPrivateEndpoints }: Pick<DraftOptions, 'appId' | 'asOf' | 'allowPrivateEndpoints'>,
): Promise<DraftOptions> {
  const { rows: apps } = await db.query<{ needed: boolean }>(
    'select needs_permission as needed from app where id = $1',
    [appId],
  )
  const { rows } = await db.query<{ id: string; key: string }>(
    `select id, settings ->> 'publicKey' as key from credential
      where app_id = $1 and gateway = 'webpush' order by created_at, id`,
    [appId],
  )
  const byKey = new Map(rows.map(it => [it.key, it.id]))
  const newest = rows.at(-1)
  if (newest !== undefined) byKey.set('', newest.id)
  return {
    appId,
    asOf,
    allowPrivateEndpoints,
    vapidCredentials: byKey,
    needsPermission: apps[0]?.needed ?? false,
    policy: await readPolicy(db, appId),
  }
}

/** Compare-and-set on the place: of two runs of one import the slower one stores nothing. */
const MOVE_ON = `
  update device_import
     set byte_offset = $3, row_count = $4, header = coalesce(header, $5), stored = stored + $6, older = older + $7,
         refused = refused + $8, updated_at = $9, line_count = $11, overdue = overdue + $12
   where id = $1 and byte_offset = $2 and row_count = $10 and state = 'open'
  returning ${COLUMNS}`

const REFUSE = `
  insert into device_import_refusal (import_id, row_number, line_number, field, code, detail)
  select $1, * from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])`

async function storeBlock(
  run: RunImport,
  before: ImportRow,
  read: ReadBlock & { readonly prepared: PreparedDevices; readonly policy: AddressPolicy },
): Promise<ImportRow> {
  const { block, devices, policy } = read
  const into = { appId: run.appId, now: run.now() }
  return run.db.transaction(async tx => {
    const { stored, older, refusals: unstorable } = await storeRows(tx, into, devices, read.prepared)
    const refusals = [...read.refusals, ...unstorable]
    const { rows } = await tx.query<ImportRow>(MOVE_ON, [
      before.id,
      before.byteOffset,
      block.end.offset,
      block.end.rows,
      block.end.header === null ? null : JSON.stringify(block.end.header),
      stored.length,
      older,
      refusals.length,
      new Date(into.now),
      before.rows,
      block.end.lines,
      stored.filter(({ device }) => isOverdue(device, { policy, now: into.now })).length,
    ])
    if (rows[0] === undefined)
      throw new PushError('import_moved', `import ${before.id} is no longer at byte ${before.byteOffset}`)
    if (refusals.length > 0)
      await tx.query(REFUSE, [
        before.id,
        refusals.map(it => it.row),
        refusals.map(it => it.line),
        refusals.map(it => it.field),
        refusals.map(it => it.code),
        refusals.map(it => it.detail.slice(0, 500)),
      ])
    return rows[0]
  })
}

interface StoredRows {
  readonly stored: readonly ReadRow[]
  readonly older: number
  readonly refusals: readonly ImportRefusal[]
}

/** A block is joined with itself in memory; PostgreSQL's own limit is made for many small statements at once. */
const BEGIN_ROWS = "savepoint rows_of_import; set local work_mem = '64MB'"

/** What the database refuses (a value too large for it) is found by halves and refused alone. */
async function storeRows(
  tx: Queryable,
  into: Into,
  rows: readonly ReadRow[],
  prepared: PreparedDevices = prepareKnown(rows.map(it => it.device)),
): Promise<StoredRows> {
  if (rows.length === 0) return { stored: [], older: 0, refusals: [] }
  await tx.query(BEGIN_ROWS)
  try {
    const results = await storeKnown(tx, into, prepared)
    await tx.query('release savepoint rows_of_import')
    const stored = rows.filter((_, i) => results[i] === 'stored')
    return { stored, older: rows.length - stored.length, refusals: [] }
  } catch (error) {
    if (!/^(2[23]|54)/.test(codeOf(error))) throw error
    await tx.query('rollback to savepoint rows_of_import')
    const [only] = rows
    if (rows.length === 1 && only !== undefined) {
      const { row, line } = only
      return {
        stored: [],
        older: 0,
        refusals: [{ row, line, field: null, code: 'input_invalid', detail: 'the database refuses a value' }],
      }
    }
  }
  const half = Math.ceil(rows.length / 2)
  const first = await storeRows(tx, into, rows.slice(0, half))
  const second = await storeRows(tx, into, rows.slice(half))
  return {
    stored: [...first.stored, ...second.stored],
    older: first.older + second.older,
    refusals: [...first.refusals, ...second.refusals],
  }
}

async function finish({ db, importId, now }: RunImport): Promise<void> {
  await db.query(
    "update device_import set state = 'done', finished_at = $2 where id = $1 and state = 'open'",
    [importId, new Date(now())],
  )
}

const REFUSALS_PER_PAGE = 5000

/** In the order of the file, page by page. */
export async function* readRefusals(
  db: Queryable,
  importId: string,
): AsyncGenerator<readonly ImportRefusal[]> {
  let after = 0
  for (;;) {
    const { rows } = await db.query<ImportRefusal>(
      `select row_number as row, line_number as line, field, code, detail from device_import_refusal
        where import_id = $1 and row_number > $2 order by row_number limit $3`,
      [importId, after, REFUSALS_PER_PAGE],
    )
    if (rows.length > 0) yield rows
    if (rows.length < REFUSALS_PER_PAGE) return
    after = rows.at(-1)?.row ?? after
  }
}
