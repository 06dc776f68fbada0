/**
 * Takes away the rows of apps that were deleted (archive.ts), in steps of thousands, table by table, those first that others refer to
 * last. Nothing is kept of how far it is: what is left says it, so a crash at any place costs the step that was under way.
 *
 * Tables are found by their columns, as for erasures (registry/erase): one that is added with `app_id` is covered. Those that belong to an app by
 * way of another table are listed here; a test asks of each table of the database whether it is known.
 *
 * The row of the app goes last, when what was at a gateway at that moment has long been booked. It is not given to anybody anew: codes are
 * random, and ids are counted.
 */
import { BUCKETS } from '../registry/buckets.ts'
import type { Database, Queryable } from '../store/database.ts'

/** Every server has forgotten the app, and leases of its batches have run out. */
const BEGIN_AFTER_MS = 30_000
/** As with erasures: what was on its way is booked, and what was read is written, long before. */
const END_AFTER_MS = 10 * 60_000
const ROWS_AT_ONCE = 5000
/** Of 1024, a statement: by the key of each, and few enough to end soon where nothing is found. */
const BUCKETS_AT_ONCE = 32

/**
 * The audit log outlives whom it tells of. It has no ids of devices and users, and who deleted what has to be told for a year
 * (access/audit.ts).
 */
const KEPT: ReadonlySet<string> = new Set(['audit_entry'])

/** Of an app by what they refer to. Whatever goes with that by itself (`on delete cascade`) is here, too, or a step would have no bound. */
export const BELONGING: Readonly<Record<string, { readonly column: string; readonly to: string }>> = {
  credential_notice: { column: 'credential_id', to: 'credential' },
  credential_pause: { column: 'credential_id', to: 'credential' },
  credential_proof: { column: 'credential_id', to: 'credential' },
  batch_hold: { column: 'batch_id', to: 'batch' },
  slot_range: { column: 'message_id', to: 'message' },
  variant_receipts: { column: 'message_id', to: 'message' },
  trigger_round: { column: 'trigger_id', to: 'trigger' },
  trigger_tally: { column: 'trigger_id', to: 'trigger' },
  webhook_delivery: { column: 'webhook_id', to: 'webhook' },
  webhook_feed: { column: 'webhook_id', to: 'webhook' },
  device_import_refusal: { column: 'import_id', to: 'device_import' },
  segment_export_part: { column: 'export_id', to: 'segment_export' },
}

export interface Deleted {
  /** Apps of which nothing is left. */
  readonly apps: number
  readonly rows: number
}

/** `at`: ms. Safe to run twice and in several processes at once. */
export async function finishDeletions(
  db: Database,
  at: number,
  isStopped: () => boolean = () => false,
): Promise<Deleted> {
  const { rows: due } = await db.query<{ id: number; isOver: boolean }>(
    'select id, deleted_at <= $2 as "isOver" from app where deleted_at <= $1 order by id',
    [new Date(at - BEGIN_AFTER_MS), new Date(at - END_AFTER_MS)],
  )
  if (due.length === 0) return { apps: 0, rows: 0 }
  const tables = await readTables(db)
  let [apps, rows] = [0, 0]
  for (const { id, isOver } of due) {
    rows += await emptyAll(db, { appId: id, tables, isStopped })
    if (isOver && !isStopped()) apps += await deleteRow(db, id)
  }
  return { apps, rows }
}

async function deleteRow(db: Queryable, id: number): Promise<number> {
  return (await db.query('delete from app where id = $1 and deleted_at is not null', [id])).rowCount
}

interface Emptying {
  readonly appId: number
  readonly tables: readonly Table[]
  readonly isStopped: () => boolean
}

async function emptyAll(db: Queryable, { appId, tables, isStopped }: Emptying): Promise<number> {
  let total = 0
  for (const table of tables) {
    for (const buckets of table.bucket === null ? [[]] : bucketRanges()) {
      const step = stepOf(table)
      const values = table.bucket === null ? [appId] : [appId, buckets]
      for (let rowCount = ROWS_AT_ONCE; rowCount === ROWS_AT_ONCE; total += rowCount) {
        if (isStopped()) return total
        ;({ rowCount } = await db.query(step, values))
      }
    }
  }
  return total
}

/** By the places of the rows: what another process deletes or changes meanwhile is passed over, and found by the next run. */
function stepOf({ quoted, bucket, belongs }: Table): string {
  const which =
    belongs === undefined
      ? `t.app_id = $1${bucket === null ? '' : ` and t.${bucket} = any($2::smallint[])`}`
      : `t.${belongs.column} in (select id from ${belongs.to} where app_id = $1)`
  return `delete from ${quoted}
           where ctid = any(array(select t.ctid from ${quoted} t where ${which} limit ${ROWS_AT_ONCE}))`
}

function bucketRanges(): number[][] {
  return Array.from({ length: BUCKETS / BUCKETS_AT_ONCE }, (_, i) =>
    Array.from({ length: BUCKETS_AT_ONCE }, (_, n) => i * BUCKETS_AT_ONCE + n),
  )
}

interface Table {
  readonly name: string
  readonly quoted: string
  /** What its rows are found by, besides the app: the first column of its key. Null: by the app alone. */
  readonly bucket: string | null
  /** Tables that have to be empty before, for they refer to this one. */
  readonly after: readonly string[]
  readonly belongs?: (typeof BELONGING)[string] | undefined
}

const TABLES = `
  select t.table_name as name, quote_ident(t.table_name) as quoted,
         bool_or(c.column_name = 'app_id') as "hasApp",
         max(c.column_name::text) filter (where c.column_name in ('bucket', 'address_bucket') and exists (
           select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
            where i.indrelid = to_regclass(quote_ident(t.table_name)) and i.indisprimary and a.attname = c.column_name)) as bucket,
         array(select r.relname::text from pg_constraint f join pg_class r on r.oid = f.conrelid
                where f.contype = 'f' and f.confrelid = to_regclass(quote_ident(t.table_name)) and f.conrelid <> f.confrelid) as after
    from information_schema.tables t
    join information_schema.columns c on c.table_schema = t.table_schema and c.table_name = t.table_name
   where t.table_schema = current_schema() and t.table_type = 'BASE TABLE'
   group by t.table_name order by t.table_name`

/** Each behind those that refer to it. */
async function readTables(db: Queryable): Promise<Table[]> {
  const { rows } = await db.query<Table & { readonly hasApp: boolean }>(TABLES)
  const wanted = new Map(
    rows
      .filter(it => !KEPT.has(it.name) && (it.hasApp || it.name in BELONGING))
      .map(it => [it.name, it.hasApp ? it : { ...it, bucket: null, belongs: BELONGING[it.name] }] as const),
  )
  const sorted = new Set<Table>()
  const add = (table: Table): void => {
    for (const name of [...table.after, ...belongingTo(table.name)]) {
      const before = wanted.get(name)
      if (before !== undefined && !sorted.has(before)) add(before)
    }
    sorted.add(table)
  }
  for (const table of wanted.values()) add(table)
  return [...sorted]
}

/** Not every reference is a constraint. */
function belongingTo(name: string): string[] {
  return Object.keys(BELONGING).filter(it => BELONGING[it]?.to === name)
}
