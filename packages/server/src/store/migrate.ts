/**
 * Forward-only migrations: `migrations/NNNN_name.sql`, all under one advisory lock, so any number of processes may start at
 * once, and beside servers of the former version that go on working:
 *
 *   In one transaction with its version row first, as long as nothing else is asked for. A statement that waits for a lock on
 *   a table has everybody behind it wait as well, so it gives up soon, and the whole is tried again after a pause.
 *
 *   With `-- outside a transaction` as its first line: statement by statement, the version row last. For indexes on tables
 *   that may be big: `create index` keeps all writers out until it is built, `create index concurrently` keeps out nobody, and
 *   can't be in a transaction. It may break off at any statement and is then begun anew, so each has to be repeatable; what is
 *   left of an index that was not built to its end counts as there for `if not exists`, and is dropped first.
 *
 * Source: PostgreSQL, "CREATE INDEX", Building Indexes Concurrently; "Explicit Locking", Table-Level Locks.
 */
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { codeOf, type Database, isCollision, type Queryable } from './database.ts'

/** Any number, the same in all versions: it names the lock that migrations run under. */
const MIGRATION_LOCK = 7460_0001
/** Between two looks whether another process has migrated. */
const LOOK_EVERY_MS = 100

/** Beside `src/` and `dist/`, so the same relative path serves both. */
export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../../migrations/', import.meta.url))

const OUTSIDE = /^-- outside a transaction\r?\n/
const CONCURRENT_INDEX = /^create (?:unique )?index concurrently if not exists (\w+) on /

export interface MigrateOptions {
  /**
   * How long a migration waits for a lock, and all that come after it for the migration. Default 2 s: more than the
   * second after which PostgreSQL takes a vacuum out of the way of who waits for it (`deadlock_timeout`).
   */
  readonly lockTimeoutMs?: number
  /** Until it is tried again; those that had to wait are served meanwhile. Default 3 s. */
  readonly pauseMs?: number
  /** Default 200: some 15 minutes, longer than a dump of a table or a report should keep it. */
  readonly tries?: number
  /** Aborted when it shall go no further: the try under way is finished, and the rest is left to the next start. */
  readonly signal?: AbortSignal | undefined
}

export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

export async function readMigrations(directory: string = MIGRATIONS_DIRECTORY): Promise<Migration[]> {
  const files = (await readdir(directory)).filter(file => /^\d{4}_.+\.sql$/.test(file)).sort()
  return Promise.all(
    files.map(async file => ({
      version: Number(file.slice(0, 4)),
      name: file.slice(5, -4),
      sql: await readFile(`${directory}/${file}`, 'utf8'),
    })),
  )
}

/** Brings the schema up to date and returns the migrations that were applied now, oldest first. */
export async function migrate(
  db: Database,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<Migration[]> {
  const session = await db.connection()
  try {
    // A migration takes as long as its tables are big, and so may those that wait for it.
    await session.query('set statement_timeout = 0')
    await lockMigrations(session, options.signal)
    await session.query(
      `create table if not exists schema_version (
         version integer primary key, name text not null, applied_at timestamptz not null default now())`,
    )
    const pending = await pendingOf(session, migrations)
    for (const migration of pending) {
      options.signal?.throwIfAborted()
      await apply(session, migration, options)
    }
    return pending
  } finally {
    session.release() // ends the session and with it the lock
  }
}

/**
 * Asked for again and again: a statement that waits for the lock is one that `create index concurrently` waits for, since it
 * might still look at the table, and both would wait for ever.
 */
async function lockMigrations(session: Queryable, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    const { rows } = await session.query<{ isMine: boolean }>('select pg_try_advisory_lock($1) as "isMine"', [
      MIGRATION_LOCK,
    ])
    if (rows[0]?.isMine) return
    await delay(LOOK_EVERY_MS)
  }
}

async function pendingOf(session: Queryable, migrations: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await session.query<{ version: number }>('select version from schema_version')
  const applied = new Set(rows.map(row => row.version))
  return migrations.filter(migration => !applied.has(migration.version))
}

async function apply(session: Queryable, migration: Migration, options: MigrateOptions): Promise<void> {
  const { lockTimeoutMs = 2000, pauseMs = 3000, tries = 200, signal } = options
  const isOutside = OUTSIDE.test(migration.sql)
  for (let attempt = 1; ; attempt++) {
    try {
      return await (isOutside
        ? applyOutside(session, migration)
        : applyInside(session, migration, lockTimeoutMs))
    } catch (error) {
      if (attempt >= tries || !isInTheWay(error)) throw failureOf(migration, isOutside, error)
    }
    await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    signal?.throwIfAborted()
  }
}

/** "Lock not available", or a circle: somebody works with the table. */
function isInTheWay(error: unknown): boolean {
  return codeOf(error) === '55P03' || isCollision(error)
}

function failureOf({ version, name }: Migration, isOutside: boolean, cause: unknown): Error {
  const left = isOutside ? 'the next start goes on with it' : 'the schema is as before'
  const reason = isInTheWay(cause) ? ': others held a lock on its tables at each try' : ''
  return new Error(`migration ${version} (${name}) failed${reason}; ${left}`, { cause })
}

async function applyInside(session: Queryable, migration: Migration, lockTimeoutMs: number): Promise<void> {
  await session.query('begin')
  try {
    await session.query("select set_config('lock_timeout', $1, true)", [String(lockTimeoutMs)])
    await noteVersion(session, migration)
    await session.query(migration.sql)
    await session.query('commit')
  } catch (error) {
    await session.query('rollback')
    throw error
  }
}

/** Without a limit for locks: what is done concurrently waits for others, and nobody for it. */
async function applyOutside(session: Queryable, migration: Migration): Promise<void> {
  for (const statement of statementsOf(migration.sql)) {
    const index = CONCURRENT_INDEX.exec(statement)?.[1]
    if (index !== undefined) await dropUnfinished(session, index)
    await session.query(statement)
  }
  await noteVersion(session, migration)
}

async function dropUnfinished(session: Queryable, index: string): Promise<void> {
  const { rowCount } = await session.query(
    'select from pg_index where indexrelid = to_regclass($1) and not indisvalid',
    [index],
  )
  if (rowCount > 0) await session.query(`drop index concurrently ${index}`)
}

/** Of our own files: no semicolon is within a statement, and no `--` but of a comment. */
function statementsOf(sql: string): string[] {
  return sql
    .replace(/--.*$/gm, '')
    .split(';')
    .map(it => it.trim().replace(/\s+/g, ' '))
    .filter(it => it !== '')
}

async function noteVersion(session: Queryable, { version, name }: Migration): Promise<void> {
  await session.query('insert into schema_version (version, name) values ($1, $2)', [version, name])
}
